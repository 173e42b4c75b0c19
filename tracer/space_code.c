/* space_code.c: executable memory of a space, and the biases of modules that were recorded for it. */
#include "space_code.h"

#include <stdlib.h>
#include <string.h>

struct space_code *space_code_new(void)
{
    struct space_code *code = calloc(1, sizeof(*code));
    if (!code)
        return NULL;
    code->unwind = unwind_space_new();
    if (code->unwind)
        return code;
    free(code);
    return NULL;
}

struct space_code *space_code_copy(const struct space_code *code)
{
    struct space_code *copy = code ? calloc(1, sizeof(*copy)) : NULL;
    if (!copy)
        return NULL;
    copy->has_made = code->has_made;
    copy->unwind = unwind_space_copy(code->unwind);
    copy->biases = code->n_biases ? calloc(code->n_biases, sizeof(*copy->biases)) : NULL;
    if (!copy->unwind || (code->n_biases && !copy->biases)) {
        space_code_free(copy);
        return NULL;
    }
    copy->n_biases = code->n_biases;
    if (code->n_biases)
        memcpy(copy->biases, code->biases, code->n_biases * sizeof(*copy->biases));
    return copy;
}

void space_code_free(struct space_code *code)
{
    if (!code)
        return;
    unwind_space_free(code->unwind);
    free(code->biases);
    free(code);
}

static bool hold(struct space_code *code, uint32_t module)
{
    if (module < code->n_biases)
        return true;
    uint32_t count = module < 16 ? 32 : module * 2;
    uint64_t *biases = reallocarray(code->biases, count, sizeof(*biases));
    if (!biases)
        return false;
    memset(biases + code->n_biases, 0, (count - code->n_biases) * sizeof(*biases));
    code->biases = biases;
    code->n_biases = count;
    return true;
}

bool space_code_knows(struct space_code *code, uint32_t module, uint64_t bias)
{
    if (!hold(code, module) || code->biases[module] == (bias | 1))
        return true;
    code->biases[module] = bias | 1;
    return false;
}
