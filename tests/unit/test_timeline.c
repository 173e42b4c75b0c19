/* links: decoder.a tracer.a */
/* test_timeline.c: the numbers of a whole recording: peaks, totals, series. */
#include "../../decoder/timeline.h"

#include "driver.h"
#include "random.h"

#include <errno.h>
#include <sys/mman.h>

enum { RW = PROT_READ | PROT_WRITE, PRIVATE = MAP_PRIVATE | MAP_ANONYMOUS, SECOND = TRACE_TICKS_PER_SECOND };

/* After every record the live numbers are those of the decoder, and no peak is below them. */
static void follow(struct driver *d, void *context)
{
    struct timeline *t = context;
    timeline_add(t, d->decoder, &d->moment);
    const struct totals *totals = timeline_totals(t);
    const uint64_t *kinds = decoder_kind_bytes(d->decoder);
    uint64_t sum = 0;
    for (int kind = 0; kind < KIND_COUNT; kind++) {
        assert_true(totals->kinds[kind].live == kinds[kind]);
        assert_true(totals->kinds[kind].peak >= kinds[kind]);
        sum += kinds[kind];
    }
    assert_true(totals->virtual_.bytes >= sum);
    assert_true(totals->resident.bytes >= decoder_resident_bytes(d->decoder));
    assert_true(totals->heap.bytes >= decoder_heap_bytes(d->decoder));
}

static const struct totals *begin(struct driver *d)
{
    driver_open(d);
    d->context = timeline_new();
    d->after = follow;
    assert_non_null(d->context);
    driver_start(d);
    return timeline_totals(d->context);
}

static void end(struct driver *d)
{
    timeline_free(d->context);
    driver_end(d);
}

static void map_at(struct driver *d, uint64_t time, tracee_addr at, uint64_t length, uint64_t flags)
{
    d->time = time - 1;
    DRIVE(d, .call = CALL_MMAP, .args = {0, length, RW, flags, UINT64_MAX, 0}, .ret = at);
}

static void unmap_at(struct driver *d, uint64_t time, tracee_addr at, uint64_t length)
{
    d->time = time - 1;
    DRIVE(d, .call = CALL_MUNMAP, .args = {at, length});
}

static void sample(struct driver *d, const struct rec_sample *s)
{
    struct record record = {.kind = REC_SAMPLE, .sample = *s};
    d->time = s->time;
    driver_apply(d, &record);
}

static void resident_at(struct driver *d, uint64_t time, uint64_t pages)
{
    sample(d, &(struct rec_sample){.time = time, .pid = d->pid, .space = d->space, .resident_pages = pages});
}

static void end_at(struct driver *d, uint64_t time)
{
    driver_apply(d, &(struct record){.kind = REC_END, .end = {.time = time, .reason = END_DURATION}});
}

/* A second process, by fork; calls are its own from now on. */
static void fork_to(struct driver *d, uint32_t pid, uint32_t space)
{
    driver_task(d,
                &(struct rec_task){.tid = pid, .pid = pid, .parent = d->tid, .space = space, .copied_from = d->space});
    d->pid = d->tid = pid;
    d->space = space;
}

static void exit_process(struct driver *d)
{
    driver_space_end(d, d->space);
    driver_apply(d, &(struct record){.kind = REC_EXIT, .exit = {d->time, d->pid, d->pid, 1, 0}});
}

static void check_peak(const struct peak *peak, uint64_t bytes, uint64_t time, uint32_t pid)
{
    assert_true(peak->bytes == bytes && peak->time == time);
    assert_int_equal(peak->pid, pid);
}

static void check_peak_of(struct driver *d, uint32_t pid, bool of_virtual, uint64_t bytes, uint64_t time)
{
    struct peak peak;
    assert_true(timeline_peak(d->context, d->decoder, pid, of_virtual, &peak));
    assert_true(peak.bytes == bytes && peak.time == time);
}

/* ---- peaks ---- */

