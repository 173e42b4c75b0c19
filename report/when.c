/* when.c: WHEN to a place in the recording. */
#include "when.h"

#include "options.h"
#include "units.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int when_parse(const char *text, struct when *ret_when)
{
    static const struct {
        const char *name;
        enum when_kind kind;
    } names[] = {{"peak", WHEN_PEAK}, {"peak-virtual", WHEN_PEAK_VIRTUAL}, {"end", WHEN_END}};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (strcmp(text, names[i].name) == 0) {
            *ret_when = (struct when){.kind = names[i].kind};
            return 0;
        }
    const char *number = *text == '#' ? text + 1 : strncmp(text, "event:", 6) == 0 ? text + 6 : NULL;
    struct when when = {.kind = number ? WHEN_EVENT : WHEN_TIME};
    if (number) {
        char *end;
        errno = 0;
        when.value = strtoull(number, &end, 10);
        if (*number < '0' || *number > '9' || *end || errno || !when.value)
            return -EINVAL;
    } else if (units_parse_time(text, &when.value)) {
        return -EINVAL;
    }
    *ret_when = when;
    return 0;
}

int when_option(const char *text, struct when *ret_when)
{
    if (when_parse(text, ret_when))
        return complain(EXIT_USAGE, "--at: '%s' is no moment: 1.25s, 800ms, #1234, peak, peak-virtual, end", text);
    return 0;
}

/* What is asked for, and where to look. */
struct search {
    struct play *play;
    const struct when *when;
    uint32_t pid;
    struct places *own;                   /* found by reading all, when the trace has no keyframes */
    const struct process_places *moments; /* by process index */
    size_t count;
};

static struct place here(const struct play *play, uint32_t pid)
{
    const struct process_info *process = decoder_process(play->decoder, pid);
    return (struct place){.ordinal = play->ordinal,
                          .pid = pid,
                          .space = process ? process->space : 0,
                          .time = decoder_time(play->decoder),
                          .event = decoder_events(play->decoder)};
}

/* ---- an event ---- */

static bool is_read_back_of(const struct record *record, uint32_t space)
{
    return record->kind == REC_CHECKPOINT && record->checkpoint.reason == CHECKPOINT_READ_BACK &&
           record->checkpoint.space == space;
}

/* The effect of a call that failed half-way, or overlapped others, comes with the read-back that follows it; that may
 * be some records later. */
static int find_read_back(struct search *s, struct place *place)
{
    struct moment moment;
    int more;
    while ((more = play_peek(s->play)) == 1 && s->play->record.kind != REC_EVENT) {
        if (play_next(s->play, &moment) < 0)
            return EXIT_TROUBLE;
        if (is_read_back_of(&s->play->record, place->space))
            place->ordinal = s->play->ordinal;
    }
    return more < 0 ? EXIT_TROUBLE : 0;
}

static int no_event(const struct search *s)
{
    return complain(EXIT_TROUBLE, "%s: there is no event %llu with an address space; the last is %llu", s->play->path,
                    (unsigned long long)s->when->value, (unsigned long long)decoder_events(s->play->decoder));
}

static int find_event(struct search *s, struct place *ret_place)
{
    struct moment moment = {0};
    int more = 1;
    int status = play_seek(s->play, SEEK_EVENT, s->when->value);
    if (status)
        return status;
    while (moment.event != s->when->value && (more = play_next(s->play, &moment)) == 1)
        ;
    if (more < 0)
        return EXIT_TROUBLE;
    struct space_info info;
    const struct rec_event *event = &s->play->record.event;
    if (!more || !decoder_space(s->play->decoder, event->space, &info))
        return no_event(s);
    uint32_t flags = event->flags;
    struct place place = here(s->play, s->pid ? s->pid : event->pid);
    place.time = moment.time;
    if (!s->pid || s->pid == event->pid)
        place.space = event->space;
    status = flags & (EVENT_READ_BACK | EVENT_UNORDERED) ? find_read_back(s, &place) : 0;
    *ret_place = place;
    return status;
}

/* ---- moments of processes ---- */

