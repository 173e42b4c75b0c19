/*
 * libc_path.h: which C library a process has mapped.
 */
#ifndef BRKWATER_LIBC_PATH_H
#define BRKWATER_LIBC_PATH_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * The path of the C library in the process's map, by the names that glibc, musl and bionic have; "" when it maps none
 * that is still the file of that name, as static programs do.  *ret_mappings, which may be NULL, is how many mappings
 * it has.  0, or the errno with which the map cannot be read.
 */
int libc_path(pid_t pid, char *ret_path, size_t capacity, uint64_t *ret_mappings);

#endif
