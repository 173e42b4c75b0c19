/* fork-advice.c: a range with MADV_DONTFORK is missing in the child, and one with MADV_WIPEONFORK is empty
 * there; what was made before is inherited.  Both processes print their own maps. */
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "own_maps.h"

enum { PAGE = 4096 };

int main(void)
{
    char *p = mmap(NULL, 9 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    char *shared = mmap(NULL, 3 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED || shared == MAP_FAILED)
        return 1;
    memset(p, 1, 9 * PAGE);
    if (madvise(p + 2 * PAGE, 2 * PAGE, MADV_DONTFORK) || madvise(p + 6 * PAGE, PAGE, MADV_WIPEONFORK) ||
        madvise(shared + PAGE, PAGE, MADV_DONTFORK))
        return 2;
    /* Taken back for one of the two pages. */
    if (madvise(p + 3 * PAGE, PAGE, MADV_DOFORK))
        return 3;

    pid_t child = fork();
    if (child < 0)
        return 4;
    if (child == 0) {
        if (p[0] != 1 || p[3 * PAGE] != 1 || p[6 * PAGE] != 0)
            _exit(5);
        /* The hole can be mapped anew, and the flag is not there any more. */
        if (mmap(p + 2 * PAGE, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0) !=
            p + 2 * PAGE)
            _exit(6);
        pid_t grandchild = fork();
        if (grandchild < 0)
            _exit(7);
        if (grandchild > 0) {
            int status;
            if (waitpid(grandchild, &status, 0) != grandchild || status != 0)
                _exit(8);
        }
        print_own_maps(-1, -1);
        _exit(0);
    }
    int status;
    if (waitpid(child, &status, 0) != child || status != 0)
        return 9;
    print_own_maps(-1, -1);
    _exit(0);
}
