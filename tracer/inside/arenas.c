/* arenas.c: find the states of arenas, and their heaps. */
#include "arenas.h"

#include <string.h>

enum {
    DATA_MOST = 16 << 20, /* bytes of data that are searched for the main arena */
    CANDIDATES = 20000,   /* places at which an arena's heap could begin that are looked at */
    MOST_ODD_BINS = 2,
    MOST_FLAGS = 15, /* of an arena */
    MOST_INFO = 64,  /* bytes of a heap's header, at most */
};

/* ---- states ---- */

static tracee_addr bin_at(const struct glibc *g, tracee_addr state, unsigned bin)
{
    return state + g->bins + 2ull * g->word * (bin - 1) - 2ull * g->word;
}

/* Each bin is a ring through its place in the state: empty, or through chunks in both directions; but for those that
 * malloc was at work on when it was stopped. */
static bool has_bins(const struct glibc *g, tracee_addr state, const unsigned char *bytes)
{
    unsigned odd = 0;
    for (unsigned bin = 1; bin <= GLIBC_BINS; bin++) {
        const unsigned char *links = bytes + g->bins + 2u * g->word * (bin - 1);
        const uint64_t next = glibc_word(g, links), last = glibc_word(g, links + g->word), own = bin_at(g, state, bin);
        if ((next == own) != (last == own) && ++odd > MOST_ODD_BINS)
            return false;
        if (next != own && (!next || !last || next % CHUNK_ALIGN != g->offset || last % CHUNK_ALIGN != g->offset))
            return false;
    }
    return true;
}

static bool take_state(struct view *view, const struct glibc *g, tracee_addr state, struct arena *ret)
{
    unsigned char bytes[GLIBC_MOST_STATE], head[16];
    uint32_t flags;
    if (!view_read(view, state, bytes, g->state_size))
        return false;
    struct arena arena = {
        .state = state, .top = glibc_word(g, bytes + g->top), .unsorted = glibc_word(g, bytes + g->bins)};
    const uint64_t memory = glibc_word(g, bytes + g->system_mem), next = glibc_word(g, bytes + g->next);
    memcpy(&flags, bytes + 4, sizeof(flags));
    if (flags > MOST_FLAGS || !next || next % g->word || arena.top % CHUNK_ALIGN != g->offset ||
        !has_bins(g, state, bytes) || !view_read(view, arena.top, head, 2ull * g->word))
        return false;
    const uint64_t size = glibc_word(g, head + g->word);
    arena.top_size = size & ~(uint64_t)CHUNK_FLAGS;
    if (!memory)
        return false;
    /* malloc moves the top before it writes the new one's size: it reaches to the end of its heap in any case. */
    if (!(size & CHUNK_PREV_INUSE) || arena.top_size < g->header || arena.top_size > memory ||
        (arena.top + arena.top_size) % TRACE_PAGE)
        arena.top_size = memory;
    for (unsigned i = 0; i < g->n_fastbins; i++)
        arena.fastbins[i] = glibc_word(g, bytes + g->fastbins + i * g->word);
    *ret = arena;
    return true;
}

/* ---- the main arena ---- */

/* Words that point into the heap, as the top of a main arena does. */
static bool search_page(struct view *view, const struct glibc *g, struct span heap, tracee_addr page, struct arena *ret)
{
    unsigned char bytes[TRACE_PAGE];
    if (!view_read(view, page, bytes, sizeof(bytes)))
        return false;
    for (unsigned at = 0; at + g->word <= sizeof(bytes); at += g->word) {
        const uint64_t top = glibc_word(g, bytes + at);
        if (top >= heap.start && top < heap.end && top % CHUNK_ALIGN == g->offset &&
            take_state(view, g, page + at - g->top, ret))
            return true;
    }
    return false;
}

static bool search_map(struct view *view, const struct glibc *g, struct span heap, const struct inside_map *map,
                       uint64_t *left, struct arena *ret)
{
    for (tracee_addr page = map->start; page < map->end && *left >= TRACE_PAGE; page += TRACE_PAGE) {
        *left -= TRACE_PAGE;
        if (search_page(view, g, heap, page, ret))
            return true;
        if (view_stopped(view))
            return false;
    }
    return false;
}

