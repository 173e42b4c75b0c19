/*
 * heap_live.h: `brkwater heap -p PID`: the inside of the heaps of a process that runs.
 */
#ifndef BRKWATER_HEAP_LIVE_H
#define BRKWATER_HEAP_LIVE_H

#include <stdbool.h>
#include <sys/types.h>

/* Stop the process, look, let it go on, and print.  The exit status, after one line was printed when it is not 0. */
int heap_live(pid_t pid, bool json);

#endif
