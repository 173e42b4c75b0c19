/* image.c: get at the bytes of an ELF file. */
#include "image.h"

#include "../maps.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define MAX_FILE   ((off_t)4 << 30)      /* bytes; only what is looked at is ever read */
#define MAX_MEMORY ((uint64_t)128 << 20) /* bytes of an image rebuilt from memory */

void image_unmap(struct image *image)
{
    image_guard_remove(image->guard);
    if (image->bytes)
        munmap(image->bytes, image->size);
    *image = (struct image){0};
}

/* ---- from the file ---- */

static bool is_that_file(const struct map_line *line, const struct stat *st)
{
    return S_ISREG(st->st_mode) && st->st_ino == line->inode && major(st->st_dev) == line->major &&
           minor(st->st_dev) == line->minor;
}

/* Look before opening: the name may lead to a device by now, and opening one can have effects.  map_files can only lead
 * to what is mapped; file systems with several devices (btrfs) show another one in stat(2) than in maps. */
static int open_checked(const char *path, const struct map_line *line, bool by_name, struct stat *ret_stat)
{
    int place = open(path, O_PATH | O_CLOEXEC);
    if (place < 0)
        return -errno;
    int fd = -ENOENT;
    if (fstat(place, ret_stat) == 0 && (by_name ? is_that_file(line, ret_stat) : S_ISREG(ret_stat->st_mode))) {
        char again[64];
        snprintf(again, sizeof(again), "/proc/self/fd/%d", place);
        fd = open(again, O_RDONLY | O_CLOEXEC | O_NOCTTY);
        if (fd < 0)
            fd = -errno;
    }
    close(place);
    return fd;
}

/* The program itself, whatever has become of its name: who may trace may open it. */
static int open_program(pid_t pid, const struct map_line *line, struct stat *ret_stat)
{
    char path[64];
    snprintf(path, sizeof(path), "/proc/%d/exe", (int)pid);
    return open_checked(path, line, true, ret_stat);
}

int image_open_mapping(pid_t pid, const struct map_line *line, struct stat *ret_stat)
{
    char path[64 + PATH_MAX];
    snprintf(path, sizeof(path), "/proc/%d/map_files/%llx-%llx", (int)pid, (unsigned long long)line->start,
             (unsigned long long)line->end);
    int fd = open_checked(path, line, false, ret_stat);
    if (fd >= 0 || !line->name || line->name_size >= PATH_MAX || line->name[0] != '/')
        return fd;
    snprintf(path, sizeof(path), "/proc/%d/root%.*s", (int)pid, (int)line->name_size, line->name);
    fd = open_checked(path, line, true, ret_stat);
    return fd >= 0 ? fd : open_program(pid, line, ret_stat);
}

int image_map(int fd, const struct stat *stat, bool writable, struct image *ret_image)
{
    if (stat->st_size > MAX_FILE)
        return -EFBIG;
    if (stat->st_size < (off_t)sizeof(Elf32_Ehdr))
        return -ENOEXEC;
    size_t size = (size_t)stat->st_size;
    void *bytes = mmap(NULL, size, PROT_READ | (writable ? PROT_WRITE : 0), MAP_PRIVATE | MAP_NORESERVE, fd, 0);
    if (bytes == MAP_FAILED)
        return -errno;
    *ret_image = (struct image){.bytes = bytes, .size = size, .guard = image_guard_add(bytes, size)};
    return 0;
}

/* ---- from memory ---- */

static int read_all(const struct unwind_memory *memory, uint64_t addr, unsigned char *buffer, size_t size)
{
    enum { PIECE = 1 << 20 };
    for (size_t done = 0; done < size;) {
        size_t piece = size - done < PIECE ? size - done : PIECE;
        if (memory->read(memory->context, addr + done, buffer + done, piece) != piece)
            return -EFAULT;
        done += piece;
    }
    return 0;
}

static const struct module_segment *segment_at(const struct module *module, uint64_t offset)
{
    for (size_t i = 0; i < module->n_segments; i++) {
        const struct module_segment *s = &module->segments[i];
        if (offset >= s->offset && offset - s->offset < s->size)
            return s;
    }
    return NULL;
}

/* Room for the header's page and one segment at their offsets. */
static int lay_out(const struct module_segment *table, struct image *ret_image)
{
    if (table->offset > MAX_MEMORY || table->size > MAX_MEMORY)
        return -EFBIG;
    size_t size = (size_t)(table->offset + table->size);
    if (size < WINDOW_PAGE)
        size = WINDOW_PAGE;
    void *bytes = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (bytes == MAP_FAILED)
        return -ENOMEM;
    *ret_image = (struct image){.bytes = bytes, .size = size};
    return 0;
}

int image_from_memory(const struct unwind_memory *memory, uint64_t header, struct image *ret_image)
{
    _Alignas(8) unsigned char page[WINDOW_PAGE];
    struct module module;
    if (memory->read(memory->context, header, page, sizeof(page)) != sizeof(page) ||
        module_parse(page, sizeof(page), &module))
        return -ENOEXEC;
    const struct module_segment *first = segment_at(&module, 0), *table = segment_at(&module, module.eh_frame_hdr);
    if (!first || !table)
        return -ENOEXEC;
    struct image image;
    int error = lay_out(table, &image);
    if (error)
        return error;
    memcpy(image.bytes, page, sizeof(page));
    uint64_t bias = header - first->vaddr;
    error = read_all(memory, bias + table->vaddr, image.bytes + table->offset, (size_t)table->size);
    if (error)
        image_unmap(&image);
    else
        *ret_image = image;
    return error ? -ENOEXEC : 0;
}

/* ---- section headers ---- */

static void clear_sections(struct image *image)
{
    if (image->bytes[EI_CLASS] == ELFCLASS64 && image->size >= sizeof(Elf64_Ehdr)) {
        Elf64_Ehdr *header = (Elf64_Ehdr *)(void *)image->bytes;
        header->e_shoff = 0;
        header->e_shnum = header->e_shstrndx = 0;
    } else if (image->bytes[EI_CLASS] == ELFCLASS32) {
        Elf32_Ehdr *header = (Elf32_Ehdr *)(void *)image->bytes;
        header->e_shoff = 0;
        header->e_shnum = header->e_shstrndx = 0;
    }
}

int image_hide_sections(struct image *image)
{
    size_t header = image->size < WINDOW_PAGE ? image->size : WINDOW_PAGE;
    if (mprotect(image->bytes, header, PROT_READ | PROT_WRITE) < 0)
        return -errno;
    clear_sections(image);
    return 0;
}
