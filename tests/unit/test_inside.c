/* links: tracer.a */
/* test_inside.c: the walk through heaps, on memory that was made for it: whole, full, pinned, broken, and random. */
#include "../../tracer/inside/inside.h"
#include "../../tracer/inside/lists.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "random.h"

enum {
    HEAP = 0x10000000, /* where the main heap lies */
    HEAP_SIZE = 3 << 20,
    DATA = 0x20000000, /* where the C library's data is */
    DATA_SIZE = 4 * TRACE_PAGE,
    STATE = DATA + TRACE_PAGE + 0x80,
    ARENA = 0x40000000, /* a multiple of what heaps of arenas reserve, in both layouts */
    ARENA_SIZE = 1 << 20,
    FURTHER = ARENA + (64 << 20),
    REGIONS = 4,
};

/* ---- a process ---- */

struct region {
    tracee_addr at;
    size_t size;
    unsigned char *bytes;
};

struct world {
    const struct glibc *g;
    struct region regions[REGIONS];
    struct inside_map maps[REGIONS];
    size_t n_maps;
    tracee_addr hole; /* a page that can't be read, 0: none */
    uint64_t clock, reads, bytes_read;
    tracee_addr at;   /* where the next chunk begins */
    bool last_in_use; /* the chunk before it */
    uint64_t last_size;
    struct rec_walk walks[REGIONS];
    struct walk_run runs[REGIONS][WALK_RUNS];
    unsigned char cells[REGIONS][WALK_CELLS];
    size_t n_walks;
};

static unsigned char *place(struct world *w, tracee_addr at, size_t size)
{
    for (size_t i = 0; i < REGIONS; i++) {
        const struct region *r = &w->regions[i];
        if (r->bytes && at >= r->at && at - r->at < r->size && size <= r->size - (at - r->at))
            return r->bytes + (at - r->at);
    }
    return NULL;
}

static int read_world(void *context, tracee_addr addr, void *buffer, size_t size)
{
    struct world *w = context;
    const unsigned char *bytes = place(w, addr, size);
    w->reads++;
    w->bytes_read += size;
    if (!bytes || (w->hole && addr < w->hole + TRACE_PAGE && addr + size > w->hole))
        return -1;
    memcpy(buffer, bytes, size);
    return 0;
}

static uint64_t tick(void *context)
{
    struct world *w = context;
    return ++w->clock;
}

static void put(struct world *w, tracee_addr at, uint64_t value)
{
    unsigned char *bytes = place(w, at, w->g->word);
    assert_non_null(bytes);
    memcpy(bytes, &value, w->g->word);
}

static uint64_t get(struct world *w, tracee_addr at)
{
    unsigned char *bytes = place(w, at, w->g->word);
    assert_non_null(bytes);
    return glibc_word(w->g, bytes);
}

static void add_region(struct world *w, tracee_addr at, size_t size, bool is_file, bool is_libc)
{
    size_t i = 0;
    while (w->regions[i].bytes)
        i++;
    w->regions[i] = (struct region){at, size, calloc(1, size)};
    assert_non_null(w->regions[i].bytes);
    if (at != HEAP)
        w->maps[w->n_maps++] = (struct inside_map){at, at + size, is_file, is_libc};
}

/* ---- building heaps ---- */

static void make_state(struct world *w, tracee_addr state)
{
    for (unsigned bin = 0; bin < GLIBC_BINS; bin++) {
        const tracee_addr own = state + w->g->bins + 2ull * w->g->word * bin - 2ull * w->g->word;
        put(w, own + 2ull * w->g->word, own);
        put(w, own + 3ull * w->g->word, own);
    }
    put(w, state + w->g->next, state);
}

static void begin(struct world *w, bool is_32_bit)
{
    *w = (struct world){.g = glibc_layout(is_32_bit), .last_in_use = true};
    add_region(w, HEAP, HEAP_SIZE, false, false);
    add_region(w, DATA, DATA_SIZE, true, true);
    make_state(w, STATE);
    w->at = HEAP + w->g->offset;
}

