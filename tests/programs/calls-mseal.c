/* calls-mseal.c: what mseal(2) has sealed can be neither unmapped nor changed; a kernel before 6.10 does not
 * know the call. */
#include "expect.h"

#ifndef SYS_mseal
#define SYS_mseal 462
#endif

int main(void)
{
    char *p = x_mmap(PAGES(8), READ_WRITE, PRIVATE, MAPS(PAGES(8)));
    long ret = x_range("mseal", SYS_mseal, p + PAGES(2), PAGES(2), 0, PERHAPS(NOTHING));

    if (ret == 0) {
        x_range("mseal", SYS_mseal, p + PAGES(2), PAGES(2), 1, FAILS(EINVAL)); /* no flags yet */
        x_munmap(p + PAGES(2), PAGES(1), FAILS(EPERM));
        x_munmap(p, PAGES(4), FAILS(EPERM));
        x_mprotect(p + PAGES(3), PAGES(1), PROT_READ, FAILS(EPERM));
        x_mprotect(p, PAGES(8), PROT_READ, FAILS(EPERM)); /* how much of it was changed is the kernel's affair */
        x_mremap(p + PAGES(2), PAGES(1), PAGES(2), MREMAP_MAYMOVE, NULL, FAILS(EPERM));
        x_mmap_at(p + PAGES(3), PAGES(2), READ_WRITE, PRIVATE | MAP_FIXED, -1, 0, FAILS(EPERM));
    }
    x_munmap(p + PAGES(4), PAGES(4), UNMAPS(PAGES(4)));
    x_munmap(p, PAGES(2), UNMAPS(PAGES(2)));
    expect_print();
    return 0;
}
