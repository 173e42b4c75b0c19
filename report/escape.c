/* escape.c: text from outside made fit for a terminal, a log, JSON, HTML or XML. */
#include "escape.h"

#include <stdio.h>
#include <string.h>

size_t escape_utf8(const char *bytes, size_t size, uint32_t *ret_code)
{
    static const uint32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000}; /* by length: below it the form is overlong */
    if (!size)
        return 0;
    unsigned char first = (unsigned char)bytes[0];
    if (first < 0x80) {
        *ret_code = first;
        return 1;
    }
    size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
    if (first < 0xc0 || first >= 0xf8 || length > size)
        return 0;
    uint32_t code = first & (0x7fu >> length);
    for (size_t i = 1; i < length; i++) {
        unsigned char next = (unsigned char)bytes[i];
        if ((next & 0xc0) != 0x80)
            return 0;
        code = code << 6 | (next & 0x3fu);
    }
    if (code < smallest[length] || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff))
        return 0;
    *ret_code = code;
    return length;
}

bool escape_printable(uint32_t code)
{
    /* In ascending order.  iswprint() would let the locale decide, and the same trace must give the same text
     * everywhere. */
    static const struct {
        uint32_t first, last;
    } hidden[] = {
        {0x00, 0x1f},     {0x7f, 0x9f},     {0xad, 0xad},     {0x34f, 0x34f},     {0x61c, 0x61c},
        {0x115f, 0x1160}, {0x17b4, 0x17b5}, {0x180b, 0x180f}, {0x200b, 0x200f},   {0x2028, 0x202e},
        {0x2060, 0x206f}, {0x3164, 0x3164}, {0xd800, 0xdfff}, {0xfdd0, 0xfdef},   {0xfe00, 0xfe0f},
        {0xfeff, 0xfeff}, {0xffa0, 0xffa0}, {0xfff0, 0xfffb}, {0xe0000, 0xe0fff},
    };
    if (code >= 0x20 && code < 0x7f)
        return true;
    if (code > 0x10ffff || (code & 0xfffe) == 0xfffe)
        return false;
    for (size_t i = 0; i < sizeof(hidden) / sizeof(hidden[0]) && hidden[i].first <= code; i++)
        if (code <= hidden[i].last)
            return false;
    return true;
}

struct text escape_chars(const char *string)
{
    return (struct text){.data = string, .size = strlen(string)};
}

/* How many bytes at the start need no escape in any output: nearly all of what is ever written. */
static size_t plain_run(const char *bytes, size_t size)
{
    size_t length = 0;
    for (; length < size; length++) {
        char c = bytes[length];
        if (c < 0x20 || c >= 0x7f || c == '"' || c == '\\' || c == '<' || c == '>' || c == '&')
            break;
    }
    return length;
}

/* One byte in octal.  All three digits when the next byte is a digit, which would be read as one of them. */
static void append_octal(struct buffer *out, unsigned char byte, bool digit_follows)
{
    char digits[5];
    snprintf(digits, sizeof(digits), digit_follows ? "\\%03o" : "\\%o", byte);
    buffer_string(out, digits);
}

/* The letter of a byte's short escape, 0 when it has none. */
static char short_escape(char c, unsigned flags)
{
    switch (c) {
    case '\n':
        return 'n';
    case '\t':
        return 't';
    case '\r':
        return 'r';
    case '\v':
        return 'v';
    case '\f':
        return 'f';
    case '\\':
        return '\\';
    case '"':
        return flags & ESCAPE_QUOTES ? '"' : 0;
    default:
        return 0;
    }
}

/* True when the character may stay as it is. */
static bool stays(uint32_t code, unsigned flags)
{
    if (code >= 0x80)
        return !(flags & ESCAPE_ASCII) && escape_printable(code);
    if ((code == '<' || code == '>') && (flags & ESCAPE_ANGLES))
        return false;
    return escape_printable(code);
}

/* Append the character or the invalid byte at `position` that plain_run() stopped at; returns how many bytes
 * that were. */
static size_t append_unit(struct buffer *out, struct text text, size_t position, unsigned flags)
{
    const char *p = text.data + position;
    uint32_t code = 0;
    size_t length = escape_utf8(p, text.size - position, &code);
    char letter = short_escape(*p, flags);
    if (letter) {
        buffer_char(out, '\\');
        buffer_char(out, letter);
        return 1;
    }
    if (length && stays(code, flags)) {
        buffer_append(out, p, length);
        return length;
    }
    if (!length)
        length = 1;
    for (size_t i = 0; i < length; i++) {
        size_t next = position + i + 1;
        append_octal(out, (unsigned char)p[i], next < text.size && text.data[next] >= '0' && text.data[next] <= '9');
    }
    return length;
}

/* How many bytes of the text to use so that no character is cut. */
static size_t whole_characters(struct text text, size_t cap)
{
    if (text.size <= cap)
        return text.size;
    /* A character that crosses the cap starts at most three bytes before it. */
    for (size_t back = 1; back <= 3 && back <= cap; back++) {
        uint32_t code;
        size_t length = escape_utf8(text.data + cap - back, text.size - (cap - back), &code);
        if (length > back)
            return cap - back;
        if (length)
            break;
    }
    return cap;
}

