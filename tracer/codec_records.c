/*
 * codec_records.c: each kind of record has one function that visits its fields in file order; the same function writes
 * and reads, so the two can never disagree.
 */
#include "codec_fields.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static void reset_deltas(struct codec *c)
{
    c->last = (struct deltas){0};
}

static void f_header(struct codec *c, struct rec_header *r)
{
    reset_deltas(c);
    struct text magic = {TRACE_MAGIC, sizeof(TRACE_MAGIC) - 1};
    field_text(c, &magic);
    if (c->error || magic.size != sizeof(TRACE_MAGIC) - 1 || memcmp(magic.data, TRACE_MAGIC, magic.size) != 0) {
        c->error = -TRACE_E_NOT_A_TRACE;
        return;
    }
    field_u32(c, &r->major);
    field_u32(c, &r->minor);
    if (!c->error && r->major > TRACE_MAJOR) {
        c->error = -TRACE_E_NEWER;
        return;
    }
    field_u64(c, &r->wall_ns);
    field_u32(c, &r->page_size);
    field_u32(c, &r->clock_ticks);
    field_u64(c, &r->max_map_count);
    field_u32(c, &r->sample_interval);
    field_u32(c, &r->flags);
    field_text(c, &r->version);
    field_text(c, &r->machine);
    field_text(c, &r->kernel);
    field_text(c, &r->cwd);
    field_text(c, &r->argv);
}

static void f_sync(struct codec *c, struct rec_sync *r)
{
    reset_deltas(c);
    field_time(c, &r->time);
    field_u64(c, &r->event);
    field_delta(c, &r->sequence, &c->last.sequence);
}

static void f_task(struct codec *c, struct rec_task *r)
{
    field_time(c, &r->time);
    field_u32(c, &r->tid);
    field_u32(c, &r->pid);
    field_u32(c, &r->parent);
    field_u32(c, &r->space);
    field_u32(c, &r->copied_from);
    field_u32(c, &r->flags);
}

static void f_exec(struct codec *c, struct rec_exec *r)
{
    field_time(c, &r->time);
    field_u32(c, &r->pid);
    field_u32(c, &r->old_tid);
    field_u32(c, &r->old_space);
    field_u32(c, &r->space);
    field_u32(c, &r->flags);
    field_addr(c, &r->start_brk);
    field_text(c, &r->exe);
    field_text(c, &r->comm);
}

/* Which of an event's rarer fields are there; combined with the flags into one number. */
enum {
    HAS_RET = 1 << 8,
    HAS_ERROR = 1 << 9,
    HAS_FILE = 1 << 10,
    HAS_LENGTH = 1 << 11,
    HAS_STACK = 1 << 12,
    HAS_TEXT = 1 << 13,
    HAS_HUGE = 1 << 14,
};

static uint64_t event_presence(const struct rec_event *e)
{
    uint64_t has = e->flags & 0xff;
    has |= e->ret ? HAS_RET : 0;
    has |= e->error ? HAS_ERROR : 0;
    has |= e->file ? HAS_FILE : 0;
    has |= e->length || e->at ? HAS_LENGTH : 0;
    has |= e->stack ? HAS_STACK : 0;
    has |= e->text.size || e->list.size ? HAS_TEXT : 0;
    has |= e->huge ? HAS_HUGE : 0;
    return has;
}

/* Arguments by their kind: addresses and lengths compress as page deltas, the rest as it is. */
static void f_args(struct codec *c, struct rec_event *e)
{
    const struct call_info *info = call_info((enum call)e->call);
    for (uint32_t i = 0; i < e->nargs; i++) {
        switch (i < info->nargs ? info->args[i].kind : ARG_INT) {
        case ARG_ADDR:
            field_addr(c, &e->args[i]);
            break;
        case ARG_LENGTH:
            field_paged(c, &e->args[i], &c->last.length);
            break;
        case ARG_FD:
        case ARG_INT: {
            uint64_t coded = codec_zigzag(e->args[i]);
            field_u64(c, &coded);
            e->args[i] = codec_unzigzag(coded);
            break;
        }
        default:
            field_u64(c, &e->args[i]);
        }
    }
}

