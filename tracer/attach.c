/*
 * attach.c: from running processes to tracees.
 *
 * PTRACE_SEIZE stops nobody, and PTRACE_INTERRUPT no thread that waits in the kernel without being interruptible: such
 * a thread (in state D, or waiting for its vfork child) is "late".  It cannot change the map while it waits; whether it
 * is about to is not known, so what is in the map is read again once it stops.  Source: ptrace(2), "Attaching and
 * detaching".
 */
#include "attach.h"

#include "checkpoint.h"
#include "heap_look.h"
#include "faults.h"
#include "proc.h"
#include "stop.h"
#include "tasks.h"

#include <errno.h>
#include <sys/ptrace.h>
#include <unistd.h>

enum {
    OPTIONS = PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACECLONE | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK |
              PTRACE_O_TRACEEXEC | PTRACE_O_TRACEEXIT,
    QUIET = TRACE_TICKS_PER_SECOND / 50,           /* 20 ms without a stop: those that are left do not stop soon */
    PATIENCE_RUNNING = TRACE_TICKS_PER_SECOND / 2, /* for those that only wait for a CPU */
};

struct attaching {
    struct tracer *tracer;
    pid_t target;     /* process at hand */
    bool any;         /* a thread of it is attached to */
    unsigned found;   /* threads that were new in this round */
    unsigned awaited; /* have not stopped yet */
    bool look;        /* it is time to find out whether */
    bool running;     /* one of them waits for nothing but a CPU, or for us to collect its stop */
};

/* ---- all threads ---- */

static bool is_gone(pid_t tid)
{
    const char state = proc_thread_state(tid);
    return state == 0 || state == 'Z' || state == 'X';
}

static int seize(void *context, pid_t tid)
{
    struct attaching *a = context;
    struct tracee *tracee = tracee_find(&a->tracer->table, tid);
    if (tracee && tracee->target == a->target) {
        a->any = true;
        return 0;
    }
    if (!tracee && ptrace(PTRACE_SEIZE, tid, NULL, (void *)(intptr_t)OPTIONS) < 0) {
        const int error = errno;
        /* It may have been made by a thread that is a tracee already, and stop by itself. */
        if (proc_tracer(tid) == gettid())
            return 0;
        /* A dead leader whose threads live on cannot be traced; neither can the workers of an io_uring. */
        if (is_gone(tid) || a->any)
            return 0;
        return -error;
    }
    if (!tracee)
        ptrace(PTRACE_INTERRUPT, tid, NULL, NULL);
    if (!tracee)
        tracee = tracee_new(&a->tracer->table, tid);
    if (!tracee)
        return -ENOMEM;
    tracee->target = a->target;
    a->any = true;
    a->found++;
    return 0;
}

static bool is_seized(const struct attaching *a, pid_t tid)
{
    const struct tracee *tracee = tracee_find(&a->tracer->table, tid);
    return tracee && tracee->target == a->target;
}

static int seize_waiting(void *context, pid_t tid)
{
    struct attaching *a = context;
    if (tid == a->target || is_seized(a, tid))
        return 0;
    const int64_t number = proc_blocked_in(tid);
    const bool waits = number >= 0 && arch_number_ends_by_stops((uint64_t)number);
    return waits && !proc_has_children(tid) ? seize(a, tid) : 0;
}

static int seize_childless(void *context, pid_t tid)
{
    struct attaching *a = context;
    return tid == a->target || is_seized(a, tid) || proc_has_children(tid) ? 0 : seize(a, tid);
}

static int seize_other(void *context, pid_t tid)
{
    const struct attaching *a = context;
    return tid == a->target ? 0 : seize(context, tid);
}

static void keep(struct tracer *tracer, const struct stop *stop)
{
    struct tracee *tracee = stop_find(tracer, stop);
    if (!tracee)
        tracee = tracee_new(&tracer->table, stop->tid);
    if (!tracee)
        return;
    tracer->stops++;
    if (stop->kind == STOP_GONE) {
        tracee_forget(&tracer->table, tracee);
        return;
    }
    /* At once, in case that we are killed before all stand still. */
    if (stop->kind == STOP_BY_TRACER)
        arch_rerun_interrupted(tracee->tid);
    tracee->first_stop = *stop;
    tracee->has_first_stop = true;
    tracee->stopped_at = recorder_now(tracer->recorder);
}

