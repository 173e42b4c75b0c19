/*
 * state.c: the decoder's state, field by field; each function both writes and reads.
 *
 * Tables whose order means nothing are written in the order of their keys, so that two decoders that know the same also
 * write the same.  What is read is checked as a record would be: segments are in order and do not overlap.
 */
#include "state.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static void damaged(struct pack *p)
{
    if (!p->error)
        p->error = -TRACE_E_DAMAGED;
}

/* ---- header ---- */

static void header_text(struct decoder *d, struct pack *p, size_t index, struct text *text)
{
    size_t size = text->size;
    pack_text(p, &d->header_texts[index], &size);
    if (!p->reading)
        return;
    text->data = d->header_texts[index];
    text->size = text->data ? size : 0;
}

static void visit_header(struct decoder *d, struct pack *p)
{
    struct rec_header *h = &d->header;
    pack_bool(p, &d->has_header);
    pack_u32(p, &h->major);
    pack_u32(p, &h->minor);
    pack_u64(p, &h->wall_ns);
    pack_u32(p, &h->page_size);
    pack_u32(p, &h->clock_ticks);
    pack_u64(p, &h->max_map_count);
    pack_u32(p, &h->sample_interval);
    pack_u32(p, &h->flags);
    header_text(d, p, 0, &h->version);
    header_text(d, p, 1, &h->machine);
    header_text(d, p, 2, &h->kernel);
    header_text(d, p, 3, &h->cwd);
    header_text(d, p, 4, &h->argv);
}

/* ---- counters ---- */

static void visit_mapping(struct pack *p, struct rec_mapping *m)
{
    pack_u64(p, &m->start);
    pack_near(p, &m->end, m->start);
    pack_u64(p, &m->offset);
    pack_u32(p, &m->prot);
    pack_u32(p, &m->shared);
    pack_u32(p, &m->file);
}

static void visit_drift(struct pack *p, struct drift *drift)
{
    pack_u64(p, &drift->time);
    pack_u64(p, &drift->event);
    pack_u32(p, &drift->pid);
    pack_u32(p, &drift->space);
    pack_u64(p, &drift->start);
    pack_u64(p, &drift->end);
    pack_bool(p, &drift->replayed);
    pack_bool(p, &drift->mapped);
    visit_mapping(p, &drift->replay);
    visit_mapping(p, &drift->kernel);
}

static void visit_sight(struct pack *p, struct rec_fault_sight *sight)
{
    pack_u64(p, &sight->time);
    pack_u32(p, &sight->sight);
    pack_u32(p, &sight->error);
    pack_u32(p, &sight->rings);
    uint64_t *numbers[] = {&sight->ring_bytes, &sight->seen,   &sight->lost,
                           &sight->unplaced,   &sight->stacks, &sight->by_ip};
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
        pack_u64(p, numbers[i]);
}

static void visit_counters(struct decoder *d, struct pack *p)
{
    uint64_t *counters[] = {&d->time,      &d->events,         &d->checkpoints, &d->read_backs,   &d->drifts,
                            &d->unordered, &d->contradictions, &d->impossible,  &d->threads_seen, &d->most_threads};
    for (size_t i = 0; i < sizeof(counters) / sizeof(counters[0]); i++)
        pack_u64(p, counters[i]);
    pack_bool(p, &d->personalities);
    visit_sight(p, &d->fault_sight);
    visit_drift(p, &d->first_drift);
}

/* ---- files ---- */

static void visit_file(struct decoder *d, struct pack *p, size_t index)
{
    struct file_model none = {0}, *f = p->reading ? &none : &d->files[index];
    char *path = (char *)(uintptr_t)f->info.path.data;
    bool there = path != NULL;
    pack_bool(p, &there);
    if (!there)
        return;
    pack_u32(p, &f->info.major);
    pack_u32(p, &f->info.minor);
    pack_u64(p, &f->info.inode);
    pack_text(p, &path, &f->info.path.size);
    pack_u64(p, &f->shm_size);
    if (!p->reading || !path)
        return;
    struct rec_file record = {.id = (uint32_t)index + 1,
                              .major = f->info.major,
                              .minor = f->info.minor,
                              .inode = f->info.inode,
                              .path = {path, f->info.path.size}};
    if (!p->error)
        p->error = model_file(d, &record);
    struct file_model *made = model_file_find(d, record.id);
    if (made)
        made->shm_size = f->shm_size;
    free(path);
}

static void visit_files(struct decoder *d, struct pack *p)
{
    size_t count = d->n_files;
    pack_count(p, &count, 1);
    for (size_t i = 0; i < count && !p->error; i++)
        visit_file(d, p, i);
}

