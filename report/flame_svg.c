/*
 * flame_svg.c: a flame graph as one SVG file.
 *
 * The outermost function is on top, what it called hangs below it, and the width of a frame is the share of the total.
 * All text from outside goes through escape_markup(), into elements and nowhere else; our own style and script are
 * escaped in the same way, since XML has no other rule for them.
 */
#include "flame_svg.h"

#include "asset.h"
#include "escape.h"
#include "units.h"
#include "wording.h"

#include <stdio.h>
#include <stdlib.h>

enum { WIDTH = 1200, EDGE = 10, ROW = 18, TOP = 126, FOOT = 34, LEAST_LABEL = 5, TITLE = 40 };

static const double character = 7.3; /* pixels of one, at the size that the style sheet sets */
static const double narrowest = 0.1; /* pixels of a frame that is drawn */

struct svg {
    struct buffer *out;
    const struct stacks_view *view;
    const struct stack_node *nodes;
    double scale;     /* pixels of a unit of the value */
    uint64_t *starts; /* by node: where it begins, in units of the value */
    unsigned *depths; /* by node */
    unsigned deepest;
    uint64_t drawn;
    struct buffer room;
};

/* ---- one frame ---- */

static const char *class_of(const struct stack_node *node)
{
    static const char *const classes[CODE_KINDS] = {
        [CODE_OF_PROGRAM] = "p", [CODE_OF_LIBRARY] = "l", [CODE_OF_LIBC] = "c", [CODE_OF_NOBODY] = "n"};
    return node->origin == ORIGIN_STACK && !node->missing ? classes[code_kind(&node->line)] : "o";
}

/* Columns of what escape_markup() makes of the character there, and its bytes. */
static unsigned columns_at(struct text text, size_t at, size_t *ret_bytes)
{
    uint32_t code = 0;
    *ret_bytes = escape_utf8(text.data + at, text.size - at, &code);
    const bool plain = *ret_bytes && escape_printable(code);
    *ret_bytes += !*ret_bytes;
    return !plain ? 6 : code >= 0x1100 ? 2 : 1;
}

/* As much of the name as fits in; nothing when that would not tell anything. */
static void add_label(struct buffer *out, struct text name, double pixels)
{
    const unsigned fit = pixels > 6 ? (unsigned)((pixels - 6) / character) : 0;
    unsigned columns = 0;
    size_t bytes, short_enough = 0, at = 0;
    for (; at < name.size; at += bytes) {
        columns += columns_at(name, at, &bytes);
        if (columns > fit)
            break;
        if (columns + 2 <= fit)
            short_enough = at + bytes;
    }
    if (at >= name.size)
        escape_markup(out, name);
    else if (fit >= LEAST_LABEL) {
        escape_markup(out, (struct text){name.data, short_enough});
        buffer_string(out, "..");
    }
}

/* Name; place; numbers: a line each. */
static void add_title(struct svg *s, const struct stack_node *node, struct text name)
{
    const struct code_line *line = &node->line;
    char text[UNITS_MAX];
    escape_markup(s->out, name);
    if (node->origin == ORIGIN_STACK && !node->missing && node != s->nodes) {
        buffer_char(s->out, '\n');
        escape_markup(s->out, line->file);
        if (line->line)
            say(s->out, ":%u", line->line);
        buffer_string(s->out, line->file.size ? " in " : "in ");
        if (line->path.size)
            escape_markup(s->out, line->path);
        else
            buffer_string(s->out, "code made at run time");
        buffer_string(s->out, line->inlined ? ", inlined" : "");
        buffer_string(s->out, line->flags & FRAME_GUESSED ? ", found without unwind tables" : "");
    }
    say(s->out, "\n%s %s, %.2f %%", stacks_value(text, sizeof(text), s->view->metric, node->value),
        stacks_metric_name(s->view->metric), stacks_share(s->view, node->value));
    if (node->calls && s->view->metric != BY_LIVE && s->view->metric != BY_CALLS)
        say(s->out, ", %s %s", units_count(text, sizeof(text), node->calls), node->calls == 1 ? "call" : "calls");
}

static void add_frame(struct svg *s, uint32_t at)
{
    const struct stack_node *node = &s->nodes[at];
    const double x = EDGE + (double)s->starts[at] * s->scale, width = (double)node->value * s->scale;
    const unsigned y = TOP + ROW * s->depths[at];
    const struct text name = at ? stacks_node_name(&s->room, node) : escape_chars("all");
    say(s->out, "<g class=\"f %s\" data-start=\"%llu\" data-value=\"%llu\" data-depth=\"%u\"><title>",
        at ? class_of(node) : "o", (unsigned long long)s->starts[at], (unsigned long long)node->value, s->depths[at]);
    add_title(s, node, name);
    say(s->out, "</title><rect x=\"%.2f\" y=\"%u\" width=\"%.2f\" height=\"%d\" rx=\"1\"/><text x=\"%.2f\" y=\"%u\">",
        x, y, width > 0.8 ? width - 0.6 : 0.2, ROW - 1, x + 3, y + 13);
    add_label(s->out, name, width);
    buffer_string(s->out, "</text></g>\n");
    s->drawn++;
}

/* ---- all frames ---- */

/* Children are sorted by value: behind the first that is too narrow come only narrower ones. */
static uint32_t wide_enough(const struct svg *s, uint32_t at)
{
    return at && (double)s->nodes[at].value * s->scale >= narrowest ? at : 0;
}

