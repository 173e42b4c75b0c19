/* fault_sites.c: faults by site. */
#include "fault_sites.h"

#include "unwind/hash.h"

#include <stdlib.h>
#include <string.h>

enum {
    SITES = 8192, /* a power of two */
    SITES_USED = SITES * 3 / 4,
    RUNS = 16384, /* of pages */
    CHUNK_SHIFT = 21,
    FILTER = 4096, /* bits: a range of 2 MiB that has faults sets one of them */
    FILTER_LOOKS = 256,
};

/* One place in the code, as one thread came there. */
struct site {
    uint64_t ip, sp;
    uint32_t space, tid; /* space 0: a free place */
    uint32_t stack;      /* 0: none was taken yet */
    uint32_t by_ip;      /* stack that is the instruction alone, 0: not asked for yet */
    uint32_t run;        /* index of its last run + 1, 0: none */
};

struct run {
    struct rec_fault_run run; /* stack 0: the site's */
    uint32_t space, pid, site;
};

struct fault_sites {
    struct tracer *tracer;
    struct site *sites;
    size_t n_sites;
    struct run *runs;
    size_t n_runs;
    struct rec_fault_run *room; /* RUNS of them: those of a record */
    uint64_t first, last;       /* ticks of the faults in the runs */
    uint64_t by_ip;
    uint64_t filter[FILTER / 64];
};

struct fault_sites *fault_sites_new(struct tracer *tracer)
{
    struct fault_sites *s = calloc(1, sizeof(*s));
    if (!s)
        return NULL;
    s->tracer = tracer;
    s->sites = calloc(SITES, sizeof(*s->sites));
    s->runs = calloc(RUNS, sizeof(*s->runs));
    s->room = calloc(RUNS, sizeof(*s->room));
    if (s->sites && s->runs && s->room)
        return s;
    fault_sites_free(s);
    return NULL;
}

void fault_sites_free(struct fault_sites *s)
{
    if (!s)
        return;
    free(s->sites);
    free(s->runs);
    free(s->room);
    free(s);
}

/* ---- which ranges have any ---- */

static uint64_t filter_bit(uint32_t space, uint64_t chunk)
{
    return hash_mix(chunk, space) % FILTER;
}

static void filter_add(struct fault_sites *s, uint32_t space, tracee_addr address)
{
    const uint64_t bit = filter_bit(space, address >> CHUNK_SHIFT);
    s->filter[bit / 64] |= UINT64_C(1) << bit % 64;
}

bool fault_sites_touch(const struct fault_sites *s, uint32_t space, const struct span *span)
{
    if (!s->n_runs || span->end <= span->start)
        return s->n_runs != 0;
    const uint64_t first = span->start >> CHUNK_SHIFT, last = (span->end - 1) >> CHUNK_SHIFT;
    if (last - first >= FILTER_LOOKS)
        return true;
    for (uint64_t chunk = first; chunk <= last; chunk++) {
        const uint64_t bit = filter_bit(space, chunk);
        if (s->filter[bit / 64] >> bit % 64 & 1)
            return true;
    }
    return false;
}

/* ---- sites ---- */

static struct site *find_site(struct fault_sites *s, const struct tracee *tracee, uint64_t ip, uint64_t sp)
{
    const uint32_t space = tracee->space->id, tid = (uint32_t)tracee->tid;
    if (s->n_sites >= SITES_USED) {
        s->by_ip += fault_sites_flush(s);
        memset(s->sites, 0, SITES * sizeof(*s->sites));
        s->n_sites = 0;
    }
    size_t at = hash_mix(hash_mix(sp, tid), ip) & (SITES - 1);
    for (; s->sites[at].space; at = (at + 1) & (SITES - 1)) {
        struct site *site = &s->sites[at];
        if (site->ip == ip && site->sp == sp && site->space == space && site->tid == tid)
            return site;
    }
    s->n_sites++;
    s->sites[at] = (struct site){.ip = ip, .sp = sp, .space = space, .tid = tid};
    return &s->sites[at];
}

void fault_sites_learn(struct fault_sites *s, struct tracee *tracee, const struct fault_stack *stack)
{
    const struct unwind_convention *c = unwind_convention(stack->registers.abi);
    const struct capture_sample sample = {&stack->registers, stack->bytes, stack->size};
    const uint32_t id = capture_sample(s->tracer->capture, tracee, &sample);
    struct site *site = find_site(s, tracee, stack->registers.at[c->pc], stack->registers.at[c->sp]);
    if (!id || site->stack == id)
        return;
    if (site->stack)
        site->run = 0; /* the same instruction was called by another */
    site->stack = id;
}

/* ---- runs ---- */

/* The page lies in the site's last run, or beside it. */
static bool extend(struct rec_fault_run *run, tracee_addr page, uint32_t flags, uint32_t stack)
{
    const tracee_addr end = run->start + run->pages * TRACE_PAGE;
    if (run->flags != flags || (run->stack && run->stack != stack) || page > end || page + TRACE_PAGE < run->start)
        return false;
    if (page == end)
        run->pages++;
    if (page + TRACE_PAGE == run->start) {
        run->start = page;
        run->pages++;
    }
    run->faults++;
    return true;
}

static uint64_t tick_of(const struct fault_sites *s, const struct fault *fault)
{
    return recorder_tick_of(s->tracer->recorder, fault->time);
}

