/* expression.c: compile and evaluate DWARF expressions of call frame information. */
#include "expression.h"

#include <dwarf.h>
#include <errno.h>
#include <stdlib.h>

enum code {
    CODE_NONE,
    CODE_CONST,
    CODE_REGISTER,
    CODE_CFA,
    CODE_DEREF,
    CODE_PICK,
    CODE_JUMP,
    CODE_BRANCH,
    CODE_NOP,
    CODE_DROP,
    CODE_SWAP,
    CODE_ROT,
    CODE_ADD_CONST,
    /* one operand */
    CODE_ABS,
    CODE_NEG,
    CODE_NOT,
    /* two operands; they stay last */
    CODE_AND,
    CODE_OR,
    CODE_XOR,
    CODE_PLUS,
    CODE_MINUS,
    CODE_MUL,
    CODE_DIV,
    CODE_MOD,
    CODE_SHL,
    CODE_SHR,
    CODE_SHRA,
    CODE_EQ,
    CODE_NE,
    CODE_LT,
    CODE_LE,
    CODE_GT,
    CODE_GE
};

/* Operations without an operand of their own. */
static const uint8_t plain[256] = {
    [DW_OP_call_frame_cfa] = CODE_CFA,
    [DW_OP_nop] = CODE_NOP,
    [DW_OP_drop] = CODE_DROP,
    [DW_OP_swap] = CODE_SWAP,
    [DW_OP_rot] = CODE_ROT,
    [DW_OP_abs] = CODE_ABS,
    [DW_OP_neg] = CODE_NEG,
    [DW_OP_not] = CODE_NOT,
    [DW_OP_and] = CODE_AND,
    [DW_OP_or] = CODE_OR,
    [DW_OP_xor] = CODE_XOR,
    [DW_OP_plus] = CODE_PLUS,
    [DW_OP_minus] = CODE_MINUS,
    [DW_OP_mul] = CODE_MUL,
    [DW_OP_div] = CODE_DIV,
    [DW_OP_mod] = CODE_MOD,
    [DW_OP_shl] = CODE_SHL,
    [DW_OP_shr] = CODE_SHR,
    [DW_OP_shra] = CODE_SHRA,
    [DW_OP_eq] = CODE_EQ,
    [DW_OP_ne] = CODE_NE,
    [DW_OP_lt] = CODE_LT,
    [DW_OP_le] = CODE_LE,
    [DW_OP_gt] = CODE_GT,
    [DW_OP_ge] = CODE_GE,
};

/* ---- compiling ---- */

static int set_register(struct expression_op *op, uint64_t number, uint64_t offset)
{
    if (number >= UNWIND_REGISTERS)
        return -ENOTSUP;
    *op = (struct expression_op){.code = CODE_REGISTER, .index = (uint8_t)number, .value = offset};
    return 0;
}

static int set_deref(struct expression_op *op, uint64_t size, unsigned word)
{
    if (size == 0 || size > word)
        return -ENOTSUP;
    *op = (struct expression_op){.code = CODE_DEREF, .index = (uint8_t)size};
    return 0;
}

static int set_pick(struct expression_op *op, uint64_t depth)
{
    if (depth >= EXPRESSION_MAX_STACK)
        return -EINVAL;
    *op = (struct expression_op){.code = CODE_PICK, .index = (uint8_t)depth};
    return 0;
}

/* A jump's operand counts from behind the jump: an opcode and two bytes.  It must lead to the start of an operation, or
 * to the end. */
static int set_jump(struct expression_op *op, enum code code, const Dwarf_Op *ops, size_t count, size_t at)
{
    uint64_t target = ops[at].offset + 3 + (uint64_t)(int64_t)(int16_t)ops[at].number;
    size_t i = 0;
    while (i < count && ops[i].offset != target)
        i++;
    if (i == count && (count == 0 || target <= ops[count - 1].offset))
        return -EINVAL;
    *op = (struct expression_op){.code = (uint8_t)code, .jump = (uint16_t)i};
    return 0;
}

static int compile_constant(struct expression_op *op, const Dwarf_Op *from)
{
    if (from->atom >= DW_OP_lit0 && from->atom <= DW_OP_lit31)
        *op = (struct expression_op){.code = CODE_CONST, .value = from->atom - DW_OP_lit0};
    else if (from->atom >= DW_OP_const1u && from->atom <= DW_OP_consts)
        *op = (struct expression_op){.code = CODE_CONST, .value = from->number};
    else
        return -ENOTSUP; /* DW_OP_addr too: it would have to be moved to where the module is loaded */
    return 0;
}

