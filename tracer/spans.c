/* spans.c: ranges, joined where they overlap. */
#include "spans.h"

static struct span hull(struct span a, struct span b)
{
    return (struct span){a.start < b.start ? a.start : b.start, a.end > b.end ? a.end : b.end};
}

static bool overlap(struct span a, struct span b)
{
    return a.start < b.end && b.start < a.end;
}

void spans_add(struct spans *s, struct span span)
{
    if (span.start >= span.end)
        return;
    for (unsigned i = 0; i < s->count;) {
        if (s->count < SPANS_MAX && !overlap(s->list[i], span)) {
            i++;
            continue;
        }
        span = hull(span, s->list[i]);
        s->list[i] = s->list[--s->count];
        i = 0; /* it has grown: those before may overlap it now */
    }
    s->list[s->count++] = span;
}

void spans_add_event(struct spans *s, const struct rec_event *event)
{
    struct span reach[EVENT_MAX_SPANS];
    unsigned count = event_reach(event, reach);
    for (unsigned i = 0; i < count; i++)
        spans_add(s, reach[i]);
}
