/* event.c: arguments, result, what the kernel tells of a new mapping, and the record of a call. */
#include "event.h"

#include "checkpoint.h"
#include "heap_look.h"
#include "memory.h"
#include "proc.h"

#include <errno.h>
#include <linux/prctl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#ifndef PR_SET_VMA
#define PR_SET_VMA 0x53564d41
#endif
#ifndef CLONE_UNTRACED
#define CLONE_UNTRACED 0x00800000
#endif

/* Values that Debian 12's headers do not have all of: madvise(2). */
enum {
    ADVICE_WILLNEED = 3,
    ADVICE_DONTFORK = 10,
    ADVICE_DOFORK = 11,
    ADVICE_POPULATE_READ = 22,
    ADVICE_POPULATE_WRITE = 23,
    ADVICE_COLLAPSE = 25,
};

enum { NAME_MAX_SIZE = 4096, RESTART_FIRST = 512, RESTART_LAST = 516 };

/* Only these may fault pages in by themselves: all others cost no look at the counters. */
static bool populates(const struct tracee *tracee)
{
    const struct call_args *a = &tracee->call.args;
    switch (call_info(a->call)->effect) {
    case EFFECT_MAP:
        return (a->args[3] & (MAP_POPULATE | MAP_LOCKED)) || tracee->space->locks_memory;
    case EFFECT_ADVISE:
        return a->args[2] == ADVICE_WILLNEED || a->args[2] == ADVICE_POPULATE_READ ||
               a->args[2] == ADVICE_POPULATE_WRITE || a->args[2] == ADVICE_COLLAPSE;
    case EFFECT_BRK:
    case EFFECT_REMAP:
    case EFFECT_PROTECT:
        return tracee->space->locks_memory;
    default:
        return call_info(a->call)->flags & CALL_POPULATES;
    }
}

/* What later calls of the space depend on. */
static void follow_space(struct tracee *tracee)
{
    const struct call_args *a = &tracee->call.args;
    bool locks = a->call == CALL_MLOCK || a->call == CALL_MLOCK2 || a->call == CALL_MLOCKALL;
    if (locks || (call_info(a->call)->effect == EFFECT_MAP && (a->args[3] & MAP_LOCKED)))
        tracee->space->locks_memory = true;
    if (call_info(a->call)->effect == EFFECT_MAP && (a->args[3] & MAP_GROWSDOWN))
        tracee->space->grows_down = true;
}

/* A copy of the bytes, or NULL without memory. */
static char *copy(const char *bytes, size_t size)
{
    char *result = malloc(size ? size : 1);
    if (result && size)
        memcpy(result, bytes, size);
    return result;
}

/* Paths and argv are gone from memory once execve has succeeded: read them now. */
static void read_texts(struct tracee *tracee)
{
    struct call_in_flight *call = &tracee->call;
    char buffer[NAME_MAX_SIZE];
    if (call->args.text) {
        call->text_size = memory_text(tracee->tid, call->args.text, buffer, sizeof(buffer));
        call->text = copy(buffer, call->text_size);
    }
    if (call->args.list) {
        call->list_size = memory_list(tracee->tid, call->args.list, call->args.pointer_size, buffer, TRACE_MAX_LIST);
        call->list = copy(buffer, call->list_size);
    }
    if (!call->text)
        call->text_size = 0;
    if (!call->list)
        call->list_size = 0;
    if (!call->args.envp)
        return;
    const struct call_info *info = call_info(call->args.call);
    for (unsigned i = 0; i < info->nargs; i++)
        if (info->args[i].kind == ARG_ENVC)
            call->args.args[i] = memory_count(tracee->tid, call->args.envp, call->args.pointer_size);
}

static bool same_call(const struct call_in_flight *call, enum call which, const struct syscall_info *info)
{
    return call->active && call->args.call == which && call->ip == info->ip && call->sp == info->sp;
}

/* A signal handler that runs before the restart stands on a deeper stack; only when the thread is back where it was is
 * the restart either here or not coming. */
static bool in_handler(const struct call_in_flight *interrupted, const struct syscall_info *info)
{
    return info->sp < interrupted->sp;
}

/* prctl(PR_SET_VMA) and PR_SET_MM are calls of ours; the options that are watched only are not. */
static bool is_watched(const struct call_args *a)
{
    return (call_info(a->call)->flags & CALL_WATCHED) || (a->call == CALL_PRCTL && a->args[0] == PR_SET_SECCOMP);
}

