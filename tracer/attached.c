/* attached.c: one run on processes that are there already, until they are released. */
#include "attach.h"
#include "detach.h"
#include "faults.h"
#include "loop.h"
#include "proc.h"
#include "run.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

/* What the thread that traces gets and gives: its end releases whom nothing else could. */
struct attachment {
    struct tracer *tracer;
    const pid_t *pids;
    size_t count;
    pid_t refused;
    int error;
};

static void put_cost(struct tracer *tracer)
{
    struct record record = {.kind = REC_COST, .cost = tracer->cost};
    record.cost.time = recorder_now(tracer->recorder);
    recorder_put(tracer->recorder, &record);
}

static void *trace_attached(void *context)
{
    struct attachment *a = context;
    struct tracer *tracer = a->tracer;
    a->error = attach_all(tracer, a->pids, a->count, &a->refused);
    if (a->error)
        return NULL;
    a->refused = 0;
    tracer->begun = true;
    if (tracer->options->only_look)
        tracer->end = END_DURATION;
    const bool released = tracer->options->only_look || loop_run(tracer);
    faults_end(tracer->faults);
    if (released)
        detach_all(tracer);
    if (recorder_active(tracer->recorder)) {
        put_cost(tracer);
        recorder_end(tracer->recorder, released ? tracer->end : END_EXITED, false, 0, tracer->stops);
    }
    return NULL;
}

/* In a thread of its own; only there signals are handled, so that they interrupt its wait. */
static int in_thread(struct attachment *a)
{
    pthread_t thread;
    sigset_t all, before;
    int error = pthread_create(&thread, NULL, trace_attached, a);
    if (error)
        return -error;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    pthread_join(thread, NULL);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return a->error;
}

static int run_attached(struct attachment *a, struct tracer_result *result, const char **ret_what)
{
    struct tracer *tracer = a->tracer;
    char argv[4096];
    const int dir = proc_open(a->pids[0]);
    const ssize_t size = dir < 0 ? dir : proc_cmdline(dir, argv, sizeof(argv));
    if (dir >= 0)
        close(dir);
    run_begin(tracer, (struct text){argv, size > 0 ? (size_t)size : 0});
    *ret_what = "sampling thread";
    int error =
        sampler_start(tracer->recorder, tracer->residency, tracer->options->sample_interval_ms, &tracer->sampler);
    if (error)
        return error;
    *ret_what = "attach";
    error = in_thread(a);
    signals_tick(false);
    result->refused = a->refused;
    result->stops = tracer->stops;
    run_forget_all(tracer);
    sampler_stop(tracer->sampler);
    return error;
}

/* The processes that these threads belong to, each once. */
static int find_targets(const pid_t *pids, size_t count, pid_t *targets, size_t *ret_count, pid_t *ret_refused)
{
    *ret_count = 0;
    for (size_t i = 0; i < count; i++) {
        pid_t tgid, parent;
        bool known = false;
        *ret_refused = pids[i];
        if (proc_family(pids[i], &tgid, &parent) < 0)
            return -ESRCH;
        if (tgid == getpid())
            return -EPERM;
        for (size_t j = 0; j < *ret_count; j++)
            known |= targets[j] == tgid;
        if (!known)
            targets[(*ret_count)++] = tgid;
    }
    *ret_refused = 0;
    return 0;
}

int tracer_attach(const struct tracer_options *options, const pid_t *pids, size_t count,
                  struct tracer_result *ret_result, const char **ret_what)
{
    struct tracer tracer = {.options = options, .exec_fd = -1, .attached = true};
    struct tracer_result result = {0};
    pid_t targets[TRACER_MAX_TARGETS];
    struct attachment a = {.tracer = &tracer, .pids = targets};
    int error = find_targets(pids, count, targets, &a.count, &result.refused);
    if (!error) {
        error = run_open(&tracer, ret_what);
        if (!error)
            error = run_attached(&a, &result, ret_what);
        run_close(&tracer, &result);
    }
    *ret_result = result;
    return error;
}
