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

/* State letter of a thread as in proc_pid_stat(5): R running, D or S blocked, t stopped by its tracer; 0 when it is
 * gone. */
/* Nanoseconds that a thread has waited for a CPU although it could run; -ENOENT when the kernel does not count them. */
int proc_run_delay(pid_t tid, uint64_t *ret);

char proc_thread_state(pid_t tid);

/* Whether the program is a 32-bit ELF file. */
bool proc_is_32bit(int dir);

/* Thread group and parent process of a thread; 0 or -errno. */
int proc_family(pid_t tid, pid_t *ret_tgid, pid_t *ret_parent);

/* The root directory of a thread, O_PATH, when it is another than ours, or in another mount namespace; else -1. */
int proc_foreign_root(pid_t tid);

/* The process's pid as it sees it itself, in its own pid namespace; 0 when the kernel does not tell. */
pid_t proc_own_pid(pid_t tid);

#endif
