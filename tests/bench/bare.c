/*
 * bare.c [allow] COMMAND [ARG]..., or bare.c -p PID: the least that a tracer can do, to measure brkwater against.
 *
 * The same filter, the same two stops for each call (seccomp at the entry, then the exit), all threads and children
 * followed, and nothing done in the stops.  With `allow` there is no tracer at all: a filter of one instruction that
 * allows everything, which is the price of having any filter.
 *
 * With `-p` it attaches to a process, stops at the entry and the exit of every call, does nothing there, and ends by
 * a signal.
 */
#include "../../tracer/filter.h"

#include <dirent.h>
#include <errno.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef PTRACE_EVENT_STOP
#define PTRACE_EVENT_STOP 128
#endif

static int fail(const char *what)
{
    fprintf(stderr, "bare: %s: %s\n", what, strerror(errno));
    return 125;
}

static int exec_filtered(const struct sock_filter *program, size_t count, char **argv)
{
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    int error = filter_install(program, count);
    if (error) {
        errno = -error;
        return fail("seccomp filter");
    }
    execvp(argv[0], argv);
    return fail(argv[0]);
}

/* The child waits on a pipe until it is seized. */
static pid_t launch(char **argv)
{
    const unsigned long options = PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK |
                                  PTRACE_O_TRACECLONE | PTRACE_O_TRACESECCOMP | PTRACE_O_EXITKILL;
    struct sock_filter *program;
    size_t count;
    int go[2];
    if (filter_build(&program, &count) < 0 || pipe(go) < 0)
        return -1;
    pid_t pid = fork();
    if (pid == 0) {
        char byte;
        close(go[1]);
        if (read(go[0], &byte, 1) < 0)
            _exit(125);
        close(go[0]);
        _exit(exec_filtered(program, count, argv));
    }
    free(program);
    if (pid > 0 && ptrace(PTRACE_SEIZE, pid, NULL, (void *)options) < 0) {
        kill(pid, SIGKILL);
        return -1;
    }
    close(go[0]);
    close(go[1]);
    return pid;
}

static enum __ptrace_request resume = PTRACE_CONT;

static void go_on(pid_t tid, int status)
{
    const int signal = WSTOPSIG(status), event = (unsigned)status >> 16;
    if (event == PTRACE_EVENT_SECCOMP)
        ptrace(PTRACE_SYSCALL, tid, NULL, NULL);
    else if (event == PTRACE_EVENT_STOP && signal != SIGTRAP)
        ptrace(PTRACE_LISTEN, tid, NULL, NULL);
    else
        ptrace(resume, tid, NULL,
               (void *)(intptr_t)(event || signal == (SIGTRAP | 0x80) || signal == SIGTRAP ? 0 : signal));
}

/* The threads of a process that makes none meanwhile. */
static pid_t attach(const char *pid)
{
    const unsigned long options =
        PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE;
    char path[64];
    struct dirent *entry;
    snprintf(path, sizeof(path), "/proc/%s/task", pid);
    DIR *tasks = opendir(path);
    if (!tasks)
        return -1;
    while ((entry = readdir(tasks))) {
        const pid_t tid = atoi(entry->d_name);
        if (tid &&
            (ptrace(PTRACE_SEIZE, tid, NULL, (void *)options) < 0 || ptrace(PTRACE_INTERRUPT, tid, NULL, NULL) < 0)) {
            closedir(tasks);
            return -1;
        }
    }
    closedir(tasks);
    resume = PTRACE_SYSCALL;
    return atoi(pid);
}

static int trace(pid_t command)
{
    int status, result = 125;
    if (command < 0)
        return fail("cannot trace");
    for (;;) {
        const pid_t tid = waitpid(-1, &status, __WALL);
        if (tid < 0)
            return result;
        if (WIFSTOPPED(status))
            go_on(tid, status);
        else if (tid == command)
            result = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    }
}

int main(int argc, char **argv)
{
    struct sock_filter allow = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    const bool only_filter = argc > 1 && strcmp(argv[1], "allow") == 0;
    if (argc == 3 && strcmp(argv[1], "-p") == 0)
        return trace(attach(argv[2]));
    argv += 1 + only_filter;
    if (argc < 2 + only_filter) {
        fprintf(stderr, "usage: bare [allow] COMMAND [ARG]..., bare -p PID\n");
        return 2;
    }
    return only_filter ? exec_filtered(&allow, 1, argv) : trace(launch(argv));
}
