/*
 * checkpoint.h: the map of a space, as a record.
 *
 * For all of these the caller sees to it that none of the space's layout calls is under way (order_alone()), and `tid`
 * is a thread of process `pid` that is stopped in the space.
 */
#ifndef BRKWATER_CHECKPOINT_H
#define BRKWATER_CHECKPOINT_H

#include "state.h"

/* Read the whole map and record it.  0 or -errno (nothing was recorded then). */
int checkpoint_take(struct tracer *tracer, struct space *space, pid_t tid, pid_t pid, enum checkpoint_reason reason);

/* Read and record what the map says where calls have left an unknown effect (space->unknown), if anywhere.  0, or
 * -errno: then it stays to be done. */
int checkpoint_read_back(struct tracer *tracer, struct space *space, pid_t tid, pid_t pid);

/*
 * A layout call of the space is over: read back what must be, and take the checkpoint that is due, by the number of
 * calls or by time.
 *
 * A timed checkpoint comes CHECKPOINT_INTERVAL after the last one, and later when the map is so large that this would
 * cost a hundredth of the run: neither its own space nor all of them together spend more on it.
 */
void checkpoint_if_due(struct tracer *tracer, struct space *space, pid_t tid, pid_t pid);

#endif
