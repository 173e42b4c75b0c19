/* lifecycle.c: clone, exec and exit, as records and in the tables. */
#include "lifecycle.h"

#include "checkpoint.h"
#include "event.h"
#include "heap_look.h"
#include "faults.h"
#include "launch.h"
#include "memory.h"
#include "proc.h"
#include "space_code.h"
#include "tasks.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/personality.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

struct tracee *lifecycle_first(struct tracer *tracer, pid_t pid)
{
    /* Until it execs, the command is a copy of the tracer: that space has id 0 and is never recorded. */
    tracer->table.last_space = UINT32_MAX;
    struct space *space = space_new(&tracer->table);
    struct process *process = space ? process_new(&tracer->table, pid) : NULL;
    struct tracee *tracee = process ? tracee_new(&tracer->table, pid) : NULL;
    if (!tracee)
        return NULL;
    tracee_bind(&tracer->table, tracee, process, space);
    return tracee;
}

/* ---- new threads and processes ---- */

static void watch(struct tracer *tracer, struct process *process, const struct tracee *tracee)
{
    if (process->dir < 0) {
        tracer_note(tracer, NOTE_NOT_SAMPLED, tracee, 0, NULL);
        return;
    }
    process->watched = tracee->space->id;
    sampler_watch(tracer->sampler, process->watched, process->pid, process->dir);
}

/* Bind a new thread by the flags of the clone call that made it. */
static bool bind_child(struct tracer *tracer, struct tracee *child, struct process *maker, struct space *from,
                       pid_t parent, uint64_t flags)
{
    struct space *space = from;
    struct process *process = maker;
    bool copies = !(flags & CLONE_VM);
    if (copies)
        space = space_new(&tracer->table);
    if (space && !(flags & CLONE_THREAD))
        process = process_new(&tracer->table, child->tid);
    if (!space || !process)
        return false;
    if (copies)
        faults_flush(tracer->faults);
    if (copies) { /* but not locks_memory: mlock(2), locks are not inherited */
        space->grows_down = from->grows_down;
        space->stack_start = from->stack_start;
        space->brk = from->brk;
        space->brk_start = from->brk_start;
        space->brk_looked = from->brk_looked;
        space->code = space_code_copy(from->code);
    }
    tracee_bind(&tracer->table, child, process, space);
    tasks_put(tracer, child, parent, copies ? from->id : 0,
              (flags & CLONE_THREAD ? TASK_THREAD : 0u) | (flags & CLONE_VFORK ? TASK_VFORK : 0u));
    if (copies)
        watch(tracer, process, child);
    return true;
}

/* CLONE_ flags of the call that the parent is in. */
static uint64_t clone_flags(const struct tracee *parent, pid_t child)
{
    const struct call_in_flight *call = &parent->call;
    if (call->active && call->args.call == CALL_FORK)
        return 0;
    if (call->active && call->args.call == CALL_VFORK)
        return CLONE_VM | CLONE_VFORK;
    if (call->active && (call->args.call == CALL_CLONE || call->args.call == CALL_CLONE3))
        return call->args.args[0];
    /* The call was not seen (recording has stopped, or had not begun): the kernel knows what became of it. */
    pid_t tgid, ppid;
    if (proc_family(child, &tgid, &ppid) == 0 && tgid == parent->process->pid)
        return CLONE_VM | CLONE_THREAD;
    return proc_share_memory(child, parent->tid) ? CLONE_VM : 0;
}

struct tracee *lifecycle_new_child(struct tracer *tracer, struct tracee *parent, pid_t tid)
{
    if (!tid)
        return NULL; /* the parent was killed before it could tell; the child will be adopted */
    struct tracee *child = tracee_find(&tracer->table, tid);
    if (child && child->process)
        return NULL; /* adopted already */
    if (!child)
        child = tracee_new(&tracer->table, tid);
    if (!child)
        return NULL;
    uint64_t flags = clone_flags(parent, tid);
    child->restore_clone = parent->call.untraced_cleared;
    child->clone_abi = parent->call.args.abi;
    if (!bind_child(tracer, child, parent->process, parent->space, parent->tid, flags))
        return NULL;
    /* A layout call may have overlapped the copying: take the child's map from the kernel, it has not run yet. */
    if (!(flags & CLONE_VM)) {
        child->space->unknown = parent->space->unknown;
        if (parent->space->fork_unsure)
            spans_add(&child->space->unknown, (struct span){0, UINT64_MAX});
        checkpoint_read_back(tracer, child->space, child->tid, child->process->pid);
    }
    return child;
}

struct live_space {
    const struct process *process;
    struct space *space;
};

