/* minidebug.c: the ELF file inside .gnu_debugdata, by liblzma, since libelf only unpacks whole files and without
 * limits. */
#include "minidebug.h"

#include <errno.h>
#include <lzma.h>
#include <stdlib.h>
#include <string.h>

enum {
    FIRST_SIZE = 1 << 20,
    MAX_SIZE = 256 << 20,   /* bytes of the unpacked file */
    MAX_MEMORY = 128 << 20, /* bytes that xz may use to unpack */
};

struct unpacking {
    lzma_stream stream;
    unsigned char *bytes;
    size_t capacity;
};

static int make_room(struct unpacking *unpacking)
{
    size_t used = unpacking->stream.total_out;
    size_t capacity = unpacking->capacity ? unpacking->capacity * 2 : FIRST_SIZE;
    unsigned char *bytes = capacity <= MAX_SIZE ? realloc(unpacking->bytes, capacity) : NULL;
    if (!bytes)
        return capacity > MAX_SIZE ? -ENOEXEC : -ENOMEM;
    unpacking->bytes = bytes;
    unpacking->capacity = capacity;
    unpacking->stream.next_out = bytes + used;
    unpacking->stream.avail_out = capacity - used;
    return 0;
}

static int unpack(struct unpacking *unpacking)
{
    lzma_ret state = LZMA_OK;
    int result = 0;
    while (state == LZMA_OK && result == 0) {
        if (unpacking->stream.avail_out == 0)
            result = make_room(unpacking);
        if (result == 0)
            state = lzma_code(&unpacking->stream, LZMA_FINISH);
    }
    if (result == 0 && state != LZMA_STREAM_END)
        result = state == LZMA_MEM_ERROR ? -ENOMEM : -ENOEXEC;
    return result;
}

int minidebug_open(const struct image *image, struct image *ret_image)
{
    struct unpacking unpacking = {.stream = LZMA_STREAM_INIT};
    struct image_section section;
    if (!image_section(image, ".gnu_debugdata", &section) || !section.bytes)
        return 0;
    if (lzma_stream_decoder(&unpacking.stream, MAX_MEMORY, 0) != LZMA_OK)
        return -ENOMEM;
    unpacking.stream.next_in = section.bytes;
    unpacking.stream.avail_in = section.size;
    int result = unpack(&unpacking);
    size_t size = unpacking.stream.total_out;
    lzma_end(&unpacking.stream);
    if (result < 0) {
        free(unpacking.bytes);
        return result;
    }
    result = image_open_memory(unpacking.bytes, size, ret_image);
    return result < 0 ? result : 1;
}
