/*
 * listing.h: events as lines: what is in front of them, which are shown, and what else gets a line.
 */
#ifndef BRKWATER_LISTING_H
#define BRKWATER_LISTING_H

#include "call_set.h"
#include "event_text.h"

enum clock { CLOCK_OFF, CLOCK_SECONDS, CLOCK_MICROSECONDS, CLOCK_EPOCH };

struct listing {
    struct call_set calls;
    enum clock clock; /* -t, -tt, -ttt */
    bool relative;    /* -r: seconds since the line before */
    bool numbers;     /* -n: the event's number in front */
    bool stacks;      /* -k: the call stack below each event */
    bool code;        /* --disasm: the instructions around the call of its call site */
    bool quiet;       /* -q: no lines about the ends of processes */
    uint32_t pid;     /* only this process; 0: all */
    const struct event_style *style;
    uint64_t last; /* entry of the event printed last */
};

void listing_init(struct listing *listing);

/* One more -t. */
void listing_more_clock(struct listing *listing);

/* -e: 0, or EXIT_USAGE after one line was printed. */
int listing_select(struct listing *listing, const char *text);

/* Append the lines, with newlines, for what has just been applied; nothing when it has no line. */
void listing_add(struct listing *listing, struct buffer *out, const struct decoder *decoder,
                 const struct moment *moment);

/* Whether colour is wanted on this descriptor: it is a terminal that has some, and NO_COLOR is not set. */
bool listing_wants_colour(int fd);

/* Whether the locale's text is UTF-8. */
bool listing_is_utf8(void);

#endif
