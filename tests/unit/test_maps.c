/* links: tracer/maps.o */
/* test_maps.c: lines of /proc/PID/maps, usual and odd; and the kernel's two ways to tell of a mapping against
 * each other. */
#include "../../tracer/maps.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

enum { R = PROT_READ, W = PROT_WRITE, X = PROT_EXEC, MAX_LINES = 4096 };

static char *bytes_of(const char *text, size_t size)
{
    char *copy = malloc(size ? size : 1);
    assert_non_null(copy);
    memcpy(copy, text, size);
    return copy;
}

/* A buffer that holds exactly the text, so that a sanitizer sees its end. */
static struct maps_buffer buffer_of(const char *text)
{
    const size_t size = strlen(text);
    return (struct maps_buffer){.text = bytes_of(text, size), .size = size, .capacity = size};
}

static void check_name(const struct map_line *line, const char *name)
{
    if (!name) {
        assert_null(line->name);
        assert_int_equal(line->name_size, 0);
        return;
    }
    assert_int_equal(line->name_size, strlen(name));
    assert_memory_equal(line->name, name, strlen(name));
}

static void check_line(const struct map_line *is, const struct map_line *expected, const char *name)
{
    assert_true(is->start == expected->start && is->end == expected->end && is->offset == expected->offset);
    assert_true(is->inode == expected->inode);
    assert_int_equal(is->major, expected->major);
    assert_int_equal(is->minor, expected->minor);
    assert_int_equal(is->prot, expected->prot);
    assert_int_equal(is->shared, expected->shared);
    check_name(is, name);
}

/* One line of text, and what it says. */
struct example {
    const char *text;
    struct map_line line;
    const char *name;
};

static const struct example examples[] = {
    {"7f2a4c021000-7f2a4c022000 r--p 00002000 fe:00 1234    /usr/lib/x.so\n",
     {0x7f2a4c021000, 0x7f2a4c022000, 0x2000, 1234, 0xfe, 0, R, false, 0, 0, 0},
     "/usr/lib/x.so"},
    {"00400000-00401000 r-xp 00000000 103:02 18446744073709551615 /bin/a\n",
     {0x400000, 0x401000, 0, UINT64_MAX, 0x103, 2, R | X, false, 0, 0, 0},
     "/bin/a"},
    /* No name, with and without the blank that the kernel puts there. */
    {"7f0000000000-7f0000001000 rw-p 00000000 00:00 0 \n",
     {0x7f0000000000, 0x7f0000001000, 0, 0, 0, 0, R | W, false, 0, 0, 0},
     NULL},
    {"7f0000000000-7f0000001000 ---p 00000000 00:00 0\n",
     {0x7f0000000000, 0x7f0000001000, 0, 0, 0, 0, 0, false, 0, 0, 0},
     NULL},
    {"10000-20000 rwxs 7fffffffffff000 00:01 7 /dev/zero (deleted)\n",
     {0x10000, 0x20000, 0x7fffffffffff000, 7, 0, 1, R | W | X, true, 0, 0, 0},
     "/dev/zero (deleted)"},
    {"10000-20000 -w-p 00000000 00:00 0                          [anon:x y]\n",
     {0x10000, 0x20000, 0, 0, 0, 0, W, false, 0, 0, 0},
     "[anon:x y]"},
    {"7ffc8d1e0000-7ffc8d201000 rw-p 00000000 00:00 0                          [stack]\n",
     {0x7ffc8d1e0000, 0x7ffc8d201000, 0, 0, 0, 0, R | W, false, 0, 0, 0},
     "[stack]"},
    {"ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0                  [vsyscall]\n",
     {0xffffffffff600000, 0xffffffffff601000, 0, 0, 0, 0, X, false, 0, 0, 0},
     "[vsyscall]"},
    /* Blanks within a name and at its end; newlines as the kernel writes them. */
    {"10000-20000 r--p 00000000 08:01 5   /a  b c /d \n",
     {0x10000, 0x20000, 0, 5, 8, 1, R, false, 0, 0, 0},
     "/a  b c /d "},
    {"10000-20000 r--p 00000000 08:01 5 /new\\012line\\012\n",
     {0x10000, 0x20000, 0, 5, 8, 1, R, false, 0, 0, 0},
     "/new\nline\n"},
    {"10000-20000 r--p 00000000 08:01 5 /\\012\\012x\\01\\0123 (deleted)\n",
     {0x10000, 0x20000, 0, 5, 8, 1, R, false, 0, 0, 0},
     "/\n\nx\\01\n3 (deleted)"},
    /* Only the newline is escaped: other backslashes stand for themselves. */
    {"10000-20000 r--p 00000000 08:01 5 /a\\040b\\\\c\t\033\377\n",
     {0x10000, 0x20000, 0, 5, 8, 1, R, false, 0, 0, 0},
     "/a\\040b\\\\c\t\033\377"},
    {"10000-20000 r--p 00000000 08:01 5 /a\n", {0x10000, 0x20000, 0, 5, 8, 1, R, false, 0, 0, 0}, "/a"},
};
enum { EXAMPLES = sizeof(examples) / sizeof(examples[0]) };

