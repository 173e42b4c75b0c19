/*
 * inside.h: what lies inside of heaps, as text and as JSON.
 */
#ifndef BRKWATER_INSIDE_H
#define BRKWATER_INSIDE_H

#include "json.h"

#include "../decoder/timeline.h"

enum { INSIDE_COLUMNS = 64 };

/* Percent of the free memory (what is in no thread's cache, and not the top) that does not lie in the largest run. */
unsigned inside_fragmentation(const struct inside_heap *heap);

/* A character for each part of the heap, `columns` at most: U used, u used in part, . free, or nothing was seen there.
 */
void inside_map(struct buffer *out, const struct inside_heap *heap, unsigned columns);

/* "a header that is impossible, at 0x..."; "" when the walk came to its end. */
void inside_ending(struct buffer *out, const struct inside_heap *heap);

/* Nothing when `inside` is NULL. */
void inside_text(struct buffer *out, const struct decoder *decoder, const struct inside *inside);

/* As the value of a key: an object, or null. */
void inside_json(struct json *json, const struct decoder *decoder, const struct inside *inside);

#endif
