/*
 * run.h: what begins and ends every run, of a command or of processes that were attached to.
 */
#ifndef BRKWATER_RUN_H
#define BRKWATER_RUN_H

#include "state.h"

/* Make the recorder and what captures stacks.  0, or -errno with *ret_what naming what failed. */
int run_open(struct tracer *tracer, const char **ret_what);

/* Time begins, signals are ours, and the header is written.  `argv`: arguments, each followed by NUL. */
void run_begin(struct tracer *tracer, struct text argv);

/* Nobody is a tracee any more; those that still were are free once the calling thread ends. */
void run_forget_all(struct tracer *tracer);

/* Close the recording; nothing is left of it when it never began.  Fills in how it ended. */
void run_close(struct tracer *tracer, struct tracer_result *result);

#endif
