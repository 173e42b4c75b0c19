/* loop.c: stop after stop, and in between what is due by time. */
#include "loop.h"

#include "heap_look.h"
#include "faults.h"
#include "order.h"
#include "pause.h"
#include "proc.h"
#include "stop.h"
#include "wait.h"

enum {
    TELL_AFTER = TRACE_TICKS_PER_SECOND, /* how long a left-over daemon may take before the user is told */
    IDLE_TICKS = 2,                      /* ticks without a tracee after which there will be none */
    DRAIN_EVERY = 16,                    /* stops served one by one between two looks for more */
};

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
           ((tracer->options->duration > 0 || tracer->options->until || heap_look_is_coming(tracer)) &&
            recorder_active(tracer->recorder));
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
    if (reason) {
        faults_end(tracer->faults);
        recorder_end(tracer->recorder, reason, false, 0, tracer->stops);
    }
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

/* Nothing that was collected is left to be served. */
static void look_into_heaps(struct tracer *tracer)
{
    if (!heap_look_is_due(tracer, recorder_now(tracer->recorder)))
        return;
    pause_begin(tracer);
    heap_look_all(tracer, pause_is_moving);
    pause_end(tracer);
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

bool loop_run(struct tracer *tracer)
{
    struct stop stops[WAIT_BATCH];
    bool told = false;
    unsigned idle = 0, singles = 0;
    int count = 0;
    for (;;) {
        const bool drains = should_drain(tracer, count, &singles);
        faults_leave(tracer->faults);
        count = wait_for_stops(stops, drains);
        faults_enter(tracer->faults);
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
        look_into_heaps(tracer);
        if (tracer->attached ? housekeeping_attached(tracer) : housekeeping(tracer))
            return true;
        /* Whoever executed us may have left us children of its own, so that there is always something to wait for.  A
         * tracee that nobody has told of yet shows up within a tick. */
        idle = tracer->table.n_tracees ? 0 : idle + 1;
        if (idle > IDLE_TICKS)
            return false;
    }
}
