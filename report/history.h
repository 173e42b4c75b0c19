/*
 * history.h: every event that touched an address, in one address space and in those that it was copied from.
 */
#ifndef BRKWATER_HISTORY_H
#define BRKWATER_HISTORY_H

#include "buffer.h"
#include "play.h"

/* `space` is the address space that is meant.  Text: a line for each event, and one for what it left there; what the
 * kernel changed without a call has lines too.  JSON: the events, as `brkwater events --json` prints them.  Output goes
 * to standard output.  0, or the exit status after one line was printed. */
int history_write(struct play *play, uint32_t space, tracee_addr address, bool json);

#endif
