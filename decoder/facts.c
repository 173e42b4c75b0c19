/* facts.c: one record after another into facts. */
#include "facts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { SPACES = 256, ADVICE_DONTNEED = 4, ADVICE_FREE = 8, ADVICE_GUARD_INSTALL = 102 };

struct facts {
    struct space_facts *spaces[SPACES]; /* by id */
    struct heap_table ended;            /* the strongest of each key */
    struct space_facts worst[TOPICS];   /* of those that have ended; without their facts */
};

/* ---- spaces ---- */

struct facts *facts_new(void)
{
    struct facts *f = calloc(1, sizeof(*f));
    if (f)
        f->ended.size = sizeof(struct fact);
    return f;
}

void facts_free(struct facts *f)
{
    if (!f)
        return;
    for (size_t i = 0; i < SPACES; i++)
        for (struct space_facts *s = f->spaces[i], *next; s; s = next) {
            next = s->next;
            heap_table_free(&s->facts);
            free(s);
        }
    heap_table_free(&f->ended);
    free(f);
}

static struct space_facts *find_space(const struct facts *f, uint32_t id)
{
    struct space_facts *s = f->spaces[id % SPACES];
    while (s && s->space != id)
        s = s->next;
    return s;
}

/* NULL without memory, and for no space. */
static struct space_facts *get_space(struct facts *f, const struct decoder *d, const struct moment *m)
{
    struct space_facts *s = find_space(f, m->space);
    struct space_info info;
    if (s || !decoder_space(d, m->space, &info) || !(s = calloc(1, sizeof(*s))))
        return s;
    s->space = m->space;
    s->pid = info.pid;
    s->facts.size = sizeof(struct fact);
    s->alive = s->most_alive = 1;
    s->next = f->spaces[m->space % SPACES];
    f->spaces[m->space % SPACES] = s;
    return s;
}

static uint64_t weight(const struct space_facts *s, enum topic topic)
{
    switch (topic) {
    case TOPIC_TRIMS:
        return s->cycles + s->trims;
    case TOPIC_HEAP:
        return s->high;
    case TOPIC_LINES:
        return s->lines;
    case TOPIC_STACKS:
        return s->ended_stacks.bytes;
    case TOPIC_GUARDS:
        return s->open_stacks.count;
    case TOPIC_RESERVED:
        return s->reserved.bytes + s->untouched.bytes;
    case TOPIC_FILES:
        return s->file;
    case TOPIC_HUGE:
        return s->huge.huge;
    case TOPIC_LAZY:
        return s->looked ? s->lazy + 1 : 0;
    default:
        return 0;
    }
}

static void keep_fact(struct facts *f, const struct fact *fact)
{
    struct fact *kept = heap_table_get(&f->ended, fact->key);
    if (kept && (!kept->calls || fact->left > kept->left || (fact->left == kept->left && fact->calls > kept->calls)))
        *kept = *fact;
}

static void end_space(struct facts *f, uint32_t id)
{
    struct space_facts **at = &f->spaces[id % SPACES];
    while (*at && (*at)->space != id)
        at = &(*at)->next;
    struct space_facts *s = *at;
    if (!s)
        return;
    *at = s->next;
    const struct fact *list = s->facts.entries;
    for (size_t i = 0; i < s->facts.capacity; i++)
        if (list[i].key)
            keep_fact(f, &list[i]);
    heap_table_free(&s->facts);
    for (enum topic topic = 0; topic < TOPICS; topic++)
        if (weight(s, topic) > weight(&f->worst[topic], topic))
            f->worst[topic] = *s;
    free(s);
}

/* ---- facts ---- */

static uint64_t key_of(uint32_t stack, enum deed deed, enum kind kind, uint32_t call, uint32_t error)
{
    return (uint64_t)stack << 32 | (uint64_t)(error & 0xffff) << 16 | (uint64_t)(call & 0xff) << 8 |
           (uint64_t)kind << 4 | (uint64_t)deed;
}

