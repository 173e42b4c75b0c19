/*
 * background.c: the tracer as a process of its own beside the command, so that the command's end is the end of what the
 * user started.
 */
#include "background.h"

#include "tracer.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

struct report {
    int status, failure;
};

static volatile sig_atomic_t tracer_pid;

/* The terminal tells the command by itself (si_code above 0); what somebody sent to this process alone goes on to the
 * tracer, which knows the command. */
static void pass_to_tracer(int signal, siginfo_t *info, void *context)
{
    (void)context;
    if (info->si_code <= 0)
        kill((pid_t)tracer_pid, signal);
}

/* The original process: wait for the report; if the tracer dies without one, this fails. */
static int wait_for_report(pid_t tracer, int fd, int *ret_status, int *ret_failure)
{
    struct report report = {.status = -1, .failure = 125};
    struct sigaction action = {.sa_sigaction = pass_to_tracer, .sa_flags = SA_SIGINFO | SA_RESTART};
    static const int signals[] = {SIGINT, SIGQUIT, SIGTERM, SIGHUP};
    tracer_pid = tracer;
    sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
        sigaction(signals[i], &action, NULL);
    while (read(fd, &report, sizeof(report)) < 0 && errno == EINTR)
        ;
    close(fd);
    *ret_status = report.status;
    *ret_failure = report.failure;
    return 1;
}

int tracer_background(int *ret_report, int *ret_status, int *ret_failure)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) < 0)
        return -errno;
    pid_t pid = fork();
    if (pid < 0) {
        int error = -errno;
        close(ends[0]);
        close(ends[1]);
        return error;
    }
    if (pid > 0) {
        close(ends[1]);
        return wait_for_report(pid, ends[0], ret_status, ret_failure);
    }
    close(ends[0]);
    *ret_report = ends[1];
    return 0;
}

void tracer_background_report(int fd, int status, int failure)
{
    struct report report = {.status = status, .failure = failure};
    while (write(fd, &report, sizeof(report)) < 0 && errno == EINTR)
        ;
    close(fd);
}

void background_leave(void)
{
    setsid(); /* no more signals from the terminal */
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (null < 0)
        return;
    for (int fd = 0; fd < 3; fd++)
        dup2(null, fd); /* the copies are not close-on-exec, as standard descriptors must be */
    if (null > 2)
        close(null);
}
