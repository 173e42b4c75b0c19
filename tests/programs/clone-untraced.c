/* clone-untraced.c: CLONE_UNTRACED asks that no tracer follows the child, clone(2).  The child must live and
 * work all the same. */
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

static char stack[65536] __attribute__((aligned(16)));

static int child(void *argument)
{
    (void)argument;
    void *p = mmap(NULL, 4096 * 3, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED || munmap(p, 4096) != 0)
        _exit(1);
    _exit(6);
}

int main(void)
{
    int status;
    pid_t pid = clone(child, stack + sizeof(stack), CLONE_UNTRACED | SIGCHLD, NULL);
    if (pid < 0 || waitpid(pid, &status, 0) != pid)
        return 1;
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 6) {
        printf("the child ended with status %#x\n", (unsigned)status);
        return 2;
    }
    puts("the child worked");
    return 0;
}
