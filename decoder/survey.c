/* survey.c: the whole recording in detail: series, lives of what was mapped, sums by stack and time. */
#include "survey.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct list {
    void *items;
    size_t count, capacity;
};

struct survey {
    struct decoder *decoder;
    struct segments_watch watch;
    uint64_t ticks;

    struct survey_slot *slots; /* the first is of all */
    size_t n_slots;
    uint32_t *slot_of; /* by process index: slot, 0: none */
    size_t n_slot_of;

    struct list spaces, threads; /* struct survey_space, struct survey_thread */
    uint32_t space_id, space_at; /* the space used last, and its index */
    size_t threads_gone;         /* the first so many have ended */

    struct lives lives;
    struct segment before; /* what went last: it may come again, changed */
    uint32_t protects;     /* how often the access of that was changed */
    uint64_t *events;      /* by process index */
    size_t n_events;
    struct fault_counts faults;
    struct sparse sparse;
    struct looks looks;
    bool failed;
};

static void *list_add(struct list *list, size_t size)
{
    if (list->count == list->capacity) {
        const size_t capacity = list->capacity ? list->capacity * 2 : 32;
        void *items = reallocarray(list->items, capacity, size);
        if (!items)
            return NULL;
        list->items = items;
        list->capacity = capacity;
    }
    void *item = (char *)list->items + list->count++ * size;
    memset(item, 0, size);
    return item;
}

/* ---- spaces ---- */

static size_t process_of(const struct decoder *d, uint32_t pid)
{
    const struct process_info *process = decoder_process(d, pid);
    return process ? process->index : SIZE_MAX;
}

/* Index of the space, which is the newest with that id; made if need be.  UINT32_MAX without memory. */
static uint32_t find_space(struct survey *s, uint32_t id, uint32_t pid)
{
    struct survey_space *list = s->spaces.items;
    if (s->space_id == id && id)
        return s->space_at;
    for (size_t i = s->spaces.count; i-- > 0;)
        if (list[i].id == id) {
            s->space_id = id;
            return s->space_at = (uint32_t)i;
        }
    struct survey_space *space = list_add(&s->spaces, sizeof(*space));
    if (!space) {
        s->failed = true;
        return UINT32_MAX;
    }
    *space = (struct survey_space){
        .id = id, .process = process_of(s->decoder, pid), .start = decoder_time(s->decoder), .end = s->ticks + 1};
    s->space_id = id;
    return s->space_at = (uint32_t)s->spaces.count - 1;
}

static void end_space(struct survey *s, uint32_t id)
{
    const uint32_t index = find_space(s, id, 0);
    if (index != UINT32_MAX)
        ((struct survey_space *)s->spaces.items)[index].end = decoder_time(s->decoder);
}

/* ---- segments come and go ---- */

static const struct space_model *model_of(const struct segments *segments)
{
    return (const struct space_model *)((const char *)segments - offsetof(struct space_model, segments));
}

static void came(void *context, const struct segments *segments, struct segment *segment)
{
    struct survey *s = context;
    const struct space_model *space = model_of(segments);
    const uint32_t index = find_space(s, space->id, space->pid);
    const bool again = s->before.life && s->before.birth == segment->birth && s->before.stack == segment->stack;
    const uint32_t protects = again ? s->protects + (s->before.prot != segment->prot) : 0;
    segment->life = 0;
    if (index != UINT32_MAX)
        lives_came(&s->lives, index, decoder_time(s->decoder), segment, protects);
    s->before.life = 0;
}

static void went(void *context, const struct segments *segments, const struct segment *segment)
{
    struct survey *s = context;
    (void)segments;
    s->before = *segment;
    s->protects = lives_went(&s->lives, decoder_time(s->decoder), segment);
}

static void cut(void *context, const struct segments *segments, const struct segment *low, struct segment *high)
{
    struct survey *s = context;
    (void)segments;
    lives_cut(&s->lives, low, high);
}

/* ---- life of a survey ---- */

