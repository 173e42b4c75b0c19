/*
 * whatif.c: what other settings of glibc's malloc would have done, from what it did.
 *
 * Calls tell how far up the heap was in use only where it grew and where it was trimmed: at these moments the edge of
 * what is used is known to a page (source: sysmalloc() and systrim() in glibc's malloc/malloc.c).  A second heap, with
 * the other settings, is led along that edge.  Blocks that would no longer be mapped lie at that edge while they live;
 * blocks that would be mapped again are those of call sites that had mapped such ones before.
 */
#include "heap_table.h"
#include "runtimes.h"
#include "timeline.h"

#include <stdlib.h>

enum {
    LEAST_CHUNK = 32,        /* MINSIZE */
    AT_FIRST = 128 << 10,    /* both thresholds */
    DYNAMIC_MOST = 32 << 20, /* chunks from that size on raise nothing */
};

struct whatif_chunk {
    uint64_t key; /* address */
    uint64_t bytes;
};

struct whatif_caller {
    uint64_t key;   /* frame */
    uint64_t bytes; /* of a chunk of its, the smallest */
};

struct whatif {
    struct whatif_settings settings;
    struct whatif_result result;
    uint32_t space;
    uint64_t mmap, trim, pad; /* as they would be now */
    bool dynamic;
    uint64_t edge, heap; /* of what is used; of the heap that would be: bytes from its start */
    uint64_t moved_in;   /* bytes of chunks that would be in the heap */
    uint64_t moved_out;  /* bytes of blocks that would not */
    uint64_t kept_arenas;
    struct heap_table in, callers;
};

struct whatif *whatif_new(const struct whatif_settings *settings, uint32_t space)
{
    struct whatif *w = calloc(1, sizeof(*w));
    if (!w)
        return NULL;
    w->settings = *settings;
    w->space = space;
    w->mmap = settings->has_mmap ? settings->mmap_threshold : AT_FIRST;
    w->trim = settings->has_trim ? settings->trim_threshold : AT_FIRST;
    w->pad = settings->has_pad ? settings->top_pad : HEAP_TOP_PAD;
    /* Setting any of them ends the moving. */
    w->dynamic = !settings->has_mmap && !settings->has_trim && !settings->has_pad;
    w->in.size = sizeof(struct whatif_chunk);
    w->callers.size = sizeof(struct whatif_caller);
    return w;
}

void whatif_free(struct whatif *w)
{
    if (!w)
        return;
    heap_table_free(&w->in);
    heap_table_free(&w->callers);
    free(w);
}

/* ---- the other heap ---- */

static uint64_t page_up(uint64_t bytes)
{
    return (bytes + TRACE_PAGE - 1) & ~(uint64_t)(TRACE_PAGE - 1);
}

static void set_heap(struct whatif *w, uint64_t heap)
{
    w->heap = heap;
    if (heap > w->result.would.heap_high)
        w->result.would.heap_high = heap;
}

/* The edge is there now: grow if that is beyond the heap, trim if so much is free above it. */
static void lead(struct whatif *w, bool may_trim)
{
    const uint64_t used = w->edge + w->moved_in, out = w->moved_out < used ? w->moved_out : used;
    const uint64_t need = used - out + LEAST_CHUNK;
    if (need > w->heap) {
        w->result.would.growths++;
        set_heap(w, page_up(need + w->pad));
        return;
    }
    /* The edge is known to a page only. */
    if (!may_trim || w->heap - need + TRACE_PAGE <= w->trim)
        return;
    const uint64_t left = page_up(need + 1 + w->pad);
    if (left >= w->heap)
        return;
    w->result.would.trims++;
    w->result.would.trimmed += w->heap - left;
    set_heap(w, left);
}

/* ---- blocks ---- */

static uint32_t caller_of(const struct code *code, uint32_t id)
{
    struct code_stack stack;
    const unsigned depth = runtime_libc_frames(code, id);
    return code_stack(code, id, &stack) && depth && depth < stack.n_frames ? stack.frames[depth] : 0;
}

static void add_chunk(struct whatif *w, const struct code *code, const struct moment *m, const struct heap_step *step)
{
    const uint32_t frame = caller_of(code, m->record->event.stack);
    struct whatif_caller *caller = frame ? heap_table_get(&w->callers, frame) : NULL;
    if (caller && (!caller->bytes || step->bytes < caller->bytes))
        caller->bytes = step->bytes;
    w->result.was.chunk_calls++;
    w->result.was.chunks++;
    if (step->bytes > w->mmap || w->dynamic) {
        w->result.would.chunk_calls++;
        w->result.would.chunks++;
        return;
    }
    struct whatif_chunk *in = heap_table_get(&w->in, step->at);
    if (!in)
        return;
    in->bytes = step->bytes;
    w->moved_in += in->bytes;
    w->result.moved_in++;
    lead(w, false);
}

static void drop_chunk(struct whatif *w, const struct heap_step *step)
{
    struct whatif_chunk *in = heap_table_find(&w->in, step->at);
    w->result.was.chunk_calls++;
    if (!in || !in->bytes) {
        w->result.would.chunk_calls++;
        return;
    }
    w->moved_in -= in->bytes < w->moved_in ? in->bytes : w->moved_in;
    in->bytes = 0;
    lead(w, true);
}

static void resize_chunk(struct whatif *w)
{
    w->result.was.chunk_calls++;
    w->result.would.chunk_calls += w->moved_in == 0;
}

