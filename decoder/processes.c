/* processes.c: threads and processes of the model. */
#include "model.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* ---- pid to process ---- */

static size_t pid_slot(const struct decoder *d, uint32_t pid)
{
    size_t at = pid * 2654435761u & (d->by_pid_capacity - 1);
    while (d->by_pid[at] && d->processes[d->by_pid[at] - 1].info.pid != pid)
        at = (at + 1) & (d->by_pid_capacity - 1);
    return at;
}

static int grow_by_pid(struct decoder *d)
{
    size_t capacity = d->by_pid_capacity ? d->by_pid_capacity * 2 : 64;
    uint32_t *table = calloc(capacity, sizeof(*table));
    if (!table)
        return -ENOMEM;
    free(d->by_pid);
    d->by_pid = table;
    d->by_pid_capacity = capacity;
    for (size_t i = 0; i < d->n_processes; i++) /* in order, so that the last one with a pid stays */
        d->by_pid[pid_slot(d, d->processes[i].info.pid)] = (uint32_t)i + 1;
    return 0;
}

struct process_model *model_process(const struct decoder *d, uint32_t pid)
{
    if (!d->by_pid_capacity)
        return NULL;
    uint32_t at = d->by_pid[pid_slot(d, pid)];
    return at ? &d->processes[at - 1] : NULL;
}

struct process_model *model_process_new(struct decoder *d, uint32_t pid, uint32_t parent)
{
    if (d->n_processes * 2 >= d->by_pid_capacity && grow_by_pid(d) < 0)
        return NULL;
    if (d->n_processes == d->processes_capacity) {
        size_t capacity = d->processes_capacity ? d->processes_capacity * 2 : 16;
        struct process_model *processes = reallocarray(d->processes, capacity, sizeof(*processes));
        if (!processes)
            return NULL;
        d->processes = processes;
        d->processes_capacity = capacity;
    }
    struct process_model *maker = model_process(d, parent);
    struct process_model *p = &d->processes[d->n_processes];
    *p = (struct process_model){.info = {.index = d->n_processes, .pid = pid, .parent = parent}};
    if (maker) {
        p->info.parent_at = maker->info.index + 1;
        memcpy(p->comm, maker->comm, sizeof(p->comm));
        p->exe = maker->exe ? strdup(maker->exe) : NULL;
    }
    size_t slot = pid_slot(d, pid);
    d->n_processes++;
    d->by_pid[slot] = (uint32_t)d->n_processes;
    return p;
}

/* ---- tid to process ---- */

static struct task_model **task_place(struct decoder *d, uint32_t tid)
{
    struct task_model **at = &d->tasks[tid % TASK_BUCKETS];
    while (*at && (*at)->tid != tid)
        at = &(*at)->next;
    return at;
}

static void forget_task(struct decoder *d, uint32_t tid)
{
    struct task_model **at = task_place(d, tid);
    struct task_model *task = *at;
    if (!task)
        return;
    *at = task->next;
    free(task);
    d->threads_alive--;
}

int model_task_add(struct decoder *d, uint32_t tid, uint32_t pid, uint32_t space)
{
    forget_task(d, tid); /* the tid is used again, and its end was not seen */
    struct task_model *task = malloc(sizeof(*task));
    if (!task)
        return -ENOMEM;
    struct task_model **head = &d->tasks[tid % TASK_BUCKETS];
    *task = (struct task_model){.tid = tid, .pid = pid, .space = space, .next = *head};
    *head = task;
    d->threads_seen++;
    if (++d->threads_alive > d->most_threads)
        d->most_threads = d->threads_alive;
    return 0;
}

struct task_model *model_task_find(struct decoder *d, uint32_t tid)
{
    return *task_place(d, tid);
}

static uint32_t pid_of(struct decoder *d, uint32_t tid)
{
    struct task_model *task = *task_place(d, tid);
    return task ? task->pid : tid;
}

static bool keep_at_fork(const struct segment *segment)
{
    return !(segment->flags & SEGMENT_DONT_FORK);
}

/* The thread that forked goes on, in the child under another id, on the copy of its stack. */
static void rename_owner(struct segment *segment, void *context)
{
    const struct rec_task *task = context;
    if ((segment->flags & SEGMENT_RUN_ON) && segment->owner == task->parent)
        segment->owner = task->tid;
}

