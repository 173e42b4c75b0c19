/*
 * strings.h: the texts of an HTML report, each once.
 */
#ifndef BRKWATER_STRINGS_H
#define BRKWATER_STRINGS_H

#include "section.h"

/* {0} is an empty table, with no memory of its own.  The empty text has index 0. */
struct strings {
    struct column texts;
    struct string_entry *table; /* open addressing */
    size_t table_size, count;
    struct buffer bytes; /* of all texts, one after another */
    bool failed;
};

/* Index of a text. */
uint32_t strings_add(struct strings *strings, struct text text);
uint32_t strings_add_chars(struct strings *strings, const char *string);

/* What a buffer holds; it is empty afterwards. */
uint32_t strings_add_buffer(struct strings *strings, struct buffer *buffer);

void strings_free(struct strings *strings);

#endif
