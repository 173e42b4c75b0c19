/* findings_maps.c: what the maps of a process show: how many mappings, whose stacks, which guards. */
#include "findings.h"

/* ---- map-count ---- */

enum { COUNT_WARNING = 50, COUNT_PROBLEM = 90 }; /* percent of vm.max_map_count */

void find_mappings(const struct findings_view *v, struct findings *findings)
{
    const struct space_facts *s = facts_worst(v->facts, TOPIC_LINES);
    const struct rec_header *header = decoder_header(v->decoder);
    const uint64_t limit = header ? header->max_map_count : 0;
    if (!s || !limit || s->lines * 100 < limit * COUNT_WARNING)
        return;
    const bool is_full = s->lines * 100 >= limit * COUNT_PROBLEM;
    const struct finding proto = {
        .name = "map-count",
        .severity = is_full ? SEVERITY_PROBLEM : SEVERITY_WARNING,
        .confidence = CONFIDENCE_HIGH,
        .sentence = "The process had {mappings} mappings, {percent} of the {limit} that vm.max_map_count allows; most "
                    "were made by {site}, about {made}.",
        .advice = "Make fewer and larger mappings, and do not change the access of single pages; sysctl "
                  "vm.max_map_count raises the limit. At the limit, calls fail with ENOMEM.",
        .see = "brkwater layout {trace} --at event:{event}",
        .pid = s->pid,
        .space = s->space,
    };
    struct finding *finding = findings_add(findings, &proto);
    finding_number(finding, "mappings", UNIT_COUNT, s->lines);
    finding_number(finding, "limit", UNIT_COUNT, limit);
    finding_number(finding, "percent", UNIT_PERCENT, s->lines * 100 / limit);
    finding_number(finding, "made", UNIT_COUNT, s->line_makers[0].count);
    finding_number(finding, "time", UNIT_TICKS, s->lines_time);
    finding_event(finding, s->lines_event);
    finding_when(finding, 0, s->lines_time);
    for (size_t i = 0; i < FACT_MAKERS; i++) {
        finding_stack(finding, s->line_makers[i].stack);
        finding_event(finding, s->line_makers[i].event);
    }
}

/* ---- stack-leak ---- */

enum {
    STACKS_BYTES = 40 << 20, /* glibc keeps no more than that for threads to come; source: nptl/allocatestack.c */
    STACKS_MORE = 4,         /* than there were threads at once: a stack that is kept is used again */
};

void find_stacks(const struct findings_view *v, struct findings *findings)
{
    const struct space_facts *s = facts_worst(v->facts, TOPIC_STACKS);
    if (!s || s->ended_stacks.bytes <= STACKS_BYTES || s->ended_stacks.count < s->most_alive + STACKS_MORE)
        return;
    const struct finding proto = {
        .name = "stack-leak",
        .severity = SEVERITY_WARNING,
        .confidence = CONFIDENCE_HIGH,
        .sentence = "{stacks:stack:stacks} of threads that ended stayed mapped, {bytes}, although no more than "
                    "{threads} threads ran at once; they were started by {site}.",
        .advice = "Join every thread that has ended, pthread_join(3), or detach it: only then its stack is used "
                  "again.",
        .see = "brkwater layout {trace}",
        .pid = s->pid,
        .space = s->space,
    };
    struct finding *finding = findings_add(findings, &proto);
    finding_number(finding, "stacks", UNIT_COUNT, s->ended_stacks.count);
    finding_number(finding, "bytes", UNIT_BYTES, s->ended_stacks.bytes);
    finding_number(finding, "threads", UNIT_COUNT, s->most_alive);
    finding_event(finding, s->ended_stacks.event);
    finding_stack(finding, s->ended_stacks.stack);
}

/* ---- guard-missing ---- */

void find_guards(const struct findings_view *v, struct findings *findings)
{
    const struct space_facts *s = facts_worst(v->facts, TOPIC_GUARDS);
    if (!s || s->guards_advised)
        return;
    const struct finding proto = {
        .name = "guard-missing",
        .severity = SEVERITY_WARNING,
        .confidence = CONFIDENCE_HIGH,
        .sentence =
            "{stacks:thread stack:thread stacks} without a guard below: a stack that overflows writes into whatever "
            "lies there. They were mapped by {site}.",
        .advice = "Leave the guard size as it is (pthread_attr_setguardsize(3)), or keep a page without access below "
                  "a stack that the program maps by itself.",
        .see = "brkwater layout {trace}",
        .pid = s->pid,
        .space = s->space,
    };
    struct finding *finding = findings_add(findings, &proto);
    finding_number(finding, "stacks", UNIT_COUNT, s->open_stacks.count);
    finding_number(finding, "bytes", UNIT_BYTES, s->open_stacks.bytes);
    finding_event(finding, s->open_stacks.event);
    finding_stack(finding, s->open_stacks.stack);
}
