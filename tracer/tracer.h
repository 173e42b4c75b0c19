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

enum {
    TRACER_MAX_TARGETS = 64, /* processes to attach to */
    TRACER_MAX_LOOKS = 64,   /* moments at which the heaps' inside is looked at */
    TRACER_MAX_MOMENTS = 64, /* the same of resident pages */
};

/* A moment at which the heaps' inside is to be recorded: a tick, or right behind an event. */
struct heap_moment {
    bool is_event;
    uint64_t value;
};

struct tracer_options {
    const char *output;                        /* path of the trace file, or NULL for none */
    struct record_sink sink;                   /* live consumer; .record may be NULL */
    bool no_seccomp;                           /* stop at every system call instead of using a filter */
    bool no_faults;                            /* page faults are not looked at */
    bool no_residency;                         /* resident pages are not looked at */
    uint64_t residency_at[TRACER_MAX_MOMENTS]; /* ticks at which they are looked at, in order */
    size_t n_residency_at;
    uint64_t residency_every; /* ticks between two more looks; 0: none */
    bool free_placement;      /* leave it to the kernel on which CPUs tracer and tracees run */
    bool leave_terminal; /* once the command runs, have nothing to do with the terminal and standard streams any more */
    unsigned sample_interval_ms; /* 0: no timed samples */
    uint64_t checkpoint_every;   /* compare the map after so many layout events of a space; 0: only at exec and exit */
    uint64_t max_size;           /* bytes of the trace file after which recording stops; 0: none */
    double duration;             /* seconds after which recording stops; 0: none */
    enum until_what until;       /* recording stops when this is more than until_bytes */
    uint64_t until_bytes;
    bool no_heap_walk; /* never read the heaps' inside */
    bool only_look;    /* tracer_attach(): look into the heaps while all threads are stopped, and let go at once */
    const struct heap_moment *heap_at; /* in order, times and events apart; see tracer/heap_look.h for other moments */
    size_t n_heap_at;
    unsigned depth; /* frames of a stack at most; 0: no stacks are captured */
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
 * Attach to `count` processes (at most TRACER_MAX_TARGETS), named by the pid of any of their threads, and trace them,
 * what they make, and nothing that they made before, until all of them have ended, the duration or --until is over,
 * recording has stopped, or one of SIGINT, SIGTERM, SIGHUP or SIGQUIT comes.  Then all are released as they were.
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

/* ---- who may not be attached to, and why ---- */

/*
 * The rule that keeps PTRACE_SEIZE from a process.  The kernel says EPERM for all of them; which one it was is worked
 * out from /proc.  Source: ptrace(2), "Ptrace access mode checking" and "/proc/sys/kernel/yama/ptrace_scope";
 * proc_pid_status(5); kernel/ptrace.c for the order.  There is no rule for process 1: since Linux 2.6.26 it is a
 * process like any other.
 */
enum refusal_rule {
    REFUSAL_NONE,            /* it may be attached to */
    REFUSAL_NO_PROCESS,      /* there is no process of that number */
    REFUSAL_THREAD,          /* the number is that of a thread; `other` is its process, to be attached to instead */
    REFUSAL_SELF,            /* a process cannot trace itself */
    REFUSAL_KERNEL_THREAD,   /* it has no memory of its own */
    REFUSAL_ZOMBIE,          /* it has ended; only its parent has not taken notice yet: `other` */
    REFUSAL_TRACED,          /* `other` traces it, or one of its threads, already */
    REFUSAL_OTHER_USER,      /* it runs as user `uid` and group `gid`, at least one of which is not the caller's */
    REFUSAL_NOT_DUMPABLE,    /* it protects itself, or came from a program that may not be read: prctl(2) */
    REFUSAL_USER_NAMESPACE,  /* it is in a user namespace over which the caller has no capabilities */
    REFUSAL_CAPABILITIES,    /* it has capabilities that the caller has not */
    REFUSAL_YAMA,            /* kernel.yama.ptrace_scope is `yama`: 1, 2 or 3 */
    REFUSAL_SECCOMP,         /* none of these, but the caller runs under a seccomp filter, as in containers */
    REFUSAL_SECURITY_MODULE, /* none of these: SELinux, AppArmor, ... */
    REFUSAL_OTHER,           /* the kernel said `error`, which is no question of permission */
    REFUSAL_RULES
};

#define REFUSAL_UNKNOWN_ID UINT32_MAX

/* Names come from the processes themselves and may hold any bytes. */
struct refusal {
    enum refusal_rule rule;
    pid_t pid;           /* that was asked about */
    char comm[17];       /* its name; "" when unknown */
    pid_t other;         /* see the rules; 0: none, or in a pid namespace that cannot be seen from here */
    char other_comm[17]; /* its name; "" when unknown */
    uint32_t uid, gid;   /* of the process; REFUSAL_UNKNOWN_ID when it is hidden (hidepid, proc(5)) */
    uint32_t caller_uid; /* 0: root, which may lack the capability all the same, as in containers */
    int yama;            /* kernel.yama.ptrace_scope; -1: the kernel has no Yama */
    bool privileged;     /* the caller has CAP_SYS_PTRACE, at least in its own user namespace */
    int error;           /* the errno that it is about; 0: none */
};

/*
 * Find out which rule keeps this process from attaching to `pid`.  `error` is the errno with which PTRACE_SEIZE has
 * failed, or 0 to ask beforehand: then the kernel is asked by process_vm_readv(2), which passes the same check, and the
 * process notices nothing.  Every thread is looked at, since each can have a tracer of its own.  Takes time in
 * proportion to the number of threads; only facts of one moment are told.
 *
 * 0, with *ret filled; -ENOENT when /proc is not mounted.
 */
int refusal_find(pid_t pid, int error, struct refusal *ret);

/* ---- what this machine allows ---- */

/* Of what could not be tried because something before it did not work; other results are 0 or an errno. */
enum { NOT_TRIED = -1, MACHINE_MAX_PATH = 4096 };

/*
 * What was tried, really, on child processes that are gone again: 0 when it worked, else the errno, or NOT_TRIED.
 * ENODATA: the call succeeded, and did nothing.  And the settings of the kernel that such failures come from; -1 where
 * there is no such setting.
 */
struct machine {
    int seize;           /* PTRACE_SEIZE and PTRACE_INTERRUPT */
    int syscall_info;    /* PTRACE_GET_SYSCALL_INFO at the entry of a call: Linux 5.3 */
    int read_memory;     /* process_vm_readv(2) */
    int filter;          /* brkwater's own seccomp filter, and a stop by it */
    int proc_maps;       /* /proc/PID/maps */
    int proc_status;     /* /proc/PID/status and statm */
    int map_files;       /* opening /proc/PID/map_files/...: CAP_CHECKPOINT_RESTORE or CAP_SYS_ADMIN */
    int map_query;       /* PROCMAP_QUERY: Linux 6.11 */
    int pagemap_scan;    /* PAGEMAP_SCAN: Linux 6.7 */
    int fault_counter;   /* perf_event_open(2), page faults of the user side */
    int fault_kernel;    /* the same of the kernel's side */
    int fault_ring;      /* mapping the ring of that counter, and finding faults in it */
    bool no_privileges;  /* a filter costs set-uid programs their privileges: no CAP_SYS_ADMIN */
    bool ptrace_capable; /* CAP_SYS_PTRACE */
    bool is_filtered;    /* brkwater itself runs under a seccomp filter */
    bool is_root;
    int yama;                    /* kernel.yama.ptrace_scope */
    int perf_paranoid;           /* kernel.perf_event_paranoid */
    int perf_mlock_kib;          /* kernel.perf_event_mlock_kb: for the rings of one user, for each CPU */
    int hidepid;                 /* mount option of /proc, 0 to 4: proc(5); text is read as its number */
    uint64_t locked_memory;      /* bytes, RLIMIT_MEMLOCK; UINT64_MAX: no limit */
    uint64_t max_map_count;      /* vm.max_map_count; 0: unknown */
    char libc[MACHINE_MAX_PATH]; /* the C library that this process uses; "" when it has none of its own */
};

/* Try everything; takes some milliseconds.  0, or -errno when not even a child process can be made. */
int machine_probe(struct machine *ret);

/* A running process, looked at from outside: it notices nothing.  What cannot be known is 0, or false. */
struct target {
    struct refusal refusal;
    int proc_maps; /* 0 when /proc/PID/maps can be read, else the errno */
    uint32_t threads;
    uint64_t mappings;
    bool namespaces_known;
    bool own_mounts, own_pids, own_users; /* it has another namespace than this process */
    int root;                             /* its root directory, O_PATH, where that is another one than ours, else -1 */
    char libc[MACHINE_MAX_PATH]; /* its C library, as a path in its root; "" when it maps none that is a file */
};

/* 0 with *ret filled, to be closed by target_close(); or as refusal_find(). */
int target_probe(pid_t pid, struct target *ret);
void target_close(struct target *target);

#endif
