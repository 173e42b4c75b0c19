/*
 * pause.c: stop and go.
 *
 * PTRACE_INTERRUPT brings a thread to a stop between two calls (stop.c, resume()); calls that fail only because of that
 * are run again (arch.h).  A thread that stands in another stop already, waiting for its turn, is as good.  Source:
 * ptrace(2), "Attaching and detaching".
 */
#include "pause.h"

#include "proc.h"
#include "stop.h"

#include <sys/ptrace.h>

enum {
    QUIET = TRACE_TICKS_PER_SECOND / 50,
    PATIENCE = TRACE_TICKS_PER_SECOND / 2,
};

struct pausing {
    struct tracer *tracer;
    const struct space *space; /* NULL: of any */
    unsigned moving;
    bool look; /* it is time to find out whether those that move will stop at all */
    bool running;
};

static bool is_moving(const struct tracee *tracee)
{
    return tracee->process && tracee->space && !tracee->still && !tracee->held && !tracee->has_first_stop;
}

static void ask(struct tracee *tracee, void *context)
{
    (void)context;
    if (is_moving(tracee) && !(tracee->call.active && tracee->call.running))
        ptrace(PTRACE_INTERRUPT, tracee->tid, NULL, NULL);
}

static void count_moving(struct tracee *tracee, void *context)
{
    struct pausing *p = context;
    if (!is_moving(tracee) || (p->space && tracee->space != p->space))
        return;
    p->moving++;
    if (p->look && !p->running)
        p->running = proc_stops_soon(tracee->tid);
}

void pause_begin(struct tracer *tracer)
{
    struct pausing p = {.tracer = tracer};
    struct stop stops[WAIT_BATCH];
    const uint64_t begin = recorder_now(tracer->recorder);
    uint64_t last = begin;
    tracer->pausing = true;
    signals_tick(true);
    tracee_each(&tracer->table, ask, NULL);
    for (;;) {
        const uint64_t now = recorder_now(tracer->recorder);
        p.moving = 0;
        p.running = false;
        p.look = now - last > QUIET;
        tracee_each(&tracer->table, count_moving, &p);
        if (!p.moving || now - begin > PATIENCE || (p.look && !p.running))
            return;
        const int count = wait_for_stops(stops, true);
        if (count < 0)
            return;
        for (int i = 0; i < count; i++)
            stop_serve(tracer, &stops[i]);
        stop_overdue(tracer);
        if (count)
            last = recorder_now(tracer->recorder);
    }
}

/* Who waits in the kernel changes nothing in its heap. */
bool pause_is_moving(struct tracer *tracer, const struct space *space)
{
    struct pausing p = {.tracer = tracer, .space = space, .look = true};
    tracee_each(&tracer->table, count_moving, &p);
    return p.running;
}

static void go_on(struct tracee *tracee, void *context)
{
    if (tracee->still)
        stop_go_on(context, tracee);
}

void pause_end(struct tracer *tracer)
{
    tracer->pausing = false;
    tracee_each(&tracer->table, go_on, tracer);
}
