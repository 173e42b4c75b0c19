/*
 * insides.c: what was seen inside of heaps: the last look into each address space.
 *
 * Of spaces that have ended two looks are kept: the last one into the command's own, and the one that found most to be
 * given back below the top.
 */
#include "timeline.h"

#include <stdlib.h>
#include <string.h>

enum { SPACES = 256, MOST_HEAPS = 2048 /* of one look */ };

struct look {
    struct inside inside;
    size_t capacity;
    bool begun; /* records of it are still to come */
    struct look *next;
};

struct insides {
    struct look *spaces[SPACES]; /* by id */
    struct look command, worst;  /* of those that have ended */
    uint32_t command_pid;
};

struct insides *insides_new(void)
{
    return calloc(1, sizeof(struct insides));
}

static void clear(struct look *l)
{
    free(l->inside.heaps);
    *l = (struct look){0};
}

void insides_free(struct insides *s)
{
    if (!s)
        return;
    for (size_t i = 0; i < SPACES; i++)
        for (struct look *l = s->spaces[i], *next; l; l = next) {
            next = l->next;
            clear(l);
            free(l);
        }
    clear(&s->command);
    clear(&s->worst);
    free(s);
}

/* ---- sums ---- */

bool inside_is_whole(const struct inside_heap *heap)
{
    return heap->walk.ending == WALK_TO_TOP || heap->walk.ending == WALK_TO_FENCE;
}

struct inside_sums inside_sums(const struct inside *inside, bool main_only)
{
    struct inside_sums sums = {0};
    for (size_t i = 0; i < inside->n_heaps; i++) {
        const struct rec_walk *w = &inside->heaps[i].walk;
        if (main_only && !(w->flags & WALK_MAIN))
            continue;
        sums.heaps++;
        sums.size += w->end - w->start;
        sums.used += w->used;
        sums.free += w->binned + w->tcache + w->fast;
        sums.top += w->top;
        sums.pages += w->pages;
        sums.top_pages += w->top_pages;
        sums.unseen += w->unseen;
    }
    return sums;
}

const struct inside_heap *inside_main(const struct inside *inside)
{
    for (size_t i = 0; i < inside->n_heaps; i++)
        if (inside->heaps[i].walk.flags & WALK_MAIN)
            return &inside->heaps[i];
    return NULL;
}

/* ---- records ---- */

static struct look *find_look(const struct insides *s, uint32_t space)
{
    struct look *l = s->spaces[space % SPACES];
    while (l && l->inside.space != space)
        l = l->next;
    return l;
}

static struct look *get_look(struct insides *s, uint32_t space)
{
    struct look *l = find_look(s, space);
    if (l || !(l = calloc(1, sizeof(*l))))
        return l;
    l->inside.space = space;
    l->next = s->spaces[space % SPACES];
    s->spaces[space % SPACES] = l;
    return l;
}

/* Lists of heaps point into the heap itself, wherever it has been moved to. */
static void point_in(struct inside_heap *heap)
{
    heap->walk.runs = heap->runs;
    heap->walk.cells.data = (const char *)heap->cells;
}

static bool is_sane(const struct rec_walk *w)
{
    return w->start < w->end && w->n_runs <= WALK_RUNS && w->cells.size <= WALK_CELLS && w->ending < WALK_ENDS;
}

/* The growth that brought the page. */
static void find_birth(struct inside_heap *heap, const struct decoder *d)
{
    struct segment s;
    if (!heap->walk.pin || !decoder_segment(d, heap->walk.space, heap->walk.pin, &s) || s.start > heap->walk.pin)
        return;
    heap->pin_stack = s.stack;
    heap->pin_event = s.birth;
    heap->pin_time = s.born;
}

static void add_walk(struct insides *s, const struct decoder *d, const struct rec_walk *w)
{
    struct space_info info;
    struct look *l = is_sane(w) && decoder_space(d, w->space, &info) ? get_look(s, w->space) : NULL;
    if (!l)
        return;
    struct inside *inside = &l->inside;
    if (!l->begun || inside->time != w->time)
        inside->n_heaps = 0;
    l->begun = w->rest > 0;
    if (inside->n_heaps == l->capacity) {
        const size_t capacity = l->capacity ? l->capacity * 2 : 1;
        struct inside_heap *heaps =
            capacity <= MOST_HEAPS ? reallocarray(inside->heaps, capacity, sizeof(*heaps)) : NULL;
        if (!heaps)
            return;
        for (size_t i = 0; i < inside->n_heaps; i++)
            point_in(&heaps[i]);
        inside->heaps = heaps;
        l->capacity = capacity;
    }
    struct inside_heap *heap = &inside->heaps[inside->n_heaps++];
    *heap = (struct inside_heap){.walk = *w};
    if (w->n_runs)
        memcpy(heap->runs, w->runs, w->n_runs * sizeof(*w->runs));
    if (w->cells.size)
        memcpy(heap->cells, w->cells.data, w->cells.size);
    point_in(heap);
    find_birth(heap, d);
    inside->pid = w->pid;
    inside->time = w->time;
    inside->event = decoder_events(d);
    inside->reason = (enum walk_reason)w->reason;
    inside->cost = w->cost;
}

