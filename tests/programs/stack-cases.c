/* variants: o2 static staticpie stripped minidebug debuglink m32 */
/* stack-cases.c CASE...: bring about kinds of stacks and state them (stated.h). */
#include "stated.h"

#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/wait.h>
#include <ucontext.h>

enum { NOWHERE = 64 }; /* an address where there is no code */

static volatile int sink;

/* ---- plain calls ---- */

static NOINLINE void leaf(void)
{
    HERE();
    STATE("complete");
}

static NOINLINE void descend(int depth)
{
    volatile char *locals = __builtin_alloca((size_t)(24 + depth % 5 * 16)); /* a size that is known at run time */
    HERE();
    locals[depth % 24] = (char)depth;
    if (depth == 0)
        CALL(leaf());
    else
        CALL(descend(depth - 1));
    sink += locals[depth % 24];
}

static NOINLINE void case_plain(void)
{
    HERE();
    CALL(descend(0));
    CALL(descend(20));
}

/* ---- calls that leave no frame ---- */

static NOINLINE void jumped_to(void)
{
    HERE();
    STATE("complete");
}

static NOINLINE __attribute__((optimize("O2"))) void jumps(void)
{
    sink++;
    jumped_to();
}

static NOINLINE void case_tail(void)
{
    HERE();
    CALL(jumps());
}

/* ---- functions inside of others ---- */

INLINED void innermost_inlined(void)
{
    CALL_INLINED(leaf());
}

INLINED void middle_inlined(int count)
{
    sink += count;
    CALL_INLINED(innermost_inlined());
}

static NOINLINE void holder(void)
{
    HERE();
    CALL(middle_inlined(1));
    CALL(middle_inlined(2));
}

/* The call itself is made in an inlined function. */
INLINED void states_inlined(void)
{
    stated_push(__func__, __LINE__ + 1)->inlined = true;
    madvise(stated_next("complete"), 4096, STATED_ADVICE);
    n_stated--;
}

static NOINLINE void case_inlined(void)
{
    HERE();
    CALL(holder());
    CALL(states_inlined());
}

/* ---- signals ---- */

/* What handlers return to: of the C library, known by name when that is linked in with its symbols; else the kernel's.
 */
#if defined(__x86_64__) && defined(LINKED_STATICALLY)
#define TRAMPOLINE "__restore_rt"
#else
#define TRAMPOLINE "*"
#endif

static char *page;

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
    stated[n_stated - 1].pc = pc_of(context); /* of touch() */
    stated_push(TRAMPOLINE, 0);
    STATE("complete");
    n_stated--;
    if (mprotect(page, 4096, PROT_READ | PROT_WRITE) != 0)
        _exit(90);
}

static NOINLINE void touch(void)
{
    HERE();
    CALL(*(volatile char *)page = 1);
}

static NOINLINE void with_handler(int flags)
{
    struct sigaction action = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO | flags};
    HERE();
    page = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    sigaction(SIGSEGV, &action, NULL);
    CALL(touch());
}

static NOINLINE void case_signal(void)
{
    HERE();
    CALL(with_handler(0));
}

static NOINLINE void case_altstack(void)
{
    stack_t stack = {.ss_sp = malloc(65536), .ss_size = 65536};
    HERE();
    sigaltstack(&stack, NULL);
    CALL(with_handler(SA_ONSTACK));
}

/* A call of a function that is not there: code is not where the signal interrupted, but it has a caller. */
static sigjmp_buf away;

static NOINLINE void wild_handler(int number)
{
    (void)number;
    stated[n_stated - 1].guessed = true; /* found from there */
    stated_push("*", 0)->pc = NOWHERE;
    stated_push(TRAMPOLINE, 0);
    STATE("guessed");
    n_stated -= 2;
    siglongjmp(away, 1);
}

static NOINLINE void calls_nowhere(void)
{
    void (*volatile nowhere)(void) = (void (*)(void))NOWHERE;
    HERE();
    CALL(nowhere());
}

static NOINLINE void case_wild(void)
{
    HERE();
    signal(SIGSEGV, wild_handler);
    const unsigned before = n_stated;
    if (sigsetjmp(away, 1) == 0)
        CALL(calls_nowhere());
    n_stated = before;
}

/* ---- other stacks ---- */

static ucontext_t here, there;

static NOINLINE void coroutine(void)
{
    stated_base = n_stated; /* another stack begins */
    CALL(descend(3));
    stated_base = 0;
}

static NOINLINE void case_makecontext(void)
{
    static char stack[131072];
    HERE();
    getcontext(&there);
    there.uc_stack.ss_sp = stack;
    there.uc_stack.ss_size = sizeof(stack);
    there.uc_link = &here;
    makecontext(&there, coroutine, 0);
    CALL(swapcontext(&here, &there));
    CALL(leaf());
}

static NOINLINE void *first_of_thread(void *argument)
{
    CALL(descend(*(int *)argument));
    return argument;
}

static NOINLINE void case_thread(void)
{
    pthread_t id;
    int depth = 2;
    HERE();
    pthread_create(&id, NULL, first_of_thread, &depth);
    pthread_join(id, NULL);
    CALL(leaf());
}

enum { THREADS = 12, ROUNDS = 20 };

static void *one_of_many(void *argument)
{
    for (int i = 0; i < ROUNDS; i++)
        CALL(descend((i + *(int *)argument) % 12));
    return argument;
}

static NOINLINE void case_threads(void)
{
    pthread_t ids[THREADS];
    int numbers[THREADS];
    for (int i = 0; i < THREADS; i++) {
        numbers[i] = i;
        pthread_create(&ids[i], NULL, one_of_many, &numbers[i]);
    }
    for (int i = 0; i < THREADS; i++)
        pthread_join(ids[i], NULL);
}

