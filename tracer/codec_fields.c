/* codec_fields.c: numbers, differences and texts into bytes and back. */
#include "codec_fields.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* ---- bytes ---- */

bool codec_reserve(struct codec *c, size_t size)
{
    if (c->out_capacity - c->out_size >= size)
        return true;
    size_t capacity = c->out_capacity ? c->out_capacity * 2 : 4096;
    while (capacity - c->out_size < size)
        capacity *= 2;
    unsigned char *out = realloc(c->out, capacity);
    if (!out) {
        c->error = -ENOMEM;
        return false;
    }
    c->out = out;
    c->out_capacity = capacity;
    return true;
}

void codec_put_varint(struct codec *c, uint64_t value)
{
    if (c->error || !codec_reserve(c, 10))
        return;
    unsigned char *out = c->out + c->out_size;
    while (value >= 0x80) {
        *out++ = (unsigned char)(value | 0x80);
        value >>= 7;
    }
    *out++ = (unsigned char)value;
    c->out_size = (size_t)(out - c->out);
}

uint64_t codec_get_varint(struct codec *c)
{
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 64 && c->in < c->in_end && !c->error; shift += 7) {
        unsigned char byte = *c->in++;
        value |= (uint64_t)(byte & 0x7f) << shift;
        if (!(byte & 0x80))
            return value;
    }
    if (!c->error)
        c->error = -TRACE_E_DAMAGED;
    return 0;
}

uint64_t codec_zigzag(uint64_t difference)
{
    return difference << 1 ^ (uint64_t)((int64_t)difference >> 63);
}

uint64_t codec_unzigzag(uint64_t coded)
{
    return coded >> 1 ^ (0 - (coded & 1));
}

/* ---- fields: each reads into, or writes from, *value ---- */

void field_u64(struct codec *c, uint64_t *value)
{
    if (c->reading)
        *value = codec_get_varint(c);
    else
        codec_put_varint(c, *value);
}

void field_u32(struct codec *c, uint32_t *value)
{
    uint64_t wide = *value;
    field_u64(c, &wide);
    if (wide > UINT32_MAX)
        c->error = -TRACE_E_DAMAGED;
    *value = (uint32_t)wide;
}

void field_delta(struct codec *c, uint64_t *value, uint64_t *last)
{
    uint64_t coded = c->reading ? 0 : codec_zigzag(*value - *last);
    field_u64(c, &coded);
    if (c->reading)
        *value = *last + codec_unzigzag(coded);
    *last = *value;
}

void field_delta32(struct codec *c, uint32_t *value, uint32_t *last)
{
    uint64_t wide = *value, wide_last = *last;
    field_delta(c, &wide, &wide_last);
    if (wide > UINT32_MAX)
        c->error = -TRACE_E_DAMAGED;
    *value = *last = (uint32_t)wide;
}

void field_paged(struct codec *c, uint64_t *value, uint64_t *last)
{
    uint64_t coded = 0;
    if (!c->reading) {
        uint64_t difference = *value - *last;
        int64_t pages = (int64_t)difference / TRACE_PAGE;
        if ((uint64_t)pages * TRACE_PAGE == difference)
            coded = codec_zigzag((uint64_t)pages) << 1;
        else
            coded = codec_zigzag(difference) << 1 | 1;
        /* A difference that needs all 64 bits loses one to the shift: fall back to an absolute form that can't be
         * mistaken. */
        if (coded >> 1 != ((coded & 1) ? codec_zigzag(difference) : codec_zigzag((uint64_t)pages)))
            coded = UINT64_MAX;
    }
    field_u64(c, &coded);
    if (coded == UINT64_MAX) {
        field_u64(c, value);
    } else if (c->reading) {
        uint64_t difference = codec_unzigzag(coded >> 1);
        *value = *last + ((coded & 1) ? difference : difference * TRACE_PAGE);
    }
    *last = *value;
}

void field_addr(struct codec *c, uint64_t *value)
{
    field_paged(c, value, &c->last.addr);
}

void field_time(struct codec *c, uint64_t *value)
{
    field_delta(c, value, &c->last.time);
}

void field_bytes(struct codec *c, struct text *text, uint64_t most)
{
    uint64_t size = text->size;
    field_u64(c, &size);
    if (c->error)
        return;
    if (!c->reading) {
        if (size && codec_reserve(c, size)) {
            memcpy(c->out + c->out_size, text->data, size);
            c->out_size += size;
        }
        return;
    }
    if (size > (uint64_t)(c->in_end - c->in) || size > most) {
        c->error = -TRACE_E_DAMAGED;
        return;
    }
    text->data = (const char *)c->in;
    text->size = size;
    c->in += size;
}

void field_text(struct codec *c, struct text *text)
{
    field_bytes(c, text, TRACE_MAX_TEXT);
}

bool codec_has_more(const struct codec *c)
{
    return !c->reading || c->in < c->in_end;
}
