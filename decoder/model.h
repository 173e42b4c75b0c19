/*
 * model.h: what the decoder knows at one point of a recording.  Internal to decoder/.
 */
#ifndef BRKWATER_MODEL_H
#define BRKWATER_MODEL_H

#include "segments.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A live address space. */
struct space_model {
    uint32_t id;
    uint32_t pid; /* process that it was made for */
    struct segments segments;
    tracee_addr heap_start, heap_end; /* the break, in bytes; heap_end 0: not known yet */
    bool has_baseline;                /* a map was seen: comparing makes sense */
    uint64_t last_event;              /* id of its last event */
    uint64_t last_exit;               /* highest exit number of a layout call */
    struct segment pattern;           /* birth of what a read-back adds: of the last event whose effect was not known */
    uint64_t resident;                /* bytes, by the last sample */
    struct rec_residency residency;   /* the last look at its pages; reason 0: none */
    struct rec_page_run *runs;        /* of it */
    uint64_t residency_event;         /* last event before it */
    uint64_t *biases;                 /* of modules, by their id; bit 0 tells that there is one */
    uint32_t n_biases;
    struct space_model *next; /* in its hash bucket */
};

struct process_model {
    struct process_info info;
    char comm[17];
    char *exe; /* malloc'ed, NULL: unknown */
};

/* tid to process; only of threads that are alive. */
struct task_model {
    uint32_t tid, pid, space;
    bool read_implies_exec; /* its personality(2): what it maps readable is executable too */
    struct task_model *next;
};

struct file_model {
    struct file_info info;
    uint64_t shm_size; /* of a SysV segment, known from its first attach */
};

enum { SPACE_BUCKETS = 256, TASK_BUCKETS = 1024 };

struct decoder {
    struct code *code;
    struct rec_header header;
    char *header_texts[5];
    bool has_header, has_end, has_cost;
    struct rec_end end;
    struct rec_cost cost;
    struct rec_fault_sight fault_sight; /* sight 0: not told of */
    struct touch *touches;              /* of the faults at hand */
    size_t touches_capacity;

    struct space_model *spaces[SPACE_BUCKETS];
    struct space_model *last_space; /* the one used last: nearly always the next one, too */
    struct task_model *tasks[TASK_BUCKETS];

    struct process_model *processes;
    size_t n_processes, processes_capacity;
    uint32_t *by_pid; /* open addressing: index + 1 of the last process with that pid */
    size_t by_pid_capacity;

    struct file_model *files; /* by id - 1 */
    size_t n_files, files_capacity;

    uint64_t time;   /* of the last timed record */
    uint64_t events; /* id of the last event */
    uint64_t checkpoints, read_backs, drifts, unordered, contradictions, impossible;
    struct drift first_drift;
    uint64_t threads_alive, threads_seen, most_threads;
    bool personalities; /* some thread had READ_IMPLIES_EXEC: worth asking for each event */

    uint64_t by_kind[KIND_COUNT]; /* over all live spaces */
    uint64_t heap_bytes, resident_bytes;

    const struct segments_watch *watch; /* of all spaces; NULL: nobody */

    enum call
        left_out; /* BRKWATER_FAULT=leave-out:CALL: the replay ignores this call, to show that the proof can fail */

    /* Differences of the comparison at hand. */
    struct drift *differences;
    size_t n_differences, differences_capacity;
};

/* spaces.c: lookup and life of spaces */
struct space_model *model_space(struct decoder *decoder, uint32_t id);
const struct space_model *model_space_const(const struct decoder *decoder, uint32_t id);
/* Bytes mapped, and resident by the last sample; false when there is no such space. */
bool model_space_bytes(const struct decoder *decoder, uint32_t id, uint64_t *ret_mapped, uint64_t *ret_resident);
struct space_model *model_space_new(struct decoder *decoder, uint32_t id, uint32_t pid);
void model_space_end(struct decoder *decoder, struct space_model *space);
void model_free_spaces(struct decoder *decoder);

/* Size of the heap in whole pages. */
uint64_t model_heap_size(const struct space_model *space);

/* Move the break, and keep the sum over all spaces right. */
void model_set_heap(struct decoder *decoder, struct space_model *space, tracee_addr start, tracee_addr end);

/* The bias of a module in the space; -ENOMEM without memory, -TRACE_E_DAMAGED for an impossible id. */
int model_load(struct space_model *space, uint32_t module, uint64_t bias);
int model_copy_loads(struct space_model *to, const struct space_model *from);

/* processes.c: threads and processes */
int model_task(struct decoder *decoder, const struct rec_task *task);
int model_exec(struct decoder *decoder, const struct rec_exec *exec);
void model_exit(struct decoder *decoder, const struct rec_exit *exit);
void model_attach(struct decoder *decoder, const struct rec_attach *attach);
/* Add one; NULL or -ENOMEM without memory.  A new process has the names of its parent. */
struct process_model *model_process_new(struct decoder *decoder, uint32_t pid, uint32_t parent);
int model_task_add(struct decoder *decoder, uint32_t tid, uint32_t pid, uint32_t space);

/* NULL when there is no such thread, or it has ended. */
struct task_model *model_task_find(struct decoder *decoder, uint32_t tid);
struct process_model *model_process(const struct decoder *decoder, uint32_t pid);
void model_free_processes(struct decoder *decoder);

/* faults.c */
int model_faults(struct decoder *decoder, const struct rec_faults *faults, struct moment *ret_moment);

/* residency.c */
int model_residency(struct decoder *decoder, const struct rec_residency *residency, struct moment *ret_moment);
void model_forget_residency(struct space_model *space);
/* decoder_pages(), of any look. */
void model_pages(const struct decoder *decoder, const struct rec_residency *residency, const struct segment *segment,
                 struct pages *ret);

/* files.c */
int model_file(struct decoder *decoder, const struct rec_file *file);
struct file_model *model_file_find(const struct decoder *decoder, uint32_t id);
/* False for names that the kernel makes up: [stack], [anon:x]. */
bool model_is_file(const struct decoder *decoder, uint32_t id);
bool model_path_starts(const struct decoder *decoder, uint32_t id, const char *start);
void model_free_files(struct decoder *decoder);

/* replay.c: what a call does to its space */
void replay_event(struct decoder *decoder, struct space_model *space, const struct rec_event *event,
                  struct change *ret_change);

/* kinds.c: what new memory is for */
enum kind kind_of_mapping(const struct decoder *decoder, const struct space_model *space, const struct rec_event *event,
                          const struct segment *segment, const struct removal *replaced);
enum kind kind_of_line(const struct decoder *decoder, const struct rec_mapping *line, const struct segment *below,
                       bool by_exec);
/* Arenas and stacks among the anonymous memory of a process that was attached to, by their form, a guess; and what is
 * left of its images. */
void kinds_of_baseline(struct space_model *space);

/* verify.c: the replay against the kernel's map */
int verify_checkpoint(struct decoder *decoder, struct space_model *space, const struct rec_checkpoint *checkpoint,
                      struct moment *moment);

#endif