/* ---- processes and threads ---- */

static void visit_process(struct decoder *d, struct pack *p, size_t index)
{
    struct process_model none = {0}, *process = p->reading ? &none : &d->processes[index];
    struct process_info *info = &process->info;
    size_t exe_size = process->exe ? strlen(process->exe) : 0, comm_size = strlen(process->comm);
    char *exe = process->exe, *comm = process->comm;
    pack_u32(p, &info->pid);
    pack_u32(p, &info->parent);
    pack_u32(p, &info->space);
    pack_bool(p, &info->ended);
    pack_u32(p, &info->status);
    pack_u32(p, &info->attach.own_pid);
    pack_u32(p, &info->attach.threads);
    pack_u64(p, &info->attach.pause);
    pack_text(p, &comm, &comm_size);
    pack_text(p, &exe, &exe_size);
    if (!p->reading)
        return;
    struct process_model *made = p->error ? NULL : model_process_new(d, info->pid, info->parent);
    if (made) {
        made->info.space = info->space;
        made->info.ended = info->ended;
        made->info.status = info->status;
        made->info.attach = info->attach;
        memset(made->comm, 0, sizeof(made->comm));
        memcpy(made->comm, comm, comm_size < sizeof(made->comm) ? comm_size : sizeof(made->comm) - 1);
        free(made->exe);
        made->exe = exe_size ? exe : NULL;
        exe = exe_size ? NULL : exe;
    } else if (!p->error) {
        p->error = -ENOMEM;
    }
    free(comm);
    free(exe);
}

static int by_tid(const void *a, const void *b)
{
    const struct task_model *const *one = a, *const *two = b;
    return (*one)->tid < (*two)->tid ? -1 : (*one)->tid > (*two)->tid;
}

/* All threads that are alive, in order; malloc'ed, NULL without memory. */
static struct task_model **sorted_tasks(struct decoder *d, size_t *ret_count)
{
    size_t count = 0;
    struct task_model **list = calloc(d->threads_alive + 1, sizeof(struct task_model *));
    for (size_t i = 0; i < TASK_BUCKETS && list; i++)
        for (struct task_model *t = d->tasks[i]; t; t = t->next)
            list[count++] = t;
    if (list)
        qsort(list, count, sizeof(struct task_model *), by_tid);
    *ret_count = count;
    return list;
}

static void visit_task(struct decoder *d, struct pack *p, struct task_model *task)
{
    pack_u32(p, &task->tid);
    pack_u32(p, &task->pid);
    pack_u32(p, &task->space);
    pack_bool(p, &task->read_implies_exec);
    if (!p->reading || p->error)
        return;
    p->error = model_task_add(d, task->tid, task->pid, task->space);
    struct task_model *made = p->error ? NULL : model_task_find(d, task->tid);
    if (made)
        made->read_implies_exec = task->read_implies_exec;
}

static void visit_tasks(struct decoder *d, struct pack *p)
{
    size_t count = 0;
    struct task_model **list = p->reading ? NULL : sorted_tasks(d, &count);
    if (!p->reading && !list)
        p->error = -ENOMEM;
    pack_count(p, &count, 4);
    for (size_t i = 0; i < count && !p->error; i++) {
        struct task_model none = {0};
        visit_task(d, p, list ? list[i] : &none);
    }
    free(list);
}

/* ---- address spaces ---- */

static void visit_segment(struct pack *p, struct segment *s, const struct segment *before)
{
    pack_near(p, &s->start, before->end);
    pack_near(p, &s->end, s->start);
    pack_u64(p, &s->offset);
    pack_near(p, &s->birth, before->birth);
    pack_near(p, &s->born, before->born);
    pack_u32(p, &s->owner);
    pack_u32(p, &s->stack);
    pack_u32(p, &s->file);
    pack_u8(p, &s->prot);
    pack_u8(p, &s->kind);
    pack_u16(p, &s->flags);
    pack_u8(p, &s->page_shift);
}

static bool is_sound(const struct segment *s, const struct segment *before)
{
    return s->start >= before->end && s->end > s->start && (s->start | s->end) % TRACE_PAGE == 0 &&
           s->kind < KIND_COUNT && s->page_shift < 64;
}

static void write_segments(struct space_model *space, struct pack *p)
{
    struct segment before = {0};
    for (const struct segment *at = segments_find(&space->segments, 0); at && !p->error;
         at = segments_find(&space->segments, before.end)) {
        struct segment s = *at;
        visit_segment(p, &s, &before);
        before = s;
    }
}