static int copy_space(struct decoder *d, const struct rec_task *task)
{
    struct space_model *from = model_space(d, task->copied_from);
    struct space_model *to = model_space_new(d, task->space, task->pid);
    if (!to)
        return -ENOMEM;
    if (!from) {
        d->contradictions++;
        return 0;
    }
    segments_copy(&to->segments, &from->segments, keep_at_fork);
    if (task->parent != pid_of(d, task->parent)) /* else its stack is the main one */
        segments_change(&to->segments, 0, UINT64_MAX, rename_owner, (void *)(uintptr_t)task);
    to->has_baseline = from->has_baseline;
    to->last_exit = from->last_exit;
    model_set_heap(d, to, from->heap_start, from->heap_end);
    return to->segments.failed ? -ENOMEM : model_copy_loads(to, from);
}

int model_task(struct decoder *d, const struct rec_task *task)
{
    if (!(task->flags & TASK_THREAD)) {
        struct process_model *p = model_process_new(d, task->pid, task->parent ? pid_of(d, task->parent) : 0);
        if (!p)
            return -ENOMEM;
        p->info.space = task->space;
    }
    if (task->space && task->copied_from && !model_space(d, task->space)) {
        int error = copy_space(d, task);
        if (error)
            return error;
    } else if (task->space && !model_space(d, task->space)) {
        if (!model_space_new(d, task->space, task->pid))
            return -ENOMEM;
    }
    const struct task_model *maker = task->parent ? model_task_find(d, task->parent) : NULL;
    const bool inherited = maker && maker->read_implies_exec;
    int error = model_task_add(d, task->tid, task->pid, task->space);
    struct task_model *made = error ? NULL : model_task_find(d, task->tid);
    if (made)
        made->read_implies_exec = inherited;
    return error;
}

/* Every thread of the process but the survivor is gone. */
static void drop_threads(struct decoder *d, uint32_t pid)
{
    for (size_t i = 0; i < TASK_BUCKETS; i++)
        for (struct task_model **at = &d->tasks[i]; *at;) {
            struct task_model *task = *at;
            if (task->pid != pid || task->tid == pid) {
                at = &task->next;
                continue;
            }
            *at = task->next;
            free(task);
            d->threads_alive--;
        }
}

static void copy_name(struct process_model *p, const struct rec_exec *exec)
{
    size_t size = exec->comm.size < sizeof(p->comm) ? exec->comm.size : sizeof(p->comm) - 1;
    if (size)
        memcpy(p->comm, exec->comm.data, size);
    p->comm[size] = '\0';
    free(p->exe);
    p->exe = exec->exe.size ? strndup(exec->exe.data, exec->exe.size) : NULL;
}

int model_exec(struct decoder *d, const struct rec_exec *exec)
{
    struct process_model *p = model_process(d, exec->pid);
    if (!p) {
        d->contradictions++;
        return 0;
    }
    copy_name(p, exec);
    p->info.space = exec->space;
    if (d->threads_alive > 1)
        drop_threads(d, exec->pid);
    struct task_model *task = *task_place(d, exec->pid);
    if (task) {
        task->space = exec->space;
        task->read_implies_exec = exec->flags & EXEC_READ_IMPLIES_EXEC;
        d->personalities |= task->read_implies_exec;
    }
    if (!exec->space || model_space(d, exec->space)) {
        d->contradictions++;
        return 0;
    }
    struct space_model *space = model_space_new(d, exec->space, exec->pid);
    if (!space)
        return -ENOMEM;
    space->heap_start = exec->start_brk;
    return 0;
}

void model_attach(struct decoder *d, const struct rec_attach *attach)
{
    struct process_model *p = model_process(d, attach->pid);
    if (p)
        p->info.attach = *attach;
    else
        d->contradictions++;
}

void model_exit(struct decoder *d, const struct rec_exit *exit)
{
    forget_task(d, exit->tid);
    struct process_model *p = model_process(d, exit->pid);
    if (p && exit->last) {
        p->info.ended = true;
        p->info.status = exit->status;
    }
}

void model_free_processes(struct decoder *d)
{
    for (size_t i = 0; i < TASK_BUCKETS; i++)
        for (struct task_model *task = d->tasks[i], *next; task; task = next) {
            next = task->next;
            free(task);
        }
    for (size_t i = 0; i < d->n_processes; i++)
        free(d->processes[i].exe);
    free(d->processes);
    free(d->by_pid);
}

static const struct process_info *info_of(struct process_model *p)
{
    p->info.comm = p->comm;
    p->info.exe = p->exe ? p->exe : "";
    return &p->info;
}

const struct process_info *decoder_process(const struct decoder *d, uint32_t pid)
{
    struct process_model *p = model_process(d, pid);
    return p ? info_of(p) : NULL;
}

const struct process_info *decoder_process_at(const struct decoder *d, size_t index)
{
    return index < d->n_processes ? info_of(&d->processes[index]) : NULL;
}

uint64_t decoder_threads(const struct decoder *d, uint64_t *ret_most)
{
    *ret_most = d->most_threads;
    return d->threads_seen;
}
