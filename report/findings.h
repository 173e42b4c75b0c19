/*
 * findings.h: findings as text, as JSON, and as lines of the closing screen.
 */
#ifndef BRKWATER_FINDINGS_TEXT_H
#define BRKWATER_FINDINGS_TEXT_H

#include "buffer.h"

#include "../decoder/timeline.h"

struct findings_place {
    struct code *code;
    const char *trace; /* name of the trace file; NULL: none */
    bool ascii;        /* the terminal is not UTF-8 */
};

/* A sentence, an advice or a command of a finding, with numbers and names in place of {left}, {site}, {trace}. */
void finding_words(struct buffer *out, const struct findings_place *place, const struct finding *finding,
                   const char *words);

/* A number with its unit: "6.25M", "1,204", "41 ms", "52 %", "1.2M/s". */
void finding_value(struct buffer *out, const struct finding_number *number);

/* All of a finding: head, sentence, numbers, evidence, advice. */
void finding_text(struct buffer *out, const struct findings_place *place, const struct finding *finding);

/* A list of objects. */
void findings_json(struct buffer *out, const struct findings_place *place, const struct findings *findings);

#endif
