/*
 * events.c: events in chunks, so that a browser unpacks only what it shows.
 *
 * All of them up to a limit; of longer recordings those that are worth it: the largest changes, the first failures, and
 * what findings name.  Which sizes are large is known from a first run: see html.c.
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
    RET,
    A0,
    COLUMNS = A0 + CALL_MAX_ARGS
};

enum { EV_UNORDERED = 1, EV_NO_RETURN = 2, EV_FAULTS = 4, MOST_FAILURES = 5000 };

struct events_part {
    struct column c[COLUMNS];
    uint64_t in_chunk, kept, failures;
    uint64_t first_id, first_time, last_time;
    bool all;
    int class; /* events above it are kept, and of those in it one of `every` */
    uint64_t every, in_class;
    struct buffer done; /* sections that are finished */
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
    [RET] = COLUMN("ret", COLUMN_WORD),
    [A0] = COLUMN("a0", COLUMN_WORD),
    [A0 + 1] = COLUMN("a1", COLUMN_WORD),
    [A0 + 2] = COLUMN("a2", COLUMN_WORD),
    [A0 + 3] = COLUMN("a3", COLUMN_WORD),
    [A0 + 4] = COLUMN("a4", COLUMN_WORD),
    [A0 + 5] = COLUMN("a5", COLUMN_WORD),
};

struct events_part *events_new(int class, uint64_t every)
{
    struct events_part *part = calloc(1, sizeof(*part));
    if (!part)
        return NULL;
    memcpy(part->c, shape, sizeof(shape));
    part->index[0] = (struct column)COLUMN("first_id", COLUMN_NEAR);
    part->index[1] = (struct column)COLUMN("count", COLUMN_NUMBER);
    part->index[2] = (struct column)COLUMN("start", COLUMN_NEAR);
    part->index[3] = (struct column)COLUMN("end", COLUMN_NEAR);
    part->class = class;
    part->every = every;
    part->all = class == EVENTS_ALL_CLASSES;
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
    buffer_free(&part->done);
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

static bool is_named_by_finding(const struct page *page, uint64_t event)
{
    for (size_t i = 0; i < page->findings.count; i++)
        for (size_t j = 0; j < page->findings.list[i].n_events; j++)
            if (page->findings.list[i].events[j] == event)
                return true;
    return false;
}

int events_class(const struct moment *m)
{
    const uint64_t changed = m->change.mapped + m->change.unmapped;
    return changed ? 64 - __builtin_clzll(changed) : 0;
}

static bool is_wanted(struct events_part *part, const struct page *page, const struct moment *m)
{
    const int class = events_class(m);
    if (class > part->class || is_named_by_finding(page, m->event))
        return true;
    if (class == part->class && part->every && part->in_class++ % part->every == 0)
        return true;
    return m->record->event.error && part->failures++ < MOST_FAILURES;
}

/* The path of a descriptor, the name that was passed, or the command of an exec. */
static void add_text(struct events_part *part, const struct decoder *d, const struct rec_event *event)
{
    struct text text = event_text_missing(event) ? (struct text){0} : event->text;
    if (!text.size && event->file) {
        const struct file_info *file = decoder_file(d, event->file);
        text = file ? file->path : text;
    }
    column_add(&part->c[TEXT_INDEX], text.size ? part->c[TEXT].items + 1 : 0);
    if (text.size)
        column_text(&part->c[TEXT], text);
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
    if (!is_wanted(part, page, m))
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
    column_add(&part->c[FLAGS], (event->flags & EVENT_UNORDERED ? EV_UNORDERED : 0) |
                                    (event_returned(event) ? 0 : EV_NO_RETURN) |
                                    (event->flags & EVENT_FAULTS ? EV_FAULTS : 0));
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

void events_limit(struct events_part *part, struct page *page, uint64_t size)
{
    close_chunk(part, page);
    if (part->done.size + size <= page->options->max_size)
        return;
    buffer_clear(&part->done);
    for (int i = 0; i < 4; i++)
        column_clear(&part->index[i]);
    part->chunks = 0;
    part->kept = 0;
    part->all = false;
}

void page_events(struct page *page)
{
    struct events_part *part = page->events;
    struct column columns[5];
    memcpy(columns, part->index, sizeof(part->index));
    columns[4] = (struct column)COLUMN("whole", COLUMN_BYTE);
    column_add(&columns[4], part->all);
    page_section(page, "ev", columns, 5);
    column_free(&columns[4]);
    buffer_append(page->out, part->done.data, part->done.size);
    page->sections += part->chunks;
    page->failed |= part->done.failed;
}
