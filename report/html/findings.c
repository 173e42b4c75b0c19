/* findings.c: findings with their evidence. */
#include "page.h"

#include "../findings.h"

#include <stdlib.h>

enum {
    NAME,
    SEVERITY,
    SENTENCE,
    ADVICE,
    SEE,
    PROC,
    START,
    END,
    NUMBERS,
    EVENTS,
    STACKS,
    NUMBER_NAME,
    NUMBER,
    EVENT_ID,
    EVENT_TIME,
    STACK,
    COLUMNS
};

/* ---- when its events were ---- */

struct evidence {
    uint64_t *events, *times; /* ascending; ticks */
    size_t count, next;       /* next: the first that has not come */
};

struct evidence *evidence_new(const struct findings *findings)
{
    struct evidence *e = calloc(1, sizeof(*e));
    if (!e)
        return NULL;
    const size_t most = findings->count * FINDING_EVENTS + 1;
    e->events = calloc(most, sizeof(*e->events));
    e->times = calloc(most, sizeof(*e->times));
    if (!e->events || !e->times) {
        evidence_free(e);
        return NULL;
    }
    for (size_t i = 0; i < findings->count; i++)
        for (size_t k = 0; k < findings->list[i].n_events; k++)
            e->events[e->count++] = findings->list[i].events[k];
    qsort(e->events, e->count, sizeof(*e->events), events_compare);
    return e;
}

void evidence_free(struct evidence *e)
{
    if (!e)
        return;
    free(e->events);
    free(e->times);
    free(e);
}

void evidence_add(struct evidence *e, const struct page *page, const struct moment *m)
{
    for (; m->event && e->next < e->count && e->events[e->next] <= m->event; e->next++)
        e->times[e->next] = decoder_time(page->decoder);
}

static uint64_t time_of(const struct evidence *e, uint64_t event)
{
    const uint64_t *found = bsearch(&event, e->events, e->count, sizeof(*e->events), events_compare);
    return found ? e->times[found - e->events] : 0;
}

/* ---- the section ---- */

static uint32_t words(struct page *page, const struct finding *f, const char *text)
{
    struct buffer out = {0};
    const struct findings_place place = {.code = decoder_code(page->decoder), .trace = page->shown};
    finding_words(&out, &place, f, text);
    const uint32_t index = strings_add_buffer(&page->strings, &out);
    buffer_free(&out);
    return index;
}

static void add_numbers(struct page *page, struct column *c, const struct finding *f)
{
    struct buffer value = {0};
    for (size_t i = 0; i < f->n_numbers; i++) {
        column_add(&c[NUMBER_NAME], strings_add_chars(&page->strings, f->numbers[i].name));
        finding_value(&value, &f->numbers[i]);
        column_add(&c[NUMBER], strings_add_buffer(&page->strings, &value));
    }
    buffer_free(&value);
}

/* Index + 1: that of its address space, as pids are used again; 0: of none. */
static uint64_t process_of(const struct page *page, const struct finding *f)
{
    size_t count;
    const struct survey_space *spaces = survey_spaces(page->survey, &count);
    for (size_t i = 0; i < count && f->space; i++)
        if (spaces[i].id == f->space && spaces[i].process != SIZE_MAX)
            return spaces[i].process + 1;
    return page_process(page, f->pid);
}

static void add_finding(struct page *page, struct column *c, const struct finding *f)
{
    column_add(&c[NAME], strings_add_chars(&page->strings, f->name));
    column_add(&c[SEVERITY], f->severity);
    column_add(&c[SENTENCE], words(page, f, f->sentence));
    column_add(&c[ADVICE], words(page, f, f->advice));
    column_add(&c[SEE], words(page, f, f->see));
    column_add(&c[PROC], process_of(page, f));
    column_add(&c[START], f->start);
    column_add(&c[END], f->end ? f->end : page->ticks);
    column_add(&c[NUMBERS], f->n_numbers);
    column_add(&c[EVENTS], f->n_events);
    column_add(&c[STACKS], f->n_stacks);
    add_numbers(page, c, f);
    for (size_t i = 0; i < f->n_events; i++) {
        column_add(&c[EVENT_ID], f->events[i]);
        column_add(&c[EVENT_TIME], time_of(page->evidence, f->events[i]));
    }
    for (size_t i = 0; i < f->n_stacks; i++)
        column_add(&c[STACK], stack_sums_index(page->decoder, f->stacks[i]));
}

void page_findings(struct page *page)
{
    struct column c[COLUMNS] = {
        [NAME] = COLUMN("name_str", COLUMN_NUMBER),         [SEVERITY] = COLUMN("severity", COLUMN_BYTE),
        [SENTENCE] = COLUMN("sentence_str", COLUMN_NUMBER), [ADVICE] = COLUMN("advice_str", COLUMN_NUMBER),
        [SEE] = COLUMN("see_str", COLUMN_NUMBER),           [PROC] = COLUMN("proc", COLUMN_NUMBER),
        [START] = COLUMN("start", COLUMN_NUMBER),           [END] = COLUMN("end", COLUMN_NUMBER),
        [NUMBERS] = COLUMN("numbers", COLUMN_NUMBER),       [EVENTS] = COLUMN("events", COLUMN_NUMBER),
        [STACKS] = COLUMN("stacks", COLUMN_NUMBER),         [NUMBER_NAME] = COLUMN("number_name_str", COLUMN_NUMBER),
        [NUMBER] = COLUMN("number_str", COLUMN_NUMBER),     [EVENT_ID] = COLUMN("event_id", COLUMN_NUMBER),
        [EVENT_TIME] = COLUMN("event_time", COLUMN_NUMBER), [STACK] = COLUMN("stack", COLUMN_NUMBER),
    };
    for (size_t i = 0; i < page->findings.count; i++)
        add_finding(page, c, &page->findings.list[i]);
    page_columns(page, "find", c, COLUMNS);
}
