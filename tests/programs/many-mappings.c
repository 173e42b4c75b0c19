/* many-mappings.c COUNT: a process with very many mappings, made by protecting every other page of one large
 * range, as guard pages and garbage collectors do; then every third page goes.  Prints its own maps. */
#include <stdlib.h>
#include <sys/mman.h>

#include "own_maps.h"

enum { PAGE = 4096 };

int main(int argc, char **argv)
{
    size_t count = argc > 1 ? (size_t)atol(argv[1]) : 10000;
    char *p = mmap(NULL, count * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (p == MAP_FAILED)
        return 1;
    for (size_t i = 0; i < count; i += 2)
        if (mprotect(p + i * PAGE, PAGE, PROT_NONE) != 0)
            return 2;
    for (size_t i = 0; i < count; i += 3)
        if (munmap(p + i * PAGE, PAGE) != 0)
            return 3;
    print_own_maps(-1, -1);
    _exit(0);
}
