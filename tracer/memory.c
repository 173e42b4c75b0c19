/* memory.c: process_vm_readv(2), in pieces that end at page borders so that an unmapped neighbour costs nothing. */
#include "memory.h"

#include <errno.h>
#include <string.h>
#include <sys/uio.h>

int memory_read(pid_t tid, tracee_addr addr, void *buffer, size_t size)
{
    struct iovec local = {buffer, size}, remote = {(void *)(uintptr_t)addr, size};
    ssize_t got = process_vm_readv(tid, &local, 1, &remote, 1, 0);
    if (got < 0)
        return -errno;
    return (size_t)got == size ? 0 : -EFAULT;
}

size_t memory_text(pid_t tid, tracee_addr addr, char *buffer, size_t capacity)
{
    size_t used = 0;
    while (addr && used < capacity) {
        size_t piece = TRACE_PAGE - (addr + used) % TRACE_PAGE;
        if (piece > capacity - used)
            piece = capacity - used;
        if (memory_read(tid, addr + used, buffer + used, piece) < 0)
            break;
        char *nul = memchr(buffer + used, '\0', piece);
        if (nul)
            return (size_t)(nul - buffer);
        used += piece;
    }
    return used;
}

/* The pointer at an index of a list; 0 at its end or when it can't be read. */
static tracee_addr pointer_at(pid_t tid, tracee_addr list, unsigned pointer_size, uint64_t index)
{
    uint64_t pointer = 0; /* little endian: a short one fills the low half */
    if (memory_read(tid, list + index * pointer_size, &pointer, pointer_size) < 0)
        return 0;
    return pointer;
}

size_t memory_list(pid_t tid, tracee_addr addr, unsigned pointer_size, char *buffer, size_t capacity)
{
    size_t used = 0;
    for (uint64_t i = 0; addr && used + 1 < capacity; i++) {
        tracee_addr text = pointer_at(tid, addr, pointer_size, i);
        if (!text)
            break;
        used += memory_text(tid, text, buffer + used, capacity - used - 1);
        buffer[used++] = '\0';
    }
    return used;
}

uint64_t memory_count(pid_t tid, tracee_addr addr, unsigned pointer_size)
{
    enum { LIMIT = 65536, PIECE = 128 };
    uint64_t count = 0;
    while (addr && count < LIMIT) {
        unsigned char piece[PIECE * 8];
        tracee_addr at = addr + count * pointer_size;
        size_t fits = (TRACE_PAGE - at % TRACE_PAGE) / pointer_size;
        if (fits == 0 || fits > PIECE)
            fits = fits ? PIECE : 1;
        if (memory_read(tid, at, piece, fits * pointer_size) < 0)
            break;
        for (size_t i = 0; i < fits; i++, count++) {
            uint64_t pointer = 0;
            memcpy(&pointer, piece + i * pointer_size, pointer_size);
            if (!pointer)
                return count;
        }
    }
    return count;
}
