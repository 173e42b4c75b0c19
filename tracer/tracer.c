/* tracer.c: one run, from launch to the last tracee's end. */
#include "tracer.h"

#include "attach.h"
#include "background.h"
#include "detach.h"
#include "launch.h"
#include "lifecycle.h"
#include "order.h"
#include "proc.h"
#include "state.h"
#include "stop.h"
#include "wait.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#ifndef BRKWATER_VERSION
#define BRKWATER_VERSION "unknown"
#endif

enum {
    TELL_AFTER = TRACE_TICKS_PER_SECOND, /* how long a left-over daemon may take before the user is told */
    IDLE_TICKS = 2,                      /* ticks without a tracee after which there will be none */
    DRAIN_EVERY = 16,                    /* stops served one by one between two looks for more */
};

/* A descriptor a process and a space: as many as we may have. */
static void raise_descriptor_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

static uint64_t read_max_map_count(void)
{
    uint64_t value = 0;
    FILE *f = fopen("/proc/sys/vm/max_map_count", "re");
    if (f) {
        if (fscanf(f, "%20lu", &value) != 1)
            value = 0;
        fclose(f);
    }
    return value;
}

/* argv as one text, each argument followed by NUL; malloc'ed.  Cut at the format's limit. */
static char *join_argv(char **argv, size_t *ret_size)
{
    size_t size = 0;
    for (char **a = argv; *a; a++)
        size += strlen(*a) + 1;
    char *joined = malloc(size ? size : 1), *out = joined;
    for (char **a = argv; joined && *a; a++)
        out = stpcpy(out, *a) + 1;
    *ret_size = size < TRACE_MAX_TEXT ? size : TRACE_MAX_TEXT;
    return joined;
}

static uint32_t header_flags(const struct tracer *tracer)
{
    if (tracer->attached)
        return HEADER_NO_SECCOMP | HEADER_ATTACHED;
    if (tracer->options->no_seccomp)
        return HEADER_NO_SECCOMP;
    return launch_needs_no_new_privs() ? HEADER_NO_NEW_PRIVS : 0u;
}

/* `argv`: arguments, each followed by NUL. */
static void put_header(struct tracer *tracer, struct text argv)
{
    struct utsname system = {0};
    uname(&system);
    char *cwd = getcwd(NULL, 0);
    struct timespec wall;
    clock_gettime(CLOCK_REALTIME, &wall);
    struct record record = {
        .kind = REC_HEADER,
        .header = {.major = TRACE_MAJOR,
                   .minor = TRACE_MINOR,
                   .wall_ns = (uint64_t)wall.tv_sec * 1000000000u + (uint64_t)wall.tv_nsec,
                   .page_size = (uint32_t)sysconf(_SC_PAGESIZE),
                   .clock_ticks = (uint32_t)sysconf(_SC_CLK_TCK),
                   .max_map_count = read_max_map_count(),
                   .sample_interval = tracer->options->sample_interval_ms,
                   .flags = header_flags(tracer),
                   .version = {BRKWATER_VERSION, strlen(BRKWATER_VERSION)},
                   .machine = {system.machine, strlen(system.machine)},
                   .kernel = {system.release, strlen(system.release)},
                   .cwd = {cwd, cwd ? strlen(cwd) : 0},
                   .argv = argv}};
    recorder_put(tracer->recorder, &record);
    free(cwd);
}

/* ---- things that are due now and then ---- */

struct left_over {
    struct tracee *any;
    unsigned processes;
};

static void count_left_over(struct tracee *tracee, void *context)
{
    struct left_over *left = context;
    if (!tracee->process || tracee->tid != tracee->process->pid)
        return;
    left->processes++;
    if (!left->any)
        left->any = tracee;
}

static void tell_who_is_waited_for(struct tracer *tracer)
{
    struct left_over left = {0};
    if (!tracer->options->waiting)
        return;
    tracee_each(&tracer->table, count_left_over, &left);
    if (left.any)
        tracer->options->waiting(tracer->options->context, (uint32_t)left.any->tid, left.any->process->comm,
                                 left.processes);
}

static bool duration_is_over(const struct tracer *tracer, uint64_t now)
{
    double duration = tracer->options->duration;
    return duration > 0 && (double)now >= duration * TRACE_TICKS_PER_SECOND;
}

