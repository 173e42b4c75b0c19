/*
 * tracee.h: the traced threads, their processes, and the address spaces that they run in.
 *
 * What is always true: a tracee that is bound has a process and a space; a process with a tracee is in the table; a
 * space lives as long as a tracee uses it.  State of memory belongs to the space, never to a pid.
 */
#ifndef BRKWATER_TRACEE_H
#define BRKWATER_TRACEE_H

#include "arch.h"
#include "spans.h"
#include "wait.h"

#include <sched.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* A call between its entry and its exit. */
struct call_in_flight {
    bool active;           /* its entry was seen */
    bool running;          /* it was let into the kernel: it has an entry number */
    bool exclusive;        /* has the turn in its space, or had it until it got stuck (order.h) */
    bool overlapped;       /* ran beside another layout call of its space */
    bool beside;           /* runs beside layout calls: it may split and merge mappings (order.h) */
    bool stuck;            /* others have overtaken it: counted as stuck, not as inside (order.h) */
    bool untraced_cleared; /* CLONE_UNTRACED was taken out */
    struct call_args args;
    uint64_t number; /* of the system call, in its ABI */
    uint64_t ip, sp;
    uint64_t time, entry; /* tick and sequence number of the entry */
    uint64_t minflt, majflt;
    uint32_t stack;    /* id of the call stack at entry, 0: none */
    char *text, *list; /* malloc'ed; NULL for none */
    size_t text_size, list_size;
};

struct space_code;

/* An address space (the kernel's mm). */
struct space {
    uint32_t id;
    struct space_code *code;               /* what stack capture knows of it; NULL: nothing yet */
    unsigned users;                        /* tracees in it that have not begun to exit */
    pid_t inside;                          /* the thread whose layout call has the turn, 0: none */
    uint64_t since;                        /* tick at which it was let in */
    unsigned beside;                       /* calls in the kernel that may split and merge mappings, and no more */
    unsigned stuck;                        /* layout calls that others have overtaken, and that have not returned */
    struct tracee *waiting, *waiting_last; /* tracees held in their entry stop until it is their turn */
    int maps;                              /* descriptor of its maps file, -1 while not open */
    uint64_t layout_calls;                 /* since the last checkpoint */
    bool grows_down;                       /* MAP_GROWSDOWN was used: memory may come without a call */
    uint64_t stack_start;                  /* of the main stack when its map was first read, 0: unknown */
    bool advises_fork;                     /* MADV_DONTFORK was used: a fork copies less than the map shows */
    bool fork_unsure;                      /* and some of that memory may have been moved, in a way not known */
    bool locks_memory;                     /* mlock or MAP_LOCKED was used: any call may fault pages in */
    bool told;                             /* its last state was recorded: it is being let go */
    struct spans unknown;                  /* where calls left an effect that only the map tells: to be read back */
    uint64_t timer;                        /* tick from which on a checkpoint by time is due */
    uint64_t timer_cost;                   /* ticks that the last one took */
    tracee_addr brk, brk_start;            /* the break, and the lowest that it was, as far as calls have told */
    uint64_t brk_looked; /* bytes between the two when the heap was looked at by itself (heap_look.h) */
    uint64_t look_round; /* the last look into all spaces that it was part of */
    struct space *next;  /* in the list of spaces with waiters */
};

struct process {
    pid_t pid;
    int dir;          /* /proc/PID, -1 when it could not be opened */
    uint32_t watched; /* space that the sampler reads through `dir`, 0: none */
    unsigned threads;
    unsigned moving; /* of these, when they are brought to a stop: those that do not stand still yet */
    char comm[17];
    struct process *next; /* in its hash bucket */
};

/* Where a thread runs (placement.h). */
struct placement {
    bool pinned; /* it may run on `cpu` only */
    int cpu;
    cpu_set_t mask;  /* where it may run otherwise */
    unsigned streak; /* events that came close together */
    uint64_t seen;   /* tick of its last entry, or of its exit; 0: none yet */
};

struct tracee {
    pid_t tid;
    struct process *process; /* NULL while unbound: stopped, but its parent's stop has not told yet whose it is */
    struct space *space;     /* NULL while unbound, and once it is on its way out */
    struct call_in_flight call;
    struct call_in_flight restarting; /* active: interrupted by a signal, expected to be entered again */
    struct placement placement;
    struct stop first_stop; /* of an unbound tracee: served once it is bound */
    bool has_first_stop;
    pid_t target;        /* process that it was attached to as a thread of; 0: it was made by a tracee */
    bool late;           /* attached, and has not stopped yet: it may be in a call that nobody saw the entry of */
    bool foreign;        /* in a call that is not recorded: the next stop of a call is its exit */
    bool waits;          /* in one that may fail only because the thread was stopped */
    bool gets_signals;   /* those sent to its process by the kernel or by a pid go through it: see detach.c */
    bool still;          /* kept in its stop, until it is released or goes on */
    bool in_group_stop;  /* and that is one of job control */
    uint64_t stopped_at; /* tick of that stop */
    bool died_in_exec;   /* killed inside execve: its map may be the new program's already, of which nothing is known */
    bool exiting;        /* passed STOP_EXITING: no longer counted in its space */
    bool held;           /* in its space's queue */
    bool restore_clone;  /* a new child whose register must be put back */
    enum abi clone_abi;  /* of the clone call that made it */
    struct tracee *next; /* in its hash bucket */
    struct tracee *after; /* in the queue of its space */
};

struct tracee_table {
    struct tracee *tracees[1024];
    struct process *processes[256];
    unsigned n_tracees, n_unbound, n_processes;
    uint32_t last_space;
};

/* NULL when unknown. */
struct tracee *tracee_find(const struct tracee_table *table, pid_t tid);

/* A tracee whose process is not known yet.  NULL without memory. */
struct tracee *tracee_new(struct tracee_table *table, pid_t tid);

/* Make it a thread of a process, in the process's space or another. */
void tracee_bind(struct tracee_table *table, struct tracee *tracee, struct process *process, struct space *space);

/* Give it another tid: a thread that called execve takes its leader's. */
void tracee_rename(struct tracee_table *table, struct tracee *tracee, pid_t tid);

/* Forget it.  Its process goes with its last thread; its space must have been left before (space_leave). */
void tracee_forget(struct tracee_table *table, struct tracee *tracee);

/* Walk all tracees; `body` may forget the one at hand. */
void tracee_each(struct tracee_table *table, void (*body)(struct tracee *tracee, void *context), void *context);

/* Drop what the call holds, and make it inactive. */
void call_clear(struct call_in_flight *call);

struct process *process_find(const struct tracee_table *table, pid_t pid);
struct process *process_new(struct tracee_table *table, pid_t pid);

struct space *space_new(struct tracee_table *table);
void space_enter(struct space *space);

/* One user less; true when it was the last, and the caller must space_free(). */
bool space_leave(struct space *space);
void space_free(struct space *space);

/* Descriptor of its maps, opened through any of its threads; -errno when it can't be. */
int space_maps(struct space *space, pid_t tid);

#endif
