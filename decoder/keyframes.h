/*
 * keyframes.h: making keyframes while a recording is replayed, and finding them again.  Internal to decoder/.
 */
#ifndef BRKWATER_KEYFRAMES_H
#define BRKWATER_KEYFRAMES_H

#include "appendix.h"
#include "places.h"

struct keyframes;

struct keyframes *keyframes_new(void);
void keyframes_free(struct keyframes *keyframes);

/* Read the index that the trailer names; the trace then has keyframes, if it is sound.  0, or -errno. */
int keyframes_load(struct trace *trace, const struct trailer *trailer);

/* Add the state of a decoder that has seen `ordinal` records, the next of which begins a frame at offset `next`.  0, or
 * as appendix_put(). */
int keyframes_add(struct keyframes *keyframes, struct appendix *appendix, struct decoder *decoder, uint64_t ordinal,
                  uint64_t next);

/* The last event before the last keyframe, 0 when there is none. */
uint64_t keyframes_last_event(const struct keyframes *keyframes);

/* Write the index; there must be a keyframe.  0 with its offset, or as appendix_put(). */
int keyframes_finish(struct keyframes *keyframes, struct appendix *appendix, const struct places *places,
                     uint64_t *ret_index);

#endif
