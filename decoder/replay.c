/*
 * replay.c: what each call does to the segments of its space.
 *
 * One function for each effect.  The result decides, never the hint: where the kernel put a mapping is in `ret`. Ranges
 * are rounded to pages as the kernel rounds them.  Source: brk(2), mmap(2), munmap(2), mprotect(2), mremap(2),
 * madvise(2), shmat(2), remap_file_pages(2), io_setup(2), prctl(2), personality(2).
 */
#include "model.h"

#include <errno.h>
#include <linux/prctl.h>
#include <sys/mman.h>
#include <sys/personality.h>

#ifndef PR_SET_VMA
#define PR_SET_VMA 0x53564d41
#endif

enum {
    SHARED_TYPES = 0xf, /* MAP_SHARED, MAP_PRIVATE, MAP_SHARED_VALIDATE live here */
    TYPE_SHARED = 1,
    TYPE_SHARED_VALIDATE = 3,
    FIXED = 0x10,
    FIXED_NOREPLACE = 0x100000,
    GROWSDOWN = 0x100,
    PROT_GROWS_DOWN = 0x01000000,
    REMAP_FIXED = 2,
    REMAP_DONTUNMAP = 4,
    ATTACH_READ_ONLY = 010000,
    ATTACH_EXEC = 0100000,
    ADVICE_DONTFORK = 10,
    ADVICE_DOFORK = 11,
    ADVICE_WIPEONFORK = 18,
    ADVICE_KEEPONFORK = 19,
};

/* Everything an effect needs. */
struct replay {
    struct decoder *decoder;
    struct space_model *space;
    struct segments *segments;
    const struct rec_event *event;
    struct change *change;
    bool read_implies_exec; /* for the calling thread: personality(2) */
};

static uint64_t page_up(uint64_t value)
{
    return (value + TRACE_PAGE - 1) & ~(uint64_t)(TRACE_PAGE - 1);
}

static uint64_t page_down(uint64_t value)
{
    return value & ~(uint64_t)(TRACE_PAGE - 1);
}

/* False for a range that no kernel would have accepted: the trace is damaged or malicious. */
static bool sane(struct replay *r, tracee_addr start, uint64_t length)
{
    if ((start | length) % TRACE_PAGE == 0 && start + length >= start && start + length <= (uint64_t)1 << 57)
        return true;
    r->decoder->contradictions++;
    return false;
}

static void remove_range(struct replay *r, tracee_addr start, tracee_addr end, struct removal *ret_removal)
{
    segments_remove(r->segments, start, end, ret_removal);
    r->change->unmapped += ret_removal->bytes;
    if (ret_removal->birth && r->event->time > ret_removal->born) {
        r->change->lived = r->event->time - ret_removal->born;
        r->change->lost_stack = ret_removal->stack;
    }
}

/* The kernel cannot have done this after what stands before it.  Events that are marked as of unknown order claim
 * nothing. */
static void impossible(struct replay *r)
{
    if (!(r->event->flags & EVENT_UNORDERED))
        r->decoder->impossible++;
}

static void insert(struct replay *r, const struct segment *segment)
{
    /* What a call maps is free, or was taken away before; only a trace that lies can have something there. */
    const struct segment *there = segments_find(r->segments, segment->start);
    struct removal removal;
    if (there && there->start < segment->end)
        remove_range(r, segment->start, segment->end, &removal);
    segments_insert(r->segments, segment);
    r->change->mapped += segment->end - segment->start;
    r->change->kind = (enum kind)segment->kind;
}

static uint8_t effective_prot(const struct replay *r, uint64_t prot)
{
    prot &= PROT_READ | PROT_WRITE | PROT_EXEC;
    if (r->read_implies_exec && (prot & PROT_READ))
        prot |= PROT_EXEC;
    return (uint8_t)prot;
}

