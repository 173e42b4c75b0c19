/*
 * without-call.c: run a command on a kernel that lacks something: `without-call procmap-query COMMAND...` makes the
 * ioctl that asks for one mapping fail as on kernels before 6.11, `without-call ptrace-info COMMAND...` makes
 * PTRACE_GET_SYSCALL_INFO fail as before 5.3.  `ptrace`, `seccomp`, `memory-reads`, `perf` and `pagemap-scan` make
 * those fail as a container, or another kernel, does.
 */
#include <errno.h>
#include <limits.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define PROCMAP_QUERY_104              0xc0686611u /* _IOWR('f', 17, 104 bytes) */
#define PAGEMAP_SCAN_96                0xc0606610u /* _IOWR('f', 16, 96 bytes) */
#define PTRACE_GET_SYSCALL_INFO_NUMBER 0x420e
#define PTRACE_SEIZE_NUMBER            0x4206

/* Fail `number` with `error` when the low half of argument `index` is `value`. */
static int forbid(unsigned number, unsigned index, unsigned value, unsigned error)
{
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 3),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (unsigned)offsetof(struct seccomp_data, args) + 8 * index),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | error),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {sizeof(code) / sizeof(code[0]), code};
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
}

/* What can be forbidden: a call, whose argument has a value. */
static const struct request {
    const char *name;
    unsigned number, index, value, error;
} requests[] = {
    {"procmap-query", SYS_ioctl, 1, PROCMAP_QUERY_104, ENOTTY},
    {"pagemap-scan", SYS_ioctl, 1, PAGEMAP_SCAN_96, ENOTTY},
    {"ptrace-info", SYS_ptrace, 0, PTRACE_GET_SYSCALL_INFO_NUMBER, EIO},
    {"ptrace", SYS_ptrace, 0, PTRACE_SEIZE_NUMBER, EPERM},
    {"seccomp", SYS_seccomp, 0, SECCOMP_SET_MODE_FILTER, EINVAL},
    {"memory-reads", SYS_process_vm_readv, 5, 0, ENOSYS},
    {"perf", SYS_perf_event_open, 3, UINT_MAX, EACCES}, /* group -1: each first event of a group */
};

int main(int argc, char **argv)
{
    int failed = 1;
    if (argc < 3)
        return 2;
    for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++)
        if (strcmp(argv[1], requests[i].name) == 0)
            failed = forbid(requests[i].number, requests[i].index, requests[i].value, requests[i].error);
    if (failed) {
        fprintf(stderr, "without-call: cannot forbid %s\n", argv[1]);
        return 1;
    }
    execvp(argv[2], argv + 2);
    perror(argv[2]);
    return 127;
}
