/* links: decoder.a tracer.a */
/* test_heaps.c: what malloc did, from hand-made events: what trims returned, thresholds with and without names, arenas,
 * and copies by fork. */
#include "../../decoder/timeline.h"

#include "driver.h"

#include <sys/mman.h>

enum {
    RW = PROT_READ | PROT_WRITE,
    PRIVATE = MAP_PRIVATE | MAP_ANONYMOUS,
    KIB = 1 << 10,
    MIB = 1 << 20,
};

/* Stacks: malloc and free of a program in glibc, realloc, and mmap by the program itself. */
enum { MALLOC = 1, FREE, REALLOC, DIRECT };

static void apply(struct driver *d, struct record record)
{
    driver_apply(d, &record);
}

static void add_frame(struct driver *d, uint32_t id, uint32_t module)
{
    apply(d, (struct record){.kind = REC_FRAME, .frame = {.id = id, .module = module, .address = 0x1000 * id}});
}

static void add_name(struct driver *d, uint32_t frame, const char *name)
{
    const struct rec_line line = {.function = frame};
    apply(d, (struct record){.kind = REC_TEXT, .text = {frame, {name, strlen(name)}}});
    apply(d, (struct record){.kind = REC_NAMES, .names = {.frame = frame, .n_lines = 1, .lines = &line}});
}

static void add_stack(struct driver *d, uint32_t id, uint32_t count, const uint32_t *frames)
{
    apply(d, (struct record){.kind = REC_STACK, .stack = {.id = id, .n_frames = count, .frames = frames}});
}

static struct heap_step last_step;

static void follow(struct driver *d, void *context)
{
    last_step = heaps_add(context, d->decoder, &d->moment);
}

static struct heaps *begin(struct driver *d)
{
    static const char libc[] = "/usr/lib/libc.so.6", program[] = "/usr/bin/server";
    driver_open(d);
    d->context = heaps_new();
    d->after = follow;
    assert_non_null(d->context);
    apply(d, (struct record){.kind = REC_MODULE, .module = {.id = 1, .path = {libc, sizeof(libc) - 1}}});
    apply(d, (struct record){.kind = REC_MODULE, .module = {.id = 2, .path = {program, sizeof(program) - 1}}});
    for (uint32_t id = 1; id <= 8; id++)
        add_frame(d, id, id == 8 ? 2 : 1);
    add_stack(d, MALLOC, 5, (uint32_t[]){1, 2, 3, 4, 8});
    add_stack(d, FREE, 3, (uint32_t[]){5, 6, 8});
    add_stack(d, REALLOC, 3, (uint32_t[]){5, 7, 8});
    add_stack(d, DIRECT, 2, (uint32_t[]){1, 8});
    driver_start(d);
    return d->context;
}

static void tell_names(struct driver *d)
{
    static const char *const names[] = {"mmap64", "sysmalloc", "_int_malloc", "malloc",
                                        "munmap", "free",      "realloc",     "main"};
    for (uint32_t i = 0; i < 8; i++)
        add_name(d, i + 1, names[i]);
}

static void end(struct driver *d)
{
    heaps_free(d->context);
    driver_end(d);
}

static void chunk(struct driver *d, tracee_addr at, uint64_t bytes)
{
    DRIVE(d, .call = CALL_MMAP, .args = {0, bytes, RW, PRIVATE, UINT64_MAX, 0}, .ret = at, .stack = MALLOC);
    assert_true(last_step.act == HEAP_CHUNK_MAPPED && last_step.bytes == bytes && last_step.at == at);
}

static void drop(struct driver *d, tracee_addr at, uint64_t bytes, uint32_t stack)
{
    DRIVE(d, .call = CALL_MUNMAP, .args = {at, bytes}, .stack = stack);
    assert_true(last_step.act == HEAP_CHUNK_UNMAPPED && last_step.bytes == bytes);
}

static void move_break(struct driver *d, uint64_t size, uint32_t stack)
{
    DRIVE(d, .call = CALL_BRK, .args = {DRIVER_BRK + size}, .ret = DRIVER_BRK + size, .stack = stack);
}

static uint64_t faults;

static void sample(struct driver *d, uint64_t resident)
{
    apply(d, (struct record){.kind = REC_SAMPLE,
                             .sample = {.time = ++d->time,
                                        .pid = DRIVER_PID,
                                        .space = DRIVER_SPACE,
                                        .minflt = faults,
                                        .resident_pages = resident / TRACE_PAGE}});
}

