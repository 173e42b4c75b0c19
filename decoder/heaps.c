/*
 * heaps.c: what malloc does with the heap, with arenas, and with large blocks, event by event.
 *
 * Memory grows with distinct stacks and sizes and with live arenas, not with events.  Whatever depends on names is
 * worked out when it is asked for (heap_thresholds.c, heap_cause.c): while a program runs, most names are not known.
 */
#include "heaps.h"

#include "model.h"
#include "runtimes.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { SPACES = 256, ARENA_64 = 64 << 20, ARENA_32 = 1 << 20, ADVICE_FREE = 8, ADVICE_DONTNEED = 4 };

struct heaps {
    struct heap_space all;             /* sums of all spaces */
    struct heap_space *spaces[SPACES]; /* by id */
    struct heap_space *kept;           /* of those that have ended, the one that asked for most; NULL: none */
    size_t n_arenas;                   /* in all spaces */
};

const char *heap_act_name(enum heap_act act)
{
    static const char *const names[HEAP_ACTS] = {
        [HEAP_NOTHING] = "nothing",
        [HEAP_GROWN] = "grown",
        [HEAP_TRIMMED] = "trimmed",
        [HEAP_DROPPED] = "dropped",
        [HEAP_ARENA_MADE] = "arena-made",
        [HEAP_ARENA_GROWN] = "arena-grown",
        [HEAP_ARENA_SHRUNK] = "arena-shrunk",
        [HEAP_ARENA_ENDED] = "arena-ended",
        [HEAP_CHUNK_MAPPED] = "chunk-mapped",
        [HEAP_CHUNK_RESIZED] = "chunk-resized",
        [HEAP_CHUNK_UNMAPPED] = "chunk-unmapped",
        [HEAP_MEASURED] = "measured",
    };
    return names[(unsigned)act < HEAP_ACTS ? act : HEAP_NOTHING];
}

/* ---- spaces ---- */

static void begin_space(struct heap_space *s, uint32_t space)
{
    *s = (struct heap_space){.story = {.space = space},
                             .sums = {.size = sizeof(struct heap_entry)},
                             .callers = {.size = sizeof(struct heap_caller)},
                             .sizes = {.size = sizeof(struct heap_size)},
                             .freed = {.size = sizeof(struct heap_freed)}};
}

static void clear_space(struct heap_space *s)
{
    heap_table_free(&s->sums);
    heap_table_free(&s->callers);
    heap_table_free(&s->sizes);
    heap_table_free(&s->freed);
    free(s->arenas);
    free(s->candidates);
}

struct heaps *heaps_new(void)
{
    struct heaps *h = calloc(1, sizeof(*h));
    if (h)
        begin_space(&h->all, 0);
    return h;
}

static void free_space(struct heap_space *s)
{
    if (!s)
        return;
    clear_space(s);
    free(s);
}

/* All that malloc asked for. */
static uint64_t asked_for(const struct heap_space *s)
{
    return s->story.acts[HEAP_GROWN].bytes + s->story.acts[HEAP_ARENA_GROWN].bytes +
           s->story.acts[HEAP_CHUNK_MAPPED].bytes;
}

static void end_space(struct heaps *h, uint32_t id)
{
    struct heap_space **at = &h->spaces[id % SPACES];
    while (*at && (*at)->story.space != id)
        at = &(*at)->next;
    struct heap_space *s = *at;
    if (!s)
        return;
    *at = s->next;
    h->n_arenas -= s->story.n_arenas;
    if (!h->kept || asked_for(s) > asked_for(h->kept)) {
        free_space(h->kept);
        h->kept = s;
    } else {
        free_space(s);
    }
}

void heaps_free(struct heaps *h)
{
    if (!h)
        return;
    for (size_t i = 0; i < SPACES; i++)
        while (h->spaces[i])
            end_space(h, h->spaces[i]->story.space);
    free_space(h->kept);
    clear_space(&h->all);
    free(h);
}

static struct heap_space *find_space(const struct heaps *h, uint32_t id)
{
    struct heap_space *s = h->spaces[id % SPACES];
    while (s && s->story.space != id)
        s = s->next;
    return s;
}

static struct heap_space *get_space(struct heaps *h, uint32_t id)
{
    struct heap_space *s = find_space(h, id);
    if (s || !id || !(s = malloc(sizeof(*s))))
        return s;
    begin_space(s, id);
    s->next = h->spaces[id % SPACES];
    h->spaces[id % SPACES] = s;
    return s;
}