void event_begin(struct tracer *tracer, struct tracee *tracee, enum call call, const struct syscall_info *info,
                 const struct unwind_registers *registers)
{
    bool resumed = same_call(&tracee->restarting, call, info);
    uint64_t first_time = tracee->restarting.time;
    if (resumed)
        call_clear(&tracee->restarting);
    else if (tracee->restarting.active && !in_handler(&tracee->restarting, info))
        event_give_up_restart(tracer, tracee);

    struct call_in_flight *c = &tracee->call;
    call_clear(c);
    arch_call_args(tracee->tid, call, info, &c->args);
    c->active = true;
    c->number = info->number;
    c->ip = info->ip;
    c->sp = info->sp;
    c->time = resumed ? first_time : 0;
    read_texts(tracee);
    /* What runs before the command was executed is the tracer's own child. */
    c->stack = tracer->begun && !is_watched(&c->args) ? capture_stack(tracer->capture, tracee, registers) : 0;
    if (call == CALL_CLONE && (c->args.args[0] & CLONE_UNTRACED) && !tracer->attached)
        /* Such a child would keep the filter and have no tracer: its memory calls would fail. */
        c->untraced_cleared = arch_clear_untraced(tracee->tid, info->abi) == 0;
    if (c->untraced_cleared || (call_info(call)->effect == EFFECT_CLONE && (c->args.args[0] & CLONE_UNTRACED)))
        tracer_note(tracer, NOTE_UNTRACED_CHILD, tracee, c->untraced_cleared, NULL);
}

bool event_is_exclusive(const struct call_in_flight *call)
{
    const struct call_info *info = call_info(call->args.call);
    if (info->flags & CALL_COPIES)
        return call->args.call == CALL_FORK || !(call->args.args[0] & CLONE_VM);
    /* These decide what a fork copies: they must not overlap one. */
    if (info->effect == EFFECT_ADVISE && (call->args.args[2] == ADVICE_DONTFORK || call->args.args[2] == ADVICE_DOFORK))
        return true;
    return info->flags & CALL_LAYOUT;
}

void event_enter(struct tracer *tracer, struct tracee *tracee)
{
    struct call_in_flight *c = &tracee->call;
    c->running = true;
    follow_space(tracee);
    if (populates(tracee))
        proc_thread_faults(tracee->process->pid, tracee->tid, &c->minflt, &c->majflt);
    c->entry = recorder_sequence(tracer->recorder);
    if (!c->time)
        c->time = recorder_now(tracer->recorder);
}

/* ---- what the kernel tells of the new mapping ---- */

/* Whether the arguments leave open which file the kernel mapped. */
static bool must_identify(const struct call_args *a)
{
    if (!(call_info(a->call)->flags & CALL_IDENTIFY))
        return false;
    if (call_info(a->call)->effect != EFFECT_MAP)
        return true;
    bool anonymous = a->args[3] & MAP_ANONYMOUS;
    bool shared = (a->args[3] & 0xf) != MAP_PRIVATE;
    return !anonymous || shared || (a->args[3] & MAP_HUGETLB);
}

static void identify(struct tracer *tracer, struct tracee *tracee, struct rec_event *event)
{
    tracee_addr at = event->at ? event->at : event->ret;
    const struct call_args *a = &tracee->call.args;
    struct map_line line;
    int fd = space_maps(tracee->space, tracee->tid);
    if (fd < 0 || maps_query(fd, at, &tracer->maps, &line) < 0)
        return;
    event->file = recorder_file(tracer->recorder, &line);
    if (call_info(a->call)->effect != EFFECT_MAP)
        event->length = line.end - at;
    else if (line.page_size > TRACE_PAGE)
        event->length = (a->args[1] + line.page_size - 1) / line.page_size * line.page_size;
    if (line.page_size > TRACE_PAGE)
        event->huge = line.page_size;
}

/* The file behind a descriptor whose mapping failed, so that the line can name it. */
static void identify_descriptor(struct tracer *tracer, struct tracee *tracee, struct rec_event *event)
{
    const struct call_info *info = call_info(tracee->call.args.call);
    for (unsigned i = 0; i < info->nargs; i++) {
        if (info->args[i].kind != ARG_FD || (int64_t)event->args[i] < 0)
            continue;
        char path[64], target[NAME_MAX_SIZE];
        snprintf(path, sizeof(path), "/proc/%d/fd/%d", (int)tracee->tid, (int)event->args[i]);
        ssize_t size = readlink(path, target, sizeof(target));
        struct stat st;
        if (size <= 0 || stat(path, &st) < 0)
            continue;
        struct map_line line = {.major = major(st.st_dev),
                                .minor = minor(st.st_dev),
                                .inode = st.st_ino,
                                .name = target,
                                .name_size = (size_t)size};
        event->file = recorder_file(tracer->recorder, &line);
        return;
    }
}

