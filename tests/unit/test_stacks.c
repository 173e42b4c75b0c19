/* links: report.a decoder.a tracer.a */
/* test_stacks.c: sums by call stack, their trees, and how they are written when names are hostile. */
#include "../../report/escape.h"
#include "../../report/flame_svg.h"
#include "../../report/stacks.h"

#include "driver.h"

#include <ctype.h>
#include <sys/mman.h>

enum { RW = PROT_READ | PROT_WRITE, PRIVATE = MAP_PRIVATE | MAP_ANONYMOUS, PAGE = 4096 };

/* ---- code ---- */

/* Frame N is named by text N; they lie in module 1, but those from 100 on in module 2, the C library. */
static void put_frame(struct driver *d, uint32_t id, const char *name, size_t size)
{
    driver_apply(d, &(struct record){.kind = REC_TEXT, .text = {id, {name, size}}});
    driver_apply(d, &(struct record){.kind = REC_FRAME,
                                     .frame = {.id = id, .module = id < 100 ? 1 : 2, .address = 0x1000 + id * 16}});
    driver_apply(
        d, &(struct record){
               .kind = REC_NAMES,
               .names = {.frame = id, .n_lines = 1, .lines = &(struct rec_line){.function = id, .line = 10 * id}}});
}

static void put_stack(struct driver *d, uint32_t id, enum stack_quality quality, uint32_t count, const uint32_t *frames)
{
    driver_apply(d, &(struct record){.kind = REC_STACK,
                                     .stack = {.id = id, .quality = quality, .n_frames = count, .frames = frames}});
}

#define STACK(driver, id, quality, ...)                                                                                \
    put_stack((driver), (id), (quality), sizeof((uint32_t[]){__VA_ARGS__}) / sizeof(uint32_t),                         \
              (uint32_t[]){__VA_ARGS__})

static void put_module(struct driver *d, uint32_t id, const char *path)
{
    driver_apply(d, &(struct record){.kind = REC_MODULE, .module = {.id = id, .path = {path, strlen(path)}}});
}

static void put_name(struct driver *d, uint32_t id, const char *name)
{
    put_frame(d, id, name, strlen(name));
}

enum { MAIN = 1, WORK = 2, LOAD = 3, NAMELESS = 4, MMAP = 100, MALLOC = 101, START = 102 };

/* Stack 1: main > work > mmap; 2: main > load > malloc > mmap; 3: as 1, but cut off; 4 begins without a name. */
static void put_code(struct driver *d)
{
    put_module(d, 1, "/usr/bin/program");
    put_module(d, 2, "/usr/lib/libc.so.6");
    put_name(d, MAIN, "main");
    put_name(d, WORK, "work");
    put_name(d, LOAD, "load");
    put_name(d, MMAP, "mmap");
    put_name(d, MALLOC, "malloc");
    put_name(d, START, "__libc_start_main");
    driver_apply(d, &(struct record){.kind = REC_FRAME, .frame = {.id = NAMELESS, .module = 1, .address = 0xabc}});
    STACK(d, 1, STACK_COMPLETE, MMAP, WORK, MAIN, START);
    STACK(d, 2, STACK_COMPLETE, MMAP, MALLOC, LOAD, MAIN, START);
    STACK(d, 3, STACK_TRUNCATED, MMAP, WORK);
    STACK(d, 4, STACK_GUESSED, MMAP, NAMELESS);
}

/* ---- sums ---- */

static struct stack_sums *sums_of(struct driver *d)
{
    return d->context;
}

static void take(struct driver *d, void *context)
{
    assert_int_equal(stack_sums_add(context, d->decoder, &d->moment), 0);
}

static void begin_pid(struct driver *d, uint32_t pid)
{
    driver_open(d);
    d->context = stack_sums_new(pid);
    d->after = take;
    assert_non_null(d->context);
    driver_start(d);
    put_code(d);
}

static void begin(struct driver *d)
{
    begin_pid(d, 0);
}

static void end(struct driver *d)
{
    stack_sums_free(d->context);
    driver_end(d);
}

/* A record of which the sums must know before it is applied. */
static void before(struct driver *d, const struct record *record)
{
    assert_int_equal(stack_sums_before(sums_of(d), d->decoder, record), 0);
}