static void count_awaited(struct tracee *tracee, void *context)
{
    struct attaching *a = context;
    if (!tracee->target || tracee->has_first_stop)
        return;
    a->awaited++;
    if (a->look && !a->running)
        a->running = proc_stops_soon(tracee->tid);
}

/* Until every thread that was asked to stop has, or will not soon. */
static void wait_for_all(struct attaching *a)
{
    struct tracer *tracer = a->tracer;
    struct stop stops[WAIT_BATCH];
    const uint64_t begin = recorder_now(tracer->recorder);
    uint64_t last = begin;
    for (;;) {
        const uint64_t now = recorder_now(tracer->recorder);
        a->awaited = 0;
        a->running = false;
        a->look = now - last > QUIET;
        tracee_each(&tracer->table, count_awaited, a);
        if (!a->awaited || now - begin > PATIENCE_RUNNING || (a->look && !a->running))
            return;
        const int count = wait_for_stops(stops, true);
        if (count < 0)
            return;
        for (int i = 0; i < count; i++)
            keep(tracer, &stops[i]);
        if (count)
            last = recorder_now(tracer->recorder);
    }
}

/* A signal that a process ignores is queued once the thread that it is sent to is a tracee, and may then end a wait of
 * any other of its threads.  A thread that has been asked to stop is safe (arch.h), the others are not yet: so both is
 * done at once for each; those that wait come first, then those that SIGCHLD is not sent to, and those with children
 * and the leader, which gets what others send to the process, last. */
static int seize_all(struct attaching *a, const pid_t *pids, size_t count, pid_t *ret_pid)
{
    a->found = 0;
    for (size_t i = 0; i < count; i++) {
        a->target = *ret_pid = pids[i];
        a->any = false;
        int error = proc_each_thread(pids[i], seize_waiting, a);
        if (!error)
            error = proc_each_thread(pids[i], seize_childless, a);
        if (!error)
            error = proc_each_thread(pids[i], seize_other, a);
        if (!error)
            error = seize(a, pids[i]);
        if (error)
            return error;
        if (!a->any)
            return -ESRCH;
    }
    return 0;
}

/* New threads may come as long as one of the others runs: look again until there is none. */
static int stop_all(struct attaching *a, const pid_t *pids, size_t count, pid_t *ret_pid)
{
    for (size_t i = 0; i < count; i++) {
        *ret_pid = pids[i];
        int error = proc_may_attach(pids[i]);
        if (error)
            return error;
    }
    for (;;) {
        int error = seize_all(a, pids, count, ret_pid);
        if (error || !a->found)
            return error;
        wait_for_all(a);
    }
}

/* ---- baseline ---- */

struct binding {
    struct tracer *tracer;
    pid_t target;
    struct tracee *first; /* through which the process is read: the leader if it lives */
    struct process *process;
    struct space *space;
    unsigned threads;
};

static void find_first(struct tracee *tracee, void *context)
{
    struct binding *b = context;
    if (tracee->target != b->target || tracee->process)
        return;
    /* A stopped thread is better than one that is not, and the leader better than another. */
    if (!b->first || (tracee->has_first_stop && !b->first->has_first_stop) || tracee->tid == b->target)
        b->first = tracee;
}

/* A space that one of the processes before has already. */
static void find_shared(struct tracee *tracee, void *context)
{
    struct binding *b = context;
    if (!b->space && tracee->space && proc_share_memory(b->first->tid, tracee->tid))
        b->space = tracee->space;
}

static void bind(struct tracee *tracee, void *context)
{
    struct binding *b = context;
    if (tracee->target != b->target || tracee->process)
        return;
    tracee_bind(&b->tracer->table, tracee, b->process, b->space);
    b->threads++;
    if (tracee->has_first_stop)
        return;
    /* Like a call that may change mappings at any time. */
    tracee->late = tracee->call.beside = true;
    b->space->beside++;
}

static void tell(struct tracee *tracee, void *context)
{
    struct binding *b = context;
    if (tracee->process == b->process && tracee->tid != b->target)
        tasks_put(b->tracer, tracee, b->target, 0, TASK_THREAD);
}

static void watch(struct tracer *tracer, struct process *process, const struct space *space)
{
    if (process->dir < 0)
        return;
    sampler_take(tracer->recorder, space->id, process->pid, process->dir, 0);
    process->watched = space->id;
    sampler_watch(tracer->sampler, space->id, process->pid, process->dir);
}

