/* buffer.c: bytes that grow.  Numbers are written by hand: every event line has a dozen, and printf would
 * dominate. */
#include "buffer.h"

#include <stdlib.h>
#include <string.h>

enum {
    FIRST_CAPACITY = 256,
    DIGITS_MAX = 20, /* of a 64-bit number in decimal */
};

void buffer_free(struct buffer *buffer)
{
    if (!buffer)
        return;
    free(buffer->data);
    *buffer = (struct buffer){0};
}

void buffer_clear(struct buffer *buffer)
{
    buffer->size = 0;
    buffer->failed = false;
    if (buffer->data)
        buffer->data[0] = '\0';
}

const char *buffer_chars(const struct buffer *buffer)
{
    return buffer->data ? buffer->data : "";
}

/* Make room for `more` bytes and a NUL; false, with the buffer marked, when there is no memory. */
static bool reserve(struct buffer *buffer, size_t more)
{
    if (buffer->failed)
        return false;
    if (more < buffer->capacity - buffer->size)
        return true;
    if (more >= SIZE_MAX / 4 - buffer->size) {
        buffer->failed = true;
        return false;
    }
    size_t capacity = buffer->capacity ? buffer->capacity : FIRST_CAPACITY;
    while (capacity <= buffer->size + more)
        capacity *= 2;
    char *data = realloc(buffer->data, capacity);
    if (!data) {
        buffer->failed = true;
        return false;
    }
    buffer->data = data;
    buffer->capacity = capacity;
    return true;
}

void buffer_append(struct buffer *buffer, const void *data, size_t size)
{
    if (!size || !reserve(buffer, size))
        return;
    memcpy(buffer->data + buffer->size, data, size);
    buffer->size += size;
    buffer->data[buffer->size] = '\0';
}

void buffer_char(struct buffer *buffer, char c)
{
    buffer_append(buffer, &c, 1);
}

void buffer_string(struct buffer *buffer, const char *string)
{
    buffer_append(buffer, string, strlen(string));
}

void buffer_unsigned(struct buffer *buffer, uint64_t value)
{
    buffer_decimal(buffer, value, 0);
}

void buffer_signed(struct buffer *buffer, int64_t value)
{
    if (value < 0)
        buffer_char(buffer, '-');
    buffer_unsigned(buffer, value < 0 ? 0 - (uint64_t)value : (uint64_t)value);
}

void buffer_hex(struct buffer *buffer, uint64_t value)
{
    char digits[2 + 16];
    char *end = digits + sizeof(digits), *p = end;
    do {
        *--p = "0123456789abcdef"[value & 0xf];
        value >>= 4;
    } while (value);
    *--p = 'x';
    *--p = '0';
    buffer_append(buffer, p, (size_t)(end - p));
}

void buffer_decimal(struct buffer *buffer, uint64_t value, unsigned decimals)
{
    char digits[DIGITS_MAX + 2];
    char *end = digits + sizeof(digits), *p = end;
    for (unsigned n = 0; n <= decimals || value; n++) {
        if (n == decimals && decimals)
            *--p = '.';
        *--p = (char)('0' + value % 10);
        value /= 10;
    }
    buffer_append(buffer, p, (size_t)(end - p));
}