void escape_text(struct buffer *out, struct text text, unsigned flags, size_t cap)
{
    size_t size = whole_characters(text, cap);
    if (flags & ESCAPE_QUOTES)
        buffer_char(out, '"');
    for (size_t position = 0; position < size;) {
        size_t plain = plain_run(text.data + position, size - position);
        buffer_append(out, text.data + position, plain);
        position += plain;
        if (position < size)
            position += append_unit(out, text, position, flags);
    }
    if (flags & ESCAPE_QUOTES)
        buffer_char(out, '"');
    if (size < text.size)
        buffer_string(out, "...");
}

static bool is_plain(struct text word)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./=:,+@%";
    for (size_t i = 0; i < word.size; i++)
        if (!word.data[i] || !strchr(plain, word.data[i]))
            return false;
    return word.size > 0;
}

/* Whether it is shown otherwise than it is. */
static bool is_escaped(struct text word, unsigned flags)
{
    struct buffer shown = {0};
    escape_text(&shown, word, flags, ESCAPE_ALL);
    const bool differs = shown.size != word.size || (word.size && memcmp(shown.data, word.data, word.size) != 0);
    buffer_free(&shown);
    return differs;
}

void escape_shell(struct buffer *out, struct text word, unsigned flags, size_t cap)
{
    if (is_plain(word)) {
        escape_text(out, word, flags, cap);
        return;
    }
    /* The escapes are those that a shell takes back in $'...'; no other quotes may hold a quote. */
    const bool escaped = is_escaped(word, flags);
    buffer_string(out, escaped ? "$'" : "'");
    for (;;) {
        const char *quote = word.size ? memchr(word.data, '\'', word.size) : NULL;
        const size_t size = quote ? (size_t)(quote - word.data) : word.size;
        escape_text(out, (struct text){word.data, size}, flags, cap);
        if (!quote || size >= cap)
            break;
        buffer_string(out, escaped ? "\\'" : "'\\''");
        cap -= size;
        word = (struct text){quote + 1, word.size - size - 1};
    }
    buffer_char(out, '\'');
}

static void append_u16(struct buffer *out, uint32_t unit)
{
    char digits[7];
    snprintf(digits, sizeof(digits), "\\u%04x", unit & 0xffff);
    buffer_string(out, digits);
}

/* \uXXXX, or two of them: JSON counts in UTF-16. */
static void append_code(struct buffer *out, uint32_t code)
{
    if (code < 0x10000) {
        append_u16(out, code);
        return;
    }
    append_u16(out, 0xd800 + ((code - 0x10000) >> 10));
    append_u16(out, 0xdc00 + ((code - 0x10000) & 0x3ff));
}

/* True when the character needs an escape in JSON, or in HTML around the JSON. */
static bool json_escapes(uint32_t code)
{
    return code == '<' || code == '>' || code == '&' || !escape_printable(code);
}

/* Append what stands for the bytes at p; returns how many they are. */
static size_t append_json_unit(struct buffer *out, const char *p, size_t size)
{
    uint32_t code = 0;
    size_t length = escape_utf8(p, size, &code);
    char letter = short_escape(*p, ESCAPE_QUOTES);
    if (letter && letter != 'v') { /* JSON has no \v */
        buffer_char(out, '\\');
        buffer_char(out, letter);
    } else if (!length) {
        append_code(out, 0xfffd);
    } else if (json_escapes(code)) {
        append_code(out, code);
    } else {
        buffer_append(out, p, length);
    }
    return length ? length : 1;
}

void escape_json(struct buffer *out, struct text text)
{
    buffer_char(out, '"');
    for (size_t position = 0; position < text.size;) {
        size_t plain = plain_run(text.data + position, text.size - position);
        buffer_append(out, text.data + position, plain);
        position += plain;
        if (position < text.size)
            position += append_json_unit(out, text.data + position, text.size - position);
    }
    buffer_char(out, '"');
}

/* Append what stands for the bytes at p; returns how many they are. */
static size_t append_visible_unit(struct buffer *out, const char *p, size_t size, bool markup)
{
    uint32_t code = 0;
    size_t length = escape_utf8(p, size, &code);
    char text[16];
    if (!length || (code < 0x100 && !escape_printable(code)))
        snprintf(text, sizeof(text), "\\x%02x", length ? code : (unsigned char)*p);
    else if (!escape_printable(code))
        snprintf(text, sizeof(text), code < 0x10000 ? "\\u%04x" : "\\U%08x", code);
    else if (markup && memchr("&<>\"'`", (int)code, code < 0x80 ? 6 : 0))
        snprintf(text, sizeof(text), "&#%u;", code);
    else
        snprintf(text, sizeof(text), "%.*s", (int)length, p);
    buffer_string(out, text);
    return length ? length : 1;
}

void escape_markup(struct buffer *out, struct text text)
{
    for (size_t position = 0; position < text.size;)
        position += append_visible_unit(out, text.data + position, text.size - position, true);
}

void escape_visible(struct buffer *out, struct text text)
{
    for (size_t position = 0; position < text.size;) {
        size_t plain = plain_run(text.data + position, text.size - position);
        buffer_append(out, text.data + position, plain);
        position += plain;
        if (position == text.size)
            break;
        if (text.data[position] == '\n' || text.data[position] == '\t')
            buffer_char(out, text.data[position++]);
        else
            position += append_visible_unit(out, text.data + position, text.size - position, false);
    }
}
