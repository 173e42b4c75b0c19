/*
 * layout_json.h: the pieces of a layout as JSON.
 */
#ifndef BRKWATER_LAYOUT_JSON_H
#define BRKWATER_LAYOUT_JSON_H

#include "json.h"
#include "layout.h"

/* One object, for a whole layout. */
void layout_json(struct buffer *out, const struct layout *layout);

/* The keys that tell the moment, and how far the replay had been verified by then: "t" to "unordered". */
void layout_json_head(struct json *json, const struct layout *layout);

void layout_json_mapping(struct json *json, const struct layout *layout, const struct mapping *mapping);
void layout_json_segment(struct json *json, const struct layout *layout, const struct segment *segment);

#endif