static void end(struct world *w)
{
    for (size_t i = 0; i < REGIONS; i++)
        free(w->regions[i].bytes);
}

static void put_head(struct world *w, uint64_t head)
{
    if (!w->last_in_use)
        put(w, w->at, w->last_size);
    put(w, w->at + w->g->word, head | (w->last_in_use ? CHUNK_PREV_INUSE : 0u));
}

/* A chunk, whose address is returned. */
static tracee_addr chunk(struct world *w, uint64_t size, bool in_use)
{
    const tracee_addr at = w->at;
    put_head(w, size);
    w->at += size;
    w->last_in_use = in_use;
    w->last_size = size;
    return at;
}

/* The rest up to the end. */
static tracee_addr top(struct world *w, tracee_addr state, tracee_addr heap_end)
{
    const uint64_t size = heap_end - w->at;
    put_head(w, size);
    put(w, state + w->g->top, w->at);
    put(w, state + w->g->system_mem, 64 << 20);
    return w->at;
}

static void link_unsorted(struct world *w, tracee_addr state, tracee_addr chunk_at)
{
    const tracee_addr own = state + w->g->bins - 2ull * w->g->word;
    put(w, own + 2ull * w->g->word, chunk_at);
    put(w, own + 3ull * w->g->word, chunk_at);
    put(w, chunk_at + 2ull * w->g->word, own);
    put(w, chunk_at + 3ull * w->g->word, own);
}

static uint64_t mangle(bool mangled, tracee_addr where, uint64_t link)
{
    return mangled ? link ^ where >> 12 : link;
}

/* A list of chunks of one size: each link stands in the chunk before. */
static void link_list(struct world *w, const tracee_addr *chunks, size_t count, bool of_memory, bool mangled)
{
    for (size_t i = 0; i < count; i++) {
        const tracee_addr where = chunks[i] + w->g->header;
        const uint64_t next = i + 1 < count ? chunks[i + 1] + (of_memory ? w->g->header : 0) : 0;
        put(w, where, mangle(mangled, where, next));
    }
}

static void put_entry(struct world *w, tracee_addr cache, unsigned bin, unsigned count, tracee_addr memory)
{
    unsigned char *counts = place(w, cache + w->g->header, 128);
    counts[2 * bin] = (unsigned char)count;
    counts[2 * bin + 1] = (unsigned char)(count >> 8);
    put(w, cache + w->g->header + 128 + (tracee_addr)bin * w->g->word, memory);
}

static tracee_addr begin_arena(struct world *w, tracee_addr at, unsigned info, bool is_first, tracee_addr state)
{
    put(w, at, state);
    put(w, at + w->g->word, is_first ? 0 : ARENA);
    put(w, at + 2ull * w->g->word, ARENA_SIZE);
    put(w, at + 3ull * w->g->word, ARENA_SIZE);
    w->at = at + info + (is_first ? w->g->state_size : 0);
    w->at += (CHUNK_ALIGN + w->g->offset - w->at % CHUNK_ALIGN) % CHUNK_ALIGN;
    w->last_in_use = true;
    return w->at;
}

static void build_random(struct world *w, struct random_source *random, bool is_32_bit)
{
    begin(w, is_32_bit);
    const tracee_addr cache = chunk(w, w->g->tcache[0], true);
    tracee_addr last = 0;
    for (int i = 0; i < 400; i++) {
        const uint64_t size = w->g->least + random_below(random, 60) * 16;
        last = chunk(w, size, !w->last_in_use || random_below(random, 2));
        if (size == 0x40 && w->last_in_use && !get(w, cache + w->g->header + 128)) {
            put_entry(w, cache, (0x40 - w->g->tcache_first) / 16, 1, last + w->g->header);
            link_list(w, &last, 1, true, true);
        }
    }
    chunk(w, 0x40, true);
    top(w, STATE, HEAP + HEAP_SIZE);
    add_region(w, ARENA, ARENA_SIZE, false, false);
    make_state(w, ARENA + (is_32_bit ? 24 : 48));
    begin_arena(w, ARENA, is_32_bit ? 24 : 48, true, ARENA + (is_32_bit ? 24 : 48));
    for (int i = 0; i < 50; i++)
        chunk(w, w->g->least + random_below(random, 60) * 16, !w->last_in_use || random_below(random, 2));
    chunk(w, 0x40, true);
    top(w, ARENA + (is_32_bit ? 24 : 48), ARENA + ARENA_SIZE);
}

