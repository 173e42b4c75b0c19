/* clone-vm.c: a process made by clone(2) with CLONE_VM but without CLONE_THREAD is another process in the
 * same address space; both map at the same time, and the space lives on when its first process has ended. */
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/wait.h>

#include "expect.h"

static char stack[2][65536] __attribute__((aligned(16)));
static atomic_uintptr_t given;

/* Maps once, then takes turns with the parent at an address that both know. */
static int child_of_one(void *argument)
{
    (void)argument;
    char *p = (char *)raw_mmap(NULL, PAGES(6), READ_WRITE, PRIVATE, -1, 0);
    if (p == MAP_FAILED || syscall(SYS_munmap, p + PAGES(1), PAGES(1)) != 0)
        _exit(1);
    p[0] = 'v';
    atomic_store(&given, (uintptr_t)p);
    for (int i = 0; i < 50; i++) {
        long q = raw_mmap(NULL, PAGES(2), PROT_READ, PRIVATE, -1, 0);
        if (q == -1 || syscall(SYS_munmap, q, PAGES(2)) != 0)
            _exit(2);
    }
    _exit(3);
}

/* Outlives its parent, and has the address space to itself then. */
static int survivor(void *argument)
{
    while (getppid() == *(pid_t *)argument)
        sched_yield();
    long p = raw_mmap(NULL, PAGES(3), READ_WRITE, PRIVATE, -1, 0);
    if (p == -1 || syscall(SYS_munmap, p, PAGES(1)) != 0)
        _exit(5);
    if (write(STDOUT_FILENO, "survivor done\n", 14) != 14)
        _exit(6);
    _exit(0);
}

int main(void)
{
    int status = 0;
    pid_t child = clone(child_of_one, stack[0] + sizeof(stack[0]), CLONE_VM | SIGCHLD, NULL);
    REQUIRE(child > 0);
    while (atomic_load(&given) == 0)
        sched_yield();
    char *p = (char *)atomic_load(&given);
    REQUIRE(p[0] == 'v');
    x_munmap(p, PAGES(3), UNMAPS(PAGES(2)));
    REQUIRE(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 3);
    x_munmap(p, PAGES(6), UNMAPS(PAGES(3)));

    expect_print();
    static pid_t parent;
    parent = getpid();
    child = clone(survivor, stack[1] + sizeof(stack[1]), CLONE_VM | SIGCHLD, &parent);
    _exit(child < 0);
}
