/*
 * lifecycle.h: threads, processes and address spaces come and go: clone, exec, exit.
 */
#ifndef BRKWATER_LIFECYCLE_H
#define BRKWATER_LIFECYCLE_H

#include "state.h"

/* The command was started: its first tracee, still in a copy of the tracer's own space.  NULL without memory. */
struct tracee *lifecycle_first(struct tracer *tracer, pid_t pid);

/* `parent` stands in a clone call that has made `tid`.  Returns the child, bound, or NULL without memory. */
struct tracee *lifecycle_new_child(struct tracer *tracer, struct tracee *parent, pid_t tid);

/* Whether somebody who may have made this unbound tracee is still in the call that makes one: its stop will tell. */
bool lifecycle_is_expected(struct tracer *tracer, const struct tracee *tracee);

/* Nobody told of this new thread (its parent was killed at the wrong moment): bind it by what /proc says.  False when
 * /proc does not know it yet. */
bool lifecycle_adopt(struct tracer *tracer, struct tracee *tracee);

/* A thread that is not the leader has called execve and is now known by the leader's tid: the old leader is gone. */
struct tracee *lifecycle_take_leader(struct tracer *tracer, struct tracee *former, pid_t tid);

/* The tracee stands at the end of execve, in a new address space. */
void lifecycle_exec(struct tracer *tracer, struct tracee *tracee);

/* The tracee is about to end; its space can still be read. */
void lifecycle_exiting(struct tracer *tracer, struct tracee *tracee);

/* It is traced no more, and runs on; or the tracer ends. */
void lifecycle_released(struct tracer *tracer, struct tracee *tracee);

/* It has ended. */
void lifecycle_gone(struct tracer *tracer, struct tracee *tracee, int status);

#endif
