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

static void let_in(struct tracee *tracee, uint64_t now)
{
    struct space *space = tracee->space;
    space->inside = tracee->tid;
    space->since = now;
    tracee->call.overlapped = space->stuck != 0;
}

bool order_enter(struct order *order, struct tracee *tracee, uint64_t now)
{
    if (tracee->space->inside) {
        enqueue(order, tracee);
        return false;
    }
    let_in(tracee, now);
    return true;
}

void order_pass(struct tracee *tracee)
{
    const struct call_info *info = call_info(tracee->call.args.call);
    if (info->flags & CALL_WATCHED)
        return;
    switch (info->effect) {
    case EFFECT_PERSONALITY:
    case EFFECT_EXEC:
    case EFFECT_CLONE:
    case EFFECT_EXIT:
        return;
    default:
        tracee->call.beside = true;
        tracee->space->beside++;
    }
}

void order_passed(struct tracee *tracee)
{
    if (tracee->call.beside && tracee->space)
        tracee->space->beside--;
    tracee->call.beside = false;
}

bool order_alone(const struct tracee *tracee)
{
    const struct space *space = tracee->space;
    return (tracee->call.stuck ? !space->inside : space->inside == tracee->tid) && space->stuck == tracee->call.stuck &&
           space->beside == tracee->call.beside;
}

struct tracee *order_leave(struct order *order, struct tracee *tracee, uint64_t now)
{
    struct space *space = tracee->space;
    if (tracee->call.stuck) { /* nobody waits for it */
        tracee->call.stuck = false;
        space->stuck--;
        return NULL;
    }
    space->inside = 0;
    struct tracee *next = dequeue(order, space);
    if (next)
        let_in(next, now);
    return next;
}

void order_abandon(struct tracee *tracee)
{
    struct space *space = tracee->space;
    if (tracee->call.stuck)
        space->stuck--;
    else if (space->inside == tracee->tid)
        space->inside = 0;
    tracee->call.stuck = false;
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

/* Whether the call that has the turn keeps the others waiting without need. */
static bool is_blocked(const struct space *space, uint64_t now)
{
    uint64_t waited = now - space->since;
    if (!space->inside)
        return true;
    if (waited < ORDER_PATIENCE)
        return false;
    switch (proc_thread_state(space->inside)) {
    case 't': /* at its exit stop, which is about to be served */
        return false;
    case 'R':
        return waited >= ORDER_PATIENCE_RUNNING;
    default:
        return true;
    }
}

static void overtake(struct space *space, struct tracee *stuck)
{
    space->inside = 0;
    if (!stuck)
        return; /* gone, and its end is still to be waited for */
    stuck->call.stuck = stuck->call.overlapped = true;
    space->stuck++;
}

struct tracee *order_overdue(struct order *order, const struct tracee_table *table, uint64_t now)
{
    for (struct space *space = order->spaces; space; space = space->next) {
        if (!is_blocked(space, now))
            continue;
        overtake(space, tracee_find(table, space->inside));
        struct tracee *tracee = dequeue(order, space);
        let_in(tracee, now);
        return tracee;
    }
    return NULL;
}

bool order_waiting(const struct order *order)
{
    return order->spaces != NULL;
}
