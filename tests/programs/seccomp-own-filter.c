/*
 * seccomp-own-filter.c HOW: the program has a filter of its own, for mmap with a length of 5 pages only.  HOW
 * is what the filter does: errno (the call fails with EPERM and has no effect), trap (SIGSYS, answered by a
 * handler), kill (the process dies by SIGSYS), two (a second filter on top).  Of several filters the
 * strictest wins, seccomp(2).
 */
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { PAGE = 4096 };

static volatile sig_atomic_t trapped;

static void on_trap(int number, siginfo_t *info, void *context)
{
    (void)number, (void)context;
    if (info->si_syscall == SYS_mmap && info->si_arch == AUDIT_ARCH_X86_64)
        trapped++;
}

static void filter(uint32_t length, uint32_t action)
{
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_mmap, 0, 3),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[1])),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, length, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, action),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {.len = sizeof(code) / sizeof(code[0]), .filter = code};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) != 0)
        _exit(90);
}

static void *map(size_t pages)
{
    return mmap(NULL, pages * PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

int main(int argc, char **argv)
{
    const char *how = argc > 1 ? argv[1] : "errno";
    struct sigaction action = {.sa_sigaction = on_trap, .sa_flags = SA_SIGINFO};

    setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
    if (strcmp(how, "trap") == 0) {
        sigaction(SIGSYS, &action, NULL);
        filter(5 * PAGE, SECCOMP_RET_TRAP);
        map(5);
        if (trapped != 1)
            return 1;
    } else if (strcmp(how, "kill") == 0) {
        filter(5 * PAGE, SECCOMP_RET_KILL_PROCESS);
        map(5);
        return 2;
    } else {
        filter(5 * PAGE, SECCOMP_RET_ERRNO | EPERM);
        if (strcmp(how, "two") == 0)
            filter(6 * PAGE, SECCOMP_RET_ERRNO | EDOM);
        if (map(5) != MAP_FAILED || errno != EPERM)
            return 3;
        if (strcmp(how, "two") == 0 && (map(6) != MAP_FAILED || errno != EDOM))
            return 4;
    }
    if (map(7) == MAP_FAILED)
        return 5;
    puts("filtered as asked");
    return 0;
}