/* ---- other processes ---- */

static const char *program;

static void wait_for(pid_t pid)
{
    int status;
    if (pid < 0 || waitpid(pid, &status, 0) != pid || status != 0)
        _exit(97);
}

static NOINLINE void case_fork(void)
{
    HERE();
    CALL(leaf());
    pid_t pid = fork();
    if (pid == 0) {
        CALL(descend(2));
        if (fork() == 0) { /* and the child's child, which has the same code from the start */
            CALL(descend(1));
            _exit(0);
        }
        wait(NULL);
        _exit(0);
    }
    wait_for(pid);
    CALL(leaf());
}

/* Modules that the parent has never had a stack in. */
static NOINLINE void case_exec(void)
{
    HERE();
    CALL(leaf());
    pid_t pid = fork();
    if (pid == 0) {
        execl(program, program, "plain", (char *)NULL);
        _exit(96);
    }
    wait_for(pid);
    CALL(leaf());
}

static NOINLINE void case_vfork(void)
{
    HERE();
    CALL(leaf());
    pid_t pid = vfork();
    if (pid == 0) {
        CALL(descend(2));
        _exit(0);
    }
    wait_for(pid);
    CALL(leaf());
}

#ifdef __x86_64__

/* ---- code without tables ---- */

__asm__("through:\npush %rbx\npush %r12\nsub $24, %rsp\ncall *%rdi\nadd $24, %rsp\npop %r12\npop %rbx\nret\n"
        ".type through, @function\n.size through, .-through\n"
        "framed:\npush %rbp\nmov %rsp, %rbp\nsub $64, %rsp\ncall *%rdi\nleave\nret\n"
        ".type framed, @function\n.size framed, .-framed\n");
void through(void (*function)(void));
void framed(void (*function)(void));

static NOINLINE void from_assembly(void)
{
    HERE();
    STATE("guessed");
}

static NOINLINE void case_assembly(void)
{
    HERE();
    stated_push(__func__, __LINE__ + 2)->guessed = true; /* found from through() */
    stated_push("through", 0);
    through(from_assembly);
    n_stated -= 2;
    stated_push(__func__, __LINE__ + 2)->guessed = true;
    stated_push("framed", 0);
    framed(from_assembly);
    n_stated -= 2;
}

/* ---- the table that calls of libraries jump through ---- */

/* Instruction by instruction; each in the table is stated, until the loader or the library is reached. */
extern char __executable_start, etext;
static uintptr_t stub_start, stub_end;
static unsigned stubs;

static NOINLINE void step_handler(int number, siginfo_t *info, void *context)
{
    ucontext_t *at = context;
    uintptr_t pc = pc_of(at);
    (void)number, (void)info;
    if (pc < (uintptr_t)&__executable_start || pc >= (uintptr_t)&etext) {
        at->uc_mcontext.gregs[REG_EFL] &= ~0x100;
        return;
    }
    if (pc < stub_start || pc >= stub_end)
        return;
    stubs++;
    stated_push("*", 0)->pc = pc;
    stated_push(TRAMPOLINE, 0);
    STATE("complete");
    n_stated -= 2;
}

extern int stepped(void);
__asm__("stepped:\n.cfi_startproc\nsub $8, %rsp\n.cfi_adjust_cfa_offset 8\npushf\n.cfi_adjust_cfa_offset 8\n"
        "orl $0x100, (%rsp)\npopf\n.cfi_adjust_cfa_offset -8\nstub_call: call getppid@plt\nadd $8, %rsp\n"
        ".cfi_adjust_cfa_offset -8\nret\n.cfi_endproc\n.type stepped, @function\n.size stepped, .-stepped\n");
extern const char stub_call[]; /* one byte, and the distance from its end to the stub */

static NOINLINE void case_plt(void)
{
    struct sigaction action = {.sa_sigaction = step_handler, .sa_flags = SA_SIGINFO};
    int32_t distance;
    HERE();
    sigaction(SIGTRAP, &action, NULL);
    CALL(leaf()); /* what it needs of libraries is bound now */
    memcpy(&distance, stub_call + 1, sizeof(distance));
    stub_end = (uintptr_t)(stub_call + 5 + distance);
    stub_start = stub_end & ~(uintptr_t)4095; /* the first entry of the table is on the same page */
    stub_end += 16;
    stated_push(__func__, __LINE__ + 2);
    stated_push("stepped", 0)->pc = (uintptr_t)stub_call + 5;
    stepped();
    n_stated -= 2;
    if (!stubs)
        _exit(95);
}
#endif

static const struct {
    const char *name;
    void (*run)(void);
} cases[] = {
    {"plain", case_plain},
    {"tail", case_tail},
    {"inlined", case_inlined},
    {"signal", case_signal},
    {"altstack", case_altstack},
    {"wild", case_wild},
    {"makecontext", case_makecontext},
    {"thread", case_thread},
    {"threads", case_threads},
    {"fork", case_fork},
    {"exec", case_exec},
    {"vfork", case_vfork},
#ifdef __x86_64__
    {"assembly", case_assembly},
    {"plt", case_plt},
#endif
};

static void (*find(const char *name))(void)
{
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        if (strcmp(name, cases[i].name) == 0)
            return cases[i].run;
    fprintf(stderr, "stack-cases: there is no case %s\n", name);
    exit(2);
}

int main(int argc, char **argv)
{
    program = argv[0];
    for (int i = 1; i < argc; i++) {
        void (*run)(void) = find(argv[i]);
        CALL(run());
    }
    return 0;
}
