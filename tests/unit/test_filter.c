/* links: tracer/filter.o tracer/calls.o */
/* test_filter.c: the seccomp filter, run by an interpreter, stops at the calls of the table and at no other.
 */
#include "../../tracer/filter.h"

#include "../../tracer/calls.h"

#include <linux/audit.h>
#include <linux/seccomp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <cmocka.h>

enum { X32_BIT = 0x40000000, NUMBERS = 1024, MAX_FIRSTS = 64 };

struct program {
    struct sock_filter *code;
    size_t count;
};

static void build(struct program *p)
{
    assert_int_equal(filter_build(&p->code, &p->count), 0);
    assert_in_range(p->count, 1, BPF_MAXINSNS);
}

/* ---- the interpreter ---- */

/* The condition of a jump.  Source: Documentation/networking/filter.rst of the kernel. */
static bool holds(const struct sock_filter *i, uint32_t a)
{
    switch (BPF_OP(i->code)) {
    case BPF_JEQ:
        return a == i->k;
    case BPF_JGT:
        return a > i->k;
    case BPF_JGE:
        return a >= i->k;
    case BPF_JSET:
        return a & i->k;
    default:
        fail_msg("unknown jump 0x%x", i->code);
        return false;
    }
}

/* What the program returns; *ret_args counts how often it has looked at the arguments. */
static uint32_t run(const struct program *p, const struct seccomp_data *data, unsigned *ret_args)
{
    uint32_t a = 0;
    *ret_args = 0;
    for (size_t pc = 0; pc < p->count; pc++) {
        const struct sock_filter *i = &p->code[pc];
        switch (i->code) {
        case BPF_LD | BPF_W | BPF_ABS:
            assert_true(i->k % 4 == 0 && i->k + 4 <= sizeof(*data));
            memcpy(&a, (const char *)data + i->k, 4);
            *ret_args += i->k >= offsetof(struct seccomp_data, args);
            break;
        case BPF_ALU | BPF_AND | BPF_K:
            a &= i->k;
            break;
        case BPF_JMP | BPF_JA:
            assert_true(i->k < p->count - pc - 1);
            pc += i->k;
            break;
        case BPF_RET | BPF_K:
            return i->k;
        default:
            assert_int_equal(BPF_CLASS(i->code), BPF_JMP);
            pc += holds(i, a) ? i->jt : i->jf;
        }
    }
    fail_msg("the program runs past its end");
    return 0;
}

/* ---- what is expected ---- */

/* First arguments worth trying: all values of the tables, and what lies around them. */
static size_t first_arguments(uint64_t *firsts)
{
    size_t count = 0;
    firsts[count++] = 0;
    firsts[count++] = UINT64_MAX;
    for (int abi = 0; abi < ABI_COUNT; abi++) {
        size_t n;
        const struct call_number *table = call_numbers((enum abi)abi, &n);
        for (size_t i = 0; i < n; i++)
            for (unsigned j = 0; j < table[i].n_first_args && abi != ABI_X32; j++) {
                const uint64_t value = table[i].first_args[j];
                assert_in_range(count, 0, MAX_FIRSTS - 5);
                firsts[count++] = value;
                firsts[count++] = value + 1;
                firsts[count++] = value | 0x10000;
                firsts[count++] = value | UINT64_C(1) << 32;
            }
    }
    return count;
}

static bool takes_argument(enum abi abi, uint64_t number)
{
    size_t n;
    const struct call_number *table = call_numbers(abi, &n);
    for (size_t i = 0; i < n; i++)
        if (table[i].number == number)
            return table[i].first_args != NULL;
    return false;
}

static void check(const struct program *p, uint32_t arch, uint32_t nr, uint64_t first, bool traced, bool may_look)
{
    struct seccomp_data data = {
        .nr = (int)nr, .arch = arch, .instruction_pointer = 0x401000, .args = {first, 7, 7, 7, 7, 7}};
    unsigned looks;
    const uint32_t verdict = run(p, &data, &looks);
    if (verdict != (traced ? SECCOMP_RET_TRACE : SECCOMP_RET_ALLOW))
        fail_msg("arch %x number %u first argument %llx: verdict %x", arch, nr, (unsigned long long)first, verdict);
    /* Without a look at the arguments the kernel can remember that a number is always allowed. */
    if (!may_look)
        assert_int_equal(looks, 0);
}

/* ---- tests ---- */

