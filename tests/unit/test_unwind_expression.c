/* links: tracer/unwind/expression.o tracer/unwind/registers_x86.o tracer/unwind/window.o */
/* test_unwind_expression.c: DWARF expressions as unwind tables hold them, right and wrong; and the window that they
 * read memory through. */
#include "../../tracer/unwind/expression.h"
#include "unwind_fake.h"

#include <dwarf.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/user.h>
#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

enum { STACK = 0x7000 };

static const uint64_t stack_words[] = {0x1111, 0x7008, 0xfffffffffffffff0u};
static struct unwind_registers registers;
static struct window *window;
static struct fake_memory fake = {.start = STACK, .size = sizeof(stack_words), .bytes = (const void *)stack_words};
static const struct unwind_memory memory = {fake_read, &fake};

static int begin(void **state)
{
    (void)state;
    window = malloc(sizeof(*window));
    window_begin(window, &memory, STACK);
    registers = (struct unwind_registers){.abi = UNWIND_X86_64};
    registers_set(&registers, 7, STACK);
    registers_set(&registers, 16, 0x40100b);
    return window ? 0 : -1;
}

static int end(void **state)
{
    (void)state;
    free(window);
    return 0;
}

/* Compile and evaluate; the error of either. */
static int evaluate(const Dwarf_Op *ops, size_t count, unsigned word, uint64_t *ret_value)
{
    struct expression *expression;
    int error = expression_compile(ops, count, word, &expression);
    if (error)
        return error;
    const struct expression_inputs inputs = {.registers = &registers, .window = window, .cfa = 0x7010};
    error = expression_evaluate(expression, &inputs, ret_value);
    free(expression);
    return error;
}

#define CHECK(expected, ...)                                                                                           \
    do {                                                                                                               \
        const Dwarf_Op ops[] = {__VA_ARGS__};                                                                          \
        uint64_t value = 0;                                                                                            \
        assert_int_equal(evaluate(ops, COUNT(ops), 8, &value), 0);                                                     \
        assert_true(value == (uint64_t)(expected));                                                                    \
    } while (0)

#define CHECK_ERROR(expected, ...)                                                                                     \
    do {                                                                                                               \
        const Dwarf_Op ops[] = {__VA_ARGS__};                                                                          \
        uint64_t value = 0;                                                                                            \
        assert_int_equal(evaluate(ops, COUNT(ops), 8, &value), expected);                                              \
    } while (0)

#define OP(name, ...)                                                                                                  \
    {                                                                                                                  \
        .atom = DW_OP_##name, __VA_ARGS__                                                                              \
    }
#define CONST(value) OP(consts, .number = (Dwarf_Word)(value))

/* What linkers write for the PLT: rsp + 8, and 8 more once the entry's push has run: ((rip & 15) >= 11) << 3. */
static void test_plt(void **state)
{
    (void)state;
    for (unsigned low = 0; low < 16; low++) {
        registers_set(&registers, 16, 0x401000 + low);
        CHECK(STACK + 8 + (low >= 11) * 8, OP(breg7, .number = 8), OP(breg16, .number = 0), OP(lit15), OP(and),
              OP(lit11), OP(ge), OP(lit3), OP(shl), OP(plus));
    }
}

/* A signal frame's: the stack pointer that is saved at a distance. */
static void test_memory(void **state)
{
    (void)state;
    CHECK(0x7008, OP(breg7, .number = 8), OP(deref));
    CHECK(0x7008, OP(bregx, .number = 7, .number2 = 8), OP(deref));
    CHECK(0xf0, OP(call_frame_cfa), OP(deref_size, .number = 1));
    CHECK(0x7018, OP(call_frame_cfa), OP(plus_uconst, .number = 8));
    CHECK(0x7008, OP(call_frame_cfa), OP(plus_uconst, .number = (Dwarf_Word)-8));
    CHECK_ERROR(-EFAULT, OP(breg7, .number = (Dwarf_Word)-8), OP(deref));
    CHECK_ERROR(-EFAULT, OP(breg7, .number = 17), OP(deref));
    CHECK_ERROR(-EFAULT, CONST(-1), OP(deref));
    CHECK_ERROR(-ENODATA, OP(breg3, .number = 0));
}

