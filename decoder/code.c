/*
 * code.c: modules, frames, stacks and names by their ids.
 *
 * Ids come in order, so that they index arrays; a gap means that a part of the file was lost, and what it held stays
 * unknown.  Frames of all stacks, and lines of all frames, stand one after another.
 */
#include "code.h"

#include "runtimes.h"

#include "symbols/callsite.h"
#include "symbols/disasm.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
    MAX_IDS = 1 << 22, /* of each: a limit on what a hostile trace may ask for */
    MAX_GAP = 1 << 16,
    MAX_LIST = 1 << 26, /* frames of all stacks, lines of all frames */
};

struct stack_entry {
    uint32_t first, n_frames;
    uint8_t quality, end;
    bool known;
    uint32_t site_of;               /* code->naming for which the site is right, 0: never looked for */
    uint32_t site_depth, site_line; /* the site, as code_walk counts */
    bool site_is_runtime;
    uint32_t kept_of; /* the same for what others keep here: code_keep() */
    uint8_t kept;
};

/* Instructions of a frame. */
struct code_bytes {
    uint32_t frame, flags;
    uint64_t address;
    char *bytes;
    size_t size;
    uint32_t first_line, n_lines;
};

/* A growing array. */
struct list {
    void *items;
    size_t count, capacity;
};

struct code {
    unsigned holders;
    uint32_t naming;        /* counts changes of names, from 1 */
    struct list modules;    /* struct code_module, id - 1 */
    struct list frames;     /* struct code_frame, id - 1 */
    struct list stacks;     /* struct stack_entry, id - 1 */
    struct list words;      /* uint32_t: frame ids */
    struct list texts;      /* struct text, id - 1 */
    struct list lines;      /* struct rec_line */
    struct list codes;      /* struct code_bytes */
    struct list code_lines; /* struct rec_code_line */
};

static struct code_module *modules(const struct code *c)
{
    return c->modules.items;
}

static struct code_frame *frames(const struct code *c)
{
    return c->frames.items;
}

static struct stack_entry *stacks(const struct code *c)
{
    return c->stacks.items;
}

static struct text *texts(const struct code *c)
{
    return c->texts.items;
}

static struct code_bytes *codes(const struct code *c)
{
    return c->codes.items;
}

/* ---- life ---- */

struct code *code_new(void)
{
    struct code *c = calloc(1, sizeof(*c));
    if (c)
        *c = (struct code){.holders = 1, .naming = 1};
    return c;
}

struct code *code_hold(struct code *c)
{
    c->holders++;
    return c;
}

static void free_text(struct text *text)
{
    free((char *)(uintptr_t)text->data);
    *text = (struct text){0};
}

void code_forget_names(struct code *c)
{
    for (size_t i = 0; i < c->modules.count; i++)
        modules(c)[i].resolved = false;
    for (size_t i = 0; i < c->frames.count; i++) {
        frames(c)[i].named = false;
        frames(c)[i].n_lines = 0;
        frames(c)[i].code = 0;
    }
    for (size_t i = 0; i < c->texts.count; i++)
        free_text(&texts(c)[i]);
    for (size_t i = 0; i < c->codes.count; i++)
        free(codes(c)[i].bytes);
    c->texts.count = c->lines.count = c->codes.count = c->code_lines.count = 0;
    c->naming++;
}

void code_release(struct code *c)
{
    if (!c || --c->holders)
        return;
    code_forget_names(c);
    for (size_t i = 0; i < c->modules.count; i++) {
        free_text(&modules(c)[i].path);
        free_text(&modules(c)[i].build_id);
    }
    struct list *lists[] = {&c->modules, &c->frames, &c->stacks, &c->words,
                            &c->texts,   &c->lines,  &c->codes,  &c->code_lines};
    for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
        free(lists[i]->items);
    free(c);
}

/* ---- room ---- */

static int hold(struct list *list, size_t count, size_t item)
{
    if (count <= list->capacity)
        return 0;
    size_t capacity = list->capacity ? list->capacity : 64;
    while (capacity < count)
        capacity *= 2;
    void *items = reallocarray(list->items, capacity, item);
    if (!items)
        return -ENOMEM;
    list->items = items;
    list->capacity = capacity;
    return 0;
}

