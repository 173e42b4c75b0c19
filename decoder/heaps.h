/*
 * heaps.h: what heaps.c keeps of one address space, for those that work on it.  Internal to decoder/.
 */
#ifndef BRKWATER_HEAPS_H
#define BRKWATER_HEAPS_H

#include "heap_table.h"
#include "timeline.h"

/* One stack and one act; key: stack << 8 | act. */
struct heap_entry {
    uint64_t key;
    struct heap_sum sum;
};

/* Code outside of libc that had chunks mapped; key: frame id. */
struct heap_caller {
    uint64_t key;
    uint64_t smallest; /* bytes of a chunk of its */
};

/* Chunks of one size; key: bytes.  Only of sizes that can raise the threshold: some thousands at most. */
struct heap_size {
    uint64_t key;
    uint64_t count;
};

/* The largest chunk that a stack has freed; key: stack id + 1. */
struct heap_freed {
    uint64_t key;
    uint64_t largest;
};

/* Something that no dynamic threshold explains, or may not explain. */
struct heap_witness {
    enum heap_sign sign;
    uint64_t event, time, bytes;
    uint32_t stack;
};

enum { WITNESSES = 32 };

struct heap_space {
    struct heap_story story;
    struct heap_arena *arenas; /* story.arenas; the last one used is tried first */
    size_t arenas_capacity, last_arena;
    struct heap_table sums, callers, sizes, freed;
    struct heap_move *candidates; /* chunks freed that may have raised the threshold, in the order of their events */
    size_t n_candidates, candidates_capacity;
    uint64_t most; /* the threshold, if each of these did; 0 before */
    struct heap_witness witnesses[WITNESSES];
    size_t n_witnesses;
    bool foreign_break;        /* the program moved the break by itself: malloc may have to align it */
    uint64_t resident, minflt; /* by the last sample, 0: none */
    uint64_t pending, foreign; /* promised since then: by trims, by others */
    uint64_t least, most_back; /* sums of what came back */
    uint64_t heap;             /* its size */
    struct heap_space *next;   /* in the list of all */
};

/* Of one space; 0: of all.  NULL when there is none. */
const struct heap_space *heaps_space(const struct heaps *heaps, uint32_t space);

/* Thresholds of glibc: what they are at first, and the largest chunk that still raises them.  Source: malloc/malloc.c,
 * DEFAULT_MMAP_THRESHOLD, DEFAULT_MMAP_THRESHOLD_MAX, mallopt(3). */
enum { THRESHOLD_AT_FIRST = 128 << 10 };
uint64_t heaps_threshold_limit(const struct heap_space *space);

#endif
