/*
 * wording.h: short names for what texts are made of.
 */
#ifndef BRKWATER_WORDING_H
#define BRKWATER_WORDING_H

#include "buffer.h"
#include "units.h"

/* Append what printf would print. */
__attribute__((format(printf, 2, 3))) void say(struct buffer *out, const char *format, ...);

/* Each use of these has a buffer of its own, to the end of the block that it stands in. */
struct units_text {
    char text[UNITS_MAX];
};
#define SIZE(bytes)  units_size((struct units_text){{0}}.text, UNITS_MAX, bytes)
#define COUNT(count) units_count((struct units_text){{0}}.text, UNITS_MAX, count)
#define TIME(ticks)  units_duration((struct units_text){{0}}.text, UNITS_MAX, ticks)

#endif
