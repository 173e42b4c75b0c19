/* symbols.c: names for code. */
#include "symbols.h"

#include "debug_file.h"
#include "debug_info.h"
#include "debuginfod.h"
#include "elf_symbols.h"
#include "gopclntab.h"
#include "minidebug.h"
#include "names.h"
#include "symbol_list.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MAX_MODULES = 1 << 20 };

/* A module.  What is open of it is open from the first question on. */
struct module {
    char *path, *root;
    unsigned char *build_id;
    size_t build_id_size;
    int fd; /* -1: open the path */
    bool opened;
    enum symbol_problem problem;
    struct image image;
    struct debug_file debug, alternate;
    struct image packed; /* out of .gnu_debugdata */
    Dwarf *dwarf, *alternate_dwarf;
    struct debug_info *info;
    struct elf_symbols *table;
    struct gopclntab *go;
};

struct symbols {
    struct symbols_options options;
    char **debug_dirs;
    struct names *names;
    struct debuginfod_servers *servers;
    struct module **modules;
    size_t count, capacity;
    struct symbol_list list;
};

static const char *const problem_texts[SYMBOL_PROBLEMS] = {
    [SYMBOL_OK] = "",
    [SYMBOL_NO_DEBUG_FILE] = "it is stripped, and no debug file was found",
    [SYMBOL_NOT_A_FILE] = "no file is mapped there",
    [SYMBOL_MISSING] = "the file is not there any more",
    [SYMBOL_REPLACED] = "another file has taken its place: the build-ids differ",
    [SYMBOL_UNREADABLE] = "the file cannot be read",
    [SYMBOL_DAMAGED] = "the file is not a sound ELF file",
};

const char *symbol_problem_text(enum symbol_problem problem)
{
    return problem_texts[(unsigned)problem < SYMBOL_PROBLEMS ? problem : SYMBOL_DAMAGED];
}

/* ---- the set of modules ---- */

static int copy_options(struct symbols *symbols, const struct symbols_options *options)
{
    symbols->options = (struct symbols_options){.debuginfod = options->debuginfod};
    symbols->debug_dirs = calloc(options->n_debug_dirs + 1, sizeof(char *));
    if (!symbols->debug_dirs)
        return -ENOMEM;
    symbols->options.debug_dirs = (const char *const *)symbols->debug_dirs;
    for (size_t i = 0; i < options->n_debug_dirs; i++) {
        symbols->debug_dirs[i] = strdup(options->debug_dirs[i]);
        if (!symbols->debug_dirs[i])
            return -ENOMEM;
        symbols->options.n_debug_dirs++;
    }
    return 0;
}

struct symbols *symbols_new(const struct symbols_options *options)
{
    struct symbols *symbols = calloc(1, sizeof(*symbols));
    if (!symbols)
        return NULL;
    symbols->names = names_new();
    if (!symbols->names || copy_options(symbols, options) < 0) {
        symbols_free(symbols);
        return NULL;
    }
    if (options->debuginfod)
        symbols->servers = debuginfod_servers_new();
    return symbols;
}

static void module_close(struct module *module)
{
    gopclntab_free(module->go);
    debug_info_free(module->info);
    elf_symbols_free(module->table);
    dwarf_end(module->dwarf);
    dwarf_end(module->alternate_dwarf);
    debug_file_close(&module->debug);
    debug_file_close(&module->alternate);
    if (module->packed.elf)
        image_close(&module->packed);
    if (module->image.elf)
        image_close(&module->image);
}

static void module_free(struct module *module)
{
    if (!module)
        return;
    module_close(module);
    if (module->fd >= 0)
        close(module->fd);
    free(module->path);
    free(module->root);
    free(module->build_id);
    free(module);
}

void symbols_free(struct symbols *symbols)
{
    if (!symbols)
        return;
    for (size_t i = 0; i < symbols->count; i++)
        module_free(symbols->modules[i]);
    for (size_t i = 0; i < symbols->options.n_debug_dirs; i++)
        free(symbols->debug_dirs[i]);
    free(symbols->debug_dirs);
    free(symbols->modules);
    free(symbols->list.symbols);
    debuginfod_servers_free(symbols->servers);
    names_free(symbols->names);
    free(symbols);
}

static int module_new(const struct symbol_module *given, struct module **ret_module)
{
    struct module *module = calloc(1, sizeof(*module));
    if (!module)
        return -ENOMEM;
    module->fd = -1;
    module->path = strdup(given->path);
    module->root = given->root ? strdup(given->root) : NULL;
    if (given->build_id && given->build_id_size)
        module->build_id = malloc(given->build_id_size);
    if (module->build_id) {
        memcpy(module->build_id, given->build_id, given->build_id_size);
        module->build_id_size = given->build_id_size;
    }
    int result = 0;
    if (!module->path || (given->root && !module->root) ||
        (given->build_id && given->build_id_size && !module->build_id))
        result = -ENOMEM;
    else if (given->fd >= 0 && (module->fd = fcntl(given->fd, F_DUPFD_CLOEXEC, 3)) < 0)
        result = -errno;
    if (result < 0) {
        module_free(module);
        return result;
    }
    *ret_module = module;
    return 0;
}

