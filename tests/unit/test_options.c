/* links: report.a decoder.a tracer.a */
/* test_options.c: the command line: option tables, the calls of -e, and moments of a recording. */
#include "../../report/call_set.h"
#include "../../report/options.h"
#include "../../report/when.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

enum { OPT_OUT = 1, OPT_QUIET, OPT_LETTER_ONLY, OPT_NUMBER, OPT_MAX_SIZE, OPT_DURATION };

static const struct option options[] = {
    {OPT_OUT, 'o', "output", "FILE", "write there"},
    {OPT_QUIET, 'q', "quiet", NULL, "say less"},
    {OPT_LETTER_ONLY, 'k', NULL, NULL, "no long name"},
    {OPT_NUMBER, 'n', NULL, "N", "a letter with a value"},
    {OPT_MAX_SIZE, 0, "max-size", "SIZE", "no letter"},
    {OPT_DURATION, 0, "duration", "SECONDS", "first line\nsecond line"},
    {0},
};
static const struct verb verb = {"play", "[OPTIONS] TRACE", "play a trace", options, NULL};
static const struct verb nameless = {"", "[OPTIONS] COMMAND", "trace a command", options, NULL};

/* ---- what is printed ---- */

/* Standard error (or output) goes to a file until printed() gives it back. */
struct capture {
    int fd, saved;
    FILE *stream, *file;
    char text[4096];
};

static void capture(struct capture *c, FILE *stream)
{
    fflush(stream);
    c->stream = stream;
    c->fd = fileno(stream);
    c->saved = dup(c->fd);
    c->file = tmpfile();
    assert_true(c->saved >= 0 && c->file && dup2(fileno(c->file), c->fd) >= 0);
}

static const char *printed(struct capture *c)
{
    fflush(c->stream);
    dup2(c->saved, c->fd);
    close(c->saved);
    rewind(c->file);
    c->text[fread(c->text, 1, sizeof(c->text) - 1, c->file)] = '\0';
    fclose(c->file);
    return c->text;
}

/* ---- options ---- */

/* One step: what comes back, and the value that goes with it. */
struct step {
    int id;
    const char *value;
};

static int count_args(char **argv)
{
    int argc = 0;
    while (argv[argc])
        argc++;
    return argc;
}

/* Parse all of argv; the steps end with one of id OPTION_END or OPTION_WRONG.  Where the parser stopped. */
static int check_steps(bool stop_at_operand, char **argv, const struct step *steps)
{
    struct parser p;
    parser_begin(&p, &verb, count_args(argv), argv);
    p.stop_at_operand = stop_at_operand;
    for (const struct step *s = steps;; s++) {
        assert_int_equal(parser_next(&p), s->id);
        if (s->id == OPTION_END || s->id == OPTION_WRONG)
            break;
        if (s->value)
            assert_string_equal(p.value, s->value);
        else if (s->id != OPTION_HELP)
            assert_null(p.value);
    }
    return p.at;
}

#define ARGV(...)  ((char *[]){WORD("play"), __VA_ARGS__, NULL})
#define STEPS(...) ((struct step[]){__VA_ARGS__})
#define WORD(text) ((char *)(uintptr_t)(text))

static void test_letters(void **state)
{
    (void)state;
    assert_int_equal(check_steps(false, ARGV(WORD("-q"), WORD("-k"), WORD("-qk")),
                                 STEPS({OPT_QUIET, NULL}, {OPT_LETTER_ONLY, NULL}, {OPT_QUIET, NULL},
                                       {OPT_LETTER_ONLY, NULL}, {OPTION_END, NULL})),
                     4);
    /* A value follows at once, in the next argument, or behind letters without one. */
    check_steps(false,
                ARGV(WORD("-oa"), WORD("-o"), WORD("b"), WORD("-qkoc"), WORD("-qo"), WORD("-q"), WORD("-o=d"),
                     WORD("-o"), WORD("")),
                STEPS({OPT_OUT, "a"}, {OPT_OUT, "b"}, {OPT_QUIET, NULL}, {OPT_LETTER_ONLY, NULL}, {OPT_OUT, "c"},
                      {OPT_QUIET, NULL}, {OPT_OUT, "-q"}, {OPT_OUT, "=d"}, {OPT_OUT, ""}, {OPTION_END, NULL}));
    check_steps(false, ARGV(WORD("-n5"), WORD("-kn"), WORD("-7")),
                STEPS({OPT_NUMBER, "5"}, {OPT_LETTER_ONLY, NULL}, {OPT_NUMBER, "-7"}, {OPTION_END, NULL}));
    check_steps(false, ARGV(WORD("-qh")), STEPS({OPT_QUIET, NULL}, {OPTION_HELP, NULL}, {OPTION_END, NULL}));
}

