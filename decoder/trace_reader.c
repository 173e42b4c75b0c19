/*
 * trace_reader.c: frames of a file to records.
 *
 * One frame is in memory at a time.  A frame that is cut off or damaged is given up whole: its checksum proves nothing
 * about a part.
 */
#include "trace_reader.h"

#include "appendix.h"
#include "keyframes.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

enum { READ_SIZE = 256 * 1024 };

struct trace {
    int fd;
    uint64_t size;     /* of the file, as opened */
    uint64_t limit;    /* where the recording ends, what was added later begins */
    uint64_t offset;   /* of the first byte in `in` */
    unsigned char *in; /* compressed bytes that were read and not used up */
    size_t in_size, in_capacity;
    bool at_end;

    unsigned char *frame; /* decoded */
    size_t frame_size, frame_capacity, frame_at;
    uint64_t frame_offset; /* of it, in the file */
    bool first_of_frame;   /* of the last record */

    ZSTD_DCtx *zstd;
    struct codec *codec;
    bool seen_header;
    struct trace_loss loss;
    struct keyframes *keyframes;
    struct code *code; /* from the appendix; NULL: there are no names */
};

static int read_more(struct trace *t)
{
    if (t->in_capacity - t->in_size < READ_SIZE) {
        size_t capacity = t->in_capacity ? t->in_capacity * 2 : READ_SIZE * 2;
        unsigned char *in = realloc(t->in, capacity);
        if (!in)
            return -ENOMEM;
        t->in = in;
        t->in_capacity = capacity;
    }
    const uint64_t at = t->offset + t->in_size;
    const size_t wanted = at >= t->limit ? 0 : t->limit - at < READ_SIZE ? (size_t)(t->limit - at) : READ_SIZE;
    ssize_t got;
    do
        got = wanted ? read(t->fd, t->in + t->in_size, wanted) : 0;
    while (got < 0 && errno == EINTR);
    if (got < 0)
        return -errno;
    t->in_size += (size_t)got;
    t->at_end = got == 0;
    return 0;
}

static void use_up(struct trace *t, size_t size)
{
    memmove(t->in, t->in + size, t->in_size - size);
    t->in_size -= size;
    t->offset += size;
}

static void lose(struct trace *t, uint64_t bytes)
{
    if (!t->loss.bytes && !t->loss.damaged)
        t->loss.first_offset = t->offset;
    t->loss.bytes += bytes;
}

/* Size of the frame at the start of `in`, reading on until it is whole; 0 when the file ends before it does or it is no
 * frame. */
static int find_frame(struct trace *t, size_t *ret_size)
{
    for (;;) {
        size_t size = t->in_size ? ZSTD_findFrameCompressedSize(t->in, t->in_size) : 0;
        if (t->in_size && !ZSTD_isError(size)) {
            *ret_size = size;
            return 0;
        }
        /* Beyond what any frame of ours can be there is no point in reading on. */
        if (t->at_end || t->in_size > ZSTD_compressBound(TRACE_MAX_FRAME)) {
            *ret_size = 0;
            return 0;
        }
        int error = read_more(t);
        if (error)
            return error;
    }
}

static int grow_frame(struct trace *t, size_t capacity)
{
    unsigned char *frame = realloc(t->frame, capacity);
    if (!frame)
        return -ENOMEM;
    t->frame = frame;
    t->frame_capacity = capacity;
    return 0;
}

/* RFC 8878, 3.1.2: a frame for other programs, with one of sixteen magic numbers. */
static bool is_skippable(const unsigned char *frame, size_t size)
{
    return size >= 8 && (frame[0] & 0xf0) == 0x50 && frame[1] == 0x2a && frame[2] == 0x4d && frame[3] == 0x18;
}

/* Decode the frame of `size` bytes: 1, 0 when it is damaged, or -errno.  The sizes in its header are not believed. */
static int decode_frame(struct trace *t, size_t size)
{
    ZSTD_inBuffer in = {t->in, size, 0};
    t->frame_size = t->frame_at = 0;
    if (is_skippable(t->in, size))
        return 1; /* anybody may put such a frame into a zstd file */
    ZSTD_DCtx_reset(t->zstd, ZSTD_reset_session_only);
    for (;;) {
        if (t->frame_size == t->frame_capacity) {
            if (t->frame_capacity >= TRACE_MAX_FRAME)
                return 0;
            int error = grow_frame(t, t->frame_capacity ? t->frame_capacity * 2 : READ_SIZE * 2);
            if (error)
                return error;
        }
        ZSTD_outBuffer out = {t->frame, t->frame_capacity, t->frame_size};
        size_t left = ZSTD_decompressStream(t->zstd, &out, &in);
        t->frame_size = out.pos;
        if (ZSTD_isError(left))
            return 0;
        if (left == 0)
            return 1;
        if (in.pos == in.size && out.pos < out.size)
            return 0;
    }
}

