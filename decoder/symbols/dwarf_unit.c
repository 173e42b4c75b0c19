/* dwarf_unit.c: the functions of one compilation unit. */
#include "dwarf_unit.h"

#include <dwarf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
    MAX_DEPTH = 512,         /* of the tree; what is deeper is passed over */
    MAX_FUNCTIONS = 1 << 22, /* of a unit */
    MAX_RANGES = 1 << 23,    /* of all functions of a unit */
    MAX_DIE_RANGES = 1 << 16,
};

/* Addresses of a function, with those of the functions that are inlined there. */
struct range {
    uint64_t start, end;
    uint32_t function;
};

/* One level of the tree. */
struct level {
    Dwarf_Die die;     /* the one at hand of this level */
    uint32_t function; /* index + 1 of the nearest function around this level */
};

struct walk {
    struct dwarf_unit *unit;
    size_t functions_capacity;
    struct range *ranges;
    size_t n_ranges, ranges_capacity;
    Dwarf_Off last; /* offset of the last entry: a later one has a higher offset, or the file is damaged */
    size_t depth;
    struct level levels[MAX_DEPTH];
};

/* Make room for one more element; false without memory. */
static bool reserve(void **array, size_t count, size_t *capacity, size_t size)
{
    if (count < *capacity)
        return true;
    size_t larger = *capacity ? *capacity * 2 : 64;
    void *grown = reallocarray(*array, larger, size);
    if (!grown)
        return false;
    *array = grown;
    *capacity = larger;
    return true;
}

static int add_range(struct walk *walk, uint64_t start, uint64_t end, uint32_t function)
{
    /* Functions that the linker has dropped stay in the tables at address 0. */
    if (start == 0 || start >= end || walk->n_ranges >= MAX_RANGES)
        return 0;
    if (!reserve((void **)&walk->ranges, walk->n_ranges, &walk->ranges_capacity, sizeof(struct range)))
        return -ENOMEM;
    walk->ranges[walk->n_ranges++] = (struct range){start, end, function};
    return 0;
}

/* Number of ranges added, or -ENOMEM. */
static int add_ranges(struct walk *walk, Dwarf_Die *die, uint32_t function)
{
    Dwarf_Addr base, start, end;
    ptrdiff_t offset = 0;
    size_t before = walk->n_ranges;
    for (int i = 0; i < MAX_DIE_RANGES && (offset = dwarf_ranges(die, offset, &base, &start, &end)) > 0; i++)
        if (add_range(walk, start, end, function) < 0)
            return -ENOMEM;
    return (int)(walk->n_ranges - before);
}

static uint32_t number_of(Dwarf_Die *die, unsigned name)
{
    Dwarf_Attribute attribute;
    Dwarf_Word value;
    return dwarf_attr(die, name, &attribute) && dwarf_formudata(&attribute, &value) == 0 && value <= UINT32_MAX
               ? (uint32_t)value
               : 0;
}

/* Take an entry that has code into the table.  Index + 1 of the function that what lies below it belongs to, or
 * -ENOMEM. */
static int64_t take_function(struct walk *walk, Dwarf_Die *die, uint32_t around)
{
    struct dwarf_unit *unit = walk->unit;
    bool inlined = dwarf_tag(die) == DW_TAG_inlined_subroutine;
    if (unit->n_functions >= MAX_FUNCTIONS)
        return around;
    size_t first = walk->n_ranges;
    int count = add_ranges(walk, die, (uint32_t)unit->n_functions);
    if (count < 0)
        return count;
    if (count == 0)
        return inlined ? around : 0;
    if (!reserve((void **)&unit->functions, unit->n_functions, &walk->functions_capacity,
                 sizeof(struct dwarf_function)))
        return -ENOMEM;
    struct dwarf_function function = {.die = dwarf_dieoffset(die), .inlined = inlined && around};
    if (dwarf_entrypc(die, &function.entry) != 0)
        function.entry = walk->ranges[first].start;
    if (function.inlined) {
        function.parent = around;
        function.call_file = number_of(die, DW_AT_call_file);
        function.call_line = number_of(die, DW_AT_call_line);
    }
    unit->functions[unit->n_functions++] = function;
    return (int64_t)unit->n_functions;
}

static bool may_hold_functions(int tag)
{
    switch (tag) {
    case DW_TAG_subprogram:
    case DW_TAG_inlined_subroutine:
    case DW_TAG_lexical_block:
    case DW_TAG_namespace:
    case DW_TAG_module:
    case DW_TAG_class_type:
    case DW_TAG_structure_type:
    case DW_TAG_union_type:
    case DW_TAG_enumeration_type: /* of Rust: it has methods */
    case DW_TAG_try_block:
    case DW_TAG_catch_block:
    case DW_TAG_with_stmt:
    case DW_TAG_common_block:
        return true;
    default:
        return false;
    }
}