static void test_long_names(void **state)
{
    (void)state;
    check_steps(false,
                ARGV(WORD("--output=a"), WORD("--output"), WORD("b"), WORD("--quiet"), WORD("--output="),
                     WORD("--output=a=b"), WORD("--max-size"), WORD("--quiet")),
                STEPS({OPT_OUT, "a"}, {OPT_OUT, "b"}, {OPT_QUIET, NULL}, {OPT_OUT, ""}, {OPT_OUT, "a=b"},
                      {OPT_MAX_SIZE, "--quiet"}, {OPTION_END, NULL}));
    check_steps(false, ARGV(WORD("--help"), WORD("--quiet")),
                STEPS({OPTION_HELP, NULL}, {OPT_QUIET, NULL}, {OPTION_END, NULL}));
}

static void test_operands(void **state)
{
    (void)state;
    check_steps(false, ARGV(WORD("a"), WORD("-q"), WORD("-"), WORD("b"), WORD("--"), WORD("-q"), WORD("--"), WORD("c")),
                STEPS({OPTION_OPERAND, "a"}, {OPT_QUIET, NULL}, {OPTION_OPERAND, "-"}, {OPTION_OPERAND, "b"},
                      {OPTION_OPERAND, "-q"}, {OPTION_OPERAND, "--"}, {OPTION_OPERAND, "c"}, {OPTION_END, NULL}));
    check_steps(false, ARGV(WORD("")), STEPS({OPTION_OPERAND, ""}, {OPTION_END, NULL}));
    check_steps(false, ARGV(WORD("--")), STEPS({OPTION_END, NULL}));
    assert_int_equal(check_steps(false, (char *[]){WORD("play"), NULL}, STEPS({OPTION_END, NULL})), 1);
}

/* What stands behind the first operand belongs to the command that is traced. */
static void test_stop_at_operand(void **state)
{
    (void)state;
    assert_int_equal(check_steps(true, ARGV(WORD("-q"), WORD("ls"), WORD("-q"), WORD("--output")),
                                 STEPS({OPT_QUIET, NULL}, {OPTION_END, NULL})),
                     2);
    assert_int_equal(check_steps(true, ARGV(WORD("-q"), WORD("--"), WORD("-ls"), WORD("-q")),
                                 STEPS({OPT_QUIET, NULL}, {OPTION_END, NULL})),
                     3);
    assert_int_equal(check_steps(true, ARGV(WORD("-o"), WORD("ls"), WORD("--"), WORD("--"), WORD("-q")),
                                 STEPS({OPT_OUT, "ls"}, {OPTION_END, NULL})),
                     4);
    assert_int_equal(check_steps(true, ARGV(WORD("-"), WORD("-q")), STEPS({OPTION_END, NULL})), 1);
    assert_int_equal(check_steps(true, ARGV(WORD("-q")), STEPS({OPT_QUIET, NULL}, {OPTION_END, NULL})), 2);
}

/* One step that is wrong, and the line that says so. */
static void check_wrong(const struct verb *v, char **argv, const char *expected)
{
    struct capture c;
    struct parser p;
    int id;
    capture(&c, stderr);
    parser_begin(&p, v, count_args(argv), argv);
    while ((id = parser_next(&p)) > 0)
        ;
    const char *text = printed(&c);
    assert_int_equal(id, OPTION_WRONG);
    assert_string_equal(text, expected);
}

static void test_wrong(void **state)
{
    (void)state;
    check_wrong(&verb, ARGV(WORD("-qx")), "brkwater: unknown option -x. See brkwater play --help.\n");
    check_wrong(&nameless, ARGV(WORD("-x")), "brkwater: unknown option -x. See brkwater --help.\n");
    check_wrong(&verb, ARGV(WORD("-qo")), "brkwater: option -o needs a value: FILE\n");
    check_wrong(&verb, ARGV(WORD("--output")), "brkwater: option --output needs a value: FILE\n");
    check_wrong(&verb, ARGV(WORD("--quiet=1")), "brkwater: option --quiet takes no value\n");
    check_wrong(&verb, ARGV(WORD("--quite")),
                "brkwater: unknown option --quite. Did you mean --quiet? See brkwater play --help.\n");
    check_wrong(&nameless, ARGV(WORD("--outputs=x")),
                "brkwater: unknown option --outputs. Did you mean --output? See brkwater --help.\n");
    check_wrong(&verb, ARGV(WORD("--maxsize=3M")),
                "brkwater: unknown option --maxsize. Did you mean --max-size? See brkwater play --help.\n");
    check_wrong(&verb, ARGV(WORD("--colour")), "brkwater: unknown option --colour. See brkwater play --help.\n");
    check_wrong(&verb, ARGV(WORD("--q")),
                "brkwater: unknown option --q. See brkwater play --help.\n"); /* not cut short */
    check_wrong(&verb, ARGV(WORD("--=x")), "brkwater: unknown option --. See brkwater play --help.\n");
    /* One line, whatever the argument holds. */
    check_wrong(&verb, ARGV(WORD("--a\nb\033[0m")), "brkwater: unknown option --a?b?[0m. See brkwater play --help.\n");
}

