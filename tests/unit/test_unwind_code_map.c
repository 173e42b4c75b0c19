/* links: tracer/unwind/code_map.o tracer/calls.o tracer/maps.o */
/* test_unwind_code_map.c: how memory calls change the table of executable memory; against an array of pages. */
#include "../../tracer/maps.h"
#include "../../tracer/unwind/code_map.h"
#include "random.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <unistd.h>
#include <cmocka.h>

enum { PAGE = 4096, BASE = 0x100000, R = PROT_READ, RW = PROT_READ | PROT_WRITE, RX = PROT_READ | PROT_EXEC };

#define AT(page) (BASE + (uint64_t)(page)*PAGE)

static struct unwind_space *empty(void)
{
    struct unwind_space *space = unwind_space_new();
    assert_non_null(space);
    space->known = true;
    return space;
}

#define FOLLOW(space, call, result, error, ...)                                                                        \
    unwind_space_follow(space, CALL_##call, (const uint64_t[CALL_MAX_ARGS]){__VA_ARGS__}, result, error)

static void map(struct unwind_space *space, unsigned page, unsigned pages, int prot, int flags)
{
    FOLLOW(space, MMAP, AT(page), 0, 0, (uint64_t)pages * PAGE, (uint64_t)prot, (uint64_t)flags);
}

static void check(const struct unwind_space *space, unsigned page, int kind)
{
    const struct code_range *range = code_map_find(space, AT(page) + 5);
    if (kind < 0)
        assert_null(range);
    else
        assert_true(range && range->kind == (enum code_kind)kind);
}

static void test_map_and_unmap(void **state)
{
    (void)state;
    struct unwind_space *space = empty();
    uint32_t generation = space->generation;
    map(space, 0, 10, RX, MAP_PRIVATE);
    map(space, 10, 2, RW, MAP_PRIVATE);
    map(space, 20, 2, RX, MAP_PRIVATE | MAP_ANONYMOUS);
    check(space, 0, CODE_UNKNOWN);
    check(space, 9, CODE_UNKNOWN);
    check(space, 10, -1);
    check(space, 21, CODE_ANONYMOUS);
    check(space, 22, -1);
    assert_int_equal(space->generation, generation); /* nothing that was known has gone */
    FOLLOW(space, MUNMAP, 0, 0, AT(3), 1);           /* lengths are rounded up */
    check(space, 2, CODE_UNKNOWN);
    check(space, 3, -1);
    check(space, 4, CODE_UNKNOWN);
    assert_true(space->generation != generation);
    map(space, 8, 13, R, MAP_PRIVATE | MAP_FIXED); /* covers the end of one and half of the other */
    check(space, 7, CODE_UNKNOWN);
    check(space, 8, -1);
    check(space, 20, -1);
    check(space, 21, CODE_ANONYMOUS);
    assert_false(space->stale);
    unwind_space_free(space);
    unwind_space_free(NULL);
}

/* A just-in-time compiler: pages change their protection all the time, and nothing has to be read again. */
static void test_protect(void **state)
{
    (void)state;
    struct unwind_space *space = empty();
    for (unsigned i = 0; i < 100; i++)
        FOLLOW(space, MPROTECT, 0, 0, AT(i), PAGE, RX);
    assert_int_equal(space->count, 1);
    uint32_t generation = space->generation;
    for (unsigned i = 0; i < 100; i++) {
        FOLLOW(space, MPROTECT, 0, 0, AT(i), PAGE, RW);
        FOLLOW(space, MPROTECT, 0, 0, AT(i), PAGE, RX);
    }
    assert_int_equal(space->generation, generation);
    assert_int_equal(space->count, 1);
    map(space, 200, 1, RX, MAP_PRIVATE | MAP_ANONYMOUS);
    FOLLOW(space, PKEY_MPROTECT, 0, 0, AT(90), 120 * PAGE, RX); /* over both and the gap between */
    check(space, 150, CODE_UNKNOWN);
    check(space, 200, CODE_ANONYMOUS);
    check(space, 209, CODE_UNKNOWN);
    check(space, 210, -1);
    assert_false(space->stale);
    unwind_space_free(space);
}

/* What can't be followed makes the table stale, but only where code is. */
static void test_stale(void **state)
{
    (void)state;
    struct unwind_space *space = empty();
    map(space, 10, 4, RX, MAP_PRIVATE);
    FOLLOW(space, BRK, AT(900), 0, AT(900));
    FOLLOW(space, MUNMAP, 0, ENOMEM, AT(20), 4 * PAGE);
    FOLLOW(space, MREMAP, AT(40), 0, AT(20), PAGE, 2 * PAGE, MREMAP_MAYMOVE);
    FOLLOW(space, SHMAT, AT(60), 0, 1, 0, 0);
    FOLLOW(space, SHMDT, 0, 0, AT(60));
    FOLLOW(space, MADVISE, 0, 0, AT(10), PAGE, MADV_DONTNEED);
    assert_false(space->stale);
    FOLLOW(space, MUNMAP, 0, ENOMEM, AT(9), 4 * PAGE);
    assert_true(space->stale);
    space->stale = false;
    FOLLOW(space, MREMAP, AT(40), 0, AT(12), PAGE, PAGE, MREMAP_MAYMOVE);
    assert_true(space->stale);
    space->stale = false;
    FOLLOW(space, SHMAT, AT(60), 0, 1, 0, SHM_EXEC);
    assert_true(space->stale);
    unwind_space_free(space);
}

/* Random calls against an array that knows of each page whether it was ever executable since it was mapped. */
static void test_random(void **state)
{
    (void)state;
    enum { PAGES = 64, ROUNDS = 20000 };
    struct unwind_space *space = empty();
    bool code[PAGES] = {false};
    struct random_source seed = {1};
    for (unsigned round = 0; round < ROUNDS; round++) {
        unsigned from = (unsigned)random_below(&seed, PAGES), what = (unsigned)random_below(&seed, 5);
        unsigned pages = 1 + (unsigned)random_below(&seed, PAGES - from);
        if (what == 0)
            FOLLOW(space, MUNMAP, 0, 0, AT(from), (uint64_t)pages * PAGE);
        else if (what <= 2)
            map(space, from, pages, what == 1 ? RX : RW, MAP_PRIVATE | (round % 2 ? MAP_ANONYMOUS : 0));
        else
            FOLLOW(space, MPROTECT, 0, 0, AT(from), (uint64_t)pages * PAGE, what == 3 ? RX : R);
        for (unsigned i = from; i < from + pages && what != 4; i++)
            code[i] = what == 1 || what == 3;
        for (unsigned i = 0; i < PAGES; i++)
            assert_int_equal(code_map_find(space, AT(i)) != NULL, code[i]);
        for (size_t i = 0; i < space->count; i++)
            assert_true(space->ranges[i].start < space->ranges[i].end &&
                        (!i || space->ranges[i - 1].end <= space->ranges[i].start));
    }
    assert_false(space->stale);
    unwind_space_free(space);
}

/* This process's own map; a copy knows the same; another read keeps what has been found out. */
static void test_read(void **state)
{
    (void)state;
    struct unwind_space *space = unwind_space_new();
    struct maps_buffer buffer = {0};
    static struct module module;
    int maps = maps_open(getpid());
    FOLLOW(space, MUNMAP, 0, 0, 0, UINT64_MAX); /* nothing is known yet: nothing to do */
    assert_int_equal(code_map_read(space, maps, &buffer), 0);
    struct code_range *own = code_map_find(space, (uintptr_t)test_read);
    assert_true(own && own->kind == CODE_UNKNOWN && own->inode);
    assert_null(code_map_find(space, (uintptr_t)&module));
    own->kind = CODE_FILE;
    own->module = &module;
    assert_int_equal(code_map_read(space, maps, &buffer), 0);
    assert_ptr_equal(code_map_find(space, (uintptr_t)test_read)->module, &module);
    struct unwind_space *copy = unwind_space_copy(space);
    assert_int_equal(copy->count, space->count);
    assert_ptr_equal(code_map_find(copy, (uintptr_t)test_read)->module, &module);
    unwind_space_free(copy);
    unwind_space_free(space);
    maps_buffer_free(&buffer);
    close(maps);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_map_and_unmap), cmocka_unit_test(test_protect), cmocka_unit_test(test_stale),
        cmocka_unit_test(test_random),        cmocka_unit_test(test_read),
    };
    return cmocka_run_group_tests_name("unwind code map", tests, NULL, NULL);
}
