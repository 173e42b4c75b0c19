/*
 * html.c: the order of an HTML report: two runs through the recording, then the file.
 *
 * The first run finds what the second one must know before it begins: how long the recording is, which processes are
 * the large ones, which events are worth their place.
 */
#include "page.h"

#include "format.h"
#include "static.h"

#include "../asset.h"
#include "../coverage.h"
#include "../escape.h"
#include "../options.h"
#include "../output.h"
#include "../units.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

const struct html_options html_defaults = {.events = HTML_EVENTS_AUTO, .max_size = 25 << 20};

enum { EVENTS_MOST = 1000000, EVENTS_NOTABLE = 50000 };

void page_section(struct page *page, const char *name, const struct column *columns, size_t count)
{
    if (section_write(page->out, name, columns, count) < 0)
        page->failed = true;
    page->sections++;
}

void page_columns(struct page *page, const char *name, struct column *columns, size_t count)
{
    page_section(page, name, columns, count);
    for (size_t i = 0; i < count; i++)
        column_free(&columns[i]);
}

/* ---- the first run ---- */

struct first_run {
    struct play play;
    struct events_sizes sizes;
    char loss[512];
};

static int first_run(struct page *page, struct first_run *run)
{
    struct play *play = &run->play;
    struct moment m;
    int more, status = play_open(play, page->trace, true);
    if (status)
        return status;
    page->sums = stack_sums_new(0);
    while (page->sums && (more = play_peek(play)) == 1) {
        if (stack_sums_before(page->sums, play->decoder, &play->record) < 0 || play_next(play, &m) < 0 ||
            stack_sums_add(page->sums, play->decoder, &m) < 0)
            return complain(EXIT_TROUBLE, "%s: the report could not be made", page->trace);
        if (m.event)
            events_count(&run->sizes, &m);
    }
    if (!page->sums || stack_sums_now(page->sums, play->decoder) < 0)
        return complain(EXIT_TROUBLE, "out of memory");
    if (more < 0)
        return EXIT_TROUBLE;
    page->timeline = play->timeline;
    page->loss = play_loss_text(play, run->loss, sizeof(run->loss)) ? run->loss : "";
    page->ticks = timeline_totals(page->timeline)->time;
    timeline_findings(page->timeline, play->decoder, &page->findings);
    const struct heaps *heaps = timeline_heaps(page->timeline);
    if (heaps_main_space(heaps) &&
        heaps_thresholds(heaps, heaps_main_space(heaps), decoder_code(play->decoder), &page->thresholds) < 0)
        page->failed = true;
    return 0;
}

/* ---- what the second run must know ---- */

struct ranked {
    uint64_t resident, virtual_;
    uint32_t index;
};

static int by_size(const void *left, const void *right)
{
    const struct ranked *a = left, *b = right;
    if (a->resident != b->resident)
        return a->resident > b->resident ? -1 : 1;
    if (a->virtual_ != b->virtual_)
        return a->virtual_ > b->virtual_ ? -1 : 1;
    return a->index < b->index ? -1 : a->index > b->index;
}

static int by_index(const void *left, const void *right)
{
    const uint32_t a = *(const uint32_t *)left, b = *(const uint32_t *)right;
    return a < b ? -1 : a > b;
}

/* The largest processes get series of their own; a single one is the whole. */
static uint32_t *choose_slots(const struct page *page, const struct decoder *d, size_t *ret_count)
{
    size_t count = 0;
    while (decoder_process_at(d, count))
        count++;
    struct ranked *list = calloc(count + 1, sizeof(*list));
    uint32_t *slots = calloc(SURVEY_SLOTS, sizeof(*slots));
    *ret_count = 0;
    for (size_t i = 0; list && slots && count > 1 && i < count; i++) {
        struct peak resident = {0}, virtual_ = {0};
        timeline_process_peak(page->timeline, i, false, &resident);
        timeline_process_peak(page->timeline, i, true, &virtual_);
        list[i] = (struct ranked){resident.bytes, virtual_.bytes, (uint32_t)i};
    }
    if (list && slots && count > 1) {
        qsort(list, count, sizeof(*list), by_size);
        *ret_count = count < SURVEY_SLOTS ? count : SURVEY_SLOTS;
        for (size_t i = 0; i < *ret_count; i++)
            slots[i] = list[i].index;
        qsort(slots, *ret_count, sizeof(*slots), by_index);
    }
    free(list);
    return slots;
}

