/* variants: first
 *
 * heap-told.c: a library to be preloaded: when the program exits, what malloc_info(3) says is written to a file named
 * by BRKWATER_TOLD and the process id, and nothing is done any more that would change it.
 */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifdef LIBRARY
static void tell(int status, void *unused)
{
    static char buffer[1 << 18], path[4096];
    (void)unused;
    fflush(NULL);
    snprintf(path, sizeof(path), "%s.%d", getenv("BRKWATER_TOLD"), (int)getpid());
    FILE *file = fopen(path, "w");
    if (file) {
        setvbuf(file, buffer, _IOFBF, sizeof(buffer));
        malloc_info(0, file);
        fflush(file);
    }
    _exit(status);
}

/* Registered first, it is called last. */
__attribute__((constructor)) static void begin(void)
{
    if (getenv("BRKWATER_TOLD"))
        on_exit(tell, NULL);
}
#else
int main(void)
{
    char *block = strdup("a block");
    return block ? puts(block) < 0 : 1;
}
#endif
