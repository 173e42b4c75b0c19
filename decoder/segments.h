/*
 * segments.h: the segments of one address space, as an interval map.
 *
 * A treap over start addresses: O(log n) for every operation.  What is always true: segments do not overlap, are not
 * empty, and are page aligned; `bytes` and `by_kind` are the sums over them; the same amounts are added to, and taken
 * from, the shared totals.
 */
#ifndef BRKWATER_SEGMENTS_H
#define BRKWATER_SEGMENTS_H

#include "touched.h"

struct node;
struct segments;

/* Somebody who follows what becomes of each segment.  `life` of a segment is his: it is copied with the segment.
 * Nothing may be looked up in the map meanwhile. */
struct segments_watch {
    void *context;
    void (*came)(void *context, const struct segments *segments, struct segment *segment);
    void (*went)(void *context, const struct segments *segments, const struct segment *segment);
    /* What was one is two now, next to each other; their content is the same as before. */
    void (*cut)(void *context, const struct segments *segments, const struct segment *low, struct segment *high);
};

struct segments {
    struct node *root;
    uint64_t count, bytes;
    uint64_t by_kind[KIND_COUNT];
    uint64_t *totals;                   /* KIND_COUNT sums over all spaces; may be NULL */
    struct touched touched;             /* pages of it: goes and moves with them */
    bool failed;                        /* memory ran out: the map is not to be trusted */
    const struct segments_watch *watch; /* NULL: nobody */
};

/* What a removal took away. */
struct removal {
    uint64_t bytes;
    uint64_t pieces;
    enum kind kind; /* of the largest piece, as born */
    uint64_t birth; /* of all pieces, when they had one in common and it is an event; else 0 */
    uint64_t born;  /* its tick */
    uint32_t stack; /* its call stack */
    uint64_t largest;
    uint8_t first_kind; /* enum kind as born, of the lowest piece */
};

void segments_init(struct segments *segments, uint64_t *totals);

/* Remove everything. */
void segments_clear(struct segments *segments);

/* Give it another protection, and remember what it could do before. */
void segment_protect(struct segment *segment, uint8_t prot);

/* Put a segment where nothing is. */
void segments_insert(struct segments *segments, const struct segment *segment);

/* Take away whatever lies in the range. */
void segments_remove(struct segments *segments, tracee_addr start, tracee_addr end, struct removal *ret_removal);

/* Split at the edges of the range, and let `change` alter every segment in it: anything but its place. */
void segments_change(struct segments *segments, tracee_addr start, tracee_addr end,
                     void (*change)(struct segment *segment, void *context), void *context);

/* Move what lies in [start, end) to `to`, holes included, which must be free. The births stay. */
void segments_move(struct segments *segments, tracee_addr start, tracee_addr end, tracee_addr to);

/* The segment that holds addr, or the first above it; NULL when there is none. Valid until the next change. */
const struct segment *segments_find(const struct segments *segments, tracee_addr addr);

/* The last segment that ends at or below addr; NULL when there is none. */
const struct segment *segments_below(const struct segments *segments, tracee_addr addr);

/* Fill an empty map with copies of those that `keep` wants. */
void segments_copy(struct segments *to, const struct segments *from, bool (*keep)(const struct segment *segment));

/* Bytes mapped in the range. */
uint64_t segments_covered(const struct segments *segments, tracee_addr start, tracee_addr end);

#endif
