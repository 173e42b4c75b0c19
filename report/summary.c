/* summary.c: the closing screen. */
#include "summary.h"

#include "chart.h"
#include "coverage.h"
#include "escape.h"
#include "findings.h"
#include "heap.h"
#include "stack_text.h"
#include "wording.h"

#include "../decoder/decoder.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

enum { CHART_COLUMNS = 60, TITLE_WIDTH = 48, WRAP_WIDTH = 98, SITE_WIDTH = 34, RESERVED_SHOWN = 16 << 20 };

/* Words in lines of at most WRAP_WIDTH columns, the later ones indented as far as the title. */
static void add_wrapped(struct buffer *out, const char *title, const char *text)
{
    const size_t indent = strlen(title);
    size_t column = indent;
    buffer_string(out, title);
    while (*text) {
        size_t length = strcspn(text, " ");
        if (column > indent && column + 1 + length > WRAP_WIDTH) {
            say(out, "\n%*s", (int)indent, "");
            column = indent;
        } else if (column > indent) {
            buffer_char(out, ' ');
            column++;
        }
        buffer_append(out, text, length);
        column += length;
        text += length + (text[length] == ' ');
    }
    buffer_char(out, '\n');
}

static const char *plural(uint64_t count, const char *one, const char *many)
{
    return count == 1 ? one : many;
}

/* ---- head ---- */

void summary_command(struct buffer *out, const struct rec_header *header)
{
    struct text rest = header ? header->argv : (struct text){0};
    size_t begin = out->size;
    while (rest.size && out->size - begin < TITLE_WIDTH) {
        size_t length = strnlen(rest.data, rest.size);
        if (out->size > begin)
            buffer_char(out, ' ');
        escape_shell(out, (struct text){rest.data, length}, 0, TITLE_WIDTH);
        size_t used = length < rest.size ? length + 1 : length;
        rest.data += used;
        rest.size -= used;
    }
    if (rest.size)
        buffer_string(out, " ...");
}

void summary_outcome(struct buffer *out, const struct decoder *decoder, uint32_t pid)
{
    const struct rec_end *end = decoder_end(decoder);
    const struct process_info *command = decoder_process(decoder, pid);
    if (!command || !(command->ended || (end && end->has_status)))
        return;
    int status = (int)(command->ended ? command->status : end->status);
    const char *name = WIFSIGNALED(status) ? signal_name((unsigned)WTERMSIG(status)) : NULL;
    if (WIFSIGNALED(status))
        say(out, "killed by %s", name ? name : "a signal");
    else
        say(out, "exited with %d", WEXITSTATUS(status));
}

static void add_head(struct buffer *out, const struct summary *s)
{
    const struct totals *t = timeline_totals(s->timeline);
    struct buffer rest = {0};
    size_t begin = out->size;
    summary_command(out, decoder_header(s->decoder));
    const struct process_info *first = decoder_process(s->decoder, timeline_command(s->timeline));
    const uint32_t own = first ? first->attach.own_pid : 0;
    say(&rest, "    pid %u", timeline_command(s->timeline));
    if (own && own != first->pid)
        say(&rest, " (to itself %u)", own);
    if (t->processes > 1 || t->threads > 1)
        say(&rest, ", %s %s, %s %s", COUNT(t->processes), plural(t->processes, "process", "processes"),
            COUNT(t->threads), plural(t->threads, "thread", "threads"));
    say(&rest, "    %s", TIME(t->time));
    struct buffer outcome = {0};
    summary_outcome(&outcome, s->decoder, timeline_command(s->timeline));
    if (outcome.size)
        say(&rest, "    %s", buffer_chars(&outcome));
    buffer_free(&outcome);
    if (out->size - begin + rest.size > WRAP_WIDTH)
        buffer_char(out, '\n');
    buffer_string(out, buffer_chars(&rest));
    buffer_string(out, "\n\n");
    buffer_free(&rest);
}

/* ---- numbers ---- */

