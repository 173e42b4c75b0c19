/*
 * code.h (published): the code behind events: modules, frames and call stacks, and the names that they have.
 *
 *     struct code *code = decoder_code(decoder);
 *     struct code_walk walk = code_walk(code, event->stack);
 *     while (code_walk_next(&walk, &line))
 *         ... line.function, line.file, line.line
 *
 * Names are found by a namer, once for each frame, after the recording (trace_finish()) or while it is made; they are
 * kept in the trace, so that reading it needs neither the programs nor their debug files.
 */
#ifndef BRKWATER_CODE_H
#define BRKWATER_CODE_H

#include "../tracer/trace.h"

#include <string.h>

/* What stands behind the last slash of a path. */
static inline struct text base_name(struct text path)
{
    const char *slash = path.size ? memrchr(path.data, '/', path.size) : NULL;
    return slash ? (struct text){slash + 1, path.size - (size_t)(slash + 1 - path.data)} : path;
}

/* Why a module has no names, or fewer than it might have. */
enum symbol_problem {
    SYMBOL_OK,
    SYMBOL_NO_DEBUG_FILE, /* only exported names, or none: stripped, and no debug file was found */
    SYMBOL_NOT_A_FILE,    /* no file was mapped there: [vdso], [anon:x], /memfd:x */
    SYMBOL_MISSING,       /* there is no such file (any more) */
    SYMBOL_REPLACED,      /* another file is there now: its build-id is not that of the module */
    SYMBOL_UNREADABLE,    /* it may not be read, or cannot be */
    SYMBOL_DAMAGED,       /* it is not ELF, or not sound */
    SYMBOL_PROBLEMS
};

/* "another file has taken its place", ...; "" for SYMBOL_OK. */
const char *symbol_problem_text(enum symbol_problem problem);

/* ---- modules, frames, stacks ---- */

struct code_module {
    struct text path, build_id;
    uint64_t inode;
    uint32_t major, minor;
    uint32_t flags; /* enum module_flag */
    bool known;     /* false: its record was lost */
    bool resolved;  /* names were looked for: `problem` tells how that went */
    enum symbol_problem problem;
};

struct code_frame {
    uint64_t address;              /* as in rec_frame */
    uint64_t offset;               /* from the start of the last function of `lines` to the address */
    uint32_t module, flags, space; /* flags: enum frame_flag */
    bool known;                    /* false: its record was lost */
    bool named;                    /* names were looked for; there are none when n_lines is 0 */
    uint16_t n_lines;
    uint32_t first_line; /* private */
    uint32_t code;       /* private */
};

struct code_stack {
    const uint32_t *frames; /* ids, innermost first */
    uint32_t n_frames;
    enum stack_quality quality;
    enum stack_end end;
};

struct code;

struct code *code_new(void);

/* Several may hold it: each calls code_release() once. */
struct code *code_hold(struct code *code);
void code_release(struct code *code);

/* Take a REC_MODULE, REC_FRAME, REC_STACK, REC_TEXT, REC_NAMES, REC_SYMBOLS or REC_CODE; others are none of its.  0;
 * -TRACE_E_DAMAGED when it contradicts what is known (it is ignored then); -ENOMEM. */
int code_apply(struct code *code, const struct record *record);

/* NULL for an id that is unknown, or 0.  Valid until the next code_apply(). */
const struct code_module *code_module(const struct code *code, uint32_t id);
const struct code_frame *code_frame(const struct code *code, uint32_t id);

/* False for an id that is unknown, or 0. */
bool code_stack(const struct code *code, uint32_t id, struct code_stack *ret_stack);

/* The highest id of each. */
uint32_t code_modules(const struct code *code);
uint32_t code_frames(const struct code *code);
uint32_t code_stacks(const struct code *code);

/* Empty for 0 and an unknown id. */
struct text code_text(const struct code *code, uint32_t id);

/* All of it as records, in an order in which each is known before it is referred to, as code_apply() takes them.
 * `put` returns 0 to go on; what it returns else is returned. */
int code_each(const struct code *code, int (*put)(void *context, const struct record *record), void *context);

/* Forget all names, and what was found out about modules. */
void code_forget_names(struct code *code);

/* ---- reading a stack ---- */

