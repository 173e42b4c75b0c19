/* links: decoder.a tracer.a */
/* test_verify.c: the replay against the kernel's map: what is drift, what is not, and what the repair leaves.
 */
#include "driver.h"

#include <errno.h>
#include <sys/mman.h>

enum { R = PROT_READ, RW = PROT_READ | PROT_WRITE, PRIVATE = MAP_PRIVATE | MAP_ANONYMOUS };
enum { FILE_A = 1, FILE_A_RENAMED, FILE_B, STACK, UPROBES, VDSO, ANON_NAME, HEAP };

/* The map of every test at its beginning. */
#define ANON                                                                                                           \
    {                                                                                                                  \
        .start = 0x10000, .end = 0x14000, .prot = RW                                                                   \
    }
#define DATA                                                                                                           \
    {                                                                                                                  \
        .start = 0x20000, .end = 0x23000, .prot = R, .offset = 0x5000, .file = FILE_A                                  \
    }
#define ABOVE                                                                                                          \
    {                                                                                                                  \
        .start = 0x7fff0000, .end = 0x7fff8000, .prot = RW, .file = STACK                                              \
    }

#define LAYOUT                                                                                                         \
    "10000-14000 rw-p anonymous #1\n20000-23000 r--p file #2 f1+5000\n"                                                \
    "7fff0000-7fff8000 rw-p stack #0 f4+0 grows kernel named\n"

/* Two mappings made by calls below a stack that was there before. */
static void begin(struct driver *d)
{
    driver_begin(d);
    driver_file(d, FILE_A, 11, "/data/a");
    driver_file(d, FILE_A_RENAMED, 11, "/data/a.old (deleted)");
    driver_file(d, FILE_B, 12, "/data/b");
    driver_file(d, STACK, 0, "[stack]");
    driver_file(d, UPROBES, 0, "[uprobes]");
    driver_file(d, VDSO, 0, "[vdso]");
    driver_file(d, ANON_NAME, 0, "[anon:pool]");
    driver_file(d, HEAP, 0, "[heap]");
    driver_checkpoint(d, CHECKPOINT_ATTACH, 1, &(struct rec_mapping)ABOVE);
    assert_false(d->moment.compared); /* a baseline is believed */
    DRIVE(d, .call = CALL_MMAP, .args = {0, 0x4000, RW, PRIVATE, UINT64_MAX, 0}, .ret = 0x10000);
    DRIVE(d, .call = CALL_MMAP, .args = {0, 0x3000, R, MAP_PRIVATE, 3, 0x5000}, .ret = 0x20000, .file = FILE_A);
    driver_layout(d, LAYOUT);
}

static unsigned compare(struct driver *d, uint32_t count, const struct rec_mapping *lines)
{
    driver_checkpoint(d, CHECKPOINT_EVERY, count, lines);
    assert_true(d->moment.compared);
    return d->moment.drift;
}

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Compare with these lines and repair; the same lines again are what the replay knows then. */
#define COMPARE(driver, ...)                                                                                           \
    compare(driver, COUNT(((struct rec_mapping[]){__VA_ARGS__})), (struct rec_mapping[]){__VA_ARGS__})
#define DRIFTS(driver, count, ...)                                                                                     \
    do {                                                                                                               \
        assert_int_equal(COMPARE(driver, __VA_ARGS__), count);                                                         \
        assert_int_equal(COMPARE(driver, __VA_ARGS__), 0);                                                             \
    } while (0)

static const struct drift *first(const struct driver *d)
{
    const struct drift *drift = decoder_first_drift(d->decoder);
    assert_non_null(drift);
    assert_int_equal(drift->space, DRIVER_SPACE);
    assert_int_equal(drift->pid, DRIVER_PID);
    assert_true(drift->event == 2 && drift->time == d->time - 1);
    return drift;
}

static void check_line(const struct rec_mapping *line, tracee_addr start, tracee_addr end, uint32_t prot,
                       uint64_t offset, uint32_t file)
{
    assert_true(line->start == start && line->end == end && line->offset == offset);
    assert_int_equal(line->prot, prot);
    assert_int_equal(line->shared, 0);
    assert_int_equal(line->file, file);
}

