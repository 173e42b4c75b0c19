/* variants: m32 static */
/* calls-mmap.c: every flavour of an mmap(2) without a file, and how it fails. */
#include "expect.h"

int main(void)
{
    char *plain = x_mmap(PAGES(3), READ_WRITE, PRIVATE, MAPS(PAGES(3)));
    char *shared = x_mmap(PAGES(2), READ_WRITE, SHARED, MAPS(PAGES(2)));
    char *odd = x_mmap(5000, PROT_READ, PRIVATE, MAPS(PAGES(2)));
    char *none = x_mmap(PAGES(1), PROT_NONE, PRIVATE | MAP_NORESERVE, MAPS(PAGES(1)));
    char *code = x_mmap(PAGES(1), PROT_READ | PROT_EXEC, PRIVATE, MAPS(PAGES(1)));
    char *stack = x_mmap(PAGES(4), READ_WRITE, PRIVATE | MAP_STACK, MAPS(PAGES(4)));
    char *populated = x_mmap(PAGES(16), READ_WRITE, PRIVATE | MAP_POPULATE, MAPS(PAGES(16)));

    x_mmap(0, READ_WRITE, PRIVATE, FAILS(EINVAL));
    x_mmap(sizeof(void *) == 8 ? (size_t)1 << 47 : SIZE_MAX - PAGE + 1, READ_WRITE, PRIVATE, FAILS(ENOMEM));
    x_mmap_at(NULL, PAGES(1), PROT_READ, MAP_PRIVATE, 1000, 0, FAILS(EBADF));
    x_mmap(PAGES(1), PROT_READ, MAP_ANONYMOUS, FAILS(EINVAL)); /* neither private nor shared */

    /* A hint is only a hint: an occupied place is not taken, a free one is. */
    char *elsewhere = x_mmap_at(plain, PAGES(1), READ_WRITE, PRIVATE, -1, 0, MAPS(PAGES(1)));
    REQUIRE(elsewhere != plain);
    x_munmap(elsewhere, PAGES(1), UNMAPS(PAGES(1)));
    char *there = x_mmap_at(elsewhere, PAGES(1), READ_WRITE, PRIVATE, -1, 0, MAPS(PAGES(1)));
    REQUIRE(there == elsewhere);
    /* A hint inside a page is rounded down to its start. */
    x_munmap(there, PAGES(1), UNMAPS(PAGES(1)));
    there = x_mmap_at(elsewhere + 123, PAGES(1), READ_WRITE, PRIVATE, -1, 0, MAPS(PAGES(1)));
    REQUIRE(there == elsewhere || there == elsewhere + PAGE);

#ifdef __x86_64__
    char *low = x_mmap(PAGES(1), READ_WRITE, PRIVATE | MAP_32BIT, MAPS(PAGES(1)));
    REQUIRE((uintptr_t)low < 1UL << 31);
    x_munmap(low, PAGES(1), UNMAPS(PAGES(1)));
#endif

    /* Huge pages are rare on a machine that was not told to have some; the length is rounded to whole ones.
     */
    char *huge = x_mmap(PAGES(1), READ_WRITE, PRIVATE | MAP_HUGETLB, PERHAPS(MAPS((size_t)2 << 20)));
    if (huge != MAP_FAILED)
        x_munmap(huge, (size_t)2 << 20, UNMAPS((size_t)2 << 20));

    populated[0] = plain[0] = shared[0] = 1;
    x_munmap(plain, PAGES(3), UNMAPS(PAGES(3)));
    x_munmap(shared, PAGES(2), UNMAPS(PAGES(2)));
    x_munmap(odd, 4097, UNMAPS(PAGES(2)));
    x_munmap(none, PAGES(1), UNMAPS(PAGES(1)));
    x_munmap(code, PAGES(1), UNMAPS(PAGES(1)));
    x_munmap(stack, PAGES(4), UNMAPS(PAGES(4)));
    x_munmap(populated, PAGES(16), UNMAPS(PAGES(16)));
    x_munmap(there, PAGES(1), UNMAPS(PAGES(1)));
    expect_print();
    return 0;
}
