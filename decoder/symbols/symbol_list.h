/*
 * symbol_list.h: the names of one address, innermost first.
 */
#ifndef BRKWATER_SYMBOL_LIST_H
#define BRKWATER_SYMBOL_LIST_H

#include "symbols.h"

enum { SYMBOL_LIST_MAX = 256 }; /* functions inlined into each other; deeper ones are left out */

struct symbol_list {
    struct symbol *symbols;
    size_t count, capacity;
};

/* 0, -ENOMEM, or -E2BIG when the list is full. */
int symbol_list_add(struct symbol_list *list, const struct symbol *symbol);

#endif
