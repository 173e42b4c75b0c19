/* findings_heap.c: what malloc does with the heap, with thresholds and with arenas. */
#include "findings.h"

#include <stdlib.h>

/* ---- trim-storm ---- */

enum {
    STORM_CYCLES = 100,     /* trims that a growth followed */
    STORM_TIMES = 16,       /* the heap's highest size came again so many times */
    STORM_TRIMS = 1000,     /* trims, if they are small ones */
    STORM_SMALL = 16 << 10, /* bytes, on the average */
    STORM_PERCENT = 25,     /* of the time between the first and the last change of the break goes into the calls */
};

static bool is_cycling(const struct space_facts *s)
{
    return s->cycles >= STORM_CYCLES && s->regrown >= STORM_TIMES * s->high;
}

static bool is_crumbling(const struct space_facts *s)
{
    return s->trims >= STORM_TRIMS && s->trimmed / s->trims < STORM_SMALL;
}

static uint64_t break_share(const struct space_facts *s)
{
    const uint64_t all = s->break_last - s->break_first;
    return all && s->break_ticks < all ? s->break_ticks * 100 / all : 100;
}

static const char *trim_advice(enum heap_cause cause)
{
    switch (cause) {
    case CAUSE_MALLOC_TRIM:
        return "Call malloc_trim less often: what it gives back is asked for again.";
    case CAUSE_PROGRAM:
        return "Move the break in larger steps, and keep some room: each sbrk is a call of the kernel.";
    default:
        return "Let malloc keep more at the top of its heap: GLIBC_TUNABLES=glibc.malloc.trim_threshold=4194304, or "
               "mallopt(M_TRIM_THRESHOLD, ...).";
    }
}

void find_trims(const struct findings_view *v, struct findings *findings)
{
    const struct space_facts *s = facts_worst(v->facts, TOPIC_TRIMS);
    if (!s || break_share(s) < STORM_PERCENT || (!is_cycling(s) && !is_crumbling(s)))
        return;
    const struct finding proto = {
        .name = "trim-storm",
        .severity = SEVERITY_WARNING,
        .confidence = CONFIDENCE_HIGH,
        .sentence = is_cycling(s) ? "The heap grew and was trimmed over and over at one boundary: {cycles} times it "
                                    "grew again after a trim, {regrown} in all, and never was larger than {high}."
                                  : "The heap was trimmed in small pieces, {trims} times, by {trim} on the average.",
        .advice = trim_advice(heap_cause(decoder_code(v->decoder), s->trim_stack)),
        .see = "brkwater heap {trace}",
        .pid = s->pid,
        .space = s->space,
    };
    struct finding *finding = findings_add(findings, &proto);
    finding_number(finding, "cycles", UNIT_COUNT, s->cycles);
    finding_number(finding, "growths", UNIT_COUNT, s->growths);
    finding_number(finding, "trims", UNIT_COUNT, s->trims);
    finding_number(finding, "trim", UNIT_BYTES, s->trims ? s->trimmed / s->trims : 0);
    finding_number(finding, "regrown", UNIT_BYTES, s->regrown);
    finding_number(finding, "high", UNIT_BYTES, s->high);
    finding_number(finding, "share", UNIT_PERCENT, break_share(s));
    finding_event(finding, s->trim_event);
    finding_event(finding, s->growth_event);
    finding_when(finding, s->break_first, s->break_last);
    finding_stack(finding, s->trim_stack);
    finding_stack(finding, s->growth_stack);
}

/* ---- threshold-drift ---- */

enum {
    DRIFT_BLOCKS = 2,       /* that had been mapped, and would no longer be */
    DRIFT_BYTES = 1 << 20,  /* by which the heap grew for code that had mapped blocks before */
    DRIFT_CALLS = 8,        /* in so many growths */
    DRIFT_MEAN = 144 << 10, /* bytes of one, on the average: small blocks make it grow by 132K */
    DRIFT_KEPT = 50,        /* percent of its highest size that the heap still has */
};

/* What the call site of that stack made the heap grow by. */
static struct heap_count grown_by_site(const struct findings_view *v, uint32_t space, uint32_t stack)
{
    struct code *code = decoder_code(v->decoder);
    struct code_line site, line;
    struct heap_count count = {0};
    const struct heap_sum *sum;
    if (!code_site(code, stack, &site) || !site.frame)
        return count;
    for (size_t i = 0; (sum = heaps_sum(v->heaps, space, i)); i++)
        if (sum->act == HEAP_GROWN && code_site(code, sum->stack, &line) && line.frame == site.frame) {
            count.calls += sum->calls;
            count.bytes += sum->bytes;
        }
    return count;
}

static uint64_t moved_blocks(const struct heap_thresholds *t)
{
    uint64_t blocks = 0;
    for (size_t i = 0; i < t->n_moves; i++)
        blocks += t->moves[i].chunks;
    return blocks;
}

