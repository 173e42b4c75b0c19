/*
 * trace_writer.h: records into the frames of a trace file.
 *
 * The file grows by whole zstd frames only.  When a write fails or the size limit is reached, the file is cut back to
 * its last whole frame, an end record that says why is put there, and later records are ignored: what is left is a
 * complete, shorter trace.
 */
#ifndef BRKWATER_TRACE_WRITER_H
#define BRKWATER_TRACE_WRITER_H

#include "trace.h"

struct trace_writer;

/* Create the file, or take one that exists; nothing of it is changed before the first frame is written.  0, -errno. */
int trace_writer_open(const char *path, uint64_t max_size, struct trace_writer **ret_writer);

/* Append one record.  0; -errno when this or an earlier write failed; the recording has stopped then. */
int trace_writer_put(struct trace_writer *writer, const struct record *record);

/* Write out what is buffered as a frame of its own. */
int trace_writer_flush(struct trace_writer *writer);

/* True when records are no longer taken: *ret_reason is why. */
bool trace_writer_stopped(const struct trace_writer *writer, enum end_reason *ret_reason);

/* Flush, close and free.  With `discard` a file that was created and holds nothing of use is removed again.  0 or the
 * first error of this writer; *ret_written tells whether a readable trace is left. */
int trace_writer_close(struct trace_writer *writer, bool discard, bool *ret_written);

#endif
