/* links: tracer.a */
/* test_unwind.c: stacks of real processes, stopped at each memory call; those of unwind-*.c state what is right
 * (claims.h).  The programs are found through BRKWATER_PROGRAMS. */
#define CLAIMS_READER
#include "../../tracer/arch.h"
#include "../../tracer/maps.h"
#include "../../tracer/memory.h"
#include "../../tracer/unwind/unwind.h"
#include "../programs/claims.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

enum { MAX_THREADS = 16 };

struct traced {
    pid_t tid;
    enum call call; /* between its entry and its exit, else CALL_NONE */
    struct call_args args;
};

/* One traced program. */
struct run {
    struct unwinder *unwinder;
    struct unwind_space *space;
    int maps;
    pid_t pid;
    struct traced threads[MAX_THREADS];
    unsigned n_threads;
    bool approximate;   /* other frames may stand between those that are claimed */
    const char *unlink; /* a file to remove once the program runs; NULL for none */
    unsigned captures, claims;
    unsigned by_quality[3];
    int status;
};

/* ---- one stack against one claim ---- */

static void print_stack(const struct run *run, const struct unwind_stack *stack, const struct claim *claim)
{
    print_message("quality %d, end %d; claimed quality %llu\n", stack->quality, stack->end,
                  (unsigned long long)claim->quality);
    for (unsigned i = 0; i < stack->count; i++) {
        const struct module *module = unwinder_module(run->unwinder, stack->frames[i].module);
        print_message("%3u %12llx flags %u %s+%llx\n", i, (unsigned long long)stack->frames[i].pc,
                      stack->frames[i].flags, module ? module->name : "-", (unsigned long long)stack->frames[i].vaddr);
    }
    for (uint64_t i = claim->count; i-- > 0;)
        print_message("    %12llx flags %llu claimed\n", (unsigned long long)claim->frames[i].pc,
                      (unsigned long long)claim->frames[i].flags);
}

/* A stale frame that has a table may lead to one that is claimed as a guess. */
static bool is_frame(const struct run *run, const struct unwind_stack *stack, unsigned at, const struct claim *claim,
                     uint64_t index)
{
    uint64_t may_lack = run->approximate ? CLAIM_GUESSED : 0, claimed = claim->frames[index].flags;
    return at < stack->count && stack->frames[at].pc == claim->frames[index].pc &&
           (stack->frames[at].flags == claimed || stack->frames[at].flags == (claimed & ~may_lack));
}

/* The claimed frames, one after another, innermost first; a few frames of the C library may come before. */
static bool has_frames(const struct run *run, const struct unwind_stack *stack, const struct claim *claim,
                       unsigned *ret_last)
{
    enum { INNER = 4 };
    unsigned at = 0, skipped = 0;
    for (uint64_t i = claim->count; i-- > 0; at++) {
        while (at < stack->count && !is_frame(run, stack, at, claim, i)) {
            if (!run->approximate && (i != claim->count - 1 || skipped++ == INNER))
                return false;
            at++;
        }
        if (at == stack->count && stack->end == UNWIND_END_DEPTH)
            return i < claim->count - 1;
        if (at == stack->count)
            return false;
    }
    *ret_last = at - 1;
    return true;
}

static void check_claim(struct run *run, const struct unwind_stack *stack, const struct claim *claim)
{
    enum { STARTUP = 4 }; /* the case, main, and what the C library calls it from */
    unsigned last = 0;
    bool right = claim->count && has_frames(run, stack, claim, &last) && stack->quality == claim->quality;
    if (right && claim->exact)
        right = stack->count - last - 1 <= STARTUP + 2;
    if (!right)
        print_stack(run, stack, claim);
    assert_true(right);
    run->claims++;
}

/* ---- tracing ---- */

static void capture(struct run *run, const struct traced *thread)
{
    struct user_regs_struct user;
    struct unwind_registers registers;
    struct unwind_stack stack;
    pid_t tid = thread->tid;
    assert_int_equal(ptrace(PTRACE_GETREGS, tid, NULL, &user), 0);
    unwind_registers_from_user(&user, &registers);
    const struct unwind_memory memory = {unwind_read_process, &tid};
    const struct unwind_thread source = {.pid = tid, .maps = run->maps, .registers = &registers, .memory = &memory};
    assert_int_equal(unwind_capture(run->unwinder, run->space, &source, &stack), 0);
    assert_true(stack.count > 0);
    run->captures++;
    run->by_quality[stack.quality]++;
    if (thread->call == CALL_MADVISE && thread->args.args[2] == CLAIM_ADVICE) {
        struct claim claim;
        assert_int_equal(memory_read(tid, thread->args.args[0], &claim, sizeof(claim)), 0);
        assert_true(claim.count <= CLAIM_MAX);
        check_claim(run, &stack, &claim);
    }
}