/* What was taken, and of which option there was too much. */
struct taken {
    int count, last;
    const char *value;
};

static int take_one(void *request, int id, const char *value)
{
    struct taken *taken = request;
    taken->count++;
    taken->last = id;
    taken->value = value;
    return id == OPT_NUMBER ? 7 : 0;
}

/* The status, and what was printed, of a verb that takes one TRACE. */
static int take_all(char **argv, struct taken *taken, const char **ret_trace, struct capture *c, FILE *stream)
{
    struct parser p;
    *taken = (struct taken){0};
    parser_begin(&p, &verb, count_args(argv), argv);
    capture(c, stream);
    const int status = parser_take_all(&p, take_one, taken);
    printed(c);
    *ret_trace = p.trace;
    return status;
}

static void test_take_all(void **state)
{
    (void)state;
    struct taken taken;
    struct capture c;
    const char *trace;
    assert_int_equal(take_all((char *[]){"play", "-q", "t.brkw", "-o", "x", NULL}, &taken, &trace, &c, stderr),
                     OPTION_END);
    assert_string_equal(trace, "t.brkw");
    assert_true(taken.count == 2 && taken.last == OPT_OUT && strcmp(taken.value, "x") == 0 && !*c.text);
    assert_int_equal(take_all((char *[]){"play", NULL}, &taken, &trace, &c, stderr), OPTION_END);
    assert_true(!trace && !taken.count);
    /* What the verb does not like, it has told of. */
    assert_int_equal(take_all((char *[]){"play", "-n", "1", "-q", NULL}, &taken, &trace, &c, stderr), EXIT_USAGE);
    assert_true(taken.count == 1 && !*c.text);
    assert_int_equal(take_all((char *[]){"play", "--quite", "t", NULL}, &taken, &trace, &c, stderr), EXIT_USAGE);
    assert_true(!taken.count && strstr(c.text, "--quiet"));
    assert_int_equal(take_all((char *[]){"play", "a", "b", NULL}, &taken, &trace, &c, stderr), EXIT_USAGE);
    assert_non_null(strstr(c.text, "one TRACE at a time. Usage: brkwater play"));
    assert_int_equal(take_all((char *[]){"play", "--help", "-n", "1", NULL}, &taken, &trace, &c, stdout), 0);
    assert_true(!taken.count && strstr(c.text, "Usage: brkwater play [OPTIONS] TRACE"));
}

static const char *gone_with;

static int go(const char *trace, bool json)
{
    gone_with = trace;
    return json ? 7 : 8;
}

static void test_run_with_json(void **state)
{
    (void)state;
    static const struct option json[] = {{OPT_OUT, 0, "json", NULL, "for programs"}, {0}};
    static const struct verb judge = {"judge", "TRACE [--json]", "judge a trace", json, NULL};
    struct capture c;
    assert_int_equal(run_with_json(&judge, 3, (char *[]){"judge", "t.brkw", "--json", NULL}, go), 7);
    assert_string_equal(gone_with, "t.brkw");
    assert_int_equal(run_with_json(&judge, 2, (char *[]){"judge", "u", NULL}, go), 8);
    assert_string_equal(gone_with, "u");
    gone_with = NULL;
    capture(&c, stderr);
    assert_int_equal(run_with_json(&judge, 2, (char *[]){"judge", "--json", NULL}, go), EXIT_USAGE);
    assert_true(strstr(printed(&c), "no TRACE was named. Usage: brkwater judge TRACE [--json]") && !gone_with);
}

/* A name that is longer than any name is no name, however it begins. */
static void test_long_nonsense(void **state)
{
    (void)state;
    char argument[3000] = "--quiet";
    memset(argument + 7, 'x', sizeof(argument) - 8);
    struct capture c;
    struct parser p;
    capture(&c, stderr);
    parser_begin(&p, &verb, 2, (char *[]){WORD("play"), argument, NULL});
    int id = parser_next(&p);
    printed(&c);
    assert_int_equal(id, OPTION_WRONG);
    assert_memory_equal(c.text, "brkwater: unknown option --quietxxx", 35);
    assert_ptr_equal(strchr(c.text, '\n'), c.text + strlen(c.text) - 1);
}

