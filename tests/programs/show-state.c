/*
 * show-state.c: prints what a program can know about how it was started, without what differs from run to
 * run: signal mask and dispositions, limits, umask, affinity, priority, arguments, parent-death signal,
 * working directory.  A run under a tracer must print the same.
 */
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

extern char **environ;

static void signals(void)
{
    sigset_t mask, pending;
    sigprocmask(SIG_BLOCK, NULL, &mask);
    sigpending(&pending);
    for (int number = 1; number <= 64; number++) {
        struct sigaction action;
        if (sigaction(number, NULL, &action) != 0)
            continue;
        const char *how = action.sa_handler == SIG_DFL   ? "default"
                          : action.sa_handler == SIG_IGN ? "ignored"
                                                         : "handled";
        printf("signal %d %s%s%s\n", number, how, sigismember(&mask, number) ? " blocked" : "",
               sigismember(&pending, number) ? " pending" : "");
    }
}

static void limits(void)
{
    for (int which = 0; which < RLIMIT_NLIMITS; which++) {
        struct rlimit limit;
        if (getrlimit((__rlimit_resource_t)which, &limit) == 0)
            printf("limit %d %lu %lu\n", which, (unsigned long)limit.rlim_cur, (unsigned long)limit.rlim_max);
    }
}

static void processors(void)
{
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof(set), &set) != 0)
        return;
    for (int cpu = 0; cpu < CPU_SETSIZE; cpu++)
        if (CPU_ISSET(cpu, &set))
            printf("cpu %d\n", cpu);
    printf("scheduler %d, priority %d\n", sched_getscheduler(0), getpriority(PRIO_PROCESS, 0));
}

static void file_text(const char *path)
{
    char text[256];
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t size = fd < 0 ? -1 : read(fd, text, sizeof(text));
    if (size > 0)
        printf("%s: %.*s", path, (int)size, text);
    if (fd >= 0)
        close(fd);
}

int main(int argc, char **argv)
{
    char cwd[4096];
    signals();
    limits();
    processors();
    mode_t mask = umask(0);
    printf("umask %o, personality %#x, cwd %s\n", mask, (unsigned)personality(0xffffffff), getcwd(cwd, sizeof(cwd)));
    int death = -1, reaper = -1;
    prctl(PR_GET_PDEATHSIG, &death);
    prctl(PR_GET_CHILD_SUBREAPER, &reaper);
    printf("death signal %d, subreaper %d, dumpable %d, slack %d\n", death, reaper, prctl(PR_GET_DUMPABLE),
           prctl(PR_GET_TIMERSLACK));
    printf("ids %d %d %d %d\n", (int)getuid(), (int)geteuid(), (int)getgid(), (int)getegid());
    file_text("/proc/self/oom_score_adj");
    file_text("/proc/self/comm");
    for (int i = 0; i < argc; i++)
        printf("argument %s\n", argv[i]);
    for (char **variable = environ; *variable; variable++)
        printf("environment %s\n", *variable);
    return 0;
}
