/*
 * static.c: what can be read without scripts: what ran, findings, totals, kinds, call sites, the layout at the peak.
 *
 * Text from outside is written by add_text() alone, into elements.
 */
#include "page.h"

#include "static.h"

#include "../coverage.h"
#include "../escape.h"
#include "../findings.h"
#include "../layout.h"
#include "../stack_text.h"
#include "../stacks.h"
#include "../summary.h"
#include "../wording.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    SITES = 20,
    PEAK_ROWS = 300,
    FINDINGS_SHOWN = 60,
    /* All of it stays below 200 KB, however long the names of a trace are. */
    NAME_CHARACTERS = 200,
    NAME_BYTES = 800, /* as they stand in the file, where some have ten */
    PEAK_BYTES = 96 * 1000,
    FINDINGS_BYTES = 44 * 1000,
};

/* A name from outside may turn the direction of writing: it does so in its own element only. */
static void add_text(struct buffer *out, struct text text)
{
    buffer_string(out, "<bdi>");
    escape_markup(out, text);
    buffer_string(out, "</bdi>");
}

/* The same of a name, or of its first characters and "...". */
static void add_name(struct buffer *out, struct text name)
{
    struct buffer shown = {0};
    size_t at = 0;
    for (int count = 0; at < name.size && count < NAME_CHARACTERS && shown.size < NAME_BYTES; count++) {
        uint32_t code;
        const size_t length = escape_utf8(name.data + at, name.size - at, &code);
        const struct text character = {name.data + at, length ? length : 1};
        escape_markup(&shown, character);
        at += character.size;
    }
    buffer_string(out, "<bdi>");
    buffer_append(out, shown.data, shown.size);
    buffer_string(out, at < name.size ? "...</bdi>" : "</bdi>");
    out->failed |= shown.failed;
    buffer_free(&shown);
}

static void add_name_buffer(struct buffer *out, struct buffer *name)
{
    add_name(out, (struct text){name->data, name->size});
    buffer_clear(name);
}

/* Put a row behind the others unless they become too many bytes. */
static bool add_row(struct buffer *out, struct buffer *row, size_t begun, size_t most)
{
    const bool fits = out->size - begun + row->size <= most;
    if (fits)
        buffer_append(out, row->data, row->size);
    out->failed |= row->failed;
    buffer_clear(row);
    return fits;
}

static void add_buffer(struct buffer *out, struct buffer *text)
{
    add_text(out, (struct text){text->data, text->size});
    buffer_clear(text);
}

static void add_cell(struct buffer *out, const char *class, const char *text)
{
    say(out, "<td%s%s%s>", *class ? " class=\"" : "", class, *class ? "\"" : "");
    add_text(out, escape_chars(text));
    buffer_string(out, "</td>");
}

static void add_heads(struct buffer *out, const char *const *heads)
{
    buffer_string(out, "<thead><tr>");
    for (; *heads; heads++)
        say(out, "<th scope=\"col\"%s>%s</th>", **heads == '#' ? " class=\"n\"" : "", *heads + (**heads == '#'));
    buffer_string(out, "</tr></thead><tbody>\n");
}

/* ---- findings ---- */

static void add_words(struct page *page, struct buffer *out, const struct finding *f, const char *words)
{
    const struct findings_place place = {.code = decoder_code(page->decoder), .trace = page->shown};
    struct buffer text = {0};
    finding_words(&text, &place, f, words);
    add_buffer(out, &text);
    buffer_free(&text);
}

static void add_numbers(struct buffer *out, const struct finding *f)
{
    struct buffer value = {0};
    char name[64];
    for (size_t i = 0; i < f->n_numbers; i++) {
        finding_value(&value, &f->numbers[i]);
        snprintf(name, sizeof(name), "%s", f->numbers[i].name);
        for (char *at = strchr(name, '_'); at; at = strchr(at, '_'))
            *at = ' ';
        say(out, "%s%s <b>%s</b>", i ? ", " : "<p class=\"numbers\">", name, buffer_chars(&value));
        buffer_clear(&value);
    }
    buffer_string(out, f->n_numbers ? "</p>" : "");
    buffer_free(&value);
}

