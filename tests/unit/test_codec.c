/* links: tracer.a */
/* test_codec.c: records into bytes and back, whole, cut, damaged, and from a newer version. */
#include "../../tracer/trace.h"

#include "random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define TEXT(literal)                                                                                                  \
    {                                                                                                                  \
        .data = literal, .size = sizeof(literal) - 1                                                                   \
    }

enum { STREAM = 400, MAX_TEXT = 60, MAX_MAPPINGS = 12 };

/* ---- fields ---- */

/* Every field of every record: made, compared and read by one loop each. */
struct field {
    enum record_kind kind;
    size_t offset, size; /* in struct record; size 0: a text */
};

/* clang-format off */
#define N(kind, member) {kind, offsetof(struct record, member), sizeof(((struct record *)0)->member)}
#define T(kind, member) {kind, offsetof(struct record, member), 0}
static const struct field fields[] = {
    N(REC_HEADER, header.major), N(REC_HEADER, header.minor), N(REC_HEADER, header.wall_ns),
    N(REC_HEADER, header.page_size), N(REC_HEADER, header.clock_ticks), N(REC_HEADER, header.max_map_count),
    N(REC_HEADER, header.sample_interval), N(REC_HEADER, header.flags), T(REC_HEADER, header.version),
    T(REC_HEADER, header.machine), T(REC_HEADER, header.kernel), T(REC_HEADER, header.cwd),
    T(REC_HEADER, header.argv),
    N(REC_SYNC, sync.time), N(REC_SYNC, sync.event), N(REC_SYNC, sync.sequence),
    N(REC_TASK, task.time), N(REC_TASK, task.tid), N(REC_TASK, task.pid), N(REC_TASK, task.parent),
    N(REC_TASK, task.space), N(REC_TASK, task.copied_from), N(REC_TASK, task.flags),
    N(REC_EXEC, exec.time), N(REC_EXEC, exec.pid), N(REC_EXEC, exec.old_tid), N(REC_EXEC, exec.old_space),
    N(REC_EXEC, exec.space), N(REC_EXEC, exec.flags), N(REC_EXEC, exec.start_brk), T(REC_EXEC, exec.exe),
    T(REC_EXEC, exec.comm),
    N(REC_EVENT, event.time), N(REC_EVENT, event.duration), N(REC_EVENT, event.entry),
    N(REC_EVENT, event.exit), N(REC_EVENT, event.tid), N(REC_EVENT, event.pid), N(REC_EVENT, event.space),
    N(REC_EVENT, event.call), N(REC_EVENT, event.abi), N(REC_EVENT, event.flags), N(REC_EVENT, event.nargs),
    N(REC_EVENT, event.args[0]), N(REC_EVENT, event.args[1]), N(REC_EVENT, event.args[2]),
    N(REC_EVENT, event.args[3]), N(REC_EVENT, event.args[4]), N(REC_EVENT, event.args[5]),
    N(REC_EVENT, event.ret), N(REC_EVENT, event.error), N(REC_EVENT, event.file), N(REC_EVENT, event.length),
    N(REC_EVENT, event.at), N(REC_EVENT, event.minflt), N(REC_EVENT, event.majflt), N(REC_EVENT, event.stack),
    T(REC_EVENT, event.text), T(REC_EVENT, event.list), N(REC_EVENT, event.huge),
    N(REC_FILE, file.id), N(REC_FILE, file.major), N(REC_FILE, file.minor), N(REC_FILE, file.inode),
    T(REC_FILE, file.path),
    N(REC_CHECKPOINT, checkpoint.time), N(REC_CHECKPOINT, checkpoint.space),
    N(REC_CHECKPOINT, checkpoint.pid), N(REC_CHECKPOINT, checkpoint.reason),
    N(REC_CHECKPOINT, checkpoint.n_mappings),
    N(REC_CHECKPOINT, checkpoint.range.start), N(REC_CHECKPOINT, checkpoint.range.end),
    N(REC_SAMPLE, sample.time), N(REC_SAMPLE, sample.pid), N(REC_SAMPLE, sample.space),
    N(REC_SAMPLE, sample.flags), N(REC_SAMPLE, sample.virtual_pages), N(REC_SAMPLE, sample.resident_pages),
    N(REC_SAMPLE, sample.minflt), N(REC_SAMPLE, sample.majflt), N(REC_SAMPLE, sample.anon_kib),
    N(REC_SAMPLE, sample.file_kib), N(REC_SAMPLE, sample.shmem_kib), N(REC_SAMPLE, sample.swap_kib),
    N(REC_SAMPLE, sample.peak_resident_kib), N(REC_SAMPLE, sample.peak_virtual_kib),
    N(REC_EXIT, exit.time), N(REC_EXIT, exit.tid), N(REC_EXIT, exit.pid), N(REC_EXIT, exit.last),
    N(REC_EXIT, exit.status),
    N(REC_SPACE_END, space_end.time), N(REC_SPACE_END, space_end.space),
    N(REC_NOTE, note.time), N(REC_NOTE, note.code), N(REC_NOTE, note.tid), N(REC_NOTE, note.pid),
    N(REC_NOTE, note.value), T(REC_NOTE, note.text),
    N(REC_END, end.time), N(REC_END, end.reason), N(REC_END, end.value), N(REC_END, end.status),
    N(REC_END, end.has_status), N(REC_END, end.events), N(REC_END, end.stops), N(REC_END, end.cpu_ticks),
    N(REC_CACHE, cache.what), N(REC_CACHE, cache.version), T(REC_CACHE, cache.data),
    N(REC_MODULE, module.id), N(REC_MODULE, module.flags), N(REC_MODULE, module.major), N(REC_MODULE, module.minor),
    N(REC_MODULE, module.inode), T(REC_MODULE, module.path), T(REC_MODULE, module.build_id),
    N(REC_LOAD, load.space), N(REC_LOAD, load.module), N(REC_LOAD, load.bias),
    N(REC_FRAME, frame.id), N(REC_FRAME, frame.module), N(REC_FRAME, frame.flags), N(REC_FRAME, frame.space),
    N(REC_FRAME, frame.address),
    N(REC_ATTACH, attach.time), N(REC_ATTACH, attach.pid), N(REC_ATTACH, attach.own_pid),
    N(REC_ATTACH, attach.threads), N(REC_ATTACH, attach.pause),
    N(REC_COST, cost.time), N(REC_COST, cost.foreign), N(REC_COST, cost.served), N(REC_COST, cost.detach),
    N(REC_COST, cost.left),
    N(REC_FAULTS, faults.time), N(REC_FAULTS, faults.lasted), N(REC_FAULTS, faults.space), N(REC_FAULTS, faults.pid),
    N(REC_FAULT_SIGHT, fault_sight.time), N(REC_FAULT_SIGHT, fault_sight.sight), N(REC_FAULT_SIGHT, fault_sight.error),
    N(REC_FAULT_SIGHT, fault_sight.rings), N(REC_FAULT_SIGHT, fault_sight.ring_bytes), N(REC_FAULT_SIGHT, fault_sight.seen),
    N(REC_FAULT_SIGHT, fault_sight.lost), N(REC_FAULT_SIGHT, fault_sight.unplaced), N(REC_FAULT_SIGHT, fault_sight.stacks),
    N(REC_FAULT_SIGHT, fault_sight.by_ip),
    N(REC_RESIDENCY, residency.time), N(REC_RESIDENCY, residency.space), N(REC_RESIDENCY, residency.pid),
    N(REC_RESIDENCY, residency.reason), N(REC_RESIDENCY, residency.flags), N(REC_RESIDENCY, residency.cost),
    N(REC_RESIDENCY, residency.rss_kib), N(REC_RESIDENCY, residency.pss_kib), N(REC_RESIDENCY, residency.anon_kib),
    N(REC_RESIDENCY, residency.lazy_kib), N(REC_RESIDENCY, residency.huge_kib), N(REC_RESIDENCY, residency.swap_kib),
    N(REC_RESIDENCY, residency.huge_looked), N(REC_RESIDENCY, residency.huge_zero),
    N(REC_STACK, stack.id), N(REC_STACK, stack.quality), N(REC_STACK, stack.end), N(REC_STACK, stack.n_frames),
    N(REC_TEXT, text.id), T(REC_TEXT, text.text),
    N(REC_NAMES, names.frame), N(REC_NAMES, names.offset), N(REC_NAMES, names.n_lines),
    N(REC_SYMBOLS, symbols.module), N(REC_SYMBOLS, symbols.problem),
    N(REC_CODE, code.frame), N(REC_CODE, code.flags), N(REC_CODE, code.address), T(REC_CODE, code.bytes),
    N(REC_CODE, code.n_lines),
    N(REC_WALK, walk.time), N(REC_WALK, walk.space), N(REC_WALK, walk.pid), N(REC_WALK, walk.reason),
    N(REC_WALK, walk.flags), N(REC_WALK, walk.arena), N(REC_WALK, walk.rest), N(REC_WALK, walk.cost),
    N(REC_WALK, walk.start), N(REC_WALK, walk.end), N(REC_WALK, walk.ending), N(REC_WALK, walk.ended),
    N(REC_WALK, walk.used), N(REC_WALK, walk.used_chunks), N(REC_WALK, walk.binned), N(REC_WALK, walk.binned_chunks),
    N(REC_WALK, walk.unsorted), N(REC_WALK, walk.unsorted_chunks), N(REC_WALK, walk.tcache),
    N(REC_WALK, walk.tcache_chunks), N(REC_WALK, walk.fast), N(REC_WALK, walk.fast_chunks), N(REC_WALK, walk.tcaches),
    N(REC_WALK, walk.top), N(REC_WALK, walk.top_at), N(REC_WALK, walk.other), N(REC_WALK, walk.unseen),
    N(REC_WALK, walk.pages), N(REC_WALK, walk.top_pages), N(REC_WALK, walk.pin), N(REC_WALK, walk.pin_size),
    N(REC_WALK, walk.between), N(REC_WALK, walk.above), N(REC_WALK, walk.above_chunks), N(REC_WALK, walk.n_runs), T(REC_WALK, walk.cells),
};
/* clang-format on */