/* A segment that this event gives birth to. */
static struct segment newborn(const struct replay *r, tracee_addr start, uint64_t length)
{
    return (struct segment){.start = start,
                            .end = start + length,
                            .birth = r->decoder->events,
                            .stack = r->event->stack,
                            .born = r->event->time,
                            .owner = r->event->tid};
}

/* ---- brk ---- */

static void replay_brk(struct replay *r)
{
    struct space_model *space = r->space;
    const tracee_addr wanted = r->event->args[0], now = r->event->ret;
    r->change->kind = KIND_HEAP;
    r->change->heap_before = r->change->heap_after = model_heap_size(space);
    /* The result is the break as it is now, whether the call succeeded or not. */
    tracee_addr before = space->heap_end ? space->heap_end : space->heap_start;
    if (!space->heap_start)
        model_set_heap(r->decoder, space, now, now);
    if (before && wanted == now && now != before && sane(r, page_down(now), 0)) {
        struct removal removal;
        remove_range(r, page_up(now), page_up(before), &removal);
        if (page_up(now) > page_up(before)) {
            struct segment heap = newborn(r, page_up(before), page_up(now) - page_up(before));
            heap.kind = KIND_HEAP;
            heap.prot = effective_prot(r, PROT_READ | PROT_WRITE);
            insert(r, &heap);
        }
    }
    model_set_heap(r->decoder, space, space->heap_start, now);
    r->change->heap_after = model_heap_size(space);
}

/* ---- mmap ---- */

/* log2 of the bytes of a huge page; 0 when there are none, or the trace says nonsense. */
static uint8_t page_shift(uint64_t huge)
{
    return huge > TRACE_PAGE && !(huge & (huge - 1)) && huge <= (uint64_t)1 << 40 ? (uint8_t)__builtin_ctzll(huge) : 0;
}

static void replay_map(struct replay *r)
{
    const struct rec_event *e = r->event;
    uint64_t length = e->length ? e->length : page_up(e->args[1]), type = e->args[3] & SHARED_TYPES;
    if (!length || !sane(r, e->ret, length))
        return;
    struct segment s = newborn(r, e->ret, length);
    s.prot = effective_prot(r, e->args[2]);
    s.flags = (type == TYPE_SHARED || type == TYPE_SHARED_VALIDATE ? SEGMENT_SHARED : 0) |
              (e->args[3] & GROWSDOWN ? SEGMENT_GROWS_DOWN : 0);
    s.file = (e->args[3] & MAP_ANONYMOUS) && !(s.flags & SEGMENT_SHARED) && !(e->args[3] & MAP_HUGETLB) ? 0 : e->file;
    s.offset = e->args[3] & MAP_ANONYMOUS ? 0 : page_down(e->args[5]);
    s.page_shift = page_shift(e->huge);
    struct removal removal;
    remove_range(r, s.start, s.end, &removal);
    /* Without MAP_FIXED the kernel never maps over live pages: then the order of the records is impossible. */
    if (removal.bytes && (!(e->args[3] & FIXED) || (e->args[3] & FIXED_NOREPLACE)))
        impossible(r);
    s.kind = (uint8_t)kind_of_mapping(r->decoder, r->space, e, &s, &removal);
    insert(r, &s);
}

static void replay_unmap(struct replay *r)
{
    const struct rec_event *e = r->event;
    uint64_t length = page_up(e->args[1]);
    if (!sane(r, e->args[0], length))
        return;
    struct removal removal;
    remove_range(r, e->args[0], e->args[0] + length, &removal);
    r->change->kind = removal.kind;
}

/* ---- mprotect ---- */

struct protecting {
    uint8_t prot;
    struct replay *replay;
    uint64_t largest;
};

static void protect_segment(struct segment *segment, void *context)
{
    struct protecting *p = context;
    segment_protect(segment, p->prot);
    if (segment->end - segment->start > p->largest) {
        p->largest = segment->end - segment->start;
        p->replay->change->kind = (enum kind)segment->kind;
    }
}

