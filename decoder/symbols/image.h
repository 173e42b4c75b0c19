/*
 * image.h: an ELF file that is opened for reading: a program, a library, a file with debug information.
 *
 * The file is mapped privately; whoever truncates it meanwhile can end this process by SIGBUS, as with any reader of
 * ELF.  Everything in it is hostile: what these functions hand out lies within the file.
 */
#ifndef BRKWATER_IMAGE_H
#define BRKWATER_IMAGE_H

#include <gelf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct image {
    Elf *elf; /* NULL: not open */
    unsigned char *bytes;
    size_t size;
    bool mapped; /* else `bytes` is from malloc() */
};

/* A section with its bytes, decompressed by nobody.  `bytes` is NULL when there are none (SHT_NOBITS). */
struct image_section {
    GElf_Shdr header;
    size_t index;
    const unsigned char *bytes;
    size_t size;
};

/* Where files are looked for: descriptor of a directory, O_PATH, or -1 for the root of this process. */
struct image_root {
    int fd;
};

/* Open a file whose path is meant inside a root: symbolic links cannot lead out of it.  Only regular files: neither a
 * FIFO nor a device is ever waited for.  Descriptor, or -errno; -EACCES when it is not a regular file. */
int image_open_file(struct image_root root, const char *path);

/* Take an image out of a descriptor, which stays the caller's; or out of memory from malloc(), which passes over to the
 * image, and is freed also on failure.  0, -ENOEXEC when it is not ELF, or -errno. */
int image_open(int fd, struct image *ret_image);
int image_open_memory(unsigned char *bytes, size_t size, struct image *ret_image);
void image_close(struct image *image);

/* The GNU build-id; false when there is none. */
bool image_build_id(const struct image *image, const unsigned char **ret_id, size_t *ret_size);

/* The first section of that name. */
bool image_section(const struct image *image, const char *name, struct image_section *ret_section);

/* The next section after `index` (0: the first one); false when there are no more. */
bool image_next_section(const struct image *image, size_t index, struct image_section *ret_section);

/* Name of a section, "" when it has none. */
const char *image_section_name(const struct image *image, const struct image_section *section);

/* The bytes that a loaded segment puts at link-time address `address`, to the end of what the file has there; NULL when
 * there are none.  Valid until image_close(). */
const unsigned char *image_at(const struct image *image, uint64_t address, size_t *ret_size);

/* Whether its code is 32-bit (EM_386). */
bool image_is_32(const struct image *image);

/* False when the sections with debug information would take more memory than a sound file of that size does: a
 * compressed section promises any size. */
bool image_debug_is_bounded(const struct image *image);

#endif
