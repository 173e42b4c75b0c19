/* links: decoder.a tracer.a */
/* test_trace_file.c: trace files: written, read back, cut off, damaged, forged, and on a disk that is full.
 */
#include "../../decoder/decoder.h"
#include "../../tracer/trace_writer.h"

#include "random.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>
#include <cmocka.h>

enum { MAX_FRAMES = 64, MAX_NOTE = 6000 };

/* Every test has this folder to itself. */
static char folder[PATH_MAX], path[PATH_MAX + 16], other[PATH_MAX + 16];

static int set_up(void **state)
{
    (void)state;
    const char *parent = getenv("TMPDIR");
    snprintf(folder, sizeof(folder), "%s/brkwater-XXXXXX", parent && *parent ? parent : "/tmp");
    if (!mkdtemp(folder))
        return -1;
    snprintf(path, sizeof(path), "%s/trace", folder);
    snprintf(other, sizeof(other), "%s/other", folder);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    unlink(path);
    unlink(other);
    return rmdir(folder);
}

/* ---- records ---- */

/* The recordings of these tests: a header, then by turns an event and a note whose text does not compress. */
static struct record record_at(uint64_t index, uint64_t note_size)
{
    static char text[MAX_NOTE];
    if (index == 0)
        return (struct record){.kind = REC_HEADER, .header = {.major = TRACE_MAJOR, .page_size = TRACE_PAGE}};
    struct random_source random = {index};
    if (index % 2)
        return (struct record){.kind = REC_EVENT,
                               .event = {.time = index * 1000,
                                         .duration = index,
                                         .entry = index * 2,
                                         .exit = index * 2 + 1,
                                         .tid = 70,
                                         .pid = 70,
                                         .space = 2,
                                         .call = CALL_MUNMAP,
                                         .nargs = 2,
                                         .args = {random_next(&random), random_next(&random)}}};
    for (uint64_t i = 0; i < note_size; i++)
        text[i] = (char)random_next(&random);
    return (struct record){.kind = REC_NOTE, .note = {.time = index * 1000, .value = index, .text = {text, note_size}}};
}

/* What record it is; it must be just as it was made. */
static uint64_t index_of(const struct record *record, uint64_t note_size)
{
    const uint64_t index = record->kind == REC_EVENT ? record->event.duration : record->note.value;
    const struct record expected = record_at(index, note_size);
    assert_int_equal(record->kind, expected.kind);
    if (record->kind == REC_EVENT) {
        assert_memory_equal(&record->event, &expected.event, sizeof(expected.event));
    } else {
        assert_true(record->note.time == expected.note.time && record->note.text.size == note_size);
        assert_memory_equal(record->note.text.data, expected.note.text.data, note_size);
    }
    return index;
}

/* A file as it was written: where each frame ends, and which record is the first behind it. */
struct written {
    uint64_t note_size;
    size_t n_frames;
    uint64_t end[MAX_FRAMES]; /* bytes */
    uint64_t next[MAX_FRAMES];
};

static uint64_t size_of(const char *file)
{
    struct stat st;
    return stat(file, &st) < 0 ? UINT64_MAX : (uint64_t)st.st_size;
}

static void note_frame(struct written *w, uint64_t next)
{
    const uint64_t size = size_of(path);
    if (size == (w->n_frames ? w->end[w->n_frames - 1] : 0))
        return;
    assert_in_range(w->n_frames, 0, MAX_FRAMES - 1);
    w->end[w->n_frames] = size;
    w->next[w->n_frames++] = next;
}

/* Write `frames` frames of `records` records each, or (0) as many as the writer itself makes of `records` in
 * all. */
static void write_trace(struct written *w, size_t frames, uint64_t records, uint64_t note_size)
{
    struct trace_writer *writer;
    bool written;
    *w = (struct written){.note_size = note_size};
    unlink(path);
    assert_int_equal(trace_writer_open(path, 0, &writer), 0);
    const uint64_t total = frames ? frames * records : records;
    for (uint64_t i = 0; i < total; i++) {
        struct record record = record_at(i, note_size);
        assert_int_equal(trace_writer_put(writer, &record), 0);
        if (frames && i % records == records - 1)
            assert_int_equal(trace_writer_flush(writer), 0);
        note_frame(w, i + 1);
    }
    assert_int_equal(trace_writer_close(writer, false, &written), 0);
    assert_true(written);
    note_frame(w, total);
}