static void add_size(struct tracee *tracee, void *context)
{
    struct rec_sample *sum = context, own = {0};
    if (!tracee->process || !tracee->space || tracee->process->watched != tracee->space->id ||
        tracee->tid != tracee->process->pid || proc_counters(tracee->process->dir, &own) < 0)
        return;
    sum->resident_pages += own.resident_pages;
    sum->virtual_pages += own.virtual_pages;
}

static bool until_is_reached(struct tracer *tracer)
{
    struct rec_sample sum = {0};
    if (tracer->options->until == UNTIL_NOTHING)
        return false;
    tracee_each(&tracer->table, add_size, &sum);
    const uint64_t pages = tracer->options->until == UNTIL_RESIDENT ? sum.resident_pages : sum.virtual_pages;
    return pages * TRACE_PAGE > tracer->options->until_bytes;
}

/* Why the recording should end now, 0: it should not. */
static enum end_reason reason_to_end(struct tracer *tracer, uint64_t now)
{
    if (duration_is_over(tracer, now))
        return END_DURATION;
    return until_is_reached(tracer) ? END_UNTIL : 0;
}

/* Whether something is under way that a tick must look after. */
static bool needs_ticks(const struct tracer *tracer)
{
    return order_waiting(&tracer->order) || tracer->table.n_unbound || (tracer->command_ended && !tracer->told_at) ||
           !tracer->table.n_tracees || placement_needs_ticks(&tracer->placing) ||
           ((tracer->options->duration > 0 || tracer->options->until) && recorder_active(tracer->recorder));
}

/* True when the user wants an end although tracees are left. */
static bool housekeeping(struct tracer *tracer)
{
    uint64_t now = recorder_now(tracer->recorder);
    int signal = 0;
    bool ending = signals_collect(&tracer->signals, now, &signal);
    bool passing = false;
    /* The terminal's signal may come to us after the command has stopped already, or when there is none any more. */
    if (tracer->command_stopped || tracer->command_ended)
        signals_stop_with_command(&tracer->signals);
    if (!tracer->command_ended) {
        passing = signals_pass_on(&tracer->signals, tracer->command, now);
    } else if (ending && tracer->told_at) {
        return true;
    } else if (!tracer->told_at && (ending || now - tracer->ended_at > TELL_AFTER)) {
        tracer->told_at = now;
        tell_who_is_waited_for(tracer);
    }
    stop_overdue(tracer);
    const enum end_reason reason = recorder_active(tracer->recorder) ? reason_to_end(tracer, now) : 0;
    if (reason)
        recorder_end(tracer->recorder, reason, false, 0, tracer->stops);
    if (recorder_active(tracer->recorder))
        placement_tick(&tracer->placing, now);
    else
        placement_end(&tracer->placing);
    signals_tick(passing || needs_ticks(tracer) || tracer->signals.stop_asked);
    return false;
}

/* The same for processes that were attached to: true when they are to be released.  No signal is passed on to them, and
 * none stops us: they would stand still with us. */
static bool housekeeping_attached(struct tracer *tracer)
{
    const uint64_t now = recorder_now(tracer->recorder);
    int signal = 0;
    if (signals_collect(&tracer->signals, now, &signal))
        tracer->end = END_INTERRUPTED;
    else if (recorder_active(tracer->recorder))
        tracer->end = reason_to_end(tracer, now);
    stop_overdue(tracer);
    signals_tick(needs_ticks(tracer));
    return tracer->end || !recorder_active(tracer->recorder);
}

static void note_command_end(struct tracer *tracer, bool *told)
{
    if (!tracer->command_ended || *told)
        return;
    *told = true;
    if (tracer->options->command_ended && tracer->begun)
        tracer->options->command_ended(tracer->options->context, tracer->command_status);
}

/* The kernel hands out the stop of the first thread in its list, so that busy threads could keep the others waiting for
 * ever: all stops that there are must be collected before they are served.  That costs one more wait, which finds
 * nothing as long as threads stop one at a time; then it is done now and then only. */
static bool should_drain(const struct tracer *tracer, int last_count, unsigned *singles)
{
    *singles = last_count > 1 ? 0 : *singles + 1;
    return tracer->table.n_tracees > 1 && *singles % DRAIN_EVERY == 0;
}