/* Call visit() for each frame that is drawn, parents first. */
static void each_frame(struct svg *s, void (*visit)(struct svg *s, uint32_t at))
{
    uint32_t at = 0;
    do {
        visit(s, at);
        uint32_t next = wide_enough(s, s->nodes[at].first);
        while (at && !next) {
            next = wide_enough(s, s->nodes[at].next);
            at = s->nodes[at].parent;
        }
        at = next;
    } while (at && !s->out->failed);
}

/* Its children stand side by side from its own start on. */
static void lay_out(struct svg *s, uint32_t at)
{
    uint64_t start = s->starts[at];
    if (s->depths[at] > s->deepest)
        s->deepest = s->depths[at];
    for (uint32_t i = s->nodes[at].first; i; i = s->nodes[i].next) {
        s->starts[i] = start;
        s->depths[i] = s->depths[at] + 1;
        start += s->nodes[i].value;
    }
}

/* ---- the page ---- */

static void add_text(struct buffer *out, const char *class, unsigned y, const char *text)
{
    say(out, "<text class=\"plain %s\" x=\"%d\" y=\"%u\">", class, EDGE, y);
    escape_markup(out, escape_chars(text));
    buffer_string(out, "</text>\n");
}

static void add_legend(struct buffer *out)
{
    static const struct {
        const char *class, *text;
        unsigned width;
    } entries[] = {{"p", "program", 84},
                   {"l", "libraries", 86},
                   {"c", "C library, loader", 132},
                   {"n", "made by the kernel or at run time", 240},
                   {"o", "no code", 80}};
    unsigned x = EDGE;
    for (size_t i = 0; i < sizeof(entries) / sizeof(entries[0]); i++) {
        say(out,
            "<g class=\"%s\"><rect x=\"%u\" y=\"82\" width=\"12\" height=\"12\" rx=\"1\"/>"
            "<text class=\"plain faint\" x=\"%u\" y=\"92\">%s</text></g>\n",
            entries[i].class, x, x + 17, entries[i].text);
        x += entries[i].width;
    }
}

/* Our own text, in which only what XML asks for is escaped. */
static void add_asset(struct buffer *out, const char *element, enum asset which)
{
    const struct text text = asset(which);
    say(out, "<%s>\n", element);
    for (size_t i = 0; i < text.size; i++) {
        const char c = text.data[i];
        if (c == '&' || c == '<' || c == '>')
            say(out, "&#%d;", c);
        else
            buffer_char(out, c);
    }
    say(out, "</%s>\n", element);
}

static void add_head(struct svg *s)
{
    const struct text trace = stacks_base_name(escape_chars(s->view->trace));
    const unsigned height = TOP + ROW * (s->deepest + 1) + FOOT;
    say(s->out,
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<svg xmlns=\"http://www.w3.org/2000/svg\" id=\"flame\" "
        "role=\"img\" "
        "viewBox=\"0 0 %d %u\" width=\"%d\" height=\"%u\">\n<title>",
        WIDTH, height, WIDTH, height);
    escape_markup(s->out, trace);
    say(s->out, ": %s, by call stack</title>\n", stacks_metric_name(s->view->metric));
    add_asset(s->out, "style", ASSET_FLAME_CSS);
    buffer_string(s->out, "<rect class=\"page\" width=\"100%\" height=\"100%\"/>\n");
    say(s->out, "<text class=\"plain title\" x=\"%d\" y=\"27\">", EDGE);
    add_label(s->out, trace, TITLE * character);
    say(s->out, ": %s, by call stack</text>\n", stacks_metric_name(s->view->metric));
    add_text(s->out, "", 49, s->view->head);
    add_text(s->out, "faint", 67, s->view->note);
    add_legend(s->out);
    /* For the script: what is pointed at, and what a search has found. */
    say(s->out,
        "<text class=\"faint\" id=\"detail\" x=\"%d\" y=\"%d\"></text>\n"
        "<text class=\"plain faint\" id=\"matches\" x=\"%d\" y=\"67\" text-anchor=\"end\"></text>\n",
        EDGE, TOP - 9, WIDTH - EDGE);
}

static void add_foot(struct svg *s)
{
    const uint64_t left_out = s->view->tree->count - s->drawn;
    char text[160], count[UNITS_MAX];
    snprintf(text, sizeof(text), "%s %s narrower than 0.1 pixel %s not drawn",
             units_count(count, sizeof(count), left_out), left_out == 1 ? "frame" : "frames",
             left_out == 1 ? "is" : "are");
    if (left_out)
        add_text(s->out, "faint", TOP + ROW * (s->deepest + 1) + 22, text);
    add_asset(s->out, "script", ASSET_FLAME_JS);
    buffer_string(s->out, "</svg>\n");
}

void flame_svg(struct buffer *out, const struct stacks_view *view)
{
    struct svg s = {.out = out, .view = view, .nodes = view->tree->nodes};
    s.scale = s.nodes[0].value ? (WIDTH - 2 * EDGE) / (double)s.nodes[0].value : 0;
    s.starts = calloc(view->tree->count, sizeof(*s.starts));
    s.depths = calloc(view->tree->count, sizeof(*s.depths));
    if (s.starts && s.depths) {
        each_frame(&s, lay_out);
        add_head(&s);
        each_frame(&s, add_frame);
        add_foot(&s);
    }
    out->failed |= !s.starts || !s.depths || s.room.failed;
    free(s.starts);
    free(s.depths);
    buffer_free(&s.room);
}