/* PROT_GROWSDOWN begins at the start of the mapping that grows down. */
static tracee_addr grows_down_start(const struct replay *r, tracee_addr addr)
{
    const struct segment *at = segments_find(r->segments, addr);
    if (!at || at->start > addr || !(at->flags & SEGMENT_GROWS_DOWN))
        return addr;
    tracee_addr start = at->start;
    for (const struct segment *below = segments_below(r->segments, start);
         below && below->end == start && (below->flags & SEGMENT_GROWS_DOWN) && below->prot == at->prot;
         below = segments_below(r->segments, start))
        start = below->start;
    return start;
}

static void replay_protect(struct replay *r)
{
    const struct rec_event *e = r->event;
    uint64_t length = page_up(e->args[1]);
    if (!sane(r, e->args[0], length))
        return;
    struct protecting p = {.prot = effective_prot(r, e->args[2]), .replay = r};
    tracee_addr start = e->args[2] & PROT_GROWS_DOWN ? grows_down_start(r, e->args[0]) : e->args[0];
    segments_change(r->segments, start, e->args[0] + length, protect_segment, &p);
}

/* ---- mremap ---- */

/* The segment that holds addr; anonymous memory of no birth where the replay knows of none. */
static struct segment segment_at(const struct replay *r, tracee_addr addr)
{
    const struct segment *at = segments_find(r->segments, addr);
    return at && at->start <= addr ? *at : (struct segment){.kind = KIND_ANONYMOUS, .start = page_down(addr)};
}

/* New memory that goes on where `from` ended: same attributes, born now. */
static void extend(struct replay *r, const struct segment *from, tracee_addr start, tracee_addr end, uint64_t offset)
{
    if (start >= end)
        return;
    struct segment s = newborn(r, start, end - start);
    s.prot = from->prot;
    s.flags = from->flags;
    s.file = from->file;
    s.kind = from->kind;
    s.offset = from->file && !(from->flags & SEGMENT_NAMED) ? offset : 0;
    s.page_shift = from->page_shift;
    insert(r, &s);
}

/* MREMAP_DONTUNMAP leaves the old range mapped, and empty. */
static void leave_behind(struct replay *r, tracee_addr start, tracee_addr end, tracee_addr moved_to)
{
    for (tracee_addr at = start; at < end;) {
        const struct segment *moved = segments_find(r->segments, moved_to + (at - start));
        if (!moved || moved->start >= moved_to + (end - start))
            return;
        struct segment s = *moved;
        s.start = start + (moved->start - moved_to);
        s.end = start + (moved->end - moved_to);
        at = s.end;
        insert(r, &s);
    }
}

/* The part of a segment that is mapped in [*at, end), *at set behind it; false when there is no more. */
static bool next_piece(const struct replay *r, tracee_addr *at, tracee_addr end, tracee_addr *ret_start)
{
    const struct segment *piece = *at < end ? segments_find(r->segments, *at) : NULL;
    if (!piece || piece->start >= end)
        return false;
    *ret_start = piece->start > *at ? piece->start : *at;
    *at = piece->end < end ? piece->end : end;
    return true;
}

/* Since Linux 6.17 one call moves several mappings, and each unmaps its own target: what lies in the gaps stays. */
static void clear_targets(struct replay *r, tracee_addr old, uint64_t length, tracee_addr to)
{
    struct removal removal;
    for (tracee_addr at = old, start; next_piece(r, &at, old + length, &start);)
        remove_range(r, to + (start - old), to + (at - old), &removal);
}

static void move_pieces(struct replay *r, tracee_addr old, uint64_t length, tracee_addr to)
{
    for (tracee_addr at = old, start; next_piece(r, &at, old + length, &start);) {
        segments_move(r->segments, start, at, to + (start - old));
        if (r->event->args[3] & REMAP_DONTUNMAP)
            leave_behind(r, start, at, to + (start - old));
    }
}

