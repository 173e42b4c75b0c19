/* trace_writer.c: records to zstd frames in a file. */
#include "trace_writer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

enum {
    FRAME_SIZE =
        256 * 1024, /* bytes of records in a frame: large enough to compress well, small enough to lose little */
    FIRST_FRAME = 16 * 1024, /* the first ones are smaller, so that a recording that ends early has kept something */
    LEVEL = 3,
    END_FRAME_SIZE = 80, /* room that --max-size keeps for the end record */
};

struct trace_writer {
    int fd;
    char *path; /* to remove the file when nothing was recorded */
    bool created, seekable;
    struct codec *codec;
    ZSTD_CCtx *zstd;
    void *packed;
    size_t packed_capacity;

    size_t frame_size; /* bytes of records at which the next frame is written */
    uint64_t max_size;
    uint64_t size;       /* of the file: whole frames only */
    uint64_t last_frame; /* where the last whole frame starts */
    bool begun;          /* the header was put, frames exist or are about to */
    bool touched;        /* something was written, or tried */

    /* What the next frame's REC_SYNC says, and what the end record of a stopped recording says. */
    uint64_t time, sequence, events;
    uint64_t events_written, events_before_last; /* in whole frames, and before the last of them */

    bool stopped;
    enum end_reason reason;
    int error; /* first failure, -errno */
};

static void writer_free(struct trace_writer *w)
{
    if (!w)
        return;
    if (w->fd >= 0)
        close(w->fd);
    codec_free(w->codec);
    ZSTD_freeCCtx(w->zstd);
    free(w->packed);
    free(w->path);
    free(w);
}

static int open_output(struct trace_writer *w, const char *path)
{
    const int flags = O_WRONLY | O_CLOEXEC | O_NOCTTY;
    w->fd = open(path, flags | O_CREAT | O_EXCL, 0666);
    w->created = w->fd >= 0;
    if (w->fd < 0 && errno == EEXIST)
        w->fd = open(path, flags);
    if (w->fd < 0)
        return -errno;
    struct stat st;
    w->seekable = fstat(w->fd, &st) == 0 && S_ISREG(st.st_mode);
    return 0;
}

int trace_writer_open(const char *path, uint64_t max_size, struct trace_writer **ret_writer)
{
    struct trace_writer *w = calloc(1, sizeof(*w));
    if (!w)
        return -ENOMEM;
    w->fd = -1;
    w->max_size = max_size;
    w->frame_size = FIRST_FRAME;
    w->packed_capacity = ZSTD_compressBound(FRAME_SIZE * 2);
    w->packed = malloc(w->packed_capacity);
    w->codec = codec_new();
    w->zstd = ZSTD_createCCtx();
    w->path = strdup(path);
    int error = w->packed && w->codec && w->zstd && w->path ? 0 : -ENOMEM;
    if (!error)
        error = open_output(w, path);
    if (error) {
        writer_free(w);
        return error;
    }
    ZSTD_CCtx_setParameter(w->zstd, ZSTD_c_compressionLevel, LEVEL);
    ZSTD_CCtx_setParameter(w->zstd, ZSTD_c_checksumFlag, 1);
    *ret_writer = w;
    return 0;
}

static int write_all(int fd, const void *data, size_t size)
{
    const char *p = data;
    while (size) {
        ssize_t put = write(fd, p, size);
        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0)
            return -errno;
        p += put;
        size -= (size_t)put;
    }
    return 0;
}

/* The buffered records as one compressed frame in w->packed; its size, or -errno. */
static ssize_t pack(struct trace_writer *w)
{
    size_t raw;
    const unsigned char *bytes = codec_bytes(w->codec, &raw);
    if (ZSTD_compressBound(raw) > w->packed_capacity) {
        void *packed = realloc(w->packed, ZSTD_compressBound(raw));
        if (!packed)
            return -ENOMEM;
        w->packed = packed;
        w->packed_capacity = ZSTD_compressBound(raw);
    }
    size_t size = ZSTD_compress2(w->zstd, w->packed, w->packed_capacity, bytes, raw);
    return ZSTD_isError(size) ? -EIO : (ssize_t)size;
}

/* Set the file back to `size`, so that a half-written frame does not stay. */
static bool cut_back(struct trace_writer *w, uint64_t size)
{
    if (!w->touched || !w->seekable || ftruncate(w->fd, (off_t)size) < 0 || lseek(w->fd, (off_t)size, SEEK_SET) < 0)
        return false;
    w->size = size;
    return true;
}

