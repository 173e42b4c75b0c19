/* links: report.a decoder.a tracer.a */
/* test_refusal.c: which rule refuses attaching, decided on made-up facts, and its words. */
#include "../../report/refusal_text.h"
#include "../../tracer/refusal.h"

#include <errno.h>
#include <linux/capability.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

/* Ids that no system has given names to. */
enum { USER = 3000001, OTHER = 3000002 };
#define ALL_CAPABILITIES UINT64_C(0x1ffffffffff)
#define PTRACE           (UINT64_C(1) << CAP_SYS_PTRACE)
#define IDS(id)                                                                                                        \
    {                                                                                                                  \
        .uids = {(id), (id), (id)}, .gids = {(id), (id), (id) }                                                        \
    }

/* A process of the user who asks, with nothing special about it; the kernel could not be asked. */
static struct refusal_facts ordinary(void)
{
    return (struct refusal_facts){
        .error = REFUSAL_NOT_ASKED,
        .exists = true,
        .known = true,
        .pid = 500,
        .leader = 500,
        .parent = 400,
        .comm = "server",
        .leader_comm = "server",
        .parent_comm = "sh",
        .target = IDS(USER),
        .dumpable = ANSWER_YES,
        .same_user_namespace = ANSWER_YES,
        .self = 300,
        .caller = IDS(USER),
        .is_descendant = ANSWER_NO,
        .yama = -1,
    };
}

static struct refusal_facts asked_by_root(void)
{
    struct refusal_facts f = ordinary();
    f.caller = (struct credentials)IDS(0);
    f.caller.permitted = f.caller.effective = ALL_CAPABILITIES;
    return f;
}

/* The rule, and all of its line. */
static void check(const struct refusal_facts *f, enum refusal_rule rule, const char *text)
{
    struct refusal r;
    struct buffer out = {0};
    refusal_decide(f, &r);
    refusal_text(&out, &r);
    if (text)
        assert_string_equal(buffer_chars(&out), text);
    assert_int_equal(r.rule, rule);
    assert_int_equal(r.pid, f->pid);
    buffer_free(&out);
}

/* The same answer whether the kernel was asked before, or has refused already. */
static void check_both(struct refusal_facts f, enum refusal_rule rule, const char *text)
{
    f.error = REFUSAL_NOT_ASKED;
    check(&f, rule, text);
    f.error = EPERM;
    check(&f, rule, text);
}

static void check_rule(struct refusal_facts f, int error, enum refusal_rule rule)
{
    f.error = error;
    check(&f, rule, NULL);
}

/* ---- rules ---- */

static void test_nothing_forbids(void **state)
{
    (void)state;
    check_rule(ordinary(), 0, REFUSAL_NONE);
    check_rule(ordinary(), REFUSAL_NOT_ASKED, REFUSAL_NONE);
    check_rule(asked_by_root(), 0, REFUSAL_NONE);
    check_rule(asked_by_root(), REFUSAL_NOT_ASKED, REFUSAL_NONE);
}

static void test_no_process(void **state)
{
    (void)state;
    struct refusal_facts f = {.error = ESRCH, .pid = 77, .leader = 77, .self = 300, .yama = -1};
    check(&f, REFUSAL_NO_PROCESS, "cannot attach to 77: there is no such process. To list those that there are: ps -e");
    /* It has ended between two looks. */
    check_rule(ordinary(), ESRCH, REFUSAL_NO_PROCESS);
}

static void test_thread(void **state)
{
    (void)state;
    struct refusal_facts f = ordinary();
    f.pid = 501;
    snprintf(f.comm, sizeof(f.comm), "worker");
    check_both(f, REFUSAL_THREAD, "cannot attach to 501 (worker): it is a thread of process 500 (server). Use: -p 500");
}

static void test_self(void **state)
{
    (void)state;
    struct refusal_facts f = ordinary();
    f.self = f.leader;
    check_both(f, REFUSAL_SELF, "cannot attach to 500 (server): it is brkwater itself. Name another process.");
    /* One of our own threads, too. */
    f.pid = 501;
    check_rule(f, EPERM, REFUSAL_SELF);
}

static void test_kernel_thread(void **state)
{
    (void)state;
    struct refusal_facts f = asked_by_root();
    f.is_kernel_thread = true;
    check_both(f, REFUSAL_KERNEL_THREAD,
               "cannot attach to 500 (server): it is a thread of the kernel, which has no memory of its own. "
               "Name the process of a program.");
}

static void test_zombie(void **state)
{
    (void)state;
    struct refusal_facts f = ordinary();
    f.has_ended = true;
    check_both(f, REFUSAL_ZOMBIE,
               "cannot attach to 500 (server): it has ended, and waits only for its parent, sh (pid 400), to take "
               "notice. Name a process that runs.");
}

static void test_traced(void **state)
{
    (void)state;
    struct refusal_facts f = asked_by_root();
    f.tracer = 99;
    snprintf(f.tracer_comm, sizeof(f.tracer_comm), "strace");
    check_both(f, REFUSAL_TRACED,
               "cannot attach to 500 (server): it is traced by strace (pid 99). End that, or detach it, then try "
               "again.");
    /* The access check does not look at tracers. */
    check_rule(f, 0, REFUSAL_TRACED);
    f.tracer_comm[0] = '\0';
    check(&f, REFUSAL_TRACED,
          "cannot attach to 500 (server): it is traced by process 99. End that, or detach it, then try again.");
}

