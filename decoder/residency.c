/* residency.c: resident pages on segments: what each is, who mapped it, who touched it. */
#include "model.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void model_forget_residency(struct space_model *space)
{
    free(space->runs);
    space->runs = NULL;
    space->residency = (struct rec_residency){0};
}

/* In order, and nothing twice. */
static bool is_sound(const struct rec_residency *residency)
{
    const uint64_t user_end = UINT64_C(1) << 47;
    tracee_addr end = 0;
    for (uint32_t i = 0; i < residency->n_runs; i++) {
        const struct rec_page_run *run = &residency->runs[i];
        if (run->start % TRACE_PAGE || run->start < end || run->start >= user_end ||
            run->pages > (user_end - run->start) / TRACE_PAGE)
            return false;
        end = run->start + run->pages * TRACE_PAGE;
    }
    return true;
}

int model_residency(struct decoder *d, const struct rec_residency *residency, struct moment *m)
{
    struct space_model *space = model_space(d, residency->space);
    m->pid = residency->pid;
    m->space = residency->space;
    if (!space || !is_sound(residency)) {
        d->contradictions++;
        return 0;
    }
    struct rec_page_run *runs = calloc(residency->n_runs + 1, sizeof(*runs));
    if (!runs)
        return -ENOMEM;
    if (residency->n_runs)
        memcpy(runs, residency->runs, residency->n_runs * sizeof(*runs));
    model_forget_residency(space);
    space->residency = *residency;
    space->residency.runs = space->runs = runs;
    space->residency_event = d->events;
    return 0;
}

const struct rec_residency *decoder_residency(const struct decoder *d, uint32_t id, uint64_t *ret_event)
{
    const struct space_model *s = model_space_const(d, id);
    if (!s || !s->residency.reason)
        return NULL;
    *ret_event = s->residency_event;
    return &s->residency;
}

/* The first run that ends behind an address. */
static uint32_t first_run(const struct rec_residency *residency, tracee_addr at)
{
    uint32_t low = 0, high = residency->n_runs;
    while (low < high) {
        const uint32_t middle = low + (high - low) / 2;
        const struct rec_page_run *run = &residency->runs[middle];
        if (run->start + run->pages * TRACE_PAGE > at)
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

/* Pages that the kernel maps for itself, and huge pages of hugetlb, are in no sum of resident memory. */
static bool is_counted(const struct decoder *d, const struct segment *segment)
{
    return !segment->page_shift && !model_path_starts(d, segment->file, "[vvar");
}

void decoder_pages(const struct decoder *d, uint32_t id, const struct segment *segment, struct pages *ret)
{
    const struct space_model *s = model_space_const(d, id);
    *ret = (struct pages){0};
    if (s && s->residency.reason)
        model_pages(d, &s->residency, segment, ret);
}

void model_pages(const struct decoder *d, const struct rec_residency *residency, const struct segment *segment,
                 struct pages *ret)
{
    *ret = (struct pages){0};
    if (!is_counted(d, segment))
        return;
    for (uint32_t i = first_run(residency, segment->start); i < residency->n_runs; i++) {
        const struct rec_page_run *run = &residency->runs[i];
        if (run->start >= segment->end)
            break;
        const tracee_addr run_end = run->start + run->pages * TRACE_PAGE;
        const tracee_addr from = run->start > segment->start ? run->start : segment->start;
        const uint64_t bytes = (run_end < segment->end ? run_end : segment->end) - from;
        ret->swapped += run->flags & PAGE_SWAPPED ? bytes : 0;
        if (!(run->flags & PAGE_PRESENT) || run->flags & PAGE_ZERO)
            continue;
        ret->resident += bytes;
        ret->huge += run->flags & PAGE_HUGE ? bytes : 0;
    }
}

int decoder_touchers(const struct decoder *d, uint32_t id, const struct segment *segment,
                     int (*take)(void *context, bool known, uint32_t stack, uint64_t bytes), void *context)
{
    const struct space_model *s = model_space_const(d, id);
    bool known = false;
    uint32_t stack = 0;
    uint64_t bytes = 0;
    int error = 0;
    if (!s || !s->residency.reason || !is_counted(d, segment))
        return 0;
    for (uint32_t i = first_run(&s->residency, segment->start); i < s->residency.n_runs && !error; i++) {
        const struct rec_page_run *run = &s->residency.runs[i];
        const tracee_addr run_end = run->start + run->pages * TRACE_PAGE;
        if (run->start >= segment->end)
            break;
        if (!(run->flags & PAGE_PRESENT) || run->flags & PAGE_ZERO)
            continue;
        tracee_addr at = run->start > segment->start ? run->start : segment->start;
        for (; at < run_end && at < segment->end && !error; at += TRACE_PAGE) {
            uint32_t own = 0;
            const bool own_known = touched_at(&s->segments.touched, at, &own);
            /* A huge page is brought by the first touch of any part of it: what was touched before goes for it. */
            const bool same = (own_known == known && own == stack) || (!own_known && known && run->flags & PAGE_HUGE);
            if (!same && bytes) {
                error = take(context, known, stack, bytes);
                bytes = 0;
            }
            if (!same) {
                known = own_known;
                stack = own;
            }
            bytes += TRACE_PAGE;
        }
    }
    return bytes && !error ? take(context, known, stack, bytes) : error;
}

static int count_toucher(void *context, bool known, uint32_t stack, uint64_t bytes)
{
    struct receipt *receipt = context;
    (void)stack;
    receipt->touched += known ? bytes : 0;
    return 0;
}

bool decoder_receipt(const struct decoder *d, uint32_t id, struct receipt *ret)
{
    uint64_t event;
    const struct rec_residency *residency = decoder_residency(d, id, &event);
    struct segment segment = {0};
    if (!residency)
        return false;
    *ret = (struct receipt){.time = residency->time,
                            .pid = residency->pid,
                            .space = id,
                            .reason = residency->reason,
                            .rss = residency->flags & RESIDENCY_NO_SUMS ? 0 : residency->rss_kib * 1024,
                            .lazy = residency->lazy_kib * 1024,
                            .huge_looked = residency->huge_looked,
                            .huge_zero = residency->huge_zero};
    while (decoder_segment(d, id, segment.end, &segment)) {
        struct pages pages;
        decoder_pages(d, id, &segment, &pages);
        ret->by_kind[segment_kind(&segment)] += pages.resident;
        ret->resident += pages.resident;
        ret->swapped += pages.swapped;
        ret->huge += pages.huge;
        decoder_touchers(d, id, &segment, count_toucher, ret);
    }
    return true;
}
