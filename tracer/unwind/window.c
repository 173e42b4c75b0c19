/* window.c: memory for one unwinding. */
#include "window.h"

#include <sys/types.h>
#include <sys/uio.h>

static uint64_t page_of(uint64_t addr)
{
    return addr & ~(uint64_t)(WINDOW_PAGE - 1);
}

static size_t read_once(pid_t tid, uint64_t addr, void *buffer, size_t size)
{
    struct iovec local = {buffer, size}, remote = {(void *)(uintptr_t)addr, size};
    ssize_t got = process_vm_readv(tid, &local, 1, &remote, 1, 0);
    return got < 0 ? 0 : (size_t)got;
}

size_t unwind_read_process(void *context, uint64_t addr, void *buffer, size_t size)
{
    pid_t tid = *(const pid_t *)context;
    size_t got = read_once(tid, addr, buffer, size);
    /* Linux gives the pages before a hole, but the manual promises only whole pieces: ask for the first page alone. */
    size_t first = WINDOW_PAGE - addr % WINDOW_PAGE;
    if (!got && size > first)
        got = read_once(tid, addr, buffer, first);
    return got;
}

static size_t read_memory(struct window *window, uint64_t addr, void *buffer, size_t size)
{
    if (window->reads >= WINDOW_MAX_READS)
        return 0;
    window->reads++;
    size_t got = window->memory->read(window->memory->context, addr, buffer, size);
    return got < size ? got : size;
}

/* Read on at the end of what is there. */
static void append(struct window *window, size_t size)
{
    const uint64_t end = window->start + window->size;
    if (size > WINDOW_CAPACITY - window->size)
        size = WINDOW_CAPACITY - window->size;
    size_t got = read_memory(window, end, window->bytes + window->size, size);
    window->size += got;
    if (got < size || window->size == WINDOW_CAPACITY)
        window->ended = true;
}

/* The same to the end of a page. */
static void extend(struct window *window)
{
    const uint64_t end = window->start + window->size;
    append(window, (size_t)(page_of(end + WINDOW_MORE + WINDOW_PAGE - 1) - end));
}

void window_begin(struct window *window, const struct unwind_memory *memory, uint64_t sp)
{
    window->memory = memory;
    window->start = sp;
    window->size = 0;
    window->ended = false;
    window->reads = window->n_sides = window->next_side = 0;
    append(window, window->expected ? window->expected : WINDOW_MORE);
}

/* Stacks of a program go up and down: what was needed is forgotten slowly, since a second read costs more than a first
 * one that was too long. */
void window_end(struct window *window, uint64_t top)
{
    enum { ROOM = 256, ROUND = 64 }; /* for words above the last frame */
    size_t used = top - window->start < WINDOW_MORE ? (size_t)(top - window->start) + ROOM : WINDOW_MORE;
    size_t fading = window->expected - window->expected / 16;
    if (used < fading)
        used = fading;
    used = (used + ROUND - 1) / ROUND * ROUND;
    window->expected = used < WINDOW_LEAST ? WINDOW_LEAST : used > WINDOW_MORE ? WINDOW_MORE : used;
}

/* A page that is not part of the stack's window; NULL when it can't be read. */
static const struct window_side *side(struct window *window, uint64_t page)
{
    for (unsigned i = 0; i < window->n_sides; i++)
        if (window->sides[i].page == page)
            return &window->sides[i];
    struct window_side *s = &window->sides[window->next_side];
    window->next_side = (window->next_side + 1) % WINDOW_SIDES;
    if (window->n_sides < WINDOW_SIDES)
        window->n_sides++;
    s->page = page;
    s->size = read_memory(window, page, s->bytes, WINDOW_PAGE);
    return s;
}

static bool from_sides(struct window *window, uint64_t addr, unsigned char *buffer, size_t size)
{
    while (size) {
        const struct window_side *s = side(window, page_of(addr));
        size_t at = (size_t)(addr - s->page), piece = WINDOW_PAGE - at;
        if (piece > size)
            piece = size;
        if (at + piece > s->size)
            return false;
        memcpy(buffer, s->bytes + at, piece);
        addr += piece;
        buffer += piece;
        size -= piece;
    }
    return true;
}

bool window_fetch(struct window *window, uint64_t addr, void *buffer, size_t size)
{
    if (size > WINDOW_PAGE || addr + size < addr)
        return false;
    /* Further up the same stack, not too far: one more piece of it. */
    while (!window->ended && addr - window->start < window->size + WINDOW_MORE) {
        extend(window);
        uint64_t at = addr - window->start;
        if (at < window->size && window->size - at >= size) {
            memcpy(buffer, window->bytes + at, size);
            return true;
        }
    }
    return from_sides(window, addr, buffer, size);
}