/* The other one is left empty. */
static void move(struct look *to, struct look *from)
{
    clear(to);
    *to = *from;
    to->next = NULL;
    *from = (struct look){0};
}

static bool copy(struct look *to, const struct look *from)
{
    struct inside_heap *heaps = calloc(from->inside.n_heaps, sizeof(*heaps));
    if (!heaps)
        return false;
    clear(to);
    *to = *from;
    to->next = NULL;
    to->capacity = from->inside.n_heaps;
    to->inside.heaps = heaps;
    memcpy(heaps, from->inside.heaps, from->inside.n_heaps * sizeof(*heaps));
    for (size_t i = 0; i < to->inside.n_heaps; i++)
        point_in(&heaps[i]);
    return true;
}

static void end_space(struct insides *s, uint32_t space)
{
    struct look **at = &s->spaces[space % SPACES];
    while (*at && (*at)->inside.space != space)
        at = &(*at)->next;
    struct look *l = *at;
    if (!l)
        return;
    *at = l->next;
    if (l->inside.n_heaps && l->inside.pid == s->command_pid)
        copy(&s->command, l);
    if (l->inside.n_heaps && inside_sums(&l->inside, false).pages >= inside_sums(&s->worst.inside, false).pages)
        move(&s->worst, l);
    clear(l);
    free(l);
}

void insides_add(struct insides *s, const struct decoder *d, const struct moment *m)
{
    switch (m->record->kind) {
    case REC_WALK:
        add_walk(s, d, &m->record->walk);
        break;
    case REC_TASK:
        if (m->record->task.flags & TASK_FIRST)
            s->command_pid = m->record->task.pid;
        break;
    case REC_SPACE_END:
        end_space(s, m->record->space_end.space);
        break;
    default:
        break;
    }
}

/* ---- reading ---- */

static const struct inside *filled(const struct look *l)
{
    return l && l->inside.n_heaps ? &l->inside : NULL;
}

const struct inside *insides_last(const struct insides *s, uint32_t space)
{
    return filled(find_look(s, space));
}

const struct inside *insides_command(const struct insides *s)
{
    for (size_t i = 0; i < SPACES; i++)
        for (const struct look *l = s->spaces[i]; l; l = l->next)
            if (l->inside.pid == s->command_pid && filled(l))
                return &l->inside;
    return filled(&s->command);
}

const struct inside *insides_worst(const struct insides *s)
{
    const struct inside *worst = filled(&s->worst);
    for (size_t i = 0; i < SPACES; i++)
        for (const struct look *l = s->spaces[i]; l; l = l->next)
            if (filled(l) && (!worst || inside_sums(&l->inside, false).pages > inside_sums(worst, false).pages))
                worst = &l->inside;
    return worst;
}

/* ---- words ---- */

const char *walk_reason_name(enum walk_reason reason)
{
    static const char *const names[] = {[WALK_AT_EXIT] = "exit",
                                        [WALK_AT_DETACH] = "detach",
                                        [WALK_ASKED] = "asked",
                                        [WALK_AT_PEAK] = "peak",
                                        [WALK_LIVE] = "live"};
    return reason >= WALK_AT_EXIT && reason <= WALK_LIVE ? names[reason] : "unknown";
}

const char *walk_end_name(enum walk_end end)
{
    static const char *const names[WALK_ENDS] = {
        [WALK_TO_TOP] = "top",          [WALK_TO_FENCE] = "fence",        [WALK_CORRUPT] = "corrupt",
        [WALK_FOREIGN] = "foreign",     [WALK_UNREADABLE] = "unreadable", [WALK_TIMED_OUT] = "timed-out",
        [WALK_TOO_LARGE] = "too-large", [WALK_NOT_GLIBC] = "not-glibc"};
    return (unsigned)end < WALK_ENDS ? names[end] : "unknown";
}
