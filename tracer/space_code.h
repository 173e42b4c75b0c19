/*
 * space_code.h: what stack capture keeps beside an address space: its executable memory, and where its modules lie.
 */
#ifndef BRKWATER_SPACE_CODE_H
#define BRKWATER_SPACE_CODE_H

#include "unwind/unwind.h"

struct space_code {
    struct unwind_space *unwind;
    uint64_t *biases;  /* that were recorded, by module id; a bias is page aligned: bit 0 tells that there is one */
    uint32_t n_biases; /* modules that have a place in it */
    bool has_made;     /* stacks passed through code without a file: a perf map may name it */
};

/* NULL without memory. */
struct space_code *space_code_new(void);

/* That of a forked space; NULL for NULL, or without memory. */
struct space_code *space_code_copy(const struct space_code *code);
void space_code_free(struct space_code *code);

/* Whether the module is known to lie there; from now on it is.  True also without memory. */
bool space_code_knows(struct space_code *code, uint32_t module, uint64_t bias);

#endif
