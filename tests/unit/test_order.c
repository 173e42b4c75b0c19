/* links: tracer.a */
/* test_order.c: who may go into the kernel when: one at a time, in turn; a call that blocks is overtaken once. */
#include "../../tracer/order.h"
#include "../../tracer/proc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

enum { THREADS = 4 };

static char state_of_all; /* what /proc would say of a thread */
static struct tracee threads[THREADS];
static struct tracee_table table;
static struct space space;
static struct order order;

char proc_thread_state(pid_t tid)
{
    (void)tid;
    return state_of_all;
}

struct tracee *tracee_find(const struct tracee_table *t, pid_t tid)
{
    (void)t;
    return tid >= 1 && tid <= THREADS ? &threads[tid - 1] : NULL;
}

static int begin(void **state)
{
    (void)state;
    space = (struct space){.id = 1};
    order = (struct order){0};
    state_of_all = 'S';
    for (int i = 0; i < THREADS; i++)
        threads[i] = (struct tracee){.tid = i + 1, .space = &space, .call = {.active = true, .exclusive = true}};
    return 0;
}

static void test_one_at_a_time(void **state)
{
    (void)state;
    assert_true(order_enter(&order, &threads[0], 10));
    assert_true(order_alone(&threads[0]));
    assert_false(order_enter(&order, &threads[1], 11));
    assert_false(order_enter(&order, &threads[2], 12));
    assert_true(threads[1].held && threads[2].held && order_waiting(&order));
    assert_null(order_overdue(&order, &table, 10 + ORDER_PATIENCE - 1));
    assert_ptr_equal(order_leave(&order, &threads[0], 20), &threads[1]);
    assert_false(threads[1].held || threads[1].call.overlapped);
    order_forget(&order, &threads[2]); /* killed while it waited */
    assert_false(order_waiting(&order));
    assert_null(order_leave(&order, &threads[1], 30));
    assert_int_equal(space.inside, 0);
}

/* The one that blocks keeps the others waiting once; from then on they go in turn, and all of them are marked. */
static void test_overtaking(void **state)
{
    (void)state;
    const uint64_t late = ORDER_PATIENCE + 1;
    assert_true(order_enter(&order, &threads[0], 0));
    assert_false(order_enter(&order, &threads[1], 1));
    assert_false(order_enter(&order, &threads[2], 1));
    assert_ptr_equal(order_overdue(&order, &table, late), &threads[1]);
    assert_null(order_overdue(&order, &table, late));
    assert_true(threads[0].call.stuck && threads[0].call.overlapped && threads[1].call.overlapped);
    assert_false(order_alone(&threads[1]));
    assert_ptr_equal(order_leave(&order, &threads[1], late + 1), &threads[2]);
    assert_true(threads[2].call.overlapped);
    assert_null(order_leave(&order, &threads[2], late + 2));
    assert_true(order_enter(&order, &threads[3], late + 3)); /* at once */
    assert_true(threads[3].call.overlapped);
    assert_false(order_alone(&threads[0]));
    assert_null(order_leave(&order, &threads[0], late + 4)); /* the one that was stuck returns */
    assert_int_equal(space.stuck, 0);
    assert_true(order_alone(&threads[3]));
    assert_null(order_leave(&order, &threads[3], late + 5));
    assert_true(order_enter(&order, &threads[1], late + 6));
    assert_false(threads[1].call.overlapped);
}

/* Running, or about to be served: not blocked. */
static void test_patience(void **state)
{
    (void)state;
    assert_true(order_enter(&order, &threads[0], 0));
    assert_false(order_enter(&order, &threads[1], 0));
    state_of_all = 't';
    assert_null(order_overdue(&order, &table, 100 * ORDER_PATIENCE_RUNNING));
    state_of_all = 'R';
    assert_null(order_overdue(&order, &table, ORDER_PATIENCE_RUNNING - 1));
    assert_ptr_equal(order_overdue(&order, &table, ORDER_PATIENCE_RUNNING), &threads[1]);
}

/* Ended by the execve of a sibling, inside or stuck: nobody waits for them for ever. */
static void test_gone_without_a_stop(void **state)
{
    (void)state;
    assert_true(order_enter(&order, &threads[0], 0));
    assert_false(order_enter(&order, &threads[1], 0));
    order_abandon(&threads[0]);
    assert_ptr_equal(order_overdue(&order, &table, 0), &threads[1]);
    assert_int_equal(space.stuck, 0);
    assert_false(order_enter(&order, &threads[2], 1));
    assert_ptr_equal(order_overdue(&order, &table, 2 * ORDER_PATIENCE), &threads[2]);
    order_abandon(&threads[1]);
    assert_int_equal(space.stuck, 0);
    assert_true(order_alone(&threads[2]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_one_at_a_time, begin),
        cmocka_unit_test_setup(test_overtaking, begin),
        cmocka_unit_test_setup(test_patience, begin),
        cmocka_unit_test_setup(test_gone_without_a_stop, begin),
    };
    return cmocka_run_group_tests_name("order", tests, NULL, NULL);
}
