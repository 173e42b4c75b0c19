/* code.c: lines, stacks and the trees that stacks make. */
#include "page.h"

#include "../escape.h"
#include "../stack_text.h"

#include <stdlib.h>
#include <string.h>

enum { LINE_INLINED = 1, LINE_GUESSED = 2, LINE_LIBC = 4, LINE_LIBRARY = 8, LINE_MADE = 16 };

const char *page_origin(enum stack_origin origin)
{
    static const char *const words[] = {
        [ORIGIN_STACK] = "no stack", /* the code of which is not known */
        [ORIGIN_NONE] = "no stack",  [ORIGIN_EXECVE] = "execve",
        [ORIGIN_KERNEL] = "kernel",  [ORIGIN_ATTACHED] = "before attach",
    };
    return words[origin];
}

uint32_t page_site(struct page *page, size_t index)
{
    struct buffer text = {0};
    const uint32_t stack = index >= STACK_SUMS_STACKS ? (uint32_t)(index - STACK_SUMS_STACKS + 1) : 0;
    if (!stack || !stack_site(&text, decoder_code(page->decoder), stack, 0))
        buffer_string(&text, page_origin(stack_sums_at(page->sums, stack ? STACK_SUMS_NONE : index)->origin));
    const uint32_t string = strings_add_buffer(&page->strings, &text);
    buffer_free(&text);
    return string;
}

/* ---- lines: those of a frame lie next to each other ---- */

enum { FUNCTION, FILE_NAME, NUMBER, MODULE, OFFSET, LINE_FLAGS, LINE_COLUMNS };

struct line_table {
    struct page *page;
    struct code *code;
    struct column columns[LINE_COLUMNS];
    uint32_t *first; /* by frame id: its first line + 1, 0: none yet */
    uint16_t *count;
    uint32_t lines;
};

static uint64_t line_flags(const struct code_line *line)
{
    const enum code_kind kind = code_kind(line);
    return (line->inlined ? LINE_INLINED : 0) | (line->flags & FRAME_GUESSED ? LINE_GUESSED : 0) |
           (kind == CODE_OF_LIBC      ? LINE_LIBC
            : kind == CODE_OF_LIBRARY ? LINE_LIBRARY
                                      : 0) |
           (kind == CODE_OF_NOBODY ? LINE_MADE : 0);
}

static void add_line(struct line_table *t, const struct code_line *line)
{
    struct strings *strings = &t->page->strings;
    if (!t->first[line->frame])
        t->first[line->frame] = t->lines + 1;
    t->count[line->frame]++;
    t->lines++;
    column_add(&t->columns[FUNCTION], strings_add(strings, line->function));
    column_add(&t->columns[FILE_NAME], strings_add(strings, line->file));
    column_add(&t->columns[NUMBER], line->line);
    column_add(&t->columns[MODULE], strings_add(strings, line->path));
    column_add(&t->columns[OFFSET], line->function.size ? line->offset : line->address);
    column_add(&t->columns[LINE_FLAGS], line_flags(line));
}

static bool is_same(const struct code_line *a, const struct code_line *b)
{
    return a->inlined == b->inlined && a->line == b->line && a->function.data == b->function.data &&
           a->file.data == b->file.data;
}

/* Index + 1 of a line that a stack or a tree has; 0 for one of no frame. */
static uint32_t line_of(const struct line_table *t, uint32_t stack, const struct code_line *wanted)
{
    struct code_walk walk = code_walk(t->code, stack);
    struct code_line line;
    uint32_t within = 0;
    if (!wanted->frame || wanted->is_runtime)
        return 0;
    while (code_walk_next(&walk, &line)) {
        if (line.depth < wanted->depth)
            continue;
        if (line.frame != wanted->frame)
            break;
        if (is_same(&line, wanted))
            return t->first[line.frame] + within;
        within++;
    }
    return t->first[wanted->frame];
}

/* ---- stacks ---- */

enum { ID, NODE, RNODE, SITE, SITE_TEXT, QUALITY, N_LINES, LINES, STACK_COLUMNS };

static void add_lines(struct line_table *t, struct column *c, uint32_t stack)
{
    struct code_walk walk = code_walk(t->code, stack);
    struct code_line line;
    uint32_t frame = 0, depth = UINT32_MAX, within = 0;
    uint64_t count = 0;
    while (code_walk_next(&walk, &line)) {
        within = line.frame == frame && line.depth == depth ? within + 1 : 0;
        frame = line.frame;
        depth = line.depth;
        /* A frame that is met for the first time has all of its lines one after another. */
        if (!t->first[frame] || (t->first[frame] + t->count[frame] == t->lines + 1 && within == t->count[frame]))
            add_line(t, &line);
        column_add(&c[LINES], t->first[frame] - 1 + within);
        count++;
    }
    column_add(&c[N_LINES], count);
}

static uint64_t end_of(const struct stack_tree *tree, size_t index)
{
    return index < tree->n_ends ? tree->ends[index] : 0;
}

static void add_stacks(struct line_table *t, struct column *c, const struct stack_tree *tree,
                       const struct stack_tree *from_site)
{
    const size_t count = STACK_SUMS_STACKS + code_stacks(t->code);
    for (size_t i = 0; i < count; i++) {
        const uint32_t id = i < STACK_SUMS_STACKS ? 0 : (uint32_t)(i - STACK_SUMS_STACKS + 1);
        struct code_line site;
        struct code_stack stack = {.quality = STACK_COMPLETE};
        code_stack(t->code, id, &stack);
        column_add(&c[ID], id);
        add_lines(t, c, id);
        column_add(&c[NODE], end_of(tree, i));
        column_add(&c[RNODE], end_of(from_site, i));
        column_add(&c[SITE], code_site(t->code, id, &site) ? line_of(t, id, &site) : 0);
        column_add(&c[SITE_TEXT], page_site(t->page, i));
        column_add(&c[QUALITY], stack.quality);
    }
}