/* One function of a stack.  Those that are inlined have lines of their own, in front of the one that holds them. */
struct code_line {
    uint32_t frame; /* id, up to code_frames(); 0: its record was lost, or never was */
    uint32_t depth; /* index of the frame in the stack */
    uint32_t flags; /* enum frame_flag */
    uint32_t module, space;
    uint64_t address;     /* of the frame, as in rec_frame */
    struct text path;     /* of the module; empty when it has none */
    struct text function; /* readable; empty when unknown */
    struct text file;     /* empty when unknown */
    uint32_t line;        /* 0 when unknown */
    uint64_t offset;      /* from the start of the function that is not inlined; 0 without a name */
    bool inlined;
    bool is_runtime; /* only from code_site(): all frames are libc's, the loader's, an allocator's; this is the last */
};

struct code_walk {
    const struct code *code;
    struct code_stack stack;
    uint32_t depth, line; /* of what comes next */
};

/* The lines of a stack, innermost first; none for an unknown one. */
struct code_walk code_walk(const struct code *code, uint32_t stack);
bool code_walk_next(struct code_walk *walk, struct code_line *ret_line);

/* The line that names an event with this stack: the first outside of libc, the loader and known allocators.  False for
 * an unknown or empty stack. */
bool code_site(struct code *code, uint32_t stack, struct code_line *ret_line);

/* Whether the function that holds the frame has a name. */
bool code_frame_has_name(const struct code *code, const struct code_frame *frame);

/* Frames, each counted once: all, and those without a name. */
void code_frame_names(const struct code *code, uint64_t *ret_frames, uint64_t *ret_nameless);

/* ---- instructions ---- */

enum { INSTRUCTION_MAX_BYTES = 15, INSTRUCTION_MAX_TEXT = 96 };

struct instruction {
    uint64_t address; /* in the module's file */
    unsigned char bytes[INSTRUCTION_MAX_BYTES];
    uint8_t size;
    bool is_call_site;
    char text[INSTRUCTION_MAX_TEXT]; /* mnemonic, a space, operands; cut to fit */
    struct text file;                /* empty when unknown */
    uint32_t line;                   /* 0 when unknown */
};

/* The instructions around the call of a frame, as far as they were kept; free() the list.  0; -ENOENT when none were;
 * -ENOMEM. */
int code_instructions(const struct code *code, uint32_t frame, struct instruction **ret_list, size_t *ret_count);

/* ---- finding names ---- */

struct namer_options {
    const char *const *debug_dirs; /* more places like /usr/lib/debug, looked at first; may be NULL */
    size_t n_debug_dirs;
    bool debuginfod; /* also ask the servers of $DEBUGINFOD_URLS, by libdebuginfod.so.1 if it is installed */
};

struct namer;

/* NULL without memory.  `options` is copied. */
struct namer *namer_new(const struct namer_options *options);
void namer_free(struct namer *namer);

/* The file of a module that is open, and the root directory of the process that has it (-1: the same as ours); both
 * descriptors are duplicated.  Modules that are not told of here are opened by their path. */
void namer_module(struct namer *namer, uint32_t module, int fd, int root);

/* The perf map of a space, read now. */
void namer_perf_map(struct namer *namer, uint32_t space, int fd);

/* Give a frame of `code` its names, unless it has them; and the call site of a stack its instructions.  0 or -ENOMEM.
 */
int namer_frame(struct namer *namer, struct code *code, uint32_t frame);
int namer_stack(struct namer *namer, struct code *code, uint32_t stack);

/* All frames and stacks, and what is to be told of modules. */
int namer_all(struct namer *namer, struct code *code);

/* ---- what a namer would find ---- */

enum debug_place {
    DEBUG_NOWHERE, /* exported names are all that there is */
    DEBUG_INSIDE,  /* in the file itself */
    DEBUG_BESIDE,  /* in a file of its own, `path` */
};

struct debug_lookup {
    enum debug_place place;
    char build_id[129]; /* hex; "" when the file has none */
    char path[4096];    /* of DEBUG_BESIDE, in that root or in ours; "" else */
};

/* Where the debug information of a program or library lies; no server is asked.  `path` is meant inside of `root`, a
 * descriptor of a directory, or -1 for that of this process.  0, with *ret filled; -errno when the file cannot be read,
 * -ENOEXEC when it is not ELF; -ENOMEM. */
int debug_lookup(const char *path, int root, struct debug_lookup *ret);

/* Whether the servers of $DEBUGINFOD_URLS could be asked. */
enum debuginfod_state { DEBUGINFOD_READY, DEBUGINFOD_NO_URLS, DEBUGINFOD_NO_LIBRARY };

enum debuginfod_state debuginfod_state(void);

#endif
