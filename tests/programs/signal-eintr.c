/*
 * signal-eintr.c: a handler without SA_RESTART makes nanosleep, poll, read, sem_timedwait and futex waits
 * fail with EINTR; one with SA_RESTART lets read go on, signal(7).  A helper thread sends the signal again
 * and again until the call has come back, so that nobody has to guess when the call has begun.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/select.h>
#include <time.h>
#include <unistd.h>

static atomic_int handled;
static atomic_bool back;
static pthread_t sleeper;
static int ends[2];

static void handler(int number)
{
    int saved = errno;
    (void)number;
    void *p = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED || munmap(p, 4096) != 0)
        _exit(90);
    atomic_fetch_add(&handled, 1);
    errno = saved;
}

static void *nag(void *argument)
{
    (void)argument;
    while (!atomic_load(&back)) {
        int before = atomic_load(&handled);
        pthread_kill(sleeper, SIGUSR2);
        while (atomic_load(&handled) == before)
            sched_yield();
    }
    return NULL;
}

/* Five signals while it reads, then the byte. */
static void *nag_and_write(void *argument)
{
    (void)argument;
    for (int i = 0; i < 5; i++) {
        int before = atomic_load(&handled);
        pthread_kill(sleeper, SIGUSR2);
        while (atomic_load(&handled) == before)
            sched_yield();
    }
    if (write(ends[1], "x", 1) != 1)
        exit(91);
    return NULL;
}

static int do_nanosleep(void)
{
    struct timespec left = {0, 0}, long_time = {1000, 0};
    int result = nanosleep(&long_time, &left);
    if (result == -1 && (left.tv_sec < 900 || left.tv_sec > 1000))
        exit(92);
    return result;
}

static int do_poll(void)
{
    struct pollfd one = {.fd = ends[0], .events = POLLIN};
    return poll(&one, 1, -1);
}

static int do_read(void)
{
    char byte;
    return (int)read(ends[0], &byte, 1);
}

static int do_select(void)
{
    fd_set set;
    FD_ZERO(&set);
    FD_SET(ends[0], &set);
    return select(ends[0] + 1, &set, NULL, NULL, NULL);
}

static int do_semaphore(void)
{
    static sem_t semaphore;
    struct timespec until;
    sem_init(&semaphore, 0, 0);
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += 1000;
    return sem_timedwait(&semaphore, &until);
}

static int do_pause(void)
{
    return pause();
}

int main(void)
{
    static const struct {
        const char *name;
        int (*call)(void);
    } blocking[] = {{"nanosleep", do_nanosleep}, {"poll", do_poll},           {"read", do_read},
                    {"select", do_select},       {"semaphore", do_semaphore}, {"pause", do_pause}};
    pthread_t thread;
    sleeper = pthread_self();
    if (pipe(ends) != 0)
        return 1;

    struct sigaction action = {.sa_handler = handler};
    sigaction(SIGUSR2, &action, NULL);
    for (size_t i = 0; i < sizeof(blocking) / sizeof(blocking[0]); i++) {
        atomic_store(&back, false);
        if (pthread_create(&thread, NULL, nag, NULL) != 0)
            return 2;
        int result = blocking[i].call();
        int error = errno;
        atomic_store(&back, true);
        pthread_join(thread, NULL);
        printf("%s: %s\n", blocking[i].name, result == -1 && error == EINTR ? "EINTR" : "something else");
    }

    action.sa_flags = SA_RESTART;
    sigaction(SIGUSR2, &action, NULL);
    if (pthread_create(&thread, NULL, nag_and_write, NULL) != 0)
        return 3;
    printf("restarted read: %d\n", do_read());
    pthread_join(thread, NULL);
    return 0;
}