static struct fact *add_fact(struct space_facts *s, const struct moment *m, enum deed deed, enum kind kind,
                             uint64_t bytes)
{
    const struct rec_event *e = &m->record->event;
    const uint32_t call = deed == DEED_FAIL ? e->call : 0,
                   error = deed == DEED_FAIL ? (e->error ? e->error : ENOMEM) : 0;
    struct fact *fact = heap_table_get(&s->facts, key_of(e->stack, deed, kind, call, error));
    if (!fact)
        return NULL;
    if (!fact->calls) {
        *fact = (struct fact){.key = fact->key,
                              .stack = e->stack,
                              .space = s->space,
                              .pid = s->pid,
                              .deed = deed,
                              .kind = kind,
                              .call = call,
                              .error = error,
                              .first = m->event,
                              .first_time = m->time};
    }
    fact->calls++;
    fact->bytes += bytes;
    fact->ticks += e->duration;
    fact->last = m->event;
    fact->last_time = m->time;
    return fact;
}

/* Steps become twice as long when there are too many. */
static void take_step(struct fact *fact)
{
    if (!fact->per_step)
        fact->per_step = 1;
    while ((fact->calls - 1) / fact->per_step >= FACT_STEPS) {
        for (size_t i = 0; i < FACT_STEPS / 2; i++) {
            fact->step_live[i] = fact->step_live[2 * i + 1];
            fact->step_returns[i] = fact->step_returns[2 * i] + fact->step_returns[2 * i + 1];
        }
        memset(fact->step_returns + FACT_STEPS / 2, 0, sizeof(*fact->step_returns) * FACT_STEPS / 2);
        fact->per_step *= 2;
    }
    fact->steps = (uint32_t)((fact->calls - 1) / fact->per_step) + 1;
    fact->step_live[fact->steps - 1] = fact->live;
}

static bool is_followed(enum kind kind)
{
    return kind == KIND_CHUNK || kind == KIND_ANONYMOUS || kind == KIND_FILE || kind == KIND_SHARED ||
           kind == KIND_STACK;
}

static void add_mapped(struct space_facts *s, const struct moment *m)
{
    const struct change *change = &m->change;
    if (!is_followed(change->kind) || change->mapped <= change->unmapped)
        return;
    struct fact *fact = add_fact(s, m, DEED_MAP, change->kind, change->mapped - change->unmapped);
    if (!fact)
        return;
    fact->live += change->mapped - change->unmapped;
    take_step(fact);
}

static void add_unmapped(struct space_facts *s, const struct moment *m)
{
    const struct change *change = &m->change;
    if (!is_followed(change->kind) || change->unmapped <= change->mapped || !change->lost_stack)
        return;
    const uint64_t bytes = change->unmapped - change->mapped;
    struct fact *fact = heap_table_find(&s->facts, key_of(change->lost_stack, DEED_MAP, change->kind, 0, 0));
    if (!fact)
        return;
    fact->returns++;
    fact->returned += bytes;
    fact->lived += change->lived;
    fact->ticks += m->record->event.duration;
    fact->live -= bytes < fact->live ? bytes : fact->live;
    fact->step_live[fact->steps - 1] = fact->live;
    fact->step_returns[fact->steps - 1]++;
}

/* ---- failures ---- */

static bool is_joined(const struct segment *a, const struct segment *b)
{
    return a->end == b->start && a->prot == b->prot && a->file == b->file &&
           (a->flags & SEGMENT_SHARED) == (b->flags & SEGMENT_SHARED) &&
           (!a->file || a->offset + (a->end - a->start) == b->offset);
}

/* Mappings, about as the kernel counts them. */
static uint64_t count_lines(const struct decoder *d, uint32_t space)
{
    struct segment last = {0}, s;
    uint64_t lines = 0;
    for (; decoder_segment(d, space, last.end, &s); last = s)
        lines += !lines || !is_joined(&last, &s);
    return lines;
}

static bool at_limit(const struct decoder *d, uint32_t space)
{
    const struct rec_header *header = decoder_header(d);
    const uint64_t limit = header ? header->max_map_count : 0;
    struct space_info info;
    return limit && decoder_space(d, space, &info) && info.segments >= limit / 10 * 9 &&
           count_lines(d, space) >= limit / 10 * 9;
}

