/* findings.c: the list of findings, and what their rules share. */
#include "findings.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { OF_ONE_NAME = 3 }; /* of more the worst are told; rules add the worst first */

const char *severity_name(enum severity severity)
{
    static const char *const names[] = {
        [SEVERITY_NOTE] = "note", [SEVERITY_WARNING] = "warning", [SEVERITY_PROBLEM] = "problem"};
    return names[severity <= SEVERITY_PROBLEM ? severity : SEVERITY_NOTE];
}

const char *confidence_name(enum confidence confidence)
{
    static const char *const names[] = {
        [CONFIDENCE_LOW] = "low", [CONFIDENCE_MEDIUM] = "medium", [CONFIDENCE_HIGH] = "high"};
    return names[confidence <= CONFIDENCE_HIGH ? confidence : CONFIDENCE_LOW];
}

/* ---- the list ---- */

struct finding *findings_add(struct findings *findings, const struct finding *finding)
{
    size_t like = 0;
    for (size_t i = 0; i < findings->count; i++)
        like += strcmp(findings->list[i].name, finding->name) == 0;
    if (like >= OF_ONE_NAME)
        return NULL;
    if (findings->count == findings->capacity) {
        const size_t capacity = findings->capacity ? findings->capacity * 2 : 8;
        struct finding *list = reallocarray(findings->list, capacity, sizeof(*list));
        if (!list)
            return NULL;
        findings->list = list;
        findings->capacity = capacity;
    }
    findings->list[findings->count] = *finding;
    return &findings->list[findings->count++];
}

void finding_number(struct finding *f, const char *name, enum number_unit unit, uint64_t value)
{
    if (f && f->n_numbers < FINDING_NUMBERS)
        f->numbers[f->n_numbers++] = (struct finding_number){name, unit, value};
}

void finding_event(struct finding *f, uint64_t event)
{
    if (!f || !event || f->n_events == FINDING_EVENTS)
        return;
    for (size_t i = 0; i < f->n_events; i++)
        if (f->events[i] == event)
            return;
    f->events[f->n_events++] = event;
}

void finding_stack(struct finding *f, uint32_t stack)
{
    if (!f || !stack || f->n_stacks == FINDING_STACKS)
        return;
    for (size_t i = 0; i < f->n_stacks; i++)
        if (f->stacks[i] == stack)
            return;
    f->stacks[f->n_stacks++] = stack;
}

void finding_when(struct finding *f, uint64_t start, uint64_t end)
{
    if (!f)
        return;
    f->start = start;
    f->end = end;
}

void finding_fact(struct finding *finding, const struct fact *fact)
{
    finding_event(finding, fact->first);
    finding_event(finding, fact->last);
    finding_when(finding, fact->first_time, fact->last_time);
    finding_stack(finding, fact->stack);
}

void findings_free(struct findings *findings)
{
    free(findings->list);
    *findings = (struct findings){0};
}

/* ---- call sites ---- */

unsigned fact_share(const struct fact *f)
{
    const uint64_t all = f->last_time - f->first_time;
    return all && f->ticks < all ? (unsigned)(f->ticks * 100 / all) : 100;
}

static int by_place(const void *a, const void *b)
{
    const struct fact_site *one = a, *two = b;
    const struct fact *x = &one->sum, *y = &two->sum;
    if (one->frame != two->frame)
        return one->frame < two->frame ? -1 : 1;
    if (!one->frame && x->stack != y->stack)
        return x->stack < y->stack ? -1 : 1;
    if (x->space != y->space)
        return x->space < y->space ? -1 : 1;
    if (x->kind != y->kind)
        return x->kind < y->kind ? -1 : 1;
    if (x->call != y->call)
        return x->call < y->call ? -1 : 1;
    return x->error < y->error ? -1 : x->error > y->error;
}

static int by_calls(const void *a, const void *b)
{
    const struct fact_site *one = a, *two = b;
    if (one->sum.calls != two->sum.calls)
        return one->sum.calls > two->sum.calls ? -1 : 1;
    return by_place(a, b);
}

static void join_one(struct fact *sum, const struct fact *other)
{
    const bool is_more = other->left != sum->left ? other->left > sum->left : other->calls > sum->calls;
    struct fact joined = is_more ? *other : *sum;
    joined.calls = sum->calls + other->calls;
    joined.bytes = sum->bytes + other->bytes;
    joined.ticks = sum->ticks + other->ticks;
    joined.first = sum->first < other->first ? sum->first : other->first;
    joined.first_time = sum->first_time < other->first_time ? sum->first_time : other->first_time;
    joined.last = sum->last > other->last ? sum->last : other->last;
    joined.last_time = sum->last_time > other->last_time ? sum->last_time : other->last_time;
    joined.returns = sum->returns + other->returns;
    joined.returned = sum->returned + other->returned;
    joined.lived = sum->lived + other->lived;
    joined.copies = sum->copies + other->copies;
    joined.left = sum->left + other->left;
    joined.left_blocks = sum->left_blocks + other->left_blocks;
    joined.at_limit = sum->at_limit || other->at_limit;
    joined.sealed = sum->sealed || other->sealed;
    *sum = joined;
}

int fact_sites(const struct findings_view *v, enum deed deed, struct fact_site **ret, size_t *ret_count)
{
    const struct fact **facts;
    size_t count, kept = 0;
    if (facts_list(v->facts, deed, &facts, &count) < 0)
        return -ENOMEM;
    struct fact_site *list = calloc(count + 1, sizeof(*list));
    for (size_t i = 0; list && i < count; i++) {
        struct code_line line;
        list[i].sum = *facts[i];
        list[i].frame = code_site(decoder_code(v->decoder), facts[i]->stack, &line) ? line.frame : 0;
    }
    free(facts);
    if (!list)
        return -ENOMEM;
    qsort(list, count, sizeof(*list), by_place);
    for (size_t i = 0; i < count; i++) {
        if (kept && by_place(&list[kept - 1], &list[i]) == 0)
            join_one(&list[kept - 1].sum, &list[i].sum);
        else
            list[kept++] = list[i];
    }
    qsort(list, kept, sizeof(*list), by_calls);
    *ret = list;
    *ret_count = kept;
    return 0;
}

/* ---- all rules ---- */

/* The most severe first, else in the order in which they were found; all else equal, qsort() keeps no order. */
static void sort(struct findings *findings)
{
    for (size_t i = 1; i < findings->count; i++) {
        const struct finding one = findings->list[i];
        size_t at = i;
        for (; at > 0 && findings->list[at - 1].severity < one.severity; at--)
            findings->list[at] = findings->list[at - 1];
        findings->list[at] = one;
    }
}

void findings_find(const struct findings_view *view, struct findings *ret)
{
    static void (*const rules[])(const struct findings_view *, struct findings *) = {
        find_failed,   find_mappings, find_growth,   find_trims,   find_drift,  find_churn,
        find_protects, find_stacks,   find_arenas,   find_exposed, find_guards, find_pinned,
        find_lazy,     find_files,    find_reserved, find_storms,  find_huge};
    *ret = (struct findings){0};
    for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++)
        rules[i](view, ret);
    sort(ret);
}
