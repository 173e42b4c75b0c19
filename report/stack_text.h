/*
 * stack_text.h: call stacks, call sites and the code around a call, as text.
 */
#ifndef BRKWATER_STACK_TEXT_H
#define BRKWATER_STACK_TEXT_H

#include "buffer.h"
#include "../decoder/decoder.h"

struct json;

struct stack_style {
    const char *indent; /* in front of each line */
    bool ascii;         /* the terminal is not UTF-8: names are escaped to ASCII */
};

/* A line for each function of a stack, innermost first, in strace's shape:
 *
 *     > /usr/bin/server(parse_row+0x1d) [0x11a3a4] /src/load.c:88
 *
 * The number in brackets is the address in the module's file.  An inlined function has no offset; behind a guessed
 * frame stands (guessed), behind the last one of a truncated stack why it ends there. */
void stack_text(struct buffer *out, const struct code *code, uint32_t stack, const struct stack_style *style);

/* The instructions around the call of the stack's call site, with file and line where they change.  Nothing when none
 * were kept. */
void stack_disassembly(struct buffer *out, struct code *code, uint32_t stack, const struct stack_style *style);

/* "parse_row (load.c:88)", "libfoo.so+0x1234", or "ld-linux-x86-64.so.2" when nothing but the loader, libc and
 * allocators is on the stack; false, with nothing appended, when there is no stack.  At most `width` columns, 0: no
 * limit. */
bool stack_site(struct buffer *out, struct code *code, uint32_t stack, size_t width);

/* The same, and the stack's id, as members of an object: "stack_id" and "site", null where there is none, with `prefix`
 * in front of their names. */
void stack_site_json(struct json *json, struct code *code, const char *prefix, uint32_t stack);

/* stack_site() for one line of a stack.  " ?" stands behind a guessed one. */
void stack_line_name(struct buffer *out, const struct code_line *line, size_t width);

/* "complete", "guessed", "truncated". */
const char *stack_quality_name(enum stack_quality quality);

#endif
