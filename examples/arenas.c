/*
 * arenas.c: six threads, and 384 MiB of address space for the few bytes that each of them allocates.
 *
 * The first time that a thread calls malloc while others live, it gets an arena of its own, up to eight for each CPU,
 * and each reserves 64 MiB of address space and opens 132 KiB of that.  Address space costs nothing by itself, but it
 * counts where virtual memory is limited (ulimit -v, containers that look at it), and what one thread frees in its
 * arena is no use for the others.  With the argument `fixed` the program sets M_ARENA_MAX to 1, mallopt(3): all threads
 * share the main heap.
 *
 * What the report should show:
 * - kind glibc arenas: 384M at the end, most by work, though only 792K of it are open;
 * - `brkwater heap`: six arenas, each with its thread, 132K open, grown once by work;
 * - `brkwater findings`: arena-sprawl, by work;
 * - with `fixed`: none.
 */
#include <malloc.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { THREADS = 6, BLOCK = 1000 };

/* All threads live together, or one would take over the arena of another that has ended. */
static pthread_barrier_t all_have_one, all_may_go;

static void *work(void *unused)
{
    char *block = malloc(BLOCK);
    if (!block) {
        fprintf(stderr, "arenas: no memory\n");
        exit(1);
    }
    memset(block, 1, BLOCK);
    pthread_barrier_wait(&all_have_one);
    pthread_barrier_wait(&all_may_go);
    free(block);
    return unused;
}

int main(int argc, char **argv)
{
    static char output[256];
    pthread_t threads[THREADS];

    setvbuf(stdout, output, _IOLBF, sizeof(output));
    if (argc > 1 && strcmp(argv[1], "fixed") == 0)
        mallopt(M_ARENA_MAX, 1);
    pthread_barrier_init(&all_have_one, NULL, THREADS + 1);
    pthread_barrier_init(&all_may_go, NULL, THREADS + 1);
    for (int i = 0; i < THREADS; i++)
        if (pthread_create(&threads[i], NULL, work, NULL) != 0) {
            fprintf(stderr, "arenas: cannot start a thread\n");
            return 1;
        }
    pthread_barrier_wait(&all_have_one);
    printf("%d threads, each with a block of %d bytes\n", THREADS, BLOCK);
    pthread_barrier_wait(&all_may_go);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    return 0;
}
