/*
 * arguments.h (published): the field's names for the numbers in a call.
 *
 * Source: mmap(2), madvise(2), mremap(2), shmat(2), mlock(2), clone(2), prctl(2) and the kernel's uapi headers; values
 * are written out in the table where Debian 12's headers do not have them.
 */
#ifndef BRKWATER_ARGUMENTS_H
#define BRKWATER_ARGUMENTS_H

#include "../tracer/trace.h"

enum { FLAG_NAMES_MAX = 40 };

/* A bit set taken apart. */
struct flag_list {
    size_t count;
    const char *names[FLAG_NAMES_MAX]; /* in the order in which strace prints them; constants */
    uint64_t rest;                     /* bits without a name, to be printed in hex */
};

/*
 * Names of a bit set or of a value of the given kind (ARG_PROT, ARG_MAP_FLAGS, ARG_MREMAP_FLAGS, ARG_ADVICE,
 * ARG_SHM_FLAGS, ARG_MLOCK_FLAGS, ARG_MCL_FLAGS, ARG_CLONE_FLAGS, ARG_SHADOW_FLAGS, ARG_PRCTL_OPTION, ARG_PRCTL_SUB).
 * An empty set has the name that strace gives it ("PROT_NONE", "0" has none).  Kinds that have no names give count 0
 * and everything in rest.
 */
void argument_flags(enum arg_kind kind, uint64_t value, struct flag_list *ret_list);

/* "ENOMEM"; NULL for a number without a name. */
const char *errno_name(uint32_t error);

/* "SIGSEGV"; NULL for a number without a name. */
const char *signal_name(unsigned signal);

#endif