/* How many events are wanted. */
static uint64_t most_events(const struct page *page, const struct events_sizes *sizes)
{
    const uint64_t asked = page->options->events;
    return asked != HTML_EVENTS_AUTO ? asked : sizes->all <= EVENTS_MOST ? EVENTS_MOST : EVENTS_NOTABLE;
}

/* ---- the second run ---- */

static void take(struct page *page, struct buffer *peak, bool *taken, const struct moment *m)
{
    const struct peak *top = &timeline_totals(page->timeline)->resident;
    if (survey_add(page->survey, page->decoder, m) < 0)
        page->failed = true;
    if (m->event)
        events_add(page->events, page, m);
    if (m->event && page->notable)
        events_add(page->notable, page, m);
    heap_part_add(page->heap, page, m);
    evidence_add(page->evidence, page, m);
    if (!*taken && m->record->kind == REC_SAMPLE && m->time == top->time && m->pid == top->pid) {
        *taken = true;
        static_peak(page, peak, m);
    }
}

/* Fewer are at hand when they may be too many for the file: packing them up is what takes time, and waits. */
static bool plan_events(struct page *page, const struct events_sizes *sizes)
{
    const uint64_t most = most_events(page, sizes);
    page->events = events_new(&page->findings, sizes, most);
    if (page->events && most > EVENTS_NOTABLE && sizes->all > EVENTS_NOTABLE) {
        page->notable = events_new(&page->findings, sizes, EVENTS_NOTABLE);
        return page->notable;
    }
    return page->events;
}

static int second_run(struct page *page, struct play *play, const struct first_run *first, struct buffer *peak)
{
    struct moment m;
    bool taken = false;
    int more, status = play_open(play, page->trace, false);
    if (status)
        return status;
    page->decoder = play->decoder;
    const struct survey_plan plan = {page->ticks, timeline_totals(page->timeline)->resident.time, page->slots,
                                     page->n_slots};
    page->survey = survey_new(play->decoder, &plan);
    page->heap = heap_part_new();
    page->evidence = evidence_new(&page->findings);
    if (!plan_events(page, &first->sizes) || !page->survey || !page->heap || !page->evidence)
        return complain(EXIT_TROUBLE, "out of memory");
    /* A recording that is still being made has more by now: what the first run knew nothing of is left out. */
    const uint64_t records = first->play.ordinal;
    for (more = 0; play->ordinal < records && !page->failed && (more = play_next(play, &m)) == 1;)
        take(page, peak, &taken, &m);
    if (more >= 0 && survey_end(page->survey, page->decoder) < 0)
        page->failed = true;
    return more < 0 ? EXIT_TROUBLE : 0;
}

/* ---- meta ---- */

struct meta {
    struct column keys, values;
};

static void tell(struct meta *meta, const char *key, const char *value)
{
    column_string(&meta->keys, key);
    column_string(&meta->values, value);
}

static void tell_number(struct meta *meta, const char *key, uint64_t value)
{
    char text[32];
    snprintf(text, sizeof(text), "%llu", (unsigned long long)value);
    tell(meta, key, text);
}

static void tell_text(struct meta *meta, const char *key, struct text value)
{
    column_string(&meta->keys, key);
    column_text(&meta->values, value);
}

static void tell_header(struct meta *meta, const struct rec_header *header)
{
    char text[64];
    struct tm utc;
    const time_t seconds = (time_t)(header->wall_ns / 1000000000u);
    tell_text(meta, "kernel", header->kernel);
    tell_text(meta, "host", header->machine);
    tell_text(meta, "tool", header->version);
    gmtime_r(&seconds, &utc);
    strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S UTC", &utc);
    tell(meta, "started", text);
    snprintf(text, sizeof(text), "%u ms", header->sample_interval);
    tell(meta, "sampling", text);
}

static void tell_commands(struct meta *meta, const struct page *page)
{
    static const char *const shown[][2] = {{"show_events", "events"},
                                           {"show_layout", "layout"},
                                           {"show_stacks", "stacks"},
                                           {"show_findings", "findings"},
                                           {"show_heap", "heap"}};
    struct buffer text = {0};
    for (size_t i = 0; i < sizeof(shown) / sizeof(shown[0]); i++) {
        buffer_string(&text, "brkwater ");
        buffer_string(&text, shown[i][1]);
        buffer_char(&text, ' ');
        escape_shell(&text, escape_chars(page->shown), 0, ESCAPE_ALL);
        tell_text(meta, shown[i][0], (struct text){text.data, text.size});
        buffer_clear(&text);
    }
    buffer_free(&text);
}

