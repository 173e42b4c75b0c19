/* strings.c: texts and their indexes. */
#include "strings.h"

#include "../escape.h"

#include <stdlib.h>
#include <string.h>

struct string_entry {
    size_t at, size; /* in bytes */
    uint32_t index;  /* 0: free place, as the empty text is not in the table */
};

static uint64_t hash(struct text text)
{
    uint64_t value = 0xcbf29ce484222325u;
    for (size_t i = 0; i < text.size; i++)
        value = (value ^ (unsigned char)text.data[i]) * 0x100000001b3u;
    return value ^ value >> 29;
}

static struct string_entry *place_of(const struct strings *s, struct text text)
{
    size_t at = hash(text) & (s->table_size - 1);
    for (; s->table[at].index; at = (at + 1) & (s->table_size - 1)) {
        const struct string_entry *entry = &s->table[at];
        if (entry->size == text.size && memcmp(s->bytes.data + entry->at, text.data, text.size) == 0)
            break;
    }
    return &s->table[at];
}

static bool grow(struct strings *s)
{
    const size_t size = s->table_size ? s->table_size * 2 : 1024;
    struct string_entry *old = s->table, *table = calloc(size, sizeof(*table));
    const size_t old_size = s->table_size;
    if (!table)
        return false;
    s->table = table;
    s->table_size = size;
    for (size_t i = 0; i < old_size; i++)
        if (old[i].index)
            *place_of(s, (struct text){s->bytes.data + old[i].at, old[i].size}) = old[i];
    free(old);
    return true;
}

uint32_t strings_add(struct strings *s, struct text text)
{
    if (!s->count) {
        s->texts = (struct column)COLUMN("text", COLUMN_TEXT);
        column_text(&s->texts, (struct text){0});
        s->count = 1;
    }
    if (!text.size)
        return 0;
    if (s->count * 2 >= s->table_size && !grow(s)) {
        s->failed = true;
        return 0;
    }
    struct string_entry *entry = place_of(s, text);
    if (!entry->index) {
        *entry = (struct string_entry){s->bytes.size, text.size, (uint32_t)s->count++};
        buffer_append(&s->bytes, text.data, text.size);
        column_text(&s->texts, text);
        s->failed |= s->bytes.failed;
    }
    return entry->index;
}

uint32_t strings_add_chars(struct strings *s, const char *string)
{
    return strings_add(s, escape_chars(string));
}

uint32_t strings_add_buffer(struct strings *s, struct buffer *buffer)
{
    const uint32_t index = strings_add(s, (struct text){buffer->data, buffer->size});
    buffer_clear(buffer);
    return index;
}

void strings_free(struct strings *s)
{
    column_free(&s->texts);
    buffer_free(&s->bytes);
    free(s->table);
}
