/* links: report.a decoder.a tracer.a */
/* test_event_text.c: events as lines.  The decoder is a fake with one file, one process and one space. */
#include "../../report/event_text.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define TEXT(literal)                                                                                                  \
    {                                                                                                                  \
        .data = literal, .size = sizeof(literal) - 1                                                                   \
    }

enum { FILE_ID = 3, PID = 70, OLD_SPACE = 1, NEW_SPACE = 2 };

struct decoder {
    struct file_info file;
    struct process_info process;
    struct space_info space;
};

static const struct decoder fake = {
    .file = {.path = TEXT("/usr/lib/libc.so.6")},
    .process = {.pid = PID, .space = NEW_SPACE},
    .space = {.space = NEW_SPACE, .segments = 6, .bytes = 172 * 1024},
};

const struct file_info *decoder_file(const struct decoder *decoder, uint32_t file)
{
    return file == FILE_ID ? &decoder->file : NULL;
}

const struct process_info *decoder_process(const struct decoder *decoder, uint32_t pid)
{
    return pid == decoder->process.pid ? &decoder->process : NULL;
}

bool decoder_space(const struct decoder *decoder, uint32_t space, struct space_info *ret_info)
{
    if (space != decoder->space.space)
        return false;
    *ret_info = decoder->space;
    return true;
}

/* No event of these tests has a stack. */
struct code *decoder_code(const struct decoder *decoder)
{
    static struct code *code;
    (void)decoder;
    code = code ? code : code_new();
    return code;
}

const char *kind_name(enum kind kind)
{
    static const char *const names[KIND_COUNT] = {"none", "heap",   "arena",     "chunk", "stack", "image",
                                                  "file", "shared", "anonymous", "guard", "kernel"};
    return names[kind];
}

static const struct event_style marked = {.name = "<n>", .error = "<e>", .note = "<o>", .end = "</>"};

static void check_styled(const struct decoder *decoder, const struct rec_event *event, struct change change,
                         const struct event_style *style, const char *expected)
{
    struct record record = {.kind = REC_EVENT, .event = *event};
    struct moment moment = {.record = &record, .event = 12, .pid = PID, .space = OLD_SPACE, .change = change};
    struct buffer out = {0};
    record.event.pid = PID;
    record.event.space = OLD_SPACE;
    event_text(&out, decoder, &moment, style);
    assert_false(out.failed);
    assert_string_equal(buffer_chars(&out), expected);
    buffer_free(&out);
}

static void check(const struct rec_event *event, struct change change, const char *expected)
{
    check_styled(&fake, event, change, NULL, expected);
}

#define EVENT(...)  (&(struct rec_event){__VA_ARGS__})
#define NOTHING     ((struct change){0})
#define CHANGE(...) ((struct change){__VA_ARGS__})

static void test_mmap(void **state)
{
    (void)state;
    check(EVENT(.call = CALL_MMAP, .args = {0, 8192, 3, 0x22, UINT64_MAX, 0}, .ret = 0x7f2a4c000000, .duration = 121),
          CHANGE(.mapped = 8192, .kind = KIND_ANONYMOUS),
          "mmap(NULL, 8192, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0) = 0x7f2a4c000000 <0.000012>"
          "  anonymous +8.0K");
    check(EVENT(.call = CALL_MMAP, .args = {0x1000, 4096, 5, 0x12, 3, 0x26000}, .ret = 0x1000, .file = FILE_ID),
          CHANGE(.mapped = 1258291, .unmapped = 4096, .kind = KIND_IMAGE),
          "mmap(0x1000, 4096, PROT_READ|PROT_EXEC, MAP_PRIVATE|MAP_FIXED, 3</usr/lib/libc.so.6>, 0x26000) = "
          "0x1000 "
          "<0.000000>  image +1.2M -4.0K");
    check(EVENT(.call = CALL_MMAP, .args = {0, 134217728, 0, 0x4022, 0xffffffff, 0}, .ret = 0x7f1c30000000),
          CHANGE(.mapped = 134217728, .kind = KIND_ARENA),
          "mmap(NULL, 134217728, PROT_NONE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_NORESERVE, -1, 0) = 0x7f1c30000000 "
          "<0.000000>  arena reserved 128M");
    check(EVENT(.call = CALL_MMAP, .args = {0, UINT64_MAX, 0x100, 0x200f, 3, 0}, .error = ENOMEM, .file = 99), NOTHING,
          "mmap(NULL, 18446744073709551615, 0x100 /* PROT_??? */, MAP_LOCKED|0xf, 3, 0) = -1 ENOMEM (Cannot "
          "allocate "
          "memory) <0.000000>");
    /* Shared anonymous memory has a file, but no descriptor. */
    check(EVENT(.call = CALL_MMAP, .args = {0, 4096, 3, 0x21, UINT64_MAX, 0}, .ret = 0x7000, .file = FILE_ID), NOTHING,
          "mmap(NULL, 4096, PROT_READ|PROT_WRITE, MAP_SHARED|MAP_ANONYMOUS, -1, 0) = 0x7000 <0.000000>");
}