static void page_meta(struct page *page)
{
    const struct totals *t = timeline_totals(page->timeline);
    const struct rec_header *header = decoder_header(page->decoder);
    struct meta meta = {COLUMN("key", COLUMN_TEXT), COLUMN("value", COLUMN_TEXT)};
    struct buffer stacks = {0}, uncollected = {0};
    uint64_t instants;
    size_t count;
    char text[128], one[UNITS_MAX], two[UNITS_MAX];
    survey_lives(page->survey, &count, &instants);
    tell_number(&meta, "ticks", page->ticks);
    tell_number(&meta, "events", t->events);
    tell_number(&meta, "embedded", events_kept(page->events));
    tell_number(&meta, "exact", events_kept(page->events) == t->events && !instants);
    tell_number(&meta, "buckets", SURVEY_BUCKETS);
    tell_number(&meta, "sparse", survey_row_buckets(page->survey));
    tell_number(&meta, "instants", instants);
    tell_number(&meta, "lives", !instants);
    tell_number(&meta, "peak", t->resident.time);
    tell(&meta, "trace", page->shown);
    tell_number(&meta, "threads", t->threads);
    snprintf(text, sizeof(text), "%s checkpoint%s, %s drift",
             units_count(one, sizeof(one), decoder_checkpoints(page->decoder)),
             decoder_checkpoints(page->decoder) == 1 ? "" : "s",
             units_count(two, sizeof(two), decoder_drift(page->decoder)));
    tell(&meta, "verified", text);
    tell(&meta, "loss", page->loss);
    coverage_uncollected(&uncollected, page->decoder, page->timeline);
    tell_text(&meta, "uncollected", (struct text){uncollected.data, uncollected.size});
    buffer_free(&uncollected);
    coverage_write(&stacks, page->decoder, t);
    tell_text(&meta, "stacks", (struct text){stacks.data, stacks.size});
    buffer_free(&stacks);
    if (header)
        tell_header(&meta, header);
    tell_commands(&meta, page);
    struct column columns[] = {meta.keys, meta.values};
    page_columns(page, "meta", columns, 2);
}

/* ---- the file ---- */

static void add_asset(struct buffer *out, enum asset which)
{
    const struct text text = asset(which);
    buffer_append(out, text.data, text.size);
}

static void add_head(struct page *page, struct buffer *out)
{
    struct buffer title = {0};
    buffer_string(out,
                  "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
                  "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; script-src 'sha256-");
    add_asset(out, ASSET_HTML_JS_HASH);
    buffer_string(out, "'; style-src 'sha256-");
    add_asset(out, ASSET_HTML_CSS_HASH);
    buffer_string(out, "'; img-src data: blob:; base-uri 'none'; form-action 'none'; "
                       "require-trusted-types-for 'script'; trusted-types 'none'\">\n"
                       "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
                       "<meta name=\"color-scheme\" content=\"light dark\">\n<title>");
    summary_command(&title, decoder_header(page->decoder));
    escape_markup(out, (struct text){title.data, title.size});
    buffer_free(&title);
    buffer_string(out, " - brkwater</title>\n<style>");
    add_asset(out, ASSET_HTML_CSS);
    buffer_string(out, "</style></head>\n<body>\n");
}

/* What is made once, each part into a buffer of its own, as what comes first in the file is known last. */
struct parts {
    struct buffer head, early, late;
    unsigned sections;
};

static void make_parts(struct page *page, struct parts *parts, const struct buffer *peak)
{
    page->out = &parts->early;
    page_tables(page);
    page_processes(page);
    page_code(page);
    page_series(page);
    page_lives(page);
    page_findings(page);
    page_heap(page);
    page->out = &parts->late;
    page_sparse(page);
    page_looks(page);
    page_instructions(page);
    add_head(page, &parts->head);
    static_write(page, &parts->head, peak);
    add_asset(&parts->head, ASSET_HTML_BODY);
    parts->sections = page->sections;
    page->failed |= parts->head.failed || parts->early.failed || parts->late.failed || page->strings.failed;
}

