/* debug_info.c: the DWARF of one file. */
#include "debug_info.h"

#include "dwarf_unit.h"

#include <dwarf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
    MAX_UNITS = 1 << 22,
    MAX_UNIT_RANGES = 1 << 24,
    MAX_LOADED = 1 << 22, /* functions and stretches of loaded units; beyond that all are dropped and loaded again */
    MAX_STEPS_BACK = 64,  /* over ranges of units that overlap */
};

/* Addresses of a unit. */
struct unit_range {
    uint64_t start, end;
    uint32_t unit;
};

struct debug_info {
    Dwarf *dwarf;
    struct names *names;
    struct dwarf_unit *units;
    size_t n_units, units_capacity;
    struct unit_range *ranges; /* by start */
    size_t n_ranges, ranges_capacity;
    size_t loaded; /* functions and stretches of all loaded units */
};

/* A place in a source file. */
struct position {
    struct text file;
    uint32_t line;
};

/* ---- where the units lie ---- */

static int add_unit_range(struct debug_info *info, struct unit_range range)
{
    if (info->n_ranges == info->ranges_capacity) {
        size_t capacity = info->ranges_capacity ? info->ranges_capacity * 2 : 64;
        struct unit_range *ranges = reallocarray(info->ranges, capacity, sizeof(*ranges));
        if (!ranges)
            return -ENOMEM;
        info->ranges = ranges;
        info->ranges_capacity = capacity;
    }
    info->ranges[info->n_ranges++] = range;
    return 0;
}

static int add_unit(struct debug_info *info, Dwarf_Die *die)
{
    Dwarf_Addr base, start, end;
    ptrdiff_t offset = 0;
    if (info->n_units == info->units_capacity) {
        size_t capacity = info->units_capacity ? info->units_capacity * 2 : 64;
        struct dwarf_unit *units = reallocarray(info->units, capacity, sizeof(*units));
        if (!units)
            return -ENOMEM;
        info->units = units;
        info->units_capacity = capacity;
    }
    while (info->n_ranges < MAX_UNIT_RANGES && (offset = dwarf_ranges(die, offset, &base, &start, &end)) > 0)
        if (start && start < end && add_unit_range(info, (struct unit_range){start, end, (uint32_t)info->n_units}) < 0)
            return -ENOMEM;
    info->units[info->n_units++] = (struct dwarf_unit){.die = dwarf_dieoffset(die)};
    return 0;
}

static int compare_unit_ranges(const void *left, const void *right)
{
    const struct unit_range *a = left, *b = right;
    if (a->start != b->start)
        return a->start < b->start ? -1 : 1;
    return (a->unit > b->unit) - (a->unit < b->unit);
}

/* The index of the file's own (.debug_aranges) is not used: clang makes none. */
static int read_units(struct debug_info *info)
{
    Dwarf_CU *unit = NULL;
    Dwarf_Die die;
    uint8_t type;
    while (info->n_units < MAX_UNITS && dwarf_get_units(info->dwarf, unit, &unit, NULL, &type, &die, NULL) == 0)
        if ((type == DW_UT_compile || type == DW_UT_skeleton) && add_unit(info, &die) < 0)
            return -ENOMEM;
    if (info->n_ranges)
        qsort(info->ranges, info->n_ranges, sizeof(*info->ranges), compare_unit_ranges);
    return 0;
}

int debug_info_new(Dwarf *dwarf, struct names *names, struct debug_info **ret_info)
{
    struct debug_info *info = calloc(1, sizeof(*info));
    if (!info)
        return -ENOMEM;
    info->dwarf = dwarf;
    info->names = names;
    if (read_units(info) < 0) {
        debug_info_free(info);
        return -ENOMEM;
    }
    *ret_info = info;
    return 0;
}

void debug_info_free(struct debug_info *info)
{
    if (!info)
        return;
    for (size_t i = 0; i < info->n_units; i++)
        dwarf_unit_unload(&info->units[i]);
    free(info->units);
    free(info->ranges);
    free(info);
}

/* The unit whose range around the address starts last, or NULL. */
static struct dwarf_unit *unit_at(struct debug_info *info, uint64_t address)
{
    size_t low = 0, high = info->n_ranges;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (info->ranges[middle].start <= address)
            low = middle + 1;
        else
            high = middle;
    }
    for (int steps = 0; low && steps < MAX_STEPS_BACK; steps++, low--)
        if (address < info->ranges[low - 1].end)
            return &info->units[info->ranges[low - 1].unit];
    return NULL;
}

