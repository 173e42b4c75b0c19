/* checkpoint.c: from /proc/PID/maps to REC_CHECKPOINT. */
#include "checkpoint.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

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

static int collect(struct tracer *tracer, size_t *ret_count)
{
    struct map_line line;
    size_t count = 0;
    int got;
    while ((got = maps_next(&tracer->maps, &line)) == 1) {
        if (belongs_to_kernel(&line))
            continue;
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

int checkpoint_take(struct tracer *tracer, struct space *space, pid_t tid, pid_t pid, enum checkpoint_reason reason)
{
    int fd = space_maps(space, tid);
    if (fd < 0)
        return fd;
    uint64_t time = recorder_now(tracer->recorder);
    int error = maps_read(fd, &tracer->maps);
    size_t count = 0;
    if (!error)
        error = collect(tracer, &count);
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
        space->needs_read_back = false;
        return checkpoint_take(tracer, space, tid, pid, CHECKPOINT_READ_BACK) == 0;
    }
    uint64_t every = tracer->options->checkpoint_every;
    if (every && space->layout_calls >= every)
        return checkpoint_take(tracer, space, tid, pid, CHECKPOINT_EVERY) == 0;
    return false;
}