static void test_equal(void **state)
{
    (void)state;
    struct driver d;
    begin(&d);
    assert_int_equal(COMPARE(&d, ANON, DATA, ABOVE), 0);
    /* The kernel splits and merges as it likes. */
    assert_int_equal(COMPARE(&d, {.start = 0x10000, .end = 0x11000, .prot = RW},
                             {.start = 0x11000, .end = 0x14000, .prot = RW},
                             {.start = 0x20000, .end = 0x21000, .prot = R, .offset = 0x5000, .file = FILE_A},
                             {.start = 0x21000, .end = 0x23000, .prot = R, .offset = 0x6000, .file = FILE_A}, ABOVE),
                     0);
    DRIVE(&d, .call = CALL_MPROTECT, .args = {0x11000, 0x1000, R});
    DRIVE(&d, .call = CALL_MPROTECT, .args = {0x21000, 0x1000, RW});
    DRIVE(&d, .call = CALL_MPROTECT, .args = {0x10000, 0x4000, RW});
    DRIVE(&d, .call = CALL_MPROTECT, .args = {0x20000, 0x3000, R});
    DRIVE(&d, .call = CALL_MMAP, .args = {0, 0x1000, RW, PRIVATE}, .ret = 0x14000);
    assert_int_equal(COMPARE(&d, {.start = 0x10000, .end = 0x15000, .prot = RW}, DATA, ABOVE), 0);
    /* Names of anonymous memory come and go. */
    assert_int_equal(COMPARE(&d, {.start = 0x10000, .end = 0x12000, .prot = RW, .file = ANON_NAME},
                             {.start = 0x12000, .end = 0x15000, .prot = RW, .file = HEAP}, DATA,
                             {.start = 0x7fff0000, .end = 0x7fff8000, .prot = RW}),
                     0);
    assert_true(decoder_checkpoints(d.decoder) == 4);
    assert_null(decoder_first_drift(d.decoder));
    assert_false(d.moment.change.grew_by_kernel);
    driver_clean(&d);
    driver_end(&d);
}

static void test_missing(void **state)
{
    (void)state;
    struct driver d;
    begin(&d);
    DRIFTS(&d, 1, ANON, ABOVE);
    const struct drift *drift = first(&d);
    assert_true(drift->replayed && !drift->mapped && drift->start == 0x20000 && drift->end == 0x23000);
    check_line(&drift->replay, 0x20000, 0x23000, R, 0x5000, FILE_A);
    driver_layout(&d, "10000-14000 rw-p anonymous #1\n7fff0000-7fff8000 rw-p stack #0 f4+0 grows kernel named\n");
    /* A part of one, at either end and in the middle. */
    DRIFTS(&d, 2, {.start = 0x11000, .end = 0x12000, .prot = RW}, ABOVE);
    driver_layout(&d, "11000-12000 rw-p anonymous #1\n7fff0000-7fff8000 rw-p stack #0 f4+0 grows kernel named\n");
    assert_int_equal(compare(&d, 0, NULL), 2);
    driver_layout(&d, "");
    assert_true(decoder_drift(d.decoder) == 5);
    assert_true(decoder_first_drift(d.decoder)->start == 0x20000); /* the first stays */
    driver_end(&d);
}

