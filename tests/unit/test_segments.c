/* links: decoder/segments.o decoder/touched.o decoder/pack.o */
/* test_segments.c: the interval map against a plain array with one entry a page. */
#include "../../decoder/segments.h"

#include "random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

enum { PAGES = 192, SEEDS = 12, STEPS = 4000 };

static const tracee_addr base = UINT64_C(0x7f0000000000);

/* What is true of one page.  All fields of a page that is not mapped are zero. */
struct page {
    bool mapped;
    uint64_t offset, birth, born;
    uint32_t owner, file;
    uint8_t prot, kind;
    uint16_t flags;
};

struct world {
    struct random_source random;
    struct segments segments;
    struct page pages[PAGES];
    uint64_t totals[KIND_COUNT];
    uint64_t births;
};

static tracee_addr addr_of(uint64_t page)
{
    return base + page * TRACE_PAGE;
}

static bool advances(uint32_t file, uint16_t flags)
{
    return file && !(flags & SEGMENT_NAMED);
}

static struct page page_of(const struct segment *s, tracee_addr addr)
{
    return (struct page){.mapped = true,
                         .offset = s->offset + (advances(s->file, s->flags) ? addr - s->start : 0),
                         .birth = s->birth,
                         .born = s->born,
                         .owner = s->owner,
                         .file = s->file,
                         .prot = s->prot,
                         .kind = s->kind,
                         .flags = s->flags};
}

static bool same_page(const struct page *a, const struct page *b)
{
    return a->mapped == b->mapped && a->offset == b->offset && a->birth == b->birth && a->born == b->born &&
           a->owner == b->owner && a->file == b->file && a->prot == b->prot && a->kind == b->kind &&
           a->flags == b->flags;
}

static enum kind kind_now(const struct page *page)
{
    return page->kind == KIND_STACK && page->prot == 0 ? KIND_GUARD : (enum kind)page->kind;
}

/* ---- checks ---- */

/* Walk from the lowest segment up: in order, not empty, not overlapping; each page as in the array. */
static void check_pages(const struct segments *segments, const struct page *pages)
{
    uint64_t count = 0, page = 0;
    tracee_addr end = 0;
    for (const struct segment *s = segments_find(segments, 0); s; s = segments_find(segments, end)) {
        assert_true(s->start >= end && s->start < s->end);
        assert_int_equal((s->start | s->end) % TRACE_PAGE, 0);
        for (; addr_of(page) < s->start; page++)
            assert_false(pages[page].mapped);
        for (; addr_of(page) < s->end; page++) {
            struct page is = page_of(s, addr_of(page));
            assert_true(page < PAGES && same_page(&is, &pages[page]));
        }
        end = s->end;
        count++;
    }
    for (; page < PAGES; page++)
        assert_false(pages[page].mapped);
    assert_int_equal(count, segments->count);
    assert_false(segments->failed);
}

static void check_sums(const struct segments *segments, const struct page *pages, const uint64_t *totals)
{
    uint64_t by_kind[KIND_COUNT] = {0}, bytes = 0;
    for (int i = 0; i < PAGES; i++)
        if (pages[i].mapped) {
            by_kind[kind_now(&pages[i])] += TRACE_PAGE;
            bytes += TRACE_PAGE;
        }
    assert_true(segments->bytes == bytes);
    assert_memory_equal(segments->by_kind, by_kind, sizeof(by_kind));
    if (totals)
        assert_memory_equal(totals, by_kind, sizeof(by_kind));
}

/* The three questions, at a place inside a page. */
static void check_looks(struct world *w)
{
    const uint64_t page = random_below(&w->random, PAGES);
    const tracee_addr addr = addr_of(page) + random_below(&w->random, TRACE_PAGE);
    uint64_t up = page, down = page;
    while (up < PAGES && !w->pages[up].mapped)
        up++;
    const struct segment *found = segments_find(&w->segments, addr);
    if (up == PAGES)
        assert_null(found);
    else
        assert_true(found && found->end > addr && found->start <= addr_of(up) && addr_of(up) < found->end);

    /* Below: the highest segment that ends at or under the address. */
    const struct segment *below = segments_below(&w->segments, addr), *expected = NULL;
    for (const struct segment *s = segments_find(&w->segments, 0); s && s->end <= addr;
         s = segments_find(&w->segments, s->end))
        expected = s;
    assert_ptr_equal(below, expected);

    uint64_t covered = 0;
    for (down = random_below(&w->random, page + 1), up = down; up < page; up++)
        covered += w->pages[up].mapped ? TRACE_PAGE : 0;
    assert_true(segments_covered(&w->segments, addr_of(down), addr_of(page)) == covered);
    covered += w->pages[page].mapped ? addr - addr_of(page) : 0;
    assert_true(segments_covered(&w->segments, addr_of(down), addr) == covered);
    assert_true(segments_covered(&w->segments, addr, addr) == 0);
}