/* ---- looking ---- */

static void take(void *context, struct rec_walk *walk)
{
    struct world *w = context;
    assert_true(w->n_walks < REGIONS);
    struct rec_walk *kept = &w->walks[w->n_walks];
    *kept = *walk;
    assert_true(walk->n_runs <= WALK_RUNS && walk->cells.size <= WALK_CELLS && walk->ending < WALK_ENDS);
    if (walk->n_runs)
        memcpy(w->runs[w->n_walks], walk->runs, walk->n_runs * sizeof(*walk->runs));
    memcpy(w->cells[w->n_walks], walk->cells.data, walk->cells.size);
    kept->runs = w->runs[w->n_walks];
    w->n_walks++;
    /* Nothing is counted twice, and nothing is left out. */
    assert_true(walk->used + walk->binned + walk->tcache + walk->fast + walk->top + walk->other + walk->unseen ==
                walk->end - walk->start);
    assert_true(walk->unsorted <= walk->binned && walk->above <= walk->used);
    assert_true(walk->pages <= walk->binned && walk->top_pages <= walk->top);
}

static int look_with(struct world *w, uint64_t until, uint64_t bytes)
{
    const struct inside_request request = {.source = {read_world, tick, w},
                                           .is_32_bit = w->g->word == 4,
                                           .heap = {HEAP, HEAP + HEAP_SIZE},
                                           .maps = w->maps,
                                           .n_maps = w->n_maps,
                                           .until = until,
                                           .bytes = bytes};
    w->n_walks = 0;
    w->clock = w->reads = w->bytes_read = 0;
    return inside_look(&request, take, w);
}

static const struct rec_walk *look(struct world *w)
{
    assert_true(look_with(w, UINT64_MAX, UINT64_MAX) > 0);
    return &w->walks[0];
}

/* ---- whole heaps ---- */

static void check_whole(bool is_32_bit)
{
    struct world w;
    begin(&w, is_32_bit);
    chunk(&w, 0x100, true);
    const tracee_addr first = chunk(&w, 0x8000, false);
    chunk(&w, 0x40, true);
    const tracee_addr second = chunk(&w, 0x20000, false);
    chunk(&w, 0x50, true);
    const tracee_addr pin = chunk(&w, 0x30, true);
    const tracee_addr end_at = top(&w, STATE, HEAP + HEAP_SIZE);
    link_unsorted(&w, STATE, first);
    const struct rec_walk *walk = look(&w);
    assert_int_equal(w.n_walks, 1);
    assert_int_equal(walk->ending, WALK_TO_TOP);
    assert_int_equal(walk->flags, WALK_MAIN | (is_32_bit ? WALK_32BIT : 0));
    assert_true(walk->used == 0x100 + 0x40 + 0x50 + 0x30 && walk->used_chunks == 4);
    assert_true(walk->binned == 0x28000 && walk->binned_chunks == 2);
    assert_true(walk->unsorted == 0x8000 && walk->unsorted_chunks == 1);
    assert_true(walk->top_at == end_at && walk->top == HEAP + HEAP_SIZE - end_at);
    assert_true(walk->n_runs == 2 && walk->runs[0].addr == second && walk->runs[0].size == 0x20000);
    assert_true(walk->runs[1].addr == first && walk->above == 0x80 && walk->above_chunks == 2);
    assert_true(walk->pin == pin && walk->pin_size == 0x30 && walk->between == 0 && !walk->unseen);
    /* As malloc_trim() would: from the first whole page behind the lists' words. */
    const tracee_addr page = (second + w.g->free_head + TRACE_PAGE - 1) & ~(tracee_addr)(TRACE_PAGE - 1);
    const tracee_addr other = (first + w.g->free_head + TRACE_PAGE - 1) & ~(tracee_addr)(TRACE_PAGE - 1);
    assert_true(walk->pages == (((second + 0x20000 - page) & ~0xfffull) + ((first + 0x8000 - other) & ~0xfffull)));
    assert_true(w.cells[0][0] > 0 && w.cells[0][1] == 0 && w.cells[0][walk->cells.size - 1] == 0);
    end(&w);
}

