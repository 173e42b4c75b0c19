/* coverage.c: stacks and names that are missing, by module. */
#include "coverage.h"

#include "escape.h"
#include "units.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MODULES_SHOWN = 3 };

/* What is missing in one module; module 0 stands for code that programs made. */
struct lack {
    uint32_t module;
    uint64_t nameless; /* frames */
    uint64_t guessed;  /* callers of its frames, in all stacks */
};

static uint64_t with_stack(const struct totals *t)
{
    return t->stacks[STACK_COMPLETE] + t->stacks[STACK_GUESSED] + t->stacks[STACK_TRUNCATED];
}

bool coverage_is_poor(const struct totals *t)
{
    const uint64_t all = with_stack(t) + t->without_stack;
    return with_stack(t) && t->stacks[STACK_COMPLETE] * 100 < all * COVERAGE_POOR;
}

/* A caller was guessed because of the frame below it. */
static void count_guesses(const struct code *code, uint32_t id, struct lack *lacks)
{
    struct code_stack stack;
    if (!code_stack(code, id, &stack))
        return;
    for (uint32_t i = 1; i < stack.n_frames; i++) {
        const struct code_frame *frame = code_frame(code, stack.frames[i]);
        const struct code_frame *inner = code_frame(code, stack.frames[i - 1]);
        if (frame && inner && frame->flags & FRAME_GUESSED && inner->module <= code_modules(code))
            lacks[inner->module].guessed++;
    }
}

/* By module id, module 0 included; malloc'ed, NULL without memory. */
static struct lack *collect(const struct code *code)
{
    struct lack *lacks = calloc((size_t)code_modules(code) + 1, sizeof(*lacks));
    for (uint32_t id = 1; lacks && id <= code_frames(code); id++) {
        const struct code_frame *frame = code_frame(code, id);
        if (!frame || frame->module > code_modules(code))
            continue;
        lacks[frame->module].nameless += !code_frame_has_name(code, frame);
    }
    for (uint32_t id = 1; lacks && id <= code_stacks(code); id++)
        count_guesses(code, id, lacks);
    for (uint32_t module = 0; lacks && module <= code_modules(code); module++)
        lacks[module].module = module;
    return lacks;
}

static int by_nameless(const void *a, const void *b)
{
    const struct lack *one = a, *two = b;
    return one->nameless > two->nameless ? -1 : one->nameless < two->nameless;
}

static int by_guessed(const void *a, const void *b)
{
    const struct lack *one = a, *two = b;
    return one->guessed > two->guessed ? -1 : one->guessed < two->guessed;
}

static void add_module(struct buffer *out, const struct code *code, uint32_t module)
{
    const struct code_module *known = code_module(code, module);
    if (known)
        escape_text(out, base_name(known->path), 0, 64);
    else
        buffer_string(out, "code that the program made");
}

/* "             python3.11: 80, it is stripped, and no debug file was found" */
static void add_nameless(struct buffer *out, const struct code *code, const struct lack *lack)
{
    const struct code_module *module = code_module(code, lack->module);
    char count[UNITS_MAX];
    const char *why = !module            ? "no perf map was written (node --perf-basic-prof, java with a perf agent)"
                      : module->resolved ? symbol_problem_text(module->problem)
                                         : "names were not looked for: brkwater symbolize";
    buffer_string(out, "             ");
    add_module(out, code, lack->module);
    buffer_string(out, ": ");
    buffer_string(out, units_count(count, sizeof(count), lack->nameless));
    buffer_string(out, *why ? ", " : "");
    buffer_string(out, why);
    buffer_char(out, '\n');
}

static void add_guessed(struct buffer *out, const struct code *code, const struct lack *lacks, size_t count)
{
    buffer_string(out, "             guessed where there are no unwind tables: ");
    for (size_t i = 0; i < count && i < MODULES_SHOWN && lacks[i].guessed; i++) {
        buffer_string(out, i ? ", " : "");
        add_module(out, code, lacks[i].module);
    }
    buffer_string(out, ".\n             Install their debug files, or build them with -fasynchronous-unwind-tables\n"
                       "             or -fno-omit-frame-pointer\n");
}

static void add_share(struct buffer *out, const char *before, uint64_t part, uint64_t all, const char *name)
{
    char text[64];
    const uint64_t tenths = part * 1000 / all;
    if (!part)
        return;
    snprintf(text, sizeof(text), "%s%llu.%llu %% %s", before, (unsigned long long)(tenths / 10),
             (unsigned long long)(tenths % 10), name);
    buffer_string(out, text);
}

