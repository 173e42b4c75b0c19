/* heap_table.c: open addressing with linear probing, at most half full. */
#include "heap_table.h"

#include <stdlib.h>
#include <string.h>

static uint64_t *key_at(const struct heap_table *t, size_t index)
{
    return (uint64_t *)(void *)((char *)t->entries + index * t->size);
}

static size_t place_of(const struct heap_table *t, uint64_t key)
{
    /* Keys may differ in their upper half only: what that does to the product must reach its lowest bits. */
    const uint64_t product = key * 0x9e3779b97f4a7c15ull;
    size_t at = (size_t)(product ^ product >> 32) & (t->capacity - 1);
    while (*key_at(t, at) && *key_at(t, at) != key)
        at = (at + 1) & (t->capacity - 1);
    return at;
}

static int grow(struct heap_table *t)
{
    struct heap_table larger = {.capacity = t->capacity ? t->capacity * 2 : 16, .size = t->size, .count = t->count};
    larger.entries = calloc(larger.capacity, larger.size);
    if (!larger.entries)
        return -1;
    for (size_t i = 0; i < t->capacity; i++)
        if (*key_at(t, i))
            memcpy(key_at(&larger, place_of(&larger, *key_at(t, i))), key_at(t, i), t->size);
    free(t->entries);
    *t = larger;
    return 0;
}

void *heap_table_find(const struct heap_table *t, uint64_t key)
{
    if (!t->capacity)
        return NULL;
    uint64_t *entry = key_at(t, place_of(t, key));
    return *entry ? entry : NULL;
}

void *heap_table_get(struct heap_table *t, uint64_t key)
{
    if (!key || (t->count * 2 >= t->capacity && grow(t) < 0))
        return NULL;
    uint64_t *entry = key_at(t, place_of(t, key));
    t->count += !*entry;
    *entry = key;
    return entry;
}

void heap_table_free(struct heap_table *t)
{
    free(t->entries);
    t->entries = NULL;
    t->count = t->capacity = 0;
}
