/* whatif_json.c: a prediction for programs. */
#include "whatif.h"

#include "json.h"
#include "units.h"

static void add_number(struct json *j, const char *key, uint64_t value)
{
    json_key(j, key);
    json_unsigned(j, value);
}

static void add_side(struct json *j, const char *key, const struct whatif_side *s)
{
    json_key(j, key);
    json_object_open(j);
    add_number(j, "growths", s->growths);
    add_number(j, "trims", s->trims);
    add_number(j, "trimmed", s->trimmed);
    add_number(j, "chunks", s->chunks);
    add_number(j, "chunk_calls", s->chunk_calls);
    add_number(j, "heap_high", s->heap_high);
    add_number(j, "heap_end", s->heap_end);
    add_number(j, "arenas", s->arenas);
    add_number(j, "reserved", s->reserved);
    json_object_close(j);
}

static void add_text(struct json *j, const char *key, struct buffer *text)
{
    json_key(j, key);
    if (text->size)
        json_string(j, buffer_chars(text));
    else
        json_null(j);
    buffer_free(text);
}

void whatif_json(struct buffer *out, const struct whatif_view *v)
{
    struct buffer tunables = {0}, reasons = {0};
    struct json j;
    json_begin(&j, out);
    json_object_open(&j);
    add_number(&j, "pid", v->process->pid);
    whatif_tunables(&tunables, v->settings);
    add_text(&j, "tunables", &tunables);
    add_side(&j, "was", &v->result.was);
    add_side(&j, "predicted", &v->result.would);
    json_key(&j, "idle");
    if (v->result.idle_known) {
        json_object_open(&j);
        json_key(&j, "t");
        json_decimal(&j, units_microseconds(v->result.idle_time), 6);
        add_number(&j, "bytes", v->result.idle_bytes);
        json_object_close(&j);
    } else {
        json_null(&j);
    }
    json_key(&j, "confidence");
    json_string(&j, confidence_name(v->result.confidence));
    whatif_reasons(&reasons, v);
    add_text(&j, "assumed", &reasons);
    json_object_close(&j);
    buffer_char(out, '\n');
}