/* First record of a frame. */
static uint64_t first_of(const struct written *w, size_t frame)
{
    return frame ? w->next[frame - 1] : 0;
}

static uint64_t start_of(const struct written *w, size_t frame)
{
    return frame ? w->end[frame - 1] : 0;
}

/* ---- reading ---- */

/* What a file gave when it was read to its end. */
struct found {
    bool frames[MAX_FRAMES]; /* every record of it, in order */
    uint64_t records, events;
    struct trace_loss loss;
    bool ended;
    struct rec_end end;
};

/* Which frame a record is in. */
static size_t frame_of(const struct written *w, uint64_t index)
{
    size_t frame = 0;
    while (frame < w->n_frames && index >= w->next[frame])
        frame++;
    assert_true(frame < w->n_frames);
    return frame;
}

/* One record after another: in order, and in whole frames.  Where frames are not known, every record is
 * there. */
struct check {
    const struct written *written;
    struct found *found;
    uint64_t expected; /* the next record, if no frame is missing */
    bool after_sync;
    struct rec_sync sync;
};

static void check_place(const struct check *c, uint64_t index)
{
    const struct written *w = c->written;
    if (index != c->expected) { /* frames are missing: whole ones */
        assert_true(w->n_frames && index > c->expected);
        assert_true(c->expected == first_of(w, frame_of(w, c->expected)));
        assert_true(index == first_of(w, frame_of(w, index)));
    }
    /* Every frame but the first begins with a sync, which says what event comes next. */
    if (c->after_sync)
        assert_true(c->sync.event == index / 2 + 1);
    if (w->n_frames && index)
        assert_int_equal(c->after_sync, index == first_of(w, frame_of(w, index)));
}

static void check_record(struct check *c, const struct record *record)
{
    const struct written *w = c->written;
    struct found *f = c->found;
    assert_false(f->ended);
    if (record->kind == REC_SYNC) {
        assert_false(c->after_sync);
        c->sync = record->sync;
        c->after_sync = true;
        return;
    }
    if (record->kind == REC_END) {
        f->ended = true;
        f->end = record->end;
        return;
    }
    const uint64_t index = record->kind == REC_HEADER ? 0 : index_of(record, w->note_size);
    check_place(c, index);
    c->after_sync = false;
    c->expected = index + 1;
    f->records++;
    f->events += record->kind == REC_EVENT;
    if (w->n_frames && c->expected == w->next[frame_of(w, index)])
        f->frames[frame_of(w, index)] = true;
}

/* Read all of `file`. */
static void read_trace(const char *file, const struct written *w, struct found *f)
{
    struct check check = {.written = w, .found = f};
    struct trace *trace;
    struct record record;
    int result;
    memset(f, 0, sizeof(*f));
    assert_int_equal(trace_open(file, &trace), 0);
    assert_true(trace_size(trace) == size_of(file));
    while ((result = trace_next(trace, &record)) == 1)
        check_record(&check, &record);
    assert_int_equal(result, 0);
    if (w->n_frames) /* the last frame came whole, too */
        assert_true(f->frames[frame_of(w, check.expected - 1)]);
    f->loss = *trace_loss(trace);
    trace_close(trace);
}

static int open_error(const char *file)
{
    struct trace *trace = NULL;
    int error = trace_open(file, &trace);
    assert_true(error < 0 && !trace);
    return error;
}

/* ---- bytes ---- */

static unsigned char *read_bytes(const char *file, size_t *ret_size)
{
    *ret_size = size_of(file);
    unsigned char *bytes = malloc(*ret_size + 1);
    FILE *in = fopen(file, "re");
    assert_true(bytes && in);
    assert_int_equal(fread(bytes, 1, *ret_size, in), *ret_size);
    fclose(in);
    return bytes;
}

static void write_bytes(const char *file, const void *bytes, size_t size)
{
    FILE *out = fopen(file, "we");
    assert_non_null(out);
    assert_int_equal(fwrite(bytes, 1, size, out), size);
    assert_int_equal(fclose(out), 0);
}

