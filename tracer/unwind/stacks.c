/* stacks.c: intern frames and stacks. */
#include "stacks.h"

#include "hash.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* A hash table of ids with open addressing; 0 is an empty place.  Less than half of it is used. */
struct id_table {
    uint32_t *places;
    uint32_t size; /* power of two */
};

struct stack_entry {
    uint64_t hash;
    uint32_t first; /* its place in `words` */
    uint16_t count;
    uint8_t quality, end;
};

/* Frame id n is frames[n - 1], stack id n is stacks[n - 1]. */
struct stacks {
    struct stacks_listener listener;
    struct id_table frame_ids, stack_ids;
    struct unwind_frame *frames;
    struct stack_entry *stacks;
    uint32_t *words; /* frame ids of all stacks, one after another */
    uint32_t n_frames, frames_capacity, n_stacks, stacks_capacity, n_words, words_capacity;
};

struct stacks *stacks_new(const struct stacks_listener *listener)
{
    struct stacks *stacks = calloc(1, sizeof(*stacks));
    if (stacks)
        stacks->listener = *listener;
    return stacks;
}

void stacks_free(struct stacks *stacks)
{
    if (!stacks)
        return;
    free(stacks->frame_ids.places);
    free(stacks->stack_ids.places);
    free(stacks->frames);
    free(stacks->stacks);
    free(stacks->words);
    free(stacks);
}

uint32_t stacks_count(const struct stacks *stacks)
{
    return stacks->n_stacks;
}

uint32_t stacks_frame_count(const struct stacks *stacks)
{
    return stacks->n_frames;
}

/* ---- what is the same ---- */

/* A frame inside a module is its address there, wherever the module is loaded. */
static uint64_t frame_key(const struct unwind_frame *frame)
{
    return frame->module ? frame->vaddr : frame->pc;
}

/* Modules and spaces are both small numbers, and a frame has one of them. */
static uint64_t frame_home(const struct unwind_frame *frame)
{
    return frame->module | (uint64_t)frame->space << 20;
}

static uint64_t hash_frame(uint64_t hash, const struct unwind_frame *frame)
{
    return hash_mix(hash, frame_key(frame) ^ frame_home(frame) << 40 ^ (uint64_t)frame->flags << 60);
}

static bool same_frame(const struct unwind_frame *a, const struct unwind_frame *b)
{
    return a->module == b->module && a->space == b->space && a->flags == b->flags && frame_key(a) == frame_key(b);
}

static uint64_t hash_stack(const struct unwind_stack *stack)
{
    uint64_t hash = hash_mix(stack->count, (uint64_t)stack->quality << 8 | (uint64_t)stack->end);
    for (unsigned i = 0; i < stack->count; i++)
        hash = hash_frame(hash, &stack->frames[i]);
    return hash;
}

static bool same_stack(const struct stacks *s, const struct stack_entry *entry, const struct unwind_stack *stack)
{
    if (entry->count != stack->count || entry->quality != stack->quality || entry->end != stack->end)
        return false;
    for (unsigned i = 0; i < stack->count; i++)
        if (!same_frame(&s->frames[s->words[entry->first + i] - 1], &stack->frames[i]))
            return false;
    return true;
}

/* ---- room ---- */

/* Room for one more, or `more` more, elements of an array. */
static int reserve(void **array, uint32_t *capacity, uint64_t needed, size_t element)
{
    if (needed <= *capacity)
        return 0;
    uint64_t size = *capacity ? *capacity : 256;
    while (size < needed)
        size *= 2;
    void *bigger = realloc(*array, size * element);
    if (!bigger)
        return -ENOMEM;
    *array = bigger;
    *capacity = (uint32_t)size;
    return 0;
}

static void put(struct id_table *table, uint64_t hash, uint32_t id)
{
    while (table->places[hash & (table->size - 1)])
        hash++;
    table->places[hash & (table->size - 1)] = id;
}

