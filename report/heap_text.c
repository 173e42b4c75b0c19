/* heap_text.c: brkwater heap for people: the heap, who grew and trimmed it, thresholds, chunks, arenas. */
#include "heap.h"

#include "chart.h"
#include "escape.h"
#include "inside.h"
#include "stack_text.h"
#include "wording.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SITE_WIDTH = 40, ROWS_SHOWN = 6, ARENAS_SHOWN = 12, MOVES_SHOWN = 8 };

/* The call site, padded. */
static void add_site(struct buffer *out, const struct heap_view *v, uint32_t stack, size_t width)
{
    const size_t before = out->size;
    if (!stack_site(out, decoder_code(v->decoder), stack, width))
        buffer_string(out, "no stack is known");
    while (out->size - before < width)
        buffer_char(out, ' ');
}

/* ---- the heap ---- */

static void add_head(struct buffer *out, const struct heap_view *v)
{
    const struct process_info *process = decoder_process(v->decoder, v->place->pid);
    say(out, "pid %u (", v->place->pid);
    escape_text(out, escape_chars(process ? process->comm : ""), 0, 64);
    say(out, ") at %s, after event %llu\n\n", TIME(v->place->time), (unsigned long long)v->place->event);
}

static void add_heap(struct buffer *out, const struct heap_view *v, const struct heap_story *story)
{
    struct space_info info = {0};
    const struct heap_count *grown = &story->acts[HEAP_GROWN], *trimmed = &story->acts[HEAP_TRIMMED],
                            *dropped = &story->acts[HEAP_DROPPED];
    decoder_space(v->decoder, v->place->space, &info);
    if (!info.heap && !story->high) {
        say(out, "  heap       empty: the break never moved\n");
        return;
    }
    say(out, "  heap       %s from %012llx to the break at %012llx     high water %s at %s\n", SIZE(info.heap),
        (unsigned long long)info.heap_start, (unsigned long long)info.heap_end, SIZE(story->high),
        TIME(story->high_time));
    say(out, "             grew %s x +%s", COUNT(grown->calls), SIZE(grown->bytes));
    if (trimmed->calls)
        say(out, ", trimmed %s x -%s", COUNT(trimmed->calls), SIZE(trimmed->bytes));
    else
        say(out, ", never trimmed");
    if (dropped->calls)
        say(out, ", pages given back inside of it %s x, up to %s", COUNT(dropped->calls), SIZE(dropped->bytes));
    say(out, "\n             ");
    chart_row(out, v->series, HEAP_COLUMNS, story->high, v->utf8);
    say(out, "  up to %s\n             ", SIZE(story->high));
    chart_axis(out, HEAP_COLUMNS, v->place->time);
    buffer_char(out, '\n');
}

/* ---- tables by call site ---- */

static const char *cause_text(enum heap_act act, enum heap_cause cause)
{
    const bool in_arena = act == HEAP_ARENA_SHRUNK || act == HEAP_ARENA_ENDED;
    switch (cause) {
    case CAUSE_FREE: /* a thread's first free() may make an arena */
        return in_arena ? "free, by itself (arena)" : act == HEAP_ARENA_GROWN ? "free" : "free, by itself";
    case CAUSE_MALLOC_TRIM:
        return in_arena ? "malloc_trim (arena)" : "malloc_trim";
    case CAUSE_PROGRAM:
        return "not malloc";
    default:
        return heap_cause_name(cause);
    }
}

static void add_row(struct buffer *out, const struct heap_view *v, const struct heap_row *row, uint64_t all)
{
    buffer_string(out, "    ");
    add_site(out, v, row->stack, SITE_WIDTH);
    say(out, "  %8s %3u %% %9s  %-9s  %s\n", SIZE(row->bytes), (unsigned)(all ? row->bytes * 100 / all : 0),
        COUNT(row->calls), TIME(row->last), cause_text(row->act, row->cause));
}

static void add_table(struct buffer *out, const struct heap_view *v, const char *title, const bool acts[HEAP_ACTS])
{
    struct heap_row *rows;
    size_t count;
    uint64_t all = 0, rest = 0, rest_calls = 0;
    if (heap_rows(v, acts, &rows, &count) < 0)
        return;
    for (size_t i = 0; i < count; i++)
        all += rows[i].bytes;
    if (count)
        say(out, "\n  %-42s  %8s %5s %9s  %-9s  %s\n", title, "bytes", "share", "calls", "last at", "cause");
    for (size_t i = 0; i < count && i < ROWS_SHOWN; i++)
        add_row(out, v, &rows[i], all);
    for (size_t i = ROWS_SHOWN; i < count; i++) {
        rest += rows[i].bytes;
        rest_calls += rows[i].calls;
    }
    if (count > ROWS_SHOWN) {
        char others[64];
        snprintf(others, sizeof(others), "%zu others", count - ROWS_SHOWN);
        say(out, "    %-40s  %8s %3u %% %9s\n", others, SIZE(rest), (unsigned)(all ? rest * 100 / all : 0),
            COUNT(rest_calls));
    }
    free(rows);
}