static void append_bytes(const char *file, const void *bytes, size_t size)
{
    FILE *out = fopen(file, "ae");
    assert_non_null(out);
    assert_int_equal(fwrite(bytes, 1, size, out), size);
    assert_int_equal(fclose(out), 0);
}

/* Put a frame with these bytes behind the file. */
static void append_frame(const char *file, const void *bytes, size_t size)
{
    ZSTD_CCtx *zstd = ZSTD_createCCtx();
    size_t capacity = ZSTD_compressBound(size);
    void *packed = malloc(capacity);
    assert_true(zstd && packed);
    ZSTD_CCtx_setParameter(zstd, ZSTD_c_checksumFlag, 1);
    ZSTD_CCtx_setParameter(zstd, ZSTD_c_compressionLevel, 1);
    size_t used = ZSTD_compress2(zstd, packed, capacity, bytes, size);
    assert_false(ZSTD_isError(used));
    append_bytes(file, packed, used);
    free(packed);
    ZSTD_freeCCtx(zstd);
}

/* ---- whole files ---- */

static void check_whole(const struct written *w, uint64_t records)
{
    struct found f;
    read_trace(path, w, &f);
    assert_true(f.records == records);
    assert_false(f.loss.cut || f.loss.damaged || f.loss.bytes || f.loss.damaged_frames || f.loss.unknown);
    for (size_t i = 0; i < w->n_frames; i++)
        assert_true(f.frames[i]);
}

static void test_write_and_read(void **state)
{
    (void)state;
    struct written w;
    write_trace(&w, 6, 10, 20);
    assert_int_equal(w.n_frames, 6);
    check_whole(&w, 60);
    write_trace(&w, 0, 1000, MAX_NOTE);
    assert_in_range(w.n_frames, 8, MAX_FRAMES);
    check_whole(&w, 1000);
    write_trace(&w, 1, 1, 0); /* the header alone */
    check_whole(&w, 1);
}

/* Each frame can be decoded by any zstd, and carries its checksum. */
static void test_frames_are_zstd(void **state)
{
    (void)state;
    struct written w;
    size_t size;
    write_trace(&w, 4, 10, 20);
    unsigned char *bytes = read_bytes(path, &size);
    for (size_t i = 0; i < w.n_frames; i++) {
        const unsigned char *frame = bytes + start_of(&w, i);
        assert_int_equal(ZSTD_findFrameCompressedSize(frame, size - start_of(&w, i)), w.end[i] - start_of(&w, i));
        assert_true(frame[4] & 4); /* RFC 8878, 3.1.1.1.1: Content_Checksum_flag */
    }
    free(bytes);
}

/* ---- cut off ---- */

static void check_cut(const struct written *w, uint64_t cut)
{
    struct found f;
    size_t whole = 0;
    while (whole < w->n_frames && w->end[whole] <= cut)
        whole++;
    if (whole == 0) {
        assert_int_equal(open_error(path), -TRACE_E_CUT);
        return;
    }
    read_trace(path, w, &f);
    assert_true(f.records == w->next[whole - 1]);
    const uint64_t lost = cut - w->end[whole - 1];
    assert_int_equal(f.loss.cut, lost != 0);
    assert_false(f.loss.damaged);
    assert_true(f.loss.bytes == lost);
    if (lost)
        assert_true(f.loss.first_offset == w->end[whole - 1]);
}

static void test_cut_at_every_byte(void **state)
{
    (void)state;
    struct written w;
    write_trace(&w, 5, 8, 30);
    for (uint64_t cut = size_of(path); cut > 0; cut--) {
        assert_int_equal(truncate(path, (off_t)cut - 1), 0);
        check_cut(&w, cut - 1);
    }
}

static void test_cut_large(void **state)
{
    (void)state;
    enum { CUTS = 200 };
    struct written w;
    write_trace(&w, 0, 700, MAX_NOTE);
    const uint64_t size = size_of(path);
    assert_in_range(w.n_frames, 5, MAX_FRAMES);
    for (uint64_t i = CUTS; i > 0; i--) {
        const uint64_t cut = (i - 1) * (size - 1) / (CUTS - 1);
        assert_int_equal(truncate(path, (off_t)cut), 0);
        check_cut(&w, cut);
    }
}

