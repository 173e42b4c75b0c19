/*
 * arch.h: what differs between architectures: how a stop tells its call, and how an ABI passes arguments.
 */
#ifndef BRKWATER_ARCH_H
#define BRKWATER_ARCH_H

#include "calls.h"
#include "trace.h"
#include "unwind/registers.h"

#include <sys/types.h>

enum syscall_stop { SYSCALL_NONE, SYSCALL_ENTRY, SYSCALL_EXIT };

/* A system call stop in the form of this machine. */
struct syscall_info {
    enum syscall_stop stop;
    enum abi abi;
    uint64_t number; /* entry: without the x32 bit */
    uint64_t args[CALL_MAX_ARGS];
    uint64_t ip, sp;
    int64_t result; /* exit: value, or -errno when error is set */
    bool error;
};

/* Ask the kernel about the stop that the tracee is in (PTRACE_GET_SYSCALL_INFO, Linux 5.3).  0 or -errno (-ESRCH:
 * killed). */
int arch_syscall_info(pid_t tid, struct syscall_info *ret_info);

/* The same for a tracee that stands at the entry of a call, together with its registers: in one request where these
 * tell the ABI.  0 or -errno (-ESRCH: killed). */
int arch_entry(pid_t tid, struct syscall_info *ret_info, struct unwind_registers *ret_registers);

/* The registers of a stopped tracee, as the unwinder wants them.  0 or -errno (-ESRCH: killed). */
int arch_registers(pid_t tid, struct unwind_registers *ret_registers);

/*
 * A thread stands in a stop that its tracer asked for, and the call that it was in has returned EINTR only because of
 * that: see to it that the call is run again, unless a signal is about to be handled.  Other calls are left alone.  The
 * stop must be one from which signals are still looked for: PTRACE_EVENT_STOP, or before a signal that will be ignored.
 * 1 when there is such a call, 0, or -errno.
 *
 * Source: signal(7), "Interruption of system calls and library functions by stop signals".
 */
int arch_rerun_interrupted(pid_t tid);

/* Whether the call at whose entry a thread stands may be ended in that way, so that it is worth a look at its exit. */
bool arch_ends_by_stops(const struct syscall_info *info);

/* The same for a thread of which only the number is known, of any ABI. */
bool arch_number_ends_by_stops(uint64_t number);

/* Whether the call at whose exit a thread stands has failed with EINTR. */
bool arch_is_interrupted(pid_t tid);

/* A call's arguments in the one form that call_info() describes. */
struct call_args {
    enum call call;
    enum abi abi;
    uint64_t args[CALL_MAX_ARGS];
    tracee_addr result_at;  /* where the call writes its real result (i386 ipc(SHMAT)), or 0 */
    tracee_addr text, list; /* address of the path or name, and of argv; 0 for none */
    tracee_addr envp;
    unsigned pointer_size;
};

/* Bring raw arguments into that form; reads the tracee's memory where the ABI passes a struct. */
void arch_call_args(pid_t tid, enum call call, const struct syscall_info *info, struct call_args *ret_args);

/* Take CLONE_UNTRACED out of a clone call that is about to run.  0 or -errno. */
int arch_clear_untraced(pid_t tid, enum abi abi);

/* Put the register back that arch_clear_untraced() changed, in a thread that stands at the call's exit. */
int arch_restore_untraced(pid_t tid, enum abi abi);

#endif
