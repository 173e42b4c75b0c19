/* links: report/units.o */
/* test_units.c: numbers with a unit, written and read. */
#include "../../report/units.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

typedef char *(*writer)(char *buffer, size_t size, uint64_t value);

struct written {
    uint64_t value;
    const char *text;
};

static void check(writer write, const struct written *expected, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        char buffer[UNITS_MAX];
        assert_ptr_equal(write(buffer, sizeof(buffer), expected[i].value), buffer);
        assert_string_equal(buffer, expected[i].text);
    }
}

#define CHECK(write, table) check(write, table, sizeof(table) / sizeof((table)[0]))

static void test_sizes(void **state)
{
    (void)state;
    static const struct written expected[] = {
        {0, "0"},
        {512, "512"},
        {1023, "1023"},
        {1024, "1.0K"},
        {1536, "1.5K"},
        {8192, "8.0K"},
        {10240, "10K"},
        {10752, "10.5K"},
        {98304, "96K"},
        {135168, "132K"},
        {204800, "200K"},
        {1034240, "1010K"},
        {1048575, "1.0M"}, /* rounding carries into the next unit */
        {1048576, "1.0M"},
        {1310720, "1.25M"},
        {1258291, "1.2M"},
        {67108864, "64M"},
        {134217728, "128M"},
        {UINT64_C(2480343613), "2.31G"},
        {UINT64_C(1) << 40, "1.0T"},
        {UINT64_C(1) << 50, "1.0P"},
        {UINT64_C(1) << 60, "1.0E"},
        {UINT64_C(0x7ffffffff000), "128T"},
        {UINT64_MAX, "16E"},
    };
    CHECK(units_size, expected);
}

static void test_counts(void **state)
{
    (void)state;
    static const struct written expected[] = {
        {0, "0"},
        {12, "12"},
        {999, "999"},
        {1204, "1,204"},
        {1000000, "1,000,000"},
        {UINT64_MAX, "18,446,744,073,709,551,615"},
    };
    CHECK(units_count, expected);
}

static void test_durations(void **state)
{
    (void)state;
    static const struct written expected[] = {
        {0, "0 s"},
        {1, "0.1 us"},
        {21, "2.1 us"},
        {9994, "999 us"},
        {9996, "1 ms"}, /* rounding carries into the next unit */
        {10000, "1 ms"},
        {410000, "41 ms"},
        {8000000, "800 ms"},
        {9999999, "1 s"},
        {82100000, "8.21 s"},
        {40000000, "4 s"},
        {124000000, "12.4 s"},
        {UINT64_C(9990000000), "999 s"},
        {UINT64_C(9999000000), "1,000 s"},
        {UINT64_C(12040000000), "1,204 s"},
        {UINT64_MAX, "1,844,674,407,371 s"},
    };
    CHECK(units_duration, expected);
}

static void test_seconds(void **state)
{
    (void)state;
    static const struct written expected[] = {
        {0, "0.000000"},
        {124, "0.000012"},
        {125, "0.000013"},
        {10000000, "1.000000"},
        {9999996, "1.000000"},
        {12345678, "1.234568"},
        {UINT64_MAX, "1844674407370.955162"},
    };
    CHECK(units_seconds, expected);
    assert_int_equal(units_microseconds(14), 1);
    assert_int_equal(units_microseconds(15), 2);
}

/* A buffer that is too small cuts, and ends in NUL; one of no bytes is not touched. */
static void test_small_buffers(void **state)
{
    (void)state;
    static const writer writers[] = {units_size, units_count, units_duration, units_seconds};
    for (size_t w = 0; w < sizeof(writers) / sizeof(writers[0]); w++) {
        char whole[UNITS_MAX], buffer[UNITS_MAX];
        writers[w](whole, sizeof(whole), UINT64_C(123456789012));
        for (size_t size = 0; size <= strlen(whole) + 1; size++) {
            memset(buffer, '#', sizeof(buffer));
            writers[w](buffer, size, UINT64_C(123456789012));
            size_t kept = size ? size - 1 : 0;
            assert_memory_equal(buffer, whole, kept);
            if (size)
                assert_int_equal(buffer[kept], '\0');
            assert_int_equal(buffer[size], '#');
        }
    }
}

static void test_parse_size(void **state)
{
    (void)state;
    static const struct written good[] = {
        {0, "0"},
        {512, "512"},
        {512, "512B"},
        {UINT64_C(64) << 20, "64M"},
        {UINT64_C(64) << 20, "64m"},
        {UINT64_C(64) << 20, "64MB"},
        {UINT64_C(64) << 20, "64MiB"},
        {UINT64_C(1) << 30, "1G"},
        {1536, "1.5K"},
        {UINT64_C(3) << 39, "1.5T"},
        {0, "0.9"},
        {1, "1.999999999999999999999999"},
        {UINT64_MAX, "18446744073709551615"},
        {UINT64_C(15) << 60, "15E"},
    };
    static const char *const bad[] = {"",    " 1",  "1 ",   "-1",  "+1",  "M",   "1X",  "1KK", "1.K",
                                      ".5K", "1e3", "0x10", "1Ki", "1iB", "1BB", "nan", "1,5", "1K "};
    static const char *const large[] = {"18446744073709551616", "16E", "99999999999999999999999", "17179869184G"};
    uint64_t bytes;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        assert_int_equal(units_parse_size(good[i].text, &bytes), 0);
        assert_true(bytes == good[i].value);
    }
    bytes = 7;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_int_equal(units_parse_size(bad[i], &bytes), -EINVAL);
    for (size_t i = 0; i < sizeof(large) / sizeof(large[0]); i++)
        assert_int_equal(units_parse_size(large[i], &bytes), -ERANGE);
    assert_int_equal(bytes, 7); /* untouched on failure */
}

static void test_parse_time(void **state)
{
    (void)state;
    static const struct written good[] = {
        {0, "0"},      {30000000, "3"}, {30000000, "3s"}, {12500000, "1.25s"}, {8000000, "800ms"},
        {150, "15us"}, {1, "100ns"},    {0, "99ns"},      {1, "0.0000001"},    {12345678, "1.2345678s"},
    };
    static const char *const bad[] = {"", "s", "-1s", "1 s", "1m", "1sec", "1S", "1.s", ".5s", "1.5.5", "#12", "peak"};
    uint64_t ticks;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        assert_int_equal(units_parse_time(good[i].text, &ticks), 0);
        assert_true(ticks == good[i].value);
    }
    ticks = 7;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_int_equal(units_parse_time(bad[i], &ticks), -EINVAL);
    assert_int_equal(units_parse_time("2000000000000s", &ticks), -ERANGE);
    assert_int_equal(ticks, 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sizes),      cmocka_unit_test(test_counts),        cmocka_unit_test(test_durations),
        cmocka_unit_test(test_seconds),    cmocka_unit_test(test_small_buffers), cmocka_unit_test(test_parse_size),
        cmocka_unit_test(test_parse_time),
    };
    return cmocka_run_group_tests_name("units", tests, NULL, NULL);
}
