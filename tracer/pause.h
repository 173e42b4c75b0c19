/*
 * pause.h: all tracees brought to a stop for a moment, and let go on.
 */
#ifndef BRKWATER_PAUSE_H
#define BRKWATER_PAUSE_H

#include "state.h"

/*
 * Bring every tracee to a stop, and serve other stops meanwhile.  Those that wait in the kernel without being
 * interruptible are waited for no longer than 20 ms, those that want a CPU no longer than half a second.  No stop that
 * was collected before may be waiting to be served.
 */
void pause_begin(struct tracer *tracer);

/* Whether a thread of the space still runs. */
bool pause_is_moving(struct tracer *tracer, const struct space *space);

/* Let all go on as they were: those that job control had stopped stay stopped. */
void pause_end(struct tracer *tracer);

#endif
