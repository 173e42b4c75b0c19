/* heap.c: what malloc did, in the process whose malloc asked for most. */
#include "page.h"

#include "../heap.h"
#include "../stack_text.h"
#include "../units.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_STEPS = 200000 };

enum { STEP_TIME, STEP_ACT, STEP_BYTES, STEP_SIZE, STEP_STACK, STEP_EVENT, STEP_COLUMNS };

struct heap_part {
    struct heaps *heaps;
    struct column steps[STEP_COLUMNS];
    uint64_t left_out;
};

struct heap_part *heap_part_new(void)
{
    struct heap_part *part = calloc(1, sizeof(*part));
    if (!part || !(part->heaps = heaps_new())) {
        free(part);
        return NULL;
    }
    part->steps[STEP_TIME] = (struct column)COLUMN("step_time", COLUMN_NEAR);
    part->steps[STEP_ACT] = (struct column)COLUMN("step_act", COLUMN_BYTE);
    part->steps[STEP_BYTES] = (struct column)COLUMN("step_bytes", COLUMN_NUMBER);
    part->steps[STEP_SIZE] = (struct column)COLUMN("step_size", COLUMN_NEAR);
    part->steps[STEP_STACK] = (struct column)COLUMN("step_stack", COLUMN_NEAR);
    part->steps[STEP_EVENT] = (struct column)COLUMN("step_event", COLUMN_NEAR);
    return part;
}

void heap_part_free(struct heap_part *part)
{
    if (!part)
        return;
    heaps_free(part->heaps);
    for (int i = 0; i < STEP_COLUMNS; i++)
        column_free(&part->steps[i]);
    free(part);
}

static uint32_t main_space(const struct page *page)
{
    return heaps_main_space(timeline_heaps(page->timeline));
}

void heap_part_add(struct heap_part *part, struct page *page, const struct moment *m)
{
    const struct heap_step step = heaps_add(part->heaps, page->decoder, m);
    if (step.act == HEAP_NOTHING || step.act == HEAP_MEASURED || m->space != main_space(page))
        return;
    if (part->steps[STEP_TIME].items >= MOST_STEPS) {
        part->left_out++;
        return;
    }
    column_add(&part->steps[STEP_TIME], m->time);
    column_add(&part->steps[STEP_ACT], step.act);
    column_add(&part->steps[STEP_BYTES], step.bytes);
    column_add(&part->steps[STEP_SIZE], step.size);
    column_add(&part->steps[STEP_STACK],
               m->event ? stack_sums_index(page->decoder, m->record->event.stack) : STACK_SUMS_NONE);
    column_add(&part->steps[STEP_EVENT], m->event);
}

/* ---- in words ---- */

struct words {
    struct column name, word;
};

static void say(struct words *w, const char *name, const char *text)
{
    column_string(&w->name, name);
    column_string(&w->word, text);
}

static void say_acts(struct words *w, const struct heap_story *story)
{
    for (int act = HEAP_GROWN; act < HEAP_MEASURED; act++) {
        char text[128], bytes[UNITS_MAX], calls[UNITS_MAX];
        if (!story->acts[act].calls)
            continue;
        snprintf(text, sizeof(text), "%s in %s %s", units_size(bytes, sizeof(bytes), story->acts[act].bytes),
                 units_count(calls, sizeof(calls), story->acts[act].calls),
                 story->acts[act].calls == 1 ? "call" : "calls");
        say(w, heap_act_name((enum heap_act)act), text);
    }
}

static void say_thresholds(struct words *w, const struct heap_thresholds *t)
{
    char text[128], bytes[UNITS_MAX];
    struct buffer sign = {0};
    snprintf(text, sizeof(text), "%s%s", units_size(bytes, sizeof(bytes), t->mmap), t->unknown ? " at first" : "");
    say(w, "blocks are mapped from", text);
    say(w, "trimmed when free at the top", units_size(bytes, sizeof(bytes), t->trim));
    heap_sign(&sign, t);
    if (sign.size)
        say(w, "set by the program, as", buffer_chars(&sign));
    buffer_free(&sign);
}

static void say_story(struct words *w, const struct heap_story *story)
{
    char text[128], one[UNITS_MAX], two[UNITS_MAX];
    snprintf(text, sizeof(text), "%s at %s", units_size(one, sizeof(one), story->high),
             units_duration(two, sizeof(two), story->high_time));
    say(w, "high water", text);
    say_acts(w, story);
    if (story->promised)
        say(w, "promised by trims", units_size(one, sizeof(one), story->promised));
    if (story->measured) {
        snprintf(text, sizeof(text), "%s at least, of %s measured", units_size(one, sizeof(one), story->returned),
                 units_size(two, sizeof(two), story->measured));
        say(w, "really returned", text);
    }
    if (story->chunk_high)
        say(w, "mapped blocks at most", units_size(one, sizeof(one), story->chunk_high));
}

/* The last look into a space; of those that are gone, only that of the command and the worst one are kept. */
static const struct inside *inside_of(const struct page *page, uint32_t space)
{
    const struct insides *all = timeline_insides(page->timeline);
    const struct inside *choices[] = {insides_last(all, space), insides_command(all), insides_worst(all)};
    for (size_t i = 0; i < sizeof(choices) / sizeof(choices[0]); i++)
        if (choices[i] && choices[i]->space == space)
            return choices[i];
    return NULL;
}