static void move(struct replay *r, tracee_addr old, uint64_t old_length, tracee_addr to, uint64_t new_length)
{
    const struct rec_event *e = r->event;
    struct removal removal = {0};
    const bool pieces = (e->args[3] & REMAP_FIXED) && old_length == new_length;
    if (pieces)
        clear_targets(r, old, old_length, to);
    else
        remove_range(r, to, to + new_length, &removal);
    if (removal.bytes && !(e->args[3] & REMAP_FIXED))
        impossible(r);
    if (old_length > new_length) {
        remove_range(r, old + new_length, old + old_length, &removal);
        old_length = new_length;
    }
    struct segment pattern = segment_at(r, old + old_length - 1);
    uint64_t end_offset = pattern.offset + (old + old_length - pattern.start);
    uint64_t moved = segments_covered(r->segments, old, old + old_length);
    move_pieces(r, old, old_length, to);
    if (!(e->args[3] & REMAP_DONTUNMAP)) { /* else the copies that stay behind were counted as new */
        r->change->mapped += moved;
        r->change->unmapped += moved;
    }
    extend(r, &pattern, to + old_length, to + new_length, end_offset);
    r->change->kind = (enum kind)pattern.kind;
}

/* Lengths are rounded up to the pages of the mapping: mremap(2) knows hugetlb since Linux 5.16. */
static uint64_t huge_up(const struct segment *segment, uint64_t length)
{
    const uint64_t page = segment->page_shift ? (uint64_t)1 << segment->page_shift : TRACE_PAGE;
    return (length + page - 1) & ~(page - 1);
}

static void replay_remap(struct replay *r)
{
    const struct rec_event *e = r->event;
    const tracee_addr old = e->args[0], to = e->ret;
    struct segment first = segment_at(r, old);
    const uint64_t old_length = huge_up(&first, e->args[1]), new_length = huge_up(&first, e->args[2]);
    if (!sane(r, old, old_length) || !sane(r, to, new_length) || !new_length)
        return;
    struct removal removal;
    if (old_length == 0) { /* a second mapping of the same shared pages */
        remove_range(r, to, to + new_length, &removal);
        extend(r, &first, to, to + new_length, first.offset + (old - first.start));
    } else if (to != old) {
        move(r, old, old_length, to, new_length);
    } else if (new_length < old_length) {
        remove_range(r, old + new_length, old + old_length, &removal);
        r->change->kind = removal.kind;
    } else {
        struct segment pattern = segment_at(r, old + old_length - 1);
        remove_range(r, old + old_length, old + new_length, &removal);
        r->change->kind = (enum kind)pattern.kind;
        extend(r, &pattern, old + old_length, old + new_length, pattern.offset + (old + old_length - pattern.start));
    }
}

/* ---- madvise ---- */

static void set_flag(struct segment *segment, void *context)
{
    segment->flags |= *(const uint16_t *)context;
}

static void clear_flag(struct segment *segment, void *context)
{
    segment->flags &= (uint16_t) ~*(const uint16_t *)context;
}

static void replay_advise(struct replay *r)
{
    const struct rec_event *e = r->event;
    uint64_t length = page_up(e->args[1]), advice = e->args[2];
    const struct segment *at = segments_find(r->segments, e->args[0]);
    if (at && at->start < e->args[0] + length)
        r->change->kind = (enum kind)at->kind;
    uint16_t flag = advice == ADVICE_DONTFORK || advice == ADVICE_DOFORK         ? SEGMENT_DONT_FORK
                    : advice == ADVICE_WIPEONFORK || advice == ADVICE_KEEPONFORK ? SEGMENT_WIPE_ON_FORK
                                                                                 : 0;
    if (!flag || !sane(r, e->args[0], length))
        return;
    bool set = advice == ADVICE_DONTFORK || advice == ADVICE_WIPEONFORK;
    segments_change(r->segments, e->args[0], e->args[0] + length, set ? set_flag : clear_flag, &flag);
}