static void end_space(struct driver *d, uint32_t space)
{
    before(d, &(struct record){.kind = REC_SPACE_END, .space_end = {d->time + 1, space}});
    driver_space_end(d, space);
}

static void exec(struct driver *d, uint32_t old_space, uint32_t space)
{
    const struct rec_exec exec = {.pid = DRIVER_PID, .old_tid = DRIVER_PID, .old_space = old_space, .space = space};
    before(d, &(struct record){.kind = REC_EXEC, .exec = exec});
    driver_exec(d, &exec);
}

static void map(struct driver *d, uint32_t stack, tracee_addr at, uint64_t pages)
{
    DRIVE(d, .call = CALL_MMAP, .args = {0, pages * PAGE, RW, PRIVATE, UINT64_MAX, 0}, .ret = at, .stack = stack,
          .duration = 7, .flags = EVENT_FAULTS, .minflt = 2, .majflt = 1);
}

static void unmap(struct driver *d, uint32_t stack, tracee_addr at, uint64_t pages)
{
    DRIVE(d, .call = CALL_MUNMAP, .args = {at, pages * PAGE}, .stack = stack);
}

static uint64_t value_of(struct driver *d, enum stack_origin origin, uint32_t stack, enum stack_metric metric)
{
    const struct stack_sum *sum;
    for (size_t i = 0; (sum = stack_sums_at(sums_of(d), i)) != NULL; i++)
        if (sum->origin == origin && sum->stack == stack)
            return sum->values[metric];
    return 0;
}

static void test_calls(void **state)
{
    (void)state;
    struct driver d;
    begin(&d);
    map(&d, 1, 0x10000, 3);
    map(&d, 1, 0x20000, 5);
    map(&d, 2, 0x40000, 1);
    map(&d, 0, 0x50000, 1);
    map(&d, 77, 0x60000, 1); /* its record was lost */
    unmap(&d, 2, 0x20000, 2);
    assert_int_equal(value_of(&d, ORIGIN_STACK, 1, BY_MAPPED), 8 * PAGE);
    assert_int_equal(value_of(&d, ORIGIN_STACK, 1, BY_CALLS), 2);
    assert_int_equal(value_of(&d, ORIGIN_STACK, 1, BY_TIME), 14);
    assert_int_equal(value_of(&d, ORIGIN_STACK, 1, BY_FAULTS), 6);
    assert_int_equal(value_of(&d, ORIGIN_STACK, 1, BY_RETURNED), 0);
    assert_int_equal(value_of(&d, ORIGIN_STACK, 2, BY_RETURNED), 2 * PAGE);
    assert_int_equal(value_of(&d, ORIGIN_STACK, 2, BY_CALLS), 2);
    assert_int_equal(value_of(&d, ORIGIN_NONE, 0, BY_MAPPED), 2 * PAGE);
    end(&d);
}

/* What is left of each birth, whoever unmapped the rest. */
static void test_live(void **state)
{
    (void)state;
    struct driver d;
    begin(&d);
    map(&d, 1, 0x10000, 8);
    unmap(&d, 2, 0x12000, 3);
    map(&d, 2, 0x40000, 2);
    end_space(&d, DRIVER_SPACE);
    assert_int_equal(stack_sums_now(sums_of(&d), d.decoder), 0);
    assert_int_equal(value_of(&d, ORIGIN_STACK, 1, BY_LIVE), 5 * PAGE);
    assert_int_equal(value_of(&d, ORIGIN_STACK, 2, BY_LIVE), 2 * PAGE);
    assert_int_equal(stack_sums_spaces(sums_of(&d)), 1);
    end(&d);
}