static void test_lines(void **state)
{
    (void)state;
    for (size_t i = 0; i < EXAMPLES; i++) {
        struct maps_buffer buffer = buffer_of(examples[i].text);
        struct map_line line;
        assert_int_equal(maps_next(&buffer, &line), 1);
        check_line(&line, &examples[i].line, examples[i].name);
        assert_int_equal(maps_next(&buffer, &line), 0);
        assert_int_equal(maps_next(&buffer, &line), 0);
        maps_buffer_free(&buffer);
    }
}

static void test_many_lines(void **state)
{
    (void)state;
    char text[8192] = "";
    for (size_t i = 0; i < EXAMPLES; i++)
        strcat(text, examples[i].text);
    struct maps_buffer buffer = buffer_of(text);
    struct map_line line, kept = {0};
    for (size_t i = 0; i < EXAMPLES; i++) {
        assert_int_equal(maps_next(&buffer, &line), 1);
        check_line(&line, &examples[i].line, examples[i].name);
        if (i == 0)
            kept = line;
    }
    assert_int_equal(maps_next(&buffer, &line), 0);
    check_name(&kept, examples[0].name); /* names stay valid as long as the buffer does */
    maps_buffer_free(&buffer);
    assert_true(!buffer.text && !buffer.size && !buffer.capacity);
    assert_int_equal(maps_next(&buffer, &line), 0);
}

/* The longest path that there is, of bytes that look like something else. */
static void test_long_path(void **state)
{
    (void)state;
    static const char head[] = "10000-20000 r--p 00000000 08:01 5 ";
    static const char filling[] = "/a b-c r--p 0: 1-2 \\01";
    char text[sizeof(head) + PATH_MAX], name[PATH_MAX];
    for (size_t i = 0; i < PATH_MAX - 1; i++)
        name[i] = filling[i % (sizeof(filling) - 1)];
    name[PATH_MAX - 1] = '\0';
    snprintf(text, sizeof(text), "%s%s\n", head, name);
    struct maps_buffer buffer = buffer_of(text);
    struct map_line line;
    assert_int_equal(maps_next(&buffer, &line), 1);
    check_name(&line, name);
    maps_buffer_free(&buffer);
}

static void test_malformed(void **state)
{
    (void)state;
    static const char *const lines[] = {
        "\n",
        " \n",
        "garbage\n",
        "10000-20000 r--p 00000000 08:01 5 /a", /* no end of line */
        "10000-20000 r--p 00000000 08:01\n",
        "10000-20000 r--p 00000000 08:01 \n",
        "10000-20000 r--p 00000000 08 5 /a\n",
        "10000-20000 r--p 00000000\n",
        "10000-20000 r--p\n",
        "10000-20000\n",
        "10000-\n",
        "10000\n",
        "-20000 r--p 00000000 08:01 5\n",
        "10000-20000 r--p  08:01 5 /a\n",
        "10000-20000 r--p 00000000 :01 5 /a\n",
        "10000-20000 r--p 00000000 08: 5 /a\n",
        "1000g-20000 r--p 00000000 08:01 5\n",
        "10000-2000G r--p 00000000 08:01 5\n",
        "0x10000-0x20000 r--p 00000000 08:01 5\n",
        "+10000-20000 r--p 00000000 08:01 5\n",
        " 10000-20000 r--p 00000000 08:01 5\n",
        "10000 - 20000 r--p 00000000 08:01 5\n",
        "10000-20000 r--p 00000000 08:01 5a /a\n",
        "10000-20000 r--p 00000000 08:01 -5 /a\n",
        "10000-20000 r-- 00000000 08:01 5 /a\n",
        "10000-20000 r--pp 00000000 08:01 5 /a\n",
        "10000-20000r--p 00000000 08:01 5 /a\n",
    };
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        struct maps_buffer buffer = buffer_of(lines[i]);
        struct map_line line;
        assert_int_equal(maps_next(&buffer, &line), -EPROTO);
        maps_buffer_free(&buffer);
    }
}

