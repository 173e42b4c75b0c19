/* links: report.a decoder.a tracer.a */
/* test_event_json.c: events as JSON objects.  The decoder is a fake that knows one file. */
#include "../../report/event_json.h"
#include "../../report/escape.h"

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

enum { FILE_ID = 3 };

struct decoder {
    struct file_info file;
    struct code *code;
};

static struct decoder fake = {.file = {.path = TEXT("/tmp/\"</script>\n\377")}};

struct code *decoder_code(const struct decoder *decoder)
{
    return decoder->code;
}

tracee_addr decoder_pc(const struct decoder *decoder, uint32_t space, const struct code_line *line)
{
    (void)decoder;
    return line->module && space ? line->address + 0x7f0000000000 : line->module ? 0 : line->address;
}

const struct file_info *decoder_file(const struct decoder *decoder, uint32_t file)
{
    return file == FILE_ID ? &decoder->file : NULL;
}

/* The line printer beside it asks for these two; JSON never does. */
const struct process_info *decoder_process(const struct decoder *decoder, uint32_t pid)
{
    (void)decoder;
    (void)pid;
    return NULL;
}

bool decoder_space(const struct decoder *decoder, uint32_t space, struct space_info *ret_info)
{
    (void)decoder;
    (void)space;
    (void)ret_info;
    return false;
}

const char *kind_name(enum kind kind)
{
    return kind == KIND_HEAP ? "heap" : "anonymous";
}

static void write_event(struct buffer *out, const struct decoder *decoder, const struct rec_event *event,
                        struct change change)
{
    struct record record = {.kind = REC_EVENT, .event = *event};
    struct moment moment = {.record = &record, .event = 12, .change = change};
    event_json(out, decoder, &moment, true);
    assert_false(out->failed);
}

/* The whole object. */
static void check(const struct rec_event *event, struct change change, const char *expected)
{
    struct buffer out = {0};
    write_event(&out, &fake, event, change);
    assert_string_equal(buffer_chars(&out), expected);
    buffer_free(&out);
}

/* A part of it. */
static void check_has(const struct rec_event *event, const char *expected)
{
    struct buffer out = {0};
    write_event(&out, &fake, event, (struct change){0});
    if (!strstr(buffer_chars(&out), expected))
        assert_string_equal(buffer_chars(&out), expected); /* fails, and shows both */
    buffer_free(&out);
}

#define EVENT(...)  (&(struct rec_event){__VA_ARGS__})
#define CHANGE(...) ((struct change){__VA_ARGS__})

/* The contract: every key, in this order. */
static void test_whole_objects(void **state)
{
    (void)state;
    check(EVENT(.time = 12340, .duration = 21, .pid = 70, .tid = 71, .space = 1, .call = CALL_MMAP,
                .args = {0, 8192, 3, 0x22, UINT64_MAX, 0}, .ret = 0x7f2a4c000000, .flags = EVENT_FAULTS, .minflt = 2),
          CHANGE(.mapped = 8192, .kind = KIND_ANONYMOUS),
          "{\"id\":12,\"t\":0.001234,\"pid\":70,\"tid\":71,\"space\":1,\"call\":\"mmap\",\"args\":{\"addr\":"
          "\"0x0\","
          "\"length\":8192,\"prot\":\"rw-\",\"flags\":[\"MAP_PRIVATE\",\"MAP_ANONYMOUS\"],\"fd\":-1,"
          "\"offset\":0},"
          "\"ret\":\"0x7f2a4c000000\",\"errno\":null,\"duration_us\":2.1,\"mapped\":8192,\"unmapped\":0,"
          "\"kind\":\"anonymous\",\"stack_id\":null,\"stack_quality\":null,\"minflt\":2,\"majflt\":0,"
          "\"stack\":[]}");
    check(EVENT(.time = 123456789, .pid = 1, .tid = 2, .space = 3, .call = CALL_MUNMAP, .args = {0x1000, 4096},
                .error = EINVAL, .stack = 6, .flags = EVENT_UNORDERED),
          CHANGE(.kind = KIND_NONE),
          "{\"id\":12,\"t\":12.345679,\"pid\":1,\"tid\":2,\"space\":3,\"call\":\"munmap\",\"args\":{\"addr\":"
          "\"0x1000\","
          "\"length\":4096},\"ret\":null,\"errno\":\"EINVAL\",\"duration_us\":0.0,\"mapped\":0,\"unmapped\":0,"
          "\"kind\":null,\"stack_id\":6,\"stack_quality\":null,\"minflt\":0,\"majflt\":0,\"stack\":[],"
          "\"unordered\":true}");
}

