/*
 * demangle.c: readable names of C++ and Rust by libiberty, bounded.
 *
 * A mangled name may refer back to its own parts, so that a few hundred bytes can stand for gigabytes of text.
 * libiberty's callback interface hands out the text in pieces and has no way to say "enough"; so the callback leaves by
 * longjmp.  That interface keeps its state on the stack, and nothing is lost (but for the buffer of one Rust identifier
 * in punycode).
 */
#include "demangle.h"

#include <libiberty/demangle.h>
#include <setjmp.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

struct output {
    char bytes[DEMANGLE_MAX_OUTPUT + 1];
    size_t size;
    jmp_buf enough;
};

static void put(const char *piece, size_t size, void *opaque)
{
    struct output *out = opaque;
    if (size > DEMANGLE_MAX_OUTPUT - out->size)
        longjmp(out->enough, 1);
    if (size)
        memcpy(out->bytes + out->size, piece, size);
    out->size += size;
}

/* Return types are left out: a name begins with the name. */
static int demangle_into(const char *mangled, struct output *out)
{
    enum { CXX = DMGL_PARAMS | DMGL_ANSI | DMGL_RET_DROP };
    if (setjmp(out->enough))
        return 0;
    out->size = 0;
    /* Rust's old scheme is C++'s with a hash at the end; what has none is refused there and is C++. */
    if (rust_demangle_callback(mangled, DMGL_RUST, put, out))
        return 1;
    out->size = 0;
    return mangled[1] == 'Z' && cplus_demangle_v3_callback(mangled, CXX, put, out);
}

/* "_Z" of C++ and old Rust, "_R" of Rust.  libiberty would take other names, too: "main" as a type, for example. */
static bool is_mangled(const char *name, size_t size)
{
    return size > 2 && size <= DEMANGLE_MAX_INPUT && name[0] == '_' && (name[1] == 'Z' || name[1] == 'R');
}

char *demangle(const char *mangled, size_t size)
{
    if (!is_mangled(mangled, size))
        return NULL;
    struct output *out = malloc(sizeof(*out));
    char *readable = NULL;
    if (out && demangle_into(mangled, out) && out->size) {
        out->bytes[out->size] = '\0';
        readable = strdup(out->bytes);
    }
    free(out);
    return readable;
}
