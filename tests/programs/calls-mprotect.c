/* variants: m32 */
/* calls-mprotect.c: mprotect(2) splits and merges; one that meets a hole fails, having changed what comes
 * before it. */
#include <fcntl.h>

#include "expect.h"

int main(void)
{
    char *p = x_mmap(PAGES(10), READ_WRITE, PRIVATE, MAPS(PAGES(10)));

    x_mprotect(p + PAGES(3), PAGES(2), PROT_READ, NOTHING);
    x_mprotect(p + PAGES(4), PAGES(1), PROT_NONE, NOTHING);
    x_mprotect(p + PAGES(4), 1, READ_WRITE | PROT_EXEC, NOTHING);
    x_mprotect(p, PAGES(10), READ_WRITE, NOTHING); /* one mapping again */
    x_mprotect(p, 0, PROT_READ, NOTHING);
    x_mprotect(p, PAGES(1), READ_WRITE, NOTHING); /* as it was */

    x_mprotect(p + 1, PAGES(1), PROT_READ, FAILS(EINVAL));
    x_mprotect(p, PAGES(1), 0x40000, FAILS(EINVAL));
    x_mprotect(p, PAGES(1), PROT_READ | PROT_GROWSDOWN, FAILS(EINVAL));

    /* A hole in the middle: the prefix is read-only after the failure, the rest is not. */
    x_munmap(p + PAGES(4), PAGES(1), UNMAPS(PAGES(1)));
    x_mprotect(p + PAGES(2), PAGES(4), PROT_READ, FAILS(ENOMEM));
    p[0] = p[PAGES(5)] = 1;
    x_mprotect(p + PAGES(4), PAGES(3), PROT_NONE, FAILS(ENOMEM)); /* begins in the hole: nothing changes */
    p[PAGES(5)] = 1;

    /* Writing to a file that was opened for reading, behind a mapping that may change. */
    int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    REQUIRE(fd >= 0);
    x_mmap_at(p + PAGES(6), PAGES(1), PROT_READ, MAP_SHARED | MAP_FIXED, fd, 0, SWAPS(PAGES(1), PAGES(1)));
    x_mprotect(p + PAGES(6), PAGES(1), READ_WRITE, FAILS(EACCES));
    x_mprotect(p + PAGES(5), PAGES(2), READ_WRITE | PROT_EXEC, FAILS(EACCES));

    x_munmap(p, PAGES(10), UNMAPS(PAGES(9)));
    expect_print();
    return 0;
}
