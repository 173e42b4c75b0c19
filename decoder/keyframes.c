/*
 * keyframes.c: the decoder's state at some frames of a recording, kept behind its end.
 *
 *     frames of the recording, the last with REC_END
 *     a frame for each keyframe: REC_CACHE with CACHE_KEYFRAME
 *     a frame with CACHE_INDEX
 *     a skippable frame of 32 bytes that says where all this begins, and where the index is
 *
 * All of it is checked when it is used: what does not fit is as if it were not there.
 */
#include "places.h"
#include "state.h"
#include "trace_reader.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

enum {
    TRAILER_SIZE = 32,
    TRAILER_MAGIC = 0x184d2a5e,
    LEVEL = 3,

};

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

static uint64_t little_endian(const unsigned char *bytes)
{
    uint64_t value = 0;
    for (int i = 7; i >= 0; i--)
        value = value << 8 | bytes[i];
    return value;
}

static void put_little_endian(unsigned char *bytes, uint64_t value, int count)
{
    for (int i = 0; i < count; i++, value >>= 8)
        bytes[i] = (unsigned char)value;
}

/* Where the caches begin and their index is; false when the file does not end as one that has some. */
static bool read_trailer(struct trace *trace, uint64_t *ret_start, uint64_t *ret_index)
{
    unsigned char bytes[TRAILER_SIZE], head[8];
    uint64_t size = trace_size(trace);
    put_little_endian(head, TRAILER_MAGIC, 4);
    put_little_endian(head + 4, TRAILER_SIZE - 8, 4);
    if (size < TRAILER_SIZE || trace_bytes_at(trace, size - TRAILER_SIZE, bytes, TRAILER_SIZE) != TRAILER_SIZE)
        return false;
    if (memcmp(bytes, head, 8) != 0 || memcmp(bytes + 8, TRACE_MAGIC, 8) != 0)
        return false;
    *ret_start = little_endian(bytes + 16);
    *ret_index = little_endian(bytes + 24);
    return *ret_start && *ret_start < *ret_index && *ret_index < size - TRAILER_SIZE;
}

static int read_index(struct trace *trace, uint64_t start, uint64_t index)
{
    struct record record;
    int result = trace_record_at(trace, index, &record);
    if (result != 1 || record.kind != REC_CACHE || record.cache.what != CACHE_INDEX ||
        record.cache.version != STATE_VERSION)
        return result == -ENOMEM ? result : 0;
    struct keyframes *k = calloc(1, sizeof(*k));
    if (!k)
        return -ENOMEM;
    struct pack pack = pack_reader(record.cache.data.data, record.cache.data.size);
    visit_index(&pack, k);
    if (pack.error || pack.at != pack.end || !is_sound(k, start, index)) {
        keyframes_free(k);
        return pack.error == -ENOMEM ? -ENOMEM : 0;
    }
    trace_set_keyframes(trace, k);
    return 0;
}

