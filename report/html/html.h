/*
 * html.h: one HTML file of a whole recording.
 */
#ifndef BRKWATER_HTML_H
#define BRKWATER_HTML_H

#include "../buffer.h"

#include <stdbool.h>
#include <stdint.h>

/* Events that are embedded. */
#define HTML_EVENTS_AUTO UINT64_MAX /* all up to a million; of more only those that are worth it */
#define HTML_EVENTS_ALL  (UINT64_MAX - 1)

struct html_options {
    uint64_t events;   /* at most so many, or one of the above */
    uint64_t max_size; /* bytes of the file: events are left out rather than going beyond, and one line tells so */
    bool no_source;    /* no lines of source files, no instructions */
    const char *shown; /* name of the trace in commands that the page tells; NULL: that of the file */
};

/* Without a word of the user. */
extern const struct html_options html_defaults;

/* Make the report of a trace file.  0, or the exit status after one line was printed. */
int html_make(const char *trace, const struct html_options *options, struct buffer *out);

/* The same into a file, or to standard output when `path` is "-". */
int html_write(const char *trace, const struct html_options *options, const char *path);

#endif
