/* mremap-with-holes.c move|keep: mremap(2) of equal lengths to a fixed address takes several mappings at once,
 * since Linux 6.17; where the old range has a hole, the new one keeps what lies there.  `keep` is the same by
 * MREMAP_DONTUNMAP, which leaves the old mappings, empty.  Prints its own maps; ends with 77 when the kernel
 * refuses. */
#include <errno.h>
#include <stdbool.h>
#include <sys/mman.h>

#include "own_maps.h"

#ifndef MREMAP_DONTUNMAP
#define MREMAP_DONTUNMAP 4
#endif

enum { PAGE = 4096, PAGES = 7, TARGET_PAGES = PAGES + 4 };

/* One letter a page: '.' is a hole, small letters are read-only. */
static const char shape[PAGES + 1] = "A.bB.C.";

static char *map(size_t pages, int fill)
{
    char *p = mmap(NULL, pages * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED)
        _exit(1);
    memset(p, fill, pages * PAGE);
    return p;
}

static char *map_shape(void)
{
    char *p = map(PAGES, 'x');
    for (int i = 0; i < PAGES; i++) {
        char *page = p + i * PAGE;
        memset(page, shape[i], PAGE);
        if (shape[i] == '.' && munmap(page, PAGE) != 0)
            _exit(2);
        if (shape[i] >= 'a' && mprotect(page, PAGE, PROT_READ) != 0)
            _exit(3);
    }
    return p;
}

/* mincore(2) fails with ENOMEM where nothing is mapped. */
static bool is_mapped(char *page)
{
    unsigned char resident;
    return mincore(page, PAGE, &resident) == 0;
}

static void check_target(const char *target)
{
    for (int i = 0; i < TARGET_PAGES; i++) {
        bool moved = i >= 2 && i < 2 + PAGES && shape[i - 2] != '.';
        if (target[i * PAGE] != (moved ? shape[i - 2] : 't'))
            _exit(4);
    }
}

static void check_source(char *source, bool kept)
{
    for (int i = 0; i < PAGES; i++) {
        char *page = source + i * PAGE;
        if (is_mapped(page) != (kept && shape[i] != '.') || (is_mapped(page) && *page != 0))
            _exit(5);
    }
}

int main(int argc, char **argv)
{
    bool keep = argc > 1 && strcmp(argv[1], "keep") == 0;
    int flags = MREMAP_MAYMOVE | MREMAP_FIXED | (keep ? MREMAP_DONTUNMAP : 0);
    char *target = map(TARGET_PAGES, 't');
    char *source = map_shape();

    if (mremap(source, PAGES * PAGE, PAGES * PAGE, flags, target + 2 * PAGE) == MAP_FAILED)
        _exit(errno == EFAULT || errno == EINVAL ? 77 : 6);
    check_target(target);
    check_source(source, keep);
    if (munmap(target + 3 * PAGE, PAGE) != 0 || mprotect(target + 6 * PAGE, PAGE, PROT_READ) != 0)
        _exit(7);
    print_own_maps(-1, -1);
    _exit(0);
}
