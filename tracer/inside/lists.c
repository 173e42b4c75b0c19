/* lists.c: follow lists of free chunks. */
#include "lists.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { PROOF = 32 /* chunks of a list by which it is told how its links are to be read */ };

struct following {
    struct lists *lists;
    struct view *view;
    const struct glibc *g;
    const struct arenas *arenas;
    size_t left; /* chunks that may still be followed */
    bool no_memory;
};

/* ---- chunks ---- */

/* The size of a chunk in one of the heaps; 0: there is none. */
static uint64_t chunk_size(struct following *f, tracee_addr chunk)
{
    unsigned char bytes[8];
    const struct arena_heap *heap = arenas_heap_at(f->arenas, chunk);
    if (!heap || !view_read(f->view, chunk + f->g->word, bytes, f->g->word))
        return 0;
    const uint64_t head = glibc_word(f->g, bytes), size = head & ~(uint64_t)CHUNK_FLAGS;
    return !(head & CHUNK_MMAPPED) && glibc_is_chunk(f->g, chunk, size, heap->end) ? size : 0;
}

static bool read_word(struct following *f, tracee_addr addr, uint64_t *ret)
{
    unsigned char bytes[8];
    if (!view_read(f->view, addr, bytes, f->g->word))
        return false;
    *ret = glibc_word(f->g, bytes);
    return true;
}

static bool keep(struct following *f, tracee_addr addr, uint64_t size, bool is_fast)
{
    struct lists *l = f->lists;
    if (l->n_kept == LISTS_MOST_KEPT) {
        l->cut = true;
        return false;
    }
    if (l->n_kept == l->capacity) {
        const size_t capacity = l->capacity ? l->capacity * 2 : 512;
        struct kept_chunk *kept = reallocarray(l->kept, capacity, sizeof(*kept));
        if (!kept) {
            f->no_memory = true;
            return false;
        }
        l->kept = kept;
        l->capacity = capacity;
    }
    l->kept[l->n_kept++] = (struct kept_chunk){addr, size, is_fast};
    return true;
}

/* ---- singly linked lists ---- */

/* Links lead to a chunk's memory (tcache) or to the chunk itself (fastbins), and stand at the start of that memory. */
static tracee_addr chunk_of(const struct following *f, uint64_t link, bool is_fast)
{
    const tracee_addr back = is_fast ? 0 : f->g->header;
    return link > back ? link - back : 0;
}

static bool next_link(struct following *f, tracee_addr chunk, bool mangled, uint64_t *ret)
{
    const tracee_addr place = chunk + f->g->header;
    if (!read_word(f, place, ret))
        return false;
    if (mangled)
        *ret ^= place >> 12;
    return true;
}

/* Whether a list is in order for some chunks, or to its end, when links are read in that way. */
static bool is_in_order(struct following *f, uint64_t link, uint64_t size, bool is_fast, bool mangled)
{
    for (unsigned i = 0; link && i < PROOF; i++) {
        const tracee_addr chunk = chunk_of(f, link, is_fast);
        const uint64_t own = chunk_size(f, chunk);
        if (!own || (size && own != size) || !next_link(f, chunk, mangled, &link))
            return false;
    }
    return true;
}

/* The first list that is in order in one of the two ways tells how links are to be read. */
static bool decide(struct following *f, uint64_t first, uint64_t size, bool is_fast)
{
    struct lists *l = f->lists;
    for (int mangled = 1; mangled >= 0 && !l->is_known; mangled--) {
        l->is_known = is_in_order(f, first, size, is_fast, mangled);
        l->mangled = mangled;
    }
    return l->is_known;
}

/* Enough was followed. */
static bool is_over(struct following *f)
{
    if (f->left && !view_stopped(f->view) && !f->no_memory)
        return false;
    f->lists->cut = true;
    return true;
}

/* ---- the caches of threads ---- */

struct cache {
    uint64_t counts[GLIBC_TCACHE_BINS];
    tracee_addr entries[GLIBC_TCACHE_BINS];
};

/* A cache that has a count where it has a chunk, and none where it has none. */
static bool read_cache(struct following *f, tracee_addr chunk, uint64_t size, struct cache *ret)
{
    unsigned char bytes[GLIBC_TCACHE_BINS * (2 + 8)];
    const unsigned width = size == f->g->tcache[0] ? 2 : 1;
    const size_t counts = (size_t)GLIBC_TCACHE_BINS * width;
    if (!view_read(f->view, chunk + f->g->header, bytes, counts + (size_t)GLIBC_TCACHE_BINS * f->g->word))
        return false;
    for (unsigned i = 0; i < GLIBC_TCACHE_BINS; i++) {
        ret->counts[i] = 0;
        memcpy(&ret->counts[i], bytes + (size_t)i * width, width);
        ret->entries[i] = glibc_word(f->g, bytes + counts + (size_t)i * f->g->word);
        if (!ret->counts[i] != !ret->entries[i])
            return false;
    }
    return true;
}

/* One list, of as many chunks as its count says at the most.  False when it is not in order. */
static bool take_entries(struct following *f, tracee_addr first, uint64_t size, uint64_t most)
{
    uint64_t link = first;
    if (!decide(f, first, size, false))
        return false;
    for (uint64_t n = 0; link; n++) {
        const tracee_addr chunk = chunk_of(f, link, false);
        if (is_over(f))
            return true; /* in order as far as it was followed */
        f->left--;
        if (chunk_size(f, chunk) != size || n >= most || !keep(f, chunk, size, false) ||
            !next_link(f, chunk, f->lists->mangled, &link))
            return false;
    }
    return true;
}

