/* touched.c: a set of pages, by chunks. */
#include "touched.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
    CHUNK_PAGES = 512,
    WORDS = CHUNK_PAGES / 64,
    MAX = 1 << 18, /* chunks: half a terabyte */
    FIRST = 64,    /* places of the smallest table */
};

struct touched_chunk {
    uint64_t key; /* page number of its first page / CHUNK_PAGES, + 1; 0: a free place */
    uint64_t bits[WORDS];
    uint32_t stack;   /* of all pages, when there is no list */
    uint32_t *stacks; /* of each page; NULL: they have the same */
};

void touched_free(struct touched *t)
{
    for (size_t i = 0; i < t->capacity; i++)
        free(t->chunks[i].stacks);
    free(t->chunks);
    *t = (struct touched){0};
}

/* ---- the table ---- */

static bool is_empty(const struct touched_chunk *chunk)
{
    uint64_t any = 0;
    for (int i = 0; i < WORDS; i++)
        any |= chunk->bits[i];
    return !any;
}

static size_t place(const struct touched_chunk *chunks, size_t capacity, uint64_t key)
{
    size_t at = (key * UINT64_C(0x9e3779b97f4a7c15) >> 32) & (capacity - 1);
    while (chunks[at].key && chunks[at].key != key)
        at = (at + 1) & (capacity - 1);
    return at;
}

/* NULL when it has none. */
static struct touched_chunk *find(const struct touched *t, uint64_t key)
{
    if (!t->capacity)
        return NULL;
    struct touched_chunk *chunk = &t->chunks[place(t->chunks, t->capacity, key)];
    return chunk->key ? chunk : NULL;
}

/* Room for one more: chunks that are empty are left behind.  False without memory, or at the limit. */
static bool hold(struct touched *t)
{
    size_t live = 0;
    if (t->used * 2 < t->capacity)
        return true;
    for (size_t i = 0; i < t->capacity; i++)
        live += t->chunks[i].key && !is_empty(&t->chunks[i]);
    if (live >= MAX)
        return false;
    size_t capacity = FIRST;
    while (capacity < live * 4)
        capacity *= 2;
    struct touched_chunk *chunks = calloc(capacity, sizeof(*chunks));
    if (!chunks)
        return false;
    for (size_t i = 0; i < t->capacity; i++) {
        struct touched_chunk *chunk = &t->chunks[i];
        if (chunk->key && !is_empty(chunk))
            chunks[place(chunks, capacity, chunk->key)] = *chunk;
        else
            free(chunk->stacks);
    }
    free(t->chunks);
    t->chunks = chunks;
    t->capacity = capacity;
    t->used = live;
    return true;
}

static struct touched_chunk *get(struct touched *t, uint64_t key)
{
    struct touched_chunk *chunk = find(t, key);
    if (chunk)
        return chunk;
    if (!hold(t)) {
        t->full = true;
        return NULL;
    }
    chunk = &t->chunks[place(t->chunks, t->capacity, key)];
    chunk->key = key;
    t->used++;
    return chunk;
}

/* ---- a range, chunk by chunk ---- */

/* The pages of a range that lie in one chunk. */
struct part {
    uint64_t key;
    unsigned first, end; /* pages in the chunk */
};

/* Pages [from, to); false when the range has no more. */
static bool next_part(uint64_t *from, uint64_t to, struct part *ret)
{
    if (*from >= to)
        return false;
    const uint64_t chunk = *from / CHUNK_PAGES, after = (chunk + 1) * CHUNK_PAGES;
    ret->key = chunk + 1;
    ret->first = (unsigned)(*from % CHUNK_PAGES);
    ret->end = to < after ? (unsigned)(to % CHUNK_PAGES) : CHUNK_PAGES;
    *from = after;
    return true;
}

/* The bits of a part in one word. */
static uint64_t mask_of(const struct part *part, unsigned word)
{
    const unsigned low = word * 64, high = low + 64;
    const unsigned first = part->first > low ? part->first : low, end = part->end < high ? part->end : high;
    if (first >= end)
        return 0;
    const unsigned count = end - first;
    return (count == 64 ? ~UINT64_C(0) : (UINT64_C(1) << count) - 1) << (first - low);
}

static uint32_t stack_of(const struct touched_chunk *chunk, unsigned page)
{
    return chunk->stacks ? chunk->stacks[page] : chunk->stack;
}

/* A stack a page, from now on.  False without memory: then all have the one that they have. */
static bool tell_apart(struct touched_chunk *chunk)
{
    if (chunk->stacks)
        return true;
    chunk->stacks = calloc(CHUNK_PAGES, sizeof(*chunk->stacks));
    for (unsigned page = 0; chunk->stacks && page < CHUNK_PAGES; page++)
        chunk->stacks[page] = chunk->stack;
    return chunk->stacks != NULL;
}

