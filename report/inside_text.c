/* inside_text.c: the inside of heaps for people. */
#include "inside.h"

#include "stack_text.h"
#include "wording.h"

#include <stdio.h>

enum { SITE_WIDTH = 40, HEAPS_SHOWN = 12 };

unsigned inside_fragmentation(const struct inside_heap *h)
{
    const uint64_t all = h->walk.binned, largest = h->walk.n_runs ? h->runs[0].size : 0;
    return all && largest <= all ? (unsigned)((all - largest) * 100 / all) : 0;
}

void inside_map(struct buffer *out, const struct inside_heap *h, unsigned columns)
{
    const size_t cells = h->walk.cells.size;
    const unsigned shown = cells < columns ? (unsigned)cells : columns;
    for (unsigned i = 0; i < shown; i++) {
        const size_t from = cells * i / shown, to = cells * (i + 1) / shown;
        unsigned sum = 0;
        for (size_t cell = from; cell < to; cell++)
            sum += h->cells[cell];
        buffer_char(out, sum >= (to - from) * 128 ? 'U' : sum ? 'u' : '.');
    }
}

void inside_ending(struct buffer *out, const struct inside_heap *h)
{
    static const char *const words[WALK_ENDS] = {
        [WALK_CORRUPT] = "a header there is impossible: it was overwritten, or is not malloc's",
        [WALK_FOREIGN] = "memory that is not malloc's begins there (sbrk), and none of malloc's was found behind it",
        [WALK_UNREADABLE] = "memory there could not be read",
        [WALK_TIMED_OUT] = "it took too long",
        [WALK_TOO_LARGE] = "there was too much to read",
        [WALK_NOT_GLIBC] = "no state of glibc's malloc that belongs to it was found",
    };
    const struct rec_walk *w = &h->walk;
    if (inside_is_whole(h) || w->ending >= WALK_ENDS)
        return;
    if (w->ending == WALK_NOT_GLIBC)
        say(out, "not walked: %s", words[w->ending]);
    else
        say(out, "ended at %012llx, with %s not seen: %s", (unsigned long long)w->ended, SIZE(w->unseen),
            words[w->ending]);
}

/* ---- one heap ---- */

static const char *noun(uint64_t count, const char *one, const char *many)
{
    return count == 1 ? one : many;
}

static void add_title(struct buffer *out, const struct inside_heap *h)
{
    const struct rec_walk *w = &h->walk;
    char title[32];
    if (w->flags & WALK_MAIN)
        snprintf(title, sizeof(title), "main heap");
    else
        snprintf(title, sizeof(title), "arena %u%s", w->arena, w->flags & WALK_FIRST ? "" : " +");
    say(out, "  %-9s  %012llx, %s", title, (unsigned long long)w->start, SIZE(w->end - w->start));
}

static void add_sums(struct buffer *out, const struct inside_heap *h)
{
    const struct rec_walk *w = &h->walk;
    const char *most = w->flags & WALK_CUT_LISTS ? "at most " : "";
    say(out, "     used %s%s in %s %s     free %s in %s %s     top %s\n", most, SIZE(w->used), COUNT(w->used_chunks),
        noun(w->used_chunks, "chunk", "chunks"), SIZE(w->binned), COUNT(w->binned_chunks),
        noun(w->binned_chunks, "run", "runs"), SIZE(w->top));
}

static void add_kept(struct buffer *out, const struct inside_heap *h)
{
    const struct rec_walk *w = &h->walk;
    const char *least = w->flags & WALK_CUT_LISTS ? "at least " : "";
    if (w->tcache_chunks || w->fast_chunks) {
        say(out, "             kept for threads %s%s in %s (tcache)", least, SIZE(w->tcache), COUNT(w->tcache_chunks));
        if (w->fast_chunks)
            say(out, "     in fastbins %s%s in %s", least, SIZE(w->fast), COUNT(w->fast_chunks));
        buffer_char(out, '\n');
    }
    if (w->unsorted_chunks)
        say(out, "             of the free, %s%s in %s %s are unsorted\n", least, SIZE(w->unsorted),
            COUNT(w->unsorted_chunks), noun(w->unsorted_chunks, "run", "runs"));
}

static void add_runs(struct buffer *out, const struct inside_heap *h)
{
    const struct rec_walk *w = &h->walk;
    if (!w->binned_chunks)
        return;
    say(out, "             largest free run %s     fragmentation %u %%     could be given back %s in whole pages\n",
        SIZE(h->runs[0].size), inside_fragmentation(h), SIZE(w->pages));
}

