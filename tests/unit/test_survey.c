/* links: decoder.a tracer.a */
/* test_survey.c: lives are what was mapped at every moment, however often it was cut and changed, and at the instants
 * of a recording that has too many of them. */
#include "../../decoder/timeline.h"

#include "driver.h"
#include "random.h"

#include <sys/mman.h>

enum {
    RW = PROT_READ | PROT_WRITE,
    PRIVATE = MAP_PRIVATE | MAP_ANONYMOUS,
    BASE = 0x40000000,
    PAGES = 64,
    STEPS = 3000,
    SLOTS = 8,
    MANY = 700000,
};

/* ---- any changes, looked at after each ---- */

struct picture {
    uint8_t pages[PAGES]; /* 0: nothing is there, else 1 + its protection */
};

struct history {
    struct survey *survey;
    struct picture pictures[STEPS + 64]; /* by tick */
    uint64_t ticks;
};

static void follow(struct driver *d, void *context)
{
    struct history *h = context;
    struct segment s = {0};
    assert_int_equal(survey_add(h->survey, d->decoder, &d->moment), 0);
    h->ticks = decoder_time(d->decoder);
    struct picture *picture = &h->pictures[h->ticks];
    memset(picture, 0, sizeof(*picture));
    while (decoder_segment(d->decoder, d->space, s.end, &s))
        for (tracee_addr at = s.start; at < s.end; at += TRACE_PAGE)
            if (at >= BASE && at < BASE + PAGES * TRACE_PAGE)
                picture->pages[(at - BASE) / TRACE_PAGE] = (uint8_t)(1 + s.prot);
}

static void change_something(struct driver *d, struct random_source *random)
{
    const uint64_t first = random_below(random, PAGES), most = PAGES - first,
                   length = (1 + random_below(random, most < 12 ? most : 12)) * TRACE_PAGE,
                   at = BASE + first * TRACE_PAGE;
    switch (random_below(random, 4)) {
    case 0:
        DRIVE(d, .call = CALL_MUNMAP, .args = {at, length});
        break;
    case 1:
        DRIVE(d, .call = CALL_MPROTECT, .args = {at, length, random_below(random, 4)});
        break;
    default:
        DRIVE(d, .call = CALL_MMAP, .args = {at, length, random_below(random, 4), PRIVATE | MAP_FIXED, UINT64_MAX, 0},
              .ret = at, .stack = 1);
        break;
    }
}

static struct picture picture_at(const struct survey *survey, uint64_t tick)
{
    struct picture picture = {{0}};
    size_t count;
    uint64_t instants;
    const struct survey_life *lives = survey_lives(survey, &count, &instants);
    for (size_t i = 0; i < count; i++) {
        const struct segment *s = &lives[i].segment;
        if (lives[i].born > tick || tick >= lives[i].died)
            continue;
        for (tracee_addr at = s->start; at < s->end; at += TRACE_PAGE) {
            uint8_t *page = &picture.pages[(at - BASE) / TRACE_PAGE];
            assert_int_equal(*page, 0); /* nothing is there twice */
            *page = (uint8_t)(1 + s->prot);
        }
    }
    return picture;
}

static void test_every_moment(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 3; seed++) {
        struct driver d;
        static struct history h;
        struct random_source random = {seed};
        driver_open(&d);
        const struct survey_plan plan = {.ticks = STEPS + 20};
        h = (struct history){.survey = survey_new(d.decoder, &plan)};
        d.after = follow;
        d.context = &h;
        assert_non_null(h.survey);
        driver_start(&d);
        for (int step = 0; step < STEPS; step++)
            change_something(&d, &random);
        assert_int_equal(survey_end(h.survey, d.decoder), 0);
        for (uint64_t tick = 10; tick <= h.ticks; tick += 1 + seed) {
            const struct picture found = picture_at(h.survey, tick);
            assert_memory_equal(&found, &h.pictures[tick], sizeof(found));
        }
        d.after = NULL;
        survey_free(h.survey);
        driver_end(&d);
    }
}

/* ---- more lives than are kept ---- */

struct many {
    struct survey *survey;
    uint8_t (*there)[SLOTS]; /* by tick: which slot has a block */
};