static void test_nearest(void **state)
{
    (void)state;
    static const char *const names[] = {"report", "events", "layout", "verify", "html"};
    static const struct {
        const char *name, *nearest;
    } cases[] = {
        {"report", "report"},   {"reprot", "report"}, {"rport", "report"}, {"event", "events"}, {"layuot", "layout"},
        {"verfy", "verify"},    {"htm", "html"},      {"xyz", NULL},       {"", NULL},          {"e", NULL},
        {"reeeport", "report"}, {"ht", NULL},         {"reeeeport", NULL},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const char *got = options_nearest(cases[i].name, names, 5);
        if (cases[i].nearest)
            assert_true(got && strcmp(got, cases[i].nearest) == 0);
        else
            assert_null(got);
    }
    assert_null(options_nearest("report", names, 0));
}

static void test_help_and_complaints(void **state)
{
    (void)state;
    struct capture c;
    capture(&c, stdout);
    options_help(&verb);
    const char *text = printed(&c);
    assert_ptr_equal(strstr(text, "Usage: brkwater play [OPTIONS] TRACE\n\nplay a trace\n\nOptions:\n"), text);
    assert_non_null(strstr(text, "\n  -o, --output=FILE          write there\n"));
    assert_non_null(strstr(text, "\n  -q, --quiet                say less\n"));
    assert_non_null(strstr(text, "\n  -k                         no long name\n"));
    assert_non_null(strstr(text, "\n  -n N                       a letter with a value\n"));
    assert_non_null(
        strstr(text, "\n  --duration=SECONDS         first line\n                             second line\n"));
    assert_non_null(strstr(text, "\n  -h, --help                 show this help\n"));
    capture(&c, stderr);
    assert_int_equal(complain(EXIT_TROUBLE, "%s\t%d", "a\177b", 7), EXIT_TROUBLE);
    assert_int_equal(complain_usage(&verb, "a trace is missing"), EXIT_USAGE);
    assert_string_equal(printed(&c),
                        "brkwater: a?b?7\nbrkwater: a trace is missing. Usage: brkwater play [OPTIONS] TRACE. "
                        "See brkwater play --help.\n");
}

/* ---- the calls of -e ---- */

/* The set must hold just these calls, ended by CALL_NONE. */
static void check_set(const char *text, const enum call *calls)
{
    struct call_set set, expected = {0};
    const char *word;
    size_t length;
    assert_int_equal(call_set_parse(text, &set, &word, &length), 0);
    for (; *calls != CALL_NONE; calls++)
        expected.calls[*calls] = true;
    for (int call = CALL_NONE + 1; call < CALL_COUNT; call++)
        if (set.calls[call] != expected.calls[call])
            fail_msg("%s: %s", text, call_info((enum call)call)->name);
}

#define CALLS(...) ((enum call[]){__VA_ARGS__, CALL_NONE})

/* How many calls a text stands for. */
static unsigned count_set(const char *text, enum call one, bool expected)
{
    struct call_set set;
    const char *word;
    size_t length;
    unsigned count = 0;
    assert_int_equal(call_set_parse(text, &set, &word, &length), 0);
    assert_int_equal(set.calls[one], expected);
    for (int call = CALL_NONE + 1; call < CALL_COUNT; call++)
        count += set.calls[call];
    return count;
}

static void test_call_set(void **state)
{
    (void)state;
    enum { ALL = CALL_COUNT - 1, PROCESS = 8 };
    check_set("mmap", CALLS(CALL_MMAP));
    check_set("mmap,munmap", CALLS(CALL_MMAP, CALL_MUNMAP));
    check_set("trace=brk,,mmap,", CALLS(CALL_BRK, CALL_MMAP));
    check_set("none", CALLS(CALL_NONE));
    check_set("", CALLS(CALL_NONE));
    check_set("%process", CALLS(CALL_EXECVE, CALL_EXECVEAT, CALL_CLONE, CALL_CLONE3, CALL_FORK, CALL_VFORK, CALL_EXIT,
                                CALL_EXIT_GROUP));
    check_set("process,brk", CALLS(CALL_EXECVE, CALL_EXECVEAT, CALL_CLONE, CALL_CLONE3, CALL_FORK, CALL_VFORK,
                                   CALL_EXIT, CALL_EXIT_GROUP, CALL_BRK));
    check_set("!%memory", CALLS(CALL_EXECVE, CALL_EXECVEAT, CALL_CLONE, CALL_CLONE3, CALL_FORK, CALL_VFORK, CALL_EXIT,
                                CALL_EXIT_GROUP));
    check_set("!all", CALLS(CALL_NONE));
    assert_int_equal(count_set("all", CALL_BRK, true), ALL);
    assert_int_equal(count_set("%all", CALL_FORK, true), ALL);
    assert_int_equal(count_set("trace=all", CALL_MSEAL, true), ALL);
    assert_int_equal(count_set("!none", CALL_BRK, true), ALL);
    assert_int_equal(count_set("!brk", CALL_BRK, false), ALL - 1);
    assert_int_equal(count_set("trace=!brk,madvise", CALL_MADVISE, false), ALL - 2);
    assert_int_equal(count_set("%memory", CALL_FORK, false), ALL - PROCESS);
    assert_int_equal(count_set("memory,fork", CALL_FORK, true), ALL - PROCESS + 1);
}

