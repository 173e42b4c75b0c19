/* signal-timers.c: timers fire while memory calls are made: all the calls end as they should, and every kind
 * of timer is heard. */
#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static atomic_int alarms, profiles, queued;

static void handler(int number, siginfo_t *info, void *context)
{
    (void)context;
    int saved = errno;
    if (number == SIGALRM)
        atomic_fetch_add(&alarms, 1);
    else if (number == SIGPROF)
        atomic_fetch_add(&profiles, 1);
    else if (info->si_code == SI_TIMER && info->si_value.sival_int == 77)
        atomic_fetch_add(&queued, 1);
    errno = saved;
}

int main(void)
{
    struct sigaction action = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO | SA_RESTART};
    sigaction(SIGALRM, &action, NULL);
    sigaction(SIGPROF, &action, NULL);
    sigaction(SIGRTMIN + 1, &action, NULL);

    struct itimerval every = {.it_interval = {0, 2000}, .it_value = {0, 2000}};
    setitimer(ITIMER_REAL, &every, NULL);
    setitimer(ITIMER_PROF, &every, NULL);
    struct sigevent event = {
        .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGRTMIN + 1, .sigev_value = {.sival_int = 77}};
    timer_t timer;
    struct itimerspec often = {.it_interval = {0, 3000000}, .it_value = {0, 3000000}};
    if (timer_create(CLOCK_MONOTONIC, &event, &timer) != 0 || timer_settime(timer, 0, &often, NULL) != 0)
        return 1;

    while (atomic_load(&alarms) < 20 || atomic_load(&profiles) < 5 || atomic_load(&queued) < 20) {
        char *p = mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
        if (p == MAP_FAILED || mprotect(p, 4096, PROT_READ) != 0 || munmap(p, 65536) != 0)
            return 2;
    }
    puts("all timers heard");
    return 0;
}