static void add_finding(struct page *page, struct buffer *out, size_t index)
{
    static const char *const glyphs[] = {
        [SEVERITY_NOTE] = "&#9675;", [SEVERITY_WARNING] = "&#9650;", [SEVERITY_PROBLEM] = "&#9632;"};
    const struct finding *f = &page->findings.list[index];
    say(out, "<li class=\"finding %s\" data-finding=\"%zu\"><h3><span class=\"severity\">%s %s</span> %s</h3><p>",
        severity_name(f->severity), index, glyphs[f->severity], severity_name(f->severity), f->name);
    add_words(page, out, f, f->sentence);
    buffer_string(out, "</p>");
    add_numbers(out, f);
    buffer_string(out, "<p class=\"advice\">");
    add_words(page, out, f, f->advice);
    say(out, "</p><p class=\"see\">Confidence: %s. See <code>", confidence_name(f->confidence));
    add_words(page, out, f, f->see);
    buffer_string(out, "</code></p></li>\n");
}

static void add_findings(struct page *page, struct buffer *out)
{
    buffer_string(out, "<section id=\"findings\" aria-labelledby=\"findings-h\"><h2 id=\"findings-h\">Findings</h2>\n");
    if (!page->findings.count)
        buffer_string(out, "<p class=\"empty\">No finding. Checked: growth, trims, churn, thresholds, arenas, stacks, "
                           "limits, protection, failed calls.</p>\n");
    else
        buffer_string(out, "<ol class=\"findings\">\n");
    struct buffer row = {0};
    const size_t begun = out->size;
    size_t shown = 0;
    for (; shown < page->findings.count && shown < FINDINGS_SHOWN; shown++) {
        add_finding(page, &row, shown);
        if (!add_row(out, &row, begun, FINDINGS_BYTES))
            break;
    }
    buffer_free(&row);
    buffer_string(out, page->findings.count ? "</ol>" : "");
    if (page->findings.count > shown)
        say(out, "<p class=\"more\">%zu more: <code>brkwater findings</code> shows all.</p>",
            page->findings.count - shown);
    buffer_string(out, "</section>\n");
}

/* ---- totals ---- */

static void add_fact(struct buffer *out, const char *name, const char *text)
{
    say(out, "<div><dt>%s</dt><dd>", name);
    add_text(out, escape_chars(text));
    buffer_string(out, "</dd></div>\n");
}

static void add_receipt(struct buffer *out, const char *name, const struct receipt *receipt)
{
    struct buffer words = {0};
    if (!receipt->time)
        return;
    summary_receipt(&words, receipt);
    add_fact(out, name, buffer_chars(&words));
    buffer_free(&words);
}

static void add_totals(struct page *page, struct buffer *out)
{
    const struct totals *t = timeline_totals(page->timeline);
    struct buffer uncollected = {0};
    char text[512];
    buffer_string(out, "<dl class=\"totals\">\n");
    snprintf(text, sizeof(text), "peak %s at %s%s%s", SIZE(t->resident.bytes), TIME(t->resident.time),
             t->ended ? ", end " : "", t->ended ? SIZE(t->end_resident) : "");
    add_fact(out, "resident", text);
    snprintf(text, sizeof(text), "peak %s at %s%s%s", SIZE(t->virtual_.bytes), TIME(t->virtual_.time),
             t->ended ? ", end " : "", t->ended ? SIZE(t->end_virtual) : "");
    add_fact(out, "virtual", text);
    const bool trimmed = t->heap_trim_calls > 0;
    snprintf(text, sizeof(text), "grew by %s in %s %s, %s%s%s%s, high water %s", SIZE(t->heap_grown),
             COUNT(t->heap_grow_calls), t->heap_grow_calls == 1 ? "call" : "calls",
             trimmed ? "trimmed by " : "never trimmed", trimmed ? SIZE(t->heap_trimmed) : "", trimmed ? " in " : "",
             trimmed ? COUNT(t->heap_trim_calls) : "", SIZE(t->heap.bytes));
    if (t->heap_grow_calls)
        add_fact(out, "heap", text);
    snprintf(text, sizeof(text), "%s minor, %s major%s%s%s", COUNT(t->minflt), COUNT(t->majflt),
             t->faults_seen ? ", " : "", t->faults_seen ? SIZE(t->touched) : "",
             t->faults_seen ? " touched first" : "");
    add_fact(out, "faults", text);
    coverage_uncollected(&uncollected, page->decoder, page->timeline);
    if (uncollected.size)
        add_fact(out, "not collected", buffer_chars(&uncollected));
    buffer_free(&uncollected);
    buffer_string(out, "</dl>\n<dl class=\"facts\">\n");
    add_receipt(out, "resident at the end", &t->end_receipt);
    if (t->high_receipt.time != t->end_receipt.time)
        add_receipt(out, "resident when it was most", &t->high_receipt);
    buffer_string(out, "</dl>\n");
}

