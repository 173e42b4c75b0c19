/*
 * output.h: hand what a verb has made to standard output, or to a file.
 */
#ifndef BRKWATER_OUTPUT_H
#define BRKWATER_OUTPUT_H

#include "buffer.h"

/*
 * Write all of the buffer to a file, or to standard output when `path` is NULL or "-".  A regular file is made beside
 * its name and takes it when it is whole, so that a reader sees the old file or the new one; a device or a pipe is
 * written to.  0, or the exit status after one line was printed.  A reader of standard output that goes away (head) is
 * no trouble.
 */
int output_write(const struct buffer *out, const char *path);

/* 0, or EXIT_USAGE after one line was printed: what that option names is the recording itself, be it by another name,
 * and be it there yet or not. */
int output_check(const char *option, const char *path, const char *trace);

#endif
