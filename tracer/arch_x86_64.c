/*
 * arch_x86_64.c: x86-64, with x32 and i386 callers.
 *
 * Source: ptrace(2) for PTRACE_GET_SYSCALL_INFO; syscall(2) for the registers; ipc(2), mmap2(2), clone3 in clone(2) for
 * the ABIs' own ways to pass arguments.
 */
#include "arch.h"

#include "memory.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/prctl.h>
#include <sched.h>
#include <stddef.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/user.h>

#ifndef PR_SET_VMA
#define PR_SET_VMA           0x53564d41
#define PR_SET_VMA_ANON_NAME 0
#endif
#ifndef CLONE_UNTRACED
#define CLONE_UNTRACED 0x00800000
#endif

enum { X32_BIT = 0x40000000 };

int arch_syscall_info(pid_t tid, struct syscall_info *ret_info)
{
    struct __ptrace_syscall_info raw;
    if (ptrace(PTRACE_GET_SYSCALL_INFO, tid, (void *)sizeof(raw), &raw) < 0)
        return -errno;
    struct syscall_info info = {.ip = raw.instruction_pointer, .sp = raw.stack_pointer};
    if (raw.arch == AUDIT_ARCH_I386)
        info.abi = ABI_I386;
    switch (raw.op) {
    case PTRACE_SYSCALL_INFO_ENTRY:
    case PTRACE_SYSCALL_INFO_SECCOMP: /* has the same members in the same places */
        info.stop = SYSCALL_ENTRY;
        info.number = raw.entry.nr;
        if (info.abi == ABI_X86_64 && (info.number & X32_BIT)) {
            info.abi = ABI_X32;
            info.number &= ~(uint64_t)X32_BIT;
        }
        memcpy(info.args, raw.entry.args, sizeof(info.args));
        break;
    case PTRACE_SYSCALL_INFO_EXIT:
        info.stop = SYSCALL_EXIT;
        info.result = raw.exit.rval;
        info.error = raw.exit.is_error;
        break;
    default:
        info.stop = SYSCALL_NONE;
    }
    *ret_info = info;
    return 0;
}

/* The instruction `syscall` leaves the return address in rcx and the flags in r11.  `int $0x80`, which 64-bit code may
 * use as well, leaves what the program had there, and 32-bit code has another cs.  Source: AMD64 manual, SYSCALL. */
static bool entered_by_syscall(const struct user_regs_struct *regs)
{
    enum { CS_64 = 0x33 }; /* arch/x86/include/asm/segment.h, __USER_CS */
    return regs->cs == CS_64 && regs->rcx == regs->rip && regs->r11 == regs->eflags;
}

int arch_entry(pid_t tid, struct syscall_info *ret_info, struct unwind_registers *ret_registers)
{
    struct user_regs_struct regs;
    if (ptrace(PTRACE_GETREGS, tid, NULL, &regs) < 0)
        return -errno;
    unwind_registers_from_user(&regs, ret_registers);
    if (!entered_by_syscall(&regs))
        return arch_syscall_info(tid, ret_info);
    const bool x32 = regs.orig_rax & X32_BIT;
    *ret_info = (struct syscall_info){.stop = SYSCALL_ENTRY,
                                      .abi = x32 ? ABI_X32 : ABI_X86_64,
                                      .number = regs.orig_rax & ~(uint64_t)X32_BIT,
                                      .args = {regs.rdi, regs.rsi, regs.rdx, regs.r10, regs.r8, regs.r9},
                                      .ip = regs.rip,
                                      .sp = regs.rsp};
    return 0;
}

/* i386's first mmap passes a pointer to its six arguments. */
static void unpack_old_mmap(pid_t tid, struct call_args *a)
{
    uint32_t words[6] = {0};
    memory_read(tid, a->args[0], words, sizeof(words));
    for (int i = 0; i < 6; i++)
        a->args[i] = words[i];
}

/* ipc(call, first, second, third, ptr): the result of SHMAT goes to *third. */
static void unpack_ipc(struct call_args *a)
{
    uint64_t first = a->args[1], second = a->args[2], third = a->args[3], pointer = a->args[4];
    if (a->call == CALL_SHMAT) {
        a->args[0] = first;
        a->args[1] = pointer;
        a->args[2] = second;
        a->result_at = third;
    } else {
        a->args[0] = pointer;
    }
}