static void test_verdicts(void **state)
{
    (void)state;
    static const struct {
        uint32_t arch, bit;
    } abis[ABI_COUNT] = {[ABI_X86_64] = {AUDIT_ARCH_X86_64, 0},
                         [ABI_X32] = {AUDIT_ARCH_X86_64, X32_BIT},
                         [ABI_I386] = {AUDIT_ARCH_I386, 0}};
    struct program p;
    uint64_t firsts[MAX_FIRSTS];
    const size_t n_firsts = first_arguments(firsts);
    unsigned traced[ABI_COUNT] = {0};
    build(&p);
    for (int abi = 0; abi < ABI_COUNT; abi++)
        for (uint32_t nr = 0; nr < NUMBERS; nr++)
            for (size_t i = 0; i < n_firsts; i++) {
                const uint64_t args[CALL_MAX_ARGS] = {firsts[i], 7, 7, 7, 7, 7};
                const bool wanted = call_lookup((enum abi)abi, nr, args) != CALL_NONE;
                check(&p, abis[abi].arch, nr | abis[abi].bit, firsts[i], wanted, takes_argument((enum abi)abi, nr));
                traced[abi] += wanted;
            }
    for (int abi = 0; abi < ABI_COUNT; abi++)
        assert_in_range(traced[abi], 20 * n_firsts, 60 * n_firsts);
    free(p.code);
}

/* Numbers that are none, and numbers of one ABI in another. */
static void test_odd_numbers(void **state)
{
    (void)state;
    static const uint32_t numbers[] = {UINT32_MAX,           0x80000000,           X32_BIT - 1,
                                       X32_BIT | 0x80000000, X32_BIT | 0x3fffffff, 0x10009};
    struct program p;
    build(&p);
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        check(&p, AUDIT_ARCH_X86_64, numbers[i], 0, false, false);
        check(&p, AUDIT_ARCH_I386, numbers[i], 0, false, false);
    }
    check(&p, AUDIT_ARCH_X86_64, SYS_mmap, 0, true, false);
    check(&p, AUDIT_ARCH_I386, X32_BIT | 45, 0, false, false); /* i386 has no such bit */
    check(&p, AUDIT_ARCH_X86_64, 520, 0, false, false);        /* x32's execve, without its bit */
    free(p.code);
}

static void test_foreign_architectures(void **state)
{
    (void)state;
    static const uint32_t archs[] = {0,
                                     UINT32_MAX,
                                     AUDIT_ARCH_AARCH64,
                                     AUDIT_ARCH_ARM,
                                     AUDIT_ARCH_PPC64LE,
                                     AUDIT_ARCH_X86_64 ^ 1,
                                     AUDIT_ARCH_X86_64 & 0xffff,
                                     AUDIT_ARCH_I386 | 0x80000000};
    struct program p;
    build(&p);
    for (size_t i = 0; i < sizeof(archs) / sizeof(archs[0]); i++)
        for (uint32_t nr = 0; nr < NUMBERS; nr++) {
            check(&p, archs[i], nr, 0, false, false);
            check(&p, archs[i], nr | X32_BIT, 0, false, false);
        }
    free(p.code);
}

/* call_lookup() halves the table again and again: it must be in order. */
static void test_tables_are_sorted(void **state)
{
    (void)state;
    for (int abi = 0; abi < ABI_COUNT; abi++) {
        size_t n;
        const struct call_number *table = call_numbers((enum abi)abi, &n);
        for (size_t i = 0; i < n; i++) {
            if (i)
                assert_true(table[i - 1].number < table[i].number);
            assert_in_range(table[i].call, CALL_NONE + 1, CALL_COUNT - 1);
            assert_int_equal(table[i].first_args != NULL, table[i].n_first_args != 0);
            const uint64_t args[CALL_MAX_ARGS] = {table[i].first_args ? table[i].first_args[0] : 0};
            assert_int_equal(call_lookup((enum abi)abi, table[i].number, args), table[i].call);
        }
    }
}

static void test_lookup_of_some_arguments(void **state)
{
    (void)state;
    const uint64_t shmat[CALL_MAX_ARGS] = {21}, shmdt[CALL_MAX_ARGS] = {22}, shmget[CALL_MAX_ARGS] = {23};
    const uint64_t versioned[CALL_MAX_ARGS] = {0x10016}, name[CALL_MAX_ARGS] = {0x53564d41},
                   dumpable[CALL_MAX_ARGS] = {3};
    assert_int_equal(call_lookup(ABI_I386, 117, shmat), CALL_SHMAT); /* ipc(2) */
    assert_int_equal(call_lookup(ABI_I386, 117, shmdt), CALL_SHMDT);
    assert_int_equal(call_lookup(ABI_I386, 117, versioned), CALL_SHMDT);
    assert_int_equal(call_lookup(ABI_I386, 117, shmget), CALL_NONE);
    assert_int_equal(call_lookup(ABI_X86_64, SYS_prctl, name), CALL_PRCTL);
    assert_int_equal(call_lookup(ABI_X86_64, SYS_prctl, dumpable), CALL_NONE);
    assert_int_equal(call_lookup(ABI_X86_64, UINT64_MAX, name), CALL_NONE);
    assert_int_equal(call_lookup(ABI_X86_64, (UINT64_C(1) << 32) | SYS_mmap, name), CALL_NONE);
}

