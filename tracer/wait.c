/* wait.c: waitpid, and wait statuses to stops.  Source: ptrace(2), "Stopped states". */
#include "wait.h"

#include <errno.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/wait.h>

#ifndef PTRACE_EVENT_STOP
#define PTRACE_EVENT_STOP 128
#endif

static enum stop_kind event_kind(int event, int signal)
{
    switch (event) {
    case PTRACE_EVENT_FORK:
    case PTRACE_EVENT_VFORK:
    case PTRACE_EVENT_CLONE:
        return STOP_NEW_CHILD;
    case PTRACE_EVENT_EXEC:
        return STOP_EXEC;
    case PTRACE_EVENT_EXIT:
        return STOP_EXITING;
    case PTRACE_EVENT_SECCOMP:
        return STOP_SECCOMP;
    case PTRACE_EVENT_STOP:
        return signal == SIGTRAP ? STOP_BY_TRACER : STOP_GROUP;
    default:
        return STOP_BY_TRACER;
    }
}

static void classify(pid_t tid, int status, struct stop *ret)
{
    *ret = (struct stop){.tid = tid, .status = status};
    if (!WIFSTOPPED(status)) {
        ret->kind = STOP_GONE;
        return;
    }
    int signal = WSTOPSIG(status), event = (unsigned)status >> 16;
    ret->signal = signal;
    if (event) {
        ret->kind = event_kind(event, signal);
        if (ret->kind == STOP_NEW_CHILD || ret->kind == STOP_EXEC)
            /* A failure means that the tracee was killed meanwhile; message 0 says so. */
            ptrace(PTRACE_GETEVENTMSG, tid, NULL, &ret->message);
    } else {
        ret->kind = signal == (SIGTRAP | 0x80) ? STOP_SYSCALL : STOP_SIGNAL;
    }
}

int wait_for_stops(struct stop stops[WAIT_BATCH], int drain)
{
    int count = 0;
    while (count < WAIT_BATCH) {
        int status;
        pid_t tid = waitpid(-1, &status, __WALL | (count ? WNOHANG : 0));
        if (tid < 0 && count == 0)
            return errno == EINTR ? 0 : -errno;
        if (tid <= 0)
            break;
        classify(tid, status, &stops[count++]);
        if (!drain)
            break;
    }
    return count;
}

void wait_reap(pid_t pid)
{
    while (waitpid(pid, NULL, __WALL) < 0 && errno == EINTR)
        ;
}
