/*
 * mremap-interrupted.c: a timer interrupts mremap(2) again and again while it moves and shrinks large memory that is
 * marked MADV_MERGEABLE, madvise(2).  Unmerging its pages can be interrupted: then the tail is cut off and the target
 * cleared already, but nothing was moved, and what is mapped only the kernel can tell.  ROUNDS moves, then the own map.
 */
#include "own_maps.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <unistd.h>

enum { LARGE = 32 << 20, SMALL = 16 << 20 };

static void ignore(int number)
{
    (void)number;
}

/* One move to a place that is known to be free, and the calls after it, which may be given what a failed one left. */
static int move_once(void)
{
    char *from = mmap(NULL, LARGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
    char *to = mmap(NULL, SMALL, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (from == MAP_FAILED || to == MAP_FAILED)
        return -1;
    madvise(from, LARGE, MADV_MERGEABLE);
    char *moved = mremap(from, LARGE, SMALL, MREMAP_MAYMOVE | MREMAP_FIXED, to);
    int interrupted = moved == MAP_FAILED && errno == EINTR;
    char *after = mmap(NULL, SMALL, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    munmap(from, LARGE);
    munmap(to, SMALL);
    if (after != MAP_FAILED)
        munmap(after, SMALL);
    return interrupted;
}

int main(int argc, char **argv)
{
    struct sigaction action = {.sa_handler = ignore}; /* no SA_RESTART */
    struct itimerval often = {{0, 700}, {0, 700}}, never = {{0, 0}, {0, 0}};
    int rounds = argc > 1 ? atoi(argv[1]) : 20;
    sigaction(SIGALRM, &action, NULL);
    setitimer(ITIMER_REAL, &often, NULL);
    for (int i = 0; i < rounds; i++)
        if (move_once() < 0)
            return 1;
    setitimer(ITIMER_REAL, &never, NULL);
    print_own_maps(-1, -1);
    _exit(0);
}
