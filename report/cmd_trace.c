/* cmd_trace.c: brkwater COMMAND: trace a command, live or into a file. */
#include "html/html.h"
#include "listing.h"
#include "live_names.h"
#include "output.h"
#include "play.h"
#include "refused.h"
#include "summary.h"
#include "units.h"
#include "verbs.h"
#include "when.h"

#include "../tracer/tracer.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    OPT_OUTPUT = 1,
    OPT_HTML,
    OPT_ATTACH,
    OPT_UNTIL,
    OPT_CALLS,
    OPT_CLOCK,
    OPT_RELATIVE,
    OPT_TIME,
    OPT_QUIET,
    OPT_STACKS,
    OPT_DEBUG_DIR,
    OPT_DEBUGINFOD,
    OPT_INTERVAL,
    OPT_CHECKPOINT,
    OPT_DURATION,
    OPT_MAX_SIZE,
    OPT_DEPTH,
    OPT_HEAP_AT,
    OPT_NO_HEAP_WALK,
    OPT_PLACEMENT,
    OPT_NO_SECCOMP,
    OPT_NO_FAULTS,
    OPT_RESIDENCY_AT,
    OPT_RESIDENCY_EVERY,
    OPT_DETACH,
    OPT_FOLLOW,
    OPT_VERSION,
};

static const struct option options[] = {
    {OPT_OUTPUT, 'o', "output", "FILE",
     "record to FILE, quietly; read it with the verbs report, events, layout, verify"},
    {OPT_HTML, 0, "html", "FILE", "write the HTML report to FILE at the end; the recording is kept with -o only"},
    {OPT_ATTACH, 'p', "attach", "PID",
     "trace a running process in place of a command, and let it go at the end as it was;\nmay be repeated"},
    {OPT_CALLS, 'e', "calls", "CALL,...", "which calls the live text prints: mmap,brk  !madvise  %memory  %process"},
    {OPT_CLOCK, 't', NULL, NULL, "time of day before each line; -tt with microseconds, -ttt since the epoch"},
    {OPT_RELATIVE, 'r', NULL, NULL, "seconds since the line before"},
    {OPT_TIME, 'T', NULL, NULL, "time spent in each call (always shown)"},
    {OPT_QUIET, 'q', "quiet", NULL, "no lines about processes, no closing summary"},
    {OPT_STACKS, 'k', "stack-trace", NULL, "in the live text: the call stack below each event"},
    {OPT_DEBUG_DIR, 0, "debug-dir", "DIR", "look for debug files there first, as in /usr/lib/debug; may be repeated"},
    {OPT_DEBUGINFOD, 0, "debuginfod", NULL, "ask the servers of $DEBUGINFOD_URLS for debug files that are missing"},
    {OPT_FOLLOW, 'f', "follow", NULL, "follow children and threads (always done)"},
    {OPT_INTERVAL, 0, "sample-interval", "MS", "time between two samples of the counters, 10 by default; 0: none"},
    {OPT_CHECKPOINT, 0, "checkpoint-every", "N", "compare the replay with the kernel's map after every N layout calls"},
    {OPT_DURATION, 0, "duration", "SECONDS", "stop recording after so long; the process goes on"},
    {OPT_UNTIL, 0, "until", "rss>SIZE",
     "stop recording when resident memory (rss), or address space (virtual), is more than SIZE"},
    {OPT_MAX_SIZE, 0, "max-size", "SIZE", "stop recording when FILE reaches SIZE; the process goes on"},
    {OPT_DEPTH, 0, "depth", "N", "frames of a call stack at most, 128 by default; 0: no stacks"},
    {OPT_HEAP_AT, 0, "heap-at", "WHEN,...",
     "also look into the heaps at these moments: 1.25s, 800ms, #1234;\nit is always done at the end"},
    {OPT_NO_HEAP_WALK, 0, "no-heap-walk", NULL, "never look into the heaps"},
    {OPT_PLACEMENT, 0, "placement", "auto|free",
     "auto (default): while calls come close together, run them on brkwater's own CPU,\nwhere their stops are cheaper; "
     "free: leave all to the kernel"},
    {OPT_NO_FAULTS, 0, "no-faults", NULL,
     "do not look at page faults: by which code memory is touched is not known then"},
    {OPT_RESIDENCY_AT, 0, "residency-at", "WHEN,...",
     "look at all resident pages at these moments too (1.5s, 800ms), beside the end and new\nheights of resident "
     "memory; none: not at all"},
    {OPT_RESIDENCY_EVERY, 0, "residency-every", "SECONDS", "and again and again after so long"},
    {OPT_NO_SECCOMP, 0, "no-seccomp", NULL,
     "stop at every system call instead of using a filter: slow, but programs\nthat enter strict seccomp mode work"},
    {OPT_DETACH, 0, "detach-tracer", NULL,
     "return the command's exit status as soon as it ends, and go on\nrecording what it left behind in the background "
     "(needs -o)"},
    {OPT_VERSION, 'V', "version", NULL, "show the version"},
    {0},
};

