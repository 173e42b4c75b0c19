/*
 * registers.h: a thread's registers by their DWARF numbers, and what the unwinder must know of each architecture.
 *
 * Source: System V ABI, AMD64 supplement, figure 3.36 (numbers), section 3.4.1 (frame pointer of the outermost frame);
 * Intel386 supplement for i386.  A second architecture adds a line to enum unwind_abi, a convention, and a file beside
 * registers_x86.c.
 */
#ifndef BRKWATER_UNWIND_REGISTERS_H
#define BRKWATER_UNWIND_REGISTERS_H

#include <stdbool.h>
#include <stdint.h>

struct user_regs_struct;

/* In which mode the thread runs, whichever entry of the kernel it uses. */
enum unwind_abi { UNWIND_X86_64, UNWIND_I386 };

enum { UNWIND_REGISTERS = 17 };

/* Values by DWARF number.  A register whose bit in `known` is 0 has been lost on the way: its value means nothing.  pc
 * and sp are always known. */
struct unwind_registers {
    uint64_t at[UNWIND_REGISTERS];
    uint32_t known;
    enum unwind_abi abi;
};

struct unwind_convention {
    unsigned count;      /* of registers */
    unsigned pc, sp, fp; /* their numbers; pc is also the column of the return address */
    unsigned word;       /* bytes of a word on the stack */
    unsigned machine;    /* e_machine of the ELF files that run in this mode */
    uint64_t mask;       /* of an address */
};

extern const struct unwind_convention unwind_conventions[]; /* by enum unwind_abi */

static inline const struct unwind_convention *unwind_convention(enum unwind_abi abi)
{
    return &unwind_conventions[abi];
}

/* From PTRACE_GETREGS(2) of a 64-bit tracer, whose tracee may run 32-bit code (cs tells). */
void unwind_registers_from_user(const struct user_regs_struct *user, struct unwind_registers *ret_registers);

static inline void registers_set(struct unwind_registers *registers, unsigned number, uint64_t value)
{
    registers->at[number] = value;
    registers->known |= UINT32_C(1) << number;
}

static inline bool registers_known(const struct unwind_registers *registers, unsigned number)
{
    return registers->known >> number & 1;
}

#endif
