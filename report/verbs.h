/*
 * verbs.h: the entry of each verb.  A verb is a file: cmd_NAME.c.
 */
#ifndef BRKWATER_VERBS_H
#define BRKWATER_VERBS_H

#include "options.h"

extern const struct verb verb_trace; /* no name: `brkwater COMMAND` */
extern const struct verb verb_report;
extern const struct verb verb_events;
extern const struct verb verb_layout;
extern const struct verb verb_stacks;
extern const struct verb verb_heap;
extern const struct verb verb_findings;
extern const struct verb verb_html;
extern const struct verb verb_whatif;
extern const struct verb verb_verify;
extern const struct verb verb_symbolize;
extern const struct verb verb_doctor;

#endif
