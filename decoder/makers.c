/* makers.c: bytes mapped by kind and stack. */
#include "makers.h"

#include <stdlib.h>
#include <string.h>

void makers_free(struct makers *m)
{
    for (int kind = 0; kind < KIND_COUNT; kind++)
        free(m->bytes[kind]);
    *m = (struct makers){0};
}

static bool hold(struct makers *m, enum kind kind, uint32_t stack)
{
    if (stack < m->count[kind])
        return true;
    const uint32_t count = stack < 32 ? 64 : stack * 2;
    uint64_t *bytes = reallocarray(m->bytes[kind], count, sizeof(*bytes));
    if (!bytes)
        return false;
    memset(bytes + m->count[kind], 0, (count - m->count[kind]) * sizeof(*bytes));
    m->bytes[kind] = bytes;
    m->count[kind] = count;
    return true;
}

void makers_add(struct makers *m, enum kind kind, uint32_t stack, uint64_t bytes)
{
    enum { MAX_STACKS = 1 << 22 }; /* as many as code.h has ids */
    if (stack && stack <= MAX_STACKS && bytes && hold(m, kind, stack))
        m->bytes[kind][stack] += bytes;
}

uint32_t makers_most(const struct makers *m, struct code *code, enum kind kind)
{
    uint64_t *by_frame = calloc((size_t)code_frames(code) + 1, sizeof(*by_frame)), most = 0;
    uint32_t best = 0;
    for (uint32_t stack = 1; by_frame && stack < m->count[kind]; stack++) {
        struct code_line site;
        if (!m->bytes[kind][stack] || !code_site(code, stack, &site))
            continue;
        by_frame[site.frame] += m->bytes[kind][stack];
        if (by_frame[site.frame] > most) {
            most = by_frame[site.frame];
            best = stack;
        }
    }
    free(by_frame);
    return best;
}
