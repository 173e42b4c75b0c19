/*
 * heap.h: what malloc did up to a moment, in one process: text and JSON of `brkwater heap`.
 */
#ifndef BRKWATER_HEAP_H
#define BRKWATER_HEAP_H

#include "buffer.h"
#include "when.h"

#include "../decoder/timeline.h"

enum { HEAP_COLUMNS = 60 };

struct heap_view {
    const struct decoder *decoder;
    const struct heaps *heaps;
    const struct place *place;
    const struct heap_thresholds *thresholds;
    const struct inside *inside;   /* the last look into them up to the moment; NULL: there was none */
    uint64_t series[HEAP_COLUMNS]; /* size of the heap from the start of the recording to the moment */
    bool utf8;
};

/* Sums of one call site (functions without lines count as one) with one act and one cause. */
struct heap_row {
    enum heap_act act;
    enum heap_cause cause;
    uint32_t stack;        /* one of its stacks; 0: unknown */
    struct code_line site; /* all zero when the stack is not known */
    uint64_t calls, bytes, last;
};

/* Most bytes first; free() the list.  0 or -ENOMEM. */
int heap_rows(const struct heap_view *view, const bool acts[HEAP_ACTS], struct heap_row **ret_list, size_t *ret_count);

/* "free", "malloc_trim", "malloc", "program", "unknown". */
const char *heap_cause_name(enum heap_cause cause);

/* "a block of 68K was mapped": what shows that the program has set a threshold; "" for none. */
void heap_sign(struct buffer *out, const struct heap_thresholds *thresholds);

void heap_text(struct buffer *out, const struct heap_view *view);

/* An object in three parts: everything up to the steps, each step, and the rest. */
void heap_json_head(struct buffer *out, const struct heap_view *view);
void heap_json_step(struct buffer *out, const struct heap_view *view, const struct moment *moment,
                    const struct heap_step *step, bool first);
void heap_json_tail(struct buffer *out, const struct heap_view *view);

#endif
