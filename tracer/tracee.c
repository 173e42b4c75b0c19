/* tracee.c: tables of tracees, processes and address spaces. */
#include "tracee.h"

#include "space_code.h"

#include "maps.h"
#include "proc.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static size_t bucket(pid_t id, size_t count)
{
    return (size_t)id % count;
}

#define BUCKETS(array) (sizeof(array) / sizeof((array)[0]))

struct tracee *tracee_find(const struct tracee_table *table, pid_t tid)
{
    struct tracee *t = table->tracees[bucket(tid, BUCKETS(table->tracees))];
    while (t && t->tid != tid)
        t = t->next;
    return t;
}

static void link_tracee(struct tracee_table *table, struct tracee *tracee)
{
    struct tracee **head = &table->tracees[bucket(tracee->tid, BUCKETS(table->tracees))];
    tracee->next = *head;
    *head = tracee;
}

static void unlink_tracee(struct tracee_table *table, struct tracee *tracee)
{
    struct tracee **at = &table->tracees[bucket(tracee->tid, BUCKETS(table->tracees))];
    while (*at != tracee)
        at = &(*at)->next;
    *at = tracee->next;
}

struct tracee *tracee_new(struct tracee_table *table, pid_t tid)
{
    struct tracee *tracee = calloc(1, sizeof(*tracee));
    if (!tracee)
        return NULL;
    tracee->tid = tid;
    link_tracee(table, tracee);
    table->n_tracees++;
    table->n_unbound++;
    return tracee;
}

void tracee_bind(struct tracee_table *table, struct tracee *tracee, struct process *process, struct space *space)
{
    table->n_unbound--;
    tracee->process = process;
    tracee->space = space;
    process->threads++;
    if (space)
        space_enter(space);
}

void tracee_rename(struct tracee_table *table, struct tracee *tracee, pid_t tid)
{
    unlink_tracee(table, tracee);
    tracee->tid = tid;
    link_tracee(table, tracee);
}

static void process_forget(struct tracee_table *table, struct process *process)
{
    struct process **at = &table->processes[bucket(process->pid, BUCKETS(table->processes))];
    while (*at != process)
        at = &(*at)->next;
    *at = process->next;
    if (process->dir >= 0)
        close(process->dir);
    free(process);
    table->n_processes--;
}

void tracee_forget(struct tracee_table *table, struct tracee *tracee)
{
    unlink_tracee(table, tracee);
    table->n_tracees--;
    if (!tracee->process)
        table->n_unbound--;
    else if (--tracee->process->threads == 0)
        process_forget(table, tracee->process);
    call_clear(&tracee->call);
    call_clear(&tracee->restarting);
    free(tracee);
}

void tracee_each(struct tracee_table *table, void (*body)(struct tracee *tracee, void *context), void *context)
{
    for (size_t i = 0; i < BUCKETS(table->tracees); i++)
        for (struct tracee *t = table->tracees[i], *next; t; t = next) {
            next = t->next;
            body(t, context);
        }
}

void call_clear(struct call_in_flight *call)
{
    call->active = call->running = call->exclusive = call->overlapped = call->untraced_cleared = false;
    free(call->text);
    free(call->list);
    call->text = call->list = NULL;
    call->text_size = call->list_size = 0;
}

struct process *process_find(const struct tracee_table *table, pid_t pid)
{
    struct process *p = table->processes[bucket(pid, BUCKETS(table->processes))];
    while (p && p->pid != pid)
        p = p->next;
    return p;
}

struct process *process_new(struct tracee_table *table, pid_t pid)
{
    struct process *process = calloc(1, sizeof(*process));
    if (!process)
        return NULL;
    process->pid = pid;
    process->dir = proc_open(pid);
    if (process->dir >= 0)
        proc_comm(process->dir, process->comm);
    struct process **head = &table->processes[bucket(pid, BUCKETS(table->processes))];
    process->next = *head;
    *head = process;
    table->n_processes++;
    return process;
}

struct space *space_new(struct tracee_table *table)
{
    struct space *space = calloc(1, sizeof(*space));
    if (!space)
        return NULL;
    space->id = ++table->last_space;
    space->maps = -1;
    return space;
}

void space_enter(struct space *space)
{
    space->users++;
}

bool space_leave(struct space *space)
{
    return --space->users == 0;
}

void space_free(struct space *space)
{
    space_code_free(space->code);
    if (space->maps >= 0)
        close(space->maps);
    free(space);
}

int space_maps(struct space *space, pid_t tid)
{
    if (space->maps < 0)
        space->maps = maps_open(tid);
    return space->maps;
}
