/*
 * demangle.h: names of C++ (Itanium ABI) and Rust (legacy and v0) as their authors wrote them.
 */
#ifndef BRKWATER_DEMANGLE_H
#define BRKWATER_DEMANGLE_H

#include <stddef.h>

enum {
    DEMANGLE_MAX_INPUT = 8192,   /* bytes of a mangled name; longer ones stay as they are */
    DEMANGLE_MAX_OUTPUT = 16384, /* bytes of a readable name; what would be longer stays mangled */
};

/* The readable form of a mangled name of `size` bytes, ended by NUL; free() it.  NULL when it is not a mangled name,
 * when a limit is hit, or without memory: then the raw name is the best there is.  Suffixes that compilers append to
 * clones
 * (".cold", ".part.0") stay. */
char *demangle(const char *mangled, size_t size);

#endif