static void test_virtual_peak(void **state)
{
    (void)state;
    struct driver d;
    const struct totals *t = begin(&d);
    struct peak peak;
    assert_false(timeline_peak(d.context, d.decoder, 0, true, &peak));
    assert_false(timeline_peak(d.context, d.decoder, DRIVER_PID, true, &peak));
    map_at(&d, 100, 0x10000, 0x8000, PRIVATE);
    map_at(&d, 200, 0x20000, 0x8000, PRIVATE);
    unmap_at(&d, 300, 0x10000, 0x8000);
    check_peak(&t->virtual_, 0x10000, 200, DRIVER_PID);
    map_at(&d, 400, 0x10000, 0x8000, PRIVATE); /* as high once more: the first time counts */
    check_peak(&t->virtual_, 0x10000, 200, DRIVER_PID);
    map_at(&d, 500, 0x40000, 0x1000, PRIVATE);
    check_peak(&t->virtual_, 0x11000, 500, DRIVER_PID);
    check_peak_of(&d, 0, true, 0x11000, 500);
    check_peak_of(&d, DRIVER_PID, true, 0x11000, 500);
    assert_false(timeline_peak(d.context, d.decoder, 4711, true, &peak));
    assert_false(timeline_peak(d.context, d.decoder, 0, false, &peak)); /* no sample yet */
    /* A fork doubles the sum, and is a peak of nobody alone. */
    fork_to(&d, 101, 5);
    check_peak(&t->virtual_, 0x22000, 501, 101);
    check_peak_of(&d, DRIVER_PID, true, 0x11000, 500);
    unmap_at(&d, 600, 0x20000, 0x8000);
    check_peak_of(&d, 101, true, 0x9000, 600);
    exit_process(&d);
    assert_true(t->kinds[KIND_ANONYMOUS].live == 0x11000 && t->kinds[KIND_ANONYMOUS].peak == 0x22000);
    end(&d);
}

static void test_resident_peak(void **state)
{
    (void)state;
    struct driver d;
    const struct totals *t = begin(&d);
    resident_at(&d, 100, 10);
    resident_at(&d, 200, 30);
    resident_at(&d, 300, 20);
    check_peak(&t->resident, 30 * TRACE_PAGE, 200, DRIVER_PID);
    fork_to(&d, 101, 5);
    resident_at(&d, 400, 25); /* 20 and 25 together are more than 30 */
    check_peak(&t->resident, 45 * TRACE_PAGE, 400, 101);
    check_peak(&t->one_resident, 30 * TRACE_PAGE, 200, DRIVER_PID);
    check_peak_of(&d, DRIVER_PID, false, 30 * TRACE_PAGE, 200);
    check_peak_of(&d, 101, false, 25 * TRACE_PAGE, 400);
    check_peak_of(&d, 0, false, 45 * TRACE_PAGE, 400);
    exit_process(&d);
    assert_true(decoder_resident_bytes(d.decoder) == 20 * TRACE_PAGE);
    d.pid = d.tid = DRIVER_PID;
    d.space = DRIVER_SPACE;
    sample(&d, &(struct rec_sample){.time = 500,
                                    .pid = DRIVER_PID,
                                    .space = DRIVER_SPACE,
                                    .flags = SAMPLE_PEAKS,
                                    .resident_pages = 40,
                                    .peak_resident_kib = 1000});
    check_peak(&t->resident, 45 * TRACE_PAGE, 400, 101);
    check_peak(&t->one_resident, 40 * TRACE_PAGE, 500, DRIVER_PID);
    assert_true(t->kernel_peak_resident == 1000 * 1024 && t->samples == 5);
    end(&d);
}

/* The last numbers of the command, whatever its children do. */
static void test_end_numbers(void **state)
{
    (void)state;
    struct driver d;
    const struct totals *t = begin(&d);
    assert_int_equal(timeline_command(d.context), DRIVER_PID);
    map_at(&d, 100, 0x10000, 0x3000, PRIVATE);
    struct rec_sample last = {.time = 200,
                              .pid = DRIVER_PID,
                              .space = DRIVER_SPACE,
                              .flags = SAMPLE_LAST | SAMPLE_SPLIT,
                              .virtual_pages = 9,
                              .resident_pages = 8,
                              .anon_kib = 7,
                              .file_kib = 6,
                              .shmem_kib = 5,
                              .swap_kib = 4};
    struct rec_mapping line = {.start = 0x10000, .end = 0x13000, .prot = RW};
    driver_checkpoint(&d, CHECKPOINT_EXIT, 1, &line);
    fork_to(&d, 101, 5);
    assert_false(t->ended);
    last.pid = 101;
    sample(&d, &last);
    assert_false(t->ended);
    last.pid = DRIVER_PID;
    sample(&d, &last);
    assert_true(t->ended && t->end_virtual == 9 * TRACE_PAGE && t->end_resident == 8 * TRACE_PAGE);
    assert_true(t->end_anon == 7 * 1024 && t->end_file == 6 * 1024 && t->end_shmem == 5 * 1024 &&
                t->end_swap == 4 * 1024);
    unmap_at(&d, 300, 0x10000, 0x1000);
    line.start += 0x1000;
    driver_checkpoint(&d, CHECKPOINT_EXIT, 1, &line);
    assert_true(t->end_kinds[KIND_ANONYMOUS] == 0x3000 && t->most_mappings == 1);
    assert_true(t->processes == 2);
    end(&d);
}

