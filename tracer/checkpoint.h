/*
 * checkpoint.h: the whole map of a space, as a record.
 */
#ifndef BRKWATER_CHECKPOINT_H
#define BRKWATER_CHECKPOINT_H

#include "state.h"

/* Read the map through thread `tid` of process `pid` and record it.  The caller sees to it that none of the space's
 * layout calls is in flight.  0 or -errno (nothing was recorded then). */
int checkpoint_take(struct tracer *tracer, struct space *space, pid_t tid, pid_t pid, enum checkpoint_reason reason);

/* A layout call of the space is over: take the checkpoint that is due, if any.  True when the map was just read. */
bool checkpoint_if_due(struct tracer *tracer, struct space *space, pid_t tid, pid_t pid);

#endif
