/* inside.c: all heaps of one process: find them, walk them, follow their lists, find what pins them. */
#include "inside.h"

#include "chunks.h"
#include "lists.h"

#include <errno.h>
#include <stdlib.h>

struct look {
    const struct glibc *glibc;
    struct view *view;
    struct arenas arenas;
    struct cache_places caches;
    struct lists lists;
    struct heap_tally *tallies;
    struct chunk *recent; /* CHUNKS_RECENT for each heap that has a top */
};

static bool has_top(const struct look *l, const struct arena_heap *heap)
{
    const tracee_addr top = l->arenas.list[heap->arena].top;
    return top >= heap->start && top < heap->end;
}

static int make_room(struct look *l)
{
    size_t tops = 0;
    for (size_t i = 0; i < l->arenas.n_heaps; i++)
        tops += has_top(l, &l->arenas.heaps[i]);
    l->tallies = calloc(l->arenas.n_heaps, sizeof(*l->tallies));
    l->recent = tops ? malloc(tops * CHUNKS_RECENT * sizeof(*l->recent)) : NULL; /* only what is used is touched */
    if (!l->tallies || (tops && !l->recent))
        return -ENOMEM;
    for (size_t i = 0; i < l->arenas.n_heaps; i++)
        if (has_top(l, &l->arenas.heaps[i]))
            l->tallies[i].recent = l->recent + --tops * CHUNKS_RECENT;
    return 0;
}

/* The chunk in use right below the top: a free one that is in a bin would be part of the top.  Those that are free and
 * only look used pin it just as well, but where one that is in use lies behind them it is that one that matters. */
static void find_pin(const struct look *l, struct heap_tally *t)
{
    struct rec_walk *w = &t->walk;
    const size_t kept = t->n_recent < CHUNKS_RECENT ? t->n_recent : CHUNKS_RECENT;
    tracee_addr end = w->top_at;
    if (w->ending != WALK_TO_TOP || !t->recent)
        return;
    for (size_t i = 1; i <= kept; i++) {
        const struct chunk *chunk = &t->recent[(t->n_recent - i) % CHUNKS_RECENT];
        const bool is_free = lists_find(&l->lists, chunk->addr) != NULL;
        if (chunk->addr + chunk->size != end)
            return; /* a free run lies between, or memory of others */
        end = chunk->addr;
        if (is_free && w->pin)
            continue;
        w->pin = chunk->addr;
        w->pin_size = chunk->size;
        w->between = w->top_at - (chunk->addr + chunk->size);
        w->flags |= is_free ? WALK_PIN_KEPT : 0u;
        if (is_free)
            continue;
        w->flags &= ~(uint32_t)WALK_PIN_KEPT;
        return;
    }
}

static int walk_all(struct look *l)
{
    int error = make_room(l);
    if (error)
        return error;
    for (size_t i = 0; i < l->arenas.n_heaps; i++) {
        const struct arena_heap *heap = &l->arenas.heaps[i];
        chunks_walk(&l->tallies[i], &l->caches, l->view, l->glibc, heap, &l->arenas.list[heap->arena]);
    }
    return lists_take(&l->lists, l->view, l->glibc, &l->arenas, &l->caches, l->tallies);
}

static void hand_over(struct look *l, const struct inside_request *r, void (*put)(void *, struct rec_walk *),
                      void *context)
{
    for (size_t i = 0; i < l->arenas.n_heaps; i++) {
        struct heap_tally *t = &l->tallies[i];
        find_pin(l, t);
        tally_finish(t);
        t->walk.flags |=
            (r->is_32_bit ? WALK_32BIT : 0u) | (l->lists.cut ? WALK_CUT_LISTS : 0u) | (r->moving ? WALK_MOVING : 0u);
        t->walk.rest = (uint32_t)(l->arenas.n_heaps - 1 - i);
        if (!t->walk.rest && l->arenas.more)
            t->walk.flags |= WALK_MORE;
        put(context, &t->walk);
    }
}

int inside_look(const struct inside_request *r, void (*put)(void *, struct rec_walk *), void *context)
{
    struct look *l = calloc(1, sizeof(*l));
    int result = -ENOMEM;
    if (!l)
        return result;
    l->glibc = glibc_layout(r->is_32_bit);
    l->view = view_new(&r->source, r->until, r->bytes);
    if (l->view) {
        arenas_find(&l->arenas, l->view, l->glibc, r->heap, r->maps, r->n_maps);
        result = l->arenas.n_heaps ? walk_all(l) : 0;
    }
    if (!result && l->arenas.n_heaps) {
        hand_over(l, r, put, context);
        result = (int)l->arenas.n_heaps;
    }
    lists_free(&l->lists);
    free(l->tallies);
    free(l->recent);
    view_free(l->view);
    free(l);
    return result;
}
