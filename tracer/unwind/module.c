/* module.c: the registry of ELF images, their program headers and unwind tables. */
#include "module.h"

#include "../maps.h"
#include "hash.h"
#include "image.h"

#include <dwarf.h>
#include <elf.h>
#include <errno.h>
#include <gelf.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

enum { MAX_HEADERS = 512, MAX_NOTES = 65536, MAX_COMPRESSED = 256 << 20 };

/* How a module is known again. */
struct identity {
    bool from_memory;
    dev_t device;
    ino_t inode;
    off_t size;
    struct timespec changed;
    uint64_t hash; /* of what was read from memory */
};

/* What stays private of a module. */
struct module_tables {
    struct identity identity;
    int fd;
    struct image image;
    Elf *elf;
    Dwarf_CFI *eh_frame;
    bool looked_for_debug_frame;
    struct image debug_image;
    Elf *debug_elf;
    Dwarf *dwarf;
    Dwarf_CFI *debug_frame;
};

struct modules {
    struct module **list;
    uint32_t count, capacity;
    unsigned fds;
};

struct modules *modules_new(void)
{
    elf_version(EV_CURRENT);
    return calloc(1, sizeof(struct modules));
}

static void free_tables(struct module_tables *tables)
{
    if (!tables)
        return;
    dwarf_end(tables->dwarf);
    elf_end(tables->debug_elf);
    image_unmap(&tables->debug_image);
    if (tables->eh_frame)
        dwarf_cfi_end(tables->eh_frame);
    elf_end(tables->elf);
    image_unmap(&tables->image);
    if (tables->fd >= 0)
        close(tables->fd);
    free(tables);
}

static void free_module(struct module *module)
{
    if (!module)
        return;
    free_tables(module->tables);
    free(module->name);
    free(module);
}

void modules_free(struct modules *modules)
{
    if (!modules)
        return;
    for (uint32_t i = 0; i < modules->count; i++)
        free_module(modules->list[i]);
    free(modules->list);
    free(modules);
}

const struct module *modules_get(const struct modules *modules, uint32_t id)
{
    return id && id <= modules->count ? modules->list[id - 1] : NULL;
}

uint32_t modules_count(const struct modules *modules)
{
    return modules->count;
}

int module_fd(const struct module *module)
{
    return module->tables->fd;
}

/* ---- headers ---- */

/* The build-id among the notes at bytes[0..size). */
static void find_build_id(struct module *module, const unsigned char *bytes, size_t size)
{
    if (size > MAX_NOTES)
        size = MAX_NOTES;
    for (size_t at = 0; size - at >= sizeof(Elf64_Nhdr);) {
        Elf64_Nhdr note; /* the same in both classes */
        memcpy(&note, bytes + at, sizeof(note));
        at += sizeof(note);
        uint64_t name = at, description = name + ((note.n_namesz + 3ull) & ~3ull);
        uint64_t next = description + ((note.n_descsz + 3ull) & ~3ull);
        if (description > size || note.n_descsz > size - description)
            return;
        if (note.n_type == NT_GNU_BUILD_ID && note.n_namesz == 4 && memcmp(bytes + name, "GNU", 4) == 0 &&
            note.n_descsz <= MODULE_MAX_BUILD_ID) {
            memcpy(module->build_id, bytes + description, note.n_descsz);
            module->build_id_size = note.n_descsz;
            return;
        }
        if (next > size)
            return;
        at = (size_t)next;
    }
}

static void add_segment(struct module *module, const GElf_Phdr *header)
{
    if (module->n_segments == MODULE_MAX_SEGMENTS || header->p_filesz == 0 ||
        header->p_offset + header->p_filesz < header->p_offset)
        return;
    module->segments[module->n_segments++] = (struct module_segment){.vaddr = header->p_vaddr,
                                                                     .offset = header->p_offset,
                                                                     .size = header->p_filesz,
                                                                     .executable = header->p_flags & PF_X};
}

static void take_header(struct module *module, const GElf_Phdr *header, const unsigned char *bytes, size_t size)
{
    if (header->p_type == PT_LOAD)
        add_segment(module, header);
    else if (header->p_type == PT_GNU_EH_FRAME && header->p_filesz)
        module->eh_frame_hdr = header->p_offset;
    else if (header->p_type == PT_NOTE && !module->build_id_size && header->p_offset < size &&
             header->p_filesz <= size - header->p_offset)
        find_build_id(module, bytes + header->p_offset, (size_t)header->p_filesz);
}

static int parse_elf(Elf *elf, const unsigned char *bytes, size_t size, struct module *module)
{
    GElf_Ehdr header;
    size_t count;
    if (!elf || elf_kind(elf) != ELF_K_ELF || !gelf_getehdr(elf, &header) || header.e_ident[EI_DATA] != ELFDATA2LSB ||
        (header.e_type != ET_EXEC && header.e_type != ET_DYN) || elf_getphdrnum(elf, &count) || count > MAX_HEADERS)
        return -ENOEXEC;
    module->machine = header.e_machine;
    module->word = header.e_ident[EI_CLASS] == ELFCLASS64 ? 8 : 4;
    module->entry = header.e_entry;
    for (size_t i = 0; i < count; i++) {
        GElf_Phdr program;
        if (gelf_getphdr(elf, (int)i, &program))
            take_header(module, &program, bytes, size);
    }
    return module->n_segments ? 0 : -ENOEXEC;
}

