/*
 * disasm.h: the instructions around a call, out of the bytes of a function.
 *
 * A return address names the end of a call instruction.  Instructions have no marks where they begin, so what lies
 * before the call is decoded forwards from a known start; where none is known, starts further and further back are
 * tried, until one leads to an instruction that ends exactly at the return address and is a call.
 */
#ifndef BRKWATER_DISASM_H
#define BRKWATER_DISASM_H

#include "../code.h"

enum {
    DISASM_MAX_FUNCTION = 1 << 16, /* bytes that are decoded from a function's start at most */
};

struct disasm_options {
    bool is_32;
    bool att; /* AT&T syntax; else Intel */
};

/* What is asked: the call that ends at a return address. */
struct disasm_request {
    const unsigned char *bytes; /* code that begins at `start` */
    size_t size;
    uint64_t start;          /* address of the first byte */
    bool is_function;        /* `start` begins an instruction: it is the start of the function */
    uint64_t return_address; /* within the bytes, or their end */
    unsigned before, after;  /* instructions wanted around the call */
};

struct disasm;

/* -ENOMEM, or -ENOTSUP when the library knows no x86. */
int disasm_new(const struct disasm_options *options, struct disasm **ret_disasm);
void disasm_free(struct disasm *disasm);

/* The instructions around a call; free() the list.  0; -ENOENT when no call ends at the return address; -ENOMEM.
 * Fewer than asked for are given at the edges of the bytes, and where the bytes are no instruction. */
int disasm_call(struct disasm *disasm, const struct disasm_request *request, struct instruction **ret_list,
                size_t *ret_count);

#endif