static void add_kinds(struct page *page, struct buffer *out)
{
    static const char *const heads[] = {"kind",      "#at end", "#of it resident", "#peak", "#mapped",
                                        "#returned", "#calls",  "most by",         NULL};
    const struct totals *t = timeline_totals(page->timeline);
    struct buffer site = {0};
    buffer_string(out, "<div class=\"scroll\" tabindex=\"0\" role=\"group\" aria-label=\"kinds of "
                       "memory\"><table><caption>Kinds of memory</caption>");
    add_heads(out, heads);
    for (int kind = 1; kind < KIND_COUNT; kind++) {
        const struct kind_totals *k = &t->kinds[kind];
        if (!k->peak && !k->mapped)
            continue;
        say(out, "<tr><th scope=\"row\">%s</th>", kind_name((enum kind)kind));
        add_cell(out, "n", SIZE(t->end_kinds[kind]));
        add_cell(out, "n", t->end_receipt.time ? SIZE(t->end_receipt.by_kind[kind]) : "");
        add_cell(out, "n", SIZE(k->peak));
        add_cell(out, "n", SIZE(k->mapped));
        add_cell(out, "n", SIZE(k->unmapped));
        add_cell(out, "n", COUNT(k->calls));
        stack_site(&site, decoder_code(page->decoder), timeline_maker(page->timeline, page->decoder, (enum kind)kind),
                   0);
        buffer_string(out, "<td>");
        add_name_buffer(out, &site);
        buffer_string(out, "</td></tr>\n");
    }
    buffer_string(out, "</tbody></table></div>\n");
    buffer_free(&site);
}

/* ---- call sites ---- */

struct site {
    uint32_t string; /* of its text */
    uint64_t values[STACK_METRICS];
};

static int by_mapped(const void *left, const void *right)
{
    const struct site *a = left, *b = right;
    if (a->values[BY_MAPPED] != b->values[BY_MAPPED])
        return a->values[BY_MAPPED] > b->values[BY_MAPPED] ? -1 : 1;
    return a->string < b->string ? -1 : a->string > b->string;
}

static int by_string(const void *left, const void *right)
{
    const struct site *a = left, *b = right;
    return a->string < b->string ? -1 : a->string > b->string;
}

/* Sums of the stacks that have the same text become one; free() the list. */
static struct site *collect_sites(struct page *page, size_t *ret_count)
{
    const struct stack_sum *sum;
    size_t count = 0, kept = 0;
    while (stack_sums_at(page->sums, count))
        count++;
    struct site *sites = calloc(count + 1, sizeof(*sites));
    for (size_t i = 0; sites && (sum = stack_sums_at(page->sums, i)); i++) {
        sites[i].string = page_site(page, i);
        memcpy(sites[i].values, sum->values, sizeof(sum->values));
    }
    if (!sites)
        return NULL;
    qsort(sites, count, sizeof(*sites), by_string);
    for (size_t i = 0; i < count; i++) {
        if (kept && sites[kept - 1].string == sites[i].string) {
            for (int metric = 0; metric < STACK_METRICS; metric++)
                sites[kept - 1].values[metric] += sites[i].values[metric];
        } else {
            sites[kept++] = sites[i];
        }
    }
    qsort(sites, kept, sizeof(*sites), by_mapped);
    *ret_count = kept;
    return sites;
}

