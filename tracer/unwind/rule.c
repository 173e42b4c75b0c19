/* rule.c: compile, intern and apply unwind rules. */
#include "rule.h"

#include "hash.h"

#include <dwarf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* More distinct rows than any program has; behind the limit rules are compiled again and again, and still right. */
enum { MAX_RULES = 16384, MAX_EXPRESSIONS = 4096, TABLE_SIZE = 2 * MAX_RULES };

struct rules {
    struct rule **rules; /* open addressing, TABLE_SIZE places */
    struct expression **expressions;
    unsigned n_rules, n_expressions;
    struct rule spare;
    struct expression *spare_expressions[UNWIND_REGISTERS + 1]; /* owned by the spare rule */
    unsigned n_spare;
};

struct rules *rules_new(void)
{
    struct rules *rules = calloc(1, sizeof(*rules));
    if (!rules)
        return NULL;
    rules->rules = calloc(TABLE_SIZE, sizeof(*rules->rules));
    rules->expressions = calloc(TABLE_SIZE, sizeof(*rules->expressions));
    if (rules->rules && rules->expressions)
        return rules;
    rules_free(rules);
    return NULL;
}

static void drop_spare(struct rules *rules)
{
    for (unsigned i = 0; i < rules->n_spare; i++)
        free(rules->spare_expressions[i]);
    rules->n_spare = 0;
}

void rules_free(struct rules *rules)
{
    if (!rules)
        return;
    for (unsigned i = 0; i < TABLE_SIZE; i++) {
        if (rules->rules)
            free(rules->rules[i]);
        if (rules->expressions)
            free(rules->expressions[i]);
    }
    drop_spare(rules);
    free(rules->rules);
    free(rules->expressions);
    free(rules);
}

static uint64_t hash_bytes(const void *bytes, size_t size)
{
    uint64_t hash = size;
    for (size_t i = 0; i + 8 <= size; i += 8) {
        uint64_t word;
        memcpy(&word, (const char *)bytes + i, 8);
        hash = hash_mix(hash, word);
    }
    return hash;
}

/* ---- interning: sizes are multiples of 8 ---- */

static size_t rule_size(const struct rule *rule)
{
    return offsetof(struct rule, registers) + rule->count * sizeof(rule->registers[0]);
}

/* Takes the expression over, also on failure. */
static int intern_expression(struct rules *rules, struct expression *expression, const struct expression **ret)
{
    size_t size = expression_size(expression);
    for (uint64_t at = hash_bytes(expression, size);; at++) {
        struct expression **place = &rules->expressions[at % TABLE_SIZE];
        if (*place && expression_size(*place) == size && memcmp(*place, expression, size) == 0) {
            free(expression);
            *ret = *place;
            return 0;
        }
        if (*place)
            continue;
        if (rules->n_expressions < MAX_EXPRESSIONS) {
            *place = expression;
            rules->n_expressions++;
        } else {
            rules->spare_expressions[rules->n_spare++] = expression;
        }
        *ret = expression;
        return 0;
    }
}

static int intern_rule(struct rules *rules, const struct rule **ret_rule, bool *ret_lasts)
{
    const struct rule *rule = &rules->spare;
    size_t size = rule_size(rule);
    *ret_lasts = true;
    for (uint64_t at = hash_bytes(rule, size);; at++) {
        struct rule **place = &rules->rules[at % TABLE_SIZE];
        if (*place && rule_size(*place) == size && memcmp(*place, rule, size) == 0) {
            *ret_rule = *place;
            return 0;
        }
        if (*place)
            continue;
        if (rules->n_rules == MAX_RULES || rules->n_spare) {
            *ret_lasts = false;
            *ret_rule = rule;
            return 0;
        }
        *place = malloc(size);
        if (!*place)
            return -ENOMEM;
        memcpy(*place, rule, size);
        rules->n_rules++;
        *ret_rule = *place;
        return 0;
    }
}

/* ---- compiling ---- */

static int add_expression(struct rules *rules, const Dwarf_Op *ops, size_t count, unsigned word,
                          const struct expression **ret)
{
    struct expression *compiled;
    int error = expression_compile(ops, count, word, &compiled);
    return error ? error : intern_expression(rules, compiled, ret);
}

static bool fits(uint64_t offset)
{
    return (int64_t)offset >= INT32_MIN && (int64_t)offset <= INT32_MAX;
}

static int compile_cfa(struct rules *rules, Dwarf_Frame *frame, const struct unwind_convention *convention)
{
    Dwarf_Op *ops;
    size_t count;
    struct rule *rule = &rules->spare;
    if (dwarf_frame_cfa(frame, &ops, &count) || count == 0)
        return -EPROTO;
    if (count != 1 || ops[0].atom != DW_OP_bregx)
        return add_expression(rules, ops, count, convention->word, &rule->cfa);
    if (ops[0].number >= convention->count || !fits(ops[0].number2))
        return -ERANGE;
    rule->cfa_register = (uint8_t)ops[0].number;
    rule->cfa_offset = (int32_t)ops[0].number2;
    return 0;
}

/* CFA, CFA + constant: how libdw spells what DW_CFA_offset and DW_CFA_val_offset say. */
static bool is_cfa_offset(const Dwarf_Op *ops, size_t count, uint64_t *ret_offset)
{
    if (count == 0 || count > 2 || ops[0].atom != DW_OP_call_frame_cfa)
        return false;
    if (count == 2 && ops[1].atom != DW_OP_plus_uconst)
        return false;
    *ret_offset = count == 2 ? ops[1].number : 0;
    return fits(*ret_offset);
}

