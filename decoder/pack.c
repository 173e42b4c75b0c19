/* pack.c: varints and texts in a growing buffer, or from a borrowed one. */
#include "pack.h"

#include "../tracer/trace.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct pack pack_reader(const void *bytes, size_t size)
{
    const unsigned char *at = bytes;
    return (struct pack){.reading = true, .at = at, .end = at + size};
}

void pack_free(struct pack *p)
{
    free(p->out);
    *p = (struct pack){0};
}

static bool reserve(struct pack *p, size_t size)
{
    if (p->error)
        return false;
    if (p->capacity - p->size >= size)
        return true;
    size_t capacity = p->capacity ? p->capacity : 64; /* there are many short ones */
    while (capacity - p->size < size)
        capacity *= 2;
    unsigned char *out = realloc(p->out, capacity);
    if (!out) {
        p->error = -ENOMEM;
        return false;
    }
    p->out = out;
    p->capacity = capacity;
    return true;
}

static void put(struct pack *p, uint64_t value)
{
    if (!reserve(p, 10))
        return;
    for (; value >= 0x80; value >>= 7)
        p->out[p->size++] = (unsigned char)(value | 0x80);
    p->out[p->size++] = (unsigned char)value;
}

static void damaged(struct pack *p)
{
    if (!p->error)
        p->error = -TRACE_E_DAMAGED;
}

static uint64_t get(struct pack *p)
{
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 64 && !p->error && p->at < p->end; shift += 7) {
        unsigned char byte = *p->at++;
        value |= (uint64_t)(byte & 0x7f) << shift;
        if (!(byte & 0x80))
            return value;
    }
    damaged(p);
    return 0;
}

void pack_u64(struct pack *p, uint64_t *value)
{
    if (p->reading)
        *value = get(p);
    else
        put(p, *value);
}

static uint64_t narrow(struct pack *p, uint64_t value, uint64_t most)
{
    pack_u64(p, &value);
    if (value <= most)
        return value;
    damaged(p);
    return 0;
}

void pack_u32(struct pack *p, uint32_t *value)
{
    *value = (uint32_t)narrow(p, *value, UINT32_MAX);
}

void pack_u16(struct pack *p, uint16_t *value)
{
    *value = (uint16_t)narrow(p, *value, UINT16_MAX);
}

void pack_u8(struct pack *p, uint8_t *value)
{
    *value = (uint8_t)narrow(p, *value, UINT8_MAX);
}

void pack_bool(struct pack *p, bool *value)
{
    *value = narrow(p, *value, 1);
}

void pack_near(struct pack *p, uint64_t *value, uint64_t base)
{
    uint64_t difference = *value - base;
    uint64_t coded = difference << 1 ^ (uint64_t)((int64_t)difference >> 63);
    pack_u64(p, &coded);
    if (p->reading)
        *value = base + (coded >> 1 ^ (0 - (coded & 1)));
}

void pack_count(struct pack *p, size_t *count, size_t least)
{
    uint64_t value = *count;
    pack_u64(p, &value);
    if (p->reading && value > (uint64_t)(p->end - p->at) / least) {
        damaged(p);
        value = 0;
    }
    *count = (size_t)value;
}

void pack_text(struct pack *p, char **text, size_t *size)
{
    if (p->reading)
        *text = NULL;
    pack_count(p, size, 1);
    if (p->error)
        return;
    if (p->reading) {
        *text = malloc(*size + 1);
        if (!*text) {
            p->error = -ENOMEM;
            return;
        }
        memcpy(*text, p->at, *size);
        (*text)[*size] = '\0';
        p->at += *size;
    } else if (*size && reserve(p, *size)) {
        memcpy(p->out + p->size, *text, *size);
        p->size += *size;
    }
}
