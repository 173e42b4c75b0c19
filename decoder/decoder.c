/* decoder.c: one record after another into the model. */
#include "model.h"

#include <stdlib.h>
#include <string.h>

/* A fault switch for tests: a replay that is wrong on purpose must be found out. */
static enum call call_to_leave_out(void)
{
    static const char prefix[] = "leave-out:";
    const char *fault = getenv("BRKWATER_FAULT");
    if (!fault || strncmp(fault, prefix, sizeof(prefix) - 1) != 0)
        return CALL_NONE;
    const char *name = fault + sizeof(prefix) - 1;
    return call_by_name(name, strlen(name));
}

struct decoder *decoder_new(void)
{
    struct decoder *d = calloc(1, sizeof(*d));
    if (!d)
        return NULL;
    d->left_out = call_to_leave_out();
    d->code = code_new();
    if (d->code)
        return d;
    free(d);
    return NULL;
}

void decoder_free(struct decoder *d)
{
    if (!d)
        return;
    model_free_spaces(d);
    model_free_processes(d);
    model_free_files(d);
    for (size_t i = 0; i < sizeof(d->header_texts) / sizeof(d->header_texts[0]); i++)
        free(d->header_texts[i]);
    free(d->differences);
    free(d->touches);
    code_release(d->code);
    free(d);
}

static void keep_text(struct decoder *d, size_t index, struct text *text)
{
    free(d->header_texts[index]);
    d->header_texts[index] = malloc(text->size + 1);
    if (!d->header_texts[index]) {
        *text = (struct text){0};
        return;
    }
    if (text->size)
        memcpy(d->header_texts[index], text->data, text->size);
    d->header_texts[index][text->size] = '\0';
    text->data = d->header_texts[index];
}

static void keep_header(struct decoder *d, const struct rec_header *header)
{
    d->header = *header;
    keep_text(d, 0, &d->header.version);
    keep_text(d, 1, &d->header.machine);
    keep_text(d, 2, &d->header.kernel);
    keep_text(d, 3, &d->header.cwd);
    keep_text(d, 4, &d->header.argv);
    d->has_header = true;
}

static void apply_sync(struct decoder *d, const struct rec_sync *sync)
{
    /* Whole frames may be missing before this one: then ids go on where it says. */
    if (sync->event && sync->event - 1 > d->events)
        d->events = sync->event - 1;
}

static void apply_event(struct decoder *d, const struct rec_event *event, struct moment *m)
{
    m->event = ++d->events;
    m->pid = event->pid;
    m->space = event->space;
    if (event->flags & EVENT_UNORDERED)
        d->unordered++;
    struct space_model *space = model_space(d, event->space);
    if (!space) {
        d->contradictions++;
        return;
    }
    replay_event(d, space, event, &m->change);
    if (call_info((enum call)event->call)->effect == EFFECT_EXEC && !event->error)
        m->change.mapped = space->segments.bytes;
}

static int apply_checkpoint(struct decoder *d, const struct rec_checkpoint *checkpoint, struct moment *m)
{
    m->pid = checkpoint->pid;
    m->space = checkpoint->space;
    struct space_model *space = model_space(d, checkpoint->space);
    if (space)
        return verify_checkpoint(d, space, checkpoint, m);
    d->contradictions++;
    return 0;
}

static void apply_sample(struct decoder *d, const struct rec_sample *sample, struct moment *m)
{
    m->pid = sample->pid;
    m->space = sample->space;
    struct space_model *space = model_space(d, sample->space);
    if (!space)
        return;
    d->resident_bytes -= space->resident;
    space->resident = sample->resident_pages * TRACE_PAGE;
    d->resident_bytes += space->resident;
}

static void apply_space_end(struct decoder *d, const struct rec_space_end *end, struct moment *m)
{
    struct space_model *space = model_space(d, end->space);
    m->space = end->space;
    if (!space) {
        d->contradictions++;
        return;
    }
    m->pid = space->pid;
    model_space_end(d, space);
}

/* What contradicts earlier records is counted and passed over. */
static int apply_code(struct decoder *d, const struct record *record)
{
    int error = code_apply(d->code, record);
    if (error != -TRACE_E_DAMAGED)
        return error;
    d->contradictions++;
    return 0;
}

static int apply_load(struct decoder *d, const struct rec_load *load)
{
    struct space_model *space = model_space(d, load->space);
    int error = space ? model_load(space, load->module, load->bias) : -TRACE_E_DAMAGED;
    if (error != -TRACE_E_DAMAGED)
        return error;
    d->contradictions++;
    return 0;
}

struct code *decoder_code(const struct decoder *d)
{
    return d->code;
}

void decoder_set_code(struct decoder *d, struct code *code)
{
    if (!code)
        return;
    code_hold(code);
    code_release(d->code);
    d->code = code;
}

uint64_t decoder_time_of(const struct decoder *d, const struct record *record)
{
    switch (record->kind) {
    case REC_SYNC:
        return record->sync.time > d->time ? record->sync.time : d->time;
    case REC_TASK:
        return record->task.time;
    case REC_EXEC:
        return record->exec.time;
    case REC_EVENT:
        return record->event.time + record->event.duration;
    case REC_CHECKPOINT:
        return record->checkpoint.time;
    case REC_SAMPLE:
        return record->sample.time;
    case REC_EXIT:
        return record->exit.time;
    case REC_SPACE_END:
        return record->space_end.time;
    case REC_NOTE:
        return record->note.time;
    case REC_ATTACH:
        return record->attach.time;
    case REC_COST:
        return record->cost.time;
    case REC_WALK:
        return record->walk.time;
    case REC_FAULTS:
        return record->faults.time > d->time ? record->faults.time : d->time;
    case REC_RESIDENCY:
        return record->residency.time > d->time ? record->residency.time : d->time;
    case REC_FAULT_SIGHT:
        return record->fault_sight.time;
    case REC_END:
        return record->end.time;
    default:
        return d->time;
    }
}