const struct heap_space *heaps_space(const struct heaps *h, uint32_t space)
{
    const struct heap_space *live = space ? find_space(h, space) : &h->all;
    return live ? live : h->kept && h->kept->story.space == space ? h->kept : NULL;
}

uint32_t heaps_main_space(const struct heaps *h)
{
    const struct heap_space *most = h->kept;
    for (size_t i = 0; i < SPACES; i++)
        for (const struct heap_space *s = h->spaces[i]; s; s = s->next)
            if (!most || asked_for(s) > asked_for(most))
                most = s;
    return most ? most->story.space : 0;
}

static void *copy_of(const void *list, size_t count, size_t size)
{
    void *copy = count ? calloc(count, size) : NULL;
    if (copy)
        memcpy(copy, list, count * size);
    return copy;
}

/* A child's malloc goes on where its parent's was; its sums are its own. */
static void copy_space(struct heaps *h, uint32_t from_id, uint32_t to_id)
{
    const struct heap_space *from = find_space(h, from_id);
    struct heap_space *to = from && !find_space(h, to_id) ? get_space(h, to_id) : NULL;
    if (!to)
        return;
    to->story.glibc = from->story.glibc;
    to->story.is_32_bit = from->story.is_32_bit;
    to->story.attached = from->story.attached;
    to->story.high = to->heap = from->heap;
    to->story.chunk_bytes = to->story.chunk_high = from->story.chunk_bytes;
    to->story.chunks = from->story.chunks;
    to->candidates = copy_of(from->candidates, from->n_candidates, sizeof(*to->candidates));
    to->n_candidates = to->candidates_capacity = to->candidates ? from->n_candidates : 0;
    to->most = from->most;
    to->arenas = copy_of(from->arenas, from->story.n_arenas, sizeof(*to->arenas));
    to->story.arenas = to->arenas;
    to->story.n_arenas = to->story.arenas_high = to->arenas_capacity = to->arenas ? from->story.n_arenas : 0;
    to->foreign_break = from->foreign_break;
    memcpy(to->witnesses, from->witnesses, sizeof(to->witnesses));
    to->n_witnesses = from->n_witnesses;
    h->n_arenas += to->story.n_arenas;
}

/* ---- sums ---- */

static bool hold(void **list, size_t *capacity, size_t count, size_t size)
{
    if (count < *capacity)
        return true;
    const size_t wanted = *capacity ? *capacity * 2 : 8;
    void *grown = reallocarray(*list, wanted, size);
    if (!grown)
        return false;
    *list = grown;
    *capacity = wanted;
    return true;
}

static void count_in(struct heap_space *s, const struct heap_step *step, uint32_t stack, uint64_t time)
{
    s->story.acts[step->act].calls++;
    s->story.acts[step->act].bytes += step->bytes;
    struct heap_entry *entry = heap_table_get(&s->sums, (uint64_t)stack << 8 | (uint64_t)step->act);
    if (!entry)
        return;
    entry->sum.stack = stack;
    entry->sum.act = step->act;
    entry->sum.calls++;
    entry->sum.bytes += step->bytes;
    entry->sum.last = time;
}

static void raise_high(uint64_t *high, uint64_t value)
{
    if (value > *high)
        *high = value;
}

/* ---- the mmap threshold ---- */

uint64_t heaps_threshold_limit(const struct heap_space *s)
{
    return s->story.is_32_bit ? 512 << 10 : 32 << 20;
}

static uint64_t highest_threshold(const struct heap_space *s)
{
    return s->most ? s->most : THRESHOLD_AT_FIRST;
}

/* The first ones of each sign are enough. */
static void add_witness(struct heap_space *s, const struct moment *m, enum heap_sign sign, uint64_t bytes)
{
    size_t like = 0;
    for (size_t i = 0; i < s->n_witnesses; i++)
        like += s->witnesses[i].sign == sign;
    if (like < WITNESSES / 4 && s->n_witnesses < WITNESSES)
        s->witnesses[s->n_witnesses++] = (struct heap_witness){sign, m->event, m->time, bytes, m->record->event.stack};
}

/* What called libc, 0 when that is not known. */
static uint32_t caller_of(const struct code *code, uint32_t id)
{
    struct code_stack stack;
    const unsigned depth = runtime_libc_frames(code, id);
    return code_stack(code, id, &stack) && depth && depth < stack.n_frames ? stack.frames[depth] : 0;
}

