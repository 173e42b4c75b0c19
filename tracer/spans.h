/*
 * spans.h: a few ranges of one address space, of which it is enough to know a little too much.
 */
#ifndef BRKWATER_SPANS_H
#define BRKWATER_SPANS_H

#include "trace.h"

enum { SPANS_MAX = 8 };

/* In no order; they may touch, but do not overlap. */
struct spans {
    struct span list[SPANS_MAX];
    unsigned count;
};

/* Add one; those that it overlaps are joined with it.  When there is no room, two are joined with what lies between. */
void spans_add(struct spans *spans, struct span span);

/* Add where the event may have changed the map. */
void spans_add_event(struct spans *spans, const struct rec_event *event);

#endif