static void find_live_space(struct tracee *tracee, void *context)
{
    struct live_space *live = context;
    if (tracee->process == live->process && tracee->space)
        live->space = tracee->space;
}

struct makers {
    const struct process *process;
    bool any;
};

static void find_maker(struct tracee *tracee, void *context)
{
    struct makers *makers = context;
    const struct call_in_flight *call = &tracee->call;
    makers->any |= tracee->process == makers->process && call->active && call->running &&
                   call_info(call->args.call)->effect == EFFECT_CLONE;
}

bool lifecycle_is_expected(struct tracer *tracer, const struct tracee *tracee)
{
    pid_t tgid, ppid;
    if (proc_family(tracee->tid, &tgid, &ppid) < 0)
        return false;
    struct makers makers = {process_find(&tracer->table, tgid), false};
    if (!makers.process)
        makers.process = process_find(&tracer->table, ppid);
    if (makers.process)
        tracee_each(&tracer->table, find_maker, &makers);
    return makers.any;
}

bool lifecycle_adopt(struct tracer *tracer, struct tracee *tracee)
{
    pid_t tgid, ppid;
    if (proc_family(tracee->tid, &tgid, &ppid) < 0)
        return false;
    struct process *own = process_find(&tracer->table, tgid);
    if (own) {
        /* Its other threads may all be on their way out: then their space is gone, and this one is dying too. */
        struct live_space live = {own, NULL};
        tracee_each(&tracer->table, find_live_space, &live);
        if (live.space)
            return bind_child(tracer, tracee, own, live.space, tgid, CLONE_VM | CLONE_THREAD);
        tracee_bind(&tracer->table, tracee, own, NULL);
        return true;
    }
    struct process *parent = process_find(&tracer->table, ppid);
    struct live_space shared = {parent, NULL};
    if (parent)
        tracee_each(&tracer->table, find_live_space, &shared);
    if (shared.space && proc_share_memory(tracee->tid, ppid)) /* vfork, or CLONE_VM */
        return bind_child(tracer, tracee, parent, shared.space, ppid, CLONE_VM);
    struct space *space = space_new(&tracer->table);
    struct process *process = space ? process_new(&tracer->table, tgid) : NULL;
    if (!process)
        return false;
    tracee_bind(&tracer->table, tracee, process, space);
    tasks_put(tracer, tracee, parent ? ppid : 0, 0, 0);
    checkpoint_take(tracer, space, tracee->tid, tgid, CHECKPOINT_ATTACH);
    watch(tracer, process, tracee);
    return true;
}

/* ---- end of a space ---- */

static void end_space(struct tracer *tracer, struct space *space)
{
    struct record record = {.kind = REC_SPACE_END,
                            .space_end = {.time = recorder_now(tracer->recorder), .space = space->id}};
    if (space->id)
        recorder_put(tracer->recorder, &record);
    space_free(space);
}

/* The tracee no longer uses its space; returns true when it was the last one, and the space is gone. */
static bool leave_space(struct tracer *tracer, struct tracee *tracee)
{
    struct space *space = tracee->space;
    faults_flush(tracer->faults); /* while it is known whose they are */
    tracee->space = NULL;
    if (!space_leave(space))
        return false;
    sampler_forget(tracer->sampler, space->id);
    end_space(tracer, space);
    return true;
}

/* A last look at a space whose only user stands at its end: counters, then the map. */
static void last_look(struct tracer *tracer, struct tracee *tracee)
{
    struct space *space = tracee->space;
    struct process *process = tracee->process;
    /* The leader may be a zombie already: then its own directory shows no memory, a thread's still does. */
    int dir = tracee->tid == process->pid ? process->dir : proc_open(tracee->tid);
    faults_flush(tracer->faults);
    sampler_forget(tracer->sampler, space->id);
    sampler_take(tracer->recorder, space->id, process->pid, dir, SAMPLE_LAST);
    capture_last_look(tracer->capture, space, tracee->tid);
    heap_look(tracer, tracee, WALK_AT_EXIT, false);
    int error = checkpoint_read_back(tracer, space, tracee->tid, process->pid);
    if (!error)
        error = checkpoint_take(tracer, space, tracee->tid, process->pid, CHECKPOINT_EXIT);
    /* A map that may not be read at all was told of at exec. */
    if (error && error != -EACCES && error != -EPERM)
        tracer_note(tracer, NOTE_NO_EXIT_MAP, tracee, 0, NULL);
    residency_take(tracer->residency, space->id, process->pid, dir, RESIDENCY_EXIT);
    if (dir >= 0 && dir != process->dir)
        close(dir);
}

