/* variants: first second */
/* unwind-library.c: two libraries, this file compiled again, take turns at one address; a stack through each.
 * The second has another frame where the first one has its code, so old tables would lead astray. */
#include "claims.h"

#define NOINLINE __attribute__((noinline, noclone))

#ifdef LIBRARY
volatile int library_sink;
void library_run(void (*function)(void));

/* As much code before, whichever library it is: the call lies at the same address, the frames are of another size. */
NOINLINE void library_run(void (*function)(void))
{
    volatile char locals[64 + LIBRARY * 320];
    CLAIM_CALL(function());
    library_sink += locals[0];
}
#else
#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

static NOINLINE void called(void)
{
    CLAIM_CALLER(0);
    CLAIM_CALL(claim_make(CLAIM_COMPLETE));
    claim.count = 0;
}

static int run(const char *program, const char *which, void **ret_at)
{
    char path[4096];
    snprintf(path, sizeof(path), "%s-%s", program, which);
    void *library = dlopen(path, RTLD_NOW);
    void (*function)(void (*)(void)) = library ? (void (*)(void (*)(void)))dlsym(library, "library_run") : NULL;
    if (!function) {
        fprintf(stderr, "%s\n", dlerror());
        return 1;
    }
    CLAIM_CALL(function(called));
    *ret_at = (void *)function;
    return dlclose(library);
}

int main(int argc, char **argv)
{
    (void)argc;
    void *at[6];
    for (int i = 0; i < 6; i++)
        if (run(argv[0], i % 2 ? "second" : "first", &at[i]))
            return 1;
    if (at[0] != at[1])
        return 3; /* the address was not used again: the test shows nothing */
    return 0;
}
#endif
