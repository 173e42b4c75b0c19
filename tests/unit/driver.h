/*
 * driver.h: a decoder that is fed with hand-made records.
 *
 * After every record the model is checked as a whole: segments in order and not overlapping, all sums right.
 *
 *     struct driver d;
 *     driver_begin(&d);
 *     DRIVE(&d, .call = CALL_MMAP, .args = {0, 8192, 3, 0x22, UINT64_MAX, 0}, .ret = 0x10000);
 *     driver_layout(&d, "10000-12000 rw-p anonymous #1\n");
 *     driver_end(&d);
 */
#ifndef BRKWATER_TESTS_DRIVER_H
#define BRKWATER_TESTS_DRIVER_H

#include "../../decoder/decoder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

enum { DRIVER_PID = 100, DRIVER_SPACE = 2, DRIVER_BRK = 0x1000000 };

struct driver {
    struct decoder *decoder;
    struct record record; /* the last one */
    struct moment moment; /* what it gave */
    uint64_t time;
    uint32_t tid, pid, space;                       /* of the calls to come */
    void (*after)(struct driver *d, void *context); /* called after each record; may be NULL */
    void *context;
};

/* ---- the model as a whole ---- */

static inline void driver_check_space(const struct decoder *decoder, uint32_t space, uint64_t *by_kind)
{
    struct space_info info;
    struct segment s;
    uint64_t bytes = 0, count = 0, kinds[KIND_COUNT] = {0};
    tracee_addr end = 0;
    assert_true(decoder_space(decoder, space, &info));
    while (decoder_segment(decoder, space, end, &s)) {
        assert_true(s.start >= end && s.start < s.end);
        assert_true((s.start | s.end) % TRACE_PAGE == 0);
        bytes += s.end - s.start;
        kinds[segment_kind(&s)] += s.end - s.start;
        end = s.end;
        count++;
    }
    assert_true(info.bytes == bytes);
    assert_true(info.segments == count);
    assert_memory_equal(info.by_kind, kinds, sizeof(kinds));
    for (int kind = 0; kind < KIND_COUNT; kind++)
        by_kind[kind] += kinds[kind];
}

static inline void driver_check(const struct decoder *decoder)
{
    uint64_t by_kind[KIND_COUNT] = {0}, heap = 0, resident = 0;
    struct space_info info;
    for (uint32_t space = 0; (space = decoder_next_space(decoder, space)) != 0;) {
        driver_check_space(decoder, space, by_kind);
        assert_true(decoder_space(decoder, space, &info));
        heap += info.heap;
        resident += info.resident;
    }
    assert_memory_equal(decoder_kind_bytes(decoder), by_kind, sizeof(by_kind));
    assert_true(decoder_heap_bytes(decoder) == heap);
    assert_true(decoder_resident_bytes(decoder) == resident);
}

/* ---- records ---- */

static inline void driver_apply(struct driver *d, const struct record *record)
{
    d->record = *record;
    assert_int_equal(decoder_apply(d->decoder, &d->record, &d->moment), 0);
    driver_check(d->decoder);
    if (d->after)
        d->after(d, d->context);
}

/* A call at the driver's thread, one tick after the last record; it takes no time. */
static inline struct change driver_call(struct driver *d, const struct rec_event *event)
{
    struct record record = {.kind = REC_EVENT, .event = *event};
    record.event.time = ++d->time;
    record.event.tid = d->tid;
    record.event.pid = d->pid;
    record.event.space = d->space;
    record.event.nargs = call_info((enum call)event->call)->nargs;
    driver_apply(d, &record);
    return d->moment.change;
}

#define DRIVE(driver, ...) driver_call((driver), &(struct rec_event){__VA_ARGS__})

static inline void driver_file(struct driver *d, uint32_t id, uint64_t inode, const char *path)
{
    driver_apply(d, &(struct record){
                        .kind = REC_FILE,
                        .file = {.id = id, .major = inode ? 0xfe : 0, .inode = inode, .path = {path, strlen(path)}}});
}

