/*
 * glibc.h: how glibc's malloc lays out what it keeps in memory: 2.31 to 2.41, with words of 8 and of 4 bytes.
 *
 * A heap is a row of chunks.  A chunk begins with a word that belongs to the chunk before it, then its size, whose low
 * bits are flags; whether it is free tells the size of the *next* chunk, and then its own size stands once more in that
 * chunk's first word.  Chunks in tcaches and fastbins look used.  Source: malloc/malloc.c and malloc/arena.c of glibc.
 */
#ifndef BRKWATER_INSIDE_GLIBC_H
#define BRKWATER_INSIDE_GLIBC_H

#include "view.h"

enum {
    CHUNK_PREV_INUSE = 1,
    CHUNK_MMAPPED = 2,
    CHUNK_FLAGS = 7,
    CHUNK_ALIGN = 16,
    GLIBC_BINS = 127,
    GLIBC_MOST_FASTBINS = 11,
    GLIBC_TCACHE_BINS = 64,
    GLIBC_MOST_STATE = 2200, /* bytes of the larger struct malloc_state */
};

struct glibc {
    unsigned word;      /* bytes of a size */
    unsigned header;    /* bytes of a chunk in front of its memory */
    unsigned least;     /* bytes of the smallest chunk */
    unsigned offset;    /* of a chunk's address from a multiple of CHUNK_ALIGN */
    unsigned free_head; /* bytes that a free chunk needs for its lists */
    /* struct malloc_state */
    unsigned fastbins, n_fastbins, top, bins, next, system_mem, state_size;
    uint64_t heap_max;     /* bytes that an arena's heap reserves, and is aligned to */
    unsigned tcache[2];    /* sizes of the chunk that holds a thread's cache: since 2.30, before */
    unsigned tcache_first; /* chunk size of its first bin */
};

const struct glibc *glibc_layout(bool is_32_bit);

/* A word of the target out of bytes that were read. */
uint64_t glibc_word(const struct glibc *glibc, const void *bytes);

/* Whether a chunk can be there, and be so large, in a region that ends at `end`. */
bool glibc_is_chunk(const struct glibc *glibc, tracee_addr chunk, uint64_t size, tracee_addr end);

#endif