static uint64_t add_part(struct touched_chunk *chunk, const struct part *part, uint32_t stack)
{
    uint64_t count = 0;
    const bool empty = is_empty(chunk);
    if (empty) {
        free(chunk->stacks);
        chunk->stacks = NULL;
        chunk->stack = stack;
    }
    const bool differs = chunk->stacks || (chunk->stack != stack && tell_apart(chunk));
    for (unsigned word = 0; word < WORDS; word++) {
        uint64_t fresh = mask_of(part, word) & ~chunk->bits[word];
        chunk->bits[word] |= fresh;
        count += (uint64_t)__builtin_popcountll(fresh);
        for (; differs && fresh; fresh &= fresh - 1)
            chunk->stacks[word * 64 + (unsigned)__builtin_ctzll(fresh)] = stack;
    }
    return count;
}

uint64_t touched_add(struct touched *t, tracee_addr start, tracee_addr end, uint32_t stack)
{
    uint64_t at = start / TRACE_PAGE, count = 0;
    struct part part;
    while (next_part(&at, end / TRACE_PAGE, &part)) {
        struct touched_chunk *chunk = get(t, part.key);
        if (!chunk)
            break;
        count += add_part(chunk, &part, stack);
    }
    t->pages += count;
    return count;
}

static void clear_part(struct touched *t, struct touched_chunk *chunk, const struct part *part)
{
    for (unsigned word = 0; word < WORDS; word++) {
        const uint64_t gone = mask_of(part, word) & chunk->bits[word];
        chunk->bits[word] &= ~gone;
        t->pages -= (uint64_t)__builtin_popcountll(gone);
    }
}

/* What of a chunk lies in the pages [from, to). */
static struct part clip(const struct touched_chunk *chunk, uint64_t from, uint64_t to)
{
    const uint64_t base = (chunk->key - 1) * CHUNK_PAGES;
    struct part part = {.key = chunk->key};
    if (to <= base || from >= base + CHUNK_PAGES)
        return part;
    part.first = from > base ? (unsigned)(from - base) : 0;
    part.end = to - base < CHUNK_PAGES ? (unsigned)(to - base) : CHUNK_PAGES;
    return part;
}

/* Each chunk of a range, through the range or through the table, whichever is shorter. */
static void each_part(struct touched *t, tracee_addr start, tracee_addr end,
                      void (*body)(struct touched *t, struct touched_chunk *chunk, const struct part *part))
{
    uint64_t at = start / TRACE_PAGE;
    const uint64_t to = end / TRACE_PAGE;
    struct part part;
    if (!t->pages || at >= to)
        return;
    if ((to - at) / CHUNK_PAGES > t->capacity) {
        for (size_t i = 0; i < t->capacity; i++) {
            part = clip(&t->chunks[i], at, to);
            if (t->chunks[i].key && part.first < part.end)
                body(t, &t->chunks[i], &part);
        }
        return;
    }
    while (next_part(&at, to, &part)) {
        struct touched_chunk *chunk = find(t, part.key);
        if (chunk)
            body(t, chunk, &part);
    }
}

void touched_clear(struct touched *t, tracee_addr start, tracee_addr end)
{
    each_part(t, start, end, clear_part);
}

uint64_t touched_pages(const struct touched *t, tracee_addr start, tracee_addr end)
{
    uint64_t at = start / TRACE_PAGE, count = 0;
    const uint64_t to = end / TRACE_PAGE;
    struct part part;
    if (!t->pages || at >= to)
        return 0;
    const bool by_table = (to - at) / CHUNK_PAGES > t->capacity;
    for (size_t i = 0; by_table ? i < t->capacity : next_part(&at, to, &part); i++) {
        const struct touched_chunk *chunk = by_table ? &t->chunks[i] : find(t, part.key);
        if (!chunk || !chunk->key)
            continue;
        if (by_table)
            part = clip(chunk, at, to);
        for (unsigned word = 0; word < WORDS; word++)
            count += (uint64_t)__builtin_popcountll(chunk->bits[word] & mask_of(&part, word));
    }
    return count;
}

bool touched_at(const struct touched *t, tracee_addr address, uint32_t *ret_stack)
{
    const uint64_t number = address / TRACE_PAGE;
    const unsigned page = (unsigned)(number % CHUNK_PAGES);
    const struct touched_chunk *chunk = find(t, number / CHUNK_PAGES + 1);
    if (!chunk || !(chunk->bits[page / 64] >> page % 64 & 1))
        return false;
    *ret_stack = stack_of(chunk, page);
    return true;
}

/* ---- all of it ---- */

static int by_key(const void *a, const void *b)
{
    const struct touched_chunk *const *x = a, *const *y = b;
    return (*x)->key < (*y)->key ? -1 : (*x)->key > (*y)->key;
}