static bool set_slots(struct survey *s, const struct survey_plan *plan)
{
    s->n_slots = plan->n_slots + 1;
    s->slots = calloc(s->n_slots, sizeof(*s->slots));
    for (size_t i = 0; i < plan->n_slots; i++)
        if (plan->slots[i] >= s->n_slot_of)
            s->n_slot_of = plan->slots[i] + 1;
    s->slot_of = calloc(s->n_slot_of + 1, sizeof(*s->slot_of));
    if (!s->slots || !s->slot_of)
        return false;
    for (size_t i = 0; i < s->n_slots; i++)
        survey_slot_init(&s->slots[i], i ? SURVEY_SLOT_BUCKETS : SURVEY_BUCKETS, plan->ticks);
    for (size_t i = 0; i < plan->n_slots; i++)
        s->slot_of[plan->slots[i]] = (uint32_t)i + 1;
    return true;
}

static void set_watch(struct decoder *d, const struct segments_watch *watch)
{
    d->watch = watch;
    for (size_t i = 0; i < SPACE_BUCKETS; i++)
        for (struct space_model *space = d->spaces[i]; space; space = space->next)
            space->segments.watch = watch;
}

struct survey *survey_new(struct decoder *decoder, const struct survey_plan *plan)
{
    struct survey *s = calloc(1, sizeof(*s));
    if (!s)
        return NULL;
    s->decoder = decoder;
    s->ticks = plan->ticks;
    s->lives.ticks = plan->ticks;
    s->lives.peak = plan->peak;
    sparse_init(&s->sparse, SPARSE_MOST);
    s->watch = (struct segments_watch){s, came, went, cut};
    if (!set_slots(s, plan)) {
        survey_free(s);
        return NULL;
    }
    set_watch(decoder, &s->watch);
    return s;
}

void survey_free(struct survey *s)
{
    if (!s)
        return;
    set_watch(s->decoder, NULL);
    for (size_t i = 0; s->slots && i < s->n_slots; i++)
        survey_slot_free(&s->slots[i]);
    free(s->slots);
    free(s->slot_of);
    free(s->spaces.items);
    free(s->threads.items);
    free(s->events);
    fault_counts_free(&s->faults);
    lives_free(&s->lives);
    sparse_free(&s->sparse);
    looks_free(&s->looks);
    free(s);
}

/* ---- series ---- */

static size_t slot_of(const struct survey *s, size_t process)
{
    return process < s->n_slot_of ? s->slot_of[process] : 0;
}

/* What the process has now; nothing while it lives in the space of another one. */
static struct survey_levels levels_of(const struct decoder *d, const struct process_info *process,
                                      struct space_info *info)
{
    if (!process->space || !decoder_space(d, process->space, info) || info->pid != process->pid)
        return (struct survey_levels){0};
    return (struct survey_levels){info->resident, info->bytes, info->heap, info->by_kind};
}

static void take_levels(struct survey *s, const struct decoder *d, uint32_t pid)
{
    const uint64_t time = decoder_time(d), *kinds = decoder_kind_bytes(d);
    struct survey_levels all = {decoder_resident_bytes(d), 0, decoder_heap_bytes(d), kinds};
    for (int kind = 0; kind < KIND_COUNT; kind++)
        all.virtual_ += kinds[kind];
    survey_slot_levels(&s->slots[0], time, &all);
    const struct process_info *process = pid ? decoder_process(d, pid) : NULL;
    const size_t slot = process ? slot_of(s, process->index) : 0;
    struct space_info info;
    if (!slot)
        return;
    const struct survey_levels own = levels_of(d, process, &info);
    survey_slot_levels(&s->slots[slot], time, &own);
}

static void count(struct survey *s, size_t slot, int column, uint64_t more)
{
    const uint64_t time = decoder_time(s->decoder);
    survey_slot_count(&s->slots[0], time, column, more);
    if (slot)
        survey_slot_count(&s->slots[slot], time, column, more);
}

static void count_event(struct survey *s, size_t process)
{
    if (process == SIZE_MAX)
        return;
    if (process >= s->n_events) {
        const size_t count = (process + 1) * 2;
        uint64_t *events = reallocarray(s->events, count, sizeof(*events));
        if (!events) {
            s->failed = true;
            return;
        }
        memset(events + s->n_events, 0, (count - s->n_events) * sizeof(*events));
        s->events = events;
        s->n_events = count;
    }
    s->events[process]++;
}

/* ---- records ---- */

