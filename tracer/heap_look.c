/* heap_look.c: the memory of a stopped process for inside/, and the records that come of it. */
#include "heap_look.h"

#include "inside/inside.h"
#include "memory.h"
#include "proc.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

enum {
    PEAK_LEAST = 1 << 20, /* bytes of a heap that is worth a look by itself */
    WAIT_SHARE = 4,       /* so many times its patience a look may wait */
    COST_SHARE = 50,      /* one tick in so many may go into looks at peaks */
    GUESSED_SPEED = 100,  /* bytes in a tick, as long as nothing was measured: 1 GB in a second */
};

/* Ticks after which a look is cut, and bytes: what would not be read in that time anyway. */
static uint64_t patience(enum walk_reason reason)
{
    switch (reason) {
    case WALK_AT_DETACH: /* the process waits for it to be let go */
        return TRACE_TICKS_PER_SECOND / 20;
    case WALK_AT_PEAK:
        return TRACE_TICKS_PER_SECOND / 2;
    default:
        return TRACE_TICKS_PER_SECOND;
    }
}
static const uint64_t BYTES_MOST = (uint64_t)8 << 30;

/* ---- the map ---- */

struct maps_of_heaps {
    struct inside_map *list;
    size_t count, capacity;
    struct span heap;
};

static bool is_named(const struct map_line *line, const char *name)
{
    return line->name_size == strlen(name) && memcmp(line->name, name, line->name_size) == 0;
}

/* libc.so.6, libc-2.31.so */
static bool is_libc(const struct map_line *line)
{
    size_t at = line->name_size;
    while (at > 0 && line->name[at - 1] != '/')
        at--;
    return line->name_size - at > 5 && memcmp(line->name + at, "libc", 4) == 0 &&
           (line->name[at + 4] == '.' || line->name[at + 4] == '-');
}

static bool add_map(struct maps_of_heaps *m, const struct map_line *line)
{
    if (m->count == INSIDE_MOST_MAPS)
        return false;
    if (m->count == m->capacity) {
        const size_t capacity = m->capacity ? m->capacity * 2 : 256;
        struct inside_map *list = reallocarray(m->list, capacity, sizeof(*list));
        if (!list)
            return false;
        m->list = list;
        m->capacity = capacity;
    }
    m->list[m->count++] = (struct inside_map){
        .start = line->start, .end = line->end, .is_file = line->inode != 0, .is_libc = line->inode && is_libc(line)};
    return true;
}

static int read_maps(struct tracer *tracer, const struct tracee *tracee, struct maps_of_heaps *m)
{
    struct map_line line;
    uint64_t end = 0;
    int got;
    /* Through this thread: the one that the space's own descriptor was opened through may be gone. */
    const int fd = maps_open(tracee->tid);
    int error = fd < 0 ? fd : maps_read(fd, &tracer->maps);
    if (fd >= 0)
        close(fd);
    if (error)
        return error;
    while ((got = maps_next(&tracer->maps, &line)) == 1) {
        if (line.start >> 63 || !maps_clip(&line, end))
            continue;
        end = line.end;
        if (line.shared || (line.prot & (PROT_READ | PROT_WRITE)) != (PROT_READ | PROT_WRITE))
            continue;
        if (is_named(&line, "[heap]")) {
            m->heap.start = m->heap.start ? m->heap.start : line.start;
            m->heap.end = line.end;
        } else if (!is_named(&line, "[stack]") && !add_map(m, &line)) {
            break;
        }
    }
    return got < 0 ? got : 0;
}

/* ---- a look ---- */

struct looking {
    struct tracer *tracer;
    const struct tracee *tracee;
    enum walk_reason reason;
    uint64_t begin, cpu_begin; /* ticks */
};

static int read_memory(void *context, tracee_addr addr, void *buffer, size_t size)
{
    const struct looking *l = context;
    return memory_read(l->tracee->tid, addr, buffer, size);
}

static uint64_t cpu_now(void)
{
    struct timespec used;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
    return ((uint64_t)used.tv_sec * 1000000000u + (uint64_t)used.tv_nsec) / TRACE_NS_PER_TICK;
}

/* The time that the look has used; where it has to wait, for a CPU or for memory that is swapped out, a part of what
 * has passed. */
static uint64_t read_clock(void *context)
{
    const struct looking *l = context;
    const uint64_t used = cpu_now() - l->cpu_begin, passed = recorder_now(l->tracer->recorder) - l->begin;
    return used > passed / WAIT_SHARE ? used : passed / WAIT_SHARE;
}

static void put(void *context, struct rec_walk *walk)
{
    const struct looking *l = context;
    struct record record = {.kind = REC_WALK, .walk = *walk};
    record.walk.time = l->begin;
    record.walk.space = l->tracee->space->id;
    record.walk.pid = (uint32_t)l->tracee->process->pid;
    record.walk.reason = (uint32_t)l->reason;
    record.walk.cost = recorder_now(l->tracer->recorder) - l->begin;
    recorder_put(l->tracer->recorder, &record);
}

