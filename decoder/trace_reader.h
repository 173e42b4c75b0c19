/*
 * trace_reader.h: what the decoder itself needs of a trace file beyond trace_next(): where frames lie, and starting at
 * one of them.  Internal to decoder/.
 */
#ifndef BRKWATER_TRACE_READER_H
#define BRKWATER_TRACE_READER_H

#include "decoder.h"

/* Where in the file the frame of the last record begins, and whether that record was the first of it. */
uint64_t trace_frame_at(const struct trace *trace, bool *ret_first);

/* Go on reading with the frame that begins at this offset, which must be one that trace_frame_at() gave. 0 or -errno.
 */
int trace_go(struct trace *trace, uint64_t offset);

/* Read the one record of the frame at this offset, wherever reading is.  1, or as trace_next(); valid until the next
 * call of either. */
int trace_record_at(struct trace *trace, uint64_t offset, struct record *ret_record);

/* Frames from this offset on are not part of the recording, but of what was added to the file later. */
void trace_limit(struct trace *trace, uint64_t offset);

/* Up to `size` bytes of the file at an offset, wherever reading is.  How many, or -errno. */
int64_t trace_bytes_at(struct trace *trace, uint64_t offset, void *bytes, size_t size);

/* Give all records of the frames between two offsets to `take`, which returns 0 to go on; reading starts from the
 * beginning afterwards.  0, what `take` returned, -TRACE_E_DAMAGED when something could not be read, or -errno. */
int trace_each(struct trace *trace, uint64_t from, uint64_t to, int (*take)(void *context, const struct record *record),
               void *context);

/* The keyframes of a trace, NULL while it has none; they belong to it. */
struct keyframes;
struct keyframes *trace_get_keyframes(const struct trace *trace);
void trace_set_keyframes(struct trace *trace, struct keyframes *keyframes);

#endif
