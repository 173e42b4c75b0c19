/*
 * stacks.h: same frame, same id; same stack, same id.
 *
 * Ids count from 1 and are given in order of first sight; each new frame, and then each new stack, is reported once
 * through a callback, so that a trace writes it once.  Memory grows with distinct frames and stacks only, up to a
 * limit; a stack that is known costs one look-up and no allocation.
 */
#ifndef BRKWATER_UNWIND_STACKS_H
#define BRKWATER_UNWIND_STACKS_H

#include "unwind.h"

enum { STACKS_MAX = 1 << 20, STACKS_MAX_FRAMES = 1 << 20, STACKS_MAX_WORDS = 16 << 20 /* frame ids in all stacks */ };

/* What is told of new ones; `context` is the caller's own. Frame ids are innermost first and good during the call. */
struct stacks_listener {
    void (*frame)(void *context, uint32_t id, const struct unwind_frame *frame);
    void (*stack)(void *context, uint32_t id, const uint32_t *frames, const struct unwind_stack *stack);
    void *context;
};

struct stacks;

/* NULL without memory.  The listener is copied. */
struct stacks *stacks_new(const struct stacks_listener *listener);
void stacks_free(struct stacks *stacks);

/* The id of a stack; quality is part of what makes it the same.  0, or -ENOSPC when a limit is reached, -ENOMEM.  An
 * empty stack is a stack too. */
int stacks_intern(struct stacks *stacks, const struct unwind_stack *stack, uint32_t *ret_id);

uint32_t stacks_count(const struct stacks *stacks);
uint32_t stacks_frame_count(const struct stacks *stacks);

#endif