static void add_drift(const struct findings_view *v, struct findings *findings, const struct heap_thresholds *t,
                      const struct heap_count *grown)
{
    const struct space_facts *s = facts_worst(v->facts, TOPIC_HEAP);
    const struct heap_move *move = &t->moves[t->n_moves - 1];
    const struct finding proto = {
        .name = "threshold-drift",
        .severity = SEVERITY_WARNING,
        .confidence = CONFIDENCE_MEDIUM,
        .sentence = "Freeing a block of {to} raised malloc's mmap threshold from {from}: blocks of {site} that were "
                    "mapped, and given back when freed, come from the heap since then, and it grew by {grown} for "
                    "them.",
        .advice = "Fix the threshold: GLIBC_TUNABLES=glibc.malloc.mmap_threshold=131072, or "
                  "mallopt(M_MMAP_THRESHOLD, 131072).",
        .see = "brkwater heap {trace}",
        .pid = s->pid,
        .space = s->space,
    };
    struct finding *finding = findings_add(findings, &proto);
    finding_number(finding, "from", UNIT_BYTES, t->moves[0].from);
    finding_number(finding, "to", UNIT_BYTES, move->to);
    finding_number(finding, "moves", UNIT_COUNT, t->n_moves);
    finding_number(finding, "grown", UNIT_BYTES, grown->bytes);
    finding_number(finding, "calls", UNIT_COUNT, grown->calls);
    finding_number(finding, "heap", UNIT_BYTES, s->heap);
    finding_event(finding, move->event);
    finding_event(finding, move->moved);
    finding_when(finding, move->time, 0);
    finding_stack(finding, move->moved_stack);
    finding_stack(finding, move->stack);
}

void find_drift(const struct findings_view *v, struct findings *findings)
{
    const struct space_facts *s = facts_worst(v->facts, TOPIC_HEAP);
    struct heap_thresholds t;
    if (!s || s->heap * 100 < s->high * DRIFT_KEPT ||
        heaps_thresholds(v->heaps, s->space, decoder_code(v->decoder), &t) < 0)
        return;
    if (t.n_moves && !t.sign && t.moves[t.n_moves - 1].moved) {
        const struct heap_count grown = grown_by_site(v, s->space, t.moves[t.n_moves - 1].moved_stack);
        if (grown.bytes >= DRIFT_BYTES && grown.calls >= DRIFT_CALLS && grown.bytes / grown.calls >= DRIFT_MEAN &&
            moved_blocks(&t) >= DRIFT_BLOCKS)
            add_drift(v, findings, &t, &grown);
    }
    free(t.moves);
}

/* ---- arena-sprawl ---- */

enum {
    SPRAWL_ARENAS = 5,  /* at once */
    SPRAWL_PERCENT = 5, /* of what they reserve is open */
};

/* The last process that had that space. */
static uint32_t pid_of(const struct findings_view *v, uint32_t space)
{
    const struct process_info *process;
    uint32_t pid = 0;
    for (size_t i = 0; (process = decoder_process_at(v->decoder, i)); i++)
        if (process->space == space)
            pid = process->pid;
    return pid;
}

void find_arenas(const struct findings_view *v, struct findings *findings)
{
    const uint32_t space = heaps_main_space(v->heaps);
    const struct heap_story *story = space ? heaps_story(v->heaps, space) : NULL;
    const struct heap_arena *most = NULL;
    uint64_t reserved = 0, open = 0;
    if (!story || story->n_arenas < SPRAWL_ARENAS)
        return;
    for (size_t i = 0; i < story->n_arenas; i++) {
        reserved += story->arenas[i].reserved;
        open += story->arenas[i].open;
        most = !most || story->arenas[i].open > most->open ? &story->arenas[i] : most;
    }
    if (open * 100 > reserved * SPRAWL_PERCENT)
        return;
    const struct finding proto = {
        .name = "arena-sprawl",
        .severity = SEVERITY_WARNING,
        .confidence = CONFIDENCE_HIGH,
        .sentence = "Threads have {arenas} malloc arenas, which reserve {reserved} of address space and use {open} of "
                    "it; what one of them has free is no use to the others.",
        .advice = "Let threads share: GLIBC_TUNABLES=glibc.malloc.arena_max=2, or mallopt(M_ARENA_MAX, 2). Address "
                  "space alone costs nothing unless it is limited.",
        .see = "brkwater heap {trace}",
        .pid = pid_of(v, space),
        .space = space,
    };
    struct finding *finding = findings_add(findings, &proto);
    finding_number(finding, "arenas", UNIT_COUNT, story->n_arenas);
    finding_number(finding, "reserved", UNIT_BYTES, reserved);
    finding_number(finding, "open", UNIT_BYTES, open);
    finding_event(finding, most->event);
    finding_stack(finding, most->stack);
}

/* ---- heap-pinned ---- */

enum {
    PINNED_BYTES = 4 << 20, /* that the heap has */
    PINNED_PERCENT = 75,    /* of its highest size */
    PINNED_PART = 8,        /* trims gave back less than that part of its highest size */
};

/* And with one: */
enum {
    PIN_RUN = 1 << 20,     /* bytes of the largest free run */
    PIN_PERCENT = 25,      /* of the heap */
    PIN_PART = 8,          /* in use above it is less than that part of it */
    PIN_WARNING = 4 << 20, /* a warning: so much, and half of the heap */
};

