/*
 * asset.h: the style sheets and scripts of report/, which are files of their own there and parts of the program.
 */
#ifndef BRKWATER_ASSET_H
#define BRKWATER_ASSET_H

#include "../tracer/trace.h"

enum asset { ASSET_FLAME_CSS, ASSET_FLAME_JS };

/* The whole file. */
struct text asset(enum asset which);

#endif
