/* sampler.c: the sampling thread. */
#include "sampler.h"

#include "proc.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>

enum {
    STATUS_EVERY = 16, /* the Rss split changes slowly and costs more */
    COST_SHARE = 100,  /* sleep at least so many times the CPU time that a round took */
    IDLE_MS = 250,     /* without timed samples: how often to look after the recorder */
};

struct watched {
    uint32_t space;
    pid_t pid;
    int dir;
    unsigned rounds;
    uint64_t resident; /* pages, of the last sample */
    uint64_t looked;   /* resident pages when they were last looked at */
};

struct sampler {
    pthread_t thread;
    pthread_mutex_t lock; /* held while one watched process is read and recorded */
    pthread_cond_t wake;
    bool stopping;
    struct recorder *recorder;
    struct residency *residency;
    unsigned interval_ms;
    struct watched *watched;
    size_t count, capacity;
};

static bool read_sample(struct rec_sample *sample, int dir, bool everything)
{
    /* A process that is on its way out has no memory any more: zeros are no sample. */
    if (proc_counters(dir, sample) < 0 || sample->virtual_pages == 0)
        return false;
    if (everything)
        proc_status(dir, sample);
    return true;
}

void sampler_take(struct recorder *recorder, uint32_t space, pid_t pid, int dir, uint32_t flags)
{
    struct record record = {
        .kind = REC_SAMPLE,
        .sample = {.time = recorder_now(recorder), .pid = (uint32_t)pid, .space = space, .flags = flags}};
    if (dir >= 0 && read_sample(&record.sample, dir, true))
        recorder_put(recorder, &record);
}

static void sample_one(struct sampler *s, struct watched *w)
{
    struct record record = {.kind = REC_SAMPLE,
                            .sample = {.time = recorder_now(s->recorder), .pid = (uint32_t)w->pid, .space = w->space}};
    if (read_sample(&record.sample, w->dir, w->rounds++ % STATUS_EVERY == 0))
        recorder_put(s->recorder, &record);
    w->resident = record.sample.resident_pages;
}

static void look_at_peak(struct sampler *s, struct watched *w)
{
    if (residency_is_high(s->residency, w->resident, w->looked) &&
        residency_take(s->residency, w->space, w->pid, w->dir, RESIDENCY_PEAK))
        w->looked = w->resident;
}

static void look_at_all(struct sampler *s)
{
    const enum residency_reason reason = s->count ? residency_due(s->residency) : 0;
    for (size_t i = 0; reason && i < s->count && !s->stopping; i++)
        residency_take(s->residency, s->watched[i].space, s->watched[i].pid, s->watched[i].dir, reason);
}

static uint64_t clock_ns(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* `each` of all watched processes once; the lock is given up between two of them so that the stop loop never waits for
 * a whole round. */
static void for_all(struct sampler *s, void (*each)(struct sampler *, struct watched *))
{
    for (size_t i = 0; i < s->count && !s->stopping; i++) {
        each(s, &s->watched[i]);
        pthread_mutex_unlock(&s->lock);
        pthread_mutex_lock(&s->lock);
    }
}

/*
 * Samples of all, then looks at those that reached a peak.  Returns the CPU time that the samples took: time that
 * passed meanwhile would be that of everybody who wants the CPU, and on a busy machine hardly any sample would be left.
 * What a look may cost is residency's own budget.
 */
static uint64_t sample_all(struct sampler *s)
{
    uint64_t begin = clock_ns(CLOCK_THREAD_CPUTIME_ID);
    for_all(s, sample_one);
    uint64_t cost = clock_ns(CLOCK_THREAD_CPUTIME_ID) - begin;
    for_all(s, look_at_peak);
    return cost;
}

static void sleep_until(struct sampler *s, uint64_t when)
{
    struct timespec at = {.tv_sec = (time_t)(when / 1000000000u), .tv_nsec = (long)(when % 1000000000u)};
    while (!s->stopping && pthread_cond_timedwait(&s->wake, &s->lock, &at) != ETIMEDOUT)
        ;
}

/* A moment that the user has asked for is not slept through, however long the pause that a slow round earns. */
static uint64_t at_most_until_asked(const struct sampler *s, uint64_t pause)
{
    const uint64_t idle = IDLE_MS * (TRACE_TICKS_PER_SECOND / 1000);
    uint64_t wait = residency_wait(s->residency);
    if (!s->count && wait < idle) /* it has come, and there is nobody yet to look at */
        wait = idle;
    return wait < pause / TRACE_NS_PER_TICK ? wait * TRACE_NS_PER_TICK : pause;
}

static void *sampler_thread(void *context)
{
    struct sampler *s = context;
    pthread_mutex_lock(&s->lock);
    while (!s->stopping) {
        uint64_t pause = (uint64_t)(s->interval_ms ? s->interval_ms : IDLE_MS) * 1000000u;
        look_at_all(s);
        if (s->interval_ms) {
            uint64_t cost = sample_all(s);
            if (cost * COST_SHARE > pause)
                pause = cost * COST_SHARE;
        }
        pthread_mutex_unlock(&s->lock);
        recorder_tick(s->recorder);
        pthread_mutex_lock(&s->lock);
        sleep_until(s, clock_ns(CLOCK_MONOTONIC) + at_most_until_asked(s, pause));
    }
    pthread_mutex_unlock(&s->lock);
    return NULL;
}

int sampler_start(struct recorder *recorder, struct residency *residency, unsigned interval_ms,
                  struct sampler **ret_sampler)
{
    struct sampler *s = calloc(1, sizeof(*s));
    if (!s)
        return -ENOMEM;
    s->recorder = recorder;
    s->residency = residency;
    s->interval_ms = interval_ms;
    pthread_mutex_init(&s->lock, NULL);
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&s->wake, &monotonic);
    pthread_condattr_destroy(&monotonic);

    /* Signals are the stop loop's: they must interrupt its wait. */
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int error = pthread_create(&s->thread, NULL, sampler_thread, s);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (error) {
        free(s);
        return -error;
    }
    *ret_sampler = s;
    return 0;
}

void sampler_stop(struct sampler *s)
{
    if (!s)
        return;
    pthread_mutex_lock(&s->lock);
    s->stopping = true;
    pthread_cond_signal(&s->wake);
    pthread_mutex_unlock(&s->lock);
    pthread_join(s->thread, NULL);
    pthread_cond_destroy(&s->wake);
    pthread_mutex_destroy(&s->lock);
    free(s->watched);
    free(s);
}

void sampler_watch(struct sampler *s, uint32_t space, pid_t pid, int dir)
{
    if (dir < 0)
        return;
    pthread_mutex_lock(&s->lock);
    if (s->count == s->capacity) {
        size_t capacity = s->capacity ? s->capacity * 2 : 16;
        struct watched *watched = reallocarray(s->watched, capacity, sizeof(*watched));
        if (watched) {
            s->watched = watched;
            s->capacity = capacity;
        }
    }
    if (s->count < s->capacity)
        s->watched[s->count++] = (struct watched){.space = space, .pid = pid, .dir = dir};
    pthread_mutex_unlock(&s->lock);
}

void sampler_forget(struct sampler *s, uint32_t space)
{
    pthread_mutex_lock(&s->lock);
    for (size_t i = 0; i < s->count; i++)
        if (s->watched[i].space == space)
            s->watched[i--] = s->watched[--s->count];
    pthread_mutex_unlock(&s->lock);
}
