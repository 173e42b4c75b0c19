/*
 * survey_lives.c: what was mapped from when to when.
 *
 * A life is opened when a segment comes, and closed when it goes or changes.  Recordings can have many millions of
 * lives; when there are too many, only those are kept that were there at one of a number of instants, spread evenly
 * over the recording: what is mapped then is known exactly still.
 */
#include "survey.h"

#include <stdlib.h>
#include <string.h>

enum {
    MOST_LIVES = 300000,
    MOST_INSTANTS = 1024,
    LEAST_INSTANTS = 16,
    MOST_EXTENTS = 100000,
    JOIN = 64 << 20, /* bytes between two extents that become one */
};

void lives_free(struct lives *l)
{
    free(l->list);
    free(l->fresh);
    free(l->extents);
}

/* ---- instants ---- */

static bool spans_instant(const struct lives *l, const struct survey_life *life)
{
    const uint64_t ticks = l->ticks ? l->ticks : 1;
    uint64_t k = (uint64_t)((unsigned __int128)life->born * l->instants / ticks);
    while ((uint64_t)((unsigned __int128)k * ticks / l->instants) < life->born)
        k++;
    return (uint64_t)((unsigned __int128)k * ticks / l->instants) < life->died ||
           (life->born <= l->peak && l->peak < life->died);
}

static void drop(struct lives *l, uint32_t index)
{
    l->list[index].segment.life = 0;
    l->list[index].protects = l->free;
    l->free = index + 1;
    l->in_use--;
}

/* Fewer instants, until what is left is no more than half of the most. */
static void thin_out(struct lives *l)
{
    do {
        l->instants = l->instants ? l->instants / 2 : MOST_INSTANTS;
        for (uint32_t i = 0; i < l->count; i++) {
            const struct survey_life *life = &l->list[i];
            if (life->segment.life && life->died && !spans_instant(l, life)) {
                drop(l, i);
                l->closed--;
            }
        }
    } while (l->closed > MOST_LIVES / 2 && l->instants > LEAST_INSTANTS);
}

/* ---- extents ---- */

static bool is_before(const struct survey_extent *e, uint32_t space, tracee_addr start)
{
    return e->space < space || (e->space == space && e->end + JOIN < start);
}

