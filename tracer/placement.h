/*
 * placement.h: on which CPUs the tracer and its tracees run.
 *
 * A traced call switches four times between two threads.  When they run on two CPUs, each switch wakes one that idles,
 * which costs several times what all the rest of a stop does; and the kernel's scheduler prefers idle CPUs, so it
 * always ends up there by itself.  So while events come close together the tracer stays on one CPU, its home, and the
 * tracee is pinned there too: from the entry of a call until it has been woken after the exit.  That is enough for the
 * scheduler to leave it where it is, and between its calls the thread has its own mask.  Only when hundreds of events
 * have come so, in one thread, it stays pinned between them, which is a sixth cheaper.
 *
 * What is always true: a pinned tracee's own mask is in its `struct placement`, and is put back before the thread makes
 * a child or executes a program, before any tracee asks for a mask, and within two ticks when its events stop.  A mask
 * that somebody else has set meanwhile stays, unless it looks the same as ours.  What the kernel refuses is left alone,
 * without a word.  Source: sched_setaffinity(2), cpuset(7).
 */
#ifndef BRKWATER_PLACEMENT_H
#define BRKWATER_PLACEMENT_H

#include "tracee.h"

/* Ticks that calls take from entry to exit, stops included. */
struct call_costs {
    uint64_t near;     /* at the least, pinned */
    uint64_t far;      /* on the average, not pinned; 0: not known, or forgotten */
    unsigned measured; /* pinned ones since `far` was last measured */
};

/* The last look at how long tracer and guest have waited for their CPU. */
struct home_look {
    uint64_t at;    /* tick */
    uint64_t delay; /* nanoseconds, of both */
    pid_t guest;    /* 0: none to compare with */
};

struct placing {
    bool on;       /* false: leave all alone */
    bool may_hold; /* no tracee can become somebody whose mask we may not put back */
    bool asked;    /* a tracee may be inside a call that asks for masks */
    struct tracee_table *table;
    cpu_set_t own;        /* the tracer's own mask */
    cpu_set_t whole;      /* all that its cpuset has */
    int home;             /* CPU that the tracer is kept on, -1: none */
    uint64_t settled;     /* tick since when */
    pid_t guest;          /* tracee whose event came last, 0: none */
    uint64_t last;        /* tick of that event */
    uint64_t mixed_until; /* tick up to which several threads count as making events at a time */
    uint64_t free_until;  /* tick up to which nobody is pinned, because the home was crowded */
    uint64_t free_for;    /* how long that was */
    struct call_costs costs;
    struct home_look look;
};

/* Call once the command has been forked: what the tracer changes of itself is not to be inherited. */
void placement_start(struct placing *placing, struct tracee_table *table);

/* The tracee stands at the entry of a traced call. */
void placement_entry(struct placing *placing, struct tracee *tracee, enum call call, uint64_t now);

/* It was resumed at the exit of one. */
void placement_exit(struct placing *placing, struct tracee *tracee, uint64_t now);

/* `tid` was made by `parent`, and has not run yet. */
void placement_new_child(const struct placing *placing, const struct tracee *parent, pid_t tid);

/* Let go whom nothing keeps any more.  Call now and then while placement_needs_ticks(). */
void placement_tick(struct placing *placing, uint64_t now);
bool placement_needs_ticks(const struct placing *placing);

/* Put all masks back, the tracer's too, and pin nobody from now on. */
void placement_end(struct placing *placing);

#endif