/* Lines of the right shape that say what cannot be. */
static void test_senseless(void **state)
{
    (void)state;
    static const char *const lines[] = {
        "10000-20000 rwzp 00000000 08:01 5 /a\n", /* permissions */
        "10000-20000 wr-p 00000000 08:01 5 /a\n",
        "10000-20000 rr-p 00000000 08:01 5 /a\n",
        "10000-20000 xwxp 00000000 08:01 5 /a\n",
        "10000-20000 r--x 00000000 08:01 5 /a\n",
        "10000-20000 r--  00000000 08:01 5 /a\n",
        "10000-10000 r--p 00000000 08:01 5 /a\n",             /* empty */
        "20000-10000 r--p 00000000 08:01 5 /a\n",             /* backwards */
        "10000-10000000000000001 r--p 00000000 08:01 5 /a\n", /* more than 64 bits */
        "10000-20000 r--p 10000000000000000 08:01 5 /a\n",
        "10000-20000 r--p 00000000 100000000:01 5 /a\n",
        "10000-20000 r--p 00000000 08:01 18446744073709551616 /a\n",
    };
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        struct maps_buffer buffer = buffer_of(lines[i]);
        struct map_line line;
        if (maps_next(&buffer, &line) != -EPROTO)
            fail_msg("taken for a mapping: %s", lines[i]);
        maps_buffer_free(&buffer);
    }
}

/* Every text that ends too early is refused, or is a shorter line that means what it says. */
static void test_cut_lines(void **state)
{
    (void)state;
    for (size_t i = 0; i < EXAMPLES; i++)
        for (size_t size = 0; size < strlen(examples[i].text); size++) {
            struct maps_buffer buffer = {.text = bytes_of(examples[i].text, size), .size = size, .capacity = size};
            struct map_line line;
            assert_int_equal(maps_next(&buffer, &line), size ? -EPROTO : 0);
            maps_buffer_free(&buffer);
        }
}

/* ---- the kernel itself ---- */

/* A folder with a file whose name is as bad as names get; mapped, and gone again. */
static void *map_odd_file(void)
{
    char folder[] = "/tmp/brkwater-XXXXXX", path[64];
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof(path), "%s/a b\nc (deleted)", folder);
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(ftruncate(fd, 0x5000), 0);
    void *at = mmap(NULL, 0x2000, PROT_READ, MAP_SHARED, fd, 0x3000);
    assert_true(at != MAP_FAILED);
    unlink(path);
    rmdir(folder);
    close(fd);
    return at;
}

static bool names_equal(const struct map_line *a, const struct map_line *b)
{
    return a->name_size == b->name_size && (!a->name_size || memcmp(a->name, b->name, a->name_size) == 0);
}

/* Ask for one address, and compare with the line that holds it. */
static void check_query(int fd, uint64_t addr, const struct map_line *expected)
{
    static struct maps_buffer buffer; /* grown once: queries must not change the map */
    struct map_line got;
    if (!buffer.text) {
        assert_int_equal(maps_read(fd, &buffer), 0);
        return;
    }
    assert_int_equal(maps_query(fd, addr, &buffer, &got), 0);
    assert_true(got.end == expected->end && got.offset == expected->offset && got.inode == expected->inode);
    assert_true(got.major == expected->major && got.minor == expected->minor);
    assert_true(got.prot == expected->prot && got.shared == expected->shared);
    assert_true(names_equal(&got, expected));
    /* A stack may have grown. */
    assert_true(got.start == expected->start || (expected->name_size == 7 && got.start < expected->start));
    assert_true(got.page_size >= 4096);
}

static const struct map_line *line_at(const struct map_line *lines, size_t count, const void *at)
{
    const uint64_t addr = (uint64_t)(uintptr_t)at;
    for (size_t i = 0; i < count; i++)
        if (lines[i].start <= addr && addr < lines[i].end)
            return &lines[i];
    fail();
    return NULL;
}