/* Make place for an id; those before it that were never told stay zero. */
static int hold_id(struct list *list, uint32_t id, size_t item)
{
    if (id == 0 || id > MAX_IDS || id > list->count + MAX_GAP)
        return -TRACE_E_DAMAGED;
    if (id <= list->count)
        return 0;
    int error = hold(list, id, item);
    if (error)
        return error;
    memset((char *)list->items + list->count * item, 0, (id - list->count) * item);
    list->count = id;
    return 0;
}

/* Append a run of items; *ret_first is the index of the first. */
static int append(struct list *list, const void *items, size_t count, size_t item, uint32_t *ret_first)
{
    if (list->count + count > MAX_LIST)
        return -TRACE_E_DAMAGED;
    int error = hold(list, list->count + count, item);
    if (error)
        return error;
    if (count)
        memcpy((char *)list->items + list->count * item, items, count * item);
    *ret_first = (uint32_t)list->count;
    list->count += count;
    return 0;
}

static int keep(struct text *to, struct text from)
{
    char *data = malloc(from.size + 1);
    if (!data)
        return -ENOMEM;
    if (from.size)
        memcpy(data, from.data, from.size);
    data[from.size] = '\0';
    *to = (struct text){data, from.size};
    return 0;
}

static bool same_text(struct text a, struct text b)
{
    return a.size == b.size && (!a.size || memcmp(a.data, b.data, a.size) == 0);
}

/* ---- records ---- */

static int apply_module(struct code *c, const struct rec_module *r)
{
    int error = hold_id(&c->modules, r->id, sizeof(struct code_module));
    if (error)
        return error;
    struct code_module *m = &modules(c)[r->id - 1];
    if (m->known)
        return same_text(m->path, r->path) && same_text(m->build_id, r->build_id) ? 0 : -TRACE_E_DAMAGED;
    struct code_module made = {
        .inode = r->inode, .major = r->major, .minor = r->minor, .flags = r->flags, .known = true};
    error = keep(&made.path, r->path);
    if (!error)
        error = keep(&made.build_id, r->build_id);
    if (error) {
        free_text(&made.path);
        return error;
    }
    *m = made;
    return 0;
}

static int apply_frame(struct code *c, const struct rec_frame *r)
{
    int error = hold_id(&c->frames, r->id, sizeof(struct code_frame));
    if (error)
        return error;
    struct code_frame *f = &frames(c)[r->id - 1];
    if (f->known)
        return f->address == r->address && f->module == r->module && f->flags == r->flags && f->space == r->space
                   ? 0
                   : -TRACE_E_DAMAGED;
    *f = (struct code_frame){
        .address = r->address, .module = r->module, .flags = r->flags, .space = r->space, .known = true};
    return 0;
}

static const uint32_t *words_of(const struct code *c, const struct stack_entry *s)
{
    return (const uint32_t *)c->words.items + s->first;
}

static int apply_stack(struct code *c, const struct rec_stack *r)
{
    int error = hold_id(&c->stacks, r->id, sizeof(struct stack_entry));
    if (error)
        return error;
    struct stack_entry *s = &stacks(c)[r->id - 1];
    const size_t bytes = r->n_frames * sizeof(uint32_t);
    if (r->quality > STACK_TRUNCATED || r->end > STACK_END_LOST)
        return -TRACE_E_DAMAGED;
    if (s->known)
        return s->n_frames == r->n_frames && s->quality == r->quality && s->end == r->end &&
                       (!bytes || memcmp(words_of(c, s), r->frames, bytes) == 0)
                   ? 0
                   : -TRACE_E_DAMAGED;
    struct stack_entry made = {
        .n_frames = r->n_frames, .quality = (uint8_t)r->quality, .end = (uint8_t)r->end, .known = true};
    error = append(&c->words, r->frames, r->n_frames, sizeof(uint32_t), &made.first);
    if (!error)
        *s = made;
    return error;
}

static int apply_text(struct code *c, const struct rec_text *r)
{
    int error = hold_id(&c->texts, r->id, sizeof(struct text));
    if (error)
        return error;
    struct text *text = &texts(c)[r->id - 1];
    if (text->data)
        return same_text(*text, r->text) ? 0 : -TRACE_E_DAMAGED;
    return keep(text, r->text);
}

