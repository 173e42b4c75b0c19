/* report_json.c: sums over a stretch of time, and the levels at its end. */
#include "report_json.h"

#include "json.h"
#include "options.h"
#include "summary.h"
#include "units.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int time_range_parse(const char *text, struct time_range *ret)
{
    const char *dash = strchr(text, '-');
    char from[64];
    struct time_range range = {0, UINT64_MAX};
    if (!dash || (size_t)(dash - text) >= sizeof(from))
        return -EINVAL;
    snprintf(from, sizeof(from), "%.*s", (int)(dash - text), text);
    if (*from && units_parse_time(from, &range.from) < 0)
        return -EINVAL;
    if (dash[1] && units_parse_time(dash + 1, &range.to) < 0)
        return -EINVAL;
    if (range.to < range.from)
        return -EINVAL;
    *ret = range;
    return 0;
}

/* Of one kind of call, or of memory. */
struct part {
    uint64_t calls, errors, mapped, returned, ticks;
};

struct level {
    uint64_t min, max, end;
};

struct sums {
    struct part calls[CALL_COUNT], kinds[KIND_COUNT], all;
    uint64_t minor, major, call_faults, samples;
    struct level resident, virtual_, heap;
    uint64_t kinds_end[KIND_COUNT];
    struct fault_counts counted;
};

static void add_part(struct part *part, const struct moment *m)
{
    part->calls++;
    part->errors += m->record->event.error != 0;
    part->mapped += m->change.mapped;
    part->returned += m->change.unmapped;
    part->ticks += m->record->event.duration;
}

static void add_event(struct sums *s, const struct moment *m)
{
    const struct rec_event *event = &m->record->event;
    add_part(&s->all, m);
    add_part(&s->calls[event->call < CALL_COUNT ? event->call : CALL_NONE], m);
    add_part(&s->kinds[m->change.kind], m);
    if (event->flags & EVENT_FAULTS)
        s->call_faults += event->minflt + event->majflt;
}

/* 0 or -ENOMEM. */
static int add_sample(struct sums *s, const struct decoder *d, const struct rec_sample *sample, bool counts)
{
    struct fault_rise rise;
    const int error = fault_counts_add(&s->counted, d, sample, &rise);
    if (error || !counts)
        return error;
    s->minor += rise.minor;
    s->major += rise.major;
    s->samples++;
    return 0;
}

static void take_level(struct level *level, uint64_t value, bool begins)
{
    level->min = begins || value < level->min ? value : level->min;
    level->max = begins || value > level->max ? value : level->max;
    level->end = value;
}

static void take_levels(struct sums *s, const struct decoder *d, bool begins)
{
    const uint64_t *kinds = decoder_kind_bytes(d);
    uint64_t all = 0;
    for (int kind = 0; kind < KIND_COUNT; kind++)
        all += s->kinds_end[kind] = kinds[kind];
    take_level(&s->resident, decoder_resident_bytes(d), begins);
    take_level(&s->virtual_, all, begins);
    take_level(&s->heap, decoder_heap_bytes(d), begins);
}

static int add_all(struct sums *s, struct play *play, const struct time_range *range, uint64_t *ret_last)
{
    struct moment m;
    int more, error = 0;
    take_levels(s, play->decoder, true);
    while (!error && (more = play_peek(play)) == 1) {
        const uint64_t now = decoder_time(play->decoder), next = decoder_time_of(play->decoder, &play->record);
        const uint64_t time = next > now ? next : now;
        if (time >= range->to && range->to != UINT64_MAX)
            break;
        const bool counts = time >= range->from;
        if (play_next(play, &m) < 0)
            return EXIT_TROUBLE;
        if (counts && m.event)
            add_event(s, &m);
        if (m.record->kind == REC_SAMPLE)
            error = add_sample(s, play->decoder, &m.record->sample, counts);
        take_levels(s, play->decoder, !counts);
    }
    *ret_last = decoder_time(play->decoder);
    return error ? complain(EXIT_TROUBLE, "out of memory") : more < 0 ? EXIT_TROUBLE : 0;
}

/* ---- writing ---- */

static void write_seconds(struct json *j, const char *key, uint64_t ticks)
{
    json_key(j, key);
    json_decimal(j, ticks, 7);
}

static void write_part(struct json *j, const char *key, const struct part *part)
{
    json_key(j, key);
    json_object_open(j);
    json_put_number(j, "calls", part->calls);
    json_put_number(j, "errors", part->errors);
    json_put_number(j, "mapped", part->mapped);
    json_put_number(j, "returned", part->returned);
    write_seconds(j, "time", part->ticks);
    json_object_close(j);
}

static void write_level(struct json *j, const char *key, const struct level *level)
{
    json_key(j, key);
    json_object_open(j);
    json_put_number(j, "min", level->min);
    json_put_number(j, "max", level->max);
    json_put_number(j, "end", level->end);
    json_object_close(j);
}

static void write_kinds(struct json *j, const struct sums *s)
{
    json_key(j, "kinds");
    json_object_open(j);
    for (int kind = 1; kind < KIND_COUNT; kind++) {
        const struct part *part = &s->kinds[kind];
        if (!part->calls && !s->kinds_end[kind])
            continue;
        json_key(j, kind_name((enum kind)kind));
        json_object_open(j);
        json_put_number(j, "calls", part->calls);
        json_put_number(j, "mapped", part->mapped);
        json_put_number(j, "returned", part->returned);
        json_put_number(j, "end", s->kinds_end[kind]);
        json_object_close(j);
    }
    json_object_close(j);
}

static void write_all(struct buffer *out, const struct sums *s, const struct decoder *d, const struct time_range *range,
                      uint64_t last)
{
    struct json j;
    struct buffer command = {0};
    json_begin(&j, out);
    json_object_open(&j);
    summary_command(&command, decoder_header(d));
    json_key(&j, "command");
    json_string(&j, buffer_chars(&command));
    buffer_free(&command);
    write_seconds(&j, "from", range->from);
    write_seconds(&j, "to", range->to == UINT64_MAX ? last : range->to);
    write_part(&j, "all", &s->all);
    json_key(&j, "calls");
    json_object_open(&j);
    for (int call = CALL_NONE + 1; call < CALL_COUNT; call++)
        if (s->calls[call].calls)
            write_part(&j, call_info((enum call)call)->name, &s->calls[call]);
    json_object_close(&j);
    write_kinds(&j, s);
    write_level(&j, "resident", &s->resident);
    write_level(&j, "virtual", &s->virtual_);
    write_level(&j, "heap", &s->heap);
    json_key(&j, "faults");
    json_object_open(&j);
    json_put_number(&j, "minor", s->minor);
    json_put_number(&j, "major", s->major);
    json_put_number(&j, "in_calls", s->call_faults);
    json_object_close(&j);
    json_put_number(&j, "samples", s->samples);
    json_put_number(&j, "checkpoints", decoder_checkpoints(d));
    json_put_number(&j, "drift", decoder_drift(d));
    json_object_close(&j);
    buffer_char(out, '\n');
}

int report_json(struct buffer *out, struct play *play, struct time_range range)
{
    struct sums *s = calloc(1, sizeof(*s));
    uint64_t last = 0;
    if (!s)
        return complain(EXIT_TROUBLE, "out of memory");
    int status = add_all(s, play, &range, &last);
    if (!status)
        write_all(out, s, play->decoder, &range, last);
    fault_counts_free(&s->counted);
    free(s);
    return status;
}