/* ---- damaged ---- */

/* With one byte of a frame changed: all others are read, and what is lost is said. */
static void check_flip(const struct written *w, unsigned char *bytes, size_t size, size_t frame, uint64_t at)
{
    struct found f;
    const unsigned char old = bytes[at];
    bytes[at] ^= 0x55;
    write_bytes(other, bytes, size);
    bytes[at] = old;
    if (frame == 0) {
        /* Without its header a recording means nothing. */
        const int error = open_error(other);
        assert_true(error == -TRACE_E_NOT_A_TRACE || error == -TRACE_E_CUT || error == -TRACE_E_DAMAGED);
        return;
    }
    read_trace(other, w, &f);
    for (size_t i = 0; i < w->n_frames; i++)
        assert_int_equal(f.frames[i], i != frame);
    assert_true(f.loss.damaged || (f.loss.cut && frame == w->n_frames - 1));
    assert_true(f.loss.bytes == w->end[frame] - start_of(w, frame));
    assert_true(f.loss.first_offset == start_of(w, frame));
}

static void test_damage_small(void **state)
{
    (void)state;
    struct written w;
    size_t size;
    write_trace(&w, 5, 8, 30);
    unsigned char *bytes = read_bytes(path, &size);
    for (size_t frame = 0; frame < w.n_frames; frame++)
        for (uint64_t at = start_of(&w, frame); at < w.end[frame]; at++)
            check_flip(&w, bytes, size, frame, at);
    free(bytes);
}

static void test_damage_large(void **state)
{
    (void)state;
    struct written w;
    size_t size;
    write_trace(&w, 0, 700, MAX_NOTE);
    unsigned char *bytes = read_bytes(path, &size);
    for (size_t frame = 0; frame < w.n_frames; frame++) {
        const uint64_t start = start_of(&w, frame), end = w.end[frame];
        for (uint64_t i = 0; i < 8; i++)
            check_flip(&w, bytes, size, frame, start + i * (end - 1 - start) / 7);
        check_flip(&w, bytes, size, frame, start + 5);
        check_flip(&w, bytes, size, frame, start + 8);
        check_flip(&w, bytes, size, frame, start + 10);
    }
    free(bytes);
}

/* Two frames gone, and rubbish between frames. */
static void test_damage_twice(void **state)
{
    (void)state;
    struct written w;
    struct found f;
    size_t size;
    write_trace(&w, 6, 8, 30);
    unsigned char *bytes = read_bytes(path, &size);
    bytes[w.end[0] + 20] ^= 1;
    bytes[w.end[3] + 20] ^= 1;
    write_bytes(other, bytes, size);
    read_trace(other, &w, &f);
    static const bool expected[] = {true, false, true, true, false, true};
    assert_memory_equal(f.frames, expected, sizeof(expected));
    assert_true(f.loss.damaged && !f.loss.cut && f.loss.damaged_frames == 2);
    assert_true(f.loss.first_offset == w.end[0]);
    assert_true(f.loss.bytes == w.end[1] - w.end[0] + w.end[4] - w.end[3]);

    bytes[w.end[0] + 20] ^= 1;
    bytes[w.end[3] + 20] ^= 1;
    write_bytes(other, bytes, w.end[2]);
    append_bytes(other, "this is no frame", 16);
    append_bytes(other, bytes + w.end[2], size - w.end[2]);
    read_trace(other, &w, &f);
    for (size_t i = 0; i < w.n_frames; i++)
        assert_true(f.frames[i]);
    assert_true(f.loss.damaged && !f.loss.cut && f.loss.bytes == 16 && f.loss.first_offset == w.end[2]);
    free(bytes);
}

/* Make `other` one frame of random bytes, of just this size. */
static void put_frame_of_size(size_t size)
{
    struct random_source random = {size};
    unsigned char *bytes = malloc(size);
    assert_non_null(bytes);
    for (size_t i = 0; i < size; i++)
        bytes[i] = (unsigned char)random_next(&random);
    for (size_t content = size; content + 64 > size; content--) {
        unlink(other);
        append_frame(other, bytes, content);
        if (size_of(other) <= size)
            break;
    }
    assert_int_equal(size_of(other), size);
    free(bytes);
}

