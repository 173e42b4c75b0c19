/* argument-names.c: calls whose arguments are written in every way there is: bits, values between bits, numbers without
 * a name, paths, names, lists, and what can't be read.  Many of them fail, which is as good here. */
#include <fcntl.h>
#include <linux/sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/shm.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PAGE = 4096, READ_WRITE = PROT_READ | PROT_WRITE, PRIVATE = MAP_PRIVATE | MAP_ANONYMOUS };

static char *map(size_t size, int prot, int flags)
{
    return (char *)syscall(SYS_mmap, NULL, size, prot, flags, -1, 0L);
}

static void maps(void)
{
    static const int flags[] = {
        MAP_SHARED | MAP_ANONYMOUS,
        0x3 | MAP_ANONYMOUS, /* MAP_SHARED_VALIDATE */
        0x8 | MAP_ANONYMOUS, /* MAP_DROPPABLE */
        0x5 | MAP_ANONYMOUS,
        MAP_ANONYMOUS,
        PRIVATE | MAP_HUGETLB | 21 << 26,
        PRIVATE | MAP_HUGETLB | 30 << 26,
        PRIVATE | MAP_NORESERVE | MAP_STACK | MAP_GROWSDOWN | 0x200000,
    };
    for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++)
        map(PAGE, READ_WRITE, flags[i]);
    char *p = map(4 * PAGE, READ_WRITE, PRIVATE);
    const int prots[] = {PROT_NONE, PROT_READ | PROT_EXEC, 0x8, READ_WRITE | 0x01000000, 0x02000000, 0x100000};
    for (size_t i = 0; i < sizeof(prots) / sizeof(prots[0]); i++)
        syscall(SYS_mprotect, p, PAGE, prots[i]);
    map(UINT64_C(1) << 62, READ_WRITE, PRIVATE);
    const int advices[] = {0, 4, 77, -1};
    for (size_t i = 0; i < sizeof(advices) / sizeof(advices[0]); i++)
        syscall(SYS_madvise, p, PAGE, advices[i]);
    syscall(SYS_mlock2, p, PAGE, 0x81);
    syscall(SYS_mlock2, p, PAGE, 0x80);
    syscall(SYS_mlockall, 0x8 | MCL_FUTURE);
    syscall(SYS_mremap, p, 4 * PAGE, 2 * PAGE, 0L, 0x1234L);
    syscall(SYS_mremap, p, 2 * PAGE, PAGE, 0x101L, 0x1234L);
    syscall(SYS_mremap, p, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, p + 2 * PAGE);
    syscall(SYS_munmap, p, PAGE);
    syscall(SYS_brk, sbrk(0));
}

static void names(void)
{
    char *p = map(2 * PAGE, READ_WRITE, PRIVATE);
    const int file = open("strange <name>\n\"of\" a \033file\303\251", O_RDWR | O_CREAT, 0600);
    if (file < 0 || ftruncate(file, PAGE) != 0)
        _exit(1);
    syscall(SYS_mmap, NULL, PAGE, PROT_READ, MAP_SHARED, file, 0L);
    syscall(SYS_mmap, NULL, PAGE, PROT_READ, MAP_PRIVATE, AT_FDCWD, (long)PAGE);
    enum { SET_VMA = 0x53564d41 };
    syscall(SYS_prctl, SET_VMA, 0L, p, PAGE, "name with \"quotes\"");
    syscall(SYS_prctl, SET_VMA, 0L, p, PAGE, NULL);
    syscall(SYS_prctl, SET_VMA, 0L, p, PAGE, 0x10L);
    syscall(SYS_prctl, SET_VMA, 9L, p, PAGE, "never read");
    syscall(SYS_prctl, 35L /* PR_SET_MM */, 7L, 1L, 0L, 0L);
    syscall(SYS_prctl, 35L, 99L, 1L, 0L, 0L);
    const int shared = shmget(IPC_PRIVATE, PAGE, 0600);
    char *at = shmat(shared, NULL, SHM_RDONLY);
    shmctl(shared, IPC_RMID, NULL);
    shmdt(at);
    syscall(SYS_shmat, shared, 0L, 0x1 | SHM_RND);
}

static void wait_for(long child)
{
    if (child > 0)
        waitpid((pid_t)child, NULL, __WALL);
}

/* Each of them ends at once. */
static void processes(void)
{
    long child = fork();
    if (child == 0)
        _exit(3);
    wait_for(child);
    child = vfork();
    if (child == 0)
        _exit(-4);
    wait_for(child);
    const long signals[] = {0, SIGCHLD, SIGUSR1, SIGRTMIN + 3, 100};
    for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
        child = syscall(SYS_clone, CLONE_FILES | signals[i], 0L, 0L, 0L, 0L);
        if (child == 0)
            syscall(SYS_exit, 5);
        wait_for(child);
        struct clone_args args = {.flags = CLONE_FS, .exit_signal = (uint64_t)signals[i]};
        child = syscall(SYS_clone3, &args, sizeof(args));
        if (child == 0)
            syscall(SYS_exit_group, 6);
        wait_for(child);
    }
}

static void execs(void)
{
    static char longest[400];
    memset(longest, 'a', sizeof(longest) - 1);
    char *const none[] = {NULL}, *const one[] = {"only=one", NULL};
    char *const strange[] = {"a \"quoted\"\n\033[31m one", "", longest, "\xff<&>", NULL};
    static char *many[2000];
    for (size_t i = 0; i + 1 < sizeof(many) / sizeof(many[0]); i++)
        many[i] = "--argument";
    execve("./not there", strange, one);
    execve("/dev/null", none, none);
    execve("/dev/null", many, many);
    syscall(SYS_execve, 0x10L, strange, one);
    syscall(SYS_execve, NULL, NULL, NULL);
    const int here = open(".", O_RDONLY | O_DIRECTORY);
    syscall(SYS_execveat, here, "no", strange, one, 0x1000L);
    syscall(SYS_execveat, AT_FDCWD, "no", one, none, 0L);
    syscall(SYS_execveat, 999, "", none, none, 0x100L);
}

int main(int argc, char **argv)
{
    if (argc > 1) /* what it has become */
        return 7;
    signal(SIGUSR1, SIG_IGN);
    signal(SIGRTMIN + 3, SIG_IGN);
    maps();
    names();
    processes();
    execs();
    syscall(SYS_personality, 0xffffffffL);
    syscall(SYS_personality, 0x400000L); /* READ_IMPLIES_EXEC, */
    syscall(SYS_personality, 0L);        /* which this one returns */
    return execl(argv[0], argv[0], "it's", "a\tnew one", (char *)NULL);
}