/* The first that is not wholly before the range. */
static size_t find_extent(const struct lives *l, uint32_t space, tracee_addr start)
{
    size_t low = 0, high = l->n_extents;
    while (low < high) {
        const size_t middle = (low + high) / 2;
        if (is_before(&l->extents[middle], space, start))
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool insert_extent(struct lives *l, size_t at, const struct survey_extent *extent)
{
    if (l->n_extents == MOST_EXTENTS)
        return true; /* the lives are there all the same */
    if (l->n_extents == l->extents_capacity) {
        const size_t capacity = l->extents_capacity ? l->extents_capacity * 2 : 64;
        struct survey_extent *list = reallocarray(l->extents, capacity, sizeof(*list));
        if (!list)
            return false;
        l->extents = list;
        l->extents_capacity = capacity;
    }
    memmove(l->extents + at + 1, l->extents + at, (l->n_extents - at) * sizeof(*l->extents));
    l->extents[at] = *extent;
    l->n_extents++;
    return true;
}

/* Those behind that it reaches now become part of it. */
static void join_extents(struct lives *l, size_t at)
{
    struct survey_extent *e = &l->extents[at];
    size_t next = at + 1;
    for (; next < l->n_extents && e[next - at].space == e->space && e[next - at].start <= e->end + JOIN; next++)
        if (e[next - at].end > e->end)
            e->end = e[next - at].end;
    memmove(l->extents + at + 1, l->extents + next, (l->n_extents - next) * sizeof(*l->extents));
    l->n_extents -= next - at - 1;
}

static void add_extent(struct lives *l, uint32_t space, tracee_addr start, tracee_addr end)
{
    const size_t at = find_extent(l, space, start);
    struct survey_extent *e = at < l->n_extents ? &l->extents[at] : NULL;
    if (!e || e->space != space || e->start > end + JOIN) {
        if (!insert_extent(l, at, &(struct survey_extent){space, start, end}))
            l->failed = true;
        return;
    }
    if (start < e->start)
        e->start = start;
    if (end > e->end) {
        e->end = end;
        join_extents(l, at);
    }
}

/* ---- coming and going ---- */

/* Index of a free one; UINT32_MAX without memory. */
static uint32_t take(struct lives *l)
{
    if (l->free) {
        const uint32_t index = l->free - 1;
        l->free = l->list[index].protects;
        l->in_use++;
        return index;
    }
    if (l->count == l->capacity) {
        const uint32_t capacity = l->capacity ? l->capacity * 2 : 1024;
        struct survey_life *list = reallocarray(l->list, capacity, sizeof(*list));
        if (!list) {
            l->failed = true;
            return UINT32_MAX;
        }
        l->list = list;
        l->capacity = capacity;
    }
    l->in_use++;
    return l->count++;
}

static void remember_fresh(struct lives *l, uint32_t index)
{
    if (l->n_fresh == l->fresh_capacity) {
        const uint32_t capacity = l->fresh_capacity ? l->fresh_capacity * 2 : 64;
        uint32_t *list = reallocarray(l->fresh, capacity, sizeof(*list));
        if (!list) {
            l->failed = true;
            return;
        }
        l->fresh = list;
        l->fresh_capacity = capacity;
    }
    l->fresh[l->n_fresh++] = index;
}

void lives_came(struct lives *l, uint32_t space, uint64_t time, struct segment *segment, uint32_t protects)
{
    const uint32_t index = take(l);
    segment->life = 0;
    if (index == UINT32_MAX)
        return;
    segment->life = index + 1;
    l->list[index] = (struct survey_life){.segment = *segment, .born = time, .space = space, .protects = protects};
    remember_fresh(l, index);
    add_extent(l, space, segment->start, segment->end);
}

uint32_t lives_went(struct lives *l, uint64_t time, const struct segment *segment)
{
    if (!segment->life)
        return 0;
    struct survey_life *life = &l->list[segment->life - 1];
    const uint32_t protects = life->protects; /* of a life that is dropped it is gone */
    life->died = time;
    if (life->died <= life->born || (l->instants && !spans_instant(l, life)))
        drop(l, segment->life - 1);
    else if (++l->closed > MOST_LIVES)
        thin_out(l);
    return protects;
}

void lives_cut(struct lives *l, const struct segment *low, struct segment *high)
{
    high->life = 0;
    if (!low->life)
        return;
    const uint32_t index = take(l);
    if (index == UINT32_MAX)
        return;
    struct survey_life *own = &l->list[low->life - 1];
    own->segment.end = low->end;
    high->life = index + 1;
    l->list[index] = *own;
    l->list[index].segment = *high;
    remember_fresh(l, index);
}

/* ---- roles, and the end ---- */

void lives_roles(struct lives *l, const struct decoder *d, const struct survey_space *spaces)
{
    for (uint32_t i = 0; i < l->n_fresh; i++) {
        struct survey_life *life = &l->list[l->fresh[i]];
        if (life->segment.life && !life->died)
            life->role = decoder_role(d, spaces[life->space].id, &life->segment);
    }
    l->n_fresh = 0;
}

static int by_birth(const void *left, const void *right)
{
    const struct survey_life *a = left, *b = right;
    if (a->born != b->born)
        return a->born < b->born ? -1 : 1;
    if (a->space != b->space)
        return a->space < b->space ? -1 : 1;
    if (a->segment.start != b->segment.start)
        return a->segment.start < b->segment.start ? -1 : 1;
    return a->died < b->died ? -1 : a->died > b->died;
}

void lives_end(struct lives *l, const struct decoder *d, const struct survey_space *spaces)
{
    lives_roles(l, d, spaces);
    uint32_t count = 0;
    for (uint32_t i = 0; i < l->count; i++) {
        if (!l->list[i].segment.life)
            continue;
        l->list[count] = l->list[i];
        if (!l->list[count].died)
            l->list[count].died = l->ticks + 1;
        count++;
    }
    l->count = count;
    l->free = 0;
    if (count)
        qsort(l->list, count, sizeof(*l->list), by_birth);
}
