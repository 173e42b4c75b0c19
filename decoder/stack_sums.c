/*
 * stack_sums.c: what calls did, summed by their stacks.
 *
 * A space's last moment is known only once it has passed, and a space that ends may be followed by the word that its
 * process began another program.  So what lives in it is put aside when it ends, and counted with the next record that
 * is no such word.
 */
#include "decoder.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
    NONE = STACK_SUMS_NONE,
    EXECVE = STACK_SUMS_EXECVE,
    KERNEL = STACK_SUMS_KERNEL,
    ATTACHED = STACK_SUMS_ATTACHED,
    STACKS = STACK_SUMS_STACKS
};

/* Bytes that live in a space, by the index of their sum. */
struct part {
    size_t index;
    enum stack_metric metric;
    uint64_t bytes;
};

struct stack_sums {
    uint32_t pid; /* 0: of all processes */
    struct stack_sum *list;
    size_t count, capacity;

    uint32_t ended; /* space whose parts are put aside, 0: none */
    struct part *parts;
    size_t n_parts, parts_capacity;
    uint64_t spaces;

    struct fault_counts counted;
    uint64_t faults; /* of samples */
};

static bool hold(void **list, size_t *capacity, size_t count, size_t size)
{
    if (count <= *capacity)
        return true;
    size_t wanted = *capacity ? *capacity : 64;
    while (wanted < count)
        wanted *= 2;
    void *grown = reallocarray(*list, wanted, size);
    if (!grown)
        return false;
    memset((char *)grown + *capacity * size, 0, (wanted - *capacity) * size);
    *list = grown;
    *capacity = wanted;
    return true;
}

static bool hold_sums(struct stack_sums *s, size_t count)
{
    if (!hold((void **)&s->list, &s->capacity, count, sizeof(*s->list)))
        return false;
    for (; s->count < count; s->count++)
        if (s->count >= STACKS)
            s->list[s->count].stack = (uint32_t)(s->count - STACKS + 1);
    return true;
}

struct stack_sums *stack_sums_new(uint32_t pid)
{
    struct stack_sums *s = calloc(1, sizeof(*s));
    if (!s || !hold_sums(s, STACKS)) {
        free(s);
        return NULL;
    }
    s->pid = pid;
    s->list[NONE].origin = ORIGIN_NONE;
    s->list[EXECVE].origin = ORIGIN_EXECVE;
    s->list[KERNEL].origin = ORIGIN_KERNEL;
    s->list[ATTACHED].origin = ORIGIN_ATTACHED;
    return s;
}

void stack_sums_free(struct stack_sums *s)
{
    if (!s)
        return;
    free(s->list);
    free(s->parts);
    fault_counts_free(&s->counted);
    free(s);
}

size_t stack_sums_index(const struct decoder *d, uint32_t stack)
{
    struct code_stack known;
    return code_stack(decoder_code(d), stack, &known) ? STACKS + stack - 1 : NONE;
}

size_t stack_sums_of_segment(const struct decoder *d, const struct segment *segment)
{
    if (segment->birth || segment->stack)
        return stack_sums_index(d, segment->stack);
    if (segment->flags & SEGMENT_FOUND)
        return KERNEL;
    return segment->flags & SEGMENT_ATTACHED ? ATTACHED : EXECVE;
}

/* The same, with room for the sum.  False without memory. */
static bool find_index(struct stack_sums *s, const struct decoder *d, uint32_t stack, size_t *ret_index)
{
    *ret_index = stack_sums_index(d, stack);
    return hold_sums(s, *ret_index + 1);
}

/* ---- what lives ---- */

static bool put_part(struct stack_sums *s, size_t index, enum stack_metric metric, uint64_t bytes)
{
    if (!bytes)
        return true;
    if (!hold((void **)&s->parts, &s->parts_capacity, s->n_parts + 1, sizeof(*s->parts)))
        return false;
    s->parts[s->n_parts++] = (struct part){index, metric, bytes};
    return true;
}

struct kept {
    struct stack_sums *sums;
    const struct decoder *decoder;
};

static int add_kept(void *context, bool known, uint32_t stack, uint64_t bytes)
{
    struct kept *kept = context;
    size_t index = NONE;
    if (known && !find_index(kept->sums, kept->decoder, stack, &index))
        return -ENOMEM;
    return put_part(kept->sums, index, BY_KEPT, bytes) ? 0 : -ENOMEM;
}

static bool add_part(struct stack_sums *s, const struct decoder *d, uint32_t space, const struct segment *segment)
{
    struct pages pages;
    const size_t index = stack_sums_of_segment(d, segment);
    if (!hold_sums(s, index + 1))
        return false;
    decoder_pages(d, space, segment, &pages);
    return put_part(s, index, BY_LIVE, segment->end - segment->start) &&
           put_part(s, index, BY_RESIDENT, pages.resident) &&
           decoder_touchers(d, space, segment, add_kept, &(struct kept){s, d}) == 0;
}

