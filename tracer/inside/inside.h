/*
 * inside.h: what is in the heaps of glibc's malloc, from the memory of a process that stands still.
 */
#ifndef BRKWATER_INSIDE_H
#define BRKWATER_INSIDE_H

#include "arenas.h"

enum { INSIDE_MOST_MAPS = 1 << 17 };

struct inside_request {
    struct view_source source;
    bool is_32_bit;
    struct span heap;              /* that the break has been moved over; start 0: none */
    const struct inside_map *maps; /* in order of addresses */
    size_t n_maps;
    uint64_t until, bytes; /* when to give up: a tick of the source, bytes read */
    bool moving;           /* threads run meanwhile */
};

/*
 * Look into all heaps, the one of the lowest address first, and hand each record to `put`: with everything but time,
 * space, pid, reason and cost.  What can't be walked to its end is told by its `ending`.
 *
 * The number of heaps, 0 when there are none, or -ENOMEM.
 */
int inside_look(const struct inside_request *request, void (*put)(void *context, struct rec_walk *walk), void *context);

#endif