static void add_resident(struct buffer *out, const struct summary *s)
{
    const struct totals *t = timeline_totals(s->timeline);
    /* The kernel's own mark is exact, and has no time; samples can miss a short peak. */
    if (t->processes == 1 && t->kernel_peak_resident > t->resident.bytes + t->resident.bytes / 100)
        say(out, "  resident   peak %s, sampled %s at %s", SIZE(t->kernel_peak_resident), SIZE(t->resident.bytes),
            TIME(t->resident.time));
    else
        say(out, "  resident   peak %s at %s", SIZE(t->resident.bytes), TIME(t->resident.time));
    if (t->ended)
        say(out, ", end %s (anonymous %s, file %s, shared %s, swap %s)", SIZE(t->end_resident), SIZE(t->end_anon),
            SIZE(t->end_file), SIZE(t->end_shmem), SIZE(t->end_swap));
    buffer_char(out, '\n');
}

static void add_virtual(struct buffer *out, const struct summary *s)
{
    const struct totals *t = timeline_totals(s->timeline);
    const struct rec_header *header = decoder_header(s->decoder);
    say(out, "  virtual    peak %s at %s", SIZE(t->virtual_.bytes), TIME(t->virtual_.time));
    if (t->ended)
        say(out, ", end %s", SIZE(t->end_virtual));
    if (t->ended && t->end_reserved >= RESERVED_SHOWN)
        say(out, " (%s only reserved)", SIZE(t->end_reserved));
    if (t->most_mappings)
        say(out, "      %s mappings at most", COUNT(t->most_mappings));
    if (t->most_mappings && header && header->max_map_count)
        say(out, " (limit %s)", COUNT(header->max_map_count));
    buffer_char(out, '\n');
}

/* "trims by free", "trims by malloc_trim 2 x, free 10 x"; nothing where names do not tell. */
static void add_trimmers(struct buffer *out, const struct summary *s)
{
    const struct heaps *heaps = timeline_heaps(s->timeline);
    uint64_t calls[HEAP_CAUSES] = {0};
    unsigned causes = 0;
    const struct heap_sum *sum;
    for (size_t i = 0; (sum = heaps_sum(heaps, 0, i)); i++)
        if (sum->act == HEAP_TRIMMED)
            calls[heap_cause(decoder_code(s->decoder), sum->stack)] += sum->calls;
    for (int cause = 0; cause < HEAP_CAUSES; cause++)
        causes += calls[cause] > 0;
    if (causes == 1 && calls[CAUSE_UNKNOWN])
        return;
    const char *before = "trims by ";
    for (int cause = HEAP_CAUSES - 1; cause >= 0; cause--) {
        if (!calls[cause])
            continue;
        say(out, "%s%s", before, heap_cause_name((enum heap_cause)cause));
        if (causes > 1)
            say(out, " %s x", COUNT(calls[cause]));
        before = ", ";
    }
}

/* Thresholds of the process that asked for most, when they are not what every process begins with. */
static void add_threshold(struct buffer *out, const struct summary *s, const char *before)
{
    const struct heaps *heaps = timeline_heaps(s->timeline);
    const uint32_t space = heaps_main_space(heaps);
    struct heap_thresholds t;
    if (!space || heaps_thresholds(heaps, space, decoder_code(s->decoder), &t) < 0)
        return;
    if (t.sign)
        say(out, "%sthresholds set by the program, it seems", before);
    else if (t.n_moves)
        say(out, "%smmap threshold raised %zu x, 128K to %s", before, t.n_moves, SIZE(t.mmap));
    free(t.moves);
}

/* glibc's malloc beside the heap, where there is something to tell. */
static void add_malloc(struct buffer *out, const struct summary *s)
{
    const struct heap_story *story = heaps_story(timeline_heaps(s->timeline), 0);
    const struct heap_count *made = &story->acts[HEAP_ARENA_MADE], *grown = &story->acts[HEAP_ARENA_GROWN],
                            *mapped = &story->acts[HEAP_CHUNK_MAPPED];
    struct buffer text = {0};
    add_trimmers(&text, s);
    const char *gap = text.size ? "     " : "";
    if (mapped->calls) {
        say(&text, "%s%s %s mapped +%s", gap, COUNT(mapped->calls), plural(mapped->calls, "chunk", "chunks"),
            SIZE(mapped->bytes));
        gap = ", ";
    }
    add_threshold(&text, s, gap);
    gap = text.size ? "     " : "";
    if (made->calls)
        say(&text, "%s%s %s, opened +%s", gap, COUNT(made->calls), plural(made->calls, "arena", "arenas"),
            SIZE(grown->bytes));
    if (text.size)
        add_wrapped(out, "  malloc     ", buffer_chars(&text));
    buffer_free(&text);
}