/* Results that calls leave in memory: io_setup's ring, ipc(SHMAT)'s address. */
static void read_result(struct tracee *tracee, struct rec_event *event)
{
    const struct call_args *a = &tracee->call.args;
    uint64_t value = 0; /* little endian: a 4-byte one fills the low half */
    if (a->result_at && memory_read(tracee->tid, a->result_at, &value, a->pointer_size) == 0)
        event->ret = value;
    if (call_info(a->call)->effect == EFFECT_MAP_RING &&
        memory_read(tracee->tid, a->args[1], &value, a->pointer_size) == 0)
        event->at = value;
}

/* A name for anonymous memory, as maps will print it: prctl(2), PR_SET_VMA_ANON_NAME. */
static void identify_name(struct tracer *tracer, const struct tracee *tracee, struct rec_event *event)
{
    const struct call_in_flight *c = &tracee->call;
    char name[128];
    if (c->args.call != CALL_PRCTL || c->args.args[0] != PR_SET_VMA || !c->text_size)
        return;
    int size = snprintf(name, sizeof(name), "[anon:%.*s]", (int)(c->text_size < 100 ? c->text_size : 100), c->text);
    event->file = recorder_file(tracer->recorder, &(struct map_line){.name = name, .name_size = (size_t)size});
}

/* ---- the record ---- */

static void fill(struct tracer *tracer, struct tracee *tracee, struct rec_event *event)
{
    struct call_in_flight *c = &tracee->call;
    uint64_t now = recorder_now(tracer->recorder);
    *event = (struct rec_event){
        .time = c->time,
        .duration = now > c->time ? now - c->time : 0,
        .entry = c->entry,
        .exit = recorder_sequence(tracer->recorder),
        .tid = (uint32_t)tracee->tid,
        .pid = (uint32_t)tracee->process->pid,
        .space = tracee->space->id,
        .call = (uint32_t)c->args.call,
        .abi = (uint32_t)c->args.abi,
        .nargs = call_info(c->args.call)->nargs,
        .stack = c->stack,
        .text = {c->text, c->text_size},
        .list = {c->list, c->list_size},
    };
    memcpy(event->args, c->args.args, sizeof(event->args));
    if (c->overlapped || (c->exclusive && tracee->space->unknown.count))
        event->flags |= EVENT_UNORDERED;
}

/* What such an event did is not known for sure. */
static bool is_uncertain(const struct rec_event *event)
{
    return event->flags & (EVENT_READ_BACK | EVENT_UNORDERED);
}

/* What fork copies is in no map that could be read back: once it was advised, a call with an unknown effect may have
 * moved the advice along with memory, or given it half-way. */
static void doubt_fork(struct space *space, const struct rec_event *event)
{
    const bool advises = call_info((enum call)event->call)->effect == EFFECT_ADVISE &&
                         (event->args[2] == ADVICE_DONTFORK || event->args[2] == ADVICE_DOFORK);
    if (advises)
        space->advises_fork = true;
    if (space->advises_fork && (is_uncertain(event) || (advises && event->error && event->error != ENOMEM)))
        space->fork_unsure = true;
}

static void put(struct tracer *tracer, struct tracee *tracee, const struct record *record)
{
    recorder_put(tracer->recorder, record);
    capture_follow(tracee->space, &record->event);
    doubt_fork(tracee->space, &record->event);
    if (is_uncertain(&record->event))
        spans_add_event(&tracee->space->unknown, &record->event);
}

static void count_faults(struct tracee *tracee, struct rec_event *event)
{
    uint64_t minflt, majflt;
    if (!populates(tracee) || proc_thread_faults(tracee->process->pid, tracee->tid, &minflt, &majflt) < 0)
        return;
    event->minflt = minflt - tracee->call.minflt;
    event->majflt = majflt - tracee->call.majflt;
    event->flags |= EVENT_FAULTS;
}

static void finish_watched(struct tracer *tracer, struct tracee *tracee, const struct syscall_info *info)
{
    const struct call_args *a = &tracee->call.args;
    uint64_t error = info->error ? (uint64_t)-info->result : 0;
    if (a->call == CALL_PTRACE && error)
        tracer_note(tracer, NOTE_PTRACE_REFUSED, tracee, error, NULL);
    else if (a->call == CALL_IO_URING_SETUP && !error)
        tracer_note(tracer, NOTE_IO_URING, tracee, 0, NULL);
    else if ((a->call == CALL_SECCOMP || a->call == CALL_PRCTL) && error == EINVAL)
        tracer_note(tracer, NOTE_STRICT_SECCOMP, tracee, error, NULL);
}

