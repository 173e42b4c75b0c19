/* places.c: the telling moments of each process, found while records go by. */
#include "places.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct places *places_new(void)
{
    return calloc(1, sizeof(struct places));
}

void places_free(struct places *p)
{
    if (!p)
        return;
    free(p->list);
    free(p);
}

int places_hold(struct places *p, size_t count)
{
    if (count > p->capacity) {
        size_t capacity = p->capacity ? p->capacity : 16;
        while (capacity < count)
            capacity *= 2;
        struct process_places *list = reallocarray(p->list, capacity, sizeof(*list));
        if (!list)
            return -ENOMEM;
        p->list = list;
        p->capacity = capacity;
    }
    if (count > p->count) {
        memset(p->list + p->count, 0, (count - p->count) * sizeof(*p->list));
        p->count = count;
    }
    return 0;
}

int places_add(struct places *p, const struct decoder *d, const struct moment *m, uint64_t ordinal)
{
    const struct process_info *process = m->pid ? decoder_process(d, m->pid) : NULL;
    uint64_t bytes, resident;
    if (!process || !process->space || !model_space_bytes(d, process->space, &bytes, &resident))
        return 0;
    if (places_hold(p, process->index + 1) < 0)
        return -ENOMEM;
    struct process_places *own = &p->list[process->index];
    const struct place here = {
        .ordinal = ordinal, .pid = m->pid, .space = process->space, .time = m->time, .event = decoder_events(d)};
    own->pid = m->pid;
    own->end = here;
    if (!own->first.ordinal && bytes)
        own->first = here;
    if (m->record->kind == REC_SAMPLE && resident > own->resident) {
        own->resident = resident;
        own->peak = here;
    }
    if (bytes > own->virtual_) {
        own->virtual_ = bytes;
        own->peak_virtual = here;
    }
    return 0;
}

const struct process_places *places_list(const struct places *p, size_t *ret_count)
{
    *ret_count = p->count;
    return p->list;
}
