/*
 * kinds.c: what a segment is for.
 *
 * Told from what the call asked for and what lies around it; where that leaves a choice, the more general kind is
 * taken.
 */
#include "model.h"
#include "runtimes.h"

#include <linux/mman.h>
#include <string.h>
#include <sys/mman.h>

enum {
    DENYWRITE = 0x800,   /* MAP_DENYWRITE: ignored by the kernel, and used by loaders alone */
    NORESERVE = 0x4000,  /* MAP_NORESERVE */
    STACK = 0x20000,     /* MAP_STACK */
    GROWSDOWN = 0x100,   /* MAP_GROWSDOWN */
    ARENA_64 = 64 << 20, /* HEAP_MAX_SIZE of glibc, 64 bit */
    ARENA_32 = 1 << 20,  /* the same, 32 bit */
};

const char *kind_name(enum kind kind)
{
    static const char *const names[KIND_COUNT] = {
        [KIND_NONE] = "none",   [KIND_HEAP] = "heap",     [KIND_ARENA] = "arena",         [KIND_CHUNK] = "chunk",
        [KIND_STACK] = "stack", [KIND_IMAGE] = "image",   [KIND_FILE] = "file",           [KIND_SHARED] = "shared",
        [KIND_GUARD] = "guard", [KIND_KERNEL] = "kernel", [KIND_ANONYMOUS] = "anonymous",
    };
    return names[(unsigned)kind < KIND_COUNT ? kind : KIND_NONE];
}

/* A glibc arena begins as a reservation: PROT_NONE, not counted, twice its size to have an aligned one inside, or just
 * its size, wished for behind the last one, at an aligned address, be it another one.  One that a program makes by
 * itself is none.  Source: new_heap() in glibc's malloc/arena.c. */
static bool is_arena(const struct decoder *d, const struct rec_event *event, const struct segment *segment)
{
    const uint64_t arena = event->abi == ABI_X86_64 ? ARENA_64 : ARENA_32; /* x32 has 32-bit words */
    const uint64_t size = segment->end - segment->start, wish = event->args[0];
    if (segment->prot != 0 || !(event->args[3] & NORESERVE) || (size != arena && size != 2 * arena))
        return false;
    const unsigned depth = runtime_libc_frames(d->code, event->stack); /* 0: nothing is known */
    const bool as_wished = !wish || wish == segment->start || depth > 1;
    return depth != 1 && (size == arena ? segment->start % arena == 0 && as_wished : !wish);
}

/* An mmapped chunk: plain memory wherever the kernel likes, asked for from deep inside of libc.  Source:
 * sysmalloc_mmap() in glibc's malloc/malloc.c. */
static bool is_chunk(const struct decoder *d, const struct rec_event *event, const struct segment *segment)
{
    const uint64_t flags = event->args[3] & ~(uint64_t)(MAP_HUGETLB | (63ull << MAP_HUGE_SHIFT));
    return event->args[0] == 0 && segment->prot == (PROT_READ | PROT_WRITE) && flags == (MAP_PRIVATE | MAP_ANONYMOUS) &&
           runtime_libc_frames(d->code, event->stack) >= GLIBC_MALLOC_FRAMES;
}

/* Memory whose "file" exists only to be shared. */
static bool is_shared_memory(const struct decoder *d, uint32_t file)
{
    static const char *const starts[] = {"/dev/zero", "/SYSV", "/memfd:", "/dev/shm/", "/anon_hugepage"};
    for (size_t i = 0; i < sizeof(starts) / sizeof(starts[0]); i++)
        if (model_path_starts(d, file, starts[i]))
            return true;
    return false;
}

/* Loaders map a library piece by piece over, or next to, a first mapping of it. */
static bool touches_image_of(const struct space_model *space, const struct segment *segment)
{
    const struct segment *below = segments_below(&space->segments, segment->start);
    const struct segment *above = segments_find(&space->segments, segment->end);
    bool joins_below = below && below->end == segment->start && below->file == segment->file;
    bool joins_above = above && above->start == segment->end && above->file == segment->file;
    return (joins_below && below->kind == KIND_IMAGE) || (joins_above && above->kind == KIND_IMAGE);
}

static enum kind kind_of_file(const struct decoder *d, const struct space_model *space, const struct rec_event *event,
                              const struct segment *segment)
{
    if ((segment->flags & SEGMENT_SHARED) && is_shared_memory(d, segment->file))
        return KIND_SHARED;
    if (model_path_starts(d, segment->file, "anon_inode:") || model_path_starts(d, segment->file, "/[aio]"))
        return KIND_KERNEL;
    if ((event->args[3] & DENYWRITE) || (segment->prot & PROT_EXEC) || touches_image_of(space, segment))
        return KIND_IMAGE;
    return KIND_FILE;
}

