/* rule_index.c: a hash table with open addressing, at most half full. */
#include "rule_index.h"

#include "hash.h"

#include <stdlib.h>

void rule_index_free(struct rule_index *index)
{
    free(index->entries);
    *index = (struct rule_index){0};
}

/* The entry of the key, or the empty place where it belongs. */
static struct rule_index_entry *place_of(const struct rule_index *index, uint32_t module, uint64_t vaddr)
{
    for (uint64_t at = hash_mix(module, vaddr);; at++) {
        struct rule_index_entry *entry = &index->entries[at & (index->size - 1)];
        if (!entry->module || (entry->module == module && entry->vaddr == vaddr))
            return entry;
    }
}

const struct rule_index_entry *rule_index_find(const struct rule_index *index, uint32_t module, uint64_t vaddr)
{
    if (!index->size)
        return NULL;
    const struct rule_index_entry *entry = place_of(index, module, vaddr);
    return entry->module ? entry : NULL;
}

static bool grow(struct rule_index *index)
{
    struct rule_index bigger = {.size = index->size ? index->size * 2 : 2048};
    bigger.entries = calloc(bigger.size, sizeof(*bigger.entries));
    if (!bigger.entries)
        return false;
    for (uint32_t i = 0; i < index->size; i++)
        if (index->entries[i].module)
            *place_of(&bigger, index->entries[i].module, index->entries[i].vaddr) = index->entries[i];
    bigger.count = index->count;
    free(index->entries);
    *index = bigger;
    return true;
}

void rule_index_put(struct rule_index *index, uint32_t module, uint64_t vaddr, const struct rule *rule)
{
    if (index->count == RULE_INDEX_MAX)
        rule_index_free(index);
    if (index->count >= index->size / 2 && !grow(index))
        return;
    *place_of(index, module, vaddr) = (struct rule_index_entry){.vaddr = vaddr, .rule = rule, .module = module};
    index->count++;
}