static bool is_failure(const struct rec_event *e, enum effect effect)
{
    if (e->flags & (EVENT_UNFINISHED | EVENT_NO_RESULT))
        return false;
    switch (effect) {
    case EFFECT_BRK: /* it fails by telling where the break is */
        return e->args[0] && (e->error || e->ret < e->args[0]);
    case EFFECT_RANGE:
    case EFFECT_MAP:
    case EFFECT_UNMAP:
    case EFFECT_PROTECT:
    case EFFECT_REMAP:
    case EFFECT_ADVISE:
    case EFFECT_ATTACH:
    case EFFECT_MAP_RING:
        return e->error != 0;
    default:
        return false;
    }
}

/* The length that a call was given; brk: what it should have grown by. */
static uint64_t wanted(const struct rec_event *e, enum effect effect)
{
    return effect == EFFECT_BRK                                   ? e->args[0] - e->ret
           : effect == EFFECT_REMAP                               ? e->args[2]
           : effect == EFFECT_ATTACH || effect == EFFECT_MAP_RING ? 0
                                                                  : e->args[1];
}

static void add_failure(struct space_facts *s, const struct decoder *d, const struct moment *m, enum effect effect)
{
    struct fact *fact = add_fact(s, m, DEED_FAIL, KIND_NONE, 0);
    if (!fact)
        return;
    const uint64_t bytes = wanted(&m->record->event, effect);
    fact->bytes = bytes > fact->bytes ? bytes : fact->bytes; /* the largest */
    fact->sealed |= s->sealed;
    if (fact->calls == 1 && fact->error == ENOMEM)
        fact->at_limit = at_limit(d, s->space);
}

/* ---- the heap ---- */

static void add_break(struct space_facts *s, const struct moment *m)
{
    const uint64_t before = m->change.heap_before, after = m->change.heap_after;
    if (before == after)
        return;
    s->heap = after;
    s->break_ticks += m->record->event.duration;
    s->break_first = s->break_first ? s->break_first : m->record->event.time;
    s->break_last = m->time;
    if (after < before) {
        s->trims++;
        s->trimmed += before - after;
        s->trim_event = m->event;
        s->trim_stack = m->record->event.stack;
        s->trimmed_last = true;
        return;
    }
    s->growths++;
    s->growth_event = m->event;
    s->growth_stack = m->record->event.stack;
    s->last_growth = m->time;
    s->cycles += s->trimmed_last;
    s->trimmed_last = false;
    if (before < s->high)
        s->regrown += (after < s->high ? after : s->high) - before;
    if (after > s->high) {
        s->high = after;
        s->high_time = m->time;
    }
}

static void add_event(struct facts *f, const struct decoder *d, const struct moment *m)
{
    enum { EXPOSED = PROT_WRITE | PROT_EXEC };
    const struct rec_event *e = &m->record->event;
    const enum effect effect = call_info((enum call)e->call)->effect;
    struct space_facts *s = effect == EFFECT_EXEC ? NULL : get_space(f, d, m);
    if (!s)
        return;
    if (is_failure(e, effect)) {
        add_failure(s, d, m, effect);
        return;
    }
    if (effect == EFFECT_BRK)
        add_break(s, m);
    add_mapped(s, m);
    add_unmapped(s, m);
    if (e->error)
        return;
    if ((effect == EFFECT_MAP || effect == EFFECT_PROTECT) && (e->args[2] & EXPOSED) == EXPOSED)
        add_fact(s, m, DEED_EXPOSE, m->change.kind, e->args[1]);
    if (effect == EFFECT_PROTECT && m->change.kind != KIND_ARENA && m->change.kind != KIND_IMAGE)
        add_fact(s, m, DEED_PROTECT, m->change.kind, e->args[1]);
    if (effect == EFFECT_ADVISE && e->args[2] == ADVICE_FREE)
        add_fact(s, m, DEED_LAZY, m->change.kind, e->args[1]);
    if (effect == EFFECT_ADVISE && (e->args[2] == ADVICE_DONTNEED || e->args[2] == ADVICE_FREE))
        s->forked = false;
    s->guards_advised |= effect == EFFECT_ADVISE && e->args[2] == ADVICE_GUARD_INSTALL;
    s->sealed |= e->call == CALL_MSEAL;
}

/* ---- maps ---- */

static void count_maker(struct fact_maker *maker, const struct segment *s)
{
    maker->count++;
    maker->bytes += s->end - s->start;
    maker->stack = s->stack;
    maker->event = s->birth;
}

