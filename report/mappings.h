/*
 * mappings.h: the segments of a space as mappings, the way /proc/PID/maps prints them.
 */
#ifndef BRKWATER_MAPPINGS_H
#define BRKWATER_MAPPINGS_H

#include "../decoder/decoder.h"

/* Segments with equal attributes, next to each other.  Its name is the file's path, or the kernel's name, or empty. */
struct mapping {
    tracee_addr start, end;
    uint64_t offset;
    uint8_t prot;
    bool shared;
    enum kind kind;               /* of its largest segment */
    struct segment_role role;     /* of the same */
    const struct file_info *file; /* NULL for anonymous memory */
    struct text name;
    size_t first, count; /* its segments, in mappings.segments */
    size_t largest;      /* one of them */
};

struct mappings {
    struct mapping *list;
    size_t count, capacity;
    struct segment *segments;
    size_t n_segments, segments_capacity;
};

/* All mappings of a live space; names stay the decoder's.  0 or -ENOMEM. */
int mappings_collect(const struct decoder *decoder, uint32_t space, struct mappings *ret_mappings);
void mappings_free(struct mappings *mappings);

#endif
