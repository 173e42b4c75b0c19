/*
 * stacks_text.c: sums by call stack as text: call sites, largest first, each with its callers.
 *
 * A caller that is the only one stands under what it called; where ways part, each way is indented, with its own
 * numbers.  Example:
 *
 *       12.5M   39.8 %       12  new_arena (obmalloc.c:1567)
 *                                  allocate_from_new_pool (obmalloc.c:2100)
 *        8.0M   25.5 %        8      list_resize (listobject.c:70)
 *        4.5M   14.3 %        4      dict_resize (dictobject.c:1020)
 */
#include "escape.h"
#include "stack_text.h"
#include "stacks.h"
#include "units.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WIDTH = 100, MAX_LEVEL = 16, MODULE_LIMIT = 24 };

struct text_writer {
    struct buffer *out;
    const struct stacks_view *view;
    const struct stack_node *nodes;
    bool has_calls;   /* there is a column of calls */
    uint16_t *levels; /* by node: how far it is indented */
    struct buffer marks, room;
    uint64_t left_out; /* nodes */
};

/* ---- names ---- */

/* What a reader needs beside the name: the module where no file is known, and that there is no frame of its own. */
static void add_marks(struct buffer *out, const struct code_line *line)
{
    if (line->function.size && !line->file.size && line->path.size) {
        buffer_string(out, " (");
        escape_text(out, stacks_base_name(line->path), 0, MODULE_LIMIT);
        buffer_char(out, ')');
    }
    if (line->inlined)
        buffer_string(out, " [inlined]");
}

static void add_name(struct text_writer *w, const struct stack_node *node, size_t columns)
{
    struct buffer *marks = &w->marks;
    buffer_clear(marks);
    if (node->origin == ORIGIN_STACK && !node->missing) {
        add_marks(marks, &node->line);
        stack_line_name(w->out, &node->line, columns > marks->size ? columns - marks->size : 1);
        buffer_append(w->out, marks->data, marks->size);
    } else {
        escape_text(w->out, stacks_node_name(&w->room, node), 0, ESCAPE_ALL);
    }
    buffer_char(w->out, '\n');
}

/* ---- lines ---- */

static void add_numbers(struct text_writer *w, uint64_t value, uint64_t calls)
{
    char text[128], number[UNITS_MAX], count[UNITS_MAX];
    int used = snprintf(text, sizeof(text), "%10s %6.1f %%",
                        stacks_value(number, sizeof(number), w->view->metric, value), stacks_share(w->view, value));
    if (w->has_calls)
        used += snprintf(text + used, sizeof(text) - (size_t)used, " %9s",
                         calls ? units_count(count, sizeof(count), calls) : "");
    buffer_string(w->out, text);
}

static void add_spaces(struct buffer *out, int count)
{
    char text[64];
    snprintf(text, sizeof(text), "%*s", count, "");
    buffer_string(out, text);
}

static bool same_numbers(const struct stack_node *a, const struct stack_node *b)
{
    return a->value == b->value && a->calls == b->calls;
}

static void add_node(struct text_writer *w, uint32_t at)
{
    const struct stack_node *node = &w->nodes[at], *parent = &w->nodes[node->parent];
    const int numbers = w->has_calls ? 29 : 19;
    const int level = w->levels[at] < MAX_LEVEL ? w->levels[at] : MAX_LEVEL;
    if (!node->parent || !same_numbers(node, parent))
        add_numbers(w, node->value, node->calls);
    else
        add_spaces(w->out, numbers);
    add_spaces(w->out, 2 + 2 * level);
    add_name(w, node, (size_t)(WIDTH - numbers - 2 - 2 * level));
}

static bool is_small(const struct text_writer *w, const struct stack_node *node)
{
    return stacks_share(w->view, node->value) < w->view->min;
}

/* Its nodes, itself included. */
static uint64_t count_nodes(const struct text_writer *w, uint32_t top)
{
    uint64_t count = 1;
    for (uint32_t at = w->nodes[top].first; at;) {
        count++;
        uint32_t next = w->nodes[at].first;
        while (!next && at != top) {
            next = w->nodes[at].next;
            at = w->nodes[at].parent;
        }
        at = at == top && !next ? 0 : next;
    }
    return count;
}

/* Children are sorted: the first that is too small ends them. */
static uint32_t first_shown(struct text_writer *w, uint32_t at)
{
    if (!at || !is_small(w, &w->nodes[at]))
        return at;
    for (uint32_t i = at; i; i = w->nodes[i].next)
        w->left_out += count_nodes(w, i);
    return 0;
}

/* Ways part here, or a stack ends while others go on. */
static bool parts(const struct stack_node *nodes, const struct stack_node *node)
{
    return node->first && (nodes[node->first].next || node->own);
}

static void walk(struct text_writer *w)
{
    uint32_t at = first_shown(w, w->nodes[0].first);
    while (at && !w->out->failed) {
        const struct stack_node *node = &w->nodes[at];
        const struct stack_node *parent = &w->nodes[node->parent];
        if (node->parent)
            w->levels[at] = w->levels[node->parent] +
                            (w->levels[node->parent] < MAX_LEVEL && (!parent->parent || parts(w->nodes, parent)));
        add_node(w, at);
        uint32_t next = first_shown(w, node->first);
        while (at && !next) {
            next = first_shown(w, w->nodes[at].next);
            at = w->nodes[at].parent;
        }
        at = next;
    }
}

static void add_left_out(struct text_writer *w)
{
    char text[160], count[UNITS_MAX];
    if (!w->left_out)
        return;
    snprintf(text, sizeof(text), "\n%s %s below %g %% %s left out; --min 0 shows all\n",
             units_count(count, sizeof(count), w->left_out), w->left_out == 1 ? "line" : "lines", w->view->min,
             w->left_out == 1 ? "is" : "are");
    buffer_string(w->out, text);
}

void stacks_text(struct buffer *out, const struct stacks_view *view)
{
    struct text_writer w = {.out = out, .view = view, .nodes = view->tree->nodes};
    w.has_calls = view->metric != BY_LIVE && view->metric != BY_RESIDENT && view->metric != BY_KEPT &&
                  view->metric != BY_CALLS && view->metric != BY_TOUCHED && view->metric != BY_FAULTS;
    w.levels = calloc(view->tree->count, sizeof(*w.levels));
    if (!w.levels) {
        out->failed = true;
        return;
    }
    buffer_string(out, view->head);
    buffer_char(out, '\n');
    buffer_string(out, view->note);
    buffer_string(out, *view->note ? "\n" : "");
    if (view->tree->count > 1) {
        char text[128];
        snprintf(text, sizeof(text), "\n%10s %8s%s  %s\n", stacks_metric_name(view->metric), "share",
                 w.has_calls ? "     calls" : "", "call site, and what called it");
        buffer_string(out, text);
        walk(&w);
        add_left_out(&w);
    }
    out->failed |= w.marks.failed || w.room.failed;
    free(w.levels);
    buffer_free(&w.marks);
    buffer_free(&w.room);
}
