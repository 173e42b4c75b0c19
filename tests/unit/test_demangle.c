/* links: decoder/symbols/demangle.o decoder/symbols/names.o */
/* test_demangle.c: readable names, and names that are made to cost too much; and the store of texts. */
#include "../../decoder/symbols/demangle.h"
#include "../../decoder/symbols/names.h"

#include "random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static void check(const char *mangled, const char *expected)
{
    char *readable = demangle(mangled, strlen(mangled));
    if (expected)
        assert_string_equal(readable ? readable : "(raw)", expected);
    else
        assert_null(readable);
    free(readable);
}

static void test_cxx(void **state)
{
    (void)state;
    check("_Znwm", "operator new(unsigned long)");
    check("_ZdaPv", "operator delete[](void*)");
    check("_ZN2ns3FooC1Ei", "ns::Foo::Foo(int)");
    check("_ZN2ns3Foo2goIiEET_S2_", "ns::Foo::go<int>(int)"); /* without the return type */
    check("_ZNKSt6vectorIiSaIiEE4sizeEv", "std::vector<int, std::allocator<int> >::size() const");
    check("_Z3foov.cold", "foo() [clone .cold]");
    check("_ZZ4mainENKUlvE_clEv", "main::{lambda()#1}::operator()() const");
}

static void test_rust(void **state)
{
    (void)state;
    check("_ZN5alloc7raw_vec19RawVec$LT$T$C$A$GT$8grow_one17h0123456789abcdefE",
          "alloc::raw_vec::RawVec<T,A>::grow_one");
    check("_ZN4core3ptr13drop_in_place17h61fa6b8a91a4a94bE", "core::ptr::drop_in_place");
    check("_RNvC6_123foo3bar", "123foo::bar");
    check("_RNvMs_CskeCnPYpnTxs_5crateNtB4_3Foo3new", "<crate::Foo>::new");
    check("_RNvMs_CskeCnPYpnTxs_5crateNtB4_3Foo3ne", NULL); /* cut off */
    check("_RINvNtC3std3mem8align_ofdE", "std::mem::align_of::<f64>");
}

static void test_others_stay(void **state)
{
    (void)state;
    static const char *const names[] = {
        "",           "_",     "_Z",     "_R",     "main",  "_start",           "i",
        "_Zfoo",      "_ZN",   "_ZN3fo", "Z3foov", "_Rust", "runtime.mallocgc", "_ZN99999999999999999999a",
        "_Z\xff\xfe", "_R\x01"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        check(names[i], NULL);
}

/* Each level stands for two of the one before: 2 to the power of the levels, in a thousand bytes. */
static void test_explosion(void **state)
{
    (void)state;
    static const char digits[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";
    char name[4096] = "_Z1fSt4pairIiiE";
    for (int i = 0; i < 60; i++) {
        char level[32];
        char high = digits[2 * i / 36], low = digits[2 * i % 36];
        if (i < 18)
            snprintf(level, sizeof(level), "St4pairIS%c_S%c_E", low, low);
        else
            snprintf(level, sizeof(level), "St4pairIS%c%c_S%c%c_E", high, low, high, low);
        strcat(name, level);
    }
    check(name, NULL);
}

static void test_long_names(void **state)
{
    (void)state;
    enum { HUGE = 1 << 20 };
    char *name = malloc(HUGE + 1);
    memset(name, 'P', HUGE);
    name[HUGE] = '\0';
    memcpy(name, "_Z1f", 4);
    check(name, NULL);
    name[DEMANGLE_MAX_INPUT] = '\0';
    check(name, NULL);
    snprintf(name, HUGE, "_Z8000%08000d", 1);
    check(name, NULL); /* a number of nines of thousands */
    free(name);
}

static void test_random_names(void **state)
{
    (void)state;
    static const char letters[] = "NSTIEKLPRJXDtsabcdefijlmvw0123456789_$.CvQBFpn";
    struct random_source random = {3};
    char name[600];
    for (int round = 0; round < 60000; round++) {
        size_t size = 3 + random_below(&random, sizeof(name) - 4);
        memcpy(name, random_once_in(&random, 2) ? "_ZN" : "_RN", 3);
        for (size_t i = 3; i < size; i++)
            name[i] = letters[random_below(&random, sizeof(letters) - 1)];
        name[size] = '\0';
        char *readable = demangle(name, size);
        assert_true(!readable || strlen(readable) <= DEMANGLE_MAX_OUTPUT);
        free(readable);
    }
}

static void test_names(void **state)
{
    (void)state;
    struct names *names = names_new();
    struct text first, again, plain, empty;
    assert_int_equal(names_keep_demangled(names, names_text("_Z3foov"), &first), 0);
    for (int i = 0; i < 5000; i++) {
        char raw[32];
        snprintf(raw, sizeof(raw), "name%d", i);
        assert_int_equal(names_keep(names, names_text(raw), &plain), 0);
        assert_string_equal(plain.data, raw);
    }
    assert_int_equal(names_keep_demangled(names, names_text("_Z3foov"), &again), 0);
    assert_ptr_equal(first.data, again.data);
    assert_string_equal(first.data, "foo()");
    assert_int_equal(names_keep(names, names_text("_Z3foov"), &plain), 0);
    assert_string_equal(plain.data, "_Z3foov");
    assert_int_equal(names_keep(names, names_text(NULL), &empty), 0);
    assert_int_equal(empty.size, 0);
    assert_string_equal(empty.data, "");
    char *huge = calloc(1, TRACE_MAX_TEXT * 2);
    assert_int_equal(names_keep(names, (struct text){huge, TRACE_MAX_TEXT * 2}, &plain), 0);
    assert_int_equal(plain.size, TRACE_MAX_TEXT);
    free(huge);
    names_free(names);
    names_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cxx),       cmocka_unit_test(test_rust),       cmocka_unit_test(test_others_stay),
        cmocka_unit_test(test_explosion), cmocka_unit_test(test_long_names), cmocka_unit_test(test_random_names),
        cmocka_unit_test(test_names),
    };
    return cmocka_run_group_tests_name("demangle", tests, NULL, NULL);
}
