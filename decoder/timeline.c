/* timeline.c: totals, peaks and series, in a fixed amount of memory. */
#include "timeline.h"

#include "findings.h"
#include "makers.h"

#include <stdlib.h>
#include <string.h>

enum { FIRST_WIDTH = TRACE_TICKS_PER_SECOND / 1000 }; /* ticks of a bucket at first: 1 ms */

struct process_peaks {
    struct peak resident, virtual_;
};

struct timeline {
    struct makers makers;
    struct heaps *heaps;
    struct facts *facts;
    struct insides *insides;
    struct totals totals;
    uint32_t command; /* pid */

    uint64_t width;                                   /* ticks of a bucket */
    uint64_t buckets[SERIES_COUNT][TIMELINE_BUCKETS]; /* highest value seen in each */
    uint64_t last[SERIES_COUNT];                      /* newest value */
    size_t last_bucket;

    struct process_peaks *peaks; /* by process index */
    size_t capacity;
    struct fault_counts faults;
};

struct timeline *timeline_new(void)
{
    struct timeline *t = calloc(1, sizeof(*t));
    if (!t)
        return NULL;
    t->width = FIRST_WIDTH;
    t->heaps = heaps_new();
    t->facts = facts_new();
    t->insides = insides_new();
    if (t->heaps && t->facts && t->insides)
        return t;
    timeline_free(t);
    return NULL;
}

void timeline_free(struct timeline *t)
{
    if (!t)
        return;
    free(t->peaks);
    fault_counts_free(&t->faults);
    makers_free(&t->makers);
    heaps_free(t->heaps);
    facts_free(t->facts);
    insides_free(t->insides);
    free(t);
}

/* ---- series ---- */

