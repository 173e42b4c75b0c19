/* elf_symbols.c: what the symbol tables of a module say about addresses of code. */
#include "elf_symbols.h"

#include "plt.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
    MAX_SYMBOLS = 1 << 24,
    MAX_STEPS_BACK = 1024, /* over symbols that start before an address and do not reach it */
};

/* What a symbol is, the better ones first: it decides between symbols of one address. */
enum rank { RANK_GLOBAL, RANK_WEAK, RANK_LOCAL, RANK_STUB, RANK_LABEL };

struct elf_symbol {
    uint64_t start, end; /* of a label: end of its section */
    uint64_t reach;      /* highest end of this one and of all before it that have a size */
    const char *name;    /* within the image's string table, or `owned` */
    uint8_t rank;
    bool sized;
    bool owned;
};

struct elf_symbols {
    struct names *names;
    struct elf_symbol *items;
    size_t count, capacity;
};

struct elf_symbols *elf_symbols_new(struct names *names)
{
    struct elf_symbols *symbols = calloc(1, sizeof(*symbols));
    if (symbols)
        symbols->names = names;
    return symbols;
}

void elf_symbols_free(struct elf_symbols *symbols)
{
    if (!symbols)
        return;
    for (size_t i = 0; i < symbols->count; i++)
        if (symbols->items[i].owned)
            free((char *)(uintptr_t)symbols->items[i].name);
    free(symbols->items);
    free(symbols);
}

static int add(struct elf_symbols *symbols, const struct elf_symbol *symbol)
{
    if (symbols->count >= MAX_SYMBOLS)
        return -E2BIG;
    if (symbols->count == symbols->capacity) {
        size_t capacity = symbols->capacity ? symbols->capacity * 2 : 256;
        struct elf_symbol *items = reallocarray(symbols->items, capacity, sizeof(*items));
        if (!items)
            return -ENOMEM;
        symbols->items = items;
        symbols->capacity = capacity;
    }
    symbols->items[symbols->count++] = *symbol;
    return 0;
}

/* Code, to a symbol table: functions, and labels of no type that have no size of their own. */
static bool is_code(const struct image *image, const GElf_Sym *sym, struct elf_symbol *symbol)
{
    int type = GELF_ST_TYPE(sym->st_info), binding = GELF_ST_BIND(sym->st_info);
    bool is_function = type == STT_FUNC || type == STT_GNU_IFUNC;
    if ((!is_function && type != STT_NOTYPE) || sym->st_shndx == SHN_UNDEF || sym->st_value == 0)
        return false;
    GElf_Shdr section;
    Elf_Scn *scn = sym->st_shndx < SHN_LORESERVE ? elf_getscn(image->elf, sym->st_shndx) : NULL;
    bool has_section = scn && gelf_getshdr(scn, &section);
    if (!is_function && !(has_section && (section.sh_flags & SHF_EXECINSTR)))
        return false;
    symbol->start = sym->st_value;
    symbol->sized = sym->st_size && sym->st_size <= UINT64_MAX - sym->st_value;
    symbol->end = symbol->start + (symbol->sized ? sym->st_size : 0);
    if (!symbol->sized && has_section && section.sh_size <= UINT64_MAX - section.sh_addr)
        symbol->end = section.sh_addr + section.sh_size;
    symbol->rank = binding == STB_LOCAL ? RANK_LOCAL : binding == STB_WEAK ? RANK_WEAK : RANK_GLOBAL;
    if (!is_function)
        symbol->rank = RANK_LABEL;
    return symbol->end > symbol->start;
}

static int add_table(struct elf_symbols *symbols, const struct image *image, const struct image_section *section)
{
    Elf_Data *data = elf_getdata(elf_getscn(image->elf, section->index), NULL);
    size_t entry = gelf_fsize(image->elf, ELF_T_SYM, 1, EV_CURRENT);
    int added = 0;
    if (!data || !entry)
        return 0;
    for (size_t i = 0; i < data->d_size / entry && i < MAX_SYMBOLS; i++) {
        struct elf_symbol symbol = {0};
        GElf_Sym sym;
        if (!gelf_getsym(data, (int)i, &sym) || !is_code(image, &sym, &symbol))
            continue;
        symbol.name = elf_strptr(image->elf, section->header.sh_link, sym.st_name);
        if (!symbol.name || !*symbol.name)
            continue;
        int result = add(symbols, &symbol);
        if (result < 0)
            return result == -E2BIG ? added : result;
        added++;
    }
    return added;
}

