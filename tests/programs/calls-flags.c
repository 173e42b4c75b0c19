/* variants: m32 */
/* calls-flags.c: flag bits without a name.  Old calls ignore them, newer ones refuse them; in either case
 * they must show. */
#include "expect.h"

int main(void)
{
    char *p = x_mmap(PAGES(2), READ_WRITE, PRIVATE | 0x200000, MAPS(PAGES(2)));
    x_mmap(PAGES(1), PROT_READ, PRIVATE | MAP_NORESERVE | 0x1800000, MAPS(PAGES(1)));
    x_mmap(PAGES(1), READ_WRITE | 0x800, PRIVATE, MAPS(PAGES(1)));
    x_mmap(PAGES(1), READ_WRITE, MAP_SHARED_VALIDATE | MAP_ANONYMOUS | 0x200000, PERHAPS(MAPS(PAGES(1))));
    x_mmap(PAGES(1), READ_WRITE, MAP_ANONYMOUS | 0x200000, FAILS(EINVAL));
    x_mremap(p, PAGES(2), PAGES(1), 0x100, NULL, FAILS(EINVAL));
    x_mprotect(p, PAGES(1), PROT_READ | 0x100000, FAILS(EINVAL));
    x_madvise(p, PAGES(1), -1, NULL, FAILS(EINVAL));
    x_range("mlock2", SYS_mlock2, p, PAGES(1), 0x80, FAILS(EINVAL));
    x_munmap(p, PAGES(2), UNMAPS(PAGES(2)));
    expect_print();
    return 0;
}