static void test_extra(void **state)
{
    (void)state;
    struct driver d;
    begin(&d);
    DRIFTS(&d, 1, ANON, DATA, {.start = 0x30000, .end = 0x34000, .prot = RW, .offset = 0x1000, .file = FILE_B}, ABOVE);
    const struct drift *drift = first(&d);
    assert_true(!drift->replayed && drift->mapped && drift->start == 0x30000 && drift->end == 0x34000);
    check_line(&drift->kernel, 0x30000, 0x34000, RW, 0x1000, FILE_B);
    assert_false(d.moment.change.grew_by_kernel);
    driver_layout(&d, "10000-14000 rw-p anonymous #1\n20000-23000 r--p file #2 f1+5000\n"
                      "30000-34000 rw-p file #0 f3+1000 kernel found\n"
                      "7fff0000-7fff8000 rw-p stack #0 f4+0 grows kernel named\n");
    /* More of a mapping that is known: the offset goes on. */
    DRIFTS(&d, 3, ANON, {.start = 0x1e000, .end = 0x25000, .prot = R, .offset = 0x3000, .file = FILE_A}, ABOVE);
    driver_layout(&d, "10000-14000 rw-p anonymous #1\n1e000-20000 r--p file #0 f1+3000 kernel found\n"
                      "20000-23000 r--p file #2 f1+5000\n23000-25000 r--p file #0 f1+8000 kernel found\n"
                      "7fff0000-7fff8000 rw-p stack #0 f4+0 grows kernel named\n");
    driver_end(&d);
}

static void test_other_protection(void **state)
{
    (void)state;
    struct driver d;
    begin(&d);
    DRIFTS(&d, 1, {.start = 0x10000, .end = 0x11000, .prot = RW}, {.start = 0x11000, .end = 0x12000, .prot = R},
           {.start = 0x12000, .end = 0x14000, .prot = RW}, DATA, ABOVE);
    const struct drift *drift = first(&d);
    assert_true(drift->replayed && drift->mapped && drift->start == 0x11000 && drift->end == 0x12000);
    check_line(&drift->replay, 0x11000, 0x12000, RW, 0, 0);
    check_line(&drift->kernel, 0x11000, 0x12000, R, 0, 0);
    driver_end(&d);
}

/* Side by side, one line of the kernel: memory whose protection changed, and memory that is another one altogether. */
static void test_two_sorts_in_one_line(void **state)
{
    (void)state;
    struct driver d;
    begin(&d);
    DRIVE(&d, .call = CALL_MMAP, .args = {0, 0x2000, RW, MAP_PRIVATE, 3, 0}, .ret = 0x14000, .file = FILE_B);
    assert_true(COMPARE(&d, {.start = 0x10000, .end = 0x16000, .prot = R}, DATA, ABOVE) > 0);
    assert_int_equal(COMPARE(&d, {.start = 0x10000, .end = 0x16000, .prot = R}, DATA, ABOVE), 0);
    struct segment s;
    assert_true(decoder_segment(d.decoder, DRIVER_SPACE, 0x15000, &s) && s.file == 0 && s.prot == R);
    driver_end(&d);
}

static void test_shared(void **state)
{
    (void)state;
    struct driver d;
    begin(&d);
    DRIFTS(&d, 1, {.start = 0x10000, .end = 0x14000, .prot = RW, .shared = 1}, DATA, ABOVE);
    assert_true(first(&d)->kernel.shared == 1 && first(&d)->replay.shared == 0);
    driver_end(&d);
}

static void test_other_offset(void **state)
{
    (void)state;
    struct driver d;
    begin(&d);
    DRIFTS(&d, 1, ANON, {.start = 0x20000, .end = 0x21000, .prot = R, .offset = 0x5000, .file = FILE_A},
           {.start = 0x21000, .end = 0x23000, .prot = R, .offset = 0x8000, .file = FILE_A}, ABOVE);
    const struct drift *drift = first(&d);
    assert_true(drift->start == 0x21000 && drift->end == 0x23000);
    check_line(&drift->replay, 0x21000, 0x23000, R, 0x6000, FILE_A);
    check_line(&drift->kernel, 0x21000, 0x23000, R, 0x8000, FILE_A);
    driver_end(&d);
}

static void test_other_file(void **state)
{
    (void)state;
    struct driver d;
    begin(&d);
    DRIFTS(&d, 1, ANON, {.start = 0x20000, .end = 0x23000, .prot = R, .offset = 0x5000, .file = FILE_B}, ABOVE);
    check_line(&first(&d)->replay, 0x20000, 0x23000, R, 0x5000, FILE_A);
    check_line(&first(&d)->kernel, 0x20000, 0x23000, R, 0x5000, FILE_B);
    /* A file where the replay has anonymous memory, and the other way round. */
    DRIFTS(&d, 2, {.start = 0x10000, .end = 0x14000, .prot = RW, .file = FILE_B},
           {.start = 0x20000, .end = 0x23000, .prot = R}, ABOVE);
    driver_end(&d);
}