/* Resident memory fell from sample to sample: that much came back, unless other calls gave memory back as well. */
static void test_returned(void **state)
{
    (void)state;
    struct driver d;
    struct heaps *heaps = begin(&d);
    const struct heap_story *story;
    move_break(&d, 0, MALLOC);
    move_break(&d, 10 * MIB, MALLOC);
    assert_true(last_step.act == HEAP_GROWN && last_step.bytes == 10 * MIB && last_step.size == 10 * MIB);
    move_break(&d, 9 * MIB, FREE); /* before the first sample */
    assert_true(last_step.act == HEAP_TRIMMED && last_step.bytes == MIB);
    sample(&d, 20 * MIB);
    assert_int_equal(last_step.act, HEAP_NOTHING);
    move_break(&d, 6 * MIB, FREE);
    sample(&d, 18 * MIB);
    assert_true(last_step.act == HEAP_MEASURED && last_step.bytes == 3 * MIB && last_step.returned == 2 * MIB);
    assert_true(last_step.resident_before == 20 * MIB && last_step.resident_after == 18 * MIB);
    sample(&d, 10 * MIB); /* nothing was promised */
    assert_int_equal(last_step.act, HEAP_NOTHING);
    chunk(&d, 0x7000000, MIB);
    drop(&d, 0x7000000, MIB, FREE);
    move_break(&d, 5 * MIB, FREE);
    sample(&d, 10 * MIB - 1536 * KIB); /* of 1.5M the chunk may have been 1M */
    assert_true(last_step.bytes == MIB && last_step.returned == 512 * KIB);
    move_break(&d, 4 * MIB, FREE);
    faults += 21 * MIB / TRACE_PAGE + 171; /* 684K and half a megabyte more came than there is now */
    sample(&d, 30 * MIB);
    assert_true(last_step.bytes == MIB && last_step.returned == 0);
    assert_true(last_step.returned_most == 8704 * KIB + 21 * MIB + 684 * KIB - 30 * MIB);
    move_break(&d, 3 * MIB, FREE);
    sample(&d, 1 * MIB); /* no more than what was promised */
    assert_true(last_step.returned == MIB && last_step.returned_most == MIB);
    story = heaps_story(heaps, DRIVER_SPACE);
    assert_true(story->promised == 7 * MIB && story->measured == 6 * MIB && story->returned == 3584 * KIB - 256 * KIB);
    assert_true(story->high == 10 * MIB && story->acts[HEAP_TRIMMED].calls == 5);
    assert_true(heaps_story(heaps, 0)->returned == story->returned);
    end(&d);
}

static struct heap_thresholds thresholds(const struct driver *d)
{
    struct heap_thresholds t;
    assert_int_equal(heaps_thresholds(d->context, DRIVER_SPACE, decoder_code(d->decoder), &t), 0);
    return t;
}

/* Larger chunks that are freed raise the threshold; those that realloc() gives back do not, once names tell. */
static void test_thresholds(void **state)
{
    (void)state;
    struct driver d;
    begin(&d);
    chunk(&d, 0x7000000, 200 * KIB);
    chunk(&d, 0x8000000, 300 * KIB);
    chunk(&d, 0x9000000, 400 * KIB);
    chunk(&d, 0xa000000, 32 * MIB);
    struct heap_thresholds t = thresholds(&d);
    assert_true(t.mmap == 128 * KIB && t.trim == 128 * KIB && !t.n_moves && !t.sign);
    drop(&d, 0xa000000, 32 * MIB, FREE); /* at the limit: too large */
    drop(&d, 0x9000000, 400 * KIB, REALLOC);
    drop(&d, 0x8000000, 300 * KIB, FREE);
    const uint64_t raised = decoder_events(d.decoder);
    drop(&d, 0x7000000, 200 * KIB, FREE);
    t = thresholds(&d);
    assert_true(t.n_moves == 1 && t.mmap == 400 * KIB && t.trim == 800 * KIB);
    free(t.moves);
    tell_names(&d);
    t = thresholds(&d);
    assert_true(t.n_moves == 1 && t.moves[0].from == 128 * KIB && t.mmap == 300 * KIB && t.trim == 600 * KIB);
    assert_true(t.moves[0].event == raised && t.moves[0].born == MALLOC && t.moves[0].stack == FREE);
    free(t.moves);

    /* The same caller grows the heap: its blocks moved there. */
    move_break(&d, 0, MALLOC);
    move_break(&d, 400 * KIB, MALLOC);
    const uint64_t moved = decoder_events(d.decoder);
    move_break(&d, 700 * KIB, MALLOC);
    t = thresholds(&d);
    assert_true(t.moves[0].moved == moved && t.moves[0].moved_stack == MALLOC && !t.sign);
    free(t.moves);

    /* A chunk that is smaller than the threshold: there is none any more that moves. */
    chunk(&d, 0x7000000, 200 * KIB);
    t = thresholds(&d);
    assert_true(t.sign == SIGN_SMALL_CHUNK && t.sign_event == decoder_events(d.decoder) && t.sign_bytes == 200 * KIB);
    free(t.moves);
    end(&d);
}

