/* layout.c: a layout as a table, as lines of /proc/PID/maps, as JSON. */
#include "layout.h"

#include "escape.h"
#include "layout_json.h"
#include "units.h"

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

void layout_permissions(const struct mapping *m, char ret[5])
{
    ret[0] = m->prot & PROT_READ ? 'r' : '-';
    ret[1] = m->prot & PROT_WRITE ? 'w' : '-';
    ret[2] = m->prot & PROT_EXEC ? 'x' : '-';
    ret[3] = m->shared ? 's' : 'p';
    ret[4] = '\0';
}

/* ---- table ---- */

static void add_gap(struct buffer *out, uint64_t bytes)
{
    char text[128], size[UNITS_MAX];
    snprintf(text, sizeof(text), "... %s unmapped ...\n", units_size(size, sizeof(size), bytes));
    buffer_string(out, text);
}

/* Who made it, and how long ago: "#12 by 71" (event and thread), "9 events, last #40", "execve", or "kernel". */
static void add_maker(struct buffer *out, const struct layout *l, const struct mapping *m)
{
    const struct segment *last = &l->mappings->segments[m->first];
    char maker[64], line[128], age[UNITS_MAX], count[UNITS_MAX];
    uint64_t births = 0, birth = UINT64_MAX;
    for (size_t i = m->first; i < m->first + m->count; i++) {
        const struct segment *s = &l->mappings->segments[i];
        births += s->birth != birth; /* pieces of one birth nearly always lie side by side */
        birth = s->birth;
        if (s->birth > last->birth)
            last = s;
    }
    uint64_t born = l->place->time > last->born ? l->place->time - last->born : 0;
    if (births > 1 && last->birth)
        snprintf(maker, sizeof(maker), "%s events, last #%llu", units_count(count, sizeof(count), births),
                 (unsigned long long)last->birth);
    else if (last->birth)
        snprintf(maker, sizeof(maker), "#%llu by %u", (unsigned long long)last->birth, last->owner);
    else
        snprintf(maker, sizeof(maker), last->flags & SEGMENT_FOUND ? "kernel" : "execve");
    snprintf(line, sizeof(line), "%-24s %8s", maker, units_duration(age, sizeof(age), born));
    buffer_string(out, line);
}

static void write_table(struct buffer *out, const struct layout *l)
{
    char text[256], size[UNITS_MAX], perms[5], when[UNITS_MAX];
    const struct process_info *process = decoder_process(l->decoder, l->place->pid);
    uint64_t total = 0;
    for (size_t i = 0; i < l->mappings->count; i++)
        total += l->mappings->list[i].end - l->mappings->list[i].start;
    buffer_string(out, "pid ");
    buffer_unsigned(out, l->place->pid);
    buffer_string(out, " (");
    escape_text(out, escape_chars(process ? process->comm : ""), 0, 64);
    snprintf(text, sizeof(text), ") at %s, after event %llu: %zu mappings, %s\n",
             units_duration(when, sizeof(when), l->place->time), (unsigned long long)l->place->event,
             l->mappings->count, units_size(size, sizeof(size), total));
    buffer_string(out, text);
    snprintf(text, sizeof(text), "%-25s %8s perms %-9s  %-24s %8s  %s\n", "address", "size", "kind", "mapped by", "age",
             "name");
    buffer_string(out, text);
    tracee_addr last = 0;
    for (size_t i = 0; i < l->mappings->count; i++) {
        const struct mapping *m = &l->mappings->list[i];
        if (last && m->start - last >= (uint64_t)1 << 20)
            add_gap(out, m->start - last);
        last = m->end;
        layout_permissions(m, perms);
        snprintf(text, sizeof(text), "%012llx-%012llx %8s %s  %-9s  ", (unsigned long long)m->start,
                 (unsigned long long)m->end, units_size(size, sizeof(size), m->end - m->start), perms,
                 kind_name(m->kind));
        buffer_string(out, text);
        add_maker(out, l, m);
        buffer_string(out, m->name.size ? "  " : "");
        escape_text(out, m->name, 0, 4096);
        buffer_char(out, '\n');
    }
}

/* ---- maps ---- */

/* A newline is the only byte that the kernel escapes. */
static void add_path(struct buffer *out, struct text name)
{
    for (size_t i = 0; i < name.size; i++) {
        if (name.data[i] == '\n')
            buffer_string(out, "\\012");
        else
            buffer_char(out, name.data[i]);
    }
}

static void write_maps(struct buffer *out, const struct layout *l)
{
    for (size_t i = 0; i < l->mappings->count; i++) {
        const struct mapping *m = &l->mappings->list[i];
        char text[160], perms[5];
        layout_permissions(m, perms);
        int used =
            snprintf(text, sizeof(text), "%08llx-%08llx %s %08llx %02x:%02x %llu ", (unsigned long long)m->start,
                     (unsigned long long)m->end, perms, (unsigned long long)m->offset, m->file ? m->file->major : 0,
                     m->file ? m->file->minor : 0, (unsigned long long)(m->file ? m->file->inode : 0));
        buffer_append(out, text, (size_t)used);
        /* The kernel pads to column 73 before a name. */
        for (; m->name.size && used < 73; used++)
            buffer_char(out, ' ');
        add_path(out, m->name);
        buffer_char(out, '\n');
    }
}

const struct layout_format layout_formats[] = {
    {"table", write_table},
    {"maps", write_maps},
    {"json", layout_json},
    {NULL, NULL},
};