/* Another path, the same inode: a file that was renamed or deleted. */
static void test_renamed(void **state)
{
    (void)state;
    struct driver d;
    begin(&d);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(
            COMPARE(&d, ANON, {.start = 0x20000, .end = 0x23000, .prot = R, .offset = 0x5000, .file = FILE_A_RENAMED},
                    ABOVE),
            0);
        driver_layout(&d, "10000-14000 rw-p anonymous #1\n20000-23000 r--p file #2 f2+5000\n"
                          "7fff0000-7fff8000 rw-p stack #0 f4+0 grows kernel named\n");
    }
    driver_clean(&d);
    driver_end(&d);
}

/* ---- what the kernel does by itself ---- */

static void test_stack_growth(void **state)
{
    (void)state;
    struct driver d;
    begin(&d);
    assert_int_equal(COMPARE(&d, ANON, DATA, {.start = 0x7ffee000, .end = 0x7fff8000, .prot = RW, .file = STACK}), 0);
    assert_true(d.moment.change.grew_by_kernel);
    assert_true(d.moment.change.mapped == 0x2000 && d.moment.change.unmapped == 0);
    driver_layout(&d, "10000-14000 rw-p anonymous #1\n20000-23000 r--p file #2 f1+5000\n"
                      "7ffee000-7fff0000 rw-p stack #0 f4+0 grows kernel found named\n"
                      "7fff0000-7fff8000 rw-p stack #0 f4+0 grows kernel named\n");
    /* Further; then one that a thread mapped for itself. */
    assert_int_equal(COMPARE(&d, ANON, DATA, {.start = 0x7ffe0000, .end = 0x7fff8000, .prot = RW, .file = STACK}), 0);
    assert_true(d.moment.change.grew_by_kernel && d.moment.change.mapped == 0xe000);
    DRIVE(&d, .call = CALL_MMAP, .args = {0, 0x1000, RW, PRIVATE | MAP_GROWSDOWN}, .ret = 0x50000);
    assert_int_equal(COMPARE(&d, ANON, DATA, {.start = 0x4f000, .end = 0x51000, .prot = RW},
                             {.start = 0x7ffe0000, .end = 0x7fff8000, .prot = RW, .file = STACK}),
                     0);
    assert_true(d.moment.change.grew_by_kernel && d.moment.change.mapped == 0x1000);
    assert_int_equal(COMPARE(&d, ANON, DATA, {.start = 0x4f000, .end = 0x51000, .prot = RW},
                             {.start = 0x7ffe0000, .end = 0x7fff8000, .prot = RW, .file = STACK}),
                     0);
    assert_false(d.moment.change.grew_by_kernel);
    driver_clean(&d);
    driver_end(&d);
}

/* What looks a little like growth of a stack, but is not. */
static void test_no_stack_growth(void **state)
{
    (void)state;
    static const struct rec_mapping lines[] = {
        {.start = 0x7ffef000, .end = 0x7fff0000, .prot = R},                  /* other protection */
        {.start = 0x7ffef000, .end = 0x7fff0000, .prot = RW, .shared = 1},    /* shared */
        {.start = 0x7ffee000, .end = 0x7ffef000, .prot = RW},                 /* with a gap */
        {.start = 0x7ffef000, .end = 0x7fff0000, .prot = RW},                 /* a mapping of its own */
        {.start = 0x7ffef000, .end = 0x7fff0000, .prot = RW, .file = FILE_B}, /* a file */
        {.start = 0x7fff8000, .end = 0x7fff9000, .prot = RW},                 /* upwards */
        {.start = 0x14000, .end = 0x15000, .prot = RW},                       /* elsewhere */
    };
    for (size_t i = 0; i < COUNT(lines); i++) {
        struct driver d;
        begin(&d);
        struct rec_mapping map[] = {ANON, DATA, ABOVE, {0}};
        size_t at = 3;
        for (; at > 0 && map[at - 1].start > lines[i].start; at--)
            map[at] = map[at - 1];
        map[at] = lines[i];
        assert_int_equal(compare(&d, 4, map), 1);
        assert_false(d.moment.change.grew_by_kernel);
        assert_int_equal(compare(&d, 4, map), 0);
        driver_end(&d);
    }
}