/* ---- steps ---- */

struct range {
    uint64_t start, end; /* pages */
};

static struct range some_range(struct world *w)
{
    uint64_t start = random_below(&w->random, PAGES);
    uint64_t most = random_once_in(&w->random, 8) ? PAGES : 20;
    uint64_t end = start + random_below(&w->random, most);
    return (struct range){start, end < PAGES ? end : PAGES};
}

/* What segments_remove() must tell, from a walk before it. */
static struct removal expect_removal(const struct segments *segments, tracee_addr start, tracee_addr end)
{
    struct removal r = {0};
    for (const struct segment *s = segments_find(segments, start); s && s->start < end;
         s = segments_find(segments, s->end)) {
        tracee_addr low = s->start > start ? s->start : start, high = s->end < end ? s->end : end;
        if (r.pieces++ == 0) {
            r.birth = s->birth;
            r.born = s->born;
            r.first_kind = s->kind;
        } else if (s->birth != r.birth) {
            r.birth = 0;
        }
        r.bytes += high - low;
        if (high - low > r.largest) {
            r.largest = high - low;
            r.kind = (enum kind)s->kind;
        }
    }
    return r;
}

static void remove_range(struct world *w, struct range range)
{
    struct removal got;
    struct removal expected = range.start < range.end
                                  ? expect_removal(&w->segments, addr_of(range.start), addr_of(range.end))
                                  : (struct removal){0};
    segments_remove(&w->segments, addr_of(range.start), addr_of(range.end), &got);
    assert_true(got.bytes == expected.bytes && got.pieces == expected.pieces && got.kind == expected.kind);
    assert_true(got.birth == expected.birth && got.largest == expected.largest);
    assert_int_equal(got.first_kind, expected.first_kind);
    if (got.birth)
        assert_true(got.born == expected.born);
    for (uint64_t i = range.start; i < range.end; i++)
        w->pages[i] = (struct page){0};
}

static void insert_range(struct world *w, struct range range)
{
    struct random_source *r = &w->random;
    struct segment s = {.start = addr_of(range.start),
                        .end = addr_of(range.end),
                        .birth = random_once_in(r, 6) ? 0 : ++w->births,
                        .born = random_below(r, 1000),
                        .owner = (uint32_t)random_below(r, 5),
                        .prot = (uint8_t)random_below(r, 8),
                        .kind = (uint8_t)random_below(r, KIND_COUNT),
                        .flags = (uint16_t)random_below(r, 64)};
    if (random_once_in(r, 2)) {
        s.file = 1 + (uint32_t)random_below(r, 3);
        s.offset = random_below(r, 1000) * TRACE_PAGE;
    }
    remove_range(w, range);
    segments_insert(&w->segments, &s);
    for (uint64_t i = range.start; i < range.end; i++)
        w->pages[i] = page_of(&s, addr_of(i));
}

struct changes {
    uint8_t prot, kind;
    uint16_t flags;
    uint32_t owner;
};

static void change_segment(struct segment *segment, void *context)
{
    const struct changes *c = context;
    segment->prot = c->prot;
    segment->kind = c->kind;
    segment->owner = c->owner;
    segment->flags = (uint16_t)((segment->flags & SEGMENT_NAMED) | c->flags);
}

static void change_range(struct world *w, struct range range)
{
    struct random_source *r = &w->random;
    struct changes c = {(uint8_t)random_below(r, 8), (uint8_t)random_below(r, KIND_COUNT),
                        (uint16_t)random_below(r, SEGMENT_NAMED), (uint32_t)random_below(r, 5)};
    segments_change(&w->segments, addr_of(range.start), addr_of(range.end), change_segment, &c);
    for (uint64_t i = range.start; i < range.end; i++)
        if (w->pages[i].mapped) {
            w->pages[i].prot = c.prot;
            w->pages[i].kind = c.kind;
            w->pages[i].owner = c.owner;
            w->pages[i].flags = (uint16_t)((w->pages[i].flags & SEGMENT_NAMED) | c.flags);
        }
}

