/* launch.c: fork, seize, filter, exec. */
#include "launch.h"

#include "filter.h"
#include "wait.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <paths.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

extern char **environ;

void launch_save(struct launch_state *state)
{
    sigprocmask(SIG_SETMASK, NULL, &state->mask);
    getitimer(ITIMER_REAL, &state->alarm);
    for (int signal = 1; signal < NSIG; signal++)
        sigaction(signal, NULL, &state->actions[signal]);
    state->descriptors_known = getrlimit(RLIMIT_NOFILE, &state->descriptors) == 0;
}

/* 0 when the file can be tried, else why not. */
static int usable(const char *path)
{
    struct stat st;
    if (stat(path, &st) < 0)
        return -errno;
    if (S_ISDIR(st.st_mode))
        return -EACCES;
    return faccessat(AT_FDCWD, path, X_OK, AT_EACCESS) < 0 ? -errno : 0;
}

int launch_find(const char *name, char **ret_path)
{
    if (strchr(name, '/')) {
        int error = usable(name);
        if (error)
            return error;
        *ret_path = strdup(name);
        return *ret_path ? 0 : -ENOMEM;
    }
    const char *path = getenv("PATH");
    if (!path)
        path = _PATH_DEFPATH;
    int result = -ENOENT;
    while (*name) {
        size_t length = strcspn(path, ":");
        char *candidate = NULL;
        if (asprintf(&candidate, "%.*s%s%s", (int)length, path, length ? "/" : "", name) < 0)
            return -ENOMEM;
        int error = usable(candidate);
        if (!error) {
            *ret_path = candidate;
            return 0;
        }
        free(candidate);
        if (error == -EACCES) /* a later one may do; if none does, this is the answer */
            result = error;
        if (!path[length])
            break;
        path += length + 1;
    }
    return result;
}

bool launch_needs_no_new_privs(void)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[2] = {0};
    if (syscall(SYS_capget, &header, data) < 0)
        return true;
    return !(data[0].effective & (1u << CAP_SYS_ADMIN));
}

/* ---- in the child ---- */

static void restore_state(const struct launch_state *state)
{
    for (int signal = 1; signal < NSIG; signal++)
        sigaction(signal, &state->actions[signal],
                  NULL); /* fails for SIGKILL, SIGSTOP and libc's own, which nobody changed */
    setitimer(ITIMER_REAL, &state->alarm, NULL);
    if (state->descriptors_known)
        setrlimit(RLIMIT_NOFILE, &state->descriptors);
    sigprocmask(SIG_SETMASK, &state->mask, NULL);
}

/* A script without #! is given to the shell, as execvp(3) does. */
static void exec_as_script(const struct launch *launch)
{
    size_t count = 0;
    while (launch->argv[count])
        count++;
    char **argv = calloc(count + 2, sizeof(*argv));
    if (!argv)
        return;
    argv[0] = (char *)(uintptr_t)_PATH_BSHELL;
    argv[1] = (char *)(uintptr_t)launch->path;
    if (count)
        memcpy(argv + 2, launch->argv + 1, (count - 1) * sizeof(*argv));
    execve(_PATH_BSHELL, argv, environ);
}

/* Never returns.  What goes wrong is written to `report`, which closes by itself when exec succeeds. */
static void child(const struct launch *launch, const struct sock_filter *program, size_t count, int go, int report)
{
    char byte;
    int error = 0;
    while (read(go, &byte, 1) < 0 && errno == EINTR)
        ;
    close(go);
    restore_state(launch->state);
    if (program && launch_needs_no_new_privs())
        prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    if (program)
        error = -filter_install(program, count);
    if (!error) {
        execve(launch->path, launch->argv, environ);
        error = errno;
        if (error == ENOEXEC) {
            exec_as_script(launch);
            error = errno;
        }
    }
    while (write(report, &error, sizeof(error)) < 0 && errno == EINTR)
        ;
    _exit(error == ENOENT ? 127 : 126);
}

/* ---- in the tracer ---- */

static int seize(pid_t pid, bool no_seccomp, const char **ret_what)
{
    unsigned long options = PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE |
                            PTRACE_O_TRACEEXEC | PTRACE_O_TRACEEXIT | PTRACE_O_EXITKILL;
    if (!no_seccomp)
        options |= PTRACE_O_TRACESECCOMP;
    if (ptrace(PTRACE_SEIZE, pid, NULL, (void *)options) == 0)
        return 0;
    *ret_what = "ptrace(PTRACE_SEIZE)";
    return -errno;
}

/* Without a filter the first stop has to be asked for: the child waits in read() until then. */
static int first_stop_without_filter(pid_t pid, const char **ret_what)
{
    if (ptrace(PTRACE_INTERRUPT, pid, NULL, NULL) == 0)
        return 0;
    *ret_what = "ptrace(PTRACE_INTERRUPT)";
    return -errno;
}

int launch_start(const struct launch *launch, pid_t *ret_pid, int *ret_exec_fd, const char **ret_what)
{
    struct sock_filter *program = NULL;
    size_t count = 0;
    int go[2] = {-1, -1}, report[2] = {-1, -1};
    pid_t pid = -1;
    int error = 0;

    *ret_what = "seccomp filter";
    if (!launch->no_seccomp && (error = filter_build(&program, &count)) < 0)
        goto out;
    *ret_what = "pipe";
    if (pipe2(go, O_CLOEXEC) < 0 || pipe2(report, O_CLOEXEC) < 0) {
        error = -errno;
        goto out;
    }
    *ret_what = "fork";
    pid = fork();
    if (pid < 0) {
        error = -errno;
        goto out;
    }
    if (pid == 0) {
        close(go[1]);
        close(report[0]);
        child(launch, program, count, go[0], report[1]);
    }
    error = seize(pid, launch->no_seccomp, ret_what);
    if (!error && launch->no_seccomp)
        error = first_stop_without_filter(pid, ret_what);
    if (error) {
        kill(pid, SIGKILL);
        wait_reap(pid);
        goto out;
    }
    *ret_pid = pid;
    *ret_exec_fd = report[0];
    report[0] = -1;
out:
    /* Closing the write end lets the child go on: its read() returns. */
    for (int i = 0; i < 2; i++) {
        if (go[i] >= 0)
            close(go[i]);
        if (report[i] >= 0)
            close(report[i]);
    }
    free(program);
    return error;
}

int launch_exec_error(int fd)
{
    int error = 0;
    ssize_t got;
    do
        got = read(fd, &error, sizeof(error));
    while (got < 0 && errno == EINTR);
    close(fd);
    return got == sizeof(error) ? error : 0;
}
