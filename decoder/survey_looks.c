/*
 * survey_looks.c: what of each life was resident, whenever the tracer looked at the pages of its space.
 *
 * A life may be cut afterwards, so that looks keep the runs of resident pages, and are told by lives at the end only.
 * A recording may hold any number of looks: when they are too many, every second one of each space goes, and the last
 * ones of spaces go last.
 */
#include "survey.h"

#include <stdlib.h>
#include <string.h>

enum { MOST_LOOKS = 4096, MOST_RUNS = 1 << 21, MOST_PARTS = 400000 };

static void free_look(struct look *look)
{
    free(look->runs);
    free(look->parts);
}

void looks_free(struct looks *l)
{
    for (size_t i = 0; i < l->count; i++)
        free_look(&l->list[i]);
    free(l->list);
    free(l->numbers);
}

/* ---- fewer of them ---- */

/* Of the first kind that there is: those between others of their space, any but the last of a space, any. */
enum goes { GOES_BETWEEN, GOES_ODD, GOES_ANY };

static bool is_between(const struct looks *l, const struct look *look)
{
    return look->told.reason != RESIDENCY_EXIT && l->stride && look->number % l->stride;
}

static bool does_go(const struct looks *l, const struct look *look, size_t index, enum goes which)
{
    const bool odd = index % 2 && (which == GOES_ANY || look->told.reason != RESIDENCY_EXIT);
    return which == GOES_BETWEEN ? is_between(l, look) : odd;
}

static size_t drop(struct looks *l, enum goes which)
{
    size_t kept = 0, was = l->count;
    for (size_t i = 0; i < was; i++) {
        struct look *look = &l->list[i];
        if (does_go(l, look, i, which)) {
            l->runs -= look->n_runs;
            free_look(look);
            continue;
        }
        l->list[kept++] = *look;
    }
    l->count = kept;
    return was - kept;
}

static void halve(struct looks *l)
{
    l->stride = l->stride ? l->stride * 2 : 2;
    if (!drop(l, GOES_BETWEEN) && !drop(l, GOES_ODD))
        drop(l, GOES_ANY);
}

/* ---- looks as they come ---- */

static uint64_t next_number(struct looks *l, uint32_t space)
{
    if (space >= l->n_numbers) {
        const size_t count = (size_t)space * 2 + 16;
        uint64_t *numbers = reallocarray(l->numbers, count, sizeof(*numbers));
        l->failed |= !numbers;
        if (!numbers)
            return 0;
        memset(numbers + l->n_numbers, 0, (count - l->n_numbers) * sizeof(*numbers));
        l->numbers = numbers;
        l->n_numbers = count;
    }
    return l->numbers[space]++;
}

static bool keep_runs(struct look *look, const struct rec_residency *residency)
{
    look->runs = calloc(residency->n_runs + 1, sizeof(*look->runs));
    for (uint32_t i = 0; look->runs && i < residency->n_runs; i++) {
        const struct rec_page_run *run = &residency->runs[i];
        struct rec_page_run *last = look->n_runs ? &look->runs[look->n_runs - 1] : NULL;
        if (!(run->flags & PAGE_PRESENT) || run->flags & PAGE_ZERO)
            continue;
        if (last && last->start + last->pages * TRACE_PAGE == run->start)
            last->pages += run->pages;
        else
            look->runs[look->n_runs++] = (struct rec_page_run){run->start, run->pages, PAGE_PRESENT};
    }
    return look->runs;
}

static tracee_addr seen_up_to(const struct rec_residency *residency)
{
    const struct rec_page_run *last = residency->n_runs ? &residency->runs[residency->n_runs - 1] : NULL;
    return residency->flags & RESIDENCY_CUT && last ? last->start + last->pages * TRACE_PAGE : 0;
}

void looks_add(struct looks *l, uint32_t space, uint64_t time, const struct rec_residency *residency)
{
    struct look look = {
        .told = {.space = space, .time = time, .reason = residency->reason, .end = seen_up_to(residency)},
        .number = next_number(l, space)};
    l->taken++;
    if (is_between(l, &look))
        return;
    if (l->count == l->capacity) {
        const size_t capacity = l->capacity ? l->capacity * 2 : 16;
        struct look *list = reallocarray(l->list, capacity, sizeof(*list));
        l->failed |= !list;
        if (!list)
            return;
        l->list = list;
        l->capacity = capacity;
    }
    if (!keep_runs(&look, residency)) {
        l->failed = true;
        return;
    }
    l->list[l->count++] = look;
    l->runs += look.n_runs;
    while (l->count > 1 && (l->count > MOST_LOOKS || l->runs > MOST_RUNS))
        halve(l);
}

/* ---- told by lives ---- */

/* Lives of each space, in order of birth: those of space s are order[first[s]] to order[first[s + 1]]. */
struct by_space {
    uint32_t *first, *order;
};

static bool sort_lives(struct by_space *by, const struct lives *lives, size_t spaces)
{
    by->first = calloc(spaces + 2, sizeof(*by->first));
    by->order = calloc((size_t)lives->count + 1, sizeof(*by->order));
    if (!by->first || !by->order)
        return false;
    for (uint32_t i = 0; i < lives->count; i++)
        by->first[lives->list[i].space + 2]++;
    for (size_t s = 2; s < spaces + 2; s++)
        by->first[s] += by->first[s - 1];
    for (uint32_t i = 0; i < lives->count; i++)
        by->order[by->first[lives->list[i].space + 1]++] = i;
    return true;
}

static void tell_look(struct look *look, const struct decoder *d, const struct lives *lives, const struct by_space *by)
{
    const struct rec_residency residency = {.reason = look->told.reason, .n_runs = look->n_runs, .runs = look->runs};
    const uint32_t from = by->first[look->told.space], to = by->first[look->told.space + 1];
    look->parts = calloc((size_t)(to - from) + 1, sizeof(*look->parts));
    for (uint32_t i = from; look->parts && i < to; i++) {
        const struct survey_life *life = &lives->list[by->order[i]];
        struct pages pages;
        if (life->born > look->told.time)
            break;
        if (life->died <= look->told.time)
            continue;
        model_pages(d, &residency, &life->segment, &pages);
        if (pages.resident)
            look->parts[look->told.parts++] = (struct survey_part){by->order[i], pages.resident};
    }
    struct survey_part *exact = look->parts ? reallocarray(look->parts, look->told.parts + 1, sizeof(*exact)) : NULL;
    if (exact)
        look->parts = exact;
}

/* False when that is too much to tell. */
static bool tell_looks(struct looks *l, const struct decoder *d, const struct lives *lives, const struct by_space *by)
{
    size_t parts = 0;
    for (size_t i = 0; i < l->count && (parts <= MOST_PARTS || l->count == 1); i++) {
        struct look *look = &l->list[i];
        free(look->parts);
        look->told.parts = 0;
        tell_look(look, d, lives, by);
        l->failed |= !look->parts;
        parts += look->told.parts;
    }
    return parts <= MOST_PARTS || l->count == 1;
}

void looks_end(struct looks *l, const struct decoder *d, const struct lives *lives, size_t spaces)
{
    struct by_space by = {0};
    l->failed |= !sort_lives(&by, lives, spaces);
    while (!l->failed && !tell_looks(l, d, lives, &by))
        halve(l);
    free(by.first);
    free(by.order);
}
