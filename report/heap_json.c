/* heap_json.c: brkwater heap for programs. */
#include "heap.h"

#include "inside.h"
#include "stack_text.h"

static void add_count(struct json *j, const char *key, const struct heap_count *count)
{
    json_key(j, key);
    json_object_open(j);
    json_put_number(j, "calls", count->calls);
    json_put_number(j, "bytes", count->bytes);
    json_object_close(j);
}

/* ---- steps ---- */

void heap_json_head(struct buffer *out, const struct heap_view *v)
{
    struct json j;
    json_begin(&j, out);
    json_object_open(&j);
    json_put_time(&j, "t", v->place->time);
    json_put_number(&j, "event", v->place->event);
    json_put_number(&j, "pid", v->place->pid);
    json_put_number(&j, "space", v->place->space);
    json_key(&j, "steps");
    json_array_open(&j);
}

static void add_measure(struct json *j, const struct heap_step *step)
{
    json_put_number(j, "returned", step->returned);
    json_put_number(j, "returned_most", step->returned_most);
    json_put_number(j, "resident_before", step->resident_before);
    json_put_number(j, "resident_after", step->resident_after);
}

void heap_json_step(struct buffer *out, const struct heap_view *v, const struct moment *m, const struct heap_step *step,
                    bool first)
{
    struct json j;
    if (!first)
        buffer_string(out, ",\n");
    json_begin(&j, out);
    json_object_open(&j);
    json_put_optional(&j, "event", m->event);
    json_put_time(&j, "t", m->time);
    json_key(&j, "act");
    json_string(&j, heap_act_name(step->act));
    json_put_number(&j, "bytes", step->bytes);
    if (step->act == HEAP_MEASURED) {
        add_measure(&j, step);
        json_object_close(&j);
        return;
    }
    const uint32_t stack = m->record->event.stack;
    json_put_number(&j, "size", step->size);
    json_key(&j, "at");
    if (step->at)
        json_hex(&j, step->at);
    else
        json_null(&j);
    json_key(&j, "cause");
    json_string(&j, heap_cause_name(heap_cause(decoder_code(v->decoder), stack)));
    stack_site_json(&j, decoder_code(v->decoder), "", stack);
    json_object_close(&j);
}

/* ---- the rest ---- */

static void add_heap(struct json *j, const struct heap_view *v, const struct heap_story *story)
{
    struct space_info info = {0};
    decoder_space(v->decoder, v->place->space, &info);
    json_key(j, "heap");
    json_object_open(j);
    json_put_hex(j, "start", info.heap_start);
    json_put_hex(j, "break", info.heap_end);
    json_put_number(j, "size", info.heap);
    json_put_number(j, "high", story->high);
    json_put_time(j, "high_t", story->high_time);
    add_count(j, "grown", &story->acts[HEAP_GROWN]);
    add_count(j, "trimmed", &story->acts[HEAP_TRIMMED]);
    add_count(j, "dropped", &story->acts[HEAP_DROPPED]);
    json_object_close(j);
    json_key(j, "returned");
    json_object_open(j);
    json_put_number(j, "promised", story->promised);
    json_put_number(j, "measured", story->measured);
    json_key(j, "at_least");
    if (story->measured)
        json_unsigned(j, story->returned);
    else
        json_null(j);
    json_key(j, "at_most");
    if (story->measured)
        json_unsigned(j, story->returned_most);
    else
        json_null(j);
    json_object_close(j);
}

static void add_move(struct json *j, const struct heap_view *v, const struct heap_move *move)
{
    json_object_open(j);
    json_put_number(j, "event", move->event);
    json_put_time(j, "t", move->time);
    json_put_number(j, "from", move->from);
    json_put_number(j, "to", move->to);
    json_put_bool(j, "at_most", move->at_most);
    json_put_number(j, "trim", 2 * move->to);
    stack_site_json(j, decoder_code(v->decoder), "", move->stack);
    stack_site_json(j, decoder_code(v->decoder), "mapped_by_", move->born);
    json_put_number(j, "chunks", move->chunks);
    json_put_optional(j, "moved_event", move->moved);
    stack_site_json(j, decoder_code(v->decoder), "moved_", move->moved_stack);
    json_object_close(j);
}

