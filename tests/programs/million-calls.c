/* variants: static */
/* million-calls.c COUNT: many cheap system calls that have nothing to do with memory, and one pair of mmap
 * and munmap in each 100,000 of them: what tracing costs a program that makes few memory calls. */
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    long count = argc > 1 ? atol(argv[1]) : 1000000;
    for (long i = 0; i < count; i++) {
        syscall(SYS_getppid);
        if (i % 100000 != 0)
            continue;
        void *p = mmap(NULL, 8192, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (p == MAP_FAILED || munmap(p, 8192) != 0)
            return 1;
    }
    return 0;
}
