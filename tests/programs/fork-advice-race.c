/* fork-advice-race.c ROUNDS: one thread gives MADV_DONTFORK and takes it back all the time, madvise(2), while
 * another forks; whether the range is in the child is known by no order of calls.  Every child prints its own
 * maps, and so does the parent at the end. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "own_maps.h"

enum { PAGE = 4096 };

static char *range;
static atomic_bool enough;
static atomic_int turns;

static void *advise(void *argument)
{
    while (!atomic_load(&enough)) {
        if (madvise(range + PAGE, PAGE, MADV_DONTFORK) != 0 || madvise(range + PAGE, PAGE, MADV_DOFORK) != 0)
            _exit(1);
        atomic_fetch_add(&turns, 1);
    }
    return argument;
}

static void fork_once(void)
{
    int status;
    pid_t child = fork();
    if (child < 0)
        _exit(2);
    if (child == 0) {
        print_own_maps(-1, -1);
        _exit(0);
    }
    if (waitpid(child, &status, 0) != child || status != 0)
        _exit(3);
}

int main(int argc, char **argv)
{
    pthread_t thread;
    int rounds = argc > 1 ? atoi(argv[1]) : 40;
    range = mmap(NULL, 3 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (range == MAP_FAILED || pthread_create(&thread, NULL, advise, NULL) != 0)
        return 4;
    for (int i = 0; i < rounds; i++)
        fork_once();
    atomic_store(&enough, true);
    pthread_join(thread, NULL);
    if (atomic_load(&turns) == 0)
        return 5;
    print_own_maps(-1, -1);
    _exit(0);
}
