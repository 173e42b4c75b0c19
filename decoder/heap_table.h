/*
 * heap_table.h: entries by a number, in a hash table that grows.  Internal to decoder/.
 *
 * An entry is a struct that begins with its key, a uint64_t that is not 0; free places have key 0.
 */
#ifndef BRKWATER_HEAP_TABLE_H
#define BRKWATER_HEAP_TABLE_H

#include <stddef.h>
#include <stdint.h>

struct heap_table {
    void *entries;
    size_t count, capacity; /* a power of two */
    size_t size;            /* of an entry */
};

/* The entry with that key, made and zeroed if need be; NULL without memory, and for 0.  Valid until the next call. */
void *heap_table_get(struct heap_table *table, uint64_t key);

/* NULL when there is none. */
void *heap_table_find(const struct heap_table *table, uint64_t key);

void heap_table_free(struct heap_table *table);

#endif