static void test_other_user(void **state)
{
    (void)state;
    struct refusal_facts f = ordinary();
    f.target = (struct credentials)IDS(OTHER);
    check_both(f, REFUSAL_OTHER_USER,
               "cannot attach to 500 (server): it runs as user 3000002. Run brkwater as root, or as that user.");
    /* Each of the ids counts: a set-uid program, or one that has switched for a while. */
    for (int i = 0; i < 3; i++) {
        f = ordinary();
        f.target.uids[i] = OTHER;
        struct refusal r;
        refusal_decide(&f, &r);
        assert_int_equal(r.rule, REFUSAL_OTHER_USER);
        assert_int_equal(r.uid, OTHER);
    }
    for (int i = 0; i < 3; i++) {
        f = ordinary();
        f.target.gids[i] = OTHER;
        check_both(f, REFUSAL_OTHER_USER, NULL);
    }
    f.target.gids[1] = OTHER;
    check_both(
        f, REFUSAL_OTHER_USER,
        "cannot attach to 500 (server): it runs with another group than you (gid 3000002). Run brkwater as root, "
        "or with that group.");
}

static void test_the_real_ids_of_the_caller_count(void **state)
{
    (void)state;
    struct refusal_facts f = ordinary();
    f.caller.uids[1] = OTHER;
    check_rule(f, REFUSAL_NOT_ASKED, REFUSAL_NONE);
    f.caller.uids[1] = USER;
    f.caller.uids[0] = OTHER;
    check_rule(f, REFUSAL_NOT_ASKED, REFUSAL_OTHER_USER);
}

static void test_root_without_the_capability(void **state)
{
    (void)state;
    struct refusal_facts f = asked_by_root();
    f.caller.effective = f.caller.permitted = ALL_CAPABILITIES & ~PTRACE;
    check_both(
        f, REFUSAL_OTHER_USER,
        "cannot attach to 500 (server): it runs as user 3000001. Run brkwater with the capability CAP_SYS_PTRACE, "
        "which root lacks here (to give it to a container: --cap-add=SYS_PTRACE), or as that user.");
}

static void test_hidden(void **state)
{
    (void)state;
    struct refusal_facts f = ordinary();
    f.known = false;
    f.comm[0] = '\0';
    f.error = EPERM;
    check(&f, REFUSAL_OTHER_USER,
          "cannot attach to 500: it belongs to another user, and is hidden (/proc is mounted with hidepid). Run "
          "brkwater as root, or as that user.");
}

static void test_not_dumpable(void **state)
{
    (void)state;
    struct refusal_facts f = ordinary();
    f.dumpable = ANSWER_NO;
    check_both(f, REFUSAL_NOT_DUMPABLE,
               "cannot attach to 500 (server): it lets nobody look into it: it is not dumpable (prctl(2), "
               "PR_SET_DUMPABLE). Run brkwater as root.");
    f = asked_by_root();
    f.dumpable = ANSWER_NO;
    check_rule(f, REFUSAL_NOT_ASKED, REFUSAL_NONE);
}

static void test_user_namespace(void **state)
{
    (void)state;
    const char *text = "cannot attach to 500 (server): it is in another user namespace. Run brkwater as root outside "
                       "of all containers, or inside that namespace.";
    struct refusal_facts f = ordinary();
    f.same_user_namespace = ANSWER_NO;
    check_both(f, REFUSAL_USER_NAMESPACE, text);
    /* Root of a container: its capabilities end there.  Root of the machine is told by the kernel that it may. */
    f = asked_by_root();
    f.same_user_namespace = ANSWER_NO;
    f.error = EPERM;
    check(&f, REFUSAL_USER_NAMESPACE, text);
    check_rule(f, 0, REFUSAL_NONE);
}

static void test_capabilities(void **state)
{
    (void)state;
    struct refusal_facts f = ordinary();
    f.target.permitted = 1 << CAP_NET_BIND_SERVICE;
    check_both(f, REFUSAL_CAPABILITIES,
               "cannot attach to 500 (server): it has capabilities that you have not. Run brkwater as root.");
    f.caller.permitted = 1 << CAP_NET_BIND_SERVICE | 1 << CAP_NET_RAW;
    check_rule(f, REFUSAL_NOT_ASKED, REFUSAL_NONE);
}