/* Without keyframes there is no way but to read everything. */
static int read_all(struct search *s)
{
    struct moment moment;
    int result;
    s->own = places_new();
    if (!s->own || play_go(s->play, 0))
        return complain(EXIT_TROUBLE, "out of memory");
    while ((result = play_next(s->play, &moment)) == 1)
        if (places_add(s->own, s->play->decoder, &moment, s->play->ordinal) < 0)
            return complain(EXIT_TROUBLE, "out of memory");
    s->moments = places_list(s->own, &s->count);
    return result < 0 ? EXIT_TROUBLE : 0;
}

static int no_process(const struct search *s)
{
    if (s->pid)
        return complain(EXIT_TROUBLE, "%s: no process %u in this recording had an address space", s->play->path,
                        s->pid);
    return complain(EXIT_TROUBLE, "%s: no process in this recording had an address space", s->play->path);
}

/* The process that is meant: the last one with that pid, else the one with the most resident memory, else the first; of
 * those that had an address space at `ordinal`, when that is not 0. */
static const struct process_places *choose(const struct search *s, uint64_t ordinal)
{
    const struct process_places *best = NULL;
    for (size_t i = 0; i < s->count; i++) {
        const struct process_places *p = &s->moments[i];
        if (!p->end.ordinal || (s->pid && p->pid != s->pid))
            continue;
        if (ordinal && (p->first.ordinal > ordinal || p->end.ordinal < ordinal))
            continue;
        if (!best || s->pid || p->resident > best->resident)
            best = p;
    }
    return best;
}

/* Nothing of the process changed between the place and this time. */
static void wait_until(struct place *place, uint64_t time, const struct process_places *p)
{
    if (place->time < time)
        place->time = time < p->end.time ? time : p->end.time;
}

static int no_space(const struct search *s, uint32_t pid)
{
    char text[UNITS_MAX];
    return complain(EXIT_TROUBLE, "%s: process %u had no address space yet at %s", s->play->path, pid,
                    units_duration(text, sizeof(text), s->when->value));
}

static int find_time(struct search *s, struct place *ret_place)
{
    const uint64_t time = s->when->value;
    struct moment moment;
    int more = 1;
    int status = play_seek(s->play, SEEK_TIME, time);
    if (status)
        return status;
    while ((more = play_peek(s->play)) == 1 && decoder_time_of(s->play->decoder, &s->play->record) <= time)
        if (play_next(s->play, &moment) < 0)
            return EXIT_TROUBLE;
    if (more < 0)
        return EXIT_TROUBLE;
    const struct process_places *p = choose(s, s->play->ordinal);
    if (!p)
        p = choose(s, 0);
    if (!p)
        return no_process(s);
    struct place place = here(s->play, p->pid);
    if (place.ordinal > p->end.ordinal)
        place = p->end;
    /* The command begins a moment after the recording: until then, what it began with. */
    if (place.ordinal < p->first.ordinal && p == s->moments)
        place = p->first;
    else if (place.ordinal < p->first.ordinal)
        return no_space(s, p->pid);
    wait_until(&place, time, p);
    *ret_place = place;
    return 0;
}

static int find_moment(struct search *s, struct place *ret_place)
{
    s->moments = trace_places(s->play->trace, &s->count);
    int status = s->moments ? 0 : read_all(s);
    if (status)
        return status;
    if (s->when->kind == WHEN_TIME)
        return find_time(s, ret_place);
    const struct process_places *p = choose(s, 0);
    if (!p)
        return no_process(s);
    switch (s->when->kind) {
    case WHEN_PEAK: /* or too short for a sample */
        *ret_place = p->peak.ordinal ? p->peak : p->end;
        return 0;
    case WHEN_PEAK_VIRTUAL:
        *ret_place = p->peak_virtual.ordinal ? p->peak_virtual : p->end;
        return 0;
    default:
        *ret_place = p->end;
        return 0;
    }
}

int when_go(struct play *play, const struct when *when, uint32_t pid, struct place *ret_place)
{
    struct search s = {.play = play, .when = when, .pid = pid};
    struct place place = {0};
    int status = when->kind == WHEN_EVENT ? find_event(&s, &place) : find_moment(&s, &place);
    if (!status)
        status = play_go(play, place.ordinal);
    places_free(s.own);
    if (!status)
        *ret_place = place;
    return status;
}