/* Everything about one run. */
struct run {
    struct tracer_options tracer;
    struct listing listing;
    bool quiet, detach;
    const char *html;     /* NULL: no report */
    char temporary[4096]; /* the recording, when only the report is wanted; "" else */
    pid_t pids[TRACER_MAX_TARGETS];
    size_t n_pids;
    struct heap_moment looks[TRACER_MAX_LOOKS];
    struct live_names names;
    /* Live text: */
    struct decoder *decoder;
    struct timeline *timeline;
    struct buffer line;
    bool failed;
    /* --detach-tracer: */
    int report;
};

/* ---- live text ---- */

static void write_line(struct buffer *line)
{
    const char *p = line->data;
    size_t left = line->size;
    while (left) {
        ssize_t put = write(STDERR_FILENO, p, left);
        if (put < 0 && errno == EINTR)
            continue;
        /* The command may have made the terminal that it shares with us non-blocking. */
        if (put < 0 && errno == EAGAIN && poll(&(struct pollfd){STDERR_FILENO, POLLOUT, 0}, 1, 1000) > 0)
            continue;
        if (put <= 0)
            return; /* nobody reads: the command goes on all the same */
        p += put;
        left -= (size_t)put;
    }
}

/* A whole line in one write, while the tracee stands still: it never lands in the middle of what the command prints. */
static void live_record(void *context, const struct record *record)
{
    struct run *run = context;
    struct moment moment;
    if (decoder_apply(run->decoder, record, &moment) < 0) {
        run->failed = true;
        return;
    }
    timeline_add(run->timeline, run->decoder, &moment);
    if (record->kind == REC_EVENT && names_event(&run->names, run->decoder, &record->event, run->listing.stacks) < 0)
        run->failed = true;
    buffer_clear(&run->line);
    listing_add(&run->listing, &run->line, run->decoder, &moment);
    if (run->line.size)
        write_line(&run->line);
}

static int begin_live(struct run *run)
{
    run->decoder = decoder_new();
    run->timeline = timeline_new();
    if (!run->decoder || !run->timeline)
        return complain(EXIT_TROUBLE, "%s", strerror(ENOMEM));
    run->tracer.sink = (struct record_sink){live_record, run};
    if (listing_wants_colour(STDERR_FILENO))
        run->listing.style = &event_style_colour;
    return 0;
}

/* ---- told while it runs ---- */

static void tell_waiting(void *context, uint32_t pid, const char *comm, unsigned count)
{
    (void)context;
    if (count > 1)
        complain(0,
                 "the command has ended; waiting for %u processes that it left, among them %u (%s). "
                 "Interrupt now to end them and the recording; --detach-tracer does not wait.",
                 count, pid, comm);
    else
        complain(0,
                 "the command has ended; waiting for process %u (%s) that it left. "
                 "Interrupt now to end it and the recording; --detach-tracer does not wait.",
                 pid, comm);
}

static void tell_ended(void *context, int wait_status)
{
    struct run *run = context;
    if (run->report >= 0)
        tracer_background_report(run->report, wait_status, 0);
    run->report = -1;
}

/* ---- names ---- */

static void take_module(void *context, uint32_t module, int fd, int root)
{
    const struct run *run = context;
    namer_module(run->names.namer, module, fd, root);
}

static void take_perf_map(void *context, uint32_t space, int fd)
{
    const struct run *run = context;
    namer_perf_map(run->names.namer, space, fd);
}

static int begin_names(struct run *run)
{
    if (!run->tracer.depth)
        return 0;
    if (names_begin(&run->names) < 0)
        return complain(EXIT_TROUBLE, "%s", strerror(ENOMEM));
    run->tracer.module = take_module;
    run->tracer.perf_map = take_perf_map;
    return 0;
}