static int apply_names(struct code *c, const struct rec_names *r)
{
    uint32_t first;
    if (!code_frame(c, r->frame) || r->n_lines > TRACE_MAX_LINES)
        return -TRACE_E_DAMAGED;
    int error = append(&c->lines, r->lines, r->n_lines, sizeof(struct rec_line), &first);
    if (error)
        return error;
    struct code_frame *f = &frames(c)[r->frame - 1];
    f->named = true;
    f->offset = r->offset;
    f->first_line = first;
    f->n_lines = (uint16_t)r->n_lines;
    c->naming++;
    return 0;
}

static int apply_symbols(struct code *c, const struct rec_symbols *r)
{
    if (!code_module(c, r->module) || r->problem >= SYMBOL_PROBLEMS)
        return -TRACE_E_DAMAGED;
    struct code_module *m = &modules(c)[r->module - 1];
    m->resolved = true;
    m->problem = (enum symbol_problem)r->problem;
    return 0;
}

static int apply_code(struct code *c, const struct rec_code *r)
{
    struct code_bytes made = {.frame = r->frame, .flags = r->flags, .address = r->address, .n_lines = r->n_lines};
    struct text bytes;
    uint32_t at;
    if (!code_frame(c, r->frame) || r->n_lines > TRACE_MAX_LINES || frames(c)[r->frame - 1].code)
        return -TRACE_E_DAMAGED;
    int error = append(&c->code_lines, r->lines, r->n_lines, sizeof(struct rec_code_line), &made.first_line);
    if (!error)
        error = keep(&bytes, r->bytes);
    if (error)
        return error;
    made.bytes = (char *)(uintptr_t)bytes.data;
    made.size = bytes.size;
    error = append(&c->codes, &made, 1, sizeof(made), &at);
    if (error)
        free(made.bytes);
    else
        frames(c)[r->frame - 1].code = at + 1;
    return error;
}

int code_apply(struct code *c, const struct record *record)
{
    switch (record->kind) {
    case REC_MODULE:
        return apply_module(c, &record->module);
    case REC_FRAME:
        return apply_frame(c, &record->frame);
    case REC_STACK:
        return apply_stack(c, &record->stack);
    case REC_TEXT:
        return apply_text(c, &record->text);
    case REC_NAMES:
        return apply_names(c, &record->names);
    case REC_SYMBOLS:
        return apply_symbols(c, &record->symbols);
    case REC_CODE:
        return apply_code(c, &record->code);
    default:
        return 0;
    }
}

/* ---- by id ---- */

const struct code_module *code_module(const struct code *c, uint32_t id)
{
    return id && id <= c->modules.count && modules(c)[id - 1].known ? &modules(c)[id - 1] : NULL;
}

const struct code_frame *code_frame(const struct code *c, uint32_t id)
{
    return id && id <= c->frames.count && frames(c)[id - 1].known ? &frames(c)[id - 1] : NULL;
}

bool code_stack(const struct code *c, uint32_t id, struct code_stack *ret_stack)
{
    if (!id || id > c->stacks.count || !stacks(c)[id - 1].known)
        return false;
    const struct stack_entry *s = &stacks(c)[id - 1];
    *ret_stack = (struct code_stack){.frames = words_of(c, s),
                                     .n_frames = s->n_frames,
                                     .quality = (enum stack_quality)s->quality,
                                     .end = (enum stack_end)s->end};
    return true;
}

uint32_t code_modules(const struct code *c)
{
    return (uint32_t)c->modules.count;
}

uint32_t code_frames(const struct code *c)
{
    return (uint32_t)c->frames.count;
}

uint32_t code_stacks(const struct code *c)
{
    return (uint32_t)c->stacks.count;
}

struct text code_text(const struct code *c, uint32_t id)
{
    return id && id <= c->texts.count ? texts(c)[id - 1] : (struct text){0};
}

bool code_frame_has_name(const struct code *c, const struct code_frame *f)
{
    const struct rec_line *lines = c->lines.items;
    return f->n_lines && lines[f->first_line + f->n_lines - 1u].function;
}

