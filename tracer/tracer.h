/*
 * tracer.h (published): run a command under the tracer, or attach it to processes, and hand over what happened.
 */
#ifndef BRKWATER_TRACER_H
#define BRKWATER_TRACER_H

#include "trace.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Gets every record, in order, in the thread that made it, one at a time (the tracer locks).  The record is borrowed.
 */
struct record_sink {
    void (*record)(void *context, const struct record *record);
    void *context;
};

/* What ends a recording, beside time: sums over all processes that are traced. */
enum until_what { UNTIL_NOTHING, UNTIL_RESIDENT, UNTIL_VIRTUAL };

enum { TRACER_MAX_TARGETS = 64 /* processes to attach to */ };

struct tracer_options {
    const char *output;      /* path of the trace file, or NULL for none */
    struct record_sink sink; /* live consumer; .record may be NULL */
    bool no_seccomp;         /* stop at every system call instead of using a filter */
    bool free_placement;     /* leave it to the kernel on which CPUs tracer and tracees run */
    bool leave_terminal; /* once the command runs, have nothing to do with the terminal and standard streams any more */
    unsigned sample_interval_ms; /* 0: no timed samples */
    uint64_t checkpoint_every;   /* compare the map after so many layout events of a space; 0: only at exec and exit */
    uint64_t max_size;           /* bytes of the trace file after which recording stops; 0: none */
    double duration;             /* seconds after which recording stops; 0: none */
    enum until_what until;       /* recording stops when this is more than until_bytes */
    uint64_t until_bytes;
    unsigned depth;              /* frames of a stack at most; 0: no stacks are captured */
    /* Called about once a second while the tracer only waits for what the command left behind; `pid` and `comm` are one
     * of the processes, count is their number.  May be NULL. */
    void (*waiting)(void *context, uint32_t pid, const char *comm, unsigned count);
    /* Called when the command itself has ended, others may live on.  May be NULL. */
    void (*command_ended)(void *context, int wait_status);
    /* Called right behind the record of a module.  `fd` is its file, -1 when it could not be opened; `root` is the root
     * directory of the process that has it, -1 when that is our own.  Both are the tracer's.  May be NULL. */
    void (*module)(void *context, uint32_t module, int fd, int root);
    /* Called with the perf map (/tmp/perf-PID.map) of a space that is about to end, if code without a file was seen in
     * it.  The descriptor is the tracer's.  May be NULL. */
    void (*perf_map)(void *context, uint32_t space, int fd);
    void *context;
};

/* How a run ended. */
struct tracer_result {
    int wait_status;    /* of the command */
    int exec_error;     /* errno when the command could not be executed, else 0; nothing was recorded then */
    int record_error;   /* errno of the first failed write of the trace, else 0: the trace is cut, but whole */
    bool stopped_early; /* by max_size, duration, or a failed write */
    bool trace_written; /* the output file exists and can be read */
    uint64_t stops;     /* ptrace stops served */
    pid_t refused;      /* tracer_attach(): the process that could not be attached to, 0: none */
};

/*
 * Launch `argv` (NULL-terminated, argv[0] is searched for in PATH like execvp(3) does) and trace it, its threads and
 * all its descendants until the last of them has ended.
 *
 * 0, with *ret_result filled, also when the command failed or could not be executed (exec_error); or -errno when
 * tracing could not be set up: *ret_what then names the step or the file, a constant or options->output.
 */
int tracer_run(const struct tracer_options *options, char **argv, struct tracer_result *ret_result,
               const char **ret_what);

/*
 * Attach to `count` processes (at most TRACER_MAX_TARGETS), named by the pid of any of their threads, and trace them, what
 * they make, and nothing that they made before, until all of them have ended, the duration or --until is over, recording
 * has stopped, or one of SIGINT, SIGTERM, SIGHUP or SIGQUIT comes.  Then all are released as they were.
 *
 * 0 with *ret_result filled, or -errno; with ret_result->refused not 0 that is why ptrace(2) refused this process.
 */
int tracer_attach(const struct tracer_options *options, const pid_t *pids, size_t count,
                  struct tracer_result *ret_result, const char **ret_what);

/*
 * Let the rest of this process run in the background of the command, so that the command's exit status comes back at
 * once while the recording goes on.  The process splits in two: the original waits here for tracer_background_report()
 * and returns 1 with the command's wait status in *ret_status, or with brkwater's own exit status in *ret_failure (then
 * *ret_status is -1).  The new one returns 0 with a descriptor for the report in *ret_report.  -errno when it could not
 * be split.
 */
int tracer_background(int *ret_report, int *ret_status, int *ret_failure);

/* Tell the waiting process the command's wait status, or with status -1 the failure; the descriptor is closed. */
void tracer_background_report(int report, int status, int failure);

#endif
