/* read-implies-exec.c [set]: under personality(2) READ_IMPLIES_EXEC the kernel makes readable mappings
 * executable too, whatever mmap and mprotect were asked for.  With `set` the program sets it itself; without,
 * it does what it was started with.  Prints its own maps. */
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/syscall.h>

#include "own_maps.h"

enum { PAGE = 4096 };

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "set") == 0)
        if (personality(READ_IMPLIES_EXEC) == -1)
            return 1;
    char *p = mmap(NULL, 8 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    if (p == MAP_FAILED || fd < 0)
        return 2;
    if (mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, fd, 0) == MAP_FAILED)
        return 3;
    if (mmap(NULL, PAGE, PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED)
        return 4;
    if (mprotect(p, PAGE, PROT_NONE) != 0 || mprotect(p + 2 * PAGE, 2 * PAGE, PROT_READ) != 0)
        return 5;
    if (syscall(SYS_brk, syscall(SYS_brk, 0) + 5 * PAGE) == -1)
        return 6;
    print_own_maps(-1, -1);
    _exit(0);
}