static struct traced *thread_of(struct run *run, pid_t tid)
{
    for (unsigned i = 0; i < run->n_threads; i++)
        if (run->threads[i].tid == tid)
            return &run->threads[i];
    assert_true(run->n_threads < MAX_THREADS);
    run->threads[run->n_threads] = (struct traced){.tid = tid};
    return &run->threads[run->n_threads++];
}

static void at_call(struct run *run, struct traced *thread)
{
    struct syscall_info info;
    assert_int_equal(arch_syscall_info(thread->tid, &info), 0);
    if (info.stop == SYSCALL_ENTRY) {
        thread->call = call_lookup(info.abi, info.number, info.args);
        if (thread->call == CALL_NONE || call_info(thread->call)->effect >= EFFECT_EXEC)
            return;
        arch_call_args(thread->tid, thread->call, &info, &thread->args);
        capture(run, thread);
    } else if (info.stop == SYSCALL_EXIT && thread->call != CALL_NONE) {
        unwind_space_follow(run->space, thread->call, thread->args.args, (uint64_t)info.result,
                            info.error ? (uint32_t)-info.result : 0);
        thread->call = CALL_NONE;
    }
}

static void at_exec(struct run *run)
{
    unwind_space_free(run->space);
    close(run->maps);
    run->space = unwind_space_new();
    run->maps = maps_open(run->pid);
    assert_true(run->space && run->maps >= 0);
    if (run->unlink)
        assert_int_equal(unlink(run->unlink), 0);
}

/* Serve one stop; false when the program has ended. */
static bool serve(struct run *run)
{
    int status;
    pid_t tid = waitpid(-1, &status, __WALL);
    assert_true(tid > 0);
    if (!WIFSTOPPED(status)) {
        run->status = tid == run->pid ? status : run->status;
        return tid != run->pid;
    }
    struct traced *thread = thread_of(run, tid);
    int signal = WSTOPSIG(status), event = status >> 16;
    if (signal == (SIGTRAP | 0x80))
        at_call(run, thread);
    else if (event == PTRACE_EVENT_EXEC)
        at_exec(run);
    bool deliver = !event && signal != (SIGTRAP | 0x80);
    ptrace(PTRACE_SYSCALL, tid, NULL, (void *)(uintptr_t)(deliver ? signal : 0));
    return true;
}

static pid_t spawn(char **arguments)
{
    int go[2];
    char byte = 0;
    assert_int_equal(pipe(go), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        close(go[1]);
        if (read(go[0], &byte, 1) == 1) {
            close(go[0]);
            execv(arguments[0], arguments);
        }
        _exit(errno == ENOEXEC ? 126 : 127);
    }
    assert_int_equal(ptrace(PTRACE_SEIZE, pid, NULL,
                            PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC | PTRACE_O_EXITKILL),
                     0);
    assert_int_equal(ptrace(PTRACE_INTERRUPT, pid, NULL, NULL), 0);
    assert_int_equal(write(go[1], &byte, 1), 1);
    close(go[0]);
    close(go[1]);
    return pid;
}

static void path_of(const char *program, char *path, size_t size)
{
    const char *folder = getenv("BRKWATER_PROGRAMS");
    if (program[0] == '/')
        snprintf(path, size, "%s", program);
    else
        snprintf(path, size, "%s/%s", folder ? folder : "build/tests/programs", program);
}

/* Trace a program to its end, with what `run` asks for. */
static struct run trace_path(char *path, char *argument, struct run run)
{
    char *arguments[] = {path, argument, NULL};
    run.unwinder = unwinder_new(UNWIND_DEPTH);
    assert_non_null(run.unwinder);
    run.pid = spawn(arguments);
    run.space = unwind_space_new();
    run.maps = maps_open(run.pid);
    while (serve(&run))
        ;
    unwind_space_free(run.space);
    unwinder_free(run.unwinder);
    close(run.maps);
    return run;
}

/* The same for a program of ours; skips the test when it was not built or can't run here. */
static struct run trace(const char *program, char *argument, bool approximate)
{
    char path[4096];
    path_of(program, path, sizeof(path));
    if (access(path, X_OK) < 0)
        skip();
    struct run run = trace_path(path, argument, (struct run){.approximate = approximate});
    if (WIFEXITED(run.status) && WEXITSTATUS(run.status) == 126)
        skip(); /* a kernel without 32-bit programs */
    return run;
}

