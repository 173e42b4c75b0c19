/*
 * when.h: which moment of a recording, and of which process, the user means.
 */
#ifndef BRKWATER_WHEN_H
#define BRKWATER_WHEN_H

#include "play.h"

enum when_kind { WHEN_TIME, WHEN_EVENT, WHEN_PEAK, WHEN_PEAK_VIRTUAL, WHEN_END };

struct when {
    enum when_kind kind;
    uint64_t value; /* tick or event id */
};

/* "1.25s", "800ms", "#1234", "event:1234", "peak", "peak-virtual", "end".  0 or -EINVAL. */
int when_parse(const char *text, struct when *ret_when);

/* The same of the value of --at: 0, or the exit status after one line was printed. */
int when_option(const char *text, struct when *ret_when);

/* Find the place, and leave the play in it.  `pid` 0: the process of the event, else the one whose resident memory was
 * highest.  0, or the exit status after one line was printed. */
int when_go(struct play *play, const struct when *when, uint32_t pid, struct place *ret_place);

#endif