/* ---- the end ---- */

static void summarize(const struct summary *summary)
{
    struct buffer out = {0};
    buffer_char(&out, '\n');
    summary_write(&out, summary);
    write_line(&out);
    buffer_free(&out);
}

/* `name`: how the file is called; NULL: it will not stay. */
static void summarize_file(const char *path, const char *name)
{
    struct play play;
    char loss[512];
    struct stat st;
    if (stat(path, &st) < 0 || !S_ISREG(st.st_mode))
        return; /* a pipe cannot be read again */
    if (play_open(&play, path, true))
        return;
    if (play_all(&play) == 0) {
        struct summary summary = {.decoder = play.decoder,
                                  .timeline = play.timeline,
                                  .trace = name,
                                  .trace_size = trace_size(play.trace),
                                  .loss = play_loss_text(&play, loss, sizeof(loss)) ? loss : NULL,
                                  .utf8 = isatty(STDERR_FILENO) && listing_is_utf8()};
        summarize(&summary);
    }
    play_close(&play);
}

/* Names, and keyframes so that a moment of a long recording is found at once.  BRKWATER_KEYFRAMES=N: about every N
 * events (for tests). */
static void finish_trace(const struct run *run)
{
    const char *text = getenv("BRKWATER_KEYFRAMES");
    const uint64_t every = text ? strtoull(text, NULL, 10) : 0;
    const struct finish_options finish = {
        .every = every ? every : FINISH_EVERY, .max_size = run->tracer.max_size, .namer = run->names.namer};
    int error = trace_finish(run->tracer.output, &finish);
    if (error == -EFBIG)
        complain(0, "%s: --max-size left no room for the names of functions; brkwater symbolize %s adds them.",
                 run->tracer.output, run->tracer.output);
    else if (error)
        complain(0, "%s: no names could be added: %s. The recording is whole; try brkwater symbolize %s.",
                 run->tracer.output, trace_error_text(error), run->tracer.output);
}

/* ---- the HTML report ---- */

/* Where to record when nothing but the report is to stay: beside it, where there is room for it too. */
static int begin_html(struct run *run)
{
    if (!run->html || run->tracer.output)
        return 0;
    if (snprintf(run->temporary, sizeof(run->temporary), "%s.XXXXXX", run->html) >= (int)sizeof(run->temporary))
        return complain(EXIT_TROUBLE, "--html: %s", strerror(ENAMETOOLONG));
    const int fd = mkostemp(run->temporary, O_CLOEXEC);
    if (fd < 0) {
        run->temporary[0] = '\0';
        return complain(EXIT_TROUBLE, "cannot create %s: %s", run->html, strerror(errno));
    }
    close(fd);
    run->tracer.output = run->temporary;
    return 0;
}

static void write_html(const struct run *run)
{
    struct html_options html = html_defaults;
    if (*run->temporary)
        html.shown = "TRACE";
    if (html_write(run->tracer.output, &html, run->html) == 0 && !run->quiet && isatty(STDERR_FILENO))
        fprintf(stderr, "brkwater: report in %s\n", run->html);
}

static void close_run(struct run *run, const struct tracer_result *result)
{
    if (result->record_error)
        complain(0, "%s: %s: recording ended there%s", run->tracer.output, strerror(result->record_error),
                 result->trace_written ? ", what was recorded before can be read" : ", nothing was kept");
    else if (run->tracer.output && !result->trace_written)
        complain(0, "%s: --max-size is too small: nothing was kept", run->tracer.output);
    else if (run->tracer.output)
        finish_trace(run);
    if (run->html && result->trace_written)
        write_html(run);
    if (run->quiet || run->detach)
        return;
    if (!run->tracer.output) {
        if (run->names.namer && namer_all(run->names.namer, decoder_code(run->decoder)) < 0)
            complain(0, "not all names could be found: %s", strerror(ENOMEM));
        struct summary summary = {
            .decoder = run->decoder, .timeline = run->timeline, .utf8 = isatty(STDERR_FILENO) && listing_is_utf8()};
        summarize(&summary);
    } else if (result->trace_written) {
        summarize_file(run->tracer.output, *run->temporary ? NULL : run->tracer.output);
    }
}