/* ---- totals ---- */

static void test_calls_and_kinds(void **state)
{
    (void)state;
    struct driver d;
    const struct totals *t = begin(&d);
    DRIVE(&d, .call = CALL_MMAP, .args = {0, 0x4000, RW, PRIVATE}, .ret = 0x10000, .duration = 30);
    DRIVE(&d, .call = CALL_MMAP, .args = {0, 0x2000, RW, PRIVATE | MAP_STACK}, .ret = 0x20000, .duration = 12);
    DRIVE(&d, .call = CALL_MMAP, .args = {0x11000, 0x1000, RW, PRIVATE | MAP_FIXED}, .ret = 0x11000);
    DRIVE(&d, .call = CALL_MMAP, .args = {0, 0x4000, RW, PRIVATE}, .error = ENOMEM, .duration = 5);
    DRIVE(&d, .call = CALL_MUNMAP, .args = {0x10000, 0x3000}, .duration = 7);
    DRIVE(&d, .call = CALL_MPROTECT, .args = {0x20000, 0x1000, PROT_NONE}); /* a guard now */
    DRIVE(&d, .call = CALL_MLOCK, .args = {0x20000, 0x1000});
    DRIVE(&d, .call = CALL_CLONE, .args = {0x3d0f00, 0x14000}, .ret = 101); /* a stack of anonymous memory */
    const struct call_totals *mmap_calls = &t->calls[CALL_MMAP], *munmap_calls = &t->calls[CALL_MUNMAP];
    assert_true(mmap_calls->count == 4 && mmap_calls->errors == 1 && mmap_calls->ticks == 47);
    assert_true(mmap_calls->mapped == 0x6000 && mmap_calls->unmapped == 0); /* what replaces neither comes nor goes */
    assert_true(munmap_calls->count == 1 && munmap_calls->unmapped == 0x3000 && munmap_calls->ticks == 7);
    const struct kind_totals *anonymous = &t->kinds[KIND_ANONYMOUS];
    assert_true(anonymous->live == 0 && anonymous->peak == 0x4000 && anonymous->mapped == 0x4000);
    assert_true(anonymous->unmapped == 0x3000 && anonymous->calls == 3);
    assert_true(t->kinds[KIND_STACK].live == 0x2000 && t->kinds[KIND_STACK].calls == 2); /* its guard counts, too */
    assert_true(t->kinds[KIND_GUARD].live == 0x1000 && t->kinds[KIND_GUARD].calls == 0);
    assert_true(t->events == 8 && t->errors == 1);
    assert_true(t->kinds[KIND_NONE].calls == 0 && t->kinds[KIND_NONE].mapped == 0);
    end(&d);
}

