/* stack_text.c: stacks as strace -k prints them, and shorter. */
#include "stack_text.h"

#include "escape.h"
#include "json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NAME_LIMIT = 4096, SITE_LIMIT = 1024 };

const char *stack_quality_name(enum stack_quality quality)
{
    static const char *const names[] = {
        [STACK_COMPLETE] = "complete", [STACK_GUESSED] = "guessed", [STACK_TRUNCATED] = "truncated"};
    return names[quality];
}

/* ---- whole stacks ---- */

static void add_function(struct buffer *out, const struct code_line *line, bool ascii)
{
    char offset[32];
    if (!line->function.size) {
        buffer_string(out, "()");
        return;
    }
    buffer_char(out, '(');
    escape_text(out, line->function, ascii ? ESCAPE_ASCII : 0, NAME_LIMIT);
    snprintf(offset, sizeof(offset), "+0x%llx", (unsigned long long)line->offset);
    buffer_string(out, line->inlined ? " inlined" : offset);
    buffer_char(out, ')');
}

static void add_line(struct buffer *out, const struct code_line *line, const struct stack_style *style)
{
    char number[64];
    buffer_string(out, style->indent);
    buffer_string(out, " > ");
    if (line->path.size)
        escape_text(out, line->path, style->ascii ? ESCAPE_ASCII : 0, NAME_LIMIT);
    else
        buffer_string(out, "[made by the program]");
    add_function(out, line, style->ascii);
    snprintf(number, sizeof(number), " [0x%llx]", (unsigned long long)line->address);
    buffer_string(out, number);
    if (line->file.size) {
        buffer_char(out, ' ');
        escape_text(out, line->file, style->ascii ? ESCAPE_ASCII : 0, NAME_LIMIT);
        snprintf(number, sizeof(number), ":%u", line->line);
        buffer_string(out, line->line ? number : "");
    }
    buffer_string(out, line->flags & FRAME_GUESSED ? " (guessed)\n" : "\n");
}

/* Why nothing follows; NULL when that is as it should be. */
static const char *end_text(enum stack_end end)
{
    switch (end) {
    case STACK_END_DEPTH:
        return "deeper than --depth";
    case STACK_END_NO_PROGRESS:
        return "the unwind tables lead back to the same frame";
    case STACK_END_UNREADABLE:
        return "the stack, or a register that was lost, cannot be read";
    case STACK_END_LOST:
        return "no caller was found";
    default:
        return NULL;
    }
}

void stack_text(struct buffer *out, const struct code *code, uint32_t stack, const struct stack_style *style)
{
    struct code_walk walk = code_walk(code, stack);
    struct code_line line;
    struct code_stack known;
    while (code_walk_next(&walk, &line))
        add_line(out, &line, style);
    const char *end = code_stack(code, stack, &known) ? end_text(known.end) : NULL;
    if (!end)
        return;
    buffer_string(out, style->indent);
    buffer_string(out, " > ... truncated: ");
    buffer_string(out, end);
    buffer_char(out, '\n');
}

/* ---- instructions ---- */

static bool same_place(const struct instruction *a, const struct instruction *b)
{
    return a->line == b->line && a->file.size == b->file.size && a->file.data == b->file.data;
}

static void add_instruction(struct buffer *out, const struct instruction *instruction, const struct stack_style *style)
{
    char text[64 + INSTRUCTION_MAX_TEXT], bytes[3 * INSTRUCTION_MAX_BYTES + 1] = "";
    for (int i = 0; i < instruction->size; i++)
        snprintf(bytes + 3 * i, 4, "%02x ", instruction->bytes[i]);
    snprintf(text, sizeof(text), "   %c %8llx  %-30s ", instruction->is_call_site ? '>' : ' ',
             (unsigned long long)instruction->address, bytes);
    buffer_string(out, style->indent);
    buffer_string(out, text);
    buffer_string(out, instruction->text);
    buffer_char(out, '\n');
}