#define FOR_EACH_FIELD(f, of_kind)                                                                                     \
    for (const struct field *f = fields; f < fields + sizeof(fields) / sizeof(fields[0]); f++)                         \
        if (f->kind == (of_kind))

/* Any member of the union begins where the union does. */
static void *field_of(struct record *record, const struct field *f)
{
    return (char *)record + f->offset;
}

static const struct text *text_of(const struct record *record, const struct field *f)
{
    return (const struct text *)(const void *)((const char *)record + f->offset);
}

static void set_number(struct record *record, const struct field *f, uint64_t value)
{
    uint32_t narrow = (uint32_t)value;
    memcpy(field_of(record, f), f->size == 8 ? (void *)&value : (void *)&narrow, f->size);
}

static void same_text(const struct text *a, const struct text *b)
{
    assert_int_equal(a->size, b->size);
    if (a->size)
        assert_memory_equal(a->data, b->data, a->size);
}

static void same_mappings(const struct rec_checkpoint *a, const struct rec_checkpoint *b)
{
    for (uint32_t i = 0; i < a->n_mappings; i++) {
        const struct rec_mapping *m = &a->mappings[i], *n = &b->mappings[i];
        assert_true(m->start == n->start && m->end == n->end && m->offset == n->offset);
        assert_true(m->prot == n->prot && m->shared == n->shared && m->file == n->file);
    }
}

