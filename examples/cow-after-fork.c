/*
 * cow-after-fork.c: a process that forks to save its data, and goes on writing to it.
 *
 *     brkwater -o t.brkw build/examples/cow-after-fork && brkwater findings t.brkw
 *     brkwater -o t.brkw build/examples/cow-after-fork fixed && brkwater findings t.brkw
 *
 * A store of 32 MiB is saved by a child, to which fork(2) gives all of it without copying: both have the same pages,
 * until one of them writes.  The parent goes on, writes to every page while the child lives, and each write copies a
 * page.
 *
 * What the report should show: `brkwater findings` has a fault-storm at update(), whose faults copy pages that a fork
 * shares: 8,192 of them, 32 MiB that are needed twice; update() is no first touch (`brkwater stacks --by touched` has
 * fill()).  `fixed`: the parent waits for the child before it writes: nothing is shared any more, and nothing is copied
 * but what the child's end leaves to be claimed back; it writes to the few pages that have changed only.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PAGE = 4096, PAGES = 8192, CHANGED = 100 };

__attribute__((noinline)) static char *fill(void)
{
    char *store = mmap(NULL, (size_t)PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (store == MAP_FAILED)
        exit(1);
    madvise(store, (size_t)PAGES * PAGE, MADV_NOHUGEPAGE);
    for (size_t page = 0; page < PAGES; page++)
        *(volatile char *)(store + page * PAGE) = 1;
    return store;
}

/* The child: it holds the store as it was until it is told that all has been written. */
__attribute__((noinline)) static void save(const char *store, int told)
{
    char byte;
    unsigned sum = 0;
    for (size_t page = 0; page < PAGES; page++)
        sum += (unsigned char)store[page * PAGE];
    while (read(told, &byte, 1) < 0)
        ;
    _exit(sum == PAGES ? 0 : 1);
}

__attribute__((noinline)) static void update(char *store, size_t pages)
{
    for (size_t page = 0; page < pages; page++)
        *(volatile char *)(store + page * PAGE) = 2;
}

int main(int argc, char **argv)
{
    const int fixed = argc > 1 && strcmp(argv[1], "fixed") == 0;
    int tell[2], status = 1;
    char *store = fill();
    if (pipe(tell) < 0)
        return 1;
    const pid_t child = fork();
    if (child == 0) {
        close(tell[1]);
        save(store, tell[0]);
    }
    if (!fixed)
        update(store, PAGES);
    close(tell[1]);
    waitpid(child, &status, 0);
    if (fixed)
        update(store, CHANGED);
    printf("saved %d pages, status %d\n", PAGES, status);
    return status != 0;
}
