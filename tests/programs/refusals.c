/*
 * refusals.c: processes that are hard to attach to.  `refusals WHAT` prints the pid, or thread id, that is to be named,
 * and then waits until its standard input ends:
 *
 *     plain           nothing special
 *     undumpable      prctl(2), PR_SET_DUMPABLE
 *     zombie          a child that has ended
 *     thread          a thread that is not the first one
 *     leaderless      a process whose first thread has ended, another one lives
 *     hostile         its name holds control characters
 *     traced          a child that this process traces
 *     thread-traced   a child, one of whose threads this process traces
 */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static void tell(pid_t pid)
{
    printf("%d\n", (int)pid);
    fflush(stdout);
}

static void wait_for_end(void)
{
    char byte;
    while (read(0, &byte, 1) > 0)
        ;
}

static void *wait_in_thread(void *unused)
{
    (void)unused;
    tell(gettid());
    wait_for_end();
    exit(0);
}

static void *outlive_leader(void *unused)
{
    (void)unused;
    char path[64], state = 0;
    snprintf(path, sizeof(path), "/proc/self/task/%d/stat", (int)getpid());
    while (state != 'Z') { /* until the leader has ended, which nobody is told */
        FILE *file = fopen(path, "r");
        if (!file || fscanf(file, "%*d %*s %c", &state) != 1)
            exit(1);
        fclose(file);
        usleep(100);
    }
    tell(getpid());
    wait_for_end();
    exit(0);
}

/* A child, whose tid to trace comes through a pipe: its own, or that of a second thread. */
static int *child_out;

static void *report_and_wait(void *unused)
{
    (void)unused;
    pid_t tid = gettid();
    if (write(*child_out, &tid, sizeof(tid)) != sizeof(tid))
        exit(1);
    wait_for_end();
    exit(0);
}

static int trace_child(int of_thread)
{
    int fds[2];
    pid_t tid;
    if (pipe(fds) < 0)
        return 1;
    child_out = &fds[1];
    pid_t pid = fork();
    if (pid == 0) {
        pthread_t thread;
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (!of_thread)
            report_and_wait(NULL);
        if (pthread_create(&thread, NULL, report_and_wait, NULL))
            exit(1);
        for (;;)
            pause();
    }
    if (pid < 0 || read(fds[0], &tid, sizeof(tid)) != sizeof(tid) || ptrace(PTRACE_SEIZE, tid, NULL, NULL) < 0) {
        perror("ptrace");
        return 1;
    }
    tell(pid);
    wait_for_end();
    kill(pid, SIGKILL);
    while (waitpid(-1, NULL, __WALL) > 0) /* a thread that is traced has an end of its own */
        ;
    return 0;
}

static int make_zombie(void)
{
    siginfo_t info;
    pid_t pid = fork();
    if (pid == 0)
        _exit(0);
    if (pid < 0 || waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT) < 0)
        return 1;
    tell(pid);
    wait_for_end();
    waitpid(pid, NULL, 0);
    return 0;
}

int main(int argc, char **argv)
{
    const char *what = argc == 2 ? argv[1] : "";
    pthread_t thread;
    if (strcmp(what, "zombie") == 0)
        return make_zombie();
    if (strcmp(what, "traced") == 0 || strcmp(what, "thread-traced") == 0)
        return trace_child(strcmp(what, "traced") != 0);
    if (strcmp(what, "thread") == 0) {
        if (pthread_create(&thread, NULL, wait_in_thread, NULL))
            return 1;
        for (;;)
            pause();
    }
    if (strcmp(what, "leaderless") == 0) {
        if (pthread_create(&thread, NULL, outlive_leader, NULL))
            return 1;
        pthread_exit(NULL);
    }
    if (strcmp(what, "undumpable") == 0)
        prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    else if (strcmp(what, "hostile") == 0)
        prctl(PR_SET_NAME, "a\n\033[31m\xff)\"", 0, 0, 0);
    else if (strcmp(what, "plain") != 0)
        return 2;
    tell(getpid());
    wait_for_end();
    return 0;
}
