/*
 * unwind.h: from a thread's registers and memory to its list of return addresses.
 *
 * How to call it, with one unwinder a run and one unwind_space beside each address space:
 *
 *     start of a run    unwinder_new(UNWIND_DEPTH), stacks_new(&listener)
 *     new space, exec   space->unwind = unwind_space_new()
 *     fork              unwind_space_copy(parent's)          (threads, vfork and CLONE_VM share the space's own)
 *     end of a space    unwind_space_free()
 *     entry stop        ptrace(PTRACE_GETREGS, tid, NULL, &user);
 *                       unwind_registers_from_user(&user, &registers);
 *                       unwind_capture(unwinder, space->unwind, &(struct unwind_thread){
 *                           .pid = tid, .maps = space_maps(space, tid), .registers = &registers,
 *                           .memory = &(struct unwind_memory){unwind_read_process, &tid}}, &stack);
 *                       stacks_intern(stacks, &stack, &id);
 *     exit of a layout  unwind_space_follow(space->unwind, call, args, result, error), in the order in which the kernel
 *     call              applied them; also for calls that failed
 *
 * The listener of stacks.h gets each new frame once; unwinder_module(unwinder, frame->module) is what it lies in.
 *
 * Nothing in here knows how the thread was stopped, or whether it was: registers and memory may be copies.
 */
#ifndef BRKWATER_UNWIND_UNWIND_H
#define BRKWATER_UNWIND_UNWIND_H

#include "../calls.h"
#include "module.h"
#include "registers.h"
#include "window.h"

enum { UNWIND_DEPTH = 128, UNWIND_MAX_DEPTH = 4096 };

enum unwind_frame_flag {
    UNWIND_GUESSED = 1 << 0, /* found without unwind tables */
    UNWIND_SIGNAL = 1 << 1,  /* interrupted by a signal: its pc is exact, and not behind a call */
    UNWIND_ENTERED = 1 << 2, /* no call led here: a function's start was put on the stack, as makecontext(3) does, and
                              * the kernel for what a signal handler returns to */
    UNWIND_EXACT = UNWIND_SIGNAL | UNWIND_ENTERED,
};

/* Example: a call from python3's main program, {pc 0x55d0c1e2f3a4, vaddr 0x1a3a4, module 1, flags 0}. pc is the raw
 * return address; to look up what called, use vaddr - 1, except for the innermost frame and those with a flag of
 * UNWIND_EXACT.
 */
struct unwind_frame {
    uint64_t pc;     /* runtime address */
    uint64_t vaddr;  /* pc - bias: an address of the module's program headers; 0 without a module */
    uint32_t module; /* 0: none (code that a program made, vsyscall) */
    uint32_t space;  /* without a module: that of unwind_thread, since pc means something in it only; else 0 */
    uint32_t flags;  /* enum unwind_frame_flag */
};

enum unwind_quality {
    UNWIND_COMPLETE,  /* by unwind tables to the outermost frame */
    UNWIND_HAS_GUESS, /* to the outermost frame, at least one was guessed */
    UNWIND_TRUNCATED, /* callers are missing */
};

/* Why the walk ended. */
enum unwind_end {
    UNWIND_END_OUTERMOST,   /* nothing called this frame */
    UNWIND_END_DEPTH,       /* more frames than the limit */
    UNWIND_END_NO_PROGRESS, /* the tables lead back to the same frame */
    UNWIND_END_UNREADABLE,  /* the stack, or a register that the tables build on, can't be read */
    UNWIND_END_LOST,        /* the caller found is no executable memory, or none was found */
};

/* Frames are innermost first, and belong to the unwinder until its next capture. */
struct unwind_stack {
    const struct unwind_frame *frames;
    unsigned count;
    enum unwind_quality quality;
    enum unwind_end end;
};

/* What a capture needs to know of a thread. */
struct unwind_thread {
    pid_t pid;      /* any live thread of the address space */
    uint32_t space; /* a number that tells this address space from others */
    int maps;       /* its maps file (maps_open) */
    const struct unwind_registers *registers;
    const struct unwind_memory *memory;
};

/* All that a run shares: modules, rules, the disassembler. */
struct unwinder;

/* `depth` is the highest number of frames of a stack, at most UNWIND_MAX_DEPTH.  NULL without memory. */
struct unwinder *unwinder_new(unsigned depth);
void unwinder_free(struct unwinder *unwinder);

/* The module of a frame; NULL for 0.  It stays as it is until unwinder_free(). */
const struct module *unwinder_module(const struct unwinder *unwinder, uint32_t id);

/* The executable memory of one address space.  It is read from /proc/PID/maps at the first capture, and from then on
 * kept up by unwind_space_follow(); it is independent of the unwinder but may be used with one only. */
struct unwind_space;

/* NULL without memory. */
struct unwind_space *unwind_space_new(void);
struct unwind_space *unwind_space_copy(const struct unwind_space *space);
void unwind_space_free(struct unwind_space *space);

/* A layout call has ended: `args` as call_info() describes them, `result` and `error` as the event has them (error: 0
 * or errno).  A compare or two unless executable memory is meant. */
void unwind_space_follow(struct unwind_space *space, enum call call, const uint64_t args[CALL_MAX_ARGS],
                         uint64_t result, uint32_t error);

/* What the kernel did in [start, end) is not known for sure: if there is, or was, executable memory, all of it is read
 * again at the next capture. */
void unwind_space_doubt(struct unwind_space *space, uint64_t start, uint64_t end);

/* The stack of a thread.  Always gives one, if need be an empty or truncated one; 0 or -ENOMEM. */
int unwind_capture(struct unwinder *unwinder, struct unwind_space *space, const struct unwind_thread *thread,
                   struct unwind_stack *ret_stack);

#endif
