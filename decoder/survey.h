/*
 * survey.h: the parts of a survey.  Internal to decoder/.
 */
#ifndef BRKWATER_SURVEY_H
#define BRKWATER_SURVEY_H

#include "model.h"
#include "pack.h"
#include "timeline.h"

/* ---- survey_series.c ---- */

struct survey_slot {
    uint64_t *columns[SURVEY_COLUMNS]; /* NULL: all 0 */
    uint64_t levels[SURVEY_SAMPLES];   /* at _LAST of each level: its newest value */
    size_t buckets, at;                /* the bucket at hand */
    uint64_t ticks;                    /* of the recording */
    bool failed;
};

void survey_slot_init(struct survey_slot *slot, size_t buckets, uint64_t ticks);
void survey_slot_free(struct survey_slot *slot);

/* What one process, or all, have now. */
struct survey_levels {
    uint64_t resident, virtual_, heap;
    const uint64_t *kinds;
};

void survey_slot_levels(struct survey_slot *slot, uint64_t time, const struct survey_levels *levels);
void survey_slot_count(struct survey_slot *slot, uint64_t time, int column, uint64_t more);

/* To the end: what was last holds. */
void survey_slot_end(struct survey_slot *slot);

/* ---- survey_lives.c ---- */

struct lives {
    struct survey_life *list;       /* in no order; those with segment.life 0 are free */
    uint32_t count, capacity, free; /* free: index + 1 of one, 0: none; the next is in its `protects` */
    uint32_t in_use, closed;
    uint64_t instants; /* 0: all are kept */
    uint64_t ticks, peak;
    uint32_t *fresh; /* lives whose role is not known yet */
    uint32_t n_fresh, fresh_capacity;
    struct survey_extent *extents;
    size_t n_extents, extents_capacity;
    bool failed;
};

void lives_free(struct lives *lives);

/* `space` is the index of survey_spaces(); `protects`: how often the access was changed before. */
void lives_came(struct lives *lives, uint32_t space, uint64_t time, struct segment *segment, uint32_t protects);

/* How often its access was changed before it went. */
uint32_t lives_went(struct lives *lives, uint64_t time, const struct segment *segment);
void lives_cut(struct lives *lives, const struct segment *low, struct segment *high);

/* What those that came are for, as their neighbours are there now. */
void lives_roles(struct lives *lives, const struct decoder *decoder, const struct survey_space *spaces);

/* What is there still lives longer than the recording; then sort them, and drop the free ones. */
void lives_end(struct lives *lives, const struct decoder *decoder, const struct survey_space *spaces);

/* ---- survey_looks.c ---- */

struct look {
    struct survey_look told;
    uint64_t number; /* of those of its space */
    struct rec_page_run *runs;
    uint32_t n_runs;
    struct survey_part *parts; /* told.parts of them; made at the end */
};

struct looks {
    struct look *list; /* in order of time */
    size_t count, capacity;
    size_t runs;            /* of all */
    uint64_t taken, stride; /* of each space every so manieth is kept; 0: all */
    uint64_t *numbers;      /* by space: how many there were */
    size_t n_numbers;
    bool failed;
};

void looks_free(struct looks *looks);
void looks_add(struct looks *looks, uint32_t space, uint64_t time, const struct rec_residency *residency);

/* After lives_end(). */
void looks_end(struct looks *looks, const struct decoder *decoder, const struct lives *lives, size_t spaces);

/* ---- survey_sparse.c ---- */

struct sparse_row {
    uint64_t key;
    uint32_t items;
    uint32_t last; /* bucket of the last packed one, + 1 */
    bool has_open;
    struct survey_item open; /* of the bucket at hand */
    struct pack packed;      /* the others */
};

enum { SPARSE_MOST = 8 << 20 };

struct sparse {
    struct sparse_row *rows;
    size_t count, capacity;
    uint32_t *table; /* open addressing: index + 1 */
    size_t table_size;
    uint64_t items; /* packed ones */
    uint64_t most;  /* when there are so many, buckets become twice as wide */
    unsigned shift; /* of the buckets that are given, 2^shift are one now */
    bool failed;
};

void sparse_init(struct sparse *sparse, uint64_t most);
void sparse_free(struct sparse *sparse);
void sparse_add(struct sparse *sparse, size_t slot, size_t stack, const struct survey_item *more);
void sparse_end(struct sparse *sparse);
bool sparse_item(const struct sparse_row *row, size_t *at, struct survey_item *ret_item);

#endif
