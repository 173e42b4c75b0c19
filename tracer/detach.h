/*
 * detach.h: let all tracees go as they were.
 */
#ifndef BRKWATER_DETACH_H
#define BRKWATER_DETACH_H

#include "state.h"

/*
 * Bring every tracee to a stop, record the last state of each address space, and release all of them together: what ran
 * runs on, what waited in a call waits on in it, what job control had stopped stays stopped, what was about to get a
 * signal gets it.  tracer->cost is filled in.
 *
 * A thread that waits in the kernel and cannot be stopped is left; it is free once the calling thread ends.
 */
void detach_all(struct tracer *tracer);

#endif
