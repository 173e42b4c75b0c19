/*
 * makers.h: which stacks mapped the most memory of each kind.  Memory grows with distinct stacks only.  Internal to
 * decoder/.
 */
#ifndef BRKWATER_MAKERS_H
#define BRKWATER_MAKERS_H

#include "decoder.h"

/* All zero: nothing was counted. */
struct makers {
    uint64_t *bytes[KIND_COUNT]; /* by stack id; NULL while there are none */
    uint32_t count[KIND_COUNT];  /* that have a place */
};

void makers_free(struct makers *makers);

/* Without memory nothing is counted. */
void makers_add(struct makers *makers, enum kind kind, uint32_t stack, uint64_t bytes);

/* A stack of the call site with the most bytes of that kind; 0 when none is known. */
uint32_t makers_most(const struct makers *makers, struct code *code, enum kind kind);

#endif
