/* threads-many.c COUNT: so many threads alive at once, each with a mapping of its own that it cuts and gives back when
 * all are there.  Prints its own maps before they end. */
#include <pthread.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "own_maps.h"

enum { PAGE = 4096, MOST = 4000 };

static pthread_barrier_t all_there, all_done, may_end;

static void *live(void *argument)
{
    char *p = mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    pthread_barrier_wait(&all_there);
    if (p == MAP_FAILED || munmap(p + PAGE, PAGE) != 0 || mprotect(p, PAGE, PROT_READ) != 0)
        _exit(3);
    pthread_barrier_wait(&all_done);
    pthread_barrier_wait(&may_end);
    return argument;
}

int main(int argc, char **argv)
{
    int count = argc > 1 ? atoi(argv[1]) : 100;
    pthread_attr_t small;
    if (count < 1 || count > MOST)
        return 2;
    pthread_attr_init(&small);
    pthread_attr_setstacksize(&small, 64 * 1024);
    pthread_barrier_init(&all_there, NULL, (unsigned)count + 1);
    pthread_barrier_init(&all_done, NULL, (unsigned)count + 1);
    pthread_barrier_init(&may_end, NULL, (unsigned)count + 1);
    for (int i = 0; i < count; i++) {
        pthread_t thread;
        if (pthread_create(&thread, &small, live, NULL) != 0)
            return 77; /* no room for so many */
    }
    pthread_barrier_wait(&all_there);
    pthread_barrier_wait(&all_done);
    print_own_maps(-1, -1);
    _exit(0);
}