static void test_own_map(void **state)
{
    (void)state;
    static struct map_line lines[MAX_LINES];
    size_t count = 0;
    int fd = maps_open(getpid());
    assert_true(fd >= 0);
    check_query(fd, 0, NULL);
    void *odd = map_odd_file();
    char *anonymous = mmap(NULL, 0x3000, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    void *shared = mmap(NULL, 0x1000, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(anonymous != MAP_FAILED && shared != MAP_FAILED);
    munmap(anonymous + 0x1000, 0x1000);

    struct maps_buffer buffer = {0};
    struct map_line none;
    assert_int_equal(maps_read(fd, &buffer), 0); /* makes room */
    assert_int_equal(maps_read(fd, &buffer), 0);
    while (maps_next(&buffer, &lines[count]) == 1)
        assert_in_range(++count, 1, MAX_LINES - 1);
    assert_int_equal(buffer.parsed, buffer.size);
    for (size_t i = 0; i < count; i++) {
        /* The kernel's page has no entry in its table of mappings. */
        if (lines[i].name_size && memcmp(lines[i].name, "[vsyscall]", 10) == 0)
            continue;
        assert_true(lines[i].start < lines[i].end);
        check_query(fd, lines[i].start, &lines[i]);
        check_query(fd, lines[i].end - 1, &lines[i]);
    }

    const struct map_line *line = line_at(lines, count, odd);
    assert_true(line->offset == 0x3000 && line->prot == R && line->shared && line->inode);
    assert_true(line->name_size > 30 && memmem(line->name, line->name_size, "/a b\n", 5));
    line = line_at(lines, count, anonymous);
    assert_true(line->prot == 0 && !line->shared && !line->inode && !line->name_size && !line->offset);
    line = line_at(lines, count, shared);
    assert_true(line->prot == (R | W) && line->shared && line->inode);
    const uint64_t hole = (uint64_t)(uintptr_t)anonymous + 0x1000;
    assert_int_equal(maps_query(fd, hole, &buffer, &none), -ENOENT);
    assert_int_equal(maps_query_from(fd, hole, &buffer, &none), 0); /* the next one, whatever lies between */
    assert_true(none.start == hole + 0x1000);
    assert_int_equal(maps_query_from(fd, hole - 1, &buffer, &none), 0);
    assert_true(none.end == hole);
    assert_int_equal(maps_query(fd, 0, &buffer, &none), -ENOENT);
    maps_buffer_free(&buffer);
    munmap(odd, 0x2000);
    munmap(anonymous, 0x3000);
    munmap(shared, 0x1000);
    close(fd);
}

/* A process that is gone: an error, not an empty map. */
static void test_gone(void **state)
{
    (void)state;
    int go[2];
    assert_int_equal(pipe(go), 0);
    pid_t child = fork();
    if (child == 0) {
        char byte;
        close(go[1]);
        _exit(read(go[0], &byte, 1) != 0);
    }
    int fd = maps_open(child);
    struct maps_buffer buffer = {0};
    struct map_line line;
    assert_true(child > 0 && fd >= 0);
    assert_int_equal(maps_read(fd, &buffer), 0);
    assert_int_equal(maps_next(&buffer, &line), 1);
    close(go[0]);
    close(go[1]);
    siginfo_t info;
    assert_int_equal(waitid(P_PID, (id_t)child, &info, WEXITED | WNOWAIT), 0);
    assert_int_equal(maps_read(fd, &buffer), -ESRCH); /* a zombie: its map reads as empty */
    assert_int_equal(waitpid(child, NULL, 0), child);
    assert_int_equal(maps_read(fd, &buffer), -ESRCH);
    assert_int_equal(maps_query(fd, line.start, &buffer, &line), -ESRCH);
    maps_buffer_free(&buffer);
    close(fd);
    assert_int_equal(maps_open(child), -ENOENT);
}

/* A line that begins again where another one has been: only what is new is left. */
static void test_clip(void **state)
{
    (void)state;
    struct map_line line = {.start = 0x4000, .end = 0x6000, .offset = 0x9000, .inode = 5};
    assert_true(maps_clip(&line, 0x3000));
    assert_true(maps_clip(&line, 0x4000));
    assert_int_equal(line.start, 0x4000);
    assert_int_equal(line.offset, 0x9000);
    assert_true(maps_clip(&line, 0x5000));
    assert_int_equal(line.start, 0x5000);
    assert_int_equal(line.end, 0x6000);
    assert_int_equal(line.offset, 0xa000);
    assert_false(maps_clip(&line, 0x6000));
    line = (struct map_line){.start = 0x4000, .end = 0x6000};
    assert_true(maps_clip(&line, 0x5000));
    assert_int_equal(line.offset, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_clip),      cmocka_unit_test(test_lines),     cmocka_unit_test(test_many_lines),
        cmocka_unit_test(test_long_path), cmocka_unit_test(test_malformed), cmocka_unit_test(test_senseless),
        cmocka_unit_test(test_cut_lines), cmocka_unit_test(test_own_map),   cmocka_unit_test(test_gone),
    };
    return cmocka_run_group_tests_name("maps", tests, NULL, NULL);
}
