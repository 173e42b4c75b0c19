/* variants: m32 static debugframe nocfi */
/* unwind-claims.c CASE: bring about one kind of stack and state it (claims.h). */
#include "claims.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>
#include <unistd.h>

#define NOINLINE __attribute__((noinline, noclone))

/* The assembler takes no directives for code of a function that has no table. */
#ifdef WITHOUT_CFI
#define ADJUST(bytes)
#else
#define ADJUST(bytes) ".cfi_adjust_cfa_offset " bytes "\n"
#endif

static volatile int sink;

/* A call out of assembly code below the red zone, which notes where it returns to at the address in rax. */
#define CALL(target)                                                                                                   \
    "lea 1f(%%rip), %%rcx\nmov %%rcx, (%%rax)\nsub $128, %%rsp\n" ADJUST(                                              \
        "128") "call " target "\n1: add $128, %%rsp\n" ADJUST("-128")

/* ---- plain calls, and too many of them ---- */

static NOINLINE int descend(int depth, enum claim_quality quality)
{
    volatile char *locals = __builtin_alloca((size_t)(24 + depth % 5 * 16)); /* a frame of a size known at run time */
    uint64_t before = claim.count;
    locals[depth % 24] = (char)depth;
    CLAIM_CALLER(MINE);
    if (depth == 0)
        CLAIM_CALL(claim_make(quality));
    else
        sink += descend(depth - 1, quality);
    claim.count = before;
    return locals[depth % 24] + 1;
}

static void case_plain(void)
{
    claim.exact = 1;
    descend(20, BEST);
}

static void case_deep(void)
{
    descend(220, CLAIM_TRUNCATED);
}

/* ---- signals ---- */

static char *page;
static enum claim_quality handler_quality = BEST;

static uintptr_t pc_of(const ucontext_t *context)
{
#ifdef __x86_64__
    return (uintptr_t)context->uc_mcontext.gregs[REG_RIP];
#else
    return (uintptr_t)context->uc_mcontext.gregs[REG_EIP];
#endif
}

static NOINLINE void handler(int number, siginfo_t *info, void *context)
{
    (void)number, (void)info;
    claim_add((void *)pc_of(context), CLAIM_SIGNAL);
    CLAIM_CALLER(MINE | CLAIM_ENTERED);
    CLAIM_CALL(claim_make(handler_quality));
    if (mprotect(page, 4096, PROT_READ | PROT_WRITE) != 0)
        _exit(90);
}

#ifdef __x86_64__
/* Interrupted at its very first instruction: the one before belongs to another function. */
__asm__(".globl touch\n.type touch, @function\ntouch:\n.cfi_startproc\nmovb $1, (%rdi)\nret\n.cfi_endproc\n"
        ".size touch, .-touch\n");
void touch(char *at);
#else
static NOINLINE void touch(char *at)
{
    CLAIM_CALLER(MINE);
    *(volatile char *)at = 1;
}
#endif

static NOINLINE void fault(void)
{
    uint64_t before = claim.count;
    CLAIM_CALLER(MINE);
#ifdef __x86_64__
    uint64_t *slot = claim_slot(0); /* by the table of touch() */
    __asm__ volatile(CALL("touch") : "+a"(slot) : "D"(page) : "rcx", "memory");
#else
    CLAIM_CALL(touch(page));
#endif
    claim.count = before;
}

static void with_handler(int flags)
{
    struct sigaction action = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO | flags};
    page = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    sigaction(SIGSEGV, &action, NULL);
    CLAIM_CALL(fault());
}

static void case_signal(void)
{
    with_handler(0);
}

static void case_altstack(void)
{
    stack_t stack = {.ss_sp = malloc(65536), .ss_size = 65536};
    sigaltstack(&stack, NULL);
    with_handler(SA_ONSTACK);
}

/* ---- other stacks ---- */

static ucontext_t here, there;

static void coroutine(void)
{
    claim.count = 0; /* another stack begins */
    descend(5, BEST);
}

static void case_makecontext(void)
{
    static char stack[65536];
    getcontext(&there);
    there.uc_stack.ss_sp = stack;
    there.uc_stack.ss_size = sizeof(stack);
    there.uc_link = &here;
    makecontext(&there, coroutine, 0);
    swapcontext(&here, &there);
}

static void *thread(void *argument)
{
    claim.count = 0;
    descend(3, BEST);
    return argument;
}

static void case_thread(void)
{
    pthread_t id;
    pthread_create(&id, NULL, thread, NULL);
    pthread_join(id, NULL);
}

/* ---- code without tables ---- */

