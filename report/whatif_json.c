/* whatif_json.c: a prediction for programs. */
#include "whatif.h"

#include "json.h"

static void add_side(struct json *j, const char *key, const struct whatif_side *s)
{
    json_key(j, key);
    json_object_open(j);
    json_put_number(j, "growths", s->growths);
    json_put_number(j, "trims", s->trims);
    json_put_number(j, "trimmed", s->trimmed);
    json_put_number(j, "chunks", s->chunks);
    json_put_number(j, "chunk_calls", s->chunk_calls);
    json_put_number(j, "heap_high", s->heap_high);
    json_put_number(j, "heap_end", s->heap_end);
    json_put_number(j, "arenas", s->arenas);
    json_put_number(j, "reserved", s->reserved);
    json_object_close(j);
}

void whatif_json(struct buffer *out, const struct whatif_view *v)
{
    struct buffer tunables = {0}, reasons = {0};
    struct json j;
    json_begin(&j, out);
    json_object_open(&j);
    json_put_number(&j, "pid", v->process->pid);
    whatif_tunables(&tunables, v->settings);
    json_put_words(&j, "tunables", &tunables);
    add_side(&j, "was", &v->result.was);
    add_side(&j, "predicted", &v->result.would);
    json_key(&j, "idle");
    if (v->result.idle_known) {
        json_object_open(&j);
        json_put_time(&j, "t", v->result.idle_time);
        json_put_number(&j, "bytes", v->result.idle_bytes);
        json_object_close(&j);
    } else {
        json_null(&j);
    }
    json_key(&j, "confidence");
    json_string(&j, confidence_name(v->result.confidence));
    whatif_reasons(&reasons, v);
    json_put_words(&j, "assumed", &reasons);
    json_object_close(&j);
    buffer_char(out, '\n');
    buffer_free(&tunables);
    buffer_free(&reasons);
}
