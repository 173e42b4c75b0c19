/*
 * module.h: the ELF images that mapped code comes from, each opened once, with its unwind tables.
 *
 * A module is a file (device, inode, size, time of its last change), or an image that was read from memory: the vdso,
 * and files that can't be opened from outside (deleted libraries, without the capability for /proc/PID/map_files).  It
 * belongs to no process: many address spaces share it, each mapping with its own bias.
 *
 *     address in the module = runtime address - bias
 *
 * where addresses in the module are those of its program headers (link-time addresses).  Files are hostile: every size
 * that they give is checked against the file's own size and a limit.
 *
 * Source: elf(5); proc_pid_map_files(5), proc_pid_root(5); gABI, program header.
 */
#ifndef BRKWATER_UNWIND_MODULE_H
#define BRKWATER_UNWIND_MODULE_H

#include "window.h"

#include <elfutils/libdw.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct map_line;

enum {
    MODULE_MAX_BUILD_ID = 64,
    MODULE_MAX_SEGMENTS = 64,
    MODULE_MAX_COUNT = 8192, /* modules of a run; code of further ones is unwound without tables */
    MODULE_MAX_FDS = 256,    /* descriptors kept open */
};

/* One PT_LOAD. */
struct module_segment {
    uint64_t vaddr, offset, size; /* size in the file */
    bool executable;
};

/* Published fields of a module; all stay the same while the registry lives. */
struct module {
    uint32_t id;      /* from 1 */
    unsigned machine; /* e_machine */
    unsigned word;    /* 4 or 8: the ELF class */
    bool from_memory; /* not read from its file */
    uint64_t entry;   /* e_entry, 0 for none */
    uint32_t major, minor;
    uint64_t inode; /* of the mapping that it was first seen in; 0 for the vdso */
    char *name;     /* as /proc/PID/maps has it; may hold any byte but NUL */
    unsigned char build_id[MODULE_MAX_BUILD_ID];
    size_t build_id_size;
    uint64_t eh_frame_hdr; /* file offset of the search table, 0 for none */
    size_t n_segments;
    struct module_segment segments[MODULE_MAX_SEGMENTS];
    struct module_tables *tables; /* private */
};

struct modules;

/* NULL without memory. */
struct modules *modules_new(void);
void modules_free(struct modules *modules);

/* The module behind an executable mapping, and the mapping's bias.  `pid` is any live thread of the address space,
 * `memory` reads it.  0; -ENOEXEC for what is no ELF file of this machine, or mapped in a way that its program headers
 * don't tell of; -ENFILE when there are too many modules; -ENOENT when it can't be had; -ENOMEM. */
int modules_open(struct modules *modules, pid_t pid, const struct map_line *line, const struct unwind_memory *memory,
                 struct module **ret_module, uint64_t *ret_bias);

/* NULL for 0 and for an id that was not given out. */
const struct module *modules_get(const struct modules *modules, uint32_t id);
uint32_t modules_count(const struct modules *modules);

/* A descriptor of the file, owned by the module, close-on-exec; -1 when there is none: an image from memory, or too
 * many were kept.  Read it with pread(2) only. */
int module_fd(const struct module *module);

/* What the unwind tables say at an address of the module: .eh_frame first, then .debug_frame.  The caller frees the
 * frame with free().  0, or -ENOENT when no table covers it. */
int module_frame(struct module *module, uint64_t vaddr, Dwarf_Frame **ret_frame);

/* ---- parts, for tests ---- */

/* Fill in machine, word, entry, segments and build-id from an image of `size` bytes.  0 or -ENOEXEC. */
int module_parse(const void *image, size_t size, struct module *ret_module);

/* Bias of a mapping of [start, end) from file offset `offset`: an executable segment that it shows the most of, else
 * any.  0 or -ENOEXEC when no segment is in it. */
int module_bias(const struct module *module, const struct map_line *line, uint64_t *ret_bias);

#endif
