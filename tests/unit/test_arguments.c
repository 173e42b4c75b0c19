/* links: decoder/arguments.o */
/* test_arguments.c: names of bits and values, compared with what strace 6.1 prints for the same numbers. */
#include "../../decoder/decoder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

/* Names and rest joined as in a line of strace. */
static const char *joined(enum arg_kind kind, uint64_t value)
{
    static char text[2048];
    struct flag_list list;
    argument_flags(kind, value, &list);
    size_t used = 0;
    text[0] = '\0';
    for (size_t i = 0; i < list.count; i++)
        used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%s", i ? "|" : "", list.names[i]);
    if (list.rest)
        snprintf(text + used, sizeof(text) - used, "%s%#llx", used ? "|" : "", (unsigned long long)list.rest);
    return text;
}

struct expectation {
    enum arg_kind kind;
    uint64_t value;
    const char *text;
};

static void check(const struct expectation *expected, size_t count)
{
    for (size_t i = 0; i < count; i++)
        assert_string_equal(joined(expected[i].kind, expected[i].value), expected[i].text);
}

#define CHECK(table) check(table, sizeof(table) / sizeof((table)[0]))

static void test_prot(void **state)
{
    (void)state;
    static const struct expectation expected[] = {
        {ARG_PROT, 0, "PROT_NONE"},
        {ARG_PROT, 3, "PROT_READ|PROT_WRITE"},
        {ARG_PROT, 0x7, "PROT_READ|PROT_WRITE|PROT_EXEC"},
        {ARG_PROT, 0x19, "PROT_READ|PROT_SEM|0x10"},
        {ARG_PROT, 0x01000001, "PROT_READ|PROT_GROWSDOWN"},
        {ARG_PROT, 0x02000000, "PROT_GROWSUP"},
        {ARG_PROT, 0x100, "0x100"},
    };
    CHECK(expected);
}

static void test_map_flags(void **state)
{
    (void)state;
    static const struct expectation expected[] = {
        {ARG_MAP_FLAGS, 0, "MAP_FILE"},
        {ARG_MAP_FLAGS, 0x22, "MAP_PRIVATE|MAP_ANONYMOUS"},
        {ARG_MAP_FLAGS, 0x01, "MAP_SHARED"},
        {ARG_MAP_FLAGS, 0x80003, "MAP_SHARED_VALIDATE|MAP_SYNC"},
        {ARG_MAP_FLAGS, 0x28, "MAP_DROPPABLE|MAP_ANONYMOUS"},
        {ARG_MAP_FLAGS, 0xf, "0xf"},
        {ARG_MAP_FLAGS, 0x100032, "MAP_PRIVATE|MAP_FIXED|MAP_ANONYMOUS|MAP_FIXED_NOREPLACE"},
        {ARG_MAP_FLAGS, 0x40022 | UINT64_C(21) << 26, "MAP_PRIVATE|MAP_ANONYMOUS|MAP_HUGETLB|21<<MAP_HUGE_SHIFT"},
        {ARG_MAP_FLAGS, 0x22 | UINT64_C(63) << 26, "MAP_PRIVATE|MAP_ANONYMOUS|63<<MAP_HUGE_SHIFT"},
        {ARG_MAP_FLAGS, 0xffb63,
         "MAP_SHARED_VALIDATE|MAP_ANONYMOUS|MAP_32BIT|MAP_NORESERVE|MAP_POPULATE|MAP_NONBLOCK|MAP_GROWSDOWN|"
         "MAP_DENYWRITE|MAP_EXECUTABLE|MAP_LOCKED|MAP_STACK|MAP_HUGETLB|MAP_SYNC|0x200"},
        {ARG_MAP_FLAGS, UINT64_C(0x400000000) | 2, "MAP_PRIVATE|0x400000000"},
    };
    CHECK(expected);
}

static void test_other_sets(void **state)
{
    (void)state;
    static const struct expectation expected[] = {
        {ARG_MREMAP_FLAGS, 0, ""},
        {ARG_MREMAP_FLAGS, 0x17, "MREMAP_MAYMOVE|MREMAP_FIXED|MREMAP_DONTUNMAP|0x10"},
        {ARG_SHM_FLAGS, 030007, "SHM_RDONLY|SHM_RND|0x7"},
        {ARG_SHM_FLAGS, 0140000, "SHM_REMAP|SHM_EXEC"},
        {ARG_MLOCK_FLAGS, 0, ""},
        {ARG_MLOCK_FLAGS, 3, "MLOCK_ONFAULT|0x2"},
        {ARG_MCL_FLAGS, 7, "MCL_CURRENT|MCL_FUTURE|MCL_ONFAULT"},
        {ARG_SHADOW_FLAGS, 1, "SHADOW_STACK_SET_TOKEN"},
        {ARG_HEX, 0x1100, "0x1100"},
        {ARG_ADDR, 0x1000, "0x1000"},
        {ARG_NONE, 0, ""},
        {(enum arg_kind)999, 7, "0x7"},
    };
    CHECK(expected);
}

