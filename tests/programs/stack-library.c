/* variants: first second */
/* stack-library.c: two libraries, this file compiled again, take turns at one address; a stack through each, whose
 * names are those of the library that was there. */
#include "stated.h"

#ifdef LIBRARY
volatile int library_sink;

/* As much code before, whichever library it is: the call lies at the same address. */
#define LIBRARY_RUN(name)                                                                                              \
    void name(void (*function)(void));                                                                                 \
    NOINLINE void name(void (*function)(void))                                                                         \
    {                                                                                                                  \
        volatile char locals[64 + LIBRARY * 320];                                                                      \
        function();                                                                                                    \
        library_sink += locals[0];                                                                                     \
    }
#if LIBRARY == 1
LIBRARY_RUN(first_run)
#else
LIBRARY_RUN(second_run)
#endif
#else
#include <dlfcn.h>

static NOINLINE void called(void)
{
    HERE();
    STATE("complete");
}

static int run(const char *program, const char *which, void **ret_at)
{
    char path[4096], name[64];
    snprintf(path, sizeof(path), "%s-%s", program, which);
    snprintf(name, sizeof(name), "%s_run", which);
    void *library = dlopen(path, RTLD_NOW);
    void (*function)(void (*)(void)) = library ? (void (*)(void (*)(void)))dlsym(library, name) : NULL;
    if (!function) {
        fprintf(stderr, "%s\n", dlerror());
        return 1;
    }
    CALL(stated_push(name, 0); function(called); n_stated--);
    *ret_at = (void *)function;
    return dlclose(library);
}

int main(int argc, char **argv)
{
    (void)argc;
    void *at[6];
    for (int i = 0; i < 6; i++)
        CALL(if (run(argv[0], i % 2 ? "second" : "first", &at[i])) return 1);
    if (at[0] != at[1])
        return 3; /* the address was not used again: the test shows nothing */
    return 0;
}
#endif
