/*
 * asset.h: the style sheets and scripts of report/, which are files of their own there and parts of the program.
 */
#ifndef BRKWATER_ASSET_H
#define BRKWATER_ASSET_H

#include "../tracer/trace.h"

enum asset {
    ASSET_FLAME_CSS,
    ASSET_FLAME_JS,
    ASSET_HTML_CSS,
    ASSET_HTML_JS,       /* all scripts of report/html/, in their order */
    ASSET_HTML_BODY,     /* the empty panels */
    ASSET_HTML_CSS_HASH, /* base64 of SHA-256 of the style sheet, for its Content-Security-Policy */
    ASSET_HTML_JS_HASH,
};

/* The whole file. */
struct text asset(enum asset which);

#endif