int module_parse(const void *image, size_t size, struct module *ret_module)
{
    struct module module = {0};
    elf_version(EV_CURRENT);
    Elf *elf = elf_memory((char *)(uintptr_t)image, size); /* which only reads it */
    int error = parse_elf(elf, image, size, &module);
    elf_end(elf);
    if (!error)
        *ret_module = module;
    return error;
}

/* ---- bias ---- */

/* Bytes of the file that a segment and a mapping both show.  Both begin and end at pages in memory, so a page of the
 * file can be part of two segments: only the segment's own bytes count. */
static uint64_t shared_bytes(const struct module_segment *s, const struct map_line *line)
{
    uint64_t length = line->end - line->start;
    uint64_t from = s->offset > line->offset ? s->offset : line->offset;
    uint64_t to = s->offset + s->size;
    if (line->offset + length >= line->offset && line->offset + length < to)
        to = line->offset + length;
    return to > from ? to - from : 0;
}

int module_bias(const struct module *module, const struct map_line *line, uint64_t *ret_bias)
{
    const struct module_segment *best = NULL;
    uint64_t best_bytes = 0;
    for (size_t i = 0; i < module->n_segments; i++) {
        const struct module_segment *s = &module->segments[i];
        uint64_t bytes = shared_bytes(s, line);
        bool better =
            !best || (s->executable && !best->executable) || (s->executable == best->executable && bytes > best_bytes);
        if (bytes && better) {
            best = s;
            best_bytes = bytes;
        }
    }
    if (!best)
        return -ENOEXEC;
    uint64_t bias = line->start - line->offset + best->offset - best->vaddr;
    if (module->word == 4)
        bias = (uint32_t)bias;
    if (bias % WINDOW_PAGE)
        return -ENOEXEC; /* no loader has put it there */
    *ret_bias = bias;
    return 0;
}

/* ---- the registry ---- */

static bool same_identity(const struct identity *a, const struct identity *b)
{
    return a->from_memory == b->from_memory && a->device == b->device && a->inode == b->inode && a->size == b->size &&
           a->changed.tv_sec == b->changed.tv_sec && a->changed.tv_nsec == b->changed.tv_nsec && a->hash == b->hash;
}

static struct module *find(const struct modules *modules, const struct identity *identity)
{
    for (uint32_t i = modules->count; i-- > 0;)
        if (same_identity(&modules->list[i]->tables->identity, identity))
            return modules->list[i];
    return NULL;
}

static int make_room(struct modules *modules)
{
    if (modules->count == MODULE_MAX_COUNT)
        return -ENFILE;
    if (modules->count < modules->capacity)
        return 0;
    uint32_t capacity = modules->capacity ? modules->capacity * 2 : 64;
    struct module **list = realloc(modules->list, capacity * sizeof(struct module *));
    if (!list)
        return -ENOMEM;
    modules->list = list;
    modules->capacity = capacity;
    return 0;
}

/* Open libdw's view of the image and read its headers. */
static int open_elf(struct module *module)
{
    struct module_tables *t = module->tables;
    int error = module_parse(t->image.bytes, t->image.size, module);
    module->tables = t; /* module_parse() has filled in a fresh one */
    if (error)
        return error;
    if (module->eh_frame_hdr) {
        error = image_hide_sections(&t->image);
        if (error)
            return error;
    }
    t->elf = elf_memory((char *)t->image.bytes, t->image.size);
    t->eh_frame = t->elf ? dwarf_getcfi_elf(t->elf) : NULL;
    return 0;
}

static int name_module(struct module *module, const struct map_line *line)
{
    module->major = line->major;
    module->minor = line->minor;
    module->inode = line->inode;
    module->name = strndup(line->name ? line->name : "", line->name_size);
    return module->name ? 0 : -ENOMEM;
}

/* Takes the image and the descriptor (or -1) over, also on failure. */
static int add(struct modules *modules, const struct map_line *line, struct module_tables from,
               struct module **ret_module)
{
    struct module *module = calloc(1, sizeof(*module));
    struct module_tables *tables = malloc(sizeof(*tables));
    int error = make_room(modules);
    if (!module || !tables) {
        error = -ENOMEM;
        image_unmap(&from.image);
        if (from.fd >= 0)
            close(from.fd);
        free(tables);
    } else {
        *tables = from;
        module->tables = tables;
    }
    if (!error)
        error = open_elf(module);
    if (!error)
        error = name_module(module, line);
    if (error) {
        free_module(module);
        return error;
    }
    module->from_memory = from.identity.from_memory;
    modules->list[modules->count++] = module;
    module->id = modules->count;
    if (tables->fd >= 0 && modules->fds == MODULE_MAX_FDS) {
        close(tables->fd);
        tables->fd = -1;
    }
    modules->fds += tables->fd >= 0;
    *ret_module = module;
    return 0;
}

