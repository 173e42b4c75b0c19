/* tables.c: names of numbers: kinds, calls, fields of arguments, errors. */
#include "page.h"

#include "../event_text.h"

#include <stdio.h>

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
    case ARG_FD:
        return "fd";
    case ARG_PAGES:
        return "number";
    case ARG_INT:
    case ARG_STATUS:
        return "signed";
    default:
        return event_is_worded(kind) ? "text" : NULL;
    }
}

static void add_arguments(struct column *c, enum call call)
{
    const struct call_info *info = call_info(call);
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
            used += (size_t)snprintf(text + used, sizeof(text) - used, "set:%d", kind);
    }
    if (event_is_told_whole(call) && used < sizeof(text))
        snprintf(text + used, sizeof(text) - used, "%sall:whole", used ? " " : "");
    column_string(c, text);
}

static void add_field(struct column *c, enum arg_kind kind, const struct flag_field *field)
{
    char text[128];
    snprintf(text, sizeof(text), "%d %llx %llx %s", kind, (unsigned long long)field->mask,
             (unsigned long long)field->value, field->name);
    column_string(c, text);
}

static void add_fields(struct column *c, enum arg_kind kind)
{
    const char *prefix = event_flags_prefix(kind);
    struct flag_field field;
    char text[64];
    snprintf(text, sizeof(text), "%d %llx %s", kind, (unsigned long long)argument_mask(kind), prefix ? prefix : "");
    column_string(c, text);
    for (size_t i = 0; argument_field(kind, i, &field); i++)
        add_field(c, kind, &field);
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
            add_fields(c, kind);
        }
    }
}

static void add_errors(struct column *c)
{
    enum { LAST_OF_KERNEL = 520 }; /* those that only tracers see are the highest */
    char text[64];
    for (uint32_t error = 1; error < LAST_OF_KERNEL; error++)
        if (errno_name(error)) {
            snprintf(text, sizeof(text), "%u %s", error, errno_name(error));
            column_string(c, text);
        }
}

enum { KINDS, ROLES, RUNTIMES, ACTS, CALLS, ARGUMENTS, RESULTS, CLASSES, FIELDS, ERRORS, COLUMNS };

void page_tables(struct page *page)
{
    struct column columns[COLUMNS] = {
        [KINDS] = COLUMN("kinds", COLUMN_TEXT),         [ROLES] = COLUMN("roles", COLUMN_TEXT),
        [RUNTIMES] = COLUMN("runtimes", COLUMN_TEXT),   [ACTS] = COLUMN("acts", COLUMN_TEXT),
        [CALLS] = COLUMN("calls", COLUMN_TEXT),         [ARGUMENTS] = COLUMN("call_args", COLUMN_TEXT),
        [RESULTS] = COLUMN("call_result", COLUMN_TEXT), [CLASSES] = COLUMN("call_class", COLUMN_TEXT),
        [FIELDS] = COLUMN("fields", COLUMN_TEXT),       [ERRORS] = COLUMN("errors", COLUMN_TEXT),
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
        add_arguments(&columns[ARGUMENTS], (enum call)call);
        column_string(&columns[RESULTS], info->returns_address ? "address" : "signed");
        column_string(&columns[CLASSES], class_of(info->effect));
    }
    add_names(&columns[FIELDS]);
    add_errors(&columns[ERRORS]);
    page_columns(page, "tables", columns, COLUMNS);
}