static void follow_many(struct driver *d, void *context)
{
    struct many *m = context;
    struct segment s = {0};
    assert_int_equal(survey_add(m->survey, d->decoder, &d->moment), 0);
    uint8_t *there = m->there[decoder_time(d->decoder)];
    memset(there, 0, SLOTS);
    while (decoder_segment(d->decoder, d->space, s.end, &s))
        if (s.start >= BASE)
            there[(s.start - BASE) / (4 * TRACE_PAGE)] = 1;
}

static void test_instants(void **state)
{
    (void)state;
    struct driver d;
    struct many m = {.there = calloc(MANY + 64, SLOTS)};
    bool full[SLOTS] = {false};
    struct random_source random = {5};
    uint64_t instants;
    size_t count;
    driver_open(&d);
    const struct survey_plan plan = {.ticks = MANY + 10, .peak = MANY / 7 * 3 + 1};
    m.survey = survey_new(d.decoder, &plan);
    d.after = follow_many;
    d.context = &m;
    driver_start(&d);
    for (int step = 0; step < MANY; step++) {
        const uint64_t slot = random_below(&random, SLOTS), at = BASE + slot * 4 * TRACE_PAGE;
        if (full[slot])
            DRIVE(&d, .call = CALL_MUNMAP, .args = {at, TRACE_PAGE});
        else
            DRIVE(&d, .call = CALL_MMAP, .args = {0, TRACE_PAGE, RW, PRIVATE, UINT64_MAX, 0}, .ret = at, .stack = 1);
        full[slot] = !full[slot];
    }
    assert_int_equal(survey_end(m.survey, d.decoder), 0);
    const struct survey_life *lives = survey_lives(m.survey, &count, &instants);
    assert_true(instants >= 16 && count < 300000);
    for (uint64_t k = 0; k <= instants + 1; k++) {
        const uint64_t tick = k > instants ? plan.peak : k * plan.ticks / instants;
        uint8_t found[SLOTS] = {0};
        if (tick < 16 || tick > decoder_time(d.decoder))
            continue;
        for (size_t i = 0; i < count; i++)
            if (lives[i].segment.start >= BASE && lives[i].born <= tick && tick < lives[i].died)
                found[(lives[i].segment.start - BASE) / (4 * TRACE_PAGE)]++;
        assert_memory_equal(found, m.there[tick], SLOTS);
    }
    d.after = NULL;
    survey_free(m.survey);
    free(m.there);
    driver_end(&d);
}

/* ---- one mapping whose access changes all the time ---- */

/* The whole of it is changed at once, so that each change is one more, however few of its lives are kept. */
static void test_protects(void **state)
{
    (void)state;
    struct driver d;
    struct many m = {.there = calloc(MANY + 64, SLOTS)};
    uint64_t instants, seen = 0;
    size_t count;
    driver_open(&d);
    const struct survey_plan plan = {.ticks = MANY + 10};
    m.survey = survey_new(d.decoder, &plan);
    d.after = follow_many;
    d.context = &m;
    driver_start(&d);
    DRIVE(&d, .call = CALL_MMAP, .args = {0, TRACE_PAGE, RW, PRIVATE, UINT64_MAX, 0}, .ret = BASE, .stack = 1);
    const uint64_t mapped = decoder_time(d.decoder);
    for (int step = 0; step < MANY; step++)
        DRIVE(&d, .call = CALL_MPROTECT, .args = {BASE, TRACE_PAGE, step % 2 ? RW : PROT_READ});
    assert_int_equal(survey_end(m.survey, d.decoder), 0);
    const struct survey_life *lives = survey_lives(m.survey, &count, &instants);
    assert_true(instants >= 16 && count < 300000);
    for (size_t i = 0; i < count; i++)
        if (lives[i].segment.start == BASE) {
            assert_int_equal(lives[i].protects, lives[i].born - mapped); /* one at each tick */
            seen++;
        }
    assert_true(seen > instants / 2);
    d.after = NULL;
    survey_free(m.survey);
    free(m.there);
    driver_end(&d);
}

/* ---- looks at resident pages ---- */

enum { FEW = 400, LOOKS = 9001 };

