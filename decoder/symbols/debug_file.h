/*
 * debug_file.h: where debug information lies that is not in the file itself.
 */
#ifndef BRKWATER_DEBUG_FILE_H
#define BRKWATER_DEBUG_FILE_H

#include "image.h"
#include "symbols.h"

#include <elfutils/libdw.h>

struct debuginfod_servers;

/* What to search for, and where. */
struct debug_search {
    const struct symbols_options *options;
    struct debuginfod_servers *servers; /* NULL: none */
    struct image_root root;             /* of the tracee; fd -1: that of this process */
    const char *path;                   /* of the module, in that root */
    const struct image *image;          /* the module */
};

struct debug_file {
    struct image image;
    struct image_root root;
    char *path; /* in that root; NULL when it came from a server */
};

/* The separate debug file of a module.  1 with the file, for debug_file_close(); 0 when there is none; -ENOMEM. */
int debug_file_find(const struct debug_search *search, struct debug_file *ret_file);

/* The file with the common parts that dwz has moved out of `dwarf`, which was opened from `path` in `root`.  1, 0, or
 * -ENOMEM as above; -ENOENT when there should be one, and there is not. */
int debug_file_find_alternate(const struct debug_search *search, Dwarf *dwarf, const struct debug_file *from,
                              struct debug_file *ret_file);

void debug_file_close(struct debug_file *file);

#endif
