/* names.c: the texts of all symbols, each kept once. */
#include "names.h"

#include "demangle.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
    FIRST_SLOTS = 1024,
    MAX_NAMES = 1 << 24, /* limits on what hostile symbol tables may fill memory with */
    MAX_BYTES = 1 << 30,
};

/* A text as it was found, and as it is shown.  `shown` is `raw` unless it was demangled. */
struct name {
    uint64_t hash;
    bool demangled; /* asked for as a mangled name: the same raw text can be kept both ways */
    struct text raw, shown;
};

/* Open addressing over a power of two, never more than half full. */
struct names {
    struct name **slots;
    size_t n_slots, count;
    uint64_t bytes;
};

struct names *names_new(void)
{
    struct names *names = calloc(1, sizeof(*names));
    if (!names)
        return NULL;
    names->slots = calloc(FIRST_SLOTS, sizeof(struct name *));
    names->n_slots = FIRST_SLOTS;
    if (!names->slots) {
        free(names);
        return NULL;
    }
    return names;
}

static void name_free(struct name *name)
{
    if (!name)
        return;
    if (name->shown.data != name->raw.data)
        free((char *)(uintptr_t)name->shown.data);
    free((char *)(uintptr_t)name->raw.data);
    free(name);
}

void names_free(struct names *names)
{
    if (!names)
        return;
    for (size_t i = 0; i < names->n_slots; i++)
        name_free(names->slots[i]);
    free(names->slots);
    free(names);
}

struct text names_text(const char *string)
{
    return string ? (struct text){string, strnlen(string, TRACE_MAX_TEXT)} : (struct text){NULL, 0};
}

/* FNV-1a. */
static uint64_t hash_of(struct text raw, bool demangled)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325) ^ demangled;
    for (size_t i = 0; i < raw.size; i++)
        hash = (hash ^ (unsigned char)raw.data[i]) * UINT64_C(0x100000001b3);
    return hash;
}

static bool is_name(const struct name *name, uint64_t hash, bool demangled, struct text raw)
{
    return name->hash == hash && name->demangled == demangled && name->raw.size == raw.size &&
           (raw.size == 0 || memcmp(name->raw.data, raw.data, raw.size) == 0);
}

/* The slot where that name is, or the empty one where it belongs. */
static struct name **slot_of(const struct names *names, uint64_t hash, bool demangled, struct text raw)
{
    size_t at = hash & (names->n_slots - 1);
    while (names->slots[at] && !is_name(names->slots[at], hash, demangled, raw))
        at = (at + 1) & (names->n_slots - 1);
    return &names->slots[at];
}

static int grow(struct names *names)
{
    struct names larger = {.n_slots = names->n_slots * 2};
    larger.slots = calloc(larger.n_slots, sizeof(struct name *));
    if (!larger.slots)
        return -ENOMEM;
    for (size_t i = 0; i < names->n_slots; i++) {
        struct name *name = names->slots[i];
        if (name)
            *slot_of(&larger, name->hash, name->demangled, name->raw) = name;
    }
    free(names->slots);
    names->slots = larger.slots;
    names->n_slots = larger.n_slots;
    return 0;
}

static struct name *name_new(struct text raw, bool demangled)
{
    struct name *name = calloc(1, sizeof(*name));
    char *copy = malloc(raw.size + 1);
    if (!name || !copy) {
        free(name);
        free(copy);
        return NULL;
    }
    if (raw.size)
        memcpy(copy, raw.data, raw.size);
    copy[raw.size] = '\0';
    name->demangled = demangled;
    name->raw = name->shown = (struct text){copy, raw.size};
    char *readable = demangled ? demangle(copy, raw.size) : NULL;
    if (readable)
        name->shown = names_text(readable);
    return name;
}

static int keep(struct names *names, struct text raw, bool demangled, struct text *ret_text)
{
    if (raw.size > TRACE_MAX_TEXT)
        raw.size = TRACE_MAX_TEXT;
    if (names->count * 2 >= names->n_slots && grow(names) < 0)
        return -ENOMEM;
    uint64_t hash = hash_of(raw, demangled);
    struct name **slot = slot_of(names, hash, demangled, raw);
    if (!*slot) {
        if (names->count >= MAX_NAMES || names->bytes >= MAX_BYTES || !(*slot = name_new(raw, demangled)))
            return -ENOMEM;
        (*slot)->hash = hash;
        names->count++;
        names->bytes += (*slot)->raw.size + (*slot)->shown.size + sizeof(struct name);
    }
    *ret_text = (*slot)->shown;
    return 0;
}

int names_keep(struct names *names, struct text raw, struct text *ret_text)
{
    return keep(names, raw, false, ret_text);
}

int names_keep_demangled(struct names *names, struct text raw, struct text *ret_text)
{
    return keep(names, raw, true, ret_text);
}