/* The first stack with the site's text tells it once more, as the table of texts gives none back. */
static void add_site_name(struct page *page, struct buffer *out, uint32_t string)
{
    struct buffer text = {0};
    for (size_t i = 0; stack_sums_at(page->sums, i); i++) {
        if (page_site(page, i) != string)
            continue;
        if (i < STACK_SUMS_STACKS ||
            !stack_site(&text, decoder_code(page->decoder), (uint32_t)(i - STACK_SUMS_STACKS + 1), 0))
            buffer_string(&text, page_origin(stack_sums_at(page->sums, i)->origin));
        break;
    }
    add_name_buffer(out, &text);
    buffer_free(&text);
}

static void add_sites(struct page *page, struct buffer *out)
{
    static const char *const heads[] = {"call site", "#mapped", "#live at end", "#returned", "#calls", "#time", NULL};
    size_t count;
    struct site *sites = collect_sites(page, &count);
    if (!sites) {
        page->failed = true;
        return;
    }
    buffer_string(out, "<div class=\"scroll\" tabindex=\"0\" role=\"group\" aria-label=\"call "
                       "sites\"><table><caption>Call sites that mapped most</caption>");
    add_heads(out, heads);
    for (size_t i = 0; i < count && i < SITES && sites[i].values[BY_MAPPED]; i++) {
        buffer_string(out, "<tr><th scope=\"row\">");
        add_site_name(page, out, sites[i].string);
        buffer_string(out, "</th>");
        add_cell(out, "n", SIZE(sites[i].values[BY_MAPPED]));
        add_cell(out, "n", SIZE(sites[i].values[BY_LIVE]));
        add_cell(out, "n", SIZE(sites[i].values[BY_RETURNED]));
        add_cell(out, "n", COUNT(sites[i].values[BY_CALLS]));
        add_cell(out, "n", TIME(sites[i].values[BY_TIME]));
        buffer_string(out, "</tr>\n");
    }
    buffer_string(out, "</tbody></table></div>\n");
    free(sites);
}

/* ---- the layout at the peak ---- */

/* Of all segments of a mapping, when resident pages were looked at last. */
static uint64_t resident_of(const struct page *page, uint32_t space, const struct mappings *all,
                            const struct mapping *m)
{
    uint64_t sum = 0;
    for (size_t i = m->first; i < m->first + m->count; i++) {
        struct pages pages;
        decoder_pages(page->decoder, space, &all->segments[i], &pages);
        sum += pages.resident;
    }
    return sum;
}

static void add_mapping(struct page *page, uint32_t space, struct buffer *out, const struct mappings *all,
                        const struct mapping *m)
{
    char range[64], permissions[5];
    struct buffer text = {0};
    const struct segment *largest = &all->segments[m->largest];
    uint64_t event;
    snprintf(range, sizeof(range), "%llx-%llx", (unsigned long long)m->start, (unsigned long long)m->end);
    layout_permissions(m, permissions);
    say(out,
        "<tr><th scope=\"row\"><code>%s</code></th><td class=\"n\">%s</td><td "
        "class=\"n\">%s</td><td><code>%s</code></td>"
        "<td>",
        range, SIZE(m->end - m->start),
        decoder_residency(page->decoder, space, &event) ? SIZE(resident_of(page, space, all, m)) : "", permissions);
    layout_kind(&text, m->kind, &m->role, largest->owner);
    add_buffer(out, &text);
    buffer_string(out, "</td><td>");
    add_name(out, m->name);
    buffer_string(out, "</td><td>");
    if (!stack_site(&text, decoder_code(page->decoder), largest->stack, 0) && !largest->birth)
        buffer_string(&text, layout_no_birth(largest));
    add_name_buffer(out, &text);
    buffer_string(out, "</td></tr>\n");
    buffer_free(&text);
}