/* The list of plain numbers that a record ends with, and its bytes; NULL for none. */
static const void *list_of(const struct record *r, size_t *ret_size)
{
    *ret_size = 0;
    switch (r->kind) {
    case REC_STACK:
        *ret_size = r->stack.n_frames * sizeof(*r->stack.frames);
        return r->stack.frames;
    case REC_NAMES:
        *ret_size = r->names.n_lines * sizeof(*r->names.lines);
        return r->names.lines;
    case REC_CODE:
        *ret_size = r->code.n_lines * sizeof(*r->code.lines);
        return r->code.lines;
    case REC_WALK:
        *ret_size = r->walk.n_runs * sizeof(*r->walk.runs);
        return r->walk.runs;
    default:
        return NULL;
    }
}

static void same_record(const struct record *a, const struct record *b)
{
    assert_int_equal(a->kind, b->kind);
    FOR_EACH_FIELD(f, a->kind)
    {
        if (f->size)
            assert_memory_equal((const char *)a + f->offset, (const char *)b + f->offset, f->size);
        else
            same_text(text_of(a, f), text_of(b, f));
    }
    if (a->kind == REC_CHECKPOINT)
        same_mappings(&a->checkpoint, &b->checkpoint);
    size_t size;
    const void *list = list_of(a, &size);
    if (size)
        assert_memory_equal(list, list_of(b, &size), size);
}

/* ---- making records ---- */

/* A record with the storage that it points into. */
struct made {
    struct record record;
    char text[5][MAX_TEXT];
    struct rec_mapping mappings[MAX_MAPPINGS];
    uint32_t list[3 * MAX_MAPPINGS];
    struct walk_run runs[WALK_RUNS];
    size_t offset; /* in the stream, of its first byte */
};

static struct text some_text(struct random_source *r, char *storage)
{
    size_t size = random_below(r, MAX_TEXT + 1);
    for (size_t i = 0; i < size; i++)
        storage[i] = (char)random_below(r, 256);
    return (struct text){size ? storage : NULL, size};
}

/* What a field can't hold in the file is left out of the record. */
static void limit_event(struct random_source *r, struct rec_event *e)
{
    static const uint32_t calls[] = {CALL_MMAP, CALL_MUNMAP, CALL_BRK, CALL_MREMAP, CALL_PRCTL, CALL_EXECVE};
    if (!random_once_in(r, 8))
        e->call = calls[random_below(r, sizeof(calls) / sizeof(calls[0]))];
    e->flags &= 0xff;
    e->nargs %= CALL_MAX_ARGS + 1;
    for (uint32_t i = e->nargs; i < CALL_MAX_ARGS; i++)
        e->args[i] = 0;
    if (!(e->flags & EVENT_FAULTS))
        e->minflt = e->majflt = 0;
}

static void limit_sample(struct rec_sample *s)
{
    if (!(s->flags & SAMPLE_SPLIT))
        s->anon_kib = s->file_kib = s->shmem_kib = s->swap_kib = 0;
    if (!(s->flags & SAMPLE_PEAKS))
        s->peak_resident_kib = s->peak_virtual_kib = 0;
}

static void some_mappings(struct random_source *r, struct made *m)
{
    m->record.checkpoint.n_mappings %= MAX_MAPPINGS + 1;
    m->record.checkpoint.mappings = m->mappings;
    for (uint32_t i = 0; i < m->record.checkpoint.n_mappings; i++)
        m->mappings[i] = (struct rec_mapping){.start = random_edge(r),
                                              .end = random_edge(r),
                                              .offset = random_edge(r),
                                              .prot = (uint32_t)random_edge(r) >> 1,
                                              .shared = (uint32_t)random_below(r, 2),
                                              .file = (uint32_t)random_edge(r)};
}

/* Of numbers of 32 bits, whatever they mean. */
static void some_list(struct random_source *r, struct made *m)
{
    struct record *record = &m->record;
    for (size_t i = 0; i < sizeof(m->list) / sizeof(m->list[0]); i++)
        m->list[i] = (uint32_t)random_edge(r);
    record->kind == REC_STACK   ? (record->stack.n_frames %= MAX_MAPPINGS + 1)
    : record->kind == REC_NAMES ? (record->names.n_lines %= MAX_MAPPINGS + 1)
                                : (record->code.n_lines %= MAX_MAPPINGS + 1);
    if (record->kind == REC_STACK)
        record->stack.frames = m->list;
    else if (record->kind == REC_NAMES)
        record->names.lines = (const struct rec_line *)(const void *)m->list;
    else
        record->code.lines = (const struct rec_code_line *)(const void *)m->list;
}

static void some_runs(struct random_source *r, struct made *m)
{
    struct rec_walk *walk = &m->record.walk;
    walk->n_runs = (uint32_t)random_below(r, WALK_RUNS + 1);
    for (uint32_t i = 0; i < walk->n_runs; i++)
        m->runs[i] = (struct walk_run){random_edge(r), random_edge(r)};
    walk->runs = m->runs;
    walk->cells.size = walk->cells.size < WALK_CELLS ? walk->cells.size : WALK_CELLS;
}

static void some_record(struct random_source *r, enum record_kind kind, struct made *m)
{
    int texts = 0;
    memset(m, 0, sizeof(*m));
    m->record.kind = kind;
    FOR_EACH_FIELD(f, kind)
    {
        if (f->size) {
            set_number(&m->record, f, random_edge(r));
        } else {
            struct text text = some_text(r, m->text[texts++]);
            memcpy(field_of(&m->record, f), &text, sizeof(text));
        }
    }
    if (kind == REC_HEADER)
        m->record.header.major = TRACE_MAJOR;
    else if (kind == REC_EVENT)
        limit_event(r, &m->record.event);
    else if (kind == REC_SAMPLE)
        limit_sample(&m->record.sample);
    else if (kind == REC_CHECKPOINT)
        some_mappings(r, m);
    else if (kind == REC_STACK || kind == REC_NAMES || kind == REC_CODE)
        some_list(r, m);
    else if (kind == REC_WALK)
        some_runs(r, m);
}