static void unpack_clone3(pid_t tid, struct call_args *a)
{
    /* struct clone_args: flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, ... */
    uint64_t words[7] = {0};
    memory_read(tid, a->args[0], words, sizeof(words));
    a->args[0] = words[0] | (words[4] & 0xff);
    a->args[1] = words[5];
    a->args[2] = words[6];
}

/* Addresses of strings leave args; what args holds for them is of no use to a reader. */
static void take_texts(struct call_args *a)
{
    const struct call_info *info = call_info(a->call);
    const bool has_text =
        a->call != CALL_PRCTL || ((uint32_t)a->args[0] == PR_SET_VMA && a->args[1] == PR_SET_VMA_ANON_NAME);
    for (unsigned i = 0; i < info->nargs; i++) {
        switch (info->args[i].kind) {
        case ARG_TEXT:
            if (!has_text)
                break;
            a->text = a->args[i];
            a->args[i] = 0;
            break;
        case ARG_ARGV:
            a->list = a->args[i];
            a->args[i] = 0;
            break;
        case ARG_ENVC:
            a->envp = a->args[i];
            a->args[i] = 0;
            break;
        case ARG_FD:
        case ARG_INT:
        case ARG_STATUS:
            a->args[i] = (uint64_t)(int64_t)(int32_t)a->args[i];
            break;
        case ARG_PROT:
        case ARG_ADVICE:
        case ARG_PRCTL_OPTION:
            a->args[i] = (uint32_t)a->args[i];
            break;
        default:
            break;
        }
    }
}

void arch_call_args(pid_t tid, enum call call, const struct syscall_info *info, struct call_args *ret_args)
{
    struct call_args a = {.call = call, .abi = info->abi, .pointer_size = info->abi == ABI_X86_64 ? 8 : 4};
    memcpy(a.args, info->args, sizeof(a.args));
    if (info->abi == ABI_I386) {
        for (int i = 0; i < CALL_MAX_ARGS; i++)
            a.args[i] = (uint32_t)a.args[i];
        if (call == CALL_OLD_MMAP)
            unpack_old_mmap(tid, &a);
        else if (call == CALL_MMAP2)
            a.args[5] = a.args[5] * TRACE_PAGE;
        else if (info->number == 117)
            unpack_ipc(&a);
    }
    if (call == CALL_CLONE3)
        unpack_clone3(tid, &a);
    take_texts(&a);
    for (unsigned i = call_info(call)->nargs; i < CALL_MAX_ARGS; i++)
        a.args[i] = 0; /* whatever stands in the register */
    *ret_args = a;
}

/* clone(2): the flags are the first argument. */
static unsigned long long *first_argument(struct user_regs_struct *regs, enum abi abi)
{
    return abi == ABI_I386 ? &regs->rbx : &regs->rdi;
}

int arch_registers(pid_t tid, struct unwind_registers *ret_registers)
{
    struct user_regs_struct regs;
    if (ptrace(PTRACE_GETREGS, tid, NULL, &regs) < 0)
        return -errno;
    unwind_registers_from_user(&regs, ret_registers);
    return 0;
}

/* ---- calls that a stop ends ---- */

enum {
    CS_32 = 0x23,           /* arch/x86/include/asm/segment.h, __USER32_CS */
    RERUN_NO_HANDLER = 514, /* ERESTARTNOHAND: run again if no handler is called, else fail with EINTR */
};

/* They wait, and fail with EINTR whatever the reason was: by signal(7) those with a timeout of their socket, and
 * others.  To run one again is harmless: it has done nothing yet. */
