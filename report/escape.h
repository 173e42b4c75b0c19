/*
 * escape.h: text from outside made fit for a terminal, a log, JSON, HTML or XML.
 *
 * File names, arguments and names of mappings may hold any bytes.  No function here lets a control character,
 * a byte that is not UTF-8, or a character that is invisible or turns the direction of writing through as it
 * is.
 */
#ifndef BRKWATER_ESCAPE_H
#define BRKWATER_ESCAPE_H

#include "buffer.h"
#include "../tracer/trace.h"

/* For `cap`: all of it. */
#define ESCAPE_ALL SIZE_MAX

enum escape_flag {
    ESCAPE_QUOTES = 1 << 0, /* put it between double quotes; those inside are escaped */
    ESCAPE_ANGLES = 1 << 1, /* it will stand between < and >: they are escaped */
    ESCAPE_ASCII = 1 << 2,  /* escape all that is not ASCII: the terminal is not UTF-8 */
};

/*
 * Append text as strace prints strings: \n \t \r \v \f \\, other bytes that may not stay in octal (\33,
 * \303\251; three digits when a digit follows).  Printable UTF-8 stays.  At most `cap` bytes of the text are
 * used, never a part of a character; "..." follows, after the closing quote, when that is not all.  `flags`
 * are enum escape_flag.
 */
void escape_text(struct buffer *out, struct text text, unsigned flags, size_t cap);

/* The same as one word of a shell: between single quotes where it needs any, and as $'...' (bash, zsh, ksh) where it
 * holds what is escaped, so that a command that is copied names what it should. */
void escape_shell(struct buffer *out, struct text word, unsigned flags, size_t cap);

/*
 * Append text as a JSON string with its quotes.  The result is always valid JSON in UTF-8: each byte that is
 * not part of valid UTF-8 becomes U+FFFD (its value is lost).  Control, invisible and direction characters,
 * and < > & (so that it may stand in HTML), are written as \uXXXX, which a reader of JSON undoes.
 */
void escape_json(struct buffer *out, struct text text);

/*
 * Append text for HTML, XML and SVG: as the content of an element, or between double quotes as the value of an
 * attribute.  The result is always valid in UTF-8.  & < > " ' ` become numeric references; what may not be shown stands
 * there visibly: a byte that is not UTF-8 and a control character as \x1b, others that are invisible or turn the
 * direction of writing as \u202e.
 */
void escape_markup(struct buffer *out, struct text text);

/* The same for text that is not parsed as markup: no references; ends of lines and tabs stay as they are. */
void escape_visible(struct buffer *out, struct text text);

/*
 * The character at the start of `bytes`: returns how many bytes it has, with *ret_code filled, or 0 when
 * there is no valid UTF-8 (overlong forms, surrogates and codes above U+10FFFF are not valid) or size is 0.
 */
size_t escape_utf8(const char *bytes, size_t size, uint32_t *ret_code);

/* True for characters that may reach a terminal as they are. */
bool escape_printable(uint32_t code);

/* A C string as a text. */
struct text escape_chars(const char *string);

#endif
