/*
 * gopclntab.h: the table from program counters to functions and lines that every Go program carries in .gopclntab, and
 * that stripping does not remove.
 *
 * Formats of Go 1.2, 1.16, 1.18 and 1.20, told apart by their magic numbers.  Source: src/debug/gosym/pclntab.go and
 * src/runtime/symtab.go of Go.
 *
 * Calls that the compiler has inlined are not followed: the function is the one that holds the code, file and line are
 * those of the innermost.
 */
#ifndef BRKWATER_GOPCLNTAB_H
#define BRKWATER_GOPCLNTAB_H

#include "names.h"

struct gopclntab;

/* Bytes of the table, and what else of the file is needed. */
struct gopclntab_source {
    const unsigned char *bytes; /* must stay until gopclntab_free() */
    size_t size;
    uint64_t text; /* address of the code, where the table leaves it open */
};

/* 0; -ENOEXEC when it is not such a table, or its parts do not lie within it; -ENOMEM. */
int gopclntab_new(const struct gopclntab_source *source, struct names *names, struct gopclntab **ret_table);
void gopclntab_free(struct gopclntab *table);

struct gopclntab_place {
    struct text function, file;
    uint64_t offset;
    uint32_t line; /* 0 when it is not known */
};

/* 1, 0 when no function is there, or -ENOMEM.  Damage shows as an empty file or a line of 0. */
int gopclntab_lookup(struct gopclntab *table, uint64_t address, struct gopclntab_place *ret_place);

#endif
