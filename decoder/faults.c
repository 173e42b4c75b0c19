/* faults.c: page faults: which of them are first touches, and what they belong to. */
#include "model.h"

#include <errno.h>
#include <stdlib.h>

enum { MOST_PAGES = 1 << 26 }; /* of one record: more is damage or malice */

static const uint64_t user_end = UINT64_C(1) << 47; /* five-level page tables are given out only on request */

/* Memory that grows down is touched before any map shows it. */
static tracee_addr grown_end(const struct segments *segments, tracee_addr at)
{
    enum { REACH = 64 << 20 };
    const struct segment *above = segments_find(segments, at);
    return above && (above->flags & SEGMENT_GROWS_DOWN) && above->start > at && above->start - at <= REACH
               ? above->start
               : 0;
}

static struct touch take_run(struct space_model *space, const struct rec_fault_run *run)
{
    struct segments *segments = &space->segments;
    struct touch touch = {0};
    const tracee_addr end = run->start + run->pages * TRACE_PAGE;
    for (tracee_addr at = run->start; at < end;) {
        const struct segment *segment = segments_find(segments, at);
        tracee_addr from = at, to = end;
        if (segment && segment->start <= at) {
            to = segment->end < end ? segment->end : end;
        } else if (grown_end(segments, at)) {
            to = segment->start < end ? segment->start : end;
        } else { /* nothing is there: up to what is */
            to = segment && segment->start < end ? segment->start : end;
            touch.outside += (to - from) / TRACE_PAGE;
            at = to;
            continue;
        }
        touch.first += touched_add(&segments->touched, from, to, run->stack);
        at = to;
    }
    return touch;
}

static bool is_sound(const struct rec_fault_run *run, uint64_t *pages)
{
    if (run->start % TRACE_PAGE || run->start >= user_end || run->pages > (user_end - run->start) / TRACE_PAGE ||
        run->pages > MOST_PAGES - *pages)
        return false;
    *pages += run->pages;
    return true;
}

static bool hold_touches(struct decoder *d, size_t count)
{
    if (count <= d->touches_capacity)
        return true;
    struct touch *touches = reallocarray(d->touches, count, sizeof(*touches));
    if (!touches)
        return false;
    d->touches = touches;
    d->touches_capacity = count;
    return true;
}

int model_faults(struct decoder *d, const struct rec_faults *faults, struct moment *m)
{
    struct space_model *space = model_space(d, faults->space);
    uint64_t pages = 0;
    m->pid = faults->pid;
    m->space = faults->space;
    if (!space) {
        d->contradictions++;
        return 0;
    }
    if (!hold_touches(d, faults->n_runs))
        return -ENOMEM;
    for (uint32_t i = 0; i < faults->n_runs; i++) {
        const bool sound = is_sound(&faults->runs[i], &pages);
        d->contradictions += !sound;
        d->touches[i] = sound ? take_run(space, &faults->runs[i]) : (struct touch){0};
    }
    m->touches = d->touches;
    return 0;
}

const struct rec_fault_sight *decoder_fault_sight(const struct decoder *d)
{
    return d->fault_sight.sight ? &d->fault_sight : NULL;
}

uint64_t decoder_touched(const struct decoder *d, uint32_t id, tracee_addr start, tracee_addr end)
{
    const struct space_model *s = model_space_const(d, id);
    return s ? touched_pages(&s->segments.touched, start, end) * TRACE_PAGE : 0;
}

bool decoder_toucher(const struct decoder *d, uint32_t id, tracee_addr address, uint32_t *ret_stack)
{
    const struct space_model *s = model_space_const(d, id);
    return s && touched_at(&s->segments.touched, address, ret_stack);
}