static const unsigned char magic[4] = {0x28, 0xb5, 0x2f, 0xfd}; /* of zstd: RFC 8878, 3.1.1 */

static bool begins_like_a_frame(const struct trace *t)
{
    return t->in_size < 4 || memcmp(t->in, magic, 4) == 0;
}

/* Where another frame may begin, after damage: the next magic number. */
static size_t next_magic(const struct trace *t, size_t from)
{
    for (size_t at = from; at + 4 <= t->in_size; at++)
        if (memcmp(t->in + at, magic, 4) == 0)
            return at;
    return t->in_size > 3 ? t->in_size - 3 : t->in_size;
}

/* Pass over damage to where another frame may begin; 1 when there is something there, 0 at the end, -errno. */
static int skip_damage(struct trace *t)
{
    size_t skipped = 1;
    for (;;) {
        size_t at = next_magic(t, skipped);
        bool found = at + 4 <= t->in_size;
        if (!found && t->at_end)
            at = t->in_size;
        lose(t, at);
        use_up(t, at);
        if (found || t->at_end)
            return found;
        int error = read_more(t);
        if (error)
            return error;
        skipped = 0;
    }
}

/* The next whole frame into t->frame: 1, 0 at the end, -errno. */
static int next_frame(struct trace *t)
{
    for (;;) {
        size_t size = 0;
        int error = find_frame(t, &size);
        if (error)
            return error;
        if (t->in_size == 0)
            return 0;
        if (size) {
            int decoded = decode_frame(t, size);
            if (decoded < 0)
                return decoded;
            if (decoded) {
                t->frame_offset = t->offset;
                use_up(t, size);
                return 1;
            }
        }
        if (!t->seen_header)
            return !size && begins_like_a_frame(t) ? -TRACE_E_CUT : -TRACE_E_NOT_A_TRACE;
        /* What lies between here and the next frame that decodes is lost; at the end of the file it was cut off. */
        int more = skip_damage(t);
        if (more < 0)
            return more;
        if (!more && !size) {
            t->loss.cut = true;
            return 0;
        }
        t->loss.damaged = true;
        t->loss.damaged_frames++;
        if (!more)
            return 0;
    }
}

/* Nothing is known yet: the first record must be the header. */
static int check_header(struct trace *t)
{
    struct record record;
    size_t used;
    int result;
    do
        result = next_frame(t);
    while (result == 1 && t->frame_size == 0);
    if (result < 0)
        return result;
    if (result == 0)
        return -TRACE_E_CUT; /* an empty file: nothing was written yet */
    result = codec_decode(t->codec, t->frame, t->frame_size, &record, &used);
    if (result < 0)
        return result == -TRACE_E_NEWER || result == -ENOMEM ? result : -TRACE_E_NOT_A_TRACE;
    if (result == 0 || record.kind != REC_HEADER)
        return -TRACE_E_NOT_A_TRACE;
    t->seen_header = true;
    return 0;
}

static int take_code(void *context, const struct record *record)
{
    return code_apply(context, record);
}

/* Names that can't be read are as if they were not there, but it is said. */
static int load_names(struct trace *t, const struct trailer *trailer)
{
    t->code = code_new();
    if (!t->code)
        return -ENOMEM;
    int error = trace_each(t, trailer->names, trailer->end, take_code, t->code);
    if (!error || error == -ENOMEM)
        return error;
    code_release(t->code);
    t->code = NULL;
    t->loss.names = true;
    return 0;
}

static int load_appendix(struct trace *t)
{
    struct trailer trailer;
    if (!trailer_read(t, &trailer))
        return 0;
    int error = trailer.index ? keyframes_load(t, &trailer) : 0;
    if (!error && trailer.names)
        error = load_names(t, &trailer);
    if (!error)
        error = trace_go(t, 0);
    trace_limit(t, trailer.start);
    return error;
}

int trace_open(const char *path, struct trace **ret_trace)
{
    struct trace *t = calloc(1, sizeof(*t));
    if (!t)
        return -ENOMEM;
    struct stat st;
    int error = 0;
    t->limit = UINT64_MAX;
    t->zstd = ZSTD_createDCtx();
    t->codec = codec_new();
    t->fd = open(path, O_RDONLY | O_CLOEXEC);
    if (t->fd < 0 || fstat(t->fd, &st) < 0)
        error = -errno;
    else if (S_ISDIR(st.st_mode))
        error = -EISDIR;
    else if (!t->zstd || !t->codec)
        error = -ENOMEM;
    else
        error = check_header(t);
    if (!error) {
        t->size = (uint64_t)st.st_size;
        error = S_ISREG(st.st_mode) ? load_appendix(t) : 0;
    }
    if (error) {
        trace_close(t);
        return error;
    }
    *ret_trace = t;
    return 0;
}

