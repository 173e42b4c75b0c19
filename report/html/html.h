/*
 * html.h: one HTML file of a whole recording.
 */
#ifndef BRKWATER_HTML_H
#define BRKWATER_HTML_H

#include "../buffer.h"

#include <limits.h>
#include <stdint.h>

/* Events that are embedded. */
#define HTML_EVENTS_AUTO UINT64_MAX /* all up to a million; of more only those that are worth it */
#define HTML_EVENTS_ALL  (UINT64_MAX - 1)

struct html_options {
    uint64_t events;   /* at most so many, or one of the above */
    uint64_t max_size; /* bytes of the file: events are left out rather than going beyond */
    bool no_source;    /* no lines of source files, no instructions */
};

/* Make the report of a trace file.  0, or the exit status after one line was printed. */
int html_write(const char *trace, const struct html_options *options, struct buffer *out);

#endif
