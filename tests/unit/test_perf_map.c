/* links: decoder/symbols/perf_map.o */
/* test_perf_map.c: names of code made at run time; against an array with one entry an address. */
#include "../../decoder/symbols/perf_map.h"

#include "random.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

static struct perf_map *parse(const char *text)
{
    struct perf_map *map;
    assert_int_equal(perf_map_parse((struct text){text, strlen(text)}, &map), 0);
    return map;
}

static void check(const struct perf_map *map, tracee_addr address, const char *name, uint64_t offset)
{
    struct text got = {NULL, 0};
    uint64_t got_offset = 0;
    bool found = perf_map_lookup(map, address, &got, &got_offset);
    assert_int_equal(found, name != NULL);
    if (name) {
        assert_int_equal(got.size, strlen(name));
        assert_memory_equal(got.data, name, got.size);
        assert_int_equal(got_offset, offset);
    }
}

static void test_lines(void **state)
{
    (void)state;
    struct perf_map *map = parse("1000 10 one\n"
                                 "0x2000 0X20 two words  and <more> \x1b[31m\n"
                                 "7fFFa000\t8\tLazyCompile:~run /srv/app.js:12\r\n"
                                 "3000 8 no newline");
    check(map, 0xfff, NULL, 0);
    check(map, 0x1000, "one", 0);
    check(map, 0x100f, "one", 15);
    check(map, 0x1010, NULL, 0);
    check(map, 0x2001, "two words  and <more> \x1b[31m", 1);
    check(map, 0x7fffa001, "LazyCompile:~run /srv/app.js:12\r", 1);
    check(map, 0x3007, "no newline", 7);
    check(map, UINT64_MAX, NULL, 0);
    assert_int_equal(perf_map_bad_lines(map), 0);
    perf_map_free(map);
}

static void test_later_lines_hold(void **state)
{
    (void)state;
    struct perf_map *map = parse("1000 100 old\n1040 10 middle\n1000 8 start\n10f0 20 end\n1000 8 start again\n");
    check(map, 0x1000, "start again", 0);
    check(map, 0x1008, "old", 8);
    check(map, 0x1040, "middle", 0);
    check(map, 0x104f, "middle", 15);
    check(map, 0x1050, "old", 0x50);
    check(map, 0x10ef, "old", 0xef);
    check(map, 0x10f0, "end", 0);
    check(map, 0x110f, "end", 0x1f);
    check(map, 0x1110, NULL, 0);
    perf_map_free(map);
}

static void test_bad_lines(void **state)
{
    (void)state;
    struct perf_map *map = parse("\n\nhello\n1000\n1000 \n1000 10\n1000 10 \n1000 0 empty\n-1 10 minus\n1000 -8 minus\n"
                                 "10000000000000000 1 too large\nffffffffffffffff 2 around the end\n1000 xyz no\n"
                                 "0x 10 nothing\n");
    check(map, 0x1000, NULL, 0);
    check(map, 0, NULL, 0);
    assert_int_equal(perf_map_bad_lines(map), 12);
    perf_map_free(map);
    map = parse("");
    check(map, 0, NULL, 0);
    perf_map_free(map);
    perf_map_free(NULL);
}

static void test_bytes_of_any_kind(void **state)
{
    (void)state;
    static const char text[] = "1000 10 a\0b\xff\n2000 10 c";
    struct perf_map *map;
    struct text name;
    uint64_t offset;
    assert_int_equal(perf_map_parse((struct text){text, sizeof(text) - 1}, &map), 0);
    assert_true(perf_map_lookup(map, 0x1000, &name, &offset));
    assert_int_equal(name.size, 4);
    assert_memory_equal(name.data, "a\0b\xff", 4);
    check(map, 0x2000, "c", 0);
    perf_map_free(map);
}

static void test_random_lines(void **state)
{
    (void)state;
    enum { SPACE = 512, LINES = 200 };
    struct random_source random = {8};
    for (int round = 0; round < 300; round++) {
        int owner[SPACE] = {0};
        uint64_t start[LINES + 1] = {0};
        char text[LINES * 32] = "", *at = text;
        for (int line = 1; line <= (int)random_below(&random, LINES); line++) {
            start[line] = random_below(&random, SPACE);
            uint64_t size = 1 + random_below(&random, random_once_in(&random, 4) ? SPACE : 20);
            at += sprintf(at, "%lx %lx f%d\n", (unsigned long)start[line], (unsigned long)size, line);
            for (uint64_t i = start[line]; i < SPACE && i < start[line] + size; i++)
                owner[i] = line;
        }
        struct perf_map *map = parse(text);
        for (uint64_t i = 0; i < SPACE; i++) {
            char name[16];
            snprintf(name, sizeof(name), "f%d", owner[i]);
            check(map, i, owner[i] ? name : NULL, i - start[owner[i]]);
        }
        perf_map_free(map);
    }
}

static void test_limits(void **state)
{
    (void)state;
    enum { SIZE = 200000 };
    char *text = malloc(SIZE);
    struct text name;
    uint64_t offset;
    memset(text, 'x', SIZE);
    memcpy(text, "10 10 ", 6);
    struct perf_map *map;
    assert_int_equal(perf_map_parse((struct text){text, SIZE}, &map), 0);
    assert_true(perf_map_lookup(map, 0x10, &name, &offset));
    assert_int_equal(name.size, TRACE_MAX_TEXT);
    assert_false(perf_map_is_cut(map));
    perf_map_free(map);
    free(text);
    size_t lines = PERF_MAP_MAX_LINES + 5;
    text = malloc(lines * 6 + 1);
    for (size_t i = 0; i < lines; i++)
        memcpy(text + i * 6, "1 1 a\n", 6);
    assert_int_equal(perf_map_parse((struct text){text, lines * 6}, &map), 0);
    assert_true(perf_map_is_cut(map));
    check(map, 1, "a", 0);
    perf_map_free(map);
    free(text);
}

static void test_files(void **state)
{
    (void)state;
    char path[] = "/tmp/brkwater-perf-map-XXXXXX";
    struct perf_map *map;
    int fd = mkstemp(path);
    assert_true(fd >= 0 && write(fd, "1000 10 one\n", 12) == 12);
    close(fd);
    assert_int_equal(perf_map_open(path, &map), 0);
    check(map, 0x1004, "one", 4);
    perf_map_free(map);
    unlink(path);
    assert_int_equal(perf_map_open(path, &map), -ENOENT);
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_int_equal(perf_map_open(path, &map), -EACCES);
    unlink(path);
    assert_int_equal(perf_map_open("/tmp", &map), -EACCES);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines),        cmocka_unit_test(test_later_lines_hold),
        cmocka_unit_test(test_bad_lines),    cmocka_unit_test(test_bytes_of_any_kind),
        cmocka_unit_test(test_random_lines), cmocka_unit_test(test_limits),
        cmocka_unit_test(test_files),
    };
    return cmocka_run_group_tests_name("perf_map", tests, NULL, NULL);
}
