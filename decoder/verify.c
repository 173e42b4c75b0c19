/*
 * verify.c: the replay against /proc/PID/maps.
 *
 * Both sides are walked together, from edge to edge: within a stretch each side either has nothing or one set of
 * attributes, so it does not matter how the kernel merged or we split.  Stretches that differ are joined into
 * differences.  What the kernel does by itself (a stack that grew, a file that was renamed) is taken over, and so is
 * what lies in the range of a read-back; anything else is drift.  Either way the replay is repaired from the kernel's
 * map, so that it goes on from the truth.
 */
#include "model.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Both sides at one stretch. */
struct stretch {
    tracee_addr start, end;
    const struct segment *replay;   /* NULL: nothing */
    const struct rec_mapping *line; /* NULL: nothing */
};

static struct rec_mapping line_of(const struct segment *segment, tracee_addr start, tracee_addr end)
{
    bool offset = segment->file && !(segment->flags & SEGMENT_NAMED);
    return (struct rec_mapping){.start = start,
                                .end = end,
                                .prot = segment->prot,
                                .shared = (segment->flags & SEGMENT_SHARED) != 0,
                                .offset = offset ? segment->offset + (start - segment->start) : 0,
                                .file = segment->file};
}

static bool same_inode(const struct decoder *d, uint32_t a, uint32_t b)
{
    const struct file_model *one = model_file_find(d, a), *two = model_file_find(d, b);
    return one && two && one->info.inode == two->info.inode && one->info.major == two->info.major &&
           one->info.minor == two->info.minor;
}

/* Names that programs give to anonymous memory count; [heap] and [stack] come and go with what lies around. */
static bool same_given_name(const struct decoder *d, uint32_t a, uint32_t b)
{
    const bool given_a = model_path_starts(d, a, "[anon:"), given_b = model_path_starts(d, b, "[anon:");
    if (!given_a && !given_b)
        return true;
    const struct file_model *one = model_file_find(d, a), *two = model_file_find(d, b);
    return given_a && given_b && one->info.path.size == two->info.path.size &&
           memcmp(one->info.path.data, two->info.path.data, one->info.path.size) == 0;
}

enum likeness { DIFFERENT, RENAMED, EQUAL };

static enum likeness compare(const struct decoder *d, const struct stretch *s)
{
    if (!s->replay || !s->line)
        return s->replay || s->line ? DIFFERENT : EQUAL;
    const struct segment *r = s->replay;
    const struct rec_mapping *k = s->line;
    if (r->prot != k->prot || ((r->flags & SEGMENT_SHARED) != 0) != (k->shared != 0))
        return DIFFERENT;
    bool kernel_file = model_is_file(d, k->file), replay_file = model_is_file(d, r->file);
    if (!kernel_file && !replay_file)
        return same_given_name(d, r->file, k->file) ? EQUAL : RENAMED;
    if (kernel_file != replay_file)
        return DIFFERENT;
    if (r->offset + (s->start - r->start) != k->offset + (s->start - k->start))
        return DIFFERENT;
    if (r->file == k->file)
        return EQUAL;
    return same_inode(d, r->file, k->file) ? RENAMED : DIFFERENT;
}

/* ---- collecting differences ---- */

/* The stretch continues the last difference: the same two sides, in the same line of the kernel's map. */
static bool goes_on(const struct drift *last, const struct stretch *s)
{
    return last->end == s->start && last->replayed == (s->replay != NULL) && last->mapped == (s->line != NULL) &&
           (!s->line || last->kernel.start == s->line->start) && (!s->replay || last->replay.prot == s->replay->prot);
}

static int add_difference(struct decoder *d, const struct stretch *s, const struct moment *moment)
{
    struct drift *last = d->n_differences ? &d->differences[d->n_differences - 1] : NULL;
    if (last && goes_on(last, s)) {
        last->end = s->end;
        last->replay.end = s->end;
        return 0;
    }
    if (d->n_differences == d->differences_capacity) {
        size_t capacity = d->differences_capacity ? d->differences_capacity * 2 : 16;
        struct drift *grown = reallocarray(d->differences, capacity, sizeof(*grown));
        if (!grown)
            return -ENOMEM;
        d->differences = grown;
        d->differences_capacity = capacity;
    }
    struct drift *new = &d->differences[d->n_differences++];
    *new = (struct drift){.time = moment->time,
                          .event = d->events,
                          .pid = moment->pid,
                          .space = moment->space,
                          .start = s->start,
                          .end = s->end,
                          .replayed = s->replay != NULL,
                          .mapped = s->line != NULL};
    if (s->replay)
        new->replay = line_of(s->replay, s->start, s->end);
    if (s->line)
        new->kernel = *s->line;
    return 0;
}

static tracee_addr min_addr(tracee_addr a, tracee_addr b)
{
    return a < b ? a : b;
}

