/* variants: static */
/*
 * exec-again.c: executes itself over and over, until a line comes on standard input.  Each of the programs maps and
 * unmaps, and hands on how many there were before it.  Says "ready" first, and that number at the end.
 */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
    const unsigned long before = argc > 1 ? strtoul(argv[1], NULL, 10) : 0;
    char count[32];
    if (!before) {
        printf("ready\n");
        fflush(stdout);
    }
    char *at = mmap(NULL, 3 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (at == MAP_FAILED)
        return 1;
    memset(at, 1, 3 * 4096);
    if (munmap(at + 4096, 4096) != 0)
        return 2;
    if (poll(&input, 1, 0) != 0) {
        printf("executed %lu times\n", before);
        return 0;
    }
    snprintf(count, sizeof(count), "%lu", before + 1);
    execl("/proc/self/exe", argv[0], count, (char *)NULL);
    return 3;
}
