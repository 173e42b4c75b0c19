/* chunks.c: from header to header. */
#include "chunks.h"

#include <string.h>

enum {
    RESUME_REACH = 1 << 20, /* bytes in which the next chunk is looked for behind memory of others */
    RESUME_PROOF = 24,      /* chunks in a row, if they don't lead to the top */
    MAIN_CELLS = WALK_CELLS,
    ARENA_CELLS = 64,
};

struct chunk_walk {
    struct heap_tally *t;
    struct cache_places *caches;
    struct view *view;
    const struct glibc *g;
    const struct arena_heap *heap;
    tracee_addr top, top_end; /* top 0: not in this heap */
    tracee_addr end;          /* of where chunks can be: the top, or the heap's end */
    tracee_addr at;
    uint64_t head; /* size and flags of the chunk there */
};

/* ---- sums ---- */

static void mark(struct heap_tally *t, tracee_addr addr, uint64_t size, bool in_use)
{
    uint64_t offset = addr - t->walk.start;
    while (size) {
        const uint64_t cell = offset / t->cell, room = (cell + 1) * t->cell - offset, part = size < room ? size : room;
        if (cell >= t->walk.cells.size)
            return;
        t->cells[cell] += in_use ? part : 0;
        t->cells[cell] -= in_use ? 0 : part < t->cells[cell] ? part : t->cells[cell];
        offset += part;
        size -= part;
    }
}

static void put_run(struct heap_tally *t, tracee_addr addr, uint64_t size)
{
    struct rec_walk *w = &t->walk;
    if (w->n_runs == WALK_RUNS && size <= t->runs[WALK_RUNS - 1].size)
        return;
    if (!w->n_runs || size > t->runs[0].size) {
        t->used_below = w->used;
        t->chunks_below = w->used_chunks;
    }
    size_t at = w->n_runs < WALK_RUNS ? w->n_runs++ : WALK_RUNS - 1;
    for (; at > 0 && t->runs[at - 1].size < size; at--)
        t->runs[at] = t->runs[at - 1];
    t->runs[at] = (struct walk_run){addr, size};
}

/* What malloc_trim(3) would give back of a free chunk. */
static uint64_t whole_pages(const struct glibc *g, tracee_addr addr, uint64_t size)
{
    const tracee_addr from = (addr + g->free_head + TRACE_PAGE - 1) & ~(tracee_addr)(TRACE_PAGE - 1);
    const uint64_t head = from - addr;
    return size > head ? (size - head) & ~(uint64_t)(TRACE_PAGE - 1) : 0;
}

static void count_free(struct chunk_walk *c, uint64_t size)
{
    struct rec_walk *w = &c->t->walk;
    put_run(c->t, c->at, size);
    w->binned += size;
    w->binned_chunks++;
    w->pages += whole_pages(c->g, c->at, size);
}

static void count_used(struct chunk_walk *c, uint64_t size)
{
    struct heap_tally *t = c->t;
    t->walk.used += size;
    t->walk.used_chunks++;
    mark(t, c->at, size, true);
    if (t->recent)
        t->recent[t->n_recent++ % CHUNKS_RECENT] = (struct chunk){c->at, size};
    if (size != c->g->tcache[0] && size != c->g->tcache[1])
        return;
    if (c->caches->count < CHUNKS_CACHES)
        c->caches->list[c->caches->count++] = c->at;
    else
        c->caches->more = true;
}

/* ---- headers ---- */

static bool head_at(struct chunk_walk *c, tracee_addr addr, uint64_t *ret)
{
    unsigned char bytes[8];
    if (!view_walk(c->view, addr + c->g->word, c->heap->end, bytes, c->g->word))
        return false;
    *ret = glibc_word(c->g, bytes);
    return true;
}

static uint64_t size_of(uint64_t head)
{
    return head & ~(uint64_t)CHUNK_FLAGS;
}

static bool is_plausible(const struct chunk_walk *c, tracee_addr addr, uint64_t head)
{
    return !(head & CHUNK_MMAPPED) && glibc_is_chunk(c->g, addr, size_of(head), c->end);
}