/* The stretch that begins at or above `from`; false when both sides have nothing more in the range. */
static bool next_stretch(const struct segments *segments, const struct rec_checkpoint *c, size_t *line_at,
                         tracee_addr from, struct stretch *ret)
{
    const tracee_addr limit = c->range.end ? c->range.end : UINT64_MAX;
    while (*line_at < c->n_mappings && c->mappings[*line_at].end <= from)
        (*line_at)++;
    const struct rec_mapping *line = *line_at < c->n_mappings ? &c->mappings[*line_at] : NULL;
    const struct segment *replay = segments_find(segments, from);
    if (!line && !replay)
        return false;
    tracee_addr line_start = line ? line->start : UINT64_MAX, replay_start = replay ? replay->start : UINT64_MAX;
    tracee_addr start = min_addr(line_start, replay_start);
    if (start < from)
        start = from;
    if (start >= limit)
        return false;
    *ret = (struct stretch){.start = start, .end = UINT64_MAX};
    if (line && line_start <= start)
        ret->line = line;
    if (replay && replay_start <= start)
        ret->replay = replay;
    ret->end = min_addr(ret->line ? line->end : line_start, ret->replay ? replay->end : replay_start);
    ret->end = min_addr(ret->end, limit);
    return true;
}

/* ---- what the kernel does by itself ---- */

/* A stack that grew: new memory right below a segment that grows down, in one mapping with it. */
static bool is_stack_growth(const struct decoder *d, const struct space_model *space, const struct drift *difference)
{
    if (difference->replayed || !difference->mapped || difference->kernel.end <= difference->end ||
        model_is_file(d, difference->kernel.file))
        return false;
    const struct segment *above = segments_find(&space->segments, difference->end);
    return above && above->start == difference->end && (above->flags & SEGMENT_GROWS_DOWN) &&
           above->prot == difference->kernel.prot && !difference->kernel.shared;
}

/* Pages that the kernel puts into a process for itself. */
static bool is_kernel_page(const struct decoder *d, const struct drift *difference)
{
    static const char *const names[] = {"[uprobes]", "[vdso]", "[vvar", "[vsyscall]"};
    if (difference->replayed || !difference->mapped)
        return false;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (model_path_starts(d, difference->kernel.file, names[i]))
            return true;
    return false;
}

/* ---- repair ---- */

static void insert_line(struct decoder *d, struct space_model *space, const struct rec_mapping *line, tracee_addr start,
                        tracee_addr end, const struct segment *pattern, bool by_exec)
{
    struct segment s = pattern ? *pattern : (struct segment){.born = d->time};
    const struct segment *below = segments_below(&space->segments, start);
    bool file = model_is_file(d, line->file);
    s.start = start;
    s.end = end;
    s.prot = (uint8_t)line->prot;
    s.file = line->file;
    s.offset = file ? line->offset + (start - line->start) : 0;
    s.kind = (uint8_t)kind_of_line(d, line, below, by_exec);
    s.flags |= (line->shared ? SEGMENT_SHARED : 0) | (line->file && !file ? SEGMENT_NAMED : 0);
    if (model_path_starts(d, line->file, "[stack]"))
        s.flags |= SEGMENT_GROWS_DOWN;
    segments_insert(&space->segments, &s);
}

static void set_protection(struct segment *segment, void *context)
{
    segment_protect(segment, *(const uint8_t *)context);
}

/* A difference may join several segments: it must be so of each. */
static bool only_protection_differs(const struct decoder *d, const struct space_model *space,
                                    const struct drift *difference)
{
    if (!difference->replayed || !difference->mapped)
        return false;
    const struct segment *at = segments_find(&space->segments, difference->start);
    for (; at && at->start < difference->end; at = segments_find(&space->segments, at->end)) {
        struct segment as_kernel = *at;
        as_kernel.prot = (uint8_t)difference->kernel.prot;
        struct stretch s = {.start = at->start > difference->start ? at->start : difference->start,
                            .replay = &as_kernel,
                            .line = &difference->kernel};
        if (compare(d, &s) == DIFFERENT)
            return false;
    }
    return true;
}

static void repair(struct decoder *d, struct space_model *space, const struct drift *difference,
                   const struct segment *pattern)
{
    const struct segment *above = segments_find(&space->segments, difference->end);
    struct segment grown = above ? *above : (struct segment){0};
    bool growth = is_stack_growth(d, space, difference);
    struct removal removal;
    /* Where only the protection differs, the memory is what it was. */
    if (only_protection_differs(d, space, difference)) {
        uint8_t prot = (uint8_t)difference->kernel.prot;
        segments_change(&space->segments, difference->start, difference->end, set_protection, &prot);
        return;
    }
    segments_remove(&space->segments, difference->start, difference->end, &removal);
    if (!difference->mapped)
        return;
    struct segment kernel_made = {.born = d->time, .flags = SEGMENT_KERNEL_MADE | SEGMENT_FOUND};
    if (growth) {
        grown.start = difference->start;
        grown.end = difference->end;
        grown.flags |= SEGMENT_KERNEL_MADE | SEGMENT_FOUND;
        segments_insert(&space->segments, &grown);
    } else {
        insert_line(d, space, &difference->kernel, difference->start, difference->end,
                    pattern && pattern->birth ? pattern : &kernel_made, false);
    }
}

