/* layout.c: a layout as a table, as lines of /proc/PID/maps, as JSON. */
#include "layout.h"

#include "escape.h"
#include "layout_json.h"
#include "stack_text.h"
#include "units.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { KIND_WIDTH = 18, MAKER_WIDTH = 32 };

void layout_permissions(const struct mapping *m, char ret[5])
{
    ret[0] = m->prot & PROT_READ ? 'r' : '-';
    ret[1] = m->prot & PROT_WRITE ? 'w' : '-';
    ret[2] = m->prot & PROT_EXEC ? 'x' : '-';
    ret[3] = m->shared ? 's' : 'p';
    ret[4] = '\0';
}

void layout_kind(struct buffer *out, enum kind kind, const struct segment_role *role, uint32_t owner)
{
    const bool glibc = kind == KIND_ARENA || kind == KIND_CHUNK; /* goes without saying */
    buffer_string(out, kind_name(kind));
    if (role->runtime != RUNTIME_NONE && !glibc) {
        buffer_char(out, ' ');
        buffer_string(out, runtime_name(role->runtime));
    }
    if (role->role != ROLE_NONE) {
        buffer_char(out, ' ');
        buffer_string(out, role_name(role->role));
    }
    if (role->role == ROLE_THREAD || role->role == ROLE_ENDED) {
        buffer_char(out, ' ');
        buffer_unsigned(out, owner);
    }
    buffer_string(out, role->guess ? "?" : "");
}

bool layout_has_touched(const struct layout *l)
{
    const struct rec_fault_sight *sight = decoder_fault_sight(l->decoder);
    return sight && sight->sight >= FAULTS_USER;
}

/* ---- table ---- */

static void add_gap(struct buffer *out, uint64_t bytes)
{
    char text[128], size[UNITS_MAX];
    snprintf(text, sizeof(text), "... %s unmapped ...\n", units_size(size, sizeof(size), bytes));
    buffer_string(out, text);
}

/* Bytes by the frame of their call site, to find out which has the most. */
struct shares {
    struct code *code;
    uint64_t *bytes; /* by frame id; NULL without memory */
};

/* The stack whose call site mapped the most of the mapping; 0 when none is known.  *ret_share is a percentage. */
static uint32_t main_stack(struct shares *shares, const struct layout *l, const struct mapping *m, unsigned *ret_share)
{
    const struct segment *segments = &l->mappings->segments[m->first];
    struct code_line site;
    uint64_t most = 0;
    uint32_t stack = 0;
    for (size_t i = 0; i < m->count && shares->bytes; i++) {
        if (!code_site(shares->code, segments[i].stack, &site))
            continue;
        uint64_t *bytes = &shares->bytes[site.frame];
        *bytes += segments[i].end - segments[i].start;
        if (*bytes > most) {
            most = *bytes;
            stack = segments[i].stack;
        }
    }
    for (size_t i = 0; i < m->count && shares->bytes; i++)
        if (code_site(shares->code, segments[i].stack, &site))
            shares->bytes[site.frame] = 0;
    *ret_share = (unsigned)(most * 100 / (m->end - m->start));
    return stack;
}

const char *layout_no_birth(const struct segment *s)
{
    if (s->flags & SEGMENT_FOUND)
        return "kernel";
    return s->flags & SEGMENT_ATTACHED ? "before attach" : "execve";
}

/* "#12 by 71" (event and thread), "9 events, last #40", "execve", "kernel", or "before attach". */
static void add_event(struct buffer *out, const struct layout *l, const struct mapping *m, const struct segment *last)
{
    uint64_t births = 0, birth = UINT64_MAX;
    char maker[64], count[UNITS_MAX];
    for (size_t i = m->first; i < m->first + m->count; i++) {
        births += l->mappings->segments[i].birth != birth; /* pieces of one birth nearly always lie side by side */
        birth = l->mappings->segments[i].birth;
    }
    if (births > 1 && last->birth)
        snprintf(maker, sizeof(maker), "%s events, last #%llu", units_count(count, sizeof(count), births),
                 (unsigned long long)last->birth);
    else if (last->birth)
        snprintf(maker, sizeof(maker), "#%llu by %u", (unsigned long long)last->birth, last->owner);
    else
        snprintf(maker, sizeof(maker), "%s", layout_no_birth(last));
    buffer_string(out, maker);
}

/* The call site that mapped the most of it, with its share unless that is all; who made it where no code is known; and
 * how long ago the latest part came. */