static void test_largest(void **state)
{
    (void)state;
    struct driver d;
    const struct totals *t = begin(&d);
    static const uint64_t pages[] = {5, 9, 1, 7, 9, 3, 8};
    for (uint64_t i = 0; i < 7; i++)
        map_at(&d, 100 + i, 0x100000 * (i + 1), pages[i] * TRACE_PAGE, PRIVATE);
    unmap_at(&d, 200, 0x200000, 6 * TRACE_PAGE);
    static const struct {
        uint64_t event, pages;
        bool unmapped;
    } expected[TIMELINE_LARGEST] = {{2, 9, false}, {5, 9, false}, {7, 8, false}, {4, 7, false}, {8, 6, true}};
    for (size_t i = 0; i < TIMELINE_LARGEST; i++) {
        const struct large_event *e = &t->largest[i];
        assert_true(e->event == expected[i].event && e->bytes == expected[i].pages * TRACE_PAGE);
        assert_int_equal(e->unmapped, expected[i].unmapped);
        assert_int_equal(e->call, e->unmapped ? CALL_MUNMAP : CALL_MMAP);
        assert_int_equal(e->pid, DRIVER_PID);
        assert_int_equal(e->kind, KIND_ANONYMOUS);
        assert_true(e->time == (e->unmapped ? 200 : 99 + e->event));
    }
    /* A new program is no change of an address space. */
    driver_exec(&d, &(struct rec_exec){.pid = DRIVER_PID, .old_space = d.space, .space = 7});
    driver_checkpoint(&d, CHECKPOINT_EXEC, 1, &(struct rec_mapping){.start = 0x10000, .end = 0x9000000, .prot = RW});
    assert_true(DRIVE(&d, .call = CALL_EXECVE).mapped == 0x9000000 - 0x10000);
    assert_true(t->largest[0].event == 2 && t->calls[CALL_EXECVE].mapped == 0 && t->calls[CALL_EXECVE].count == 1);
    end(&d);
}

static void brk_at(struct driver *d, uint64_t time, uint64_t wanted, uint64_t got)
{
    d->time = time - 1;
    DRIVE(d, .call = CALL_BRK, .args = {wanted}, .ret = got);
}

static void test_heap(void **state)
{
    (void)state;
    struct driver d;
    const struct totals *t = begin(&d);
    brk_at(&d, 100, 0, DRIVER_BRK);
    brk_at(&d, 200, DRIVER_BRK + 0x5000, DRIVER_BRK + 0x5000);
    brk_at(&d, 300, DRIVER_BRK + 0x5001, DRIVER_BRK + 0x5001);
    brk_at(&d, 400, DRIVER_BRK + 0x5002, DRIVER_BRK + 0x5002); /* within the page */
    brk_at(&d, 500, DRIVER_BRK + 0x2000, DRIVER_BRK + 0x2000);
    brk_at(&d, 600, DRIVER_BRK + 0x9000, DRIVER_BRK + 0x2000); /* refused */
    assert_true(t->brk_calls == 6 && t->heap_grow_calls == 2 && t->heap_trim_calls == 1);
    assert_true(t->heap_grown == 0x6000 && t->heap_trimmed == 0x4000);
    check_peak(&t->heap, 0x6000, 300, DRIVER_PID);
    assert_true(t->kinds[KIND_HEAP].live == 0x2000 && t->kinds[KIND_HEAP].calls == 6);
    driver_checkpoint(&d, CHECKPOINT_EXIT, 1,
                      &(struct rec_mapping){.start = DRIVER_BRK, .end = DRIVER_BRK + 0x2000, .prot = RW});
    assert_true(t->end_heap == 0x2000);
    /* The heaps of two processes are summed. */
    fork_to(&d, 101, 5);
    brk_at(&d, 700, DRIVER_BRK + 0x5000, DRIVER_BRK + 0x5000);
    check_peak(&t->heap, 0x7000, 700, 101);
    exit_process(&d);
    assert_true(t->kinds[KIND_HEAP].live == 0x2000 && t->heap_trimmed == 0x4000);
    assert_true(t->end_heap == 0x2000);
    end(&d);
}

static void faults(struct driver *d, uint64_t minor, uint64_t major)
{
    sample(d, &(struct rec_sample){
                  .time = d->time + 1, .pid = d->pid, .space = d->space, .minflt = minor, .majflt = major});
}

static void test_faults(void **state)
{
    (void)state;
    struct driver d;
    const struct totals *t = begin(&d);
    faults(&d, 100, 2);
    faults(&d, 150, 2);
    assert_true(t->minflt == 150 && t->majflt == 2);
    faults(&d, 120, 1); /* out of order */
    assert_true(t->minflt == 150 && t->majflt == 2);
    faults(&d, 160, 3);
    assert_true(t->minflt == 160 && t->majflt == 3);
    fork_to(&d, 101, 5); /* begins at 0 */
    faults(&d, 30, 0);
    assert_true(t->minflt == 190 && t->majflt == 3);
    exit_process(&d);
    d.pid = d.tid = DRIVER_PID;
    d.space = DRIVER_SPACE;
    fork_to(&d, 101, 6); /* the same pid, another process */
    faults(&d, 20, 1);
    assert_true(t->minflt == 210 && t->majflt == 4 && t->processes == 3);
    d.pid = 4711; /* of a process that nobody has heard of */
    faults(&d, 1000, 1000);
    assert_true(t->minflt == 210 && t->majflt == 4);
    end(&d);
}

