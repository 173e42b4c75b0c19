/*
 * stop.c: what to do at each kind of stop.
 *
 * Any ptrace call may fail with ESRCH because the tracee was killed meanwhile: that is no error, its end will be waited
 * for.
 */
#include "stop.h"

#include "checkpoint.h"
#include "event.h"
#include "heap_look.h"
#include "faults.h"
#include "lifecycle.h"
#include "order.h"
#include "proc.h"

#include <errno.h>
#include <signal.h>
#include <sys/ptrace.h>

static void resume(struct tracer *tracer, struct tracee *tracee, int signal)
{
    bool wants_exit = tracee->call.active && tracee->call.running;
    bool every_call = (tracer->options->no_seccomp || tracer->attached) && !tracee->exiting && !tracer->leaving;
    bool syscalls = wants_exit || every_call;
    /* Any stop clears a request to stop that came before it: ask again. */
    if ((tracer->leaving || tracer->pausing) && !wants_exit && !tracee->exiting)
        ptrace(PTRACE_INTERRUPT, tracee->tid, NULL, NULL);
    ptrace(syscalls ? PTRACE_SYSCALL : PTRACE_CONT, tracee->tid, NULL, (void *)(intptr_t)signal);
}

/* Memory that grows down comes without a call.  A call that cuts into what may have grown would leave nobody able to
 * tell afterwards. */
static bool cuts_into_growth(const struct tracee *tracee)
{
    const struct space *space = tracee->space;
    const uint64_t *args = tracee->call.args.args;
    const uint64_t reach = (uint64_t)128 << 20; /* the kernel keeps at least this gap below the main stack free */
    if (space->grows_down)
        return true;
    switch (call_info(tracee->call.args.call)->effect) {
    case EFFECT_MAP:
    case EFFECT_UNMAP:
    case EFFECT_PROTECT:
    case EFFECT_REMAP: /* all have address and length first */
        return args[0] < space->stack_start && args[0] + args[1] > space->stack_start - reach;
    default:
        return false;
    }
}

static void let_in(struct tracer *tracer, struct tracee *tracee)
{
    struct space *space = tracee->space;
    if (tracee->call.exclusive && order_alone(tracee) && cuts_into_growth(tracee) &&
        checkpoint_read_back(tracer, space, tracee->tid, tracee->process->pid) == 0)
        checkpoint_take(tracer, space, tracee->tid, tracee->process->pid, CHECKPOINT_EVERY);
    faults_before_call(tracer->faults, tracee);
    if (!tracee->call.exclusive)
        order_pass(tracee);
    heap_look_before(tracer, tracee);
    event_enter(tracer, tracee);
    resume(tracer, tracee, 0);
}

/* The tracee's layout call no longer changes anything: take the checkpoint that is due, then let the next one in. */
static void leave_order(struct tracer *tracer, struct tracee *tracee)
{
    if (!tracee->call.exclusive)
        return;
    tracee->call.exclusive = false;
    struct space *space = tracee->space;
    space->layout_calls++;
    if (order_alone(tracee))
        checkpoint_if_due(tracer, space, tracee->tid, tracee->process->pid);
    struct tracee *next = order_leave(&tracer->order, tracee, recorder_now(tracer->recorder));
    if (next)
        let_in(tracer, next);
}

/* ---- calls ---- */

/* Masks are put back before anything more can be seen of the end of the recording. */
static void place(struct tracer *tracer, struct tracee *tracee, enum call call)
{
    if (!recorder_active(tracer->recorder))
        placement_end(&tracer->placing);
    else if (tracer->begun && call != CALL_NONE)
        placement_entry(&tracer->placing, tracee, call, recorder_now(tracer->recorder));
}

/* ---- calls that are not recorded, without a filter ---- */

static void enter_foreign(struct tracer *tracer, struct tracee *tracee, const struct syscall_info *info)
{
    tracee->foreign = true;
    tracee->waits = arch_ends_by_stops(info);
    tracer->cost.foreign++;
}

