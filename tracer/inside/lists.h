/*
 * lists.h: free chunks that only lists know of: in the caches of threads, in fastbins; and those that are in no bin
 * yet.
 */
#ifndef BRKWATER_INSIDE_LISTS_H
#define BRKWATER_INSIDE_LISTS_H

#include "chunks.h"

enum {
    LISTS_MOST = 1 << 24,      /* chunks that are followed, in all lists */
    LISTS_MOST_KEPT = 1 << 18, /* and those that are remembered */
};

/* A chunk that looks used and is free. */
struct kept_chunk {
    tracee_addr addr;
    uint64_t size;
    bool is_fast;
};

struct lists {
    struct kept_chunk *kept; /* those of caches, and those of fastbins that could be a pin; by address, each once */
    size_t n_kept, capacity;
    bool cut;               /* not all was followed: see view_stopped(), LISTS_MOST */
    bool mangled, is_known; /* links are crossed with their own address (since 2.32), or not; whether that is known */
};

/*
 * Find what the lists of these arenas and caches hold, and move it in the tallies (one for each heap, in the same
 * order) from used to tcache and fast; unsorted chunks are counted there, too.  Lists are believed as far as each chunk
 * lies in a heap and has a size that belongs there.  0 or -ENOMEM.
 */
int lists_take(struct lists *lists, struct view *view, const struct glibc *glibc, struct arenas *arenas,
               const struct cache_places *caches, struct heap_tally *tallies);
void lists_free(struct lists *lists);

/* Whether it is one of these. */
const struct kept_chunk *lists_find(const struct lists *lists, tracee_addr addr);

#endif
