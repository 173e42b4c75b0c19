/* survey_series.c: levels and sums in buckets of equal time. */
#include "survey.h"

#include <stdlib.h>
#include <string.h>

/* A level has one, two or three columns, next to each other or not. */
struct level_columns {
    int last, min, max; /* -1: none */
};

static struct level_columns columns_of(int last)
{
    if (last >= SURVEY_KIND_LAST)
        return (struct level_columns){last, -1, last + KIND_COUNT};
    return (struct level_columns){last, last + 1, last + 2};
}

void survey_slot_init(struct survey_slot *s, size_t buckets, uint64_t ticks)
{
    *s = (struct survey_slot){.buckets = buckets, .ticks = ticks ? ticks : 1};
}

void survey_slot_free(struct survey_slot *s)
{
    for (int column = 0; column < SURVEY_COLUMNS; column++)
        free(s->columns[column]);
}

static uint64_t *column_of(struct survey_slot *s, int column)
{
    if (!s->columns[column] && !(s->columns[column] = calloc(s->buckets, sizeof(uint64_t))))
        s->failed = true;
    return s->columns[column];
}

static size_t bucket_of(const struct survey_slot *s, uint64_t time)
{
    const uint64_t bucket = (uint64_t)((unsigned __int128)time * s->buckets / s->ticks);
    return bucket < s->buckets ? bucket : s->buckets - 1;
}

/* A level that is known holds in all buckets up to this one. */
static void hold_level(struct survey_slot *s, int last, size_t bucket)
{
    const struct level_columns c = columns_of(last);
    const uint64_t value = s->levels[last];
    for (size_t i = s->at + 1; i <= bucket; i++) {
        s->columns[c.last][i] = value;
        s->columns[c.max][i] = value;
        if (c.min >= 0)
            s->columns[c.min][i] = value;
    }
}

static void go_to(struct survey_slot *s, size_t bucket)
{
    if (bucket <= s->at)
        return;
    for (int last = 0; last < SURVEY_KIND_MAX; last += last < SURVEY_KIND_LAST ? 3 : 1)
        if (s->columns[last])
            hold_level(s, last, bucket);
    s->at = bucket;
}

static void set_level(struct survey_slot *s, int last, uint64_t value)
{
    if (value == s->levels[last])
        return;
    const struct level_columns c = columns_of(last);
    uint64_t *at = column_of(s, c.last), *max = column_of(s, c.max), *min = c.min >= 0 ? column_of(s, c.min) : NULL;
    if (s->failed)
        return;
    at[s->at] = value;
    if (value > max[s->at])
        max[s->at] = value;
    if (min && value < min[s->at])
        min[s->at] = value;
    s->levels[last] = value;
}

void survey_slot_levels(struct survey_slot *s, uint64_t time, const struct survey_levels *levels)
{
    go_to(s, bucket_of(s, time));
    set_level(s, SURVEY_RESIDENT_LAST, levels->resident);
    set_level(s, SURVEY_VIRTUAL_LAST, levels->virtual_);
    set_level(s, SURVEY_HEAP_LAST, levels->heap);
    for (int kind = 0; kind < KIND_COUNT; kind++)
        set_level(s, SURVEY_KIND_LAST + kind, levels->kinds ? levels->kinds[kind] : 0);
}

void survey_slot_count(struct survey_slot *s, uint64_t time, int column, uint64_t more)
{
    uint64_t *values = more ? column_of(s, column) : NULL;
    if (values)
        values[bucket_of(s, time)] += more;
}

void survey_slot_end(struct survey_slot *s)
{
    go_to(s, s->buckets - 1);
}