/* The whole stack became another thing: no part of that is growth. */
static void test_no_stack_any_more(void **state)
{
    (void)state;
    static const struct rec_mapping stacks[] = {
        {.start = 0x7ffee000, .end = 0x7fff8000, .prot = R, .file = STACK},
        {.start = 0x7ffee000, .end = 0x7fff8000, .prot = RW, .shared = 1},
        {.start = 0x7ffee000, .end = 0x7fff8000, .prot = RW, .file = FILE_B},
    };
    for (size_t i = 0; i < COUNT(stacks); i++) {
        struct driver d;
        begin(&d);
        DRIFTS(&d, 2, ANON, DATA, stacks[i]);
        assert_false(d.moment.change.grew_by_kernel);
        driver_end(&d);
    }
    /* Nor does memory grow down that was not made for it. */
    struct driver d;
    begin(&d);
    DRIFTS(&d, 1, {.start = 0xf000, .end = 0x14000, .prot = RW}, DATA, ABOVE);
    driver_end(&d);
}

static void test_kernel_pages(void **state)
{
    (void)state;
    struct driver d;
    begin(&d);
    struct rec_mapping map[] = {
        ANON, DATA, ABOVE, {.start = 0x7fffffffe000, .end = 0x7ffffffff000, .prot = 4, .file = UPROBES}};
    assert_int_equal(compare(&d, 4, map), 0);
    assert_true(d.moment.change.grew_by_kernel && d.moment.change.mapped == 0x1000);
    driver_layout(&d, LAYOUT "7fffffffe000-7ffffffff000 --xp kernel #0 f5+0 kernel found named\n");
    map[3].end -= 0x1000;
    map[3].start -= 0x1000;
    map[3].file = ANON_NAME;
    assert_int_equal(compare(&d, 4, map), 2); /* one that went, one that the kernel does not make by itself */
    driver_end(&d);
}

/* ---- read-back ---- */

static void read_back(struct driver *d, uint32_t count, const struct rec_mapping *lines)
{
    driver_checkpoint(d, CHECKPOINT_READ_BACK, count, lines);
    assert_int_equal(d->moment.drift, 0);
}

/* A call that failed half-way: what it mapped is its own, and nothing of that is drift. */
static void test_read_back(void **state)
{
    (void)state;
    struct driver d;
    begin(&d);
    DRIVE(&d, .call = CALL_MREMAP, .args = {0x20000, 0x3000, 0x3000, 3, 0x30000}, .error = EFAULT,
          .flags = EVENT_READ_BACK);
    driver_layout(&d, LAYOUT);
    const struct rec_mapping map[] = {
        ANON,
        {.start = 0x20000, .end = 0x21000, .prot = R, .offset = 0x5000, .file = FILE_A},
        {.start = 0x31000, .end = 0x34000, .prot = R, .offset = 0x6000, .file = FILE_A},
        ABOVE,
    };
    read_back(&d, 4, map);
    assert_true(d.moment.change.mapped == 0x1000 && d.moment.change.unmapped == 0);
    struct segment s;
    assert_true(decoder_segment(d.decoder, DRIVER_SPACE, 0x31000, &s));
    assert_true(s.birth == 3 && s.born == d.time - 1 && s.owner == DRIVER_PID && s.end == 0x34000);
    driver_layout(&d, "10000-14000 rw-p anonymous #1\n20000-21000 r--p file #2 f1+5000\n"
                      "31000-34000 r--p file #3 f1+6000\n"
                      "7fff0000-7fff8000 rw-p stack #0 f4+0 grows kernel named\n");
    /* Less than before. */
    DRIVE(&d, .call = CALL_MUNMAP, .args = {0x10000, 0x30000}, .error = ENOMEM, .flags = EVENT_READ_BACK);
    read_back(&d, 1, &(struct rec_mapping)ABOVE);
    assert_true(d.moment.change.mapped == 0 && d.moment.change.unmapped == 0x8000);
    assert_int_equal(COMPARE(&d, ABOVE), 0);
    driver_clean(&d);
    driver_end(&d);
}