static void add_returned(struct buffer *out, const struct heap_story *story)
{
    if (!story->promised)
        return;
    say(out, "\n  returned   trims promised %s", SIZE(story->promised));
    if (!story->measured) {
        say(out, "; how much of it came back is unknown: no sample before and behind\n");
        return;
    }
    if (story->measured < story->promised)
        say(out, "; for %s of it there are samples:", SIZE(story->measured));
    else
        buffer_char(out, ';');
    if (!story->returned_most)
        say(out, " nothing of it came back\n");
    else if (!story->returned && story->returned_most == story->measured)
        say(out, " all of it or nothing may have come back\n");
    else if (story->returned == story->returned_most)
        say(out, " %s really came back\n", SIZE(story->returned));
    else if (story->returned)
        say(out, " between %s and %s really came back\n", SIZE(story->returned), SIZE(story->returned_most));
    else
        say(out, " at most %s really came back\n", SIZE(story->returned_most));
}

/* ---- thresholds ---- */

static void add_move(struct buffer *out, const struct heap_view *v, const struct heap_move *move)
{
    say(out, "    %-9s  %s -> %s%s  event #%llu: a chunk was freed by ", TIME(move->time), SIZE(move->from),
        move->at_most ? "at most " : "", SIZE(move->to), (unsigned long long)move->event);
    if (!stack_site(out, decoder_code(v->decoder), move->stack, SITE_WIDTH))
        buffer_string(out, "unknown code");
    say(out, "\n               %s %s of that size or less had been mapped", COUNT(move->chunks),
        move->chunks == 1 ? "chunk" : "chunks");
    if (move->moved) {
        say(out, ";\n               they come from the heap since %s, event #%llu: ", TIME(move->moved_time),
            (unsigned long long)move->moved);
        stack_site(out, decoder_code(v->decoder), move->moved_stack, SITE_WIDTH);
    }
    buffer_char(out, '\n');
}

void heap_sign(struct buffer *out, const struct heap_thresholds *t)
{
    const char *bytes = SIZE(t->sign_bytes);
    if (t->sign == SIGN_SMALL_CHUNK)
        say(out, "a block of %s was mapped, although it is below %s", bytes, SIZE(t->mmap));
    else if (t->sign == SIGN_LARGE_GROWTH)
        say(out, "the heap grew by %s at once, so that blocks of %s are not mapped", bytes,
            SIZE(t->sign_bytes - HEAP_TOP_PAD));
    else if (t->sign == SIGN_SMALL_GROWTH)
        say(out, "the heap grew by %s only; malloc's spare room alone would be %s", bytes, SIZE(HEAP_TOP_PAD));
    else if (t->sign == SIGN_SMALL_TRIM)
        say(out, "free trimmed %s only, although less than %s was free", bytes, SIZE(t->trim));
}

static void add_thresholds(struct buffer *out, const struct heap_view *v, const struct heap_story *story)
{
    const struct heap_thresholds *t = v->thresholds;
    if (!story->glibc) {
        say(out, "\n  malloc     of glibc was not seen to ask for memory: thresholds are unknown\n");
        return;
    }
    if (t->sign) {
        say(out, "\n  malloc     thresholds set by the program, it seems, or by its environment: event #%llu at %s,\n",
            (unsigned long long)t->sign_event, TIME(t->sign_time));
        buffer_string(out, "             ");
        heap_sign(out, t);
        say(out, "%s\n", t->n_moves ? ";\n             before that, unless it was set already:" : "");
    } else if (t->unknown) {
        say(out,
            "\n  malloc     was running before: its thresholds are unknown, 128K each if nothing had moved them\n");
    } else {
        say(out, "\n  malloc     blocks from %s%s on are mapped, the heap's top is trimmed at %s", SIZE(t->mmap),
            t->n_moves && t->moves[t->n_moves - 1].at_most ? " (or less)" : "", SIZE(t->trim));
        if (t->n_moves)
            say(out, "; raised %zu x from 128K\n", t->n_moves);
        else
            say(out, ": the defaults\n");
    }
    const size_t first = t->n_moves > MOVES_SHOWN ? t->n_moves - MOVES_SHOWN : 0;
    if (first)
        say(out, "    ... %zu earlier ones\n", first);
    for (size_t i = first; i < t->n_moves; i++)
        add_move(out, v, &t->moves[i]);
}

