/* placement.c: the tracer's home, and who is pinned there. */
#include "placement.h"

#include "proc.h"

#include <linux/capability.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

enum {
    MICROSECOND = TRACE_TICKS_PER_SECOND / 1000000,
    MILLISECOND = TRACE_TICKS_PER_SECOND / 1000,

    CLOSE = 300 * MICROSECOND, /* from exit to entry: with more work between events their cost hardly counts */
    FEW = 2,                   /* close events after which a thread is pinned */
    MANY = 256,                /* close events after which it stays pinned between them; a loader makes fewer */
    IDLE = MILLISECOND,        /* without an event for so long a thread is let go */
    MIXED_FOR = 5 * MILLISECOND,
    BLOCKS = 200 * MICROSECOND, /* a call that takes so long waits for something, and tells nothing about costs */
    FORGET_AFTER = 20000,       /* pinned calls after which `far` is measured again */

    LOOK_EVERY = 10 * MILLISECOND,
    CROWDED_PERCENT = 25, /* of the time; tracer and guest make each other wait for up to 16 */
    FREE_FIRST = 10 * MILLISECOND,
    FREE_MOST = 320 * MILLISECOND,
};

/* ---- masks ---- */

static int set_one(pid_t tid, int cpu)
{
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET((size_t)cpu, &one);
    return sched_setaffinity(tid, sizeof(one), &one);
}

static bool is_within(const cpu_set_t *set, const cpu_set_t *mask)
{
    cpu_set_t both;
    CPU_AND(&both, set, mask);
    return CPU_EQUAL(&both, set);
}

/* A thread that may run wherever its cpuset allows is given all CPUs that there could be instead of those: only so it
 * follows when the cpuset grows or a CPU is plugged in. */
static void set_mask(const struct placing *p, pid_t tid, const cpu_set_t *mask)
{
    cpu_set_t all, now;
    memset(&all, 0xff, sizeof(all));
    if (CPU_EQUAL(mask, &p->whole) && sched_setaffinity(tid, sizeof(all), &all) == 0 &&
        sched_getaffinity(tid, sizeof(now), &now) == 0 && is_within(&now, mask))
        return;
    sched_setaffinity(tid, sizeof(*mask), mask);
}

/* Nobody has set another mask since the tracee was pinned. */
static bool is_ours(const struct tracee *tracee)
{
    cpu_set_t now;
    return sched_getaffinity(tracee->tid, sizeof(now), &now) == 0 && CPU_COUNT(&now) == 1 &&
           CPU_ISSET((size_t)tracee->placement.cpu, &now);
}

static void release(const struct placing *p, struct tracee *tracee)
{
    if (!tracee->placement.pinned)
        return;
    tracee->placement.pinned = false;
    if (is_ours(tracee))
        set_mask(p, tracee->tid, &tracee->placement.mask);
}

static void release_one(struct tracee *tracee, void *context)
{
    release(context, tracee);
}

/* ---- home ---- */

static void leave_home(struct placing *p)
{
    if (p->home < 0)
        return;
    p->home = -1;
    set_mask(p, 0, &p->own);
}

/* The tracer was woken by the tracee a moment ago, so where it is now is where the scheduler saw room. */
static int choose_home(const struct placing *p, const cpu_set_t *mask)
{
    cpu_set_t both;
    CPU_AND(&both, &p->own, mask);
    int cpu = sched_getcpu();
    if (cpu >= 0 && cpu < CPU_SETSIZE && CPU_ISSET((size_t)cpu, &both))
        return cpu;
    for (cpu = 0; cpu < CPU_SETSIZE; cpu++)
        if (CPU_ISSET((size_t)cpu, &both))
            return cpu;
    return -1;
}

/* Have a home within the mask.  One where another tracee is served is kept. */
static bool settle(struct placing *p, const cpu_set_t *mask, bool others, uint64_t now)
{
    if (p->home >= 0 && CPU_ISSET((size_t)p->home, mask))
        return true;
    int cpu = p->home >= 0 && others ? -1 : choose_home(p, mask);
    if (cpu < 0 || set_one(0, cpu) < 0)
        return false;
    p->home = cpu;
    p->settled = now;
    p->look.guest = 0;
    return true;
}

