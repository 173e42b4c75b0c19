/* checkpoint.c: from /proc/PID/maps to REC_CHECKPOINT. */
#include "checkpoint.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

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

static int collect(struct tracer *tracer, struct space *space, size_t *ret_count)
{
    struct map_line line;
    size_t count = 0;
    int got;
    while ((got = maps_next(&tracer->maps, &line)) == 1) {
        if (belongs_to_kernel(&line))
            continue;
        find_stack(space, &line);
        int error = hold(tracer, count + 1);
        if (error)
            return error;
        tracer->mappings[count++] = (struct rec_mapping){.start = line.start,
                                                         .end = line.end,
                                                         .offset = line.offset,
                                                         .prot = line.prot,
                                                         .shared = line.shared,
                                                         .file = recorder_file(tracer->recorder, &line)};
    }
    *ret_count = count;
    return got;
}

/* A maps file belongs to the thread that it was opened through: once that one has ended it reads as -ESRCH, though the
 * space lives. */
static int read_map(struct tracer *tracer, struct space *space, pid_t tid)
{
    bool cached = space->maps >= 0;
    int fd = space_maps(space, tid);
    int error = fd < 0 ? fd : maps_read(fd, &tracer->maps);
    if (error != -ESRCH || !cached)
        return error;
    close(space->maps);
    space->maps = -1;
    fd = space_maps(space, tid);
    return fd < 0 ? fd : maps_read(fd, &tracer->maps);
}

int checkpoint_take(struct tracer *tracer, struct space *space, pid_t tid, pid_t pid, enum checkpoint_reason reason)
{
    uint64_t time = recorder_now(tracer->recorder);
    int error = read_map(tracer, space, tid);
    size_t count = 0;
    if (!error)
        error = collect(tracer, space, &count);
    if (error)
        return error;
    struct record record = {.kind = REC_CHECKPOINT,
                            .checkpoint = {.time = time,
                                           .space = space->id,
                                           .pid = (uint32_t)pid,
                                           .reason = (uint32_t)reason,
                                           .n_mappings = (uint32_t)count,
                                           .mappings = tracer->mappings}};
    recorder_put(tracer->recorder, &record);
    space->layout_calls = 0;
    return 0;
}

bool checkpoint_if_due(struct tracer *tracer, struct space *space, pid_t tid, pid_t pid)
{
    space->layout_calls++;
    if (space->in_flight)
        return false;
    if (space->needs_read_back) {
        /* The thread may be gone already: then the next one that can tell is asked. */
        if (checkpoint_take(tracer, space, tid, pid, CHECKPOINT_READ_BACK) < 0)
            return false;
        space->needs_read_back = false;
        return true;
    }
    uint64_t every = tracer->options->checkpoint_every;
    if (every && space->layout_calls >= every)
        return checkpoint_take(tracer, space, tid, pid, CHECKPOINT_EVERY) == 0;
    return false;
}