/* To a place that does not overlap the old one. */
static void move_range(struct world *w, struct range from)
{
    const uint64_t length = from.end - from.start;
    const uint64_t to = random_below(&w->random, PAGES - length + 1);
    if (to < from.end && from.start < to + length)
        return;
    remove_range(w, (struct range){to, to + length});
    segments_move(&w->segments, addr_of(from.start), addr_of(from.end), addr_of(to));
    memcpy(&w->pages[to], &w->pages[from.start], length * sizeof(w->pages[0]));
    memset(&w->pages[from.start], 0, length * sizeof(w->pages[0]));
}

static bool keep_forked(const struct segment *segment)
{
    return !(segment->flags & SEGMENT_DONT_FORK);
}

/* A copy, whose changes leave the original alone. */
static void copy_all(struct world *w)
{
    struct world copy = {.random = {random_next(&w->random)}, .births = w->births};
    segments_init(&copy.segments, copy.totals);
    segments_copy(&copy.segments, &w->segments, keep_forked);
    for (int i = 0; i < PAGES; i++)
        if (!(w->pages[i].flags & SEGMENT_DONT_FORK))
            copy.pages[i] = w->pages[i];
    check_pages(&copy.segments, copy.pages);
    check_sums(&copy.segments, copy.pages, copy.totals);
    for (int i = 0; i < 4; i++) {
        insert_range(&copy, some_range(&copy));
        change_range(&copy, some_range(&copy));
        remove_range(&copy, some_range(&copy));
    }
    check_pages(&copy.segments, copy.pages);
    check_sums(&copy.segments, copy.pages, copy.totals);
    segments_clear(&copy.segments);
    memset(copy.pages, 0, sizeof(copy.pages));
    check_pages(&copy.segments, copy.pages);
    check_sums(&copy.segments, copy.pages, copy.totals);
}

static void step(struct world *w)
{
    struct range range = some_range(w);
    switch (random_below(&w->random, 16)) {
    case 0:
    case 1:
    case 2:
    case 3:
    case 4:
    case 5:
        return insert_range(w, range);
    case 6:
    case 7:
    case 8:
        return remove_range(w, range);
    case 9:
    case 10:
    case 11:
        return change_range(w, range);
    case 12:
    case 13:
        return move_range(w, range);
    case 14:
        return random_once_in(&w->random, 8) ? copy_all(w) : change_range(w, range);
    default:
        /* One page: many small pieces. */
        return change_range(w, (struct range){range.start, range.start + 1});
    }
}

/* ---- tests ---- */

static void test_random_steps(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct world *w = calloc(1, sizeof(*w));
        assert_non_null(w);
        w->random.state = seed;
        segments_init(&w->segments, w->totals);
        for (int i = 0; i < STEPS; i++) {
            step(w);
            check_pages(&w->segments, w->pages);
            check_sums(&w->segments, w->pages, w->totals);
            check_looks(w);
        }
        segments_clear(&w->segments);
        memset(w->pages, 0, sizeof(w->pages));
        check_pages(&w->segments, w->pages);
        check_sums(&w->segments, w->pages, w->totals);
        free(w);
    }
}

static void test_empty(void **state)
{
    (void)state;
    struct segments s;
    struct removal removal = {.bytes = 7};
    segments_init(&s, NULL);
    assert_null(segments_find(&s, 0));
    assert_null(segments_below(&s, UINT64_MAX));
    assert_true(segments_covered(&s, 0, UINT64_MAX) == 0);
    segments_remove(&s, 0, UINT64_MAX, &removal);
    assert_true(removal.bytes == 0 && removal.pieces == 0 && removal.birth == 0 && removal.kind == KIND_NONE);
    segments_change(&s, 0, UINT64_MAX, change_segment, NULL);
    segments_insert(&s, &(struct segment){.start = base, .end = base, .kind = KIND_HEAP});
    assert_true(s.count == 0 && s.bytes == 0 && !s.root);
    segments_clear(&s);
}

static void check_segment(const struct segment *s, tracee_addr start, tracee_addr end, uint64_t offset)
{
    assert_non_null(s);
    assert_true(s->start == start && s->end == end && s->offset == offset);
}