/* ---- tests ---- */

static char *const cases[] = {"plain", "deep", "signal", "altstack", "makecontext", "thread", NULL};
static char *const cases_without_tables[] = {"plain", "deep", "signal", "altstack", "thread", NULL};
static char *const cases_64_without_tables[] = {"leaf", "undefined", "astray", "circle", NULL};
static char *const cases_64[] = {"assembly", "frame-pointer", "leaf", "jit", "undefined", "astray", "circle", NULL};

/* At the start of a program, before its code runs, the loader's stacks are complete too: every capture counts. */
static void check_cases(const char *program, char *const *names, bool approximate)
{
    for (; *names; names++) {
        struct run run = trace(program, *names, approximate);
        if (run.status || !run.claims)
            print_message("%s %s: status %x, %u claims\n", program, *names, run.status, run.claims);
        assert_int_equal(run.status, 0);
        assert_true(run.claims >= 1);
        assert_true(run.by_quality[UNWIND_TRUNCATED] <= run.claims);
    }
}

static void test_dynamic(void **state)
{
    (void)state;
    check_cases("unwind-claims", cases, false);
    check_cases("unwind-claims", cases_64, false);
}

static void test_static(void **state)
{
    (void)state;
    check_cases("unwind-claims-static", cases, false);
    check_cases("unwind-claims-static", cases_64, false);
}

/* Tables only where debuggers look, compressed. */
static void test_debug_frame(void **state)
{
    (void)state;
    check_cases("unwind-claims-debugframe", cases, false);
    check_cases("unwind-claims-debugframe", cases_64, false);
}

/* Stripped, no tables, no frame pointers: stale return addresses may come between, but none is lost.  Left out is what
 * a guess can't get right: a frame pointer that an inner function has not set, and the end of another stack. */
static void test_without_tables(void **state)
{
    (void)state;
    check_cases("unwind-claims-nocfi", cases_without_tables, true);
    check_cases("unwind-claims-nocfi", cases_64_without_tables, true);
}

static void test_32bit(void **state)
{
    (void)state;
    /* glibc's code that ends a context has no table on i386. */
    check_cases("unwind-claims-m32", cases_without_tables, false);
}

/* Two libraries in turn at one address. */
static void test_library_replaced(void **state)
{
    (void)state;
    struct run run = trace("unwind-library", NULL, false);
    if (WIFEXITED(run.status) && WEXITSTATUS(run.status) == 3)
        skip();
    assert_int_equal(run.status, 0);
    assert_int_equal(run.claims, 6);
    assert_int_equal(run.by_quality[UNWIND_COMPLETE], run.captures);
}

static void copy_file(const char *from, const char *to)
{
    static char bytes[1 << 16];
    int in = open(from, O_RDONLY | O_CLOEXEC), out = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0700);
    ssize_t size;
    if (in < 0)
        skip();
    assert_true(out >= 0);
    while ((size = read(in, bytes, sizeof(bytes))) > 0)
        assert_true(write(out, bytes, (size_t)size) == size);
    close(in);
    close(out);
}

/* A program whose file is gone.  Who may not look into map_files gets the tables from the
 * program's memory. */
static void test_deleted(void **state)
{
    (void)state;
    char from[4096], folder[] = "/tmp/brkwater-unwind-XXXXXX", path[64];
    path_of("unwind-claims", from, sizeof(from));
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof(path), "%s/program", folder);
    for (unsigned i = 0; i < 2; i++) {
        copy_file(from, path);
        struct run run = trace_path(path, "plain", (struct run){.unlink = path});
        assert_int_equal(run.status, 0);
        assert_int_equal(run.claims, 1);
        assert_int_equal(run.by_quality[UNWIND_COMPLETE], run.captures);
    }
    assert_int_equal(rmdir(folder), 0);
}

/* A usual program from its first call to its last: each stack ends where it should. */
static void test_real_program(void **state)
{
    (void)state;
    struct run run = trace("/usr/bin/sort", "/dev/null", false);
    assert_int_equal(run.status, 0);
    assert_true(run.captures > 10);
    assert_int_equal(run.by_quality[UNWIND_COMPLETE], run.captures);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_dynamic),     cmocka_unit_test(test_static),
        cmocka_unit_test(test_debug_frame), cmocka_unit_test(test_without_tables),
        cmocka_unit_test(test_32bit),       cmocka_unit_test(test_library_replaced),
        cmocka_unit_test(test_deleted),     cmocka_unit_test(test_real_program),
    };
    return cmocka_run_group_tests_name("unwind", tests, NULL, NULL);
}
