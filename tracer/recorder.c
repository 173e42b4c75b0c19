/* recorder.c: records, in one order, to the trace file and the live consumer. */
#include "recorder.h"

#include "trace_writer.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { MAX_FILES = 32768 }; /* remembered at a time */

/* A file that has an id already.  The table is open-addressed, at most half full; id 0 marks a free place. */
struct known_file {
    uint32_t id, major, minor;
    uint64_t inode;
    char *path;
    size_t path_size;
};

struct recorder {
    pthread_mutex_t lock;
    struct trace_writer *writer; /* NULL without -o */
    struct record_sink sink;
    struct timespec start;
    uint64_t sequence, events;
    atomic_bool ended; /* no more records */
    bool stopped_early;

    uint64_t flushed; /* tick of the last flush */

    struct known_file *files;
    size_t n_files, capacity;
    uint32_t last_file;
};

int recorder_new(const struct tracer_options *options, struct recorder **ret_recorder)
{
    struct recorder *r = calloc(1, sizeof(*r));
    if (!r)
        return -ENOMEM;
    pthread_mutex_init(&r->lock, NULL);
    r->sink = options->sink;
    int error = options->output ? trace_writer_open(options->output, options->max_size, &r->writer) : 0;
    if (error) {
        free(r);
        return error;
    }
    clock_gettime(CLOCK_MONOTONIC, &r->start);
    *ret_recorder = r;
    return 0;
}

void recorder_start(struct recorder *r)
{
    clock_gettime(CLOCK_MONOTONIC, &r->start);
}

uint64_t recorder_now(const struct recorder *r)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    int64_t ns = (now.tv_sec - r->start.tv_sec) * INT64_C(1000000000) + (now.tv_nsec - r->start.tv_nsec);
    return (uint64_t)ns / TRACE_NS_PER_TICK;
}

uint64_t recorder_tick_of(const struct recorder *r, uint64_t ns)
{
    const uint64_t start = (uint64_t)r->start.tv_sec * 1000000000u + (uint64_t)r->start.tv_nsec;
    return ns > start ? (ns - start) / TRACE_NS_PER_TICK : 0;
}

bool recorder_active(struct recorder *r)
{
    return !atomic_load_explicit(&r->ended, memory_order_relaxed);
}

static void put_locked(struct recorder *r, const struct record *record)
{
    if (atomic_load_explicit(&r->ended, memory_order_relaxed))
        return;
    if (record->kind == REC_EVENT)
        r->events++;
    if (r->sink.record)
        r->sink.record(r->sink.context, record);
    if (!r->writer)
        return;
    trace_writer_put(r->writer, record);
    enum end_reason reason;
    if (trace_writer_stopped(r->writer, &reason)) {
        r->stopped_early = true;
        atomic_store(&r->ended, true);
    }
}

void recorder_put(struct recorder *r, const struct record *record)
{
    pthread_mutex_lock(&r->lock);
    put_locked(r, record);
    pthread_mutex_unlock(&r->lock);
}

uint64_t recorder_sequence(struct recorder *r)
{
    return ++r->sequence; /* only the stop loop counts */
}

static uint64_t hash_file(const struct map_line *line)
{
    uint64_t hash = line->inode * UINT64_C(0x9e3779b97f4a7c15) ^ ((uint64_t)line->major << 32 | line->minor);
    for (size_t i = 0; i < line->name_size; i++)
        hash = (hash ^ (unsigned char)line->name[i]) * UINT64_C(0x100000001b3);
    return hash ^ hash >> 29;
}

static bool same_file(const struct known_file *file, const struct map_line *line)
{
    return file->inode == line->inode && file->major == line->major && file->minor == line->minor &&
           file->path_size == line->name_size && memcmp(file->path, line->name ? line->name : "", line->name_size) == 0;
}

static uint64_t hash_known(const struct known_file *file)
{
    struct map_line line = {.inode = file->inode,
                            .major = file->major,
                            .minor = file->minor,
                            .name = file->path,
                            .name_size = file->path_size};
    return hash_file(&line);
}