static void serve(struct tracer *tracer, const struct stop *stop, uint64_t collected)
{
    stop_serve(tracer, stop);
    if (tracer->attached)
        tracer->cost.served += recorder_now(tracer->recorder) - collected;
}

/* Serve stops until nobody is left.  True when the user ended it before. */
static bool serve_all(struct tracer *tracer)
{
    struct stop stops[WAIT_BATCH];
    bool told = false;
    unsigned idle = 0, singles = 0;
    int count = 0;
    for (;;) {
        count = wait_for_stops(stops, should_drain(tracer, count, &singles));
        if (count < 0)
            return false;
        const uint64_t collected = recorder_now(tracer->recorder);
        for (int i = 0; i < count; i++)
            serve(tracer, &stops[i], collected);
        note_command_end(tracer, &told);
        if (needs_ticks(tracer))
            signals_tick(true);
        if (!signals_rang())
            continue;
        if (tracer->attached ? housekeeping_attached(tracer) : housekeeping(tracer))
            return true;
        /* Whoever executed us may have left us children of its own, so that there is always something to wait for.  A
         * tracee that nobody has told of yet shows up within a tick. */
        idle = tracer->table.n_tracees ? 0 : idle + 1;
        if (idle > IDLE_TICKS)
            return false;
    }
}

static void free_all(struct tracee *tracee, void *context)
{
    lifecycle_released(context, tracee);
}

static int start(struct tracer *tracer, const struct launch *launch, const char **ret_what)
{
    int error = launch_start(launch, &tracer->command, &tracer->exec_fd, ret_what);
    if (error)
        return error;
    *ret_what = "sampling thread";
    error = sampler_start(tracer->recorder, tracer->options->sample_interval_ms, &tracer->sampler);
    if (!error && !lifecycle_first(tracer, tracer->command))
        error = -ENOMEM;
    if (error) {
        kill(tracer->command, SIGKILL);
        wait_reap(tracer->command);
    }
    return error;
}

static int run(struct tracer *tracer, const struct launch *launch, struct tracer_result *result, const char **ret_what)
{
    recorder_start(tracer->recorder);
    signals_install();
    raise_descriptor_limit();
    size_t size = 0;
    char *joined = join_argv(launch->argv, &size);
    put_header(tracer, (struct text){joined, joined ? size : 0});
    free(joined);
    int error = start(tracer, launch, ret_what);
    if (error)
        return error;
    if (tracer->options->leave_terminal)
        background_leave();
    if (!tracer->options->free_placement)
        placement_start(&tracer->placing, &tracer->table);
    bool interrupted = serve_all(tracer);
    placement_end(&tracer->placing);
    signals_tick(false);
    result->exec_error = launch_exec_error(tracer->exec_fd);
    if (tracer->unable) {
        sampler_stop(tracer->sampler);
        *ret_what = "ptrace(PTRACE_GET_SYSCALL_INFO): Linux 5.3 or later is needed";
        return tracer->unable;
    }
    if (!tracer->begun && !result->exec_error)
        result->exec_error = EINTR; /* killed before it could try */
    result->wait_status = tracer->command_status;
    result->stops = tracer->stops;
    tracee_each(&tracer->table, free_all, tracer);
    sampler_stop(tracer->sampler);
    if (tracer->begun && recorder_active(tracer->recorder))
        recorder_end(tracer->recorder, interrupted ? END_INTERRUPTED : END_EXITED, tracer->command_ended,
                     tracer->command_status, tracer->stops);
    return 0;
}

/* ---- attached ---- */

/* What the thread that traces gets and gives: its end releases whom nothing else could. */
struct attachment {
    struct tracer *tracer;
    const pid_t *pids;
    size_t count;
    pid_t refused;
    int error;
};

static void put_cost(struct tracer *tracer)
{
    struct record record = {.kind = REC_COST, .cost = tracer->cost};
    record.cost.time = recorder_now(tracer->recorder);
    recorder_put(tracer->recorder, &record);
}

static void *trace_attached(void *context)
{
    struct attachment *a = context;
    struct tracer *tracer = a->tracer;
    a->error = attach_all(tracer, a->pids, a->count, &a->refused);
    if (a->error)
        return NULL;
    a->refused = 0;
    tracer->begun = true;
    const bool released = serve_all(tracer);
    if (released)
        detach_all(tracer);
    if (recorder_active(tracer->recorder)) {
        put_cost(tracer);
        recorder_end(tracer->recorder, released ? tracer->end : END_EXITED, false, 0, tracer->stops);
    }
    return NULL;
}