static void read_segments(struct space_model *space, struct pack *p, size_t count)
{
    struct segment before = {0};
    for (size_t i = 0; i < count && !p->error; i++) {
        struct segment s = {0};
        visit_segment(p, &s, &before);
        if (p->error || !is_sound(&s, &before)) {
            damaged(p);
            return;
        }
        segments_insert(&space->segments, &s);
        before = s;
    }
    if (space->segments.failed && !p->error)
        p->error = -ENOMEM;
}

static void visit_loads(struct space_model *space, struct pack *p)
{
    size_t count = space->n_biases;
    pack_count(p, &count, 1);
    for (uint32_t module = 1; module < count && !p->error; module++) {
        uint64_t bias = p->reading ? 0 : space->biases[module];
        pack_u64(p, &bias);
        if (p->reading && bias && !p->error)
            p->error = model_load(space, module, bias);
    }
}

static void visit_residency(struct space_model *space, struct pack *p)
{
    struct rec_residency *r = &space->residency;
    uint64_t *const numbers[] = {&r->time,     &r->cost,     &r->rss_kib,
                                 &r->pss_kib,  &r->anon_kib, &r->lazy_kib,
                                 &r->huge_kib, &r->swap_kib, &space->residency_event};
    size_t count = r->n_runs;
    pack_u32(p, &r->reason);
    if (!r->reason || p->error)
        return;
    pack_u32(p, &r->space);
    pack_u32(p, &r->pid);
    pack_u32(p, &r->flags);
    pack_u32(p, &r->huge_looked);
    pack_u32(p, &r->huge_zero);
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
        pack_u64(p, numbers[i]);
    pack_count(p, &count, 3);
    if (p->reading && !p->error && !(space->runs = calloc(count + 1, sizeof(*space->runs))))
        p->error = -ENOMEM;
    tracee_addr end = 0;
    for (size_t i = 0; i < count && !p->error; i++) {
        struct rec_page_run *run = &space->runs[i];
        pack_near(p, &run->start, end);
        pack_u64(p, &run->pages);
        pack_u32(p, &run->flags);
        if (run->start < end || run->start >> 47 || run->pages > (UINT64_C(1) << 35))
            damaged(p);
        end = run->start + run->pages * TRACE_PAGE;
    }
    r->n_runs = (uint32_t)count;
    r->runs = space->runs;
    if (p->error)
        model_forget_residency(space);
}

static void visit_space(struct decoder *d, struct pack *p, struct space_model *space)
{
    const struct segment none = {0};
    uint64_t heap_start = space->heap_start, heap_end = space->heap_end;
    size_t count = space->segments.count;
    pack_bool(p, &space->has_baseline);
    pack_u64(p, &space->last_event);
    pack_u64(p, &space->last_exit);
    pack_u64(p, &space->resident);
    pack_u64(p, &heap_start);
    pack_u64(p, &heap_end);
    visit_segment(p, &space->pattern, &none);
    touched_visit(&space->segments.touched, p);
    visit_residency(space, p);
    visit_loads(space, p);
    pack_count(p, &count, 12);
    if (!p->reading) {
        write_segments(space, p);
        return;
    }
    d->resident_bytes += space->resident;
    model_set_heap(d, space, heap_start, heap_end);
    read_segments(space, p, count);
}

static void visit_spaces(struct decoder *d, struct pack *p)
{
    uint32_t id = 0;
    for (;;) {
        id = p->reading ? 0 : decoder_next_space(d, id);
        pack_u32(p, &id);
        if (!id || p->error)
            return;
        struct space_model *space = model_space(d, id);
        uint32_t pid = space ? space->pid : 0;
        pack_u32(p, &pid);
        if (p->reading && space) {
            damaged(p); /* twice */
            return;
        }
        if (p->reading && !(space = model_space_new(d, id, pid))) {
            p->error = -ENOMEM;
            return;
        }
        visit_space(d, p, space);
    }
}

/* ---- */

static int visit(struct decoder *d, struct pack *p)
{
    size_t processes = d->n_processes;
    visit_header(d, p);
    visit_files(d, p);
    pack_count(p, &processes, 10);
    for (size_t i = 0; i < processes && !p->error; i++)
        visit_process(d, p, i);
    visit_tasks(d, p);
    visit_spaces(d, p);
    visit_counters(d, p); /* last: making threads counts them */
    return p->error;
}

int state_save(struct decoder *d, struct pack *p)
{
    return visit(d, p);
}

int state_load(struct decoder *d, struct pack *p)
{
    int error = visit(d, p);
    return error ? error : p->at == p->end ? 0 : -TRACE_E_DAMAGED;
}