/* A frame that is damaged, and ends where one read of the reader does, or a little before: the next frame is
 * found all the same. */
static void test_damage_before_a_read(void **state)
{
    (void)state;
    enum { READ = 256 * 1024 };
    struct written w;
    struct found f;
    size_t size, damaged_size;
    write_trace(&w, 3, 8, 30);
    unsigned char *bytes = read_bytes(path, &size);
    for (size_t before = 0; before < 6; before++) {
        const size_t wanted = READ - before - w.end[0];
        put_frame_of_size(wanted);
        unsigned char *damaged = read_bytes(other, &damaged_size);
        damaged[damaged_size - 1] ^= 1; /* in the checksum */
        write_bytes(other, bytes, w.end[0]);
        append_bytes(other, damaged, damaged_size);
        append_bytes(other, bytes + w.end[0], size - w.end[0]);
        read_trace(other, &w, &f);
        for (size_t i = 0; i < w.n_frames; i++)
            assert_true(f.frames[i]);
        assert_true(f.loss.damaged && !f.loss.cut && f.loss.bytes == wanted && f.loss.first_offset == w.end[0]);
        free(damaged);
    }
    free(bytes);
}

/* The frame is whole, but what is in it is not: the rest of that frame is given up. */
static void test_damage_inside(void **state)
{
    (void)state;
    static const unsigned char nonsense[] = {REC_TASK, 200, 1};
    struct written w;
    struct found f;
    size_t size;
    write_trace(&w, 3, 8, 30);
    unsigned char *bytes = read_bytes(path, &size);
    write_bytes(other, bytes, w.end[0]);
    append_frame(other, nonsense, sizeof(nonsense));
    append_bytes(other, bytes + w.end[0], size - w.end[0]);
    read_trace(other, &w, &f);
    for (size_t i = 0; i < w.n_frames; i++)
        assert_true(f.frames[i]);
    assert_true(f.loss.damaged && f.loss.damaged_frames == 1 && f.loss.first_offset == w.end[0]);
    free(bytes);
}

/* Frames without records, and frames that zstd itself skips, are no damage. */
static void test_empty_frames(void **state)
{
    (void)state;
    static const unsigned char skippable[] = {0x50, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 'a', 'b', 'c'};
    struct written w;
    struct found f;
    size_t size;
    write_trace(&w, 3, 8, 30);
    unsigned char *bytes = read_bytes(path, &size);
    write_bytes(other, bytes, w.end[0]);
    append_frame(other, "", 0);
    append_bytes(other, skippable, sizeof(skippable));
    append_bytes(other, bytes + w.end[0], size - w.end[0]);
    append_frame(other, "", 0);
    read_trace(other, &w, &f);
    for (size_t i = 0; i < w.n_frames; i++)
        assert_true(f.frames[i]);
    assert_false(f.loss.damaged || f.loss.cut || f.loss.bytes);
    /* Nor do they hide the header. */
    write_bytes(other, skippable, sizeof(skippable));
    append_frame(other, "", 0);
    append_bytes(other, bytes, size);
    read_trace(other, &w, &f);
    assert_true(f.records == w.next[2] && !f.loss.damaged && !f.loss.cut && !f.loss.bytes);
    free(bytes);
}

/* ---- forged ---- */

static void test_not_a_trace(void **state)
{
    (void)state;
    static const char text[] = "#!/bin/sh\necho this is not a recording at all\n";
    static const unsigned char gzip[] = {0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0};
    static const unsigned char task[] = {REC_TASK, 7, 0, 1, 1, 0, 1, 0, 0};
    static const unsigned char unknown[] = {99, 0};
    unsigned char newer[] = {REC_HEADER, 11, 8, 'b', 'r', 'k', 'w', 'a', 't', 'e', 'r', TRACE_MAJOR + 1, 0};
    write_bytes(path, text, sizeof(text));
    assert_int_equal(open_error(path), -TRACE_E_NOT_A_TRACE);
    write_bytes(path, gzip, sizeof(gzip));
    assert_int_equal(open_error(path), -TRACE_E_NOT_A_TRACE);
    static const struct {
        const void *bytes;
        size_t size;
    } frames[] = {{text, sizeof(text)}, {task, sizeof(task)}, {unknown, sizeof(unknown)}};
    for (size_t i = 0; i < sizeof(frames) / sizeof(frames[0]); i++) {
        write_bytes(path, "", 0);
        append_frame(path, frames[i].bytes, frames[i].size);
        assert_int_equal(open_error(path), -TRACE_E_NOT_A_TRACE);
    }
    write_bytes(path, "", 0);
    assert_int_equal(open_error(path), -TRACE_E_CUT);
    append_frame(path, newer, sizeof(newer));
    assert_int_equal(open_error(path), -TRACE_E_NEWER);
    assert_int_equal(open_error(folder), -EISDIR);
    assert_int_equal(open_error(other), -ENOENT);
    assert_int_equal(open_error("/dev/null"), -TRACE_E_CUT);
}

