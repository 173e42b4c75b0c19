/* code_map.c: executable memory of an address space, and how memory calls change it. */
#include "code_map.h"

#include "../maps.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/shm.h>

struct unwind_space *unwind_space_new(void)
{
    struct unwind_space *space = calloc(1, sizeof(*space));
    if (space)
        space->generation = 1;
    return space;
}

struct unwind_space *unwind_space_copy(const struct unwind_space *space)
{
    struct unwind_space *copy = unwind_space_new();
    if (!copy || !space->known)
        return copy;
    copy->ranges = calloc(space->count ? space->count : 1, sizeof(*copy->ranges));
    if (!copy->ranges)
        return copy; /* it will be read from maps */
    if (space->count)
        memcpy(copy->ranges, space->ranges, space->count * sizeof(*copy->ranges));
    copy->count = copy->capacity = space->count;
    copy->known = true;
    copy->stale = space->stale;
    return copy;
}

void unwind_space_free(struct unwind_space *space)
{
    if (!space)
        return;
    free(space->ranges);
    free(space->places);
    free(space);
}

/* ---- the table ---- */

/* Index of the first range that ends behind addr. */
static size_t index_of(const struct unwind_space *space, uint64_t addr)
{
    size_t low = 0, high = space->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (space->ranges[middle].end > addr)
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

struct code_range *code_map_find(const struct unwind_space *space, uint64_t addr)
{
    size_t i = index_of(space, addr);
    return i < space->count && space->ranges[i].start <= addr ? &space->ranges[i] : NULL;
}

static bool overlaps(const struct unwind_space *space, uint64_t start, uint64_t end)
{
    size_t i = index_of(space, start);
    return i < space->count && space->ranges[i].start < end;
}

static int insert(struct unwind_space *space, size_t i, const struct code_range *range)
{
    if (space->count == CODE_MAX_RANGES)
        return -ENOSPC;
    if (space->count == space->capacity) {
        size_t capacity = space->capacity ? space->capacity * 2 : 64;
        struct code_range *ranges = realloc(space->ranges, capacity * sizeof(*ranges));
        if (!ranges)
            return -ENOMEM;
        space->ranges = ranges;
        space->capacity = capacity;
    }
    memmove(&space->ranges[i + 1], &space->ranges[i], (space->count - i) * sizeof(*space->ranges));
    space->ranges[i] = *range;
    space->count++;
    return 0;
}

static void forget_places(struct unwind_space *space)
{
    if (++space->generation == 0 && space->places)
        memset(space->places, 0, PLACES * sizeof(*space->places));
    if (space->generation == 0)
        space->generation = 1;
}

/* [start, end) lies inside one range: that becomes two. */
static void split(struct unwind_space *space, size_t i, uint64_t start, uint64_t end)
{
    struct code_range upper = space->ranges[i];
    upper.offset += end - upper.start;
    upper.start = end;
    space->ranges[i].end = start;
    if (insert(space, i + 1, &upper) < 0)
        space->stale = true;
}

void code_map_clear(struct unwind_space *space, uint64_t start, uint64_t end)
{
    size_t i = index_of(space, start);
    if (i == space->count || space->ranges[i].start >= end)
        return;
    forget_places(space);
    if (space->ranges[i].start < start && space->ranges[i].end > end) {
        split(space, i, start, end);
        return;
    }
    if (space->ranges[i].start < start)
        space->ranges[i++].end = start;
    size_t last = i;
    while (last < space->count && space->ranges[last].end <= end)
        last++;
    memmove(&space->ranges[i], &space->ranges[last], (space->count - last) * sizeof(*space->ranges));
    space->count -= last - i;
    if (i < space->count && space->ranges[i].start < end) {
        space->ranges[i].offset += end - space->ranges[i].start;
        space->ranges[i].start = end;
    }
}

int code_map_put(struct unwind_space *space, const struct code_range *range)
{
    code_map_clear(space, range->start, range->end);
    return insert(space, index_of(space, range->start), range);
}

/* ---- from /proc/PID/maps ---- */

static bool same_mapping(const struct code_range *range, const struct map_line *line)
{
    return range->start == line->start && range->end == line->end && range->offset == line->offset &&
           range->inode == line->inode && range->major == line->major && range->minor == line->minor;
}

/* The range of a line; names in brackets are the kernel's, and only the vdso holds an ELF image. */
static struct code_range range_of(const struct unwind_space *old, const struct map_line *line)
{
    const struct code_range *before = code_map_find(old, line->start);
    if (before && before->kind == CODE_FILE && same_mapping(before, line))
        return *before;
    bool vdso = line->name && line->name_size == 6 && memcmp(line->name, "[vdso]", 6) == 0;
    return (struct code_range){.start = line->start,
                               .end = line->end,
                               .offset = line->offset,
                               .inode = line->inode,
                               .major = line->major,
                               .minor = line->minor,
                               .kind = line->inode || vdso ? CODE_UNKNOWN : CODE_ANONYMOUS};
}

int code_map_read(struct unwind_space *space, int maps, struct maps_buffer *buffer)
{
    struct unwind_space fresh = {0};
    struct map_line line;
    int got, error = maps_read(maps, buffer);
    while (!error && (got = maps_next(buffer, &line)) != 0) {
        struct code_range range;
        error = got < 0 ? got : 0;
        if (error || !(line.prot & PROT_EXEC))
            continue;
        range = range_of(space, &line);
        error = insert(&fresh, fresh.count, &range);
    }
    if (error) {
        free(fresh.ranges);
        return error;
    }
    free(space->ranges);
    space->ranges = fresh.ranges;
    space->count = fresh.count;
    space->capacity = fresh.capacity;
    space->known = true;
    space->stale = false;
    forget_places(space);
    return 0;
}

/* ---- following calls ---- */

static uint64_t page_up(uint64_t size)
{
    return (size + WINDOW_PAGE - 1) & ~(uint64_t)(WINDOW_PAGE - 1);
}

/* Without a module; it becomes one with its neighbour of the same kind, so that code that a compiler makes page by page
 * stays one range. */
static void put_new(struct unwind_space *space, uint64_t start, uint64_t end, enum code_kind kind)
{
    code_map_clear(space, start, end);
    size_t i = index_of(space, start);
    if (i > 0 && space->ranges[i - 1].end == start && space->ranges[i - 1].kind == kind)
        space->ranges[i - 1].end = end;
    else if (code_map_put(space, &(struct code_range){.start = start, .end = end, .kind = kind}) < 0)
        space->stale = true;
}

static void follow_map(struct unwind_space *space, const uint64_t args[CALL_MAX_ARGS], uint64_t at)
{
    uint64_t end = at + page_up(args[1]);
    code_map_clear(space, at, end);
    if (args[2] & PROT_EXEC && end > at)
        put_new(space, at, end, args[3] & MAP_ANONYMOUS ? CODE_ANONYMOUS : CODE_UNKNOWN);
}

/* What becomes executable and is not in the table yet is not known: anonymous most often, but a file's text relocations
 * or a loader of its own are possible. */
static void follow_protect(struct unwind_space *space, uint64_t start, uint64_t end)
{
    while (start < end) {
        size_t i = index_of(space, start);
        uint64_t gap_end = i < space->count && space->ranges[i].start < end ? space->ranges[i].start : end;
        if (gap_end > start)
            put_new(space, start, gap_end, CODE_UNKNOWN);
        if (space->stale)
            return;
        i = index_of(space, start);
        start = i < space->count ? space->ranges[i].end : end;
    }
}

/* mremap(old, old size, new size): code is hardly ever moved, so it may cost a look at the map. */
static void follow_remap(struct unwind_space *space, const uint64_t args[CALL_MAX_ARGS], uint64_t at)
{
    uint64_t old_end = args[0] + page_up(args[1]), new_end = at + page_up(args[2]);
    if (overlaps(space, args[0], old_end > args[0] ? old_end : args[0] + 1))
        space->stale = true;
    else
        code_map_clear(space, at, new_end);
}

/* A call that failed may have done a part of its work. */
static void follow_failed(struct unwind_space *space, const struct call_info *info, const uint64_t args[CALL_MAX_ARGS])
{
    if ((info->flags & CALL_PARTIAL) && overlaps(space, args[0], args[0] + page_up(args[1])))
        space->stale = true;
}

void unwind_space_doubt(struct unwind_space *space, uint64_t start, uint64_t end)
{
    if (space->known && overlaps(space, start, end))
        space->stale = true;
}

void unwind_space_follow(struct unwind_space *space, enum call call, const uint64_t args[CALL_MAX_ARGS],
                         uint64_t result, uint32_t error)
{
    const struct call_info *info = call_info(call);
    if (!space->known || space->stale)
        return;
    if (error) {
        follow_failed(space, info, args);
        return;
    }
    switch (info->effect) {
    case EFFECT_MAP:
        follow_map(space, args, result);
        break;
    case EFFECT_UNMAP:
        code_map_clear(space, args[0], args[0] + page_up(args[1]));
        break;
    case EFFECT_PROTECT:
        if (args[2] & PROT_EXEC)
            follow_protect(space, args[0], args[0] + page_up(args[1]));
        break;
    case EFFECT_REMAP:
        follow_remap(space, args, result);
        break;
    case EFFECT_ATTACH: /* the size is not known */
        space->stale = args[2] & SHM_EXEC || args[2] & SHM_REMAP;
        break;
    case EFFECT_DETACH:
        space->stale = overlaps(space, args[0], args[0] + 1);
        break;
    case EFFECT_REMAP_FILE:
        space->stale = overlaps(space, args[0], args[0] + page_up(args[1]));
        break;
    default:
        break;
    }
}
