/* perf_map.c: names of code that was made at run time. */
#include "perf_map.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A line.  `start` is also kept in the stretches that it is cut into: offsets count from here. */
struct line {
    uint64_t start, end; /* end exclusive */
    struct text name;
};

/* Addresses where one line holds; stretches are sorted and do not overlap. */
struct stretch {
    uint64_t start, end;
    uint32_t line; /* index */
};

struct perf_map {
    char *bytes;
    size_t size;
    struct line *lines;
    size_t n_lines, capacity;
    struct stretch *stretches;
    size_t n_stretches;
    uint64_t bad;
    bool cut;
};

/* ---- lines ---- */

/* A number in hex, with or without 0x.  False when there is none, or it does not fit. */
static bool take_hex(const char **at, const char *end, uint64_t *ret_value)
{
    uint64_t value = 0;
    int digits = 0;
    if (end - *at > 2 && (*at)[0] == '0' && ((*at)[1] | 0x20) == 'x')
        *at += 2;
    for (; *at < end; (*at)++, digits++) {
        char c = **at;
        int digit = c >= '0' && c <= '9'                     ? c - '0'
                    : (c | 0x20) >= 'a' && (c | 0x20) <= 'f' ? (c | 0x20) - 'a' + 10
                                                             : -1;
        if (digit < 0)
            break;
        if (value >> 60)
            return false;
        value = value << 4 | (unsigned)digit;
    }
    *ret_value = value;
    return digits > 0;
}

static bool take_blank(const char **at, const char *end)
{
    const char *start = *at;
    while (*at < end && (**at == ' ' || **at == '\t'))
        (*at)++;
    return *at > start;
}

static bool parse_line(const char *at, const char *end, struct line *ret_line)
{
    uint64_t start, size;
    if (!take_hex(&at, end, &start) || !take_blank(&at, end) || !take_hex(&at, end, &size) || !take_blank(&at, end))
        return false;
    if (size == 0 || size > UINT64_MAX - start || at == end)
        return false;
    size_t length = (size_t)(end - at);
    *ret_line = (struct line){start, start + size, {at, length < TRACE_MAX_TEXT ? length : TRACE_MAX_TEXT}};
    return true;
}

static int add_line(struct perf_map *map, const struct line *line)
{
    if (map->n_lines == map->capacity) {
        size_t capacity = map->capacity ? map->capacity * 2 : 256;
        struct line *lines = reallocarray(map->lines, capacity, sizeof(*lines));
        if (!lines)
            return -ENOMEM;
        map->lines = lines;
        map->capacity = capacity;
    }
    map->lines[map->n_lines++] = *line;
    return 0;
}

static int parse_lines(struct perf_map *map)
{
    const char *at = map->bytes, *end = map->bytes + map->size;
    while (at < end) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        const char *line_end = newline ? newline : end;
        struct line line;
        if (map->n_lines >= PERF_MAP_MAX_LINES) {
            map->cut = true;
            return 0;
        }
        if (!parse_line(at, line_end, &line))
            map->bad += line_end > at;
        else if (add_line(map, &line) < 0)
            return -ENOMEM;
        at = newline ? newline + 1 : end;
    }
    return 0;
}

/* ---- from lines that overlap to stretches that do not ---- */

/* A line starts or ends. */
struct edge {
    uint64_t address;
    uint32_t line;
    bool is_end;
};

static int compare_edges(const void *left, const void *right)
{
    const struct edge *a = left, *b = right;
    return (a->address > b->address) - (a->address < b->address);
}

/* The lines that hold at some address, as a heap: the latest one is first.  Lines that have ended leave it when they
 * come to the front. */
struct open_lines {
    uint32_t *heap;
    size_t count;
};

static void swap(uint32_t *a, uint32_t *b)
{
    uint32_t kept = *a;
    *a = *b;
    *b = kept;
}

static void open_line(struct open_lines *open, uint32_t line)
{
    size_t at = open->count++;
    open->heap[at] = line;
    for (; at && open->heap[(at - 1) / 2] < open->heap[at]; at = (at - 1) / 2)
        swap(&open->heap[(at - 1) / 2], &open->heap[at]);
}

static void drop_first(struct open_lines *open)
{
    open->heap[0] = open->heap[--open->count];
    for (size_t at = 0;;) {
        size_t larger = at * 2 + 1;
        if (larger + 1 < open->count && open->heap[larger + 1] > open->heap[larger])
            larger++;
        if (larger >= open->count || open->heap[larger] < open->heap[at])
            return;
        swap(&open->heap[larger], &open->heap[at]);
        at = larger;
    }
}

