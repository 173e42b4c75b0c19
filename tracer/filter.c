/*
 * filter.c: from the call table to a BPF program.
 *
 *     load arch; one block for each ABI:
 *         load number; if it equals entry 1 jump to its verdict; ...; allow
 *
 * A verdict is "trace", or a look at the low half of the first argument first.  Only arch and number are loaded before
 * an allow, so that the kernel's cache of always-allowed numbers (Linux 5.11) can skip the program altogether.  Source:
 * seccomp(2).
 */
#include "filter.h"

#include "calls.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { X32_BIT = 0x40000000, MAX_PROGRAM = 2048 };

#define LOAD(field)                 ((struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field)))
#define JUMP_IF(op, value, yes, no) ((struct sock_filter)BPF_JUMP(BPF_JMP | (op) | BPF_K, (value), (yes), (no)))
#define RETURN(value)               ((struct sock_filter)BPF_STMT(BPF_RET | BPF_K, (value)))
#define SKIP(count)                 ((struct sock_filter)BPF_STMT(BPF_JMP | BPF_JA, (count)))

struct program {
    struct sock_filter *code;
    size_t count;
};

static void add(struct program *p, struct sock_filter instruction)
{
    if (p->count < MAX_PROGRAM)
        p->code[p->count] = instruction;
    p->count++;
}

/* Trace when the first argument is one of the list, else allow.  The accumulator holds the number and is lost. */
static void add_first_arg(struct program *p, const struct call_number *number)
{
    add(p, LOAD(args[0])); /* little endian: the low half comes first */
    if (number->first_arg_mask)
        add(p, (struct sock_filter)BPF_STMT(BPF_ALU | BPF_AND | BPF_K, number->first_arg_mask));
    for (unsigned i = 0; i < number->n_first_args; i++) {
        add(p, JUMP_IF(BPF_JEQ, number->first_args[i], 0, 1));
        add(p, RETURN(SECCOMP_RET_TRACE));
    }
    add(p, RETURN(SECCOMP_RET_ALLOW));
}

/* How many instructions add_first_arg() emits. */
static unsigned char first_arg_size(const struct call_number *number)
{
    return (unsigned char)(2 + (number->first_arg_mask != 0) + 2 * number->n_first_args);
}

/* All numbers of an ABI; the accumulator holds the number.  Ends in a return. */
static void add_table(struct program *p, enum abi abi, uint32_t number_bit)
{
    size_t count;
    const struct call_number *table = call_numbers(abi, &count);
    for (size_t i = 0; i < count; i++) {
        unsigned char size = table[i].first_args ? first_arg_size(&table[i]) : 1;
        add(p, JUMP_IF(BPF_JEQ, table[i].number | number_bit, 0, size));
        if (table[i].first_args)
            add_first_arg(p, &table[i]);
        else
            add(p, RETURN(SECCOMP_RET_TRACE));
    }
    add(p, RETURN(SECCOMP_RET_ALLOW));
}

/* Jumps over whole tables are too far for a conditional jump: fill in a SKIP once the distance is known. */
static void land(struct program *p, size_t skip)
{
    if (skip < MAX_PROGRAM)
        p->code[skip] = SKIP((uint32_t)(p->count - skip - 1));
}

int filter_build(struct sock_filter **ret_program, size_t *ret_count)
{
    struct program p = {.code = calloc(MAX_PROGRAM, sizeof(struct sock_filter))};
    if (!p.code)
        return -ENOMEM;
    add(&p, LOAD(arch));
    add(&p, JUMP_IF(BPF_JEQ, AUDIT_ARCH_X86_64, 1, 0));
    size_t not_x86_64 = p.count;
    add(&p, SKIP(0));
    add(&p, LOAD(nr));
    add(&p, JUMP_IF(BPF_JGE, X32_BIT, 0, 1));
    size_t is_x32 = p.count;
    add(&p, SKIP(0));
    add_table(&p, ABI_X86_64, 0);
    land(&p, is_x32);
    add_table(&p, ABI_X32, X32_BIT);
    land(&p, not_x86_64);
    add(&p, JUMP_IF(BPF_JEQ, AUDIT_ARCH_I386, 1, 0));
    add(&p, RETURN(SECCOMP_RET_ALLOW));
    add(&p, LOAD(nr));
    add_table(&p, ABI_I386, 0);
    if (p.count > MAX_PROGRAM) {
        free(p.code);
        return -E2BIG;
    }
    *ret_program = p.code;
    *ret_count = p.count;
    return 0;
}

int filter_install(const struct sock_filter *program, size_t count)
{
    struct sock_fprog fprog = {.len = (unsigned short)count, .filter = (struct sock_filter *)(uintptr_t)program};
    /* SPEC_ALLOW: without it kernels before 5.16 switch speculation off for the whole program, which then runs slower
     * traced than not. */
    if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_SPEC_ALLOW, &fprog) < 0)
        return -errno;
    return 0;
}
