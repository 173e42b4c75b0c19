/* links: decoder.a tracer.a */
/* test_findings.c: findings that a real program would have to go to a limit for, and rules at their edges, from
 * hand-made records. */
#include "../../decoder/timeline.h"

#include "driver.h"
#include "random.h"

#include <errno.h>
#include <sys/mman.h>

enum {
    RW = PROT_READ | PROT_WRITE,
    PRIVATE = MAP_PRIVATE | MAP_ANONYMOUS,
    LIMIT = 100, /* of mappings */
    BLOCK = 128 << 10,
    BASE = 0x40000000,
    APART = 0x100000, /* between blocks: no two are one mapping */
};

static void follow(struct driver *d, void *context)
{
    timeline_add(context, d->decoder, &d->moment);
}

static void begin(struct driver *d)
{
    driver_open(d);
    d->context = timeline_new();
    d->after = follow;
    assert_non_null(d->context);
    driver_apply(d, &(struct record){.kind = REC_HEADER, .header = {.page_size = TRACE_PAGE, .max_map_count = LIMIT}});
    driver_start(d);
}

static void end(struct driver *d)
{
    timeline_free(d->context);
    driver_end(d);
}

/* The only finding of that name; all zero: there is none. */
static struct finding find(struct driver *d, const char *name)
{
    struct findings all;
    struct finding found = {0};
    timeline_findings(d->context, d->decoder, &all);
    for (size_t i = 0; i < all.count; i++)
        if (strcmp(all.list[i].name, name) == 0) {
            assert_null(found.name);
            found = all.list[i];
        }
    findings_free(&all);
    return found;
}

static uint64_t number(const struct finding *finding, const char *name)
{
    for (size_t i = 0; i < finding->n_numbers; i++)
        if (strcmp(finding->numbers[i].name, name) == 0)
            return finding->numbers[i].value;
    fail_msg("no number %s", name);
    return 0;
}

static void map_at(struct driver *d, unsigned index, uint32_t stack)
{
    d->time += 100;
    DRIVE(d, .call = CALL_MMAP, .args = {0, BLOCK, RW, PRIVATE, UINT64_MAX, 0}, .ret = BASE + (uint64_t)index * APART,
          .stack = stack);
}

static void unmap_at(struct driver *d, unsigned index)
{
    d->time += 100;
    DRIVE(d, .call = CALL_MUNMAP, .args = {BASE + (uint64_t)index * APART, BLOCK});
}

/* The kernel's map agrees with the replay: one line for each block. */
static void checkpoint(struct driver *d, enum checkpoint_reason reason)
{
    struct rec_mapping lines[2 * LIMIT];
    struct segment s = {0};
    uint32_t count = 0;
    for (; decoder_segment(d->decoder, d->space, s.end, &s) && count < 2 * LIMIT; count++)
        lines[count] = (struct rec_mapping){.start = s.start, .end = s.end, .prot = s.prot};
    driver_checkpoint(d, reason, count, lines);
    assert_true(decoder_drift(d->decoder) == 0);
}

static void test_map_count(void **state)
{
    (void)state;
    struct driver d;
    begin(&d);
    for (unsigned i = 0; i < 49; i++)
        map_at(&d, i, 1 + (i >= 10));
    checkpoint(&d, CHECKPOINT_EVERY);
    assert_null(find(&d, "map-count").name);
    map_at(&d, 49, 2);
    checkpoint(&d, CHECKPOINT_EVERY);
    struct finding found = find(&d, "map-count");
    assert_int_equal(found.severity, SEVERITY_WARNING);
    assert_true(number(&found, "mappings") == 50 && number(&found, "limit") == LIMIT);
    for (unsigned i = 50; i < 90; i++)
        map_at(&d, i, 2);
    checkpoint(&d, CHECKPOINT_EXIT);
    found = find(&d, "map-count");
    assert_int_equal(found.severity, SEVERITY_PROBLEM);
    assert_true(number(&found, "percent") == 90 && number(&found, "made") == 80);
    assert_true(found.n_stacks == 2 && found.stacks[0] == 2 && found.stacks[1] == 1);
    driver_space_end(&d, DRIVER_SPACE);
    found = find(&d, "map-count");
    assert_true(number(&found, "mappings") == 90);
    end(&d);
}

