/*
 * attach.h: make running processes tracees.
 */
#ifndef BRKWATER_ATTACH_H
#define BRKWATER_ATTACH_H

#include "state.h"

/*
 * Attach to every thread of these processes, as the calling thread: stop all of them at once, record the map of each
 * address space as it is then, and let them go on.  What they make from then on is traced too.
 *
 * 0, or -errno with the process that could not be attached to in *ret_pid (-EPERM, -ESRCH, ...): then those that were
 * before it are tracees, unbound, and the end of the calling thread releases them.
 */
int attach_all(struct tracer *tracer, const pid_t *pids, size_t count, pid_t *ret_pid);

#endif
