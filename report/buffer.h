/*
 * buffer.h: bytes that grow.
 *
 *     struct buffer line = {0};
 *     buffer_string(&line, "mmap(");
 *     if (!line.failed)
 *         fwrite(line.data, 1, line.size, stderr);
 *     buffer_free(&line);
 *
 * When memory runs out the buffer keeps what it has, sets `failed` and ignores what is appended after that,
 * so that a writer checks once, at its end.
 */
#ifndef BRKWATER_BUFFER_H
#define BRKWATER_BUFFER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* All zero is an empty buffer.  A NUL that size does not count always follows the bytes, once data is not
 * NULL. */
struct buffer {
    char *data;
    size_t size, capacity;
    bool failed;
};

/* Give the memory back; the buffer is empty and can be used again.  NULL is fine. */
void buffer_free(struct buffer *buffer);

/* Empty it and forget a failure, but keep the memory for the next use. */
void buffer_clear(struct buffer *buffer);

/* The bytes as a C string, "" when there are none; valid until the buffer changes. */
const char *buffer_chars(const struct buffer *buffer);

void buffer_append(struct buffer *buffer, const void *data, size_t size);
void buffer_char(struct buffer *buffer, char c);
void buffer_string(struct buffer *buffer, const char *string);

/* "1204" */
void buffer_unsigned(struct buffer *buffer, uint64_t value);

/* "-1" */
void buffer_signed(struct buffer *buffer, int64_t value);

/* "0x7f1c"; 0 is "0x0" */
void buffer_hex(struct buffer *buffer, uint64_t value);

/* value / 10^decimals with so many decimals: (1234, 3) is "1.234", (7, 6) is "0.000007", (5, 0) is "5".  At
 * most 19 decimals. */
void buffer_decimal(struct buffer *buffer, uint64_t value, unsigned decimals);

#endif
