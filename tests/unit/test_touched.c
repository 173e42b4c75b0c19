/* links: decoder/touched.o decoder/pack.o */
/* test_touched.c: the set of touched pages against a plain array, and into bytes and back. */
#include "../../decoder/touched.h"

#include "random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

enum { PAGES = 2000, SEEDS = 10, STEPS = 3000, STACKS = 5 };

static const tracee_addr base = UINT64_C(0x7f0000001000); /* in the middle of a chunk */

/* stack + 1 of each page, 0: not touched. */
struct world {
    struct touched touched;
    uint32_t pages[PAGES];
};

static tracee_addr addr_of(uint64_t page)
{
    return base + page * TRACE_PAGE;
}

static void check(const struct world *w)
{
    uint64_t count = 0;
    for (uint64_t page = 0; page < PAGES; page++) {
        uint32_t stack = 0;
        const bool there = touched_at(&w->touched, addr_of(page) + page % TRACE_PAGE, &stack);
        assert_int_equal(there, w->pages[page] != 0);
        if (there)
            assert_int_equal(stack, w->pages[page] - 1);
        count += there;
    }
    assert_int_equal(w->touched.pages, count);
    assert_int_equal(touched_pages(&w->touched, 0, UINT64_MAX), count);
    assert_int_equal(touched_pages(&w->touched, addr_of(0), addr_of(PAGES)), count);
}

static uint64_t add(struct world *w, uint64_t first, uint64_t end, uint32_t stack)
{
    uint64_t fresh = 0;
    for (uint64_t page = first; page < end; page++)
        if (!w->pages[page]) {
            w->pages[page] = stack + 1;
            fresh++;
        }
    return fresh;
}

/* Only to where nothing is, and not over itself. */
static void move(struct world *w, struct random_source *r, uint64_t first, uint64_t end)
{
    const uint64_t to = random_below(r, PAGES - (end - first) + 1);
    if (to < end && first < to + (end - first))
        return;
    touched_clear(&w->touched, addr_of(to), addr_of(to + (end - first)));
    touched_move(&w->touched, addr_of(first), addr_of(end), addr_of(to));
    memcpy(w->pages + to, w->pages + first, (end - first) * sizeof(*w->pages));
    memset(w->pages + first, 0, (end - first) * sizeof(*w->pages));
}

static void step(struct world *w, struct random_source *r)
{
    const uint64_t first = random_below(r, PAGES), length = random_below(r, random_once_in(r, 4) ? PAGES - first : 40);
    const uint64_t end = first + length < PAGES ? first + length : PAGES;
    const uint32_t stack = (uint32_t)random_below(r, STACKS);
    const bool all = random_once_in(r, 8);
    switch (random_below(r, 6)) {
    case 0:
        touched_clear(&w->touched, addr_of(first), all ? UINT64_MAX : addr_of(end));
        memset(w->pages + first, 0, ((all ? PAGES : end) - first) * sizeof(*w->pages));
        return;
    case 1:
        if (end > first)
            move(w, r, first, end);
        return;
    default:
        assert_int_equal(touched_add(&w->touched, addr_of(first), addr_of(end), stack), add(w, first, end, stack));
        return;
    }
}

static void test_against_array(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct random_source random = {seed};
        struct world *w = calloc(1, sizeof(*w));
        for (int i = 0; i < STEPS; i++) {
            step(w, &random);
            if (i % 50 == 0)
                check(w);
        }
        check(w);
        touched_free(&w->touched);
        free(w);
    }
}

static void test_bytes(void **state)
{
    (void)state;
    struct random_source random = {3};
    for (int round = 0; round < 30; round++) {
        struct world *w = calloc(1, sizeof(*w));
        struct pack out = {0};
        for (int i = 0; i < round * 20; i++)
            step(w, &random);
        touched_visit(&w->touched, &out);
        assert_int_equal(out.error, 0);
        struct world *copy = calloc(1, sizeof(*copy));
        struct pack in = pack_reader(out.out, out.size);
        touched_visit(&copy->touched, &in);
        assert_int_equal(in.error, 0);
        memcpy(copy->pages, w->pages, sizeof(w->pages));
        check(copy);
        struct touched other = {0};
        touched_copy(&other, &w->touched);
        struct pack again = {0};
        touched_visit(&other, &again);
        assert_int_equal(again.size, out.size);
        assert_memory_equal(again.out, out.out, out.size);
        for (size_t cut = 0; cut < out.size; cut++) { /* cut off: damage, never a crash */
            struct touched part = {0};
            struct pack short_one = pack_reader(out.out, cut);
            touched_visit(&part, &short_one);
            assert_true(short_one.error != 0);
            touched_free(&part);
            cut += out.size / 50;
        }
        pack_free(&out);
        pack_free(&again);
        touched_free(&other);
        touched_free(&w->touched);
        touched_free(&copy->touched);
        free(w);
        free(copy);
    }
}

/* More than is kept: it says so, and what is asked of it ends. */
static void test_limit(void **state)
{
    (void)state;
    struct touched t = {0};
    const uint64_t most = UINT64_C(1) << 18;
    for (uint64_t chunk = 0; chunk < most + 10; chunk++)
        touched_add(&t, chunk << 21, (chunk << 21) + TRACE_PAGE, 1);
    assert_true(t.full && t.pages <= most && t.pages > most / 4);
    touched_clear(&t, 0, UINT64_MAX);
    assert_int_equal(t.pages, 0);
    touched_add(&t, 0, TRACE_PAGE, 1);
    assert_int_equal(t.pages, 1);
    touched_free(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_against_array),
        cmocka_unit_test(test_bytes),
        cmocka_unit_test(test_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
