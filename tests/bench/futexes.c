/*
 * futexes.c THREADS: pairs of threads that wake each other in turn.
 *
 * Says "ready", reads a number from standard input, and lets all pairs together take as many turns: one thread wakes
 * the other, and waits to be woken.  Prints the nanoseconds that they took, and ends at the end of its input.
 */
#include <linux/futex.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { MOST = 64 };

/* A cache line each. */
struct pair {
    _Alignas(64) atomic_uint turn; /* the thread of an even place has the even turns */
    unsigned long turns;
};

static struct pair pairs[MOST / 2];
static pthread_barrier_t begin;

static void *take_turns(void *context)
{
    const uintptr_t place = (uintptr_t)context;
    struct pair *pair = &pairs[place / 2];
    const unsigned parity = place % 2;
    pthread_barrier_wait(&begin); /* waits in a futex itself */
    for (;;) {
        unsigned turn;
        while ((turn = atomic_load(&pair->turn)) % 2 != parity && turn < pair->turns)
            syscall(SYS_futex, &pair->turn, FUTEX_WAIT_PRIVATE, turn, NULL, NULL, 0);
        if (turn >= pair->turns)
            return NULL;
        atomic_store(&pair->turn, turn + 1);
        syscall(SYS_futex, &pair->turn, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
    }
}

static uint64_t now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

int main(int argc, char **argv)
{
    pthread_t threads[MOST];
    const unsigned count = argc == 2 ? (unsigned)atoi(argv[1]) & ~1u : 0;
    unsigned long turns;
    char rest;
    if (count < 2 || count > MOST) {
        fprintf(stderr, "usage: futexes THREADS\n");
        return 2;
    }
    pthread_barrier_init(&begin, NULL, count + 1);
    for (uintptr_t i = 0; i < count; i++)
        if (pthread_create(&threads[i], NULL, take_turns, (void *)i) != 0)
            return 1;
    printf("ready\n");
    fflush(stdout);
    if (scanf("%lu", &turns) != 1)
        return 1;
    for (unsigned i = 0; i < count / 2; i++)
        pairs[i].turns = turns / (count / 2);
    const uint64_t start = now();
    pthread_barrier_wait(&begin);
    for (unsigned i = 0; i < count; i++)
        pthread_join(threads[i], NULL);
    printf("%llu\n", (unsigned long long)(now() - start));
    fflush(stdout);
    while (read(STDIN_FILENO, &rest, 1) > 0)
        continue;
    return 0;
}
