/*
 * launch.h: start a command as the first tracee.
 */
#ifndef BRKWATER_LAUNCH_H
#define BRKWATER_LAUNCH_H

#include <signal.h>
#include <stdbool.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/types.h>

/* What the tracer changes of itself and the command must not inherit. */
struct launch_state {
    sigset_t mask;
    struct sigaction actions[NSIG];
    struct itimerval alarm; /* of alarm(2): it goes on across execve, but not across fork */
    struct rlimit descriptors;
    bool descriptors_known;
};

/* Remember signal mask, dispositions and limits before the tracer changes them. */
void launch_save(struct launch_state *state);

/* Where `name` is found in PATH, as execvp(3) looks; malloc'ed in *ret_path.  0, -ENOENT when there is no such file, or
 * the error that running it would give (-EACCES). */
int launch_find(const char *name, char **ret_path);

struct launch {
    const char *path;
    char **argv;
    const struct launch_state *state;
    bool no_seccomp;
};

/*
 * Start the command, seized, with its filter on.  It stops at its execve.  *ret_pid is its pid, *ret_exec_fd a
 * descriptor from which launch_exec_error() reads.  0 or -errno with *ret_what naming the step that failed.
 */
int launch_start(const struct launch *launch, pid_t *ret_pid, int *ret_exec_fd, const char **ret_what);

/* Why the command could not be executed: an errno, or 0 when it was.  Call once the tracee has execed or ended; closes
 * fd. */
int launch_exec_error(int fd);

/* True when set-uid programs would lose their privileges: this process may not set a filter without no_new_privs. */
bool launch_needs_no_new_privs(void);

#endif