/* Nothing is asked at its exit, unless the call may have failed because the thread was woken for us, or for a signal
 * that is queued only where somebody traces.  In the stop that is brought about then it is seen to (arch.h). */
static void leave_foreign(struct tracer *tracer, struct tracee *tracee)
{
    tracee->foreign = false;
    tracer->cost.foreign++;
    if (tracee->waits && arch_is_interrupted(tracee->tid))
        ptrace(PTRACE_INTERRUPT, tracee->tid, NULL, NULL);
    resume(tracer, tracee, 0);
}

static void serve_entry(struct tracer *tracer, struct tracee *tracee, const struct syscall_info *info,
                        const struct unwind_registers *registers)
{
    enum call call = call_lookup(info->abi, info->number, info->args);
    place(tracer, tracee, call);
    if (call == CALL_NONE || !tracee->space || (!tracer->begun && call_info(call)->effect != EFFECT_EXEC) ||
        !recorder_active(tracer->recorder)) {
        if (tracer->attached)
            enter_foreign(tracer, tracee, info);
        resume(tracer, tracee, 0);
        return;
    }
    event_begin(tracer, tracee, call, info, registers);
    if (call_info(call)->flags & CALL_NO_RETURN) {
        event_enter(tracer, tracee);
        event_without_result(tracer, tracee, EVENT_NO_RESULT);
        call_clear(&tracee->call);
        resume(tracer, tracee, 0);
        return;
    }
    if (call_info(call)->effect == EFFECT_EXEC && tracer->begun && tracee->space->users == 1) {
        checkpoint_read_back(tracer, tracee->space, tracee->tid, tracee->process->pid);
        checkpoint_take(tracer, tracee->space, tracee->tid, tracee->process->pid, CHECKPOINT_BEFORE_EXEC);
    }
    if (event_is_exclusive(&tracee->call)) {
        tracee->call.exclusive = true;
        if (!order_enter(&tracer->order, tracee, recorder_now(tracer->recorder)))
            return;
    }
    let_in(tracer, tracee);
}

static void serve_exit(struct tracer *tracer, struct tracee *tracee, const struct syscall_info *info)
{
    order_passed(tracee);
    if (tracee->call.untraced_cleared)
        arch_restore_untraced(tracee->tid, tracee->call.args.abi);
    if (event_restarts(info)) {
        /* Interrupted, it may have done a part of its work: mremap(2) shrinks and clears its target before it moves. */
        if (tracee->call.exclusive && (call_info(tracee->call.args.call)->flags & CALL_PARTIAL))
            event_leaves_unknown(tracer, tracee);
        leave_order(tracer, tracee);
        event_keep_for_restart(tracee);
    } else {
        /* Before the command was executed nothing is recorded, and a failed exec is told by the command itself. */
        if (tracer->begun) {
            event_finish(tracer, tracee, info);
            heap_look_after(tracer, tracee);
        }
        leave_order(tracer, tracee);
        call_clear(&tracee->call);
    }
    resume(tracer, tracee, 0);
    placement_exit(&tracer->placing, tracee, recorder_now(tracer->recorder));
}

static void serve_syscall(struct tracer *tracer, struct tracee *tracee, enum stop_kind kind)
{
    struct syscall_info info;
    struct unwind_registers registers;
    if (tracee->foreign) {
        leave_foreign(tracer, tracee);
        return;
    }
    /* Where a stack will be taken, one request does for both. */
    const bool with_registers = kind == STOP_SECCOMP && tracer->begun && tracer->capture;
    int error = with_registers ? arch_entry(tracee->tid, &info, &registers) : arch_syscall_info(tracee->tid, &info);
    if (error) {
        if (error != -ESRCH && !tracer->begun) {
            tracer->unable = error;
            kill(tracee->tid, SIGKILL);
        }
        return; /* killed, by others or now */
    }
    if (info.stop == SYSCALL_ENTRY)
        serve_entry(tracer, tracee, &info, with_registers ? &registers : NULL);
    else if (info.stop == SYSCALL_EXIT && tracee->call.active && tracee->call.running)
        serve_exit(tracer, tracee, &info);
    else
        resume(tracer, tracee, 0);
}

