/* faults.c: from the rings' faults to records. */
#include "faults.h"

#include "fault_rings.h"
#include "fault_sites.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>

enum {
    POLL_MS = 100,                     /* between two looks at the rings, unless one fills up */
    KEEP = TRACE_TICKS_PER_SECOND / 4, /* faults are recorded after so long */
    TOKENS = 2000,                     /* stacks that may be taken in a row */
    TOKENS_A_SECOND = 1000,            /* and for ever */
    TOKENS_TO_BEGIN = 500,             /* before all of them are taken again */
    MAX_FDS = 2048,
};

struct faults {
    struct tracer *tracer;
    struct fault_rings *rings; /* NULL: not looked at, or no longer */
    struct fault_sites *sites;
    struct rec_fault_sight sight;

    pthread_t reader;
    bool reading;         /* there is a reader */
    pthread_mutex_t lock; /* held by whoever is at work */
    atomic_int wanted;    /* the stop loop waits for the lock */
    atomic_bool ending;

    uint64_t tokens_at; /* tick of the last ones */
    int64_t tokens;
    bool full; /* every fault leaves its stack */
};

struct faults *faults_new(struct tracer *tracer)
{
    struct faults *f = calloc(1, sizeof(*f));
    if (!f)
        return NULL;
    f->tracer = tracer;
    f->tokens = TOKENS;
    f->full = true;
    f->sight.sight = FAULTS_OFF;
    pthread_mutex_init(&f->lock, NULL);
    if (tracer->options->no_faults)
        return f;
    f->rings = fault_rings_new();
    f->sites = fault_sites_new(tracer);
    if (f->rings && f->sites)
        return f;
    faults_free(f);
    return NULL;
}

static void stop_reader(struct faults *f)
{
    if (!f->reading)
        return;
    atomic_store(&f->ending, true);
    pthread_join(f->reader, NULL);
    f->reading = false;
}

void faults_free(struct faults *f)
{
    if (!f)
        return;
    stop_reader(f);
    fault_rings_free(f->rings);
    fault_sites_free(f->sites);
    pthread_mutex_destroy(&f->lock);
    free(f);
}

/* ---- how much is looked at ---- */

void faults_watch(struct faults *f, pid_t tid)
{
    if (!f || !f->rings || f->sight.sight == FAULTS_DENIED || f->sight.sight == FAULTS_MANY)
        return;
    const int error = fault_rings_add(f->rings, tid);
    if (!error) {
        f->sight.sight = fault_rings_sees_kernel(f->rings) ? FAULTS_ALL : FAULTS_USER;
    } else if (error != -ESRCH) { /* else it has ended */
        f->sight.sight = error == -EMFILE || error == -ENFILE ? FAULTS_MANY : FAULTS_DENIED;
        f->sight.error = (uint32_t)-error;
    }
}

static void put_sight(struct faults *f)
{
    struct record record = {.kind = REC_FAULT_SIGHT, .fault_sight = f->sight};
    record.fault_sight.time = recorder_now(f->tracer->recorder);
    recorder_put(f->tracer->recorder, &record);
}

/* Stacks cost more than all the rest: only so many of them. */
static void spend(struct faults *f)
{
    const uint64_t now = recorder_now(f->tracer->recorder), ticks = now - f->tokens_at;
    const uint64_t earned = ticks * TOKENS_A_SECOND / TRACE_TICKS_PER_SECOND;
    if (earned) {
        f->tokens += earned < TOKENS ? (int64_t)earned : TOKENS;
        f->tokens = f->tokens < TOKENS ? f->tokens : TOKENS;
        f->tokens_at = now;
    }
    if (f->full ? f->tokens <= 0 : f->tokens >= TOKENS_TO_BEGIN) {
        f->full = !f->full;
        fault_rings_full(f->rings, f->full);
    }
}

/* ---- taking them ---- */

/* The thread's own space; NULL for one that is not a tracee, or no longer. */
static struct tracee *find(struct faults *f, uint32_t tid)
{
    struct tracee *tracee = tracee_find(&f->tracer->table, (pid_t)tid);
    return tracee && tracee->process && tracee->space && tracee->space->id ? tracee : NULL;
}

static bool take_fault(void *context, const struct fault *fault)
{
    struct faults *f = context;
    const struct tracee *tracee = find(f, fault->tid);
    f->sight.seen++;
    if (!tracee || !fault_sites_add(f->sites, tracee, fault))
        f->sight.unplaced++;
    return true;
}

static bool take_stack(void *context, const struct fault_stack *stack)
{
    struct faults *f = context;
    struct tracee *tracee = find(f, stack->tid);
    f->sight.stacks++;
    f->tokens--;
    if (tracee)
        fault_sites_learn(f->sites, tracee, stack);
    return true;
}

/* The same for the reader: it stands back when the stop loop has something to do. */
static bool take_fault_or_yield(void *context, const struct fault *fault)
{
    struct faults *f = context;
    return !atomic_load_explicit(&f->wanted, memory_order_relaxed) && take_fault(f, fault);
}