static void test_yama(void **state)
{
    (void)state;
    struct refusal_facts f = ordinary();
    f.yama = 0;
    check_rule(f, REFUSAL_NOT_ASKED, REFUSAL_NONE);
    f.yama = 1;
    check_both(f, REFUSAL_YAMA,
               "cannot attach to 500 (server): Yama allows only descendants to be traced (kernel.yama.ptrace_scope is "
               "1). Run brkwater as root, or set, as root: sysctl kernel.yama.ptrace_scope=0");
    f.is_descendant = ANSWER_YES;
    check_rule(f, REFUSAL_NOT_ASKED, REFUSAL_NONE);
    f.yama = 2;
    check_both(f, REFUSAL_YAMA,
               "cannot attach to 500 (server): Yama allows only root to attach (kernel.yama.ptrace_scope is 2). Run "
               "brkwater as root, or set, as root: sysctl kernel.yama.ptrace_scope=0");
    f.yama = 3;
    check_both(f, REFUSAL_YAMA,
               "cannot attach to 500 (server): Yama allows nobody to attach until the next boot "
               "(kernel.yama.ptrace_scope is 3). Only a boot with another value helps (see sysctl.d(5)).");
}

static void test_yama_and_privileges(void **state)
{
    (void)state;
    struct refusal_facts f = asked_by_root();
    for (f.yama = 0; f.yama <= 2; f.yama++)
        check_rule(f, REFUSAL_NOT_ASKED, REFUSAL_NONE);
    check_both(f, REFUSAL_YAMA, NULL);
    /* PR_SET_PTRACER: the kernel allows it. */
    f = ordinary();
    f.yama = 1;
    check_rule(f, 0, REFUSAL_NONE);
}

static void test_refused_without_a_rule(void **state)
{
    (void)state;
    struct refusal_facts f = asked_by_root();
    f.error = EPERM;
    check(&f, REFUSAL_SECURITY_MODULE, NULL);
    f.is_filtered = true;
    check(&f, REFUSAL_SECCOMP, NULL);
    f.error = EIO;
    check(&f, REFUSAL_OTHER, "cannot attach to 500 (server): Input/output error. See: brkwater doctor");
}

/* ---- words ---- */

static void test_names_are_hostile(void **state)
{
    (void)state;
    struct refusal_facts f = ordinary();
    snprintf(f.comm, sizeof(f.comm), "a\n\033[31m");
    f.tracer = 9;
    snprintf(f.tracer_comm, sizeof(f.tracer_comm), "\t\xff");
    check(&f, REFUSAL_TRACED,
          "cannot attach to 500 (a\\n\\33[31m): it is traced by \\t\\377 (pid 9). End that, or detach it, then try "
          "again.");
}

static void test_every_rule_has_words(void **state)
{
    (void)state;
    for (int rule = REFUSAL_NONE; rule < REFUSAL_RULES; rule++) {
        struct refusal r = {.rule = (enum refusal_rule)rule, .pid = 1, .other = 2, .yama = 1, .error = EPERM};
        struct buffer out = {0};
        refusal_reason(&out, &r);
        assert_true(out.size > 0);
        buffer_clear(&out);
        refusal_way_out(&out, &r);
        assert_true((out.size > 0) == (rule != REFUSAL_NONE));
        buffer_free(&out);
    }
}

/* ---- facts ---- */

/* What is read of a child that waits: it may be attached to wherever these tests may trace at all. */
static void test_facts_of_a_child(void **state)
{
    (void)state;
    int hold[2];
    char byte;
    struct refusal_facts f;
    assert_int_equal(pipe(hold), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        close(hold[1]);
        _exit((int)read(hold[0], &byte, 1));
    }
    assert_int_equal(refusal_facts_read(pid, 0, &f), 0);
    assert_true(f.exists && f.known && !f.has_ended && !f.is_kernel_thread);
    assert_int_equal(f.pid, pid);
    assert_int_equal(f.leader, pid);
    assert_int_equal(f.parent, getpid());
    assert_int_equal(f.is_descendant, ANSWER_YES);
    assert_int_equal(f.same_user_namespace, ANSWER_YES);
    assert_int_equal(f.target.uids[0], getuid());
    assert_int_equal(f.target.gids[1], getegid());
    assert_true(f.dumpable != ANSWER_NO);
    close(hold[1]);
    close(hold[0]);
    siginfo_t info;
    assert_int_equal(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
    assert_int_equal(refusal_facts_read(pid, 0, &f), 0);
    assert_true(f.exists && f.has_ended);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    assert_int_equal(refusal_facts_read(pid, 0, &f), 0);
    assert_false(f.exists);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing_forbids),
        cmocka_unit_test(test_no_process),
        cmocka_unit_test(test_thread),
        cmocka_unit_test(test_self),
        cmocka_unit_test(test_kernel_thread),
        cmocka_unit_test(test_zombie),
        cmocka_unit_test(test_traced),
        cmocka_unit_test(test_other_user),
        cmocka_unit_test(test_the_real_ids_of_the_caller_count),
        cmocka_unit_test(test_root_without_the_capability),
        cmocka_unit_test(test_hidden),
        cmocka_unit_test(test_not_dumpable),
        cmocka_unit_test(test_user_namespace),
        cmocka_unit_test(test_capabilities),
        cmocka_unit_test(test_yama),
        cmocka_unit_test(test_yama_and_privileges),
        cmocka_unit_test(test_refused_without_a_rule),
        cmocka_unit_test(test_names_are_hostile),
        cmocka_unit_test(test_every_rule_has_words),
        cmocka_unit_test(test_facts_of_a_child),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
