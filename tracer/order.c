/* order.c: the queue before each address space. */
#include "order.h"

#include "proc.h"

static void list_space(struct order *order, struct space *space)
{
    space->next = order->spaces;
    order->spaces = space;
}

static void unlist_space(struct order *order, struct space *space)
{
    struct space **at = &order->spaces;
    while (*at && *at != space)
        at = &(*at)->next;
    if (*at)
        *at = space->next;
}

static void enqueue(struct order *order, struct tracee *tracee)
{
    struct space *space = tracee->space;
    tracee->after = NULL;
    tracee->held = true;
    if (space->waiting) {
        space->waiting_last->after = tracee;
    } else {
        space->waiting = tracee;
        list_space(order, space);
    }
    space->waiting_last = tracee;
}

static struct tracee *dequeue(struct order *order, struct space *space)
{
    struct tracee *tracee = space->waiting;
    if (!tracee)
        return NULL;
    space->waiting = tracee->after;
    if (!space->waiting) {
        space->waiting_last = NULL;
        unlist_space(order, space);
    }
    tracee->held = false;
    return tracee;
}

/* Count it as inside; the clock starts anew, so that each one let in late has its own patience. */
static void let_in(struct tracee *tracee, uint64_t now)
{
    tracee->space->in_flight++;
    tracee->space->since = now;
    tracee->space->latest = tracee->tid;
}

bool order_enter(struct order *order, struct tracee *tracee, uint64_t now)
{
    if (tracee->space->in_flight) {
        enqueue(order, tracee);
        return false;
    }
    let_in(tracee, now);
    return true;
}

struct tracee *order_leave(struct order *order, struct tracee *tracee, uint64_t now)
{
    struct space *space = tracee->space;
    if (space->latest == tracee->tid)
        space->latest = 0; /* it may wait here again: its state tells nothing of those still inside */
    if (--space->in_flight)
        return NULL;
    struct tracee *next = dequeue(order, space);
    if (next)
        let_in(next, now);
    return next;
}

void order_forget(struct order *order, struct tracee *tracee)
{
    struct space *space = tracee->space;
    struct tracee *before = NULL;
    for (struct tracee *t = space->waiting; t && t != tracee; t = t->after)
        before = t;
    if (before) {
        before->after = tracee->after;
        if (space->waiting_last == tracee)
            space->waiting_last = before;
        tracee->held = false;
    } else if (space->waiting == tracee) {
        dequeue(order, space);
    }
}

/* Whether the call that is inside keeps the others waiting without need. */
static bool is_blocked(const struct space *space, uint64_t now)
{
    uint64_t waited = now - space->since;
    if (waited < ORDER_PATIENCE)
        return false;
    if (!space->latest)
        return true;
    switch (proc_thread_state(space->latest)) {
    case 't': /* at its exit stop, which is about to be served */
        return false;
    case 'R':
        return waited >= ORDER_PATIENCE_RUNNING;
    default:
        return true;
    }
}

struct tracee *order_overdue(struct order *order, uint64_t now)
{
    for (struct space *space = order->spaces; space; space = space->next) {
        if (!is_blocked(space, now))
            continue;
        struct tracee *tracee = dequeue(order, space);
        tracee->call.overlapped = true;
        space->needs_read_back = true;
        let_in(tracee, now);
        return tracee;
    }
    return NULL;
}

bool order_waiting(const struct order *order)
{
    return order->spaces != NULL;
}
