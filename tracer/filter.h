/*
 * filter.h: the seccomp filter of a launched command: stop at the calls of the table, let all others run at full speed.
 */
#ifndef BRKWATER_FILTER_H
#define BRKWATER_FILTER_H

#include <linux/filter.h>
#include <stddef.h>

/* Build the filter; *ret_program is malloc'ed, *ret_count its length in instructions.  0, -ENOMEM, or -E2BIG when the
 * table has outgrown what a filter can hold. */
int filter_build(struct sock_filter **ret_program, size_t *ret_count);

/* Put it on the calling thread; async-signal-safe.  Without CAP_SYS_ADMIN no_new_privs must have been set before.  0 or
 * -errno. */
int filter_install(const struct sock_filter *program, size_t count);

#endif