/* The process goes on with another program: what it had before is gone, and its new program's memory has no stack. */
static void test_live_over_exec(void **state)
{
    (void)state;
    struct driver d;
    begin(&d);
    map(&d, 1, 0x10000, 8);
    end_space(&d, DRIVER_SPACE);
    exec(&d, DRIVER_SPACE, 3);
    driver_checkpoint(&d, CHECKPOINT_EXEC, 1, &(struct rec_mapping){.start = 0x400000, .end = 0x404000, .prot = 5});
    DRIVE(&d, .call = CALL_EXECVE, .stack = 1);
    map(&d, 2, 0x20000, 1);
    end_space(&d, 3);
    assert_int_equal(stack_sums_now(sums_of(&d), d.decoder), 0);
    assert_int_equal(value_of(&d, ORIGIN_STACK, 1, BY_LIVE), 0);
    assert_int_equal(value_of(&d, ORIGIN_STACK, 2, BY_LIVE), PAGE);
    assert_int_equal(value_of(&d, ORIGIN_EXECVE, 0, BY_LIVE), 4 * PAGE);
    assert_int_equal(value_of(&d, ORIGIN_EXECVE, 0, BY_MAPPED), 4 * PAGE);
    assert_int_equal(value_of(&d, ORIGIN_STACK, 1, BY_MAPPED), 8 * PAGE);
    assert_int_equal(value_of(&d, ORIGIN_STACK, 1, BY_CALLS), 2);
    assert_int_equal(stack_sums_spaces(sums_of(&d)), 1);
    end(&d);
}

/* A child has a copy of all, with who mapped it. */
static void test_processes(void **state)
{
    (void)state;
    for (uint32_t pid = 0; pid <= DRIVER_PID + 1; pid += pid ? 1 : DRIVER_PID) {
        struct driver d;
        begin_pid(&d, pid);
        map(&d, 1, 0x10000, 2);
        driver_task(&d, &(struct rec_task){.tid = DRIVER_PID + 1,
                                           .pid = DRIVER_PID + 1,
                                           .parent = DRIVER_PID,
                                           .space = 9,
                                           .copied_from = DRIVER_SPACE});
        unmap(&d, 2, 0x10000, 1);
        assert_int_equal(stack_sums_now(sums_of(&d), d.decoder), 0);
        const uint64_t expected = pid == 0 ? 3 : pid == DRIVER_PID ? 1 : 2;
        assert_int_equal(value_of(&d, ORIGIN_STACK, 1, BY_LIVE), expected * PAGE);
        assert_int_equal(value_of(&d, ORIGIN_STACK, 1, BY_CALLS), pid <= DRIVER_PID);
        end(&d);
    }
}

static void test_faults_of_samples(void **state)
{
    (void)state;
    struct driver d;
    begin(&d);
    static const uint64_t counters[] = {10, 30, 20};
    for (size_t i = 0; i < 3; i++)
        driver_apply(
            &d,
            &(struct record){
                .kind = REC_SAMPLE,
                .sample = {
                    .time = ++d.time, .pid = DRIVER_PID, .space = DRIVER_SPACE, .minflt = counters[i], .majflt = 1}});
    assert_int_equal(stack_sums_all_faults(sums_of(&d)), 31);
    end(&d);
}

/* ---- trees and what is written of them ---- */

static struct stack_tree *tree_of(struct driver *d, enum stack_metric metric, enum stack_order order)
{
    struct stack_tree *tree;
    assert_int_equal(stack_tree_new(sums_of(d), decoder_code(d->decoder), metric, order, &tree), 0);
    return tree;
}

static void write_view(struct driver *d, enum stack_metric metric, const char *format, double min, struct buffer *out)
{
    const struct stacks_format *f = stacks_formats;
    while (strcmp(f->name, format) != 0)
        f++;
    struct stack_tree *tree = tree_of(d, metric, f->order);
    f->write(out, &(struct stacks_view){
                      .tree = tree, .metric = metric, .trace = "t", .head = "head", .note = "", .min = min});
    assert_false(out->failed);
    stack_tree_free(tree);
}

static void check_view(struct driver *d, enum stack_metric metric, const char *format, double min, const char *expected)
{
    struct buffer out = {0};
    write_view(d, metric, format, min, &out);
    assert_string_equal(buffer_chars(&out), expected);
    buffer_free(&out);
}