/* ---- trees ---- */

enum { LINE, PARENT, WORD, TREE_COLUMNS };

static uint32_t node_word(struct page *page, const struct stack_node *node)
{
    if (node->missing)
        return strings_add_chars(&page->strings, "callers missing");
    if (node->origin == ORIGIN_STACK)
        return strings_add(&page->strings, base_name(node->line.path));
    return strings_add_chars(&page->strings, page_origin(node->origin));
}

/* A node's line is one of its frame's lines. */
static uint32_t node_line(const struct line_table *t, const struct stack_node *node)
{
    const struct code_line *line = &node->line;
    const struct code_frame *frame = line->frame ? code_frame(t->code, line->frame) : NULL;
    if (!frame || line->is_runtime || node->missing || node->origin != ORIGIN_STACK || !t->first[line->frame])
        return 0;
    /* Inlined ones stand in front of the one that holds them; which it is tells what the walk of its frame alone gives.
     */
    const struct code_stack alone = {.frames = &line->frame, .n_frames = 1};
    struct code_walk walk = {.code = t->code, .stack = alone};
    struct code_line at;
    for (uint32_t within = 0; code_walk_next(&walk, &at); within++)
        if (is_same(&at, line))
            return t->first[line->frame] + within;
    return t->first[line->frame];
}

static void add_tree(struct line_table *t, struct column *c, const struct stack_tree *tree)
{
    for (uint32_t i = 0; i < tree->count; i++) {
        const uint32_t line = i ? node_line(t, &tree->nodes[i]) : 0;
        column_add(&c[LINE], line);
        column_add(&c[PARENT], tree->nodes[i].parent);
        column_add(&c[WORD], i && !line ? node_word(t->page, &tree->nodes[i]) : 0);
    }
}

void page_code(struct page *page)
{
    struct code *code = decoder_code(page->decoder);
    struct line_table t = {
        .page = page,
        .code = code,
        .columns = {[FUNCTION] = COLUMN("line_function_str", COLUMN_NUMBER),
                    [FILE_NAME] = COLUMN("line_file_str", COLUMN_NUMBER),
                    [NUMBER] = COLUMN("line_number", COLUMN_NUMBER),
                    [MODULE] = COLUMN("line_module_str", COLUMN_NUMBER),
                    [OFFSET] = COLUMN("line_offset", COLUMN_NUMBER),
                    [LINE_FLAGS] = COLUMN("line_flags", COLUMN_BYTE)},
        .first = calloc((size_t)code_frames(code) + 1, sizeof(uint32_t)),
        .count = calloc((size_t)code_frames(code) + 1, sizeof(uint16_t)),
    };
    struct column c[LINE_COLUMNS + STACK_COLUMNS + 2 * TREE_COLUMNS] = {
        [LINE_COLUMNS + ID] = COLUMN("stack_id", COLUMN_NEAR),
        [LINE_COLUMNS + NODE] = COLUMN("stack_node", COLUMN_NEAR),
        [LINE_COLUMNS + RNODE] = COLUMN("stack_rnode", COLUMN_NEAR),
        [LINE_COLUMNS + SITE] = COLUMN("stack_site", COLUMN_NUMBER),
        [LINE_COLUMNS + SITE_TEXT] = COLUMN("stack_site_str", COLUMN_NUMBER),
        [LINE_COLUMNS + QUALITY] = COLUMN("stack_quality", COLUMN_BYTE),
        [LINE_COLUMNS + N_LINES] = COLUMN("stack_lines", COLUMN_NUMBER),
        [LINE_COLUMNS + LINES] = COLUMN("lines", COLUMN_NEAR),
    };
    struct column *trees = &c[LINE_COLUMNS + STACK_COLUMNS];
    trees[LINE] = (struct column)COLUMN("node_line", COLUMN_NUMBER);
    trees[PARENT] = (struct column)COLUMN("node_parent", COLUMN_NEAR);
    trees[WORD] = (struct column)COLUMN("node_word_str", COLUMN_NUMBER);
    trees[TREE_COLUMNS + LINE] = (struct column)COLUMN("rnode_line", COLUMN_NUMBER);
    trees[TREE_COLUMNS + PARENT] = (struct column)COLUMN("rnode_parent", COLUMN_NEAR);
    trees[TREE_COLUMNS + WORD] = (struct column)COLUMN("rnode_word_str", COLUMN_NUMBER);
    struct stack_tree *tree = NULL, *from_site = NULL;
    if (t.first && t.count && stack_tree_new(page->sums, code, STACK_METRICS, FROM_OUTERMOST, &tree) == 0 &&
        stack_tree_new(page->sums, code, STACK_METRICS, FROM_SITE, &from_site) == 0) {
        add_stacks(&t, &c[LINE_COLUMNS], tree, from_site);
        add_tree(&t, trees, tree);
        add_tree(&t, trees + TREE_COLUMNS, from_site);
    } else {
        page->failed = true;
    }
    memcpy(c, t.columns, sizeof(t.columns));
    page_columns(page, "stk", c, sizeof(c) / sizeof(c[0]));
    stack_tree_free(tree);
    stack_tree_free(from_site);
    free(t.first);
    free(t.count);
}