int elf_symbols_add(struct elf_symbols *symbols, const struct image *image, unsigned type)
{
    struct image_section section = {0};
    int added = 0;
    while (image_next_section(image, section.index, &section)) {
        int result = section.header.sh_type == type ? add_table(symbols, image, &section) : 0;
        if (result < 0)
            return result;
        added += result;
    }
    return added;
}

static int add_stub(void *opaque, const struct plt_stub *stub)
{
    struct elf_symbol symbol = {
        .start = stub->start, .end = stub->end, .rank = RANK_STUB, .sized = true, .owned = true};
    size_t size = strnlen(stub->function, TRACE_MAX_TEXT - 8);
    char *name = malloc(size + sizeof("@plt"));
    if (!name)
        return -ENOMEM;
    memcpy(name, stub->function, size);
    memcpy(name + size, "@plt", sizeof("@plt"));
    symbol.name = name;
    int result = add(opaque, &symbol);
    if (result < 0)
        free(name);
    return result;
}

int elf_symbols_add_plt(struct elf_symbols *symbols, const struct image *image)
{
    int result = plt_stubs(image, add_stub, symbols);
    return result == -E2BIG ? 0 : result;
}

static size_t underscores(const char *name)
{
    return strspn(name, "_");
}

/* Which of two names of the same place is better: the one that more of the world may use, then the plainer one. */
static int compare_names(const struct elf_symbol *a, const struct elf_symbol *b)
{
    if (a->rank != b->rank)
        return a->rank < b->rank ? -1 : 1;
    size_t a_under = underscores(a->name), b_under = underscores(b->name);
    if (a_under != b_under)
        return a_under < b_under ? -1 : 1;
    size_t a_size = strnlen(a->name, TRACE_MAX_TEXT), b_size = strnlen(b->name, TRACE_MAX_TEXT);
    if (a_size != b_size)
        return a_size < b_size ? -1 : 1;
    return strncmp(a->name, b->name, TRACE_MAX_TEXT);
}

/* By start; those with a size after those without, the best last: a search from behind meets the best first. */
static int compare_symbols(const void *left, const void *right)
{
    const struct elf_symbol *a = left, *b = right;
    if (a->start != b->start)
        return a->start < b->start ? -1 : 1;
    if (a->sized != b->sized)
        return a->sized ? 1 : -1;
    return -compare_names(a, b);
}

void elf_symbols_sort(struct elf_symbols *symbols)
{
    uint64_t reach = 0;
    if (symbols->count)
        qsort(symbols->items, symbols->count, sizeof(*symbols->items), compare_symbols);
    for (size_t i = 0; i < symbols->count; i++) {
        struct elf_symbol *symbol = &symbols->items[i];
        if (symbol->sized && symbol->end > reach)
            reach = symbol->end;
        symbol->reach = reach;
    }
}

/* The number of symbols that start at or before an address. */
static size_t count_until(const struct elf_symbols *symbols, uint64_t address)
{
    size_t low = 0, high = symbols->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (symbols->items[middle].start <= address)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* The one with a size that covers the address and starts last. */
static const struct elf_symbol *find_sized(const struct elf_symbols *symbols, size_t count, uint64_t address)
{
    for (int steps = 0; count && steps < MAX_STEPS_BACK; steps++, count--) {
        const struct elf_symbol *symbol = &symbols->items[count - 1];
        if (symbol->reach <= address)
            return NULL;
        if (symbol->sized && address < symbol->end)
            return symbol;
    }
    return NULL;
}

/* A label that is the last thing before the address.  One of several at the same place: the best comes last. */
static const struct elf_symbol *find_label(const struct elf_symbols *symbols, size_t count, uint64_t address)
{
    const struct elf_symbol *symbol = count ? &symbols->items[count - 1] : NULL;
    return symbol && !symbol->sized && address < symbol->end ? symbol : NULL;
}

/* In .symtab a versioned name is followed by its version. */
static struct text without_version(const struct elf_symbol *symbol)
{
    struct text name = names_text(symbol->name);
    const char *at = symbol->owned ? NULL : memchr(name.data, '@', name.size);
    if (at && at != name.data)
        name.size = (size_t)(at - name.data);
    return name;
}

int elf_symbols_lookup(const struct elf_symbols *symbols, uint64_t address, struct text *ret_name, uint64_t *ret_offset)
{
    size_t count = count_until(symbols, address);
    const struct elf_symbol *symbol = find_sized(symbols, count, address);
    if (!symbol)
        symbol = find_label(symbols, count, address);
    if (!symbol)
        return 0;
    int result = names_keep_demangled(symbols->names, without_version(symbol), ret_name);
    if (result < 0)
        return result;
    *ret_offset = address - symbol->start;
    return 1;
}