static void note_mapped(struct heap_space *s, const struct decoder *d, const struct moment *m, uint64_t bytes)
{
    const uint32_t frame = caller_of(decoder_code(d), m->record->event.stack);
    struct heap_caller *caller = frame ? heap_table_get(&s->callers, frame) : NULL;
    if (caller && (!caller->smallest || bytes < caller->smallest))
        caller->smallest = bytes;
    struct heap_size *size = bytes < heaps_threshold_limit(s) ? heap_table_get(&s->sizes, bytes) : NULL;
    if (size)
        size->count++;
    if (bytes <= highest_threshold(s))
        add_witness(s, m, SIGN_SMALL_CHUNK, bytes);
}

/* How many chunks were mapped with at most so many bytes, and more than that. */
static uint64_t count_sizes(const struct heap_space *s, uint64_t above, uint64_t most)
{
    const struct heap_size *list = s->sizes.entries;
    uint64_t count = 0;
    for (size_t i = 0; i < s->sizes.capacity; i++)
        if (list[i].key > above && list[i].key <= most)
            count += list[i].count;
    return count;
}

/* Whether it raises the threshold depends on who freed it, which may be known later: every chunk counts that is larger
 * than those before it from the same stack. */
static void note_freed(struct heap_space *s, const struct moment *m, uint64_t bytes)
{
    const uint32_t stack = m->record->event.stack;
    if (bytes <= THRESHOLD_AT_FIRST || bytes >= heaps_threshold_limit(s))
        return;
    struct heap_freed *freed = heap_table_get(&s->freed, (uint64_t)stack + 1);
    if (!freed || bytes <= freed->largest)
        return;
    freed->largest = bytes;
    if (!hold((void **)&s->candidates, &s->candidates_capacity, s->n_candidates, sizeof(*s->candidates)))
        return;
    s->candidates[s->n_candidates++] = (struct heap_move){.event = m->event,
                                                          .time = m->time,
                                                          .to = bytes,
                                                          .stack = stack,
                                                          .born = m->change.lost_stack,
                                                          .chunks = count_sizes(s, s->most, bytes)};
    raise_high(&s->most, bytes);
}

/* The heap grew for a caller that had chunks before: its blocks are of a size that is no longer mapped. */
static void note_moved(struct heap_space *s, const struct decoder *d, const struct moment *m)
{
    struct heap_move *last = s->n_candidates ? &s->candidates[s->n_candidates - 1] : NULL;
    if (!last || last->moved)
        return;
    const uint32_t frame = caller_of(decoder_code(d), m->record->event.stack);
    const struct heap_caller *caller = frame ? heap_table_find(&s->callers, frame) : NULL;
    if (!caller || caller->smallest > s->most)
        return;
    for (size_t i = s->n_candidates; i-- > 0 && !s->candidates[i].moved;)
        if (caller->smallest <= s->candidates[i].to) {
            s->candidates[i].moved = m->event;
            s->candidates[i].moved_time = m->time;
            s->candidates[i].moved_stack = m->record->event.stack;
        }
}

/* ---- the heap ---- */

/* A growth is what a block needs more than there is at the top, and the spare room.  Source: sysmalloc(). */
static void note_growth(struct heap_space *s, const struct decoder *d, const struct moment *m, uint64_t bytes)
{
    if (bytes > highest_threshold(s) + HEAP_TOP_PAD + 2 * TRACE_PAGE)
        add_witness(s, m, SIGN_LARGE_GROWTH, bytes);
    if (bytes <= HEAP_TOP_PAD && !s->foreign_break)
        add_witness(s, m, SIGN_SMALL_GROWTH, bytes);
    note_moved(s, d, m);
}

