/* reach.c: where a call may have changed the map, told from its arguments and result alone. */
#include "trace.h"

#include <linux/prctl.h>
#include <sys/mman.h>

#ifndef PR_SET_VMA
#define PR_SET_VMA 0x53564d41
#endif

enum {
    PROT_GROWS_DOWN = 0x01000000, /* begins at the start of the mapping that grows down, wherever that is */
    REMAP_MAY_MOVE = 1,
    REMAP_TO_FIXED = 2,
    ATTACH_REMAP = 040000, /* SHM_REMAP: takes the place of what is there */
};

/* Collects spans; an empty one is left out. */
struct reach {
    const struct rec_event *event;
    struct span *spans;
    unsigned count;
};

static const struct span anywhere = {0, UINT64_MAX};

static void add(struct reach *r, tracee_addr start, uint64_t length)
{
    const uint64_t page = r->event->huge ? r->event->huge : TRACE_PAGE;
    tracee_addr end = start + length;
    if (!length)
        return;
    if (end < start || end > UINT64_MAX - page)
        end = UINT64_MAX;
    else
        end = (end + page - 1) / page * page;
    r->spans[r->count++] = (struct span){start / page * page, end};
}

static void add_anywhere(struct reach *r)
{
    r->spans[0] = anywhere;
    r->count = 1;
}

static bool has_no_result(const struct rec_event *event)
{
    return event->flags & (EVENT_UNFINISHED | EVENT_NO_RESULT);
}

static void reach_map(struct reach *r)
{
    const struct rec_event *e = r->event;
    const bool fixed = e->args[3] & (MAP_FIXED | MAP_FIXED_NOREPLACE);
    const uint64_t length = e->length ? e->length : e->args[1];
    if (has_no_result(e) && !fixed)
        add_anywhere(r);
    else if (e->error || has_no_result(e))
        add(r, e->args[0], fixed ? length : 0);
    else
        add(r, e->ret, length);
}

static void reach_protect(struct reach *r)
{
    if (r->event->args[2] & PROT_GROWS_DOWN)
        add_anywhere(r);
    else
        add(r, r->event->args[0], r->event->args[1]);
}

static void reach_remap(struct reach *r)
{
    const struct rec_event *e = r->event;
    const uint64_t old_length = e->args[1], length = e->args[2];
    if (has_no_result(e) && (e->args[3] & REMAP_MAY_MOVE) && !(e->args[3] & REMAP_TO_FIXED)) {
        add_anywhere(r);
        return;
    }
    const bool at_target = (e->args[3] & REMAP_TO_FIXED) && (e->error || has_no_result(e));
    const bool in_place = !at_target && (e->error || has_no_result(e) || e->ret == e->args[0]);
    add(r, e->args[0], in_place && length > old_length ? length : old_length);
    if (at_target)
        add(r, e->args[4], length);
    else if (!in_place)
        add(r, e->ret, length);
}

static void reach_attach(struct reach *r)
{
    const struct rec_event *e = r->event;
    if (has_no_result(e) || (e->error && (e->args[2] & ATTACH_REMAP)))
        add_anywhere(r);
    else if (!e->error)
        add(r, e->ret, e->length);
}

static void reach_ring(struct reach *r)
{
    if (has_no_result(r->event))
        add_anywhere(r);
    else if (!r->event->error)
        add(r, r->event->at, r->event->length);
}

static void reach_shadow_stack(struct reach *r)
{
    if (has_no_result(r->event))
        add_anywhere(r);
    else if (!r->event->error)
        add(r, r->event->ret, r->event->args[1]);
}

unsigned event_reach(const struct rec_event *event, struct span ret_spans[EVENT_MAX_SPANS])
{
    struct reach r = {event, ret_spans, 0};
    switch (call_info((enum call)event->call)->effect) {
    case EFFECT_BRK:
        add_anywhere(&r);
        break;
    case EFFECT_MAP:
        reach_map(&r);
        break;
    case EFFECT_PROTECT:
        reach_protect(&r);
        break;
    case EFFECT_REMAP:
        reach_remap(&r);
        break;
    case EFFECT_UNMAP:
    case EFFECT_ADVISE:
    case EFFECT_REMAP_FILE:
    case EFFECT_RANGE:
        add(&r, event->args[0], event->args[1]);
        break;
    case EFFECT_ATTACH:
        reach_attach(&r);
        break;
    case EFFECT_DETACH:
    case EFFECT_UNMAP_RING:
        add(&r, event->args[0], UINT64_MAX);
        break;
    case EFFECT_MAP_RING:
        reach_ring(&r);
        break;
    case EFFECT_SHADOW_STACK:
        reach_shadow_stack(&r);
        break;
    case EFFECT_PRCTL:
        if (event->args[0] == PR_SET_VMA)
            add(&r, event->args[2], event->args[3]);
        break;
    default:
        break;
    }
    return r.count;
}
