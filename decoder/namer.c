/* namer.c: names for the frames of a recording, each looked for once, into records. */
#include "code.h"

#include "symbols/call_code.h"
#include "symbols/perf_map.h"
#include "symbols/symbols.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

enum { CODE_BEFORE = 5, CODE_AFTER = 2, MAX_PERF_MAPS = 4096, SPACE_MAX_FACTOR = 1 << 16 };

/* A module of the recording, by its id. */
struct source {
    int fd, root;  /* duplicated; -1 for none */
    bool known;    /* `symbols` was told of it */
    bool replaced; /* another file is there now */
    int symbols;   /* its id there, or an error */
};

struct space_map {
    uint32_t space;
    struct perf_map *map;
};

struct namer {
    struct symbols *symbols;
    struct source *sources;
    size_t n_sources;
    struct space_map *maps;
    size_t n_maps;
    /* REC_TEXT ids of the code at work, open-addressed by the text's hash, 0: free. */
    uint32_t *texts;
    size_t texts_size, n_texts;
    const struct code *of; /* whose texts these are */
};

struct namer *namer_new(const struct namer_options *options)
{
    struct namer *n = calloc(1, sizeof(*n));
    if (!n)
        return NULL;
    n->symbols = symbols_new(&(struct symbols_options){
        .debug_dirs = options->debug_dirs, .n_debug_dirs = options->n_debug_dirs, .debuginfod = options->debuginfod});
    if (n->symbols)
        return n;
    free(n);
    return NULL;
}

void namer_free(struct namer *n)
{
    if (!n)
        return;
    symbols_free(n->symbols);
    for (size_t i = 0; i < n->n_sources; i++) {
        if (n->sources[i].fd >= 0)
            close(n->sources[i].fd);
        if (n->sources[i].root >= 0)
            close(n->sources[i].root);
    }
    for (size_t i = 0; i < n->n_maps; i++)
        perf_map_free(n->maps[i].map);
    free(n->sources);
    free(n->maps);
    free(n->texts);
    free(n);
}

/* ---- where names come from ---- */

static struct source *source_of(struct namer *n, uint32_t module)
{
    if (module < n->n_sources)
        return &n->sources[module];
    size_t count = module < 32 ? 64 : (size_t)module * 2;
    struct source *sources = reallocarray(n->sources, count, sizeof(*sources));
    if (!sources)
        return NULL;
    for (size_t i = n->n_sources; i < count; i++)
        sources[i] = (struct source){.fd = -1, .root = -1};
    n->sources = sources;
    n->n_sources = count;
    return &n->sources[module];
}

static int duplicate(int fd)
{
    return fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, 0);
}

void namer_module(struct namer *n, uint32_t module, int fd, int root)
{
    struct source *s = source_of(n, module);
    if (!s || s->fd >= 0 || s->known)
        return;
    s->fd = duplicate(fd);
    s->root = duplicate(root);
}

static struct space_map *map_of(struct namer *n, uint32_t space)
{
    for (size_t i = 0; i < n->n_maps; i++)
        if (n->maps[i].space == space)
            return &n->maps[i];
    return NULL;
}

void namer_perf_map(struct namer *n, uint32_t space, int fd)
{
    char path[64];
    struct perf_map *map;
    struct space_map *known = map_of(n, space);
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    if ((!known && n->n_maps == MAX_PERF_MAPS) || perf_map_open(path, &map) < 0)
        return;
    if (known) {
        perf_map_free(known->map);
        known->map = map;
        return;
    }
    struct space_map *maps = reallocarray(n->maps, n->n_maps + 1, sizeof(*maps));
    if (!maps) {
        perf_map_free(map);
        return;
    }
    n->maps = maps;
    n->maps[n->n_maps++] = (struct space_map){space, map};
}

/* A file without a build-id that was not handed over: the one at its path counts only if it is the same inode.  Opened
 * for the module's source; false when it is another one. */
