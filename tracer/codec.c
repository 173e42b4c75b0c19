/*
 * codec.c: records into bytes and back.
 *
 * Each kind of record has one function that visits its fields in file order; the same function writes and reads, so the
 * two can never disagree.  Numbers are LEB128 varints; signed differences are zigzag coded; addresses are differences
 * to the last address, shifted by a page when they allow it.
 */
#include "trace.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* What differences refer to; reset by REC_HEADER and REC_SYNC. */
struct deltas {
    uint64_t time, sequence, addr, length;
    uint32_t tid, pid, space, abi;
};

struct codec {
    /* Encoding: where bytes go. */
    unsigned char *out;
    size_t out_size, out_capacity;
    /* Decoding: where bytes come from. */
    const unsigned char *in, *in_end;
    bool reading;
    int error; /* first failure of the record at work: once set, nothing is read or written any more */

    struct deltas last;

    /* Storage of a decoded checkpoint. */
    struct rec_mapping *mappings;
    size_t mappings_capacity;
    /* And of the list of another record. */
    void *list;
    size_t list_capacity; /* bytes */
};

struct codec *codec_new(void)
{
    return calloc(1, sizeof(struct codec));
}

void codec_free(struct codec *codec)
{
    if (!codec)
        return;
    free(codec->out);
    free(codec->mappings);
    free(codec->list);
    free(codec);
}

const unsigned char *codec_bytes(const struct codec *codec, size_t *ret_size)
{
    *ret_size = codec->out_size;
    return codec->out;
}

void codec_clear(struct codec *codec)
{
    codec->out_size = 0;
}

/* ---- bytes ---- */

static bool reserve(struct codec *c, size_t size)
{
    if (c->out_capacity - c->out_size >= size)
        return true;
    size_t capacity = c->out_capacity ? c->out_capacity * 2 : 4096;
    while (capacity - c->out_size < size)
        capacity *= 2;
    unsigned char *out = realloc(c->out, capacity);
    if (!out) {
        c->error = -ENOMEM;
        return false;
    }
    c->out = out;
    c->out_capacity = capacity;
    return true;
}

static void put_varint(struct codec *c, uint64_t value)
{
    if (c->error || !reserve(c, 10))
        return;
    unsigned char *out = c->out + c->out_size;
    while (value >= 0x80) {
        *out++ = (unsigned char)(value | 0x80);
        value >>= 7;
    }
    *out++ = (unsigned char)value;
    c->out_size = (size_t)(out - c->out);
}

static uint64_t get_varint(struct codec *c)
{
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 64 && c->in < c->in_end && !c->error; shift += 7) {
        unsigned char byte = *c->in++;
        value |= (uint64_t)(byte & 0x7f) << shift;
        if (!(byte & 0x80))
            return value;
    }
    if (!c->error)
        c->error = -TRACE_E_DAMAGED;
    return 0;
}

static uint64_t zigzag(uint64_t difference)
{
    return difference << 1 ^ (uint64_t)((int64_t)difference >> 63);
}

static uint64_t unzigzag(uint64_t coded)
{
    return coded >> 1 ^ (0 - (coded & 1));
}

/* ---- fields: each reads into, or writes from, *value ---- */

static void f_u64(struct codec *c, uint64_t *value)
{
    if (c->reading)
        *value = get_varint(c);
    else
        put_varint(c, *value);
}

static void f_u32(struct codec *c, uint32_t *value)
{
    uint64_t wide = *value;
    f_u64(c, &wide);
    if (wide > UINT32_MAX)
        c->error = -TRACE_E_DAMAGED;
    *value = (uint32_t)wide;
}

/* A number that is often what it was last time. */
static void f_delta(struct codec *c, uint64_t *value, uint64_t *last)
{
    uint64_t coded = c->reading ? 0 : zigzag(*value - *last);
    f_u64(c, &coded);
    if (c->reading)
        *value = *last + unzigzag(coded);
    *last = *value;
}

