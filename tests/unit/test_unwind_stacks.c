/* links: tracer/unwind/stacks.o */
/* test_unwind_stacks.c: same stack, same id; each new frame and stack is told once, frames first. */
#include "../../tracer/unwind/stacks.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

struct told {
    uint32_t frames, stacks;
    struct unwind_frame last;
    uint32_t ids[8];
};

static void told_frame(void *context, uint32_t id, const struct unwind_frame *frame)
{
    struct told *told = context;
    assert_int_equal(id, ++told->frames);
    told->last = *frame;
}

static void told_stack(void *context, uint32_t id, const uint32_t *frames, const struct unwind_stack *stack)
{
    struct told *told = context;
    assert_int_equal(id, ++told->stacks);
    for (unsigned i = 0; i < stack->count; i++) {
        assert_true(frames[i] && frames[i] <= told->frames);
        if (i < 8)
            told->ids[i] = frames[i];
    }
}

static uint32_t intern(struct stacks *stacks, const struct unwind_frame *frames, unsigned count,
                       enum unwind_quality quality)
{
    uint32_t id = 0;
    const struct unwind_stack stack = {.frames = frames, .count = count, .quality = quality};
    assert_int_equal(stacks_intern(stacks, &stack, &id), 0);
    return id;
}

static void test_same_and_different(void **state)
{
    (void)state;
    struct told told = {0};
    struct stacks *stacks = stacks_new(&(struct stacks_listener){told_frame, told_stack, &told});
    struct unwind_frame frames[] = {{0x1000, 0x10, 1, 0, 0}, {0x2000, 0x20, 1, 0, 0}, {0x3000, 0, 0, 1, 0}};
    assert_int_equal(intern(stacks, frames, 3, UNWIND_COMPLETE), 1);
    assert_int_equal(intern(stacks, frames, 3, UNWIND_COMPLETE), 1);
    assert_int_equal(told.frames, 3);
    assert_int_equal(intern(stacks, frames, 2, UNWIND_COMPLETE), 2);
    assert_int_equal(intern(stacks, frames, 3, UNWIND_TRUNCATED), 3);
    assert_int_equal(intern(stacks, NULL, 0, UNWIND_TRUNCATED), 4);
    assert_int_equal(told.frames, 3);
    /* Code that a program made is another one in another space. */
    frames[2].space = 2;
    assert_int_equal(intern(stacks, frames, 3, UNWIND_COMPLETE), 5);
    assert_int_equal(told.frames, 4);
    frames[2].space = 1;
    assert_int_equal(intern(stacks, frames, 3, UNWIND_COMPLETE), 1);
    frames[0].pc = 0x91000; /* the module lies elsewhere: the same frame */
    assert_int_equal(intern(stacks, frames, 3, UNWIND_COMPLETE), 1);
    frames[2].pc++; /* in no module the address is all there is */
    assert_int_equal(intern(stacks, frames, 3, UNWIND_COMPLETE), 6);
    assert_int_equal(told.ids[0], 1);
    assert_int_equal(told.ids[2], 5);
    frames[1].flags = UNWIND_GUESSED;
    assert_int_equal(intern(stacks, frames, 3, UNWIND_COMPLETE), 7);
    assert_int_equal(stacks_count(stacks), told.stacks);
    assert_int_equal(stacks_frame_count(stacks), told.frames);
    stacks_free(stacks);
}

/* Many, through several sizes of the tables; ids stay. */
static void test_many(void **state)
{
    (void)state;
    enum { STACKS = 20000, DEPTH = 12 };
    struct told told = {0};
    struct stacks *stacks = stacks_new(&(struct stacks_listener){told_frame, told_stack, &told});
    for (unsigned round = 0; round < 2; round++)
        for (unsigned i = 0; i < STACKS; i++) {
            struct unwind_frame frames[DEPTH];
            for (unsigned k = 0; k < DEPTH; k++)
                frames[k] = (struct unwind_frame){.vaddr = (i / (k + 1)) * 16, .module = k + 1};
            assert_int_equal(intern(stacks, frames, DEPTH, UNWIND_COMPLETE), i + 1);
        }
    assert_int_equal(told.stacks, STACKS);
    stacks_free(stacks);
    stacks_free(NULL);
}

static void test_limit(void **state)
{
    (void)state;
    struct stacks *stacks = stacks_new(&(struct stacks_listener){0});
    uint32_t id = 0;
    struct unwind_frame frame = {.module = 1};
    const struct unwind_stack stack = {.frames = &frame, .count = 1};
    for (frame.vaddr = 0; frame.vaddr < STACKS_MAX; frame.vaddr++)
        assert_int_equal(stacks_intern(stacks, &stack, &id), 0);
    assert_int_equal(stacks_intern(stacks, &stack, &id), -ENOSPC);
    frame.vaddr = 77; /* what is known stays known */
    assert_int_equal(stacks_intern(stacks, &stack, &id), 0);
    assert_int_equal(id, 78);
    stacks_free(stacks);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_same_and_different),
        cmocka_unit_test(test_many),
        cmocka_unit_test(test_limit),
    };
    return cmocka_run_group_tests_name("unwind stacks", tests, NULL, NULL);
}
