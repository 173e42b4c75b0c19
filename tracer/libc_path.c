/* libc_path.c: which C library a process has mapped. */
#include "libc_path.h"

#include "maps.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char deleted[] = " (deleted)";

static bool starts_with(const struct map_line *line, size_t at, const char *word)
{
    size_t size = strlen(word);
    return line->name_size - at >= size && memcmp(line->name + at, word, size) == 0;
}

static bool is_libc(const struct map_line *line)
{
    const char *slash = line->name_size ? memrchr(line->name, '/', line->name_size) : NULL;
    if (!slash || *line->name != '/')
        return false;
    if (memmem(line->name, line->name_size, deleted, sizeof(deleted) - 1))
        return false;
    size_t at = (size_t)(slash + 1 - line->name);
    return starts_with(line, at, "libc.so") || starts_with(line, at, "libc-2.") ||
           starts_with(line, at, "libc.musl-") || starts_with(line, at, "ld-musl-");
}

int libc_path(pid_t pid, char *ret_path, size_t capacity, uint64_t *ret_mappings)
{
    struct maps_buffer buffer = {0};
    struct map_line line;
    uint64_t count = 0;
    int fd = maps_open(pid), got = 0;
    *ret_path = '\0';
    int error = fd < 0 ? -fd : -maps_read(fd, &buffer);
    while (!error && (got = maps_next(&buffer, &line)) > 0) {
        count++;
        if (!*ret_path && line.name_size < capacity && is_libc(&line))
            snprintf(ret_path, capacity, "%.*s", (int)line.name_size, line.name);
    }
    if (fd >= 0)
        close(fd);
    maps_buffer_free(&buffer);
    if (ret_mappings)
        *ret_mappings = count;
    return error ? error : -got;
}
