/*
 * guess.h: the caller of a frame without unwind tables.
 *
 * In this order: a signal trampoline that has no tables; for a frame whose registers are exact, a return address on top
 * of the stack (a leaf that has pushed nothing); the frame pointer, unless a word below it is behind a direct call of
 * the very code at hand, which then has no frame of its own; the first plausible return address further up. Plausible
 * is a word that points into executable memory, right behind an instruction that decodes as a call; of a direct call
 * the target must be executable too.  It can still be wrong: a stale word on the stack looks the same.
 */
#ifndef BRKWATER_UNWIND_GUESS_H
#define BRKWATER_UNWIND_GUESS_H

#include "registers.h"
#include "window.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    GUESS_SCAN_WORDS = 512,    /* looked at upwards from the stack pointer */
    GUESS_MAX_FRAME = 1 << 20, /* bytes from the stack pointer to a frame pointer that is believed */
};

/* The disassembler for both modes. */
struct guess;

/* NULL without memory. */
struct guess *guess_new(void);
void guess_free(struct guess *guess);

/* Whether an instruction that ends right before `pc` is a call.  *ret_target is where a direct call leads, 0 for an
 * indirect one. */
bool guess_is_call(struct guess *guess, enum unwind_abi abi, struct window *window, uint64_t pc, uint64_t *ret_target);

/* Whether the code at `pc` is what a signal handler returns to (rt_sigreturn). */
bool guess_is_trampoline(enum unwind_abi abi, struct window *window, uint64_t pc);

/* Whether the code at `pc` is where goroutines end: what Go puts on a new stack for the first function to return to,
 * one byte behind the start of runtime.goexit (asm_amd64.s: nop, call, nop). */
bool guess_is_goexit(enum unwind_abi abi, struct window *window, uint64_t pc);

/* How the guesser asks whether a word may be a return address. */
struct guess_oracle {
    bool (*plausible)(void *context, uint64_t pc, uint64_t *ret_target); /* target: as guess_is_call() */
    bool (*is_made)(void *context, uint64_t pc);                         /* code that the program made, in no module */
    void *context;
};

enum guess_result {
    GUESS_NONE,
    GUESS_CALLER,      /* the registers of the caller */
    GUESS_INTERRUPTED, /* of the code that a signal interrupted: its pc is exact */
    GUESS_OUTERMOST,   /* nothing is found, and the frame pointer is 0, which the ABI asks of the outermost frame */
};

/* `exact`: the frame is the innermost one or was interrupted. */
enum guess_result guess_caller(const struct guess_oracle *oracle, struct window *window,
                               const struct unwind_registers *registers, bool exact,
                               struct unwind_registers *ret_caller);

#endif
