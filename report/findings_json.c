/* findings_json.c: findings for programs. */
#include "findings.h"

#include "json.h"
#include "stack_text.h"
#include "units.h"

static void add_words(struct json *j, const struct findings_place *place, const struct finding *f, const char *key,
                      const char *words)
{
    struct buffer text = {0};
    finding_words(&text, place, f, words);
    json_key(j, key);
    json_string(j, buffer_chars(&text));
    buffer_free(&text);
}

/* Times are in seconds, all else as it is. */
static void add_numbers(struct json *j, const struct finding *f)
{
    json_key(j, "numbers");
    json_object_open(j);
    for (size_t i = 0; i < f->n_numbers; i++) {
        json_key(j, f->numbers[i].name);
        if (f->numbers[i].unit == UNIT_ADDRESS)
            json_hex(j, f->numbers[i].value);
        else if (f->numbers[i].unit == UNIT_TICKS)
            json_decimal(j, units_microseconds(f->numbers[i].value), 6);
        else
            json_unsigned(j, f->numbers[i].value);
    }
    json_object_close(j);
}

static void add_stack(struct json *j, const struct findings_place *place, uint32_t stack)
{
    struct code_walk walk = code_walk(place->code, stack);
    struct code_line line;
    struct buffer name = {0};
    json_object_open(j);
    json_key(j, "stack_id");
    json_unsigned(j, stack);
    json_key(j, "site");
    stack_site(&name, place->code, stack, 0);
    json_string(j, buffer_chars(&name));
    json_key(j, "frames");
    json_array_open(j);
    while (code_walk_next(&walk, &line)) {
        buffer_clear(&name);
        stack_line_name(&name, &line, 0);
        json_string(j, buffer_chars(&name));
    }
    json_array_close(j);
    json_object_close(j);
    buffer_free(&name);
}

static void add_evidence(struct json *j, const struct findings_place *place, const struct finding *f)
{
    json_key(j, "events");
    json_array_open(j);
    for (size_t i = 0; i < f->n_events; i++)
        json_unsigned(j, f->events[i]);
    json_array_close(j);
    json_key(j, "stacks");
    json_array_open(j);
    for (size_t i = 0; i < f->n_stacks; i++)
        add_stack(j, place, f->stacks[i]);
    json_array_close(j);
}

static void add_finding(struct json *j, const struct findings_place *place, const struct finding *f)
{
    json_object_open(j);
    json_key(j, "name");
    json_string(j, f->name);
    json_key(j, "severity");
    json_string(j, severity_name(f->severity));
    json_key(j, "confidence");
    json_string(j, confidence_name(f->confidence));
    json_key(j, "pid");
    json_unsigned(j, f->pid);
    add_words(j, place, f, "sentence", f->sentence);
    add_numbers(j, f);
    add_evidence(j, place, f);
    add_words(j, place, f, "advice", f->advice);
    add_words(j, place, f, "see", f->see);
    json_object_close(j);
}

void findings_json(struct buffer *out, const struct findings_place *place, const struct findings *findings)
{
    struct json j;
    json_begin(&j, out);
    json_array_open(&j);
    for (size_t i = 0; i < findings->count; i++)
        add_finding(&j, place, &findings->list[i]);
    json_array_close(&j);
    buffer_char(out, '\n');
}