/* Resident in one look: every second page from one that moves on with the looks. */
static void look(struct driver *d, enum residency_reason reason, uint64_t number)
{
    struct rec_page_run runs[PAGES];
    uint32_t count = 0;
    for (uint64_t page = number % 2; page < PAGES; page += 2)
        runs[count++] =
            (struct rec_page_run){BASE + page * TRACE_PAGE, 1, page % 4 == 3 ? PAGE_PRESENT | PAGE_ZERO : PAGE_PRESENT};
    driver_apply(
        d,
        &(struct record){
            .kind = REC_RESIDENCY,
            .residency = {
                .time = ++d->time, .space = d->space, .pid = d->pid, .reason = reason, .n_runs = count, .runs = runs}});
}

static bool is_resident(uint64_t number, uint64_t page)
{
    return page % 2 == number % 2 && page % 4 != 3;
}

/* What is told of a look is what was mapped then and resident. */
static void check_look(const struct survey *survey, const struct survey_look *told, const struct survey_part *parts,
                       const struct picture *picture, uint64_t number)
{
    size_t count;
    uint64_t instants, sum = 0, expected = 0;
    const struct survey_life *lives = survey_lives(survey, &count, &instants);
    for (uint32_t i = 0; i < told->parts; i++) {
        const struct survey_life *life = &lives[parts[i].life];
        uint64_t own = 0;
        assert_true(parts[i].life < count && life->born <= told->time && told->time < life->died);
        assert_true(!i || parts[i].life > parts[i - 1].life);
        for (tracee_addr at = life->segment.start; at < life->segment.end; at += TRACE_PAGE)
            own += is_resident(number, (at - BASE) / TRACE_PAGE) ? TRACE_PAGE : 0;
        assert_int_equal(parts[i].resident, own);
        sum += own;
    }
    for (uint64_t page = 0; page < PAGES; page++)
        expected += picture->pages[page] && is_resident(number, page) ? TRACE_PAGE : 0;
    assert_int_equal(sum, expected);
}

/* Lives that are cut after a look have their own share of it. */
static void test_looks(void **state)
{
    (void)state;
    struct driver d;
    static struct history h;
    struct random_source random = {11};
    const struct survey_look *told;
    const struct survey_part *parts;
    size_t index = 0;
    driver_open(&d);
    const struct survey_plan plan = {.ticks = STEPS + 60};
    h = (struct history){.survey = survey_new(d.decoder, &plan)};
    d.after = follow;
    d.context = &h;
    driver_start(&d);
    for (uint64_t step = 0; step < FEW; step++) {
        change_something(&d, &random);
        if (step % 5 == 0)
            look(&d, RESIDENCY_ASKED, step / 5);
    }
    assert_int_equal(survey_end(h.survey, d.decoder), 0);
    for (; (told = survey_look_at(h.survey, index, &parts)); index++)
        check_look(h.survey, told, parts, &h.pictures[told->time], index);
    assert_int_equal(index, FEW / 5);
    assert_int_equal(survey_looks_taken(h.survey), FEW / 5);
    d.after = NULL;
    survey_free(h.survey);
    driver_end(&d);
}

static void add(struct driver *d, void *context)
{
    assert_int_equal(survey_add(context, d->decoder, &d->moment), 0);
}

/* Of too many looks, those that stay are as far from each other as can be, and the last one stays. */
static void test_many_looks(void **state)
{
    (void)state;
    struct driver d;
    const struct survey_look *told;
    const struct survey_part *parts;
    size_t index = 0;
    uint64_t last = 0, step = 0;
    driver_open(&d);
    const struct survey_plan plan = {.ticks = LOOKS + 60};
    struct survey *survey = survey_new(d.decoder, &plan);
    d.after = add;
    d.context = survey;
    driver_start(&d);
    for (uint64_t number = 0; number < LOOKS; number++)
        look(&d, RESIDENCY_ASKED, number);
    look(&d, RESIDENCY_EXIT, 0);
    assert_int_equal(survey_end(survey, d.decoder), 0);
    for (; (told = survey_look_at(survey, index, &parts)); index++) {
        if (index == 1)
            step = told->time - last;
        assert_true(told->reason == RESIDENCY_EXIT || index < 2 || told->time - last == step);
        last = told->time;
    }
    assert_int_equal(last, d.time);
    assert_true(index > 1000 && index <= 4096 && step > 1);
    assert_int_equal(survey_looks_taken(survey), LOOKS + 1);
    d.after = NULL;
    survey_free(survey);
    driver_end(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_moment), cmocka_unit_test(test_instants),   cmocka_unit_test(test_protects),
        cmocka_unit_test(test_looks),        cmocka_unit_test(test_many_looks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