static void f_delta32(struct codec *c, uint32_t *value, uint32_t *last)
{
    uint64_t wide = *value, wide_last = *last;
    f_delta(c, &wide, &wide_last);
    if (wide > UINT32_MAX)
        c->error = -TRACE_E_DAMAGED;
    *value = *last = (uint32_t)wide;
}

/* An address or length: bit 0 of the code tells whether the difference is in bytes (1) or in pages (0). */
static void f_paged(struct codec *c, uint64_t *value, uint64_t *last)
{
    uint64_t coded = 0;
    if (!c->reading) {
        uint64_t difference = *value - *last;
        int64_t pages = (int64_t)difference / TRACE_PAGE;
        if ((uint64_t)pages * TRACE_PAGE == difference)
            coded = zigzag((uint64_t)pages) << 1;
        else
            coded = zigzag(difference) << 1 | 1;
        /* A difference that needs all 64 bits loses one to the shift: fall back to an absolute form that can't be
         * mistaken. */
        if (coded >> 1 != ((coded & 1) ? zigzag(difference) : zigzag((uint64_t)pages)))
            coded = UINT64_MAX;
    }
    f_u64(c, &coded);
    if (coded == UINT64_MAX) {
        f_u64(c, value);
    } else if (c->reading) {
        uint64_t difference = unzigzag(coded >> 1);
        *value = *last + ((coded & 1) ? difference : difference * TRACE_PAGE);
    }
    *last = *value;
}

static void f_addr(struct codec *c, uint64_t *value)
{
    f_paged(c, value, &c->last.addr);
}

static void f_time(struct codec *c, uint64_t *value)
{
    f_delta(c, value, &c->last.time);
}

static void f_bytes(struct codec *c, struct text *text, uint64_t most)
{
    uint64_t size = text->size;
    f_u64(c, &size);
    if (c->error)
        return;
    if (!c->reading) {
        if (size && reserve(c, size)) {
            memcpy(c->out + c->out_size, text->data, size);
            c->out_size += size;
        }
        return;
    }
    if (size > (uint64_t)(c->in_end - c->in) || size > most) {
        c->error = -TRACE_E_DAMAGED;
        return;
    }
    text->data = (const char *)c->in;
    text->size = size;
    c->in += size;
}

static void f_text(struct codec *c, struct text *text)
{
    f_bytes(c, text, TRACE_MAX_TEXT);
}

/* Whether fields that a newer minor version has added are there; what is written has them all. */
static bool has_more(const struct codec *c)
{
    return !c->reading || c->in < c->in_end;
}

/* ---- records ---- */

static void reset_deltas(struct codec *c)
{
    c->last = (struct deltas){0};
}

static void f_header(struct codec *c, struct rec_header *r)
{
    reset_deltas(c);
    struct text magic = {TRACE_MAGIC, sizeof(TRACE_MAGIC) - 1};
    f_text(c, &magic);
    if (c->error || magic.size != sizeof(TRACE_MAGIC) - 1 || memcmp(magic.data, TRACE_MAGIC, magic.size) != 0) {
        c->error = -TRACE_E_NOT_A_TRACE;
        return;
    }
    f_u32(c, &r->major);
    f_u32(c, &r->minor);
    if (!c->error && r->major > TRACE_MAJOR) {
        c->error = -TRACE_E_NEWER;
        return;
    }
    f_u64(c, &r->wall_ns);
    f_u32(c, &r->page_size);
    f_u32(c, &r->clock_ticks);
    f_u64(c, &r->max_map_count);
    f_u32(c, &r->sample_interval);
    f_u32(c, &r->flags);
    f_text(c, &r->version);
    f_text(c, &r->machine);
    f_text(c, &r->kernel);
    f_text(c, &r->cwd);
    f_text(c, &r->argv);
}

static void f_sync(struct codec *c, struct rec_sync *r)
{
    reset_deltas(c);
    f_time(c, &r->time);
    f_u64(c, &r->event);
    f_delta(c, &r->sequence, &c->last.sequence);
}

