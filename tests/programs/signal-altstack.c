/* signal-altstack.c: handlers on an alternate stack make memory calls: one in answer to a page fault, which
 * it repairs by mprotect; one in answer to a stack that has overflowed, which it leaves by siglongjmp; one
 * nested in another, sigaltstack(2). */
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

enum { PAGE = 4096, PAGES = 20 };

static char *guarded;
static volatile sig_atomic_t repaired, nested;
static volatile int depth_reached;
static sigjmp_buf out;

static void repair(int number, siginfo_t *info, void *context)
{
    (void)number, (void)context;
    uintptr_t at = (uintptr_t)info->si_addr;
    if (at >= (uintptr_t)guarded && at < (uintptr_t)guarded + PAGES * PAGE) {
        raise(SIGUSR1);
        if (mprotect((void *)(at & ~(uintptr_t)(PAGE - 1)), PAGE, PROT_READ | PROT_WRITE) != 0)
            _exit(90);
        repaired++;
        return;
    }
    /* The stack is used up. */
    void *p = mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED)
        _exit(91);
    siglongjmp(out, 1);
}

static void within(int number)
{
    (void)number;
    void *p = mmap(NULL, 3 * PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED || munmap(p, 3 * PAGE) != 0)
        _exit(92);
    nested++;
}

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Winfinite-recursion"
__attribute__((noinline)) static int overflow(int depth)
{
    volatile char frame[PAGE];
    frame[0] = (char)depth;
    depth_reached = depth;
    return overflow(depth + 1) + frame[0];
}
#pragma GCC diagnostic pop

int main(void)
{
    static char alternate[65536];
    stack_t stack = {.ss_sp = alternate, .ss_size = sizeof(alternate)};
    struct sigaction fault = {.sa_sigaction = repair, .sa_flags = SA_SIGINFO | SA_ONSTACK};
    struct sigaction inner = {.sa_handler = within, .sa_flags = SA_ONSTACK};
    if (sigaltstack(&stack, NULL) != 0 || sigaction(SIGSEGV, &fault, NULL) != 0 ||
        sigaction(SIGUSR1, &inner, NULL) != 0)
        return 1;

    guarded = mmap(NULL, PAGES * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (guarded == MAP_FAILED)
        return 2;
    for (int i = 0; i < PAGES; i++)
        ((volatile char *)guarded)[i * PAGE] = 1;
    if (repaired != PAGES || nested != PAGES)
        return 3;

    /* A small stack overflows soon. */
    struct rlimit limit = {256 * 1024, 256 * 1024};
    if (setrlimit(RLIMIT_STACK, &limit) != 0)
        return 4;
    if (sigsetjmp(out, 1) == 0)
        return overflow(0);
    if (depth_reached < 10)
        return 5;
    puts("handled");
    return 0;
}