void stack_disassembly(struct buffer *out, struct code *code, uint32_t stack, const struct stack_style *style)
{
    struct code_line site;
    struct instruction *list;
    size_t count;
    char number[32];
    if (!code_site(code, stack, &site) || code_instructions(code, site.frame, &list, &count) < 0)
        return;
    for (size_t i = 0; i < count; i++) {
        if (list[i].file.size && (i == 0 || !same_place(&list[i], &list[i - 1]))) {
            buffer_string(out, style->indent);
            buffer_string(out, "     ");
            escape_text(out, list[i].file, style->ascii ? ESCAPE_ASCII : 0, NAME_LIMIT);
            snprintf(number, sizeof(number), ":%u\n", list[i].line);
            buffer_string(out, number);
        }
        add_instruction(out, &list[i], style);
    }
    free(list);
}

/* ---- one line ---- */

/* Without the parameters of a C++ function: they are at the end, and a parenthesis in front of them belongs to the name
 * only in operator() and (anonymous namespace). */
static struct text without_parameters(struct text name)
{
    int depth = 0;
    size_t i = name.size;
    if (!i || name.data[i - 1] != ')')
        return name;
    while (i-- > 0) {
        depth += name.data[i] == ')' ? 1 : name.data[i] == '(' ? -1 : 0;
        if (!depth)
            break;
    }
    return i ? (struct text){name.data, i} : name;
}

/* " (load.c:88)"; nothing when the file is not known. */
static void add_place(struct buffer *out, const struct code_line *line)
{
    char number[32];
    if (!line->file.size)
        return;
    buffer_string(out, " (");
    escape_text(out, base_name(line->file), 0, SITE_LIMIT);
    snprintf(number, sizeof(number), ":%u", line->line);
    buffer_string(out, line->line ? number : "");
    buffer_char(out, ')');
}

static void add_nameless(struct buffer *out, const struct code_line *line)
{
    char number[32];
    snprintf(number, sizeof(number), line->path.size ? "+0x%llx" : "code at 0x%llx", (unsigned long long)line->address);
    escape_text(out, base_name(line->path), 0, SITE_LIMIT);
    buffer_string(out, number);
}

void stack_line_name(struct buffer *out, const struct code_line *line, size_t width)
{
    struct buffer place = {0}, name = {0};
    if (width > 2 && line->flags & FRAME_GUESSED)
        width -= 2;
    if (line->is_runtime && line->path.size) {
        escape_text(&name, base_name(line->path), 0, SITE_LIMIT);
    } else if (line->function.size) {
        add_place(&place, line);
        escape_text(&name, line->function, 0, SITE_LIMIT);
        if (width && name.size + place.size > width) {
            buffer_clear(&name);
            escape_text(&name, without_parameters(line->function), 0, SITE_LIMIT);
        }
    } else {
        add_nameless(&name, line);
    }
    /* The name gives way first: many begin alike, and no two places are the same. */
    if (width && name.size + place.size > width) {
        const size_t room = width > place.size + 4 ? width - place.size : width;
        size_t kept = name.size > room && room > 3 ? room - 3 : name.size;
        while (kept && kept < name.size && (name.data[kept] & 0xc0) == 0x80)
            kept--; /* no part of a character */
        buffer_append(out, buffer_chars(&name), kept);
        buffer_string(out, kept < name.size ? "..." : "");
        if (room == width)
            buffer_clear(&place);
    } else {
        buffer_string(out, buffer_chars(&name));
    }
    buffer_string(out, buffer_chars(&place));
    buffer_string(out, line->flags & FRAME_GUESSED ? " ?" : "");
    buffer_free(&place);
    buffer_free(&name);
}

bool stack_site(struct buffer *out, struct code *code, uint32_t stack, size_t width)
{
    struct code_line line;
    if (!code_site(code, stack, &line))
        return false;
    stack_line_name(out, &line, width);
    return true;
}

void stack_site_json(struct json *j, struct code *code, const char *prefix, uint32_t stack)
{
    char key[40];
    struct buffer site = {0};
    snprintf(key, sizeof(key), "%sstack_id", prefix);
    json_put_optional(j, key, stack);
    snprintf(key, sizeof(key), "%ssite", prefix);
    stack_site(&site, code, stack, 0);
    json_put_words(j, key, &site);
    buffer_free(&site);
}