static void test_formats(void **state)
{
    (void)state;
    struct driver d;
    begin(&d);
    map(&d, 1, 0x100000, 3);
    map(&d, 2, 0x200000, 8);
    map(&d, 3, 0x300000, 4);
    map(&d, 4, 0x400000, 1);
    map(&d, 0, 0x500000, 2);
    check_view(&d, BY_MAPPED, "folded", 1,
               "__libc_start_main;main;load;malloc;mmap 32768\n"
               "__libc_start_main;main;work;mmap 12288\n"
               "...;work;mmap 16384\n"
               "(no stack) 8192\n"
               "program+0xabc;mmap 4096\n");
    check_view(&d, BY_TIME, "folded", 1,
               "__libc_start_main;main;work;mmap 700\n"
               "__libc_start_main;main;load;malloc;mmap 700\n"
               "(no stack) 700\n"
               "...;work;mmap 700\n"
               "program+0xabc;mmap 700\n");
    check_view(&d, BY_MAPPED, "text", 10,
               "head\n\n"
               "    mapped    share     calls  call site, and what called it\n"
               "       32K   44.4 %         1  load (program)\n"
               "                                 main (program)\n"
               "       28K   38.9 %         2  work (program)\n"
               "       16K   22.2 %         1    ...\n"
               "       12K   16.7 %         1    main (program)\n"
               "      8.0K   11.1 %         1  (no stack)\n"
               "\n1 line below 10 % is left out; --min 0 shows all\n");
    struct stack_tree *tree = tree_of(&d, BY_MAPPED, FROM_SITE);
    assert_int_equal(tree->stacks, 4);
    assert_int_equal(tree->by_calls, 18 * PAGE);
    assert_int_equal(tree->by_whole, 11 * PAGE);
    assert_int_equal(tree->by_guess, PAGE);
    stack_tree_free(tree);
    end(&d);
}

static void test_nothing(void **state)
{
    (void)state;
    struct driver d;
    begin(&d);
    check_view(&d, BY_MAPPED, "folded", 1, "");
    check_view(&d, BY_MAPPED, "text", 1, "head\n");
    struct buffer out = {0};
    write_view(&d, BY_MAPPED, "svg", 1, &out);
    buffer_free(&out);
    end(&d);
}

/* Many callers of one function, and one long chain: sums stay right, and nothing recurses. */
static void test_many(void **state)
{
    (void)state;
    enum { MANY = 3000 };
    struct driver d;
    static uint32_t deep[4096];
    begin(&d);
    d.after = NULL;
    for (uint32_t i = 0; i < MANY; i++) {
        driver_apply(&d, &(struct record){.kind = REC_FRAME, .frame = {.id = 200 + i, .module = 1, .address = i}});
        STACK(&d, 10 + i, STACK_COMPLETE, MMAP, WORK, 200 + i);
    }
    d.after = take;
    for (uint32_t i = 0; i < 4096; i++)
        deep[i] = 200 + i % MANY;
    put_stack(&d, 10 + MANY, STACK_COMPLETE, 4096, deep);
    for (uint32_t i = 0; i <= MANY; i++)
        DRIVE(&d, .call = CALL_BRK, .stack = 10 + i, .ret = DRIVER_BRK);
    for (int order = FROM_OUTERMOST; order <= FROM_SITE; order++) {
        struct stack_tree *tree = tree_of(&d, BY_CALLS, (enum stack_order)order);
        uint64_t own = 0;
        for (uint32_t i = 0; i < tree->count; i++)
            own += tree->nodes[i].own;
        assert_int_equal(own, MANY + 1);
        assert_int_equal(tree->nodes[0].value, MANY + 1);
        stack_tree_free(tree);
    }
    struct buffer out = {0};
    write_view(&d, BY_CALLS, "text", 0, &out);
    write_view(&d, BY_CALLS, "svg", 0, &out);
    buffer_free(&out);
    end(&d);
}

/* ---- hostile names ---- */

static const struct text hostile[] = {
    {"a;b", 3},
    {"new\nline 5\n", 11},
    {"# no comment", 12},
    {"</script><script>alert(1)</script>", 34},
    {"]]><!--<g onload=\"x()\">", 23},
    {"\"'`&amp;&#60;", 13},
    {"nul\0inside", 10},
    {"\033[31m\177\302\205", 8},
    {"bad \377\300\257 utf-8", 13},
    {"turn \342\200\256 around \342\200\250 \357\277\276", 22},
    {"\346\227\245\346\234\254 \360\237\230\200", 11},
    {" 12 13 ", 7},
};
enum { N_HOSTILE = sizeof(hostile) / sizeof(hostile[0]) };

static void put_hostile(struct driver *d)
{
    begin(d);
    for (uint32_t i = 0; i < N_HOSTILE; i++) {
        put_frame(d, 10 + i, hostile[i].data, hostile[i].size);
        STACK(d, 10 + i, STACK_COMPLETE, MMAP, 10 + i, 10 + i);
        map(d, 10 + i, 0x1000000 + 0x100000 * i, 1 + i);
    }
}

