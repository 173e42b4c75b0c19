/* links: decoder/symbols/gopclntab.o decoder/symbols/names.o decoder/symbols/demangle.o */
/*
 * test_gopclntab.c: tables in the formats of Go 1.2, 1.16, 1.18 and 1.20, made here by the description in
 * src/debug/gosym/pclntab.go, and what damage does to them.
 */
#include "../../decoder/symbols/gopclntab.h"

#include "random.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

enum { SPACE = 4096, BASE = 0x401000 };

enum format { FORMAT_1_2, FORMAT_1_16, FORMAT_1_18, FORMAT_1_20, FORMATS };

static const uint32_t magics[FORMATS] = {0xfffffffb, 0xfffffffa, 0xfffffff0, 0xfffffff1};

struct made {
    enum format format;
    unsigned pointer;
    unsigned char bytes[SPACE];
};

static void put(struct made *made, size_t offset, uint64_t value, unsigned width)
{
    for (unsigned i = 0; i < width; i++)
        made->bytes[offset + i] = (unsigned char)(value >> 8 * i);
}

static void put_bytes(struct made *made, size_t offset, const void *bytes, size_t size)
{
    memcpy(made->bytes + offset, bytes, size);
}

/* Where the parts are in all formats. */
enum {
    NAMES = 0x100,  /* main.main at 0x110, main.add at 0x120 */
    UNITS = 0x180,  /* two units: the file numbers of the second begin at 2 */
    FILES = 0x200,  /* of 1.16 and later: names; of 1.2: offsets of names */
    TABLES = 0x300, /* line tables at 0x310, file tables at 0x340 */
    FUNCTIONS = 0x400,
    RECORDS = 0x500, /* of the functions */
};

/* Two functions of 0x20 and 0x40 bytes; each has lines 10 and 12, in file "/src/a.go" and, for the second, "/src/b.go".
 */
static const unsigned char line_table[] = {22, 0x10, 4, 0x70, 0}; /* -1+11 for 16 bytes, +2 for 112 more */
static const unsigned char file_table_0[] = {2, 0x7f, 0}, file_table_1[] = {4, 0x7f, 0};

static void put_record(struct made *made, size_t at, uint64_t entry, uint32_t name, uint32_t files, uint32_t unit)
{
    bool is_old = made->format == FORMAT_1_2;
    unsigned width = made->format >= FORMAT_1_18 ? 4 : made->pointer;
    put(made, at, entry, width);
    put(made, at + width, is_old ? NAMES + name : name, 4);
    put(made, at + width + 4 * 4, is_old ? TABLES + files : files, 4);
    put(made, at + width + 5 * 4, is_old ? TABLES + 0x10 : 0x10, 4);
    put(made, at + width + 7 * 4, unit, 4);
}

static void put_functions(struct made *made, size_t at, size_t base)
{
    bool is_new = made->format >= FORMAT_1_18;
    unsigned width = is_new ? 4 : made->pointer;
    const uint64_t starts[] = {0, 0x20, 0x60};
    for (int i = 0; i < 3; i++) {
        put(made, at + 2 * width * i, starts[i] + (is_new ? 0 : BASE), width);
        if (i < 2)
            put(made, at + 2 * width * i + width, RECORDS + 0x40 * i - base, width);
    }
    put(made, at + 5 * width, FILES, 4); /* of 1.2: behind the last end */
    bool is_old = made->format == FORMAT_1_2;
    put_record(made, RECORDS, starts[0] + (is_new ? 0 : BASE), 0x10, 0x40, 0);
    put_record(made, RECORDS + 0x40, starts[1] + (is_new ? 0 : BASE), 0x20, is_old ? 0x48 : 0x40, 2);
}

static void put_header(struct made *made, bool with_text)
{
    const uint64_t parts[] = {NAMES, UNITS, FILES, TABLES, FUNCTIONS};
    size_t at = 8, width = made->pointer;
    put(made, 0, magics[made->format], 4);
    made->bytes[6] = 1;
    made->bytes[7] = (unsigned char)width;
    put(made, at, 2, made->pointer);
    if (made->format == FORMAT_1_2)
        return;
    put(made, at += width, 2, made->pointer);
    if (made->format >= FORMAT_1_18)
        put(made, at += width, with_text ? BASE : 0, made->pointer);
    for (int i = 0; i < 5; i++)
        put(made, at += width, parts[i], made->pointer);
}