/* The process as it is now, all of it stopped.  It may have ended meanwhile: then there is nothing to tell. */
static int take_baseline(struct tracer *tracer, pid_t target, uint32_t flags, unsigned *ret_threads)
{
    struct binding b = {.tracer = tracer, .target = target};
    tracee_each(&tracer->table, find_first, &b);
    if (!b.first)
        return -ESRCH;
    b.process = process_new(&tracer->table, target);
    if (!b.process)
        return -ENOMEM;
    tracee_each(&tracer->table, find_shared, &b);
    const bool shared = b.space != NULL;
    if (!shared)
        b.space = space_new(&tracer->table);
    if (!b.space)
        return -ENOMEM;
    tracee_each(&tracer->table, bind, &b);
    *ret_threads = b.threads;
    if (shared) {
        tasks_put(tracer, b.first, 0, 0, flags);
        tracee_each(&tracer->table, tell, &b);
        return 0;
    }
    /* What was advised or locked before is in no map. */
    b.space->advises_fork = b.space->fork_unsure = true;
    b.space->locks_memory = b.process->dir >= 0 && proc_locks_memory(b.process->dir);
    tasks_begin(tracer, b.first, flags);
    tasks_put_exec(tracer, b.first, 0, b.first->tid, EXEC_ATTACHED);
    int error = checkpoint_take(tracer, b.space, b.first->tid, target, CHECKPOINT_ATTACH);
    if (error)
        tracer_note(tracer, NOTE_READ_FAILED, b.first, (uint64_t)-error, "maps");
    watch(tracer, b.process, b.space);
    tracee_each(&tracer->table, tell, &b);
    return 0;
}

/* ---- going on ---- */

static void put_attach(struct tracer *tracer, pid_t pid, unsigned threads, uint64_t pause)
{
    struct record record = {.kind = REC_ATTACH,
                            .attach = {.time = recorder_now(tracer->recorder),
                                       .pid = (uint32_t)pid,
                                       .own_pid = (uint32_t)proc_own_pid(pid),
                                       .threads = threads,
                                       .pause = pause}};
    recorder_put(tracer->recorder, &record);
}

struct going_on {
    struct tracer *tracer;
    uint64_t first; /* tick of the first stop of all */
};

static void find_earliest(struct tracee *tracee, void *context)
{
    struct going_on *g = context;
    if (tracee->has_first_stop && tracee->stopped_at < g->first)
        g->first = tracee->stopped_at;
}

static void go_on(struct tracee *tracee, void *context)
{
    struct going_on *g = context;
    stop_serve_first(g->tracer, tracee);
}

/* ---- a look into the heaps, and nothing else ---- */

static void look(struct tracee *tracee, void *context)
{
    if (!tracee->space || tracee->late || tracee->space->look_round)
        return;
    tracee->space->look_round = 1;
    heap_look(context, tracee, WALK_LIVE, tracee->space->beside > 0);
}

static void watch_faults(struct tracee *tracee, void *context)
{
    struct tracer *tracer = context;
    faults_watch(tracer->faults, tracee->tid);
}

int attach_all(struct tracer *tracer, const pid_t *pids, size_t count, pid_t *ret_pid)
{
    struct attaching a = {.tracer = tracer};
    struct going_on g = {tracer, UINT64_MAX};
    unsigned threads[TRACER_MAX_TARGETS] = {0};
    signals_tick(true);
    int error = stop_all(&a, pids, count, ret_pid);
    tracee_each(&tracer->table, find_earliest, &g);
    for (size_t i = 0; !error && i < count; i++) {
        *ret_pid = pids[i];
        error = take_baseline(tracer, pids[i], i ? 0 : TASK_FIRST, &threads[i]);
    }
    if (error)
        return error;
    if (tracer->options->only_look)
        tracee_each(&tracer->table, look, tracer);
    tracee_each(&tracer->table, watch_faults, tracer);
    faults_begin(tracer->faults);
    tracee_each(&tracer->table, go_on, &g);
    const uint64_t pause = recorder_now(tracer->recorder) - g.first;
    for (size_t i = 0; i < count; i++)
        put_attach(tracer, pids[i], threads[i], g.first == UINT64_MAX ? 0 : pause);
    return 0;
}
