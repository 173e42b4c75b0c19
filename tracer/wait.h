/*
 * wait.h: the only place that waits for tracees.  A wait status becomes a `struct stop` once, here.
 */
#ifndef BRKWATER_WAIT_H
#define BRKWATER_WAIT_H

#include <stddef.h>
#include <sys/types.h>

/* What happened, and what the receiver must do.  "Stopped" kinds leave the tracee stopped until it is resumed. */
enum stop_kind {
    STOP_GONE,      /* exited or was killed: `status` is its wait status; forget it */
    STOP_SECCOMP,   /* stopped before a call that the filter picked */
    STOP_SYSCALL,   /* stopped at a system call's entry or exit, because it was resumed with PTRACE_SYSCALL */
    STOP_NEW_CHILD, /* stopped inside fork, vfork or clone: `message` is the new tid; the child stops by itself */
    STOP_EXEC,      /* stopped at the end of execve: `message` is the tid that it had before; the map is new */
    STOP_EXITING,   /* stopped on its way out, its address space still there */
    STOP_GROUP,     /* job control stopped its process: PTRACE_LISTEN, so that SIGCONT works */
    STOP_BY_TRACER, /* a new tracee's first stop, or the end of a group stop: resume */
    STOP_SIGNAL,    /* about to get `signal`: resume with it */
};

struct stop {
    pid_t tid;
    enum stop_kind kind;
    int status;            /* raw */
    int signal;            /* STOP_SIGNAL, STOP_GROUP */
    unsigned long message; /* PTRACE_GETEVENTMSG, where the kind says so */
};

enum { WAIT_BATCH = 64 };

/*
 * Wait for at least one stop and take all that are there, at most WAIT_BATCH.  `drain` false takes one only, which
 * spares a system call while there is one tracee.  Returns how many, 0 when a signal interrupted the wait, -ECHILD when
 * there is nothing left to wait for.
 */
int wait_for_stops(struct stop stops[WAIT_BATCH], int drain);

/* Wait for a child that was killed before it became of interest. */
void wait_reap(pid_t pid);

#endif