static void make(struct made *made, enum format format, unsigned pointer, bool with_text)
{
    *made = (struct made){.format = format, .pointer = pointer};
    bool is_old = format == FORMAT_1_2;
    put_header(made, with_text);
    put_bytes(made, NAMES + 0x10, "main.main", 10);
    put_bytes(made, NAMES + 0x20, "main.add", 9);
    put_bytes(made, TABLES + 0x10, line_table, sizeof(line_table));
    put_bytes(made, TABLES + 0x40, file_table_0, sizeof(file_table_0));
    put_bytes(made, TABLES + 0x48, file_table_1, sizeof(file_table_1));
    put_bytes(made, is_old ? 0x280 : FILES, "/src/a.go", 10);
    put_bytes(made, is_old ? 0x290 : FILES + 0x10, "/src/b.go", 10);
    if (is_old) {
        put(made, FILES, 3, 4);
        put(made, FILES + 4, 0x280, 4);
        put(made, FILES + 8, 0x290, 4);
        /* File numbers count from 1 here. */
        made->bytes[TABLES + 0x40] = 4;
        made->bytes[TABLES + 0x48] = 6;
    } else {
        put(made, UNITS + 3 * 4, 0x10, 4); /* number 1 of the second unit */
        put(made, UNITS + 1 * 4, 0, 4);
        made->bytes[TABLES + 0x40] = 4; /* number 1 */
    }
    put_functions(made, is_old ? 8 + pointer : FUNCTIONS, is_old ? 0 : FUNCTIONS);
}

static int open_table(const struct made *made, size_t size, struct names *names, struct gopclntab **ret_table)
{
    return gopclntab_new(&(struct gopclntab_source){made->bytes, size, BASE}, names, ret_table);
}

static void check(struct gopclntab *table, uint64_t address, const char *function, const char *file, uint32_t line)
{
    struct gopclntab_place place;
    int found = gopclntab_lookup(table, address, &place);
    assert_int_equal(found, function != NULL);
    if (!function)
        return;
    assert_string_equal(place.function.data, function);
    assert_string_equal(place.file.data, file);
    assert_int_equal(place.line, line);
    assert_int_equal(place.offset, address - BASE - (strcmp(function, "main.add") == 0 ? 0x20 : 0));
}

static void test_formats(void **state)
{
    (void)state;
    for (int i = 0; i < FORMATS * 4; i++) {
        struct names *names = names_new();
        struct gopclntab *table;
        struct made made;
        make(&made, (enum format)(i / 4), i % 2 ? 4 : 8, i % 4 < 2);
        assert_int_equal(open_table(&made, SPACE, names, &table), 0);
        check(table, BASE - 1, NULL, NULL, 0);
        check(table, BASE, "main.main", "/src/a.go", 10);
        check(table, BASE + 0x0f, "main.main", "/src/a.go", 10);
        check(table, BASE + 0x10, "main.main", "/src/a.go", 12);
        check(table, BASE + 0x20, "main.add", "/src/b.go", 10);
        check(table, BASE + 0x5f, "main.add", "/src/b.go", 12);
        check(table, BASE + 0x60, NULL, NULL, 0);
        gopclntab_free(table);
        names_free(names);
    }
    gopclntab_free(NULL);
}

static void ask_all(const struct made *made, size_t size)
{
    unsigned char *copy = malloc(size + 1);
    struct names *names = names_new();
    struct gopclntab *table;
    memcpy(copy, made->bytes, size);
    /* Just its own bytes: what reads beyond them is caught by the sanitizer. */
    copy = realloc(copy, size ? size : 1);
    if (gopclntab_new(&(struct gopclntab_source){copy, size, BASE}, names, &table) == 0) {
        struct gopclntab_place place;
        for (uint64_t address = BASE - 8; address < BASE + 0x80; address += 3)
            assert_in_range(gopclntab_lookup(table, address, &place), 0, 1);
        gopclntab_free(table);
    }
    names_free(names);
    free(copy);
}

static void test_cut(void **state)
{
    (void)state;
    for (int format = 0; format < FORMATS; format++) {
        struct made made;
        make(&made, (enum format)format, 8, true);
        for (size_t size = 0; size < 0x600; size++)
            ask_all(&made, size);
    }
}

static void test_damage(void **state)
{
    (void)state;
    struct random_source random = {23};
    for (int round = 0; round < 20000; round++) {
        struct made made;
        make(&made, (enum format)random_below(&random, FORMATS), random_once_in(&random, 2) ? 4 : 8, true);
        for (uint64_t flips = 1 + random_below(&random, 12); flips; flips--)
            made.bytes[random_below(&random, random_once_in(&random, 2) ? 0x60 : 0x600)] =
                (unsigned char)random_edge(&random);
        ask_all(&made, 0x600);
    }
}

static void test_refused(void **state)
{
    (void)state;
    struct names *names = names_new();
    struct gopclntab *table;
    struct made made;
    static const struct {
        size_t offset;
        unsigned char value;
    } changes[] = {{0, 0}, {3, 0},  {4, 1}, {5, 1},     {6, 0},    {7, 0},
                   {7, 3}, {7, 16}, {8, 0}, {15, 0xff}, {9, 0xff}, {61, 0xff}};
    for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
        make(&made, FORMAT_1_20, 8, true);
        made.bytes[changes[i].offset] = changes[i].value;
        assert_int_equal(open_table(&made, SPACE, names, &table), -ENOEXEC);
    }
    names_free(names);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_formats),
        cmocka_unit_test(test_cut),
        cmocka_unit_test(test_damage),
        cmocka_unit_test(test_refused),
    };
    return cmocka_run_group_tests_name("gopclntab", tests, NULL, NULL);
}