static void test_whole(void **state)
{
    (void)state;
    check_whole(false);
    check_whole(true);
}

/* Chunks that only lists know of: their neighbours take them for used. */
static void check_lists(bool is_32_bit, bool mangled)
{
    struct world w;
    tracee_addr cached[3], fast[4];
    begin(&w, is_32_bit);
    const tracee_addr cache = chunk(&w, w.g->tcache[0], true);
    chunk(&w, w.g->tcache[0], true); /* other memory of that size */
    for (int i = 0; i < 3; i++)
        cached[i] = chunk(&w, 0x40, true);
    chunk(&w, 0x1000, true);
    for (int i = 0; i < 4; i++)
        fast[i] = chunk(&w, 0x30, true);
    top(&w, STATE, HEAP + HEAP_SIZE);
    put_entry(&w, cache, (0x40 - w.g->tcache_first) / CHUNK_ALIGN, 3, cached[0] + w.g->header);
    link_list(&w, cached, 3, true, mangled);
    link_list(&w, fast, 4, false, mangled);
    put(&w, STATE + w.g->fastbins, fast[0]);
    const struct rec_walk *walk = look(&w);
    assert_int_equal(walk->ending, WALK_TO_TOP);
    assert_true(walk->tcache == 0xc0 && walk->tcache_chunks == 3 && walk->tcaches == 1);
    assert_true(walk->fast == 0xc0 && walk->fast_chunks == 4);
    assert_true(walk->used == 2 * w.g->tcache[0] + 0x1000 && walk->used_chunks == 3);
    assert_int_equal(walk->flags & WALK_CUT_LISTS, 0);
    /* All four below the top are free: they lie between it and what pins it. */
    assert_true(walk->pin == cached[2] + 0x40 && walk->pin_size == 0x1000 && walk->between == 4 * 0x30);
    assert_int_equal(walk->flags & WALK_PIN_KEPT, 0);
    end(&w);
}

static void test_lists(void **state)
{
    (void)state;
    for (int i = 0; i < 4; i++)
        check_lists(i & 1, i & 2);
}

/* Below the top all is free, but malloc keeps a part of it where it does not join the rest. */
static void test_kept_pin(void **state)
{
    (void)state;
    struct world w;
    begin(&w, false);
    const tracee_addr cache = chunk(&w, 0x290, true);
    chunk(&w, 0x10000, false);
    const tracee_addr kept = chunk(&w, 0x40, true);
    top(&w, STATE, HEAP + HEAP_SIZE);
    put_entry(&w, cache, 2, 1, kept + 16);
    link_list(&w, &kept, 1, true, true);
    const struct rec_walk *walk = look(&w);
    assert_true(walk->pin == kept && (walk->flags & WALK_PIN_KEPT) && walk->above == 0 && walk->above_chunks == 0);
    end(&w);
}

