/* layout_json.c: mappings and segments as JSON. */
#include "layout_json.h"

#include "stack_text.h"
#include "units.h"

#include <stdio.h>

/* Who made it: a call, the program's start, the kernel by itself, or nobody knows, since it was there before. */
static const char *origin(const struct segment *s)
{
    if (s->flags & SEGMENT_FOUND)
        return "kernel";
    if (s->flags & SEGMENT_ATTACHED && !s->birth)
        return "attach";
    return s->birth ? "event" : "execve";
}

/* What it is within its kind. */
static void add_role(struct json *j, const struct segment_role *role)
{
    json_key(j, "role");
    if (role->role != ROLE_NONE)
        json_string(j, role_name(role->role));
    else
        json_null(j);
    json_key(j, "runtime");
    if (role->runtime != RUNTIME_NONE)
        json_string(j, runtime_name(role->runtime));
    else
        json_null(j);
    json_key(j, "guess");
    json_bool(j, role->guess);
}

/* Bytes that were touched, as far as page faults were seen. */
static void add_touched(struct json *j, const struct layout *l, tracee_addr start, tracee_addr end)
{
    json_key(j, "touched");
    if (layout_has_touched(l))
        json_unsigned(j, decoder_touched(l->decoder, l->place->space, start, end));
    else
        json_null(j);
}

void layout_json_segment(struct json *j, const struct layout *l, const struct segment *s)
{
    json_object_open(j);
    json_key(j, "start");
    json_hex(j, s->start);
    json_key(j, "end");
    json_hex(j, s->end);
    json_key(j, "kind");
    json_string(j, kind_name(segment_kind(s)));
    const struct segment_role role = decoder_role(l->decoder, l->place->space, s);
    add_role(j, &role);
    json_key(j, "origin");
    json_string(j, origin(s));
    json_key(j, "birth");
    if (s->birth)
        json_unsigned(j, s->birth);
    else
        json_null(j);
    json_key(j, "age");
    json_decimal(j, l->place->time > s->born ? (l->place->time - s->born) / 10 : 0, 6);
    add_touched(j, l, s->start, s->end);
    json_key(j, "owner");
    if (s->owner)
        json_unsigned(j, s->owner);
    else
        json_null(j);
    json_key(j, "stack_id");
    if (s->stack)
        json_unsigned(j, s->stack);
    else
        json_null(j);
    json_key(j, "site");
    struct buffer site = {0};
    if (stack_site(&site, decoder_code(l->decoder), s->stack, 0))
        json_string(j, buffer_chars(&site));
    else
        json_null(j);
    buffer_free(&site);
    json_object_close(j);
}

/* Sampling counts the pages of a process, not those of each mapping: that takes a look at them all. */
static void add_resident(struct json *j, const struct layout *l, const struct mapping *m)
{
    struct pages pages;
    const bool known = layout_residency(l) != NULL;
    layout_pages(l, m, &pages);
    const struct {
        const char *key;
        uint64_t bytes;
    } values[] = {{"resident", pages.resident}, {"swapped", pages.swapped}, {"huge", pages.huge}};
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        json_key(j, values[i].key);
        if (known)
            json_unsigned(j, values[i].bytes);
        else
            json_null(j);
    }
}

void layout_json_mapping(struct json *j, const struct layout *l, const struct mapping *m)
{
    char perms[5], dev[32];
    bool real = m->file && (m->file->inode || m->file->major || m->file->minor);
    layout_permissions(m, perms);
    perms[3] = '\0';
    json_object_open(j);
    json_key(j, "start");
    json_hex(j, m->start);
    json_key(j, "end");
    json_hex(j, m->end);
    json_key(j, "prot");
    json_string(j, perms);
    json_key(j, "shared");
    json_bool(j, m->shared);
    json_key(j, "kind");
    json_string(j, kind_name(m->kind));
    add_role(j, &m->role);
    json_key(j, "file");
    if (real)
        json_text(j, m->name);
    else
        json_null(j);
    json_key(j, "offset");
    json_unsigned(j, m->offset);
    json_key(j, "dev");
    snprintf(dev, sizeof(dev), "%02x:%02x", m->file ? m->file->major : 0, m->file ? m->file->minor : 0);
    json_string(j, dev);
    json_key(j, "inode");
    json_unsigned(j, m->file ? m->file->inode : 0);
    json_key(j, "name");
    if (m->name.size)
        json_text(j, m->name);
    else
        json_null(j);
    add_touched(j, l, m->start, m->end);
    add_resident(j, l, m);
    json_key(j, "segments");
    json_array_open(j);
    for (size_t i = m->first; i < m->first + m->count; i++)
        layout_json_segment(j, l, &l->mappings->segments[i]);
    json_array_close(j);
    json_object_close(j);
}

/* What resident memory was made of at the last look, and what of it is not explained. */
static void add_receipt(struct json *j, const struct layout *l)
{
    struct receipt receipt;
    json_key(j, "receipt");
    if (!decoder_receipt(l->decoder, l->place->space, &receipt)) {
        json_null(j);
        return;
    }
    json_object_open(j);
    json_key(j, "t");
    json_decimal(j, units_microseconds(receipt.time), 6);
    json_key(j, "rss");
    json_unsigned(j, receipt.rss);
    json_key(j, "resident");
    json_unsigned(j, receipt.resident);
    json_key(j, "unexplained");
    json_signed(j, (int64_t)(receipt.rss - receipt.resident));
    json_key(j, "touched");
    json_unsigned(j, receipt.touched);
    json_key(j, "swapped");
    json_unsigned(j, receipt.swapped);
    json_key(j, "huge");
    json_unsigned(j, receipt.huge);
    json_key(j, "lazy");
    json_unsigned(j, receipt.lazy);
    json_key(j, "kinds");
    json_object_open(j);
    for (int kind = 0; kind < KIND_COUNT; kind++)
        if (receipt.by_kind[kind]) {
            json_key(j, kind_name((enum kind)kind));
            json_unsigned(j, receipt.by_kind[kind]);
        }
    json_object_close(j);
    json_object_close(j);
}

void layout_json_head(struct json *j, const struct layout *l)
{
    json_key(j, "t");
    json_decimal(j, units_microseconds(l->place->time), 6);
    json_key(j, "event");
    json_unsigned(j, l->place->event);
    json_key(j, "pid");
    json_unsigned(j, l->place->pid);
    json_key(j, "space");
    json_unsigned(j, l->place->space);
    add_receipt(j, l);
    json_key(j, "checkpoints");
    json_unsigned(j, decoder_checkpoints(l->decoder));
    json_key(j, "drift");
    json_unsigned(j, decoder_drift(l->decoder));
    json_key(j, "unordered");
    json_unsigned(j, decoder_unordered(l->decoder));
}

void layout_json(struct buffer *out, const struct layout *l)
{
    struct json j;
    json_begin(&j, out);
    json_object_open(&j);
    layout_json_head(&j, l);
    json_key(&j, "mappings");
    json_array_open(&j);
    for (size_t i = 0; i < l->mappings->count; i++)
        layout_json_mapping(&j, l, &l->mappings->list[i]);
    json_array_close(&j);
    json_object_close(&j);
    buffer_char(out, '\n');
}
