/* history.c: the life of one address. */
#include "history.h"

#include "event_json.h"
#include "listing.h"
#include "options.h"
#include "units.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { MAX_ANCESTORS = 4096 };

/* One address space of the line, which counts up to a record: there it was copied, and the copy is the next one. */
struct ancestor {
    uint32_t space;
    uint64_t until; /* ordinal */
};

struct history {
    struct play *play;
    tracee_addr address;
    bool json;
    struct ancestor line[MAX_ANCESTORS]; /* the youngest first */
    size_t count;
    struct segment before; /* what is there; end 0: nothing.  A copy begins with what the original has. */
    struct listing listing;
    struct buffer out;
    uint64_t touched;
};

/* ---- whose memory it was before ---- */

struct copy {
    uint32_t space, from;
    uint64_t ordinal;
};

/* All copies that the recording tells of, in order. */
static int collect_copies(struct play *play, struct copy **ret_list, size_t *ret_count)
{
    struct moment moment;
    size_t capacity = 0;
    int more, status = play_go(play, 0);
    while (!status && (more = play_next(play, &moment)) == 1) {
        const struct rec_task *task = &play->record.task;
        if (play->record.kind != REC_TASK || !task->copied_from)
            continue;
        if (*ret_count == capacity) {
            capacity = capacity ? capacity * 2 : 64;
            struct copy *list = reallocarray(*ret_list, capacity, sizeof(*list));
            if (!list)
                return complain(EXIT_TROUBLE, "out of memory");
            *ret_list = list;
        }
        (*ret_list)[(*ret_count)++] = (struct copy){task->space, task->copied_from, play->ordinal};
    }
    return status ? status : more < 0 ? EXIT_TROUBLE : 0;
}

static int find_line(struct history *h, uint32_t space)
{
    struct copy *copies = NULL;
    size_t count = 0;
    int status = collect_copies(h->play, &copies, &count);
    h->line[h->count++] = (struct ancestor){space, UINT64_MAX};
    for (size_t i = count; i-- > 0 && h->count < MAX_ANCESTORS;)
        if (copies[i].space == space) {
            space = copies[i].from;
            h->line[h->count++] = (struct ancestor){space, copies[i].ordinal};
        }
    free(copies);
    return status;
}

/* The space of the line that this record is about, 0 when it is about none. */
static uint32_t member(const struct history *h, uint32_t space)
{
    for (size_t i = 0; i < h->count; i++)
        if (h->line[i].space == space)
            return h->play->ordinal <= h->line[i].until ? space : 0;
    return 0;
}

/* ---- what happened ---- */

static struct segment segment_there(const struct history *h, uint32_t space)
{
    struct segment s;
    if (!decoder_segment(h->play->decoder, space, h->address, &s) || s.start > h->address)
        return (struct segment){0};
    return s;
}

static bool differs(const struct segment *a, const struct segment *b)
{
    const uint16_t memory = SEGMENT_WAS_OPEN | SEGMENT_WAS_WRITABLE; /* what it could do before is not seen */
    if (!a->end || !b->end)
        return a->end != b->end;
    return a->birth != b->birth || a->born != b->born || a->prot != b->prot || a->kind != b->kind ||
           (a->flags & ~memory) != (b->flags & ~memory) || a->file != b->file || a->owner != b->owner;
}

/* The call names the address, whether or not it changed what maps shows: madvise, mlock, one that failed. */
static bool is_named(const struct history *h, const struct rec_event *event)
{
    struct span spans[EVENT_MAX_SPANS];
    unsigned count = event_reach(event, spans);
    for (unsigned i = 0; i < count; i++)
        if (spans[i].end != UINT64_MAX && spans[i].start <= h->address && h->address < spans[i].end)
            return true;
    return false;
}

static void add_state(struct history *h, const struct segment *s)
{
    char text[160];
    if (!s->end) {
        buffer_string(&h->out, "        -> nothing is mapped there\n");
        return;
    }
    snprintf(text, sizeof(text), "        -> %012llx-%012llx %c%c%c%c %s\n", (unsigned long long)s->start,
             (unsigned long long)s->end, s->prot & PROT_READ ? 'r' : '-', s->prot & PROT_WRITE ? 'w' : '-',
             s->prot & PROT_EXEC ? 'x' : '-', s->flags & SEGMENT_SHARED ? 's' : 'p', kind_name(segment_kind(s)));
    buffer_string(&h->out, text);
}

/* Something other than a call changed it. */
static void add_remark(struct history *h, const struct moment *m)
{
    const struct record *record = m->record;
    char text[128], when[UNITS_MAX];
    const char *what = "the kernel's map shows";
    if (record->kind == REC_TASK)
        what = "copied by fork";
    else if (record->kind == REC_CHECKPOINT && record->checkpoint.reason == CHECKPOINT_EXEC)
        what = "mapped by execve";
    else if (record->kind == REC_SPACE_END)
        what = "end of the address space";
    else if (m->drift)
        what = "drift: repaired from the kernel's map";
    snprintf(text, sizeof(text), "--- %s, pid %u: %s ---\n", units_duration(when, sizeof(when), m->time), m->pid, what);
    buffer_string(&h->out, text);
}

static void add_event(struct history *h, const struct moment *m)
{
    h->touched++;
    if (h->json) {
        event_json(&h->out, h->play->decoder, m, false);
        buffer_char(&h->out, '\n');
    } else {
        listing_add(&h->listing, &h->out, h->play->decoder, m);
    }
}

static void look(struct history *h, const struct moment *m)
{
    const uint32_t space = member(h, m->space);
    if (!space)
        return;
    const struct segment now = segment_there(h, space);
    const bool changed = differs(&h->before, &now);
    const bool is_event = m->record->kind == REC_EVENT;
    h->before = now;
    if (is_event && (changed || is_named(h, &m->record->event)))
        add_event(h, m);
    else if (!is_event && changed && !h->json)
        add_remark(h, m);
    else
        return;
    if (changed && !h->json)
        add_state(h, &now);
}

static void flush(struct history *h)
{
    fwrite(h->out.data, 1, h->out.size, stdout);
    buffer_clear(&h->out);
}

static int write_all(struct history *h)
{
    struct moment moment;
    int more, status = play_go(h->play, 0);
    while (!status && (more = play_next(h->play, &moment)) == 1) {
        look(h, &moment);
        if (h->out.size > 1 << 16)
            flush(h);
    }
    flush(h);
    if (!h->touched && !h->json && !status)
        printf("no event touched 0x%llx\n", (unsigned long long)h->address);
    if (fflush(stdout) != 0 && !status)
        return complain(EXIT_TROUBLE, "cannot write to standard output");
    return status ? status : more < 0 ? EXIT_TROUBLE : 0;
}

int history_write(struct play *play, uint32_t space, tracee_addr address, bool json)
{
    struct history *h = calloc(1, sizeof(*h));
    if (!h)
        return complain(EXIT_TROUBLE, "out of memory");
    h->play = play;
    h->address = address;
    h->json = json;
    listing_init(&h->listing);
    h->listing.numbers = true;
    int status = find_line(h, space);
    if (!status)
        status = write_all(h);
    buffer_free(&h->out);
    free(h);
    return status;
}