static bool take_stack_or_yield(void *context, const struct fault_stack *stack)
{
    struct faults *f = context;
    return !atomic_load_explicit(&f->wanted, memory_order_relaxed) && take_stack(f, stack);
}

static void take_all(struct faults *f)
{
    fault_rings_drain(f->rings, &(struct fault_taker){take_fault, take_stack, f});
}

static void record_all(struct faults *f)
{
    f->sight.by_ip += fault_sites_flush(f->sites);
}

/* ---- the reader ---- */

/* Once; false when it had to stand back. */
static bool read_rings(struct faults *f)
{
    pthread_mutex_lock(&f->lock);
    const bool all = fault_rings_drain(f->rings, &(struct fault_taker){take_fault_or_yield, take_stack_or_yield, f});
    spend(f);
    if (fault_sites_age(f->sites) > KEEP)
        record_all(f);
    pthread_mutex_unlock(&f->lock);
    return all;
}

static void *reader_thread(void *context)
{
    struct faults *f = context;
    struct pollfd *fds = calloc(MAX_FDS, sizeof(*fds));
    const size_t count = fds ? fault_rings_descriptors(f->rings, fds, MAX_FDS) : 0;
    while (!atomic_load(&f->ending) && recorder_active(f->tracer->recorder)) {
        poll(fds, count, POLL_MS);
        while (!read_rings(f) && !atomic_load(&f->ending))
            while (atomic_load(&f->wanted) && !atomic_load(&f->ending))
                sched_yield();
    }
    if (!atomic_load(&f->ending)) { /* the recording is over: nobody pays for it any longer */
        pthread_mutex_lock(&f->lock);
        fault_rings_free(f->rings);
        f->rings = NULL;
        pthread_mutex_unlock(&f->lock);
    }
    free(fds);
    return NULL;
}

void faults_begin(struct faults *f)
{
    sigset_t all, before;
    if (!f)
        return;
    if (f->sight.sight >= FAULTS_USER) {
        f->sight.rings = (uint32_t)fault_rings_count(f->rings, &f->sight.ring_bytes);
    } else {
        fault_rings_free(f->rings);
        f->rings = NULL;
    }
    put_sight(f);
    if (!f->rings)
        return;
    f->tokens_at = recorder_now(f->tracer->recorder);
    sigfillset(&all); /* signals are the stop loop's */
    pthread_sigmask(SIG_SETMASK, &all, &before);
    f->reading = pthread_create(&f->reader, NULL, reader_thread, f) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (f->reading)
        pthread_mutex_lock(&f->lock); /* as faults_enter(): the stop loop is at work */
}

void faults_enter(struct faults *f)
{
    if (!f || !f->reading || pthread_mutex_trylock(&f->lock) == 0)
        return;
    atomic_store(&f->wanted, 1);
    pthread_mutex_lock(&f->lock);
    atomic_store(&f->wanted, 0);
}

void faults_leave(struct faults *f)
{
    if (f && f->reading)
        pthread_mutex_unlock(&f->lock);
}

void faults_end(struct faults *f)
{
    if (!f)
        return;
    if (f->reading) {
        pthread_mutex_unlock(&f->lock);
        stop_reader(f);
    }
    if (!f->rings)
        return;
    take_all(f);
    record_all(f);
    f->sight.lost = fault_rings_lost(f->rings);
    fault_rings_free(f->rings);
    f->rings = NULL;
    put_sight(f);
}

/* ---- order ---- */

/* Where the call may take memory away; false when it does not. */
static bool takes_away(const struct tracee *tracee, struct span *ret)
{
    enum { FIXED = 0x10, SHM_REMAP_FLAG = 040000 };
    const struct call_args *a = &tracee->call.args;
    switch (call_info(a->call)->effect) {
    case EFFECT_BRK:
        *ret = (struct span){a->args[0], tracee->space->brk};
        return a->args[0] && (!tracee->space->brk || a->args[0] < tracee->space->brk);
    case EFFECT_MAP:
        *ret = (struct span){a->args[0], a->args[0] + a->args[1]};
        return a->args[3] & FIXED;
    case EFFECT_UNMAP:
    case EFFECT_REMAP_FILE:
        *ret = (struct span){a->args[0], a->args[0] + a->args[1]};
        return true;
    case EFFECT_REMAP:
    case EFFECT_DETACH:
    case EFFECT_UNMAP_RING:
        *ret = (struct span){0, UINT64_MAX};
        return true;
    case EFFECT_ATTACH:
        *ret = (struct span){0, UINT64_MAX};
        return a->args[2] & SHM_REMAP_FLAG;
    default:
        return false;
    }
}

void faults_before_call(struct faults *f, const struct tracee *tracee)
{
    struct span span;
    if (!f || !f->rings || !takes_away(tracee, &span))
        return;
    take_all(f);
    if (fault_sites_touch(f->sites, tracee->space->id, &span))
        record_all(f);
}

void faults_flush(struct faults *f)
{
    if (!f || !f->rings)
        return;
    take_all(f);
    record_all(f);
}
