/*
 * window.h: the part of a thread's memory that one unwinding looks at, read in as few pieces as possible.
 *
 * A stack is read upward from the stack pointer: first as much as the last stacks have needed, then 8 KiB and the rest
 * of the last page each time when a word behind the end is asked for.  Words that lie elsewhere (another stack, code)
 * come from a few side pieces of a page each.  The number of reads for one stack is limited, since every address that
 * is asked for may come from memory that the target fills as it likes.
 */
#ifndef BRKWATER_UNWIND_WINDOW_H
#define BRKWATER_UNWIND_WINDOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum {
    WINDOW_LEAST = 512,      /* bytes of the first read, at least */
    WINDOW_MORE = 8192,      /* of the next ones, and of the first read at most */
    WINDOW_CAPACITY = 65536, /* bytes of stack kept */
    WINDOW_PAGE = 4096,
    WINDOW_SIDES = 8,
    WINDOW_MAX_READS = 64, /* for one stack */
};

/* Where memory comes from: a live process, or bytes copied at the event.  `read` fills the buffer from addr on and
 * returns the bytes that it could read, fewer than size when memory ends there, 0 for none. */
struct unwind_memory {
    size_t (*read)(void *context, uint64_t addr, void *buffer, size_t size);
    void *context;
};

/* process_vm_readv(2) of a live thread; context points to its pid_t. */
size_t unwind_read_process(void *context, uint64_t addr, void *buffer, size_t size);

struct window_side {
    uint64_t page; /* its address */
    size_t size;   /* readable bytes from there on */
    unsigned char bytes[WINDOW_PAGE];
};

/* What is always true: bytes[0..size) is the memory at [start, start + size). */
struct window {
    const struct unwind_memory *memory;
    uint64_t start;
    size_t size;
    bool ended;      /* nothing readable follows */
    size_t expected; /* bytes that the next stack is likely to need; 0: not known yet */
    unsigned reads;
    unsigned n_sides, next_side;
    unsigned char bytes[WINDOW_CAPACITY];
    struct window_side sides[WINDOW_SIDES];
};

/* Forget what was read and read the first piece of the stack at sp. */
void window_begin(struct window *window, const struct unwind_memory *memory, uint64_t sp);

/* The stack went up to `top`: a hint for the next one. */
void window_end(struct window *window, uint64_t top);

/* The slow way of window_copy(): reads what is missing. */
bool window_fetch(struct window *window, uint64_t addr, void *buffer, size_t size);

/* Copy `size` bytes, at most a page; false when they can't be read or the limit of reads is reached. */
static inline bool window_copy(struct window *window, uint64_t addr, void *buffer, size_t size)
{
    uint64_t at = addr - window->start;
    if (at >= window->size || window->size - at < size)
        return window_fetch(window, addr, buffer, size);
    memcpy(buffer, window->bytes + at, size);
    return true;
}

/* A word of 4 or 8 bytes, little endian. */
static inline bool window_word(struct window *window, uint64_t addr, unsigned word, uint64_t *ret_value)
{
    if (word == 8)
        return window_copy(window, addr, ret_value, 8);
    uint32_t value;
    if (!window_copy(window, addr, &value, sizeof(value)))
        return false;
    *ret_value = value;
    return true;
}

#endif
