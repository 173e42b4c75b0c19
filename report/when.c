/* when.c: WHEN to a place in the recording. */
#include "when.h"

#include "options.h"
#include "play.h"
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

/* Of one process: the best places so far.  A place with ordinal 0 is not known yet. */
struct candidate {
    uint32_t pid;
    uint64_t resident, virtual_;
    struct place first, peak, peak_virtual, end, at_time;
};

struct search {
    struct play play;
    const struct when *when;
    struct candidate *candidates; /* by process index */
    size_t capacity;
    struct place event; /* of WHEN_EVENT */
    bool time_over;     /* a later record than the wanted time was seen */
    uint64_t last_time; /* end of the recording */
};

static struct candidate *candidate(struct search *s, uint32_t pid)
{
    const struct process_info *process = decoder_process(s->play.decoder, pid);
    if (!process)
        return NULL;
    if (process->index >= s->capacity) {
        size_t capacity = s->capacity ? s->capacity : 16;
        while (capacity <= process->index)
            capacity *= 2;
        struct candidate *grown = reallocarray(s->candidates, capacity, sizeof(*grown));
        if (!grown)
            return NULL;
        memset(grown + s->capacity, 0, (capacity - s->capacity) * sizeof(*grown));
        s->candidates = grown;
        s->capacity = capacity;
    }
    s->candidates[process->index].pid = pid;
    return &s->candidates[process->index];
}

static struct place here(const struct search *s, const struct moment *m, uint32_t space)
{
    return (struct place){.ordinal = s->play.ordinal,
                          .pid = m->pid,
                          .space = space,
                          .time = m->time,
                          .event = decoder_events(s->play.decoder)};
}

static void look_at(struct search *s, const struct moment *m)
{
    const struct decoder *d = s->play.decoder;
    struct space_info info;
    struct candidate *c = m->pid ? candidate(s, m->pid) : NULL;
    const struct process_info *process = c ? decoder_process(d, m->pid) : NULL;
    if (!c || !process->space || !decoder_space(d, process->space, &info))
        return;
    struct place place = here(s, m, process->space);
    c->end = place;
    if (!c->first.ordinal && info.bytes)
        c->first = place;
    if (!s->time_over)
        c->at_time = place;
    if (m->record->kind == REC_SAMPLE && info.resident > c->resident) {
        c->resident = info.resident;
        c->peak = place;
    }
    if (info.bytes > c->virtual_) {
        c->virtual_ = info.bytes;
        c->peak_virtual = place;
    }
    if (s->when->kind != WHEN_EVENT)
        return;
    if (m->event == s->when->value)
        s->event = place;
    /* The effect of a call that failed half-way comes with the read-back that follows it. */
    else if (s->event.ordinal && m->record->kind == REC_CHECKPOINT &&
             m->record->checkpoint.reason == CHECKPOINT_READ_BACK && m->space == s->event.space &&
             place.event == s->event.event)
        s->event.ordinal = place.ordinal;
}

static int search_all(struct search *s)
{
    struct moment moment;
    int result;
    while ((result = play_next(&s->play, &moment)) == 1) {
        if (s->when->kind == WHEN_TIME && moment.time > s->when->value)
            s->time_over = true;
        if (moment.time > s->last_time)
            s->last_time = moment.time;
        look_at(s, &moment);
    }
    return result < 0 ? EXIT_TROUBLE : 0;
}

/* The process that the user most likely means: the one with the most resident memory, else the first. */
static struct candidate *largest(struct search *s)
{
    struct candidate *best = NULL;
    for (size_t i = 0; i < s->capacity; i++) {
        struct candidate *c = &s->candidates[i];
        if (c->pid && c->end.ordinal && (!best || c->resident > best->resident))
            best = c;
    }
    return best;
}

static int no_process(const struct search *s, uint32_t pid)
{
    if (pid)
        return complain(EXIT_TROUBLE, "%s: no process %u in this recording had an address space", s->play.path, pid);
    return complain(EXIT_TROUBLE, "%s: no process in this recording had an address space", s->play.path);
}

static int choose(struct search *s, uint32_t pid, struct place *ret_place)
{
    char text[UNITS_MAX];
    if (s->when->kind == WHEN_EVENT && !s->event.ordinal)
        return complain(EXIT_TROUBLE, "%s: there is no event %llu with an address space; the last is %llu",
                        s->play.path, (unsigned long long)s->when->value,
                        (unsigned long long)decoder_events(s->play.decoder));
    if (s->when->kind == WHEN_EVENT && (!pid || pid == s->event.pid)) {
        *ret_place = s->event;
        return 0;
    }
    struct candidate *c = pid ? candidate(s, pid) : largest(s);
    if (!c || !c->end.ordinal)
        return no_process(s, pid);
    struct place place = s->when->kind == WHEN_PEAK           ? c->peak
                         : s->when->kind == WHEN_PEAK_VIRTUAL ? c->peak_virtual
                         : s->when->kind == WHEN_TIME         ? c->at_time
                                                              : c->end;
    if (s->when->kind == WHEN_EVENT)
        place =
            (struct place){.ordinal = s->event.ordinal, .pid = c->pid, .time = s->event.time, .event = s->event.event};
    if (!place.ordinal && s->when->kind == WHEN_PEAK)
        place = c->end; /* too short for a sample */
    /* The command begins a moment after the recording: until then, what it began with. */
    if (!place.ordinal && s->when->kind == WHEN_TIME && c == &s->candidates[0])
        place = c->first;
    if (s->when->kind == WHEN_TIME && place.time < s->when->value)
        place.time = s->when->value < c->end.time ? s->when->value : c->end.time; /* nothing changed in between */
    if (!place.ordinal)
        return complain(EXIT_TROUBLE, "%s: process %u had no address space yet at %s", s->play.path, c->pid,
                        units_duration(text, sizeof(text), s->when->value));
    *ret_place = place;
    return 0;
}

int when_find(const char *path, const struct when *when, uint32_t pid, struct place *ret_place)
{
    struct search s = {.when = when};
    int status = play_open(&s.play, path, false);
    if (status)
        return status;
    status = search_all(&s);
    if (!status)
        status = choose(&s, pid, ret_place);
    play_tell_loss(&s.play);
    free(s.candidates);
    play_close(&s.play);
    return status;
}
