/* debug_lookup.c: where the debug information of one file lies, and whether servers could be asked. */
#include "../code.h"

#include "debug_file.h"
#include "debuginfod.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static void write_build_id(const struct image *image, char *ret_hex, size_t capacity)
{
    const unsigned char *id;
    size_t size;
    *ret_hex = '\0';
    if (!image_build_id(image, &id, &size))
        return;
    for (size_t i = 0; i < size && 2 * i + 2 < capacity; i++)
        snprintf(ret_hex + 2 * i, 3, "%02x", id[i]);
}

static int look(const struct debug_search *search, struct debug_lookup *lookup)
{
    struct image_section section;
    struct debug_file file;
    write_build_id(search->image, lookup->build_id, sizeof(lookup->build_id));
    if (image_section(search->image, ".debug_info", &section) && section.bytes) {
        lookup->place = DEBUG_INSIDE;
        return 0;
    }
    int result = debug_file_find(search, &file);
    if (result <= 0)
        return result;
    lookup->place = DEBUG_BESIDE;
    snprintf(lookup->path, sizeof(lookup->path), "%s", file.path ? file.path : "");
    debug_file_close(&file);
    return 0;
}

int debug_lookup(const char *path, int root, struct debug_lookup *ret)
{
    struct debug_lookup lookup = {.place = DEBUG_NOWHERE};
    struct symbols_options options = {0};
    struct image image;
    struct debug_search search = {.options = &options, .root = {root}, .path = path, .image = &image};
    int fd = image_open_file(search.root, path);
    if (fd < 0)
        return fd;
    int error = image_open(fd, &image);
    close(fd);
    if (error)
        return error;
    error = look(&search, &lookup);
    image_close(&image);
    if (!error)
        *ret = lookup;
    return error;
}

enum debuginfod_state debuginfod_state(void)
{
    const char *urls = getenv("DEBUGINFOD_URLS");
    if (!urls || !*urls)
        return DEBUGINFOD_NO_URLS;
    struct debuginfod_servers *servers = debuginfod_servers_new();
    debuginfod_servers_free(servers);
    return servers ? DEBUGINFOD_READY : DEBUGINFOD_NO_LIBRARY;
}
