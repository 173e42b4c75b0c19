/* heap_cause.c: who made malloc grow or trim, by the names on the stack. */
#include "runtimes.h"
#include "timeline.h"

static bool passes_any(const struct code *code, uint32_t stack, const char *const *names)
{
    for (; *names; names++)
        if (runtime_passes(code, stack, *names))
            return true;
    return false;
}

enum heap_cause heap_cause(const struct code *code, uint32_t stack)
{
    static const char *const trims[] = {"malloc_trim", "mtrim", NULL};
    static const char *const frees[] = {"free", "cfree", "_int_free", "_int_free_maybe_consolidate", NULL};
    static const char *const mallocs[] = {"malloc",    "calloc",      "memalign",       "aligned_alloc",
                                          "valloc",    "pvalloc",     "posix_memalign", "_int_malloc",
                                          "sysmalloc", "tcache_init", "ptmalloc_init",  NULL};
    struct code_stack known;
    if (!code_stack(code, stack, &known))
        return CAUSE_UNKNOWN;
    if (passes_any(code, stack, trims))
        return CAUSE_MALLOC_TRIM;
    if (runtime_passes(code, stack, "realloc"))
        return CAUSE_REALLOC;
    if (passes_any(code, stack, frees))
        return CAUSE_FREE;
    if (passes_any(code, stack, mallocs))
        return CAUSE_MALLOC;
    /* brk and sbrk, or a call that libc has no name for: without names malloc is deeper in libc than that. */
    return runtime_libc_frames(code, stack) <= 2 ? CAUSE_PROGRAM : CAUSE_UNKNOWN;
}

bool heap_is_further(const struct code *code, uint32_t stack)
{
    return runtime_passes(code, stack, "sysmalloc");
}