/* Without a look inside of the heap: this says no more than that nothing came back. */
static void guess_pinned(const struct findings_view *v, struct findings *findings)
{
    const struct space_facts *s = facts_worst(v->facts, TOPIC_HEAP);
    if (!s || !s->growths || s->heap < PINNED_BYTES || s->heap * 100 < s->high * PINNED_PERCENT ||
        s->trimmed * PINNED_PART >= s->high)
        return;
    const struct finding proto = {
        .name = "heap-pinned",
        .severity = SEVERITY_NOTE,
        .confidence = CONFIDENCE_LOW,
        .sentence =
            "The heap has {heap}, near its highest size of {high}, and was trimmed {trims:time:times}: either its "
            "blocks are in use, or one that is in use near the top keeps all below it from being given back.",
        .advice = "If the program has freed most of it: allocate what lives long before what does not, or call "
                  "malloc_trim(0), which gives back free pages below the top, too.",
        .see = "brkwater heap {trace}",
        .pid = s->pid,
        .space = s->space,
    };
    struct finding *finding = findings_add(findings, &proto);
    finding_number(finding, "heap", UNIT_BYTES, s->heap);
    finding_number(finding, "high", UNIT_BYTES, s->high);
    finding_number(finding, "growths", UNIT_COUNT, s->growths);
    finding_number(finding, "trims", UNIT_COUNT, s->trims);
    finding_number(finding, "trimmed", UNIT_BYTES, s->trimmed);
    finding_number(finding, "last_growth", UNIT_TICKS, s->last_growth);
    finding_event(finding, s->growth_event);
    finding_when(finding, s->last_growth, 0);
    finding_stack(finding, s->growth_stack);
}

static void add_pinned(struct findings *findings, const struct inside *inside, const struct inside_heap *heap)
{
    const struct rec_walk *w = &heap->walk;
    const struct inside_sums sums = inside_sums(inside, true);
    const bool is_large = heap->runs[0].size >= PIN_WARNING && heap->runs[0].size * 2 >= sums.size;
    const struct finding proto = {
        .name = "heap-pinned",
        .severity = is_large ? SEVERITY_WARNING : SEVERITY_NOTE,
        .confidence = CONFIDENCE_HIGH,
        .sentence =
            w->flags & WALK_PIN_KEPT
                ? w->above_chunks
                      ? "{pinned} of free heap cannot be given back: above it lies {above_blocks:block:blocks} in "
                        "use, and right below the top a free one of {pin:byte:bytes} that malloc keeps for a thread "
                        "or in a fastbin; its page was grown by {site}."
                      : "{pinned} of free heap cannot be given back: nothing above it is in use, but right below "
                        "the top lies a free block of {pin:byte:bytes} that malloc keeps for a thread or in a fastbin; "
                        "its page was grown by {site}."
                : "{pinned} of free heap cannot be given back, pinned by {above_blocks:block:blocks} in use "
                  "above it. The one nearest the top has {pin:byte:bytes}; its page was grown by {site}.",
        .advice = "Allocate what lives long before what does not, or elsewhere; or call malloc_trim(0) when much was "
                  "freed, which gives back free pages below the top, too.",
        .see = "brkwater heap {trace}",
        .pid = inside->pid,
        .space = inside->space,
    };
    struct finding *finding = findings_add(findings, &proto);
    const unsigned word = w->flags & WALK_32BIT ? 4 : 8;
    finding_number(finding, "heap", UNIT_BYTES, sums.size);
    finding_number(finding, "free", UNIT_BYTES, sums.free);
    finding_number(finding, "pinned", UNIT_BYTES, sums.pages);
    finding_number(finding, "largest", UNIT_BYTES, heap->runs[0].size);
    finding_number(finding, "above", UNIT_BYTES, w->above);
    finding_number(finding, "above_blocks", UNIT_COUNT, w->above_chunks);
    finding_number(finding, "pin", UNIT_COUNT, w->pin_size - word);
    finding_number(finding, "pin_address", UNIT_ADDRESS, w->pin + 2ull * word);
    finding_event(finding, heap->pin_event);
    finding_when(finding, heap->pin_time, inside->time);
    finding_stack(finding, heap->pin_stack);
}

/* Where a look inside tells what is free, it is no guess: one large run, with little in use above it. */
void find_pinned(const struct findings_view *v, struct findings *findings)
{
    const struct inside *inside = insides_worst(v->insides);
    const struct inside_heap *heap = inside ? inside_main(inside) : NULL;
    if (!heap || !inside_is_whole(heap)) {
        guess_pinned(v, findings);
        return;
    }
    const uint64_t size = heap->walk.end - heap->walk.start, largest = heap->walk.n_runs ? heap->runs[0].size : 0;
    if (heap->walk.pin && largest >= PIN_RUN && largest >= size / 100 * PIN_PERCENT &&
        heap->walk.above * PIN_PART <= largest)
        add_pinned(findings, inside, heap);
}