static enum walk_end stop_reason(const struct chunk_walk *c)
{
    switch (view_stopped(c->view)) {
    case VIEW_TIMED_OUT:
        return WALK_TIMED_OUT;
    case VIEW_EXHAUSTED:
        return WALK_TOO_LARGE;
    default:
        return WALK_UNREADABLE;
    }
}

/* ---- fences, and memory of others ---- */

/* A fence is made of headers without memory, at the end of what malloc had there: two in the main heap, one and an
 * empty one in others. */
static bool is_fence(struct chunk_walk *c)
{
    uint64_t next;
    if (c->heap->arena && c->head == CHUNK_PREV_INUSE && c->heap->end - c->at <= 4ull * c->g->header)
        return true; /* what was left was too small for one of its own */
    if (size_of(c->head) != c->g->header || !head_at(c, c->at + c->g->header, &next))
        return false;
    return size_of(next) == (c->heap->arena ? 0 : c->g->header);
}

/* Whether a row of chunks begins there: it leads to the top, or is long enough. */
static bool begins_row(struct chunk_walk *c, tracee_addr at)
{
    unsigned char bytes[8];
    for (unsigned i = 0; i < RESUME_PROOF; i++) {
        if (at == c->top)
            return true;
        if (!view_read(c->view, at + c->g->word, bytes, c->g->word))
            return false;
        const uint64_t head = glibc_word(c->g, bytes);
        if (i == 0 && !(head & CHUNK_PREV_INUSE))
            return false;
        if (i > 0 && size_of(head) == c->g->header)
            return true; /* a fence */
        if (!is_plausible(c, at, head))
            return false;
        at += size_of(head);
    }
    return true;
}

/* The next chunk from there on, up to the top; 0: none was found. */
static tracee_addr find_row(struct chunk_walk *c, tracee_addr from)
{
    tracee_addr at = from + (CHUNK_ALIGN + c->g->offset - from % CHUNK_ALIGN) % CHUNK_ALIGN;
    const tracee_addr last = c->end - at > RESUME_REACH ? at + RESUME_REACH : c->end;
    for (; at <= last && at >= from && !view_stopped(c->view); at += CHUNK_ALIGN)
        if (begins_row(c, at))
            return at;
    return 0;
}

/* In the main heap malloc begins where the break was, which somebody else may have moved before. */
static bool resume(struct chunk_walk *c, tracee_addr from)
{
    const tracee_addr next = find_row(c, from);
    if (!next || (next != c->top && !head_at(c, next, &c->head))) {
        c->t->walk.ending = view_stopped(c->view) ? stop_reason(c) : WALK_FOREIGN;
        return false;
    }
    c->t->walk.other += next - from;
    c->at = next;
    return true;
}

/* ---- the walk ---- */

static void finish_top(struct chunk_walk *c)
{
    struct rec_walk *w = &c->t->walk;
    const uint64_t least = c->g->least + 1;
    w->ending = WALK_TO_TOP;
    w->top_at = c->top;
    w->top = c->top_end - c->top;
    w->top_pages = w->top > least ? (w->top - least) & ~(uint64_t)(TRACE_PAGE - 1) : 0;
    w->other += c->heap->end - c->top_end; /* the break has moved, and malloc has not taken notice yet */
    c->at = c->heap->end;
}

/* Behind a chunk in use only its own memory lies; behind a free one its size again. */
static bool take_chunk(struct chunk_walk *c)
{
    const uint64_t size = size_of(c->head);
    const tracee_addr next = c->at + size;
    unsigned char bytes[16];
    if (!is_plausible(c, c->at, c->head)) {
        c->t->walk.ending = WALK_CORRUPT;
        return false;
    }
    if (!view_walk(c->view, next, c->heap->end, bytes, 2ull * c->g->word)) {
        c->t->walk.ending = next + 2ull * c->g->word > c->heap->end ? WALK_CORRUPT : stop_reason(c);
        return false;
    }
    const uint64_t head = glibc_word(c->g, bytes + c->g->word);
    if (head & CHUNK_PREV_INUSE) {
        count_used(c, size);
    } else if (glibc_word(c->g, bytes) == size) {
        count_free(c, size);
    } else {
        c->t->walk.ending = WALK_CORRUPT;
        return false;
    }
    c->at = next;
    c->head = head;
    return true;
}

