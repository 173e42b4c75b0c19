/* signal-stop-threads.c: a process of four threads that map and unmap is stopped and continued many times by
 * its parent; while it is stopped, none of its threads goes on. */
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { THREADS = 4, STOPS = 15, LOOKS = 200 };

static atomic_long *turns; /* shared by both processes */

static void *spin(void *argument)
{
    atomic_long *mine = argument;
    for (;;) {
        void *p = mmap(NULL, 8192, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (p == MAP_FAILED || munmap(p, 8192) != 0)
            _exit(1);
        atomic_fetch_add(mine, 1);
    }
    return NULL;
}

static long sum(void)
{
    long all = 0;
    for (int i = 0; i < THREADS; i++)
        all += atomic_load(&turns[i]);
    return all;
}

int main(void)
{
    int status;
    turns = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (turns == MAP_FAILED)
        return 1;
    pid_t child = fork();
    if (child == 0) {
        pthread_t thread;
        for (int i = 0; i < THREADS; i++)
            if (pthread_create(&thread, NULL, spin, &turns[i]) != 0)
                _exit(2);
        for (;;)
            pause();
    }
    for (int i = 0; i < STOPS; i++) {
        for (long before = sum(); sum() < before + 20;)
            sched_yield();
        if (kill(child, SIGSTOP) != 0 || waitpid(child, &status, WUNTRACED) != child || !WIFSTOPPED(status))
            return 3;
        long at_stop = sum();
        for (int look = 0; look < LOOKS; look++)
            sched_yield();
        if (sum() != at_stop) {
            fprintf(stderr, "signal-stop-threads: a stopped process went on\n");
            return 4;
        }
        if (kill(child, SIGCONT) != 0 || waitpid(child, &status, WCONTINUED) != child || !WIFCONTINUED(status))
            return 5;
    }
    kill(child, SIGKILL);
    if (waitpid(child, &status, 0) != child || !WIFSIGNALED(status))
        return 6;
    puts("stopped means stopped");
    return 0;
}