static void pin(struct placing *p, struct tracee *tracee, bool others, uint64_t now)
{
    struct placement *place = &tracee->placement;
    if (place->pinned && place->cpu == p->home)
        return;
    release(p, tracee);
    if (sched_getaffinity(tracee->tid, sizeof(place->mask), &place->mask) < 0 ||
        !settle(p, &place->mask, others, now) || CPU_COUNT(&place->mask) == 1)
        return;
    place->cpu = p->home;
    place->pinned = set_one(tracee->tid, p->home) == 0;
    if (!place->pinned)
        place->streak = 0;
}

/* ---- who is to be pinned ---- */

static bool is_mixed(const struct placing *p, uint64_t now)
{
    return now < p->mixed_until;
}

/* Follow what calls take, for those that are pinned and those that are not. */
static void measure(struct placing *p, const struct tracee *tracee, uint64_t now)
{
    struct call_costs *costs = &p->costs;
    uint64_t cost = now - tracee->call.time;
    if (now < tracee->call.time || cost > BLOCKS)
        return;
    if (!tracee->placement.pinned) {
        costs->far = costs->far ? costs->far - costs->far / 16 + cost / 16 : cost;
        costs->measured = 0;
        return;
    }
    /* Waiting for the other threads there is no part of it. */
    costs->near = costs->near && cost > costs->near ? costs->near + costs->near / 256 + 1 : cost;
    if (++costs->measured > FORGET_AFTER)
        costs->far = costs->measured = 0;
}

/*
 * From exit to entry, at the most, for a thread to be pinned.
 *
 * Threads that are pinned together run one after another: k of them that work for W between events of cost C come
 * again after k(W+C), and otherwise, each on a CPU of its own, after W+D.  The first is the better as long as what lies
 * between two events of a thread is less than D-C when they are many, and twice as much when they are two.  A call from
 * entry to exit has half of the switches of an event, and half of its cost.
 */
static uint64_t close_enough(const struct placing *p, uint64_t now)
{
    const struct call_costs *costs = &p->costs;
    if (!is_mixed(p, now))
        return CLOSE;
    uint64_t gain = costs->far > costs->near ? 4 * (costs->far - costs->near) : 0;
    return gain < CLOSE ? gain : CLOSE;
}

/* Count the event; true when the last one was of another thread. */
static bool count(struct placing *p, struct tracee *tracee, uint64_t now)
{
    struct placement *place = &tracee->placement;
    bool others = p->guest && p->guest != tracee->tid;
    if (others && now - p->last < IDLE)
        p->mixed_until = now + MIXED_FOR;
    if (!place->seen || now - place->seen >= close_enough(p, now))
        place->streak /= 2;
    else if (place->streak < MANY)
        place->streak++;
    place->seen = p->last = now;
    p->guest = tracee->tid;
    return others;
}

/* ---- calls that must find the true mask ---- */

/* sched_setattr(2) gives a deadline only to a thread that may run everywhere. */
static bool asks(enum call call)
{
    return call == CALL_SCHED_GETAFFINITY || call == CALL_SCHED_SETAFFINITY || call == CALL_SCHED_SETSCHEDULER ||
           call == CALL_SCHED_SETATTR;
}

static void find_asker(struct tracee *tracee, void *context)
{
    bool *found = context;
    if (tracee->call.active && tracee->call.running && asks(tracee->call.args.call))
        *found = true;
}

/* Whether such a call is under way: it may be about any thread. */
static bool is_asked(struct placing *p)
{
    bool found = false;
    if (p->asked)
        tracee_each(p->table, find_asker, &found);
    return p->asked = found;
}

/* ---- the stops ---- */

void placement_entry(struct placing *p, struct tracee *tracee, enum call call, uint64_t now)
{
    if (!p->on)
        return;
    if (asks(call)) { /* perhaps about its parent, which we are */
        tracee_each(p->table, release_one, p);
        leave_home(p);
        p->asked = true;
        return;
    }
    switch (call_info(call)->effect) {
    case EFFECT_EXEC:
        tracee->placement.streak = 0;
        release(p, tracee);
        return;
    case EFFECT_CLONE: /* the child inherits the mask */
    case EFFECT_EXIT:
        release(p, tracee);
        return;
    default:
        break;
    }
    bool others = count(p, tracee, now);
    if (tracee->placement.streak < FEW || now < p->free_until || is_asked(p))
        release(p, tracee);
    else
        pin(p, tracee, others, now);
}