static void look(struct looking *l, const struct maps_of_heaps *m, bool moving)
{
    const struct process *process = l->tracee->process;
    const tracee_addr start = process->dir >= 0 ? proc_start_brk(process->dir) : 0;
    struct inside_request request = {
        .source = {read_memory, read_clock, l},
        .is_32_bit = process->dir >= 0 && proc_is_32bit(process->dir),
        .heap = m->heap,
        .maps = m->list,
        .n_maps = m->count,
        .until = patience(l->reason),
        .bytes = BYTES_MOST,
        .moving = moving,
    };
    /* The line of the heap may begin before it, with what the image ends with. */
    if (start > request.heap.start && start < request.heap.end)
        request.heap.start = start;
    inside_look(&request, put, l);
}

void heap_look(struct tracer *tracer, const struct tracee *tracee, enum walk_reason reason, bool moving)
{
    struct looking l = {tracer, tracee, reason, recorder_now(tracer->recorder), cpu_now()};
    struct maps_of_heaps m = {0};
    if (tracer->options->no_heap_walk || !tracee->space || !tracee->process || !recorder_active(tracer->recorder))
        return;
    if (read_maps(tracer, tracee, &m) == 0)
        look(&l, &m, moving);
    free(m.list);
}

/* ---- peaks ---- */

void heap_look_break(struct space *space, tracee_addr brk)
{
    space->brk = brk;
    if (!space->brk_start || brk < space->brk_start)
        space->brk_start = brk; /* the first thing that anybody asks is where it is */
}

static bool is_peak(const struct space *space, tracee_addr wanted)
{
    const uint64_t size = space->brk - space->brk_start, last = space->brk_looked;
    if (!space->brk || size < PEAK_LEAST || wanted < space->brk_start || wanted == space->brk)
        return false;
    return wanted > space->brk ? size / 2 >= last : size / 5 * 4 >= last;
}

void heap_look_before(struct tracer *tracer, struct tracee *tracee)
{
    struct space *space = tracee->space;
    const struct call_args *a = &tracee->call.args;
    if (a->call != CALL_BRK || tracer->options->no_heap_walk || !is_peak(space, a->args[0]))
        return;
    const uint64_t size = space->brk - space->brk_start, now = recorder_now(tracer->recorder);
    const uint64_t speed = tracer->looked_ticks ? tracer->looked_bytes / tracer->looked_ticks : GUESSED_SPEED;
    if ((tracer->looked_ticks + size / (speed ? speed : 1)) * COST_SHARE > now)
        return;
    heap_look(tracer, tracee, WALK_AT_PEAK, space->users > 1);
    space->brk_looked = size;
    tracer->looked_ticks += recorder_now(tracer->recorder) - now;
    space->since = recorder_now(tracer->recorder); /* others have waited for us, not for the call */
    tracer->looked_bytes += size;
}

/* ---- moments that the user named ---- */

static const struct heap_moment *next_moment(const struct tracer *tracer, bool is_event)
{
    const struct heap_moment *list = tracer->options->heap_at;
    const size_t from = is_event ? tracer->next_event_look : tracer->next_timed_look;
    for (size_t i = from; i < tracer->options->n_heap_at; i++)
        if (list[i].is_event == is_event)
            return &list[i];
    return NULL;
}

void heap_look_after(struct tracer *tracer, const struct tracee *tracee)
{
    const struct heap_moment *m = next_moment(tracer, true);
    if (!m || recorder_events(tracer->recorder) < m->value)
        return;
    tracer->next_event_look = (size_t)(m - tracer->options->heap_at) + 1;
    heap_look(tracer, tracee, WALK_ASKED, tracee->space && tracee->space->users > 1);
}

bool heap_look_is_coming(const struct tracer *tracer)
{
    return next_moment(tracer, false) != NULL;
}

bool heap_look_is_due(const struct tracer *tracer, uint64_t now)
{
    const struct heap_moment *m = next_moment(tracer, false);
    return m && tracer->begun && now >= m->value;
}

struct look_all {
    struct tracer *tracer;
    bool (*moving)(struct tracer *tracer, const struct space *space);
    uint64_t round;
};

static void look_at_one(struct tracee *tracee, void *context)
{
    struct look_all *all = context;
    if (!tracee->space || tracee->space->look_round == all->round || tracee->late)
        return;
    tracee->space->look_round = all->round;
    heap_look(all->tracer, tracee, WALK_ASKED, all->moving(all->tracer, tracee->space));
}

void heap_look_all(struct tracer *tracer, bool (*moving)(struct tracer *tracer, const struct space *space))
{
    const struct heap_moment *m = next_moment(tracer, false);
    struct look_all all = {tracer, moving, 0};
    if (m)
        tracer->next_timed_look = (size_t)(m - tracer->options->heap_at) + 1;
    all.round = tracer->next_timed_look;
    tracee_each(&tracer->table, look_at_one, &all);
}
