/*
 * stop.h: serve one stop of a tracee.
 */
#ifndef BRKWATER_STOP_H
#define BRKWATER_STOP_H

#include "state.h"

/* Do what the stop asks for and let the tracee go on. */
void stop_serve(struct tracer *tracer, const struct stop *stop);

/* Things that are due without a stop: waiters whose patience is over, new threads whose parent never told of them. */
void stop_overdue(struct tracer *tracer);

#endif