enum { INSIDE_LEAST = 1 << 20 /* bytes of a heap whose inside is worth a line */ };

/* How much of the command's heap was free at its end. */
static void add_inside(struct buffer *out, const struct summary *s)
{
    const struct inside *inside = insides_command(timeline_insides(s->timeline));
    const struct inside_heap *heap = inside ? inside_main(inside) : NULL;
    if (!heap || !inside_is_whole(heap) || (inside->reason != WALK_AT_EXIT && inside->reason != WALK_AT_DETACH))
        return;
    const struct inside_sums sums = inside_sums(inside, true);
    const uint64_t free = sums.free + sums.top;
    if (sums.size < INSIDE_LEAST || !free)
        return;
    say(out, "             at the end %u %% of it is free: %s of %s, %s of that in whole pages below the top\n",
        (unsigned)(free * 100 / sums.size), SIZE(free), SIZE(sums.size), SIZE(sums.pages));
}

static void add_heap(struct buffer *out, const struct summary *s)
{
    const struct totals *t = timeline_totals(s->timeline);
    say(out, "  heap       ");
    if (!t->heap_grow_calls)
        say(out, "never grew");
    else
        say(out, "grew %s x +%s", COUNT(t->heap_grow_calls), SIZE(t->heap_grown));
    if (t->heap_trim_calls)
        say(out, ", trimmed %s x -%s", COUNT(t->heap_trim_calls), SIZE(t->heap_trimmed));
    else if (t->heap_grow_calls)
        say(out, ", never trimmed");
    if (t->heap_grow_calls)
        say(out, ", high water %s", SIZE(t->heap.bytes));
    say(out, "      %s brk %s", COUNT(t->brk_calls), plural(t->brk_calls, "call", "calls"));
    buffer_char(out, '\n');
    add_inside(out, s);
}

/* Rounded down: 100 means all. */
static double share(uint64_t part, uint64_t whole)
{
    const double percent = whole ? 100.0 * (double)part / (double)whole : 0;
    return part < whole ? (percent > 99.9 ? 99.9 : percent) : 100;
}

/* Which page faults are not attributed, and why. */
static void add_unseen(struct buffer *out, const struct summary *s)
{
    const struct totals *t = timeline_totals(s->timeline);
    const struct rec_fault_sight *sight = decoder_fault_sight(s->decoder);
    const uint64_t all = t->minflt + t->majflt, told = t->faults_seen + t->faults_in_calls;
    const uint64_t unseen = all > told ? all - told : 0;
    const char *why = NULL;
    if (!sight || sight->sight == FAULTS_OFF || !unseen)
        return;
    if (sight->sight == FAULTS_DENIED)
        why = "the kernel does not allow to look at faults: brkwater doctor";
    else if (sight->sight == FAULTS_MANY)
        why = "too many threads to look at";
    else if (sight->sight == FAULTS_USER)
        why = "faults inside of calls like read(2) are shown only to CAP_PERFMON, or with perf_event_paranoid 1";
    else
        why = "in exec, or between two looks at the counters";
    struct buffer text = {0};
    say(&text, "%s not seen (%s)", COUNT(unseen), why);
    if (sight->lost)
        say(&text, ", %s of them lost: the rings were full", COUNT(sight->lost));
    add_wrapped(out, "             ", buffer_chars(&text));
    buffer_free(&text);
}

static void add_faults(struct buffer *out, const struct summary *s)
{
    const struct totals *t = timeline_totals(s->timeline);
    const uint64_t all = t->minflt + t->majflt, known = t->faults_by_stack + t->faults_by_ip;
    say(out, "  faults     %s minor, %s major", COUNT(t->minflt), COUNT(t->majflt));
    if (t->faults_seen && all)
        say(out, "      %.3g %% attributed to code", share(known, all));
    if (t->faults_seen && known)
        say(out, ", %.3g %% to its callers too\n             %s touched first", share(t->faults_by_stack, all),
            SIZE(t->touched));
    buffer_char(out, '\n');
    add_unseen(out, s);
    if (t->processes > 1)
        say(out, "  process    largest: %u (%s), resident %s at %s\n", t->one_resident.pid,
            decoder_process(s->decoder, t->one_resident.pid) ? decoder_process(s->decoder, t->one_resident.pid)->comm
                                                             : "?",
            SIZE(t->one_resident.bytes), TIME(t->one_resident.time));
    if (t->processes > 1)
        add_wrapped(out, "             ",
                    "(peaks are sums over the processes alive at that moment, end is the command's own; a heap that is "
                    "not trimmed ends with its process)");
}