int symbols_module(struct symbols *symbols, const struct symbol_module *given)
{
    if (!given->path)
        return -EINVAL;
    if (symbols->count == symbols->capacity) {
        size_t capacity = symbols->capacity ? symbols->capacity * 2 : 16;
        struct module **modules =
            capacity <= MAX_MODULES ? reallocarray(symbols->modules, capacity, sizeof(*modules)) : NULL;
        if (!modules)
            return -ENOMEM;
        symbols->modules = modules;
        symbols->capacity = capacity;
    }
    int result = module_new(given, &symbols->modules[symbols->count]);
    return result < 0 ? result : (int)symbols->count++;
}

/* ---- opening ---- */

static enum symbol_problem problem_of(int error)
{
    switch (-error) {
    case ENOENT:
    case ENOTDIR:
        return SYMBOL_MISSING;
    case ENOEXEC:
        return SYMBOL_DAMAGED;
    default:
        return SYMBOL_UNREADABLE;
    }
}

static bool is_expected(const struct module *module)
{
    const unsigned char *id;
    size_t size;
    return !module->build_id || (image_build_id(&module->image, &id, &size) && size == module->build_id_size &&
                                 memcmp(id, module->build_id, size) == 0);
}

/* The module's own file, from its descriptor or its path. */
static enum symbol_problem open_image(struct module *module, struct image_root root)
{
    int fd = module->fd;
    module->fd = -1;
    if (fd < 0 && module->path[0] != '/')
        return SYMBOL_NOT_A_FILE;
    if (fd < 0)
        fd = image_open_file(root, module->path);
    int result = fd < 0 ? fd : image_open(fd, &module->image);
    if (fd >= 0)
        close(fd);
    if (result < 0)
        return problem_of(result);
    return is_expected(module) ? SYMBOL_OK : SYMBOL_REPLACED;
}

static bool has_section(const struct image *image, const char *name)
{
    struct image_section section;
    return image_section(image, name, &section) && section.bytes;
}

static bool has_dwarf(const struct image *image)
{
    return image->elf && (has_section(image, ".debug_info") || has_section(image, ".zdebug_info"));
}

static Dwarf *begin_dwarf(const struct image *image)
{
    return image_debug_is_bounded(image) ? dwarf_begin_elf(image->elf, DWARF_C_READ, NULL) : NULL;
}

/* DWARF of the file itself, else of its debug file.  Where dwz has moved parts out and they cannot be found, all of it
 * is left alone: names would be missing at random, and libdw would open whatever path the file names. */
static int open_dwarf(struct symbols *symbols, struct module *module, const struct debug_search *search)
{
    struct debug_file own = {.root = search->root, .path = module->path};
    bool is_own = has_dwarf(&module->image);
    const struct image *image = is_own ? &module->image : &module->debug.image;
    if (!has_dwarf(image) || !(module->dwarf = begin_dwarf(image)))
        return 0;
    int result = debug_file_find_alternate(search, module->dwarf, is_own ? &own : &module->debug, &module->alternate);
    if (result == 1 && (module->alternate_dwarf = begin_dwarf(&module->alternate.image)))
        dwarf_setalt(module->dwarf, module->alternate_dwarf);
    else if (result != 0)
        return result == -ENOMEM ? result : 0;
    return debug_info_new(module->dwarf, symbols->names, &module->info);
}

/* The tables of symbols, the fullest there are.  *ret_full is false when only exported names are known. */
static int open_table(struct symbols *symbols, struct module *module, bool *ret_full)
{
    module->table = elf_symbols_new(symbols->names);
    if (!module->table)
        return -ENOMEM;
    int full = elf_symbols_add(module->table, &module->image, SHT_SYMTAB);
    if (full == 0 && module->debug.image.elf)
        full = elf_symbols_add(module->table, &module->debug.image, SHT_SYMTAB);
    if (full == 0) {
        int packed = minidebug_open(&module->image, &module->packed);
        full = packed == 1         ? elf_symbols_add(module->table, &module->packed, SHT_SYMTAB)
               : packed == -ENOMEM ? packed
                                   : 0;
    }
    int result = full < 0 ? full : elf_symbols_add(module->table, &module->image, SHT_DYNSYM);
    if (result >= 0)
        result = elf_symbols_add_plt(module->table, &module->image);
    elf_symbols_sort(module->table);
    *ret_full = full > 0;
    return result < 0 ? result : 0;
}

