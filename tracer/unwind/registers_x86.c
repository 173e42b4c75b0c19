/* registers_x86.c: x86-64 and i386 registers by their DWARF numbers. */
#include "registers.h"

#include <elf.h>
#include <string.h>
#include <sys/user.h>

/* Selector of 32-bit user code under a 64-bit kernel: arch/x86/include/asm/segment.h, __USER32_CS. */
enum { CS_32 = 0x23 };

const struct unwind_convention unwind_conventions[] = {
    [UNWIND_X86_64] = {.count = 17, .pc = 16, .sp = 7, .fp = 6, .word = 8, .machine = EM_X86_64, .mask = UINT64_MAX},
    [UNWIND_I386] = {.count = 9, .pc = 8, .sp = 4, .fp = 5, .word = 4, .machine = EM_386, .mask = UINT32_MAX},
};

void unwind_registers_from_user(const struct user_regs_struct *user, struct unwind_registers *ret_registers)
{
    const uint64_t wide[] = {user->rax, user->rdx, user->rcx, user->rbx, user->rsi, user->rdi,
                             user->rbp, user->rsp, user->r8,  user->r9,  user->r10, user->r11,
                             user->r12, user->r13, user->r14, user->r15, user->rip};
    const uint64_t narrow[] = {user->rax, user->rcx, user->rdx, user->rbx, user->rsp,
                               user->rbp, user->rsi, user->rdi, user->rip};
    enum unwind_abi abi = user->cs == CS_32 ? UNWIND_I386 : UNWIND_X86_64;
    const struct unwind_convention *convention = unwind_convention(abi);
    *ret_registers = (struct unwind_registers){.known = (UINT32_C(1) << convention->count) - 1, .abi = abi};
    for (unsigned i = 0; i < convention->count; i++)
        ret_registers->at[i] = (abi == UNWIND_I386 ? narrow[i] : wide[i]) & convention->mask;
}