/* A growth that no threshold explains. */
static void test_threshold_set_high(void **state)
{
    (void)state;
    struct driver d;
    begin(&d);
    move_break(&d, 0, MALLOC);
    move_break(&d, 264 * KIB, MALLOC); /* 128K, and as much on top */
    struct heap_thresholds t = thresholds(&d);
    assert_int_equal(t.sign, SIGN_NONE);
    move_break(&d, MIB, DIRECT); /* not malloc's */
    t = thresholds(&d);
    assert_int_equal(t.sign, SIGN_NONE);
    move_break(&d, 2 * MIB, MALLOC);
    t = thresholds(&d);
    assert_true(t.sign == SIGN_LARGE_GROWTH && t.sign_bytes == MIB);
    end(&d);
}

/* Growths that are smaller than the spare room: only where the program leaves the break alone. */
static void test_small_growth(void **state)
{
    (void)state;
    struct driver d;
    begin(&d);
    move_break(&d, 0, MALLOC);
    move_break(&d, 264 * KIB, DIRECT);
    move_break(&d, 300 * KIB, MALLOC);
    assert_int_equal(thresholds(&d).sign, SIGN_NONE);
    end(&d);
    begin(&d);
    move_break(&d, 0, MALLOC);
    move_break(&d, 132 * KIB, MALLOC);
    assert_int_equal(thresholds(&d).sign, SIGN_NONE);
    move_break(&d, 164 * KIB, MALLOC);
    const struct heap_thresholds t = thresholds(&d);
    assert_true(t.sign == SIGN_SMALL_GROWTH && t.sign_bytes == 32 * KIB);
    end(&d);
}

/* What the program maps by itself is no chunk; without a stack nothing is. */
static void test_not_malloc(void **state)
{
    (void)state;
    struct driver d;
    struct heaps *heaps = begin(&d);
    DRIVE(&d, .call = CALL_MMAP, .args = {0, MIB, RW, PRIVATE, UINT64_MAX, 0}, .ret = 0x7000000, .stack = DIRECT);
    assert_int_equal(last_step.act, HEAP_NOTHING);
    DRIVE(&d, .call = CALL_MMAP, .args = {0, MIB, RW, PRIVATE, UINT64_MAX, 0}, .ret = 0x8000000);
    assert_int_equal(last_step.act, HEAP_NOTHING);
    assert_false(heaps_story(heaps, DRIVER_SPACE)->glibc);
    assert_null(heaps_story(heaps, 77));
    assert_null(heaps_sum(heaps, 77, 0));
    end(&d);
}