/* From `start` to `end` the latest open line holds. */
static void add_stretch(struct perf_map *map, struct open_lines *open, uint64_t start, uint64_t end)
{
    while (open->count && map->lines[open->heap[0]].end <= start)
        drop_first(open);
    if (!open->count || start == end)
        return;
    struct stretch *last = map->n_stretches ? &map->stretches[map->n_stretches - 1] : NULL;
    if (last && last->line == open->heap[0] && last->end == start)
        last->end = end;
    else
        map->stretches[map->n_stretches++] = (struct stretch){start, end, open->heap[0]};
}

static void sweep(struct perf_map *map, const struct edge *edges, struct open_lines *open)
{
    for (size_t i = 0; i < map->n_lines * 2; i++) {
        if (i)
            add_stretch(map, open, edges[i - 1].address, edges[i].address);
        if (!edges[i].is_end)
            open_line(open, edges[i].line);
    }
}

static int cut_lines(struct perf_map *map)
{
    struct edge *edges = reallocarray(NULL, map->n_lines * 2 + 1, sizeof(*edges));
    struct open_lines open = {.heap = reallocarray(NULL, map->n_lines + 1, sizeof(uint32_t))};
    map->stretches = reallocarray(NULL, map->n_lines * 2 + 1, sizeof(struct stretch));
    int result = edges && open.heap && map->stretches ? 0 : -ENOMEM;
    for (size_t i = 0; result == 0 && i < map->n_lines; i++) {
        edges[2 * i] = (struct edge){map->lines[i].start, (uint32_t)i, false};
        edges[2 * i + 1] = (struct edge){map->lines[i].end, (uint32_t)i, true};
    }
    if (result == 0) {
        qsort(edges, map->n_lines * 2, sizeof(*edges), compare_edges);
        sweep(map, edges, &open);
    }
    free(edges);
    free(open.heap);
    return result;
}

/* ---- the whole ---- */

/* `bytes` passes over to the map. */
static int parse(char *bytes, size_t size, struct perf_map **ret_map)
{
    struct perf_map *map = calloc(1, sizeof(*map));
    if (!map) {
        free(bytes);
        return -ENOMEM;
    }
    map->bytes = bytes;
    map->size = size < PERF_MAP_MAX_SIZE ? size : PERF_MAP_MAX_SIZE;
    map->cut = size > PERF_MAP_MAX_SIZE;
    if (parse_lines(map) < 0 || cut_lines(map) < 0) {
        perf_map_free(map);
        return -ENOMEM;
    }
    *ret_map = map;
    return 0;
}

int perf_map_parse(struct text text, struct perf_map **ret_map)
{
    char *bytes = malloc(text.size + 1);
    if (!bytes)
        return -ENOMEM;
    if (text.size)
        memcpy(bytes, text.data, text.size);
    return parse(bytes, text.size, ret_map);
}

/* All of a file, or its first PERF_MAP_MAX_SIZE + 1 bytes; it may still grow. */
static int read_file(int fd, char **ret_bytes, size_t *ret_size)
{
    struct stat status;
    if (fstat(fd, &status) < 0)
        return -errno;
    if (!S_ISREG(status.st_mode))
        return -EACCES;
    size_t size = status.st_size < PERF_MAP_MAX_SIZE ? (size_t)status.st_size : (size_t)PERF_MAP_MAX_SIZE + 1, done = 0;
    char *bytes = malloc(size + 1);
    ssize_t got = bytes ? 1 : 0;
    while (got > 0 && done < size)
        if ((got = read(fd, bytes + done, size - done)) > 0)
            done += (size_t)got;
    if (!bytes || got < 0) {
        int result = bytes ? -errno : -ENOMEM;
        free(bytes);
        return result;
    }
    *ret_bytes = bytes;
    *ret_size = done;
    return 0;
}

int perf_map_open(const char *path, struct perf_map **ret_map)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    char *bytes = NULL;
    size_t size = 0;
    if (fd < 0)
        return -errno;
    int result = read_file(fd, &bytes, &size);
    close(fd);
    return result < 0 ? result : parse(bytes, size, ret_map);
}

void perf_map_free(struct perf_map *map)
{
    if (!map)
        return;
    free(map->bytes);
    free(map->lines);
    free(map->stretches);
    free(map);
}

bool perf_map_lookup(const struct perf_map *map, tracee_addr address, struct text *ret_name, uint64_t *ret_offset)
{
    size_t low = 0, high = map->n_stretches;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (map->stretches[middle].end <= address)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == map->n_stretches || address < map->stretches[low].start)
        return false;
    const struct line *line = &map->lines[map->stretches[low].line];
    *ret_name = line->name;
    *ret_offset = address - line->start;
    return true;
}

uint64_t perf_map_bad_lines(const struct perf_map *map)
{
    return map->bad;
}

bool perf_map_is_cut(const struct perf_map *map)
{
    return map->cut;
}
