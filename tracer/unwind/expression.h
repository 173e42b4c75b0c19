/*
 * expression.h: the DWARF expressions that unwind tables hold, compiled and evaluated within limits.
 *
 * Compiling checks everything that does not depend on values: unknown operations, operands, where jumps lead.
 * Evaluating is then a loop over a small stack with a limit on its steps.
 *
 * Source: DWARF 5, sections 2.5.1 (operations) and 6.4.2 (which of them call frame information may use).
 */
#ifndef BRKWATER_UNWIND_EXPRESSION_H
#define BRKWATER_UNWIND_EXPRESSION_H

#include "registers.h"
#include "window.h"

#include <elfutils/libdw.h>
#include <stdint.h>

enum { EXPRESSION_MAX_OPS = 128, EXPRESSION_MAX_STACK = 32, EXPRESSION_MAX_STEPS = 1024 };

/* One operation.  Example: DW_OP_breg7 8 has code EXPRESSION_REGISTER, index 7 (the register), value 8. */
struct expression_op {
    uint8_t code;
    uint8_t index; /* register, place in the stack, or bytes to read */
    uint16_t jump; /* which operation comes next when a jump is taken */
    uint32_t pad;  /* zero, so that equal expressions are equal bytes */
    uint64_t value;
};

struct expression {
    uint32_t count;
    uint32_t word; /* bytes of an address: 4 or 8 */
    struct expression_op ops[];
};

/* What an expression can refer to.  `cfa` is what DW_OP_call_frame_cfa pushes. */
struct expression_inputs {
    const struct unwind_registers *registers;
    struct window *window;
    uint64_t cfa;
};

/* Compile operations as libdw gives them.  0; -ENOTSUP for an operation that unwind tables don't use, -E2BIG for too
 * many, -EINVAL for a jump to nowhere, -ENOMEM.  The caller frees the result with free(). */
int expression_compile(const Dwarf_Op *ops, size_t count, unsigned word, struct expression **ret_expression);

/* Bytes of the compiled form. */
size_t expression_size(const struct expression *expression);

/* 0; -EFAULT for memory that can't be read, -ENODATA for a register whose value is lost, -EINVAL for a stack that runs
 * over or dry or a division by zero, -ELOOP for too many steps. */
int expression_evaluate(const struct expression *expression, const struct expression_inputs *inputs,
                        uint64_t *ret_value);

#endif
