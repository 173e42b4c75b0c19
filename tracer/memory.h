/*
 * memory.h: reads of the tracee's memory.  Nothing is ever written to it.
 */
#ifndef BRKWATER_MEMORY_H
#define BRKWATER_MEMORY_H

#include "trace.h"

#include <sys/types.h>

/* Read exactly `size` bytes.  0, or -EFAULT, -ESRCH, -EPERM. */
int memory_read(pid_t tid, tracee_addr addr, void *buffer, size_t size);

/* Read up to `capacity` bytes or the NUL, which is not counted; what could be read is returned, also when a page is
 * missing. */
size_t memory_text(pid_t tid, tracee_addr addr, char *buffer, size_t capacity);

/* Read a NULL-terminated list of strings, each followed by NUL in the buffer, until it is full. The bytes used. */
size_t memory_list(pid_t tid, tracee_addr addr, unsigned pointer_size, char *buffer, size_t capacity);

/* Length of a NULL-terminated list of pointers; counting ends at 65536. */
uint64_t memory_count(pid_t tid, tracee_addr addr, unsigned pointer_size);

#endif
