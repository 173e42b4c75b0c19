/* fork-advice-hole.c: madvise(2) over a hole fails with ENOMEM, but the mappings on both sides take the
 * advice MADV_DONTFORK: they are missing in the child.  Both processes print their own maps. */
#include <errno.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "own_maps.h"

enum { PAGE = 4096 };

static char *advised_around_a_hole(void)
{
    char *p = mmap(NULL, 5 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED || munmap(p + 2 * PAGE, PAGE) != 0)
        _exit(1);
    if (madvise(p + PAGE, 3 * PAGE, MADV_DONTFORK) != -1 || errno != ENOMEM)
        _exit(2);
    return p;
}

/* mincore(2) fails with ENOMEM where nothing is mapped. */
static int is_mapped(char *page)
{
    unsigned char resident;
    return mincore(page, PAGE, &resident) == 0;
}

int main(void)
{
    static const char in_child[] = {1, 0, 0, 0, 1};
    int status;
    char *p = advised_around_a_hole();
    pid_t child = fork();
    if (child < 0)
        return 3;
    if (child == 0) {
        for (int i = 0; i < 5; i++)
            if (is_mapped(p + i * PAGE) != in_child[i])
                _exit(4);
        print_own_maps(-1, -1);
        _exit(0);
    }
    if (waitpid(child, &status, 0) != child || status != 0)
        return 5;
    print_own_maps(-1, -1);
    _exit(0);
}
