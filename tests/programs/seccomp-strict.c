/* seccomp-strict.c: asks for strict mode by prctl(2) and by seccomp(2), prints how the first that works
 * ended, and goes on under it. A process that has a filter gets EINVAL. */
#include <errno.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(void)
{
    char line[64];
    void *p = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED)
        return 1;
    long ret = prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT, 0, 0, 0);
    int error = errno;
    if (ret != 0 && syscall(SYS_seccomp, SECCOMP_SET_MODE_STRICT, 0, NULL) == 0)
        return 2; /* the same rule must hold for both */
    int length = snprintf(line, sizeof(line), "strict: %s\n", ret == 0 ? "0" : strerrorname_np(error));
    ssize_t done = write(STDOUT_FILENO, line, (size_t)length);
    /* exit_group is not allowed in strict mode. */
    syscall(SYS_exit, done == length ? 0 : 3);
    return 4;
}