/* End as the command ended: with its status, or by the same signal (without a core of ours). */
static int end_like(int wait_status)
{
    if (!WIFSIGNALED(wait_status))
        return WEXITSTATUS(wait_status);
    struct rlimit none = {0, 0};
    int signal_number = WTERMSIG(wait_status);
    sigset_t set;
    fflush(NULL);
    setrlimit(RLIMIT_CORE, &none);
    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    signal(signal_number, SIG_DFL);
    sigemptyset(&set);
    sigaddset(&set, signal_number);
    sigprocmask(SIG_UNBLOCK, &set, NULL);
    raise(signal_number);
    return 128 + signal_number; /* the signal did not end us: say it as a shell would */
}

static int exec_failure(const char *command, int error)
{
    if (error == ENOENT || error == ENOTDIR)
        return complain(EXIT_NOT_FOUND, "%s: command not found", command);
    return complain(EXIT_NOT_EXECUTABLE, "%s: cannot be executed: %s", command, strerror(error));
}

static void end_run(struct run *run)
{
    if (*run->temporary)
        unlink(run->temporary);
    decoder_free(run->decoder);
    timeline_free(run->timeline);
    names_end(&run->names);
    buffer_free(&run->line);
}

static int trace(struct run *run, char **argv)
{
    struct tracer_result result = {0};
    const char *what = NULL;
    int failure = 0, error = tracer_run(&run->tracer, argv, &result, &what);
    if (error)
        failure = what && run->tracer.output && strcmp(what, run->tracer.output) == 0
                      ? complain(EXIT_TROUBLE, "cannot create %s: %s", what, strerror(-error))
                      : complain(EXIT_TROUBLE, "cannot trace: %s: %s", what ? what : "?", strerror(-error));
    else if (result.exec_error)
        failure = exec_failure(argv[0], result.exec_error);
    else
        close_run(run, &result);
    if (run->report >= 0)
        tracer_background_report(run->report, -1, failure ? failure : EXIT_TROUBLE);
    end_run(run);
    return failure ? failure : end_like(result.wait_status);
}

static int attach(struct run *run)
{
    struct tracer_result result = {0};
    const char *what = NULL;
    int failure = 0, error = tracer_attach(&run->tracer, run->pids, run->n_pids, &result, &what);
    if (error && result.refused)
        failure = complain_refused(result.refused, -error);
    else if (error && what && run->tracer.output && strcmp(what, run->tracer.output) == 0)
        failure = complain(EXIT_TROUBLE, "cannot create %s: %s", what, strerror(-error));
    else if (error)
        failure = complain(EXIT_TROUBLE, "cannot trace: %s: %s", what ? what : "?", strerror(-error));
    else
        close_run(run, &result);
    end_run(run);
    return failure;
}

static int trace_in_background(struct run *run, char **argv)
{
    int status = 0, failure = 0;
    int split = tracer_background(&run->report, &status, &failure);
    if (split < 0)
        return complain(EXIT_TROUBLE, "cannot go to the background: %s", strerror(-split));
    if (split > 0)
        return status == -1 ? failure : end_like(status);
    run->tracer.leave_terminal = true;
    trace(run, argv);
    _exit(0);
}

/* ---- options ---- */

static int parse_number(const char *option, const char *text, uint64_t *ret)
{
    char *end;
    errno = 0;
    *ret = strtoull(text, &end, 10);
    if (errno || end == text || *end || *text == '-')
        return complain(EXIT_USAGE, "--%s: '%s' is not a number", option, text);
    return 0;
}

/* "rss>2G" or "virtual>64G". */
static int parse_until(struct run *run, const char *text)
{
    const size_t length = strcspn(text, ">");
    if (length == 3 && memcmp(text, "rss", length) == 0)
        run->tracer.until = UNTIL_RESIDENT;
    else if (length == 7 && memcmp(text, "virtual", length) == 0)
        run->tracer.until = UNTIL_VIRTUAL;
    if (!run->tracer.until || text[length] != '>' || units_parse_size(text + length + 1, &run->tracer.until_bytes))
        return complain(EXIT_USAGE, "--until: '%s' is not a condition (rss>2G, virtual>64G; quote it for the shell)",
                        text);
    return 0;
}

static int by_moment(const void *a, const void *b)
{
    const struct heap_moment *one = a, *two = b;
    return one->value < two->value ? -1 : one->value > two->value;
}