/* ---- other stops ---- */

static void serve_signal(struct tracer *tracer, struct tracee *tracee, int signal)
{
    if (tracee->process->pid == tracer->command) {
        siginfo_t info;
        uint64_t now = recorder_now(tracer->recorder);
        signals_delivered(&tracer->signals, signal, now);
        /* A stop by the terminal (si_code above 0), or by the command itself once it has put the terminal in order,
         * must be seen by the shell.  One that somebody else asked for is only the command's. */
        if (signals_stops(signal) && ptrace(PTRACE_GETSIGINFO, tracee->tid, NULL, &info) == 0 &&
            (info.si_code > 0 || info.si_pid == tracee->process->pid))
            signals_ask_stop(&tracer->signals, now);
    }
    /* A signal that does nothing is not even queued where nobody traces. */
    if (proc_ignores_signal(tracee->tid, signal))
        arch_rerun_interrupted(tracee->tid);
    resume(tracer, tracee, signal);
}

static void serve_group_stop(struct tracer *tracer, struct tracee *tracee)
{
    if (tracer->leaving || tracer->pausing) {
        tracee->still = true;
        tracee->in_group_stop = true;
        return;
    }
    ptrace(PTRACE_LISTEN, tracee->tid, NULL, NULL);
    if (tracee->process->pid != tracer->command)
        return;
    tracer->command_stopped = true;
    signals_stop_with_command(&tracer->signals);
}

/* The tracee is dying inside its call, or while it waits for its turn. */
static void abandon_call(struct tracer *tracer, struct tracee *tracee)
{
    order_passed(tracee);
    tracee->died_in_exec =
        tracee->call.active && tracee->call.running && call_info(tracee->call.args.call)->effect == EFFECT_EXEC;
    if (tracee->held) {
        order_forget(&tracer->order, tracee);
        tracee->call.exclusive = false;
    } else if (tracee->call.active && tracee->call.running && tracee->space) {
        if (tracer->begun)
            event_without_result(tracer, tracee, EVENT_UNFINISHED);
        leave_order(tracer, tracee);
    }
    call_clear(&tracee->call);
}

static void serve_new_child(struct tracer *tracer, struct tracee *parent, pid_t tid)
{
    placement_new_child(&tracer->placing, parent, tid);
    struct tracee *child = lifecycle_new_child(tracer, parent, tid);
    /* The copy is made: others may change the original again while a vfork-like parent waits for its child. */
    leave_order(tracer, parent);
    resume(tracer, parent, 0);
    if (child)
        stop_serve_first(tracer, child);
}

/* The first stop of a thread that could not be stopped when its process was attached to: it may have been in a call. */
static void catch_up(struct tracee *tracee)
{
    tracee->late = false;
    order_passed(tracee);
    if (tracee->space)
        spans_add(&tracee->space->unknown, (struct span){0, UINT64_MAX});
}

static void serve_stop_by_tracer(struct tracer *tracer, struct tracee *tracee)
{
    if (tracee->process->pid == tracer->command)
        tracer->command_stopped = false;
    if (tracee->restore_clone) {
        tracee->restore_clone = false;
        arch_restore_untraced(tracee->tid, tracee->clone_abi);
    }
    const bool reruns = (tracer->attached || tracer->pausing) && arch_rerun_interrupted(tracee->tid) == 1;
    tracee->waits = reruns;
    tracee->in_group_stop = false;
    if (tracer->leaving || tracer->pausing)
        tracee->still = true;
    else
        resume(tracer, tracee, 0);
}

