/*
 * coverage.h: how good the call stacks of a recording are, and what is missing for better ones.
 */
#ifndef BRKWATER_COVERAGE_H
#define BRKWATER_COVERAGE_H

#include "buffer.h"
#include "../decoder/timeline.h"

/* Below this, the summary says so before anything else. */
enum { COVERAGE_POOR = 80 /* per cent of events whose stack is complete */ };

bool coverage_is_poor(const struct totals *totals);

/* "  stacks     98.1 % complete, 1.9 % guessed     names missing for 14 of 312 frames", and below it which modules are
 * to blame, and what to do.  Nothing when no stacks were captured. */
void coverage_write(struct buffer *out, const struct decoder *decoder, const struct totals *totals);

/* Why page faults were not seen one by one: "--no-faults was given"; `sight` may be NULL. */
const char *coverage_unseen_faults(const struct rec_fault_sight *sight);

/* What the recording has nothing of although others do, and why: "call stacks; ...".  Nothing when it has all. */
void coverage_uncollected(struct buffer *out, const struct decoder *decoder, const struct timeline *timeline);

#endif