static void f_event(struct codec *c, struct rec_event *e)
{
    uint64_t has = c->reading ? 0 : event_presence(e);
    field_u64(c, &has);
    e->flags = has & 0xff;
    field_u32(c, &e->call);
    field_delta32(c, &e->abi, &c->last.abi);
    field_u32(c, &e->nargs);
    if (e->nargs > CALL_MAX_ARGS) {
        c->error = -TRACE_E_DAMAGED;
        return;
    }
    field_delta32(c, &e->tid, &c->last.tid);
    field_delta32(c, &e->pid, &c->last.pid);
    field_delta32(c, &e->space, &c->last.space);
    field_time(c, &e->time);
    field_u64(c, &e->duration);
    field_delta(c, &e->entry, &c->last.sequence);
    field_delta(c, &e->exit, &c->last.sequence);
    f_args(c, e);
    if (has & HAS_RET) {
        if (call_info((enum call)e->call)->returns_address)
            field_addr(c, &e->ret);
        else
            field_u64(c, &e->ret);
    }
    if (has & HAS_ERROR)
        field_u32(c, &e->error);
    if (has & HAS_FILE)
        field_u32(c, &e->file);
    if (has & HAS_LENGTH) {
        field_paged(c, &e->length, &c->last.length);
        field_u64(c, &e->at);
    }
    if (e->flags & EVENT_FAULTS) {
        field_u64(c, &e->minflt);
        field_u64(c, &e->majflt);
    }
    if (has & HAS_STACK)
        field_u32(c, &e->stack);
    if (has & HAS_TEXT) {
        field_text(c, &e->text);
        field_text(c, &e->list);
    }
    if (has & HAS_HUGE)
        field_u64(c, &e->huge);
}

static void f_file(struct codec *c, struct rec_file *r)
{
    field_u32(c, &r->id);
    field_u32(c, &r->major);
    field_u32(c, &r->minor);
    field_u64(c, &r->inode);
    field_text(c, &r->path);
}

static bool hold_mappings(struct codec *c, uint32_t count)
{
    /* Each takes at least five bytes, so a count that the payload can't hold is damage, and allocates nothing. */
    if (count > (uint64_t)(c->in_end - c->in) / 5) {
        c->error = -TRACE_E_DAMAGED;
        return false;
    }
    if (count <= c->mappings_capacity)
        return true;
    struct rec_mapping *mappings = reallocarray(c->mappings, count, sizeof(*mappings));
    if (!mappings) {
        c->error = -ENOMEM;
        return false;
    }
    c->mappings = mappings;
    c->mappings_capacity = count;
    return true;
}

static void f_checkpoint(struct codec *c, struct rec_checkpoint *r)
{
    field_time(c, &r->time);
    field_u32(c, &r->space);
    field_u32(c, &r->pid);
    field_u32(c, &r->reason);
    field_u32(c, &r->n_mappings);
    if (c->error || (c->reading && !hold_mappings(c, r->n_mappings)))
        return;
    uint64_t addr = 0;
    for (uint32_t i = 0; i < r->n_mappings; i++) {
        struct rec_mapping m = {0};
        if (!c->reading)
            m = r->mappings[i];
        field_paged(c, &m.start, &addr);
        field_paged(c, &m.end, &addr);
        uint64_t attributes = m.prot << 1 | m.shared;
        field_u64(c, &attributes);
        m.prot = (uint32_t)(attributes >> 1);
        m.shared = attributes & 1;
        field_u64(c, &m.offset);
        field_u32(c, &m.file);
        if (c->reading)
            c->mappings[i] = m;
    }
    if (c->reading)
        r->mappings = c->mappings;
    if (!codec_has_more(c))
        return; /* format 1.0: always the whole map */
    field_u64(c, &r->range.start);
    field_u64(c, &r->range.end);
}

static void f_sample(struct codec *c, struct rec_sample *r)
{
    field_time(c, &r->time);
    field_u32(c, &r->pid);
    field_u32(c, &r->space);
    field_u32(c, &r->flags);
    field_u64(c, &r->virtual_pages);
    field_u64(c, &r->resident_pages);
    field_u64(c, &r->minflt);
    field_u64(c, &r->majflt);
    if (r->flags & SAMPLE_SPLIT) {
        field_u64(c, &r->anon_kib);
        field_u64(c, &r->file_kib);
        field_u64(c, &r->shmem_kib);
        field_u64(c, &r->swap_kib);
    }
    if (r->flags & SAMPLE_PEAKS) {
        field_u64(c, &r->peak_resident_kib);
        field_u64(c, &r->peak_virtual_kib);
    }
}

static void f_exit(struct codec *c, struct rec_exit *r)
{
    field_time(c, &r->time);
    field_u32(c, &r->tid);
    field_u32(c, &r->pid);
    field_u32(c, &r->last);
    field_u32(c, &r->status);
}

