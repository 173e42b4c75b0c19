/*
 * elf_symbols.h: what the symbol tables of a module say about addresses of code.
 *
 * Tables of several files (the module, its debug file, the one inside .gnu_debugdata) go into one sorted table.
 */
#ifndef BRKWATER_ELF_SYMBOLS_H
#define BRKWATER_ELF_SYMBOLS_H

#include "image.h"
#include "names.h"

struct elf_symbols;

/* NULL without memory.  `names` stays the caller's. */
struct elf_symbols *elf_symbols_new(struct names *names);
void elf_symbols_free(struct elf_symbols *symbols);

/* Add the symbols of every table of that type (SHT_SYMTAB, SHT_DYNSYM).  The number of functions added, or -ENOMEM. The
 * image must live longer. */
int elf_symbols_add(struct elf_symbols *symbols, const struct image *image, unsigned type);

/* Add a name for each stub of the procedure linkage table: `malloc@plt`. */
int elf_symbols_add_plt(struct elf_symbols *symbols, const struct image *image);

/* Sort; call it once, when all is added. */
void elf_symbols_sort(struct elf_symbols *symbols);

/* The best name for an address: a function whose size covers it; else a label of assembly code with nothing between it
 * and the address.  Names are demangled.  1 with the offset from its start, 0 when there is none, or -ENOMEM. */
int elf_symbols_lookup(const struct elf_symbols *symbols, uint64_t address, struct text *ret_name,
                       uint64_t *ret_offset);

#endif