static void test_failures(void **state)
{
    (void)state;
    struct driver d;
    begin(&d);
    DRIVE(&d, .call = CALL_MMAP, .args = {0, 1ull << 50, RW, PRIVATE, UINT64_MAX, 0}, .error = ENOMEM, .stack = 1);
    struct finding found = find(&d, "failed-calls");
    assert_true(found.severity == SEVERITY_WARNING && found.confidence == CONFIDENCE_MEDIUM);
    assert_true(number(&found, "calls") == 1 && number(&found, "largest") == 1ull << 50 && found.error == ENOMEM);
    end(&d);

    begin(&d);
    for (unsigned i = 0; i < 95; i++)
        map_at(&d, i, 1);
    DRIVE(&d, .call = CALL_MMAP, .args = {0, BLOCK, RW, PRIVATE, UINT64_MAX, 0}, .error = ENOMEM, .stack = 1);
    found = find(&d, "failed-calls");
    assert_true(found.severity == SEVERITY_PROBLEM && found.confidence == CONFIDENCE_HIGH);
    end(&d);

    begin(&d);
    map_at(&d, 0, 1);
    DRIVE(&d, .call = CALL_MSEAL, .args = {BASE, BLOCK, 0});
    DRIVE(&d, .call = CALL_MUNMAP, .args = {BASE, BLOCK}, .error = EPERM, .stack = 3);
    found = find(&d, "failed-calls");
    assert_true(found.severity == SEVERITY_WARNING && found.confidence == CONFIDENCE_HIGH && found.call == CALL_MUNMAP);
    end(&d);

    /* An answer is no failure; neither is a path that execve was not found in. */
    begin(&d);
    DRIVE(&d, .call = CALL_MMAP, .args = {BASE, BLOCK, RW, PRIVATE, UINT64_MAX, 0}, .error = EEXIST, .stack = 1);
    DRIVE(&d, .call = CALL_EXECVE, .error = ENOENT);
    DRIVE(&d, .call = CALL_BRK, .args = {0}, .ret = DRIVER_BRK);
    found = find(&d, "failed-calls");
    assert_true(found.severity == SEVERITY_NOTE && found.error == EEXIST);
    /* brk has no errors: it tells where the break is. */
    DRIVE(&d, .call = CALL_BRK, .args = {1ull << 50}, .ret = DRIVER_BRK, .stack = 4);
    struct findings all;
    timeline_findings(d.context, d.decoder, &all);
    assert_true(all.count == 2 && all.list[0].call == CALL_BRK && all.list[0].error == ENOMEM);
    findings_free(&all);
    end(&d);
}

/* `keep` of each four blocks stay. */
static void leak(struct driver *d, unsigned count, unsigned keep)
{
    for (unsigned i = 0; i < count; i++) {
        map_at(d, i, 1);
        if (i % 4 >= keep)
            unmap_at(d, i);
    }
}