static void check_clean(const struct buffer *out)
{
    uint32_t code;
    size_t length;
    for (size_t i = 0; i < out->size; i += length) {
        length = escape_utf8(out->data + i, out->size - i, &code);
        assert_true(length && (code == '\n' || escape_printable(code)));
    }
}

static void test_hostile_folded(void **state)
{
    (void)state;
    struct driver d;
    struct buffer out = {0};
    put_hostile(&d);
    write_view(&d, BY_MAPPED, "folded", 1, &out);
    check_clean(&out);
    unsigned lines = 0;
    for (const char *line = out.data, *next; *line; line = next, lines++) {
        const char *newline = strchr(line, '\n'), *space = memrchr(line, ' ', (size_t)(newline - line));
        unsigned frames = 1;
        assert_true(*line != '#');
        for (const char *p = line; p < space; p++)
            frames += *p == ';';
        assert_int_equal(frames, 3);
        assert_int_equal(strtoul(space, (char **)&next, 10), (N_HOSTILE - lines) * PAGE);
        assert_ptr_equal(next, newline);
        next++;
    }
    assert_int_equal(lines, N_HOSTILE);
    buffer_free(&out);
    end(&d);
}

static unsigned count_of(const char *text, const char *part)
{
    unsigned count = 0;
    for (const char *p = text; (p = strstr(p, part)) != NULL; p++)
        count++;
    return count;
}

/* Every < begins one of our own tags, every & one of our references. */
static void check_markup(const char *text)
{
    static const char *const tags[] = {"?xml ", "svg ",  "/svg>",  "title>", "/title>", "g ",      "/g>",
                                       "rect ", "text ", "/text>", "style>", "/style>", "script>", "/script>"};
    for (const char *p = text; (p = strchr(p, '<')) != NULL; p++) {
        size_t i = 0;
        while (i < sizeof(tags) / sizeof(tags[0]) && strncmp(p + 1, tags[i], strlen(tags[i])) != 0)
            i++;
        assert_true(i < sizeof(tags) / sizeof(tags[0]));
    }
    for (const char *p = text; (p = strchr(p, '&')) != NULL; p++)
        assert_true(p[1] == '#' && isdigit((unsigned char)p[2]) && strchr(p, ';') < p + 6);
}

static void test_hostile_svg(void **state)
{
    (void)state;
    struct driver d;
    struct buffer out = {0};
    put_hostile(&d);
    write_view(&d, BY_MAPPED, "svg", 1, &out);
    check_clean(&out);
    check_markup(buffer_chars(&out));
    assert_int_equal(count_of(buffer_chars(&out), "<script"), 1);
    assert_int_equal(count_of(buffer_chars(&out), "]]>"), 0);
    assert_int_equal(count_of(buffer_chars(&out), "<g "), count_of(buffer_chars(&out), "</g>"));
    buffer_free(&out);
    end(&d);
}

static void check_escaped(struct text text, const char *expected)
{
    struct buffer out = {0};
    escape_markup(&out, text);
    assert_string_equal(buffer_chars(&out), expected);
    buffer_free(&out);
}

static void test_markup(void **state)
{
    (void)state;
    check_escaped((struct text){0}, "");
    check_escaped(escape_chars("plain caf\303\251"), "plain caf\303\251");
    check_escaped(escape_chars("<&>\"'`"), "&#60;&#38;&#62;&#34;&#39;&#96;");
    check_escaped((struct text){"\0\n\033", 3}, "\\x00\\x0a\\x1b");
    check_escaped(escape_chars("\377\303("), "\\xff\\xc3(");
    check_escaped(escape_chars("\302\205"), "\\x85");
    check_escaped(escape_chars("\342\200\256\363\240\200\201"), "\\u202e\\U000e0001");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_calls),
        cmocka_unit_test(test_live),
        cmocka_unit_test(test_live_over_exec),
        cmocka_unit_test(test_processes),
        cmocka_unit_test(test_faults_of_samples),
        cmocka_unit_test(test_formats),
        cmocka_unit_test(test_nothing),
        cmocka_unit_test(test_many),
        cmocka_unit_test(test_hostile_folded),
        cmocka_unit_test(test_hostile_svg),
        cmocka_unit_test(test_markup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
