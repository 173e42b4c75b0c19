/* links: report/escape.o report/buffer.o report/json.o report/units.o */
/* test_escape.c: hostile text, for terminals and as JSON; and the two writers below, buffer and json. */
#include "../../report/escape.h"
#include "../../report/json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

/* A string literal as a text, NULs inside it included. */
#define TEXT(literal) ((struct text){.data = literal, .size = sizeof(literal) - 1})

static void check_text(struct text text, unsigned flags, size_t cap, const char *expected)
{
    struct buffer out = {0};
    escape_text(&out, text, flags, cap);
    assert_false(out.failed);
    assert_string_equal(buffer_chars(&out), expected);
    assert_int_equal(out.size, strlen(expected));
    buffer_free(&out);
}

static void check_json(struct text text, const char *expected)
{
    struct buffer out = {0};
    escape_json(&out, text);
    assert_false(out.failed);
    assert_string_equal(buffer_chars(&out), expected);
    buffer_free(&out);
}

static void check_shell(struct text word, size_t cap, const char *expected)
{
    struct buffer out = {0};
    escape_shell(&out, word, 0, cap);
    assert_string_equal(buffer_chars(&out), expected);
    buffer_free(&out);
}

static void test_shell(void **state)
{
    (void)state;
    check_shell(TEXT("t.brkw"), ESCAPE_ALL, "t.brkw");
    check_shell(TEXT(""), ESCAPE_ALL, "''");
    check_shell(TEXT("a b;$(id).brkw"), ESCAPE_ALL, "'a b;$(id).brkw'");
    check_shell(TEXT("it's"), ESCAPE_ALL, "'it'\\''s'");
    check_shell(TEXT("abc def"), 5, "'abc d...'");
    check_shell(TEXT("a\\b"), ESCAPE_ALL, "$'a\\\\b'");
    check_shell(TEXT("it's\n\33\3771"), ESCAPE_ALL, "$'it\\'s\\n\\33\\3771'");
    check_shell(TEXT("\xe2\x80\xae"), ESCAPE_ALL, "$'\\342\\200\\256'");
}

static void test_like_strace(void **state)
{
    (void)state;
    check_text(TEXT(""), ESCAPE_QUOTES, ESCAPE_ALL, "\"\"");
    check_text((struct text){0}, 0, ESCAPE_ALL, "");
    check_text(TEXT("./server"), ESCAPE_QUOTES, ESCAPE_ALL, "\"./server\"");
    check_text(TEXT("a\n\t\r\v\f\"\\"), ESCAPE_QUOTES, ESCAPE_ALL, "\"a\\n\\t\\r\\v\\f\\\"\\\\\"");
    check_text(TEXT("a\"b"), 0, ESCAPE_ALL, "a\"b");
    check_text(TEXT("\1\33[31m\177\0z"), 0, ESCAPE_ALL, "\\1\\33[31m\\177\\0z");
    /* Three digits where the next byte would be read as one more. */
    check_text(TEXT("\1"
                    "3\0"
                    "9"),
               0, ESCAPE_ALL, "\\0013\\0009");
    check_text(TEXT("a<b>"), ESCAPE_ANGLES, ESCAPE_ALL, "a\\74b\\76");
    check_text(TEXT("a<b>"), 0, ESCAPE_ALL, "a<b>");
}