void trace_close(struct trace *t)
{
    if (!t)
        return;
    if (t->fd >= 0)
        close(t->fd);
    ZSTD_freeDCtx(t->zstd);
    codec_free(t->codec);
    keyframes_free(t->keyframes);
    code_release(t->code);
    free(t->in);
    free(t->frame);
    free(t);
}

int trace_next(struct trace *t, struct record *ret_record)
{
    for (;;) {
        while (t->frame_at >= t->frame_size) { /* a frame may be empty */
            int result = next_frame(t);
            if (result <= 0)
                return result;
        }
        size_t used = 0;
        t->first_of_frame = t->frame_at == 0;
        int result = codec_decode(t->codec, t->frame + t->frame_at, t->frame_size - t->frame_at, ret_record, &used);
        if (result == 1) {
            t->frame_at += used;
            return 1;
        }
        if (result == 0) {
            t->frame_at += used;
            t->loss.unknown++;
        } else if (result == -ENOMEM) {
            return result;
        } else {
            /* The checksum was right, the content is not: give up the rest of the frame. */
            if (!t->loss.bytes && !t->loss.damaged)
                t->loss.first_offset = t->frame_offset;
            t->loss.damaged = true;
            t->loss.damaged_frames++;
            t->frame_at = t->frame_size;
        }
    }
}

/* ---- frames ---- */

uint64_t trace_frame_at(const struct trace *t, bool *ret_first)
{
    *ret_first = t->first_of_frame;
    return t->frame_offset;
}

int trace_go(struct trace *t, uint64_t offset)
{
    if (lseek(t->fd, (off_t)offset, SEEK_SET) < 0)
        return -errno;
    t->offset = offset;
    t->in_size = 0;
    t->frame_size = t->frame_at = 0;
    t->at_end = false;
    return 0;
}

int trace_record_at(struct trace *t, uint64_t offset, struct record *ret_record)
{
    const uint64_t limit = t->limit;
    const struct trace_loss loss = t->loss;
    size_t used;
    t->limit = UINT64_MAX;
    int result = trace_go(t, offset);
    if (!result)
        result = next_frame(t);
    if (result == 1)
        result = t->frame_offset == offset ? codec_decode(t->codec, t->frame, t->frame_size, ret_record, &used)
                                           : -TRACE_E_DAMAGED;
    t->limit = limit;
    t->loss = loss; /* the recording itself lost nothing */
    return result;
}

int trace_each(struct trace *t, uint64_t from, uint64_t to, int (*take)(void *context, const struct record *record),
               void *context)
{
    const uint64_t limit = t->limit;
    const struct trace_loss loss = t->loss;
    struct record record;
    int taken = 0, result = trace_go(t, from);
    t->limit = to;
    t->loss = (struct trace_loss){0};
    while (!result && !taken && (result = trace_next(t, &record)) == 1) {
        taken = take(context, &record);
        result = 0;
    }
    const bool lost = t->loss.cut || t->loss.damaged;
    t->limit = limit;
    t->loss = loss; /* the recording itself lost nothing */
    int error = trace_go(t, 0);
    return result < 0 ? result : taken ? taken : error ? error : lost ? -TRACE_E_DAMAGED : 0;
}

void trace_limit(struct trace *t, uint64_t offset)
{
    t->limit = offset;
    if (t->offset + t->in_size > offset)
        t->in_size = t->offset < offset ? (size_t)(offset - t->offset) : 0;
}

int64_t trace_bytes_at(struct trace *t, uint64_t offset, void *bytes, size_t size)
{
    ssize_t got;
    do
        got = pread(t->fd, bytes, size, (off_t)offset);
    while (got < 0 && errno == EINTR);
    return got < 0 ? -errno : got;
}

struct keyframes *trace_get_keyframes(const struct trace *t)
{
    return t->keyframes;
}

void trace_set_keyframes(struct trace *t, struct keyframes *keyframes)
{
    t->keyframes = keyframes;
}

const struct trace_loss *trace_loss(const struct trace *t)
{
    return &t->loss;
}

uint64_t trace_size(const struct trace *t)
{
    return t->size;
}

struct code *trace_code(const struct trace *t)
{
    return t->code;
}
