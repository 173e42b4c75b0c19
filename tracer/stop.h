/*
 * stop.h: serve one stop of a tracee.
 */
#ifndef BRKWATER_STOP_H
#define BRKWATER_STOP_H

#include "state.h"

/* Do what the stop asks for and let the tracee go on; while tracees are brought to a stop (tracer->leaving,
 * tracer->pausing), until it stands in one from which it can be released. */
void stop_serve(struct tracer *tracer, const struct stop *stop);

/* The tracee that the stop is of, under the tid that it has from now on; NULL for one that is not known yet. */
struct tracee *stop_find(struct tracer *tracer, const struct stop *stop);

/* Serve the stop that was kept until the tracee was bound, if any. */
void stop_serve_first(struct tracer *tracer, struct tracee *tracee);

/* A tracee that was kept in its stop (tracer->pausing) goes on, or stays stopped by job control. */
void stop_go_on(struct tracer *tracer, struct tracee *tracee);

/* Things that are due without a stop: waiters whose patience is over, new threads whose parent never told of them. */
void stop_overdue(struct tracer *tracer);

#endif
