/* fork-tree.c DEPTH: every process of a tree of forks changes the map that it inherited, and makes two
 * children.  Each prints its own maps at the end; they take turns by a token in a pipe. */
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "own_maps.h"

enum { PAGE = 4096 };

static int token[2];

static char *map(size_t pages, int flags)
{
    char *p = mmap(NULL, pages * PAGE, PROT_READ | PROT_WRITE, flags | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED)
        _exit(1);
    return p;
}

static _Noreturn void end(void)
{
    print_own_maps(token[0], token[1]);
    _exit(0);
}

/* Changes the inherited range `p` of 16 pages in a way that depends on the place in the tree. */
static void live(char *p, int depth, int branch)
{
    if (munmap(p + (size_t)(2 * depth + branch) * PAGE, PAGE) != 0)
        _exit(2);
    if (mprotect(p + (size_t)(8 + 2 * depth + branch) * PAGE, PAGE, PROT_READ) != 0)
        _exit(3);
    map(1 + (size_t)depth, MAP_PRIVATE);
    char *shared = map(4, MAP_SHARED);
    if (depth > 0) {
        pid_t children[2];
        for (int i = 0; i < 2; i++) {
            children[i] = fork();
            if (children[i] < 0)
                _exit(4);
            if (children[i] == 0) {
                live(p, depth - 1, i);
                end();
            }
            /* The parent goes on changing its own while the child lives. */
            if (munmap(shared + i * PAGE, PAGE) != 0)
                _exit(5);
        }
        for (int i = 0; i < 2; i++) {
            int status;
            if (waitpid(children[i], &status, 0) != children[i] || status != 0)
                _exit(6);
        }
    }
}

int main(int argc, char **argv)
{
    int depth = argc > 1 ? atoi(argv[1]) : 2;
    if (depth < 0 || depth > 3 || pipe(token) != 0 || write(token[1], "t", 1) != 1)
        return 7;
    live(map(16, MAP_PRIVATE), depth, 0);
    end();
}
