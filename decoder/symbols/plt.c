/* plt.c: the stubs of the procedure linkage table. */
#include "plt.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_SLOTS = 1 << 20, MAX_STUB = 16 };

/* A slot of the global offset table that a relocation fills with the address of a function. */
struct slot {
    uint64_t address;
    const char *function; /* in the image's string table */
};

struct slots {
    struct slot *items;
    size_t count, capacity;
    struct slot *pushed; /* those of .rela.plt in their own order, which lazy stubs push the number of */
    size_t n_pushed;
    uint64_t got; /* address of .got.plt, from which 32-bit stubs count in shared objects */
};

static int add_slot(struct slots *slots, struct slot slot)
{
    if (slots->count >= MAX_SLOTS)
        return 0;
    if (slots->count == slots->capacity) {
        size_t capacity = slots->capacity ? slots->capacity * 2 : 64;
        struct slot *items = reallocarray(slots->items, capacity, sizeof(*items));
        if (!items)
            return -ENOMEM;
        slots->items = items;
        slots->capacity = capacity;
    }
    slots->items[slots->count++] = slot;
    return 0;
}

static bool is_slot_relocation(bool is_32, uint64_t type)
{
    return is_32 ? type == R_386_JMP_SLOT || type == R_386_GLOB_DAT
                 : type == R_X86_64_JUMP_SLOT || type == R_X86_64_GLOB_DAT;
}

static bool relocation(Elf_Data *data, bool has_addend, size_t index, GElf_Rela *ret_relocation)
{
    if (has_addend)
        return gelf_getrela(data, (int)index, ret_relocation);
    GElf_Rel plain;
    if (!gelf_getrel(data, (int)index, &plain))
        return false;
    *ret_relocation = (GElf_Rela){.r_offset = plain.r_offset, .r_info = plain.r_info};
    return true;
}

/* Name of the function that a relocation refers to, or NULL. */
static const char *function_of(const struct image *image, const struct image_section *section, const GElf_Rela *reloc)
{
    Elf_Scn *table = elf_getscn(image->elf, section->header.sh_link);
    GElf_Shdr header;
    GElf_Sym sym;
    if (!table || !gelf_getshdr(table, &header) || (header.sh_type != SHT_DYNSYM && header.sh_type != SHT_SYMTAB) ||
        GELF_R_SYM(reloc->r_info) > MAX_SLOTS)
        return NULL;
    Elf_Data *symbols = elf_getdata(table, NULL);
    if (!symbols || !gelf_getsym(symbols, (int)GELF_R_SYM(reloc->r_info), &sym))
        return NULL;
    return elf_strptr(image->elf, header.sh_link, sym.st_name);
}

static int add_relocations(struct slots *slots, const struct image *image, const struct image_section *section)
{
    bool has_addend = section->header.sh_type == SHT_RELA, is_32 = image_is_32(image);
    Elf_Data *data = elf_getdata(elf_getscn(image->elf, section->index), NULL);
    size_t entry = gelf_fsize(image->elf, has_addend ? ELF_T_RELA : ELF_T_REL, 1, EV_CURRENT);
    for (size_t i = 0; data && entry && i < data->d_size / entry && i < MAX_SLOTS; i++) {
        GElf_Rela reloc;
        if (!relocation(data, has_addend, i, &reloc))
            break;
        const char *function =
            is_slot_relocation(is_32, GELF_R_TYPE(reloc.r_info)) ? function_of(image, section, &reloc) : NULL;
        if (function && *function && add_slot(slots, (struct slot){reloc.r_offset, function}) < 0)
            return -ENOMEM;
    }
    return 0;
}

