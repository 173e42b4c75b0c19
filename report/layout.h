/*
 * layout.h: the formats of `brkwater layout`.
 */
#ifndef BRKWATER_LAYOUT_H
#define BRKWATER_LAYOUT_H

#include "buffer.h"
#include "mappings.h"
#include "when.h"

struct layout {
    const struct decoder *decoder;
    const struct mappings *mappings;
    const struct place *place;
};

/* A format is a name and a writer over the same model. */
struct layout_format {
    const char *name;
    void (*write)(struct buffer *out, const struct layout *layout);
};

/* "rw-p" */
void layout_permissions(const struct mapping *mapping, char ret_text[5]);

/* "image text", "stack thread 31340", "anonymous v8 reserved", "chunk?": its kind, whose it is and what it is within
 * its kind, and a question mark where that is a guess. */
void layout_kind(struct buffer *out, enum kind kind, const struct segment_role *role, uint32_t owner);

/* Whether page faults were seen, so that it is known which pages were touched. */
bool layout_has_touched(const struct layout *layout);

/* The last look at resident pages before the moment; NULL: none. */
const struct rec_residency *layout_residency(const struct layout *layout);

/* What of a mapping was resident then. */
void layout_pages(const struct layout *layout, const struct mapping *mapping, struct pages *ret);

extern const struct layout_format layout_formats[]; /* ended by one without a name; the first is the default */

/* Where a segment that no event made comes from: "execve", "kernel" (by itself), "before attach". */
const char *layout_no_birth(const struct segment *segment);

#endif