static void f_task(struct codec *c, struct rec_task *r)
{
    f_time(c, &r->time);
    f_u32(c, &r->tid);
    f_u32(c, &r->pid);
    f_u32(c, &r->parent);
    f_u32(c, &r->space);
    f_u32(c, &r->copied_from);
    f_u32(c, &r->flags);
}

static void f_exec(struct codec *c, struct rec_exec *r)
{
    f_time(c, &r->time);
    f_u32(c, &r->pid);
    f_u32(c, &r->old_tid);
    f_u32(c, &r->old_space);
    f_u32(c, &r->space);
    f_u32(c, &r->flags);
    f_addr(c, &r->start_brk);
    f_text(c, &r->exe);
    f_text(c, &r->comm);
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
            f_addr(c, &e->args[i]);
            break;
        case ARG_LENGTH:
            f_paged(c, &e->args[i], &c->last.length);
            break;
        case ARG_FD:
        case ARG_INT: {
            uint64_t coded = zigzag(e->args[i]);
            f_u64(c, &coded);
            e->args[i] = unzigzag(coded);
            break;
        }
        default:
            f_u64(c, &e->args[i]);
        }
    }
}

static void f_event(struct codec *c, struct rec_event *e)
{
    uint64_t has = c->reading ? 0 : event_presence(e);
    f_u64(c, &has);
    e->flags = has & 0xff;
    f_u32(c, &e->call);
    f_delta32(c, &e->abi, &c->last.abi);
    f_u32(c, &e->nargs);
    if (e->nargs > CALL_MAX_ARGS) {
        c->error = -TRACE_E_DAMAGED;
        return;
    }
    f_delta32(c, &e->tid, &c->last.tid);
    f_delta32(c, &e->pid, &c->last.pid);
    f_delta32(c, &e->space, &c->last.space);
    f_time(c, &e->time);
    f_u64(c, &e->duration);
    f_delta(c, &e->entry, &c->last.sequence);
    f_delta(c, &e->exit, &c->last.sequence);
    f_args(c, e);
    if (has & HAS_RET) {
        if (call_info((enum call)e->call)->returns_address)
            f_addr(c, &e->ret);
        else
            f_u64(c, &e->ret);
    }
    if (has & HAS_ERROR)
        f_u32(c, &e->error);
    if (has & HAS_FILE)
        f_u32(c, &e->file);
    if (has & HAS_LENGTH) {
        f_paged(c, &e->length, &c->last.length);
        f_u64(c, &e->at);
    }
    if (e->flags & EVENT_FAULTS) {
        f_u64(c, &e->minflt);
        f_u64(c, &e->majflt);
    }
    if (has & HAS_STACK)
        f_u32(c, &e->stack);
    if (has & HAS_TEXT) {
        f_text(c, &e->text);
        f_text(c, &e->list);
    }
    if (has & HAS_HUGE)
        f_u64(c, &e->huge);
}

static void f_file(struct codec *c, struct rec_file *r)
{
    f_u32(c, &r->id);
    f_u32(c, &r->major);
    f_u32(c, &r->minor);
    f_u64(c, &r->inode);
    f_text(c, &r->path);
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
    f_time(c, &r->time);
    f_u32(c, &r->space);
    f_u32(c, &r->pid);
    f_u32(c, &r->reason);
    f_u32(c, &r->n_mappings);
    if (c->error || (c->reading && !hold_mappings(c, r->n_mappings)))
        return;
    uint64_t addr = 0;
    for (uint32_t i = 0; i < r->n_mappings; i++) {
        struct rec_mapping m = {0};
        if (!c->reading)
            m = r->mappings[i];
        f_paged(c, &m.start, &addr);
        f_paged(c, &m.end, &addr);
        uint64_t attributes = m.prot << 1 | m.shared;
        f_u64(c, &attributes);
        m.prot = (uint32_t)(attributes >> 1);
        m.shared = attributes & 1;
        f_u64(c, &m.offset);
        f_u32(c, &m.file);
        if (c->reading)
            c->mappings[i] = m;
    }
    if (c->reading)
        r->mappings = c->mappings;
    if (!has_more(c))
        return; /* format 1.0: always the whole map */
    f_u64(c, &r->range.start);
    f_u64(c, &r->range.end);
}