#ifdef __x86_64__
/* through(f) has pushed things and keeps no frame pointer; framed(f) keeps one; leaf(a, b, c) makes the call itself. */
__asm__("through:\npush %rbx\npush %r12\nsub $24, %rsp\ncall *%rdi\nadd $24, %rsp\npop %r12\npop %rbx\nret\n"
        "framed:\npush %rbp\nmov %rsp, %rbp\nsub $64, %rsp\ncall *%rdi\nleave\nret\n"
        "leaf:\nmov $28, %eax\nsyscall\nret\n");
void through(void (*function)(void));
void framed(void (*function)(void));
long leaf(void *at, size_t size, int advice);

static NOINLINE void from_assembly(void)
{
    CLAIM_CALLER(MINE);
    CLAIM_CALL(claim_make(CLAIM_HAS_GUESS));
}

static NOINLINE void call_through(void (*by)(void (*)(void)))
{
    CLAIM_CALLER(MINE);
    uint64_t *slot = claim_slot(CLAIM_GUESSED);
    __asm__ volatile(CALL("*%%rsi")
                     : "+a"(slot), "+S"(by)
                     : "D"(from_assembly)
                     : "rcx", "rdx", "r8", "r9", "r10", "r11", "memory");
}

static void case_assembly(void)
{
    call_through(through);
}

static void case_frame_pointer(void)
{
    call_through(framed);
}

static void case_leaf(void)
{
    CLAIM_CALLER(MINE);
    uint64_t *slot = claim_slot(CLAIM_GUESSED);
    claim.quality = CLAIM_HAS_GUESS;
    __asm__ volatile(CALL("leaf")
                     : "+a"(slot)
                     : "D"(&claim), "S"(sizeof(claim)), "d"(CLAIM_ADVICE)
                     : "rcx", "r11", "memory");
}

/* Code that the program makes in anonymous memory, page after page, with frame pointers. */
static void case_jit(void)
{
    static const unsigned char code[] = {0x55, 0x48, 0x89, 0xe5, 0xff, 0xd7, 0x5d, 0xc3};
    char *memory = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    for (int i = 0; i < 2; i++) {
        memcpy(memory + i * 4096, code, sizeof(code));
        mprotect(memory + i * 4096, 4096, PROT_READ | PROT_EXEC);
        call_through((void (*)(void (*)(void)))(uintptr_t)(memory + i * 4096));
        claim.count = 0;
    }
}

/* The return address is undefined in a table of its own: nothing outside is asked for. */
__asm__("outermost:\n.cfi_startproc\n.cfi_undefined rip\nsub $8, %rsp\ncall *%rdi\nadd $8, %rsp\nret\n.cfi_endproc\n");
void outermost(void (*function)(void));

static NOINLINE void innermost(void)
{
    CLAIM_CALLER(MINE);
    CLAIM_CALL(claim_make(BEST));
}

static void case_undefined(void)
{
    CLAIM_CALL(outermost(innermost));
}

/* A table that leads nowhere: the return address is taken from unreadable memory. */
__asm__("astray:\n.cfi_startproc\n.cfi_def_cfa rip, -64\nsub $8, %rsp\ncall *%rdi\nadd $8, %rsp\nret\n.cfi_endproc\n");
void astray(void (*function)(void));

static enum claim_quality lost_quality = CLAIM_TRUNCATED;

static NOINLINE void lost(void)
{
    CLAIM_CALLER(MINE);
    CLAIM_CALL(claim_make(lost_quality));
}

/* Where guesses were needed before, a table that leads astray is not believed, and guessing goes on. */
static void case_astray(void)
{
    if (MINE == CLAIM_GUESSED)
        lost_quality = CLAIM_HAS_GUESS;
    CLAIM_CALL(astray(lost));
}

/* A table that leads to its own frame again. */
__asm__("circle:\n.cfi_startproc\n.cfi_def_cfa rsp, 0\n.cfi_same_value rip\nsub $8, %rsp\ncall *%rdi\nadd $8, %rsp\n"
        "ret\n.cfi_endproc\n");
void circle(void (*function)(void));

static void case_circle(void)
{
    CLAIM_CALL(circle(lost));
}
#endif

static const struct {
    const char *name;
    void (*run)(void);
} cases[] = {
    {"plain", case_plain},
    {"deep", case_deep},
    {"signal", case_signal},
    {"altstack", case_altstack},
    {"makecontext", case_makecontext},
    {"thread", case_thread},
#ifdef __x86_64__
    {"assembly", case_assembly},
    {"frame-pointer", case_frame_pointer},
    {"leaf", case_leaf},
    {"jit", case_jit},
    {"undefined", case_undefined},
    {"astray", case_astray},
    {"circle", case_circle},
#endif
};

int main(int argc, char **argv)
{
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        if (argc == 2 && strcmp(argv[1], cases[i].name) == 0) {
            CLAIM_CALL(cases[i].run());
            return 0;
        }
    fprintf(stderr, "usage: unwind-claims CASE\n");
    return 2;
}