/* Chunks that hold something in [start, end), in order; malloc'ed, NULL without memory. */
static struct touched_chunk **sorted(const struct touched *t, tracee_addr start, tracee_addr end, size_t *ret_count)
{
    struct touched_chunk **list = calloc(t->capacity + 1, sizeof(struct touched_chunk *));
    size_t count = 0;
    for (size_t i = 0; list && i < t->capacity; i++) {
        struct touched_chunk *chunk = &t->chunks[i];
        if (!chunk->key || is_empty(chunk))
            continue;
        const struct part part = clip(chunk, start / TRACE_PAGE, end / TRACE_PAGE);
        if (part.first < part.end)
            list[count++] = chunk;
    }
    if (list)
        qsort(list, count, sizeof(struct touched_chunk *), by_key);
    *ret_count = count;
    return list;
}

/* Add to another set the pages of a chunk that lie in a part, so many bytes further on. */
static void add_pages(struct touched *to, const struct touched_chunk *chunk, const struct part *part, uint64_t by)
{
    for (unsigned word = 0; word < WORDS; word++)
        for (uint64_t left = chunk->bits[word] & mask_of(part, word); left; left &= left - 1) {
            const unsigned page = word * 64 + (unsigned)__builtin_ctzll(left);
            const tracee_addr at = ((chunk->key - 1) * CHUNK_PAGES + page) * TRACE_PAGE + by;
            touched_add(to, at, at + TRACE_PAGE, stack_of(chunk, page));
        }
}

static void add_all(struct touched *to, const struct touched *from, const struct span *span, uint64_t by)
{
    size_t count;
    struct touched_chunk **list = sorted(from, span->start, span->end, &count);
    for (size_t i = 0; list && i < count; i++) {
        const struct part part = clip(list[i], span->start / TRACE_PAGE, span->end / TRACE_PAGE);
        add_pages(to, list[i], &part, by);
    }
    to->full |= !list;
    free(list);
}

void touched_move(struct touched *t, tracee_addr start, tracee_addr end, tracee_addr to)
{
    struct touched moved = {0};
    if (!t->pages || start >= end)
        return;
    add_all(&moved, t, &(struct span){start, end}, 0);
    touched_clear(t, start, end);
    add_all(t, &moved, &(struct span){start, end}, to - start);
    touched_free(&moved);
}

void touched_copy(struct touched *to, const struct touched *from)
{
    if (!from->pages)
        return;
    struct touched_chunk *chunks = calloc(from->capacity, sizeof(*chunks));
    to->full = from->full || !chunks;
    if (!chunks)
        return;
    memcpy(chunks, from->chunks, from->capacity * sizeof(*chunks));
    to->chunks = chunks;
    to->capacity = from->capacity;
    to->used = from->used;
    to->pages = from->pages;
    for (size_t i = 0; i < to->capacity; i++) {
        const uint32_t *stacks = chunks[i].stacks;
        if (!stacks)
            continue;
        chunks[i].stacks = calloc(CHUNK_PAGES, sizeof(*stacks));
        if (chunks[i].stacks)
            memcpy(chunks[i].stacks, stacks, CHUNK_PAGES * sizeof(*stacks));
    }
}

/* ---- into bytes and back ---- */

/* Pages that lie side by side with the same stack, as one number of pages each. */
struct stretch {
    uint64_t page, pages;
    uint32_t stack;
};

static void visit_stretch(struct pack *p, struct stretch *s, uint64_t *end)
{
    pack_near(p, &s->page, *end);
    pack_u64(p, &s->pages);
    pack_u32(p, &s->stack);
    *end = s->page + s->pages;
}

static void write_all(const struct touched *t, struct pack *p)
{
    size_t count;
    struct touched_chunk **list = sorted(t, 0, UINT64_MAX, &count);
    struct stretch s = {0}, none = {0};
    uint64_t end = 0;
    for (size_t i = 0; list && i < count; i++)
        for (unsigned page = 0; page < CHUNK_PAGES; page++) {
            const uint64_t at = (list[i]->key - 1) * CHUNK_PAGES + page;
            if (!(list[i]->bits[page / 64] >> page % 64 & 1))
                continue;
            if (s.pages && at == s.page + s.pages && stack_of(list[i], page) == s.stack) {
                s.pages++;
                continue;
            }
            if (s.pages)
                visit_stretch(p, &s, &end);
            s = (struct stretch){at, 1, stack_of(list[i], page)};
        }
    if (s.pages)
        visit_stretch(p, &s, &end);
    visit_stretch(p, &none, &end);
    if (!list)
        p->error = -ENOMEM;
    free(list);
}

static void read_all(struct touched *t, struct pack *p)
{
    const uint64_t most = UINT64_C(1) << 52;
    struct stretch s = {0};
    uint64_t end = 0;
    for (;;) {
        visit_stretch(p, &s, &end);
        if (p->error || !s.pages)
            return;
        if (s.page >= most || s.pages > most - s.page || s.pages > (uint64_t)MAX * CHUNK_PAGES) {
            p->error = -TRACE_E_DAMAGED;
            return;
        }
        touched_add(t, s.page * TRACE_PAGE, (s.page + s.pages) * TRACE_PAGE, s.stack);
    }
}

void touched_visit(struct touched *t, struct pack *p)
{
    pack_bool(p, &t->full);
    if (p->reading)
        read_all(t, p);
    else
        write_all(t, p);
}