static void f_sample(struct codec *c, struct rec_sample *r)
{
    f_time(c, &r->time);
    f_u32(c, &r->pid);
    f_u32(c, &r->space);
    f_u32(c, &r->flags);
    f_u64(c, &r->virtual_pages);
    f_u64(c, &r->resident_pages);
    f_u64(c, &r->minflt);
    f_u64(c, &r->majflt);
    if (r->flags & SAMPLE_SPLIT) {
        f_u64(c, &r->anon_kib);
        f_u64(c, &r->file_kib);
        f_u64(c, &r->shmem_kib);
        f_u64(c, &r->swap_kib);
    }
    if (r->flags & SAMPLE_PEAKS) {
        f_u64(c, &r->peak_resident_kib);
        f_u64(c, &r->peak_virtual_kib);
    }
}

static void f_exit(struct codec *c, struct rec_exit *r)
{
    f_time(c, &r->time);
    f_u32(c, &r->tid);
    f_u32(c, &r->pid);
    f_u32(c, &r->last);
    f_u32(c, &r->status);
}

static void f_space_end(struct codec *c, struct rec_space_end *r)
{
    f_time(c, &r->time);
    f_u32(c, &r->space);
}

static void f_note(struct codec *c, struct rec_note *r)
{
    f_time(c, &r->time);
    f_u32(c, &r->code);
    f_u32(c, &r->tid);
    f_u32(c, &r->pid);
    f_u64(c, &r->value);
    f_text(c, &r->text);
}

static void f_end(struct codec *c, struct rec_end *r)
{
    f_time(c, &r->time);
    f_u32(c, &r->reason);
    f_u32(c, &r->value);
    f_u32(c, &r->status);
    f_u32(c, &r->has_status);
    f_u64(c, &r->events);
    f_u64(c, &r->stops);
    f_u64(c, &r->cpu_ticks);
}

