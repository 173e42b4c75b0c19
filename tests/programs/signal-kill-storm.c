/* signal-kill-storm.c ROUNDS: children with three threads each are killed by SIGKILL in the middle of mmap,
 * munmap, fork and exec, at a moment that is as good as random.  Every one must be seen to end by SIGKILL. */
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { THREADS = 2 };

static atomic_long *turns; /* shared with the children */

static void *spin(void *argument)
{
    (void)argument;
    for (;;) {
        char *p = mmap(NULL, 12288, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (p == MAP_FAILED || mprotect(p + 4096, 4096, PROT_READ) != 0 || munmap(p, 12288) != 0)
            _exit(1);
        atomic_fetch_add(turns, 1);
    }
    return NULL;
}

/* The first thread forks, or starts the whole program anew. */
static void live(int round)
{
    pthread_t thread;
    for (int i = 0; i < THREADS; i++)
        if (pthread_create(&thread, NULL, spin, NULL) != 0)
            _exit(2);
    for (;;) {
        if (round % 3 == 0)
            execl("/proc/self/exe", "signal-kill-storm", "sleep", (char *)NULL);
        pid_t grandchild = fork();
        if (grandchild == 0)
            _exit(0);
        if (grandchild > 0)
            waitpid(grandchild, NULL, 0);
    }
}

int main(int argc, char **argv)
{
    if (argc > 1 && argv[1][0] == 's')
        for (;;)
            pause();
    int rounds = argc > 1 ? atoi(argv[1]) : 30;
    turns = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (turns == MAP_FAILED)
        return 3;
    for (int round = 0; round < rounds; round++) {
        long before = atomic_load(turns);
        pid_t child = fork();
        if (child < 0)
            return 4;
        if (child == 0)
            live(round);
        /* In every third round the exec may be over before the first turn. */
        for (int look = 0; look < 50 * (round % 7) || (round % 3 && atomic_load(turns) < before + 5); look++)
            sched_yield();
        int status;
        kill(child, SIGKILL);
        if (waitpid(child, &status, 0) != child || !WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL)
            return 5;
    }
    printf("%d killed\n", rounds);
    return 0;
}