/* Those of .rela.plt first: their numbers are what lazy stubs push.  (The few without a name are at its end.) */
static int read_slots(struct slots *slots, const struct image *image)
{
    static const char *const names[] = {".rela.plt", ".rel.plt", ".rela.dyn", ".rel.dyn"};
    struct image_section section;
    if (image_section(image, ".got.plt", &section) || image_section(image, ".got", &section))
        slots->got = section.header.sh_addr;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        bool is_table = image_section(image, names[i], &section) &&
                        (section.header.sh_type == SHT_RELA || section.header.sh_type == SHT_REL);
        if (is_table && add_relocations(slots, image, &section) < 0)
            return -ENOMEM;
        if (i < 2)
            slots->n_pushed = slots->count;
    }
    if (slots->n_pushed) {
        slots->pushed = malloc(slots->n_pushed * sizeof(struct slot));
        if (!slots->pushed)
            return -ENOMEM;
        memcpy(slots->pushed, slots->items, slots->n_pushed * sizeof(struct slot));
    }
    return 0;
}

static int compare_slots(const void *left, const void *right)
{
    const struct slot *a = left, *b = right;
    return (a->address > b->address) - (a->address < b->address);
}

static const char *slot_function(const struct slots *slots, uint64_t address)
{
    struct slot key = {.address = address};
    const struct slot *slot =
        slots->count ? bsearch(&key, slots->items, slots->count, sizeof(key), compare_slots) : NULL;
    return slot ? slot->function : NULL;
}

static uint32_t word_at(const unsigned char *bytes)
{
    return bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 24;
}

/* The function that the MAX_STUB bytes of a stub lead to, or NULL. */
static const char *stub_function(const struct slots *slots, const unsigned char *stub, uint64_t address, bool is_32)
{
    static const unsigned char endbr[] = {0xf3, 0x0f, 0x1e};
    size_t at = 0;
    if (memcmp(stub, endbr, sizeof(endbr)) == 0) /* endbr64 and endbr32 differ in the fourth byte */
        at = 4;
    if (stub[at] == 0x68) { /* push $number */
        /* On i386 it is the offset into the table, of entries of 8 bytes. */
        uint32_t number = word_at(stub + at + 1) / (is_32 ? 8 : 1);
        return number < slots->n_pushed ? slots->pushed[number].function : NULL;
    }
    if (stub[at] == 0xf2) /* bnd */
        at++;
    uint32_t word = word_at(stub + at + 2);
    if (stub[at] == 0xff && stub[at + 1] == 0x25) /* jmp *word(%rip), on i386 jmp *word */
        return slot_function(slots, is_32 ? word : address + at + 6 + (uint64_t)(int32_t)word);
    if (is_32 && stub[at] == 0xff && stub[at + 1] == 0xa3) /* jmp *word(%ebx) */
        return slot_function(slots, (uint32_t)(slots->got + word));
    return NULL;
}

struct walk {
    const struct slots *slots;
    bool is_32;
    int (*take)(void *opaque, const struct plt_stub *stub);
    void *opaque;
};

static int walk_section(const struct walk *walk, const struct image_section *section)
{
    uint64_t step = section->header.sh_entsize;
    unsigned char bytes[MAX_STUB + 1];
    if (step != 8 && step != 16)
        step = 16;
    for (uint64_t at = 0; at < section->size && at / step < MAX_SLOTS; at += step) {
        uint64_t left = section->size - at;
        memset(bytes, 0, sizeof(bytes));
        memcpy(bytes, section->bytes + at, left < step ? left : step);
        struct plt_stub stub = {.start = section->header.sh_addr + at, .end = section->header.sh_addr + at + step};
        stub.function = stub_function(walk->slots, bytes, stub.start, walk->is_32);
        int result = stub.function ? walk->take(walk->opaque, &stub) : 0;
        if (result)
            return result;
    }
    return 0;
}

int plt_stubs(const struct image *image, int (*take)(void *opaque, const struct plt_stub *stub), void *opaque)
{
    static const char *const names[] = {".plt", ".plt.sec", ".plt.got", ".plt.bnd"};
    struct slots slots = {0};
    struct walk walk = {&slots, image_is_32(image), take, opaque};
    int result = read_slots(&slots, image);
    if (slots.count)
        qsort(slots.items, slots.count, sizeof(struct slot), compare_slots);
    for (size_t i = 0; result == 0 && i < sizeof(names) / sizeof(names[0]); i++) {
        struct image_section section;
        if (image_section(image, names[i], &section) && section.bytes)
            result = walk_section(&walk, &section);
    }
    free(slots.items);
    free(slots.pushed);
    return result;
}
