/*
 * unwind_fake.h: memory for the unwinder's tests that belongs to no process: one run of bytes at an address.
 */
#ifndef TESTS_UNWIND_FAKE_H
#define TESTS_UNWIND_FAKE_H

#include "../../tracer/unwind/window.h"

struct fake_memory {
    uint64_t start;
    size_t size;
    const unsigned char *bytes;
    unsigned reads;
};

static inline size_t fake_read(void *context, uint64_t addr, void *buffer, size_t size)
{
    struct fake_memory *fake = context;
    fake->reads++;
    if (addr < fake->start || addr - fake->start >= fake->size)
        return 0;
    size_t left = fake->size - (size_t)(addr - fake->start);
    size = size < left ? size : left;
    memcpy(buffer, fake->bytes + (addr - fake->start), size);
    return size;
}

#endif
