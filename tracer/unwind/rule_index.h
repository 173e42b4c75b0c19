/*
 * rule_index.h: which rule holds at an address of a module, remembered for every address that a stack went through.
 */
#ifndef BRKWATER_UNWIND_RULE_INDEX_H
#define BRKWATER_UNWIND_RULE_INDEX_H

#include "rule.h"

enum { RULE_INDEX_MAX = 1 << 18 }; /* addresses; when it is full it is emptied and starts again */

struct rule_index_entry {
    uint64_t vaddr;
    const struct rule *rule; /* NULL: no table covers the address */
    uint32_t module;         /* 0: an empty place */
};

struct rule_index {
    struct rule_index_entry *entries;
    uint32_t size, count; /* size is a power of two */
};

void rule_index_free(struct rule_index *index);

/* The entry, or NULL. */
const struct rule_index_entry *rule_index_find(const struct rule_index *index, uint32_t module, uint64_t vaddr);

/* Remember one that is not in it.  Without memory it is not remembered. */
void rule_index_put(struct rule_index *index, uint32_t module, uint64_t vaddr, const struct rule *rule);

#endif
