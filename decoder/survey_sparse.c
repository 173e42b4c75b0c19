/*
 * survey_sparse.c: what calls did, by stack and time.
 *
 * Most stacks do something in few buckets only: a row keeps the item of its newest bucket, and packs those before.
 */
#include "survey.h"

#include <stdlib.h>
#include <string.h>

enum { SHIFT_MOST = 31 };

void sparse_init(struct sparse *s, uint64_t most)
{
    *s = (struct sparse){.most = most};
}

void sparse_free(struct sparse *s)
{
    for (size_t i = 0; i < s->count; i++)
        pack_free(&s->rows[i].packed);
    free(s->rows);
    free(s->table);
}

/* ---- rows ---- */

static size_t place_of(const struct sparse *s, uint64_t key)
{
    size_t at = (key * 0x9e3779b97f4a7c15u >> 20) & (s->table_size - 1);
    while (s->table[at] && s->rows[s->table[at] - 1].key != key)
        at = (at + 1) & (s->table_size - 1);
    return at;
}

static bool grow_table(struct sparse *s)
{
    const size_t size = s->table_size ? s->table_size * 2 : 256;
    uint32_t *table = calloc(size, sizeof(*table));
    if (!table)
        return false;
    free(s->table);
    s->table = table;
    s->table_size = size;
    for (size_t i = 0; i < s->count; i++)
        s->table[place_of(s, s->rows[i].key)] = (uint32_t)i + 1;
    return true;
}

static bool grow_rows(struct sparse *s)
{
    const size_t capacity = s->capacity ? s->capacity * 2 : 128;
    struct sparse_row *rows = reallocarray(s->rows, capacity, sizeof(*rows));
    if (!rows)
        return false;
    s->rows = rows;
    s->capacity = capacity;
    return true;
}

static struct sparse_row *row_of(struct sparse *s, uint64_t key)
{
    if (s->count * 2 >= s->table_size && !grow_table(s))
        return NULL;
    const size_t at = place_of(s, key);
    if (s->table[at])
        return &s->rows[s->table[at] - 1];
    if (s->count == s->capacity && !grow_rows(s))
        return NULL;
    s->rows[s->count] = (struct sparse_row){.key = key};
    s->table[at] = (uint32_t)++s->count;
    return &s->rows[s->count - 1];
}

/* ---- items ---- */

static void pack_item(struct pack *pack, struct survey_item *item)
{
    pack_u32(pack, &item->bucket);
    pack_u64(pack, &item->calls);
    pack_u64(pack, &item->mapped);
    pack_u64(pack, &item->returned);
    pack_u64(pack, &item->faults);
    pack_u64(pack, &item->ticks);
    pack_u64(pack, &item->touched);
}

static void close_item(struct sparse *s, struct sparse_row *row)
{
    struct survey_item item = row->open;
    if (!row->has_open)
        return;
    item.bucket = row->open.bucket + 1 - row->last;
    pack_item(&row->packed, &item);
    s->failed |= row->packed.error != 0;
    row->last = row->open.bucket + 1;
    row->items++;
    s->items++;
    row->open = (struct survey_item){0};
    row->has_open = false;
}

static void add_item(struct sparse *s, struct sparse_row *row, uint32_t bucket, const struct survey_item *more)
{
    if (row->has_open && row->open.bucket != bucket)
        close_item(s, row);
    struct survey_item *open = &row->open;
    open->bucket = bucket;
    row->has_open = true;
    open->calls += more->calls;
    open->mapped += more->mapped;
    open->returned += more->returned;
    open->faults += more->faults;
    open->ticks += more->ticks;
    open->touched += more->touched;
}

/* Buckets twice as wide: sums stay what they are. */
static void widen(struct sparse *s)
{
    s->shift++;
    s->items = 0;
    for (size_t i = 0; i < s->count; i++) {
        struct sparse_row old = s->rows[i], *row = &s->rows[i];
        struct survey_item item;
        uint32_t next = 0;
        *row = (struct sparse_row){.key = old.key};
        for (size_t at = 0; sparse_item(&old, &at, &item);) {
            next += item.bucket; /* one behind it */
            add_item(s, row, (next - 1) >> 1, &item);
        }
        if (old.has_open)
            add_item(s, row, old.open.bucket >> 1, &old.open);
        pack_free(&old.packed);
    }
}

void sparse_add(struct sparse *s, size_t slot, size_t stack, const struct survey_item *more)
{
    struct sparse_row *row = row_of(s, (uint64_t)slot << 32 | (stack + 1));
    if (!row) {
        s->failed = true;
        return;
    }
    while (s->items >= s->most && s->shift < SHIFT_MOST)
        widen(s);
    add_item(s, row, more->bucket >> s->shift, more);
}

void sparse_end(struct sparse *s)
{
    for (size_t i = 0; i < s->count; i++)
        close_item(s, &s->rows[i]);
}

bool sparse_item(const struct sparse_row *row, size_t *at, struct survey_item *ret_item)
{
    struct pack pack = pack_reader(row->packed.out + *at, row->packed.size - *at);
    if (*at >= row->packed.size)
        return false;
    pack_item(&pack, ret_item);
    *at = (size_t)(pack.at - row->packed.out);
    return true;
}
