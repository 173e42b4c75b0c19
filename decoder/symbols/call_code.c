/* call_code.c: the code around a call of a module. */
#include "call_code.h"

#include <errno.h>
#include <stdlib.h>

enum { FAR_BACK = 1024 }; /* bytes before a call that are looked at where the function's start is not known */

/* Bytes behind the return address that `after` instructions may take. */
static size_t bytes_after(const struct call_code_request *request)
{
    return (size_t)request->after * INSTRUCTION_MAX_BYTES;
}

/* Where decoding may start: at the function, or some way back, as far as the file has bytes there. */
static int find_code(struct symbols *symbols, const struct call_code_request *request, struct disasm_request *code,
                     bool *ret_is_32)
{
    const struct symbol *list;
    size_t count, size;
    uint64_t call = request->return_address - 1, back = FAR_BACK;
    int result = symbols_lookup(symbols, request->module, call, &list, &count);
    if (result < 0)
        return result;
    code->is_function = count && list[count - 1].function.size && list[count - 1].offset <= call &&
                        list[count - 1].offset < DISASM_MAX_FUNCTION;
    if (code->is_function)
        back = list[count - 1].offset;
    /* The first bytes of a module may be nearer than that. */
    for (; !(code->bytes = symbols_code(symbols, request->module, call - back, &size, ret_is_32)); back /= 2) {
        code->is_function = false;
        if (back == 0)
            return -ENOENT;
    }
    code->start = call - back;
    uint64_t wanted = back + 1 + bytes_after(request);
    code->size = size < wanted ? size : wanted;
    return 0;
}

static int add_lines(struct symbols *symbols, int module, struct instruction *list, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct symbol *names;
        size_t n_names;
        int result = symbols_lookup(symbols, module, list[i].address, &names, &n_names);
        if (result < 0)
            return result;
        if (n_names) {
            list[i].file = names[0].file;
            list[i].line = names[0].line;
        }
    }
    return 0;
}

int call_code(struct symbols *symbols, const struct call_code_request *request, struct instruction **ret_list,
              size_t *ret_count)
{
    struct disasm_request code = {
        .return_address = request->return_address, .before = request->before, .after = request->after};
    struct disasm_options options = {.att = request->att};
    struct disasm *disasm = NULL;
    struct instruction *list = NULL;
    size_t count;
    int result = request->return_address ? find_code(symbols, request, &code, &options.is_32) : -ENOENT;
    if (result == 0)
        result = disasm_new(&options, &disasm);
    if (result == 0)
        result = disasm_call(disasm, &code, &list, &count);
    if (result == 0)
        result = add_lines(symbols, request->module, list, count);
    disasm_free(disasm);
    if (result < 0) {
        free(list);
        return result;
    }
    *ret_list = list;
    *ret_count = count;
    return 0;
}