/* A call may have done a part of its work: only the map knows which. */
static bool may_be_partial(const struct rec_event *event)
{
    const struct call_info *info = call_info((enum call)event->call);
    /* These succeed whatever becomes of the mappings: a sealed one stays, and shmdt takes as much as the kernel has as
     * one mapping. */
    if (!event->error && (info->effect == EFFECT_DETACH || info->effect == EFFECT_UNMAP_RING))
        return true;
    if (!(info->flags & CALL_PARTIAL) || !event->error)
        return false;
    /* What is wrong in itself is refused before anything is done. */
    if (event->error == EINVAL && (event->args[0] % TRACE_PAGE || info->effect == EFFECT_UNMAP))
        return false;
    if (info->effect == EFFECT_MAP && event->error == EBADF)
        return false;
    struct span reach[EVENT_MAX_SPANS];
    return event_reach(event, reach) != 0;
}

/* A filter of the tracee's own trapped the call (SECCOMP_RET_TRAP, seen only without a filter of ours): it did not run,
 * and what stands in the result register is still its number.  fork's result may be any number, and its child is seen
 * by itself. */
static bool did_not_run(const struct call_in_flight *call, const struct syscall_info *info)
{
    return !info->error && (uint64_t)info->result == call->number && call_info(call->args.call)->effect != EFFECT_CLONE;
}

void event_finish(struct tracer *tracer, struct tracee *tracee, const struct syscall_info *info)
{
    struct record record = {.kind = REC_EVENT};
    struct rec_event *event = &record.event;
    const struct call_args *a = &tracee->call.args;
    if (is_watched(a)) {
        finish_watched(tracer, tracee, info);
        return;
    }
    if (did_not_run(&tracee->call, info)) {
        event_without_result(tracer, tracee, EVENT_NO_RESULT);
        return;
    }
    fill(tracer, tracee, event);
    if (info->error)
        event->error = (uint32_t)-info->result;
    else
        event->ret =
            call_info(a->call)->returns_address && a->abi == ABI_I386 ? (uint32_t)info->result : (uint64_t)info->result;
    count_faults(tracee, event);
    if (!event->error) {
        read_result(tracee, event);
        identify_name(tracer, tracee, event);
        if (must_identify(a))
            identify(tracer, tracee, event);
    } else {
        identify_descriptor(tracer, tracee, event);
    }
    if (may_be_partial(event))
        event->flags |= EVENT_READ_BACK;
    put(tracer, tracee, &record);
    if (a->call == CALL_BRK && !event->error)
        heap_look_break(tracee->space, event->ret);
}

bool event_restarts(const struct syscall_info *info)
{
    return info->error && -info->result >= RESTART_FIRST && -info->result <= RESTART_LAST;
}

void event_keep_for_restart(struct tracee *tracee)
{
    call_clear(&tracee->restarting);
    tracee->restarting = tracee->call;
    tracee->restarting.exclusive = tracee->restarting.overlapped = false;
    tracee->call = (struct call_in_flight){0};
}

void event_leaves_unknown(struct tracer *tracer, struct tracee *tracee)
{
    struct rec_event event;
    fill(tracer, tracee, &event);
    event.flags |= EVENT_UNFINISHED;
    capture_follow(tracee->space, &event);
    spans_add_event(&tracee->space->unknown, &event);
}

void event_give_up_restart(struct tracer *tracer, struct tracee *tracee)
{
    if (!tracee->restarting.active)
        return;
    struct call_in_flight current = tracee->call;
    struct record record = {.kind = REC_EVENT};
    tracee->call = tracee->restarting;
    fill(tracer, tracee, &record.event);
    record.event.error = EINTR;
    put(tracer, tracee, &record);
    call_clear(&tracee->call);
    tracee->restarting = (struct call_in_flight){0};
    tracee->call = current;
}

void event_without_result(struct tracer *tracer, struct tracee *tracee, enum event_flag flag)
{
    struct record record = {.kind = REC_EVENT};
    if (is_watched(&tracee->call.args))
        return;
    fill(tracer, tracee, &record.event);
    record.event.flags |= flag;
    if (tracee->call.exclusive && flag == EVENT_UNFINISHED)
        record.event.flags |= EVENT_READ_BACK;
    put(tracer, tracee, &record);
}