static int compile_location(struct rules *rules, const Dwarf_Op *ops, size_t count, unsigned word,
                            struct rule_register *ret)
{
    uint64_t offset;
    if (count == 1 && ops[0].atom == DW_OP_regx) {
        ret->how = RULE_REGISTER;
        ret->other = (uint8_t)ops[0].number;
        return ops[0].number < UNWIND_REGISTERS ? 0 : -ERANGE;
    }
    bool value = count && ops[count - 1].atom == DW_OP_stack_value;
    if (value)
        count--;
    if (is_cfa_offset(ops, count, &offset)) {
        ret->how = value ? RULE_CFA_PLUS : RULE_AT_CFA;
        ret->offset = (int32_t)offset;
        return 0;
    }
    ret->how = value ? RULE_VALUE_EXPRESSION : RULE_AT_EXPRESSION;
    return add_expression(rules, ops, count, word, &ret->expression);
}

static int compile_register(struct rules *rules, Dwarf_Frame *frame, const struct unwind_convention *convention,
                            unsigned number)
{
    Dwarf_Op memory[3], *ops;
    size_t count;
    struct rule *rule = &rules->spare;
    if (dwarf_frame_register(frame, (int)number, memory, &ops, &count))
        return -EPROTO;
    if (count == 0 && !ops) {
        rule->kept |= UINT32_C(1) << number;
        return 0;
    }
    if (count == 0) {
        rule->outermost |= number == convention->pc;
        return 0;
    }
    struct rule_register location = {.number = (uint8_t)number};
    int error = compile_location(rules, ops, count, convention->word, &location);
    if (!error)
        rule->registers[rule->count++] = location;
    return error;
}

static int compile(struct rules *rules, Dwarf_Frame *frame, enum unwind_abi abi)
{
    const struct unwind_convention *convention = unwind_convention(abi);
    bool signal = false;
    memset(&rules->spare, 0, sizeof(rules->spare));
    drop_spare(rules);
    if (dwarf_frame_info(frame, NULL, NULL, &signal) != (int)convention->pc)
        return -ENOTSUP;
    rules->spare.signal = signal;
    int error = compile_cfa(rules, frame, convention);
    for (unsigned i = 0; i < convention->count && !error; i++)
        error = compile_register(rules, frame, convention, i);
    return error;
}

int rules_compile(struct rules *rules, Dwarf_Frame *frame, enum unwind_abi abi, const struct rule **ret_rule,
                  bool *ret_lasts)
{
    int error = compile(rules, frame, abi);
    return error ? error : intern_rule(rules, ret_rule, ret_lasts);
}

/* ---- applying ---- */

struct application {
    const struct unwind_registers *registers;
    struct window *window;
    const struct unwind_convention *convention;
    uint64_t cfa;
};

static int value_of(const struct application *a, const struct expression *expression, uint64_t *ret_value)
{
    struct expression_inputs inputs = {.registers = a->registers, .window = a->window, .cfa = a->cfa};
    return expression_evaluate(expression, &inputs, ret_value);
}

static int find_cfa(struct application *a, const struct rule *rule)
{
    if (rule->cfa)
        return value_of(a, rule->cfa, &a->cfa);
    if (!registers_known(a->registers, rule->cfa_register))
        return -ENODATA;
    a->cfa = (a->registers->at[rule->cfa_register] + (uint64_t)(int64_t)rule->cfa_offset) & a->convention->mask;
    return 0;
}

static int read_word(const struct application *a, uint64_t addr, uint64_t *ret_value)
{
    return window_word(a->window, addr & a->convention->mask, a->convention->word, ret_value) ? 0 : -EFAULT;
}

static int restore(const struct application *a, const struct rule_register *from, uint64_t *ret_value)
{
    uint64_t at = a->cfa + (uint64_t)(int64_t)from->offset;
    int error;
    if (from->how == RULE_AT_CFA) /* nearly always */
        return read_word(a, at, ret_value);
    switch (from->how) {
    case RULE_CFA_PLUS:
        *ret_value = at & a->convention->mask;
        return 0;
    case RULE_REGISTER:
        *ret_value = a->registers->at[from->other];
        return registers_known(a->registers, from->other) ? 0 : -ENODATA;
    case RULE_AT_EXPRESSION:
        error = value_of(a, from->expression, &at);
        return error ? error : read_word(a, at, ret_value);
    default:
        return value_of(a, from->expression, ret_value);
    }
}

int rule_apply(const struct rule *rule, const struct unwind_registers *registers, struct window *window,
               struct unwind_registers *ret_caller, uint64_t *ret_cfa)
{
    struct application a = {.registers = registers, .window = window, .convention = unwind_convention(registers->abi)};
    int error = find_cfa(&a, rule);
    if (error)
        return error;
    *ret_caller = *registers; /* all of them: cheaper than to pick those that are kept */
    ret_caller->known &= rule->kept;
    for (unsigned i = 0; i < rule->count; i++) {
        const struct rule_register *from = &rule->registers[i];
        uint64_t value;
        error = restore(&a, from, &value);
        if (!error)
            registers_set(ret_caller, from->number, value);
        else if (from->number == a.convention->pc)
            return error;
    }
    if (!registers_known(ret_caller, a.convention->sp))
        registers_set(ret_caller, a.convention->sp, a.cfa);
    *ret_cfa = a.cfa;
    return 0;
}
