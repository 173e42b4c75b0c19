/* threads-fork.c CHILDREN: one thread forks while its siblings map, protect and unmap: a child inherits the
 * map of one instant, with every call of the siblings either done or not begun.  Each child prints its own
 * maps. */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "own_maps.h"

enum { SPINNERS = 3 };

static atomic_long turns;

static void *spin(void *argument)
{
    (void)argument;
    for (;;) {
        char *p = mmap(NULL, 20480, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (p == MAP_FAILED || mprotect(p + 4096, 4096, PROT_READ) != 0 || munmap(p + 8192, 4096) != 0 ||
            munmap(p, 20480) != 0)
            _exit(1);
        atomic_fetch_add(&turns, 1);
    }
    return NULL;
}

int main(int argc, char **argv)
{
    int children = argc > 1 ? atoi(argv[1]) : 20;
    pthread_t thread;
    for (int i = 0; i < SPINNERS; i++)
        if (pthread_create(&thread, NULL, spin, NULL) != 0)
            return 2;
    for (int i = 0; i < children; i++) {
        for (long before = atomic_load(&turns); atomic_load(&turns) < before + 7;)
            sched_yield();
        pid_t child = fork();
        if (child < 0)
            return 3;
        if (child == 0) {
            print_own_maps(-1, -1);
            _exit(0);
        }
        int status;
        if (waitpid(child, &status, 0) != child || status != 0)
            return 4;
    }
    _exit(0);
}