/* Two records of an unknown kind that fill a frame of so many bytes. */
static unsigned char *large_frame(size_t size)
{
    static const unsigned char half[] = {99, 0x80, 0x80, 0x80, 0x04}; /* 8 MiB follow */
    const size_t at = sizeof(half) + (8 << 20);
    unsigned char *bytes = calloc(1, size);
    assert_non_null(bytes);
    memcpy(bytes, half, sizeof(half));
    const size_t rest = size - at - sizeof(half);
    bytes[at] = 99;
    for (int i = 0; i < 4; i++)
        bytes[at + 1 + (size_t)i] = (unsigned char)((rest >> 7 * i & 0x7f) | (i < 3 ? 0x80 : 0));
    return bytes;
}

/* A frame may be as large as the format says, and not a byte larger; what follows it can be read either way.
 */
static void test_inflating_frame(void **state)
{
    (void)state;
    static const size_t sizes[] = {TRACE_MAX_FRAME - 1, TRACE_MAX_FRAME, TRACE_MAX_FRAME + 1, 3u * TRACE_MAX_FRAME};
    struct written w;
    struct found f;
    size_t size;
    write_trace(&w, 3, 8, 30);
    unsigned char *bytes = read_bytes(path, &size);
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        const bool fits = sizes[i] <= TRACE_MAX_FRAME;
        unsigned char *large = large_frame(sizes[i]);
        write_bytes(other, bytes, w.end[0]);
        append_frame(other, large, sizes[i]);
        const uint64_t packed = size_of(other) - w.end[0];
        append_bytes(other, bytes + w.end[0], size - w.end[0]);
        read_trace(other, &w, &f);
        assert_true(f.records == w.next[2]);
        assert_int_equal(f.loss.damaged, !fits);
        assert_int_equal(f.loss.unknown, fits ? 2 : 0);
        assert_true(f.loss.bytes == (fits ? 0 : packed));
        unlink(other);
        append_frame(other, large, sizes[i]);
        assert_int_equal(open_error(other), -TRACE_E_NOT_A_TRACE);
        free(large);
    }
    free(bytes);
}

/* ---- writing that has to stop ---- */

/* Write `records` records to a file that may not take them all. */
static int write_some(uint64_t max_size, uint64_t records, uint64_t note_size, enum end_reason *ret_reason,
                      bool *ret_written)
{
    struct trace_writer *writer;
    assert_int_equal(trace_writer_open(path, max_size, &writer), 0);
    *ret_reason = 0;
    for (uint64_t i = 0; i < records; i++) {
        struct record record = record_at(i, note_size);
        const int error = trace_writer_put(writer, &record);
        assert_true(trace_writer_stopped(writer, ret_reason) || !error);
    }
    trace_writer_flush(writer);
    trace_writer_stopped(writer, ret_reason);
    return trace_writer_close(writer, false, ret_written);
}

/* A file whose recording was stopped: whole frames, and then an end that says why. */
static void check_stopped(const struct written *w, enum end_reason reason, uint32_t value)
{
    struct found f;
    read_trace(path, w, &f);
    assert_false(f.loss.cut || f.loss.damaged || f.loss.bytes);
    assert_true(f.ended);
    assert_int_equal(f.end.reason, reason);
    assert_int_equal(f.end.value, value);
    assert_true(f.end.events == f.events);
    assert_int_equal(f.end.has_status, 0);
}

