/*
 * arenas.h: where malloc's heaps are, and whose: found by their form, without a symbol.
 *
 * The main arena's state lies in the data of the C library, or of a program that is linked statically: it is the one
 * place there that points at a top chunk in the heap and has 127 rings of bins around it.  The heaps of other arenas
 * begin at multiples of what they reserve, with a header that leads to their arena's state.
 */
#ifndef BRKWATER_INSIDE_ARENAS_H
#define BRKWATER_INSIDE_ARENAS_H

#include "glibc.h"

enum { ARENAS_MOST_HEAPS = 1024 };

/* Memory of the target that is private, readable and writable. */
struct inside_map {
    tracee_addr start, end;
    bool is_file; /* of a file: of an image, mostly */
    bool is_libc; /* and by its name the C library */
};

/* A struct malloc_state. */
struct arena {
    tracee_addr state;
    tracee_addr top; /* its top chunk */
    uint64_t top_size;
    tracee_addr fastbins[GLIBC_MOST_FASTBINS]; /* first chunk of each, 0: none */
    tracee_addr unsorted;                      /* first chunk, or its own place in the state */
    bool told;                                 /* its lists were counted */
};

/* A part of the address space in which chunks of one arena lie. */
struct arena_heap {
    tracee_addr start, end;
    tracee_addr first; /* where the first chunk is; in the main heap, at the earliest */
    uint32_t arena;    /* index of its arena; 0: the main one */
    bool is_first;     /* of its arena */
    bool is_orphan;    /* of the main arena, whose state was not found */
};

struct arenas {
    struct arena list[ARENAS_MOST_HEAPS + 1]; /* the first is the main one; state 0: not found */
    size_t count;
    struct arena_heap heaps[ARENAS_MOST_HEAPS + 1]; /* by address, not overlapping */
    size_t n_heaps;
    bool more; /* there were more than are listed */
};

/* Find all.  `heap` is where the break has been moved, start 0: nowhere; `maps` are in order of addresses. */
void arenas_find(struct arenas *arenas, struct view *view, const struct glibc *glibc, struct span heap,
                 const struct inside_map *maps, size_t n_maps);

/* The heap that holds an address; NULL when none does. */
const struct arena_heap *arenas_heap_at(const struct arenas *arenas, tracee_addr addr);

#endif
