/*
 * owner.h: who owned an address: its mapping, the segment in it, what made that, and what lies around.
 */
#ifndef BRKWATER_OWNER_H
#define BRKWATER_OWNER_H

#include "layout.h"
#include "play.h"

struct owner {
    tracee_addr address;
    const struct mapping *mapping, *below, *above; /* NULL where there is none */
    const struct segment *segment;
};

struct owner owner_of(const struct layout *layout, tracee_addr address);

/* The answer as text, or as one JSON object. */
void owner_text(struct buffer *out, const struct layout *layout, const struct owner *owner);
void owner_json(struct buffer *out, const struct layout *layout, const struct owner *owner);

#endif
