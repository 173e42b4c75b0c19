/*
 * call_set.h: which calls a listing shows: the argument of -e.
 */
#ifndef BRKWATER_CALL_SET_H
#define BRKWATER_CALL_SET_H

#include "../tracer/calls.h"

struct call_set {
    bool calls[CALL_COUNT];
};

void call_set_all(struct call_set *set);

/*
 * Read what strace's -e takes: "mmap,munmap", "trace=mmap,munmap", "!brk", "trace=!brk,madvise", "all", "none", and the
 * classes
 * "%memory" and "%process" (with or without the percent sign).  0, or -EINVAL with *ret_word the first word that is no
 * traced call; it is `length` bytes of the text.
 */
int call_set_parse(const char *text, struct call_set *ret_set, const char **ret_word, size_t *ret_length);

#endif
