/*
 * heap_look.h: when the inside of heaps is looked at, and at what cost: from stops to REC_WALKs.
 *
 * - When a process loses its address space, or is let go: always.
 * - At moments that the user named: all its processes are stopped for it; behind an event only the process of the
 *   event is looked at, in the stop at hand, so that other threads of it may run.
 * - At peaks: when a brk(2) is about to let the heap grow and the heap is twice as large as at the last look, or is
 *   about to let it fall from its highest size, which is a quarter more than at the last look; from 1 MiB on, and as
 *   long as that takes no more than a fiftieth of the run.  malloc holds the lock of the heap then: it stands still.
 *
 * Every look has a time after which it is cut.
 */
#ifndef BRKWATER_HEAP_LOOK_H
#define BRKWATER_HEAP_LOOK_H

#include "state.h"

/* Look into the heaps of the space that this thread is stopped in. */
void heap_look(struct tracer *tracer, const struct tracee *tracee, enum walk_reason reason, bool moving);

/* A call is about to be let into the kernel: a brk(2) may be worth a look. */
void heap_look_before(struct tracer *tracer, struct tracee *tracee);

/* An event was recorded, and its thread stands still. */
void heap_look_after(struct tracer *tracer, const struct tracee *tracee);

/* The space's break, as a call has told it. */
void heap_look_break(struct space *space, tracee_addr brk);

/* Whether a look at a moment in time is still to come, and whether it is due. */
bool heap_look_is_coming(const struct tracer *tracer);
bool heap_look_is_due(const struct tracer *tracer, uint64_t now);

/* Look into all spaces, whose threads were stopped for it, as far as they could be: `moving` tells of a space whether
 * some could not. */
void heap_look_all(struct tracer *tracer, bool (*moving)(struct tracer *tracer, const struct space *space));

#endif
