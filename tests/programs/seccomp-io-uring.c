/* seccomp-io-uring.c: sets up an io_uring and maps its rings, io_uring_setup(2); prints whether the kernel
 * allowed it. */
#include <errno.h>
#include <linux/io_uring.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(void)
{
    char line[64];
    struct io_uring_params parameters = {0};
    long fd = syscall(SYS_io_uring_setup, 4, &parameters);
    int error = errno;
    if (fd >= 0) {
        size_t size = parameters.sq_off.array + parameters.sq_entries * sizeof(unsigned);
        void *ring = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, (int)fd, IORING_OFF_SQ_RING);
        if (ring == MAP_FAILED)
            return 1;
    }
    int length = snprintf(line, sizeof(line), "io_uring_setup: %s\n", fd >= 0 ? "0" : strerrorname_np(error));
    return write(STDOUT_FILENO, line, (size_t)length) == length ? 0 : 2;
}