/* What lay inside when it was looked at last. */
static void say_inside(struct page *page, struct words *w, uint32_t space)
{
    const struct inside *inside = inside_of(page, space);
    const struct inside_heap *main = inside ? inside_main(inside) : NULL;
    char text[192], one[UNITS_MAX], two[UNITS_MAX], three[UNITS_MAX];
    if (!main)
        return;
    const struct rec_walk *walk = &main->walk;
    snprintf(text, sizeof(text), "%s used, %s free, %s at the top", units_size(one, sizeof(one), walk->used),
             units_size(two, sizeof(two), walk->binned + walk->tcache + walk->fast),
             units_size(three, sizeof(three), walk->top));
    say(w, inside->reason == WALK_AT_EXIT ? "inside, at the end" : "inside, when last looked at", text);
    say(w, "could be given back, in whole pages", units_size(one, sizeof(one), walk->pages));
    if (!walk->pin || !walk->pages)
        return;
    struct buffer site = {0};
    stack_site(&site, decoder_code(page->decoder), main->pin_stack, 0);
    /* As the program knows it: without the header. */
    const unsigned word = walk->flags & WALK_32BIT ? 4 : 8;
    snprintf(text, sizeof(text), "%s bytes at %llx%s%.100s", units_count(one, sizeof(one), walk->pin_size - word),
             (unsigned long long)walk->pin + 2ull * word, site.size ? ", its page grown by " : "", buffer_chars(&site));
    say(w, "block that pins the top", text);
    buffer_free(&site);
}

/* ---- sections ---- */

enum { PROC, WORD_NAME, WORD, LEFT_OUT, STEPS };
enum {
    MOVE_TIME = STEPS + STEP_COLUMNS,
    MOVE_FROM,
    MOVE_TO,
    MOVE_STACK,
    ARENA_START,
    ARENA_RESERVED,
    ARENA_OPEN,
    ARENA_TIME,
    ARENA_THREADS_TEXT,
    COLUMNS
};

static void add_moves(struct page *page, struct column *c)
{
    const struct heap_thresholds *t = &page->thresholds;
    for (size_t i = 0; i < t->n_moves; i++) {
        column_add(&c[MOVE_TIME], t->moves[i].time);
        column_add(&c[MOVE_FROM], t->moves[i].from);
        column_add(&c[MOVE_TO], t->moves[i].to);
        column_add(&c[MOVE_STACK], stack_sums_index(page->decoder, t->moves[i].stack));
    }
}

static void add_arenas(struct page *page, struct column *c, const struct heap_story *story)
{
    for (size_t i = 0; i < story->n_arenas; i++) {
        const struct heap_arena *arena = &story->arenas[i];
        struct buffer threads = {0};
        for (uint32_t thread = 0; thread < arena->n_threads && thread < ARENA_THREADS; thread++) {
            buffer_string(&threads, thread ? ", " : "");
            buffer_unsigned(&threads, arena->threads[thread]);
        }
        buffer_string(&threads, arena->more_threads ? ", ..." : "");
        column_add(&c[ARENA_START], arena->start / TRACE_PAGE);
        column_add(&c[ARENA_RESERVED], arena->reserved);
        column_add(&c[ARENA_OPEN], arena->open);
        column_add(&c[ARENA_TIME], arena->time);
        column_add(&c[ARENA_THREADS_TEXT], strings_add_buffer(&page->strings, &threads));
        buffer_free(&threads);
    }
}

static uint64_t process_of_space(const struct page *page, uint32_t space)
{
    size_t count;
    const struct survey_space *spaces = survey_spaces(page->survey, &count);
    for (size_t i = count; i-- > 0;)
        if (spaces[i].id == space)
            return spaces[i].process == SIZE_MAX ? 0 : spaces[i].process + 1;
    return 0;
}

void page_heap(struct page *page)
{
    const uint32_t space = main_space(page);
    const struct heap_story *story = space ? heaps_story(timeline_heaps(page->timeline), space) : NULL;
    struct words words = {COLUMN("word_name", COLUMN_TEXT), COLUMN("word", COLUMN_TEXT)};
    struct column c[COLUMNS] = {
        [PROC] = COLUMN("proc", COLUMN_NUMBER),
        [LEFT_OUT] = COLUMN("steps_left_out", COLUMN_NUMBER),
        [MOVE_TIME] = COLUMN("move_time", COLUMN_NEAR),
        [MOVE_FROM] = COLUMN("move_from", COLUMN_NUMBER),
        [MOVE_TO] = COLUMN("move_to", COLUMN_NUMBER),
        [MOVE_STACK] = COLUMN("move_stack", COLUMN_NUMBER),
        [ARENA_START] = COLUMN("arena_start_page", COLUMN_NEAR),
        [ARENA_RESERVED] = COLUMN("arena_reserved", COLUMN_NUMBER),
        [ARENA_OPEN] = COLUMN("arena_open", COLUMN_NUMBER),
        [ARENA_TIME] = COLUMN("arena_time", COLUMN_NUMBER),
        [ARENA_THREADS_TEXT] = COLUMN("arena_threads_str", COLUMN_NUMBER),
    };
    column_add(&c[PROC], story ? process_of_space(page, space) : 0);
    column_add(&c[LEFT_OUT], page->heap->left_out);
    if (story) {
        say_story(&words, story);
        say_inside(page, &words, space);
        say_thresholds(&words, &page->thresholds);
        add_moves(page, c);
        add_arenas(page, c, story);
    }
    c[WORD_NAME] = words.name;
    c[WORD] = words.word;
    memcpy(&c[STEPS], page->heap->steps, sizeof(page->heap->steps));
    memset(page->heap->steps, 0, sizeof(page->heap->steps)); /* the columns are freed with the others */
    page_columns(page, "heap", c, COLUMNS);
}
