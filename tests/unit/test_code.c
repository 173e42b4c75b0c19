/* links: decoder.a tracer.a */
/* test_code.c: modules, frames, stacks and names by their ids: what is kept, what is refused, and what is told. */
#include "../../decoder/code.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define TEXT(literal)                                                                                                  \
    {                                                                                                                  \
        .data = literal, .size = sizeof(literal) - 1                                                                   \
    }
#define MODULE(number, name)                                                                                           \
    {                                                                                                                  \
        .kind = REC_MODULE, .module = {.id = number, .path = TEXT(name), .build_id = TEXT("\1\2") }                    \
    }
#define FRAME(number, in, at, marks)                                                                                   \
    {                                                                                                                  \
        .kind = REC_FRAME, .frame = {.id = number, .module = in, .address = at, .flags = marks }                       \
    }
#define STACK(number, ...)                                                                                             \
    {                                                                                                                  \
        .kind = REC_STACK, .stack = {                                                                                  \
            .id = number,                                                                                              \
            .n_frames = sizeof((uint32_t[]){__VA_ARGS__}) / 4,                                                         \
            .frames = (const uint32_t[]){__VA_ARGS__},                                                                 \
        }                                                                                                              \
    }
#define NAME(number, name)                                                                                             \
    {                                                                                                                  \
        .kind = REC_TEXT, .text = { number, TEXT(name) }                                                               \
    }
#define NAMES(number, distance, ...)                                                                                   \
    {                                                                                                                  \
        .kind = REC_NAMES, .names = {                                                                                  \
            .frame = number,                                                                                           \
            .offset = distance,                                                                                        \
            .n_lines = sizeof((struct rec_line[]){__VA_ARGS__}) / sizeof(struct rec_line),                             \
            .lines = (const struct rec_line[]){__VA_ARGS__},                                                           \
        }                                                                                                              \
    }

/* main calls load, into which get was inlined, which calls malloc of libc, which calls mmap. */
static const struct record story[] = {
    MODULE(1, "/usr/bin/server"),
    MODULE(2, "/usr/lib/libc.so.6"),
    FRAME(1, 2, 0x500, 0),
    FRAME(2, 2, 0x600, 0),
    FRAME(3, 1, 0x1108, 0),
    FRAME(4, 1, 0x1200, FRAME_GUESSED),
    STACK(1, 1, 2, 3, 4),
    STACK(2, 1, 2),
    STACK(3, 4),
    NAME(1, "mmap"),
    NAME(2, "malloc"),
    NAME(3, "get"),
    NAME(4, "load"),
    NAME(5, "main"),
    NAME(6, "/src/load.c"),
    NAMES(1, 11, {1, 0, 0}),
    NAMES(2, 40, {2, 0, 0}),
    NAMES(3, 29, {3, 6, 7}, {4, 6, 88}),
    NAMES(4, 5, {5, 6, 120}),
};

static struct code *told(const struct record *records, size_t count)
{
    struct code *code = code_new();
    for (size_t i = 0; i < count; i++)
        assert_int_equal(code_apply(code, &records[i]), 0);
    return code;
}

static struct code *whole_story(void)
{
    return told(story, sizeof(story) / sizeof(story[0]));
}

static void same(struct text text, const char *expected)
{
    assert_int_equal(text.size, strlen(expected));
    assert_true(!text.size || memcmp(text.data, expected, text.size) == 0);
}

static void test_walk(void **state)
{
    (void)state;
    static const struct {
        const char *function, *file;
        uint32_t line, depth;
        uint64_t offset;
        bool inlined, guessed;
    } expected[] = {
        {"mmap", "", 0, 0, 11, false, false},
        {"malloc", "", 0, 1, 40, false, false},
        {"get", "/src/load.c", 7, 2, 29, true, false},
        {"load", "/src/load.c", 88, 2, 29, false, false},
        {"main", "/src/load.c", 120, 3, 5, false, true},
    };
    struct code *code = whole_story();
    struct code_walk walk = code_walk(code, 1);
    struct code_line line;
    for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++) {
        assert_true(code_walk_next(&walk, &line));
        same(line.function, expected[i].function);
        same(line.file, expected[i].file);
        assert_int_equal(line.line, expected[i].line);
        assert_int_equal(line.depth, expected[i].depth);
        assert_int_equal(line.offset, expected[i].offset);
        assert_int_equal(line.inlined, expected[i].inlined);
        assert_int_equal((line.flags & FRAME_GUESSED) != 0, expected[i].guessed);
        same(line.path, i < 2 ? "/usr/lib/libc.so.6" : "/usr/bin/server");
    }
    assert_false(code_walk_next(&walk, &line));
    walk = code_walk(code, 99);
    assert_false(code_walk_next(&walk, &line));
    code_release(code);
}

