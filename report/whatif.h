/*
 * whatif.h: what other settings of malloc would have done, as text and as JSON.
 */
#ifndef BRKWATER_WHATIF_H
#define BRKWATER_WHATIF_H

#include "buffer.h"

#include "../decoder/timeline.h"

struct whatif_view {
    const struct process_info *process;
    const struct whatif_settings *settings;
    struct whatif_result result;
};

/* "GLIBC_TUNABLES=glibc.malloc.trim_threshold=4194304:..."; nothing when no setting is one. */
void whatif_tunables(struct buffer *out, const struct whatif_settings *settings);

/* Why the prediction is not surer than it is, and what it assumes: sentences. */
void whatif_reasons(struct buffer *out, const struct whatif_view *view);

void whatif_text(struct buffer *out, const struct whatif_view *view);
void whatif_json(struct buffer *out, const struct whatif_view *view);

#endif
