/* image_guard.c: zeros for what has gone from a mapped file. */
#include "image_guard.h"

#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>

struct image_guard {
    uintptr_t start, end;
    struct image_guard *next;
};

/* A signal handler gets no context: this is the one thing here that all unwinders of a process share. */
static struct image_guard *volatile guards;

static const struct image_guard *guard_of(uintptr_t addr)
{
    const struct image_guard *g = guards;
    while (g && (addr < g->start || addr >= g->end))
        g = g->next;
    return g;
}

/* mmap(2) is a plain system call and touches nothing but errno. */
static void on_sigbus(int number, siginfo_t *info, void *context)
{
    enum { PAGE = 4096 };
    uintptr_t page = (uintptr_t)info->si_addr & ~(uintptr_t)(PAGE - 1);
    int error = errno;
    (void)context;
    if (!guard_of((uintptr_t)info->si_addr) ||
        mmap((void *)page, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == MAP_FAILED)
        signal(number, SIG_DFL); /* the instruction runs again, and ends the process */
    errno = error;
}

struct image_guard *image_guard_add(void *start, size_t size)
{
    struct image_guard *guard = malloc(sizeof(*guard));
    if (!guard)
        return NULL;
    if (!guards) {
        struct sigaction action = {.sa_sigaction = on_sigbus, .sa_flags = SA_SIGINFO};
        sigaction(SIGBUS, &action, NULL);
    }
    *guard = (struct image_guard){.start = (uintptr_t)start, .end = (uintptr_t)start + size, .next = guards};
    guards = guard;
    return guard;
}

void image_guard_remove(struct image_guard *guard)
{
    if (!guard)
        return;
    if (guards == guard) {
        guards = guard->next;
    } else {
        struct image_guard *g = guards;
        while (g->next != guard)
            g = g->next;
        g->next = guard->next;
    }
    free(guard);
}