static bool is_of_ended_thread(const struct decoder *d, uint32_t space, const struct segment *s)
{
    return s->kind == KIND_STACK && s->prot && (s->flags & SEGMENT_RUN_ON) &&
           decoder_role(d, space, s).role == ROLE_ENDED;
}

static void take_segment(struct space_facts *s, const struct decoder *d, const struct segment *below,
                         const struct segment *segment)
{
    struct fact *fact = heap_table_find(&s->facts, key_of(segment->stack, DEED_MAP, (enum kind)segment->kind, 0, 0));
    if (fact && segment->birth > s->after) {
        fact->left += segment->end - segment->start;
        fact->left_blocks++;
    }
    if (segment->birth <= s->after)
        return;
    if (is_of_ended_thread(d, s->space, segment))
        count_maker(&s->ended_stacks, segment);
    if (segment->kind == KIND_STACK && (segment->flags & SEGMENT_RUN_ON) && (segment->prot & PROT_WRITE) &&
        !(below->end == segment->start && !below->prot))
        count_maker(&s->open_stacks, segment);
    if (segment->kind == KIND_ANONYMOUS && !segment->prot && !(segment->flags & SEGMENT_WAS_OPEN)) {
        const struct fact_maker most = s->reserved;
        const uint64_t bytes = segment->end - segment->start;
        count_maker(&s->reserved, segment);
        if (bytes <= s->reserved_most) {
            s->reserved.stack = most.stack;
            s->reserved.event = most.event;
        } else {
            s->reserved_most = bytes;
        }
    }
}

/* Most mappings first. */
static void put_maker(struct fact_maker *makers, const struct fact_maker *maker)
{
    for (size_t i = 0; i < FACT_MAKERS; i++)
        if (maker->count > makers[i].count) {
            memmove(makers + i + 1, makers + i, (FACT_MAKERS - 1 - i) * sizeof(*makers));
            makers[i] = *maker;
            return;
        }
}

struct maker_entry {
    uint64_t key;
    struct fact_maker maker;
};

/* Whose the mappings are.  Only when there are many, and many more than the last time. */
static void count_makers(struct space_facts *s, const struct decoder *d)
{
    struct heap_table table = {.size = sizeof(struct maker_entry)};
    struct segment segment = {0};
    while (decoder_segment(d, s->space, segment.end, &segment)) {
        struct maker_entry *entry = heap_table_get(&table, (uint64_t)segment.stack + 1);
        if (entry)
            count_maker(&entry->maker, &segment);
    }
    memset(s->line_makers, 0, sizeof(s->line_makers));
    const struct maker_entry *list = table.entries;
    for (size_t i = 0; i < table.capacity; i++)
        if (list[i].key)
            put_maker(s->line_makers, &list[i].maker);
    s->counted = s->lines;
    heap_table_free(&table);
}

static void take_lines(struct space_facts *s, const struct decoder *d, const struct moment *m)
{
    const struct rec_header *header = decoder_header(d);
    const uint64_t lines = m->record->checkpoint.n_mappings;
    if (lines <= s->lines)
        return;
    s->lines = lines;
    s->lines_event = decoder_events(d);
    s->lines_time = m->time;
    if (header && header->max_map_count && lines >= header->max_map_count / 4 && lines > s->counted + s->counted / 4)
        count_makers(s, d);
}

static void forget_left(struct space_facts *s)
{
    struct fact *list = s->facts.entries;
    for (size_t i = 0; i < s->facts.capacity; i++)
        list[i].left = list[i].left_blocks = 0;
    s->ended_stacks = s->open_stacks = s->reserved = (struct fact_maker){0};
    s->reserved_most = 0;
}

/* What a new program takes the place of was no leak. */
static void add_checkpoint(struct facts *f, const struct decoder *d, const struct moment *m)
{
    const uint32_t reason = m->record->checkpoint.reason;
    struct space_facts *s = reason == CHECKPOINT_READ_BACK ? NULL : get_space(f, d, m);
    if (!s)
        return;
    take_lines(s, d, m);
    forget_left(s);
    if (reason == CHECKPOINT_BEFORE_EXEC)
        return;
    struct segment below = {0}, segment;
    for (; decoder_segment(d, s->space, below.end, &segment); below = segment)
        take_segment(s, d, &below, &segment);
}