static int parse_looks(struct run *run, const char *text)
{
    char one[32];
    struct when when;
    for (const char *p = text; *p; p += strspn(p, ",")) {
        const size_t length = strcspn(p, ",");
        snprintf(one, sizeof(one), "%.*s", (int)(length < sizeof(one) ? length : sizeof(one) - 1), p);
        p += length;
        if (length >= sizeof(one) || when_parse(one, &when) || when.kind > WHEN_EVENT)
            return complain(EXIT_USAGE, "--heap-at: '%.*s' is no moment: 1.25s, 800ms, #1234", (int)length, p - length);
        if (run->tracer.n_heap_at == TRACER_MAX_LOOKS)
            return complain(EXIT_USAGE, "--heap-at: more than %d moments", TRACER_MAX_LOOKS);
        run->looks[run->tracer.n_heap_at++] =
            (struct heap_moment){.is_event = when.kind == WHEN_EVENT, .value = when.value};
    }
    qsort(run->looks, run->tracer.n_heap_at, sizeof(*run->looks), by_moment);
    run->tracer.heap_at = run->looks;
    return 0;
}

static int by_tick(const void *a, const void *b)
{
    const uint64_t *x = a, *y = b;
    return *x < *y ? -1 : *x > *y;
}

/* "1.5s,800ms", or "none". */
static int parse_moments(struct run *run, const char *text)
{
    struct tracer_options *o = &run->tracer;
    char one[64];
    o->no_residency = strcmp(text, "none") == 0;
    while (!o->no_residency) {
        const size_t length = strcspn(text, ",");
        struct when when;
        snprintf(one, sizeof(one), "%.*s", (int)length, text);
        if (length >= sizeof(one) || when_parse(one, &when) || when.kind != WHEN_TIME)
            return complain(EXIT_USAGE, "--residency-at: '%s' is no time from the start (1.5s, 800ms), nor none", one);
        if (o->n_residency_at == TRACER_MAX_MOMENTS)
            return complain(EXIT_USAGE, "--residency-at: more than %d moments", TRACER_MAX_MOMENTS);
        o->residency_at[o->n_residency_at++] = when.value;
        if (!text[length])
            break;
        text += length + 1;
    }
    qsort(o->residency_at, o->n_residency_at, sizeof(*o->residency_at), by_tick);
    return 0;
}

static int parse_every(struct run *run, const char *text)
{
    char *end;
    const double seconds = strtod(text, &end);
    if (end == text || *end || !(seconds >= 0.1 && seconds <= 1e6))
        return complain(EXIT_USAGE, "--residency-every: '%s' is no number of seconds from 0.1 to 1,000,000", text);
    run->tracer.residency_every = (uint64_t)(seconds * TRACE_TICKS_PER_SECOND);
    return 0;
}

static int add_pid(struct run *run, const char *text)
{
    if (run->n_pids == TRACER_MAX_TARGETS)
        return complain(EXIT_USAGE, "-p: more than %d processes", TRACER_MAX_TARGETS);
    const unsigned pid = parse_pid("-p", text);
    run->pids[run->n_pids++] = (pid_t)pid;
    return pid ? 0 : EXIT_USAGE;
}