void static_peak(struct page *page, struct buffer *out, const struct moment *m)
{
    static const char *const heads[] = {"address", "#size", "#resident", "access", "kind", "name", "mapped by", NULL};
    struct mappings mappings;
    const struct process_info *process = decoder_process(page->decoder, m->pid);
    if (!process || mappings_collect(page->decoder, process->space, &mappings) < 0)
        return;
    say(out,
        "<details class=\"peak\"><summary>Address space of process %u at the peak of resident memory, %s: %zu "
        "mappings</summary><div class=\"scroll\" tabindex=\"0\" role=\"group\" aria-label=\"layout at the "
        "peak\"><table>",
        m->pid, TIME(m->time), mappings.count);
    add_heads(out, heads);
    struct buffer row = {0};
    const size_t begun = out->size;
    size_t shown = 0;
    for (; shown < mappings.count && shown < PEAK_ROWS; shown++) {
        add_mapping(page, process->space, &row, &mappings, &mappings.list[shown]);
        if (!add_row(out, &row, begun, PEAK_BYTES))
            break;
    }
    buffer_free(&row);
    buffer_string(out, "</tbody></table></div>");
    if (mappings.count > shown)
        say(out, "<p class=\"more\">%s more: <code>brkwater layout --at peak</code> shows all.</p>",
            COUNT(mappings.count - shown));
    buffer_string(out, "</details>\n");
    mappings_free(&mappings);
}

/* ---- the head ---- */

static void add_head(struct page *page, struct buffer *out)
{
    const struct totals *t = timeline_totals(page->timeline);
    const struct rec_header *header = decoder_header(page->decoder);
    struct buffer text = {0};
    char line[256];
    buffer_string(out, "<header id=\"head\"><h1><span class=\"brand\">brkwater</span> <code class=\"command\">");
    summary_command(&text, header);
    add_buffer(out, &text);
    buffer_string(out, "</code></h1>\n<dl class=\"facts\">\n");
    snprintf(line, sizeof(line), "%u", timeline_command(page->timeline));
    add_fact(out, "pid", line);
    add_fact(out, "duration", TIME(page->ticks));
    snprintf(line, sizeof(line), "%s, %s %s", COUNT(t->processes), COUNT(t->threads),
             t->threads == 1 ? "thread" : "threads");
    add_fact(out, "processes", line);
    snprintf(line, sizeof(line), "%s%s%s%s", COUNT(t->events), t->errors ? ", " : "", t->errors ? COUNT(t->errors) : "",
             t->errors ? " failed" : "");
    add_fact(out, "events", line);
    summary_outcome(&text, page->decoder, timeline_command(page->timeline));
    if (text.size)
        add_fact(out, "outcome", buffer_chars(&text));
    buffer_clear(&text);
    snprintf(line, sizeof(line), "%s checkpoint%s, %s drift", COUNT(decoder_checkpoints(page->decoder)),
             decoder_checkpoints(page->decoder) == 1 ? "" : "s", COUNT(decoder_drift(page->decoder)));
    add_fact(out, "verified", line);
    buffer_string(out, "</dl>\n");
    if (*page->loss) {
        buffer_string(out, "<p class=\"banner\" role=\"alert\">");
        add_text(out, escape_chars(page->loss));
        buffer_string(out, "</p>\n");
    }
    buffer_string(out, "</header>\n");
    buffer_free(&text);
}

void static_write(struct page *page, struct buffer *out, const struct buffer *peak)
{
    add_head(page, out);
    add_findings(page, out);
    buffer_string(out, "<section id=\"summary\" aria-labelledby=\"summary-h\"><h2 id=\"summary-h\">Summary</h2>\n");
    add_totals(page, out);
    add_kinds(page, out);
    add_sites(page, out);
    buffer_append(out, peak->data, peak->size);
    buffer_string(out, "</section>\n");
}
