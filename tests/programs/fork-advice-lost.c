/* fork-advice-lost.c remap|move: MADV_DONTFORK that goes another way than its memory, madvise(2).  `remap`: pages put
 * anew by remap_file_pages(2) have lost it, and are in the child.  `move`: an mremap(2) of several mappings fails when
 * some of them have moved already (since Linux 6.17), and taken it along.  Prints the maps of both processes. */
#include <string.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/wait.h>

#include "own_maps.h"

enum { PAGE = 4096 };

static char *map(size_t pages, int flags)
{
    char *p = mmap(NULL, pages * PAGE, PROT_READ | PROT_WRITE, flags | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED)
        _exit(1);
    return p;
}

static void remap(void)
{
    char *p = map(4, MAP_SHARED);
    if (madvise(p, 4 * PAGE, MADV_DONTFORK) != 0 || remap_file_pages(p + PAGE, PAGE, 0, 3, 0) != 0)
        _exit(2);
}

/* The second mapping, System V shared memory, is moved alone only.  Ends with 77 when the kernel moves one mapping at a
 * time anyway. */
static void move(void)
{
    char *from = map(4, MAP_PRIVATE), *to = map(4, MAP_PRIVATE);
    unsigned char resident;
    const int id = shmget(IPC_PRIVATE, 2 * PAGE, 0600 | IPC_CREAT);
    if (id < 0 || shmat(id, from + 2 * PAGE, SHM_REMAP) == (void *)-1 || shmctl(id, IPC_RMID, NULL) != 0 ||
        madvise(from, 2 * PAGE, MADV_DONTFORK) != 0 || munmap(to, 4 * PAGE) != 0)
        _exit(2);
    if (mremap(from, 4 * PAGE, 4 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, to) != MAP_FAILED)
        _exit(3);
    if (mincore(to, PAGE, &resident) != 0)
        _exit(77);
}

int main(int argc, char **argv)
{
    int status;
    if (argc < 2)
        return 1;
    strcmp(argv[1], "remap") == 0 ? remap() : move();
    const pid_t child = fork();
    if (child < 0)
        return 4;
    if (child == 0) {
        print_own_maps(-1, -1);
        _exit(0);
    }
    if (waitpid(child, &status, 0) != child || status != 0)
        return 5;
    print_own_maps(-1, -1);
    _exit(0);
}
