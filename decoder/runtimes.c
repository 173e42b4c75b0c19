/*
 * runtimes.c: which allocator or language runtime asked for memory.
 *
 * The innermost frames decide, until the first one that belongs to nobody on the list: what a program calls its
 * functions further out says nothing about who mapped.
 */
#include "runtimes.h"

enum { LINES_READ = 24, FRAMES_OUTSIDE = 3 };

static bool starts(struct text text, const char *start)
{
    const size_t size = strlen(start);
    return text.size >= size && memcmp(text.data, start, size) == 0;
}

/* libc.so.6; libc-2.31.so before 2.34. */
static bool is_glibc(struct text path)
{
    const struct text name = base_name(path);
    return starts(name, "libc.so.6") || starts(name, "libc-2.");
}

unsigned runtime_libc_frames(const struct code *code, uint32_t id)
{
    struct code_stack stack;
    unsigned count = 0;
    if (!code_stack(code, id, &stack))
        return 0;
    for (; count < stack.n_frames; count++) {
        const struct code_frame *frame = code_frame(code, stack.frames[count]);
        const struct code_module *module = frame ? code_module(code, frame->module) : NULL;
        if (!module || !is_glibc(module->path))
            break;
    }
    return count;
}

/* ---- names ---- */

/* Without underscores, "GI_" and "libc_" in front, and without what compilers append. */
static struct text plain(struct text name)
{
    static const char *const inner[] = {"_", "GI_", "libc_"};
    for (bool again = true; again;) {
        again = false;
        for (size_t i = 0; i < sizeof(inner) / sizeof(inner[0]); i++)
            if (starts(name, inner[i]) && name.size > strlen(inner[i])) {
                name.data += strlen(inner[i]);
                name.size -= strlen(inner[i]);
                again = true;
            }
    }
    for (size_t i = 1; i < name.size; i++)
        if (name.data[i] == '.' || name.data[i] == '@')
            name.size = i;
    return name;
}

static bool same_name(struct text name, const char *wanted)
{
    const struct text one = plain(name), other = plain((struct text){wanted, strlen(wanted)});
    return one.size && one.size == other.size && memcmp(one.data, other.data, one.size) == 0;
}

bool runtime_passes(const struct code *code, uint32_t stack, const char *function)
{
    struct code_walk walk = code_walk(code, stack);
    struct code_line line;
    const bool in_libc = runtime_libc_frames(code, stack) > 0;
    for (int i = 0; i < LINES_READ && code_walk_next(&walk, &line); i++) {
        if (in_libc && !is_glibc(line.path))
            return false;
        if (same_name(line.function, function))
            return true;
    }
    return false;
}

/* ---- the list ---- */

struct rule {
    enum runtime runtime;
    const char *module;   /* the base name of the file begins so; NULL: any */
    const char *function; /* the function's name begins so; NULL: any */
    bool guess;
};

static const struct rule rules[] = {
    {RUNTIME_JEMALLOC, "libjemalloc", NULL, false},
    {RUNTIME_JEMALLOC, NULL, "je_", false},
    {RUNTIME_JEMALLOC, NULL, "_rjem_", false}, /* in Rust programs */
    {RUNTIME_TCMALLOC, "libtcmalloc", NULL, false},
    {RUNTIME_TCMALLOC, NULL, "tcmalloc::", false},
    {RUNTIME_TCMALLOC, NULL, "TCMalloc_", false},
    {RUNTIME_MIMALLOC, "libmimalloc", NULL, false},
    {RUNTIME_MIMALLOC, NULL, "_mi_", false},
    {RUNTIME_MIMALLOC, NULL, "mi_", true}, /* short enough to be somebody else's */
    {RUNTIME_GO, NULL, "runtime.", false},
    {RUNTIME_GO, NULL, "runtime/internal/", false},
    {RUNTIME_GO, NULL, "internal/runtime/", false},
    {RUNTIME_V8, NULL, "v8::", false},
    {RUNTIME_V8, NULL, "cppgc::", false}, /* its heap of C++ objects */
    {RUNTIME_V8, "libv8", NULL, false},
    {RUNTIME_JVM, "libjvm.so", NULL, false},
    {RUNTIME_PYTHON, NULL, "_PyObject_Arena", false},
    {RUNTIME_PYTHON, NULL, "_PyMem_", false},
    {RUNTIME_PYTHON, "python3", NULL, true}, /* stripped: what it maps by itself are nearly always arenas */
    {RUNTIME_PYTHON, "libpython3", NULL, true},
    {RUNTIME_MUSL, "ld-musl", NULL, false},
    {RUNTIME_MUSL, "libc.musl", NULL, false},
    {RUNTIME_SANITIZER, "libasan", NULL, false},
    {RUNTIME_SANITIZER, "libtsan", NULL, false},
    {RUNTIME_SANITIZER, "liblsan", NULL, false},
    {RUNTIME_SANITIZER, "libhwasan", NULL, false},
    {RUNTIME_SANITIZER, NULL, "__asan", false},
    {RUNTIME_SANITIZER, NULL, "__sanitizer::", false},
    {RUNTIME_LOADER, "ld-linux", NULL, false},
    {RUNTIME_LOADER, "ld-2.", NULL, false},
    {RUNTIME_LOADER, "ld.so", NULL, false},
};