bool fault_sites_add(struct fault_sites *s, const struct tracee *tracee, const struct fault *fault)
{
    const tracee_addr page = fault->address & ~(tracee_addr)(TRACE_PAGE - 1);
    const uint32_t flags = (fault->is_major ? FAULT_MAJOR : 0u) | (fault->by_kernel ? FAULT_KERNEL : 0u);
    if (page >> 47)
        return false; /* the kernel's own */
    if (s->n_runs == RUNS)
        s->by_ip += fault_sites_flush(s);
    struct site *site = find_site(s, tracee, fault->ip, fault->sp);
    const uint64_t tick = tick_of(s, fault);
    if (!s->n_runs || tick < s->first)
        s->first = tick;
    if (!s->n_runs || tick > s->last)
        s->last = tick;
    if (site->run && extend(&s->runs[site->run - 1].run, page, flags, site->stack)) {
        filter_add(s, site->space, page);
        return true;
    }
    s->runs[s->n_runs++] = (struct run){
        .run = {.stack = site->stack, .flags = flags, .start = page, .pages = 1, .faults = 1},
        .space = site->space,
        .pid = (uint32_t)tracee->process->pid,
        .site = (uint32_t)(site - s->sites),
    };
    site->run = (uint32_t)s->n_runs;
    filter_add(s, site->space, page);
    return true;
}

uint64_t fault_sites_age(const struct fault_sites *s)
{
    const uint64_t now = recorder_now(s->tracer->recorder);
    return s->n_runs && now > s->first ? now - s->first : 0;
}

/* ---- recording ---- */

/* Whose stack was not taken: the instruction, as a stack of one frame. */
static uint32_t by_instruction(struct fault_sites *s, struct site *site)
{
    struct unwind_registers registers = {.abi = UNWIND_X86_64};
    struct tracee *tracee = tracee_find(&s->tracer->table, (pid_t)site->tid);
    if (site->by_ip || !site->ip || !tracee || !tracee->space || tracee->space->id != site->space)
        return site->by_ip;
    registers_set(&registers, unwind_convention(UNWIND_X86_64)->pc, site->ip);
    registers_set(&registers, unwind_convention(UNWIND_X86_64)->sp, site->sp);
    site->by_ip = capture_sample(s->tracer->capture, tracee, &(struct capture_sample){&registers, NULL, 0});
    return site->by_ip;
}

static uint64_t resolve(struct fault_sites *s)
{
    uint64_t unknown = 0;
    for (size_t i = 0; i < s->n_runs; i++) {
        struct rec_fault_run *run = &s->runs[i].run;
        struct site *site = &s->sites[s->runs[i].site];
        site->run = 0;
        if (!run->stack)
            run->stack = site->stack;
        if (run->stack)
            continue;
        run->stack = by_instruction(s, site);
        unknown += run->faults;
    }
    return unknown;
}

static int by_place(const void *a, const void *b)
{
    const struct run *x = a, *y = b;
    if (x->space != y->space)
        return x->space < y->space ? -1 : 1;
    if (x->run.stack != y->run.stack)
        return x->run.stack < y->run.stack ? -1 : 1;
    if (x->run.flags != y->run.flags)
        return x->run.flags < y->run.flags ? -1 : 1;
    return x->run.start < y->run.start ? -1 : x->run.start > y->run.start;
}

/* Those that overlap or touch become one; in order. */
static size_t join(struct run *runs, size_t count)
{
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        struct rec_fault_run *last = kept ? &runs[kept - 1].run : NULL, *run = &runs[i].run;
        const tracee_addr end = last ? last->start + last->pages * TRACE_PAGE : 0;
        if (!last || runs[kept - 1].space != runs[i].space || last->stack != run->stack || last->flags != run->flags ||
            run->start > end) {
            runs[kept++] = runs[i];
            continue;
        }
        const tracee_addr own_end = run->start + run->pages * TRACE_PAGE;
        last->faults += run->faults;
        if (own_end > end)
            last->pages += (own_end - end) / TRACE_PAGE;
    }
    return kept;
}

static void put_space(struct fault_sites *s, const struct run *runs, size_t count)
{
    for (size_t i = 0; i < count; i++)
        s->room[i] = runs[i].run;
    const struct record record = {.kind = REC_FAULTS,
                                  .faults = {.time = s->last,
                                             .lasted = s->last - s->first,
                                             .space = runs[0].space,
                                             .pid = runs[0].pid,
                                             .n_runs = (uint32_t)count,
                                             .runs = s->room}};
    recorder_put(s->tracer->recorder, &record);
}

uint64_t fault_sites_flush(struct fault_sites *s)
{
    uint64_t unknown = s->by_ip;
    s->by_ip = 0;
    if (!s->n_runs)
        return unknown;
    unknown += resolve(s);
    qsort(s->runs, s->n_runs, sizeof(*s->runs), by_place);
    const size_t count = join(s->runs, s->n_runs);
    for (size_t i = 0, end; i < count; i = end) {
        for (end = i + 1; end < count && s->runs[end].space == s->runs[i].space; end++)
            ;
        put_space(s, s->runs + i, end - i);
    }
    s->n_runs = 0;
    memset(s->filter, 0, sizeof(s->filter));
    return unknown;
}
