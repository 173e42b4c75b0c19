/* owner.c: one address of a layout, in words and as JSON. */
#include "owner.h"

#include "escape.h"
#include "layout_json.h"
#include "stack_text.h"
#include "units.h"

#include <stdio.h>

struct owner owner_of(const struct layout *l, tracee_addr address)
{
    struct owner owner = {.address = address};
    const struct mappings *all = l->mappings;
    for (size_t i = 0; i < all->count; i++) {
        const struct mapping *m = &all->list[i];
        if (m->end <= address) {
            owner.below = m;
        } else if (m->start <= address) {
            owner.mapping = m;
        } else {
            owner.above = m;
            break;
        }
    }
    for (size_t i = 0; owner.mapping && i < owner.mapping->count; i++) {
        const struct segment *s = &all->segments[owner.mapping->first + i];
        if (s->start <= address && address < s->end)
            owner.segment = s;
    }
    return owner;
}

/* ---- text ---- */

/* A label, and a mapping as the table shows it. */
static void add_mapping(struct buffer *out, const char *label, const struct layout *l, const struct mapping *m)
{
    char text[160], size[UNITS_MAX], perms[5];
    layout_permissions(m, perms);
    snprintf(text, sizeof(text), "  %-9s %012llx-%012llx %8s %s  ", label, (unsigned long long)m->start,
             (unsigned long long)m->end, units_size(size, sizeof(size), m->end - m->start), perms);
    buffer_string(out, text);
    layout_kind(out, m->kind, &m->role, l->mappings->segments[m->largest].owner);
    buffer_string(out, m->name.size ? "  " : "");
    escape_text(out, m->name, 0, 4096);
}

/* What lies next, and how far away. */
static void add_neighbour(struct buffer *out, const char *label, const struct layout *l, const struct mapping *m,
                          uint64_t gap)
{
    char text[64], size[UNITS_MAX];
    if (!m) {
        snprintf(text, sizeof(text), "  %-9s nothing\n", label);
        buffer_string(out, text);
        return;
    }
    add_mapping(out, label, l, m);
    if (gap)
        snprintf(text, sizeof(text), "  (%s unmapped between)\n", units_size(size, sizeof(size), gap));
    else
        snprintf(text, sizeof(text), "  (right next to it)\n");
    buffer_string(out, text);
}

static void add_segment(struct buffer *out, const struct layout *l, const struct owner *o)
{
    const struct segment *s = o->segment;
    char text[256], size[UNITS_MAX], age[UNITS_MAX];
    units_duration(age, sizeof(age), l->place->time > s->born ? l->place->time - s->born : 0);
    snprintf(text, sizeof(text), "  %-9s %012llx-%012llx %8s of one birth; the address is 0x%llx bytes in\n", "segment",
             (unsigned long long)s->start, (unsigned long long)s->end,
             units_size(size, sizeof(size), s->end - s->start), (unsigned long long)(o->address - s->start));
    buffer_string(out, text);
    if (s->birth)
        snprintf(text, sizeof(text), "  %-9s by event #%llu of thread %u, %s ago\n", "mapped",
                 (unsigned long long)s->birth, s->owner, age);
    else if (s->flags & SEGMENT_ATTACHED)
        snprintf(text, sizeof(text), "  %-9s before it was attached to, more than %s ago\n", "mapped", age);
    else
        snprintf(text, sizeof(text), "  %-9s %s, %s ago\n", "mapped",
                 s->flags & SEGMENT_FOUND ? "by the kernel, without a call" : "by execve", age);
    buffer_string(out, text);
    stack_text(out, decoder_code(l->decoder), s->stack, &(struct stack_style){.indent = "           "});
}

static tracee_addr low_edge(const struct owner *o)
{
    return o->mapping ? o->mapping->start : o->address;
}

static tracee_addr high_edge(const struct owner *o)
{
    return o->mapping ? o->mapping->end : o->address;
}

static uint64_t gap_below(const struct owner *o)
{
    return o->below ? low_edge(o) - o->below->end : 0;
}

static uint64_t gap_above(const struct owner *o)
{
    return o->above ? o->above->start - high_edge(o) : 0;
}

void owner_text(struct buffer *out, const struct layout *l, const struct owner *o)
{
    const struct process_info *process = decoder_process(l->decoder, l->place->pid);
    char text[160], when[UNITS_MAX];
    snprintf(text, sizeof(text), "0x%llx in pid %u (", (unsigned long long)o->address, l->place->pid);
    buffer_string(out, text);
    escape_text(out, escape_chars(process ? process->comm : ""), 0, 64);
    snprintf(text, sizeof(text), ") at %s, after event %llu%s\n", units_duration(when, sizeof(when), l->place->time),
             (unsigned long long)l->place->event, o->mapping ? "" : ": nothing is mapped there");
    buffer_string(out, text);
    if (o->mapping) {
        add_mapping(out, "mapping", l, o->mapping);
        buffer_char(out, '\n');
    }
    if (o->segment)
        add_segment(out, l, o);
    add_neighbour(out, "below", l, o->below, gap_below(o));
    add_neighbour(out, "above", l, o->above, gap_above(o));
}

/* ---- JSON ---- */

static void add_optional(struct json *j, const struct layout *l, const char *key, const struct mapping *m)
{
    json_key(j, key);
    if (m)
        layout_json_mapping(j, l, m);
    else
        json_null(j);
}

static void add_gap(struct json *j, const char *key, const struct mapping *m, uint64_t gap)
{
    json_key(j, key);
    if (m)
        json_unsigned(j, gap);
    else
        json_null(j);
}

void owner_json(struct buffer *out, const struct layout *l, const struct owner *o)
{
    struct json j;
    json_begin(&j, out);
    json_object_open(&j);
    layout_json_head(&j, l);
    json_key(&j, "address");
    json_hex(&j, o->address);
    add_optional(&j, l, "mapping", o->mapping);
    json_key(&j, "segment");
    if (o->segment)
        layout_json_segment(&j, l, o->segment);
    else
        json_null(&j);
    add_optional(&j, l, "below", o->below);
    add_gap(&j, "gap_below", o->below, gap_below(o));
    add_optional(&j, l, "above", o->above);
    add_gap(&j, "gap_above", o->above, gap_above(o));
    json_object_close(&j);
    buffer_char(out, '\n');
}
