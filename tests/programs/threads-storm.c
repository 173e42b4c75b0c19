/* threads-storm.c ROUNDS: threads are made and end as fast as they can, joined and detached, with stacks of
 * unlike sizes, so that glibc's cache of stacks does not help; some end while others are being made. */
#include <pthread.h>
#include <semaphore.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

enum { AT_ONCE = 8 };

static sem_t detached_done;

static void *short_life(void *argument)
{
    void *p = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED || munmap(p, 4096) != 0)
        exit(3);
    return argument;
}

static void *detached_life(void *argument)
{
    short_life(argument);
    sem_post(&detached_done);
    return NULL;
}

int main(int argc, char **argv)
{
    int rounds = argc > 1 ? atoi(argv[1]) : 20;
    uintptr_t sum = 0, wanted = 0;
    pthread_attr_t detached;

    sem_init(&detached_done, 0, 0);
    pthread_attr_init(&detached);
    pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED);
    for (int round = 0; round < rounds; round++) {
        pthread_t joined[AT_ONCE], loose;
        for (uintptr_t i = 0; i < AT_ONCE; i++) {
            pthread_attr_t attributes;
            pthread_attr_init(&attributes);
            pthread_attr_setstacksize(&attributes, (64 + 16 * ((unsigned)round + i) % 512) * 1024);
            if (pthread_create(&joined[i], &attributes, short_life, (void *)i) != 0)
                return 1;
            pthread_attr_destroy(&attributes);
            if (i % 2 == 0 && pthread_create(&loose, &detached, detached_life, NULL) != 0)
                return 2;
        }
        for (uintptr_t i = 0; i < AT_ONCE; i++) {
            void *result;
            pthread_join(joined[i], &result);
            sum += (uintptr_t)result;
            wanted += i;
        }
        for (int i = 0; i < AT_ONCE / 2; i++)
            sem_wait(&detached_done);
    }
    printf("%d threads, sum %s\n", rounds * (AT_ONCE + AT_ONCE / 2), sum == wanted ? "right" : "wrong");
    return sum != wanted;
}
