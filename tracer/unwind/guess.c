/* guess.c: find a caller without unwind tables. */
#include "guess.h"

#include <capstone/capstone.h>
#include <stdlib.h>

/* A call is two to nine bytes: opcode FF and its operand, with prefixes; or E8 and a distance. */
enum { SHORTEST_CALL = 2, LONGEST_CALL = 9, DIRECT_CALL = 5 };

struct guess {
    csh handles[2]; /* by enum unwind_abi; 0 when it could not be opened */
    cs_insn *instruction;
};

struct guess *guess_new(void)
{
    struct guess *guess = calloc(1, sizeof(*guess));
    if (!guess)
        return NULL;
    static const cs_mode modes[] = {[UNWIND_X86_64] = CS_MODE_64, [UNWIND_I386] = CS_MODE_32};
    for (unsigned i = 0; i < 2; i++)
        if (cs_open(CS_ARCH_X86, modes[i], &guess->handles[i]) != CS_ERR_OK)
            guess->handles[i] = 0;
    if (guess->handles[UNWIND_X86_64])
        guess->instruction = cs_malloc(guess->handles[UNWIND_X86_64]);
    if (guess->instruction)
        return guess;
    guess_free(guess);
    return NULL;
}

void guess_free(struct guess *guess)
{
    if (!guess)
        return;
    if (guess->instruction)
        cs_free(guess->instruction, 1);
    for (unsigned i = 0; i < 2; i++)
        if (guess->handles[i])
            cs_close(&guess->handles[i]);
    free(guess);
}

/* ---- calls ---- */

static bool is_prefix(uint8_t byte, enum unwind_abi abi)
{
    switch (byte) {
    case 0x2e: /* segments, operand size, bnd and notrack */
    case 0x3e:
    case 0x64:
    case 0x65:
    case 0x66:
    case 0xf2:
    case 0xf3:
        return true;
    default:
        return abi == UNWIND_X86_64 && (byte & 0xf0) == 0x40; /* REX */
    }
}

/* Cheap look at the opcode, before the disassembler is asked: FF /2 near, FF /3 far. */
static bool looks_indirect(const uint8_t *code, size_t size, enum unwind_abi abi)
{
    while (size > SHORTEST_CALL && is_prefix(*code, abi)) {
        code++;
        size--;
    }
    unsigned operation = code[1] >> 3 & 7;
    return code[0] == 0xff && (operation == 2 || operation == 3);
}

static bool decodes_as_call(struct guess *guess, enum unwind_abi abi, const uint8_t *code, size_t size)
{
    size_t left = size;
    uint64_t address = 0;
    return guess->handles[abi] && cs_disasm_iter(guess->handles[abi], &code, &left, &address, guess->instruction) &&
           left == 0 && (guess->instruction->id == X86_INS_CALL || guess->instruction->id == X86_INS_LCALL);
}

bool guess_is_call(struct guess *guess, enum unwind_abi abi, struct window *window, uint64_t pc, uint64_t *ret_target)
{
    uint8_t code[LONGEST_CALL];
    size_t size = LONGEST_CALL;
    /* A mapping may begin less than nine bytes before. */
    while (size >= SHORTEST_CALL && !window_copy(window, pc - size, code + LONGEST_CALL - size, size))
        size--;
    if (size >= DIRECT_CALL && code[LONGEST_CALL - DIRECT_CALL] == 0xe8 &&
        decodes_as_call(guess, abi, code + LONGEST_CALL - DIRECT_CALL, DIRECT_CALL)) {
        int32_t distance;
        memcpy(&distance, code + LONGEST_CALL - 4, sizeof(distance));
        *ret_target = (pc + (uint64_t)(int64_t)distance) & unwind_convention(abi)->mask;
        return true;
    }
    for (size_t length = SHORTEST_CALL; length <= size; length++) {
        const uint8_t *at = code + LONGEST_CALL - length;
        if (looks_indirect(at, length, abi) && decodes_as_call(guess, abi, at, length)) {
            *ret_target = 0;
            return true;
        }
    }
    return false;
}

bool guess_is_trampoline(enum unwind_abi abi, struct window *window, uint64_t pc)
{
    /* mov $15, %rax; syscall */
    static const uint8_t code[] = {0x48, 0xc7, 0xc0, 0x0f, 0, 0, 0, 0x0f, 0x05};
    uint8_t found[sizeof(code)];
    return abi == UNWIND_X86_64 && window_copy(window, pc, found, sizeof(found)) &&
           memcmp(found, code, sizeof(code)) == 0;
}

bool guess_is_goexit(enum unwind_abi abi, struct window *window, uint64_t pc)
{
    enum { NOP = 0x90 };
    uint8_t found[2 + DIRECT_CALL];
    return abi == UNWIND_X86_64 && window_copy(window, pc - 1, found, sizeof(found)) && found[0] == NOP &&
           found[1] == 0xe8 && found[1 + DIRECT_CALL] == NOP;
}

/* ---- frames ---- */

struct search {
    const struct guess_oracle *oracle;
    struct window *window;
    const struct unwind_registers *registers;
    const struct unwind_convention *convention;
    struct unwind_registers *caller;
};