static struct heap_step take_brk(struct heap_space *s, const struct decoder *d, const struct moment *m)
{
    const struct change *change = &m->change;
    const bool by_malloc = runtime_libc_frames(decoder_code(d), m->record->event.stack) >= GLIBC_MALLOC_FRAMES;
    s->heap = change->heap_after;
    if (change->heap_after != change->heap_before) {
        s->story.glibc |= by_malloc;
        s->foreign_break |= !by_malloc;
    }
    if (change->heap_after > change->heap_before) {
        const uint64_t bytes = change->heap_after - change->heap_before;
        if (change->heap_after > s->story.high) {
            s->story.high = change->heap_after;
            s->story.high_time = m->time;
        }
        if (by_malloc)
            note_growth(s, d, m, bytes);
        return (struct heap_step){.act = HEAP_GROWN, .bytes = bytes, .size = change->heap_after};
    }
    if (change->heap_after == change->heap_before)
        return (struct heap_step){0};
    const uint64_t bytes = change->heap_before - change->heap_after;
    /* What is left at the top is the spare room, and less than a page. */
    if (by_malloc && bytes + HEAP_TOP_PAD + 2 * TRACE_PAGE < 2 * s->most)
        add_witness(s, m, SIGN_SMALL_TRIM, bytes);
    return (struct heap_step){.act = HEAP_TRIMMED, .bytes = bytes, .size = change->heap_after};
}

/* ---- arenas ---- */

static uint64_t arena_size(const struct heap_space *s)
{
    return s->story.is_32_bit ? ARENA_32 : ARENA_64;
}

static struct heap_arena *find_arena(struct heap_space *s, tracee_addr addr)
{
    const tracee_addr start = addr & ~(arena_size(s) - 1);
    if (s->last_arena < s->story.n_arenas && s->arenas[s->last_arena].start == start)
        return &s->arenas[s->last_arena];
    for (size_t i = 0; i < s->story.n_arenas; i++)
        if (s->arenas[i].start == start) {
            s->last_arena = i;
            return &s->arenas[i];
        }
    return NULL;
}

static void add_thread(struct heap_arena *arena, uint32_t tid)
{
    for (uint32_t i = 0; i < arena->n_threads; i++)
        if (arena->threads[i] == tid)
            return;
    if (arena->n_threads < ARENA_THREADS)
        arena->threads[arena->n_threads++] = tid;
    else
        arena->more_threads = true;
}

/* NULL without memory. */
static struct heap_arena *add_arena(struct heaps *h, struct heap_space *s, const struct heap_arena *arena)
{
    if (!hold((void **)&s->arenas, &s->arenas_capacity, s->story.n_arenas, sizeof(*s->arenas)))
        return NULL;
    s->last_arena = s->story.n_arenas++;
    s->arenas[s->last_arena] = *arena;
    s->story.arenas = s->arenas;
    s->story.glibc = true;
    h->n_arenas++;
    raise_high(&s->story.arenas_high, s->story.n_arenas);
    raise_high(&h->all.story.arenas_high, h->n_arenas);
    return &s->arenas[s->last_arena];
}

static struct heap_step make_arena(struct heaps *h, struct heap_space *s, const struct moment *m)
{
    const struct rec_event *e = &m->record->event;
    const uint64_t size = arena_size(s);
    const tracee_addr start = (e->ret + size - 1) & ~(size - 1); /* what lies around is given back at once */
    const struct heap_arena arena = {
        .start = start, .reserved = size, .event = m->event, .time = m->time, .stack = e->stack};
    struct heap_arena *made = find_arena(s, start) ? NULL : add_arena(h, s, &arena);
    if (!made)
        return (struct heap_step){0};
    add_thread(made, e->tid);
    return (struct heap_step){.act = HEAP_ARENA_MADE, .bytes = size, .at = start};
}

/* One that was there when its process was attached to is known from when it grows. */
static struct heap_arena *get_arena(struct heaps *h, struct heap_space *s, tracee_addr addr)
{
    const uint64_t size = arena_size(s);
    struct heap_arena *arena = find_arena(s, addr);
    return arena ? arena : add_arena(h, s, &(struct heap_arena){.start = addr & ~(size - 1), .reserved = size});
}

static struct heap_step grow_arena(struct heaps *h, struct heap_space *s, const struct rec_event *e)
{
    struct heap_arena *arena = e->args[2] & PROT_WRITE ? get_arena(h, s, e->args[0]) : NULL;
    const uint64_t length = (e->args[1] + TRACE_PAGE - 1) & ~(uint64_t)(TRACE_PAGE - 1);
    if (!arena)
        return (struct heap_step){0};
    add_thread(arena, e->tid);
    raise_high(&arena->open, e->args[0] + length - arena->start);
    arena->grown.calls++;
    arena->grown.bytes += length;
    return (struct heap_step){.act = HEAP_ARENA_GROWN, .bytes = length, .size = arena->open, .at = arena->start};
}