static void add_chart(struct buffer *out, const struct summary *s)
{
    static const struct {
        enum series series;
        const char *name;
    } rows[] = {{SERIES_RESIDENT, "resident"}, {SERIES_VIRTUAL, "virtual"}, {SERIES_HEAP, "heap"}};
    uint64_t values[CHART_COLUMNS];
    buffer_char(out, '\n');
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        uint64_t top = 0;
        timeline_series(s->timeline, rows[i].series, CHART_COLUMNS, values);
        for (unsigned c = 0; c < CHART_COLUMNS; c++)
            top = values[c] > top ? values[c] : top;
        say(out, "  %-10s ", rows[i].name);
        chart_row(out, values, CHART_COLUMNS, top, s->utf8);
        say(out, "  up to %s\n", SIZE(top));
    }
    say(out, "  %-10s ", "");
    chart_axis(out, CHART_COLUMNS, timeline_totals(s->timeline)->time);
    buffer_string(out, "\n\n");
}

/* ---- tables ---- */

static const char *kind_title(enum kind kind)
{
    static const char *const titles[KIND_COUNT] = {
        [KIND_HEAP] = "heap (brk)",      [KIND_ARENA] = "glibc arenas",   [KIND_CHUNK] = "mmapped chunks",
        [KIND_STACK] = "stacks",         [KIND_IMAGE] = "program images", [KIND_FILE] = "files",
        [KIND_SHARED] = "shared memory", [KIND_ANONYMOUS] = "anonymous",  [KIND_GUARD] = "stack guards",
        [KIND_KERNEL] = "kernel (vdso)",
    };
    return titles[kind] ? titles[kind] : "";
}

/* "  parse_row (load.c:88)", or nothing. */
static void add_site(struct buffer *out, const struct summary *s, uint32_t stack, size_t width)
{
    if (!stack)
        return;
    buffer_string(out, "  ");
    stack_site(out, decoder_code(s->decoder), stack, width);
}

static void add_kinds(struct buffer *out, const struct summary *s)
{
    const struct totals *t = timeline_totals(s->timeline);
    const bool stacks = code_stacks(decoder_code(s->decoder)) > 0;
    say(out, "  %-16s %8s %8s %8s %8s %8s%s\n", "kind", "at end", "peak", "mapped", "returned", "calls",
        stacks ? "  most by" : "");
    for (int kind = KIND_NONE + 1; kind < KIND_COUNT; kind++) {
        const struct kind_totals *k = &t->kinds[kind];
        if (!k->peak && !k->mapped && !k->calls)
            continue;
        say(out, "  %-16s %8s %8s %8s %8s %8s", kind_title((enum kind)kind), SIZE(t->end_kinds[kind]), SIZE(k->peak),
            SIZE(k->mapped), SIZE(k->unmapped), COUNT(k->calls));
        add_site(out, s, timeline_maker(s->timeline, s->decoder, (enum kind)kind), SITE_WIDTH);
        buffer_char(out, '\n');
    }
    buffer_char(out, '\n');
}

