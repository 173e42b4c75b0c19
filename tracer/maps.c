/* maps.c: parser of /proc/PID/maps, and PROCMAP_QUERY. */
#include "maps.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

/* Debian 12's headers are older than this interface: linux/fs.h of Linux 6.11. */
struct procmap_query_v1 {
    uint64_t size;
    uint64_t query_flags;
    uint64_t query_addr;
    uint64_t vma_start, vma_end, vma_flags, vma_page_size, vma_offset, inode;
    uint32_t dev_major, dev_minor;
    uint32_t vma_name_size, build_id_size;
    uint64_t vma_name_addr, build_id_addr;
};
#define PROCMAP_QUERY_V1 _IOWR('f', 17, struct procmap_query_v1)
enum { QUERY_READABLE = 1, QUERY_WRITABLE = 2, QUERY_EXECUTABLE = 4, QUERY_SHARED = 8, QUERY_COVERING_OR_NEXT = 16 };

void maps_buffer_free(struct maps_buffer *buffer)
{
    free(buffer->text);
    memset(buffer, 0, sizeof(*buffer));
}

int maps_open(pid_t pid)
{
    char path[64];
    snprintf(path, sizeof(path), "/proc/%d/maps", (int)pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    return fd < 0 ? -errno : fd;
}

static int grow(struct maps_buffer *buffer)
{
    size_t capacity = buffer->capacity ? buffer->capacity * 2 : 32768;
    char *text = realloc(buffer->text, capacity);
    if (!text)
        return -ENOMEM;
    buffer->text = text;
    buffer->capacity = capacity;
    return 0;
}

int maps_read(int fd, struct maps_buffer *buffer)
{
    buffer->size = buffer->parsed = 0;
    for (;;) {
        if (buffer->capacity - buffer->size < 8192) {
            int error = grow(buffer);
            if (error)
                return error;
        }
        ssize_t got = pread(fd, buffer->text + buffer->size, buffer->capacity - buffer->size, (off_t)buffer->size);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return -errno;
        if (got == 0)
            /* A live process always has mappings: nothing at all means that the space is gone. */
            return buffer->size ? 0 : -ESRCH;
        buffer->size += (size_t)got;
    }
}

/* Parse digits of the given base up to, and past, the expected end character; false for anything else, and for what
 * exceeds 64 bits. */
static bool number(char **at, const char *end, unsigned base, char stop, uint64_t *ret)
{
    uint64_t value = 0;
    char *p = *at;
    const char *first = p;
    for (; p < end && *p != stop; p++) {
        unsigned digit = *p >= '0' && *p <= '9'   ? (unsigned)(*p - '0')
                         : *p >= 'a' && *p <= 'f' ? (unsigned)(*p - 'a') + 10
                                                  : 99;
        if (digit >= base || value > (UINT64_MAX - digit) / base)
            return false;
        value = value * base + digit;
    }
    if (p == first || p == end)
        return false;
    *at = p + 1;
    *ret = value;
    return true;
}

static bool permissions(char **at, const char *end, struct map_line *line)
{
    const char *p = *at;
    if (end - p < 5 || (p[0] != 'r' && p[0] != '-') || (p[1] != 'w' && p[1] != '-') || (p[2] != 'x' && p[2] != '-') ||
        (p[3] != 's' && p[3] != 'p') || p[4] != ' ')
        return false;
    line->prot = (p[0] == 'r' ? PROT_READ : 0u) | (p[1] == 'w' ? PROT_WRITE : 0u) | (p[2] == 'x' ? PROT_EXEC : 0u);
    line->shared = p[3] == 's';
    *at += 5;
    return true;
}

/* The kernel writes a newline in a name as \012; undo it in place. */
static size_t unescape_newlines(char *name, size_t size)
{
    char *out = name;
    for (size_t i = 0; i < size; i++) {
        if (size - i >= 4 && memcmp(name + i, "\\012", 4) == 0) {
            *out++ = '\n';
            i += 3;
        } else {
            *out++ = name[i];
        }
    }
    return (size_t)(out - name);
}

int maps_next(struct maps_buffer *buffer, struct map_line *ret_line)
{
    if (buffer->parsed >= buffer->size)
        return 0;
    char *p = buffer->text + buffer->parsed;
    char *end = memchr(p, '\n', buffer->size - buffer->parsed);
    if (!end)
        return -EPROTO;
    buffer->parsed += (size_t)(end - p) + 1;

    struct map_line line = {.page_size = 4096};
    uint64_t major = 0, minor = 0;
    *end = ' '; /* so that a line without a name ends its last number as the others do */
    char *stop = end + 1;
    if (!number(&p, stop, 16, '-', &line.start) || !number(&p, stop, 16, ' ', &line.end) ||
        !permissions(&p, stop, &line) || !number(&p, stop, 16, ' ', &line.offset) ||
        !number(&p, stop, 16, ':', &major) || !number(&p, stop, 16, ' ', &minor) ||
        !number(&p, stop, 10, ' ', &line.inode) || line.end <= line.start || major > UINT32_MAX || minor > UINT32_MAX)
        return -EPROTO;
    line.major = (uint32_t)major;
    line.minor = (uint32_t)minor;
    while (p < end && *p == ' ')
        p++;
    if (p < end) {
        line.name = p;
        line.name_size = unescape_newlines(p, (size_t)(end - p));
    }
    *ret_line = line;
    return 1;
}

/* Without the ioctl: look through the text. */
static int query_text(int fd, uint64_t addr, bool or_next, struct maps_buffer *buffer, struct map_line *ret_line)
{
    int result = maps_read(fd, buffer);
    while (result == 0) {
        struct map_line line;
        int got = maps_next(buffer, &line);
        if (got <= 0)
            return got ? got : -ENOENT;
        if (addr < line.end && (or_next || line.start <= addr)) {
            *ret_line = line;
            return 0;
        }
    }
    return result;
}

static atomic_bool query_refused; /* the same for every process: a fact of the kernel */

bool maps_query_is_cheap(void)
{
    return !atomic_load(&query_refused);
}

static struct map_line line_of_query(const struct procmap_query_v1 *query, const char *name)
{
    return (struct map_line){
        .start = query->vma_start,
        .end = query->vma_end,
        .offset = query->inode || query->dev_major || query->dev_minor ? query->vma_offset : 0,
        .inode = query->inode,
        .major = query->dev_major,
        .minor = query->dev_minor,
        .prot = (query->vma_flags & QUERY_READABLE ? PROT_READ : 0u) |
                (query->vma_flags & QUERY_WRITABLE ? PROT_WRITE : 0u) |
                (query->vma_flags & QUERY_EXECUTABLE ? PROT_EXEC : 0u),
        .shared = query->vma_flags & QUERY_SHARED,
        .page_size = query->vma_page_size,
        /* The size that comes back counts the terminating NUL; 0 means no name. */
        .name = query->vma_name_size > 1 ? name : NULL,
        .name_size = query->vma_name_size > 1 ? query->vma_name_size - 1 : 0,
    };
}

static int query(int fd, uint64_t addr, bool or_next, struct maps_buffer *buffer, struct map_line *ret_line)
{
    if (!maps_query_is_cheap())
        return query_text(fd, addr, or_next, buffer, ret_line);
    struct procmap_query_v1 query = {
        .size = sizeof(query),
        .query_flags = or_next ? QUERY_COVERING_OR_NEXT : 0,
        .query_addr = addr,
        .vma_name_addr = (uint64_t)(uintptr_t)buffer->name,
        .vma_name_size = sizeof(buffer->name),
    };
    if (ioctl(fd, PROCMAP_QUERY_V1, &query) < 0) {
        if (errno == ENOTTY || errno == EINVAL)
            atomic_store(&query_refused, true);
        else if (errno != ENAMETOOLONG)
            return -errno;
        return query_text(fd, addr, or_next, buffer, ret_line);
    }
    *ret_line = line_of_query(&query, buffer->name);
    return 0;
}

int maps_query(int fd, uint64_t addr, struct maps_buffer *buffer, struct map_line *ret_line)
{
    return query(fd, addr, false, buffer, ret_line);
}

int maps_query_from(int fd, uint64_t addr, struct maps_buffer *buffer, struct map_line *ret_line)
{
    return query(fd, addr, true, buffer, ret_line);
}

bool maps_clip(struct map_line *line, uint64_t end)
{
    if (line->start >= end)
        return true;
    if (line->end <= end)
        return false;
    /* Anonymous memory has no offset, nor has what the kernel names. */
    if (line->inode || line->major || line->minor)
        line->offset += end - line->start;
    line->start = end;
    return true;
}
