/*
 * detach.c: from tracees to processes that nobody traces.
 *
 * PTRACE_DETACH needs a stopped tracee, and from most stops it loses something: at a call's exit nobody looks any more
 * whether the call must be run again; before a signal the signal must be passed on.  So all go on, with
 * PTRACE_INTERRUPT, until they stand in the stop that this brings, between two calls (stop.c, resume()), or in a
 * group-stop.  Source: ptrace(2), "Attaching and detaching".
 *
 * A signal that a process ignores is queued as long as the thread that it is sent to is a tracee, and can then end a
 * wait in any other of its threads, which nobody sees if that one has been released.  So the threads of a process are
 * released all together; first those that such signals are sent to: SIGCHLD to the thread that made the child, others
 * to the leader.  Those that wait in such a way are released after the others.
 */
#include "detach.h"

#include "checkpoint.h"
#include "heap_look.h"
#include "lifecycle.h"
#include "proc.h"
#include "stop.h"

#include <sys/ptrace.h>

enum {
    QUIET = TRACE_TICKS_PER_SECOND / 50,    /* 20 ms without a stop: the others are released first */
    PATIENCE = TRACE_TICKS_PER_SECOND / 10, /* 100 ms in all, and more only for those that wait for a CPU */
    /* On a machine with ten times the threads that it has CPUs for.  Who is left behind may see EINTR. */
    PATIENCE_RUNNING = 5 * TRACE_TICKS_PER_SECOND,
};

struct leaving {
    struct tracer *tracer;
    unsigned moving; /* tracees that do not stand still yet */
    bool look;       /* it is time to find out whether */
    bool running;    /* one of them waits for a CPU only, or for us to collect its stop */
};

/* Those that stand in a stop already, and whose turn it is not, come to another one by themselves. */
static void ask(struct tracee *tracee, void *context)
{
    (void)context;
    if (!tracee->held && !tracee->has_first_stop && !tracee->exiting && !(tracee->call.active && tracee->call.running))
        ptrace(PTRACE_INTERRUPT, tracee->tid, NULL, NULL);
}

static void count_moving(struct tracee *tracee, void *context)
{
    struct leaving *l = context;
    if (tracee->still)
        return;
    l->moving++;
    if (l->look && !l->running)
        l->running = proc_stops_soon(tracee->tid);
}

/* ---- the last state ---- */

struct last {
    struct tracer *tracer;
    const struct space *space;
    bool quiet; /* every thread of the space stands still */
};

static void find_moving(struct tracee *tracee, void *context)
{
    struct last *l = context;
    l->quiet &= tracee->space != l->space || tracee->still;
}

static bool is_quiet(struct tracer *tracer, const struct space *space)
{
    struct last l = {tracer, space, true};
    tracee_each(&tracer->table, find_moving, &l);
    return l.quiet && !space->inside && !space->stuck && !space->beside && !space->waiting;
}

static bool is_to_be_told(const struct tracee *tracee)
{
    return tracee->still && tracee->space && !tracee->space->told;
}

static void look(struct tracee *tracee, void *context)
{
    struct tracer *tracer = context;
    struct space *space = tracee->space;
    struct process *process = tracee->process;
    if (!is_to_be_told(tracee))
        return;
    space->told = true;
    sampler_forget(tracer->sampler, space->id);
    sampler_take(tracer->recorder, space->id, process->pid, process->dir, SAMPLE_LAST);
    capture_last_look(tracer->capture, space, tracee->tid);
    if (!tracer->options->only_look)
        heap_look(tracer, tracee, WALK_AT_DETACH, !is_quiet(tracer, space));
    if (!is_quiet(tracer, space) || checkpoint_read_back(tracer, space, tracee->tid, process->pid) < 0 ||
        checkpoint_take(tracer, space, tracee->tid, process->pid, CHECKPOINT_DETACH) < 0)
        tracer_note(tracer, NOTE_NO_EXIT_MAP, tracee, 0, NULL);
    residency_take(tracer->residency, space->id, process->pid, process->dir, RESIDENCY_EXIT);
}