/* A return address at `slot`: then the caller's stack begins right behind it. */
static bool take(const struct search *s, uint64_t slot, uint64_t *ret_target)
{
    uint64_t pc;
    if (!window_word(s->window, slot, s->convention->word, &pc) ||
        !s->oracle->plausible(s->oracle->context, pc, ret_target))
        return false;
    *s->caller = *s->registers;
    registers_set(s->caller, s->convention->pc, pc);
    registers_set(s->caller, s->convention->sp, slot + s->convention->word);
    return true;
}

/* Whether a direct call to `target` leads into the code at hand, as far as can be told without tables. */
static bool leads_here(const struct search *s, uint64_t target)
{
    enum { NEAR = 4096 };
    return target && s->registers->at[s->convention->pc] - target < NEAR;
}

static bool is_above(const struct search *s, uint64_t fp, uint64_t slot)
{
    return fp % s->convention->word == 0 && fp > slot && fp - slot <= GUESS_MAX_FRAME;
}

/* Most code that changes the frame pointer saves it first of all, right below its return address.  That is only asked
 * when the one at hand can't be the caller's. */
static void restore_frame_pointer(const struct search *s, uint64_t slot)
{
    uint64_t saved;
    if (registers_known(s->registers, s->convention->fp) && is_above(s, s->registers->at[s->convention->fp], slot))
        return;
    if (window_word(s->window, slot - s->convention->word, s->convention->word, &saved) && is_above(s, saved, slot))
        registers_set(s->caller, s->convention->fp, saved);
}

/* The first word in [sp, end) that is behind a call, `here`: of the code at hand. */
static bool by_scan(const struct search *s, uint64_t end, bool here)
{
    unsigned word = s->convention->word;
    uint64_t slot = (s->registers->at[s->convention->sp] + word - 1) & ~(uint64_t)(word - 1);
    for (unsigned i = 0; i < GUESS_SCAN_WORDS && slot < end; i++, slot += word) {
        uint64_t value, target;
        if (!window_word(s->window, slot, word, &value))
            return false;
        if (take(s, slot, &target) && (!here || leads_here(s, target))) {
            restore_frame_pointer(s, slot);
            return true;
        }
    }
    return false;
}

/* Interpreters push the address where they go on, with no call before it: believed in a chain of frame pointers. */
static bool take_made(const struct search *s, uint64_t fp, uint64_t outer)
{
    const struct unwind_convention *c = s->convention;
    uint64_t pc;
    if (!is_above(s, outer, fp) || !window_word(s->window, fp + c->word, c->word, &pc) ||
        !s->oracle->is_made(s->oracle->context, pc))
        return false;
    *s->caller = *s->registers;
    registers_set(s->caller, c->pc, pc);
    registers_set(s->caller, c->sp, fp + 2 * c->word);
    return true;
}

static bool by_frame_pointer(const struct search *s)
{
    uint64_t fp = s->registers->at[s->convention->fp], sp = s->registers->at[s->convention->sp], outer, target = 0;
    unsigned word = s->convention->word;
    if (!registers_known(s->registers, s->convention->fp) || fp % word || fp < sp || fp - sp > GUESS_MAX_FRAME)
        return false;
    if (!window_word(s->window, fp, word, &outer) || (!take(s, fp + word, &target) && !take_made(s, fp, outer)))
        return false;
    const struct unwind_registers caller = *s->caller;
    if (leads_here(s, target) || !by_scan(s, fp, true)) {
        *s->caller = caller;
        registers_set(s->caller, s->convention->fp, outer);
    }
    return true;
}

/* Then a struct ucontext lies at the stack pointer (sigreturn(2)).  C libraries whose trampoline has tables don't come
 * here. */
static bool by_trampoline(const struct search *s)
{
    /* DWARF numbers of the registers in the order of struct sigcontext_64, behind 40 bytes of struct ucontext. */
    enum { OFFSET = 40 };
    static const uint8_t order[] = {8, 9, 10, 11, 12, 13, 14, 15, 5, 4, 6, 3, 1, 0, 2, 7, 16};
    uint64_t context = s->registers->at[s->convention->sp] + OFFSET;
    if (!guess_is_trampoline(s->registers->abi, s->window, s->registers->at[s->convention->pc]))
        return false;
    struct unwind_registers caller = {.abi = s->registers->abi};
    for (unsigned i = 0; i < sizeof(order); i++) {
        uint64_t value;
        if (!window_word(s->window, context + 8 * i, 8, &value))
            return false;
        registers_set(&caller, order[i], value);
    }
    *s->caller = caller;
    return true;
}

enum guess_result guess_caller(const struct guess_oracle *oracle, struct window *window,
                               const struct unwind_registers *registers, bool exact,
                               struct unwind_registers *ret_caller)
{
    struct search s = {.oracle = oracle,
                       .window = window,
                       .registers = registers,
                       .convention = unwind_convention(registers->abi),
                       .caller = ret_caller};
    uint64_t target;
    if (!exact && by_trampoline(&s))
        return GUESS_INTERRUPTED;
    if (exact && take(&s, registers->at[s.convention->sp], &target))
        return GUESS_CALLER;
    if (by_frame_pointer(&s) || by_scan(&s, UINT64_MAX, false))
        return GUESS_CALLER;
    bool marked = registers_known(registers, s.convention->fp) && registers->at[s.convention->fp] == 0;
    return marked ? GUESS_OUTERMOST : GUESS_NONE;
}