static void test_max_size(void **state)
{
    (void)state;
    enum { RECORDS = 600 };
    struct written w;
    enum end_reason reason;
    bool written;
    write_trace(&w, 0, RECORDS, MAX_NOTE);
    const uint64_t whole = size_of(path), first = w.end[0];
    unlink(path);
    w.n_frames = 0; /* how large they are depends on the limit */
    for (uint64_t max = 1; max < whole; max += max < 2 * first ? first / 5 : whole / 23) {
        assert_int_equal(write_some(max, RECORDS, MAX_NOTE, &reason, &written), 0);
        assert_int_equal(reason, END_MAX_SIZE);
        if (written) {
            assert_in_range(size_of(path), max > 4 * first ? max / 2 : 1, max);
            check_stopped(&w, END_MAX_SIZE, 0);
            unlink(path);
        } else {
            assert_true(size_of(path) == UINT64_MAX && max < first + 200);
        }
    }
    assert_int_equal(write_some(whole * 2, RECORDS, MAX_NOTE, &reason, &written), 0);
    assert_true(written && reason == 0);
    check_whole(&w, RECORDS);
}

/* The end record fits into what is kept for it, however large its numbers are. */
static void test_max_size_large_numbers(void **state)
{
    (void)state;
    const uint64_t wide = UINT64_C(0x5a5a5a5a5a5a5a5a);
    for (uint64_t max = 150; max < 400; max++) {
        struct trace_writer *writer;
        struct record header = record_at(0, 0);
        struct record event = {.kind = REC_EVENT,
                               .event = {.time = wide, .entry = wide, .exit = wide, .call = CALL_BRK}};
        struct random_source random = {max};
        bool written;
        assert_int_equal(trace_writer_open(path, max, &writer), 0);
        assert_int_equal(trace_writer_put(writer, &header), 0);
        assert_int_equal(trace_writer_flush(writer), 0);
        for (int i = 0; i < 20; i++) {
            event.event.ret = random_next(&random);
            assert_int_equal(trace_writer_put(writer, &event), 0);
            assert_int_equal(trace_writer_flush(writer), 0);
        }
        assert_int_equal(trace_writer_close(writer, false, &written), 0);
        assert_true(written);
        assert_in_range(size_of(path), 1, max);
        unlink(path);
    }
}

/* A limit on the size of files stands in for a disk that is full. */
static int write_limited(uint64_t limit, uint64_t records, uint64_t note_size, enum end_reason *ret_reason,
                         bool *ret_written)
{
    struct rlimit old, new;
    struct sigaction ignore = {.sa_handler = SIG_IGN}, before;
    assert_int_equal(sigaction(SIGXFSZ, &ignore, &before), 0);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    new = old;
    new.rlim_cur = limit;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &new), 0);
    int error = write_some(0, records, note_size, ret_reason, ret_written);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
    assert_int_equal(sigaction(SIGXFSZ, &before, NULL), 0);
    return error;
}

static void test_disk_full(void **state)
{
    (void)state;
    enum { RECORDS = 600 };
    struct written w;
    enum end_reason reason;
    bool written;
    write_trace(&w, 0, RECORDS, MAX_NOTE);
    const uint64_t whole = size_of(path);
    unlink(path);
    for (size_t frame = 0; frame < w.n_frames; frame++) {
        const uint64_t start = start_of(&w, frame), length = w.end[frame] - start;
        const uint64_t limits[] = {start + 1, start + length / 2, w.end[frame] - 1};
        for (size_t i = 0; i < 3; i++) {
            assert_int_equal(write_limited(limits[i], RECORDS, MAX_NOTE, &reason, &written), -EFBIG);
            assert_int_equal(reason, END_DISK_FULL);
            if (frame == 0) { /* not even one frame: nothing is left */
                assert_true(!written && size_of(path) == UINT64_MAX);
                continue;
            }
            assert_true(written);
            assert_in_range(size_of(path), 1, limits[i]);
            if (frame == 1 && i == 0) { /* room for the first frame and no more */
                struct found f;
                read_trace(path, &w, &f);
                assert_true(f.records == w.next[0] && !f.loss.cut);
            } else {
                check_stopped(&w, END_DISK_FULL, EFBIG);
            }
            unlink(path);
        }
    }
    assert_int_equal(write_limited(whole, RECORDS, MAX_NOTE, &reason, &written), 0);
    assert_int_equal(reason, 0);
    check_whole(&w, RECORDS);
}

