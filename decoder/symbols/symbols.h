/*
 * symbols.h: names for code: (module, link-time address) to functions, file and line.
 *
 *     struct symbols *symbols = symbols_new(&(struct symbols_options){0});
 *     int libc = symbols_module(symbols, &(struct symbol_module){.path = "/lib/x86_64-linux-gnu/libc.so.6", .fd = -1});
 *     symbols_lookup(symbols, libc, address, &list, &count);
 *
 * Made for the time after a recording has ended: nothing is opened before the first address of a module is asked for,
 * and then its files stay open until symbols_free().  Each distinct address should be asked for once: answers are not
 * kept, only what makes them.
 *
 * An address is the one in the file: that of the process minus the module's load bias.  For a return address it must be
 * that address minus 1, so that it lies within the call; for the innermost frame, and the one that a signal has
 * interrupted, it is the program counter itself.  The caller knows which it has, and has subtracted.
 *
 * Where names come from, the first that has an answer:
 *   1. DWARF: in the file itself, or in a separate file that is found by build-id (DIR/.build-id/xx/yyyy.debug) or by
 *      .gnu_debuglink (next to the file, in .debug/ there, under DIR), where DIR is each of options.debug_dirs and
 *      /usr/lib/debug, in the module's root and in that of this process; the common parts that dwz has moved out are
 * found by .gnu_debugaltlink;
 *   2. symbols: .symtab of the separate file or of the file itself, else of the one inside .gnu_debugdata, and .dynsym;
 *      the stubs of the PLT are named `function@plt`;
 *   3. Go's .gopclntab: functions and lines of programs without DWARF.
 * A separate file counts only if its build-id is that of the module or, where there is none, if its checksum is right.
 *
 * Not thread-safe.  Nothing here follows what a file says without checking it, but libdw and libelf are trusted to do
 * the same.
 */
#ifndef BRKWATER_SYMBOLS_H
#define BRKWATER_SYMBOLS_H

#include "../code.h"

struct symbols_options {
    const char *const *debug_dirs; /* more places like /usr/lib/debug, looked at first; may be NULL */
    size_t n_debug_dirs;
    bool debuginfod; /* also ask the servers of $DEBUGINFOD_URLS, by libdebuginfod.so.1 if it is installed */
};

struct symbol_module {
    const char *path;              /* as the tracee saw it */
    const unsigned char *build_id; /* of what was mapped; NULL when it is not known */
    size_t build_id_size;          /* bytes */
    int fd;                        /* the image if it is open already, else -1; it stays the caller's */
    const char *root;              /* the tracee's root ("/proc/PID/root"), or NULL for that of this process */
};

/* One function at an address. */
struct symbol {
    struct text function; /* readable name; empty when only file and line are known */
    uint64_t offset;      /* bytes from the start of the function that is not inlined; the same in one list */
    struct text file;     /* empty when it is not known */
    uint32_t line;        /* 0 when it is not known */
    bool inlined;         /* into the next one of the list */
};

struct symbols;

/* NULL without memory.  `options` is copied. */
struct symbols *symbols_new(const struct symbols_options *options);
void symbols_free(struct symbols *symbols);

/* Make a module known.  Its id, 0 or higher; -ENOMEM, -EINVAL without a path, or -errno when fd cannot be duplicated.
 * All texts are copied. */
int symbols_module(struct symbols *symbols, const struct symbol_module *module);

/* The functions at a link-time address, innermost first: those that are inlined, then the one that holds them, the only
 * one with inlined false.  `line` is where execution is within that function: in the innermost one the line of the
 * address, in the others that of the call that was inlined.  The list is valid until the next call of
 * symbols_lookup(), its texts until symbols_free().
 * 0 with *ret_count 0 when the address has no name; -ENOMEM, or -EINVAL for an id that is none. */
int symbols_lookup(struct symbols *symbols, int module, uint64_t address, const struct symbol **ret_list,
                   size_t *ret_count);

/* What is wrong with a module; opens it if that was not done yet. */
enum symbol_problem symbols_module_problem(struct symbols *symbols, int module);

/* The bytes of the module's file from a link-time address on, to the end of what the file has there; NULL when there
 * are none.  *ret_is_32 tells 32-bit code.  Valid until symbols_free(). */
const unsigned char *symbols_code(struct symbols *symbols, int module, uint64_t address, size_t *ret_size,
                                  bool *ret_is_32);

#endif
