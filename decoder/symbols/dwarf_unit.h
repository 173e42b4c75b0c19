/*
 * dwarf_unit.h: the functions of one compilation unit, as a table by address.
 *
 * libdw walks the tree of a unit for each address that it is asked about.  Here the tree is walked once, without
 * recursion and only forwards, so that neither deep nor circular trees do harm.
 */
#ifndef BRKWATER_DWARF_UNIT_H
#define BRKWATER_DWARF_UNIT_H

#include <elfutils/libdw.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A function, or one place where it was inlined.
 * Example: `inline int half(int x)` called on line 12 of file 1 of the unit, by function number 4:
 * {.die = 0x1a2, .entry = 0x1149, .parent = 5, .call_file = 1, .call_line = 12, .inlined = true} */
struct dwarf_function {
    Dwarf_Off die;
    uint64_t entry;  /* address of its first instruction */
    uint32_t parent; /* index + 1 of the function that it is inlined into, 0: not inlined */
    uint32_t call_file, call_line;
    bool inlined;
};

/* Addresses that belong to one function and to none that is inlined there. */
struct dwarf_stretch {
    uint64_t start, end; /* end exclusive */
    uint32_t function;   /* index */
};

struct dwarf_unit {
    Dwarf_Off die; /* of the unit itself */
    bool loaded;
    struct dwarf_function *functions; /* those that enclose others come before them */
    size_t n_functions;
    struct dwarf_stretch *stretches; /* by address; they do not overlap */
    size_t n_stretches;
};

/* Fill in all but `die`.  0 (damage ends the walk, and what was found is kept), or -ENOMEM. */
int dwarf_unit_load(Dwarf *dwarf, struct dwarf_unit *unit);
void dwarf_unit_unload(struct dwarf_unit *unit);

/* The innermost function at an address, or NULL. */
const struct dwarf_function *dwarf_unit_function(const struct dwarf_unit *unit, uint64_t address);

#endif