static void f_space_end(struct codec *c, struct rec_space_end *r)
{
    field_time(c, &r->time);
    field_u32(c, &r->space);
}

static void f_note(struct codec *c, struct rec_note *r)
{
    field_time(c, &r->time);
    field_u32(c, &r->code);
    field_u32(c, &r->tid);
    field_u32(c, &r->pid);
    field_u64(c, &r->value);
    field_text(c, &r->text);
}

static void f_end(struct codec *c, struct rec_end *r)
{
    field_time(c, &r->time);
    field_u32(c, &r->reason);
    field_u32(c, &r->value);
    field_u32(c, &r->status);
    field_u32(c, &r->has_status);
    field_u64(c, &r->events);
    field_u64(c, &r->stops);
    field_u64(c, &r->cpu_ticks);
}

static void f_attach(struct codec *c, struct rec_attach *r)
{
    field_time(c, &r->time);
    field_u32(c, &r->pid);
    field_u32(c, &r->own_pid);
    field_u32(c, &r->threads);
    field_u64(c, &r->pause);
}

static void f_cost(struct codec *c, struct rec_cost *r)
{
    field_time(c, &r->time);
    field_u64(c, &r->foreign);
    field_u64(c, &r->served);
    field_u64(c, &r->detach);
    field_u32(c, &r->left);
}

/* Room for a list that is to be read, each of whose elements takes at least one byte; NULL after an error. */
static void *hold_list(struct codec *c, uint32_t count, uint32_t most, size_t element)
{
    if (count > most || count > (uint64_t)(c->in_end - c->in)) {
        c->error = -TRACE_E_DAMAGED;
        return NULL;
    }
    if (c->list_capacity < count * element || !c->list) {
        void *list = realloc(c->list, count ? count * element : 1);
        if (!list) {
            c->error = -ENOMEM;
            return NULL;
        }
        c->list = list;
        c->list_capacity = count * element;
    }
    return c->list;
}

/* In the order of their stacks, and of their addresses: each as the difference to the one before. */
static void f_fault_run(struct codec *c, struct rec_fault_run *run, struct rec_fault_run *last)
{
    enum { MORE = 1 << 2 }; /* there are more faults than pages */
    uint64_t head = run->flags | (run->faults != run->pages ? MORE : 0u);
    field_u64(c, &head);
    run->flags = (uint32_t)(head & (MORE - 1));
    field_delta32(c, &run->stack, &last->stack);
    field_paged(c, &run->start, &last->start);
    field_u64(c, &run->pages);
    if (c->reading)
        run->faults = run->pages;
    if (head & MORE)
        field_u64(c, &run->faults);
    last->start = run->start + run->pages * TRACE_PAGE;
}

static void f_faults(struct codec *c, struct rec_faults *r)
{
    struct rec_fault_run last = {0}, *runs = NULL;
    field_u64(c, &r->time); /* older readers skip it: no delta may build on it */
    field_u64(c, &r->lasted);
    field_u32(c, &r->space);
    field_u32(c, &r->pid);
    field_u32(c, &r->n_runs);
    if (c->reading && !c->error)
        runs = hold_list(c, r->n_runs, TRACE_MAX_RUNS, sizeof(*runs));
    for (uint32_t i = 0; i < r->n_runs && !c->error; i++) {
        struct rec_fault_run run = {0};
        if (!c->reading)
            run = r->runs[i];
        f_fault_run(c, &run, &last);
        if (c->reading)
            runs[i] = run;
    }
    if (c->reading)
        r->runs = runs;
}

static void f_fault_sight(struct codec *c, struct rec_fault_sight *r)
{
    field_u64(c, &r->time);
    field_u32(c, &r->sight);
    field_u32(c, &r->error);
    field_u32(c, &r->rings);
    field_u64(c, &r->ring_bytes);
    field_u64(c, &r->seen);
    field_u64(c, &r->lost);
    field_u64(c, &r->unplaced);
    field_u64(c, &r->stacks);
    field_u64(c, &r->by_ip);
}