void stop_go_on(struct tracer *tracer, struct tracee *tracee)
{
    tracee->still = false;
    if (tracee->in_group_stop)
        serve_group_stop(tracer, tracee);
    else
        resume(tracer, tracee, 0);
}

static void serve_bound(struct tracer *tracer, struct tracee *tracee, const struct stop *stop)
{
    if (tracee->late)
        catch_up(tracee);
    switch (stop->kind) {
    case STOP_SECCOMP:
    case STOP_SYSCALL:
        serve_syscall(tracer, tracee, stop->kind);
        return;
    case STOP_NEW_CHILD:
        serve_new_child(tracer, tracee, (pid_t)stop->message);
        return;
    case STOP_EXEC:
        lifecycle_exec(tracer, tracee);
        resume(tracer, tracee, 0);
        return;
    case STOP_EXITING:
        abandon_call(tracer, tracee);
        event_give_up_restart(tracer, tracee);
        lifecycle_exiting(tracer, tracee);
        resume(tracer, tracee, 0);
        return;
    case STOP_GROUP:
        serve_group_stop(tracer, tracee);
        return;
    case STOP_SIGNAL:
        serve_signal(tracer, tracee, stop->signal);
        return;
    case STOP_BY_TRACER:
        serve_stop_by_tracer(tracer, tracee);
        return;
    case STOP_GONE:
        abandon_call(tracer, tracee);
        lifecycle_gone(tracer, tracee, stop->status);
        return;
    }
}

/* execve from a thread that is not the leader: the stop comes under the leader's tid, but the thread is another. */
struct tracee *stop_find(struct tracer *tracer, const struct stop *stop)
{
    if (stop->kind == STOP_EXEC && stop->message && (pid_t)stop->message != stop->tid) {
        struct tracee *former = tracee_find(&tracer->table, (pid_t)stop->message);
        if (former && (former->process || former->target))
            return lifecycle_take_leader(tracer, former, stop->tid);
    }
    return tracee_find(&tracer->table, stop->tid);
}

void stop_serve(struct tracer *tracer, const struct stop *stop)
{
    tracer->stops++;
    struct tracee *tracee = stop_find(tracer, stop);
    if (!tracee)
        tracee = tracee_new(&tracer->table, stop->tid);
    if (!tracee)
        return;
    if (tracee->process) {
        serve_bound(tracer, tracee, stop);
    } else {
        /* Its parent's stop, which tells whose it is, is still to come. */
        tracee->first_stop = *stop;
        tracee->has_first_stop = true;
        tracee->stopped_at = recorder_now(tracer->recorder);
    }
}

void stop_serve_first(struct tracer *tracer, struct tracee *tracee)
{
    if (!tracee->process || !tracee->has_first_stop)
        return;
    const struct stop stop = tracee->first_stop;
    tracee->has_first_stop = false;
    serve_bound(tracer, tracee, &stop);
}

enum { ADOPT_AFTER = TRACE_TICKS_PER_SECOND /* though its maker may still tell of it */ };

static void bind_orphan(struct tracee *tracee, void *context)
{
    struct tracer *tracer = context;
    if (tracee->process || !tracee->has_first_stop)
        return;
    /* A child that is adopted has its map from the kernel: what the map does not show is lost. */
    if (recorder_now(tracer->recorder) - tracee->stopped_at < ADOPT_AFTER && lifecycle_is_expected(tracer, tracee))
        return;
    if (!lifecycle_adopt(tracer, tracee)) {
        if (tracee->first_stop.kind == STOP_GONE)
            tracee_forget(&tracer->table, tracee); /* nobody can tell any more whose it was */
        return;
    }
    stop_serve_first(tracer, tracee);
}

void stop_overdue(struct tracer *tracer)
{
    struct tracee *tracee;
    while ((tracee = order_overdue(&tracer->order, &tracer->table, recorder_now(tracer->recorder))))
        let_in(tracer, tracee);
    if (tracer->table.n_unbound)
        tracee_each(&tracer->table, bind_orphan, tracer);
}