static void count_parts(struct stack_sums *s)
{
    if (!s->ended)
        return;
    for (size_t i = 0; i < s->n_parts; i++)
        s->list[s->parts[i].index].values[s->parts[i].metric] += s->parts[i].bytes;
    s->spaces++;
    s->ended = 0;
    s->n_parts = 0;
}

/* Put aside what lives in the space. */
static int take_space(struct stack_sums *s, const struct decoder *d, uint32_t space)
{
    struct space_info info;
    struct segment segment = {0};
    count_parts(s);
    if (!decoder_space(d, space, &info) || (s->pid && info.pid != s->pid))
        return 0;
    s->ended = space;
    while (decoder_segment(d, space, segment.end, &segment))
        if (!add_part(s, d, space, &segment))
            return -ENOMEM;
    return 0;
}

int stack_sums_now(struct stack_sums *s, const struct decoder *d)
{
    int error = 0;
    for (uint32_t space = 0; !error && (space = decoder_next_space(d, space)) != 0;)
        error = take_space(s, d, space);
    count_parts(s);
    return error;
}

int stack_sums_before(struct stack_sums *s, const struct decoder *d, const struct record *record)
{
    switch (record->kind) {
    case REC_SPACE_END:
        return take_space(s, d, record->space_end.space);
    case REC_EXEC:
        if (record->exec.old_space == s->ended) {
            s->ended = 0;
            s->n_parts = 0;
        }
        count_parts(s);
        return 0;
    case REC_EVENT:
    case REC_EXIT:
    case REC_TASK:
    case REC_END:
        count_parts(s);
        return 0;
    default: /* a sample may come in between, from the thread that makes them */
        return 0;
    }
}

/* ---- what calls did ---- */

uint64_t stack_sums_faults(const struct decoder *d, const struct rec_event *event)
{
    /* Those of the kernel's side are not seen one by one, unless that is allowed. */
    const struct rec_fault_sight *sight = decoder_fault_sight(d);
    if (!(event->flags & EVENT_FAULTS) || (sight && sight->sight == FAULTS_ALL))
        return 0;
    return event->minflt + event->majflt;
}

static int add_event(struct stack_sums *s, const struct decoder *d, const struct moment *m)
{
    const struct rec_event *event = &m->record->event;
    const bool is_exec = call_info((enum call)event->call)->effect == EFFECT_EXEC;
    size_t index;
    if (!find_index(s, d, event->stack, &index))
        return -ENOMEM;
    uint64_t *values = s->list[index].values;
    values[BY_CALLS]++;
    values[BY_TIME] += event->duration;
    values[BY_RETURNED] += m->change.unmapped;
    values[BY_FAULTS] += stack_sums_faults(d, event);
    s->list[is_exec ? EXECVE : index].values[BY_MAPPED] += m->change.mapped;
    return 0;
}

static int add_faults(struct stack_sums *s, const struct decoder *d, const struct moment *m)
{
    const struct rec_faults *faults = &m->record->faults;
    for (uint32_t i = 0; m->touches && i < faults->n_runs; i++) {
        size_t index;
        if (!find_index(s, d, faults->runs[i].stack, &index))
            return -ENOMEM;
        s->list[index].values[BY_FAULTS] += faults->runs[i].faults;
        s->list[index].values[BY_TOUCHED] += m->touches[i].first * TRACE_PAGE;
    }
    return 0;
}

static int add_sample(struct stack_sums *s, const struct decoder *d, const struct rec_sample *sample)
{
    struct fault_rise rise;
    const int error = fault_counts_add(&s->counted, d, sample, &rise);
    if (!error)
        s->faults += rise.minor + rise.major;
    return error;
}

int stack_sums_add(struct stack_sums *s, const struct decoder *d, const struct moment *m)
{
    if (s->pid && m->pid != s->pid)
        return 0;
    if (m->record->kind == REC_EVENT)
        return add_event(s, d, m);
    if (m->record->kind == REC_FAULTS)
        return add_faults(s, d, m);
    return m->record->kind == REC_SAMPLE ? add_sample(s, d, &m->record->sample) : 0;
}

/* ---- reading ---- */

const struct stack_sum *stack_sums_at(const struct stack_sums *s, size_t index)
{
    return index < s->count ? &s->list[index] : NULL;
}

uint64_t stack_sums_spaces(const struct stack_sums *s)
{
    return s->spaces;
}

uint64_t stack_sums_all_faults(const struct stack_sums *s)
{
    return s->faults;
}
