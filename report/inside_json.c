/* inside_json.c: the inside of heaps for programs. */
#include "inside.h"

#include "stack_text.h"

static void add_sum(struct json *j, const char *key, uint64_t bytes, uint64_t chunks)
{
    json_key(j, key);
    json_object_open(j);
    json_put_number(j, "bytes", bytes);
    json_put_number(j, "chunks", chunks);
    json_object_close(j);
}

static void add_pin(struct json *j, const struct decoder *d, const struct inside_heap *h)
{
    const struct rec_walk *w = &h->walk;
    const unsigned word = w->flags & WALK_32BIT ? 4 : 8;
    json_key(j, "pin");
    if (!w->pin) {
        json_null(j);
        return;
    }
    json_object_open(j);
    json_put_hex(j, "at", w->pin + 2ull * word);
    json_put_number(j, "bytes", w->pin_size - word);
    json_put_number(j, "below_top", w->between);
    json_put_bool(j, "kept", w->flags & WALK_PIN_KEPT);
    json_put_optional(j, "event", h->pin_event);
    json_put_time(j, "t", h->pin_time);
    stack_site_json(j, decoder_code(d), "", h->pin_stack);
    json_object_close(j);
}

static void add_texts(struct json *j, const struct inside_heap *h)
{
    struct buffer text = {0};
    json_key(j, "runs");
    json_array_open(j);
    for (uint32_t i = 0; i < h->walk.n_runs; i++) {
        json_object_open(j);
        json_put_hex(j, "at", h->runs[i].addr);
        json_put_number(j, "bytes", h->runs[i].size);
        json_object_close(j);
    }
    json_array_close(j);
    json_key(j, "map");
    inside_map(&text, h, WALK_CELLS);
    json_string(j, buffer_chars(&text));
    buffer_free(&text);
}

static void add_heap(struct json *j, const struct decoder *d, const struct inside_heap *h)
{
    const struct rec_walk *w = &h->walk;
    json_object_open(j);
    json_put_number(j, "arena", w->arena);
    json_put_bool(j, "first", w->flags & (WALK_MAIN | WALK_FIRST));
    json_put_hex(j, "start", w->start);
    json_put_hex(j, "end", w->end);
    json_key(j, "ending");
    json_string(j, walk_end_name((enum walk_end)w->ending));
    json_put_hex(j, "ended", w->ended);
    add_sum(j, "used", w->used, w->used_chunks);
    add_sum(j, "free", w->binned, w->binned_chunks);
    add_sum(j, "unsorted", w->unsorted, w->unsorted_chunks);
    add_sum(j, "tcache", w->tcache, w->tcache_chunks);
    add_sum(j, "fastbins", w->fast, w->fast_chunks);
    json_put_number(j, "tcaches", w->tcaches);
    json_put_number(j, "top", w->top);
    json_put_hex(j, "top_at", w->top_at);
    json_put_number(j, "other", w->other);
    json_put_number(j, "unseen", w->unseen);
    json_put_number(j, "pages", w->pages);
    json_put_number(j, "top_pages", w->top_pages);
    json_put_number(j, "fragmentation", inside_fragmentation(h));
    add_sum(j, "above", w->above, w->above_chunks);
    add_pin(j, d, h);
    add_texts(j, h);
    json_object_close(j);
}

void inside_json(struct json *j, const struct decoder *d, const struct inside *inside)
{
    if (!inside) {
        json_null(j);
        return;
    }
    const uint32_t flags = inside->heaps[inside->n_heaps - 1].walk.flags;
    json_object_open(j);
    json_put_time(j, "t", inside->time);
    json_put_number(j, "event", inside->event);
    json_key(j, "reason");
    json_string(j, walk_reason_name(inside->reason));
    json_put_time(j, "took", inside->cost);
    json_put_bool(j, "moving", flags & WALK_MOVING);
    json_put_bool(j, "lists_cut", flags & WALK_CUT_LISTS);
    json_put_bool(j, "more", flags & WALK_MORE);
    json_key(j, "heaps");
    json_array_open(j);
    for (size_t i = 0; i < inside->n_heaps; i++)
        add_heap(j, d, &inside->heaps[i]);
    json_array_close(j);
    json_object_close(j);
}