static void put_together(struct page *page, const struct parts *parts, struct buffer *out)
{
    char end[96];
    buffer_clear(out);
    page->out = out;
    page->sections = parts->sections;
    buffer_append(out, parts->head.data, parts->head.size);
    page_meta(page);
    page_section(page, "str", &page->strings.texts, 1);
    buffer_append(out, parts->early.data, parts->early.size);
    buffer_string(out, "<script>");
    add_asset(out, ASSET_HTML_JS);
    buffer_string(out, "</script>\n");
    buffer_append(out, parts->late.data, parts->late.size);
    page_events(page);
    snprintf(end, sizeof(end), "<script type=\"application/octet-stream\" id=\"s-eof\">%u</script>\n</body></html>\n",
             page->sections);
    buffer_string(out, end);
    page->failed |= out->failed;
}

/* False when there are no fewer. */
static bool take_fewer_events(struct page *page)
{
    if (page->notable) {
        events_free(page->events);
        page->events = page->notable;
        page->notable = NULL;
        return true;
    }
    if (!events_kept(page->events))
        return false;
    events_drop(page->events);
    return true;
}

static void tell_fewer_events(const struct page *page, uint64_t wanted, uint64_t size)
{
    const uint64_t kept = events_kept(page->events);
    char all[UNITS_MAX], some[UNITS_MAX], most[UNITS_MAX], now[UNITS_MAX];
    units_size(most, sizeof(most), page->options->max_size);
    units_size(now, sizeof(now), size);
    units_count(all, sizeof(all), wanted);
    if (size > page->options->max_size)
        complain(0, "--html-max-size: the report is %s, which is more than %s, without single events", now, most);
    else if (kept)
        complain(0, "--html-max-size: with %s events the report would be larger than %s; it has %s of them", all, most,
                 units_count(some, sizeof(some), kept));
    else
        complain(0, "--html-max-size: with %s events the report would be larger than %s; it has none of them", all,
                 most);
}

static void make_file(struct page *page, const struct buffer *peak, struct buffer *out)
{
    struct parts parts = {0};
    make_parts(page, &parts, peak);
    const uint64_t wanted = events_kept(page->events);
    do
        put_together(page, &parts, out);
    while (!page->failed && out->size > page->options->max_size && take_fewer_events(page));
    if (events_kept(page->events) < wanted || out->size > page->options->max_size)
        tell_fewer_events(page, wanted, out->size);
    buffer_free(&parts.head);
    buffer_free(&parts.early);
    buffer_free(&parts.late);
}

/* 0, or the exit status after one line was printed. */
static int can_be_read_twice(const char *trace)
{
    struct stat st;
    if (stat(trace, &st) < 0 || S_ISREG(st.st_mode) || S_ISDIR(st.st_mode))
        return 0; /* opening it tells more */
    return complain(EXIT_TROUBLE, "%s: is not a file, and html reads a recording twice: save it, then give its path.",
                    trace);
}

int html_make(const char *trace, const struct html_options *options, struct buffer *out)
{
    struct page page = {
        .trace = trace, .shown = options->shown ? options->shown : trace, .options = options, .loss = ""};
    struct first_run first = {0};
    struct play second = {0};
    struct buffer peak = {0};
    uint32_t *slots = NULL;
    int status = can_be_read_twice(trace);
    if (!status)
        status = first_run(&page, &first);
    if (!status) {
        page.slots = slots = choose_slots(&page, first.play.decoder, &page.n_slots);
        status = slots ? second_run(&page, &second, &first, &peak) : complain(EXIT_TROUBLE, "out of memory");
    }
    if (!status && !page.failed)
        make_file(&page, &peak, out);
    if (!status && page.failed)
        status = complain(EXIT_TROUBLE, "%s: no memory for the report", trace);
    survey_free(page.survey);
    events_free(page.events);
    events_free(page.notable);
    heap_part_free(page.heap);
    evidence_free(page.evidence);
    play_close(&second);
    play_close(&first.play);
    stack_sums_free(page.sums);
    findings_free(&page.findings);
    strings_free(&page.strings);
    free(page.thresholds.moves);
    free(slots);
    buffer_free(&peak);
    return status;
}

int html_write(const char *trace, const struct html_options *options, const char *path)
{
    struct buffer out = {0};
    int status = html_make(trace, options, &out);
    if (!status)
        status = output_write(&out, path);
    buffer_free(&out);
    return status;
}
