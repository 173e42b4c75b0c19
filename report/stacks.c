/* stacks.c: what the formats share: names of nodes, values with their units; and the folded format. */
#include "stacks.h"

#include "escape.h"
#include "flame_svg.h"
#include "units.h"

#include <string.h>

const char *stacks_metric_name(enum stack_metric metric)
{
    static const char *const names[STACK_METRICS] = {
        [BY_MAPPED] = "mapped",   [BY_LIVE] = "live",         [BY_RETURNED] = "returned",
        [BY_TOUCHED] = "touched", [BY_RESIDENT] = "resident", [BY_KEPT] = "kept",
        [BY_FAULTS] = "faults",   [BY_CALLS] = "calls",       [BY_TIME] = "time",
    };
    return names[metric];
}

char *stacks_value(char *buffer, size_t size, enum stack_metric metric, uint64_t value)
{
    if (metric == BY_TIME)
        return units_duration(buffer, size, value);
    if (metric == BY_FAULTS || metric == BY_CALLS)
        return units_count(buffer, size, value);
    return units_size(buffer, size, value);
}

double stacks_share(const struct stacks_view *view, uint64_t value)
{
    const uint64_t total = view->tree->nodes[0].value;
    return total ? 100.0 * (double)value / (double)total : 0;
}

struct text stacks_base_name(struct text path)
{
    const char *slash = path.size ? memrchr(path.data, '/', path.size) : NULL;
    const size_t skip = slash ? (size_t)(slash + 1 - path.data) : 0;
    return path.size > skip ? (struct text){path.data + skip, path.size - skip} : path;
}

struct text stacks_node_name(struct buffer *room, const struct stack_node *node)
{
    static const char *const origins[] = {
        [ORIGIN_NONE] = "(no stack)",
        [ORIGIN_EXECVE] = "(made by execve)",
        [ORIGIN_KERNEL] = "(made by the kernel)",
        [ORIGIN_ATTACHED] = "(before attach)",
    };
    if (node->origin != ORIGIN_STACK)
        return escape_chars(origins[node->origin]);
    if (node->missing)
        return escape_chars("...");
    if (node->line.function.size)
        return node->line.function;
    const struct text module = stacks_base_name(node->line.path);
    buffer_clear(room);
    buffer_append(room, module.data, module.size);
    if (node->line.is_runtime)
        return module;
    if (module.size)
        buffer_char(room, '+');
    buffer_hex(room, node->line.address);
    return (struct text){buffer_chars(room), room->size};
}

/* ---- folded ---- */

/* A `;` would begin another frame, a newline another line; a `#` in front of a line begins a comment for some readers.
 */
static void add_frame(struct buffer *out, struct text name)
{
    size_t start = out->size;
    escape_text(out, name, 0, ESCAPE_ALL);
    for (size_t i = start; i < out->size; i++)
        if (out->data[i] == ';')
            out->data[i] = ':';
    if (!start && out->size && out->data[0] == '#')
        out->data[0] = '_';
}

/* A line for each node at which stacks end.  `path` holds the names down to the node that is left. */
void stacks_folded(struct buffer *out, const struct stacks_view *view)
{
    const struct stack_node *nodes = view->tree->nodes;
    const uint64_t unit = view->metric == BY_TIME ? 100 : 1; /* ticks to nanoseconds */
    struct buffer path = {0}, room = {0}, sizes = {0};
    uint32_t at = nodes[0].first;
    while (at && !out->failed && !path.failed && !sizes.failed) {
        buffer_append(&sizes, &path.size, sizeof(path.size));
        if (path.size)
            buffer_char(&path, ';');
        add_frame(&path, stacks_node_name(&room, &nodes[at]));
        if (nodes[at].own) {
            buffer_append(out, path.data, path.size);
            buffer_char(out, ' ');
            buffer_unsigned(out, nodes[at].own * unit);
            buffer_char(out, '\n');
        }
        uint32_t next = nodes[at].first;
        while (at && !next) { /* up to where there is more */
            sizes.size -= sizeof(path.size);
            memcpy(&path.size, sizes.data + sizes.size, sizeof(path.size));
            next = nodes[at].next;
            at = nodes[at].parent;
        }
        at = next;
    }
    out->failed |= path.failed || sizes.failed || room.failed;
    buffer_free(&path);
    buffer_free(&room);
    buffer_free(&sizes);
}

const struct stacks_format stacks_formats[] = {
    {"text", FROM_SITE, stacks_text},
    {"folded", FROM_OUTERMOST, stacks_folded},
    {"svg", FROM_OUTERMOST, flame_svg},
    {NULL, FROM_SITE, NULL},
};
