/* debug_file.c: where debug information lies that is not in the file itself. */
#include "debug_file.h"

#include "debuginfod.h"

#include <elfutils/libdwelf.h>
#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MIN_ID = 2, MAX_ID = 64, MAX_LINK = 255 };

static const char system_dir[] = "/usr/lib/debug";

/* What a file must be to be the right one. */
struct wanted {
    const unsigned char *id; /* NULL: tell it by its checksum */
    size_t id_size;
    uint32_t crc;
};

/* One place to look at. */
struct candidate {
    struct image_root root;
    char path[PATH_MAX];
};

void debug_file_close(struct debug_file *file)
{
    if (file->image.elf)
        image_close(&file->image);
    free(file->path);
    *file = (struct debug_file){0};
}

/* ---- is it the right one ---- */

/* The checksum of .gnu_debuglink: CRC-32 as in zlib. */
static uint32_t checksum(const unsigned char *bytes, size_t size)
{
    uint32_t table[256], crc = UINT32_MAX;
    for (uint32_t i = 0; i < 256; i++) {
        table[i] = i;
        for (int bit = 0; bit < 8; bit++)
            table[i] = table[i] >> 1 ^ (table[i] & 1 ? UINT32_C(0xedb88320) : 0);
    }
    for (size_t i = 0; i < size; i++)
        crc = crc >> 8 ^ table[(crc ^ bytes[i]) & 0xff];
    return ~crc;
}

static bool is_wanted(const struct image *image, const struct wanted *wanted)
{
    const unsigned char *id;
    size_t size;
    if (wanted->id)
        return image_build_id(image, &id, &size) && size == wanted->id_size && memcmp(id, wanted->id, size) == 0;
    return checksum(image->bytes, image->size) == wanted->crc;
}

/* The same file as the module is no debug file of it, even where a link says so. */
static bool is_same_file(const struct image *a, const struct image *b)
{
    return a->size == b->size && memcmp(a->bytes, b->bytes, a->size) == 0;
}

/* Take the file behind a descriptor, which is closed.  1 when it is the wanted one, else 0. */
static int take(int fd, const struct debug_search *search, const struct wanted *wanted, struct image *ret_image)
{
    struct image image;
    if (fd < 0)
        return 0;
    int result = image_open(fd, &image);
    close(fd);
    if (result < 0)
        return 0;
    if (!is_wanted(&image, wanted) || is_same_file(&image, search->image)) {
        image_close(&image);
        return 0;
    }
    *ret_image = image;
    return 1;
}

static int try_candidate(const struct candidate *candidate, const struct debug_search *search,
                         const struct wanted *wanted, struct debug_file *ret_file)
{
    struct debug_file file = {.root = candidate->root};
    if (!take(image_open_file(candidate->root, candidate->path), search, wanted, &file.image))
        return 0;
    file.path = strdup(candidate->path);
    if (!file.path) {
        debug_file_close(&file);
        return -ENOMEM;
    }
    *ret_file = file;
    return 1;
}

/* ---- where to look ---- */

static const struct image_root own_root = {-1};

__attribute__((format(printf, 2, 3))) static bool set_path(struct candidate *candidate, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int size = vsnprintf(candidate->path, sizeof(candidate->path), format, arguments);
    va_end(arguments);
    return size >= 0 && (size_t)size < sizeof(candidate->path);
}

/* The debug directory number `index`: those of the options, then the system's in the tracee's root and in our own. */
static bool debug_dir(const struct debug_search *search, size_t index, struct image_root *ret_root,
                      const char **ret_dir)
{
    size_t given = search->options->n_debug_dirs;
    *ret_root = own_root;
    *ret_dir = index < given ? search->options->debug_dirs[index] : system_dir;
    if (index == given)
        *ret_root = search->root;
    return index < given + (search->root.fd >= 0 ? 2 : 1);
}