/* Not every number below REC_KINDS is a kind. */
static bool is_kind(enum record_kind kind)
{
    struct codec *codec = codec_new();
    struct record record = {.kind = kind}, back;
    size_t size, used;
    assert_int_equal(codec_encode(codec, &record), 0);
    const unsigned char *bytes = codec_bytes(codec, &size);
    const bool known = codec_decode(codec, bytes, size, &back, &used) == 1;
    codec_free(codec);
    return known;
}

/* A stream of records of all kinds: each kind once in order, then at random. */
struct stream {
    struct made made[STREAM];
    size_t count;
    unsigned char *bytes; /* of exactly `size` bytes, so that the address sanitizer sees the end */
    size_t size;
};

static unsigned char *copy_of(const unsigned char *bytes, size_t size)
{
    unsigned char *copy = malloc(size ? size : 1);
    assert_non_null(copy);
    if (size)
        memcpy(copy, bytes, size);
    return size ? copy : copy + 1;
}

static void free_copy(unsigned char *copy, size_t size)
{
    free(size ? copy : copy - 1);
}

static struct stream *stream_new(uint64_t seed, size_t count)
{
    struct random_source random = {seed};
    struct stream *s = calloc(1, sizeof(*s));
    struct codec *codec = codec_new();
    assert_true(s && codec && count <= STREAM);
    s->count = count;
    for (size_t i = 0; i < count; i++) {
        size_t kind = i < REC_KINDS - 1 ? i : random_below(&random, REC_KINDS - 1);
        while (!is_kind((enum record_kind)(kind + 1)))
            kind = random_below(&random, REC_KINDS - 1);
        some_record(&random, (enum record_kind)(kind + 1), &s->made[i]);
        codec_bytes(codec, &s->made[i].offset);
        assert_int_equal(codec_encode(codec, &s->made[i].record), 0);
    }
    const unsigned char *bytes = codec_bytes(codec, &s->size);
    s->bytes = copy_of(bytes, s->size);
    codec_free(codec);
    return s;
}

static void stream_free(struct stream *s)
{
    free_copy(s->bytes, s->size);
    free(s);
}

/* Read everything that a record points to, so that a sanitizer sees it. */
static unsigned touch(const struct record *record)
{
    unsigned sum = 0;
    FOR_EACH_FIELD(f, record->kind)
    {
        const struct text *text = f->size ? NULL : text_of(record, f);
        for (size_t i = 0; text && i < text->size; i++)
            sum += (unsigned char)text->data[i];
    }
    if (record->kind == REC_EVENT)
        assert_in_range(record->event.nargs, 0, CALL_MAX_ARGS);
    for (uint32_t i = 0; record->kind == REC_CHECKPOINT && i < record->checkpoint.n_mappings; i++)
        sum += (unsigned)record->checkpoint.mappings[i].end;
    size_t size;
    const unsigned char *list = list_of(record, &size);
    for (size_t i = 0; i < size; i++)
        sum += list[i];
    return sum;
}

/* ---- tests ---- */

/* A kind without a field above would be compared with nothing. */
static void test_every_kind_has_fields(void **state)
{
    (void)state;
    for (int kind = REC_HEADER; kind < REC_KINDS; kind++) {
        size_t count = 0;
        FOR_EACH_FIELD(f, (enum record_kind)kind)
        count++;
        assert_int_equal(count > 0, is_kind((enum record_kind)kind));
    }
}

static void test_round_trip(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 60; seed++) {
        struct stream *s = stream_new(seed, STREAM);
        struct codec *codec = codec_new();
        struct record record;
        size_t at = 0, used = 0;
        for (size_t i = 0; i < s->count; i++) {
            assert_int_equal(at, s->made[i].offset);
            assert_int_equal(codec_decode(codec, s->bytes + at, s->size - at, &record, &used), 1);
            same_record(&s->made[i].record, &record);
            at += used;
        }
        assert_int_equal(at, s->size);
        codec_free(codec);
        stream_free(s);
    }
}

/* Encode one record by itself, decode it, compare. */
static void check_alone(const struct record *record)
{
    struct codec *writer = codec_new(), *reader = codec_new();
    struct record got;
    size_t size, used = 0;
    assert_int_equal(codec_encode(writer, record), 0);
    const unsigned char *bytes = codec_bytes(writer, &size);
    assert_int_equal(codec_decode(reader, bytes, size, &got, &used), 1);
    assert_int_equal(used, size);
    same_record(record, &got);
    codec_free(writer);
    codec_free(reader);
}

/* Runs of faults: any order of places and stacks, with and without more faults than pages. */
static void test_fault_runs(void **state)
{
    (void)state;
    enum { RUNS = 40 };
    struct random_source random = {11};
    for (int round = 0; round < 200; round++) {
        struct rec_fault_run runs[RUNS];
        struct record record = {.kind = REC_FAULTS,
                                .faults = {.time = 77, .lasted = 7, .space = 2, .pid = 3, .runs = runs}};
        struct codec *writer = codec_new(), *reader = codec_new();
        struct record got;
        size_t size, used = 0;
        record.faults.n_runs = (uint32_t)random_below(&random, RUNS + 1);
        for (uint32_t i = 0; i < record.faults.n_runs; i++)
            runs[i] = (struct rec_fault_run){.stack = (uint32_t)random_edge(&random),
                                             .flags = (uint32_t)random_below(&random, 4),
                                             .start = random_edge(&random),
                                             .pages = random_edge(&random),
                                             .faults = random_edge(&random)};
        assert_int_equal(codec_encode(writer, &record), 0);
        const unsigned char *bytes = codec_bytes(writer, &size);
        assert_int_equal(codec_decode(reader, bytes, size, &got, &used), 1);
        assert_int_equal(got.faults.n_runs, record.faults.n_runs);
        if (got.faults.n_runs)
            assert_memory_equal(got.faults.runs, runs, got.faults.n_runs * sizeof(*runs));
        codec_free(writer);
        codec_free(reader);
    }
}

