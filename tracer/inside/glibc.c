/* glibc.c: the two layouts, and what holds for both. */
#include "glibc.h"

#include <string.h>

const struct glibc *glibc_layout(bool is_32_bit)
{
    static const struct glibc words_of_8 = {
        .word = 8,
        .header = 16,
        .least = 32,
        .offset = 0,
        .free_head = 48,
        .fastbins = 16,
        .n_fastbins = 10,
        .top = 96,
        .bins = 112,
        .next = 2160,
        .system_mem = 2184,
        .state_size = 2200,
        .heap_max = 64 << 20,
        .tcache = {0x290, 0x250},
        .tcache_first = 32,
    };
    /* Memory is aligned to 16 bytes here as well, so chunks begin 8 bytes beside such an address. */
    static const struct glibc words_of_4 = {
        .word = 4,
        .header = 8,
        .least = 16,
        .offset = 8,
        .free_head = 24,
        .fastbins = 12,
        .n_fastbins = 11,
        .top = 56,
        .bins = 64,
        .next = 1096,
        .system_mem = 1108,
        .state_size = 1116,
        .heap_max = 1 << 20,
        .tcache = {0x190, 0x150},
        .tcache_first = 16,
    };
    return is_32_bit ? &words_of_4 : &words_of_8;
}

uint64_t glibc_word(const struct glibc *g, const void *bytes)
{
    uint64_t value = 0; /* little endian: a short one fills the low half */
    memcpy(&value, bytes, g->word);
    return value;
}

bool glibc_is_chunk(const struct glibc *g, tracee_addr chunk, uint64_t size, tracee_addr end)
{
    return chunk % CHUNK_ALIGN == g->offset && size % CHUNK_ALIGN == 0 && size >= g->least && chunk < end &&
           size <= end - chunk;
}