/* Reserved with room to align, opened, trimmed, unmapped. */
static void test_arena(void **state)
{
    (void)state;
    struct driver d;
    struct heaps *heaps = begin(&d);
    const tracee_addr base = 0x7f0000000000, arena = 64 * MIB;
    DRIVE(&d, .call = CALL_MMAP, .args = {0, 2 * arena, PROT_NONE, PRIVATE | MAP_NORESERVE, UINT64_MAX, 0},
          .ret = base - MIB, .stack = MALLOC);
    assert_true(last_step.act == HEAP_ARENA_MADE && last_step.at == base && last_step.bytes == arena);
    DRIVE(&d, .call = CALL_MUNMAP, .args = {base - MIB, MIB}, .stack = MALLOC);
    assert_int_equal(last_step.act, HEAP_NOTHING);
    DRIVE(&d, .call = CALL_MUNMAP, .args = {base + arena, arena - MIB}, .stack = MALLOC);
    assert_int_equal(last_step.act, HEAP_NOTHING);
    DRIVE(&d, .call = CALL_MPROTECT, .args = {base, 132 * KIB, RW}, .stack = MALLOC);
    d.tid = 101;
    DRIVE(&d, .call = CALL_MPROTECT, .args = {base + 132 * KIB, 68 * KIB, RW}, .stack = MALLOC);
    assert_true(last_step.act == HEAP_ARENA_GROWN && last_step.size == 200 * KIB);
    DRIVE(&d, .call = CALL_MADVISE, .args = {base + 100 * KIB, 100 * KIB, MADV_DONTNEED}, .stack = FREE);
    assert_true(last_step.act == HEAP_ARENA_SHRUNK && last_step.bytes == 100 * KIB);
    const struct heap_story *story = heaps_story(heaps, DRIVER_SPACE);
    assert_true(story->n_arenas == 1 && story->arenas[0].open == 200 * KIB && story->arenas[0].n_threads == 2);
    assert_true(story->arenas[0].threads[0] == DRIVER_PID && story->arenas[0].threads[1] == 101);
    assert_true(story->arenas[0].grown.calls == 2 && story->arenas[0].shrunk.bytes == 100 * KIB);
    DRIVE(&d, .call = CALL_MUNMAP, .args = {base, arena}, .stack = FREE);
    assert_true(last_step.act == HEAP_ARENA_ENDED && last_step.bytes == 200 * KIB);
    assert_true(story->n_arenas == 0 && story->arenas_high == 1);
    end(&d);
}

/* Of a process that was attached to: an arena and a stack by their form, a guess; the arena is known once it grows. */
static void test_attached(void **state)
{
    (void)state;
    struct driver d;
    struct heaps *heaps = begin(&d);
    const tracee_addr base = 0x7f0000000000, arena = 64 * MIB, stack = 0x7f1000001000;
    const struct rec_mapping lines[] = {
        {.start = 0x7e0000000000, .end = 0x7e0000021000, .prot = RW},
        {.start = 0x7e0000021000, .end = 0x7e0000100000, .prot = PROT_NONE}, /* too small for an arena */
        {.start = base, .end = base + 132 * KIB, .prot = RW},
        {.start = base + 132 * KIB, .end = base + arena, .prot = PROT_NONE},
        {.start = stack - TRACE_PAGE, .end = stack, .prot = PROT_NONE},
        {.start = stack, .end = stack + 8 * MIB, .prot = RW},
        {.start = stack + 9 * MIB, .end = stack + 9 * MIB + TRACE_PAGE, .prot = PROT_NONE},
        {.start = stack + 9 * MIB + TRACE_PAGE, .end = stack + 12 * MIB, .prot = RW},
    };
    driver_checkpoint(&d, CHECKPOINT_ATTACH, sizeof(lines) / sizeof(lines[0]), lines);
    const struct {
        tracee_addr at;
        enum kind kind;
        enum role role;
    } wanted[] = {
        {0x7e0000000000, KIND_ANONYMOUS, ROLE_NONE},
        {base, KIND_ARENA, ROLE_NONE},
        {base + 132 * KIB, KIND_ARENA, ROLE_RESERVED},
        {stack - TRACE_PAGE, KIND_GUARD, ROLE_NONE},
        {stack, KIND_STACK, ROLE_NONE},
        {stack + 9 * MIB + TRACE_PAGE, KIND_ANONYMOUS, ROLE_NONE},
    };
    for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
        struct segment s;
        assert_true(decoder_segment(d.decoder, DRIVER_SPACE, wanted[i].at, &s));
        const struct segment_role role = decoder_role(d.decoder, DRIVER_SPACE, &s);
        assert_int_equal(segment_kind(&s), wanted[i].kind);
        assert_int_equal(role.role, wanted[i].role);
        assert_int_equal(role.guess, wanted[i].kind != KIND_ANONYMOUS);
    }
    DRIVE(&d, .call = CALL_MPROTECT, .args = {base + 132 * KIB, 68 * KIB, RW}, .stack = MALLOC);
    assert_true(last_step.act == HEAP_ARENA_GROWN && last_step.at == base && last_step.size == 200 * KIB);
    const struct heap_story *story = heaps_story(heaps, DRIVER_SPACE);
    struct heap_thresholds t;
    assert_int_equal(heaps_thresholds(heaps, DRIVER_SPACE, decoder_code(d.decoder), &t), 0);
    assert_true(t.unknown && !t.sign && story->attached);
    assert_true(story->n_arenas == 1 && story->arenas[0].event == 0 && story->arenas[0].threads[0] == DRIVER_PID);
    end(&d);
}

