/*
 * keyframes.c: the decoder's state at some frames of a recording, each in a frame of the appendix, and their index.
 *
 * All of it is checked when it is used: what does not fit is as if it were not there.
 */
#include "keyframes.h"

#include "state.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct keyframe {
    uint64_t ordinal, event, time; /* the state after so many records; its last event; the highest tick so far */
    uint64_t next;                 /* offset of the frame of the recording that goes on from there */
    uint64_t state;                /* offset of the keyframe itself */
};

struct keyframes {
    struct keyframe *list; /* in order */
    size_t count, capacity;
    struct places places;
};

struct keyframes *keyframes_new(void)
{
    return calloc(1, sizeof(struct keyframes));
}

void keyframes_free(struct keyframes *k)
{
    if (!k)
        return;
    free(k->list);
    free(k->places.list);
    free(k);
}

/* ---- the index ---- */

static void visit_keyframe(struct pack *p, struct keyframe *k, const struct keyframe *before)
{
    pack_near(p, &k->ordinal, before->ordinal);
    pack_near(p, &k->event, before->event);
    pack_near(p, &k->time, before->time);
    pack_near(p, &k->next, before->next);
    pack_near(p, &k->state, before->state);
}

static void visit_place(struct pack *p, struct place *place, uint32_t pid)
{
    pack_u64(p, &place->ordinal);
    pack_u32(p, &place->space);
    pack_u64(p, &place->time);
    pack_u64(p, &place->event);
    place->pid = place->ordinal ? pid : 0;
}

static void visit_places(struct pack *p, struct process_places *places)
{
    pack_u32(p, &places->pid);
    pack_u64(p, &places->resident);
    pack_u64(p, &places->virtual_);
    visit_place(p, &places->first, places->pid);
    visit_place(p, &places->peak, places->pid);
    visit_place(p, &places->peak_virtual, places->pid);
    visit_place(p, &places->end, places->pid);
}

static int hold(struct keyframes *k, size_t count)
{
    if (count <= k->capacity)
        return 0;
    size_t capacity = count > 2 * k->capacity ? count : 2 * k->capacity;
    struct keyframe *list = reallocarray(k->list, capacity, sizeof(*list));
    if (!list)
        return -ENOMEM;
    k->list = list;
    k->capacity = capacity;
    return 0;
}

static void visit_index(struct pack *p, struct keyframes *k)
{
    struct keyframe before = {0};
    size_t count = k->count, processes = k->places.count;
    pack_count(p, &count, 5);
    if (p->reading && !p->error)
        p->error = hold(k, count);
    for (size_t i = 0; i < count && !p->error; i++) {
        if (p->reading)
            k->list[i] = before;
        visit_keyframe(p, &k->list[i], &before);
        before = k->list[i];
    }
    pack_count(p, &processes, 19);
    if (p->reading && !p->error)
        p->error = places_hold(&k->places, processes);
    for (size_t i = 0; i < processes && !p->error; i++)
        visit_places(p, &k->places.list[i]);
    k->count = count;
}

/* Each lies behind the one before, in the recording and behind its end. */
static bool is_sound(const struct keyframes *k, uint64_t start, uint64_t index)
{
    struct keyframe before = {.state = start - 1};
    for (size_t i = 0; i < k->count; i++) {
        const struct keyframe *at = &k->list[i];
        if (at->ordinal <= before.ordinal || at->event < before.event || at->time < before.time ||
            at->next <= before.next || at->next >= start || at->state <= before.state || at->state >= index)
            return false;
        before = *at;
    }
    return k->count > 0;
}

/* ---- reading ---- */

int keyframes_load(struct trace *trace, const struct trailer *trailer)
{
    struct record record;
    int result = trace_record_at(trace, trailer->index, &record);
    if (result != 1 || record.kind != REC_CACHE || record.cache.what != CACHE_INDEX ||
        record.cache.version != STATE_VERSION)
        return result == -ENOMEM ? result : 0;
    struct keyframes *k = keyframes_new();
    if (!k)
        return -ENOMEM;
    struct pack pack = pack_reader(record.cache.data.data, record.cache.data.size);
    visit_index(&pack, k);
    if (pack.error || pack.at != pack.end || !is_sound(k, trailer->start, trailer->index)) {
        keyframes_free(k);
        return pack.error == -ENOMEM ? -ENOMEM : 0;
    }
    trace_set_keyframes(trace, k);
    return 0;
}

size_t trace_keyframes(const struct trace *trace)
{
    const struct keyframes *k = trace_get_keyframes(trace);
    return k ? k->count : 0;
}

const struct process_places *trace_places(const struct trace *trace, size_t *ret_count)
{
    const struct keyframes *k = trace_get_keyframes(trace);
    *ret_count = k ? k->places.count : 0;
    return k ? k->places.list : NULL;
}

/* ---- seeking ---- */

static bool is_no_later(const struct keyframe *k, enum seek_by by, uint64_t value)
{
    return by == SEEK_ORDINAL ? k->ordinal <= value : by == SEEK_EVENT ? k->event < value : k->time <= value;
}