static uint32_t sparse_bucket(const struct survey *s)
{
    const uint64_t ticks = s->ticks ? s->ticks : 1,
                   bucket = (uint64_t)((unsigned __int128)decoder_time(s->decoder) * SURVEY_SLOT_BUCKETS / ticks);
    return (uint32_t)(bucket < SURVEY_SLOT_BUCKETS ? bucket : SURVEY_SLOT_BUCKETS - 1);
}

static void add_event(struct survey *s, const struct decoder *d, const struct moment *m)
{
    const struct rec_event *event = &m->record->event;
    const size_t process = process_of(d, m->pid), slot = slot_of(s, process);
    const uint32_t call = event->call < CALL_COUNT ? event->call : CALL_NONE;
    const bool is_exec = call_info((enum call)call)->effect == EFFECT_EXEC;
    count_event(s, process);
    count(s, slot, SURVEY_CALL + (int)call, 1);
    count(s, slot, SURVEY_MAPPED, m->change.mapped);
    count(s, slot, SURVEY_RETURNED, m->change.unmapped);
    count(s, slot, SURVEY_ERRORS, event->error != 0);
    struct survey_item item = {.bucket = sparse_bucket(s),
                               .calls = 1,
                               .mapped = is_exec ? 0 : m->change.mapped,
                               .returned = m->change.unmapped,
                               .faults = stack_sums_faults(d, event),
                               .ticks = event->duration};
    sparse_add(&s->sparse, slot, stack_sums_index(d, event->stack), &item);
    if (is_exec && m->change.mapped) {
        item = (struct survey_item){.bucket = item.bucket, .mapped = m->change.mapped};
        sparse_add(&s->sparse, slot, STACK_SUMS_EXECVE, &item);
    }
    take_levels(s, d, m->pid);
}

/* Who touched what, as far as it was seen. */
static void add_touches(struct survey *s, const struct decoder *d, const struct moment *m)
{
    const struct rec_faults *faults = &m->record->faults;
    const size_t slot = slot_of(s, process_of(d, m->pid));
    for (uint32_t i = 0; m->touches && i < faults->n_runs; i++) {
        const struct survey_item item = {
            .bucket = sparse_bucket(s), .faults = faults->runs[i].faults, .touched = m->touches[i].first * TRACE_PAGE};
        sparse_add(&s->sparse, slot, stack_sums_index(d, faults->runs[i].stack), &item);
    }
}

static void add_sample(struct survey *s, const struct decoder *d, const struct rec_sample *sample)
{
    const size_t slot = slot_of(s, process_of(d, sample->pid));
    struct fault_rise rise;
    take_levels(s, d, sample->pid);
    count(s, slot, SURVEY_SAMPLES, 1);
    if (fault_counts_add(&s->faults, d, sample, &rise) < 0) {
        s->failed = true;
        return;
    }
    count(s, slot, SURVEY_MINOR, rise.minor);
    count(s, slot, SURVEY_MAJOR, rise.major);
}

static void add_task(struct survey *s, const struct decoder *d, const struct rec_task *task)
{
    struct survey_thread *thread = list_add(&s->threads, sizeof(*thread));
    if (!thread) {
        s->failed = true;
        return;
    }
    *thread = (struct survey_thread){task->tid, process_of(d, task->pid), decoder_time(d), s->ticks + 1};
    take_levels(s, d, task->pid);
}

static bool has_ended(const struct survey *s, size_t index)
{
    return ((const struct survey_thread *)s->threads.items)[index].end <= s->ticks;
}

static void end_thread(struct survey *s, uint32_t tid)
{
    struct survey_thread *list = s->threads.items;
    for (size_t i = s->threads.count; i-- > s->threads_gone;)
        if (list[i].tid == tid && !has_ended(s, i)) {
            list[i].end = decoder_time(s->decoder);
            break;
        }
    while (s->threads_gone < s->threads.count && has_ended(s, s->threads_gone))
        s->threads_gone++;
}

/* The other threads of a process are gone when it begins another program. */
static void add_exec(struct survey *s, const struct decoder *d, const struct rec_exec *exec)
{
    struct survey_thread *list = s->threads.items;
    const size_t process = process_of(d, exec->pid);
    for (size_t i = s->threads_gone; i < s->threads.count; i++)
        if (list[i].process == process && list[i].tid != exec->pid && !has_ended(s, i))
            list[i].end = decoder_time(d);
    take_levels(s, d, exec->pid);
}