/* True when `die` lies behind all that were seen before. */
static bool is_forward(struct walk *walk, Dwarf_Die *die)
{
    Dwarf_Off offset = dwarf_dieoffset(die);
    if (offset <= walk->last)
        return false;
    walk->last = offset;
    return true;
}

/* Go to the next entry: the first one below, else the next one beside, else beside one above.  False at the end. */
static bool advance(struct walk *walk, uint32_t function)
{
    struct level *level = &walk->levels[walk->depth];
    if (may_hold_functions(dwarf_tag(&level->die)) && walk->depth + 1 < MAX_DEPTH &&
        dwarf_child(&level->die, &level[1].die) == 0) {
        level[1].function = function;
        walk->depth++;
        return is_forward(walk, &level[1].die);
    }
    for (;; walk->depth--, level--) {
        if (dwarf_siblingof(&level->die, &level->die) == 0)
            return is_forward(walk, &level->die);
        if (walk->depth == 0)
            return false;
    }
}

static int walk_tree(struct walk *walk, Dwarf_Die *unit_die)
{
    walk->last = dwarf_dieoffset(unit_die);
    if (dwarf_child(unit_die, &walk->levels[0].die) != 0)
        return 0;
    int64_t function;
    do {
        struct level *level = &walk->levels[walk->depth];
        int tag = dwarf_tag(&level->die);
        function = level->function;
        if (tag == DW_TAG_subprogram || tag == DW_TAG_inlined_subroutine)
            function = take_function(walk, &level->die, level->function);
        if (function < 0)
            return (int)function;
    } while (advance(walk, (uint32_t)function));
    return 0;
}

/* By start; of the same start the outer one first, which was found first. */
static int compare_ranges(const void *left, const void *right)
{
    const struct range *a = left, *b = right;
    if (a->start != b->start)
        return a->start < b->start ? -1 : 1;
    return (a->function > b->function) - (a->function < b->function);
}

/* What cut_ranges() is doing: `open` are the ranges around `at`, the innermost last. */
struct cutting {
    struct dwarf_unit *unit;
    struct range *open;
    size_t n_open;
    uint64_t at;
};

/* What lies between `at` and `to` belongs to the innermost open range. */
static void cut_until(struct cutting *cutting, uint64_t to)
{
    if (cutting->n_open && cutting->at < to)
        cutting->unit->stretches[cutting->unit->n_stretches++] =
            (struct dwarf_stretch){cutting->at, to, cutting->open[cutting->n_open - 1].function};
    cutting->at = to;
}

static void close_until(struct cutting *cutting, uint64_t to)
{
    while (cutting->n_open && cutting->open[cutting->n_open - 1].end <= to) {
        cut_until(cutting, cutting->open[cutting->n_open - 1].end);
        cutting->n_open--;
    }
}

/* From ranges that lie within each other to stretches that do not overlap.  One range opens and closes one stretch at
 * most, so there are at most two for each.  A range that reaches out of the one around it is cut off there. */
static int cut_ranges(struct dwarf_unit *unit, struct range *ranges, size_t count)
{
    struct cutting cutting = {.unit = unit};
    unit->stretches = reallocarray(NULL, count * 2 + 1, sizeof(struct dwarf_stretch));
    cutting.open = reallocarray(NULL, count + 1, sizeof(struct range));
    if (!unit->stretches || !cutting.open) {
        free(cutting.open);
        return -ENOMEM;
    }
    if (count)
        qsort(ranges, count, sizeof(struct range), compare_ranges);
    for (size_t i = 0; i < count; i++) {
        struct range range = ranges[i];
        close_until(&cutting, range.start);
        cut_until(&cutting, range.start);
        if (cutting.n_open && range.end > cutting.open[cutting.n_open - 1].end)
            range.end = cutting.open[cutting.n_open - 1].end;
        cutting.open[cutting.n_open++] = range;
    }
    close_until(&cutting, UINT64_MAX);
    free(cutting.open);
    return 0;
}

int dwarf_unit_load(Dwarf *dwarf, struct dwarf_unit *unit)
{
    struct walk *walk = calloc(1, sizeof(*walk));
    Dwarf_Die die;
    if (!walk)
        return -ENOMEM;
    walk->unit = unit;
    int result = dwarf_offdie(dwarf, unit->die, &die) ? walk_tree(walk, &die) : 0;
    if (result == 0)
        result = cut_ranges(unit, walk->ranges, walk->n_ranges);
    free(walk->ranges);
    free(walk);
    if (result < 0)
        dwarf_unit_unload(unit);
    else
        unit->loaded = true;
    return result;
}

void dwarf_unit_unload(struct dwarf_unit *unit)
{
    free(unit->functions);
    free(unit->stretches);
    *unit = (struct dwarf_unit){.die = unit->die};
}

const struct dwarf_function *dwarf_unit_function(const struct dwarf_unit *unit, uint64_t address)
{
    size_t low = 0, high = unit->n_stretches;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (unit->stretches[middle].end <= address)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == unit->n_stretches || address < unit->stretches[low].start)
        return NULL;
    return &unit->functions[unit->stretches[low].function];
}
