/*
 * view.h: the memory of a process that stands still, in few reads, and with an end to them.
 *
 * Headers are read in the order of their addresses through a window: where they lie close together it grows, so that
 * the whole of a heap is read in large pieces; behind a large chunk it begins small again, and what is in that chunk is
 * not read.  Lists lead anywhere: for these there are some pages, kept by their address.
 */
#ifndef BRKWATER_INSIDE_VIEW_H
#define BRKWATER_INSIDE_VIEW_H

#include "../trace.h"

/* Where memory and time come from. */
struct view_source {
    /* Read exactly `size` bytes: 0 or -errno. */
    int (*read)(void *context, tracee_addr addr, void *buffer, size_t size);
    /* Ticks, from any start; only compared. */
    uint64_t (*now)(void *context);
    void *context;
};

enum view_stop {
    VIEW_GOES_ON,
    VIEW_TIMED_OUT, /* the time is over */
    VIEW_EXHAUSTED, /* so much was read */
};

struct view;

/* `until`: tick from which on nothing is read any more; `bytes`: the same by what was read.  NULL without memory. */
struct view *view_new(const struct view_source *source, uint64_t until, uint64_t bytes);
void view_free(struct view *view);

/* `size` bytes (at most 4096) at an address of the region that ends at `limit`, for a walk upwards.  False when they
 * can't be read. */
bool view_walk(struct view *view, tracee_addr addr, tracee_addr limit, void *buffer, size_t size);

/* `size` bytes (at most 4096) anywhere.  False when they can't be read. */
bool view_read(struct view *view, tracee_addr addr, void *buffer, size_t size);

/* Why reads fail from now on. */
enum view_stop view_stopped(const struct view *view);

#endif