/* Lists that lead into themselves, or elsewhere, end. */
static void test_broken_lists(void **state)
{
    (void)state;
    struct world w;
    tracee_addr chunks[3];
    begin(&w, false);
    const tracee_addr cache = chunk(&w, 0x290, true);
    for (int i = 0; i < 3; i++)
        chunks[i] = chunk(&w, 0x40, true);
    top(&w, STATE, HEAP + HEAP_SIZE);
    link_list(&w, chunks, 3, false, true);
    put(&w, chunks[2] + 16, mangle(true, chunks[2] + 16, chunks[0]));
    put(&w, STATE + w.g->fastbins + 16, chunks[0]);
    const struct rec_walk *walk = look(&w);
    assert_true(walk->flags & WALK_CUT_LISTS && walk->ending == WALK_TO_TOP);
    put(&w, STATE + w.g->fastbins + 16, 0);
    /* A cache whose list is longer than it says, or of another size, is none. */
    link_list(&w, chunks, 3, true, true);
    put_entry(&w, cache, 2, 2, chunks[0] + 16);
    walk = look(&w);
    assert_true(walk->tcache == 0 && walk->tcaches == 0 && walk->used_chunks == 4);
    put_entry(&w, cache, 2, 0, 0);
    put_entry(&w, cache, 3, 3, chunks[0] + 16);
    walk = look(&w);
    assert_true(walk->tcache == 0 && walk->tcaches == 0);
    put_entry(&w, cache, 3, 0, 0);
    put_entry(&w, cache, 2, 3, chunks[0] + 16);
    walk = look(&w);
    assert_true(walk->tcache == 0xc0 && walk->tcaches == 1);
    end(&w);
}

/* ---- memory of others ---- */

/* malloc has put its fence where somebody else moved the break, and goes on behind that. */
static void check_foreign(bool is_32_bit, bool goes_on)
{
    struct world w;
    begin(&w, is_32_bit);
    chunk(&w, 0x100, true);
    chunk(&w, 0x200, false);
    put_head(&w, w.g->header);
    put(&w, w.at + w.g->header + w.g->word, w.g->header | CHUNK_PREV_INUSE);
    const tracee_addr fence = w.at + 2 * w.g->header;
    memset(place(&w, fence, 0x2000), 0x5a, 0x2000);
    if (goes_on) {
        w.at = (fence + 0x2000) / CHUNK_ALIGN * CHUNK_ALIGN + w.g->offset;
        w.last_in_use = true;
        chunk(&w, 0x1000, true);
        top(&w, STATE, HEAP + HEAP_SIZE);
    } else {
        put(&w, STATE + w.g->top, HEAP + HEAP_SIZE - 0x1000 + w.g->offset);
        put(&w, STATE + w.g->system_mem, HEAP_SIZE);
        put(&w, HEAP + HEAP_SIZE - 0x1000 + w.g->offset + w.g->word, 0x1000 - w.g->offset + 1);
        memset(place(&w, fence, HEAP_SIZE - 0x2000), 0x5a, HEAP_SIZE - 0x2000);
    }
    const struct rec_walk *walk = look(&w);
    if (goes_on) {
        assert_int_equal(walk->ending, WALK_TO_TOP);
        assert_true(walk->used == 0x1100 && walk->binned == 0x200 && walk->other >= 0x2000 && !walk->unseen);
    } else {
        assert_int_equal(walk->ending, WALK_FOREIGN);
        assert_true(walk->used == 0x100 && walk->ended == fence && walk->unseen == HEAP + HEAP_SIZE - fence);
        assert_true(walk->pin == 0);
    }
    end(&w);
}

static void test_foreign(void **state)
{
    (void)state;
    for (int i = 0; i < 4; i++)
        check_foreign(i & 1, i & 2);
}

/* The break was moved before malloc's first call, by no multiple of anything. */
static void test_foreign_start(void **state)
{
    (void)state;
    struct world w;
    begin(&w, false);
    memset(place(&w, HEAP, 0xe48), 0xff, 0xe48);
    w.at = HEAP + 0xe50;
    chunk(&w, 0x290, true);
    top(&w, STATE, HEAP + HEAP_SIZE);
    const struct rec_walk *walk = look(&w);
    assert_true(walk->ending == WALK_TO_TOP && walk->other == 0xe50 && walk->used == 0x290);
    end(&w);
}

