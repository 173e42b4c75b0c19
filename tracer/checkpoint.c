/* checkpoint.c: from /proc/PID/maps to REC_CHECKPOINT. */
#include "checkpoint.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    CHECKPOINT_INTERVAL = TRACE_TICKS_PER_SECOND / 4, /* ticks between timed checkpoints of a space, at the least */
    COST_SHARE = 100,                                 /* one tick in so many may go into timed checkpoints */
    QUERIES_MAX = 64, /* mappings that are asked for one by one: for more the text is cheaper */
};

static int hold(struct tracer *tracer, size_t count)
{
    if (count <= tracer->mappings_capacity)
        return 0;
    size_t capacity = tracer->mappings_capacity ? tracer->mappings_capacity * 2 : 256;
    struct rec_mapping *mappings = reallocarray(tracer->mappings, capacity, sizeof(*mappings));
    if (!mappings)
        return -ENOMEM;
    tracer->mappings = mappings;
    tracer->mappings_capacity = capacity;
    return 0;
}

/* [vsyscall] lies in the kernel's half: it is in no address space. */
static bool belongs_to_kernel(const struct map_line *line)
{
    return line->start >> 63;
}

/* Where the main stack starts is asked once: below that it grows without a call. */
static void find_stack(struct space *space, const struct map_line *line)
{
    if (!space->stack_start && line->name_size == 7 && memcmp(line->name, "[stack]", 7) == 0)
        space->stack_start = line->start;
}

static int add_line(struct tracer *tracer, struct space *space, const struct map_line *line, size_t *count)
{
    if (belongs_to_kernel(line))
        return 0;
    find_stack(space, line);
    int error = hold(tracer, *count + 1);
    if (error)
        return error;
    tracer->mappings[(*count)++] = (struct rec_mapping){.start = line->start,
                                                        .end = line->end,
                                                        .offset = line->offset,
                                                        .prot = line->prot,
                                                        .shared = line->shared,
                                                        .file = recorder_file(tracer->recorder, line)};
    return 0;
}

/* The lines of the text that was read which lie in the range. */
static int collect(struct tracer *tracer, struct space *space, struct span range, size_t *ret_count)
{
    struct map_line line;
    size_t count = 0;
    uint64_t end = 0;
    int got;
    while ((got = maps_next(&tracer->maps, &line)) == 1) {
        if (!maps_clip(&line, end))
            continue;
        end = line.end;
        if (line.end <= range.start || line.start >= range.end)
            continue;
        int error = add_line(tracer, space, &line, &count);
        if (error)
            return error;
    }
    *ret_count = count;
    return got;
}

/* A maps file belongs to the thread that it was opened through: once that one has ended it reads as -ESRCH, though the
 * space lives. */
static int reopen(struct space *space, pid_t tid)
{
    close(space->maps);
    space->maps = -1;
    return space_maps(space, tid);
}

static int read_map(struct tracer *tracer, struct space *space, pid_t tid)
{
    bool cached = space->maps >= 0;
    int fd = space_maps(space, tid);
    int error = fd < 0 ? fd : maps_read(fd, &tracer->maps);
    if (error != -ESRCH || !cached)
        return error;
    fd = reopen(space, tid);
    return fd < 0 ? fd : maps_read(fd, &tracer->maps);
}

static void put(struct tracer *tracer, struct space *space, struct rec_checkpoint *checkpoint, size_t count)
{
    checkpoint->space = space->id;
    checkpoint->n_mappings = (uint32_t)count;
    checkpoint->mappings = tracer->mappings;
    struct record record = {.kind = REC_CHECKPOINT, .checkpoint = *checkpoint};
    recorder_put(tracer->recorder, &record);
}

int checkpoint_take(struct tracer *tracer, struct space *space, pid_t tid, pid_t pid, enum checkpoint_reason reason)
{
    struct rec_checkpoint c = {
        .time = recorder_now(tracer->recorder), .pid = (uint32_t)pid, .reason = (uint32_t)reason};
    size_t count = 0;
    int error = read_map(tracer, space, tid);
    if (!error)
        error = collect(tracer, space, (struct span){0, UINT64_MAX}, &count);
    if (error)
        return error;
    put(tracer, space, &c, count);
    space->layout_calls = 0;
    space->timer_cost = recorder_now(tracer->recorder) - c.time;
    uint64_t pause = space->timer_cost * COST_SHARE;
    space->timer = c.time + (pause > CHECKPOINT_INTERVAL ? pause : CHECKPOINT_INTERVAL);
    return 0;
}

/* ---- reading back ---- */

/* The mappings of a range one by one: 1, 0 when they are too many, -errno. */
static int query_range(struct tracer *tracer, struct space *space, pid_t tid, struct span range, size_t *ret_count)
{
    struct map_line line;
    size_t count = 0;
    bool cached = space->maps >= 0;
    int fd = space_maps(space, tid);
    for (tracee_addr at = range.start; at < range.end; at = line.end) {
        int error = fd < 0 ? fd : maps_query_from(fd, at, &tracer->maps, &line);
        if (error == -ESRCH && cached) {
            cached = false;
            fd = reopen(space, tid);
            error = fd < 0 ? fd : maps_query_from(fd, at, &tracer->maps, &line);
        }
        if (error == -ENOENT || (!error && line.start >= range.end))
            break;
        if (!error)
            error = add_line(tracer, space, &line, &count);
        if (error)
            return error;
        if (count > QUERIES_MAX || !maps_query_is_cheap())
            return 0;
    }
    *ret_count = count;
    return 1;
}

static int read_range(struct tracer *tracer, struct space *space, pid_t tid, struct span range, size_t *ret_count)
{
    int done = range.end == UINT64_MAX ? 0 : query_range(tracer, space, tid, range, ret_count);
    if (done)
        return done < 0 ? done : 0;
    int error = read_map(tracer, space, tid);
    return error ? error : collect(tracer, space, range, ret_count);
}

int checkpoint_read_back(struct tracer *tracer, struct space *space, pid_t tid, pid_t pid)
{
    struct spans *unknown = &space->unknown;
    while (unknown->count) {
        struct span range = unknown->list[unknown->count - 1];
        struct rec_checkpoint c = {.time = recorder_now(tracer->recorder),
                                   .pid = (uint32_t)pid,
                                   .reason = CHECKPOINT_READ_BACK,
                                   .range = {range.start, range.end == UINT64_MAX ? 0 : range.end}};
        size_t count = 0;
        int error = read_range(tracer, space, tid, range, &count);
        if (error)
            return error;
        put(tracer, space, &c, count);
        unknown->count--;
    }
    return 0;
}

/* ---- */

static bool is_due(const struct tracer *tracer, const struct space *space)
{
    uint64_t every = tracer->options->checkpoint_every;
    return every && space->layout_calls >= every;
}

static bool timer_is_due(const struct tracer *tracer, const struct space *space)
{
    uint64_t now = recorder_now(tracer->recorder);
    return now >= space->timer && (tracer->timers_cost + space->timer_cost) * COST_SHARE <= now;
}

void checkpoint_if_due(struct tracer *tracer, struct space *space, pid_t tid, pid_t pid)
{
    /* The thread may be gone already: then the next one that can tell is asked. */
    if (checkpoint_read_back(tracer, space, tid, pid) < 0)
        return;
    if (is_due(tracer, space)) {
        checkpoint_take(tracer, space, tid, pid, CHECKPOINT_EVERY);
    } else if (timer_is_due(tracer, space) && checkpoint_take(tracer, space, tid, pid, CHECKPOINT_TIMER) == 0) {
        tracer->timers_cost += space->timer_cost;
    }
}