static void test_results(void **state)
{
    (void)state;
    check_has(EVENT(.call = CALL_BRK, .ret = 0x5000), "\"ret\":\"0x5000\",\"errno\":null");
    check_has(EVENT(.call = CALL_CLONE, .ret = 4455), "\"ret\":4455,\"errno\":null");
    check_has(EVENT(.call = CALL_MUNMAP), "\"ret\":0,\"errno\":null");
    check_has(EVENT(.call = CALL_MMAP, .error = 999), "\"ret\":null,\"errno\":\"ERRNO_999\"");
    check_has(EVENT(.call = CALL_EXIT_GROUP, .args = {3}, .flags = EVENT_NO_RESULT),
              "\"args\":{\"status\":3},\"ret\":null,\"errno\":null");
    check_has(EVENT(.call = CALL_BRK, .flags = EVENT_UNFINISHED, .ret = 7), "\"ret\":null,\"errno\":null");
    check_has(EVENT(.call = CALL_BRK, .flags = EVENT_UNFINISHED), "\"stack\":[],\"unfinished\":true}");
}

static void test_faults(void **state)
{
    (void)state;
    check_has(EVENT(.call = CALL_MUNMAP), "\"minflt\":0,\"majflt\":0"); /* cannot fault: not measured */
    check_has(EVENT(.call = CALL_MMAP, .flags = EVENT_FAULTS, .minflt = 3, .majflt = 1), "\"minflt\":3,\"majflt\":1");
}

static void test_arguments(void **state)
{
    (void)state;
    check_has(EVENT(.call = CALL_MMAP, .args = {0x1000, UINT64_MAX, 0x1000019, 0x202, 3, 0x26000}, .file = FILE_ID),
              "{\"addr\":\"0x1000\",\"length\":18446744073709551615,\"prot\":\"r--\",\"prot_flags\":[\"PROT_SEM\","
              "\"PROT_GROWSDOWN\",\"0x10\"],\"flags\":[\"MAP_PRIVATE\",\"0x200\"],\"fd\":3,"
              "\"path\":\"/tmp/\\\"\\u003c/script\\u003e\\n\\ufffd\",\"offset\":155648}");
    check_has(EVENT(.call = CALL_MMAP, .args = {[4] = UINT64_MAX}, .file = FILE_ID), "\"fd\":-1,\"offset\":0}");
    check_has(EVENT(.call = CALL_MREMAP, .args = {0x1000, 1, 2, 1, 0xdead}),
              "{\"old_addr\":\"0x1000\",\"old_length\":1,\"length\":2,\"flags\":[\"MREMAP_MAYMOVE\"],"
              "\"addr\":null}");
    check_has(EVENT(.call = CALL_MREMAP, .args = {0x1000, 1, 2, 3, 0x9000}), "\"addr\":\"0x9000\"}");
    check_has(EVENT(.call = CALL_MADVISE, .args = {0, 0, 4}), "\"advice\":\"MADV_DONTNEED\"}");
    check_has(EVENT(.call = CALL_MADVISE, .args = {0, 0, 0x66666}), "\"advice\":\"0x66666\"}");
    check_has(EVENT(.call = CALL_MLOCK2, .args = {0, 1, 0}), "\"flags\":[]}");
    check_has(EVENT(.call = CALL_MSEAL, .args = {0, 1, 5}), "\"flags\":[\"0x5\"]}");
    check_has(EVENT(.call = CALL_PKEY_MPROTECT, .args = {0, 1, 7, UINT64_MAX}), "\"prot\":\"rwx\",\"pkey\":-1}");
    check_has(EVENT(.call = CALL_CLONE, .args = {0x100 | 17}),
              "{\"flags\":[\"CLONE_VM\",\"SIGCHLD\"],\"child_stack\":\"0x0\"}");
    check_has(EVENT(.call = CALL_FORK), "\"args\":{},");
    check_has(EVENT(.call = 999, .nargs = 2, .args = {1, 2}),
              "\"call\":\"unknown\",\"args\":{\"arg0\":\"0x1\",\"arg1\":\"0x2\"}");
}

