/* pid-reuse.c: two children in a row with the same pid: the second is another process.  clone3(2) with
 * set_tid chooses the pid, which needs a privilege (77 without it).  Prints the pid. */
#include <errno.h>
#include <linux/sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static void child(int pages)
{
    void *p = mmap(NULL, (size_t)pages * 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    _exit(p == MAP_FAILED ? 99 : pages);
}

static int end_of(pid_t pid)
{
    int status;
    if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
        return -1;
    return WEXITSTATUS(status);
}

int main(void)
{
    pid_t first = fork();
    if (first < 0)
        return 1;
    if (first == 0)
        child(3);
    if (end_of(first) != 3)
        return 2;

    pid_t tids[1] = {first};
    struct clone_args arguments = {.exit_signal = SIGCHLD, .set_tid = (uintptr_t)tids, .set_tid_size = 1};
    long second = syscall(SYS_clone3, &arguments, sizeof(arguments));
    if (second < 0)
        return errno == EPERM || errno == EEXIST || errno == ENOSYS ? 77 : 3;
    if (second == 0)
        child(5);
    if (end_of((pid_t)second) != 5 || second != first)
        return 4;
    printf("pid %d\n", (int)first);
    return 0;
}