static void test_utf8(void **state)
{
    (void)state;
    check_text(TEXT("caf\303\251 \346\227\245 \360\237\230\200"), 0, ESCAPE_ALL,
               "caf\303\251 \346\227\245 \360\237\230\200");
    check_text(TEXT("caf\303\251"), ESCAPE_ASCII, ESCAPE_ALL, "caf\\303\\251");
    check_text(TEXT("\303"), 0, ESCAPE_ALL, "\\303");
    check_text(TEXT("\303x\251"), 0, ESCAPE_ALL, "\\303x\\251");
    check_text(TEXT("\300\257"), 0, ESCAPE_ALL, "\\300\\257");                   /* overlong / */
    check_text(TEXT("\355\240\200"), 0, ESCAPE_ALL, "\\355\\240\\200");          /* surrogate */
    check_text(TEXT("\364\220\200\200"), 0, ESCAPE_ALL, "\\364\\220\\200\\200"); /* above U+10FFFF */
    check_text(TEXT("\377\376"), 0, ESCAPE_ALL, "\\377\\376");
    check_text(TEXT("\302\233"
                    "31m"),
               0, ESCAPE_ALL, "\\302\\23331m");                               /* C1: CSI */
    check_text(TEXT("\342\200\256txt"), 0, ESCAPE_ALL, "\\342\\200\\256txt"); /* right-to-left override */
    check_text(TEXT("\357\273\277"), 0, ESCAPE_ALL, "\\357\\273\\277");       /* byte order mark */
}

static void test_cap(void **state)
{
    (void)state;
    check_text(TEXT("abcdef"), ESCAPE_QUOTES, 6, "\"abcdef\"");
    check_text(TEXT("abcdef"), ESCAPE_QUOTES, 3, "\"abc\"...");
    check_text(TEXT("abcdef"), 0, 0, "...");
    check_text(TEXT("\n\n\n"), 0, 2, "\\n\\n...");
    /* No character is cut: the cap falls inside it. */
    check_text(TEXT("a\360\237\230\200b"), 0, 1, "a...");
    check_text(TEXT("a\360\237\230\200b"), 0, 2, "a...");
    check_text(TEXT("a\360\237\230\200b"), 0, 4, "a...");
    check_text(TEXT("a\360\237\230\200b"), 0, 5, "a\360\237\230\200...");
    check_text(TEXT("\251\251\251\251\251"), 0, 2, "\\251\\251...");
}

static void test_json_strings(void **state)
{
    (void)state;
    check_json(TEXT(""), "\"\"");
    check_json((struct text){0}, "\"\"");
    check_json(TEXT("a/b \"c\" \\ \n\t\r\f"), "\"a/b \\\"c\\\" \\\\ \\n\\t\\r\\f\"");
    check_json(TEXT("\0\1\v\33\177"), "\"\\u0000\\u0001\\u000b\\u001b\\u007f\"");
    check_json(TEXT("</script><!--&"), "\"\\u003c/script\\u003e\\u003c!--\\u0026\"");
    check_json(TEXT("caf\303\251 \360\237\230\200"), "\"caf\303\251 \360\237\230\200\"");
    check_json(TEXT("\303x\377"), "\"\\ufffdx\\ufffd\"");
    check_json(TEXT("\355\240\200"), "\"\\ufffd\\ufffd\\ufffd\"");
    check_json(TEXT("\342\200\250\342\200\256"), "\"\\u2028\\u202e\"");
    check_json(TEXT("\363\240\200\201"), "\"\\udb40\\udc01\""); /* U+E0001, a pair in UTF-16 */
}

/* Each byte alone, and before and after each other byte, gives a JSON string of printable ASCII or valid
 * UTF-8. */
static void test_json_every_pair(void **state)
{
    (void)state;
    struct buffer out = {0};
    for (unsigned pair = 0; pair < 65536; pair++) {
        char bytes[2] = {(char)(pair >> 8), (char)pair};
        buffer_clear(&out);
        escape_json(&out, (struct text){bytes, 2});
        assert_int_equal(out.data[0], '"');
        assert_int_equal(out.data[out.size - 1], '"');
        for (size_t i = 0; i < out.size;) {
            uint32_t code;
            size_t length = escape_utf8(out.data + i, out.size - i, &code);
            assert_true(length > 0);
            assert_true(escape_printable(code));
            i += length;
        }
    }
    buffer_free(&out);
}