/* ---- System V shared memory ---- */

static void replay_attach(struct replay *r)
{
    const struct rec_event *e = r->event;
    if (!e->length || !sane(r, e->ret, e->length)) {
        r->decoder->contradictions += !e->length;
        return;
    }
    struct segment s = newborn(r, e->ret, e->length);
    uint64_t prot =
        PROT_READ | (e->args[2] & ATTACH_READ_ONLY ? 0 : PROT_WRITE) | (e->args[2] & ATTACH_EXEC ? PROT_EXEC : 0);
    s.prot = effective_prot(r, prot);
    s.flags = SEGMENT_SHARED;
    s.file = e->file;
    s.kind = KIND_SHARED;
    struct file_model *file = model_file_find(r->decoder, e->file);
    if (file && !file->shm_size)
        file->shm_size = e->length;
    struct removal removal;
    remove_range(r, s.start, s.end, &removal);
    insert(r, &s);
}

/* Bytes of the System V segment that this is a part of, 0 when it is of none. */
static uint64_t shm_size(const struct replay *r, const struct segment *segment)
{
    const struct file_model *file = segment->flags & SEGMENT_SHARED ? model_file_find(r->decoder, segment->file) : NULL;
    if (!file || file->shm_size)
        return file ? file->shm_size : 0;
    /* Attached before the recording began. */
    return model_path_starts(r->decoder, segment->file, "/SYSV") ? segment->end - segment->start : 0;
}

/* Segments that the kernel has as one mapping. */
struct run {
    tracee_addr start, end;
    uint64_t offset;
    uint32_t file;
};

static bool are_one_mapping(const struct segment *low, const struct segment *high)
{
    const uint16_t attributes = SEGMENT_SHARED | SEGMENT_DONT_FORK | SEGMENT_WIPE_ON_FORK;
    return low->end == high->start && low->prot == high->prot && low->file == high->file &&
           (low->flags & attributes) == (high->flags & attributes) &&
           low->offset + (low->end - low->start) == high->offset;
}

static struct run run_around(const struct replay *r, const struct segment *segment)
{
    const struct segment *low = segment, *high = segment, *next;
    while ((next = segments_below(r->segments, low->start)) && are_one_mapping(next, low))
        low = next;
    while ((next = segments_find(r->segments, high->end)) && are_one_mapping(high, next))
        high = next;
    return (struct run){low->start, high->end, low->offset, low->file};
}

/*
 * shmdt has no length.  The kernel looks for the first mapping of any System V segment that lies where an attach at
 * this address would have put it, and takes it; then for others of the same segment, as far as that reaches.  Whole
 * mappings, whatever holes lie between.  Source: ksys_shmdt() in ipc/shm.c.
 */
static void replay_detach(struct replay *r)
{
    const tracee_addr addr = r->event->args[0];
    uint64_t size = 0;
    uint32_t file = 0;
    r->change->kind = KIND_SHARED;
    for (const struct segment *at = segments_find(r->segments, addr); at;) {
        const struct run run = run_around(r, at);
        if (file && run.end - addr > size)
            return;
        const uint64_t segment_size = shm_size(r, at);
        struct removal removal;
        if (segment_size && run.start >= addr && run.start - addr == run.offset && (!file || run.file == file)) {
            size = file ? size : segment_size;
            file = run.file;
            remove_range(r, run.start, run.end, &removal);
        }
        at = segments_find(r->segments, run.end);
    }
}

/* ---- rarer ones ---- */

static void replay_remap_file(struct replay *r)
{
    const struct rec_event *e = r->event;
    /* Both are rounded down here, unlike elsewhere. */
    const tracee_addr start = page_down(e->args[0]);
    const uint64_t length = page_down(e->args[1]);
    const struct segment *at = segments_find(r->segments, start);
    if (!at || at->start > start || !sane(r, start, length))
        return;
    struct segment pattern = *at;
    struct removal removal;
    /* The kernel maps the file anew: what madvise(2) said of the pages that were there is gone with them. */
    pattern.flags &= (uint16_t) ~(SEGMENT_DONT_FORK | SEGMENT_WIPE_ON_FORK);
    remove_range(r, start, start + length, &removal);
    extend(r, &pattern, start, start + length, e->args[3] * TRACE_PAGE);
}