static struct heap_step shrink_arena(struct heap_space *s, const struct rec_event *e)
{
    struct heap_arena *arena = find_arena(s, e->args[0]);
    if (!arena)
        return (struct heap_step){0};
    arena->shrunk.calls++;
    arena->shrunk.bytes += e->args[1];
    if (e->call != CALL_MADVISE) /* mapped over: closed */
        arena->open = e->args[0] - arena->start;
    return (struct heap_step){.act = HEAP_ARENA_SHRUNK, .bytes = e->args[1], .size = arena->open, .at = arena->start};
}

static struct heap_step end_arena(struct heaps *h, struct heap_space *s, const struct rec_event *e)
{
    struct heap_arena *arena = find_arena(s, e->args[0]);
    if (!arena || e->args[0] != arena->start || e->args[1] < arena->reserved)
        return (struct heap_step){0};
    const struct heap_step step = {.act = HEAP_ARENA_ENDED, .bytes = arena->open, .at = arena->start};
    *arena = s->arenas[--s->story.n_arenas];
    h->n_arenas--;
    return step;
}

static struct heap_step take_arena(struct heaps *h, struct heap_space *s, const struct moment *m)
{
    const struct rec_event *e = &m->record->event;
    switch (call_info((enum call)e->call)->effect) {
    case EFFECT_MAP:
        return e->args[3] & MAP_FIXED ? shrink_arena(s, e) : make_arena(h, s, m);
    case EFFECT_PROTECT:
        return grow_arena(h, s, e);
    case EFFECT_UNMAP:
        return end_arena(h, s, e);
    case EFFECT_ADVISE:
        return e->args[2] == ADVICE_DONTNEED || e->args[2] == ADVICE_FREE ? shrink_arena(s, e) : (struct heap_step){0};
    default:
        return (struct heap_step){0};
    }
}

/* ---- chunks ---- */

static struct heap_step take_chunk(struct heap_space *s, const struct decoder *d, const struct moment *m)
{
    const struct rec_event *e = &m->record->event;
    const struct change *change = &m->change;
    struct heap_story *story = &s->story;
    struct heap_step step = {0};
    switch (call_info((enum call)e->call)->effect) {
    case EFFECT_MAP:
        step =
            (struct heap_step){.act = HEAP_CHUNK_MAPPED, .bytes = change->mapped, .size = change->mapped, .at = e->ret};
        story->chunks++;
        story->glibc = true;
        note_mapped(s, d, m, change->mapped);
        break;
    case EFFECT_UNMAP:
        step = (struct heap_step){.act = HEAP_CHUNK_UNMAPPED, .bytes = change->unmapped, .at = e->args[0]};
        story->chunks -= story->chunks > 0;
        note_freed(s, m, change->unmapped);
        break;
    case EFFECT_REMAP:
        step = (struct heap_step){.act = HEAP_CHUNK_RESIZED, .size = e->args[2], .at = e->ret};
        step.bytes = e->args[2] > e->args[1] ? e->args[2] - e->args[1] : e->args[1] - e->args[2];
        break;
    default:
        break;
    }
    story->chunk_bytes += change->mapped;
    story->chunk_bytes -= change->unmapped < story->chunk_bytes ? change->unmapped : story->chunk_bytes;
    raise_high(&story->chunk_high, story->chunk_bytes);
    return step;
}

/* ---- records ---- */

static bool gives_pages_back(const struct rec_event *e)
{
    return call_info((enum call)e->call)->effect == EFFECT_ADVISE &&
           (e->args[2] == ADVICE_DONTNEED || e->args[2] == ADVICE_FREE);
}

static bool is_trim(enum heap_act act)
{
    return act == HEAP_TRIMMED || act == HEAP_DROPPED || act == HEAP_ARENA_SHRUNK || act == HEAP_ARENA_ENDED;
}

static struct heap_step step_of(struct heaps *h, struct heap_space *s, const struct decoder *d, const struct moment *m)
{
    const struct rec_event *e = &m->record->event;
    switch (m->change.kind) {
    case KIND_HEAP:
        if (call_info((enum call)e->call)->effect == EFFECT_BRK)
            return take_brk(s, d, m);
        if (gives_pages_back(e))
            return (struct heap_step){.act = HEAP_DROPPED, .bytes = e->args[1], .size = s->heap};
        return (struct heap_step){0};
    case KIND_ARENA:
        return take_arena(h, s, m);
    case KIND_CHUNK:
        return take_chunk(s, d, m);
    default:
        return (struct heap_step){0};
    }
}