/* A thread that forks goes on in the child, on the copy of its stack; those of its siblings are left over there. */
static void test_stacks_after_fork(void **state)
{
    (void)state;
    struct driver d;
    begin(&d);
    for (uint32_t i = 0; i < 2; i++) {
        const tracee_addr at = 0x7000000 + i * 0x100000;
        DRIVE(&d, .call = CALL_MMAP, .args = {0, 0x10000, RW, PRIVATE | MAP_STACK, UINT64_MAX, 0}, .ret = at);
        DRIVE(&d, .call = CALL_CLONE, .args = {0x3d0f00, at + 0x10000}, .ret = 101 + i);
        driver_task(
            &d,
            &(struct rec_task){
                .tid = 101 + i, .pid = DRIVER_PID, .parent = DRIVER_PID, .space = DRIVER_SPACE, .flags = TASK_THREAD});
    }
    driver_task(&d, &(struct rec_task){.tid = 200, .pid = 200, .parent = 101, .space = 9, .copied_from = DRIVER_SPACE});
    struct segment s;
    assert_true(decoder_segment(d.decoder, 9, 0x7000000, &s) && s.owner == 200);
    assert_int_equal(decoder_role(d.decoder, 9, &s).role, ROLE_THREAD);
    assert_true(decoder_segment(d.decoder, 9, 0x7100000, &s) && s.owner == 102);
    assert_int_equal(decoder_role(d.decoder, 9, &s).role, ROLE_ENDED);
    assert_true(decoder_segment(d.decoder, DRIVER_SPACE, 0x7000000, &s) && s.owner == 101);
    assert_int_equal(decoder_role(d.decoder, DRIVER_SPACE, &s).role, ROLE_THREAD);
    end(&d);
}

/* A child's malloc knows what its parent's knew; the main space is kept when it ends. */
static void test_fork(void **state)
{
    (void)state;
    struct driver d;
    struct heaps *heaps = begin(&d);
    chunk(&d, 0x7000000, 300 * KIB);
    drop(&d, 0x7000000, 300 * KIB, FREE);
    driver_task(
        &d, &(struct rec_task){.tid = 200, .pid = 200, .parent = DRIVER_PID, .space = 9, .copied_from = DRIVER_SPACE});
    struct heap_thresholds t;
    assert_int_equal(heaps_thresholds(heaps, 9, decoder_code(d.decoder), &t), 0);
    assert_true(t.mmap == 300 * KIB && t.n_moves == 1);
    free(t.moves);
    assert_true(heaps_story(heaps, 9)->acts[HEAP_CHUNK_MAPPED].calls == 0);
    assert_int_equal(heaps_main_space(heaps), DRIVER_SPACE);
    driver_space_end(&d, DRIVER_SPACE);
    assert_int_equal(heaps_main_space(heaps), DRIVER_SPACE);
    assert_true(heaps_story(heaps, DRIVER_SPACE)->acts[HEAP_CHUNK_MAPPED].calls == 1);
    end(&d);
}

/* Sums by stack and act are complete, whatever their order. */
static void test_sums(void **state)
{
    (void)state;
    struct driver d;
    struct heaps *heaps = begin(&d);
    move_break(&d, 0, MALLOC);
    for (uint32_t i = 1; i <= 100; i++)
        move_break(&d, i * MIB, i % 3 ? MALLOC : DIRECT);
    uint64_t calls = 0, bytes = 0, count = 0;
    const struct heap_sum *sum;
    for (; (sum = heaps_sum(heaps, DRIVER_SPACE, count)); count++) {
        assert_true(sum->act == HEAP_GROWN && (sum->stack == MALLOC || sum->stack == DIRECT));
        calls += sum->calls;
        bytes += sum->bytes;
    }
    assert_true(count == 2 && calls == 100 && bytes == 100 * MIB);
    end(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_returned),
        cmocka_unit_test(test_thresholds),
        cmocka_unit_test(test_threshold_set_high),
        cmocka_unit_test(test_not_malloc),
        cmocka_unit_test(test_arena),
        cmocka_unit_test(test_fork),
        cmocka_unit_test(test_attached),
        cmocka_unit_test(test_sums),
        cmocka_unit_test(test_stacks_after_fork),
        cmocka_unit_test(test_small_growth),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
