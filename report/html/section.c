/* section.c: columns packed, compressed and written as base64. */
#include "section.h"

#include "format.h"

#include "../escape.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

enum { LEVEL = 6 /* of compression; always the same, so that reports are */ };

static void add_number(struct buffer *out, uint64_t value)
{
    char bytes[10];
    size_t size = 0;
    for (; value >= 0x80; value >>= 7)
        bytes[size++] = (char)(value | 0x80);
    bytes[size++] = (char)value;
    buffer_append(out, bytes, size);
}

static uint64_t zigzag(uint64_t difference)
{
    return difference << 1 ^ (uint64_t)((int64_t)difference >> 63);
}

void column_add(struct column *c, uint64_t value)
{
    if (c->type == COLUMN_BYTE)
        buffer_char(&c->bytes, (char)value);
    else if (c->type == COLUMN_NUMBER)
        add_number(&c->bytes, value);
    else
        add_number(&c->bytes, zigzag(value - c->last));
    c->last = value;
    c->items++;
}

void column_text(struct column *c, struct text text)
{
    struct buffer visible = {0};
    escape_visible(&visible, text);
    add_number(&c->bytes, visible.size);
    buffer_append(&c->bytes, visible.data, visible.size);
    c->bytes.failed |= visible.failed;
    c->items++;
    buffer_free(&visible);
}

void column_string(struct column *c, const char *string)
{
    column_text(c, escape_chars(string));
}

void column_clear(struct column *c)
{
    buffer_clear(&c->bytes);
    c->items = c->last = 0;
}

void column_free(struct column *c)
{
    buffer_free(&c->bytes);
}

/* ---- sections ---- */

static void join(struct buffer *out, const struct column *columns, size_t count)
{
    buffer_char(out, FORMAT_VERSION);
    add_number(out, count);
    for (size_t i = 0; i < count; i++) {
        const struct column *c = &columns[i];
        add_number(out, strlen(c->name));
        buffer_string(out, c->name);
        buffer_char(out, (char)c->type);
        add_number(out, c->items);
        add_number(out, c->bytes.size);
        buffer_append(out, c->bytes.data, c->bytes.size);
        out->failed |= c->bytes.failed;
    }
}

static void add_base64(struct buffer *out, const unsigned char *bytes, size_t size)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    char block[4 * 256];
    size_t used = 0;
    for (size_t i = 0; i < size; i += 3) {
        const size_t left = size - i;
        const uint32_t three =
            (uint32_t)bytes[i] << 16 | (left > 1 ? (uint32_t)bytes[i + 1] << 8 : 0) | (left > 2 ? bytes[i + 2] : 0);
        block[used++] = digits[three >> 18];
        block[used++] = digits[three >> 12 & 63];
        block[used++] = left > 1 ? digits[three >> 6 & 63] : '=';
        block[used++] = left > 2 ? digits[three & 63] : '=';
        if (used == sizeof(block)) {
            buffer_append(out, block, used);
            used = 0;
        }
    }
    buffer_append(out, block, used);
}

/* Raw deflate into *ret_bytes, which is malloc'ed.  0 or -ENOMEM. */
static int compress_bytes(const struct buffer *in, unsigned char **ret_bytes, size_t *ret_size)
{
    z_stream stream = {.next_in = (unsigned char *)in->data, .avail_in = (unsigned)in->size};
    if (deflateInit2(&stream, LEVEL, Z_DEFLATED, -MAX_WBITS, MAX_MEM_LEVEL, Z_DEFAULT_STRATEGY) != Z_OK)
        return -ENOMEM;
    const size_t room = deflateBound(&stream, in->size);
    unsigned char *bytes = malloc(room);
    stream.next_out = bytes;
    stream.avail_out = (unsigned)room;
    const int result = bytes ? deflate(&stream, Z_FINISH) : Z_MEM_ERROR;
    deflateEnd(&stream);
    if (result != Z_STREAM_END) {
        free(bytes);
        return -ENOMEM;
    }
    *ret_size = stream.total_out;
    *ret_bytes = bytes;
    return 0;
}

int section_write(struct buffer *out, const char *name, const struct column *columns, size_t count)
{
    struct buffer plain = {0};
    unsigned char *bytes;
    size_t size;
    char head[160];
    join(&plain, columns, count);
    if (plain.failed || plain.size > UINT32_MAX / 2 || compress_bytes(&plain, &bytes, &size) < 0) {
        buffer_free(&plain);
        return -ENOMEM;
    }
    snprintf(head, sizeof(head),
             "<script type=\"application/octet-stream\" id=\"s-%s\" data-z=\"deflate-raw\" data-n=\"%zu\" "
             "data-crc=\"%08lx\">",
             name, plain.size, crc32(0, (const unsigned char *)plain.data, (unsigned)plain.size));
    buffer_string(out, head);
    add_base64(out, bytes, size);
    buffer_string(out, "</script>\n");
    free(bytes);
    buffer_free(&plain);
    return out->failed ? -ENOMEM : 0;
}