static void f_cache(struct codec *c, struct rec_cache *r)
{
    f_u32(c, &r->what);
    f_u32(c, &r->version);
    f_bytes(c, &r->data, TRACE_MAX_RECORD);
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

static void f_module(struct codec *c, struct rec_module *r)
{
    f_u32(c, &r->id);
    f_u32(c, &r->flags);
    f_u32(c, &r->major);
    f_u32(c, &r->minor);
    f_u64(c, &r->inode);
    f_text(c, &r->path);
    f_text(c, &r->build_id);
}

static void f_load(struct codec *c, struct rec_load *r)
{
    f_u32(c, &r->space);
    f_u32(c, &r->module);
    f_u64(c, &r->bias);
}

static void f_frame(struct codec *c, struct rec_frame *r)
{
    f_u32(c, &r->id);
    f_u32(c, &r->module);
    f_u32(c, &r->flags);
    f_u32(c, &r->space);
    f_u64(c, &r->address);
}

/* Frames of one stack were often seen together first: each as the difference to the one before. */
static void f_stack(struct codec *c, struct rec_stack *r)
{
    uint32_t last = 0, *frames = NULL;
    f_u32(c, &r->id);
    f_u32(c, &r->quality);
    f_u32(c, &r->end);
    f_u32(c, &r->n_frames);
    if (c->reading && !c->error)
        frames = hold_list(c, r->n_frames, TRACE_MAX_STACK, sizeof(*frames));
    for (uint32_t i = 0; i < r->n_frames && !c->error; i++) {
        uint32_t frame = c->reading ? 0 : r->frames[i];
        f_delta32(c, &frame, &last);
        if (c->reading)
            frames[i] = frame;
    }
    if (c->reading)
        r->frames = frames;
}

static void f_text_record(struct codec *c, struct rec_text *r)
{
    f_u32(c, &r->id);
    f_text(c, &r->text);
}

static void f_names(struct codec *c, struct rec_names *r)
{
    struct rec_line *lines = NULL;
    f_u32(c, &r->frame);
    f_u64(c, &r->offset);
    f_u32(c, &r->n_lines);
    if (c->reading && !c->error)
        lines = hold_list(c, r->n_lines, TRACE_MAX_LINES, sizeof(*lines));
    for (uint32_t i = 0; i < r->n_lines && !c->error; i++) {
        struct rec_line line = {0};
        if (!c->reading)
            line = r->lines[i];
        f_u32(c, &line.function);
        f_u32(c, &line.file);
        f_u32(c, &line.line);
        if (c->reading)
            lines[i] = line;
    }
    if (c->reading)
        r->lines = lines;
}

static void f_symbols(struct codec *c, struct rec_symbols *r)
{
    f_u32(c, &r->module);
    f_u32(c, &r->problem);
}

static void f_code(struct codec *c, struct rec_code *r)
{
    struct rec_code_line *lines = NULL;
    f_u32(c, &r->frame);
    f_u32(c, &r->flags);
    f_u64(c, &r->address);
    f_text(c, &r->bytes);
    f_u32(c, &r->n_lines);
    if (c->reading && !c->error)
        lines = hold_list(c, r->n_lines, TRACE_MAX_LINES, sizeof(*lines));
    for (uint32_t i = 0; i < r->n_lines && !c->error; i++) {
        struct rec_code_line line = {0};
        if (!c->reading)
            line = r->lines[i];
        f_u32(c, &line.offset);
        f_u32(c, &line.file);
        f_u32(c, &line.line);
        if (c->reading)
            lines[i] = line;
    }
    if (c->reading)
        r->lines = lines;
}

/* False when the kind is not known. */
static bool visit(struct codec *c, struct record *r)
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
    case REC_KINDS:
        break;
    }
    return false;
}

int codec_encode(struct codec *c, const struct record *record)
{
    /* The payload's length is known only afterwards: leave room for the longest prefix and close the gap. */
    enum { PREFIX = 10 };
    const size_t before = c->out_size;
    const struct deltas last = c->last;
    struct record copy = *record;
    c->reading = false;
    c->error = 0;
    if (!reserve(c, PREFIX))
        return -ENOMEM;
    c->out_size += PREFIX;
    const size_t payload = c->out_size;
    visit(c, &copy);
    size_t length = c->out_size - payload;
    if (!c->error && length > TRACE_MAX_RECORD)
        c->error = -TRACE_E_TOO_LARGE;
    c->out_size = before;
    if (c->error) {
        c->last = last; /* the record is not there: the next one must not refer to it */
        return c->error;
    }
    put_varint(c, (uint64_t)record->kind);
    put_varint(c, length);
    memmove(c->out + c->out_size, c->out + payload, length);
    c->out_size += length;
    return 0;
}

int codec_decode(struct codec *c, const unsigned char *bytes, size_t size, struct record *ret_record, size_t *ret_used)
{
    c->reading = true;
    c->error = 0;
    c->in = bytes;
    c->in_end = bytes + size;
    uint64_t kind = get_varint(c), length = get_varint(c);
    if (c->error || length > (uint64_t)(c->in_end - c->in) || length > TRACE_MAX_RECORD)
        return -TRACE_E_DAMAGED;
    *ret_used = (size_t)(c->in - bytes) + length;
    c->in_end = c->in + length;
    if (kind == 0 || kind >= REC_KINDS)
        return 0;
    memset(ret_record, 0, sizeof(*ret_record));
    ret_record->kind = (enum record_kind)kind;
    visit(c, ret_record);
    return c->error ? c->error : 1;
}

const char *trace_error_text(int error)
{
    switch (-error) {
#define X(name, text)                                                                                                  \
    case name:                                                                                                         \
        return text;
        TRACE_ERRORS(X)
#undef X
    default:
        return strerror(-error);
    }
}
