/*
 * callsite.h: which frame of a stack names an event: the code that wanted the memory, not the allocator that got it.
 */
#ifndef BRKWATER_CALLSITE_H
#define BRKWATER_CALLSITE_H

#include "../code.h"

struct callsite_frame {
    struct text module;   /* path; may be empty */
    struct text function; /* readable (demangled) name; may be empty */
};

/* Index of the first frame, from the innermost at 0, that lies outside of libc, the loader, and known allocators and
 * run-time libraries; where there is none, of the outermost one.  0 for an empty list. */
size_t callsite_choose(const struct callsite_frame *frames, size_t count);

/* Whether a frame belongs to one of those. */
bool callsite_is_allocator(const struct callsite_frame *frame);

#endif
