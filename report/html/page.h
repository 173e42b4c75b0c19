/*
 * page.h: an HTML report while it is made, and the parts of it.  Internal to report/html/; cmd_html.c uses html.h.
 */
#ifndef BRKWATER_PAGE_H
#define BRKWATER_PAGE_H

#include "html.h"
#include "section.h"
#include "strings.h"

#include "../play.h"
#include "../summary.h"

struct page {
    const struct html_options *options;
    const char *trace; /* path */
    const char *shown; /* its name in commands */
    struct buffer *out;
    struct strings strings;
    unsigned sections;

    /* Of the first run through the recording. */
    struct timeline *timeline;
    struct stack_sums *sums;
    struct findings findings;
    struct heap_thresholds thresholds;
    const char *loss; /* what could not be read; "": nothing */

    /* Of the second one. */
    struct decoder *decoder;
    struct survey *survey;
    struct events_part *events;
    struct events_part *notable; /* in place of them when they make the file too large; NULL: none are */
    struct heap_part *heap;
    struct evidence *evidence;
    const uint32_t *slots; /* process indexes */
    size_t n_slots;
    uint64_t ticks;

    bool failed; /* memory ran out */
};

/* A section after the others. */
void page_section(struct page *page, const char *name, const struct column *columns, size_t count);

/* The same, and its columns are freed. */
void page_columns(struct page *page, const char *name, struct column *columns, size_t count);

/* Index + 1 of the newest process with that pid so far, 0: unknown. */
uint64_t page_process(const struct page *page, uint32_t pid);

/* Whether the recording is of one process only. */
bool page_is_alone(const struct page *page);

/* Index of a site's text: "parse_row (load.c:88)", or what stands in place of a stack. */
uint32_t page_site(struct page *page, size_t stack_index);

/* What stands there: "execve", "no stack". */
const char *page_origin(enum stack_origin origin);

/* ---- parts, each a file ---- */

void page_tables(struct page *page);
void page_processes(struct page *page);    /* proc, space, thread */
void page_code(struct page *page);         /* stk */
void page_instructions(struct page *page); /* source.c */
void page_series(struct page *page);       /* lod0, lod1, ... */
void page_lives(struct page *page);
void page_looks(struct page *page); /* lives.c */
void page_sparse(struct page *page);
/* For qsort() and bsearch() of ids of events. */
int events_compare(const void *left, const void *right);

/* events.c: taken while records go by, written at the end. */
enum { EVENTS_CLASSES = 65 };

/* Events by log2 of the bytes that they changed, and 1; 0: of those that changed none. */
struct events_sizes {
    uint64_t all, failures, by_class[EVENTS_CLASSES];
};

void events_count(struct events_sizes *sizes, const struct moment *moment);

/* All, or no more than `most`: those that findings name, the first failures (up to a tenth), and the largest. */
struct events_part *events_new(const struct findings *findings, const struct events_sizes *sizes, uint64_t most);
void events_free(struct events_part *part);
void events_add(struct events_part *part, struct page *page, const struct moment *moment);
uint64_t events_kept(const struct events_part *part);

/* Behind the last one: keep none after all. */
void events_drop(struct events_part *part);
void page_events(struct page *page);

/* findings.c: the same for the times of the events that are evidence. */
struct evidence *evidence_new(const struct findings *findings);
void evidence_free(struct evidence *evidence);
void evidence_add(struct evidence *evidence, const struct page *page, const struct moment *moment);
void page_findings(struct page *page);

/* heap.c: the same for what malloc did. */
struct heap_part *heap_part_new(void);
void heap_part_free(struct heap_part *part);
void heap_part_add(struct heap_part *part, struct page *page, const struct moment *moment);
void page_heap(struct page *page);

#endif