static inline void driver_checkpoint(struct driver *d, enum checkpoint_reason reason, uint32_t count,
                                     const struct rec_mapping *mappings)
{
    driver_apply(d, &(struct record){.kind = REC_CHECKPOINT,
                                     .checkpoint = {.time = ++d->time,
                                                    .space = d->space,
                                                    .pid = d->pid,
                                                    .reason = reason,
                                                    .n_mappings = count,
                                                    .mappings = mappings}});
}

static inline void driver_task(struct driver *d, const struct rec_task *task)
{
    struct record record = {.kind = REC_TASK, .task = *task};
    record.task.time = ++d->time;
    driver_apply(d, &record);
}

static inline void driver_space_end(struct driver *d, uint32_t space)
{
    driver_apply(d, &(struct record){.kind = REC_SPACE_END, .space_end = {++d->time, space}});
}

static inline void driver_exec(struct driver *d, const struct rec_exec *exec)
{
    struct record record = {.kind = REC_EXEC, .exec = *exec};
    record.exec.time = ++d->time;
    driver_apply(d, &record);
    d->space = exec->space;
}

static inline void driver_open(struct driver *d)
{
    *d = (struct driver){.decoder = decoder_new(), .tid = DRIVER_PID, .pid = DRIVER_PID};
    assert_non_null(d->decoder);
}

/* One process, the command, in an address space that is empty, its break at DRIVER_BRK. */
static inline void driver_start(struct driver *d)
{
    driver_task(d, &(struct rec_task){.tid = DRIVER_PID, .pid = DRIVER_PID, .space = 1, .flags = TASK_FIRST});
    driver_exec(
        d,
        &(struct rec_exec){
            .pid = DRIVER_PID, .old_tid = DRIVER_PID, .old_space = 1, .space = DRIVER_SPACE, .start_brk = DRIVER_BRK});
    driver_space_end(d, 1);
    driver_checkpoint(d, CHECKPOINT_EXEC, 0, NULL);
}

static inline void driver_begin(struct driver *d)
{
    driver_open(d);
    driver_start(d);
}

static inline void driver_end(struct driver *d)
{
    decoder_free(d->decoder);
    d->decoder = NULL;
}

/* ---- looking ---- */

static inline void driver_print_segment(FILE *out, const struct segment *s)
{
    fprintf(out, "%llx-%llx %c%c%c%c %s #%llu", (unsigned long long)s->start, (unsigned long long)s->end,
            s->prot & 1 ? 'r' : '-', s->prot & 2 ? 'w' : '-', s->prot & 4 ? 'x' : '-',
            s->flags & SEGMENT_SHARED ? 's' : 'p', kind_name(segment_kind(s)), (unsigned long long)s->birth);
    if (s->file || s->offset)
        fprintf(out, " f%u+%llx", s->file, (unsigned long long)s->offset);
    static const struct {
        uint16_t flag;
        const char *name;
    } flags[] = {{SEGMENT_GROWS_DOWN, " grows"},   {SEGMENT_DONT_FORK, " dontfork"}, {SEGMENT_WIPE_ON_FORK, " wipe"},
                 {SEGMENT_KERNEL_MADE, " kernel"}, {SEGMENT_FOUND, " found"},        {SEGMENT_NAMED, " named"}};
    for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++)
        if (s->flags & flags[i].flag)
            fputs(flags[i].name, out);
    fputc('\n', out);
}

/* Compare the segments of a space with a text, one line a segment:
 *     10000-12000 r--s file #3 f2+5000 dontfork
 * start and end, protection, kind now, birth, file and offset if any, flags (grows dontfork wipe kernel
 * named). */
static inline void driver_layout_of(const struct driver *d, uint32_t space, const char *expected)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    struct segment s;
    assert_non_null(out);
    for (tracee_addr at = 0; decoder_segment(d->decoder, space, at, &s); at = s.end)
        driver_print_segment(out, &s);
    fclose(out);
    assert_string_equal(text, expected);
    free(text);
}

static inline void driver_layout(const struct driver *d, const char *expected)
{
    driver_layout_of(d, d->space, expected);
}

/* Nothing that a record said was refused, and no call mapped over live pages unasked. */
static inline void driver_clean(const struct driver *d)
{
    assert_true(decoder_contradictions(d->decoder) == 0);
    assert_true(decoder_impossible(d->decoder) == 0);
    assert_true(decoder_drift(d->decoder) == 0);
}

#endif