static void f_residency(struct codec *c, struct rec_residency *r)
{
    struct rec_page_run *runs = NULL;
    tracee_addr end = 0;
    uint64_t *const numbers[] = {&r->cost,     &r->rss_kib,  &r->pss_kib, &r->anon_kib,
                                 &r->lazy_kib, &r->huge_kib, &r->swap_kib};
    field_u64(c, &r->time);
    field_u32(c, &r->space);
    field_u32(c, &r->pid);
    field_u32(c, &r->reason);
    field_u32(c, &r->flags);
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
        field_u64(c, numbers[i]);
    field_u32(c, &r->huge_looked);
    field_u32(c, &r->huge_zero);
    field_u32(c, &r->n_runs);
    if (c->reading && !c->error)
        runs = hold_list(c, r->n_runs, RESIDENCY_MAX_RUNS, sizeof(*runs));
    for (uint32_t i = 0; i < r->n_runs && !c->error; i++) {
        struct rec_page_run run = {0};
        if (!c->reading)
            run = r->runs[i];
        field_paged(c, &run.start, &end);
        field_u64(c, &run.pages);
        field_u32(c, &run.flags);
        end = run.start + run.pages * TRACE_PAGE;
        if (c->reading)
            runs[i] = run;
    }
    if (c->reading)
        r->runs = runs;
}

static void f_cache(struct codec *c, struct rec_cache *r)
{
    field_u32(c, &r->what);
    field_u32(c, &r->version);
    field_bytes(c, &r->data, TRACE_MAX_RECORD);
}

static void f_module(struct codec *c, struct rec_module *r)
{
    field_u32(c, &r->id);
    field_u32(c, &r->flags);
    field_u32(c, &r->major);
    field_u32(c, &r->minor);
    field_u64(c, &r->inode);
    field_text(c, &r->path);
    field_text(c, &r->build_id);
}

static void f_load(struct codec *c, struct rec_load *r)
{
    field_u32(c, &r->space);
    field_u32(c, &r->module);
    field_u64(c, &r->bias);
}

static void f_frame(struct codec *c, struct rec_frame *r)
{
    field_u32(c, &r->id);
    field_u32(c, &r->module);
    field_u32(c, &r->flags);
    field_u32(c, &r->space);
    field_u64(c, &r->address);
}

/* Frames of one stack were often seen together first: each as the difference to the one before. */
static void f_stack(struct codec *c, struct rec_stack *r)
{
    uint32_t last = 0, *frames = NULL;
    field_u32(c, &r->id);
    field_u32(c, &r->quality);
    field_u32(c, &r->end);
    field_u32(c, &r->n_frames);
    if (c->reading && !c->error)
        frames = hold_list(c, r->n_frames, TRACE_MAX_STACK, sizeof(*frames));
    for (uint32_t i = 0; i < r->n_frames && !c->error; i++) {
        uint32_t frame = c->reading ? 0 : r->frames[i];
        field_delta32(c, &frame, &last);
        if (c->reading)
            frames[i] = frame;
    }
    if (c->reading)
        r->frames = frames;
}

static void f_text_record(struct codec *c, struct rec_text *r)
{
    field_u32(c, &r->id);
    field_text(c, &r->text);
}

/* Kinds that were added do not touch the deltas: a reader that skips them must not miss a step. */
static void f_runs(struct codec *c, struct rec_walk *r)
{
    struct walk_run *read = NULL;
    field_u32(c, &r->n_runs);
    if (c->reading && !c->error)
        read = hold_list(c, r->n_runs, WALK_RUNS, sizeof(*read));
    for (uint32_t i = 0; i < r->n_runs && !c->error; i++) {
        struct walk_run run = c->reading ? (struct walk_run){0} : r->runs[i];
        field_u64(c, &run.addr);
        field_u64(c, &run.size);
        if (c->reading)
            read[i] = run;
    }
    if (c->reading)
        r->runs = read;
}

static void f_walk(struct codec *c, struct rec_walk *r)
{
    uint32_t *const head[] = {&r->space, &r->pid, &r->reason, &r->flags, &r->arena, &r->rest, &r->ending, &r->tcaches};
    uint64_t *const sums[] = {
        &r->cost,        &r->start,         &r->end,           &r->ended,       &r->used,
        &r->used_chunks, &r->binned,        &r->binned_chunks, &r->unsorted,    &r->unsorted_chunks,
        &r->tcache,      &r->tcache_chunks, &r->fast,          &r->fast_chunks, &r->top,
        &r->top_at,      &r->other,         &r->unseen,        &r->pages,       &r->top_pages,
        &r->pin,         &r->pin_size,      &r->between,       &r->above,       &r->above_chunks};
    field_u64(c, &r->time);
    for (size_t i = 0; i < sizeof(head) / sizeof(head[0]); i++)
        field_u32(c, head[i]);
    for (size_t i = 0; i < sizeof(sums) / sizeof(sums[0]); i++)
        field_u64(c, sums[i]);
    f_runs(c, r);
    field_bytes(c, &r->cells, WALK_CELLS);
}