static bool open_same_inode(const struct code_module *module, struct source *s)
{
    struct stat st;
    if (module->build_id.size || s->fd >= 0 || !module->inode)
        return true;
    s->fd = open(module->path.data, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    return s->fd < 0 || (fstat(s->fd, &st) == 0 && st.st_ino == module->inode && major(st.st_dev) == module->major &&
                         minor(st.st_dev) == module->minor);
}

/* The module's id in `symbols`; -ENOENT when it can't have one. */
static int symbols_id(struct namer *n, const struct code *code, uint32_t id)
{
    const struct code_module *module = code_module(code, id);
    struct source *s = module ? source_of(n, id) : NULL;
    if (!s || !module->path.size)
        return -ENOENT;
    if (s->known)
        return s->symbols;
    s->known = true;
    s->symbols = -ENOENT;
    s->replaced = !open_same_inode(module, s);
    if (s->replaced)
        return -ENOENT;
    char root[64] = "";
    if (s->root >= 0)
        snprintf(root, sizeof(root), "/proc/self/fd/%d", s->root);
    struct symbol_module asked = {.path = module->path.data, /* NUL-terminated: code.c keeps it so */
                                  .build_id = module->build_id.size ? (const void *)module->build_id.data : NULL,
                                  .build_id_size = module->build_id.size,
                                  .fd = s->fd,
                                  .root = *root ? root : NULL};
    s->symbols = symbols_module(n->symbols, &asked);
    return s->symbols;
}

/* ---- texts ---- */

static uint64_t hash_of(struct text text)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < text.size; i++)
        hash = (hash ^ (unsigned char)text.data[i]) * UINT64_C(0x100000001b3);
    return hash ^ hash >> 29;
}

static void put_text(struct namer *n, const struct code *code, uint32_t id)
{
    size_t at = hash_of(code_text(code, id)) & (n->texts_size - 1);
    while (n->texts[at])
        at = (at + 1) & (n->texts_size - 1);
    n->texts[at] = id;
    n->n_texts++;
}

/* Room for one more; what the code knows already is entered, too. */
static int hold_texts(struct namer *n, const struct code *code)
{
    if (n->of == code && (n->n_texts + 1) * 2 < n->texts_size)
        return 0;
    size_t size = n->texts_size ? n->texts_size : 512;
    size_t known = n->of == code ? n->n_texts : 0;
    uint32_t id = 0;
    while (n->of != code && code_text(code, (uint32_t)known + 1).data)
        known++;
    while ((known + 1) * 2 >= size)
        size *= 2;
    uint32_t *texts = calloc(size, sizeof(*texts));
    if (!texts)
        return -ENOMEM;
    free(n->texts);
    n->texts = texts;
    n->texts_size = size;
    n->n_texts = 0;
    n->of = code;
    while (id < known)
        put_text(n, code, ++id);
    return 0;
}

/* The id of a text, which is told to the code when it is new; 0 for an empty one. */
static int text_id(struct namer *n, struct code *code, struct text text, uint32_t *ret_id)
{
    *ret_id = 0;
    if (!text.size)
        return 0;
    if (text.size > TRACE_MAX_TEXT)
        text.size = TRACE_MAX_TEXT;
    int error = hold_texts(n, code);
    if (error)
        return error;
    for (size_t at = hash_of(text);; at++) {
        uint32_t id = n->texts[at & (n->texts_size - 1)];
        struct text known = code_text(code, id);
        if (!id)
            break;
        if (known.size == text.size && memcmp(known.data, text.data, text.size) == 0) {
            *ret_id = id;
            return 0;
        }
    }
    const uint32_t id = (uint32_t)n->n_texts + 1;
    error = code_apply(code, &(struct record){.kind = REC_TEXT, .text = {id, text}});
    if (error)
        return error == -ENOMEM ? error : 0; /* too many: it stays nameless */
    put_text(n, code, id);
    *ret_id = id;
    return 0;
}

/* ---- frames ---- */

struct naming {
    struct namer *namer;
    struct code *code;
    uint32_t frame;
    struct rec_line lines[TRACE_MAX_LINES];
};

static int put_names(struct naming *at, uint32_t count, uint64_t offset)
{
    struct record record = {.kind = REC_NAMES,
                            .names = {.frame = at->frame, .offset = offset, .n_lines = count, .lines = at->lines}};
    int error = code_apply(at->code, &record);
    return error == -ENOMEM ? error : 0;
}

/* What called lies in front of a return address. */
static uint64_t calling(const struct code_frame *f)
{
    return f->flags & FRAME_EXACT || !f->address ? f->address : f->address - 1;
}

static int name_in_module(struct naming *at, const struct code_frame *f)
{
    const struct symbol *list = NULL;
    size_t count = 0;
    const uint64_t address = calling(f);
    const uint64_t behind = f->address - address;
    int id = symbols_id(at->namer, at->code, f->module), error = 0;
    if (id == -ENOMEM)
        return id;
    if (id >= 0)
        error = symbols_lookup(at->namer->symbols, id, address, &list, &count);
    if (error == -ENOMEM)
        return error;
    if (error || count > TRACE_MAX_LINES)
        count = 0;
    const uint64_t offset = count ? list[count - 1].offset + behind : 0;
    for (size_t i = 0; i < count && error != -ENOMEM; i++) {
        at->lines[i].line = list[i].line;
        error = text_id(at->namer, at->code, list[i].function, &at->lines[i].function);
        if (!error)
            error = text_id(at->namer, at->code, list[i].file, &at->lines[i].file);
    }
    return error == -ENOMEM ? error : put_names(at, (uint32_t)count, offset);
}

