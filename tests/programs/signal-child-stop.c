/*
 * signal-child-stop.c: a real parent sees its child stop and go on: waitpid with WUNTRACED and WCONTINUED,
 * SIGCHLD with CLD_STOPPED and CLD_CONTINUED.  The child is stopped in several places: by itself, in a
 * blocking read, in poll; and the call goes on afterwards as if nothing had been, signal(7).  One child is
 * stopped by SIGTSTP, one is killed while it is stopped.
 */
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

static volatile sig_atomic_t stopped, continued;

static void on_child(int number, siginfo_t *info, void *context)
{
    (void)number, (void)context;
    if (info->si_code == CLD_STOPPED)
        stopped++;
    else if (info->si_code == CLD_CONTINUED)
        continued++;
}

static void check(int ok, const char *what)
{
    if (ok)
        return;
    fprintf(stderr, "signal-child-stop: %s\n", what);
    exit(1);
}

static void calls(void)
{
    void *p = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED || munmap(p, 4096) != 0)
        _exit(80);
}

/* Until the child sleeps in the kernel. */
static void wait_until_it_sleeps(pid_t child)
{
    char path[64], text[512];
    snprintf(path, sizeof(path), "/proc/%d/stat", (int)child);
    for (;;) {
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        check(fd >= 0, "open of stat");
        ssize_t size = read(fd, text, sizeof(text) - 1);
        close(fd);
        check(size > 0, "read of stat");
        text[size] = '\0';
        const char *state = strrchr(text, ')');
        if (state && state[2] == 'S')
            return;
        sched_yield();
    }
}

static void see_stop(pid_t child, int number)
{
    int status;
    check(waitpid(child, &status, WUNTRACED) == child, "waitpid for the stop");
    check(WIFSTOPPED(status) && WSTOPSIG(status) == number, "a stop by the right signal");
}

static void let_go(pid_t child)
{
    int status;
    check(kill(child, SIGCONT) == 0, "SIGCONT");
    check(waitpid(child, &status, WCONTINUED) == child, "waitpid for the continue");
    check(WIFCONTINUED(status), "continued");
}

static void see_exit(pid_t child, int code)
{
    int status;
    check(waitpid(child, &status, 0) == child, "waitpid for the end");
    check(WIFEXITED(status) && WEXITSTATUS(status) == code, "the right exit status");
}

/* Stops itself; memory calls before and after.  It ends only when it is told to: an end would hide that it
 * was continued. */
static void by_itself(int number)
{
    int ends[2];
    check(pipe(ends) == 0, "pipe");
    pid_t child = fork();
    check(child >= 0, "fork");
    if (child == 0) {
        char byte;
        setpgid(0, 0); /* the parent is in the session: the group is no orphan, and SIGTSTP counts */
        calls();
        raise(number);
        calls();
        _exit(read(ends[0], &byte, 1) == 1 ? 11 : 84);
    }
    see_stop(child, number);
    let_go(child);
    check(write(ends[1], "x", 1) == 1, "write");
    see_exit(child, 11);
    close(ends[0]);
    close(ends[1]);
}

/* Stopped twice in a call that blocks: read, or poll. */
static void in_a_call(int use_poll)
{
    int ends[2];
    check(pipe(ends) == 0, "pipe");
    pid_t child = fork();
    check(child >= 0, "fork");
    if (child == 0) {
        char byte = 0;
        close(ends[1]);
        if (use_poll) {
            struct pollfd one = {.fd = ends[0], .events = POLLIN};
            if (poll(&one, 1, 600000) != 1)
                _exit(81); /* EINTR would be a change */
        }
        if (read(ends[0], &byte, 1) != 1)
            _exit(82);
        calls();
        _exit(byte);
    }
    for (int i = 0; i < 2; i++) {
        wait_until_it_sleeps(child);
        check(kill(child, SIGSTOP) == 0, "SIGSTOP");
        see_stop(child, SIGSTOP);
        let_go(child);
    }
    check(write(ends[1], "\x0c", 1) == 1, "write");
    see_exit(child, 12);
    close(ends[0]);
    close(ends[1]);
}

static void killed_while_stopped(void)
{
    int status;
    pid_t child = fork();
    check(child >= 0, "fork");
    if (child == 0) {
        raise(SIGSTOP);
        _exit(83);
    }
    see_stop(child, SIGSTOP);
    kill(child, SIGKILL);
    check(waitpid(child, &status, 0) == child && WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL, "killed");
}

int main(void)
{
    struct sigaction action = {.sa_sigaction = on_child, .sa_flags = SA_SIGINFO | SA_RESTART};
    sigaction(SIGCHLD, &action, NULL);
    by_itself(SIGSTOP);
    by_itself(SIGTSTP);
    by_itself(SIGTTIN);
    in_a_call(0);
    in_a_call(1);
    killed_while_stopped();
    check(stopped >= 1 && continued >= 1, "SIGCHLD for stops and continues");
    puts("stops and continues as untraced");
    return 0;
}