void lifecycle_exiting(struct tracer *tracer, struct tracee *tracee)
{
    if (tracee->exiting || !tracee->space)
        return;
    tracee->exiting = true;
    if (tracer->begun && recorder_active(tracer->recorder) && tracee->space->users == 1) {
        if (tracee->died_in_exec)
            tracer_note(tracer, NOTE_NO_EXIT_MAP, tracee, 0, NULL);
        else
            last_look(tracer, tracee);
    }
    leave_space(tracer, tracee);
}

/* ---- exec ---- */

/* execve in another thread has ended this one without a word: whatever it was doing is over. */
static void discard(struct tracer *tracer, struct tracee *tracee)
{
    order_passed(tracee);
    if (tracee->held)
        order_forget(&tracer->order, tracee);
    else if (tracee->call.exclusive && tracee->space)
        order_abandon(tracee);
    tracee->call.exclusive = false;
    if (tracee->space)
        leave_space(tracer, tracee);
}

struct tracee *lifecycle_take_leader(struct tracer *tracer, struct tracee *former, pid_t tid)
{
    struct tracee *leader = tracee_find(&tracer->table, tid);
    if (leader && leader != former) {
        discard(tracer, leader);
        tracee_forget(&tracer->table, leader);
    }
    tracee_rename(&tracer->table, former, tid);
    return former;
}

struct siblings {
    struct tracer *tracer;
    struct tracee *survivor;
};

/* execve has ended every other thread of the process; those whose end was not seen are dropped here. */
static void drop_sibling(struct tracee *tracee, void *context)
{
    struct siblings *s = context;
    if (tracee->process == s->survivor->process && tracee != s->survivor)
        discard(s->tracer, tracee);
}

void lifecycle_exec(struct tracer *tracer, struct tracee *tracee)
{
    struct space *space = space_new(&tracer->table);
    if (!space)
        return;
    if (!tracer->begun) {
        tasks_begin(tracer, tracee, TASK_FIRST);
        faults_watch(tracer->faults, tracee->tid);
        faults_begin(tracer->faults);
    }
    faults_flush(tracer->faults);
    struct siblings siblings = {tracer, tracee};
    tracee_each(&tracer->table, drop_sibling, &siblings);
    uint32_t old_space = tracee->space ? tracee->space->id : 0;
    pid_t old_tid = tracee->tid;
    sampler_forget(tracer->sampler, tracee->process->watched); /* its directory shows another space from now on */
    if (tracee->space)
        leave_space(tracer, tracee);
    tracee->space = space;
    space_enter(space);
    tracee->exiting = false;
    tasks_put_exec(tracer, tracee, old_space, old_tid, 0);
    int error = checkpoint_take(tracer, space, tracee->tid, tracee->process->pid, CHECKPOINT_EXEC);
    if (error)
        tracer_note(tracer, NOTE_READ_FAILED, tracee, (uint64_t)-error, "maps");
    sampler_take(tracer->recorder, space->id, tracee->process->pid, tracee->process->dir, 0);
    watch(tracer, tracee->process, tracee);
}

void lifecycle_released(struct tracer *tracer, struct tracee *tracee)
{
    if (tracee->process && tracee->process->threads == 1)
        sampler_forget(tracer->sampler, tracee->process->watched);
    if (tracee->space && space_leave(tracee->space)) {
        sampler_forget(tracer->sampler, tracee->space->id);
        space_free(tracee->space);
    }
    tracee->space = NULL;
    tracee_forget(&tracer->table, tracee);
}

void lifecycle_gone(struct tracer *tracer, struct tracee *tracee, int status)
{
    pid_t pid = tracee->process->pid;
    if (tracee->space) {
        /* SIGKILL can end a thread without its last stop: then nobody looked at the map. */
        bool last = tracee->space->users == 1;
        if (last && tracer->begun)
            tracer_note(tracer, NOTE_NO_EXIT_MAP, tracee, 0, NULL);
        leave_space(tracer, tracee);
    }
    bool leader = tracee->tid == pid;
    struct record record = {.kind = REC_EXIT,
                            .exit = {.time = recorder_now(tracer->recorder),
                                     .tid = (uint32_t)tracee->tid,
                                     .pid = (uint32_t)pid,
                                     .last = leader,
                                     .status = (uint32_t)status}};
    if (tracer->begun)
        recorder_put(tracer->recorder, &record);
    /* The process closes its /proc directory; its space may live on in others that share it. */
    if (tracee->process->threads == 1)
        sampler_forget(tracer->sampler, tracee->process->watched);
    tracee_forget(&tracer->table, tracee);
    if (leader && pid == tracer->command) {
        tracer->command_ended = true;
        tracer->command_status = status;
        tracer->ended_at = recorder_now(tracer->recorder);
    }
}
