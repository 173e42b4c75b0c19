/* links: tracer/sampler.o */
/* test_sampler.c: how often the sampler reads, whatever else takes time; all that it asks is answered here. */
#include "../../tracer/proc.h"
#include "../../tracer/recorder.h"
#include "../../tracer/residency.h"
#include "../../tracer/sampler.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include <cmocka.h>

enum { INTERVAL_MS = 1, LOOK_MS = 50, SAMPLES = 20, PATIENCE_S = 30 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t more = PTHREAD_COND_INITIALIZER;
static unsigned samples, looks;

uint64_t recorder_now(const struct recorder *recorder)
{
    (void)recorder;
    return 1;
}

void recorder_put(struct recorder *recorder, const struct record *record)
{
    (void)recorder;
    assert_int_equal(record->kind, REC_SAMPLE);
    pthread_mutex_lock(&lock);
    samples++;
    pthread_cond_signal(&more);
    pthread_mutex_unlock(&lock);
}

void recorder_tick(struct recorder *recorder)
{
    (void)recorder;
}

int proc_counters(int dir, struct rec_sample *sample)
{
    (void)dir;
    sample->virtual_pages = sample->resident_pages = 100;
    return 0;
}

int proc_status(int dir, struct rec_sample *sample)
{
    (void)dir;
    (void)sample;
    return 0;
}

enum residency_reason residency_due(struct residency *residency)
{
    (void)residency;
    return 0;
}

uint64_t residency_wait(const struct residency *residency)
{
    (void)residency;
    return UINT64_MAX;
}

bool residency_is_high(const struct residency *residency, uint64_t pages, uint64_t before)
{
    (void)residency;
    (void)before;
    return pages > 0;
}

bool residency_take(struct residency *residency, uint32_t space, pid_t pid, int dir, enum residency_reason reason)
{
    const struct timespec time = {.tv_nsec = LOOK_MS * 1000000L};
    (void)residency;
    (void)space;
    (void)pid;
    (void)dir;
    assert_int_equal(reason, RESIDENCY_PEAK);
    looks++;
    nanosleep(&time, NULL);
    return true;
}

/* A pause is measured by what the samples cost: after looks of 50 ms it would be 5 s each. */
static void test_slow_looks_do_not_make_samples_rare(void **state)
{
    struct sampler *sampler = NULL;
    struct timespec until;
    int error = 0;
    (void)state;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += PATIENCE_S;
    assert_int_equal(sampler_start(NULL, NULL, INTERVAL_MS, &sampler), 0);
    sampler_watch(sampler, 1, 1, 0);
    pthread_mutex_lock(&lock);
    while (samples < SAMPLES && error == 0)
        error = pthread_cond_timedwait(&more, &lock, &until);
    pthread_mutex_unlock(&lock);
    sampler_stop(sampler);
    assert_int_equal(error, 0);
    assert_true(looks > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_slow_looks_do_not_make_samples_rare)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