/* The numbers of this machine's headers. */
static void test_numbers_of_headers(void **state)
{
    (void)state;
    static const struct {
        uint64_t number;
        enum call call;
    } known[] = {
        {SYS_brk, CALL_BRK},
        {SYS_mmap, CALL_MMAP},
        {SYS_munmap, CALL_MUNMAP},
        {SYS_mprotect, CALL_MPROTECT},
        {SYS_pkey_mprotect, CALL_PKEY_MPROTECT},
        {SYS_mremap, CALL_MREMAP},
        {SYS_madvise, CALL_MADVISE},
        {SYS_process_madvise, CALL_PROCESS_MADVISE},
        {SYS_shmat, CALL_SHMAT},
        {SYS_shmdt, CALL_SHMDT},
        {SYS_remap_file_pages, CALL_REMAP_FILE_PAGES},
        {SYS_mlock, CALL_MLOCK},
        {SYS_munlock, CALL_MUNLOCK},
        {SYS_mlockall, CALL_MLOCKALL},
        {SYS_munlockall, CALL_MUNLOCKALL},
        {SYS_mlock2, CALL_MLOCK2},
        {462, CALL_MSEAL}, /* newer than some headers */
        {453, CALL_MAP_SHADOW_STACK},
        {SYS_io_setup, CALL_IO_SETUP},
        {SYS_io_destroy, CALL_IO_DESTROY},
        {SYS_execve, CALL_EXECVE},
        {SYS_execveat, CALL_EXECVEAT},
        {SYS_clone, CALL_CLONE},
        {SYS_clone3, CALL_CLONE3},
        {SYS_fork, CALL_FORK},
        {SYS_vfork, CALL_VFORK},
        {SYS_exit, CALL_EXIT},
        {SYS_exit_group, CALL_EXIT_GROUP},
        {SYS_ptrace, CALL_PTRACE},
        {SYS_personality, CALL_PERSONALITY},
        {SYS_io_uring_setup, CALL_IO_URING_SETUP},
        {SYS_sched_setscheduler, CALL_SCHED_SETSCHEDULER},
        {SYS_sched_setaffinity, CALL_SCHED_SETAFFINITY},
        {SYS_sched_getaffinity, CALL_SCHED_GETAFFINITY},
        {SYS_sched_setattr, CALL_SCHED_SETATTR},
    };
    const uint64_t args[CALL_MAX_ARGS] = {0};
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        assert_int_equal(call_lookup(ABI_X86_64, known[i].number, args), known[i].call);
}

static void test_names(void **state)
{
    (void)state;
    for (int call = CALL_NONE + 1; call < CALL_COUNT; call++) {
        const struct call_info *info = call_info((enum call)call);
        assert_non_null(info->name);
        assert_int_equal(call_by_name(info->name, strlen(info->name)), call);
        assert_int_equal(call_by_name(info->name, strlen(info->name) - 1) == (enum call)call, 0);
        assert_in_range(info->nargs, 0, CALL_MAX_ARGS);
        for (unsigned i = 0; i < CALL_MAX_ARGS; i++)
            assert_int_equal(info->args[i].kind != ARG_NONE, i < info->nargs);
    }
    assert_int_equal(call_by_name("read", 4), CALL_NONE);
    assert_int_equal(call_by_name("unknown", 7), CALL_NONE);
    assert_int_equal(call_by_name("", 0), CALL_NONE);
    assert_string_equal(call_info(CALL_COUNT)->name, "unknown");
    assert_string_equal(call_info((enum call) - 1)->name, "unknown");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_verdicts),
        cmocka_unit_test(test_odd_numbers),
        cmocka_unit_test(test_foreign_architectures),
        cmocka_unit_test(test_tables_are_sorted),
        cmocka_unit_test(test_lookup_of_some_arguments),
        cmocka_unit_test(test_numbers_of_headers),
        cmocka_unit_test(test_names),
    };
    return cmocka_run_group_tests_name("filter", tests, NULL, NULL);
}
