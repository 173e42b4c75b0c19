/* disasm.c: the instructions around a call. */
#include "disasm.h"

#include <capstone/capstone.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    MAX_WANTED = 64,   /* instructions before or after: the work of find_in_step() grows with its square */
    SHORTEST_CALL = 2, /* bytes: call *%rax */
    LONGEST_CALL = INSTRUCTION_MAX_BYTES,
};

struct disasm {
    csh engine;
    cs_insn *instruction; /* the one place that instructions are decoded into */
};

/* Starts of instructions in order; a ring of the last ones would do, but functions are short. */
struct starts {
    uint32_t *offsets; /* from the first byte of the request */
    size_t count;
};

int disasm_new(const struct disasm_options *options, struct disasm **ret_disasm)
{
    struct disasm *disasm = calloc(1, sizeof(*disasm));
    if (!disasm)
        return -ENOMEM;
    if (cs_open(CS_ARCH_X86, options->is_32 ? CS_MODE_32 : CS_MODE_64, &disasm->engine) != CS_ERR_OK) {
        free(disasm);
        return -ENOTSUP;
    }
    cs_option(disasm->engine, CS_OPT_DETAIL, CS_OPT_ON);
    if (options->att)
        cs_option(disasm->engine, CS_OPT_SYNTAX, CS_OPT_SYNTAX_ATT);
    disasm->instruction = cs_malloc(disasm->engine);
    if (!disasm->instruction) {
        disasm_free(disasm);
        return -ENOMEM;
    }
    *ret_disasm = disasm;
    return 0;
}

void disasm_free(struct disasm *disasm)
{
    if (!disasm)
        return;
    if (disasm->instruction)
        cs_free(disasm->instruction, 1);
    cs_close(&disasm->engine);
    free(disasm);
}

/* Decode one instruction; its size, or 0 when there is none. */
static unsigned decode(struct disasm *disasm, const struct disasm_request *request, uint64_t offset)
{
    if (offset >= request->size)
        return 0;
    const uint8_t *code = request->bytes + offset;
    size_t left = request->size - offset;
    uint64_t address = request->start + offset;
    return cs_disasm_iter(disasm->engine, &code, &left, &address, disasm->instruction) ? disasm->instruction->size : 0;
}

/* A call of a function, or of the kernel: the innermost frame stands behind a `syscall`. */
static bool is_call(const struct disasm *disasm)
{
    return cs_insn_group(disasm->engine, disasm->instruction, CS_GRP_CALL) ||
           cs_insn_group(disasm->engine, disasm->instruction, CS_GRP_INT);
}

/* Walk from `from` to `to`.  True when an instruction ends exactly there, and is a call; *ret_starts then holds all
 * that were met. */
static bool walk(struct disasm *disasm, const struct disasm_request *request, uint64_t from, uint64_t to,
                 struct starts *starts)
{
    uint64_t at = from;
    bool ends_in_call = false;
    starts->count = 0;
    while (at < to) {
        unsigned size = decode(disasm, request, at);
        if (size == 0)
            return false;
        starts->offsets[starts->count++] = (uint32_t)at;
        ends_in_call = is_call(disasm);
        at += size;
    }
    return at == to && ends_in_call;
}

/* The call alone, when nothing is known of what lies before it: the longest that fits is the likeliest, since a short
 * one is often the end of a longer one, and not the other way round. */
static bool find_call_alone(struct disasm *disasm, const struct disasm_request *request, uint64_t to,
                            struct starts *starts)
{
    uint64_t longest = to < LONGEST_CALL ? to : LONGEST_CALL;
    for (uint64_t size = longest; size >= SHORTEST_CALL; size--)
        if (decode(disasm, request, to - size) == size && is_call(disasm)) {
            starts->offsets[0] = (uint32_t)(to - size);
            starts->count = 1;
            return true;
        }
    return false;
}

/* A start before the call from which decoding arrives at it.  The further back, the surer that it has fallen in step
 * with the real instructions. */
static bool find_in_step(struct disasm *disasm, const struct disasm_request *request, uint64_t to,
                         struct starts *starts)
{
    uint64_t reach = (uint64_t)(request->before + 4) * INSTRUCTION_MAX_BYTES;
    for (uint64_t from = to > reach ? to - reach : 0; from < to; from++)
        if (walk(disasm, request, from, to, starts))
            return true;
    return find_call_alone(disasm, request, to, starts);
}

static void describe(const struct disasm *disasm, struct instruction *instruction)
{
    const cs_insn *decoded = disasm->instruction;
    *instruction = (struct instruction){.address = decoded->address, .size = (uint8_t)decoded->size};
    memcpy(instruction->bytes, decoded->bytes, instruction->size);
    int size = snprintf(instruction->text, sizeof(instruction->text), "%s%s%s", decoded->mnemonic,
                        decoded->op_str[0] ? " " : "", decoded->op_str);
    if (size < 0)
        instruction->text[0] = '\0';
}

/* Fill the list from the starts that were found, and go on behind the call. */
static size_t fill(struct disasm *disasm, const struct disasm_request *request, const struct starts *starts,
                   struct instruction *list)
{
    size_t first = starts->count > request->before + 1 ? starts->count - request->before - 1 : 0, count = 0;
    uint64_t at = request->return_address - request->start;
    for (size_t i = first; i < starts->count; i++)
        if (decode(disasm, request, starts->offsets[i]))
            describe(disasm, &list[count++]);
    list[count - 1].is_call_site = true;
    for (unsigned i = 0; i < request->after; i++) {
        unsigned size = decode(disasm, request, at);
        if (size == 0)
            break;
        describe(disasm, &list[count++]);
        at += size;
    }
    return count;
}

int disasm_call(struct disasm *disasm, const struct disasm_request *asked, struct instruction **ret_list,
                size_t *ret_count)
{
    struct disasm_request request = *asked;
    uint64_t to = request.return_address - request.start;
    if (request.return_address <= request.start || to > request.size)
        return -ENOENT;
    if (request.before > MAX_WANTED)
        request.before = MAX_WANTED;
    if (request.after > MAX_WANTED)
        request.after = MAX_WANTED;
    /* Of a long way only the end is walked. */
    if (to > DISASM_MAX_FUNCTION) {
        uint64_t skipped = to - DISASM_MAX_FUNCTION;
        request.bytes += skipped;
        request.size -= skipped;
        request.start += skipped;
        request.is_function = false;
        to = DISASM_MAX_FUNCTION;
    }
    struct starts starts = {.offsets = reallocarray(NULL, to + 1, sizeof(uint32_t))};
    struct instruction *list = calloc(request.before + request.after + 1, sizeof(*list));
    int result = starts.offsets && list ? 0 : -ENOMEM;
    if (result == 0 && !(request.is_function && walk(disasm, &request, 0, to, &starts)) &&
        !find_in_step(disasm, &request, to, &starts))
        result = -ENOENT;
    if (result == 0) {
        *ret_count = fill(disasm, &request, &starts, list);
        *ret_list = list;
    } else {
        free(list);
    }
    free(starts.offsets);
    return result;
}