/* The first function outside of the library, inlined or not; where there is none, the last, and that is told. */
static void test_site(void **state)
{
    (void)state;
    struct code *code = whole_story();
    struct code_line line;
    assert_true(code_site(code, 1, &line));
    same(line.function, "get");
    assert_false(line.is_runtime);
    assert_true(code_site(code, 2, &line));
    same(line.function, "malloc");
    assert_true(line.is_runtime);
    assert_false(code_site(code, 0, &line));
    assert_false(code_site(code, 4, &line));
    /* Another name, another site: nothing old is told. */
    const struct record renamed = NAMES(3, 29, {2, 0, 0}, {4, 6, 88});
    assert_int_equal(code_apply(code, &renamed), 0);
    assert_true(code_site(code, 1, &line));
    same(line.function, "load");
    code_release(code);
}

struct copy {
    struct code *code;
    unsigned count;
};

static int apply_to_copy(void *context, const struct record *record)
{
    struct copy *copy = context;
    copy->count++;
    return code_apply(copy->code, record);
}

static int count_only(void *context, const struct record *record)
{
    (void)record;
    return ++*(unsigned *)context == 3 ? -EIO : 0;
}

/* What code_each() gives makes the same again, also on top of what is there. */
static void test_each(void **state)
{
    (void)state;
    struct code *code = whole_story();
    static const struct record symbols = {.kind = REC_SYMBOLS, .symbols = {1, SYMBOL_NO_DEBUG_FILE}};
    assert_int_equal(code_apply(code, &symbols), 0);
    struct copy copy = {code_new(), 0};
    assert_int_equal(code_each(code, apply_to_copy, &copy), 0);
    assert_int_equal(copy.count, sizeof(story) / sizeof(story[0]) + 1);
    struct code_line one, two;
    struct code_walk walk = code_walk(code, 1), walk_copy = code_walk(copy.code, 1);
    while (code_walk_next(&walk, &one)) {
        assert_true(code_walk_next(&walk_copy, &two));
        assert_int_equal(one.function.size, two.function.size);
        assert_int_equal(one.line, two.line);
    }
    assert_int_equal(code_module(copy.code, 1)->problem, SYMBOL_NO_DEBUG_FILE);
    assert_true(code_module(copy.code, 1)->resolved);
    unsigned count = 0;
    assert_int_equal(code_each(code, count_only, &count), -EIO);
    assert_int_equal(count, 3);
    code_release(copy.code);
    code_release(code);
}

static void test_forget(void **state)
{
    (void)state;
    struct code *code = code_hold(whole_story());
    uint64_t frames, nameless;
    struct code_line line;
    code_release(code);
    code_frame_names(code, &frames, &nameless);
    assert_int_equal(frames, 4);
    assert_int_equal(nameless, 0);
    code_forget_names(code);
    code_frame_names(code, &frames, &nameless);
    assert_int_equal(nameless, 4);
    struct code_walk walk = code_walk(code, 1);
    unsigned count = 0;
    for (; code_walk_next(&walk, &line); count++)
        assert_int_equal(line.function.size, 0);
    assert_int_equal(count, 4);
    assert_true(code_site(code, 1, &line)); /* by its module alone */
    assert_int_equal(line.frame, 3);
    static const struct record name = NAME(1, "other");
    assert_int_equal(code_apply(code, &name), 0);
    code_release(code);
}