static void test_unmap_and_protect(void **state)
{
    (void)state;
    check(EVENT(.call = CALL_MUNMAP, .args = {0x7f1c3a1cd000, 204800}, .duration = 90),
          CHANGE(.unmapped = 204800, .kind = KIND_CHUNK, .lived = 410000),
          "munmap(0x7f1c3a1cd000, 204800) = 0 <0.000009>  chunk -200K, lived 41 ms");
    check(EVENT(.call = CALL_MUNMAP, .args = {0x1000, 4096}), NOTHING, "munmap(0x1000, 4096) = 0 <0.000000>");
    check(EVENT(.call = CALL_MUNMAP, .args = {0x1000, 4096}), CHANGE(.unmapped = 4096),
          "munmap(0x1000, 4096) = 0 <0.000000>  -4.0K");
    check(EVENT(.call = CALL_MREMAP, .args = {0x1000, 4096, 8192, 1}, .ret = 0x5000),
          CHANGE(.mapped = 8192, .unmapped = 4096),
          "mremap(0x1000, 4096, 8192, MREMAP_MAYMOVE) = 0x5000 <0.000000>  +8.0K -4.0K");
    check(EVENT(.call = CALL_MPROTECT, .args = {0x1000, 4096, 0}), CHANGE(.kind = KIND_GUARD),
          "mprotect(0x1000, 4096, PROT_NONE) = 0 <0.000000>  guard");
    check(EVENT(.call = CALL_MPROTECT, .args = {0x1000, 4096, 1}, .error = ENOMEM), CHANGE(.kind = KIND_GUARD),
          "mprotect(0x1000, 4096, PROT_READ) = -1 ENOMEM (Cannot allocate memory) <0.000000>");
    check(EVENT(.call = CALL_PKEY_MPROTECT, .args = {0x1000, 4096, 3, UINT64_MAX}), NOTHING,
          "pkey_mprotect(0x1000, 4096, PROT_READ|PROT_WRITE, -1) = 0 <0.000000>");
}

static void test_mremap(void **state)
{
    (void)state;
    check(EVENT(.call = CALL_MREMAP, .args = {0x1000, 4096, 8192, 0, 0xdead}, .error = EFAULT), NOTHING,
          "mremap(0x1000, 4096, 8192, 0) = -1 EFAULT (Bad address) <0.000000>");
    check(EVENT(.call = CALL_MREMAP, .args = {0x1000, 4096, 8192, 3, 0x9000}, .ret = 0x9000), NOTHING,
          "mremap(0x1000, 4096, 8192, MREMAP_MAYMOVE|MREMAP_FIXED, 0x9000) = 0x9000 <0.000000>");
    check(EVENT(.call = CALL_MREMAP, .args = {0x1000, 4096, 4096, 5, 0}, .ret = 0x9000), NOTHING,
          "mremap(0x1000, 4096, 4096, MREMAP_MAYMOVE|MREMAP_DONTUNMAP, NULL) = 0x9000 <0.000000>");
}

static void test_brk(void **state)
{
    (void)state;
    check(EVENT(.call = CALL_BRK, .ret = 0x55d0c2c4e000), NOTHING, "brk(NULL) = 0x55d0c2c4e000 <0.000000>");
    check(EVENT(.call = CALL_BRK, .args = {0x55d0c2c6f000}, .ret = 0x55d0c2c6f000, .duration = 40),
          CHANGE(.mapped = 135168, .kind = KIND_HEAP, .heap_after = 135168),
          "brk(0x55d0c2c6f000) = 0x55d0c2c6f000 <0.000004>  heap +132K = 132K");
    check(EVENT(.call = CALL_BRK, .args = {0x55d0c2c6f000}, .ret = 0x55d0c2c6f000, .flags = EVENT_UNORDERED),
          CHANGE(.unmapped = 143360, .kind = KIND_HEAP, .heap_before = 278528, .heap_after = 135168),
          "brk(0x55d0c2c6f000) = 0x55d0c2c6f000 <0.000000>  heap -140K = 132K, order unknown");
    /* Failing is no error: the result is where the break is. */
    check(EVENT(.call = CALL_BRK, .args = {0x7fffffffffff}, .ret = 0x55d0c2c6f000), NOTHING,
          "brk(0x7fffffffffff) = 0x55d0c2c6f000 <0.000000>");
}