static int open_file(struct modules *modules, pid_t pid, const struct map_line *line, struct module **ret_module)
{
    struct stat st;
    struct module_tables tables = {.fd = image_open_mapping(pid, line, &st)};
    if (tables.fd < 0)
        return tables.fd;
    tables.identity =
        (struct identity){.device = st.st_dev, .inode = st.st_ino, .size = st.st_size, .changed = st.st_mtim};
    *ret_module = find(modules, &tables.identity);
    int error = *ret_module ? 0 : image_map(tables.fd, &st, false, &tables.image);
    if (*ret_module || error) {
        close(tables.fd);
        return error;
    }
    return add(modules, line, tables, ret_module);
}

static uint64_t hash_image(const struct image *image)
{
    uint64_t hash = image->size;
    for (size_t i = 0; i + 8 <= image->size; i += 8) {
        uint64_t word;
        memcpy(&word, image->bytes + i, 8);
        hash = hash_mix(hash, word);
    }
    return hash;
}

static int open_memory(struct modules *modules, const struct map_line *line, const struct unwind_memory *memory,
                       struct module **ret_module)
{
    struct module_tables tables = {.fd = -1};
    /* Of a file the header is mapped in front of the code, at the distance that it has in the file, if the linker left
     * no gap between the segments. */
    int error = image_from_memory(memory, line->start - line->offset, &tables.image);
    if (error)
        return error;
    tables.identity = (struct identity){.from_memory = true,
                                        .device = line->major,
                                        .inode = line->inode,
                                        .size = (off_t)tables.image.size,
                                        .hash = hash_image(&tables.image)};
    *ret_module = find(modules, &tables.identity);
    if (!*ret_module)
        return add(modules, line, tables, ret_module);
    image_unmap(&tables.image);
    return 0;
}

static bool is_vdso(const struct map_line *line)
{
    return line->name && line->name_size == 6 && memcmp(line->name, "[vdso]", 6) == 0;
}

int modules_open(struct modules *modules, pid_t pid, const struct map_line *line, const struct unwind_memory *memory,
                 struct module **ret_module, uint64_t *ret_bias)
{
    struct module *module = NULL;
    int error = -ENOENT;
    if (line->inode)
        error = open_file(modules, pid, line, &module);
    if ((line->inode && error && error != -ENOEXEC && error != -ENFILE) || is_vdso(line))
        error = open_memory(modules, line, memory, &module);
    if (!error)
        error = module_bias(module, line, ret_bias);
    if (!error)
        *ret_module = module;
    return error;
}

/* ---- unwind tables ---- */

/* libdw expands every compressed debug section when it opens a file, and there is use for one only. */
static bool hide_other_sections(Elf *elf)
{
    size_t names;
    bool found = false;
    Elf_Scn *section = NULL;
    if (elf_getshdrstrndx(elf, &names))
        return false;
    while ((section = elf_nextscn(elf, section))) {
        GElf_Shdr header;
        GElf_Chdr compressed;
        const char *name;
        if (!gelf_getshdr(section, &header) || !(name = elf_strptr(elf, names, header.sh_name)))
            return false;
        bool is_frame = strcmp(name, ".debug_frame") == 0;
        if (is_frame && (header.sh_flags & SHF_COMPRESSED) &&
            (!gelf_getchdr(section, &compressed) || compressed.ch_size > MAX_COMPRESSED))
            return false;
        found |= is_frame && header.sh_type == SHT_PROGBITS;
        if (is_frame || (strncmp(name, ".debug", 6) != 0 && strncmp(name, ".zdebug", 7) != 0 &&
                         strncmp(name, ".gnu.debuglto", 13) != 0))
            continue;
        header.sh_type = SHT_NOBITS;
        if (!gelf_update_shdr(section, &header))
            return false;
    }
    return found;
}

static void open_debug_frame(struct module_tables *t)
{
    struct stat st;
    t->looked_for_debug_frame = true;
    if (t->fd < 0 || fstat(t->fd, &st) || image_map(t->fd, &st, true, &t->debug_image))
        return;
    t->debug_elf = elf_memory((char *)t->debug_image.bytes, t->debug_image.size);
    if (t->debug_elf && hide_other_sections(t->debug_elf))
        t->dwarf = dwarf_begin_elf(t->debug_elf, DWARF_C_READ, NULL);
    if (t->dwarf)
        t->debug_frame = dwarf_getcfi(t->dwarf);
    if (t->debug_frame)
        return;
    dwarf_end(t->dwarf);
    elf_end(t->debug_elf);
    image_unmap(&t->debug_image);
    t->dwarf = NULL;
    t->debug_elf = NULL;
}

int module_frame(struct module *module, uint64_t vaddr, Dwarf_Frame **ret_frame)
{
    struct module_tables *t = module->tables;
    if (t->eh_frame && dwarf_cfi_addrframe(t->eh_frame, vaddr, ret_frame) == 0)
        return 0;
    if (!t->looked_for_debug_frame)
        open_debug_frame(t);
    if (t->debug_frame && dwarf_cfi_addrframe(t->debug_frame, vaddr, ret_frame) == 0)
        return 0;
    return -ENOENT;
}