/* What resident memory was made of, largest first, and what of it the pages do not explain. */
void summary_receipt(struct buffer *out, const struct receipt *r)
{
    bool done[KIND_COUNT] = {false};
    say(out, "%s at %s:", SIZE(r->rss ? r->rss : r->resident), TIME(r->time));
    for (int i = 0; i < KIND_COUNT; i++) {
        int most = -1;
        for (int kind = 0; kind < KIND_COUNT; kind++)
            if (!done[kind] && r->by_kind[kind] && (most < 0 || r->by_kind[kind] > r->by_kind[most]))
                most = kind;
        if (most < 0)
            break;
        done[most] = true;
        say(out, "%s %s %s", i ? "," : "", kind_name((enum kind)most), SIZE(r->by_kind[most]));
    }
    if (r->rss) {
        const bool more = r->rss >= r->resident;
        say(out, "; %s%s unexplained", more ? "" : "-", SIZE(more ? r->rss - r->resident : r->resident - r->rss));
    }
    if (r->huge)
        say(out, "; in huge pages %s", SIZE(r->huge));
    if (r->lazy)
        say(out, "; given back lazily %s", SIZE(r->lazy));
    if (r->touched)
        say(out, "; who touched it is known of %.3g %%", share(r->touched, r->resident));
}

static void add_receipt(struct buffer *out, const char *title, const struct receipt *r)
{
    struct buffer words = {0};
    char head[64];
    if (!r->time)
        return;
    summary_receipt(&words, r);
    snprintf(head, sizeof(head), "  %-10s ", title);
    add_wrapped(out, head, buffer_chars(&words));
    buffer_free(&words);
}

static void add_receipts(struct buffer *out, const struct summary *s)
{
    const struct totals *t = timeline_totals(s->timeline);
    add_receipt(out, "receipt", &t->end_receipt);
    if (t->high_receipt.time != t->end_receipt.time &&
        t->high_receipt.resident > t->end_receipt.resident + t->end_receipt.resident / 8)
        add_receipt(out, t->end_receipt.time ? "" : "receipt", &t->high_receipt);
    if (t->end_receipt.time || t->high_receipt.time)
        buffer_char(out, '\n');
}

static void add_largest(struct buffer *out, const struct summary *s)
{
    const struct totals *t = timeline_totals(s->timeline);
    for (size_t i = 0; i < TIMELINE_LARGEST && t->largest[i].bytes; i++) {
        const struct large_event *e = &t->largest[i];
        say(out, "  %-10s %c%-7s %s  %s", i ? "" : "largest", e->unmapped ? '-' : '+', SIZE(e->bytes),
            call_info((enum call)e->call)->name, kind_name(e->kind));
        say(out, ", event %llu at %s", (unsigned long long)e->event, TIME(e->time));
        if (t->processes > 1)
            say(out, ", pid %u", e->pid);
        if (e->stack)
            add_site(out, s, e->stack, SITE_WIDTH + 4);
        buffer_char(out, '\n');
    }
    if (t->largest[0].bytes)
        buffer_char(out, '\n');
}

/* ---- findings ---- */

/* Notes are left to brkwater findings. */
static void add_findings(struct buffer *out, const struct summary *s)
{
    const struct findings_place place = {.code = decoder_code(s->decoder), .trace = s->trace, .ascii = !s->utf8};
    struct findings list;
    size_t told = 0;
    timeline_findings(s->timeline, s->decoder, &list);
    for (size_t i = 0; i < list.count; i++) {
        const struct finding *f = &list.list[i];
        char title[32];
        struct buffer words = {0};
        if (f->severity == SEVERITY_NOTE)
            continue;
        if (!told++)
            buffer_string(out, "  findings\n");
        snprintf(title, sizeof(title), "  %c %-20s ", f->severity == SEVERITY_PROBLEM ? '!' : '-', f->name);
        finding_words(&words, &place, f, f->sentence);
        add_wrapped(out, title, buffer_chars(&words));
        buffer_free(&words);
    }
    if (told && s->trace) {
        buffer_string(out, "    more of each: brkwater findings ");
        escape_shell(out, escape_chars(s->trace), 0, 512);
        buffer_string(out, "\n\n");
    } else if (told) {
        buffer_string(out, "    more of each: record with -o t.brkw, then brkwater findings t.brkw\n\n");
    }
    findings_free(&list);
}

/* ---- foot ---- */

static void add_notes(struct buffer *out, const struct summary *s)
{
    const struct totals *t = timeline_totals(s->timeline);
    bool any = false;
    for (int code = 1; code < NOTE_CODES; code++) {
        if (!t->notes[code])
            continue;
        struct buffer note = {0};
        if (t->notes[code] > 1)
            say(&note, "%s times: ", COUNT(t->notes[code]));
        buffer_string(&note, "a process ");
        buffer_string(&note, note_text((enum note_code)code));
        add_wrapped(out, "  note       ", buffer_chars(&note));
        buffer_free(&note);
        any = true;
    }
    if (any)
        buffer_char(out, '\n');
}