static void test_exec(void **state)
{
    (void)state;
    check(EVENT(.call = CALL_EXECVE, .args = {0, 0, 24}, .text = TEXT("./server"), .list = TEXT("./server\0")), NOTHING,
          "execve(\"./server\", [\"./server\"], /* 24 vars */) = 0 <0.000000>  new address space, 6 mappings, "
          "172K");
    check(EVENT(.call = CALL_EXECVE, .args = {0, 0, 1}, .text = TEXT("a\n\33"), .list = TEXT("x\"\0\0y\0"),
                .error = ENOENT),
          NOTHING,
          "execve(\"a\\n\\33\", [\"x\\\"\", \"\", \"y\"], /* 1 var */) = -1 ENOENT (No such file or directory) "
          "<0.000000>");
    check(EVENT(.call = CALL_EXECVEAT, .args = {(uint64_t)-100, 0, 0, 0, 0x1000}, .text = TEXT("z"), .error = EACCES),
          NOTHING, "execveat(AT_FDCWD, \"z\", [], /* 0 vars */, 0x1000) = -1 EACCES (Permission denied) <0.000000>");
    check(EVENT(.call = CALL_EXECVE, .error = EFAULT), NOTHING,
          "execve(/* unreadable */, [], /* 0 vars */) = -1 EFAULT (Bad address) <0.000000>");
    check(EVENT(.call = CALL_EXECVE, .error = ENOENT), NOTHING,
          "execve(\"\", [], /* 0 vars */) = -1 ENOENT (No such file or directory) <0.000000>");
    /* A list that was cut when it was recorded. */
    check(EVENT(.call = CALL_EXECVE, .text = TEXT("x"), .list = TEXT("x\0yz"), .error = E2BIG), NOTHING,
          "execve(\"x\", [\"x\", \"yz\", ...], /* 0 vars */) = -1 E2BIG (Argument list too long) <0.000000>");
    struct decoder one = fake;
    one.space.segments = 1;
    one.process.pid = 0;
    one.space.space = OLD_SPACE;
    check_styled(&one, EVENT(.call = CALL_EXECVE, .text = TEXT("x"), .list = TEXT("x\0")), NOTHING, NULL,
                 "execve(\"x\", [\"x\"], /* 0 vars */) = 0 <0.000000>  new address space, 1 mapping, 172K");
}

/* A list as long as lists get was cut too, though it ends in NUL; a long argument is cut on the line only. */
static void test_long_list(void **state)
{
    (void)state;
    char list[4096], expected[512], argument[257] = {0};
    memset(list, 'a', sizeof(list));
    memset(argument, 'a', sizeof(argument) - 1);
    list[sizeof(list) - 1] = '\0';
    snprintf(expected, sizeof(expected),
             "execve(\"x\", [\"%s\"..., ...], /* 0 vars */) = -1 E2BIG (Argument list too long) <0.000000>", argument);
    check(EVENT(.call = CALL_EXECVE, .text = TEXT("x"), .list = {list, sizeof(list)}, .error = E2BIG), NOTHING,
          expected);
    list[257] = '\0';
    snprintf(expected, sizeof(expected),
             "execve(\"x\", [\"%s\"...], /* 0 vars */) = -1 E2BIG (Argument list too long) <0.000000>", argument);
    check(EVENT(.call = CALL_EXECVE, .text = TEXT("x"), .list = {list, 258}, .error = E2BIG), NOTHING, expected);
}

static void test_processes(void **state)
{
    (void)state;
    check(EVENT(.call = CALL_CLONE, .args = {0x1200011, 0}, .ret = 4455), NOTHING,
          "clone(child_stack=NULL, flags=CLONE_CHILD_CLEARTID|CLONE_CHILD_SETTID|SIGCHLD) = 4455 <0.000000>");
    check(EVENT(.call = CALL_CLONE, .args = {0, 0x5000}, .error = EINVAL), NOTHING,
          "clone(child_stack=0x5000, flags=0) = -1 EINVAL (Invalid argument) <0.000000>");
    check(EVENT(.call = CALL_CLONE3, .args = {0x100 | 0x80 | 17, 0x7f0000000000, 0x7fff80}, .ret = 5), NOTHING,
          "clone3({flags=CLONE_NEWTIME|CLONE_VM, exit_signal=SIGCHLD, stack=0x7f0000000000, "
          "stack_size=0x7fff80}) = 5 "
          "<0.000000>");
    check(EVENT(.call = CALL_CLONE3, .args = {0x100, 0, 0}, .ret = 5), NOTHING,
          "clone3({flags=CLONE_VM, exit_signal=0, stack=NULL, stack_size=0}) = 5 <0.000000>");
    check(EVENT(.call = CALL_VFORK, .ret = 5, .duration = 12345678), NOTHING, "vfork() = 5 <1.234568>");
    check(EVENT(.call = CALL_EXIT_GROUP, .args = {3}, .flags = EVENT_NO_RESULT), NOTHING, "exit_group(3) = ?");
    check(EVENT(.call = CALL_EXIT, .args = {UINT64_MAX}, .flags = EVENT_UNFINISHED), NOTHING, "exit(-1) = ?");
    check(EVENT(.call = CALL_MUNMAP, .args = {0x1000, 1}, .flags = EVENT_UNFINISHED, .duration = 99), NOTHING,
          "munmap(0x1000, 1) = ? (killed)");
}