static void test_arithmetic(void **state)
{
    (void)state;
    CHECK(5, CONST(7), OP(lit2), OP(minus));
    CHECK(-14, CONST(-7), OP(lit2), OP(mul));
    CHECK(-3, CONST(-7), OP(lit2), OP(div));
    CHECK(INT64_MIN, CONST(INT64_MIN), CONST(-1), OP(div));
    CHECK(1, OP(lit7), OP(lit3), OP(mod));
    CHECK(-4, CONST(-7), OP(lit1), OP(shra));
    CHECK(-1, CONST(-7), CONST(64), OP(shra));
    CHECK(0, CONST(-7), CONST(64), OP(shl));
    CHECK(7, CONST(-7), OP(abs));
    CHECK(-8, OP(lit7), OP(not ));
    CHECK(6, OP(lit5), OP(lit3), OP(xor));
    CHECK(1, CONST(-1), OP(lit0), OP(lt));
    CHECK(0, CONST(-1), OP(lit0), OP(gt));
    CHECK_ERROR(-EINVAL, OP(lit1), OP(lit0), OP(div));
    CHECK_ERROR(-EINVAL, OP(lit1), OP(lit0), OP(mod));
}

static void test_stack(void **state)
{
    (void)state;
    CHECK(1, OP(lit1), OP(lit2), OP(swap));
    CHECK(1, OP(lit1), OP(lit2), OP(over));
    CHECK(2, OP(lit1), OP(lit2), OP(lit3), OP(rot)); /* 1 2 3 becomes 3 1 2 */
    CHECK(4, OP(lit2), OP(dup), OP(plus));
    CHECK(1, OP(lit1), OP(lit2), OP(lit3), OP(pick, .number = 2));
    CHECK(1, OP(lit1), OP(lit2), OP(drop), OP(nop));
    CHECK_ERROR(-EINVAL, OP(plus));
    CHECK_ERROR(-EINVAL, OP(lit1), OP(over));
    CHECK_ERROR(-EINVAL, OP(lit1), OP(drop));
    CHECK_ERROR(-EINVAL, OP(lit1), OP(pick, .number = 200));
    Dwarf_Op many[EXPRESSION_MAX_STACK + 1];
    for (size_t i = 0; i < COUNT(many); i++)
        many[i] = (Dwarf_Op)OP(lit1);
    uint64_t value;
    assert_int_equal(evaluate(many, COUNT(many) - 1, 8, &value), 0);
    assert_int_equal(evaluate(many, COUNT(many), 8, &value), -EINVAL);
}

static void test_jumps(void **state)
{
    (void)state;
    /* 0: lit1, 1: bra +1, 4: lit5, 5: lit9 */
    CHECK(9, OP(lit7, .offset = 0), OP(lit1, .offset = 1), OP(bra, .number = 1, .offset = 2), OP(lit5, .offset = 5),
          OP(lit9, .offset = 6));
    CHECK(7, OP(lit7, .offset = 0), OP(skip, .number = 1, .offset = 1), OP(lit5, .offset = 4));
    CHECK_ERROR(-EINVAL, OP(lit7, .offset = 0), OP(skip, .number = (Dwarf_Word)-2, .offset = 1), /* into itself */
                OP(lit5, .offset = 4));
    CHECK_ERROR(-ELOOP, OP(lit7, .offset = 0), OP(skip, .number = (Dwarf_Word)-3, .offset = 1));
}

static void test_refused(void **state)
{
    (void)state;
    CHECK_ERROR(-ENOTSUP, OP(addr, .number = 1));
    CHECK_ERROR(-ENOTSUP, OP(push_object_address));
    CHECK_ERROR(-ENOTSUP, OP(breg31, .number = 1));
    CHECK_ERROR(-ENOTSUP, OP(lit1), OP(deref_size, .number = 9));
    CHECK_ERROR(-ENOTSUP, OP(lit1), OP(deref_size, .number = 0));
    uint64_t value;
    static const Dwarf_Op many[EXPRESSION_MAX_OPS + 1];
    assert_int_equal(evaluate(many, COUNT(many), 8, &value), -E2BIG);
    assert_int_equal(evaluate(many, 0, 8, &value), -EINVAL);
}