static int compile_op(const Dwarf_Op *ops, size_t count, size_t at, unsigned word, struct expression_op *op)
{
    const Dwarf_Op *from = &ops[at];
    if (plain[from->atom]) {
        *op = (struct expression_op){.code = plain[from->atom]};
        return 0;
    }
    if (from->atom >= DW_OP_breg0 && from->atom <= DW_OP_breg31)
        return set_register(op, from->atom - DW_OP_breg0, from->number);
    switch (from->atom) {
    case DW_OP_bregx:
        return set_register(op, from->number, from->number2);
    case DW_OP_deref:
        return set_deref(op, word, word);
    case DW_OP_deref_size:
        return set_deref(op, from->number, word);
    case DW_OP_plus_uconst:
        *op = (struct expression_op){.code = CODE_ADD_CONST, .value = from->number};
        return 0;
    case DW_OP_dup:
        return set_pick(op, 0);
    case DW_OP_over:
        return set_pick(op, 1);
    case DW_OP_pick:
        return set_pick(op, from->number);
    case DW_OP_skip:
        return set_jump(op, CODE_JUMP, ops, count, at);
    case DW_OP_bra:
        return set_jump(op, CODE_BRANCH, ops, count, at);
    default:
        return compile_constant(op, from);
    }
}

int expression_compile(const Dwarf_Op *ops, size_t count, unsigned word, struct expression **ret_expression)
{
    if (count > EXPRESSION_MAX_OPS)
        return -E2BIG;
    struct expression *expression = calloc(1, sizeof(*expression) + count * sizeof(expression->ops[0]));
    if (!expression)
        return -ENOMEM;
    expression->count = (uint32_t)count;
    expression->word = word;
    for (size_t i = 0; i < count; i++) {
        int error = compile_op(ops, count, i, word, &expression->ops[i]);
        if (error) {
            free(expression);
            return error;
        }
    }
    *ret_expression = expression;
    return 0;
}

size_t expression_size(const struct expression *expression)
{
    return sizeof(*expression) + expression->count * sizeof(expression->ops[0]);
}

/* ---- evaluating ---- */

struct machine {
    const struct expression *expression;
    const struct expression_inputs *inputs;
    uint64_t stack[EXPRESSION_MAX_STACK];
    unsigned depth;
    unsigned at; /* index of the next operation */
};

static uint64_t narrow(const struct machine *m, uint64_t value)
{
    return m->expression->word == 4 ? (uint32_t)value : value;
}

static int64_t as_signed(const struct machine *m, uint64_t value)
{
    return m->expression->word == 4 ? (int32_t)(uint32_t)value : (int64_t)value;
}

static int push(struct machine *m, uint64_t value)
{
    if (m->depth == EXPRESSION_MAX_STACK)
        return -EINVAL;
    m->stack[m->depth++] = narrow(m, value);
    return 0;
}

static int push_register(struct machine *m, const struct expression_op *op)
{
    if (!registers_known(m->inputs->registers, op->index))
        return -ENODATA;
    return push(m, m->inputs->registers->at[op->index] + op->value);
}

static int dereference(struct machine *m, unsigned size)
{
    uint64_t value = 0; /* little endian: fewer bytes fill the low end */
    if (!window_copy(m->inputs->window, m->stack[m->depth - 1], &value, size))
        return -EFAULT;
    m->stack[m->depth - 1] = value;
    return 0;
}

static uint64_t shift(const struct machine *m, enum code code, uint64_t value, uint64_t by)
{
    if (by >= m->expression->word * 8)
        return code == CODE_SHRA && as_signed(m, value) < 0 ? UINT64_MAX : 0;
    if (code == CODE_SHL)
        return value << by;
    return code == CODE_SHR ? value >> by : (uint64_t)(as_signed(m, value) >> by);
}

static uint64_t divide(const struct machine *m, uint64_t a, uint64_t b)
{
    int64_t divisor = as_signed(m, b);
    /* The most negative number by -1 does not fit; as two's complement it is its own negative. */
    return divisor == -1 ? 0 - a : (uint64_t)(as_signed(m, a) / divisor);
}

