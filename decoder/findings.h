/*
 * findings.h: the rules that make findings of facts, by subject.  Internal to decoder/.
 *
 * A rule is a small function with its thresholds at its head; brkwater-findings(7) explains each.
 */
#ifndef BRKWATER_FINDINGS_H
#define BRKWATER_FINDINGS_H

#include "facts.h"

struct findings_view {
    const struct decoder *decoder;
    const struct facts *facts;
    const struct heaps *heaps;
    const struct insides *insides;
    const struct totals *totals;
};

/* Without memory, findings are left out. */
void findings_find(const struct findings_view *view, struct findings *ret);

/* A copy of it in the list, to be filled with evidence; NULL without memory, or when there are enough of its name. */
struct finding *findings_add(struct findings *findings, const struct finding *finding);

/* Evidence; NULL findings, unknown events and stacks, and more than there is room for are ignored. */
void finding_number(struct finding *finding, const char *name, enum number_unit unit, uint64_t value);
void finding_event(struct finding *finding, uint64_t event);
void finding_stack(struct finding *finding, uint32_t stack);
void finding_fact(struct finding *finding, const struct fact *fact); /* first and last event, the time between, stack */

/* Ticks between which it shows; end 0: until the recording ends.  All of it, unless this is told. */
void finding_when(struct finding *finding, uint64_t start, uint64_t end);

/* Percent of the time between its first and its last event that its calls took, the stops of tracing included. */
unsigned fact_share(const struct fact *fact);

/* Facts of one call site in one space, as one; stack and steps are those of the one with most left, or most calls. */
struct fact_site {
    struct fact sum;
    uint32_t frame; /* of the site; 0: unknown */
};

/* Those of a deed, the most calls first; *ret is freed by its owner.  0 or -ENOMEM. */
int fact_sites(const struct findings_view *view, enum deed deed, struct fact_site **ret, size_t *ret_count);

/* The rules.  Each takes what it needs from the view and adds what it finds. */
void find_growth(const struct findings_view *view, struct findings *findings);   /* growth, file-growth */
void find_churn(const struct findings_view *view, struct findings *findings);    /* map-churn */
void find_files(const struct findings_view *view, struct findings *findings);    /* file-growth */
void find_reserved(const struct findings_view *view, struct findings *findings); /* reserved-untouched */

void find_trims(const struct findings_view *view, struct findings *findings);  /* trim-storm */
void find_drift(const struct findings_view *view, struct findings *findings);  /* threshold-drift */
void find_arenas(const struct findings_view *view, struct findings *findings); /* arena-sprawl */
void find_pinned(const struct findings_view *view, struct findings *findings); /* heap-pinned */

void find_protects(const struct findings_view *view, struct findings *findings); /* protect-storm */
void find_exposed(const struct findings_view *view, struct findings *findings);  /* writable-executable */
void find_failed(const struct findings_view *view, struct findings *findings);   /* failed-calls */
void find_lazy(const struct findings_view *view, struct findings *findings);     /* lazy-free */

void find_storms(const struct findings_view *view, struct findings *findings); /* fault-storm */
void find_huge(const struct findings_view *view, struct findings *findings);   /* huge-page-bloat */

void find_mappings(const struct findings_view *view, struct findings *findings); /* map-count */
void find_stacks(const struct findings_view *view, struct findings *findings);   /* stack-leak */
void find_guards(const struct findings_view *view, struct findings *findings);   /* guard-missing */

#endif