/* An mprotect that failed half-way has mapped nothing: what it changed keeps its birth and its kind. */
static void test_read_back_of_protection(void **state)
{
    (void)state;
    struct driver d;
    begin(&d);
    DRIVE(&d, .call = CALL_MMAP, .args = {0, 64 << 20, 0, PRIVATE | MAP_NORESERVE}, .ret = 0x4000000);
    DRIVE(&d, .call = CALL_MPROTECT, .args = {0x4000000, 128 << 20, RW}, .error = ENOMEM, .flags = EVENT_READ_BACK);
    const struct rec_mapping map[] = {ANON, DATA, {.start = 0x4000000, .end = 0x8000000, .prot = RW}, ABOVE};
    read_back(&d, 4, map);
    assert_true(d.moment.change.mapped == 0 && d.moment.change.unmapped == 0);
    driver_layout(&d, "10000-14000 rw-p anonymous #1\n20000-23000 r--p file #2 f1+5000\n"
                      "4000000-8000000 rw-p arena #3\n"
                      "7fff0000-7fff8000 rw-p stack #0 f4+0 grows kernel named\n");
    driver_clean(&d);
    driver_end(&d);
}

/* ---- baselines and nonsense ---- */

static void test_baseline(void **state)
{
    (void)state;
    struct driver d;
    begin(&d);
    const struct rec_mapping map[] = {
        {.start = 0x400000, .end = 0x402000, .prot = R, .file = FILE_B},
        {.start = 0x402000, .end = 0x403000, .prot = RW, .offset = 0x2000, .file = FILE_B},
        {.start = 0x403000, .end = 0x404000, .prot = RW}, /* bss */
        {.start = 0x500000, .end = 0x502000, .prot = RW, .file = HEAP},
        {.start = 0x600000, .end = 0x601000, .prot = R, .file = VDSO},
        ABOVE,
        {.start = 0xffffffffff600000, .end = 0xffffffffff601000, .prot = 4, .file = VDSO},
    };
    driver_checkpoint(&d, CHECKPOINT_EXEC, 7, map);
    assert_false(d.moment.compared);
    driver_layout(&d, "400000-402000 r--p image #0 f3+0 kernel\n402000-403000 rw-p image #0 f3+2000 kernel\n"
                      "403000-404000 rw-p image #0 kernel\n500000-502000 rw-p heap #0 f8+0 kernel named\n"
                      "600000-601000 r--p kernel #0 f6+0 kernel named\n"
                      "7fff0000-7fff8000 rw-p stack #0 f4+0 grows kernel named\n"
                      "ffffffffff600000-ffffffffff601000 --xp kernel #0 f6+0 kernel named\n");
    assert_int_equal(compare(&d, 7, map), 0);
    driver_clean(&d);
    /* A space that was never read before: whatever comes first is believed. */
    driver_task(&d, &(struct rec_task){.tid = 300, .pid = 300, .parent = 100, .space = 9});
    d.space = 9;
    driver_checkpoint(&d, CHECKPOINT_EXIT, 1, map);
    assert_false(d.moment.compared);
    assert_int_equal(compare(&d, 1, map), 0);
    driver_end(&d);
}

