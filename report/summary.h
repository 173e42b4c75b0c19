/*
 * summary.h: one screen about a whole recording; the close of every run, and `brkwater report`.
 */
#ifndef BRKWATER_SUMMARY_H
#define BRKWATER_SUMMARY_H

#include "buffer.h"

#include "../decoder/decoder.h"
#include "../decoder/timeline.h"

struct summary {
    const struct decoder *decoder;
    const struct timeline *timeline;
    const char *trace;   /* name of the trace file, NULL for none */
    uint64_t trace_size; /* bytes */
    const char *loss;    /* what could not be read, NULL for nothing */
    bool utf8;
};

void summary_write(struct buffer *out, const struct summary *summary);

#endif
