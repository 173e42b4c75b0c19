/* calls-prctl.c: names for anonymous memory, PR_SET_VMA, which the kernel may be built without; PR_SET_MM,
 * which an ordinary user may not do.  Calls of prctl(2) that have nothing to do with memory are made between,
 * and must not show. */
#include <sys/prctl.h>

#include "expect.h"

#ifndef PR_SET_VMA
#define PR_SET_VMA           0x53564d41
#define PR_SET_VMA_ANON_NAME 0
#endif

int main(void)
{
    char *p = x_mmap(PAGES(6), READ_WRITE, PRIVATE, MAPS(PAGES(6)));

    REQUIRE(prctl(PR_SET_NAME, "another name") == 0);
    long ret = syscall(SYS_prctl, PR_SET_VMA, PR_SET_VMA_ANON_NAME, p + PAGES(2), PAGES(2), "name with space");
    int error = errno;
    expect_call("prctl");
    expect_add("\"option\":\"PR_SET_VMA\",\"addr\":\"0x%lx\",\"length\":%zu", (unsigned long)(p + PAGES(2)), PAGES(2));
    errno = error;
    expect_result(ret, PERHAPS(NOTHING), false);

    ret = syscall(SYS_prctl, PR_SET_VMA, PR_SET_VMA_ANON_NAME, p + PAGES(3), PAGES(1), NULL); /* the name goes */
    error = errno;
    expect_call("prctl");
    expect_add("\"option\":\"PR_SET_VMA\"");
    errno = error;
    expect_result(ret, PERHAPS(NOTHING), false);
    REQUIRE(prctl(PR_GET_DUMPABLE) >= 0);

    ret = syscall(SYS_prctl, PR_SET_MM, PR_SET_MM_BRK, 1, 0, 0);
    error = errno;
    expect_call("prctl");
    expect_add("\"option\":\"PR_SET_MM\"");
    errno = error;
    expect_result(ret, PERHAPS(NOTHING), false);
    x_munmap(p, PAGES(6), UNMAPS(PAGES(6)));
    expect_print();
    return 0;
}
