/*
 * touched.h: which pages of an address space were touched, and by which call stack first.  Internal to decoder/.
 *
 * A set of pages in chunks of 512, each a bit a page and, where they differ, a stack a page: 88 bytes for 2 MiB that
 * were touched by one stack.  What is always true: `pages` is the number of pages in the set; there are at most MAX
 * chunks, what lies beyond is not kept (`full`).
 */
#ifndef BRKWATER_TOUCHED_H
#define BRKWATER_TOUCHED_H

#include "decoder.h"
#include "pack.h"

struct touched_chunk;

/* All zero: nothing was touched. */
struct touched {
    struct touched_chunk *chunks; /* a hash table, open addressing */
    size_t used, capacity;        /* used: also by chunks that are empty by now */
    uint64_t pages;
    bool full; /* some could not be kept */
};

void touched_free(struct touched *touched);

/* Add the pages of a range.  How many of them are new. */
uint64_t touched_add(struct touched *touched, tracee_addr start, tracee_addr end, uint32_t stack);

/* The memory there is gone. */
void touched_clear(struct touched *touched, tracee_addr start, tracee_addr end);

/* Pages go to another place, with their stacks; nothing is there. */
void touched_move(struct touched *touched, tracee_addr start, tracee_addr end, tracee_addr to);

/* Fill an empty set. */
void touched_copy(struct touched *to, const struct touched *from);

uint64_t touched_pages(const struct touched *touched, tracee_addr start, tracee_addr end);

/* Whether the page was touched, and by which stack first. */
bool touched_at(const struct touched *touched, tracee_addr address, uint32_t *ret_stack);

/* Into bytes and back: equal sets give equal bytes. */
void touched_visit(struct touched *touched, struct pack *pack);

#endif