/* Write the packed frame of that size. */
static int append_frame(struct trace_writer *w, size_t size)
{
    if (w->size == 0 && w->seekable && !w->created && ftruncate(w->fd, 0) < 0)
        return -errno;
    w->touched = true;
    int error = write_all(w->fd, w->packed, size);
    if (error)
        return error;
    w->last_frame = w->size;
    w->size += size;
    w->events_before_last = w->events_written;
    w->events_written = w->events;
    codec_clear(w->codec);
    /* A limit leaves room for several frames: what does not fit whole is lost. */
    size_t largest = w->max_size && w->max_size < 4 * FRAME_SIZE ? w->max_size / 4 : FRAME_SIZE;
    if (w->frame_size * 2 <= largest)
        w->frame_size *= 2;
    return 0;
}

static void begin_frame(struct trace_writer *w)
{
    struct record sync = {.kind = REC_SYNC, .sync = {.time = w->time, .event = w->events + 1, .sequence = w->sequence}};
    codec_encode(w->codec, &sync);
}

/* The recording ends here: what was buffered is dropped, the file ends with a record that says so. */
static void stop(struct trace_writer *w, enum end_reason reason, int error)
{
    w->stopped = true;
    w->reason = reason;
    if (!w->error)
        w->error = error;
    uint64_t events = w->events_written;
    cut_back(w, w->size);
    for (int attempt = 0; attempt < 2 && w->size; attempt++) {
        codec_clear(w->codec);
        struct record sync = {.kind = REC_SYNC,
                              .sync = {.time = w->time, .event = events + 1, .sequence = w->sequence}};
        struct record end = {
            .kind = REC_END,
            .end = {.time = w->time, .reason = (uint32_t)reason, .value = (uint32_t)-error, .events = events}};
        codec_encode(w->codec, &sync);
        codec_encode(w->codec, &end);
        ssize_t size = pack(w);
        if (size > 0 && write_all(w->fd, w->packed, (size_t)size) == 0) {
            w->size += (uint64_t)size;
            return;
        }
        /* No room even for that: give up the last frame for it. */
        if (!w->last_frame || !cut_back(w, w->last_frame)) {
            cut_back(w, w->size);
            return;
        }
        w->last_frame = 0;
        events = w->events_before_last;
    }
}

int trace_writer_flush(struct trace_writer *w)
{
    size_t raw;
    codec_bytes(w->codec, &raw);
    if (w->stopped || raw == 0)
        return w->error;
    ssize_t size = pack(w);
    if (size > 0 && w->max_size && w->size + (uint64_t)size + END_FRAME_SIZE > w->max_size) {
        stop(w, END_MAX_SIZE, 0);
        return 0;
    }
    int error = size < 0 ? (int)size : append_frame(w, (size_t)size);
    if (error)
        stop(w, error == -ENOSPC || error == -EDQUOT || error == -EFBIG ? END_DISK_FULL : END_WRITE_ERROR, error);
    return w->error;
}

static void follow(struct trace_writer *w, const struct record *record)
{
    switch (record->kind) {
    case REC_EVENT:
        w->events++;
        w->sequence = record->event.exit;
        w->time = record->event.time;
        break;
    case REC_SAMPLE:
        w->time = record->sample.time;
        break;
    case REC_END:
        w->time = record->end.time;
        break;
    default:
        break;
    }
}

int trace_writer_put(struct trace_writer *w, const struct record *record)
{
    if (w->stopped)
        return w->error;
    size_t raw;
    codec_bytes(w->codec, &raw);
    if (raw == 0 && w->begun)
        begin_frame(w);
    w->begun = true;
    int error = codec_encode(w->codec, record);
    if (error) {
        stop(w, END_WRITE_ERROR, error);
        return error;
    }
    follow(w, record);
    codec_bytes(w->codec, &raw);
    return raw >= w->frame_size ? trace_writer_flush(w) : 0;
}

bool trace_writer_stopped(const struct trace_writer *w, enum end_reason *ret_reason)
{
    *ret_reason = w->reason;
    return w->stopped;
}

int trace_writer_close(struct trace_writer *w, bool discard, bool *ret_written)
{
    if (!discard)
        trace_writer_flush(w);
    *ret_written = w->size > 0;
    if (w->size == 0 && w->created)
        unlink(w->path);
    int error = w->error;
    /* Some file systems tell only now that there was no room. */
    if (w->fd >= 0 && close(w->fd) < 0 && !error)
        error = -errno;
    w->fd = -1;
    writer_free(w);
    return error;
}
