/* code_kind.c: whose code a line of a stack is: the program's, a library's, the C library's, or nobody's. */
#include "decoder.h"

#include "symbols/callsite.h"

#include <string.h>

static bool holds(struct text name, const char *part)
{
    return name.size && memmem(name.data, name.size, part, strlen(part));
}

static bool ends(struct text name, const char *part)
{
    const size_t size = strlen(part);
    return name.size >= size && memcmp(name.data + name.size - size, part, size) == 0;
}

enum code_kind code_kind(const struct code_line *line)
{
    if (!line->path.size || line->path.data[0] == '[')
        return CODE_OF_NOBODY;
    if (callsite_is_allocator(&(struct callsite_frame){.module = line->path}))
        return CODE_OF_LIBC;
    const struct text name = base_name(line->path);
    /* libz.so.1, "libz.so (deleted)", _json.cpython-312-x86_64-linux-gnu.so, better_sqlite3.node */
    return holds(name, ".so.") || holds(name, ".so ") || ends(name, ".so") || ends(name, ".node") ? CODE_OF_LIBRARY
                                                                                                  : CODE_OF_PROGRAM;
}
