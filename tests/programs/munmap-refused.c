/* munmap-refused.c COUNT: munmap(2) of an address that is no multiple of a page is refused with EINVAL before
 * anything is looked at, COUNT times, in a process of a thousand mappings.  Prints its own maps. */
#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "own_maps.h"

enum { PAGE = 4096, MAPPINGS = 1000 };

int main(int argc, char **argv)
{
    int count = argc > 1 ? atoi(argv[1]) : 1000;
    char *p = mmap(NULL, (size_t)MAPPINGS * PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED)
        return 1;
    for (int i = 0; i < MAPPINGS; i += 2)
        if (mprotect(p + (size_t)i * PAGE, PAGE, PROT_NONE) != 0)
            return 2;
    for (int i = 0; i < count; i++)
        if (munmap(p + 1, PAGE) != -1 || errno != EINVAL)
            return 3;
    print_own_maps(-1, -1);
    _exit(0);
}
