/*
 * chunks.h: the walk through the chunks of one heap.
 */
#ifndef BRKWATER_INSIDE_CHUNKS_H
#define BRKWATER_INSIDE_CHUNKS_H

#include "arenas.h"

enum {
    CHUNKS_RECENT = 4096, /* chunks in use that were seen last */
    CHUNKS_CACHES = 4096, /* chunks that may be a thread's cache */
};

/* Chunks in use of the size of a thread's cache. */
struct cache_places {
    tracee_addr list[CHUNKS_CACHES];
    size_t count;
    bool more;
};

struct chunk {
    tracee_addr addr;
    uint64_t size;
};

/* What is known of one heap: a record whose lists point in here. */
struct heap_tally {
    struct rec_walk walk;
    struct walk_run runs[WALK_RUNS];
    uint64_t cells[WALK_CELLS]; /* bytes in use in each part of the heap; tally_finish() makes text of it */
    unsigned char text[WALK_CELLS];
    uint64_t cell;       /* bytes of a part */
    uint64_t used_below; /* bytes and chunks in use below the largest run */
    uint64_t chunks_below;
    struct chunk *recent; /* ring of the last chunks in use; NULL: not kept */
    size_t n_recent;      /* all that were put in */
};

/*
 * Walk from the heap's first chunk to the top, to the fence at its end, or to what can't be a chunk.  Everything is
 * checked before it is believed: sizes, the flags, the second size of free chunks.
 *
 * The tally is filled but for what lists tell (tcache, fast, unsorted, pin): chunks in lists that their neighbours do
 * not know of count as used.
 */
void chunks_walk(struct heap_tally *tally, struct cache_places *caches, struct view *view, const struct glibc *glibc,
                 const struct arena_heap *heap, const struct arena *arena);

/* That chunk is not in use after all. */
void tally_take_out(struct heap_tally *tally, tracee_addr addr, uint64_t size);

/* Whether that chunk may be one of those that were seen last. */
bool tally_is_recent(const struct heap_tally *tally, tracee_addr addr);

/* Fill in what depends on all chunks. */
void tally_finish(struct heap_tally *tally);

#endif
