/*
 * image_guard.h: a mapped file may be cut short by anybody while it is mapped; a read behind its new end then gets
 * SIGBUS (mmap(2)).  Guarded ranges read as zeros there instead.
 *
 * The handler is the process's own, put in place with the first range; a SIGBUS outside all ranges ends the process as
 * it would have without.  Ranges are added, removed and read by one thread.
 */
#ifndef BRKWATER_UNWIND_IMAGE_GUARD_H
#define BRKWATER_UNWIND_IMAGE_GUARD_H

#include <stddef.h>

struct image_guard;

/* Guard a mapping of a file.  NULL without memory; then it is not guarded. */
struct image_guard *image_guard_add(void *start, size_t size);
void image_guard_remove(struct image_guard *guard);

#endif