static void test_prctl(void **state)
{
    (void)state;
    enum { SET_VMA = 0x53564d41, SET_MM = 35, SET_SECCOMP = 22 };
    check(EVENT(.call = CALL_PRCTL, .args = {SET_VMA, 0, 0x1000, 4096}, .text = TEXT("na\"me")), NOTHING,
          "prctl(PR_SET_VMA, PR_SET_VMA_ANON_NAME, 0x1000, 4096, \"na\\\"me\") = 0 <0.000000>");
    check(EVENT(.call = CALL_PRCTL, .args = {SET_VMA, 0, 0x1000, 4096}), NOTHING,
          "prctl(PR_SET_VMA, PR_SET_VMA_ANON_NAME, 0x1000, 4096, NULL) = 0 <0.000000>");
    check(EVENT(.call = CALL_PRCTL, .args = {SET_VMA, 7, 0x1000, 4096}, .text = TEXT("junk"), .error = EINVAL), NOTHING,
          "prctl(PR_SET_VMA, 0x7 /* PR_SET_VMA_??? */, 0x1000, 4096, 0) = -1 EINVAL (Invalid argument) "
          "<0.000000>");
    check(EVENT(.call = CALL_PRCTL, .args = {SET_MM, 6, 0x1000}), NOTHING,
          "prctl(PR_SET_MM, PR_SET_MM_START_BRK, 0x1000, 0, 0) = 0 <0.000000>");
    check(EVENT(.call = CALL_PRCTL, .args = {SET_MM, 0, 0x1000}, .error = EINVAL), NOTHING,
          "prctl(PR_SET_MM, 0, 0x1000, 0, 0) = -1 EINVAL (Invalid argument) <0.000000>");
    check(EVENT(.call = CALL_PRCTL, .args = {SET_SECCOMP, 1, 0xdead}), NOTHING,
          "prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT) = 0 <0.000000>");
    check(EVENT(.call = CALL_PRCTL, .args = {SET_SECCOMP, 2, 0x1000, 9}), NOTHING,
          "prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, 0x1000) = 0 <0.000000>");
    check(EVENT(.call = CALL_PRCTL, .args = {SET_SECCOMP, 9}, .error = EINVAL), NOTHING,
          "prctl(PR_SET_SECCOMP, 0x9 /* SECCOMP_MODE_??? */, NULL) = -1 EINVAL (Invalid argument) <0.000000>");
}