/* In a thread of its own; only there signals are handled, so that they interrupt its wait. */
static int in_thread(struct attachment *a)
{
    pthread_t thread;
    sigset_t all, before;
    int error = pthread_create(&thread, NULL, trace_attached, a);
    if (error)
        return -error;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    pthread_join(thread, NULL);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return a->error;
}

static int run_attached(struct attachment *a, struct tracer_result *result, const char **ret_what)
{
    struct tracer *tracer = a->tracer;
    char argv[4096];
    recorder_start(tracer->recorder);
    signals_install();
    raise_descriptor_limit();
    const int dir = proc_open(a->pids[0]);
    const ssize_t size = dir < 0 ? dir : proc_cmdline(dir, argv, sizeof(argv));
    if (dir >= 0)
        close(dir);
    put_header(tracer, (struct text){argv, size > 0 ? (size_t)size : 0});
    *ret_what = "sampling thread";
    int error = sampler_start(tracer->recorder, tracer->options->sample_interval_ms, &tracer->sampler);
    if (error)
        return error;
    *ret_what = "attach";
    error = in_thread(a);
    signals_tick(false);
    result->refused = a->refused;
    result->stops = tracer->stops;
    tracee_each(&tracer->table, free_all, tracer);
    sampler_stop(tracer->sampler);
    return error;
}

/* The processes that these threads belong to, each once. */
static int find_targets(const pid_t *pids, size_t count, pid_t *targets, size_t *ret_count, pid_t *ret_refused)
{
    *ret_count = 0;
    for (size_t i = 0; i < count; i++) {
        pid_t tgid, parent;
        bool known = false;
        *ret_refused = pids[i];
        if (proc_family(pids[i], &tgid, &parent) < 0)
            return -ESRCH;
        if (tgid == getpid())
            return -EPERM;
        for (size_t j = 0; j < *ret_count; j++)
            known |= targets[j] == tgid;
        if (!known)
            targets[(*ret_count)++] = tgid;
    }
    *ret_refused = 0;
    return 0;
}

/* ---- one run ---- */

static int open_parts(struct tracer *tracer, const char **ret_what)
{
    *ret_what = tracer->options->output;
    int error = recorder_new(tracer->options, &tracer->recorder);
    if (!error && tracer->options->depth) {
        tracer->capture = capture_new(tracer->options, tracer->recorder);
        error = tracer->capture ? 0 : -ENOMEM;
    }
    return error;
}

static void close_parts(struct tracer *tracer, struct tracer_result *result)
{
    recorder_free(tracer->recorder, !tracer->begun, result);
    capture_free(tracer->capture);
    maps_buffer_free(&tracer->maps);
    free(tracer->mappings);
}

int tracer_attach(const struct tracer_options *options, const pid_t *pids, size_t count,
                  struct tracer_result *ret_result, const char **ret_what)
{
    struct tracer tracer = {.options = options, .exec_fd = -1, .attached = true};
    struct tracer_result result = {0};
    pid_t targets[TRACER_MAX_TARGETS];
    struct attachment a = {.tracer = &tracer, .pids = targets};
    int error = find_targets(pids, count, targets, &a.count, &result.refused);
    if (!error) {
        error = open_parts(&tracer, ret_what);
        if (!error)
            error = run_attached(&a, &result, ret_what);
        close_parts(&tracer, &result);
    }
    *ret_result = result;
    return error;
}

int tracer_run(const struct tracer_options *options, char **argv, struct tracer_result *ret_result,
               const char **ret_what)
{
    struct launch_state state;
    struct tracer tracer = {.options = options, .exec_fd = -1};
    struct tracer_result result = {0};
    char *path = NULL;
    int error;

    *ret_what = argv[0];
    error = launch_find(argv[0], &path);
    if (error) {
        ret_result->exec_error = -error;
        return 0;
    }
    error = open_parts(&tracer, ret_what);
    if (!error) {
        launch_save(&state);
        struct launch launch = {.path = path, .argv = argv, .state = &state, .no_seccomp = options->no_seccomp};
        error = run(&tracer, &launch, &result, ret_what);
    }
    close_parts(&tracer, &result);
    if (!error)
        *ret_result = result;
    free(path);
    return error;
}