/* All of it, or nothing: it may be other memory of that size.  An empty one can't be told from cleared memory. */
static bool take_cache(struct following *f, tracee_addr chunk)
{
    struct cache cache;
    const size_t before = f->lists->n_kept;
    bool any = false;
    if (!read_cache(f, chunk, chunk_size(f, chunk), &cache))
        return false;
    for (unsigned i = 0; i < GLIBC_TCACHE_BINS; i++) {
        if (!cache.entries[i])
            continue;
        any = true;
        const uint64_t size = f->g->tcache_first + (uint64_t)i * CHUNK_ALIGN;
        if (!take_entries(f, cache.entries[i], size, cache.counts[i])) {
            f->lists->n_kept = before;
            return false;
        }
    }
    return any;
}

/* ---- the lists of arenas ---- */

static void count_out(struct heap_tally *t, tracee_addr addr, uint64_t size, bool is_fast)
{
    /* Chunks that the walk has not come to count nowhere. */
    if (addr >= t->walk.ended || (t->walk.top_at && addr >= t->walk.top_at))
        return;
    tally_take_out(t, addr, size);
    *(is_fast ? &t->walk.fast : &t->walk.tcache) += size;
    *(is_fast ? &t->walk.fast_chunks : &t->walk.tcache_chunks) += 1;
}

/* There may be millions: those that could be a pin are kept, the others only counted.  A list that leads back into
 * itself is left at the latest when it has come twice as far. */
static void take_fastbin(struct following *f, tracee_addr first, struct heap_tally *tallies)
{
    uint64_t link = first, mark = first, wait = 1;
    if (!decide(f, first, 0, true)) {
        f->lists->cut = true;
        return;
    }
    for (uint64_t n = 0; link && !is_over(f); n++) {
        const tracee_addr chunk = chunk_of(f, link, true);
        const uint64_t size = chunk_size(f, chunk);
        struct heap_tally *t = size ? &tallies[arenas_heap_at(f->arenas, chunk) - f->arenas->heaps] : NULL;
        f->left--;
        if (!t || !next_link(f, chunk, f->lists->mangled, &link) || link == mark) {
            f->lists->cut = true;
            return;
        }
        if (n == wait) {
            mark = link;
            wait *= 2;
        }
        if (tally_is_recent(t, chunk))
            keep(f, chunk, size, true);
        else
            count_out(t, chunk, size, true);
    }
}

static void take_fastbins(struct following *f, const struct arena *arena, struct heap_tally *tallies)
{
    for (unsigned i = 0; i < f->g->n_fastbins; i++)
        if (arena->fastbins[i])
            take_fastbin(f, arena->fastbins[i], tallies);
}

static void take_unsorted(struct following *f, const struct arena *arena, struct heap_tally *tallies)
{
    const tracee_addr own = arena->state + f->g->bins - 2ull * f->g->word;
    tracee_addr next = arena->unsorted;
    while (next != own) {
        const tracee_addr chunk = next;
        const uint64_t size = chunk_size(f, chunk);
        if (!size || !f->left || !read_word(f, chunk + f->g->header, &next)) {
            f->lists->cut = true;
            return;
        }
        f->left--;
        struct rec_walk *w = &tallies[arenas_heap_at(f->arenas, chunk) - f->arenas->heaps].walk;
        w->unsorted += size;
        w->unsorted_chunks++;
    }
}

/* ---- all ---- */

static int by_address(const void *a, const void *b)
{
    const struct kept_chunk *one = a, *two = b;
    return one->addr < two->addr ? -1 : one->addr > two->addr;
}

static void sort(struct lists *l)
{
    size_t kept = 0;
    if (l->n_kept)
        qsort(l->kept, l->n_kept, sizeof(*l->kept), by_address);
    for (size_t i = 0; i < l->n_kept; i++)
        if (!kept || l->kept[kept - 1].addr != l->kept[i].addr)
            l->kept[kept++] = l->kept[i];
    l->n_kept = kept;
}

static void move_sums(const struct lists *l, const struct arenas *arenas, struct heap_tally *tallies)
{
    for (size_t i = 0; i < l->n_kept; i++) {
        const struct kept_chunk *kept = &l->kept[i];
        count_out(&tallies[arenas_heap_at(arenas, kept->addr) - arenas->heaps], kept->addr, kept->size, kept->is_fast);
    }
}

int lists_take(struct lists *l, struct view *view, const struct glibc *g, struct arenas *arenas,
               const struct cache_places *caches, struct heap_tally *tallies)
{
    struct following f = {.lists = l, .view = view, .g = g, .arenas = arenas, .left = LISTS_MOST};
    *l = (struct lists){.cut = caches->more};
    for (size_t i = 0; i < caches->count; i++)
        if (take_cache(&f, caches->list[i]))
            tallies[arenas_heap_at(arenas, caches->list[i]) - arenas->heaps].walk.tcaches++;
    for (size_t i = 0; i < arenas->count; i++) {
        if (!arenas->list[i].state)
            continue;
        take_fastbins(&f, &arenas->list[i], tallies);
        take_unsorted(&f, &arenas->list[i], tallies);
    }
    sort(l);
    move_sums(l, arenas, tallies);
    return f.no_memory ? -ENOMEM : 0;
}

void lists_free(struct lists *l)
{
    free(l->kept);
    *l = (struct lists){0};
}

const struct kept_chunk *lists_find(const struct lists *l, tracee_addr addr)
{
    const struct kept_chunk key = {.addr = addr};
    return l->n_kept ? bsearch(&key, l->kept, l->n_kept, sizeof(key), by_address) : NULL;
}