/* Whether something could be done about it. */
static bool lacks_debug_files(const struct code *code, const struct lack *lacks, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct code_module *module = code_module(code, lacks[i].module);
        if (module && module->resolved && module->problem == SYMBOL_NO_DEBUG_FILE)
            return true;
    }
    return false;
}

static void add_missing(struct buffer *out, const struct code *code, struct lack *lacks)
{
    const size_t count = (size_t)code_modules(code) + 1;
    size_t lacking = 0;
    qsort(lacks, count, sizeof(*lacks), by_nameless);
    while (lacking < count && lacks[lacking].nameless)
        lacking++;
    for (size_t i = 0; i < lacking && i < MODULES_SHOWN; i++)
        add_nameless(out, code, &lacks[i]);
    if (lacking > MODULES_SHOWN) {
        char text[64];
        snprintf(text, sizeof(text), "             and %zu more\n", lacking - MODULES_SHOWN);
        buffer_string(out, text);
    }
    if (lacks_debug_files(code, lacks, lacking))
        buffer_string(out,
                      "             Install their debug packages, or use --debuginfod; then run brkwater symbolize\n");
    qsort(lacks, count, sizeof(*lacks), by_guessed);
    if (lacks[0].guessed)
        add_guessed(out, code, lacks, count);
}

void coverage_write(struct buffer *out, const struct decoder *decoder, const struct totals *t)
{
    const struct code *code = decoder_code(decoder);
    const uint64_t all = with_stack(t) + t->without_stack;
    uint64_t frames, nameless;
    char count[UNITS_MAX], of[UNITS_MAX];
    if (!with_stack(t))
        return;
    buffer_string(out, "  stacks     ");
    if (t->stacks[STACK_COMPLETE] == all)
        buffer_string(out, "all complete");
    else
        add_share(out, "", t->stacks[STACK_COMPLETE], all, "complete");
    add_share(out, ", ", t->stacks[STACK_GUESSED], all, "guessed");
    add_share(out, ", ", t->stacks[STACK_TRUNCATED], all, "truncated");
    add_share(out, ", ", t->without_stack, all, "without");
    code_frame_names(code, &frames, &nameless);
    if (nameless) {
        buffer_string(out, "     names missing for ");
        buffer_string(out, units_count(count, sizeof(count), nameless));
        buffer_string(out, " of ");
        buffer_string(out, units_count(of, sizeof(of), frames));
        buffer_string(out, " frames:");
    }
    buffer_char(out, '\n');
    struct lack *lacks = collect(code);
    if (lacks)
        add_missing(out, code, lacks);
    free(lacks);
}

/* ---- what there is nothing of ---- */

/* "kernel.perf_event_paranoid" is told of by brkwater doctor. */
const char *coverage_unseen_faults(const struct rec_fault_sight *sight)
{
    if (!sight)
        return "the recording did not look at them";
    switch (sight->sight) {
    case FAULTS_OFF:
        return "--no-faults was given";
    case FAULTS_MANY:
        return "there were too many threads to look at";
    default:
        return "the kernel did not allow to look at them (brkwater doctor)";
    }
}

static void add_item(struct buffer *out, const char *what, const char *why)
{
    buffer_string(out, out->size ? "; " : "");
    buffer_string(out, what);
    buffer_string(out, " (");
    buffer_string(out, why);
    buffer_char(out, ')');
}

void coverage_uncollected(struct buffer *out, const struct decoder *d, const struct timeline *timeline)
{
    const struct totals *t = timeline_totals(timeline);
    const struct rec_header *header = decoder_header(d);
    const struct rec_fault_sight *sight = decoder_fault_sight(d);
    if (header && !header->sample_interval)
        add_item(out, "resident memory over time", "--sample-interval=0 was given");
    else if (!t->samples)
        add_item(out, "resident memory", "there was no sample: the run was too short");
    if (t->events && !with_stack(t))
        add_item(out, "call stacks", "no event has one, as with --depth=0");
    if (!sight || sight->sight < FAULTS_USER)
        add_item(out, "which code touches memory first", coverage_unseen_faults(sight));
    if (!t->high_receipt.time)
        add_item(out, "which pages are resident", "there was no look at them: --residency-at");
    if (t->heap_grow_calls && !insides_worst(timeline_insides(timeline)))
        add_item(out, "what is free inside of heaps", "there was no look into them: brkwater heap");
}