static int open_go(struct symbols *symbols, struct module *module)
{
    static const char *const names[] = {".gopclntab", ".data.rel.ro.gopclntab"};
    struct gopclntab_source source = {0};
    struct image_section section;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]) && !source.bytes; i++)
        if (image_section(&module->image, names[i], &section)) {
            source.bytes = section.bytes;
            source.size = section.size;
        }
    if (!source.bytes)
        return 0;
    if (image_section(&module->image, ".text", &section))
        source.text = section.header.sh_addr;
    int result = gopclntab_new(&source, symbols->names, &module->go);
    return result == -ENOMEM ? result : 0;
}

/* All that can name an address of the module, once its file is open. */
static int open_sources(struct symbols *symbols, struct module *module, struct image_root root)
{
    struct debug_search search = {&symbols->options, symbols->servers, root, module->path, &module->image};
    bool full = false;
    int result = 0;
    if (!has_dwarf(&module->image))
        result = debug_file_find(&search, &module->debug);
    if (result >= 0)
        result = open_dwarf(symbols, module, &search);
    if (result >= 0)
        result = open_table(symbols, module, &full);
    if (result >= 0)
        result = open_go(symbols, module);
    if (result >= 0 && !full && !module->info && !module->go)
        module->problem = SYMBOL_NO_DEBUG_FILE;
    return result < 0 ? result : 0;
}

/* The root of a process is gone when the process is; then the path may still be right, and the build-id decides. */
static int open_module(struct symbols *symbols, struct module *module)
{
    struct image_root root = {-1};
    if (module->opened)
        return 0;
    module->opened = true;
    if (module->root)
        root.fd = open(module->root, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (module->root && root.fd < 0 && module->fd < 0 && !module->build_id)
        module->problem = SYMBOL_UNREADABLE;
    else
        module->problem = open_image(module, root);
    int result = module->problem == SYMBOL_OK ? open_sources(symbols, module, root) : 0;
    if (module->problem == SYMBOL_REPLACED)
        image_close(&module->image);
    if (root.fd >= 0)
        close(root.fd);
    return result;
}

/* NULL when there is no such module. */
static struct module *find_module(struct symbols *symbols, int id)
{
    return id >= 0 && (size_t)id < symbols->count ? symbols->modules[id] : NULL;
}

enum symbol_problem symbols_module_problem(struct symbols *symbols, int id)
{
    struct module *module = find_module(symbols, id);
    if (!module)
        return SYMBOL_MISSING;
    open_module(symbols, module);
    return module->problem;
}

const unsigned char *symbols_code(struct symbols *symbols, int id, uint64_t address, size_t *ret_size, bool *ret_is_32)
{
    struct module *module = find_module(symbols, id);
    if (!module || open_module(symbols, module) < 0 || !module->image.elf)
        return NULL;
    *ret_is_32 = image_is_32(&module->image);
    return image_at(&module->image, address, ret_size);
}

/* ---- one address ---- */

/* Name what holds the address by symbol tables: all that is known, or the function where DWARF had only a line. */
static int add_from_table(struct module *module, uint64_t address, struct symbol_list *list)
{
    struct symbol symbol = {0};
    int result = elf_symbols_lookup(module->table, address, &symbol.function, &symbol.offset);
    if (result <= 0)
        return result;
    struct symbol *last = list->count ? &list->symbols[list->count - 1] : NULL;
    if (!last)
        return symbol_list_add(list, &symbol);
    last->function = symbol.function;
    for (size_t i = 0; i < list->count; i++)
        list->symbols[i].offset = symbol.offset;
    return 0;
}

static int add_from_go(struct module *module, uint64_t address, struct symbol_list *list)
{
    struct gopclntab_place place;
    int result = gopclntab_lookup(module->go, address, &place);
    if (result <= 0)
        return result;
    struct symbol symbol = {.function = place.function, .offset = place.offset, .file = place.file, .line = place.line};
    return symbol_list_add(list, &symbol);
}

static int lookup(struct module *module, uint64_t address, struct symbol_list *list)
{
    int result = module->info ? debug_info_lookup(module->info, address, list) : 0;
    if (result >= 0 && list->count == 0 && module->go)
        result = add_from_go(module, address, list);
    bool is_named = list->count && list->symbols[list->count - 1].function.size;
    if (result >= 0 && !is_named && module->table)
        result = add_from_table(module, address, list);
    return result < 0 ? result : 0;
}

int symbols_lookup(struct symbols *symbols, int id, uint64_t address, const struct symbol **ret_list, size_t *ret_count)
{
    struct module *module = find_module(symbols, id);
    if (!module)
        return -EINVAL;
    symbols->list.count = 0;
    int result = open_module(symbols, module);
    if (result == 0)
        result = lookup(module, address, &symbols->list);
    if (result < 0)
        return result;
    *ret_list = symbols->list.symbols;
    *ret_count = symbols->list.count;
    return 0;
}