static struct heap_step add_event(struct heaps *h, const struct decoder *d, const struct moment *m)
{
    const struct rec_event *e = &m->record->event;
    struct heap_space *s = m->change.kind == KIND_NONE || e->error ? NULL : get_space(h, m->space);
    if (!s)
        return (struct heap_step){0};
    s->story.is_32_bit = e->abi != ABI_X86_64;
    const struct heap_step step = step_of(h, s, d, m);
    if (step.act != HEAP_NOTHING) {
        count_in(s, &step, e->stack, m->time);
        count_in(&h->all, &step, e->stack, m->time);
        h->all.story.glibc |= s->story.glibc;
    }
    if (is_trim(step.act)) {
        s->pending += step.bytes;
        s->story.promised += step.bytes;
        h->all.story.promised += step.bytes;
    } else {
        s->foreign += m->change.unmapped + (gives_pages_back(e) ? e->args[1] : 0);
    }
    return step;
}

static uint64_t min_u64(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* The kernel counts resident pages with a delay of up to 64 a thread; from sample to sample that cancels out. */
static void sum_up(struct heap_space *s, const struct heap_step *step)
{
    enum { LAG = 64 * TRACE_PAGE };
    s->least += step->returned;
    s->most_back += step->returned_most;
    s->story.measured += step->bytes;
    s->story.returned = s->least > LAG ? s->least - LAG : 0;
    s->story.returned_most = min_u64(s->most_back + LAG, s->story.measured);
}

/*
 * What the trims since the last sample really gave back: resident memory fell by that, or by more, since other memory
 * may have become resident meanwhile: a page for each fault, mostly.  What other calls promised is taken from it first.
 */
static struct heap_step measure(struct heaps *h, const struct moment *m)
{
    const struct rec_sample *sample = &m->record->sample;
    struct heap_space *s = find_space(h, m->space);
    if (!s)
        return (struct heap_step){0};
    const uint64_t before = s->resident, after = sample->resident_pages * TRACE_PAGE;
    const uint64_t came = sample->minflt > s->minflt ? (sample->minflt - s->minflt) * TRACE_PAGE : 0;
    const uint64_t fell = before > after ? before - after : 0, went = before + came > after ? before + came - after : 0;
    const struct heap_step step = {.act = HEAP_MEASURED,
                                   .bytes = s->pending,
                                   .resident_before = before,
                                   .resident_after = after,
                                   .returned = min_u64(fell > s->foreign ? fell - s->foreign : 0, s->pending),
                                   .returned_most = min_u64(went, s->pending)};
    s->resident = after;
    s->minflt = sample->minflt;
    s->pending = s->foreign = 0;
    if (!step.bytes || !before)
        return (struct heap_step){0};
    sum_up(s, &step);
    sum_up(&h->all, &step);
    return step;
}

static void note_attached(struct heaps *h, uint32_t space)
{
    struct heap_space *s = get_space(h, space);
    if (s)
        s->story.attached = true;
}

struct heap_step heaps_add(struct heaps *h, const struct decoder *d, const struct moment *m)
{
    switch (m->record->kind) {
    case REC_EVENT:
        return add_event(h, d, m);
    case REC_SAMPLE:
        return measure(h, m);
    case REC_TASK:
        if (m->record->task.copied_from)
            copy_space(h, m->record->task.copied_from, m->record->task.space);
        break;
    case REC_CHECKPOINT:
        if (m->record->checkpoint.reason == CHECKPOINT_ATTACH)
            note_attached(h, m->space);
        break;
    case REC_SPACE_END:
        end_space(h, m->space);
        break;
    default:
        break;
    }
    return (struct heap_step){0};
}

const struct heap_story *heaps_story(const struct heaps *h, uint32_t space)
{
    const struct heap_space *s = heaps_space(h, space);
    return s ? &s->story : NULL;
}

const struct heap_sum *heaps_sum(const struct heaps *h, uint32_t space, size_t index)
{
    const struct heap_space *s = heaps_space(h, space);
    const struct heap_entry *entries = s ? s->sums.entries : NULL;
    for (size_t i = 0; s && i < s->sums.capacity; i++)
        if (entries[i].key && index-- == 0)
            return &entries[i].sum;
    return NULL;
}
