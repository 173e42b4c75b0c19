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

/* The command as it could be typed, cut when it is long. */
void summary_command(struct buffer *out, const struct rec_header *header);

/* "7.41M at 13.6 s: image 6.38M, heap 712K; 0 unexplained; who touched it is known of 33.4 %". */
void summary_receipt(struct buffer *out, const struct receipt *receipt);

/* "exited with 0", "killed by SIGSEGV": how that process, the command, ended; nothing when it is not known. */
void summary_outcome(struct buffer *out, const struct decoder *decoder, uint32_t pid);

#endif
