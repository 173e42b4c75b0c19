/*
 * rule.h: how to get from one frame to its caller: one row of call frame information, compiled.
 *
 * Programs have few distinct rows over thousands of program counters, so rules are interned: equal rules are one rule,
 * and a pointer to it stays good until rules_free().  Example, the body of a function that pushed rbp and has 24 bytes
 * of locals: cfa_register 7 (rsp), cfa_offset 40; register 6 (rbp) RULE_AT_CFA -16, register 16 (rip) RULE_AT_CFA -8.
 *
 * Source: DWARF 5, section 6.4; libdw.h (dwarf_frame_cfa, dwarf_frame_register).
 */
#ifndef BRKWATER_UNWIND_RULE_H
#define BRKWATER_UNWIND_RULE_H

#include "expression.h"

enum rule_how {
    RULE_AT_CFA,           /* saved in memory, at CFA + offset */
    RULE_CFA_PLUS,         /* is CFA + offset */
    RULE_REGISTER,         /* is in another register */
    RULE_AT_EXPRESSION,    /* saved in memory, where the expression says */
    RULE_VALUE_EXPRESSION, /* is what the expression says */
};

struct rule_register {
    const struct expression *expression; /* interned; NULL for other kinds */
    int32_t offset;
    uint8_t number; /* of the register in the caller */
    uint8_t how;    /* enum rule_how */
    uint8_t other;  /* RULE_REGISTER */
    uint8_t pad;    /* zero: equal rules are equal bytes */
};

struct rule {
    const struct expression *cfa; /* NULL: cfa_register + cfa_offset */
    int32_t cfa_offset;
    uint8_t cfa_register;
    uint8_t outermost; /* the return address is undefined: no caller */
    uint8_t signal;    /* a signal frame: its caller was interrupted and did not call */
    uint8_t count;     /* of registers */
    uint32_t kept;     /* bit per register that the caller has with the same value */
    uint32_t pad;
    struct rule_register registers[UNWIND_REGISTERS];
};

/* The interned rules and expressions of a run. */
struct rules;

/* NULL without memory. */
struct rules *rules_new(void);
void rules_free(struct rules *rules);

/* Compile a frame of libdw.  The result is interned; when the table is full it is a spare one, good only until the next
 * call, and *ret_lasts is false.  0; -ENOTSUP and the other errors of expression_compile(), -ERANGE for an offset
 * beyond 2 GiB, -EPROTO for what libdw refuses, -ENOMEM. */
int rules_compile(struct rules *rules, Dwarf_Frame *frame, enum unwind_abi abi, const struct rule **ret_rule,
                  bool *ret_lasts);

/* Apply a rule: the registers of the caller, and the frame's CFA.  0, -ENODATA when what the rule builds on is lost,
 * -EFAULT when the stack can't be read, or another error of expression_evaluate().  A saved register that can't be read
 * is lost and no error; the return address must be there.  *ret_caller is another object than *registers, and its
 * content means nothing after an error. */
int rule_apply(const struct rule *rule, const struct unwind_registers *registers, struct window *window,
               struct unwind_registers *ret_caller, uint64_t *ret_cfa);

#endif