static uint64_t max_u64(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

/* Twice as wide buckets: the recording goes on in the second half. */
static void halve(struct timeline *t)
{
    for (int series = 0; series < SERIES_COUNT; series++) {
        uint64_t *b = t->buckets[series];
        for (size_t i = 0; i < TIMELINE_BUCKETS / 2; i++)
            b[i] = max_u64(b[2 * i], b[2 * i + 1]);
        memset(b + TIMELINE_BUCKETS / 2, 0, sizeof(*b) * TIMELINE_BUCKETS / 2);
    }
    t->width *= 2;
    t->last_bucket /= 2;
}

static void set_series(struct timeline *t, uint64_t time, const uint64_t values[SERIES_COUNT])
{
    while (time / t->width >= TIMELINE_BUCKETS)
        halve(t);
    size_t bucket = time / t->width;
    /* Until now the last values held: they are the highest of this bucket too, if nothing higher comes. */
    for (size_t i = t->last_bucket + 1; i <= bucket; i++)
        for (int series = 0; series < SERIES_COUNT; series++)
            t->buckets[series][i] = t->last[series];
    if (bucket > t->last_bucket)
        t->last_bucket = bucket;
    for (int series = 0; series < SERIES_COUNT; series++) {
        t->buckets[series][bucket] = max_u64(t->buckets[series][bucket], values[series]);
        t->last[series] = values[series];
    }
}

/* whole * part / parts without overflow. */
static uint64_t fraction(uint64_t whole, unsigned part, unsigned parts)
{
    return whole / parts * part + whole % parts * part / parts;
}

void timeline_series(const struct timeline *t, enum series series, unsigned columns, uint64_t *ret_values)
{
    uint64_t end = t->totals.time ? t->totals.time : 1;
    for (unsigned column = 0; column < columns; column++) {
        uint64_t from = fraction(end, column, columns) / t->width, to = fraction(end, column + 1, columns) / t->width;
        /* Behind the last change the last value holds. */
        uint64_t value = to > t->last_bucket ? t->last[series] : 0;
        for (uint64_t i = from; i <= to && i <= t->last_bucket; i++)
            value = max_u64(value, t->buckets[series][i]);
        ret_values[column] = value;
    }
}

/* ---- peaks ---- */

static void raise_peak(struct peak *peak, uint64_t bytes, uint64_t time, uint32_t pid)
{
    if (bytes > peak->bytes)
        *peak = (struct peak){bytes, time, pid};
}

static bool hold_process(struct timeline *t, size_t index)
{
    if (index < t->capacity)
        return true;
    size_t capacity = t->capacity ? t->capacity : 16;
    while (capacity <= index)
        capacity *= 2;
    struct process_peaks *peaks = reallocarray(t->peaks, capacity, sizeof(*peaks));
    if (!peaks)
        return false;
    memset(peaks + t->capacity, 0, (capacity - t->capacity) * sizeof(*peaks));
    t->peaks = peaks;
    t->capacity = capacity;
    return true;
}

/* Index of the process, with room for it in the tables; false when unknown. */
static bool process_index(struct timeline *t, const struct decoder *d, uint32_t pid, size_t *ret_index)
{
    const struct process_info *process = decoder_process(d, pid);
    if (!process || !hold_process(t, process->index))
        return false;
    *ret_index = process->index;
    return true;
}

bool timeline_process_peak(const struct timeline *t, size_t index, bool of_virtual, struct peak *ret_peak)
{
    if (index >= t->capacity)
        return false;
    const struct peak *peak = of_virtual ? &t->peaks[index].virtual_ : &t->peaks[index].resident;
    if (!peak->bytes)
        return false;
    *ret_peak = *peak;
    return true;
}

bool timeline_peak(const struct timeline *t, const struct decoder *d, uint32_t pid, bool of_virtual,
                   struct peak *ret_peak)
{
    const struct peak *all = of_virtual ? &t->totals.virtual_ : &t->totals.resident;
    const struct process_info *process = pid ? decoder_process(d, pid) : NULL;
    if (pid)
        return process && timeline_process_peak(t, process->index, of_virtual, ret_peak);
    if (!all->bytes)
        return false;
    *ret_peak = *all;
    return true;
}

/* Everything that is summed over the live spaces, after each record that can change it. */
static void take_sums(struct timeline *t, const struct decoder *d, const struct moment *m)
{
    const uint64_t *kinds = decoder_kind_bytes(d);
    uint64_t values[SERIES_COUNT] = {
        [SERIES_RESIDENT] = decoder_resident_bytes(d), [SERIES_HEAP] = decoder_heap_bytes(d)};
    for (int kind = 0; kind < KIND_COUNT; kind++) {
        values[SERIES_VIRTUAL] += kinds[kind];
        t->totals.kinds[kind].live = kinds[kind];
        t->totals.kinds[kind].peak = max_u64(t->totals.kinds[kind].peak, kinds[kind]);
    }
    raise_peak(&t->totals.resident, values[SERIES_RESIDENT], m->time, m->pid);
    raise_peak(&t->totals.virtual_, values[SERIES_VIRTUAL], m->time, m->pid);
    raise_peak(&t->totals.heap, values[SERIES_HEAP], m->time, m->pid);
    set_series(t, m->time, values);
}

/* ---- records ---- */

static void add_large(struct totals *totals, const struct moment *m, uint64_t bytes, bool unmapped)
{
    struct large_event *list = totals->largest;
    if (bytes <= list[TIMELINE_LARGEST - 1].bytes)
        return;
    size_t at = TIMELINE_LARGEST - 1;
    for (; at > 0 && list[at - 1].bytes < bytes; at--)
        list[at] = list[at - 1];
    list[at] = (struct large_event){.event = m->event,
                                    .time = m->time,
                                    .bytes = bytes,
                                    .pid = m->pid,
                                    .call = m->record->event.call,
                                    .stack = m->record->event.stack,
                                    .kind = m->change.kind,
                                    .unmapped = unmapped};
}

static void add_heap(struct totals *totals, const struct change *change)
{
    totals->brk_calls++;
    if (change->heap_after > change->heap_before) {
        totals->heap_grow_calls++;
        totals->heap_grown += change->heap_after - change->heap_before;
    } else if (change->heap_after < change->heap_before) {
        totals->heap_trim_calls++;
        totals->heap_trimmed += change->heap_before - change->heap_after;
    }
}

/* What the tracer's own child did before the command ran has no stack, and is the first event. */
static void add_stack(struct totals *totals, const struct decoder *d, const struct moment *m)
{
    struct code_stack stack;
    if (code_stack(decoder_code(d), m->record->event.stack, &stack))
        totals->stacks[stack.quality]++;
    else if (m->event > 1)
        totals->without_stack++;
}

/* By how much code: the whole stack, the instruction, or nothing is known. */
static void count_faults(struct totals *totals, const struct decoder *d, uint32_t id, uint64_t faults)
{
    struct code_stack stack;
    if (!code_stack(decoder_code(d), id, &stack) || !stack.n_frames)
        return;
    if (stack.n_frames == 1 && stack.quality == STACK_TRUNCATED)
        totals->faults_by_ip += faults;
    else
        totals->faults_by_stack += faults;
}

static void add_event(struct timeline *t, const struct decoder *d, const struct moment *m)
{
    struct totals *totals = &t->totals;
    const struct rec_event *event = &m->record->event;
    const struct change *change = &m->change;
    enum effect effect = call_info((enum call)event->call)->effect;
    struct call_totals *call = &totals->calls[event->call < CALL_COUNT ? event->call : CALL_NONE];
    const struct rec_fault_sight *sight = decoder_fault_sight(d);
    totals->events++;
    if ((event->flags & EVENT_FAULTS) && !(sight && sight->sight == FAULTS_ALL)) {
        totals->faults_in_calls += event->minflt + event->majflt;
        count_faults(totals, d, event->stack, event->minflt + event->majflt);
    }
    add_stack(totals, d, m);
    call->count++;
    call->ticks += event->duration;
    if (event->error) {
        totals->errors++;
        call->errors++;
    }
    if (effect == EFFECT_BRK)
        add_heap(totals, change);
    /* A new address space is no change of one: it is no churn. */
    if (effect != EFFECT_EXEC) {
        /* Memory that is put over other memory, or moved, neither comes nor goes. */
        uint64_t both = change->mapped < change->unmapped ? change->mapped : change->unmapped;
        uint64_t came = change->mapped - both, went = change->unmapped - both;
        call->mapped += came;
        call->unmapped += went;
        struct kind_totals *kind = &totals->kinds[change->kind];
        kind->calls += change->kind != KIND_NONE;
        kind->mapped += came;
        kind->unmapped += went;
        makers_add(&t->makers, change->kind, event->stack, came);
        add_large(totals, m, came + went, went > 0);
    }
    take_sums(t, d, m);
    struct space_info info;
    size_t index;
    if (decoder_space(d, m->space, &info) && process_index(t, d, info.pid, &index))
        raise_peak(&t->peaks[index].virtual_, info.bytes, m->time, info.pid);
}

static void add_fault_runs(struct timeline *t, const struct decoder *d, const struct moment *m)
{
    const struct rec_faults *faults = &m->record->faults;
    for (uint32_t i = 0; m->touches && i < faults->n_runs; i++) {
        t->totals.faults_seen += faults->runs[i].faults;
        t->totals.touched += m->touches[i].first * TRACE_PAGE;
        count_faults(&t->totals, d, faults->runs[i].stack, faults->runs[i].faults);
    }
}

static void add_receipt(struct timeline *t, const struct decoder *d, const struct moment *m)
{
    struct receipt receipt;
    if (!decoder_receipt(d, m->space, &receipt))
        return;
    if (receipt.pid == t->command && receipt.reason == RESIDENCY_EXIT)
        t->totals.end_receipt = receipt;
    if (receipt.resident > t->totals.high_receipt.resident)
        t->totals.high_receipt = receipt;
}

static void add_sample(struct timeline *t, const struct decoder *d, const struct moment *m)
{
    const struct rec_sample *sample = &m->record->sample;
    struct totals *totals = &t->totals;
    struct fault_rise rise;
    totals->samples++;
    take_sums(t, d, m);
    size_t index;
    if (process_index(t, d, sample->pid, &index)) {
        raise_peak(&t->peaks[index].resident, sample->resident_pages * TRACE_PAGE, m->time, sample->pid);
        raise_peak(&totals->one_resident, sample->resident_pages * TRACE_PAGE, m->time, sample->pid);
    }
    /* Without memory the totals lack some, as its peaks do. */
    if (fault_counts_add(&t->faults, d, sample, &rise) == 0) {
        totals->minflt += rise.minor;
        totals->majflt += rise.major;
    }
    if (sample->flags & SAMPLE_PEAKS)
        totals->kernel_peak_resident = max_u64(totals->kernel_peak_resident, sample->peak_resident_kib * 1024);
    if ((sample->flags & SAMPLE_LAST) && sample->pid == t->command) {
        totals->ended = true;
        totals->end_resident = sample->resident_pages * TRACE_PAGE;
        totals->end_virtual = sample->virtual_pages * TRACE_PAGE;
        totals->end_anon = sample->anon_kib * 1024;
        totals->end_file = sample->file_kib * 1024;
        totals->end_shmem = sample->shmem_kib * 1024;
        totals->end_swap = sample->swap_kib * 1024;
    }
}

/* Address space that nothing can be in. */
static uint64_t reserved(const struct decoder *d, uint32_t space)
{
    struct segment s = {0};
    uint64_t bytes = 0;
    while (decoder_segment(d, space, s.end, &s))
        if (!s.prot && (s.kind == KIND_ANONYMOUS || s.kind == KIND_ARENA))
            bytes += s.end - s.start;
    return bytes;
}

static void add_checkpoint(struct timeline *t, const struct decoder *d, const struct moment *m)
{
    const struct rec_checkpoint *checkpoint = &m->record->checkpoint;
    t->totals.most_mappings = max_u64(t->totals.most_mappings, checkpoint->n_mappings);
    take_sums(t, d, m);
    struct space_info info;
    if (!decoder_space(d, checkpoint->space, &info))
        return;
    size_t index;
    if (process_index(t, d, info.pid, &index))
        raise_peak(&t->peaks[index].virtual_, info.bytes, m->time, info.pid);
    if (checkpoint->pid == t->command) {
        memcpy(t->totals.end_kinds, info.by_kind, sizeof(info.by_kind));
        t->totals.end_heap = info.heap;
        if (checkpoint->reason == CHECKPOINT_EXIT || checkpoint->reason == CHECKPOINT_BEFORE_EXEC ||
            checkpoint->reason == CHECKPOINT_DETACH)
            t->totals.end_reserved = reserved(d, checkpoint->space);
    }
}

void timeline_add(struct timeline *t, const struct decoder *d, const struct moment *m)
{
    struct totals *totals = &t->totals;
    if (m->time > totals->time)
        totals->time = m->time;
    heaps_add(t->heaps, d, m);
    facts_add(t->facts, d, m);
    insides_add(t->insides, d, m);
    switch (m->record->kind) {
    case REC_EVENT:
        add_event(t, d, m);
        break;
    case REC_SAMPLE:
        add_sample(t, d, m);
        break;
    case REC_CHECKPOINT:
        add_checkpoint(t, d, m);
        break;
    case REC_FAULTS:
        add_fault_runs(t, d, m);
        break;
    case REC_RESIDENCY:
        add_receipt(t, d, m);
        break;
    case REC_TASK:
        if (m->record->task.flags & TASK_FIRST)
            t->command = m->record->task.pid;
        if (!(m->record->task.flags & TASK_THREAD))
            totals->processes++;
        take_sums(t, d, m);
        break;
    case REC_SPACE_END:
        take_sums(t, d, m);
        break;
    case REC_NOTE:
        if (m->record->note.code < NOTE_CODES)
            totals->notes[m->record->note.code]++;
        break;
    default:
        break;
    }
    totals->threads = decoder_threads(d, &totals->most_threads);
}

const struct totals *timeline_totals(const struct timeline *t)
{
    return &t->totals;
}

const struct heaps *timeline_heaps(const struct timeline *t)
{
    return t->heaps;
}

const struct insides *timeline_insides(const struct timeline *t)
{
    return t->insides;
}

uint32_t timeline_command(const struct timeline *t)
{
    return t->command;
}

uint32_t timeline_maker(const struct timeline *t, const struct decoder *d, enum kind kind)
{
    return makers_most(&t->makers, decoder_code(d), kind);
}

void timeline_findings(const struct timeline *t, const struct decoder *d, struct findings *ret)
{
    findings_find(&(struct findings_view){d, t->facts, t->heaps, t->insides, &t->totals}, ret);
}