void code_frame_names(const struct code *c, uint64_t *ret_frames, uint64_t *ret_nameless)
{
    *ret_frames = *ret_nameless = 0;
    for (uint32_t id = 1; id <= c->frames.count; id++) {
        const struct code_frame *f = code_frame(c, id);
        if (!f)
            continue;
        ++*ret_frames;
        *ret_nameless += !code_frame_has_name(c, f);
    }
}

/* ---- all of it ---- */

struct each {
    int (*put)(void *context, const struct record *record);
    void *context;
};

static int each_module(const struct code *c, const struct each *e)
{
    int error = 0;
    for (uint32_t id = 1; id <= c->modules.count && !error; id++) {
        const struct code_module *m = code_module(c, id);
        if (!m)
            continue;
        error = e->put(e->context, &(struct record){.kind = REC_MODULE,
                                                    .module = {.id = id,
                                                               .flags = m->flags,
                                                               .major = m->major,
                                                               .minor = m->minor,
                                                               .inode = m->inode,
                                                               .path = m->path,
                                                               .build_id = m->build_id}});
        if (!error && m->resolved)
            error = e->put(e->context, &(struct record){.kind = REC_SYMBOLS, .symbols = {id, m->problem}});
    }
    return error;
}

static int each_text(const struct code *c, const struct each *e)
{
    int error = 0;
    for (uint32_t id = 1; id <= c->texts.count && !error; id++)
        error = e->put(e->context, &(struct record){.kind = REC_TEXT, .text = {id, code_text(c, id)}});
    return error;
}

static int put_code(const struct code *c, const struct code_frame *f, const struct each *e)
{
    const struct code_bytes *b = &codes(c)[f->code - 1];
    return e->put(e->context,
                  &(struct record){.kind = REC_CODE,
                                   .code = {.frame = b->frame,
                                            .flags = b->flags,
                                            .address = b->address,
                                            .bytes = {b->bytes, b->size},
                                            .n_lines = b->n_lines,
                                            .lines = (struct rec_code_line *)c->code_lines.items + b->first_line}});
}

static int each_frame(const struct code *c, const struct each *e)
{
    int error = 0;
    for (uint32_t id = 1; id <= c->frames.count && !error; id++) {
        const struct code_frame *f = code_frame(c, id);
        if (!f)
            continue;
        error = e->put(e->context,
                       &(struct record){.kind = REC_FRAME, .frame = {id, f->module, f->flags, f->space, f->address}});
        if (!error && f->named)
            error = e->put(e->context,
                           &(struct record){.kind = REC_NAMES,
                                            .names = {.frame = id,
                                                      .offset = f->offset,
                                                      .n_lines = f->n_lines,
                                                      .lines = (struct rec_line *)c->lines.items + f->first_line}});
        if (!error && f->code)
            error = put_code(c, f, e);
    }
    return error;
}

static int each_stack(const struct code *c, const struct each *e)
{
    int error = 0;
    struct code_stack s;
    for (uint32_t id = 1; id <= c->stacks.count && !error; id++)
        if (code_stack(c, id, &s))
            error = e->put(e->context, &(struct record){.kind = REC_STACK,
                                                        .stack = {.id = id,
                                                                  .quality = (uint32_t)s.quality,
                                                                  .end = (uint32_t)s.end,
                                                                  .n_frames = s.n_frames,
                                                                  .frames = s.frames}});
    return error;
}

int code_each(const struct code *c, int (*put)(void *context, const struct record *record), void *context)
{
    const struct each each = {put, context};
    int error = each_module(c, &each);
    if (!error)
        error = each_text(c, &each);
    if (!error)
        error = each_frame(c, &each);
    return error ? error : each_stack(c, &each);
}

/* ---- reading a stack ---- */

struct code_walk code_walk(const struct code *c, uint32_t stack)
{
    struct code_walk walk = {.code = c};
    code_stack(c, stack, &walk.stack);
    return walk;
}

static void fill_names(const struct code *c, const struct code_frame *f, uint32_t index, struct code_line *line)
{
    const struct rec_line *names = (const struct rec_line *)c->lines.items + f->first_line + index;
    line->function = code_text(c, names->function);
    line->file = code_text(c, names->file);
    line->line = names->line;
    line->offset = f->offset;
    line->inlined = index + 1u < f->n_lines;
}

