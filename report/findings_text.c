/* findings_text.c: findings in words. */
#include "findings.h"

#include "escape.h"
#include "stack_text.h"
#include "units.h"

#include <stdio.h>
#include <string.h>

enum { WIDTH = 98, INDENT = 4, TRACE_LIMIT = 512 };

void finding_value(struct buffer *out, const struct finding_number *number)
{
    char text[UNITS_MAX];
    switch (number->unit) {
    case UNIT_BYTES:
    case UNIT_RATE:
        buffer_string(out, units_size(text, sizeof(text), number->value));
        buffer_string(out, number->unit == UNIT_RATE ? "/s" : "");
        break;
    case UNIT_TICKS:
        buffer_string(out, units_duration(text, sizeof(text), number->value));
        break;
    case UNIT_ADDRESS:
        snprintf(text, sizeof(text), "%llx", (unsigned long long)number->value);
        buffer_string(out, text);
        break;
    case UNIT_PERCENT:
        buffer_unsigned(out, number->value);
        buffer_string(out, " %");
        break;
    default:
        buffer_string(out, units_count(text, sizeof(text), number->value));
        break;
    }
}

/* ---- words ---- */

static void add_site(struct buffer *out, const struct findings_place *place, const struct finding *f, size_t index)
{
    if (index >= f->n_stacks || !stack_site(out, place->code, f->stacks[index], 0))
        buffer_string(out, "unknown code");
}

static void add_error(struct buffer *out, const struct finding *f)
{
    const char *name = errno_name(f->error);
    if (name)
        buffer_string(out, name);
    else
        buffer_unsigned(out, f->error);
}

static bool is_word(struct text word, const char *name)
{
    return strlen(name) == word.size && memcmp(word.data, name, word.size) == 0;
}

static void add_number(struct buffer *out, const struct finding *f, struct text word)
{
    for (size_t i = 0; i < f->n_numbers; i++)
        if (is_word(word, f->numbers[i].name)) {
            finding_value(out, &f->numbers[i]);
            return;
        }
}

static void add_name(struct buffer *out, const struct findings_place *place, const struct finding *f, struct text word)
{
    if (is_word(word, "site"))
        add_site(out, place, f, 0);
    else if (is_word(word, "site2"))
        add_site(out, place, f, 1);
    else if (is_word(word, "call"))
        buffer_string(out, call_info((enum call)f->call)->name);
    else if (is_word(word, "error"))
        add_error(out, f);
    else if (is_word(word, "event"))
        buffer_unsigned(out, f->n_events ? f->events[0] : 0);
    else if (is_word(word, "trace"))
        escape_shell(out, escape_chars(place->trace ? place->trace : "TRACE"), place->ascii ? ESCAPE_ASCII : 0,
                     TRACE_LIMIT);
    else
        add_number(out, f, word);
}

/* {calls:call:calls}: a number and what is counted. */
static void add_counted(struct buffer *out, const struct finding *f, struct text name, struct text nouns)
{
    const char *colon = memchr(nouns.data, ':', nouns.size);
    const size_t one = colon ? (size_t)(colon - nouns.data) : nouns.size;
    bool is_one = false;
    for (size_t i = 0; i < f->n_numbers; i++)
        is_one |= is_word(name, f->numbers[i].name) && f->numbers[i].value == 1;
    add_number(out, f, name);
    buffer_char(out, ' ');
    if (is_one || !colon)
        buffer_append(out, nouns.data, one);
    else
        buffer_append(out, colon + 1, nouns.size - one - 1);
}

void finding_words(struct buffer *out, const struct findings_place *place, const struct finding *f, const char *words)
{
    while (*words) {
        const size_t plain = strcspn(words, "{");
        buffer_append(out, words, plain);
        words += plain;
        if (!*words)
            break;
        const size_t size = strcspn(++words, "}"), name = strcspn(words, ":}");
        if (name < size)
            add_counted(out, f, (struct text){words, name}, (struct text){words + name + 1, size - name - 1});
        else
            add_name(out, place, f, (struct text){words, size});
        words += size + (words[size] == '}');
    }
}

/* ---- text ---- */

static void add_wrapped(struct buffer *out, const char *text)
{
    size_t column = 0;
    while (*text) {
        const size_t length = strcspn(text, " ");
        if (!column || column + 1 + length > WIDTH) {
            buffer_string(out, column ? "\n    " : "    ");
            column = INDENT;
        } else {
            buffer_char(out, ' ');
            column++;
        }
        buffer_append(out, text, length);
        column += length;
        text += length + (text[length] == ' ');
    }
    buffer_char(out, '\n');
}

static void add_paragraph(struct buffer *out, const struct findings_place *place, const struct finding *f,
                          const char *words)
{
    struct buffer text = {0};
    finding_words(&text, place, f, words);
    add_wrapped(out, buffer_chars(&text));
    buffer_free(&text);
}

static void add_numbers(struct buffer *out, const struct finding *f)
{
    struct buffer text = {0};
    for (size_t i = 0; i < f->n_numbers; i++) {
        buffer_string(&text, i ? ", " : "");
        buffer_string(&text, f->numbers[i].name);
        buffer_char(&text, ' ');
        finding_value(&text, &f->numbers[i]);
    }
    for (size_t i = 0; i < f->n_events; i++) {
        buffer_string(&text, i ? ", #" : f->n_numbers ? "; events #" : "events #");
        buffer_unsigned(&text, f->events[i]);
    }
    if (text.size)
        add_wrapped(out, buffer_chars(&text));
    buffer_free(&text);
}

void finding_text(struct buffer *out, const struct findings_place *place, const struct finding *f)
{
    const struct stack_style style = {.indent = "     ", .ascii = place->ascii};
    char head[96];
    snprintf(head, sizeof(head), "%-8s %-20s pid %u, confidence %s\n", severity_name(f->severity), f->name, f->pid,
             confidence_name(f->confidence));
    buffer_string(out, head);
    add_paragraph(out, place, f, f->sentence);
    add_numbers(out, f);
    for (size_t i = 0; i < f->n_stacks; i++)
        stack_text(out, place->code, f->stacks[i], &style);
    struct buffer advice = {0};
    buffer_string(&advice, "What to do: ");
    finding_words(&advice, place, f, f->advice);
    add_wrapped(out, buffer_chars(&advice));
    buffer_free(&advice);
    buffer_string(out, "    ");
    finding_words(out, place, f, f->see);
    buffer_string(out, "\n\n");
}