/* The last keyframe that is no later, NULL when there is none. */
static const struct keyframe *find(const struct keyframes *k, enum seek_by by, uint64_t value)
{
    size_t low = 0, high = k ? k->count : 0;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (is_no_later(&k->list[middle], by, value))
            low = middle + 1;
        else
            high = middle;
    }
    return low ? &k->list[low - 1] : NULL;
}

uint64_t trace_keyframe_before(const struct trace *trace, enum seek_by by, uint64_t value)
{
    const struct keyframe *at = find(trace_get_keyframes(trace), by, value);
    return at ? at->ordinal : 0;
}

static int load_state(struct trace *trace, const struct keyframe *at, struct decoder *decoder)
{
    struct record record;
    int result = trace_record_at(trace, at->state, &record);
    if (result != 1)
        return result ? result : -TRACE_E_DAMAGED;
    if (record.kind != REC_CACHE || record.cache.what != CACHE_KEYFRAME || record.cache.version != STATE_VERSION)
        return -TRACE_E_DAMAGED;
    struct pack pack = pack_reader(record.cache.data.data, record.cache.data.size);
    return state_load(decoder, &pack);
}

int trace_seek(struct trace *trace, enum seek_by by, uint64_t value, struct decoder **ret_decoder,
               uint64_t *ret_ordinal)
{
    struct decoder *decoder = decoder_new();
    if (!decoder)
        return -ENOMEM;
    decoder_set_code(decoder, trace_code(trace));
    /* A replay that is wrong on purpose must be wrong from the start. */
    const bool usable = decoder->left_out == CALL_NONE;
    const struct keyframe *at = usable ? find(trace_get_keyframes(trace), by, value) : NULL;
    int error = at ? load_state(trace, at, decoder) : 0;
    if (error == -TRACE_E_DAMAGED || error == -TRACE_E_NEWER || error == -TRACE_E_NOT_A_TRACE) {
        decoder_free(decoder); /* the recording itself is still there */
        decoder = decoder_new();
        at = NULL;
        error = decoder ? 0 : -ENOMEM;
        if (decoder)
            decoder_set_code(decoder, trace_code(trace));
    }
    if (!error)
        error = trace_go(trace, at ? at->next : 0);
    if (error) {
        decoder_free(decoder);
        return error;
    }
    *ret_decoder = decoder;
    *ret_ordinal = at ? at->ordinal : 0;
    return 0;
}

/* 1 when the keyframe holds these bytes, 0 when it holds others or cannot be decoded, -errno when it cannot be read. */
static int holds_state(struct trace *trace, const struct keyframe *at, const struct pack *state)
{
    struct record record;
    int result = trace_record_at(trace, at->state, &record);
    if (result < 0 && result > -TRACE_E_BASE)
        return result;
    return result == 1 && record.kind == REC_CACHE && record.cache.what == CACHE_KEYFRAME &&
           record.cache.data.size == state->size && memcmp(record.cache.data.data, state->out, state->size) == 0;
}

int trace_check_keyframe(struct trace *trace, struct decoder *decoder, uint64_t ordinal)
{
    const struct keyframe *at = find(trace_get_keyframes(trace), SEEK_ORDINAL, ordinal);
    if (!at || at->ordinal != ordinal)
        return 1;
    struct pack pack = {0};
    int result = state_save(decoder, &pack);
    if (!result)
        result = holds_state(trace, at, &pack);
    pack_free(&pack);
    int error = trace_go(trace, at->next);
    return error ? error : result;
}

/* ---- making ---- */

static int put_cache(struct appendix *a, enum cache_what what, const struct pack *pack)
{
    struct record record = {
        .kind = REC_CACHE,
        .cache = {.what = what, .version = STATE_VERSION, .data = {(const char *)pack->out, pack->size}}};
    int error = appendix_put(a, &record);
    return error ? error : appendix_flush(a);
}

int keyframes_add(struct keyframes *k, struct appendix *a, struct decoder *decoder, uint64_t ordinal, uint64_t next)
{
    struct pack pack = {0};
    const struct keyframe made = {.ordinal = ordinal,
                                  .event = decoder_events(decoder),
                                  .time = decoder->time,
                                  .next = next,
                                  .state = appendix_at(a)};
    int error = hold(k, k->count + 1);
    if (!error)
        error = state_save(decoder, &pack);
    if (!error)
        error = put_cache(a, CACHE_KEYFRAME, &pack);
    if (!error)
        k->list[k->count++] = made;
    pack_free(&pack);
    return error == -TRACE_E_TOO_LARGE ? 0 : error; /* there is another chance at the next frame */
}

uint64_t keyframes_last_event(const struct keyframes *k)
{
    return k->count ? k->list[k->count - 1].event : 0;
}

int keyframes_finish(struct keyframes *k, struct appendix *a, const struct places *places, uint64_t *ret_index)
{
    struct pack pack = {0};
    const uint64_t index = appendix_at(a);
    k->places = *places; /* borrowed */
    visit_index(&pack, k);
    k->places = (struct places){0};
    int error = pack.error ? pack.error : put_cache(a, CACHE_INDEX, &pack);
    pack_free(&pack);
    if (!error)
        *ret_index = index;
    return error;
}
