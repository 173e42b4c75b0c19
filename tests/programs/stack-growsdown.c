/* stack-growsdown.c [cut]: a MAP_GROWSDOWN mapping grows when the page below it is touched, mmap(2); a munmap
 * then takes it with all that has grown.  Another one stays; with `cut`, a page in the middle of what has
 * grown is unmapped, and one is protected, so that the rest hangs together no more.  Prints the lowest
 * address of the one that is left. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { PAGE = 4096 };

/* A growing page with 4 MiB of nothing below it: the kernel keeps its distance to the next mapping. */
static char *growing_page(void)
{
    const size_t room = 4 << 20;
    char *p = mmap(NULL, room, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (p == MAP_FAILED || munmap(p, room) != 0)
        exit(1);
    char *top = mmap(p + room - PAGE, PAGE, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_GROWSDOWN | MAP_FIXED_NOREPLACE, -1, 0);
    if (top != p + room - PAGE)
        exit(2);
    return top;
}

int main(int argc, char **argv)
{
    char *gone = growing_page();
    for (int i = 0; i < 8; i++)
        ((volatile char *)gone)[-i * PAGE] = 1;
    if (munmap(gone - 7 * PAGE, 8 * PAGE) != 0)
        return 3;

    char *left = growing_page();
    for (int i = 0; i < 20; i++)
        ((volatile char *)left)[-i * PAGE] = 1;
    if (argc > 1 && strcmp(argv[1], "cut") == 0)
        if (munmap(left - 4 * PAGE, PAGE) != 0 || mprotect(left - 10 * PAGE, PAGE, PROT_READ) != 0)
            return 4;
    char line[64];
    int length = snprintf(line, sizeof(line), "touched 0x%lx\n", (unsigned long)(left - 19 * PAGE));
    return write(STDOUT_FILENO, line, (size_t)length) == length ? 0 : 5;
}