/* A file's offset goes on behind a cut; a name has none, nor has anonymous memory. */
static void test_offsets(void **state)
{
    (void)state;
    static const struct {
        uint32_t file;
        uint16_t flags;
        uint64_t second, third;
    } cases[] = {{3, 0, 0x6000, 0x7000}, {3, SEGMENT_NAMED, 0x5000, 0x5000}, {0, 0, 0x5000, 0x5000}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct segments s;
        struct changes none = {.kind = KIND_FILE};
        segments_init(&s, NULL);
        segments_insert(
            &s,
            &(struct segment){
                .start = base, .end = base + 0x3000, .offset = 0x5000, .file = cases[i].file, .flags = cases[i].flags});
        segments_change(&s, base + 0x1000, base + 0x2000, change_segment, &none);
        check_segment(segments_find(&s, base), base, base + 0x1000, 0x5000);
        check_segment(segments_find(&s, base + 0x1000), base + 0x1000, base + 0x2000, cases[i].second);
        check_segment(segments_find(&s, base + 0x2000), base + 0x2000, base + 0x3000, cases[i].third);
        segments_move(&s, base + 0x1000, base + 0x3000, base + 0x9000);
        check_segment(segments_find(&s, base + 0x1000), base + 0x9000, base + 0xa000, cases[i].second);
        check_segment(segments_find(&s, base + 0xa000), base + 0xa000, base + 0xb000, cases[i].third);
        segments_clear(&s);
    }
}

/* The part of a stack that cannot be touched counts as guard, from the moment that it is so. */
static void test_guard(void **state)
{
    (void)state;
    struct segments s;
    uint64_t totals[KIND_COUNT] = {0};
    struct changes none = {.prot = 0, .kind = KIND_STACK}, all = {.prot = 7, .kind = KIND_STACK};
    segments_init(&s, totals);
    segments_insert(&s, &(struct segment){.start = base, .end = base + 0x9000, .prot = 3, .kind = KIND_STACK});
    segments_change(&s, base, base + 0x1000, change_segment, &none);
    assert_true(s.by_kind[KIND_GUARD] == 0x1000 && s.by_kind[KIND_STACK] == 0x8000 && s.bytes == 0x9000);
    assert_true(totals[KIND_GUARD] == 0x1000 && totals[KIND_STACK] == 0x8000);
    segments_change(&s, base, base + 0x2000, change_segment, &all);
    assert_true(s.by_kind[KIND_GUARD] == 0 && s.by_kind[KIND_STACK] == 0x9000 && totals[KIND_GUARD] == 0);
    assert_int_equal(s.count, 3); /* segments never merge */
    segments_clear(&s);
}

/* Two maps that count into the same totals. */
static void test_shared_totals(void **state)
{
    (void)state;
    struct segments a, b;
    uint64_t totals[KIND_COUNT] = {0};
    struct removal removal;
    segments_init(&a, totals);
    segments_init(&b, totals);
    segments_insert(&a, &(struct segment){.start = base, .end = base + 0x4000, .prot = 3, .kind = KIND_ARENA});
    segments_copy(&b, &a, keep_forked);
    assert_true(totals[KIND_ARENA] == 0x8000);
    segments_remove(&b, base + 0x1000, base + 0x2000, &removal);
    assert_true(totals[KIND_ARENA] == 0x7000 && a.bytes == 0x4000 && b.bytes == 0x3000);
    segments_clear(&a);
    assert_true(totals[KIND_ARENA] == 0x3000);
    segments_clear(&b);
    assert_true(totals[KIND_ARENA] == 0);
}

/* As many pieces as vm.max_map_count allows, made in the order that is worst for a tree. */
static void test_many(void **state)
{
    (void)state;
    enum { MANY = 65530 };
    struct segments s;
    struct changes odd = {.prot = 1, .kind = KIND_CHUNK};
    struct removal removal;
    segments_init(&s, NULL);
    segments_insert(&s,
                    &(struct segment){.start = base, .end = addr_of(MANY), .prot = 3, .kind = KIND_CHUNK, .birth = 9});
    for (uint64_t i = 1; i < MANY; i += 2)
        segments_change(&s, addr_of(i), addr_of(i + 1), change_segment, &odd);
    assert_int_equal(s.count, MANY);
    for (uint64_t i = 0; i < MANY; i++)
        check_segment(segments_find(&s, addr_of(i)), addr_of(i), addr_of(i + 1), 0);
    segments_remove(&s, addr_of(1), addr_of(MANY), &removal);
    assert_true(removal.pieces == MANY - 1 && removal.birth == 9 && s.count == 1 && s.bytes == TRACE_PAGE);
    segments_clear(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random_steps), cmocka_unit_test(test_empty),         cmocka_unit_test(test_offsets),
        cmocka_unit_test(test_guard),        cmocka_unit_test(test_shared_totals), cmocka_unit_test(test_many),
    };
    return cmocka_run_group_tests_name("segments", tests, NULL, NULL);
}
