/*
 * call_code.h: the code around a call of a module, with the lines of its source.
 */
#ifndef BRKWATER_CALL_CODE_H
#define BRKWATER_CALL_CODE_H

#include "disasm.h"
#include "symbols.h"

struct call_code_request {
    int module;              /* of symbols_module() */
    uint64_t return_address; /* link-time address behind the call: here nothing is subtracted */
    unsigned before, after;  /* instructions */
    bool att;
};

/* The instructions around the call that ends at a return address; free() the list.  Texts are valid until
 * symbols_free().  0; -ENOENT when the module's file has no call there, or no file is known; -ENOMEM. */
int call_code(struct symbols *symbols, const struct call_code_request *request, struct instruction **ret_list,
              size_t *ret_count);

#endif