/* The break has fallen, or has grown, and malloc has not taken notice yet. */
static void test_break_has_moved(void **state)
{
    (void)state;
    struct world w;
    begin(&w, false);
    chunk(&w, 0x100, true);
    top(&w, STATE, HEAP + HEAP_SIZE + 0x10000);
    const struct rec_walk *walk = look(&w);
    assert_true(walk->ending == WALK_TO_TOP && walk->top == HEAP_SIZE - 0x100 && !walk->other);
    w.at = HEAP + 0x100;
    top(&w, STATE, HEAP + HEAP_SIZE - 0x10000);
    walk = look(&w);
    assert_true(walk->ending == WALK_TO_TOP && walk->top == HEAP_SIZE - 0x10100 && walk->other == 0x10000);
    end(&w);
}

/* A heap that is not malloc's: nothing is said of it. */
static void test_not_glibc(void **state)
{
    (void)state;
    struct world w;
    begin(&w, false);
    const struct rec_walk *walk = look(&w);
    assert_true(walk->ending == WALK_NOT_GLIBC && !walk->used && walk->unseen == HEAP_SIZE);
    end(&w);
}

/* ---- what can't be a chunk ---- */

static void check_corrupt(uint64_t head, bool is_32_bit, bool foot)
{
    struct world w;
    begin(&w, is_32_bit);
    for (int i = 0; i < 40; i++)
        chunk(&w, 0x100, true);
    const tracee_addr broken = chunk(&w, 0x400, !foot);
    chunk(&w, 0x100, true);
    top(&w, STATE, HEAP + HEAP_SIZE);
    if (foot)
        put(&w, broken + 0x400, 0x500);
    else
        put(&w, broken + w.g->word, head);
    const struct rec_walk *walk = look(&w);
    assert_int_equal(walk->ending, WALK_CORRUPT);
    /* Without the bit that says so, the chunk before is not in use, and does not look free either. */
    const uint64_t before = foot || (head & CHUNK_PREV_INUSE) ? 0 : 0x100;
    assert_true(walk->ended == broken - before && walk->used == 40 * 0x100 - before);
    assert_true(walk->unseen == HEAP + HEAP_SIZE - walk->ended);
    assert_true(walk->top == 0 && walk->pin == 0);
    end(&w);
}

static void test_corrupt(void **state)
{
    (void)state;
    static const uint64_t heads[] = {
        0,
        1,
        8,
        0x409,
        0x403,
        HEAP_SIZE | 1,
        UINT64_MAX,
        1ull << 63,
        UINT64_MAX & ~UINT64_C(15),
        0x7ffffff1,
        HEAP_SIZE + 0x10001,
    };
    for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++) {
        check_corrupt(heads[i], false, false);
        check_corrupt(heads[i], true, false);
    }
    check_corrupt(0x11, false, false);
    check_corrupt(0, false, true);
    check_corrupt(0, true, true);
}

static void test_unreadable(void **state)
{
    (void)state;
    struct world w;
    begin(&w, false);
    for (int i = 0; i < 0x100; i++)
        chunk(&w, 0x100, true);
    top(&w, STATE, HEAP + HEAP_SIZE);
    w.hole = HEAP + 0x8000;
    const struct rec_walk *walk = look(&w);
    assert_true(walk->ending == WALK_UNREADABLE && walk->used == 0x7f00 && walk->ended == HEAP + 0x7f00);
    w.hole = HEAP;
    walk = look(&w);
    assert_true(walk->ending == WALK_TO_TOP && walk->other == TRACE_PAGE && walk->used == 0x10000 - TRACE_PAGE);
    end(&w);
}

