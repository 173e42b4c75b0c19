/* signal-fork-restart.c FORKS MICROSECONDS: timers fire at a high rate while the process forks and maps; fork
 * gives way to a pending signal and is restarted by the kernel, so every fork must succeed once, and be seen
 * once. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

static volatile sig_atomic_t ticks;

static void handler(int number)
{
    (void)number;
    ticks++;
}

int main(int argc, char **argv)
{
    int forks = argc > 1 ? atoi(argv[1]) : 50;
    int microseconds = argc > 2 ? atoi(argv[2]) : 2000;
    struct sigaction action = {.sa_handler = handler, .sa_flags = SA_RESTART};
    sigaction(SIGALRM, &action, NULL);
    sigaction(SIGPROF, &action, NULL);

    /* Something to copy, so that fork takes its time. */
    char *large = mmap(NULL, 32 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
    if (large == MAP_FAILED)
        return 1;
    struct itimerval every = {.it_interval = {0, microseconds}, .it_value = {0, microseconds}};
    setitimer(ITIMER_REAL, &every, NULL);
    setitimer(ITIMER_PROF, &every, NULL);

    int done = 0;
    for (int i = 0; i < forks; i++) {
        pid_t child = fork();
        if (child < 0)
            return 2;
        if (child == 0) {
            /* Timers are not inherited. */
            void *p = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
            _exit(p == MAP_FAILED ? 9 : 0);
        }
        void *p = mmap(NULL, 12288, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (p == MAP_FAILED || munmap(p, 12288) != 0)
            return 3;
        int status;
        while (waitpid(child, &status, 0) < 0)
            if (errno != EINTR)
                return 4;
        if (status != 0)
            return 5;
        done++;
    }
    while (ticks == 0)
        pause();
    struct itimerval never = {0};
    setitimer(ITIMER_REAL, &never, NULL);
    setitimer(ITIMER_PROF, &never, NULL);
    printf("%d forks\n", done);
    return 0;
}