static void add_look(struct survey *s, const struct decoder *d, const struct moment *m)
{
    uint64_t event;
    const struct rec_residency *residency = decoder_residency(d, m->space, &event);
    const uint32_t space = residency ? find_space(s, m->space, m->pid) : UINT32_MAX;
    if (space != UINT32_MAX)
        looks_add(&s->looks, space, decoder_time(d), residency);
}

static bool has_failed(const struct survey *s)
{
    return s->failed || s->lives.failed || s->sparse.failed || s->looks.failed;
}

int survey_add(struct survey *s, const struct decoder *d, const struct moment *m)
{
    switch (m->record->kind) {
    case REC_EVENT:
        add_event(s, d, m);
        break;
    case REC_SAMPLE:
        add_sample(s, d, &m->record->sample);
        break;
    case REC_CHECKPOINT:
        take_levels(s, d, m->pid);
        break;
    case REC_FAULTS:
        add_touches(s, d, m);
        break;
    case REC_RESIDENCY:
        add_look(s, d, m);
        break;
    case REC_TASK:
        add_task(s, d, &m->record->task);
        break;
    case REC_EXEC:
        add_exec(s, d, &m->record->exec);
        break;
    case REC_EXIT:
        end_thread(s, m->record->exit.tid);
        break;
    case REC_SPACE_END:
        end_space(s, m->space);
        take_levels(s, d, m->pid);
        break;
    default:
        break;
    }
    if (s->lives.n_fresh)
        lives_roles(&s->lives, d, s->spaces.items);
    return has_failed(s) ? -ENOMEM : 0;
}

int survey_end(struct survey *s, const struct decoder *d)
{
    for (size_t i = 0; i < s->n_slots; i++) {
        survey_slot_end(&s->slots[i]);
        s->failed |= s->slots[i].failed;
    }
    lives_end(&s->lives, d, s->spaces.items);
    sparse_end(&s->sparse);
    looks_end(&s->looks, d, &s->lives, s->spaces.count);
    return has_failed(s) ? -ENOMEM : 0;
}

/* ---- reading ---- */

const uint64_t *survey_series(const struct survey *s, size_t slot, int column, size_t *ret_buckets)
{
    *ret_buckets = s->slots[slot].buckets;
    return s->slots[slot].columns[column];
}

uint64_t survey_events(const struct survey *s, size_t process)
{
    return process < s->n_events ? s->events[process] : 0;
}

const struct survey_life *survey_lives(const struct survey *s, size_t *ret_count, uint64_t *ret_instants)
{
    *ret_count = s->lives.count;
    *ret_instants = s->lives.instants;
    return s->lives.list;
}

const struct survey_extent *survey_extents(const struct survey *s, size_t *ret_count)
{
    *ret_count = s->lives.n_extents;
    return s->lives.extents;
}

const struct survey_space *survey_spaces(const struct survey *s, size_t *ret_count)
{
    *ret_count = s->spaces.count;
    return s->spaces.items;
}

const struct survey_thread *survey_threads(const struct survey *s, size_t *ret_count)
{
    *ret_count = s->threads.count;
    return s->threads.items;
}

const struct survey_look *survey_look_at(const struct survey *s, size_t index, const struct survey_part **ret_parts)
{
    if (index >= s->looks.count)
        return NULL;
    *ret_parts = s->looks.list[index].parts;
    return &s->looks.list[index].told;
}

uint64_t survey_looks_taken(const struct survey *s)
{
    return s->looks.taken;
}

size_t survey_row_buckets(const struct survey *s)
{
    const size_t wide = (size_t)SURVEY_SLOT_BUCKETS >> s->sparse.shift;
    return wide ? wide : 1;
}

bool survey_row(const struct survey *s, size_t index, size_t *ret_slot, size_t *ret_stack, size_t *ret_items)
{
    if (index >= s->sparse.count)
        return false;
    const struct sparse_row *row = &s->sparse.rows[index];
    *ret_slot = row->key >> 32;
    *ret_stack = (size_t)(uint32_t)row->key - 1;
    *ret_items = row->items;
    return true;
}

bool survey_item(const struct survey *s, size_t row, size_t *at, struct survey_item *ret_item)
{
    return sparse_item(&s->sparse.rows[row], at, ret_item);
}
