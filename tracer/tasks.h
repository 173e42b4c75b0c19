/*
 * tasks.h: what the trace says of threads, processes and the programs that they run.
 */
#ifndef BRKWATER_TASKS_H
#define BRKWATER_TASKS_H

#include "state.h"

/* The tracee is there, made by `parent` (0: not by a tracee), with `flags` of enum task_flag; `copied_from` is the
 * space that its own is a copy of, 0 for none. */
void tasks_put(struct tracer *tracer, const struct tracee *tracee, pid_t parent, uint32_t copied_from, uint32_t flags);

/* Recording begins with this process; what happened before is not recorded.  `flags` of enum task_flag. */
void tasks_begin(struct tracer *tracer, const struct tracee *tracee, uint32_t flags);

/* Its process runs the program that it runs now, in the tracee's space; `flags` of enum exec_flag are added to what
 * /proc tells. */
void tasks_put_exec(struct tracer *tracer, struct tracee *tracee, uint32_t old_space, pid_t old_tid, uint32_t flags);

#endif