static int take_option(struct run *run, int id, const char *value)
{
    uint64_t number = 0;
    switch (id) {
    case OPT_OUTPUT:
        if (strcmp(value, "-") == 0)
            return complain(EXIT_USAGE,
                            "-o: a trace cannot go to standard output, which is the command's; name a FILE");
        run->tracer.output = value;
        return 0;
    case OPT_HTML:
        if (strcmp(value, "-") == 0)
            return complain(EXIT_USAGE, "--html: standard output is the command's; name a FILE");
        run->html = value;
        return 0;
    case OPT_ATTACH:
        return add_pid(run, value);
    case OPT_UNTIL:
        return parse_until(run, value);
    case OPT_CALLS:
        return listing_select(&run->listing, value);
    case OPT_CLOCK:
        listing_more_clock(&run->listing);
        return 0;
    case OPT_RELATIVE:
        run->listing.relative = true;
        return 0;
    case OPT_QUIET:
        run->quiet = run->listing.quiet = true;
        return 0;
    case OPT_STACKS:
        run->listing.stacks = true;
        return 0;
    case OPT_DEBUG_DIR:
        return names_add_dir(&run->names, value);
    case OPT_DEBUGINFOD:
        run->names.options.debuginfod = true;
        return 0;
    case OPT_INTERVAL:
        if (parse_number("sample-interval", value, &number))
            return EXIT_USAGE;
        run->tracer.sample_interval_ms = number > 3600000 ? 3600000 : (unsigned)number;
        return 0;
    case OPT_CHECKPOINT:
        return parse_number("checkpoint-every", value, &run->tracer.checkpoint_every);
    case OPT_DURATION:
        if (units_parse_time(value, &number) || !number)
            return complain(EXIT_USAGE, "--duration: '%s' is not a time (10, 10s, 500ms)", value);
        run->tracer.duration = (double)number / TRACE_TICKS_PER_SECOND;
        return 0;
    case OPT_MAX_SIZE:
        if (units_parse_size(value, &run->tracer.max_size) || !run->tracer.max_size)
            return complain(EXIT_USAGE, "--max-size: '%s' is not a size (512K, 64M, 1G)", value);
        return 0;
    case OPT_DEPTH:
        if (parse_number("depth", value, &number))
            return EXIT_USAGE;
        if (number > TRACE_MAX_STACK)
            return complain(EXIT_USAGE, "--depth: %s is more than %d frames", value, TRACE_MAX_STACK);
        run->tracer.depth = (unsigned)number;
        return 0;
    case OPT_HEAP_AT:
        return parse_looks(run, value);
    case OPT_NO_HEAP_WALK:
        run->tracer.no_heap_walk = true;
        return 0;
    case OPT_PLACEMENT:
        run->tracer.free_placement = strcmp(value, "free") == 0;
        if (!run->tracer.free_placement && strcmp(value, "auto") != 0)
            return complain(EXIT_USAGE, "--placement: '%s' is neither auto nor free", value);
        return 0;
    case OPT_RESIDENCY_AT:
        return parse_moments(run, value);
    case OPT_RESIDENCY_EVERY:
        return parse_every(run, value);
    case OPT_NO_FAULTS:
        run->tracer.no_faults = true;
        return 0;
    case OPT_NO_SECCOMP:
        run->tracer.no_seccomp = true;
        return 0;
    case OPT_DETACH:
        run->detach = true;
        return 0;
    default:
        return 0;
    }
}

static int trace_run(int argc, char **argv)
{
    static struct run run;
    struct parser parser;
    int id;
    run.report = -1;
    listing_init(&run.listing);
    run.tracer = (struct tracer_options){
        .sample_interval_ms = 10, .depth = 128, .waiting = tell_waiting, .command_ended = tell_ended, .context = &run};
    parser_begin(&parser, &verb_trace, argc, argv);
    parser.stop_at_operand = true;
    while ((id = parser_next(&parser)) != OPTION_END) {
        if (id == OPT_VERSION) {
            printf("brkwater " BRKWATER_VERSION "\n");
            return 0;
        }
        if (id == OPTION_HELP) {
            options_help(&verb_trace);
            return 0;
        }
        if (id == OPTION_WRONG || take_option(&run, id, parser.value))
            return EXIT_USAGE;
    }
    if (run.n_pids && parser.at < argc)
        return complain_usage(&verb_trace, "either -p PID or a COMMAND, not both");
    if (!run.n_pids && parser.at >= argc)
        return complain_usage(&verb_trace, "no COMMAND was named");
    if (run.n_pids && run.detach)
        return complain(EXIT_USAGE, "--detach-tracer is for a command; a process that -p names goes on by itself");
    if (run.detach && !run.tracer.output && !run.html)
        return complain(EXIT_USAGE, "--detach-tracer needs -o FILE: live text would have nowhere to go");
    if (run.tracer.max_size && !run.tracer.output && !run.html)
        return complain(EXIT_USAGE, "--max-size needs -o FILE");
    int status = run.html && run.tracer.output ? output_check("--html", run.html, run.tracer.output) : 0;
    if (!status)
        status = begin_html(&run);
    if (!status)
        status = begin_names(&run);
    if (!status && !run.tracer.output)
        status = begin_live(&run);
    if (status)
        return status;
    if (run.tracer.output && !*run.temporary && !run.quiet && isatty(STDERR_FILENO))
        fprintf(stderr, "brkwater: recording to %s\n", run.tracer.output);
    if (run.n_pids)
        return attach(&run);
    return run.detach ? trace_in_background(&run, argv + parser.at) : trace(&run, argv + parser.at);
}

const struct verb verb_trace = {
    "",
    "[OPTIONS] [--] COMMAND [ARG]... | -p PID...",
    "trace a command or running processes, with what they start",
    options,
    trace_run,
};
