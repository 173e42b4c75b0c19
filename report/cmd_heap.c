/* cmd_heap.c: brkwater heap: what malloc did with the heap, up to a moment. */
#include "heap.h"
#include "heap_live.h"
#include "listing.h"
#include "options.h"
#include "play.h"
#include "verbs.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { OPT_AT = 1, OPT_PID, OPT_JSON, FLUSH_AT = 1 << 16 };

static const struct option options[] = {
    {OPT_AT, 0, "at", "WHEN", "up to this moment: 1.25s, 800ms, #1234, peak, peak-virtual, or end (the default)"},
    {OPT_PID, 'p', "pid", "PID",
     "of this process; else the event's, or the one with most resident memory;\nwithout TRACE: the inside of the heaps "
     "of this process, which runs, as it is now"},
    {OPT_JSON, 0, "json", NULL, "one object: every step, and the sums"},
    {0},
};

struct request {
    const char *path;
    struct when when;
    uint32_t pid;
    bool json;
};

/* One run from the start of the recording to the moment. */
struct telling {
    struct play play;
    struct heaps *heaps;
    struct insides *insides;
    struct heap_view view;
    struct place place;
    struct buffer out;
    size_t column; /* of the series, that is filled */
    uint64_t heap; /* size */
    bool stepped;
};

static void flush(struct telling *t)
{
    fwrite(t->out.data, 1, t->out.size, stdout);
    buffer_clear(&t->out);
}

/* Until now the last size held. */
static void take_series(struct telling *t, uint64_t time)
{
    const uint64_t all = t->place.time ? t->place.time : 1;
    const size_t wanted = time >= all ? HEAP_COLUMNS - 1 : (size_t)(time / (all / HEAP_COLUMNS + 1));
    for (; t->column < wanted && t->column + 1 < HEAP_COLUMNS; t->column++)
        t->view.series[t->column + 1] = t->heap;
}

static void take_size(struct telling *t, uint64_t size)
{
    t->heap = size;
    if (size > t->view.series[t->column])
        t->view.series[t->column] = size;
}

static void take(struct telling *t, const struct moment *m, bool json)
{
    const struct heap_step step = heaps_add(t->heaps, t->play.decoder, m);
    insides_add(t->insides, t->play.decoder, m);
    if (step.act == HEAP_NOTHING || m->space != t->place.space)
        return;
    take_series(t, m->time);
    if (step.act == HEAP_GROWN || step.act == HEAP_TRIMMED)
        take_size(t, step.size);
    if (!json)
        return;
    heap_json_step(&t->out, &t->view, m, &step, !t->stepped);
    t->stepped = true;
    if (t->out.size > FLUSH_AT)
        flush(t);
}

/* From the start on: sums need every event.  A copy of another process begins with its heap. */
static int tell_all(struct telling *t, uint64_t end, bool json)
{
    struct moment moment;
    int more = 1, status = play_go(&t->play, 0);
    t->view.decoder = t->play.decoder;
    if (json)
        heap_json_head(&t->out, &t->view);
    while (!status && t->play.ordinal < end && (more = play_next(&t->play, &moment)) == 1) {
        take(t, &moment, json);
        struct space_info info;
        if (moment.record->kind == REC_TASK && moment.space == t->place.space &&
            decoder_space(t->play.decoder, moment.space, &info))
            take_size(t, info.heap);
    }
    take_series(t, t->place.time);
    return status ? status : more < 0 ? EXIT_TROUBLE : 0;
}

static int write_it(struct telling *t, bool json)
{
    struct heap_thresholds thresholds;
    if (heaps_thresholds(t->heaps, t->place.space, decoder_code(t->play.decoder), &thresholds) < 0)
        return complain(EXIT_TROUBLE, "out of memory");
    t->view.thresholds = &thresholds;
    t->view.inside = insides_last(t->insides, t->place.space);
    if (json)
        heap_json_tail(&t->out, &t->view);
    else
        heap_text(&t->out, &t->view);
    free(thresholds.moves);
    flush(t);
    return fflush(stdout) == 0 ? 0 : complain(EXIT_TROUBLE, "cannot write to standard output");
}

static int tell(struct telling *t, const struct request *r)
{
    struct space_info info;
    int status = when_go(&t->play, &r->when, r->pid, &t->place);
    if (status)
        return status;
    const struct process_info *process = decoder_process(t->play.decoder, t->place.pid);
    if (!t->place.space && process)
        t->place.space = process->space;
    if (!decoder_space(t->play.decoder, t->place.space, &info))
        return complain(EXIT_TROUBLE, "%s: process %u had no address space at that moment", r->path, t->place.pid);
    t->view =
        (struct heap_view){.heaps = t->heaps, .place = &t->place, .utf8 = isatty(STDOUT_FILENO) && listing_is_utf8()};
    status = tell_all(t, t->play.ordinal, r->json);
    return status ? status : write_it(t, r->json);
}

static int heap(const struct request *r)
{
    struct telling *t = calloc(1, sizeof(*t));
    int status = t ? play_open(&t->play, r->path, false) : complain(EXIT_TROUBLE, "out of memory");
    if (status) {
        free(t);
        return status;
    }
    t->heaps = heaps_new();
    t->insides = insides_new();
    status = t->heaps && t->insides ? tell(t, r) : complain(EXIT_TROUBLE, "out of memory");
    if (trace_loss(t->play.trace)->damaged || !trace_keyframes(t->play.trace)) {
        play_all(&t->play);
        play_tell_loss(&t->play);
    }
    heaps_free(t->heaps);
    insides_free(t->insides);
    play_close(&t->play);
    buffer_free(&t->out);
    free(t);
    return status;
}

static int take_option(void *request, int id, const char *value)
{
    struct request *r = request;
    switch (id) {
    case OPT_AT:
        return when_option(value, &r->when);
    case OPT_PID:
        r->pid = parse_pid("--pid", value);
        return r->pid ? 0 : EXIT_USAGE;
    case OPT_JSON:
        r->json = true;
        return 0;
    default:
        return EXIT_USAGE;
    }
}

static int run(int argc, char **argv)
{
    struct parser parser;
    struct request request = {.when = {.kind = WHEN_END}};
    parser_begin(&parser, &verb_heap, argc, argv);
    const int status = parser_take_all(&parser, take_option, &request);
    if (status != OPTION_END)
        return status;
    request.path = parser.trace;
    if (!request.path && request.pid && request.when.kind == WHEN_END)
        return heap_live((pid_t)request.pid, request.json);
    return request.path ? heap(&request) : complain_usage(&verb_heap, "no TRACE was named");
}

const struct verb verb_heap = {
    "heap",
    "TRACE [--at WHEN] [--pid PID] [--json] | -p PID [--json]",
    "what malloc did, and what lies inside of its heaps; also of a running process",
    options,
    run,
};
