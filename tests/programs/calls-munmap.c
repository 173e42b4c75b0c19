/* variants: m32 */
/* calls-munmap.c: munmap(2) splits, cuts at the edges, goes over holes, succeeds where nothing is, and fails.
 */
#include "expect.h"

int main(void)
{
    char *p = x_mmap(PAGES(12), READ_WRITE, PRIVATE, MAPS(PAGES(12)));

    x_munmap(p + PAGES(5), PAGES(2), UNMAPS(PAGES(2)));
    x_munmap(p + PAGES(5), PAGES(2), NOTHING); /* a hole: success */
    x_munmap(p + PAGES(4), PAGES(4), UNMAPS(PAGES(2)));
    x_munmap(p, PAGES(1), UNMAPS(PAGES(1)));
    x_munmap(p + PAGES(11), 1, UNMAPS(PAGES(1)));
    x_munmap(p + PAGES(1), PAGE + 1, UNMAPS(PAGES(2)));

    x_munmap(p + 1, PAGES(1), FAILS(EINVAL));
    x_munmap(p, 0, FAILS(EINVAL));
    x_munmap(p, SIZE_MAX - PAGE + 1, FAILS(EINVAL)); /* longer than the address space */
    x_munmap((void *)(UINTPTR_MAX - PAGE + 1), PAGES(1), FAILS(EINVAL));

    /* Several mappings of unlike attributes with holes between them, in one call. */
    x_mprotect(p + PAGES(9), PAGES(1), PROT_NONE, NOTHING);
    x_munmap(p, PAGES(12), UNMAPS(PAGES(4)));
    expect_print();
    return 0;
}
