/* tables.c: names of numbers: kinds, calls, bits, errors. */
#include "page.h"

#include <stdio.h>
#include <string.h>

static const char *class_of(enum effect effect)
{
    switch (effect) {
    case EFFECT_MAP:
    case EFFECT_ATTACH:
    case EFFECT_MAP_RING:
    case EFFECT_SHADOW_STACK:
        return "map";
    case EFFECT_UNMAP:
    case EFFECT_DETACH:
    case EFFECT_UNMAP_RING:
        return "unmap";
    case EFFECT_PROTECT:
        return "protect";
    case EFFECT_BRK:
        return "brk";
    case EFFECT_REMAP:
    case EFFECT_REMAP_FILE:
        return "remap";
    case EFFECT_ADVISE:
        return "advise";
    default:
        return "other";
    }
}

/* How an argument is shown; NULL: by names. */
static const char *shown_as(enum arg_kind kind)
{
    switch (kind) {
    case ARG_ADDR:
        return "address";
    case ARG_LENGTH:
        return "size";
    case ARG_OFFSET:
        return "offset";
    case ARG_PROT:
        return "prot";
    case ARG_FD:
        return "fd";
    case ARG_PAGES:
    case ARG_ENVC:
        return "number";
    case ARG_INT:
    case ARG_STATUS:
        return "signed";
    case ARG_TEXT:
    case ARG_ARGV:
        return "text";
    default:
        return NULL;
    }
}

static bool is_value(enum arg_kind kind)
{
    return kind == ARG_ADVICE || kind == ARG_PRCTL_OPTION || kind == ARG_PRCTL_SUB;
}

static void add_arguments(struct column *c, const struct call_info *info)
{
    char text[512];
    size_t used = 0;
    text[0] = '\0';
    for (unsigned i = 0; i < info->nargs && used < sizeof(text); i++) {
        const enum arg_kind kind = info->args[i].kind;
        const char *shown = shown_as(kind);
        used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%s:", i ? " " : "", info->args[i].name);
        if (used < sizeof(text) && shown)
            used += (size_t)snprintf(text + used, sizeof(text) - used, "%s", shown);
        else if (used < sizeof(text))
            used += (size_t)snprintf(text + used, sizeof(text) - used, "%s:%d", is_value(kind) ? "value" : "set", kind);
    }
    column_string(c, text);
}

static void add_bit(struct column *c, enum arg_kind kind, uint64_t value, const char *name)
{
    char text[128];
    snprintf(text, sizeof(text), "%d %llx %s", kind, (unsigned long long)value, name);
    column_string(c, text);
}

/* Names of single bits; mmap's low bits are one value, without which others have a name beside their own. */
static void add_bits(struct column *c, enum arg_kind kind)
{
    struct flag_list list;
    for (unsigned bit = 0; bit < 64; bit++) {
        const uint64_t value = (uint64_t)1 << bit, type = kind == ARG_MAP_FLAGS && bit > 3 ? 2 : 0;
        argument_flags(kind, value | type, &list);
        if (!list.rest && list.count == (type ? 2 : 1))
            add_bit(c, kind, value, strcmp(list.names[0], "MAP_PRIVATE") == 0 && type ? list.names[1] : list.names[0]);
    }
}

static void add_values(struct column *c, enum arg_kind kind)
{
    enum { LISTED = 256, NAME_OF_MEMORY = 0x53564d41 };
    struct flag_list list;
    for (uint64_t value = 0; value <= LISTED; value++) {
        const uint64_t asked = value < LISTED ? value : NAME_OF_MEMORY;
        argument_flags(kind, asked, &list);
        if (list.count == 1 && !list.rest)
            add_bit(c, kind, asked, list.names[0]);
    }
}

static void add_names(struct column *c)
{
    bool seen[64] = {false};
    for (int call = CALL_NONE + 1; call < CALL_COUNT; call++) {
        const struct call_info *info = call_info((enum call)call);
        for (unsigned i = 0; i < info->nargs; i++) {
            const enum arg_kind kind = info->args[i].kind;
            if (shown_as(kind) || (unsigned)kind >= sizeof(seen) / sizeof(seen[0]) || seen[kind])
                continue;
            seen[kind] = true;
            if (is_value(kind))
                add_values(c, kind);
            else
                add_bits(c, kind);
        }
    }
}

static void add_errors(struct column *c)
{
    char text[64];
    for (uint32_t error = 1; error < 256; error++)
        if (errno_name(error)) {
            snprintf(text, sizeof(text), "%u %s", error, errno_name(error));
            column_string(c, text);
        }
}

enum { KINDS, ROLES, RUNTIMES, ACTS, CALLS, ARGUMENTS, CLASSES, BITS, ERRORS, COLUMNS };

void page_tables(struct page *page)
{
    struct column columns[COLUMNS] = {
        [KINDS] = COLUMN("kinds", COLUMN_TEXT),        [ROLES] = COLUMN("roles", COLUMN_TEXT),
        [RUNTIMES] = COLUMN("runtimes", COLUMN_TEXT),  [ACTS] = COLUMN("acts", COLUMN_TEXT),
        [CALLS] = COLUMN("calls", COLUMN_TEXT),        [ARGUMENTS] = COLUMN("call_args", COLUMN_TEXT),
        [CLASSES] = COLUMN("call_class", COLUMN_TEXT), [BITS] = COLUMN("bits", COLUMN_TEXT),
        [ERRORS] = COLUMN("errors", COLUMN_TEXT),
    };
    for (int kind = 0; kind < KIND_COUNT; kind++)
        column_string(&columns[KINDS], kind ? kind_name((enum kind)kind) : "");
    for (int role = 0; role < ROLE_COUNT; role++)
        column_string(&columns[ROLES], role_name((enum role)role));
    for (int runtime = 0; runtime < RUNTIME_COUNT; runtime++)
        column_string(&columns[RUNTIMES], runtime_name((enum runtime)runtime));
    for (int act = 0; act < HEAP_ACTS; act++)
        column_string(&columns[ACTS], act ? heap_act_name((enum heap_act)act) : "");
    for (int call = 0; call < CALL_COUNT; call++) {
        const struct call_info *info = call_info((enum call)call);
        column_string(&columns[CALLS], call ? info->name : "");
        add_arguments(&columns[ARGUMENTS], info);
        column_string(&columns[CLASSES], class_of(info->effect));
    }
    add_names(&columns[BITS]);
    add_errors(&columns[ERRORS]);
    page_columns(page, "tables", columns, COLUMNS);
}
