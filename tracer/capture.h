/*
 * capture.h: the call stack of a thread that stands at the entry of a call, as a record's id.
 *
 * A module, a frame, a stack is recorded once, when it is first seen.  One stack costs one read of the registers and in
 * most cases one of memory.
 */
#ifndef BRKWATER_CAPTURE_H
#define BRKWATER_CAPTURE_H

#include "recorder.h"
#include "tracee.h"

struct capture;

/* `options` and `recorder` must outlive it.  NULL without memory. */
struct capture *capture_new(const struct tracer_options *options, struct recorder *recorder);
void capture_free(struct capture *capture);

/* The id of the stack of a tracee in an entry stop; 0 when there is none to be had.  `registers` may be NULL: they are
 * asked for.  `capture` may be NULL. */
uint32_t capture_stack(struct capture *capture, struct tracee *tracee, const struct unwind_registers *registers);

/* Of a thread that runs on: what was copied of it at an instant. */
struct capture_sample {
    const struct unwind_registers *registers;
    const unsigned char *stack; /* memory from the stack pointer on; NULL: none, and the stack is one frame */
    size_t size;
};

/* The id of its stack then; 0 when there is none to be had.  `capture` may be NULL. */
uint32_t capture_sample(struct capture *capture, struct tracee *tracee, const struct capture_sample *sample);

/* A layout call of the space has ended: what it did to executable memory.  Call it for each, in order. */
void capture_follow(struct space *space, const struct rec_event *event);

/* A space is about to end, and `tid` still is in it: hand over what only the living can show. */
void capture_last_look(struct capture *capture, const struct space *space, pid_t tid);

#endif
