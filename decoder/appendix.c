/* appendix.c: frames behind the end of a recording, and the trailer that tells where they are. */
#include "appendix.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zstd.h>

enum {
    TRAILER_SIZE = 40,
    TRAILER_MAGIC = 0x184d2a5e, /* one of those that zstd keeps for skippable frames: RFC 8878, 3.1.2 */
    LEVEL = 3,
    FRAME_SIZE = 256 * 1024, /* bytes of records in a frame, about */
};

struct appendix {
    int fd;
    uint64_t size, max_size; /* of the file so far; its limit, 0: none */
    struct codec *codec;
    ZSTD_CCtx *zstd;
    void *packed;
    size_t packed_capacity;
};

/* ---- the trailer ---- */

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

static void put_head(unsigned char *bytes)
{
    put_little_endian(bytes, TRAILER_MAGIC, 4);
    put_little_endian(bytes + 4, TRAILER_SIZE - 8, 4);
    memcpy(bytes + 8, TRACE_MAGIC, 8);
}

static bool is_inside(uint64_t at, const struct trailer *t)
{
    return !at || (at >= t->start && at < t->end);
}

bool trailer_read(struct trace *trace, struct trailer *ret_trailer)
{
    unsigned char bytes[TRAILER_SIZE], head[16];
    const uint64_t size = trace_size(trace);
    put_head(head);
    if (size < TRAILER_SIZE || trace_bytes_at(trace, size - TRAILER_SIZE, bytes, TRAILER_SIZE) != TRAILER_SIZE ||
        memcmp(bytes, head, sizeof(head)) != 0)
        return false;
    const struct trailer t = {.start = little_endian(bytes + 16),
                              .index = little_endian(bytes + 24),
                              .names = little_endian(bytes + 32),
                              .end = size - TRAILER_SIZE};
    if (!t.start || t.start > t.end || !is_inside(t.index, &t) || !is_inside(t.names, &t))
        return false;
    *ret_trailer = t;
    return true;
}

/* ---- writing ---- */

int appendix_open(const char *path, uint64_t at, uint64_t max_size, struct appendix **ret_appendix)
{
    struct appendix *a = calloc(1, sizeof(*a));
    if (!a)
        return -ENOMEM;
    *a = (struct appendix){.fd = open(path, O_WRONLY | O_CLOEXEC), .size = at, .max_size = max_size};
    int error = a->fd < 0 ? -errno : 0;
    a->codec = codec_new();
    a->zstd = ZSTD_createCCtx();
    if (!a->codec || !a->zstd)
        error = -ENOMEM;
    if (!error && lseek(a->fd, 0, SEEK_END) > (off_t)at)
        error = appendix_cut(a, at);
    if (error) {
        appendix_close(a);
        return error;
    }
    ZSTD_CCtx_setParameter(a->zstd, ZSTD_c_compressionLevel, LEVEL);
    ZSTD_CCtx_setParameter(a->zstd, ZSTD_c_checksumFlag, 1);
    *ret_appendix = a;
    return 0;
}

void appendix_close(struct appendix *a)
{
    if (!a)
        return;
    if (a->fd >= 0)
        close(a->fd);
    codec_free(a->codec);
    ZSTD_freeCCtx(a->zstd);
    free(a->packed);
    free(a);
}

uint64_t appendix_at(const struct appendix *a)
{
    return a->size;
}

static int append(struct appendix *a, const void *bytes, size_t size)
{
    const char *p = bytes;
    if (a->max_size && a->size + size > a->max_size)
        return -EFBIG;
    while (size) {
        ssize_t put = pwrite(a->fd, p, size, (off_t)a->size);
        if (put < 0 && errno == EINTR)
            continue;
        if (put <= 0)
            return put ? -errno : -EIO;
        p += put;
        size -= (size_t)put;
        a->size += (uint64_t)put;
    }
    return 0;
}

static int hold_packed(struct appendix *a, size_t size)
{
    if (size <= a->packed_capacity)
        return 0;
    void *packed = realloc(a->packed, size);
    if (!packed)
        return -ENOMEM;
    a->packed = packed;
    a->packed_capacity = size;
    return 0;
}

int appendix_flush(struct appendix *a)
{
    size_t size;
    const unsigned char *bytes = codec_bytes(a->codec, &size);
    if (!size)
        return 0;
    int error = hold_packed(a, ZSTD_compressBound(size));
    if (!error) {
        size_t packed = ZSTD_compress2(a->zstd, a->packed, a->packed_capacity, bytes, size);
        error = ZSTD_isError(packed) ? -EIO : append(a, a->packed, packed);
    }
    codec_clear(a->codec);
    return error;
}

int appendix_put(struct appendix *a, const struct record *record)
{
    size_t size;
    int error = codec_encode(a->codec, record);
    codec_bytes(a->codec, &size);
    return error ? error : size < FRAME_SIZE ? 0 : appendix_flush(a);
}

int appendix_finish(struct appendix *a, const struct trailer *trailer)
{
    unsigned char bytes[TRAILER_SIZE];
    int error = appendix_flush(a);
    put_head(bytes);
    put_little_endian(bytes + 16, trailer->start, 8);
    put_little_endian(bytes + 24, trailer->index, 8);
    put_little_endian(bytes + 32, trailer->names, 8);
    return error ? error : append(a, bytes, sizeof(bytes));
}

int appendix_cut(struct appendix *a, uint64_t at)
{
    codec_clear(a->codec);
    a->size = at;
    return ftruncate(a->fd, (off_t)at) < 0 ? -errno : 0;
}
