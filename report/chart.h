/*
 * chart.h: a row of characters for a series over time.
 */
#ifndef BRKWATER_CHART_H
#define BRKWATER_CHART_H

#include "buffer.h"

#include <stdbool.h>

/* Append one character for each value, higher for more; `top` is the value of the highest character.  UTF-8 blocks, or
 * ASCII. */
void chart_row(struct buffer *out, const uint64_t *values, unsigned columns, uint64_t top, bool utf8);

/* Append a time axis of that many columns under such rows, from 0 to `ticks`. */
void chart_axis(struct buffer *out, unsigned columns, uint64_t ticks);

#endif
