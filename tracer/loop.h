/*
 * loop.h: the stop loop.
 */
#ifndef BRKWATER_LOOP_H
#define BRKWATER_LOOP_H

#include "state.h"

/* Serve stops until nobody is left.  True when it was ended before: by the user, or, of what was attached to, by time,
 * size or the end of the recording. */
bool loop_run(struct tracer *tracer);

#endif