static void test_zero_and_highest(void **state)
{
    (void)state;
    for (int kind = REC_HEADER; kind < REC_KINDS; kind++) {
        struct record record = {.kind = (enum record_kind)kind};
        if (!is_kind(record.kind))
            continue;
        check_alone(&record);
    }
    static const uint32_t numbers[] = {UINT32_MAX, 0, UINT32_MAX};
    static const struct walk_run run = {UINT64_MAX, UINT64_MAX};
    static struct rec_mapping mapping = {UINT64_MAX, UINT64_MAX, UINT64_MAX, INT32_MAX, 1, UINT32_MAX};
    for (int kind = REC_HEADER; kind < REC_KINDS; kind++)
        for (uint32_t call = CALL_NONE; call <= (kind == REC_EVENT ? CALL_COUNT : 0); call++) {
            struct record record = {.kind = (enum record_kind)kind};
            if (!is_kind(record.kind))
                continue;
            FOR_EACH_FIELD(f, record.kind)
            {
                if (f->size)
                    set_number(&record, f, UINT64_MAX);
            }
            if (kind == REC_HEADER) {
                record.header.major = TRACE_MAJOR;
            } else if (kind == REC_CHECKPOINT) {
                record.checkpoint.n_mappings = 1;
                record.checkpoint.mappings = &mapping;
            } else if (kind == REC_EVENT) {
                record.event.call = call;
                record.event.flags = 0xff;
                record.event.nargs = CALL_MAX_ARGS;
            } else if (kind == REC_STACK) {
                record.stack.n_frames = 3;
                record.stack.frames = numbers;
            } else if (kind == REC_NAMES) {
                record.names.n_lines = 1;
                record.names.lines = (const struct rec_line *)(const void *)numbers;
            } else if (kind == REC_CODE) {
                record.code.n_lines = 1;
                record.code.lines = (const struct rec_code_line *)(const void *)numbers;
            } else if (kind == REC_WALK) {
                record.walk.n_runs = 1;
                record.walk.runs = &run;
            }
            check_alone(&record);
        }
}

/* Every pair of neighbours of these makes a difference that is hard to write down. */
static void test_differences(void **state)
{
    (void)state;
    static const uint64_t values[] = {0,
                                      1,
                                      4096,
                                      UINT64_C(1) << 63,
                                      (UINT64_C(1) << 63) - 1,
                                      (UINT64_C(1) << 63) + 1,
                                      UINT64_C(1) << 62,
                                      (UINT64_C(1) << 62) - 1,
                                      (UINT64_C(1) << 62) + 1,
                                      (UINT64_C(3) << 62) + 1,
                                      (UINT64_C(1) << 63) - 4096,
                                      (UINT64_C(1) << 63) + 4096,
                                      UINT64_MAX,
                                      UINT64_MAX - 1,
                                      UINT64_MAX - 4095};
    enum { COUNT = sizeof(values) / sizeof(values[0]) };
    struct codec *writer = codec_new(), *reader = codec_new();
    for (size_t a = 0; a < COUNT; a++)
        for (size_t b = 0; b < COUNT; b++) {
            struct record record = {.kind = REC_EVENT,
                                    .event = {.time = values[b],
                                              .entry = values[a],
                                              .exit = values[b],
                                              .call = CALL_MREMAP,
                                              .nargs = 5,
                                              .args = {values[a], values[b], values[a], 0, values[b]},
                                              .ret = values[a],
                                              .length = values[b]}};
            struct record got;
            size_t size, used;
            codec_clear(writer);
            assert_int_equal(codec_encode(writer, &record), 0);
            const unsigned char *bytes = codec_bytes(writer, &size);
            assert_int_equal(codec_decode(reader, bytes, size, &got, &used), 1);
            same_record(&record, &got);
        }
    codec_free(writer);
    codec_free(reader);
}

static void test_texts(void **state)
{
    (void)state;
    struct record note = {.kind = REC_NOTE, .note = {.text = TEXT("a\0b\0\0\xff\n\033[0m")}};
    check_alone(&note);
    struct record exec = {.kind = REC_EVENT, .event = {.call = CALL_EXECVE, .nargs = 3, .list = TEXT("ls\0-l\0\0")}};
    check_alone(&exec);
    char *longest = malloc(TRACE_MAX_TEXT + 1);
    assert_non_null(longest);
    memset(longest, 0, TRACE_MAX_TEXT + 1);
    note.note.text = (struct text){longest, TRACE_MAX_TEXT};
    check_alone(&note);
    free(longest);
}

/* A frame begins with a sync: what follows can be read without what came before. */
static void test_sync_starts_again(void **state)
{
    (void)state;
    struct random_source random = {11};
    struct made *made = calloc(40, sizeof(*made));
    struct codec *writer = codec_new(), *reader = codec_new();
    struct record got;
    size_t size, used = 0;
    for (int i = 0; i < 20; i++) {
        some_record(&random, REC_EVENT, &made[i]);
        assert_int_equal(codec_encode(writer, &made[i].record), 0);
    }
    codec_clear(writer);
    for (int i = 20; i < 40; i++) {
        some_record(&random, i == 20 ? REC_SYNC : REC_EVENT, &made[i]);
        assert_int_equal(codec_encode(writer, &made[i].record), 0);
    }
    const unsigned char *bytes = codec_bytes(writer, &size);
    for (int i = 20; i < 40; i++, bytes += used, size -= used) {
        assert_int_equal(codec_decode(reader, bytes, size, &got, &used), 1);
        same_record(&made[i].record, &got);
    }
    assert_int_equal(size, 0);
    codec_free(writer);
    codec_free(reader);
    free(made);
}