static void test_texts(void **state)
{
    (void)state;
    enum { SET_VMA = 0x53564d41, SET_MM = 35, SET_SECCOMP = 22 };
    check_has(EVENT(.call = CALL_EXECVE, .args = {0, 0, 24}, .text = TEXT("./a\0b"), .list = TEXT("x\0\0\"\0")),
              "{\"path\":\"./a\\u0000b\",\"argv\":[\"x\",\"\",\"\\\"\"],\"envc\":24}");
    check_has(EVENT(.call = CALL_EXECVE, .text = TEXT("x"), .list = TEXT("x\0yz")),
              "\"argv\":[\"x\",\"yz\"],\"argv_cut\":true,\"envc\":0}");
    check_has(EVENT(.call = CALL_EXECVE, .error = EFAULT), "{\"path\":null,\"argv\":[],\"envc\":0}");
    check_has(EVENT(.call = CALL_EXECVE, .error = ENOENT), "{\"path\":\"\",");
    check_has(EVENT(.call = CALL_EXECVEAT, .args = {5, 0, 0, 0, 0x100}, .text = TEXT("x"), .file = FILE_ID),
              "{\"dirfd\":5,\"dirpath\":");
    check_has(EVENT(.call = CALL_PRCTL, .args = {SET_VMA, 0, 0x1000, 4096}, .text = TEXT("name")),
              "{\"option\":\"PR_SET_VMA\",\"sub\":\"PR_SET_VMA_ANON_NAME\",\"addr\":\"0x1000\",\"length\":"
              "4096,\"name\":\"name\"}");
    check_has(EVENT(.call = CALL_PRCTL, .args = {SET_VMA, 0, 0x1000, 4096}), "\"length\":4096,\"name\":null}");
    check_has(EVENT(.call = CALL_PRCTL, .args = {SET_MM, 7, 0x1000}, .text = TEXT("junk")),
              "{\"option\":\"PR_SET_MM\",\"sub\":\"PR_SET_MM_BRK\",\"addr\":\"0x1000\",\"length\":0,\"name\":"
              "null}");
    check_has(EVENT(.call = CALL_PRCTL, .args = {SET_SECCOMP, 1, 0xdead, 7}),
              "{\"option\":\"PR_SET_SECCOMP\",\"sub\":\"SECCOMP_MODE_STRICT\",\"addr\":null,\"length\":null,"
              "\"name\":null}");
    check_has(EVENT(.call = CALL_PRCTL, .args = {SET_MM, 99}), "\"sub\":\"0x63\"");
}

/* Whatever a path holds, no control byte and no invalid UTF-8 comes out. */
static void test_hostile_paths(void **state)
{
    (void)state;
    enum { SIZE = 65536 };
    char *path = malloc(SIZE);
    assert_non_null(path);
    for (int i = 0; i < SIZE; i++)
        path[i] = (char)(i ^ i >> 8);
    struct decoder decoder = {.file = {.path = {path, SIZE}}};
    struct buffer out = {0};
    write_event(&out, &decoder, EVENT(.call = CALL_MMAP, .args = {[4] = 3}, .file = FILE_ID), CHANGE(.mapped = 1));
    assert_true(out.size > SIZE);
    for (size_t i = 0; i < out.size;) {
        uint32_t code;
        size_t length = escape_utf8(out.data + i, out.size - i, &code);
        assert_true(length > 0 && escape_printable(code));
        i += length;
    }
    buffer_free(&out);
    free(path);
}