/* ---- pages ---- */

/* A fact of faults; like add_fact(), which is for events. */
static struct fact *touch_fact(struct space_facts *s, const struct moment *m, uint32_t stack, enum kind kind)
{
    const struct rec_faults *faults = &m->record->faults;
    const uint64_t key = key_of(stack, DEED_TOUCH, kind, 0, 0);
    struct fact *fact = heap_table_get(&s->facts, key);
    if (fact && !fact->calls)
        *fact = (struct fact){.key = key,
                              .stack = stack,
                              .space = s->space,
                              .pid = s->pid,
                              .deed = DEED_TOUCH,
                              .kind = kind,
                              .first_time = faults->time - faults->lasted};
    return fact;
}

/* How long after memory was mapped its touching began, if this is who began it: how long all of it takes is another
 * matter. */
static uint64_t delay_of(struct fact *fact, const struct decoder *d, const struct moment *m,
                         const struct segment *segment, uint64_t first)
{
    const uint64_t begin = m->record->faults.time - m->record->faults.lasted;
    if (!segment->birth)
        return 0;
    if (fact->begun == segment->birth)
        return fact->delay;
    if (decoder_touched(d, m->space, segment->start, segment->end) != first * TRACE_PAGE)
        return 0;
    fact->begun = segment->birth;
    fact->delay = begin > segment->born ? begin - segment->born : 0;
    return fact->delay;
}

static void add_run(struct space_facts *s, const struct decoder *d, const struct moment *m, uint32_t index)
{
    const struct rec_fault_run *run = &m->record->faults.runs[index];
    const struct touch *touch = &m->touches[index];
    struct segment segment = {0};
    const bool there = decoder_segment(d, s->space, run->start, &segment) && segment.start <= run->start;
    const enum kind kind = there ? segment_kind(&segment) : KIND_NONE;
    /* Code and data of images come page by page: that is how programs start. */
    if (!there || kind == KIND_IMAGE || kind == KIND_FILE || touch->outside)
        return;
    struct fact *fact = touch_fact(s, m, run->stack, kind);
    if (!fact)
        return;
    const uint64_t known = touch->first < run->faults ? touch->first : run->faults, again = run->faults - known;
    const uint64_t time = m->record->faults.time;
    fact->calls += run->faults;
    fact->bytes += touch->first * TRACE_PAGE;
    fact->lived += delay_of(fact, d, m, &segment, touch->first) * touch->first;
    fact->returns += again;
    fact->copies += s->forked && !(segment.flags & SEGMENT_SHARED) ? again : 0;
    fact->last_time = time;
    fact->first = fact->first ? fact->first : segment.birth;
    fact->last = segment.birth ? segment.birth : fact->last;
}

static void add_faults(struct facts *f, const struct decoder *d, const struct moment *m)
{
    struct space_facts *s = m->touches ? get_space(f, d, m) : NULL;
    for (uint32_t i = 0; s && i < m->record->faults.n_runs; i++)
        add_run(s, d, m, i);
}

/* Memory that could be used, and holds nothing: neither resident nor swapped out now, nor touched before. */
static void count_untouched(struct space_facts *s, const struct decoder *d)
{
    struct segment segment = {0};
    uint64_t most = 0;
    s->untouched = (struct fact_maker){0};
    while (decoder_segment(d, s->space, segment.end, &segment)) {
        const enum kind kind = segment_kind(&segment);
        struct pages pages;
        if (!(segment.prot & PROT_WRITE) || !segment.birth ||
            (kind != KIND_ANONYMOUS && kind != KIND_ARENA && kind != KIND_CHUNK && kind != KIND_HEAP))
            continue;
        decoder_pages(d, s->space, &segment, &pages);
        const uint64_t touched = decoder_touched(d, s->space, segment.start, segment.end);
        const uint64_t used = pages.resident + pages.swapped > touched ? pages.resident + pages.swapped : touched;
        const uint64_t bytes = segment.end - segment.start - used;
        s->untouched.bytes += bytes;
        s->untouched.count += bytes > 0;
        if (bytes > most) {
            most = bytes;
            s->untouched.stack = segment.stack;
            s->untouched.event = segment.birth;
        }
    }
}