static const uint16_t ended_64[] = {
    0 /* read */, 1 /* write */, 19 /* readv */, 20 /* writev */, 42 /* connect */, 43 /* accept */, 44 /* sendto */,
    45 /* recvfrom */, 46 /* sendmsg */, 47 /* recvmsg */, 65 /* semop */, 128 /* rt_sigtimedwait */,
    208 /* io_getevents */, 220 /* semtimedop */, 232 /* epoll_wait */, 281 /* epoll_pwait */, 288 /* accept4 */,
    299 /* recvmmsg */, 307 /* sendmmsg */, 333 /* io_pgetevents */, 426 /* io_uring_enter */, 441 /* epoll_pwait2 */,
    /* x32's own: */
    515 /* readv */, 516 /* writev */, 517 /* recvfrom */, 518 /* sendmsg */, 519 /* recvmsg */,
    523 /* rt_sigtimedwait */, 537 /* recvmmsg */, 538 /* sendmmsg */};
static const uint16_t ended_32[] = {3 /* read */,
                                    4 /* write */,
                                    102 /* socketcall */,
                                    117 /* ipc */,
                                    145 /* readv */,
                                    146 /* writev */,
                                    177 /* rt_sigtimedwait */,
                                    247 /* io_getevents */,
                                    256 /* epoll_wait */,
                                    319 /* epoll_pwait */,
                                    337 /* recvmmsg */,
                                    345 /* sendmmsg */,
                                    362 /* connect */,
                                    364 /* accept4 */,
                                    369 /* sendto */,
                                    370 /* sendmsg */,
                                    371 /* recvfrom */,
                                    372 /* recvmsg */,
                                    385 /* io_pgetevents */,
                                    416 /* io_pgetevents_time64 */,
                                    417 /* recvmmsg_time64 */,
                                    420 /* semtimedop_time64 */,
                                    421 /* rt_sigtimedwait_time64 */,
                                    426 /* io_uring_enter */,
                                    441 /* epoll_pwait2 */};

static bool is_listed(uint64_t number, const uint16_t *list, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (list[i] == number)
            return true;
    return false;
}

static bool ends_by_stops(uint64_t number, bool i386)
{
    return i386 ? is_listed(number, ended_32, sizeof(ended_32) / sizeof(ended_32[0]))
                : is_listed(number, ended_64, sizeof(ended_64) / sizeof(ended_64[0]));
}

bool arch_ends_by_stops(const struct syscall_info *info)
{
    return ends_by_stops(info->number, info->abi == ABI_I386);
}

bool arch_number_ends_by_stops(uint64_t number)
{
    return ends_by_stops(number & ~(uint64_t)X32_BIT, false) || ends_by_stops(number, true);
}

bool arch_is_interrupted(pid_t tid)
{
    errno = 0;
    long result = ptrace(PTRACE_PEEKUSER, tid, (void *)offsetof(struct user_regs_struct, rax), NULL);
    return errno == 0 && (int32_t)result == -EINTR;
}

int arch_rerun_interrupted(pid_t tid)
{
    struct user_regs_struct regs;
    if (ptrace(PTRACE_GETREGS, tid, NULL, &regs) < 0)
        return -errno;
    const bool in_call = (int64_t)regs.orig_rax >= 0, i386 = regs.cs == CS_32;
    const uint64_t number = i386 ? (uint32_t)regs.orig_rax : regs.orig_rax & ~(uint64_t)X32_BIT;
    const int32_t result = (int32_t)regs.rax;
    if (!in_call || !ends_by_stops(number, i386) || (result != -EINTR && result != -RERUN_NO_HANDLER))
        return 0;
    regs.rax = (uint64_t)(int64_t)-RERUN_NO_HANDLER;
    return ptrace(PTRACE_SETREGS, tid, NULL, &regs) < 0 ? -errno : 1;
}

int arch_clear_untraced(pid_t tid, enum abi abi)
{
    struct user_regs_struct regs;
    if (ptrace(PTRACE_GETREGS, tid, NULL, &regs) < 0)
        return -errno;
    *first_argument(&regs, abi) &= ~(unsigned long long)CLONE_UNTRACED;
    return ptrace(PTRACE_SETREGS, tid, NULL, &regs) < 0 ? -errno : 0;
}

int arch_restore_untraced(pid_t tid, enum abi abi)
{
    struct user_regs_struct regs;
    if (ptrace(PTRACE_GETREGS, tid, NULL, &regs) < 0)
        return -errno;
    *first_argument(&regs, abi) |= CLONE_UNTRACED;
    return ptrace(PTRACE_SETREGS, tid, NULL, &regs) < 0 ? -errno : 0;
}