static void add_sign(struct json *j, const struct heap_thresholds *t)
{
    struct buffer sign = {0};
    heap_sign(&sign, t);
    if (t->sign)
        json_string(j, buffer_chars(&sign));
    else
        json_null(j);
    buffer_free(&sign);
}

/* Of malloc nothing is known where it was never seen to ask for memory. */
static void add_thresholds(struct json *j, const struct heap_view *v, const struct heap_story *story)
{
    const struct heap_thresholds *t = v->thresholds;
    json_key(j, "thresholds");
    if (!story->glibc) {
        json_null(j);
        return;
    }
    json_object_open(j);
    /* What the program has set is not known, nor what was before attaching. */
    json_put_optional(j, "mmap", t->sign || t->unknown ? 0 : t->mmap);
    json_put_optional(j, "trim", t->sign || t->unknown ? 0 : t->trim);
    json_put_bool(j, "set_by_program", t->sign != SIGN_NONE);
    json_put_optional(j, "set_event", t->sign_event);
    json_key(j, "set_sign");
    add_sign(j, t);
    json_key(j, "moves");
    json_array_open(j);
    for (size_t i = 0; i < t->n_moves; i++)
        add_move(j, v, &t->moves[i]);
    json_array_close(j);
    json_object_close(j);
}

static void add_arena(struct json *j, const struct heap_view *v, const struct heap_arena *a)
{
    json_object_open(j);
    json_put_hex(j, "start", a->start);
    json_put_number(j, "reserved", a->reserved);
    json_put_number(j, "open", a->open);
    json_put_optional(j, "event", a->event);
    json_put_time(j, "t", a->time);
    json_put_bool(j, "further", heap_is_further(decoder_code(v->decoder), a->stack));
    add_count(j, "grown", &a->grown);
    add_count(j, "shrunk", &a->shrunk);
    json_key(j, "threads");
    json_array_open(j);
    for (uint32_t i = 0; i < a->n_threads; i++)
        json_unsigned(j, a->threads[i]);
    json_array_close(j);
    json_put_bool(j, "more_threads", a->more_threads);
    stack_site_json(j, decoder_code(v->decoder), "", a->stack);
    json_object_close(j);
}

static void add_chunks(struct json *j, const struct heap_story *story)
{
    json_key(j, "chunks");
    json_object_open(j);
    json_put_number(j, "count", story->chunks);
    json_put_number(j, "bytes", story->chunk_bytes);
    json_put_number(j, "high", story->chunk_high);
    add_count(j, "mapped", &story->acts[HEAP_CHUNK_MAPPED]);
    add_count(j, "unmapped", &story->acts[HEAP_CHUNK_UNMAPPED]);
    add_count(j, "resized", &story->acts[HEAP_CHUNK_RESIZED]);
    json_object_close(j);
}

void heap_json_tail(struct buffer *out, const struct heap_view *v)
{
    static const struct heap_story none = {0};
    const struct heap_story *story = heaps_story(v->heaps, v->place->space);
    struct json j;
    story = story ? story : &none;
    json_begin(&j, out);
    json_array_close(&j);
    add_heap(&j, v, story);
    add_thresholds(&j, v, story);
    add_chunks(&j, story);
    json_key(&j, "arenas");
    json_array_open(&j);
    for (size_t i = 0; i < story->n_arenas; i++)
        add_arena(&j, v, &story->arenas[i]);
    json_array_close(&j);
    json_key(&j, "inside");
    inside_json(&j, v->decoder, v->inside);
    json_object_close(&j);
    buffer_char(out, '\n');
}