/* DIR/.build-id/xx/yyyy.debug in each debug directory. */
static int find_by_id(const struct debug_search *search, const struct wanted *wanted, struct debug_file *ret_file)
{
    struct candidate candidate;
    char id[2 * MAX_ID + 1];
    const char *dir;
    int result = 0;
    if (!wanted->id || wanted->id_size < MIN_ID || wanted->id_size > MAX_ID)
        return 0;
    for (size_t i = 0; i < wanted->id_size; i++)
        snprintf(id + 2 * i, 3, "%02x", wanted->id[i]);
    for (size_t i = 0; result == 0 && debug_dir(search, i, &candidate.root, &dir); i++)
        if (set_path(&candidate, "%s/.build-id/%.2s/%s.debug", dir, id, id + 2))
            result = try_candidate(&candidate, search, wanted, ret_file);
    return result;
}

/* Length of the directory part of a path, without the last slash. */
static int dir_length(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? (int)(slash - path) : 0;
}

/* A file of that name next to the module, in .debug/ there, and in each debug directory under the module's path. */
static int find_by_link(const struct debug_search *search, const char *name, const struct wanted *wanted,
                        struct debug_file *ret_file)
{
    struct candidate candidate = {.root = search->root};
    int length = dir_length(search->path), result = 0;
    const char *dir;
    if (set_path(&candidate, "%.*s/%s", length, search->path, name))
        result = try_candidate(&candidate, search, wanted, ret_file);
    if (result == 0 && set_path(&candidate, "%.*s/.debug/%s", length, search->path, name))
        result = try_candidate(&candidate, search, wanted, ret_file);
    for (size_t i = 0; result == 0 && debug_dir(search, i, &candidate.root, &dir); i++) {
        if (set_path(&candidate, "%s%.*s/%s", dir, length, search->path, name))
            result = try_candidate(&candidate, search, wanted, ret_file);
        if (result == 0 && i < search->options->n_debug_dirs && set_path(&candidate, "%s/%s", dir, name))
            result = try_candidate(&candidate, search, wanted, ret_file);
    }
    return result;
}

/* A name that comes from the file may not lead to another directory. */
static bool is_plain_name(const char *name)
{
    return name && *name && strnlen(name, MAX_LINK + 1) <= MAX_LINK && !strchr(name, '/') && strcmp(name, "..") != 0;
}

int debug_file_find(const struct debug_search *search, struct debug_file *ret_file)
{
    struct wanted wanted = {.id = NULL};
    bool has_id = image_build_id(search->image, &wanted.id, &wanted.id_size);
    int result = find_by_id(search, &wanted, ret_file);
    GElf_Word crc;
    const char *link = result == 0 ? dwelf_elf_gnu_debuglink(search->image->elf, &crc) : NULL;
    if (is_plain_name(link)) {
        wanted.crc = crc;
        result = find_by_link(search, link, &wanted, ret_file);
    }
    if (result == 0 && has_id && search->servers) {
        struct debug_file file = {.root = own_root};
        int fd = debuginfod_servers_find(search->servers, wanted.id, wanted.id_size);
        result = take(fd, search, &wanted, &file.image);
        if (result == 1)
            *ret_file = file;
    }
    return result;
}

int debug_file_find_alternate(const struct debug_search *search, Dwarf *dwarf, const struct debug_file *from,
                              struct debug_file *ret_file)
{
    struct candidate candidate = {.root = from->root};
    const char *name;
    const void *id;
    ssize_t id_size = dwelf_dwarf_gnu_debugaltlink(dwarf, &name, &id);
    if (id_size == 0)
        return 0;
    struct wanted wanted = {.id = id, .id_size = id_size > 0 ? (size_t)id_size : 0};
    if (id_size < 0 || id_size > MAX_ID)
        return -ENOENT;
    int result = find_by_id(search, &wanted, ret_file);
    const char *path = from->path ? from->path : search->path;
    bool fits =
        *name == '/' ? set_path(&candidate, "%s", name) : set_path(&candidate, "%.*s/%s", dir_length(path), path, name);
    if (result == 0 && fits)
        result = try_candidate(&candidate, search, &wanted, ret_file);
    return result == 0 ? -ENOENT : result;
}