static void test_limits(void **state)
{
    (void)state;
    struct world w;
    begin(&w, false);
    for (int i = 0; i < 0x4000; i++)
        chunk(&w, 0x30, true);
    top(&w, STATE, HEAP + HEAP_SIZE);
    assert_int_equal(look_with(&w, UINT64_MAX, UINT64_MAX), 1);
    const uint64_t reads = w.reads, bytes = w.bytes_read;
    assert_true(w.walks[0].ending == WALK_TO_TOP && bytes < 2 * HEAP_SIZE);
    for (uint64_t i = 1; i < reads; i++) {
        assert_int_equal(look_with(&w, i, UINT64_MAX), 1);
        assert_true(w.walks[0].ending == WALK_TIMED_OUT || w.walks[0].ending == WALK_NOT_GLIBC ||
                    (w.walks[0].ending == WALK_TO_TOP && i + 4 > reads));
        assert_true(w.reads <= i);
    }
    assert_int_equal(look_with(&w, UINT64_MAX, bytes / 2), 1);
    assert_true(w.walks[0].ending == WALK_TOO_LARGE && w.bytes_read <= bytes / 2 && w.walks[0].used > 0);
    end(&w);
    /* Arenas that are not come to any more: their sums are right all the same (take()). */
    struct random_source random = {1};
    build_random(&w, &random, false);
    look_with(&w, UINT64_MAX, UINT64_MAX);
    for (uint64_t i = w.reads; i-- > 1;)
        look_with(&w, i, UINT64_MAX);
    end(&w);
}

/* ---- arenas ---- */

/* The heaps of an arena: one that is full, and ends with a fence, and one that has the top.  `info` is what the header
 * of a heap takes, by version. */
static void check_arena(bool is_32_bit, unsigned info)
{
    struct world w;
    begin(&w, is_32_bit);
    chunk(&w, 0x100, true);
    top(&w, STATE, HEAP + HEAP_SIZE);
    add_region(&w, ARENA, ARENA_SIZE, false, false);
    add_region(&w, FURTHER, ARENA_SIZE, false, false);
    const tracee_addr state = ARENA + info;
    make_state(&w, state);
    const tracee_addr first = begin_arena(&w, ARENA, info, true, state);
    chunk(&w, 0x1000, true);
    const uint64_t rest = (ARENA + ARENA_SIZE - w.at - w.g->least) & ~15ull;
    const tracee_addr freed = chunk(&w, rest, false);
    put_head(&w, w.g->header);
    put(&w, w.at + w.g->header + w.g->word, CHUNK_PREV_INUSE);
    const tracee_addr further = begin_arena(&w, FURTHER, info, false, state);
    chunk(&w, 0x2000, true);
    top(&w, state, FURTHER + ARENA_SIZE);
    assert_int_equal(look_with(&w, UINT64_MAX, UINT64_MAX), 3);
    const struct rec_walk *main_heap = &w.walks[0], *full = &w.walks[1], *last = &w.walks[2];
    assert_true(main_heap->flags & WALK_MAIN && main_heap->used == 0x100 && main_heap->rest == 2);
    assert_int_equal(full->ending, WALK_TO_FENCE);
    assert_true(full->flags & WALK_FIRST && full->arena == 1 && full->used == 0x1000 && full->binned == rest);
    assert_true(full->runs[0].addr == freed && full->start + full->other >= first && full->pin == 0);
    assert_int_equal(last->ending, WALK_TO_TOP);
    assert_true(!(last->flags & WALK_FIRST) && last->arena == 1 && last->used == 0x2000 && last->pin == further);
    assert_true(last->rest == 0);
    end(&w);
}

static void test_arenas(void **state)
{
    (void)state;
    check_arena(false, 32); /* up to 2.34 */
    check_arena(false, 48); /* since 2.35 */
    check_arena(true, 24);
}

