/* threads-exit-group.c: exit_group while the siblings are in the middle of mmap and munmap.  Ends with 5. */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

enum { SPINNERS = 6, ENOUGH = 50 };

static atomic_int rounds[SPINNERS];

static void *spin(void *argument)
{
    atomic_int *mine = argument;
    for (;;) {
        char *p = mmap(NULL, 16384, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (p == MAP_FAILED || mprotect(p, 4096, PROT_NONE) != 0 || munmap(p, 16384) != 0)
            _exit(1);
        atomic_fetch_add(mine, 1);
    }
    return NULL;
}

int main(void)
{
    pthread_t thread;
    for (int i = 0; i < SPINNERS; i++)
        if (pthread_create(&thread, NULL, spin, &rounds[i]) != 0)
            return 2;
    for (int i = 0; i < SPINNERS; i++)
        while (atomic_load(&rounds[i]) < ENOUGH)
            sched_yield();
    if (write(STDOUT_FILENO, "enough\n", 7) != 7)
        return 3;
    _exit(5);
}