/* Of processes that were attached to, the first sample tells what was before; their children begin at 0. */
static void test_faults_when_attached(void **state)
{
    (void)state;
    struct driver d;
    const struct totals *t = begin(&d);
    driver_apply(&d, &(struct record){.kind = REC_HEADER, .header = {.flags = HEADER_ATTACHED}});
    faults(&d, 1000, 20);
    assert_true(t->minflt == 0 && t->majflt == 0);
    faults(&d, 990, 19); /* out of order */
    faults(&d, 1010, 21);
    assert_true(t->minflt == 10 && t->majflt == 1);
    fork_to(&d, 101, 5);
    faults(&d, 30, 2);
    assert_true(t->minflt == 40 && t->majflt == 3);
    driver_task(&d, &(struct rec_task){.tid = 300, .pid = 300, .space = 9}); /* the second that was attached to */
    d.pid = 300;
    faults(&d, 0, 0);
    faults(&d, 7, 0);
    assert_true(t->minflt == 47 && t->majflt == 3);
    end(&d);
}

/* More processes than the tables begin with, and each keeps its own numbers. */
static void test_many_processes(void **state)
{
    (void)state;
    enum { MANY = 70 };
    struct driver d;
    const struct totals *t = begin(&d);
    map_at(&d, 100, 0x10000, 0x3000, PRIVATE);
    for (uint32_t i = 1; i <= MANY; i++) {
        d.pid = d.tid = DRIVER_PID;
        d.space = DRIVER_SPACE;
        fork_to(&d, 1000 + i, 10 + i);
        map_at(&d, 1000 * i, 0x20000, i * TRACE_PAGE, PRIVATE);
        sample(&d, &(struct rec_sample){
                       .time = d.time + 1, .pid = d.pid, .space = d.space, .resident_pages = i, .minflt = 10});
    }
    for (uint32_t i = 1; i <= MANY; i++) {
        check_peak_of(&d, 1000 + i, true, 0x3000 + i * TRACE_PAGE, 1000 * i);
        check_peak_of(&d, 1000 + i, false, i * TRACE_PAGE, 1000 * i + 1);
    }
    assert_true(t->processes == MANY + 1 && t->minflt == 10 * MANY);
    assert_true(t->resident.bytes == MANY * (MANY + 1) / 2 * TRACE_PAGE);
    end(&d);
}

static void test_threads_and_notes(void **state)
{
    (void)state;
    struct driver d;
    const struct totals *t = begin(&d);
    for (uint32_t tid = 200; tid < 205; tid++)
        driver_task(&d,
                    &(struct rec_task){
                        .tid = tid, .pid = DRIVER_PID, .parent = DRIVER_PID, .space = d.space, .flags = TASK_THREAD});
    driver_apply(&d, &(struct record){.kind = REC_EXIT, .exit = {.time = 50, .tid = 203, .pid = DRIVER_PID}});
    driver_task(
        &d, &(struct rec_task){.tid = 300, .pid = DRIVER_PID, .parent = 200, .space = d.space, .flags = TASK_THREAD});
    assert_true(t->threads == 7 && t->most_threads == 6 && t->processes == 1);
    driver_apply(&d, &(struct record){.kind = REC_NOTE, .note = {.time = 60, .code = NOTE_IO_URING}});
    driver_apply(&d, &(struct record){.kind = REC_NOTE, .note = {.time = 70, .code = NOTE_IO_URING}});
    driver_apply(&d, &(struct record){.kind = REC_NOTE, .note = {.time = 80, .code = NOTE_CODES + 3}});
    assert_true(t->notes[NOTE_IO_URING] == 2 && t->notes[NOTE_READ_FAILED] == 0 && t->time == 80);
    end(&d);
}

/* ---- series ---- */

static void check_series(struct driver *d, enum series series, unsigned columns, const uint64_t *expected)
{
    uint64_t values[64];
    timeline_series(d->context, series, columns, values);
    for (unsigned i = 0; i < columns; i++)
        if (values[i] != expected[i])
            fail_msg("series %d column %u: %llu, not %llu", series, i, (unsigned long long)values[i],
                     (unsigned long long)expected[i]);
}