void placement_exit(struct placing *p, struct tracee *tracee, uint64_t now)
{
    struct placement *place = &tracee->placement;
    if (!p->on)
        return;
    measure(p, tracee, now);
    place->seen = now;
    if (place->streak < MANY || !p->may_hold || is_mixed(p, now))
        release(p, tracee);
}

void placement_new_child(const struct placing *p, const struct tracee *parent, pid_t tid)
{
    /* A filter of the target's own can have let a clone pass whose entry was not seen. */
    if (tid && parent->placement.pinned)
        set_mask(p, tid, &parent->placement.mask);
}

/* ---- now and then ---- */

struct idlers {
    const struct placing *placing;
    uint64_t now;
};

static void release_idle(struct tracee *tracee, void *context)
{
    const struct idlers *idlers = context;
    if (idlers->now > tracee->placement.seen + IDLE)
        release(idlers->placing, tracee);
}

/* Whether tracer and guest, since the last look, have waited for the CPU longer than they make each other wait.
 * Several guests wait for one another too: then nothing can be told. */
static bool is_crowded(struct placing *p, uint64_t now)
{
    struct home_look before = p->look;
    uint64_t own, guests, passed = (now - before.at) * (1000 / MICROSECOND);
    if (before.guest == p->guest && now - before.at < LOOK_EVERY)
        return false;
    if (proc_run_delay(gettid(), &own) < 0 || proc_run_delay(p->guest, &guests) < 0)
        return false;
    p->look = (struct home_look){.at = now, .delay = own + guests, .guest = p->guest};
    return before.guest == p->guest && !is_mixed(p, now) &&
           p->look.delay - before.delay > passed * CROWDED_PERCENT / 100;
}

/* Somebody else needs the home: let the scheduler find better places, for longer each time that it happens again. */
static void give_way(struct placing *p, uint64_t now)
{
    bool again = p->free_for && now - p->settled < 8 * p->free_for;
    p->free_for = again ? 2 * p->free_for : FREE_FIRST;
    if (p->free_for > FREE_MOST)
        p->free_for = FREE_MOST;
    p->free_until = now + p->free_for;
    tracee_each(p->table, release_one, p);
    leave_home(p);
}

void placement_tick(struct placing *p, uint64_t now)
{
    if (!placement_needs_ticks(p))
        return;
    if (is_crowded(p, now)) {
        give_way(p, now);
        return;
    }
    struct idlers idlers = {p, now};
    tracee_each(p->table, release_idle, &idlers);
    if (now > p->last + IDLE)
        leave_home(p);
}

bool placement_needs_ticks(const struct placing *p)
{
    return p->on && p->home >= 0;
}

/* ---- begin and end ---- */

/* Root without CAP_SYS_NICE may not set the mask of a thread that has become somebody else, sched_setaffinity(2).
 * Inside a memory call it can't become anybody.  Tracers that are not root have no such tracees. */
static bool may_hold(void)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[2] = {0};
    if (geteuid() != 0)
        return true;
    return syscall(SYS_capget, &header, data) == 0 && (data[0].effective & (1u << CAP_SYS_NICE));
}

void placement_start(struct placing *p, struct tracee_table *table)
{
    cpu_set_t all;
    memset(&all, 0xff, sizeof(all));
    p->home = -1;
    p->table = table;
    p->may_hold = may_hold();
    if (sched_getaffinity(0, sizeof(p->own), &p->own) < 0)
        return; /* more CPUs than a cpu_set_t has */
    if (sched_setaffinity(0, sizeof(all), &all) < 0 || sched_getaffinity(0, sizeof(p->whole), &p->whole) < 0)
        return;
    set_mask(p, 0, &p->own);
    p->on = CPU_COUNT(&p->own) > 1;
}

void placement_end(struct placing *p)
{
    if (!p->on)
        return;
    tracee_each(p->table, release_one, p);
    leave_home(p);
    p->on = false;
}