static void test_large(void **state)
{
    (void)state;
    enum { SIZE = 65536 };
    char *bytes = malloc(SIZE);
    assert_non_null(bytes);
    memset(bytes, '\33', SIZE);
    struct buffer out = {0};
    escape_text(&out, (struct text){bytes, SIZE}, ESCAPE_QUOTES, ESCAPE_ALL);
    assert_int_equal(out.size, 3 * SIZE + 2);
    buffer_clear(&out);
    escape_json(&out, (struct text){bytes, SIZE});
    assert_int_equal(out.size, 6 * SIZE + 2);
    assert_false(out.failed);
    buffer_free(&out);
    free(bytes);
}

static void test_buffer_numbers(void **state)
{
    (void)state;
    struct buffer out = {0};
    assert_string_equal(buffer_chars(&out), "");
    buffer_unsigned(&out, 0);
    buffer_char(&out, ' ');
    buffer_unsigned(&out, UINT64_MAX);
    buffer_char(&out, ' ');
    buffer_signed(&out, -1);
    buffer_char(&out, ' ');
    buffer_signed(&out, INT64_MIN);
    buffer_char(&out, ' ');
    buffer_hex(&out, 0);
    buffer_char(&out, ' ');
    buffer_hex(&out, UINT64_MAX);
    assert_string_equal(buffer_chars(&out), "0 18446744073709551615 -1 -9223372036854775808 0x0 0xffffffffffffffff");
    buffer_clear(&out);
    buffer_decimal(&out, 1234, 3);
    buffer_char(&out, ' ');
    buffer_decimal(&out, 7, 6);
    buffer_char(&out, ' ');
    buffer_decimal(&out, 0, 1);
    buffer_char(&out, ' ');
    buffer_decimal(&out, UINT64_MAX, 19);
    buffer_char(&out, ' ');
    buffer_decimal(&out, 1, 19);
    assert_string_equal(buffer_chars(&out), "1.234 0.000007 0.0 1.8446744073709551615 0.0000000000000000001");
    buffer_free(&out);
    buffer_free(&out);
    buffer_free(NULL);
}

/* A size that no memory can have marks the buffer, and what is in it stays. */
static void test_buffer_failure(void **state)
{
    (void)state;
    struct buffer out = {0};
    buffer_string(&out, "kept");
    buffer_append(&out, "", SIZE_MAX);
    assert_true(out.failed);
    buffer_string(&out, "ignored");
    assert_string_equal(buffer_chars(&out), "kept");
    buffer_clear(&out);
    buffer_string(&out, "again");
    assert_false(out.failed);
    assert_string_equal(buffer_chars(&out), "again");
    buffer_free(&out);
}

static void test_json_commas(void **state)
{
    (void)state;
    struct buffer out = {0};
    struct json json;
    json_begin(&json, &out);
    json_object_open(&json);
    json_key(&json, "empty");
    json_array_open(&json);
    json_array_close(&json);
    json_key(&json, "list");
    json_array_open(&json);
    json_unsigned(&json, 1);
    json_signed(&json, -2);
    json_object_open(&json);
    json_object_close(&json);
    json_array_open(&json);
    json_null(&json);
    json_bool(&json, true);
    json_bool(&json, false);
    json_array_close(&json);
    json_string(&json, "s");
    json_array_close(&json);
    json_key(&json, "t\"");
    json_decimal(&json, 1234, 6);
    json_key(&json, "a");
    json_hex(&json, 0);
    json_object_close(&json);
    assert_string_equal(buffer_chars(&out),
                        "{\"empty\":[],\"list\":[1,-2,{},[null,true,false],\"s\"],\"t\\\"\":0.001234,\"a\":\"0x0\"}");
    buffer_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_like_strace),    cmocka_unit_test(test_shell),
        cmocka_unit_test(test_utf8),           cmocka_unit_test(test_cap),
        cmocka_unit_test(test_json_strings),   cmocka_unit_test(test_json_every_pair),
        cmocka_unit_test(test_large),          cmocka_unit_test(test_buffer_numbers),
        cmocka_unit_test(test_buffer_failure), cmocka_unit_test(test_json_commas),
    };
    return cmocka_run_group_tests_name("escape", tests, NULL, NULL);
}
