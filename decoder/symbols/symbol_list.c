/* symbol_list.c: the names of one address. */
#include "symbol_list.h"

#include <errno.h>
#include <stdlib.h>

int symbol_list_add(struct symbol_list *list, const struct symbol *symbol)
{
    if (list->count >= SYMBOL_LIST_MAX)
        return -E2BIG;
    if (list->count == list->capacity) {
        size_t capacity = list->capacity ? list->capacity * 2 : 16;
        struct symbol *symbols = reallocarray(list->symbols, capacity, sizeof(*symbols));
        if (!symbols)
            return -ENOMEM;
        list->symbols = symbols;
        list->capacity = capacity;
    }
    list->symbols[list->count++] = *symbol;
    return 0;
}