static void add_early_end(struct buffer *out, const struct rec_end *end)
{
    static const char *const reasons[] = {
        [END_DISK_FULL] = "the disk is full",   [END_MAX_SIZE] = "the trace reached --max-size",
        [END_DURATION] = "--duration was over", [END_INTERRUPTED] = "it was interrupted",
        [END_UNTIL] = "--until was reached",
    };
    if (!end || end->reason == END_EXITED)
        return;
    if (end->reason == END_WRITE_ERROR)
        say(out, "  recording ended early: %s\n", strerror((int)end->value));
    else if (end->reason < sizeof(reasons) / sizeof(reasons[0]) && reasons[end->reason])
        say(out, "  recording ended early: %s; what came later is not here\n", reasons[end->reason]);
}

/* What a process that was attached to has paid for it. */
static void add_cost(struct buffer *out, const struct summary *s)
{
    const struct rec_cost *cost = decoder_cost(s->decoder);
    const struct rec_end *end = decoder_end(s->decoder);
    const uint64_t run = timeline_totals(s->timeline)->time;
    uint64_t pause = 0, threads = 0;
    for (size_t i = 0; decoder_process_at(s->decoder, i); i++) {
        const struct rec_attach *attach = &decoder_process_at(s->decoder, i)->attach;
        pause = attach->pause > pause ? attach->pause : pause;
        threads += attach->threads;
    }
    if (!cost || !end)
        return;
    say(out, "  attached   %s %s stopped for %s at the start, for %s at the end\n", COUNT(threads),
        plural(threads, "thread", "threads"), TIME(pause), TIME(cost->detach));
    say(out, "             %s stops, %s of them at other calls; %s each on the average, in all %s of %s (%.1f %%)\n",
        COUNT(end->stops), COUNT(cost->foreign), TIME(end->stops ? cost->served / end->stops : 0), TIME(cost->served),
        TIME(run), run ? (double)cost->served * 100 / (double)run : 0);
    if (cost->left)
        say(out, "             %u %s could not be stopped, and went free when brkwater ended\n", cost->left,
            plural(cost->left, "thread", "threads"));
}

static void add_foot(struct buffer *out, const struct summary *s)
{
    const struct totals *t = timeline_totals(s->timeline);
    uint64_t drift = decoder_drift(s->decoder), unordered = decoder_unordered(s->decoder);
    add_cost(out, s);
    add_early_end(out, decoder_end(s->decoder));
    if (s->loss)
        say(out, "  %s\n", s->loss);
    say(out, "  verified: %s %s, %s drift", COUNT(decoder_checkpoints(s->decoder)),
        plural(decoder_checkpoints(s->decoder), "checkpoint", "checkpoints"), COUNT(drift));
    say(out, "     %s %s", COUNT(t->events), plural(t->events, "event", "events"));
    if (t->errors)
        say(out, ", %s failed", COUNT(t->errors));
    if (unordered)
        say(out, ", %s of unknown order", COUNT(unordered));
    if (s->trace) {
        buffer_string(out, "     ");
        escape_text(out, escape_chars(s->trace), 0, 512);
        say(out, ", %s", SIZE(s->trace_size));
    }
    buffer_char(out, '\n');
}

void summary_write(struct buffer *out, const struct summary *s)
{
    const struct totals *totals = timeline_totals(s->timeline);
    const bool poor = coverage_is_poor(totals);
    add_head(out, s);
    if (poor) {
        say(out, "  Few stacks are complete: call sites below may be wrong or missing.\n");
        coverage_write(out, s->decoder, totals);
        buffer_char(out, '\n');
    }
    add_resident(out, s);
    add_virtual(out, s);
    add_heap(out, s);
    add_malloc(out, s);
    add_faults(out, s);
    add_chart(out, s);
    add_kinds(out, s);
    add_receipts(out, s);
    add_largest(out, s);
    add_findings(out, s);
    add_notes(out, s);
    if (!poor)
        coverage_write(out, s->decoder, totals);
    add_foot(out, s);
}