int keyframes_load(struct trace *trace)
{
    uint64_t start, index;
    if (!read_trailer(trace, &start, &index))
        return 0;
    int error = read_index(trace, start, index);
    if (!error)
        error = trace_go(trace, 0);
    trace_limit(trace, start);
    return error;
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
    /* A replay that is wrong on purpose must be wrong from the start. */
    const bool usable = decoder->left_out == CALL_NONE;
    const struct keyframe *at = usable ? find(trace_get_keyframes(trace), by, value) : NULL;
    int error = at ? load_state(trace, at, decoder) : 0;
    if (error == -TRACE_E_DAMAGED || error == -TRACE_E_NEWER || error == -TRACE_E_NOT_A_TRACE) {
        decoder_free(decoder); /* the recording itself is still there */
        decoder = decoder_new();
        at = NULL;
        error = decoder ? 0 : -ENOMEM;
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

struct making {
    const char *path;
    struct trace *trace;
    struct decoder *decoder;
    struct places *places;
    struct keyframes *keyframes;
    uint64_t every, max_size;
    uint64_t ordinal;

    int fd;
    uint64_t start, size; /* of the recording, and of the file so far */
    struct codec *codec;
    ZSTD_CCtx *zstd;
    void *packed;
    size_t packed_capacity;
};

static int append(struct making *m, const void *bytes, size_t size)
{
    const char *p = bytes;
    if (m->max_size && m->size + size > m->max_size)
        return -EFBIG;
    while (size) {
        ssize_t put = pwrite(m->fd, p, size, (off_t)m->size);
        if (put < 0 && errno == EINTR)
            continue;
        if (put <= 0)
            return put ? -errno : -EIO;
        p += put;
        size -= (size_t)put;
        m->size += (uint64_t)put;
    }
    return 0;
}

static int hold_packed(struct making *m, size_t size)
{
    if (size <= m->packed_capacity)
        return 0;
    void *packed = realloc(m->packed, size);
    if (!packed)
        return -ENOMEM;
    m->packed = packed;
    m->packed_capacity = size;
    return 0;
}

/* A frame of its own for one record of caches. */
static int append_cache(struct making *m, enum cache_what what, const struct pack *pack)
{
    struct record record = {
        .kind = REC_CACHE,
        .cache = {.what = what, .version = STATE_VERSION, .data = {(const char *)pack->out, pack->size}}};
    size_t size;
    codec_clear(m->codec);
    int error = codec_encode(m->codec, &record);
    const unsigned char *bytes = codec_bytes(m->codec, &size);
    if (!error)
        error = hold_packed(m, ZSTD_compressBound(size));
    if (error)
        return error;
    size_t packed = ZSTD_compress2(m->zstd, m->packed, m->packed_capacity, bytes, size);
    return ZSTD_isError(packed) ? -EIO : append(m, m->packed, packed);
}

static int make_keyframe(struct making *m, uint64_t next)
{
    struct keyframes *k = m->keyframes;
    struct pack pack = {0};
    const struct keyframe made = {.ordinal = m->ordinal,
                                  .event = decoder_events(m->decoder),
                                  .time = m->decoder->time,
                                  .next = next,
                                  .state = m->size};
    int error = hold(k, k->count + 1);
    if (!error)
        error = state_save(m->decoder, &pack);
    if (!error)
        error = append_cache(m, CACHE_KEYFRAME, &pack);
    if (!error)
        k->list[k->count++] = made;
    pack_free(&pack);
    return error == -TRACE_E_TOO_LARGE ? 0 : error; /* there is another chance at the next frame */
}

/* A new frame begins with this record, which has not been applied: is a keyframe due before it? */
static int at_frame(struct making *m)
{
    bool first;
    const struct keyframes *k = m->keyframes;
    const uint64_t offset = trace_frame_at(m->trace, &first);
    const uint64_t last = k->count ? k->list[k->count - 1].event : 0;
    if (!first || !offset || decoder_events(m->decoder) < last + m->every)
        return 0;
    return make_keyframe(m, offset);
}

static int replay_all(struct making *m)
{
    struct record record;
    struct moment moment;
    int result;
    while ((result = trace_next(m->trace, &record)) == 1) {
        int error = at_frame(m);
        if (!error)
            error = decoder_apply(m->decoder, &record, &moment);
        m->ordinal++;
        if (!error)
            error = places_add(m->places, m->decoder, &moment, m->ordinal);
        if (error)
            return error;
    }
    return result;
}

static int finish(struct making *m)
{
    struct pack pack = {0};
    unsigned char trailer[TRAILER_SIZE];
    const uint64_t index = m->size;
    m->keyframes->places = *m->places;
    visit_index(&pack, m->keyframes);
    m->keyframes->places = (struct places){0};
    int error = pack.error ? pack.error : append_cache(m, CACHE_INDEX, &pack);
    pack_free(&pack);
    put_little_endian(trailer, TRAILER_MAGIC, 4);
    put_little_endian(trailer + 4, TRAILER_SIZE - 8, 4);
    memcpy(trailer + 8, TRACE_MAGIC, 8);
    put_little_endian(trailer + 16, m->start, 8);
    put_little_endian(trailer + 24, index, 8);
    return error ? error : append(m, trailer, sizeof(trailer));
}

static bool is_whole(const struct making *m)
{
    const struct trace_loss *loss = trace_loss(m->trace);
    return decoder_end(m->decoder) && !loss->cut && !loss->damaged;
}

static int make(struct making *m)
{
    int error = replay_all(m);
    if (!error && is_whole(m) && m->keyframes->count) {
        error = finish(m);
        if (!error)
            return 0;
    }
    /* Nothing half-written stays. */
    if (m->size > m->start && ftruncate(m->fd, (off_t)m->start) < 0 && !error)
        error = -errno;
    return error == -EFBIG ? 0 : error;
}

static int prepare(struct making *m)
{
    m->start = m->size = trace_size(m->trace);
    m->decoder = decoder_new();
    m->places = places_new();
    m->keyframes = calloc(1, sizeof(*m->keyframes));
    m->codec = codec_new();
    m->zstd = ZSTD_createCCtx();
    if (!m->decoder || !m->places || !m->keyframes || !m->codec || !m->zstd)
        return -ENOMEM;
    ZSTD_CCtx_setParameter(m->zstd, ZSTD_c_compressionLevel, LEVEL);
    ZSTD_CCtx_setParameter(m->zstd, ZSTD_c_checksumFlag, 1);
    m->fd = open(m->path, O_WRONLY | O_CLOEXEC);
    return m->fd < 0 ? -errno : 0;
}

int trace_index(const char *path, uint64_t every, uint64_t max_size)
{
    struct making m = {.path = path, .every = every, .max_size = max_size, .fd = -1};
    struct stat st;
    if (stat(path, &st) < 0)
        return -errno;
    if (!S_ISREG(st.st_mode))
        return 0;
    int error = trace_open(path, &m.trace);
    if (error)
        return error;
    if (!trace_keyframes(m.trace)) {
        trace_limit(m.trace, trace_size(m.trace));
        error = prepare(&m);
        if (!error)
            error = make(&m);
    }
    if (m.fd >= 0)
        close(m.fd);
    trace_close(m.trace);
    decoder_free(m.decoder);
    places_free(m.places);
    keyframes_free(m.keyframes);
    codec_free(m.codec);
    ZSTD_freeCCtx(m.zstd);
    free(m.packed);
    return error;
}