enum kind kind_of_mapping(const struct decoder *d, const struct space_model *space, const struct rec_event *event,
                          const struct segment *segment, const struct removal *replaced)
{
    uint64_t flags = event->args[3];
    if (model_is_file(d, segment->file))
        return kind_of_file(d, space, event, segment);
    if (segment->flags & SEGMENT_SHARED)
        return KIND_SHARED;
    if (flags & (STACK | GROWSDOWN))
        return KIND_STACK;
    if (is_arena(d, event, segment))
        return KIND_ARENA;
    if (is_chunk(d, event, segment))
        return KIND_CHUNK;
    /* What is put over a part of something stays that: bss over an image's tail, a trimmed arena's reservation. */
    if ((flags & MAP_FIXED) && replaced->bytes == segment->end - segment->start &&
        (replaced->first_kind == KIND_IMAGE || replaced->first_kind == KIND_ARENA ||
         replaced->first_kind == KIND_STACK))
        return (enum kind)replaced->first_kind;
    const struct segment *below = segments_below(&space->segments, segment->start);
    if ((flags & MAP_FIXED) && below && below->end == segment->start && below->kind == KIND_IMAGE)
        return KIND_IMAGE;
    return KIND_ANONYMOUS;
}

/* Names that the kernel gives in maps.  Source: proc_pid_maps(5), fs/proc/task_mmu.c. */
static enum kind kind_of_name(const struct decoder *d, uint32_t file)
{
    if (model_path_starts(d, file, "[heap]"))
        return KIND_HEAP;
    if (model_path_starts(d, file, "[stack"))
        return KIND_STACK;
    if (model_path_starts(d, file, "[anon:") || model_path_starts(d, file, "[anon_shmem:"))
        return KIND_ANONYMOUS;
    return KIND_KERNEL;
}

enum kind kind_of_line(const struct decoder *d, const struct rec_mapping *line, const struct segment *below,
                       bool by_exec)
{
    if (model_is_file(d, line->file)) {
        if (line->shared && is_shared_memory(d, line->file))
            return KIND_SHARED;
        bool joins = below && below->end == line->start && below->file == line->file && below->kind == KIND_IMAGE;
        return by_exec || (line->prot & PROT_EXEC) || joins ? KIND_IMAGE : KIND_FILE;
    }
    if (line->file)
        return kind_of_name(d, line->file);
    /* Right above an image's data lies its bss. */
    if (below && below->end == line->start && below->kind == KIND_IMAGE)
        return KIND_IMAGE;
    return line->shared ? KIND_SHARED : KIND_ANONYMOUS;
}

/* ---- what an attached process had already ---- */

static bool is_plain(const struct segment *segment, uint8_t prot)
{
    return segment && segment->kind == KIND_ANONYMOUS && segment->prot == prot && !(segment->flags & SEGMENT_SHARED);
}

static void set_kind(struct segment *segment, void *context)
{
    segment->kind = *(const uint8_t *)context;
}

static void mark(struct space_model *space, tracee_addr start, tracee_addr end, enum kind kind)
{
    uint8_t as_stored = (uint8_t)kind;
    segments_change(&space->segments, start, end, set_kind, &as_stored);
}

/* Open at its start, reserved from there to its end. */
static bool looks_like_arena(const struct segment *open, const struct segment *rest, uint64_t size)
{
    return is_plain(open, PROT_READ | PROT_WRITE) && is_plain(rest, PROT_NONE) && rest->start == open->end &&
           open->start % size == 0 && open->end - open->start < size && rest->end >= open->start + size;
}

/* A few pages without access below as many as stacks usually have. */
static bool looks_like_stack(const struct segment *guard, const struct segment *stack)
{
    const uint64_t size = is_plain(stack, PROT_READ | PROT_WRITE) ? stack->end - stack->start : 0;
    return is_plain(guard, PROT_NONE) && guard->end - guard->start <= 64 << 10 && stack && stack->start == guard->end &&
           (size == 8 << 20 || size == 2 << 20 || size == 1 << 20);
}

/* The start of a library, below its code. */
static bool looks_like_image(const struct segment *low, const struct segment *next)
{
    return low->kind == KIND_FILE && !(low->flags & SEGMENT_SHARED) && next && next->kind == KIND_IMAGE &&
           next->start == low->end && next->file == low->file;
}

void kinds_of_baseline(struct space_model *space)
{
    struct segment low = {0};
    for (const struct segment *at = segments_find(&space->segments, 0); at;
         at = segments_find(&space->segments, low.end)) {
        low = *at;
        const struct segment *next = segments_find(&space->segments, low.end);
        const uint64_t arena = low.start >> 32 ? ARENA_64 : ARENA_32;
        if (looks_like_arena(&low, next, arena))
            mark(space, low.start, low.start + arena, KIND_ARENA);
        else if (looks_like_stack(&low, next))
            mark(space, low.start, next->end, KIND_STACK);
        else if (looks_like_image(&low, next))
            mark(space, low.start, low.end, KIND_IMAGE);
    }
}
