/* personality-threads.c: READ_IMPLIES_EXEC is a thread's own, personality(2): what it maps readable is executable, what
 * the others map is not; threads that it makes inherit it.  Prints its own maps. */
#include <pthread.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/personality.h>

#include "own_maps.h"

enum { PAGE = 4096 };

static pthread_barrier_t step;

static void map_some(void)
{
    char *p = mmap(NULL, 3 * PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    char *q = mmap(NULL, 3 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED || q == MAP_FAILED || munmap(p + PAGE, PAGE) != 0 || mprotect(q + PAGE, PAGE, PROT_READ) != 0)
        _exit(1);
}

static void *inherit(void *argument)
{
    map_some();
    return argument;
}

static void *change(void *argument)
{
    pthread_t child;
    if (personality(READ_IMPLIES_EXEC) == -1)
        _exit(2);
    pthread_barrier_wait(&step);
    map_some();
    if (pthread_create(&child, NULL, inherit, NULL) != 0 || pthread_join(child, NULL) != 0)
        _exit(3);
    pthread_barrier_wait(&step);
    return argument;
}

int main(void)
{
    pthread_t thread;
    pthread_barrier_init(&step, NULL, 2);
    if (pthread_create(&thread, NULL, change, NULL) != 0)
        return 4;
    pthread_barrier_wait(&step);
    map_some();
    pthread_barrier_wait(&step);
    map_some();
    pthread_join(thread, NULL);
    print_own_maps(-1, -1);
    _exit(0);
}