static uint64_t compare(const struct machine *m, enum code code, uint64_t left, uint64_t right)
{
    int64_t a = as_signed(m, left), b = as_signed(m, right);
    switch (code) {
    case CODE_EQ:
        return a == b;
    case CODE_NE:
        return a != b;
    case CODE_LT:
        return a < b;
    case CODE_LE:
        return a <= b;
    case CODE_GT:
        return a > b;
    default:
        return a >= b;
    }
}

static uint64_t arithmetic(const struct machine *m, enum code code, uint64_t a, uint64_t b)
{
    switch (code) {
    case CODE_AND:
        return a & b;
    case CODE_OR:
        return a | b;
    case CODE_XOR:
        return a ^ b;
    case CODE_PLUS:
        return a + b;
    case CODE_MINUS:
        return a - b;
    case CODE_MUL:
        return a * b;
    case CODE_DIV:
        return divide(m, a, b);
    case CODE_MOD:
        return a % b;
    case CODE_SHL:
    case CODE_SHR:
    case CODE_SHRA:
        return shift(m, code, a, b);
    default:
        return compare(m, code, a, b);
    }
}

static int binary(struct machine *m, enum code code)
{
    uint64_t right = m->stack[m->depth - 1], left = m->stack[m->depth - 2];
    if ((code == CODE_DIV || code == CODE_MOD) && right == 0)
        return -EINVAL;
    m->depth -= 2;
    return push(m, arithmetic(m, code, left, right));
}

static void rearrange(struct machine *m, enum code code)
{
    uint64_t *top = &m->stack[m->depth - 1], first = top[0];
    top[0] = top[-1];
    if (code == CODE_ROT) {
        top[-1] = top[-2];
        top[-2] = first;
    } else {
        top[-1] = first;
    }
}

static void unary(struct machine *m, enum code code)
{
    uint64_t *top = &m->stack[m->depth - 1];
    bool negate = code == CODE_NEG || (code == CODE_ABS && as_signed(m, *top) < 0);
    if (code == CODE_NOT)
        *top = ~*top;
    else if (negate)
        *top = 0 - *top;
    *top = narrow(m, *top);
}

/* How many values an operation finds on the stack at least. */
static unsigned needs(const struct expression_op *op)
{
    if (op->code >= CODE_AND)
        return 2;
    switch (op->code) {
    case CODE_PICK:
        return op->index + 1u;
    case CODE_SWAP:
        return 2;
    case CODE_ROT:
        return 3;
    case CODE_CONST:
    case CODE_REGISTER:
    case CODE_CFA:
    case CODE_JUMP:
    case CODE_NOP:
        return 0;
    default:
        return 1;
    }
}

static int step(struct machine *m, const struct expression_op *op)
{
    switch (op->code) {
    case CODE_CONST:
        return push(m, op->value);
    case CODE_REGISTER:
        return push_register(m, op);
    case CODE_CFA:
        return push(m, m->inputs->cfa);
    case CODE_DEREF:
        return dereference(m, op->index);
    case CODE_PICK:
        return push(m, m->stack[m->depth - 1 - op->index]);
    case CODE_BRANCH:
        if (m->stack[--m->depth])
            m->at = op->jump;
        return 0;
    case CODE_JUMP:
        m->at = op->jump;
        return 0;
    case CODE_NOP:
        return 0;
    case CODE_DROP:
        m->depth--;
        return 0;
    case CODE_SWAP:
    case CODE_ROT:
        rearrange(m, op->code);
        return 0;
    case CODE_ADD_CONST:
        m->stack[m->depth - 1] = narrow(m, m->stack[m->depth - 1] + op->value);
        return 0;
    case CODE_ABS:
    case CODE_NEG:
    case CODE_NOT:
        unary(m, op->code);
        return 0;
    default:
        return binary(m, op->code);
    }
}

int expression_evaluate(const struct expression *expression, const struct expression_inputs *inputs,
                        uint64_t *ret_value)
{
    struct machine m = {.expression = expression, .inputs = inputs};
    for (unsigned steps = 0; m.at < expression->count; steps++) {
        if (steps == EXPRESSION_MAX_STEPS)
            return -ELOOP;
        const struct expression_op *op = &expression->ops[m.at++];
        if (m.depth < needs(op))
            return -EINVAL;
        int error = step(&m, op);
        if (error)
            return error;
    }
    if (!m.depth)
        return -EINVAL;
    *ret_value = m.stack[m.depth - 1];
    return 0;
}
