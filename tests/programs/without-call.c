/*
 * without-call.c: run a command on a kernel that lacks something: `without-call procmap-query COMMAND...` makes the
 * ioctl that asks for one mapping fail as on kernels before 6.11, `without-call ptrace-info COMMAND...` makes
 * PTRACE_GET_SYSCALL_INFO fail as before 5.3.
 */
#include <errno.h>
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
#define PTRACE_GET_SYSCALL_INFO_NUMBER 0x420e

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

int main(int argc, char **argv)
{
    int failed = 1;
    if (argc < 3)
        return 2;
    if (strcmp(argv[1], "procmap-query") == 0)
        failed = forbid(SYS_ioctl, 1, PROCMAP_QUERY_104, ENOTTY);
    else if (strcmp(argv[1], "ptrace-info") == 0)
        failed = forbid(SYS_ptrace, 0, PTRACE_GET_SYSCALL_INFO_NUMBER, EIO);
    if (failed) {
        fprintf(stderr, "without-call: cannot forbid %s\n", argv[1]);
        return 1;
    }
    execvp(argv[2], argv + 2);
    perror(argv[2]);
    return 127;
}
