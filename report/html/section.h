/*
 * section.h: columns of numbers and texts, and the sections of an HTML report that hold them: see format.h.
 */
#ifndef BRKWATER_SECTION_H
#define BRKWATER_SECTION_H

#include "../buffer.h"

#include "../../tracer/trace.h"

enum column_type {
    COLUMN_NUMBER = 'v',
    COLUMN_NEAR = 'd', /* numbers that are near the one before */
    COLUMN_WORD = 'w', /* 64 bits */
    COLUMN_BYTE = 'b',
    COLUMN_TEXT = 't',
};

/* COLUMN("time", COLUMN_NEAR) initializes an empty one. */
struct column {
    const char *name;
    enum column_type type;
    struct buffer bytes;
    uint64_t items, last;
};

#define COLUMN(its_name, its_type)                                                                                     \
    {                                                                                                                  \
        .name = (its_name), .type = (its_type)                                                                         \
    }

/* All types but COLUMN_TEXT. */
void column_add(struct column *column, uint64_t value);

/* COLUMN_TEXT: what is not fit to be read is made visible. */
void column_text(struct column *column, struct text text);
void column_string(struct column *column, const char *string);

/* Empty, for the next section. */
void column_clear(struct column *column);
void column_free(struct column *column);

/* Append the element that holds a section.  0, or -ENOMEM. */
int section_write(struct buffer *out, const char *name, const struct column *columns, size_t count);

#endif