static int name_made_code(struct naming *at, const struct code_frame *f)
{
    const struct space_map *map = map_of(at->namer, f->space);
    const uint64_t address = calling(f), behind = f->address - address;
    struct text name;
    uint64_t offset;
    if (!map)
        return 0; /* it may be told later */
    if (!perf_map_lookup(map->map, address, &name, &offset))
        return put_names(at, 0, 0);
    at->lines[0] = (struct rec_line){0};
    int error = text_id(at->namer, at->code, name, &at->lines[0].function);
    return error ? error : put_names(at, 1, offset + behind);
}

int namer_frame(struct namer *n, struct code *code, uint32_t id)
{
    const struct code_frame *f = code_frame(code, id);
    if (!f || f->named)
        return 0;
    struct naming at = {.namer = n, .code = code, .frame = id};
    const struct code_frame frame = *f;
    return frame.module ? name_in_module(&at, &frame) : name_made_code(&at, &frame);
}

/* ---- instructions of call sites ---- */

static int put_code(struct naming *at, const struct instruction *list, size_t count)
{
    unsigned char bytes[(CODE_BEFORE + 1 + CODE_AFTER) * INSTRUCTION_MAX_BYTES];
    struct rec_code_line lines[CODE_BEFORE + 1 + CODE_AFTER];
    uint32_t size = 0, n_lines = 0;
    for (size_t i = 0; i < count; i++) {
        struct rec_code_line line = {.offset = size, .line = list[i].line};
        int error = text_id(at->namer, at->code, list[i].file, &line.file);
        if (error)
            return error;
        if (!n_lines || lines[n_lines - 1].file != line.file || lines[n_lines - 1].line != line.line)
            lines[n_lines++] = line;
        memcpy(bytes + size, list[i].bytes, list[i].size);
        size += list[i].size;
    }
    bool is_32 = false;
    size_t left;
    symbols_code(at->namer->symbols, symbols_id(at->namer, at->code, code_frame(at->code, at->frame)->module),
                 list[0].address, &left, &is_32);
    struct record record = {.kind = REC_CODE,
                            .code = {.frame = at->frame,
                                     .flags = is_32 ? CODE_32BIT : 0,
                                     .address = list[0].address,
                                     .bytes = {(const char *)bytes, size},
                                     .n_lines = n_lines,
                                     .lines = lines}};
    int error = code_apply(at->code, &record);
    return error == -ENOMEM ? error : 0;
}

int namer_stack(struct namer *n, struct code *code, uint32_t stack)
{
    struct code_line site;
    struct instruction *list;
    size_t count;
    if (!code_site(code, stack, &site) || !site.module || site.flags & FRAME_EXACT ||
        code_frame(code, site.frame)->code)
        return 0;
    int id = symbols_id(n, code, site.module);
    if (id < 0)
        return id == -ENOMEM ? id : 0;
    struct call_code_request request = {
        .module = id, .return_address = site.address, .before = CODE_BEFORE, .after = CODE_AFTER};
    int error = call_code(n->symbols, &request, &list, &count);
    if (error)
        return error == -ENOMEM ? error : 0;
    struct naming at = {.namer = n, .code = code, .frame = site.frame};
    error = count ? put_code(&at, list, count) : 0;
    free(list);
    return error;
}

/* ---- everything ---- */

static int tell_problem(struct namer *n, struct code *code, uint32_t module)
{
    const struct code_module *m = code_module(code, module);
    if (!m || module >= n->n_sources || !n->sources[module].known)
        return 0;
    const struct source *s = &n->sources[module];
    if (s->symbols < 0 && !s->replaced)
        return 0;
    const enum symbol_problem problem = s->replaced ? SYMBOL_REPLACED : symbols_module_problem(n->symbols, s->symbols);
    return code_apply(code, &(struct record){.kind = REC_SYMBOLS, .symbols = {module, problem}});
}

int namer_all(struct namer *n, struct code *code)
{
    int error = 0;
    for (uint32_t id = 1; id <= code_frames(code) && !error; id++)
        error = namer_frame(n, code, id);
    for (uint32_t id = 1; id <= code_stacks(code) && !error; id++)
        error = namer_stack(n, code, id);
    for (uint32_t id = 1; id <= code_modules(code) && !error; id++)
        error = tell_problem(n, code, id);
    return error;
}