bool code_walk_next(struct code_walk *w, struct code_line *ret_line)
{
    if (w->depth >= w->stack.n_frames)
        return false;
    const uint32_t id = w->stack.frames[w->depth];
    const struct code_frame *known = code_frame(w->code, id), none = {0};
    const struct code_frame *f = known ? known : &none;
    const struct code_module *module = code_module(w->code, f->module);
    *ret_line = (struct code_line){.frame = known ? id : 0,
                                   .depth = w->depth,
                                   .flags = f->flags,
                                   .module = f->module,
                                   .space = f->space,
                                   .address = f->address,
                                   .path = module ? module->path : (struct text){0}};
    if (w->line < f->n_lines)
        fill_names(w->code, f, w->line, ret_line);
    if (++w->line >= f->n_lines) {
        w->line = 0;
        w->depth++;
    }
    return true;
}

/* Look for the site once, until names change. */
static void find_site(struct code *c, uint32_t stack, struct stack_entry *s)
{
    struct code_walk walk = code_walk(c, stack), at;
    struct code_line line;
    s->site_is_runtime = true;
    s->site_of = c->naming;
    while (s->site_is_runtime && (at = walk, code_walk_next(&walk, &line))) {
        s->site_depth = at.depth;
        s->site_line = at.line;
        s->site_is_runtime = callsite_is_allocator(&(struct callsite_frame){line.path, line.function});
    }
}

bool code_site(struct code *c, uint32_t stack, struct code_line *ret_line)
{
    struct code_walk walk = code_walk(c, stack);
    if (!walk.stack.n_frames)
        return false;
    struct stack_entry *s = &stacks(c)[stack - 1];
    if (s->site_of != c->naming)
        find_site(c, stack, s);
    walk.depth = s->site_depth;
    walk.line = s->site_line;
    code_walk_next(&walk, ret_line);
    ret_line->is_runtime = s->site_is_runtime;
    return true;
}

bool code_kept(const struct code *c, uint32_t stack, uint8_t *ret_value)
{
    struct code_stack known;
    if (!code_stack(c, stack, &known) || stacks(c)[stack - 1].kept_of != c->naming)
        return false;
    *ret_value = stacks(c)[stack - 1].kept;
    return true;
}

void code_keep(const struct code *c, uint32_t stack, uint8_t value)
{
    struct code_stack known;
    if (!code_stack(c, stack, &known))
        return;
    stacks(c)[stack - 1].kept_of = c->naming;
    stacks(c)[stack - 1].kept = value;
}

/* ---- instructions ---- */

static void add_lines(const struct code *c, const struct code_bytes *b, struct instruction *list, size_t count)
{
    const struct rec_code_line *lines = (const struct rec_code_line *)c->code_lines.items + b->first_line;
    uint32_t at = 0;
    for (size_t i = 0; i < count; i++) {
        while (at + 1 < b->n_lines && lines[at + 1].offset <= list[i].address - b->address)
            at++;
        if (at < b->n_lines && lines[at].offset <= list[i].address - b->address) {
            list[i].file = code_text(c, lines[at].file);
            list[i].line = lines[at].line;
        }
    }
}

int code_instructions(const struct code *c, uint32_t frame, struct instruction **ret_list, size_t *ret_count)
{
    const struct code_frame *f = code_frame(c, frame);
    if (!f || !f->code)
        return -ENOENT;
    const struct code_bytes *b = &codes(c)[f->code - 1];
    struct disasm_options options = {.is_32 = b->flags & CODE_32BIT};
    struct disasm_request request = {.bytes = (const unsigned char *)b->bytes,
                                     .size = b->size,
                                     .start = b->address,
                                     .is_function = true,
                                     .return_address = f->address,
                                     .before = 64,
                                     .after = 64};
    struct disasm *disasm;
    int error = disasm_new(&options, &disasm);
    if (error)
        return error == -ENOMEM ? error : -ENOENT;
    error = disasm_call(disasm, &request, ret_list, ret_count);
    disasm_free(disasm);
    if (!error)
        add_lines(c, b, *ret_list, *ret_count);
    return error;
}