static int load(struct debug_info *info, struct dwarf_unit *unit)
{
    if (unit->loaded)
        return 0;
    if (info->loaded > MAX_LOADED) {
        for (size_t i = 0; i < info->n_units; i++)
            dwarf_unit_unload(&info->units[i]);
        info->loaded = 0;
    }
    int result = dwarf_unit_load(info->dwarf, unit);
    if (result == 0)
        info->loaded += unit->n_functions + unit->n_stretches;
    return result;
}

/* ---- one address ---- */

/* The name under which the linker knows it, which tells overloads and namespaces, else the plain one. */
static int function_name(struct debug_info *info, const struct dwarf_function *function, struct text *ret_name)
{
    static const unsigned linkage[] = {DW_AT_linkage_name, DW_AT_MIPS_linkage_name};
    Dwarf_Die die;
    *ret_name = (struct text){NULL, 0};
    if (!dwarf_offdie(info->dwarf, function->die, &die))
        return 0;
    for (size_t i = 0; i < sizeof(linkage) / sizeof(linkage[0]); i++) {
        Dwarf_Attribute attribute;
        const char *name = NULL;
        if (dwarf_attr_integrate(&die, linkage[i], &attribute))
            name = dwarf_formstring(&attribute);
        if (name)
            return names_keep_demangled(info->names, names_text(name), ret_name);
    }
    const char *name = dwarf_diename(&die);
    return name ? names_keep(info->names, names_text(name), ret_name) : 0;
}

static int line_of(struct debug_info *info, Dwarf_Die *unit_die, uint64_t address, struct position *ret_position)
{
    Dwarf_Line *line = dwarf_getsrc_die(unit_die, address);
    const char *file = line ? dwarf_linesrc(line, NULL, NULL) : NULL;
    int number;
    if (!file)
        return 0;
    if (dwarf_lineno(line, &number) == 0 && number > 0)
        ret_position->line = (uint32_t)number;
    return names_keep(info->names, names_text(file), &ret_position->file);
}

static int call_of(struct debug_info *info, Dwarf_Die *unit_die, const struct dwarf_function *function,
                   struct position *ret_position)
{
    Dwarf_Files *files;
    size_t count;
    *ret_position = (struct position){.line = function->call_line};
    if (dwarf_getsrcfiles(unit_die, &files, &count) != 0)
        return 0;
    const char *file = dwarf_filesrc(files, function->call_file, NULL, NULL);
    return file ? names_keep(info->names, names_text(file), &ret_position->file) : 0;
}

/* Offset from the start of the function; the part of a function that lies before its start counts from itself. */
static uint64_t offset_in(const struct dwarf_unit *unit, const struct dwarf_function *function, uint64_t address)
{
    while (function->parent)
        function = &unit->functions[function->parent - 1];
    return address >= function->entry ? address - function->entry : 0;
}

static int add_functions(struct debug_info *info, const struct dwarf_unit *unit, uint64_t address,
                         struct symbol_list *list)
{
    const struct dwarf_function *function = dwarf_unit_function(unit, address);
    struct position position = {.line = 0};
    Dwarf_Die unit_die;
    if (!dwarf_offdie(info->dwarf, unit->die, &unit_die))
        return 0;
    int result = line_of(info, &unit_die, address, &position);
    if (!function && result == 0 && position.file.size) {
        struct symbol bare = {.file = position.file, .line = position.line};
        result = symbol_list_add(list, &bare);
    }
    uint64_t offset = function ? offset_in(unit, function, address) : 0;
    while (function && result == 0) {
        struct symbol symbol = {
            .offset = offset, .file = position.file, .line = position.line, .inlined = function->parent != 0};
        result = function_name(info, function, &symbol.function);
        if (result == 0)
            result = symbol_list_add(list, &symbol);
        if (result == 0 && function->parent)
            result = call_of(info, &unit_die, function, &position);
        function = function->parent ? &unit->functions[function->parent - 1] : NULL;
    }
    return result;
}

int debug_info_lookup(struct debug_info *info, uint64_t address, struct symbol_list *list)
{
    struct dwarf_unit *unit = unit_at(info, address);
    size_t before = list->count;
    if (!unit)
        return 0;
    int result = load(info, unit);
    if (result == 0)
        result = add_functions(info, unit, address, list);
    if (result < 0 && result != -E2BIG)
        return result;
    /* A list that was cut short still ends with a function that is not inlined. */
    if (list->count > before)
        list->symbols[list->count - 1].inlined = false;
    return list->count > before;
}