/* A step up and a step down, each in the middle of a column. */
static void test_steps(void **state)
{
    (void)state;
    struct driver d;
    begin(&d);
    map_at(&d, 15 * SECOND / 10, 0x10000, 0x5000, PRIVATE);
    resident_at(&d, 25 * SECOND / 10, 3);
    brk_at(&d, 35 * SECOND / 10, DRIVER_BRK + 0x1000, DRIVER_BRK + 0x1000);
    unmap_at(&d, 55 * SECOND / 10, 0x10000, 0x5000);
    resident_at(&d, 65 * SECOND / 10, 0);
    brk_at(&d, 75 * SECOND / 10, DRIVER_BRK, DRIVER_BRK);
    end_at(&d, 10 * SECOND);
    check_series(&d, SERIES_VIRTUAL, 10, (uint64_t[]){0, 0x5000, 0x5000, 0x6000, 0x6000, 0x6000, 0x1000, 0x1000, 0, 0});
    check_series(&d, SERIES_RESIDENT, 10, (uint64_t[]){0, 0, 0x3000, 0x3000, 0x3000, 0x3000, 0x3000, 0, 0, 0});
    check_series(&d, SERIES_HEAP, 10, (uint64_t[]){0, 0, 0, 0x1000, 0x1000, 0x1000, 0x1000, 0x1000, 0, 0});
    check_series(&d, SERIES_VIRTUAL, 1, (uint64_t[]){0x6000});
    end(&d);
}

/* Nothing happens for a long time, and then it is over: the last value holds to the end. */
static void test_value_holds(void **state)
{
    (void)state;
    struct driver d;
    begin(&d);
    map_at(&d, 15 * SECOND / 10, 0x10000, 0x5000, PRIVATE);
    end_at(&d, 5 * SECOND);
    check_series(&d, SERIES_VIRTUAL, 5, (uint64_t[]){0, 0x5000, 0x5000, 0x5000, 0x5000});
    end(&d);
}

static void test_empty_series(void **state)
{
    (void)state;
    struct timeline *t = timeline_new();
    uint64_t values[3] = {7, 7, 7};
    timeline_series(t, SERIES_HEAP, 3, values);
    assert_true(values[0] == 0 && values[1] == 0 && values[2] == 0);
    timeline_free(t);
    timeline_free(NULL);
}

enum { MAX_STEPS = 400 };

/* What was true from each of these instants on. */
struct steps {
    uint64_t time[MAX_STEPS], value[MAX_STEPS];
    size_t count;
};

/* The highest value between two instants, both included. */
static uint64_t highest(const struct steps *s, uint64_t from, uint64_t to)
{
    uint64_t best = 0;
    for (size_t i = 0; i < s->count && s->time[i] <= to; i++)
        if ((i + 1 == s->count || s->time[i + 1] > from) && s->value[i] > best)
            best = s->value[i];
    return best;
}

/* Every column holds its highest value, or that of a neighbour nearer than two buckets. */
static void check_against(struct driver *d, enum series series, const struct steps *s, uint64_t end_time,
                          unsigned columns)
{
    uint64_t values[64];
    uint64_t near = end_time / (TIMELINE_BUCKETS / 4);
    near = near < SECOND / 500 ? SECOND / 500 : near;
    timeline_series(d->context, series, columns, values);
    for (unsigned i = 0; i < columns; i++) {
        const uint64_t from = end_time / columns * i, to = end_time / columns * (i + 1);
        const uint64_t least = highest(s, from, to - 1 > from ? to - 1 : from);
        const uint64_t most =
            highest(s, from > near ? from - near : 0, to < UINT64_MAX - near ? to + near : UINT64_MAX);
        if (values[i] < least || values[i] > most)
            fail_msg("column %u of %u, %llu ticks in all: %llu, not %llu to %llu", i, columns,
                     (unsigned long long)end_time, (unsigned long long)values[i], (unsigned long long)least,
                     (unsigned long long)most);
    }
}

static void add_step(struct steps *s, uint64_t time, uint64_t value)
{
    s->time[s->count] = time;
    s->value[s->count++] = value;
}