/* Old tops that were too small for a chunk of their own. */
static void test_small_fences(void **state)
{
    (void)state;
    for (uint64_t left = 0; left <= 16; left += 16) {
        struct world w;
        begin(&w, false);
        chunk(&w, 0x100, true);
        top(&w, STATE, HEAP + HEAP_SIZE);
        add_region(&w, ARENA, ARENA_SIZE, false, false);
        add_region(&w, FURTHER, ARENA_SIZE, false, false);
        make_state(&w, ARENA + 48);
        begin_arena(&w, ARENA, 48, true, ARENA + 48);
        chunk(&w, ARENA + ARENA_SIZE - 32 - left - w.at, true);
        if (left)
            chunk(&w, left + 16, true);
        else
            put_head(&w, 16);
        put(&w, ARENA + ARENA_SIZE - 16 + 8, CHUNK_PREV_INUSE);
        begin_arena(&w, FURTHER, 48, false, ARENA + 48);
        top(&w, ARENA + 48, FURTHER + ARENA_SIZE);
        assert_int_equal(look_with(&w, UINT64_MAX, UINT64_MAX), 3);
        assert_int_equal(w.walks[1].ending, WALK_TO_FENCE);
        end(&w);
    }
}

/* ---- anything ---- */

/* Whatever is in memory: the walk ends, reads no more than a few times what is there, and its sums add up (take()). */
static void test_random_bytes(void **state)
{
    (void)state;
    for (unsigned seed = 1; seed <= 400; seed++) {
        struct world w;
        struct random_source random = {seed};
        build_random(&w, &random, seed % 2);
        assert_int_equal(look_with(&w, UINT64_MAX, UINT64_MAX), 2);
        assert_int_equal(w.walks[0].ending, WALK_TO_TOP);
        assert_int_equal(w.walks[1].ending, WALK_TO_TOP);
        const unsigned hits = 1 + (unsigned)random_below(&random, 200);
        for (unsigned i = 0; i < hits; i++) {
            const struct region *r = &w.regions[random_below(&random, 3)];
            const size_t reach = r->at == DATA ? r->size : 0x8000;
            r->bytes[random_below(&random, reach)] = (unsigned char)random_below(&random, 256);
        }
        look_with(&w, UINT64_MAX, UINT64_MAX);
        assert_true(w.bytes_read < (uint64_t)64 << 20);
        end(&w);
    }
}

static void test_noise(void **state)
{
    (void)state;
    for (unsigned seed = 1; seed <= 20; seed++) {
        struct world w;
        struct random_source random = {seed};
        begin(&w, seed % 2);
        add_region(&w, ARENA, ARENA_SIZE, false, false);
        for (size_t i = 0; i < HEAP_SIZE; i++)
            w.regions[0].bytes[i] = (unsigned char)random_below(&random, 256);
        for (size_t i = 0; i < 0x4000; i++)
            w.regions[2].bytes[i] = (unsigned char)random_below(&random, seed % 3 ? 256 : 2);
        put(&w, STATE + w.g->top, HEAP + 0x10000 + w.g->offset);
        put(&w, HEAP + 0x10000 + w.g->offset + w.g->word, 0x1000 - w.g->offset + 1);
        put(&w, STATE + w.g->system_mem, HEAP_SIZE);
        for (unsigned i = 0; i < w.g->n_fastbins; i++)
            put(&w, STATE + w.g->fastbins + i * w.g->word, HEAP + random_below(&random, 0x1000) * 16 + w.g->offset);
        assert_true(look_with(&w, UINT64_MAX, UINT64_MAX) >= 1);
        assert_true(w.walks[0].ending != WALK_NOT_GLIBC && w.bytes_read < (uint64_t)64 << 20);
        end(&w);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_whole),           cmocka_unit_test(test_lists),
        cmocka_unit_test(test_kept_pin),        cmocka_unit_test(test_broken_lists),
        cmocka_unit_test(test_foreign),         cmocka_unit_test(test_foreign_start),
        cmocka_unit_test(test_break_has_moved), cmocka_unit_test(test_not_glibc),
        cmocka_unit_test(test_corrupt),         cmocka_unit_test(test_unreadable),
        cmocka_unit_test(test_limits),          cmocka_unit_test(test_arenas),
        cmocka_unit_test(test_small_fences),    cmocka_unit_test(test_random_bytes),
        cmocka_unit_test(test_noise),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