/* The same again is fine; anything else under a known id is damage, and changes nothing. */
static void test_contradictions(void **state)
{
    (void)state;
    const struct record wrong[] = {
        MODULE(1, "/usr/bin/other"),
        FRAME(3, 1, 0x1109, 0),
        FRAME(3, 1, 0x1108, FRAME_GUESSED),
        STACK(1, 1, 2, 3),
        STACK(1, 1, 2, 4, 3),
        NAME(1, "munmap"),
        FRAME(0, 1, 1, 0),
        FRAME(70000, 1, 1, 0),
        FRAME(UINT32_MAX, 1, 1, 0),
        NAMES(5, 0, {1, 0, 0}),
        {.kind = REC_SYMBOLS, .symbols = {3, SYMBOL_OK}},
        {.kind = REC_SYMBOLS, .symbols = {1, 77}},
        {.kind = REC_STACK, .stack = {.id = 4, .quality = 3}},
        {.kind = REC_STACK, .stack = {.id = 4, .end = 9}},
        {.kind = REC_CODE, .code = {.frame = 9}},
    };
    struct code *code = whole_story();
    for (size_t i = 0; i < sizeof(story) / sizeof(story[0]); i++)
        assert_int_equal(code_apply(code, &story[i]), 0);
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        assert_int_equal(code_apply(code, &wrong[i]), -TRACE_E_DAMAGED);
    struct code_stack stack;
    assert_true(code_stack(code, 1, &stack));
    assert_int_equal(stack.n_frames, 4);
    assert_int_equal(code_frame(code, 3)->address, 0x1108);
    code_release(code);
}

/* Frames of a file were lost: what they held is unknown, the rest can be read. */
static void test_gaps(void **state)
{
    (void)state;
    const struct record records[] = {FRAME(7, 9, 0x10, 0), STACK(5, 3, 7, 1000)};
    struct code *code = told(records, 2);
    struct code_line line;
    struct code_walk walk = code_walk(code, 5);
    unsigned count = 0;
    for (; code_walk_next(&walk, &line); count++) {
        assert_int_equal(line.function.size + line.path.size, 0);
        assert_int_equal(line.frame, count == 1 ? 7 : 0); /* an id may be an index */
    }
    assert_int_equal(count, 3);
    assert_null(code_frame(code, 3));
    assert_null(code_module(code, 9));
    assert_true(code_site(code, 5, &line));
    walk = code_walk(code, 4);
    assert_false(code_walk_next(&walk, &line));
    code_release(code);
}

/* push rbp; mov rbp, rsp; call +0; pop rbp; ret: the call ends at 0x1009. */
static void test_instructions(void **state)
{
    (void)state;
    static const struct rec_code_line lines[] = {{0, 1, 3}, {4, 1, 4}};
    static const struct record records[] = {
        MODULE(1, "/x"),
        FRAME(1, 1, 0x1009, 0),
        NAME(1, "x.c"),
        {.kind = REC_CODE,
         .code = {.frame = 1,
                  .address = 0x1000,
                  .bytes = TEXT("\x55\x48\x89\xe5\xe8\x00\x00\x00\x00\x5d\xc3"),
                  .n_lines = 2,
                  .lines = lines}},
    };
    struct code *code = told(records, 4);
    struct instruction *list;
    size_t count;
    assert_int_equal(code_instructions(code, 1, &list, &count), 0);
    assert_int_equal(count, 5);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(list[i].is_call_site, i == 2);
        assert_int_equal(list[i].line, i < 2 ? 3 : 4);
        same(list[i].file, "x.c");
    }
    assert_int_equal(list[2].address, 0x1004);
    assert_true(strncmp(list[2].text, "call ", 5) == 0);
    free(list);
    assert_int_equal(code_instructions(code, 2, &list, &count), -ENOENT);
    assert_int_equal(code_apply(code, &records[3]), -TRACE_E_DAMAGED); /* twice */
    code_release(code);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_walk),         cmocka_unit_test(test_site),           cmocka_unit_test(test_each),
        cmocka_unit_test(test_forget),       cmocka_unit_test(test_contradictions), cmocka_unit_test(test_gaps),
        cmocka_unit_test(test_instructions),
    };
    return cmocka_run_group_tests_name("code", tests, NULL, NULL);
}