static void replay_map_ring(struct replay *r)
{
    const struct rec_event *e = r->event;
    if (!e->length || !sane(r, e->at, e->length))
        return;
    struct segment s = newborn(r, e->at, e->length);
    s.prot = PROT_READ | PROT_WRITE;
    s.flags = SEGMENT_SHARED;
    s.file = e->file;
    s.kind = KIND_KERNEL;
    insert(r, &s);
}

static void replay_unmap_ring(struct replay *r)
{
    const struct segment *at = segments_find(r->segments, r->event->args[0]);
    if (!at || at->start > r->event->args[0] || at->kind != KIND_KERNEL)
        return;
    struct segment ring = *at;
    struct removal removal;
    r->change->kind = KIND_KERNEL;
    remove_range(r, ring.start, ring.end, &removal);
}

static void replay_shadow_stack(struct replay *r)
{
    const struct rec_event *e = r->event;
    uint64_t length = page_up(e->args[1]);
    if (!sane(r, e->ret, length))
        return;
    struct segment s = newborn(r, e->ret, length);
    s.prot = PROT_READ | PROT_WRITE;
    s.kind = KIND_STACK;
    insert(r, &s);
}

struct naming {
    const struct decoder *decoder;
    uint32_t file;
};

static void name_segment(struct segment *segment, void *context)
{
    const struct naming *n = context;
    if (model_is_file(n->decoder, segment->file))
        return;
    segment->file = n->file;
    segment->flags = (uint16_t)(n->file ? segment->flags | SEGMENT_NAMED : segment->flags & ~SEGMENT_NAMED);
}

/* PR_SET_VMA_ANON_NAME: what is there gets a name, or loses it. */
static void replay_naming(struct replay *r)
{
    const struct rec_event *e = r->event;
    const uint64_t length = page_up(e->args[3]);
    struct naming n = {r->decoder, e->file};
    if (e->args[1] == 0 && sane(r, e->args[2], length))
        segments_change(r->segments, e->args[2], e->args[2] + length, name_segment, &n);
}

static void replay_prctl(struct replay *r)
{
    const struct rec_event *e = r->event;
    if (e->args[0] == PR_SET_VMA)
        replay_naming(r);
    if (e->args[0] != PR_SET_MM)
        return;
    if (e->args[1] == PR_SET_MM_START_BRK)
        model_set_heap(r->decoder, r->space, e->args[2], r->space->heap_end);
    else if (e->args[1] == PR_SET_MM_BRK)
        model_set_heap(r->decoder, r->space, r->space->heap_start, e->args[2]);
}

/* The personality is the thread's own; those that it makes inherit it. */
static void replay_personality(struct replay *r)
{
    const uint32_t persona = (uint32_t)r->event->args[0];
    struct task_model *task = model_task_find(r->decoder, r->event->tid);
    if (persona == UINT32_MAX || !task) /* only asks */
        return;
    task->read_implies_exec = persona & READ_IMPLIES_EXEC;
    r->decoder->personalities |= task->read_implies_exec;
}

static void own_stack(struct segment *segment, void *context)
{
    segment->owner = *(const uint32_t *)context;
    segment->kind = KIND_STACK;
    segment->flags |= SEGMENT_RUN_ON;
}

/* Memory that was mapped for something else as well holds a stack somewhere, such as the heap of a language that gives
 * its threads small ones: it does not become a stack. */
