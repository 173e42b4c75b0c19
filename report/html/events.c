/*
 * events.c: events in chunks, so that a browser unpacks only what it shows.
 *
 * All of them up to a limit; of longer recordings those that are worth it: what findings name, the first failures, and
 * the largest changes.  How many there are of each size is known from a first run: see html.c.
 */
#include "page.h"

#include "format.h"

#include "../event_text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    ID,
    TIME,
    LATE,
    DURATION,
    TID,
    PROC,
    CALL,
    FLAGS,
    ERROR,
    MAPPED,
    UNMAPPED,
    KIND,
    STACK,
    MINOR,
    MAJOR,
    TEXT_INDEX,
    TEXT,
    SHOWN,
    RET,
    A0,
    COLUMNS = A0 + CALL_MAX_ARGS
};

enum { EV_UNORDERED = 1, EV_NO_RETURN = 2, EV_FAULTS = 4, EV_KILLED = 8, FAILURES_OF = 10 };

struct events_part {
    struct column c[COLUMNS];
    uint64_t in_chunk, kept;
    uint64_t first_id, first_time, last_time;
    bool all;
    uint64_t *named; /* by findings; in order */
    size_t n_named;
    uint64_t failures;             /* so many more are kept */
    int class;                     /* events above it are kept, and of those in it, */
    uint64_t size, room, in_class; /* which are `size`, `room` at equal distances */
    struct buffer words;           /* of the event at hand */
    struct buffer done;            /* sections that are finished */
    unsigned chunks;
    struct column index[4]; /* first_id, count, start, end */
};

static const struct column shape[COLUMNS] = {
    [ID] = COLUMN("id", COLUMN_NEAR),
    [TIME] = COLUMN("time", COLUMN_NEAR),
    [LATE] = COLUMN("late", COLUMN_NUMBER),
    [DURATION] = COLUMN("duration", COLUMN_NUMBER),
    [TID] = COLUMN("tid", COLUMN_NEAR),
    [PROC] = COLUMN("proc", COLUMN_NEAR),
    [CALL] = COLUMN("call", COLUMN_BYTE),
    [FLAGS] = COLUMN("flags", COLUMN_BYTE),
    [ERROR] = COLUMN("error", COLUMN_NUMBER),
    [MAPPED] = COLUMN("mapped", COLUMN_NUMBER),
    [UNMAPPED] = COLUMN("unmapped", COLUMN_NUMBER),
    [KIND] = COLUMN("kind", COLUMN_BYTE),
    [STACK] = COLUMN("stack", COLUMN_NEAR),
    [MINOR] = COLUMN("minor", COLUMN_NUMBER),
    [MAJOR] = COLUMN("major", COLUMN_NUMBER),
    [TEXT_INDEX] = COLUMN("text_str", COLUMN_NUMBER),
    [TEXT] = COLUMN("text", COLUMN_TEXT),
    [SHOWN] = COLUMN("shown", COLUMN_BYTE),
    [RET] = COLUMN("ret", COLUMN_WORD),
    [A0] = COLUMN("a0", COLUMN_WORD),
    [A0 + 1] = COLUMN("a1", COLUMN_WORD),
    [A0 + 2] = COLUMN("a2", COLUMN_WORD),
    [A0 + 3] = COLUMN("a3", COLUMN_WORD),
    [A0 + 4] = COLUMN("a4", COLUMN_WORD),
    [A0 + 5] = COLUMN("a5", COLUMN_WORD),
};

/* ---- which ones ---- */

static int class_of(const struct moment *m)
{
    const uint64_t changed = m->change.mapped + m->change.unmapped;
    return changed ? 64 - __builtin_clzll(changed) : 0;
}

void events_count(struct events_sizes *sizes, const struct moment *m)
{
    sizes->all++;
    sizes->failures += m->record->event.error != 0;
    sizes->by_class[class_of(m)]++;
}

int events_compare(const void *left, const void *right)
{
    const uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;
    return a < b ? -1 : a > b;
}