static const struct rule *find_rule(const struct code_line *line)
{
    const struct text module = base_name(line->path);
    for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
        const struct rule *rule = &rules[i];
        if ((!rule->module || starts(module, rule->module)) &&
            (!rule->function || starts(line->function, rule->function)))
            return rule;
    }
    return NULL;
}

/* glibc's malloc, by the function that the program called, or by its inside. */
static bool is_malloc(struct text function)
{
    static const char *const names[] = {
        "malloc",     "calloc",         "realloc",  "memalign",   "aligned_alloc", "posix_memalign",
        "valloc",     "pvalloc",        "free",     "sysmalloc",  "mremap_chunk",  "int_realloc",
        "int_malloc", "sysmalloc_mmap", "new_heap", "arena_get2", "tcache_init"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (same_name(function, names[i]))
            return true;
    return false;
}

static enum runtime find_runtime(const struct code *code, uint32_t stack, bool *ret_guess)
{
    struct code_walk walk = code_walk(code, stack);
    struct code_line line;
    int outside = 0; /* lines that are not libc's */
    *ret_guess = false;
    for (int i = 0; i < LINES_READ && outside < FRAMES_OUTSIDE && code_walk_next(&walk, &line); i++) {
        const bool libc = is_glibc(line.path);
        if (libc && is_malloc(line.function) && !outside)
            return RUNTIME_GLIBC;
        /* A static program has glibc inside of it: only names that nobody else uses count. */
        if (!libc && (same_name(line.function, "sysmalloc") || same_name(line.function, "sysmalloc_mmap") ||
                      same_name(line.function, "new_heap")))
            return RUNTIME_GLIBC;
        const struct rule *rule = libc ? NULL : find_rule(&line);
        if (rule && !(rule->guess && outside)) {
            *ret_guess = rule->guess;
            return rule->runtime;
        }
        outside += !libc;
    }
    /* As deep as that into libc goes only malloc, when it maps. */
    if (runtime_libc_frames(code, stack) >= GLIBC_MALLOC_FRAMES) {
        *ret_guess = true;
        return RUNTIME_GLIBC;
    }
    return RUNTIME_NONE;
}

enum runtime runtime_of(const struct code *code, uint32_t stack, bool *ret_guess)
{
    enum { GUESS = 0x80 };
    uint8_t kept;
    if (code_kept(code, stack, &kept)) {
        *ret_guess = kept & GUESS;
        return (enum runtime)(kept & ~GUESS);
    }
    const enum runtime runtime = find_runtime(code, stack, ret_guess);
    code_keep(code, stack, (uint8_t)(runtime | (*ret_guess ? GUESS : 0)));
    return runtime;
}

const char *runtime_name(enum runtime runtime)
{
    static const char *const names[RUNTIME_COUNT] = {
        [RUNTIME_NONE] = "",
        [RUNTIME_GLIBC] = "glibc",
        [RUNTIME_JEMALLOC] = "jemalloc",
        [RUNTIME_TCMALLOC] = "tcmalloc",
        [RUNTIME_MIMALLOC] = "mimalloc",
        [RUNTIME_GO] = "go",
        [RUNTIME_V8] = "v8",
        [RUNTIME_JVM] = "jvm",
        [RUNTIME_PYTHON] = "python",
        [RUNTIME_MUSL] = "musl",
        [RUNTIME_SANITIZER] = "sanitizer",
        [RUNTIME_LOADER] = "loader",
    };
    return names[(unsigned)runtime < RUNTIME_COUNT ? runtime : RUNTIME_NONE];
}