/* From a millisecond to centuries: the buckets grow with the recording, and the work does not. */
static void test_long_recordings(void **state)
{
    (void)state;
    static const uint64_t lengths[] = {
        SECOND / 1000,
        SECOND / 10,
        SECOND,
        UINT64_C(100) * SECOND,
        UINT64_C(86400) * SECOND,
        UINT64_C(3000000000) * SECOND,
        UINT64_C(1) << 60,
    };
    struct random_source random = {8};
    for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++)
        for (int round = 0; round < 4; round++) {
            struct driver d;
            struct steps resident = {.count = 0}, virtual = {.count = 0};
            const uint64_t step = lengths[i] / 150;
            bool mapped = false;
            begin(&d);
            add_step(&resident, 0, 0);
            add_step(&virtual, 0, 0);
            for (int n = 0; n < 300; n++) {
                const uint64_t time = d.time + 1 + random_below(&random, step);
                if (random_once_in(&random, 2)) {
                    add_step(&resident, time, random_below(&random, 1000) * TRACE_PAGE);
                    resident_at(&d, time, resident.value[resident.count - 1] / TRACE_PAGE);
                } else {
                    mapped = !mapped;
                    add_step(&virtual, time, mapped ? 0x7000 : 0);
                    if (mapped)
                        map_at(&d, time, 0x10000, 0x7000, PRIVATE);
                    else
                        unmap_at(&d, time, 0x10000, 0x7000);
                }
            }
            for (unsigned columns = 1; columns <= 60; columns += 59) {
                check_against(&d, SERIES_RESIDENT, &resident, d.time, columns);
                check_against(&d, SERIES_VIRTUAL, &virtual, d.time, columns);
            }
            end(&d);
        }
}

/* Jumps over all of time, forward and back: each is a bounded number of steps. */
static void test_jumps(void **state)
{
    (void)state;
    static const uint64_t times[] = {10, UINT64_C(1) << 40, 20, UINT64_C(1) << 62, UINT64_MAX, 5, UINT64_MAX};
    struct driver d;
    const struct totals *t = begin(&d);
    for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++)
        resident_at(&d, times[i], i + 1);
    uint64_t values[8];
    timeline_series(d.context, SERIES_RESIDENT, 1, values);
    assert_true(values[0] == 7 * TRACE_PAGE && t->resident.bytes == 7 * TRACE_PAGE);
    end(&d);
}

/* A million samples, one after another, in far more time than there are buckets. */
static void test_many_samples(void **state)
{
    (void)state;
    enum { MANY = 1000000 };
    struct driver d;
    const struct totals *t = begin(&d);
    struct record record = {.kind = REC_SAMPLE, .sample = {.pid = DRIVER_PID, .space = DRIVER_SPACE}};
    struct moment moment;
    for (uint64_t i = 0; i < MANY; i++) {
        record.sample.time = i * SECOND / 100;
        record.sample.resident_pages = i;
        assert_int_equal(decoder_apply(d.decoder, &record, &moment), 0);
        timeline_add(d.context, d.decoder, &moment);
    }
    uint64_t values[10];
    timeline_series(d.context, SERIES_RESIDENT, 10, values);
    for (uint64_t i = 0; i < 10; i++)
        assert_in_range(values[i], ((i + 1) * MANY / 10 - 1) * TRACE_PAGE,
                        ((i + 1) * MANY / 10 + MANY / 256) * TRACE_PAGE);
    assert_true(t->samples == MANY && t->resident.bytes == (MANY - 1) * (uint64_t)TRACE_PAGE);
    end(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_virtual_peak),   cmocka_unit_test(test_resident_peak),
        cmocka_unit_test(test_end_numbers),    cmocka_unit_test(test_calls_and_kinds),
        cmocka_unit_test(test_largest),        cmocka_unit_test(test_heap),
        cmocka_unit_test(test_faults),         cmocka_unit_test(test_faults_when_attached),
        cmocka_unit_test(test_many_processes), cmocka_unit_test(test_threads_and_notes),
        cmocka_unit_test(test_steps),          cmocka_unit_test(test_value_holds),
        cmocka_unit_test(test_empty_series),   cmocka_unit_test(test_long_recordings),
        cmocka_unit_test(test_jumps),          cmocka_unit_test(test_many_samples),
    };
    return cmocka_run_group_tests_name("timeline", tests, NULL, NULL);
}