/* Both kinds of lines are three plain numbers, the last two of them file and line. */
_Static_assert(sizeof(struct rec_line) == 3 * sizeof(uint32_t) && sizeof(struct rec_code_line) == 3 * sizeof(uint32_t),
               "lines without padding");

/* The lines of a record: those that it has are written, or it gets those that are read. */
static void f_lines(struct codec *c, uint32_t *count, const uint32_t **lines)
{
    enum { NUMBERS = 3 };
    uint32_t *read = NULL;
    field_u32(c, count);
    if (c->reading && !c->error)
        read = hold_list(c, *count, TRACE_MAX_LINES, NUMBERS * sizeof(*read));
    for (size_t i = 0; i < (size_t)*count * NUMBERS && !c->error; i++) {
        uint32_t number = c->reading ? 0 : (*lines)[i];
        field_u32(c, &number);
        if (c->reading)
            read[i] = number;
    }
    if (c->reading)
        *lines = read;
}

static void f_names(struct codec *c, struct rec_names *r)
{
    const uint32_t *lines = (const uint32_t *)(const void *)r->lines;
    field_u32(c, &r->frame);
    field_u64(c, &r->offset);
    f_lines(c, &r->n_lines, &lines);
    r->lines = (const struct rec_line *)(const void *)lines;
}

static void f_symbols(struct codec *c, struct rec_symbols *r)
{
    field_u32(c, &r->module);
    field_u32(c, &r->problem);
}

static void f_code(struct codec *c, struct rec_code *r)
{
    const uint32_t *lines = (const uint32_t *)(const void *)r->lines;
    field_u32(c, &r->frame);
    field_u32(c, &r->flags);
    field_u64(c, &r->address);
    field_text(c, &r->bytes);
    f_lines(c, &r->n_lines, &lines);
    r->lines = (const struct rec_code_line *)(const void *)lines;
}

/* False when the kind is not known. */
bool codec_visit(struct codec *c, struct record *r)
{
    switch (r->kind) {
    case REC_HEADER:
        f_header(c, &r->header);
        return true;
    case REC_SYNC:
        f_sync(c, &r->sync);
        return true;
    case REC_TASK:
        f_task(c, &r->task);
        return true;
    case REC_EXEC:
        f_exec(c, &r->exec);
        return true;
    case REC_EVENT:
        f_event(c, &r->event);
        return true;
    case REC_FILE:
        f_file(c, &r->file);
        return true;
    case REC_CHECKPOINT:
        f_checkpoint(c, &r->checkpoint);
        return true;
    case REC_SAMPLE:
        f_sample(c, &r->sample);
        return true;
    case REC_EXIT:
        f_exit(c, &r->exit);
        return true;
    case REC_SPACE_END:
        f_space_end(c, &r->space_end);
        return true;
    case REC_NOTE:
        f_note(c, &r->note);
        return true;
    case REC_END:
        f_end(c, &r->end);
        return true;
    case REC_ATTACH:
        f_attach(c, &r->attach);
        return true;
    case REC_COST:
        f_cost(c, &r->cost);
        return true;
    case REC_FAULTS:
        f_faults(c, &r->faults);
        return true;
    case REC_RESIDENCY:
        f_residency(c, &r->residency);
        return true;
    case REC_FAULT_SIGHT:
        f_fault_sight(c, &r->fault_sight);
        return true;
    case REC_CACHE:
        f_cache(c, &r->cache);
        return true;
    case REC_MODULE:
        f_module(c, &r->module);
        return true;
    case REC_LOAD:
        f_load(c, &r->load);
        return true;
    case REC_FRAME:
        f_frame(c, &r->frame);
        return true;
    case REC_STACK:
        f_stack(c, &r->stack);
        return true;
    case REC_TEXT:
        f_text_record(c, &r->text);
        return true;
    case REC_NAMES:
        f_names(c, &r->names);
        return true;
    case REC_SYMBOLS:
        f_symbols(c, &r->symbols);
        return true;
    case REC_CODE:
        f_code(c, &r->code);
        return true;
    case REC_WALK:
        f_walk(c, &r->walk);
        return true;
    case REC_KINDS:
        break;
    }
    return false;
}
