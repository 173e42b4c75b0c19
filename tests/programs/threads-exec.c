/*
 * threads-exec.c: a thread that is not the leader calls execve while its siblings are in the middle of mmap
 * and munmap.  The siblings vanish, the leader too, and the thread becomes the process, execve(2).  The new
 * program (this one, with an argument) prints its ids and does a few calls of its own.
 */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { SPINNERS = 3, ENOUGH = 50 };

static atomic_int rounds[SPINNERS];

static void pair_of_calls(void)
{
    void *p = mmap(NULL, 8192, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED || munmap(p, 8192) != 0)
        _exit(1);
}

static void *spin(void *argument)
{
    atomic_int *mine = argument;
    for (;;) {
        pair_of_calls();
        atomic_fetch_add(mine, 1);
    }
    return NULL;
}

static void *become(void *argument)
{
    char pid[16];
    (void)argument;
    for (int i = 0; i < SPINNERS; i++)
        while (atomic_load(&rounds[i]) < ENOUGH)
            sched_yield();
    snprintf(pid, sizeof(pid), "%d", (int)getpid());
    execl("/proc/self/exe", "threads-exec", "after", pid, (char *)NULL);
    _exit(2);
}

int main(int argc, char **argv)
{
    if (argc == 3 && strcmp(argv[1], "after") == 0) {
        for (int i = 0; i < 5; i++)
            pair_of_calls();
        bool same = getpid() == atoi(argv[2]) && syscall(SYS_gettid) == getpid();
        puts(same ? "one thread, the same pid" : "wrong pid");
        return same ? 7 : 3;
    }
    pthread_t thread;
    for (int i = 0; i < SPINNERS; i++)
        if (pthread_create(&thread, NULL, spin, &rounds[i]) != 0)
            return 4;
    if (pthread_create(&thread, NULL, become, NULL) != 0)
        return 5;
    for (;;)
        pause();
}