static size_t put_varint(unsigned char *out, uint64_t value)
{
    size_t used = 0;
    for (; value >= 0x80; value >>= 7)
        out[used++] = (unsigned char)(value | 0x80);
    out[used++] = (unsigned char)value;
    return used;
}

static size_t get_varint(const unsigned char *in, uint64_t *ret_value)
{
    size_t used = 0;
    *ret_value = 0;
    do
        *ret_value |= (uint64_t)(in[used] & 0x7f) << 7 * used;
    while (in[used++] & 0x80);
    return used;
}

static void test_unknown_kinds(void **state)
{
    (void)state;
    static const uint64_t kinds[] = {0,   REC_KINDS,         REC_KINDS + 1,     127,       128,
                                     300, UINT64_C(1) << 32, UINT64_C(1) << 63, UINT64_MAX};
    struct codec *writer = codec_new(), *reader = codec_new();
    struct record event = {.kind = REC_EVENT, .event = {.time = 77, .tid = 5}};
    struct record got;
    size_t event_size, used;
    assert_int_equal(codec_encode(writer, &event), 0);
    const unsigned char *event_bytes = codec_bytes(writer, &event_size);
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        for (uint64_t length = 0; length < 200; length += 33) {
            unsigned char bytes[512];
            size_t size = put_varint(bytes, kinds[i]);
            size += put_varint(bytes + size, length);
            memset(bytes + size, 0xff, length);
            size += length;
            memcpy(bytes + size, event_bytes, event_size);
            assert_int_equal(codec_decode(reader, bytes, size + event_size, &got, &used), 0);
            assert_int_equal(used, size);
            /* The skipped one has not moved what differences refer to. */
            struct codec *fresh = codec_new();
            assert_int_equal(codec_decode(fresh, bytes, size + event_size, &got, &used), 0);
            assert_int_equal(codec_decode(fresh, bytes + used, event_size, &got, &used), 1);
            same_record(&event, &got);
            codec_free(fresh);
        }
    codec_free(writer);
    codec_free(reader);
}

/* The record at `bytes` with a payload of another length: its own, cut, or followed by `extra` bytes. */
static unsigned char *with_length(const unsigned char *bytes, uint64_t length, size_t extra, size_t *ret_size)
{
    uint64_t kind, old_length;
    unsigned char head[20];
    size_t prefix = get_varint(bytes, &kind);
    prefix += get_varint(bytes + prefix, &old_length);
    size_t size = put_varint(head, kind);
    size += put_varint(head + size, length + extra);
    unsigned char *copy = malloc(size + length + extra);
    assert_non_null(copy);
    memcpy(copy, head, size);
    memcpy(copy + size, bytes + prefix, length);
    memset(copy + size + length, 0xa5, extra);
    *ret_size = size + length + extra;
    return copy;
}

static uint64_t payload_length(const unsigned char *bytes)
{
    uint64_t kind, length;
    get_varint(bytes + get_varint(bytes, &kind), &length);
    return length;
}

/* A newer minor version has put fields behind those that are known. */
static void test_newer_minor(void **state)
{
    (void)state;
    struct random_source random = {5};
    for (int kind = REC_HEADER; kind < REC_KINDS; kind++)
        for (size_t extra = 1; extra < 300 && is_kind((enum record_kind)kind); extra += 37) {
            struct made made;
            struct codec *writer = codec_new(), *reader = codec_new();
            struct record got;
            size_t size, used = 0;
            some_record(&random, (enum record_kind)kind, &made);
            assert_int_equal(codec_encode(writer, &made.record), 0);
            const unsigned char *plain = codec_bytes(writer, &size);
            unsigned char *bytes = with_length(plain, payload_length(plain), extra, &size);
            assert_int_equal(codec_decode(reader, bytes, size, &got, &used), 1);
            assert_int_equal(used, size);
            same_record(&made.record, &got);
            free(bytes);
            codec_free(writer);
            codec_free(reader);
        }
}

/* A header with one byte of its payload changed, and cut there when asked to; what decoding says. */
static int decode_header(size_t at, unsigned char value, bool cut)
{
    enum { PREFIX = 2, CODED = PREFIX + 1 }; /* kind, length; the size of the magic text */
    struct codec *writer = codec_new(), *reader = codec_new();
    struct record header = {.kind = REC_HEADER, .header = {.major = TRACE_MAJOR, .version = TEXT("1")}};
    struct record got;
    size_t size, used;
    assert_int_equal(codec_encode(writer, &header), 0);
    const unsigned char *bytes = codec_bytes(writer, &size);
    assert_memory_equal(bytes + CODED, TRACE_MAGIC, strlen(TRACE_MAGIC));
    unsigned char *copy = copy_of(bytes, size);
    copy[PREFIX + at] = value;
    if (cut) {
        copy[1] = (unsigned char)(at + 1);
        unsigned char *shorter = copy_of(copy, PREFIX + at + 1);
        free_copy(copy, size);
        copy = shorter;
        size = PREFIX + at + 1;
    }
    int result = codec_decode(reader, copy, size, &got, &used);
    free_copy(copy, size);
    codec_free(writer);
    codec_free(reader);
    return result;
}