/* In the C library first, then in the data of any image. */
static bool find_main(struct view *view, const struct glibc *g, struct span heap, const struct inside_map *maps,
                      size_t n_maps, struct arena *ret)
{
    uint64_t left = DATA_MOST;
    for (int libc = 1; libc >= 0; libc--)
        for (size_t i = 0; i < n_maps; i++)
            if (maps[i].is_file && maps[i].is_libc == libc && search_map(view, g, heap, &maps[i], &left, ret))
                return true;
    return false;
}

/* ---- the heaps of other arenas ---- */

static uint32_t arena_of(struct arenas *a, struct view *view, const struct glibc *g, tracee_addr state)
{
    for (size_t i = a->count; i-- > 1;)
        if (a->list[i].state == state)
            return (uint32_t)i;
    if (a->count > ARENAS_MOST_HEAPS || !take_state(view, g, state, &a->list[a->count]))
        return 0;
    return (uint32_t)a->count++;
}

/* struct heap_info: its arena, the heap before it, its size, how much of it was ever open.  The first heap of an arena
 * has the arena's state behind that. */
static bool take_heap(struct arenas *a, struct view *view, const struct glibc *g, tracee_addr at, tracee_addr end)
{
    unsigned char bytes[32];
    if (!view_read(view, at, bytes, 4ull * g->word))
        return false;
    const uint64_t state = glibc_word(g, bytes), before = glibc_word(g, bytes + g->word),
                   size = glibc_word(g, bytes + 2u * g->word), open = glibc_word(g, bytes + 3u * g->word);
    const tracee_addr first_heap = state & ~(g->heap_max - 1);
    const bool is_first = first_heap == at;
    if (size < TRACE_PAGE || size % TRACE_PAGE || size > g->heap_max || open < size || open > g->heap_max ||
        size > end - at || before % g->heap_max || is_first == (before != 0) || state - first_heap < 4ull * g->word ||
        state - first_heap > MOST_INFO)
        return false;
    const uint32_t arena = arena_of(a, view, g, state);
    if (!arena)
        return false;
    const uint64_t info = state - first_heap;
    tracee_addr first = at + (is_first ? info + g->state_size : info);
    first += (CHUNK_ALIGN + g->offset - first % CHUNK_ALIGN) % CHUNK_ALIGN;
    a->heaps[a->n_heaps++] =
        (struct arena_heap){.start = at, .end = at + size, .first = first, .arena = arena, .is_first = is_first};
    return true;
}

static void find_heaps(struct arenas *a, struct view *view, const struct glibc *g, const struct inside_map *map,
                       unsigned *left)
{
    tracee_addr at = (map->start + g->heap_max - 1) & ~(g->heap_max - 1);
    for (; at >= map->start && at < map->end && *left; at += g->heap_max, --*left) {
        if (a->n_heaps >= ARENAS_MOST_HEAPS) {
            a->more = true;
            return;
        }
        take_heap(a, view, g, at, map->end);
    }
    a->more |= at < map->end && !*left;
}

/* ---- all ---- */

static void add_main(struct arenas *a, struct span heap)
{
    size_t at = a->n_heaps++;
    for (; at > 0 && a->heaps[at - 1].start > heap.start; at--)
        a->heaps[at] = a->heaps[at - 1];
    a->heaps[at] = (struct arena_heap){
        .start = heap.start, .end = heap.end, .first = heap.start, .is_first = true, .is_orphan = !a->list[0].state};
}

void arenas_find(struct arenas *a, struct view *view, const struct glibc *g, struct span heap,
                 const struct inside_map *maps, size_t n_maps)
{
    unsigned left = CANDIDATES;
    a->count = 1;
    a->n_heaps = 0;
    a->more = false;
    a->list[0] = (struct arena){0};
    if (heap.start && !find_main(view, g, heap, maps, n_maps, &a->list[0]))
        a->list[0] = (struct arena){0};
    for (size_t i = 0; i < n_maps; i++)
        if (!maps[i].is_file)
            find_heaps(a, view, g, &maps[i], &left);
    if (heap.start)
        add_main(a, heap);
}

const struct arena_heap *arenas_heap_at(const struct arenas *a, tracee_addr addr)
{
    size_t low = 0, high = a->n_heaps;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (a->heaps[middle].end <= addr)
            low = middle + 1;
        else
            high = middle;
    }
    return low < a->n_heaps && a->heaps[low].start <= addr ? &a->heaps[low] : NULL;
}