/* False where the walk ends. */
static bool step(struct chunk_walk *c)
{
    struct rec_walk *w = &c->t->walk;
    if (c->top && c->at == c->top) {
        finish_top(c);
        return false;
    }
    if (!is_fence(c))
        return take_chunk(c);
    if (c->heap->arena) {
        w->other += c->heap->end - c->at;
        c->at = c->heap->end;
        w->ending = WALK_TO_FENCE;
        return false;
    }
    w->other += 2ull * c->g->header;
    c->at += 2ull * c->g->header;
    return resume(c, c->at);
}

static void begin(struct heap_tally *t, const struct arena_heap *heap)
{
    const uint64_t all = heap->end - heap->start, most = heap->arena ? ARENA_CELLS : MAIN_CELLS;
    t->walk.start = heap->start;
    t->walk.end = heap->end;
    t->walk.arena = heap->arena;
    t->walk.flags |= heap->arena == 0 ? WALK_MAIN : heap->is_first ? WALK_FIRST : 0u;
    t->walk.runs = t->runs;
    t->cell = (all + most - 1) / most;
    t->cell = t->cell ? t->cell : 1;
    memset(t->cells, 0, sizeof(t->cells));
    t->walk.cells = (struct text){(const char *)t->text, (all + t->cell - 1) / t->cell};
}

void chunks_walk(struct heap_tally *t, struct cache_places *caches, struct view *view, const struct glibc *g,
                 const struct arena_heap *heap, const struct arena *arena)
{
    struct chunk_walk c = {.t = t, .caches = caches, .view = view, .g = g, .heap = heap, .end = heap->end};
    struct rec_walk *w = &t->walk;
    begin(t, heap);
    c.at = heap->first;
    if (arena->top >= heap->start && arena->top < heap->end) {
        c.top = c.end = arena->top;
        c.top_end = arena->top_size < heap->end - arena->top ? arena->top + arena->top_size : heap->end;
    }
    if (heap->is_orphan || (!heap->arena && !c.top)) {
        w->ending = WALK_NOT_GLIBC;
        c.at = heap->start;
    } else if (heap->arena ? head_at(&c, c.at, &c.head) : resume(&c, c.at)) {
        while (step(&c))
            ;
    } else if (heap->arena) {
        w->ending = stop_reason(&c);
    }
    w->other += c.at > heap->start ? heap->first - heap->start : 0;
    w->ended = c.at;
    w->unseen = heap->end - c.at;
    w->above = w->used - t->used_below;
    w->above_chunks = w->used_chunks - t->chunks_below;
}

void tally_take_out(struct heap_tally *t, tracee_addr addr, uint64_t size)
{
    struct rec_walk *w = &t->walk;
    w->used -= size < w->used ? size : w->used;
    w->used_chunks -= w->used_chunks > 0;
    if (!w->n_runs || addr > t->runs[0].addr) {
        w->above -= size < w->above ? size : w->above;
        w->above_chunks -= w->above_chunks > 0;
    }
    mark(t, addr, size, false);
}

bool tally_is_recent(const struct heap_tally *t, tracee_addr addr)
{
    const size_t first = t->n_recent > CHUNKS_RECENT ? t->n_recent % CHUNKS_RECENT : 0;
    return t->recent && t->n_recent && addr >= t->recent[first].addr;
}

void tally_finish(struct heap_tally *t)
{
    for (size_t i = 0; i < t->walk.cells.size; i++) {
        const uint64_t used = t->cells[i] < t->cell ? t->cells[i] : t->cell;
        const uint64_t share = used / t->cell * 255 + used % t->cell * 255 / t->cell;
        t->text[i] = (unsigned char)(used && !share ? 1 : share);
    }
}