/* Lines that no kernel writes: the whole checkpoint is refused, and counted. */
static void test_malformed(void **state)
{
    (void)state;
    static const struct rec_mapping maps[][2] = {
        {{.start = 0x20000, .end = 0x21000}, {.start = 0x10000, .end = 0x11000}}, /* not in order */
        {{.start = 0x10000, .end = 0x12000}, {.start = 0x11000, .end = 0x13000}}, /* overlapping */
        {{.start = 0x10000, .end = 0x12000}, {.start = 0x10000, .end = 0x12000}}, /* twice */
        {{.start = 0x10000, .end = 0x11000}, {.start = 0x20800, .end = 0x22000}}, /* not aligned */
        {{.start = 0x10000, .end = 0x11000}, {.start = 0x20000, .end = 0x20001}},
        {{.start = 0x10000, .end = 0x11000}, {.start = 0x20000, .end = 0x20000}}, /* empty */
        {{.start = 0x10000, .end = 0x11000}, {.start = 0x22000, .end = 0x20000}}, /* backwards */
    };
    static const enum checkpoint_reason reasons[] = {CHECKPOINT_EVERY, CHECKPOINT_EXEC, CHECKPOINT_READ_BACK};
    struct driver d;
    begin(&d);
    uint64_t refused = 0;
    for (size_t i = 0; i < COUNT(maps); i++)
        for (size_t reason = 0; reason < COUNT(reasons); reason++) {
            driver_checkpoint(&d, reasons[reason], 2, maps[i]);
            assert_false(d.moment.compared);
            assert_true(decoder_contradictions(d.decoder) == ++refused);
            driver_layout(&d, LAYOUT);
        }
    d.space = 77; /* nor is there such a space */
    driver_checkpoint(&d, CHECKPOINT_EVERY, 2, maps[3]);
    assert_true(decoder_contradictions(d.decoder) == refused + 1 && decoder_checkpoints(d.decoder) == 0);
    driver_end(&d);
}

/* A read-back speaks of its range only: what differs there is taken over, what differs elsewhere stays to be found. */
static void test_read_back_of_a_range(void **state)
{
    (void)state;
    struct driver d;
    begin(&d);
    DRIVE(&d, .call = CALL_MUNMAP, .args = {0x10000, 0x3000}, .error = ENOMEM, .flags = EVENT_READ_BACK);
    /* The first page is gone; of the third and of the file the replay is wrong as well. */
    struct rec_mapping lines[] = {
        {.start = 0x11000, .end = 0x12000, .prot = RW}, {.start = 0x12000, .end = 0x14000, .prot = R}, ABOVE};
    struct record record = {.kind = REC_CHECKPOINT,
                            .checkpoint = {.time = ++d.time,
                                           .space = d.space,
                                           .pid = d.pid,
                                           .reason = CHECKPOINT_READ_BACK,
                                           .n_mappings = 2,
                                           .mappings = lines,
                                           .range = {0x10000, 0x13000}}};
    driver_apply(&d, &record);
    assert_false(d.moment.compared);
    assert_int_equal(d.moment.drift, 0);
    assert_true(d.moment.change.unmapped == 0x1000 && d.moment.change.mapped == 0);
    assert_true(decoder_read_backs(d.decoder) == 1 && decoder_checkpoints(d.decoder) == 0);
    driver_layout(&d, "11000-12000 rw-p anonymous #1\n12000-13000 r--p anonymous #1\n13000-14000 rw-p anonymous #1\n"
                      "20000-23000 r--p file #2 f1+5000\n7fff0000-7fff8000 rw-p stack #0 f4+0 grows kernel named\n");
    assert_int_equal(compare(&d, COUNT(lines), lines), 2); /* the fourth page, and the file */
    driver_end(&d);
}

static void test_ranges_that_cannot_be(void **state)
{
    (void)state;
    static const struct span wrong[] = {{0x1000, 0x1000}, {0x2000, 0x1000}, {0x1001, 0x3000}, {0x1000, 0x3001}};
    struct driver d;
    begin(&d);
    for (size_t i = 0; i < COUNT(wrong); i++) {
        driver_apply(&d, &(struct record){.kind = REC_CHECKPOINT,
                                          .checkpoint = {.time = ++d.time,
                                                         .space = d.space,
                                                         .pid = d.pid,
                                                         .reason = CHECKPOINT_READ_BACK,
                                                         .range = wrong[i]}});
        assert_true(decoder_contradictions(d.decoder) == i + 1);
    }
    driver_layout(&d, LAYOUT);
    driver_end(&d);
}

