/*
 * report_json.h: the numbers of a recording, or of a stretch of its time, as JSON.
 */
#ifndef BRKWATER_REPORT_JSON_H
#define BRKWATER_REPORT_JSON_H

#include "buffer.h"
#include "play.h"

/* Records with from <= time < to count, those at the end too when `to` is the end of the recording. */
struct time_range {
    uint64_t from, to; /* ticks */
};

/* "1.2s-3s", "800ms-": from the start, to the end where nothing stands.  0 or -EINVAL. */
int time_range_parse(const char *text, struct time_range *ret_range);

/* Run through the recording, from where the play is: its start.  0, or the exit status after one line was printed. */
int report_json(struct buffer *out, struct play *play, struct time_range range);

#endif