static bool grow_files(struct recorder *r)
{
    size_t capacity = r->capacity ? r->capacity * 2 : 256;
    struct known_file *files = calloc(capacity, sizeof(*files));
    if (!files)
        return false;
    for (size_t i = 0; i < r->capacity; i++) {
        if (!r->files[i].id)
            continue;
        size_t at = hash_known(&r->files[i]) & (capacity - 1);
        while (files[at].id)
            at = (at + 1) & (capacity - 1);
        files[at] = r->files[i];
    }
    free(r->files);
    r->files = files;
    r->capacity = capacity;
    return true;
}

/* A program that maps ever new files must not cost ever more memory: those still in use get new ids when they appear
 * again. */
static void forget_files(struct recorder *r)
{
    for (size_t i = 0; i < r->capacity; i++)
        free(r->files[i].path);
    memset(r->files, 0, r->capacity * sizeof(*r->files));
    r->n_files = 0;
}

uint32_t recorder_file(struct recorder *r, const struct map_line *line)
{
    if (!line->name_size && !line->inode && !line->major && !line->minor)
        return 0;
    if (r->n_files >= MAX_FILES)
        forget_files(r);
    if (r->n_files * 2 >= r->capacity && !grow_files(r))
        return 0;
    size_t at = hash_file(line) & (r->capacity - 1);
    for (; r->files[at].id; at = (at + 1) & (r->capacity - 1))
        if (same_file(&r->files[at], line))
            return r->files[at].id;
    char *path = malloc(line->name_size + 1);
    if (!path)
        return 0;
    if (line->name_size)
        memcpy(path, line->name, line->name_size);
    r->files[at] = (struct known_file){.id = ++r->last_file,
                                       .major = line->major,
                                       .minor = line->minor,
                                       .inode = line->inode,
                                       .path = path,
                                       .path_size = line->name_size};
    r->n_files++;
    struct record record = {
        .kind = REC_FILE,
        .file = {.id = r->files[at].id,
                 .major = line->major,
                 .minor = line->minor,
                 .inode = line->inode,
                 .path = {path, line->name_size < TRACE_MAX_TEXT ? line->name_size : TRACE_MAX_TEXT}}};
    recorder_put(r, &record);
    return r->files[at].id;
}

void recorder_tick(struct recorder *r)
{
    uint64_t now = recorder_now(r);
    pthread_mutex_lock(&r->lock);
    if (r->writer && now - r->flushed > TRACE_TICKS_PER_SECOND && recorder_active(r)) {
        r->flushed = now;
        trace_writer_flush(r->writer);
    }
    pthread_mutex_unlock(&r->lock);
}

static uint64_t cpu_ticks(void)
{
    struct timespec used;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
    return ((uint64_t)used.tv_sec * 1000000000u + (uint64_t)used.tv_nsec) / TRACE_NS_PER_TICK;
}

void recorder_end(struct recorder *r, enum end_reason reason, bool has_status, int status, uint64_t stops)
{
    struct record end = {.kind = REC_END,
                         .end = {.time = recorder_now(r),
                                 .reason = (uint32_t)reason,
                                 .has_status = has_status,
                                 .status = (uint32_t)status,
                                 .events = r->events,
                                 .stops = stops,
                                 .cpu_ticks = cpu_ticks()}};
    recorder_put(r, &end);
    if (reason != END_EXITED)
        r->stopped_early = true;
    atomic_store(&r->ended, true);
}

uint64_t recorder_events(const struct recorder *r)
{
    return r->events;
}

void recorder_free(struct recorder *r, bool discard, struct tracer_result *result)
{
    if (!r)
        return;
    bool written = false;
    int error = r->writer ? trace_writer_close(r->writer, discard, &written) : 0;
    result->trace_written = written;
    result->record_error = -error;
    result->stopped_early = r->stopped_early;
    for (size_t i = 0; i < r->capacity; i++)
        free(r->files[i].path);
    free(r->files);
    pthread_mutex_destroy(&r->lock);
    free(r);
}
