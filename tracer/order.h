/*
 * order.h: layout calls of one address space, one after another.
 *
 * Stops arrive in another order than the kernel applied the calls, so between entry and exit a layout call has its
 * space for itself; others wait in their entry stops.  A call that blocks would stall them: after ORDER_PATIENCE
 * it counts as stuck, and the others go on, one after another as before and without waiting for it again.  All of them
 * are marked as overlapped until it returns, and what they touched is read back once the space is quiet.  A call that
 * has only not had its turn on a CPU, or whose exit stop is still to be served, does not block anybody, and is given
 * more time.
 */
#ifndef BRKWATER_ORDER_H
#define BRKWATER_ORDER_H

#include "tracee.h"

enum {
    /* 10 ms: longer than any call that does not wait for something, short enough that nobody notices. */
    ORDER_PATIENCE = TRACE_TICKS_PER_SECOND / 100,
    /* 200 ms for a call that is running or waits for a CPU: a populate of gigabytes is, too. */
    ORDER_PATIENCE_RUNNING = TRACE_TICKS_PER_SECOND / 5,
};

struct order {
    struct space *spaces; /* those in which somebody waits */
};

/* A tracee stands before a layout call.  True: it may go now.  False: it was queued, leave it stopped. */
bool order_enter(struct order *order, struct tracee *tracee, uint64_t now);

/* A call that is no layout call goes in, or is over, or was abandoned.  Such calls (mlock, most of madvise) wait for
 * nobody, but while one of them splits and merges mappings a map that is read can be torn. */
void order_pass(struct tracee *tracee);
void order_passed(struct tracee *tracee);

/* Whether no call of the tracee's space but its own is under way that maps would show: the map stands still. */
bool order_alone(const struct tracee *tracee);

/* Its call is over, or it died in it.  Returns the tracee that must be let go now, or NULL. */
struct tracee *order_leave(struct order *order, struct tracee *tracee, uint64_t now);

/* It has gone without a stop, and its call with it.  Those who waited for it are overdue. */
void order_abandon(struct tracee *tracee);

/* A queued tracee was killed: forget it. */
void order_forget(struct order *order, struct tracee *tracee);

/* The next tracee whose patience is over, and that may go now; NULL when there is none (any more). */
struct tracee *order_overdue(struct order *order, const struct tracee_table *table, uint64_t now);

/* Whether anybody waits anywhere, so that order_overdue() must be asked now and then. */
bool order_waiting(const struct order *order);

#endif