static bool is_stack_only(const struct segment *segment, tracee_addr top)
{
    enum { ABOVE = 256 << 10 }; /* the thread's description and its local storage lie above the stack */
    return segment->kind == KIND_STACK || (segment->kind == KIND_ANONYMOUS && segment->end - top <= ABOVE);
}

/* A new thread's stack: the memory that was mapped by one call around the address it was given. */
static void replay_clone(struct replay *r)
{
    const struct rec_event *e = r->event;
    if (e->nargs < 2 || !e->args[1] || !e->ret)
        return;
    /* clone takes the top of the stack; clone3 its lowest address, below which glibc has no guard but in which it has
     * one. */
    tracee_addr inside = (e->call == CALL_CLONE3 ? e->args[1] + e->args[2] : e->args[1]) - 1;
    const struct segment *at = segments_find(r->segments, inside);
    if (!at || at->start > inside || !is_stack_only(at, inside))
        return;
    struct segment s = *at;
    uint32_t tid = (uint32_t)e->ret;
    segments_change(r->segments, s.start, s.end, own_stack, &tid);
    const struct segment *guard = segments_below(r->segments, s.start);
    if (guard && guard->end == s.start && guard->birth == s.birth && s.birth)
        segments_change(r->segments, guard->start, guard->end, own_stack, &tid);
}

static bool implies_exec(struct decoder *d, uint32_t tid)
{
    const struct task_model *task = d->personalities ? model_task_find(d, tid) : NULL;
    return task && task->read_implies_exec;
}

/* A layout call whose order is claimed to be known has its space for itself from entry to exit. */
static void check_turn(struct replay *r)
{
    const struct rec_event *e = r->event;
    if (!(call_info((enum call)e->call)->flags & CALL_LAYOUT) || e->exit <= e->entry)
        return;
    if (!e->error && e->entry < r->space->last_exit)
        impossible(r);
    if (e->exit > r->space->last_exit)
        r->space->last_exit = e->exit;
}

void replay_event(struct decoder *decoder, struct space_model *space, const struct rec_event *event,
                  struct change *ret_change)
{
    struct replay r = {decoder, space, &space->segments, event, ret_change, implies_exec(decoder, event->tid)};
    const enum effect effect = call_info((enum call)event->call)->effect;
    space->last_event = decoder->events;
    if (event->flags & (EVENT_READ_BACK | EVENT_UNORDERED)) {
        space->pattern = newborn(&r, 0, 0);
        space->pattern.kind = KIND_ANONYMOUS;
    }
    check_turn(&r);
    if (decoder->left_out && event->call == (uint32_t)decoder->left_out)
        return;
    /* brk has no failure: its result is always the break. */
    if (event->flags & (EVENT_UNFINISHED | EVENT_NO_RESULT) ||
        (event->error && effect != EFFECT_BRK &&
         /* madvise skips holes, does the rest, then says ENOMEM */
         !(effect == EFFECT_ADVISE && event->error == ENOMEM)))
        return;
    static void (*const effects[])(struct replay * r) = {
        [EFFECT_BRK] = replay_brk,
        [EFFECT_MAP] = replay_map,
        [EFFECT_UNMAP] = replay_unmap,
        [EFFECT_PROTECT] = replay_protect,
        [EFFECT_REMAP] = replay_remap,
        [EFFECT_ADVISE] = replay_advise,
        [EFFECT_ATTACH] = replay_attach,
        [EFFECT_DETACH] = replay_detach,
        [EFFECT_REMAP_FILE] = replay_remap_file,
        [EFFECT_MAP_RING] = replay_map_ring,
        [EFFECT_UNMAP_RING] = replay_unmap_ring,
        [EFFECT_SHADOW_STACK] = replay_shadow_stack,
        [EFFECT_PRCTL] = replay_prctl,
        [EFFECT_PERSONALITY] = replay_personality,
        [EFFECT_CLONE] = replay_clone,
    };
    if ((size_t)effect < sizeof(effects) / sizeof(effects[0]) && effects[effect])
        effects[effect](&r);
}