/* Those that findings name, the first findings first; false without memory. */
static bool plan_named(struct events_part *part, const struct findings *findings, uint64_t most)
{
    size_t count = 0, own = 0;
    for (size_t i = 0; i < findings->count; i++)
        count += findings->list[i].n_events;
    part->named = calloc(count + 1, sizeof(*part->named));
    if (!part->named)
        return false;
    for (size_t i = 0; i < findings->count; i++)
        for (size_t j = 0; j < findings->list[i].n_events && part->n_named < most; j++)
            part->named[part->n_named++] = findings->list[i].events[j];
    qsort(part->named, part->n_named, sizeof(*part->named), events_compare);
    for (size_t i = 0; i < part->n_named; i++)
        if (!own || part->named[own - 1] != part->named[i])
            part->named[own++] = part->named[i];
    part->n_named = own;
    return true;
}

/* All above a class of sizes, and some of that class. */
static void plan_sizes(struct events_part *part, const struct events_sizes *sizes, uint64_t most)
{
    uint64_t sum = 0;
    int class = EVENTS_CLASSES - 1;
    while (class > 0 && sum + sizes->by_class[class] <= most)
        sum += sizes->by_class[class --];
    part->class = class;
    part->size = sizes->by_class[class];
    part->room = part->size < most - sum ? part->size : most - sum;
}

static bool plan(struct events_part *part, const struct findings *findings, const struct events_sizes *sizes,
                 uint64_t most)
{
    part->all = sizes->all <= most;
    if (part->all)
        return true;
    if (!plan_named(part, findings, most))
        return false;
    most -= part->n_named;
    part->failures = sizes->failures < most / FAILURES_OF ? sizes->failures : most / FAILURES_OF;
    plan_sizes(part, sizes, most - part->failures);
    return true;
}

static bool is_named(const struct events_part *part, uint64_t event)
{
    return part->n_named && bsearch(&event, part->named, part->n_named, sizeof(event), events_compare);
}

static bool is_wanted(struct events_part *part, const struct moment *m)
{
    const int class = class_of(m);
    if (part->all || class > part->class || is_named(part, m->event))
        return true;
    if (class == part->class) {
        const unsigned __int128 room = part->room, at = part->in_class++;
        if ((at + 1) * room / part->size > at * room / part->size)
            return true;
    }
    if (!m->record->event.error || !part->failures)
        return false;
    part->failures--;
    return true;
}

/* ---- taking them ---- */

struct events_part *events_new(const struct findings *findings, const struct events_sizes *sizes, uint64_t most)
{
    struct events_part *part = calloc(1, sizeof(*part));
    if (!part || !plan(part, findings, sizes, most)) {
        events_free(part);
        return NULL;
    }
    memcpy(part->c, shape, sizeof(shape));
    part->index[0] = (struct column)COLUMN("first_id", COLUMN_NEAR);
    part->index[1] = (struct column)COLUMN("count", COLUMN_NUMBER);
    part->index[2] = (struct column)COLUMN("start", COLUMN_NEAR);
    part->index[3] = (struct column)COLUMN("end", COLUMN_NEAR);
    return part;
}

void events_free(struct events_part *part)
{
    if (!part)
        return;
    for (int i = 0; i < COLUMNS; i++)
        column_free(&part->c[i]);
    for (int i = 0; i < 4; i++)
        column_free(&part->index[i]);
    buffer_free(&part->words);
    buffer_free(&part->done);
    free(part->named);
    free(part);
}

uint64_t events_kept(const struct events_part *part)
{
    return part->kept;
}

static void close_chunk(struct events_part *part, struct page *page)
{
    char name[32];
    if (!part->in_chunk)
        return;
    snprintf(name, sizeof(name), "e%u", part->chunks++);
    if (section_write(&part->done, name, part->c, COLUMNS) < 0)
        page->failed = true;
    column_add(&part->index[0], part->first_id);
    column_add(&part->index[1], part->in_chunk);
    column_add(&part->index[2], part->first_time);
    column_add(&part->index[3], part->last_time);
    for (int i = 0; i < COLUMNS; i++)
        column_clear(&part->c[i]);
    part->in_chunk = 0;
}

