/*
 * calls-and-work.c THREADS WORK SECONDS: every thread maps and unmaps in turn, and computes for WORK microseconds of
 * its own CPU time between two calls.  Prints the microseconds of the clock from one call of the program to the next,
 * those of all threads taken together.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>

static double wanted, work;

static double seconds(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* Turns of the loop below that take a second. */
static double speed;

static void spin(double turns)
{
    for (volatile double i = 0; i < turns;)
        i = i + 1;
}

static void calibrate(void)
{
    for (int i = 0; i < 5; i++) {
        double begin = seconds(CLOCK_THREAD_CPUTIME_ID);
        spin(2e6);
        double rate = 2e6 / (seconds(CLOCK_THREAD_CPUTIME_ID) - begin);
        if (rate > speed)
            speed = rate;
    }
}

static void *live(void *argument)
{
    double *calls = argument, begin = seconds(CLOCK_MONOTONIC);
    do {
        void *p = mmap(NULL, 8192, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        spin(work * speed);
        munmap(p, 8192);
        spin(work * speed);
        *calls += 2;
    } while (seconds(CLOCK_MONOTONIC) - begin < wanted);
    return NULL;
}

int main(int argc, char **argv)
{
    enum { MOST = 64 };
    pthread_t threads[MOST];
    static double calls[MOST][16]; /* a cache line each */
    int count = argc > 1 ? atoi(argv[1]) : 1;
    work = argc > 2 ? atof(argv[2]) / 1e6 : 0;
    wanted = argc > 3 ? atof(argv[3]) : 1;
    if (count < 1 || count > MOST)
        return 2;
    calibrate();
    double begin = seconds(CLOCK_MONOTONIC), all = 0;
    for (int i = 0; i < count; i++)
        if (pthread_create(&threads[i], NULL, live, calls[i]) != 0)
            return 77;
    for (int i = 0; i < count; i++) {
        pthread_join(threads[i], NULL);
        all += calls[i][0];
    }
    printf("%.2f\n", (seconds(CLOCK_MONOTONIC) - begin) * 1e6 / all);
    return 0;
}