static void add_chunks(struct buffer *out, const struct heap_story *story)
{
    const struct heap_count *mapped = &story->acts[HEAP_CHUNK_MAPPED], *unmapped = &story->acts[HEAP_CHUNK_UNMAPPED],
                            *resized = &story->acts[HEAP_CHUNK_RESIZED];
    if (!mapped->calls && !story->chunks)
        return;
    say(out, "\n  chunks     %s now, in %s %s; at most %s     mapped %s x +%s", SIZE(story->chunk_bytes),
        COUNT(story->chunks), story->chunks == 1 ? "mapping" : "mappings", SIZE(story->chunk_high),
        COUNT(mapped->calls), SIZE(mapped->bytes));
    if (unmapped->calls)
        say(out, ", unmapped %s x -%s", COUNT(unmapped->calls), SIZE(unmapped->bytes));
    if (resized->calls)
        say(out, ", resized %s x", COUNT(resized->calls));
    buffer_char(out, '\n');
}

/* ---- arenas ---- */

static int by_open(const void *a, const void *b)
{
    const struct heap_arena *one = a, *two = b;
    return one->open != two->open ? (one->open > two->open ? -1 : 1) : one->start < two->start ? -1 : 1;
}

static void add_arena(struct buffer *out, const struct heap_view *v, const struct heap_arena *a)
{
    say(out, "    %012llx  %8s  %9s x +%-8s", (unsigned long long)a->start, SIZE(a->open), COUNT(a->grown.calls),
        SIZE(a->grown.bytes));
    if (a->shrunk.calls)
        say(out, " %9s x -%-8s ", COUNT(a->shrunk.calls), SIZE(a->shrunk.bytes));
    else
        say(out, " %9s %-12s", "never", "");
    say(out, "%-9s  %s", a->event ? TIME(a->time) : "before",
        heap_is_further(decoder_code(v->decoder), a->stack) ? "(one more heap) " : "");
    for (uint32_t i = 0; i < a->n_threads; i++)
        say(out, "%s%u", i ? ", " : "", a->threads[i]);
    buffer_string(out, a->more_threads ? ", ...\n" : "\n");
}

static void add_arenas(struct buffer *out, const struct heap_view *v, const struct heap_story *story)
{
    uint64_t open = 0, reserved = 0;
    if (!story->acts[HEAP_ARENA_MADE].calls && !story->n_arenas)
        return;
    for (size_t i = 0; i < story->n_arenas; i++) {
        open += story->arenas[i].open;
        reserved += story->arenas[i].reserved;
    }
    say(out, "\n  arenas     %zu now, at most %s     %s of %s reserved is open", story->n_arenas,
        COUNT(story->arenas_high), SIZE(open), SIZE(reserved));
    if (story->acts[HEAP_ARENA_ENDED].calls)
        say(out, "     %s unmapped", COUNT(story->acts[HEAP_ARENA_ENDED].calls));
    struct heap_arena *list = calloc(story->n_arenas + 1, sizeof(*list));
    buffer_char(out, '\n');
    if (!list || !story->n_arenas) {
        free(list);
        return;
    }
    memcpy(list, story->arenas, story->n_arenas * sizeof(*list));
    qsort(list, story->n_arenas, sizeof(*list), by_open);
    say(out, "    %-12s  %8s  %9s %-11s %9s %-11s %-9s  %s\n", "address", "open", "grew", "", "gave back", "",
        "made at", "threads");
    for (size_t i = 0; i < story->n_arenas && i < ARENAS_SHOWN; i++)
        add_arena(out, v, &list[i]);
    if (story->n_arenas > ARENAS_SHOWN)
        say(out, "    ... %zu more\n", story->n_arenas - ARENAS_SHOWN);
    free(list);
}

void heap_text(struct buffer *out, const struct heap_view *v)
{
    static const struct heap_story none = {0};
    static const bool grew[HEAP_ACTS] = {[HEAP_GROWN] = true};
    static const bool shrank[HEAP_ACTS] = {
        [HEAP_TRIMMED] = true, [HEAP_DROPPED] = true, [HEAP_ARENA_SHRUNK] = true, [HEAP_ARENA_ENDED] = true};
    static const bool chunks[HEAP_ACTS] = {[HEAP_CHUNK_MAPPED] = true};
    static const bool arenas[HEAP_ACTS] = {[HEAP_ARENA_GROWN] = true};
    const struct heap_story *story = heaps_story(v->heaps, v->place->space);
    story = story ? story : &none;
    add_head(out, v);
    add_heap(out, v, story);
    inside_text(out, v->decoder, v->inside);
    add_table(out, v, "heap grown by", grew);
    add_table(out, v, "heap and arenas trimmed by", shrank);
    add_returned(out, story);
    add_thresholds(out, v, story);
    add_chunks(out, story);
    add_table(out, v, "chunks mapped by", chunks);
    add_arenas(out, v, story);
    add_table(out, v, "arenas grown by", arenas);
}