static void test_growth(void **state)
{
    (void)state;
    struct driver d;
    begin(&d);
    leak(&d, 64, 1);
    checkpoint(&d, CHECKPOINT_EXIT);
    struct finding found = find(&d, "growth");
    assert_true(found.severity == SEVERITY_WARNING && found.confidence == CONFIDENCE_MEDIUM);
    assert_true(number(&found, "left") == 16 * BLOCK && number(&found, "blocks") == 16);
    assert_true(number(&found, "returned") == 48 * BLOCK && found.stacks[0] == 1 && found.events[0] == 1);
    end(&d);

    begin(&d); /* one block too few */
    leak(&d, 60, 1);
    checkpoint(&d, CHECKPOINT_EXIT);
    assert_null(find(&d, "growth").name);
    end(&d);

    begin(&d); /* kept until the end, as many programs do: a note */
    leak(&d, 64, 4);
    checkpoint(&d, CHECKPOINT_EXIT);
    found = find(&d, "growth");
    assert_true(found.severity == SEVERITY_NOTE && found.confidence == CONFIDENCE_LOW);
    end(&d);

    begin(&d); /* full at the start, and steady from then on */
    leak(&d, 32, 4);
    for (unsigned i = 32; i < 64; i++) {
        map_at(&d, i, 1);
        unmap_at(&d, i);
    }
    checkpoint(&d, CHECKPOINT_EXIT);
    assert_null(find(&d, "growth").name);
    end(&d);
}

/* What a child has from its parent is the parent's, and what a new program takes the place of was no growth. */
static void test_whose_growth(void **state)
{
    (void)state;
    struct driver d;
    begin(&d);
    leak(&d, 64, 1);
    checkpoint(&d, CHECKPOINT_EVERY);
    driver_task(
        &d, &(struct rec_task){.tid = 200, .pid = 200, .parent = DRIVER_PID, .space = 9, .copied_from = DRIVER_SPACE});
    d.pid = d.tid = 200;
    d.space = 9;
    checkpoint(&d, CHECKPOINT_EXIT);
    driver_space_end(&d, 9);
    struct finding found = find(&d, "growth");
    assert_true(found.pid == DRIVER_PID && number(&found, "left") == 16 * BLOCK);
    d.pid = d.tid = DRIVER_PID;
    d.space = DRIVER_SPACE;
    checkpoint(&d, CHECKPOINT_BEFORE_EXEC);
    assert_null(find(&d, "growth").name);
    end(&d);
}

/* Whatever a trace holds, findings come to an end. */
static void test_nonsense(void **state)
{
    (void)state;
    static const enum call calls[] = {CALL_BRK,     CALL_MMAP,  CALL_MUNMAP, CALL_MPROTECT, CALL_MREMAP,
                                      CALL_MADVISE, CALL_MLOCK, CALL_MSEAL,  CALL_SHMAT,    CALL_EXECVE};
    struct random_source r = {7};
    struct driver d;
    begin(&d);
    for (int i = 0; i < 20000; i++) {
        struct rec_event e = {.call = calls[random_below(&r, sizeof(calls) / sizeof(calls[0]))],
                              .error = random_below(&r, 3) ? 0 : (uint32_t)random_below(&r, 70000),
                              .stack = (uint32_t)random_below(&r, 40),
                              .duration = random_below(&r, 1u << 30)};
        for (size_t k = 0; k < CALL_MAX_ARGS; k++)
            e.args[k] = random_below(&r, 4) ? random_below(&r, 64) * TRACE_PAGE : random_below(&r, UINT64_MAX);
        e.ret = random_below(&r, 2) ? BASE + random_below(&r, 4096) * TRACE_PAGE : random_below(&r, UINT64_MAX);
        d.time = random_below(&r, 1u << 30);
        DRIVE(&d, .call = e.call, .error = e.error, .stack = e.stack, .duration = e.duration, .ret = e.ret,
              .args = {e.args[0], e.args[1], e.args[2], e.args[3], e.args[4], e.args[5]});
    }
    struct findings all;
    timeline_findings(d.context, d.decoder, &all);
    for (size_t i = 0; i < all.count; i++)
        assert_true(all.list[i].name && all.list[i].sentence && all.list[i].advice && all.list[i].see);
    findings_free(&all);
    end(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_map_count),    cmocka_unit_test(test_failures), cmocka_unit_test(test_growth),
        cmocka_unit_test(test_whose_growth), cmocka_unit_test(test_nonsense),
    };
    return cmocka_run_group_tests_name("findings", tests, NULL, NULL);
}
