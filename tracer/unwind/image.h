/*
 * image.h: the bytes of an ELF file, from the file or from a process's memory.
 *
 * From a file they are a private mapping.  From memory they are rebuilt: the ELF header, the program headers and the
 * segment that holds the unwind table stand at their offsets in the file, and the rest is zero.
 */
#ifndef BRKWATER_UNWIND_IMAGE_H
#define BRKWATER_UNWIND_IMAGE_H

#include "image_guard.h"
#include "module.h"

#include <sys/stat.h>

/* bytes is NULL for none; free it by image_unmap(). */
struct image {
    unsigned char *bytes;
    size_t size;
    struct image_guard *guard; /* of a file */
};

void image_unmap(struct image *image);

/* Open the file of a mapping, the very inode that is mapped: through /proc/PID/map_files, or by its name under
 * /proc/PID/root or as /proc/PID/exe, where device and inode must be right.  Nothing but a regular file is ever opened.
 * A descriptor, or -errno. */
int image_open_mapping(pid_t pid, const struct map_line *line, struct stat *ret_stat);

/* Map it privately; `writable`: the caller means to change it.  0; -EFBIG beyond the limit; -ENOEXEC when it is too
 * short for ELF; or -errno. */
int image_map(int fd, const struct stat *stat, bool writable, struct image *ret_image);

/* Rebuild the file whose header lies at `header` in memory.  0, -ENOEXEC, -EFBIG, -ENOMEM. */
int image_from_memory(const struct unwind_memory *memory, uint64_t header, struct image *ret_image);

/* Take the section headers out of a mapped image: libdw then finds the unwind table by its program header and uses the
 * search table, whichever order the sections have. */
int image_hide_sections(struct image *image);

#endif