static void test_header_refused(void **state)
{
    (void)state;
    const size_t magic = 1, major = 1 + strlen(TRACE_MAGIC);
    assert_int_equal(decode_header(major, TRACE_MAJOR, false), 1);
    assert_int_equal(decode_header(major, TRACE_MAJOR + 1, false), -TRACE_E_NEWER);
    /* What follows the version may look quite different in a newer one. */
    assert_int_equal(decode_header(major + 1, 0, true), -TRACE_E_DAMAGED);
    assert_int_equal(decode_header(major, 0x7f, false), -TRACE_E_NEWER);
    for (size_t i = 0; i < strlen(TRACE_MAGIC) - 1; i++) {
        assert_int_equal(decode_header(magic + i, '#', false), -TRACE_E_NOT_A_TRACE);
        assert_int_equal(decode_header(magic + i, (unsigned char)TRACE_MAGIC[i], true), -TRACE_E_NOT_A_TRACE);
    }
    assert_int_equal(decode_header(0, 7, false), -TRACE_E_NOT_A_TRACE);   /* a shorter magic text */
    assert_int_equal(decode_header(0, 9, false), -TRACE_E_NOT_A_TRACE);   /* a longer one */
    assert_int_equal(decode_header(0, 120, false), -TRACE_E_NOT_A_TRACE); /* longer than the record */
}

/* Cut anywhere: what is whole is read, what is not is an error, nothing behind the end is looked at. */
static void test_cut_stream(void **state)
{
    (void)state;
    struct stream *s = stream_new(3, 60);
    for (size_t cut = 0; cut < s->size; cut++) {
        unsigned char *bytes = copy_of(s->bytes, cut);
        struct codec *codec = codec_new();
        struct record record;
        size_t at = 0, used, i = 0;
        int result;
        while ((result = codec_decode(codec, bytes + at, cut - at, &record, &used)) == 1) {
            same_record(&s->made[i++].record, &record);
            at += used;
        }
        assert_int_equal(result, -TRACE_E_DAMAGED);
        assert_int_equal(at, s->made[i].offset);
        assert_true(i + 1 == s->count || s->made[i + 1].offset > cut);
        codec_free(codec);
        free_copy(bytes, cut);
    }
    stream_free(s);
}

/* Whether it is the record as format 1.0 had it, without the fields that were added at its end. */
static bool is_older(const struct record *made, const struct record *got)
{
    struct record older = *made;
    if (made->kind != REC_CHECKPOINT)
        return false;
    older.checkpoint.range = (struct span){0, 0};
    same_record(&older, got);
    return true;
}

/* Shorter payloads whose length says so: a field is missing, and it is not to be found in what follows. */
static void test_cut_payloads(void **state)
{
    (void)state;
    static const unsigned char behind[40] = {1};
    struct random_source random = {9};
    for (int round = 0; round < 20; round++)
        for (int kind = REC_HEADER; kind < REC_KINDS; kind++) {
            struct made made;
            struct codec *writer = codec_new();
            struct record got;
            size_t size, used;
            some_record(&random, (enum record_kind)kind, &made);
            assert_int_equal(codec_encode(writer, &made.record), 0);
            const unsigned char *plain = codec_bytes(writer, &size);
            for (uint64_t length = 0; length < payload_length(plain); length++) {
                struct codec *reader = codec_new();
                unsigned char *bytes = with_length(plain, length, 0, &size);
                bytes = realloc(bytes, size + sizeof(behind));
                assert_non_null(bytes);
                memcpy(bytes + size, behind, sizeof(behind));
                int result = codec_decode(reader, bytes, size + sizeof(behind), &got, &used);
                assert_true(result == -TRACE_E_DAMAGED || (kind == REC_HEADER && result == -TRACE_E_NOT_A_TRACE) ||
                            (result == 1 && is_older(&made.record, &got)));
                free(bytes);
                codec_free(reader);
            }
            codec_free(writer);
        }
}

static void test_damage(void **state)
{
    (void)state;
    struct random_source random = {21};
    static volatile unsigned sink;
    for (uint64_t seed = 1; seed <= 10; seed++) {
        struct stream *s = stream_new(100 + seed, 60);
        for (int round = 0; round < 800; round++) {
            unsigned char *bytes = copy_of(s->bytes, s->size);
            for (uint64_t flips = 1 + random_below(&random, 4); flips; flips--)
                bytes[random_below(&random, s->size)] ^= (unsigned char)(1 + random_below(&random, 255));
            struct codec *codec = codec_new();
            struct record record;
            size_t at = 0, used = 0;
            int result;
            while ((result = codec_decode(codec, bytes + at, s->size - at, &record, &used)) >= 0) {
                assert_in_range(used, 1, s->size - at);
                if (result == 1)
                    sink = sink + touch(&record);
                at += used;
            }
            codec_free(codec);
            free_copy(bytes, s->size);
        }
        stream_free(s);
    }
}

