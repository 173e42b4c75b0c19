/* calls-rare.c: process_madvise(2) on oneself, and map_shadow_stack, which few processors have. */
#include <sys/uio.h>

#include "expect.h"

#ifndef SYS_process_madvise
#define SYS_process_madvise 440
#endif
#ifndef SYS_map_shadow_stack
#define SYS_map_shadow_stack 453
#endif

int main(void)
{
    char *p = x_mmap(PAGES(4), READ_WRITE, PRIVATE, MAPS(PAGES(4)));
    memset(p, 1, PAGES(4));

    int pidfd = (int)syscall(SYS_pidfd_open, getpid(), 0);
    struct iovec range = {.iov_base = p, .iov_len = PAGES(2)};
    long ret = syscall(SYS_process_madvise, pidfd, &range, 1, MADV_COLD, 0);
    int error = errno;
    expect_call("process_madvise");
    expect_add("\"pidfd\":%d,\"vlen\":1", pidfd);
    errno = error;
    expect_result(ret, PERHAPS(NOTHING), false);

    ret = syscall(SYS_map_shadow_stack, 0, PAGES(2), 0);
    error = errno;
    expect_call("map_shadow_stack");
    expect_add("\"addr\":\"0x0\",\"length\":%zu", PAGES(2));
    errno = error;
    expect_result(ret, PERHAPS(MAPS(PAGES(2))), true);
    expect_print();
    return 0;
}
