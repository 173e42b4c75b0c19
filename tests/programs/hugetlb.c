/* hugetlb.c: mappings of huge pages, mmap(2) MAP_HUGETLB: lengths are rounded to their size, parts can go only in whole
 * ones, and mremap(2) moves, shrinks and grows them.  Prints its own maps; ends with 77 when there are none. */
#include <errno.h>
#include <stdint.h>
#include <sys/mman.h>

#include "own_maps.h"

enum { HUGE = 2 << 20, PAGE = 4096 };

int main(void)
{
    const int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB | MAP_NORESERVE;
    char *room = mmap(NULL, 32 * HUGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    char *p = mmap(NULL, 6 * HUGE, PROT_READ | PROT_WRITE, flags, -1, 0);
    if (p == MAP_FAILED || room == MAP_FAILED)
        return 77;
    char *odd = mmap(NULL, HUGE + PAGE, PROT_READ, flags, -1, 0); /* takes two */
    if (odd == MAP_FAILED || munmap(p + HUGE, HUGE) != 0 || mprotect(p, HUGE, PROT_READ) != 0)
        return 1;
    if (munmap(p + 2 * HUGE, PAGE) == 0 || mprotect(p + 2 * HUGE, PAGE, PROT_NONE) == 0)
        return 2; /* no part of one */
    char *aligned = (char *)(((uintptr_t)room + HUGE - 1) / HUGE * HUGE);
    errno = 0;
    if (mremap(p + 2 * HUGE, 2 * HUGE, HUGE + PAGE, 0) == MAP_FAILED && errno != EINVAL)
        return 3; /* rounds up: nothing changes */
    if (mremap(p + 4 * HUGE, 2 * HUGE, PAGE, 0) == MAP_FAILED)
        return errno == EINVAL ? 77 : 4; /* before Linux 5.16 */
    if (mremap(p + 2 * HUGE, 2 * HUGE - PAGE, 2 * HUGE, MREMAP_MAYMOVE | MREMAP_FIXED, aligned) == MAP_FAILED)
        return 5;
    print_own_maps(-1, -1);
    _exit(0);
}
