/*
 * proc.h: counters and facts of one process from /proc/PID, but for its map (maps.h).
 *
 * A process is held by a descriptor of its /proc/PID directory: that stays the same process even when the pid is used
 * again, and reads fail with -ESRCH once it is gone.  Source: proc_pid_statm(5), proc_pid_stat(5), proc_pid_status(5).
 */
#ifndef BRKWATER_PROC_H
#define BRKWATER_PROC_H

#include "trace.h"

#include <sys/types.h>

/* The directory of a process, close-on-exec; a descriptor or -errno. */
int proc_open(pid_t pid);

/* Fill virtual_pages, resident_pages, minflt and majflt.  0 or -errno. */
int proc_counters(int dir, struct rec_sample *sample);

/* Fill the Rss split and the peaks, and set their flags.  0 or -errno. */
int proc_status(int dir, struct rec_sample *sample);

/* minflt and majflt of one thread.  0 or -errno. */
int proc_thread_faults(pid_t pid, pid_t tid, uint64_t *ret_minflt, uint64_t *ret_majflt);

/* Where the heap starts, field 47 of stat; 0 when the kernel does not tell. */
tracee_addr proc_start_brk(int dir);

/* Personality bits, 0 when the kernel does not tell. */
uint32_t proc_personality(int dir);

/* Short name, without the newline; "" when unknown. */
void proc_comm(int dir, char ret_comm[17]);

/* Path of the program into the buffer; its length, or -errno. */
ssize_t proc_exe(int dir, char *buffer, size_t capacity);

/* Its command line, each argument followed by NUL, cut at the capacity; its length, or -errno. */
ssize_t proc_cmdline(int dir, char *buffer, size_t capacity);

/* Call `body` with every thread that the process has now; it returns 0, or an error that ends the walk.  -ESRCH when
 * the process is gone. */
int proc_each_thread(pid_t pid, int (*body)(void *context, pid_t tid), void *context);

/* The number of the system call that a thread is blocked in; -1 when it is in none, or the kernel does not tell. */
int64_t proc_blocked_in(pid_t tid);

/* Whether a thread that was asked to stop waits for nothing but a CPU to do it, or has stopped: on a busy machine it
 * may be the tracer that has had no CPU for long. */
bool proc_stops_soon(pid_t tid);

/* Whether this very thread has children, or zombies of some.  False also where the kernel does not tell. */
bool proc_has_children(pid_t tid);

/* Whether a process may be attached to, as far as that can be told without doing it: 0 or -errno.  Source: ptrace(2),
 * "Ptrace access mode checking": /proc/PID/mem asks for PTRACE_MODE_ATTACH. */
int proc_may_attach(pid_t pid);

/* Who traces a thread, 0: nobody, or it is gone. */
pid_t proc_tracer(pid_t tid);

/* Whether the process does nothing when it gets this signal: ignored, or by default. */
bool proc_ignores_signal(pid_t tid, int signal);

/* Whether memory of the process is locked: then more may be, as it is mapped. */
bool proc_locks_memory(int dir);

/* Whether two processes share their address space, kcmp(2); false where that can't be told. */
bool proc_share_memory(pid_t one, pid_t other);

/* State letter of a thread as in proc_pid_stat(5): R running, D or S blocked, t stopped by its tracer; 0 when it is
 * gone. */
char proc_thread_state(pid_t tid);

/* Nanoseconds that a thread has waited for a CPU although it could run; -ENOENT when the kernel does not count them. */
int proc_run_delay(pid_t tid, uint64_t *ret);

/* Whether the program is a 32-bit ELF file. */
bool proc_is_32bit(int dir);

/* Thread group and parent process of a thread; 0 or -errno. */
int proc_family(pid_t tid, pid_t *ret_tgid, pid_t *ret_parent);

/* The root directory of a thread, O_PATH, when it is another than ours, or in another mount namespace; else -1. */
int proc_foreign_root(pid_t tid);

/* The process's pid as it sees it itself, in its own pid namespace; 0 when the kernel does not tell. */
pid_t proc_own_pid(pid_t tid);

#endif
