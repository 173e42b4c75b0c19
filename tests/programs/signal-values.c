/* signal-values.c: what a handler learns: the value of sigqueue, the sender, the order of queued real-time
 * signals, and of SIGCHLD why the child ended, sigaction(2), sigqueue(3). */
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MOST = 64 };

static struct {
    int number, code, value, status;
    pid_t pid;
} seen[MOST];
static volatile sig_atomic_t count;

static void handler(int number, siginfo_t *info, void *context)
{
    (void)context;
    if (count >= MOST)
        _exit(90);
    seen[count].number = number;
    seen[count].code = info->si_code;
    seen[count].pid = info->si_pid;
    seen[count].value = info->si_value.sival_int;
    seen[count].status = info->si_status;
    count++;
}

static void check(int ok, const char *what)
{
    if (ok)
        return;
    fprintf(stderr, "signal-values: %s\n", what);
    _exit(1);
}

static void calls(void)
{
    void *p = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    check(p != MAP_FAILED && munmap(p, 4096) == 0, "mmap and munmap");
}

int main(void)
{
    struct sigaction action = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO | SA_RESTART};
    sigset_t all, none, old;
    sigfillset(&all);
    sigemptyset(&none);
    check(sigaction(SIGUSR1, &action, NULL) == 0 && sigaction(SIGRTMIN, &action, NULL) == 0 &&
              sigaction(SIGCHLD, &action, NULL) == 0,
          "sigaction");

    /* Blocked and queued: real-time signals keep their order and number, ordinary ones are one. */
    sigprocmask(SIG_BLOCK, &all, &old);
    for (int i = 0; i < 10; i++)
        check(sigqueue(getpid(), SIGRTMIN, (union sigval){.sival_int = 100 + i}) == 0, "sigqueue");
    kill(getpid(), SIGUSR1);
    kill(getpid(), SIGUSR1);
    calls();
    sigprocmask(SIG_SETMASK, &old, NULL);
    calls();
    check(count == 11, "eleven signals");
    for (int i = 0, value = 100; i < 11; i++) {
        check(seen[i].pid == getpid(), "the sender");
        if (seen[i].number == SIGUSR1) {
            check(seen[i].code == SI_USER, "SI_USER");
            continue;
        }
        check(seen[i].number == SIGRTMIN && seen[i].code == SI_QUEUE && seen[i].value == value,
              "queued values in order");
        value++;
    }

    /* The mask and the handlers are what they were. */
    sigset_t now;
    sigprocmask(SIG_BLOCK, NULL, &now);
    for (int number = 1; number <= SIGRTMAX; number++)
        check(sigismember(&now, number) == sigismember(&old, number), "the mask");

    /* Children that exit, that are killed. */
    for (int kind = 0; kind < 2; kind++) {
        count = 0;
        sigprocmask(SIG_BLOCK, &all, NULL);
        pid_t child = fork();
        check(child >= 0, "fork");
        if (child == 0) {
            if (kind == 0)
                _exit(23);
            for (;;)
                pause();
        }
        if (kind == 1)
            kill(child, SIGKILL);
        while (count == 0)
            sigsuspend(&none);
        check(seen[0].number == SIGCHLD && seen[0].pid == child, "SIGCHLD of the child");
        check(seen[0].code == (kind ? CLD_KILLED : CLD_EXITED), "si_code of the child");
        check(seen[0].status == (kind ? SIGKILL : 23), "si_status of the child");
        sigprocmask(SIG_SETMASK, &old, NULL);
        int status;
        check(waitpid(child, &status, 0) == child, "waitpid");
    }
    puts("signals as sent");
    return 0;
}
