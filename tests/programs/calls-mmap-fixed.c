/* variants: m32 */
/* calls-mmap-fixed.c: MAP_FIXED silently replaces what it covers, over several mappings and holes;
 * MAP_FIXED_NOREPLACE does not; the address returned decides, mmap(2). */
#include "expect.h"

int main(void)
{
    /* A yard of 16 pages, guarded on both sides, to be alone in. */
    char *guard = x_mmap(PAGES(18), PROT_NONE, PRIVATE | MAP_NORESERVE, MAPS(PAGES(18)));
    char *yard = guard + PAGE;

    /* Three mappings with unlike attributes and a hole of one page. */
    x_mmap_at(yard, PAGES(2), READ_WRITE, PRIVATE | MAP_FIXED, -1, 0, SWAPS(PAGES(2), PAGES(2)));
    x_mmap_at(yard + PAGES(2), PAGES(2), PROT_READ, SHARED | MAP_FIXED, -1, 0, SWAPS(PAGES(2), PAGES(2)));
    x_munmap(yard + PAGES(4), PAGES(1), UNMAPS(PAGES(1)));

    /* Over the middle of the first to the page after the hole. */
    char *over =
        x_mmap_at(yard + PAGES(1), PAGES(5), READ_WRITE, PRIVATE | MAP_FIXED, -1, 0, SWAPS(PAGES(5), PAGES(4)));
    REQUIRE(over == yard + PAGES(1));

    /* Occupied: refused, and nothing changes; also when only the last page is. */
    x_mmap_at(yard, PAGES(1), READ_WRITE, PRIVATE | MAP_FIXED_NOREPLACE, -1, 0, FAILS(EEXIST));
    x_munmap(yard + PAGES(8), PAGES(4), UNMAPS(PAGES(4)));
    x_mmap_at(yard + PAGES(8), PAGES(5), READ_WRITE, PRIVATE | MAP_FIXED_NOREPLACE, -1, 0, FAILS(EEXIST));
    x_mmap_at(yard + PAGES(7), PAGES(3), READ_WRITE, PRIVATE | MAP_FIXED_NOREPLACE, -1, 0, FAILS(EEXIST));
    char *fits = x_mmap_at(yard + PAGES(8), PAGES(4), READ_WRITE, PRIVATE | MAP_FIXED_NOREPLACE, -1, 0, MAPS(PAGES(4)));
    REQUIRE(fits == yard + PAGES(8));
    /* Both flags at once: still no replacement. */
    x_mmap_at(fits, PAGES(1), PROT_READ, PRIVATE | MAP_FIXED | MAP_FIXED_NOREPLACE, -1, 0, FAILS(EEXIST));

    /* The middle of one mapping, by the same attributes (the kernel merges) and by others (it splits). */
    x_mmap_at(fits + PAGES(1), PAGES(1), READ_WRITE, PRIVATE | MAP_FIXED, -1, 0, SWAPS(PAGES(1), PAGES(1)));
    x_mmap_at(fits + PAGES(2), PAGES(1), PROT_READ, PRIVATE | MAP_FIXED, -1, 0, SWAPS(PAGES(1), PAGES(1)));
    x_mmap_at(fits + PAGES(2), 100, READ_WRITE, PRIVATE | MAP_FIXED, -1, 0, SWAPS(PAGES(1), PAGES(1)));

    x_mmap_at(yard + 8, PAGES(1), READ_WRITE, PRIVATE | MAP_FIXED, -1, 0, FAILS(EINVAL));
    x_mmap_at(yard, PAGES(1), READ_WRITE, MAP_PRIVATE | MAP_FIXED, 1000, 0, FAILS(EBADF));
    x_mmap_at((void *)(UINTPTR_MAX - PAGE + 1), PAGES(1), READ_WRITE, PRIVATE | MAP_FIXED, -1, 0, FAILS(ENOMEM));

    x_munmap(guard, PAGES(18), UNMAPS(PAGES(18)));
    expect_print();
    return 0;
}