static void add_maker(struct buffer *out, struct shares *shares, const struct layout *l, const struct mapping *m,
                      size_t width)
{
    const struct segment *last = &l->mappings->segments[m->first];
    char text[64], age[UNITS_MAX];
    unsigned share = 0;
    const size_t before = out->size;
    const uint32_t stack = main_stack(shares, l, m, &share);
    for (size_t i = m->first; i < m->first + m->count; i++)
        if (l->mappings->segments[i].birth > last->birth)
            last = &l->mappings->segments[i];
    text[0] = '\0';
    if (share < 99)
        snprintf(text, sizeof(text), " %u %%", share);
    if (stack) {
        stack_site(out, shares->code, stack, width - strlen(text));
        buffer_string(out, text);
    } else {
        add_event(out, l, m, last);
    }
    const uint64_t born = l->place->time > last->born ? l->place->time - last->born : 0;
    const size_t used = out->size - before;
    const bool older = last->flags & SEGMENT_ATTACHED && !last->birth;
    snprintf(text, sizeof(text), "%*s %s%*s", used < width ? (int)(width - used) : 0, "", older ? ">" : "",
             older ? 7 : 8, units_duration(age, sizeof(age), born));
    buffer_string(out, text);
}

/* How much wider than its column it is. */
static size_t add_kind(struct buffer *out, const struct layout *l, const struct mapping *m)
{
    const size_t before = out->size;
    layout_kind(out, m->kind, &m->role, l->mappings->segments[m->largest].owner);
    do
        buffer_char(out, ' ');
    while (out->size - before <= KIND_WIDTH);
    return out->size - before - (KIND_WIDTH + 1);
}

void layout_pages(const struct layout *l, const struct mapping *m, struct pages *ret)
{
    *ret = (struct pages){0};
    for (size_t i = m->first; i < m->first + m->count; i++) {
        struct pages pages;
        decoder_pages(l->decoder, l->place->space, &l->mappings->segments[i], &pages);
        ret->resident += pages.resident;
        ret->swapped += pages.swapped;
        ret->huge += pages.huge;
    }
}

const struct rec_residency *layout_residency(const struct layout *l)
{
    uint64_t event;
    return decoder_residency(l->decoder, l->place->space, &event);
}

static void add_size(struct buffer *out, uint64_t bytes)
{
    char text[32], size[UNITS_MAX];
    snprintf(text, sizeof(text), " %8s", bytes ? units_size(size, sizeof(size), bytes) : "0");
    buffer_string(out, text);
}

/* What of it was touched and is resident; nothing where that is not known. */
static void add_pages(struct buffer *out, const struct layout *l, const struct mapping *m)
{
    struct pages pages;
    if (layout_has_touched(l))
        add_size(out, decoder_touched(l->decoder, l->place->space, m->start, m->end));
    if (!layout_residency(l))
        return;
    layout_pages(l, m, &pages);
    add_size(out, pages.resident);
}

/* Resident pages are those of the last look, which may be a while ago; and what is in no column. */
static void add_look(struct buffer *out, const struct layout *l)
{
    const struct rec_residency *residency = layout_residency(l);
    char text[256], when[UNITS_MAX], size[UNITS_MAX], huge[UNITS_MAX], swapped[UNITS_MAX];
    struct receipt receipt;
    uint64_t event;
    if (!residency || !decoder_receipt(l->decoder, l->place->space, &receipt))
        return;
    decoder_residency(l->decoder, l->place->space, &event);
    snprintf(text, sizeof(text), "resident: %s as of %s%s, %s in huge pages, %s swapped out\n",
             units_size(size, sizeof(size), receipt.resident), units_duration(when, sizeof(when), residency->time),
             event < l->place->event ? " (before the last events)" : "", units_size(huge, sizeof(huge), receipt.huge),
             units_size(swapped, sizeof(swapped), receipt.swapped));
    buffer_string(out, text);
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
    snprintf(text, sizeof(text), "%-25s %8s%s%s perms %-*s %-*s %8s  %s\n", "address", "size",
             layout_has_touched(l) ? "  touched" : "", layout_residency(l) ? " resident" : "", KIND_WIDTH, "kind",
             MAKER_WIDTH, "mapped by", "age", "name");
    buffer_string(out, text);
    struct shares shares = {.code = decoder_code(l->decoder)};
    shares.bytes = calloc((size_t)code_frames(shares.code) + 1, sizeof(*shares.bytes));
    tracee_addr last = 0;
    for (size_t i = 0; i < l->mappings->count; i++) {
        const struct mapping *m = &l->mappings->list[i];
        if (last && m->start - last >= (uint64_t)1 << 20)
            add_gap(out, m->start - last);
        last = m->end;
        layout_permissions(m, perms);
        snprintf(text, sizeof(text), "%012llx-%012llx %8s", (unsigned long long)m->start, (unsigned long long)m->end,
                 units_size(size, sizeof(size), m->end - m->start));
        buffer_string(out, text);
        add_pages(out, l, m);
        snprintf(text, sizeof(text), " %s  ", perms);
        buffer_string(out, text);
        add_maker(out, &shares, l, m, MAKER_WIDTH - add_kind(out, l, m));
        buffer_string(out, m->name.size ? "  " : "");
        escape_text(out, m->name, 0, 4096);
        buffer_char(out, '\n');
    }
    free(shares.bytes);
    add_look(out, l);
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