static void test_values(void **state)
{
    (void)state;
    static const struct expectation expected[] = {
        {ARG_ADVICE, 0, "MADV_NORMAL"},
        {ARG_ADVICE, 4, "MADV_DONTNEED"},
        {ARG_ADVICE, 5, "0x5"},
        {ARG_ADVICE, 25, "MADV_COLLAPSE"},
        {ARG_ADVICE, 103, "MADV_GUARD_REMOVE"},
        {ARG_ADVICE, UINT64_MAX, "0xffffffff"}, /* the kernel takes an int */
        {ARG_PRCTL_OPTION, 0x53564d41, "PR_SET_VMA"},
        {ARG_PRCTL_OPTION, 35, "PR_SET_MM"},
        {ARG_PRCTL_OPTION, 22, "PR_SET_SECCOMP"},
        {ARG_PRCTL_OPTION, 15, "0xf"},
        {ARG_PRCTL_SUB, 0, "PR_SET_VMA_ANON_NAME"},
        {ARG_PRCTL_SUB, 1, "PR_SET_MM_START_CODE"},
        {ARG_PRCTL_SUB, 15, "PR_SET_MM_MAP_SIZE"},
        {ARG_PRCTL_SUB, 99, "0x63"},
    };
    CHECK(expected);
}

static void test_clone_flags(void **state)
{
    (void)state;
    static const struct expectation expected[] = {
        {ARG_CLONE_FLAGS, 0, ""},
        {ARG_CLONE_FLAGS, 17, "SIGCHLD"},
        {ARG_CLONE_FLAGS, 0x100 | UINT64_C(0x800000000) | 17, "CLONE_VM|SIGCHLD|0x800000000"},
        {ARG_CLONE_FLAGS, 36, "SIGRT_4"},
        {ARG_CLONE_FLAGS, 100, "0x64"},
        {ARG_CLONE_FLAGS, 0x80 | 17, "CLONE_NEWTIME|SIGCHLD"},
        {ARG_CLONE_FLAGS, 0x3d0f00,
         "CLONE_VM|CLONE_FS|CLONE_FILES|CLONE_SIGHAND|CLONE_THREAD|CLONE_SYSVSEM|CLONE_SETTLS|CLONE_PARENT_"
         "SETTID|"
         "CLONE_CHILD_CLEARTID"},
        {ARG_CLONE_FLAGS, UINT64_C(0x300000000), "CLONE_CLEAR_SIGHAND|CLONE_INTO_CGROUP"},
    };
    CHECK(expected);
}

/* Whatever the value: each bit is in a name or in rest, and the list is never longer than its array. */
static void test_every_bit_is_told(void **state)
{
    (void)state;
    for (int kind = ARG_NONE; kind <= ARG_ENVC; kind++) {
        struct flag_list list;
        argument_flags((enum arg_kind)kind, UINT64_MAX, &list);
        assert_in_range(list.count, 0, FLAG_NAMES_MAX);
        for (int bit = 0; bit < 64; bit++) {
            argument_flags((enum arg_kind)kind, UINT64_C(1) << bit, &list);
            for (size_t i = 0; i < list.count; i++)
                assert_non_null(list.names[i]);
        }
    }
}

/* The fields are all that a reader needs who has no code of ours: mask by mask they give the names, and no two of them
 * claim a bit in different ways. */
static void test_fields_have_their_names(void **state)
{
    (void)state;
    struct flag_field field;
    for (int kind = ARG_NONE; kind <= ARG_ENVC; kind++)
        for (size_t i = 0; argument_field((enum arg_kind)kind, i, &field); i++) {
            struct flag_list list;
            bool named = false;
            argument_flags((enum arg_kind)kind, field.value, &list);
            for (size_t j = 0; j < list.count; j++)
                named |= strcmp(list.names[j], field.name) == 0;
            assert_true(named);
            assert_int_equal(list.rest, 0);
            assert_int_equal(field.value & ~field.mask, 0);
            assert_int_equal(field.mask & ~argument_mask((enum arg_kind)kind), 0);
        }
    assert_true(argument_field(ARG_MAP_FLAGS, 0, &field));
    assert_int_equal(field.mask, 0xf);
    assert_false(argument_field(ARG_ADDR, 0, &field));
    assert_int_equal(argument_mask(ARG_ADVICE), UINT32_MAX);
}

static void test_errno_names(void **state)
{
    (void)state;
    assert_null(errno_name(0));
    assert_string_equal(errno_name(12), "ENOMEM");
    assert_string_equal(errno_name(22), "EINVAL");
    assert_string_equal(errno_name(512), "ERESTARTSYS");
    assert_string_equal(errno_name(516), "ERESTART_RESTARTBLOCK");
    assert_null(errno_name(517));
    assert_null(errno_name(500));
    assert_null(errno_name(UINT32_MAX));
}

static void test_signal_names(void **state)
{
    (void)state;
    assert_null(signal_name(0));
    assert_string_equal(signal_name(1), "SIGHUP");
    assert_string_equal(signal_name(11), "SIGSEGV");
    assert_string_equal(signal_name(31), "SIGSYS");
    assert_string_equal(signal_name(32), "SIGRTMIN");
    assert_string_equal(signal_name(33), "SIGRT_1");
    assert_string_equal(signal_name(64), "SIGRT_32");
    assert_null(signal_name(65));
    assert_null(signal_name(UINT32_MAX));
    for (unsigned signal = 1; signal <= 64; signal++)
        assert_memory_equal(signal_name(signal), "SIG", 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_prot),
        cmocka_unit_test(test_map_flags),
        cmocka_unit_test(test_other_sets),
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_clone_flags),
        cmocka_unit_test(test_every_bit_is_told),
        cmocka_unit_test(test_fields_have_their_names),
        cmocka_unit_test(test_errno_names),
        cmocka_unit_test(test_signal_names),
    };
    return cmocka_run_group_tests_name("arguments", tests, NULL, NULL);
}
