/*
 * pack.h: numbers and texts into bytes and back.  One function visits a field in both directions, so that writing and
 * reading can't disagree.
 *
 * Numbers are LEB128 varints.  What is read comes from a file and is not trusted: nothing is read beyond the end, and
 * after the first failure all further values are 0.
 */
#ifndef BRKWATER_PACK_H
#define BRKWATER_PACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct pack {
    bool reading;
    int error; /* 0, -ENOMEM or -TRACE_E_DAMAGED: of the first failure */
    /* Writing: bytes that grow; pack_free() when done. */
    unsigned char *out;
    size_t size, capacity;
    /* Reading: borrowed. */
    const unsigned char *at, *end;
};

struct pack pack_reader(const void *bytes, size_t size);
void pack_free(struct pack *pack);

void pack_u64(struct pack *pack, uint64_t *value);
void pack_u32(struct pack *pack, uint32_t *value);
void pack_u16(struct pack *pack, uint16_t *value);
void pack_u8(struct pack *pack, uint8_t *value);
void pack_bool(struct pack *pack, bool *value);

/* A number that is near, or above, another one: the difference is what is kept, of either sign. */
void pack_near(struct pack *pack, uint64_t *value, uint64_t base);

/* How many items follow.  When reading, a count that the bytes left can't hold, at `least` bytes an item, is damage. */
void pack_count(struct pack *pack, size_t *count, size_t least);

/* Bytes with a NUL behind them, malloc'ed when read; NULL reads back as an empty text. */
void pack_text(struct pack *pack, char **text, size_t *size);

#endif