static void test_call_set_refused(void **state)
{
    (void)state;
    static const struct {
        const char *text, *word;
    } cases[] = {{"read", "read"},
                 {"mmap,read,brk", "read"},
                 {"trace=mmap, brk", " brk"},
                 {"!mmap2x", "mmap2x"},
                 {"mma", "mma"},
                 {"MMAP", "MMAP"},
                 {"%file", "%file"},
                 {"%", "%"},
                 {"mmap,!brk", "!brk"},
                 {"unknown", "unknown"},
                 {"signal=none", "signal=none"}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct call_set set = {.calls = {[CALL_BRK] = true}};
        const char *word = NULL;
        size_t length = 0;
        assert_int_equal(call_set_parse(cases[i].text, &set, &word, &length), -EINVAL);
        assert_int_equal(length, strlen(cases[i].word));
        assert_memory_equal(word, cases[i].word, length);
        assert_true(set.calls[CALL_BRK]); /* untouched on failure */
    }
}

/* ---- moments ---- */

static void check_when(const char *text, enum when_kind kind, uint64_t value)
{
    struct when when = {0};
    assert_int_equal(when_parse(text, &when), 0);
    assert_int_equal(when.kind, kind);
    assert_true(when.value == value);
}

static void test_when(void **state)
{
    (void)state;
    check_when("1.25s", WHEN_TIME, 12500000);
    check_when("800ms", WHEN_TIME, 8000000);
    check_when("0", WHEN_TIME, 0);
    check_when("3", WHEN_TIME, 30000000);
    check_when("#1", WHEN_EVENT, 1);
    check_when("#1234", WHEN_EVENT, 1234);
    check_when("event:1234", WHEN_EVENT, 1234);
    check_when("#18446744073709551615", WHEN_EVENT, UINT64_MAX);
    check_when("peak", WHEN_PEAK, 0);
    check_when("peak-virtual", WHEN_PEAK_VIRTUAL, 0);
    check_when("end", WHEN_END, 0);
}

static void test_when_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {"",     "#",        "#0",       "event:", "event:0", "#12x",  "#1.5", "#-1",
                                      "#x",   "event:-7", "event:#7", "12x",    "-1s",     "peaks", "Peak", "peak-",
                                      "end ", " end",     "begin",    "1.5.5s", "##1",     "event", "s"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct when when = {WHEN_END, 77};
        assert_int_equal(when_parse(bad[i], &when), -EINVAL);
        assert_true(when.kind == WHEN_END && when.value == 77); /* untouched on failure */
    }
}

/* strtoull() takes more than digits, and ends at 2^64 - 1 without a word. */
static void test_when_takes_digits_only(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "# 5", "#+5", "# -5", "event: 5", "event:+5", "#\t5", "#18446744073709551616", "#99999999999999999999999"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct when when;
        if (when_parse(bad[i], &when) != -EINVAL)
            fail_msg("taken for a moment: %s", bad[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_letters),
        cmocka_unit_test(test_long_names),
        cmocka_unit_test(test_operands),
        cmocka_unit_test(test_stop_at_operand),
        cmocka_unit_test(test_wrong),
        cmocka_unit_test(test_take_all),
        cmocka_unit_test(test_run_with_json),
        cmocka_unit_test(test_long_nonsense),
        cmocka_unit_test(test_nearest),
        cmocka_unit_test(test_help_and_complaints),
        cmocka_unit_test(test_call_set),
        cmocka_unit_test(test_call_set_refused),
        cmocka_unit_test(test_when),
        cmocka_unit_test(test_when_refused),
        cmocka_unit_test(test_when_takes_digits_only),
    };
    return cmocka_run_group_tests_name("options", tests, NULL, NULL);
}