/* A table of twice the size, or a first one, still empty. */
static int enlarge(struct id_table *table)
{
    uint32_t size = table->size ? table->size * 2 : 1024;
    uint32_t *places = calloc(size, sizeof(*places));
    if (!places)
        return -ENOMEM;
    free(table->places);
    *table = (struct id_table){.places = places, .size = size};
    return 0;
}

static int grow_frames(struct stacks *s)
{
    if (s->n_frames == STACKS_MAX_FRAMES)
        return -ENOSPC;
    int error = reserve((void **)&s->frames, &s->frames_capacity, s->n_frames + 1u, sizeof(*s->frames));
    if (error || s->n_frames < s->frame_ids.size / 2)
        return error;
    error = enlarge(&s->frame_ids);
    for (uint32_t i = 0; i < s->n_frames && !error; i++)
        put(&s->frame_ids, hash_frame(0, &s->frames[i]), i + 1);
    return error;
}

static int grow_stacks(struct stacks *s, unsigned words)
{
    if (s->n_stacks == STACKS_MAX || s->n_words + words > STACKS_MAX_WORDS)
        return -ENOSPC;
    int error = reserve((void **)&s->stacks, &s->stacks_capacity, s->n_stacks + 1u, sizeof(*s->stacks));
    if (!error)
        error = reserve((void **)&s->words, &s->words_capacity, (uint64_t)s->n_words + words, sizeof(*s->words));
    if (error || s->n_stacks < s->stack_ids.size / 2)
        return error;
    error = enlarge(&s->stack_ids);
    for (uint32_t i = 0; i < s->n_stacks && !error; i++)
        put(&s->stack_ids, s->stacks[i].hash, i + 1);
    return error;
}

/* ---- interning ---- */

static int intern_frame(struct stacks *s, const struct unwind_frame *frame, uint32_t *ret_id)
{
    uint64_t hash = hash_frame(0, frame);
    for (uint64_t at = hash; s->frame_ids.size; at++) {
        uint32_t id = s->frame_ids.places[at & (s->frame_ids.size - 1)];
        if (!id)
            break;
        if (same_frame(&s->frames[id - 1], frame)) {
            *ret_id = id;
            return 0;
        }
    }
    int error = grow_frames(s);
    if (error)
        return error;
    s->frames[s->n_frames++] = *frame;
    put(&s->frame_ids, hash, s->n_frames);
    *ret_id = s->n_frames;
    if (s->listener.frame)
        s->listener.frame(s->listener.context, s->n_frames, frame);
    return 0;
}

static int add_stack(struct stacks *s, const struct unwind_stack *stack, uint64_t hash, uint32_t *ret_id)
{
    int error = grow_stacks(s, stack->count);
    uint32_t *words = s->words + s->n_words;
    for (unsigned i = 0; i < stack->count && !error; i++)
        error = intern_frame(s, &stack->frames[i], &words[i]);
    if (error)
        return error;
    s->stacks[s->n_stacks++] = (struct stack_entry){.hash = hash,
                                                    .first = s->n_words,
                                                    .count = (uint16_t)stack->count,
                                                    .quality = (uint8_t)stack->quality,
                                                    .end = (uint8_t)stack->end};
    s->n_words += stack->count;
    put(&s->stack_ids, hash, s->n_stacks);
    *ret_id = s->n_stacks;
    if (s->listener.stack)
        s->listener.stack(s->listener.context, s->n_stacks, words, stack);
    return 0;
}

int stacks_intern(struct stacks *s, const struct unwind_stack *stack, uint32_t *ret_id)
{
    uint64_t hash = hash_stack(stack);
    for (uint64_t at = hash; s->stack_ids.size; at++) {
        uint32_t id = s->stack_ids.places[at & (s->stack_ids.size - 1)];
        if (!id)
            break;
        if (s->stacks[id - 1].hash == hash && same_stack(s, &s->stacks[id - 1], stack)) {
            *ret_id = id;
            return 0;
        }
    }
    return add_stack(s, stack, hash, ret_id);
}
