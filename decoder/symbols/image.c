/* image.c: an ELF file that is opened for reading. */
#include "image.h"

#include <elfutils/libdwelf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum {
    MAX_PHDRS = 4096,
    MAX_SECTIONS = 1 << 20,
    MAX_SHRINK = 40,             /* how far debug information was ever compressed, and some more */
    MAX_SMALL_DEBUG = 256 << 20, /* bytes that are not worth a question */
};

/* openat2() came with Linux 5.6.  Before it, a link inside the root may lead out of it: what is opened is checked by
 * its build-id anyway. */
static int open_inside(int root, const char *path)
{
    struct open_how how = {.flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, .resolve = RESOLVE_IN_ROOT};
    long fd = syscall(SYS_openat2, root, path, &how, sizeof(how));
    if (fd < 0 && (errno == ENOSYS || errno == EPERM)) {
        while (*path == '/')
            path++;
        fd = openat(root, path, (int)how.flags);
    }
    return (int)fd;
}

int image_open_file(struct image_root root, const char *path)
{
    struct stat status;
    int fd = root.fd >= 0 ? open_inside(root.fd, path) : open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0)
        return -errno;
    if (fstat(fd, &status) < 0 || !S_ISREG(status.st_mode)) {
        close(fd);
        return -EACCES;
    }
    return fd;
}

static int begin(struct image *image, struct image *ret_image)
{
    elf_version(EV_CURRENT);
    if (image->size >= EI_NIDENT)
        image->elf = elf_memory((char *)image->bytes, image->size);
    if (!image->elf || elf_kind(image->elf) != ELF_K_ELF) {
        image_close(image);
        return -ENOEXEC;
    }
    *ret_image = *image;
    return 0;
}

int image_open(int fd, struct image *ret_image)
{
    struct stat status;
    if (fstat(fd, &status) < 0)
        return -errno;
    if (!S_ISREG(status.st_mode) || status.st_size <= 0)
        return -ENOEXEC;
    struct image image = {.size = (size_t)status.st_size, .mapped = true};
    /* Writable, since libelf changes the header of a section that it has decompressed. */
    image.bytes = mmap(NULL, image.size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_NORESERVE, fd, 0);
    if (image.bytes == MAP_FAILED)
        return -errno;
    return begin(&image, ret_image);
}

int image_open_memory(unsigned char *bytes, size_t size, struct image *ret_image)
{
    struct image image = {.bytes = bytes, .size = size};
    return begin(&image, ret_image);
}

void image_close(struct image *image)
{
    if (image->elf)
        elf_end(image->elf);
    if (image->mapped)
        munmap(image->bytes, image->size);
    else
        free(image->bytes);
    *image = (struct image){0};
}

bool image_build_id(const struct image *image, const unsigned char **ret_id, size_t *ret_size)
{
    const void *id;
    ssize_t size = dwelf_elf_gnu_build_id(image->elf, &id);
    if (size <= 0)
        return false;
    *ret_id = id;
    *ret_size = (size_t)size;
    return true;
}

bool image_next_section(const struct image *image, size_t index, struct image_section *ret_section)
{
    Elf_Scn *scn = index < MAX_SECTIONS ? elf_getscn(image->elf, index + 1) : NULL;
    struct image_section section = {.index = index + 1};
    if (!scn || !gelf_getshdr(scn, &section.header))
        return false;
    Elf_Data *data = section.header.sh_type == SHT_NOBITS ? NULL : elf_rawdata(scn, NULL);
    if (data && data->d_buf) {
        section.bytes = data->d_buf;
        section.size = data->d_size;
    }
    *ret_section = section;
    return true;
}

const char *image_section_name(const struct image *image, const struct image_section *section)
{
    size_t names;
    const char *name = NULL;
    if (elf_getshdrstrndx(image->elf, &names) == 0)
        name = elf_strptr(image->elf, names, section->header.sh_name);
    return name ? name : "";
}

bool image_section(const struct image *image, const char *name, struct image_section *ret_section)
{
    struct image_section section = {0};
    while (image_next_section(image, section.index, &section))
        if (strcmp(image_section_name(image, &section), name) == 0) {
            *ret_section = section;
            return true;
        }
    return false;
}

const unsigned char *image_at(const struct image *image, uint64_t address, size_t *ret_size)
{
    size_t count;
    if (elf_getphdrnum(image->elf, &count) < 0 || count > MAX_PHDRS)
        return NULL;
    for (size_t i = 0; i < count; i++) {
        GElf_Phdr segment;
        if (!gelf_getphdr(image->elf, (int)i, &segment) || segment.p_type != PT_LOAD)
            continue;
        uint64_t within = address - segment.p_vaddr;
        if (address < segment.p_vaddr || within >= segment.p_filesz || segment.p_offset >= image->size ||
            within >= image->size - segment.p_offset)
            continue;
        uint64_t size = segment.p_filesz - within, left = image->size - segment.p_offset - within;
        *ret_size = size < left ? size : left;
        return image->bytes + segment.p_offset + within;
    }
    return NULL;
}

bool image_is_32(const struct image *image)
{
    GElf_Ehdr header;
    return gelf_getehdr(image->elf, &header) && header.e_machine == EM_386;
}

/* Bytes that a section takes once it is decompressed. */
static uint64_t unpacked_size(const struct image *image, const struct image_section *section)
{
    GElf_Chdr packed;
    if ((section->header.sh_flags & SHF_COMPRESSED) && gelf_getchdr(elf_getscn(image->elf, section->index), &packed))
        return packed.ch_size;
    /* The older form, .zdebug_*: "ZLIB" and the size, most significant byte first. */
    uint64_t size = 0;
    if (section->size >= 12 && memcmp(section->bytes, "ZLIB", 4) == 0) {
        for (int i = 4; i < 12; i++)
            size = size << 8 | section->bytes[i];
        return size;
    }
    return section->size;
}

bool image_debug_is_bounded(const struct image *image)
{
    struct image_section section = {0};
    uint64_t bound = (uint64_t)image->size * MAX_SHRINK + MAX_SMALL_DEBUG, sum = 0;
    while (image_next_section(image, section.index, &section)) {
        const char *name = image_section_name(image, &section);
        if (strncmp(name, ".debug", 6) != 0 && strncmp(name, ".zdebug", 7) != 0)
            continue;
        uint64_t size = unpacked_size(image, &section);
        if (size > bound - sum)
            return false;
        sum += size;
    }
    return true;
}