/* ---- what is left behind ---- */

static void test_nothing_left(void **state)
{
    (void)state;
    struct trace_writer *writer;
    struct record header = record_at(0, 0);
    bool written = true;
    assert_int_equal(trace_writer_open(path, 0, &writer), 0);
    assert_int_equal(trace_writer_close(writer, false, &written), 0);
    assert_true(!written && size_of(path) == UINT64_MAX);
    assert_int_equal(trace_writer_open(path, 0, &writer), 0);
    assert_int_equal(trace_writer_put(writer, &header), 0);
    assert_int_equal(trace_writer_close(writer, true, &written), 0);
    assert_true(!written && size_of(path) == UINT64_MAX);
    /* What was written stays, discarded or not. */
    assert_int_equal(trace_writer_open(path, 0, &writer), 0);
    assert_int_equal(trace_writer_put(writer, &header), 0);
    assert_int_equal(trace_writer_flush(writer), 0);
    assert_int_equal(trace_writer_close(writer, true, &written), 0);
    assert_true(written && size_of(path) < 200);
    snprintf(other, sizeof(other), "%s/no/such/folder", folder);
    assert_int_equal(trace_writer_open(other, 0, &writer), -ENOENT);
    assert_int_equal(trace_writer_open(folder, 0, &writer), -EISDIR);
}

static void check_bytes(const char *expected)
{
    size_t size;
    unsigned char *bytes = read_bytes(path, &size);
    assert_int_equal(size, strlen(expected));
    assert_memory_equal(bytes, expected, size);
    free(bytes);
}

/* A file that is there is not touched before there is something to put in its place; then nothing of it is
 * left. */
static void test_existing_file(void **state)
{
    (void)state;
    static const char precious[] = "a file that somebody may need, and that is longer than the recording: "
                                   "................................................................";
    struct trace_writer *writer;
    struct record header = record_at(0, 0);
    struct written w = {.n_frames = 1, .next = {1}};
    bool written = true;
    write_bytes(path, precious, strlen(precious));
    assert_int_equal(trace_writer_open(path, 0, &writer), 0);
    check_bytes(precious);
    assert_int_equal(trace_writer_put(writer, &header), 0);
    check_bytes(precious);
    assert_int_equal(trace_writer_close(writer, true, &written), 0);
    assert_false(written);
    check_bytes(precious);
    assert_int_equal(trace_writer_open(path, 0, &writer), 0);
    assert_int_equal(trace_writer_close(writer, false, &written), 0);
    assert_false(written);
    check_bytes(precious);
    assert_int_equal(trace_writer_open(path, 0, &writer), 0);
    assert_int_equal(trace_writer_put(writer, &header), 0);
    assert_int_equal(trace_writer_close(writer, false, &written), 0);
    assert_true(written && size_of(path) < strlen(precious));
    w.end[0] = size_of(path);
    check_whole(&w, 1);
}

/* Nor is it touched when the first frame is larger than the recording may be. */
static void test_existing_file_and_max_size(void **state)
{
    (void)state;
    enum end_reason reason;
    bool written = true;
    write_bytes(path, "precious", 8);
    assert_int_equal(write_some(100, 20, 100, &reason, &written), 0);
    assert_true(!written && reason == END_MAX_SIZE);
    check_bytes("precious");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_write_and_read),    TEST(test_frames_are_zstd),
        TEST(test_cut_at_every_byte), TEST(test_cut_large),
        TEST(test_damage_small),      TEST(test_damage_large),
        TEST(test_damage_twice),      TEST(test_damage_before_a_read),
        TEST(test_damage_inside),     TEST(test_empty_frames),
        TEST(test_not_a_trace),       TEST(test_inflating_frame),
        TEST(test_max_size),          TEST(test_max_size_large_numbers),
        TEST(test_disk_full),         TEST(test_nothing_left),
        TEST(test_existing_file),     TEST(test_existing_file_and_max_size),
    };
    return cmocka_run_group_tests_name("trace_file", tests, NULL, NULL);
}
