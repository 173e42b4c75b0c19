/*
 * codec.c: records into bytes and back.
 *
 * Numbers are LEB128 varints; signed differences are zigzag coded; addresses are differences to the last address,
 * shifted by a page when they allow it.
 */
#include "codec_fields.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct codec *codec_new(void)
{
    return calloc(1, sizeof(struct codec));
}

void codec_free(struct codec *codec)
{
    if (!codec)
        return;
    free(codec->out);
    free(codec->mappings);
    free(codec->list);
    free(codec);
}

const unsigned char *codec_bytes(const struct codec *codec, size_t *ret_size)
{
    *ret_size = codec->out_size;
    return codec->out;
}

void codec_clear(struct codec *codec)
{
    codec->out_size = 0;
}

int codec_encode(struct codec *c, const struct record *record)
{
    /* The payload's length is known only afterwards: leave room for the longest prefix and close the gap. */
    enum { PREFIX = 10 };
    const size_t before = c->out_size;
    const struct deltas last = c->last;
    struct record copy = *record;
    c->reading = false;
    c->error = 0;
    if (!codec_reserve(c, PREFIX))
        return -ENOMEM;
    c->out_size += PREFIX;
    const size_t payload = c->out_size;
    codec_visit(c, &copy);
    size_t length = c->out_size - payload;
    if (!c->error && length > TRACE_MAX_RECORD)
        c->error = -TRACE_E_TOO_LARGE;
    c->out_size = before;
    if (c->error) {
        c->last = last; /* the record is not there: the next one must not refer to it */
        return c->error;
    }
    codec_put_varint(c, (uint64_t)record->kind);
    codec_put_varint(c, length);
    memmove(c->out + c->out_size, c->out + payload, length);
    c->out_size += length;
    return 0;
}

int codec_decode(struct codec *c, const unsigned char *bytes, size_t size, struct record *ret_record, size_t *ret_used)
{
    c->reading = true;
    c->error = 0;
    c->in = bytes;
    c->in_end = bytes + size;
    uint64_t kind = codec_get_varint(c), length = codec_get_varint(c);
    if (c->error || length > (uint64_t)(c->in_end - c->in) || length > TRACE_MAX_RECORD)
        return -TRACE_E_DAMAGED;
    *ret_used = (size_t)(c->in - bytes) + length;
    c->in_end = c->in + length;
    if (kind == 0 || kind >= REC_KINDS)
        return 0;
    memset(ret_record, 0, sizeof(*ret_record));
    ret_record->kind = (enum record_kind)kind;
    const bool known = codec_visit(c, ret_record);
    return c->error ? c->error : known;
}

const char *trace_error_text(int error)
{
    switch (-error) {
#define X(name, text)                                                                                                  \
    case name:                                                                                                         \
        return text;
        TRACE_ERRORS(X)
#undef X
    default:
        return strerror(-error);
    }
}
