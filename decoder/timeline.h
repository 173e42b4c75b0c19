/*
 * timeline.h (published): the numbers of a whole recording: peaks, totals by kind and by call, and series over time.
 *
 * A timeline is fed with every moment that decoder_apply() gives, live or from a file, and holds a fixed amount of
 * memory: series have TIMELINE_BUCKETS buckets, whose width doubles when the recording outgrows them.
 */
#ifndef BRKWATER_TIMELINE_H
#define BRKWATER_TIMELINE_H

#include "decoder.h"

enum { TIMELINE_BUCKETS = 1024, TIMELINE_LARGEST = 5 };

enum series { SERIES_RESIDENT, SERIES_VIRTUAL, SERIES_HEAP, SERIES_COUNT };

/* Bytes of memory of one kind, over all spaces. */
struct kind_totals {
    uint64_t live; /* now, over all spaces */
    uint64_t peak;
    uint64_t mapped, unmapped; /* by calls: the churn */
    uint64_t calls;
};

/* Of one call. */
struct call_totals {
    uint64_t count, errors;
    uint64_t mapped, unmapped;
    uint64_t ticks; /* time in the call */
};

/* One of the largest changes. */
struct large_event {
    uint64_t event, time, bytes;
    uint32_t pid, call, stack;
    enum kind kind;
    bool unmapped;
};

/* A value and when it was reached. */
struct peak {
    uint64_t bytes;
    uint64_t time;
    uint32_t pid; /* whose event or sample made it */
};

struct totals {
    uint64_t time; /* of the last record */
    uint64_t events, errors;
    uint64_t processes, threads, most_threads;

    struct peak resident, virtual_;     /* sum over the processes that live at the instant */
    struct peak one_resident;           /* the largest single process */
    uint64_t kernel_peak_resident;      /* largest VmHWM of a process: may lie between two samples */
    bool ended;                         /* the `end` numbers below are known */
    uint64_t end_resident, end_virtual; /* of the command itself, just before it lost its space */
    uint64_t end_anon, end_file, end_shmem, end_swap;
    uint64_t most_mappings; /* lines of maps in one space, at a checkpoint */

    uint64_t heap_grown, heap_trimmed; /* bytes, over all spaces */
    uint64_t heap_grow_calls, heap_trim_calls, brk_calls;
    struct peak heap; /* highest sum of the heaps */
    uint64_t end_heap;

    uint64_t stacks[STACK_TRUNCATED + 1]; /* events by enum stack_quality of their stack */
    uint64_t without_stack;               /* events that have none, although others have one */

    uint64_t minflt, majflt;
    uint64_t samples;

    struct kind_totals kinds[KIND_COUNT];
    uint64_t end_kinds[KIND_COUNT]; /* of the command's last space, just before it was lost */
    struct call_totals calls[CALL_COUNT];
    struct large_event largest[TIMELINE_LARGEST]; /* by bytes, largest first; bytes 0: unused */
    uint64_t notes[NOTE_CODES];                   /* how often each note was made */
};

struct timeline;

struct timeline *timeline_new(void);
void timeline_free(struct timeline *timeline);

/* After decoder_apply() of the same record. */
void timeline_add(struct timeline *timeline, const struct decoder *decoder, const struct moment *moment);

const struct totals *timeline_totals(const struct timeline *timeline);

/* `columns` values of a series from tick 0 to the last record: the highest of each stretch of time. */
void timeline_series(const struct timeline *timeline, enum series series, unsigned columns, uint64_t *ret_values);

/* The peak of resident (or of mapped) memory of one process; pid 0: of all together.  False when unknown. */
bool timeline_peak(const struct timeline *timeline, const struct decoder *decoder, uint32_t pid, bool of_virtual,
                   struct peak *ret_peak);

/* A stack of the call site that mapped the most memory of a kind; 0 when none is known. */
uint32_t timeline_maker(const struct timeline *timeline, const struct decoder *decoder, enum kind kind);

/* pid of the command itself, 0 before it was seen. */
uint32_t timeline_command(const struct timeline *timeline);

#endif