/* A stack of three frames: one with an inlined function and hostile names, one without names, one that the program
 * made itself. */
static void make_code(void)
{
    static const struct rec_line lines[] = {{1, 2, 12}, {3, 2, 40}};
    static const uint32_t frames[] = {1, 2, 3};
    const struct record records[] = {
        {.kind = REC_MODULE, .module = {.id = 1, .path = TEXT("/x/\"m"), .build_id = TEXT("\xab\x01")}},
        {.kind = REC_FRAME, .frame = {.id = 1, .module = 1, .address = 0x1010}},
        {.kind = REC_FRAME, .frame = {.id = 2, .module = 1, .flags = FRAME_GUESSED, .address = 0x2020}},
        {.kind = REC_FRAME, .frame = {.id = 3, .space = 7, .address = 0x5000}},
        {.kind = REC_STACK, .stack = {.id = 5, .quality = STACK_GUESSED, .n_frames = 3, .frames = frames}},
        {.kind = REC_TEXT, .text = {1, TEXT("get<\"</script>\n\">")}},
        {.kind = REC_TEXT, .text = {2, TEXT("a b.c")}},
        {.kind = REC_TEXT, .text = {3, TEXT("main")}},
        {.kind = REC_NAMES, .names = {.frame = 1, .offset = 29, .n_lines = 2, .lines = lines}},
    };
    fake.code = code_new();
    for (size_t i = 0; i < sizeof(records) / sizeof(records[0]); i++)
        assert_int_equal(code_apply(fake.code, &records[i]), 0);
}

static void test_stack(void **state)
{
    (void)state;
    const struct rec_event event = {.call = CALL_BRK, .nargs = 1, .stack = 5, .space = 7};
    check_has(&event, "\"stack_id\":5,\"stack_quality\":\"guessed\"");
    check_has(
        &event,
        "\"stack\":[{\"pc\":\"0x7f0000001010\",\"module\":\"/x/\\\"m\",\"build_id\":\"ab01\",\"address\":\"0x1010\","
        "\"function\":\"get\\u003c\\\"\\u003c/script\\u003e\\n\\\"\\u003e\",\"offset\":29,\"file\":\"a "
        "b.c\",\"line\":12,"
        "\"inlined\":true,\"guessed\":false},"
        "{\"pc\":\"0x7f0000001010\",\"module\":\"/x/\\\"m\",\"build_id\":\"ab01\",\"address\":\"0x1010\","
        "\"function\":\"main\",\"offset\":29,\"file\":\"a b.c\",\"line\":40,\"inlined\":false,\"guessed\":false},"
        "{\"pc\":\"0x7f0000002020\",\"module\":\"/x/\\\"m\",\"build_id\":\"ab01\",\"address\":\"0x2020\","
        "\"function\":null,\"offset\":null,\"file\":null,\"line\":null,\"inlined\":false,\"guessed\":true},"
        "{\"pc\":\"0x5000\",\"module\":null,\"build_id\":null,\"address\":\"0x5000\","
        "\"function\":null,\"offset\":null,\"file\":null,\"line\":null,\"inlined\":false,\"guessed\":false}]");
}

int main(void)
{
    make_code();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_stack),         cmocka_unit_test(test_whole_objects), cmocka_unit_test(test_results),
        cmocka_unit_test(test_faults),        cmocka_unit_test(test_arguments),     cmocka_unit_test(test_texts),
        cmocka_unit_test(test_hostile_paths),
    };
    return cmocka_run_group_tests_name("event_json", tests, NULL, NULL);
}