int decoder_apply(struct decoder *d, const struct record *record, struct moment *ret_moment)
{
    struct moment m = {.record = record, .time = decoder_time_of(d, record)};
    int error = 0;
    if (m.time > d->time)
        d->time = m.time;
    switch (record->kind) {
    case REC_HEADER:
        keep_header(d, &record->header);
        break;
    case REC_SYNC:
        apply_sync(d, &record->sync);
        break;
    case REC_TASK:
        m.pid = record->task.pid;
        m.space = record->task.space;
        error = model_task(d, &record->task);
        break;
    case REC_EXEC:
        m.pid = record->exec.pid;
        m.space = record->exec.space;
        error = model_exec(d, &record->exec);
        break;
    case REC_EVENT:
        apply_event(d, &record->event, &m);
        break;
    case REC_FILE:
        error = model_file(d, &record->file);
        break;
    case REC_CHECKPOINT:
        error = apply_checkpoint(d, &record->checkpoint, &m);
        break;
    case REC_SAMPLE:
        apply_sample(d, &record->sample, &m);
        break;
    case REC_EXIT:
        m.pid = record->exit.pid;
        model_exit(d, &record->exit);
        break;
    case REC_SPACE_END:
        apply_space_end(d, &record->space_end, &m);
        break;
    case REC_NOTE:
        m.pid = record->note.pid;
        break;
    case REC_ATTACH:
        m.pid = record->attach.pid;
        model_attach(d, &record->attach);
        break;
    case REC_COST:
        d->cost = record->cost;
        d->has_cost = true;
        break;
    case REC_WALK:
        m.pid = record->walk.pid;
        m.space = record->walk.space;
        break;
    case REC_FAULTS:
        error = model_faults(d, &record->faults, &m);
        break;
    case REC_RESIDENCY:
        error = model_residency(d, &record->residency, &m);
        break;
    case REC_FAULT_SIGHT:
        d->fault_sight = record->fault_sight;
        break;
    case REC_END:
        d->end = record->end;
        d->has_end = true;
        break;
    case REC_MODULE:
    case REC_FRAME:
    case REC_STACK:
    case REC_TEXT:
    case REC_NAMES:
    case REC_SYMBOLS:
    case REC_CODE:
        error = apply_code(d, record);
        break;
    case REC_LOAD:
        m.space = record->load.space;
        error = apply_load(d, &record->load);
        break;
    case REC_CACHE:
    case REC_KINDS:
        break;
    }
    *ret_moment = m;
    return error;
}

uint64_t decoder_time(const struct decoder *d)
{
    return d->time;
}

uint64_t decoder_events(const struct decoder *d)
{
    return d->events;
}

uint64_t decoder_checkpoints(const struct decoder *d)
{
    return d->checkpoints;
}

uint64_t decoder_drift(const struct decoder *d)
{
    return d->drifts;
}

uint64_t decoder_read_backs(const struct decoder *d)
{
    return d->read_backs;
}

uint64_t decoder_unordered(const struct decoder *d)
{
    return d->unordered;
}

uint64_t decoder_contradictions(const struct decoder *d)
{
    return d->contradictions;
}

uint64_t decoder_impossible(const struct decoder *d)
{
    return d->impossible;
}

const struct drift *decoder_first_drift(const struct decoder *d)
{
    return d->drifts ? &d->first_drift : NULL;
}

const struct rec_header *decoder_header(const struct decoder *d)
{
    return d->has_header ? &d->header : NULL;
}

const struct rec_cost *decoder_cost(const struct decoder *d)
{
    return d->has_cost ? &d->cost : NULL;
}

const struct rec_end *decoder_end(const struct decoder *d)
{
    return d->has_end ? &d->end : NULL;
}

const uint64_t *decoder_kind_bytes(const struct decoder *d)
{
    return d->by_kind;
}

uint64_t decoder_heap_bytes(const struct decoder *d)
{
    return d->heap_bytes;
}

uint64_t decoder_resident_bytes(const struct decoder *d)
{
    return d->resident_bytes;
}

/* ---- what tracing could not hide ---- */

const char *note_text(enum note_code code)
{
    static const char *const texts[NOTE_CODES] = {
        [NOTE_PTRACE_REFUSED] =
            "used ptrace and was refused, because it is traced already: what it debugs is not seen, "
            "and it may fail; run it without brkwater, or attach to its child instead",
        [NOTE_STRICT_SECCOMP] =
            "asked for strict seccomp mode and got EINVAL, because of brkwater's filter: try --no-seccomp",
        [NOTE_IO_URING] = "set up an io_uring: madvise through it makes no call and is seen only at checkpoints",
        [NOTE_SETUID_IGNORED] =
            "is set-uid or set-gid and ran without those privileges, because it is traced: run brkwater "
            "as root to keep them",
        [NOTE_NO_EXIT_MAP] = "ended too suddenly for a last look at its map: the replay of its end is not verified",
        [NOTE_UNTRACED_CHILD] =
            "asked for a child that is not traced (CLONE_UNTRACED): made by clone it is traced all the same, unless "
            "its "
            "parent was attached to; made by clone3 it is not, and where a filter is on its memory calls fail: use "
            "--no-seccomp",
        [NOTE_NOT_SAMPLED] = "could not be sampled: too few file descriptors (ulimit -n)",
        [NOTE_READ_FAILED] = "could not be read: its memory map is unknown, so the replay of it is not verified",
    };
    return (unsigned)code < NOTE_CODES && texts[code] ? texts[code] : "unknown note";
}