static void add_birth(struct buffer *out, const struct decoder *d, const struct inside_heap *h)
{
    if (!h->pin_event && !h->pin_stack)
        return;
    say(out, "\n             its page was %s at %s by ", h->walk.flags & WALK_MAIN ? "grown" : "reserved",
        TIME(h->pin_time));
    if (!stack_site(out, decoder_code(d), h->pin_stack, SITE_WIDTH))
        buffer_string(out, "unknown code");
}

/* What malloc gives out of a chunk begins behind its header, and ends behind the next chunk's first word. */
static void add_pin(struct buffer *out, const struct decoder *d, const struct inside_heap *h)
{
    const struct rec_walk *w = &h->walk;
    const unsigned word = w->flags & WALK_32BIT ? 4 : 8;
    if (w->ending != WALK_TO_TOP)
        return;
    if (!w->pin)
        return;
    say(out, "  pin        %s-byte block at %llx, ", COUNT(w->pin_size - word),
        (unsigned long long)(w->pin + 2ull * word));
    if (w->between)
        say(out, "%s below the top: blocks that are free and kept for threads or in fastbins lie between",
            SIZE(w->between));
    else
        say(out, "right below the top%s",
            w->flags & WALK_PIN_KEPT ? "; it is free, but kept for a thread or in a fastbin" : "");
    add_birth(out, d, h);
    buffer_char(out, '\n');
    if (w->binned_chunks)
        say(out, "             in use above the largest free run: %s in %s %s\n", SIZE(w->above),
            COUNT(w->above_chunks), noun(w->above_chunks, "block", "blocks"));
}

static void add_map(struct buffer *out, const struct inside_heap *h)
{
    if (!h->walk.cells.size || h->walk.ending == WALK_NOT_GLIBC)
        return;
    buffer_string(out, "  map        ");
    inside_map(out, h, INSIDE_COLUMNS);
    buffer_string(out, "  U used  u in part  . free\n");
}

static void add_heap(struct buffer *out, const struct decoder *d, const struct inside_heap *h)
{
    add_title(out, h);
    if (h->walk.ending != WALK_NOT_GLIBC) {
        add_sums(out, h);
        add_kept(out, h);
        add_runs(out, h);
    } else {
        buffer_char(out, '\n');
    }
    if (!inside_is_whole(h)) {
        buffer_string(out, "             ");
        inside_ending(out, h);
        buffer_char(out, '\n');
    }
    add_pin(out, d, h);
    if (h->walk.flags & WALK_MAIN)
        add_map(out, h);
}

/* ---- all ---- */

static const char *reason_text(enum walk_reason reason)
{
    switch (reason) {
    case WALK_AT_EXIT:
        return "when its memory was about to go";
    case WALK_AT_DETACH:
        return "when it was let go";
    case WALK_AT_PEAK:
        return "at a high point of the heap";
    case WALK_LIVE:
        return "now";
    default:
        return "as asked for";
    }
}

/* The main heap first, then those in which most is used. */
static const struct inside_heap *next_heap(const struct inside *inside, const struct inside_heap *last)
{
    const struct inside_heap *next = NULL, *main = inside_main(inside);
    if (!last && main)
        return main;
    for (size_t i = 0; i < inside->n_heaps; i++) {
        const struct inside_heap *h = &inside->heaps[i];
        const bool is_later =
            !last || last == main || h->walk.used < last->walk.used || (h->walk.used == last->walk.used && h > last);
        if (h != main && is_later && (!next || h->walk.used > next->walk.used))
            next = h;
    }
    return next;
}

void inside_text(struct buffer *out, const struct decoder *d, const struct inside *inside)
{
    const struct inside_heap *h = NULL;
    size_t shown = 0;
    if (!inside)
        return;
    const uint32_t flags = inside->heaps[inside->n_heaps - 1].walk.flags;
    say(out, "\n  inside     %s", reason_text(inside->reason));
    if (inside->reason != WALK_LIVE)
        say(out, ", at %s", TIME(inside->time));
    say(out, "; read in %s%s\n", TIME(inside->cost),
        flags & WALK_MOVING ? "; not all threads stood still, so sums may be off" : "");
    while (shown < HEAPS_SHOWN && (h = next_heap(inside, h))) {
        add_heap(out, d, h);
        shown++;
    }
    if (inside->n_heaps > shown)
        say(out, "  ... %zu more heaps\n", inside->n_heaps - shown);
    if (flags & WALK_MORE)
        say(out, "  ... and more than are recorded\n");
}