static bool is_worded(enum call call)
{
    const struct call_info *info = call_info(call);
    bool worded = event_is_told_whole(call);
    for (unsigned i = 0; i < info->nargs; i++)
        worded |= info->args[i].kind == ARG_FD || event_is_worded(info->args[i].kind);
    return worded;
}

/* What its arguments say in words, or else the file that it was about. */
static void add_text(struct events_part *part, const struct decoder *d, const struct rec_event *event)
{
    const struct file_info *file = NULL;
    buffer_clear(&part->words);
    if (is_worded(event->call))
        event_words(&part->words, d, event);
    else if (event->file && (file = decoder_file(d, event->file)))
        buffer_append(&part->words, file->path.data, file->path.size);
    part->c[TEXT].bytes.failed |= part->words.failed;
    column_add(&part->c[TEXT_INDEX], part->words.size ? part->c[TEXT].items + 1 : 0);
    if (part->words.size)
        column_text(&part->c[TEXT], (struct text){.data = part->words.data, .size = part->words.size});
    column_add(&part->c[SHOWN], event_arguments(event));
}

/* Arguments that stay near those of the same event: an address near the result, as most are. */
static void add_arguments(struct events_part *part, const struct rec_event *event)
{
    for (unsigned i = 0; i < CALL_MAX_ARGS; i++)
        column_add(&part->c[A0 + i], i < event->nargs && event_uses_argument(event, i) ? event->args[i] : 0);
}

void events_add(struct events_part *part, struct page *page, const struct moment *m)
{
    const struct rec_event *event = &m->record->event;
    const struct decoder *d = page->decoder;
    if (!is_wanted(part, m))
        return;
    const uint64_t process = page_process(page, m->pid), time = decoder_time(d);
    if (!part->in_chunk) {
        part->first_id = m->event;
        part->first_time = time;
    }
    part->last_time = time;
    column_add(&part->c[ID], m->event);
    column_add(&part->c[TIME], time);
    column_add(&part->c[LATE], time - m->time);
    column_add(&part->c[DURATION], event->duration);
    column_add(&part->c[TID], event->tid);
    column_add(&part->c[PROC], process ? process - 1 : 0);
    column_add(&part->c[CALL], event->call < CALL_COUNT ? event->call : 0);
    column_add(&part->c[FLAGS],
               (event->flags & EVENT_UNORDERED ? EV_UNORDERED : 0) | (event_returned(event) ? 0 : EV_NO_RETURN) |
                   (event->flags & EVENT_FAULTS ? EV_FAULTS : 0) | (event_killed(event) ? EV_KILLED : 0));
    column_add(&part->c[ERROR], event->error);
    column_add(&part->c[MAPPED], m->change.mapped);
    column_add(&part->c[UNMAPPED], m->change.unmapped);
    column_add(&part->c[KIND], m->change.kind);
    column_add(&part->c[STACK], stack_sums_index(d, event->stack));
    column_add(&part->c[MINOR], event->minflt);
    column_add(&part->c[MAJOR], event->majflt);
    add_text(part, d, event);
    column_add(&part->c[RET], event->ret);
    add_arguments(part, event);
    part->kept++;
    if (++part->in_chunk == EVENTS_CHUNK)
        close_chunk(part, page);
}

void events_drop(struct events_part *part)
{
    buffer_clear(&part->done);
    for (int i = 0; i < COLUMNS; i++)
        column_clear(&part->c[i]);
    for (int i = 0; i < 4; i++)
        column_clear(&part->index[i]);
    part->in_chunk = part->kept = part->chunks = 0;
    part->all = false;
}

void page_events(struct page *page)
{
    struct events_part *part = page->events;
    struct column columns[5];
    close_chunk(part, page);
    memcpy(columns, part->index, sizeof(part->index));
    columns[4] = (struct column)COLUMN("whole", COLUMN_BYTE);
    column_add(&columns[4], part->all);
    page_section(page, "ev", columns, 5);
    column_free(&columns[4]);
    buffer_append(page->out, part->done.data, part->done.size);
    page->sections += part->chunks;
    page->failed |= part->done.failed;
}