/* A block of code that had mapped ones before: with the other threshold it would be mapped, and be given back. */
static bool would_be_mapped(struct whatif *w, const struct code *code, const struct moment *m, uint64_t grown)
{
    const uint32_t frame = caller_of(code, m->record->event.stack);
    const struct whatif_caller *caller = frame ? heap_table_find(&w->callers, frame) : NULL;
    if (w->dynamic || !caller || caller->bytes <= w->mmap || caller->bytes > grown + HEAP_TOP_PAD)
        return false;
    w->moved_out += caller->bytes;
    w->result.moved_out++;
    w->result.moved_out_bytes += caller->bytes;
    w->result.would.chunk_calls += 2;
    w->result.would.chunks++;
    return true;
}

/* ---- steps ---- */

static void take_growth(struct whatif *w, const struct code *code, const struct moment *m, const struct heap_step *step)
{
    const bool by_malloc = heap_cause(code, m->record->event.stack) != CAUSE_PROGRAM;
    w->result.was.growths++;
    if (!by_malloc) { /* as it was */
        w->result.foreign++;
        w->result.would.growths++;
        w->edge += step->bytes;
        set_heap(w, w->heap + step->bytes);
        return;
    }
    w->edge = step->size > HEAP_TOP_PAD + LEAST_CHUNK ? step->size - HEAP_TOP_PAD - LEAST_CHUNK : 0;
    would_be_mapped(w, code, m, step->bytes);
    lead(w, false);
}

static void take_trim(struct whatif *w, const struct code *code, const struct moment *m, const struct heap_step *step)
{
    const enum heap_cause cause = heap_cause(code, m->record->event.stack);
    w->result.was.trims++;
    w->result.was.trimmed += step->bytes;
    if (cause == CAUSE_PROGRAM) {
        w->result.foreign++;
        w->result.would.trims++;
        w->edge -= step->bytes < w->edge ? step->bytes : w->edge;
        set_heap(w, w->heap > step->bytes ? w->heap - step->bytes : 0);
        return;
    }
    if (cause == CAUSE_MALLOC_TRIM) { /* it asks for no threshold, and leaves what it is told to */
        w->edge = step->size > LEAST_CHUNK ? step->size - LEAST_CHUNK - 1 : 0;
        const uint64_t left = page_up(w->edge + w->moved_in + LEAST_CHUNK + 1);
        if (left < w->heap) {
            w->result.would.trims++;
            w->result.would.trimmed += w->heap - left;
            set_heap(w, left);
        }
        return;
    }
    const uint64_t above = HEAP_TOP_PAD + LEAST_CHUNK + 1;
    w->edge = step->size > above ? step->size - above : 0;
    if (w->moved_out > w->edge) /* what was freed may have been that */
        w->moved_out = w->edge;
    lead(w, true);
}

/* A heap that is added to an arena that is full comes as it would without the limit. */
static void make_arena(struct whatif *w, const struct code *code, const struct moment *m, const struct heap_step *step)
{
    struct whatif_side *was = &w->result.was, *would = &w->result.would;
    const bool is_further = heap_is_further(code, m->record->event.stack);
    was->arenas++;
    was->reserved += step->bytes;
    if (!is_further && w->settings.has_arenas && w->settings.arena_max && w->kept_arenas + 1 >= w->settings.arena_max)
        return;
    w->kept_arenas += !is_further;
    would->arenas++;
    would->reserved += step->bytes;
}

void whatif_add(struct whatif *w, const struct decoder *d, const struct moment *m, const struct heap_step *step)
{
    const struct code *code = decoder_code(d);
    if (m->space != w->space)
        return;
    switch (step->act) {
    case HEAP_GROWN:
        take_growth(w, code, m, step);
        break;
    case HEAP_TRIMMED:
        take_trim(w, code, m, step);
        break;
    case HEAP_CHUNK_MAPPED:
        add_chunk(w, code, m, step);
        break;
    case HEAP_CHUNK_UNMAPPED:
        drop_chunk(w, step);
        break;
    case HEAP_CHUNK_RESIZED:
        resize_chunk(w);
        break;
    case HEAP_ARENA_MADE:
        make_arena(w, code, m, step);
        break;
    default:
        return;
    }
    if (step->act == HEAP_GROWN || step->act == HEAP_TRIMMED) {
        w->result.was.heap_end = step->size;
        if (step->size > w->result.was.heap_high)
            w->result.was.heap_high = step->size;
    }
    w->result.would.heap_end = w->heap;
}

/* ---- the result ---- */

static enum confidence how_sure(const struct whatif *w, const struct heap_thresholds *t, bool attached)
{
    if (t->sign || attached || w->result.moved_out || w->result.foreign)
        return CONFIDENCE_LOW;
    /* Less is trimmed at a higher threshold: all that matters was seen.  At a lower one trims came between. */
    const bool seen = w->trim >= AT_FIRST && w->trim >= t->trim && w->pad >= HEAP_TOP_PAD;
    return w->result.moved_in || !seen || w->settings.has_arenas ? CONFIDENCE_MEDIUM : CONFIDENCE_HIGH;
}

struct whatif_result whatif_result(const struct whatif *w, const struct heap_thresholds *t,
                                   const struct heap_story *story, const struct inside *inside)
{
    struct whatif_result r = w->result;
    if (w->dynamic) { /* nothing of this would be different */
        const struct whatif_side was = r.was;
        r.would.growths = was.growths;
        r.would.trims = was.trims;
        r.would.trimmed = was.trimmed;
        r.would.chunks = was.chunks;
        r.would.chunk_calls = was.chunk_calls;
        r.would.heap_high = was.heap_high;
        r.would.heap_end = was.heap_end;
    }
    r.set_by_program = t->sign != SIGN_NONE;
    r.confidence = how_sure(w, t, story && story->attached);
    if (!inside || !w->settings.trim_at_idle)
        return r;
    const struct inside_sums sums = inside_sums(inside, false);
    r.idle_known = true;
    r.idle_time = inside->time;
    r.idle_bytes = sums.pages + sums.top_pages;
    return r;
}