struct renaming {
    uint32_t file;
    bool named; /* by the kernel or the program: it is no file */
};

static void rename_segment(struct segment *segment, void *context)
{
    const struct renaming *to = context;
    segment->file = to->file;
    segment->flags = (uint16_t)(to->named ? segment->flags | SEGMENT_NAMED : segment->flags & ~SEGMENT_NAMED);
}

static void take_name(struct decoder *d, struct space_model *space, const struct stretch *s)
{
    struct renaming to = {s->line->file, s->line->file && !model_is_file(d, s->line->file)};
    segments_change(&space->segments, s->start, s->end, rename_segment, &to);
}

/* ---- */

static void take_baseline(struct decoder *d, struct space_model *space, const struct rec_checkpoint *c)
{
    struct segment kernel_made = {.born = d->time, .flags = SEGMENT_KERNEL_MADE};
    bool by_exec = c->reason == CHECKPOINT_EXEC;
    if (c->reason == CHECKPOINT_ATTACH)
        kernel_made.flags |= SEGMENT_ATTACHED;
    segments_clear(&space->segments);
    for (uint32_t i = 0; i < c->n_mappings; i++) {
        const struct rec_mapping *line = &c->mappings[i];
        insert_line(d, space, line, line->start, line->end, &kernel_made, by_exec);
        if (model_path_starts(d, line->file, "[heap]"))
            model_set_heap(d, space, space->heap_start ? space->heap_start : line->start, line->end);
    }
    if (!by_exec)
        kinds_of_baseline(space);
    space->has_baseline = true;
}

/* Lines come from outside: in order, page aligned, not overlapping, or the whole checkpoint is refused. */
static bool well_formed(const struct rec_checkpoint *c)
{
    tracee_addr last = 0;
    if ((c->range.start | c->range.end) % TRACE_PAGE || (c->range.end && c->range.end <= c->range.start))
        return false;
    for (uint32_t i = 0; i < c->n_mappings; i++) {
        const struct rec_mapping *m = &c->mappings[i];
        if (m->start < last || m->end <= m->start || (m->start | m->end) % TRACE_PAGE)
            return false;
        last = m->end;
    }
    return true;
}

static int collect(struct decoder *d, struct space_model *space, const struct rec_checkpoint *c,
                   const struct moment *moment)
{
    struct stretch s;
    size_t line_at = 0;
    tracee_addr from = c->range.start;
    d->n_differences = 0;
    while (next_stretch(&space->segments, c, &line_at, from, &s)) {
        from = s.end;
        enum likeness likeness = compare(d, &s);
        if (likeness == RENAMED)
            take_name(d, space, &s);
        else if (likeness == DIFFERENT) {
            int error = add_difference(d, &s, moment);
            if (error)
                return error;
        }
    }
    return 0;
}

int verify_checkpoint(struct decoder *d, struct space_model *space, const struct rec_checkpoint *c,
                      struct moment *moment)
{
    if (!well_formed(c)) {
        d->contradictions++;
        return 0;
    }
    uint64_t before = space->segments.bytes;
    if (c->reason == CHECKPOINT_EXEC || c->reason == CHECKPOINT_ATTACH || !space->has_baseline) {
        take_baseline(d, space, c);
        return space->segments.failed ? -ENOMEM : 0;
    }
    int error = collect(d, space, c, moment);
    if (error)
        return error;
    bool read_back = c->reason == CHECKPOINT_READ_BACK;
    moment->compared = !read_back;
    d->checkpoints += !read_back;
    d->read_backs += read_back;
    for (size_t i = 0; i < d->n_differences; i++) {
        struct drift *difference = &d->differences[i];
        bool expected = is_stack_growth(d, space, difference) || is_kernel_page(d, difference);
        if (expected)
            moment->change.grew_by_kernel = true;
        else if (!read_back && moment->drift++ == 0 && d->drifts == 0)
            d->first_drift = *difference;
        repair(d, space, difference, read_back ? &space->pattern : NULL);
    }
    d->drifts += moment->drift;
    if (read_back || moment->change.grew_by_kernel) {
        uint64_t after = space->segments.bytes;
        moment->change.mapped = after > before ? after - before : 0;
        moment->change.unmapped = before > after ? before - after : 0;
    }
    return space->segments.failed ? -ENOMEM : 0;
}
