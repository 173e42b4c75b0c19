/*
 * static.h: the part of an HTML report that can be read without scripts.
 */
#ifndef BRKWATER_STATIC_H
#define BRKWATER_STATIC_H

#include "page.h"

/* Heading, findings, summary; `peak` is what static_peak() has written, or empty. */
void static_write(struct page *page, struct buffer *out, const struct buffer *peak);

/* The layout of the moment's process, in the second run, after the record was applied. */
void static_peak(struct page *page, struct buffer *out, const struct moment *moment);

#endif
