/* links: decoder.a tracer.a */
/* test_sparse.c: sums by stack and time against a table of all of them, also when there are more than may be kept
 * apart. */
#include "../../decoder/survey.h"

#include "random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

enum { STACKS = 40, BUCKETS = 1024, MOST = 300, ADDED = 20000 };

struct plain {
    struct survey_item items[STACKS][BUCKETS];
};

static void plus(struct survey_item *sum, const struct survey_item *more)
{
    sum->calls += more->calls;
    sum->mapped += more->mapped;
    sum->returned += more->returned;
    sum->faults += more->faults;
    sum->ticks += more->ticks;
    sum->touched += more->touched;
}

static void check_row(const struct sparse *s, const struct sparse_row *row, const struct survey_item *plain)
{
    struct survey_item seen[BUCKETS] = {0}, item;
    size_t at = 0, n = 0;
    uint32_t next = 0;
    for (; sparse_item(row, &at, &item); n++) {
        assert_int_not_equal(item.bucket, 0);
        next += item.bucket;
        assert_in_range(next, 1, BUCKETS >> s->shift);
        item.bucket = 0;
        seen[next - 1] = item;
    }
    assert_int_equal(n, row->items);
    for (size_t wide = 0; wide < (size_t)BUCKETS >> s->shift; wide++) {
        struct survey_item sum = {0};
        for (size_t i = wide << s->shift; i < (wide + 1) << s->shift; i++)
            plus(&sum, &plain[i]);
        assert_int_equal(sum.bucket, seen[wide].bucket); /* the bytes behind it mean nothing */
        assert_memory_equal(&sum.calls, &seen[wide].calls, sizeof(sum) - offsetof(struct survey_item, calls));
    }
}

static void run(uint64_t seed, uint64_t most, bool all_widths)
{
    struct random_source random = {seed};
    struct plain *plain = calloc(1, sizeof(*plain));
    struct sparse s;
    assert_non_null(plain);
    sparse_init(&s, most);
    for (size_t i = 0; i < ADDED; i++) {
        const size_t slot = random_below(&random, 2), stack = random_below(&random, STACKS / 2);
        struct survey_item item = {.bucket = (uint32_t)(i * BUCKETS / ADDED),
                                   .calls = random_below(&random, 3),
                                   .mapped = random_next(&random) >> 20,
                                   .returned = random_below(&random, 1 << 20),
                                   .faults = random_below(&random, 9),
                                   .ticks = random_below(&random, 1000),
                                   .touched = random_below(&random, 1 << 16)};
        sparse_add(&s, slot, stack, &item);
        plus(&plain->items[slot * STACKS / 2 + stack][item.bucket], &item);
    }
    sparse_end(&s);
    assert_false(s.failed);
    assert_in_range(s.items, 1, most + s.count);
    assert_true(all_widths ? s.shift > 1 : s.shift == 0);
    assert_int_equal(s.count, STACKS);
    for (size_t i = 0; i < s.count; i++)
        check_row(&s, &s.rows[i], plain->items[(s.rows[i].key >> 32) * STACKS / 2 + (uint32_t)s.rows[i].key - 1]);
    sparse_free(&s);
    free(plain);
}

static void test_sums(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 5; seed++) {
        run(seed, SPARSE_MOST, false);
        run(seed, MOST, true);
    }
}

/* More stacks than sums: each keeps one of all times. */
static void test_more_stacks_than_sums(void **state)
{
    (void)state;
    run(9, 1, true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sums),
        cmocka_unit_test(test_more_stacks_than_sums),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