/* Of 32-bit code values wrap at 32 bits, and have their sign there. */
static void test_narrow(void **state)
{
    (void)state;
    uint64_t value = 0;
    const Dwarf_Op wraps[] = {CONST(0xffffffff), OP(lit2), OP(plus)};
    const Dwarf_Op negative[] = {CONST(0xfffffffe), OP(lit1), OP(shra)};
    const Dwarf_Op reads[] = {OP(breg7, .number = 16), OP(deref)};
    assert_int_equal(evaluate(wraps, COUNT(wraps), 4, &value), 0);
    assert_true(value == 1);
    assert_int_equal(evaluate(negative, COUNT(negative), 4, &value), 0);
    assert_true(value == 0xffffffff);
    assert_int_equal(evaluate(reads, COUNT(reads), 4, &value), 0);
    assert_true(value == 0xfffffff0);
}

/* The window: few reads, none of them lost at its edges. */
static void test_window(void **state)
{
    (void)state;
    enum { SIZE = 5 * 4096, START = 0x10000 };
    unsigned char *bytes = calloc(1, SIZE);
    struct fake_memory big = {.start = START, .size = SIZE, .bytes = bytes};
    const struct unwind_memory source = {fake_read, &big};
    uint64_t value;
    for (size_t i = 0; i < SIZE; i++)
        bytes[i] = (unsigned char)(i * 7);
    window_begin(window, &source, START + 0x100);
    for (uint64_t at = START + 0x100; at < START + 8192; at++) {
        assert_true(window_word(window, at, 8, &value));
        assert_memory_equal(&value, bytes + (at - START), 8);
    }
    assert_int_equal(big.reads, 1);
    assert_true(window_word(window, START + SIZE - 8, 8, &value));
    assert_memory_equal(&value, bytes + SIZE - 8, 8);
    assert_false(window_word(window, START + SIZE - 7, 8, &value));
    assert_true(window_word(window, START, 8, &value)); /* below: a page of its own */
    assert_false(window_word(window, START - 1, 8, &value));
    for (unsigned i = 0; i < 1000; i++)
        assert_false(window_word(window, 0x100000 + i * 4096, 8, &value));
    assert_true(big.reads <= WINDOW_MAX_READS);
    free(bytes);
}

static void test_registers(void **state)
{
    (void)state;
    struct user_regs_struct user = {.rip = 0x1234567890, .rsp = 0x7ffc12345678, .rbp = 6, .r15 = 15, .cs = 0x33};
    struct unwind_registers r;
    unwind_registers_from_user(&user, &r);
    assert_true(r.abi == UNWIND_X86_64 && r.at[16] == user.rip && r.at[7] == user.rsp && r.at[6] == 6);
    assert_true(r.at[15] == 15 && r.known == 0x1ffff);
    user.cs = 0x23;
    user.rbx = 0xffffffff00000003;
    unwind_registers_from_user(&user, &r);
    assert_true(r.abi == UNWIND_I386 && r.at[8] == 0x34567890 && r.at[4] == 0x12345678 && r.at[5] == 6);
    assert_true(r.at[3] == 3 && r.known == 0x1ff);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_plt, begin, end),
        cmocka_unit_test_setup_teardown(test_memory, begin, end),
        cmocka_unit_test_setup_teardown(test_arithmetic, begin, end),
        cmocka_unit_test_setup_teardown(test_stack, begin, end),
        cmocka_unit_test_setup_teardown(test_jumps, begin, end),
        cmocka_unit_test_setup_teardown(test_refused, begin, end),
        cmocka_unit_test_setup_teardown(test_narrow, begin, end),
        cmocka_unit_test_setup_teardown(test_window, begin, end),
        cmocka_unit_test(test_registers),
    };
    return cmocka_run_group_tests_name("unwind expression", tests, NULL, NULL);
}