/* Names given by prctl(2) PR_SET_VMA are followed, and taken from the kernel's map where they differ. */
static void test_given_names(void **state)
{
    (void)state;
    struct driver d;
    begin(&d);
    DRIVE(&d, .call = CALL_PRCTL, .args = {0x53564d41, 0, 0x11000, 0x2000, 0}, .file = ANON_NAME);
    driver_layout(&d, "10000-11000 rw-p anonymous #1\n11000-13000 rw-p anonymous #1 f7+0 named\n"
                      "13000-14000 rw-p anonymous #1\n20000-23000 r--p file #2 f1+5000\n"
                      "7fff0000-7fff8000 rw-p stack #0 f4+0 grows kernel named\n");
    DRIVE(&d, .call = CALL_PRCTL, .args = {0x53564d41, 0, 0x12000, 0x1000, 0}); /* NULL takes it away */
    assert_int_equal(COMPARE(&d, {.start = 0x10000, .end = 0x11000, .prot = RW, .file = ANON_NAME},
                             {.start = 0x11000, .end = 0x14000, .prot = RW}, DATA, ABOVE),
                     0);
    driver_layout(&d, "10000-11000 rw-p anonymous #1 f7+0 named\n11000-12000 rw-p anonymous #1\n"
                      "12000-13000 rw-p anonymous #1\n13000-14000 rw-p anonymous #1\n20000-23000 r--p file #2 f1+5000\n"
                      "7fff0000-7fff8000 rw-p stack #0 f4+0 grows kernel named\n");
    driver_clean(&d);
    driver_end(&d);
}

/* Turns that overlap although their order is claimed to be known. */
static void test_overlapping_turns(void **state)
{
    (void)state;
    struct driver d;
    begin(&d);
    DRIVE(&d, .call = CALL_MMAP, .args = {0, 0x1000, RW, PRIVATE}, .ret = 0x40000, .entry = 1, .exit = 4);
    DRIVE(&d, .call = CALL_MADVISE, .args = {0x40000, 0x1000, 4}, .entry = 2, .exit = 5);
    assert_true(decoder_impossible(d.decoder) == 0); /* advice needs no turn */
    DRIVE(&d, .call = CALL_MUNMAP, .args = {0x40000, 0x1000}, .entry = 3, .exit = 6);
    assert_true(decoder_impossible(d.decoder) == 1);
    DRIVE(&d, .call = CALL_MMAP, .args = {0, 0x1000, RW, PRIVATE}, .ret = 0x40000, .entry = 5, .exit = 9,
          .flags = EVENT_UNORDERED);
    assert_true(decoder_impossible(d.decoder) == 1);
    DRIVE(&d, .call = CALL_MUNMAP, .args = {0x40000, 0x1000}, .entry = 10, .exit = 11);
    assert_true(decoder_impossible(d.decoder) == 1);
    driver_end(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_read_back_of_a_range),
        cmocka_unit_test(test_ranges_that_cannot_be),
        cmocka_unit_test(test_overlapping_turns),
        cmocka_unit_test(test_given_names),
        cmocka_unit_test(test_equal),
        cmocka_unit_test(test_missing),
        cmocka_unit_test(test_extra),
        cmocka_unit_test(test_other_protection),
        cmocka_unit_test(test_two_sorts_in_one_line),
        cmocka_unit_test(test_shared),
        cmocka_unit_test(test_other_offset),
        cmocka_unit_test(test_other_file),
        cmocka_unit_test(test_renamed),
        cmocka_unit_test(test_stack_growth),
        cmocka_unit_test(test_no_stack_growth),
        cmocka_unit_test(test_no_stack_any_more),
        cmocka_unit_test(test_kernel_pages),
        cmocka_unit_test(test_read_back),
        cmocka_unit_test(test_read_back_of_protection),
        cmocka_unit_test(test_baseline),
        cmocka_unit_test(test_malformed),
    };
    return cmocka_run_group_tests_name("verify", tests, NULL, NULL);
}
