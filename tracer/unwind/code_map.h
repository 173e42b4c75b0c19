/*
 * code_map.h: the executable memory of one address space, and a cache of what is known of single addresses.
 *
 * Ranges are sorted and don't overlap.  What is behind a range is found out when an address in it is first looked up,
 * so a mapping that no stack passes through costs nothing.  A range can stay after its mapping lost PROT_EXEC: just-in-
 * time compilers take it away and give it back all the time, and nobody returns to it in between.
 *
 * Example: {start 0x7f10a0028000, end 0x7f10a01bd000, kind CODE_FILE, module 3, bias 0x7f10a0000000}: the text of libc.
 */
#ifndef BRKWATER_UNWIND_CODE_MAP_H
#define BRKWATER_UNWIND_CODE_MAP_H

#include "rule.h"
#include "unwind.h"

struct map_line;

enum code_kind {
    CODE_UNKNOWN,   /* not looked at yet */
    CODE_FILE,      /* module tells */
    CODE_ANONYMOUS, /* no module: made by a program, or no ELF file */
};

struct code_range {
    uint64_t start, end;
    uint64_t bias, offset, inode; /* bias only with a module; offset and inode as maps has them */
    uint32_t major, minor;
    enum code_kind kind;
    struct module *module; /* NULL unless CODE_FILE */
};

enum { PLACES = 512, CODE_MAX_RANGES = 1 << 17 };

/* What is known of an address where code was found on a stack.  Valid if its generation is the space's. */
struct place {
    uint64_t at;
    uint64_t bias;
    const struct rule *rule; /* NULL: no unwind tables */
    const struct module *module;
    uint32_t generation;
    bool plausible;       /* at + 1 is known to be what a return address can be */
    uint64_t call_target; /* of the direct call before it; else 0 */
};

struct unwind_space {
    struct code_range *ranges;
    size_t count, capacity;
    bool known;           /* ranges were read; while false nothing has to be followed */
    bool stale;           /* they must be read again */
    uint32_t generation;  /* changes when a known range goes; from 1 */
    struct place *places; /* PLACES of them, made at the first look-up */
};

/* The range that holds addr, or NULL. */
struct code_range *code_map_find(const struct unwind_space *space, uint64_t addr);

/* Take [start, end) out, cutting what is partly in it. */
void code_map_clear(struct unwind_space *space, uint64_t start, uint64_t end);

/* Put a range in, in place of what was there.  0, -ENOMEM, or -ENOSPC behind the limit. */
int code_map_put(struct unwind_space *space, const struct code_range *range);

/* Take the executable mappings of a maps text over; ranges whose mapping is the same keep their module.  0 or -errno.
 */
struct maps_buffer;
int code_map_read(struct unwind_space *space, int maps, struct maps_buffer *buffer);

/* The place of an address in the cache, right or not; NULL without memory. */
static inline struct place *code_map_place(struct unwind_space *space, uint64_t at)
{
    return space->places ? &space->places[(at ^ at >> 9 ^ at >> 18) % PLACES] : NULL;
}

#endif