static void add_residency(struct facts *f, const struct decoder *d, const struct moment *m)
{
    struct space_facts *s = get_space(f, d, m);
    struct receipt receipt;
    if (!s || !decoder_receipt(d, m->space, &receipt))
        return;
    s->looked = true;
    if (receipt.reason == RESIDENCY_EXIT)
        count_untouched(s, d);
    s->lazy = receipt.lazy > s->lazy ? receipt.lazy : s->lazy;
    if (receipt.huge > s->huge.huge)
        s->huge = receipt;
}

/* ---- the rest ---- */

static void add_sample(struct facts *f, const struct decoder *d, const struct moment *m)
{
    const struct rec_sample *sample = &m->record->sample;
    struct space_facts *s = get_space(f, d, m);
    if (!s)
        return;
    s->resident = sample->resident_pages * TRACE_PAGE;
    if (!(sample->flags & SAMPLE_SPLIT) || sample->file_kib * 1024 <= s->file)
        return;
    s->file = sample->file_kib * 1024;
    s->file_resident = s->resident;
    s->file_time = m->time;
}

static void add_task(struct facts *f, const struct decoder *d, const struct moment *m)
{
    struct space_facts *s = get_space(f, d, m);
    if (s && m->record->task.copied_from) {
        struct space_info info;
        s->after = decoder_events(d);
        s->heap = s->high = decoder_space(d, m->space, &info) ? info.heap : 0;
        s->forked = true;
        struct space_facts *from = find_space(f, m->record->task.copied_from);
        if (from)
            from->forked = true;
    }
    if (!s || !(m->record->task.flags & TASK_THREAD))
        return;
    s->alive++;
    s->most_alive = s->alive > s->most_alive ? s->alive : s->most_alive;
}

static void add_exit(struct facts *f, const struct decoder *d, const struct rec_exit *exit)
{
    const struct process_info *process = decoder_process(d, exit->pid);
    struct space_facts *s = process ? find_space(f, process->space) : NULL;
    if (s && exit->tid != exit->pid && s->alive > 1)
        s->alive--;
}

void facts_add(struct facts *f, const struct decoder *d, const struct moment *m)
{
    switch (m->record->kind) {
    case REC_EVENT:
        add_event(f, d, m);
        break;
    case REC_CHECKPOINT:
        add_checkpoint(f, d, m);
        break;
    case REC_SAMPLE:
        add_sample(f, d, m);
        break;
    case REC_FAULTS:
        add_faults(f, d, m);
        break;
    case REC_RESIDENCY:
        add_residency(f, d, m);
        break;
    case REC_TASK:
        add_task(f, d, m);
        break;
    case REC_EXIT:
        add_exit(f, d, &m->record->exit);
        break;
    case REC_SPACE_END:
        end_space(f, m->record->space_end.space);
        break;
    default:
        break;
    }
}

/* ---- reading ---- */

const struct space_facts *facts_worst(const struct facts *f, enum topic topic)
{
    const struct space_facts *worst = &f->worst[topic];
    for (size_t i = 0; i < SPACES; i++)
        for (const struct space_facts *s = f->spaces[i]; s; s = s->next)
            if (weight(s, topic) > weight(worst, topic))
                worst = s;
    return weight(worst, topic) ? worst : NULL;
}

static size_t take_table(const struct heap_table *table, enum deed deed, const struct fact **list)
{
    const struct fact *entries = table->entries;
    size_t count = 0;
    for (size_t i = 0; i < table->capacity; i++)
        if (entries[i].key && entries[i].deed == deed) {
            if (list)
                list[count] = &entries[i];
            count++;
        }
    return count;
}

static size_t take_all(const struct facts *f, enum deed deed, const struct fact **list)
{
    size_t count = take_table(&f->ended, deed, list);
    for (size_t i = 0; i < SPACES; i++)
        for (const struct space_facts *s = f->spaces[i]; s; s = s->next)
            count += take_table(&s->facts, deed, list ? list + count : NULL);
    return count;
}

int facts_list(const struct facts *f, enum deed deed, const struct fact ***ret, size_t *ret_count)
{
    const size_t count = take_all(f, deed, NULL);
    const struct fact **list = calloc(count + 1, sizeof(*list));
    if (!list)
        return -ENOMEM;
    *ret_count = take_all(f, deed, list);
    *ret = list;
    return 0;
}
