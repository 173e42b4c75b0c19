/*
 * vfork-mmap.c: until it execs or ends, the child of vfork(2) changes its parent's map.  One child maps and
 * ends, one maps and execs; what they mapped stays with the parent, who takes it down.  With an argument the
 * program only ends, with 3.
 */
#include <sys/wait.h>

#include "expect.h"

static volatile uintptr_t from_child;

static void wait_for(pid_t child, int code)
{
    int status = 0;
    REQUIRE(child > 0 && waitpid(child, &status, 0) == child);
    REQUIRE(WIFEXITED(status) && WEXITSTATUS(status) == code);
}

int main(int argc, char **argv)
{
    (void)argv;
    if (argc > 1)
        return 3;

    char *mine = x_mmap(PAGES(4), READ_WRITE, PRIVATE, MAPS(PAGES(4)));
    pid_t child = vfork();
    if (child == 0) {
        char *p = x_mmap(PAGES(3), READ_WRITE, PRIVATE, MAPS(PAGES(3)));
        p[0] = 'c';
        from_child = (uintptr_t)p;
        x_munmap(mine + PAGES(1), PAGES(1), UNMAPS(PAGES(1)));
        _exit(2);
    }
    char *p = (char *)from_child;
    REQUIRE(p != NULL && p[0] == 'c');
    x_munmap(p, PAGES(2), UNMAPS(PAGES(2)));
    wait_for(child, 2);

    child = vfork();
    if (child == 0) {
        from_child = (uintptr_t)x_mmap(PAGES(5), PROT_READ, PRIVATE, MAPS(PAGES(5)));
        execl("/proc/self/exe", "vfork-mmap", "child", (char *)NULL);
        _exit(4);
    }
    x_munmap((char *)from_child + PAGES(1), PAGES(4), UNMAPS(PAGES(4)));
    x_munmap(mine, PAGES(4), UNMAPS(PAGES(3)));
    wait_for(child, 3);

    /* An exec that fails leaves the child where it is. */
    child = vfork();
    if (child == 0) {
        execl("/does/not/exist", "nothing", (char *)NULL);
        from_child = (uintptr_t)x_mmap(PAGES(1), PROT_READ, PRIVATE, MAPS(PAGES(1)));
        _exit(5);
    }
    x_munmap((char *)from_child, PAGES(1), UNMAPS(PAGES(1)));
    wait_for(child, 5);
    expect_print();
    return 0;
}
