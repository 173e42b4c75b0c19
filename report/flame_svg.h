/*
 * flame_svg.h: a flame graph as one SVG file that needs nothing else.
 */
#ifndef BRKWATER_FLAME_SVG_H
#define BRKWATER_FLAME_SVG_H

#include "stacks.h"

/* Without scripts it is a picture with titles; with them it can be searched, and parts of it shown larger. */
void flame_svg(struct buffer *out, const struct stacks_view *view);

#endif
