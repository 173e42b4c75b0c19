/*
 * heap_thresholds.c: the dynamic mmap threshold of glibc's malloc, from what it did.
 *
 * free() of a mapped chunk that is larger than the threshold, and smaller than a limit, raises the threshold to its
 * size and the trim threshold to twice that.  Setting one of them (mallopt(3), MALLOC_MMAP_THRESHOLD_,
 * glibc.malloc.* tunables) ends that for good; nothing shows it but blocks that go where they should not.  Source:
 * __libc_free() in glibc's malloc/malloc.c.
 */
#include "heaps.h"
#include "runtimes.h"

#include <errno.h>
#include <stdlib.h>

static bool is_aligned(const struct code *code, uint32_t stack)
{
    return runtime_passes(code, stack, "memalign") || runtime_passes(code, stack, "aligned_alloc") ||
           runtime_passes(code, stack, "posix_memalign") || runtime_passes(code, stack, "_int_memalign") ||
           runtime_passes(code, stack, "valloc") || runtime_passes(code, stack, "pvalloc");
}

/* What the threshold was at least. */
static uint64_t low_at(const struct heap_move *moves, size_t count, uint64_t event)
{
    uint64_t low = THRESHOLD_AT_FIRST;
    for (size_t i = 0; i < count && moves[i].event < event; i++)
        low = moves[i].at_most ? moves[i].from : moves[i].to;
    return low;
}

/* Growths were compared with the highest threshold that was possible; for the others the moves are needed. */
static bool is_sign(const struct heap_witness *w, const struct heap_thresholds *t, const struct code *code)
{
    const uint64_t low = low_at(t->moves, t->n_moves, w->event);
    if (w->sign == SIGN_SMALL_CHUNK)
        return w->bytes <= low;
    if (w->sign == SIGN_SMALL_TRIM) /* malloc_trim() needs no threshold */
        return low > THRESHOLD_AT_FIRST && w->bytes + HEAP_TOP_PAD + 2 * TRACE_PAGE < 2 * low &&
               heap_cause(code, w->stack) == CAUSE_FREE;
    return true;
}

/* Nothing moves once the program has set something. */
static void find_sign(const struct heap_space *s, const struct code *code, struct heap_thresholds *t)
{
    for (size_t i = 0; i < s->n_witnesses && !t->sign; i++) {
        const struct heap_witness *w = &s->witnesses[i];
        /* A threshold that may have moved before is not contradicted by blocks. */
        if (!is_sign(w, t, code) || (s->story.attached && w->sign != SIGN_SMALL_GROWTH))
            continue;
        t->sign = w->sign;
        t->sign_event = w->event;
        t->sign_time = w->time;
        t->sign_bytes = w->bytes;
    }
    while (t->sign && t->n_moves && t->moves[t->n_moves - 1].event > t->sign_event) {
        t->mmap = t->moves[--t->n_moves].from;
        t->trim = t->n_moves ? 2 * t->mmap : t->mmap;
    }
}

int heaps_thresholds(const struct heaps *heaps, uint32_t space, const struct code *code, struct heap_thresholds *ret)
{
    const struct heap_space *s = heaps_space(heaps, space);
    struct heap_thresholds t = {.mmap = THRESHOLD_AT_FIRST, .trim = THRESHOLD_AT_FIRST};
    t.moves = s && s->n_candidates ? calloc(s->n_candidates, sizeof(*t.moves)) : NULL;
    if (s && s->n_candidates && !t.moves)
        return -ENOMEM;
    for (size_t i = 0; s && i < s->n_candidates; i++) {
        struct heap_move move = s->candidates[i];
        if (move.to <= t.mmap || runtime_passes(code, move.stack, "realloc"))
            continue;
        move.from = t.mmap;
        move.at_most = is_aligned(code, move.born);
        t.moves[t.n_moves++] = move;
        t.mmap = move.to;
        t.trim = 2 * move.to;
    }
    if (s)
        find_sign(s, code, &t);
    t.unknown = s && s->story.attached && !t.n_moves && !t.sign;
    *ret = t;
    return 0;
}