/* Numbers that promise more than there is: refused, and nothing is allocated for them. */
static void test_huge_counts(void **state)
{
    (void)state;
    static const unsigned char checkpoint[] = {REC_CHECKPOINT, 9, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0x0f};
    static const unsigned char frames[] = {REC_STACK, 9, 1, 0, 0, 0xff, 0xff, 0xff, 0xff, 0x0f, 2};
    static const unsigned char lines[] = {REC_NAMES, 8, 1, 0, 0x81, 0x02, 0, 0, 0, 0};
    static const unsigned char code[] = {REC_CODE, 8, 1, 0, 0, 0, 0xff, 0x7f, 0, 0};
    static const unsigned char length[] = {REC_NOTE, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01};
    static const unsigned char text[] = {REC_FILE, 10, 1, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0x0f};
    static const unsigned char nargs[] = {REC_EVENT, 16, 0, 2, 0, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0};
    static const unsigned char wide[] = {REC_SPACE_END, 6, 0, 0xff, 0xff, 0xff, 0xff, 0x1f};
    static const unsigned char endless[] = {REC_SPACE_END, 11,   0,    0x80, 0x80, 0x80, 0x80,
                                            0x80,          0x80, 0x80, 0x80, 0x80, 0x80};
    const struct text inputs[] = {
        {(const char *)checkpoint, sizeof(checkpoint)}, {(const char *)frames, sizeof(frames)},
        {(const char *)lines, sizeof(lines)},           {(const char *)code, sizeof(code)},
        {(const char *)length, sizeof(length)},         {(const char *)text, sizeof(text)},
        {(const char *)nargs, sizeof(nargs)},           {(const char *)wide, sizeof(wide)},
        {(const char *)endless, sizeof(endless)},
    };
    for (size_t i = 0; i < sizeof(inputs) / sizeof(inputs[0]); i++) {
        struct codec *codec = codec_new();
        struct record record;
        size_t used;
        unsigned char *bytes = copy_of((const unsigned char *)inputs[i].data, inputs[i].size);
        assert_int_equal(codec_decode(codec, bytes, inputs[i].size, &record, &used), -TRACE_E_DAMAGED);
        free_copy(bytes, inputs[i].size);
        codec_free(codec);
    }
}

/* A record that cannot be written leaves no trace: neither bytes nor a moved reference of the differences. */
static void test_too_large(void **state)
{
    (void)state;
    struct codec *writer = codec_new(), *reader = codec_new();
    char *text = calloc(1, TRACE_MAX_RECORD + 1);
    struct record small = {.kind = REC_EVENT,
                           .event = {.time = 1000, .tid = 7, .pid = 7, .space = 2, .call = CALL_BRK, .nargs = 1}};
    struct record large = {.kind = REC_NOTE, .note = {.time = 5000, .text = {text, TRACE_MAX_RECORD + 1}}};
    struct record got;
    size_t before, after, size, used = 0;
    assert_non_null(text);
    assert_int_equal(codec_encode(writer, &small), 0);
    codec_bytes(writer, &before);
    assert_int_equal(codec_encode(writer, &large), -TRACE_E_TOO_LARGE);
    codec_bytes(writer, &after);
    assert_int_equal(before, after);
    assert_int_equal(codec_encode(writer, &small), 0);
    const unsigned char *bytes = codec_bytes(writer, &size);
    assert_int_equal(codec_decode(reader, bytes, size, &got, &used), 1);
    same_record(&small, &got);
    assert_int_equal(codec_decode(reader, bytes + used, size - used, &got, &used), 1);
    same_record(&small, &got);
    free(text);
    codec_free(writer);
    codec_free(reader);
}

/* Calls as a malloc that is busy makes them: what an event takes before compression. */
static void test_size(void **state)
{
    (void)state;
    enum { EVENTS = 4000, MOST = 30 };
    struct random_source random = {4};
    struct codec *writer = codec_new();
    uint64_t time = 0, sequence = 0, brk = UINT64_C(0x55d0c1234000);
    for (int i = 0; i < EVENTS; i++) {
        uint64_t addr = UINT64_C(0x7f2a4c000000) + random_below(&random, 4096) * TRACE_PAGE;
        uint64_t length = (1 + random_below(&random, 64)) * TRACE_PAGE;
        struct rec_event e = {.time = time += 100 + random_below(&random, 2000),
                              .duration = 20 + random_below(&random, 400),
                              .tid = 4242,
                              .pid = 4242,
                              .space = 2};
        e.entry = ++sequence;
        e.exit = ++sequence;
        switch (i % 4) {
        case 0:
            e.call = CALL_MMAP;
            e.nargs = 6;
            memcpy(e.args, (uint64_t[]){0, length, 3, 0x22, UINT64_MAX, 0}, sizeof(e.args));
            e.ret = addr;
            break;
        case 1:
            e.call = CALL_MPROTECT;
            e.nargs = 3;
            memcpy(e.args, (uint64_t[]){addr, length, 3}, 3 * sizeof(e.args[0]));
            break;
        case 2:
            e.call = CALL_MUNMAP;
            e.nargs = 2;
            memcpy(e.args, (uint64_t[]){addr, length}, 2 * sizeof(e.args[0]));
            break;
        default:
            e.call = CALL_BRK;
            e.nargs = 1;
            e.args[0] = e.ret = brk += length;
        }
        struct record record = {.kind = REC_EVENT, .event = e};
        assert_int_equal(codec_encode(writer, &record), 0);
    }
    size_t size;
    codec_bytes(writer, &size);
    assert_in_range(size / EVENTS, 10, MOST);
    codec_free(writer);
}

static void test_errors_have_texts(void **state)
{
    (void)state;
    for (int error = TRACE_E_NOT_A_TRACE; error <= TRACE_E_TOO_LARGE; error++) {
        assert_non_null(trace_error_text(-error));
        assert_null(strstr(trace_error_text(-error), "Unknown error"));
    }
    assert_string_equal(trace_error_text(-2), "No such file or directory");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_kind_has_fields),
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_fault_runs),
        cmocka_unit_test(test_zero_and_highest),
        cmocka_unit_test(test_differences),
        cmocka_unit_test(test_texts),
        cmocka_unit_test(test_sync_starts_again),
        cmocka_unit_test(test_unknown_kinds),
        cmocka_unit_test(test_newer_minor),
        cmocka_unit_test(test_header_refused),
        cmocka_unit_test(test_cut_stream),
        cmocka_unit_test(test_cut_payloads),
        cmocka_unit_test(test_damage),
        cmocka_unit_test(test_huge_counts),
        cmocka_unit_test(test_too_large),
        cmocka_unit_test(test_size),
        cmocka_unit_test(test_errors_have_texts),
    };
    return cmocka_run_group_tests_name("codec", tests, NULL, NULL);
}