static void test_other_calls(void **state)
{
    (void)state;
    check(EVENT(.call = CALL_MADVISE, .args = {0x1000, 4096, 102}), NOTHING,
          "madvise(0x1000, 4096, MADV_GUARD_INSTALL) = 0 <0.000000>");
    check(EVENT(.call = CALL_MADVISE, .args = {0, 0, 7777}, .error = EINVAL), NOTHING,
          "madvise(NULL, 0, 0x1e61 /* MADV_??? */) = -1 EINVAL (Invalid argument) <0.000000>");
    check(EVENT(.call = CALL_PROCESS_MADVISE, .args = {5, 0x1000, 2, 21, 0}, .ret = 8192), NOTHING,
          "process_madvise(5, 0x1000, 2, MADV_PAGEOUT, 0) = 8192 <0.000000>");
    check(EVENT(.call = CALL_SHMAT, .args = {5, 0, 040000}, .ret = 0x7000), CHANGE(.mapped = 4096, .kind = KIND_SHARED),
          "shmat(5, NULL, SHM_REMAP) = 0x7000 <0.000000>  shared +4.0K");
    check(EVENT(.call = CALL_REMAP_FILE_PAGES, .args = {0x1000, 4096, 0, 3, 0x10000}), NOTHING,
          "remap_file_pages(0x1000, 4096, PROT_NONE, 3, MAP_FILE|MAP_NONBLOCK) = 0 <0.000000>");
    check(EVENT(.call = CALL_MUNLOCKALL), NOTHING, "munlockall() = 0 <0.000000>");
    check(EVENT(.call = CALL_MLOCKALL, .args = {7}, .error = 999), NOTHING,
          "mlockall(MCL_CURRENT|MCL_FUTURE|MCL_ONFAULT) = -1 (errno 999) <0.000000>");
    check(EVENT(.call = CALL_MLOCK2, .args = {0x1000, 1, 0}, .error = 512), NOTHING,
          "mlock2(0x1000, 1, 0) = ? ERESTARTSYS (To be restarted) <0.000000>");
    check(EVENT(.call = CALL_MAP_SHADOW_STACK, .args = {0, 4096, 1}, .ret = 0x7000), NOTHING,
          "map_shadow_stack(NULL, 4096, SHADOW_STACK_SET_TOKEN) = 0x7000 <0.000000>");
    check(EVENT(.call = 999, .nargs = 9, .args = {1, 0, 0xff}), NOTHING,
          "unknown(0x1, 0, 0xff, 0, 0, 0) = 0 <0.000000>");
}

static void test_hostile_paths(void **state)
{
    (void)state;
    enum { SIZE = 65536 };
    char *path = malloc(SIZE);
    assert_non_null(path);
    memset(path, '\33', SIZE);
    struct decoder decoder = fake;
    decoder.file.path = (struct text){path, SIZE};
    struct record record = {.kind = REC_EVENT,
                            .event = {.call = CALL_MMAP, .args = {0, 1, 1, 1, 3, 0}, .file = FILE_ID, .ret = 1}};
    struct moment moment = {.record = &record, .event = 1};
    struct buffer out = {0};
    event_text(&out, &decoder, &moment, NULL);
    assert_null(strchr(buffer_chars(&out), '\33'));
    assert_non_null(strstr(buffer_chars(&out), "\\33...>, 0) = 0x1"));
    buffer_free(&out);
    free(path);

    decoder.file.path = (struct text)TEXT("/tmp/a>\n</script>\303\251\377");
    check_styled(&decoder, EVENT(.call = CALL_MMAP, .args = {0, 1, 1, 1, 3, 0}, .file = FILE_ID, .ret = 1), NOTHING,
                 &event_style_plain,
                 "mmap(NULL, 1, PROT_READ, MAP_SHARED, 3</tmp/a\\76\\n\\74/script\\76\303\251\\377>, 0) = "
                 "0x1 <0.000000>");
    const struct event_style ascii = {.name = "", .error = "", .note = "", .end = "", .ascii = true};
    check_styled(&decoder, EVENT(.call = CALL_MMAP, .args = {0, 1, 1, 1, 3, 0}, .file = FILE_ID, .ret = 1), NOTHING,
                 &ascii,
                 "mmap(NULL, 1, PROT_READ, MAP_SHARED, 3</tmp/a\\76\\n\\74/script\\76\\303\\251\\377>, 0) = 0x1 "
                 "<0.000000>");
}

static void test_colours(void **state)
{
    (void)state;
    check_styled(&fake, EVENT(.call = CALL_MUNMAP, .args = {0x1000, 4096}),
                 CHANGE(.unmapped = 4096, .kind = KIND_CHUNK, .lived = 10), &marked,
                 "<n>munmap</>(0x1000, 4096) = 0 <0.000000>  <o>chunk -4.0K, lived 1 us</>");
    check_styled(&fake, EVENT(.call = CALL_MUNMAP, .args = {0x1000, 4096}, .error = EINVAL), NOTHING, &marked,
                 "<n>munmap</>(0x1000, 4096) = <e>-1 EINVAL (Invalid argument)</> <0.000000>");
    check_styled(&fake, EVENT(.call = CALL_MUNLOCKALL), NOTHING, &event_style_colour,
                 "\033[36mmunlockall\033[0m() = 0 <0.000000>");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_mmap),        cmocka_unit_test(test_unmap_and_protect),
        cmocka_unit_test(test_mremap),      cmocka_unit_test(test_brk),
        cmocka_unit_test(test_exec),        cmocka_unit_test(test_long_list),
        cmocka_unit_test(test_processes),   cmocka_unit_test(test_prctl),
        cmocka_unit_test(test_other_calls), cmocka_unit_test(test_hostile_paths),
        cmocka_unit_test(test_colours),
    };
    return cmocka_run_group_tests_name("event_text", tests, NULL, NULL);
}
