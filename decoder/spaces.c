/* spaces.c: the live address spaces of the model. */
#include "model.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct space_model *model_space(struct decoder *d, uint32_t id)
{
    if (d->last_space && d->last_space->id == id)
        return d->last_space;
    struct space_model *s = d->spaces[id % SPACE_BUCKETS];
    while (s && s->id != id)
        s = s->next;
    if (s)
        d->last_space = s;
    return s;
}

const struct space_model *model_space_const(const struct decoder *d, uint32_t id)
{
    const struct space_model *s = d->spaces[id % SPACE_BUCKETS];
    while (s && s->id != id)
        s = s->next;
    return s;
}

bool model_space_bytes(const struct decoder *d, uint32_t id, uint64_t *ret_mapped, uint64_t *ret_resident)
{
    const struct space_model *s = d->last_space && d->last_space->id == id ? d->last_space : model_space_const(d, id);
    if (!s)
        return false;
    *ret_mapped = s->segments.bytes;
    *ret_resident = s->resident;
    return true;
}

struct space_model *model_space_new(struct decoder *d, uint32_t id, uint32_t pid)
{
    struct space_model *s = calloc(1, sizeof(*s));
    if (!s)
        return NULL;
    s->id = id;
    s->pid = pid;
    segments_init(&s->segments, d->by_kind);
    s->segments.watch = d->watch;
    s->next = d->spaces[id % SPACE_BUCKETS];
    d->spaces[id % SPACE_BUCKETS] = s;
    return s;
}

void model_space_end(struct decoder *d, struct space_model *space)
{
    struct space_model **at = &d->spaces[space->id % SPACE_BUCKETS];
    while (*at != space)
        at = &(*at)->next;
    *at = space->next;
    if (d->last_space == space)
        d->last_space = NULL;
    d->heap_bytes -= model_heap_size(space);
    d->resident_bytes -= space->resident;
    segments_clear(&space->segments);
    model_forget_residency(space);
    free(space->biases);
    free(space);
}

void model_free_spaces(struct decoder *d)
{
    for (size_t i = 0; i < SPACE_BUCKETS; i++)
        while (d->spaces[i])
            model_space_end(d, d->spaces[i]);
}

/* ---- where modules lie ---- */

enum { MAX_MODULES = 1 << 16 };

int model_load(struct space_model *space, uint32_t module, uint64_t bias)
{
    if (module == 0 || module > MAX_MODULES)
        return -TRACE_E_DAMAGED;
    if (module >= space->n_biases) {
        uint32_t count = module < 16 ? 32 : module * 2;
        uint64_t *biases = reallocarray(space->biases, count, sizeof(*biases));
        if (!biases)
            return -ENOMEM;
        memset(biases + space->n_biases, 0, (count - space->n_biases) * sizeof(*biases));
        space->biases = biases;
        space->n_biases = count;
    }
    space->biases[module] = bias | 1;
    return 0;
}

int model_copy_loads(struct space_model *to, const struct space_model *from)
{
    int error = 0;
    for (uint32_t module = 1; module < from->n_biases && !error; module++)
        if (from->biases[module])
            error = model_load(to, module, from->biases[module]);
    return error;
}

tracee_addr decoder_pc(const struct decoder *d, uint32_t id, const struct code_line *line)
{
    if (!line->module)
        return line->address;
    const struct space_model *s = d->last_space && d->last_space->id == id ? d->last_space : model_space_const(d, id);
    if (!s || line->module >= s->n_biases || !s->biases[line->module])
        return 0;
    return line->address + (s->biases[line->module] & ~UINT64_C(1));
}

static uint64_t page_up(uint64_t value)
{
    return (value + TRACE_PAGE - 1) & ~(uint64_t)(TRACE_PAGE - 1);
}

uint64_t model_heap_size(const struct space_model *space)
{
    tracee_addr start = page_up(space->heap_start), end = page_up(space->heap_end);
    return end > start ? end - start : 0;
}

void model_set_heap(struct decoder *d, struct space_model *space, tracee_addr start, tracee_addr end)
{
    d->heap_bytes -= model_heap_size(space);
    space->heap_start = start;
    space->heap_end = end;
    d->heap_bytes += model_heap_size(space);
}

bool decoder_space(const struct decoder *d, uint32_t id, struct space_info *ret_info)
{
    const struct space_model *s = model_space_const(d, id);
    if (!s)
        return false;
    *ret_info = (struct space_info){.space = id,
                                    .pid = s->pid,
                                    .bytes = s->segments.bytes,
                                    .segments = s->segments.count,
                                    .heap = model_heap_size(s),
                                    .heap_start = s->heap_start,
                                    .heap_end = s->heap_end,
                                    .resident = s->resident};
    for (int kind = 0; kind < KIND_COUNT; kind++)
        ret_info->by_kind[kind] = s->segments.by_kind[kind];
    return true;
}

uint32_t decoder_next_space(const struct decoder *d, uint32_t after)
{
    uint32_t best = 0;
    for (size_t i = 0; i < SPACE_BUCKETS; i++)
        for (const struct space_model *s = d->spaces[i]; s; s = s->next)
            if (s->id > after && (!best || s->id < best))
                best = s->id;
    return best;
}

bool decoder_segment(const struct decoder *d, uint32_t space, tracee_addr addr, struct segment *ret_segment)
{
    const struct space_model *s = model_space_const(d, space);
    const struct segment *segment = s ? segments_find(&s->segments, addr) : NULL;
    if (!segment)
        return false;
    *ret_segment = *segment;
    return true;
}