/* A space in which somebody still moves may be quiet later. */
static void look_if_quiet(struct tracee *tracee, void *context)
{
    if (is_to_be_told(tracee) && is_quiet(context, tracee->space))
        look(tracee, context);
}

/* ---- releasing ---- */

struct releasing {
    struct tracer *tracer;
    bool whole_only;   /* processes whose threads all stand still */
    bool gets_signals; /* only threads that do */
    bool waits;        /* even threads that do */
};

static void find_receiver(struct tracee *tracee, void *context)
{
    (void)context;
    tracee->gets_signals =
        tracee->still && ((tracee->process && tracee->process->pid == tracee->tid) || proc_has_children(tracee->tid));
}

static void release(struct tracee *tracee, void *context)
{
    const struct releasing *r = context;
    if (!tracee->still || (r->gets_signals && !tracee->gets_signals) || (tracee->waits && !r->waits))
        return;
    if (r->whole_only && (!tracee->process || tracee->process->moving))
        return;
    ptrace(PTRACE_DETACH, tracee->tid, NULL, NULL);
    lifecycle_released(r->tracer, tracee);
}

static void release_all(struct tracer *tracer, bool whole_only)
{
    struct releasing r = {.tracer = tracer, .whole_only = whole_only};
    tracee_each(&tracer->table, find_receiver, NULL);
    for (int i = 0; i < 4; i++) {
        r.gets_signals = i < 2;
        r.waits = i % 2;
        tracee_each(&tracer->table, release, &r);
    }
}

static void count_thread(struct tracee *tracee, void *context)
{
    (void)context;
    if (tracee->process)
        tracee->process->moving += !tracee->still;
}

static void clear_count(struct tracee *tracee, void *context)
{
    (void)context;
    if (tracee->process)
        tracee->process->moving = 0;
}

/* Those whose threads all stand still: one may be the child that a vfork waits for. */
static void release_whole_processes(struct tracer *tracer)
{
    tracee_each(&tracer->table, clear_count, NULL);
    tracee_each(&tracer->table, count_thread, NULL);
    release_all(tracer, true);
}

/* Serve stops until all stand still, or nobody has stopped for a while. */
static bool come_to_rest(struct leaving *l, uint64_t deadline, uint64_t quiet)
{
    struct tracer *tracer = l->tracer;
    struct stop stops[WAIT_BATCH];
    const uint64_t begin = recorder_now(tracer->recorder);
    uint64_t last = begin;
    for (;;) {
        const uint64_t now = recorder_now(tracer->recorder);
        l->moving = 0;
        l->running = false;
        l->look = now > deadline || now - last > quiet;
        tracee_each(&tracer->table, count_moving, l);
        if (!l->moving)
            return true;
        if (l->look && (!l->running || now > begin + PATIENCE_RUNNING))
            return false;
        const int count = wait_for_stops(stops, true);
        if (count < 0)
            return true;
        for (int i = 0; i < count; i++)
            stop_serve(tracer, &stops[i]);
        stop_overdue(tracer);
        if (count)
            last = recorder_now(tracer->recorder);
    }
}

void detach_all(struct tracer *tracer)
{
    struct leaving l = {.tracer = tracer};
    const uint64_t begin = recorder_now(tracer->recorder);
    tracer->leaving = true;
    signals_tick(true);
    tracee_each(&tracer->table, ask, NULL);
    if (!come_to_rest(&l, begin + PATIENCE, QUIET)) {
        tracee_each(&tracer->table, look_if_quiet, tracer);
        release_whole_processes(tracer);
        come_to_rest(&l, begin + PATIENCE, PATIENCE);
    }
    tracee_each(&tracer->table, look, tracer);
    release_all(tracer, false);
    tracer->cost.left = tracer->table.n_tracees;
    tracer->cost.detach = recorder_now(tracer->recorder) - begin;
    signals_tick(false);
}
