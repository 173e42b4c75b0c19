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
    uint64_t end_reserved;  /* of end_virtual, anonymous address space without access */
    uint64_t most_mappings; /* lines of maps in one space, at a checkpoint */

    uint64_t heap_grown, heap_trimmed; /* bytes, over all spaces */
    uint64_t heap_grow_calls, heap_trim_calls, brk_calls;
    struct peak heap; /* highest sum of the heaps */
    uint64_t end_heap;

    uint64_t stacks[STACK_TRUNCATED + 1]; /* events by enum stack_quality of their stack */
    uint64_t without_stack;               /* events that have none, although others have one */

    uint64_t minflt, majflt;
    uint64_t faults_seen;                   /* one by one, of tracees */
    uint64_t faults_in_calls;               /* by the counters over calls, where those are not seen one by one */
    uint64_t faults_by_stack, faults_by_ip; /* of both: with a stack, with the instruction alone */
    struct receipt end_receipt;             /* of the command itself; time 0: none */
    struct receipt high_receipt;            /* the one with the most resident memory */
    uint64_t touched;                       /* bytes that were touched for the first time */
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

/* ---- what malloc does ---- */

/* What an event did to the heap, to glibc's arenas and to its mmapped chunks. */
enum heap_act {
    HEAP_NOTHING,
    HEAP_GROWN,        /* the break went up */
    HEAP_TRIMMED,      /* the break went down */
    HEAP_DROPPED,      /* pages of the heap were given back, its addresses were kept: madvise(2) */
    HEAP_ARENA_MADE,   /* address space was reserved for an arena, or for one more heap of one */
    HEAP_ARENA_GROWN,  /* a part of it was opened: mprotect(2) */
    HEAP_ARENA_SHRUNK, /* pages of it were given back: madvise(2), or mmap(2) over them */
    HEAP_ARENA_ENDED,  /* it was unmapped */
    HEAP_CHUNK_MAPPED, /* a large block with a mapping of its own */
    HEAP_CHUNK_RESIZED,
    HEAP_CHUNK_UNMAPPED,
    HEAP_MEASURED, /* no event: a sample, which tells what became of the trims since the one before */
    HEAP_ACTS
};

/* "grown", "trimmed", ... */
const char *heap_act_name(enum heap_act act);

/* Example: brk from 172K to 32K is {HEAP_TRIMMED, .bytes = 143360, .size = 32768}. */
struct heap_step {
    enum heap_act act;
    uint64_t bytes; /* by which it grew or shrank; of HEAP_MEASURED, promised by the trims that are measured */
    uint64_t size;  /* afterwards: of the heap, of what is open of the arena, of the chunk; else 0 */
    tracee_addr at; /* of the arena, of the chunk; else 0 */
    uint64_t resident_before, resident_after; /* of HEAP_MEASURED, as what follows */
    uint64_t returned, returned_most;         /* at least, and at most if each page fault brought one page */
};

/* Of all events that did the same with the same stack. */
struct heap_sum {
    uint32_t stack; /* 0: unknown */
    enum heap_act act;
    uint64_t calls, bytes;
    uint64_t last; /* tick */
};

struct heap_count {
    uint64_t calls, bytes;
};

enum { ARENA_THREADS = 6 };

/* A heap of an arena that is not the main one; an arena has one or more. */
struct heap_arena {
    tracee_addr start;
    uint64_t reserved, open; /* bytes; those that can be accessed: the highest, for they are not closed again */
    uint64_t event, time;    /* that made it; event 0: it was there when its process was attached to */
    uint32_t stack;          /* of that */
    struct heap_count grown, shrunk;
    uint32_t threads[ARENA_THREADS]; /* that made it or grew it, the first ones */
    uint32_t n_threads;              /* all of them, as far as they are in the list; more: see more_threads */
    bool more_threads;
};

/* The dynamic mmap threshold went up, because a chunk larger than it was freed. */
struct heap_move {
    uint64_t event, time;
    uint64_t from, to;          /* mmap threshold; the trim threshold is twice that from then on */
    uint32_t stack, born;       /* stacks that freed the chunk, and that had it mapped; 0: unknown */
    bool at_most;               /* it was aligned (memalign(3)): `to` is no higher than this, but may be lower */
    uint64_t chunks;            /* that had been mapped until then, and would no longer be */
    uint64_t moved, moved_time; /* the first event in which a caller that had such chunks grew the heap; 0: none yet */
    uint32_t moved_stack;
};

/* Of one address space, or of all. */
struct heap_story {
    uint32_t space; /* 0: of all */
    bool glibc;     /* its malloc asked for memory */
    bool is_32_bit;
    bool attached; /* what its malloc did before is not known */
    struct heap_count acts[HEAP_ACTS];
    uint64_t high, high_time;                 /* largest size of the heap */
    uint64_t chunk_bytes, chunk_high, chunks; /* mapped now; most; how many there are now */
    uint64_t promised;                        /* bytes that trims of heap and arenas promised to give back */
    uint64_t measured;                        /* the part of it with a sample before and behind */
    uint64_t returned;                        /* by which resident memory fell for that, at least */
    uint64_t returned_most;                   /* and at most, if each page fault meanwhile brought one page */
    uint64_t arenas_high;                     /* most heaps of arenas at once */
    const struct heap_arena *arenas;          /* that are there */
    size_t n_arenas;
};

/* With every growth the heap gets so much more than was asked for, unless the program has set another M_TOP_PAD:
 * mallopt(3). */
enum { HEAP_TOP_PAD = 128 << 10 };

/* What shows that the program has set a threshold: no dynamic one explains it. */
enum heap_sign {
    SIGN_NONE,
    SIGN_SMALL_CHUNK,  /* a block was mapped that is below the threshold */
    SIGN_LARGE_GROWTH, /* the heap grew by more than a block below the threshold needs */
    SIGN_SMALL_GROWTH, /* the heap grew by less than malloc's spare room */
    SIGN_SMALL_TRIM,   /* free() trimmed so little that less than the trim threshold was free */
};

/* What glibc's malloc does with large blocks. */
struct heap_thresholds {
    uint64_t mmap, trim; /* bytes: from that size on blocks are mapped; so much at the heap's top is trimmed */
    bool unknown;        /* they are the defaults, but its process was attached to, and may have moved them before */
    struct heap_move *moves; /* free() them; none later than the sign */
    size_t n_moves;
    enum heap_sign sign; /* the program has set something: then `mmap` and `trim` are what it was before, if dynamic */
    uint64_t sign_event, sign_time, sign_bytes; /* where that shows, and the size of what was mapped, grew or shrank */
};

/* Who caused a trim, by the names of the stack. */
enum heap_cause {
    CAUSE_UNKNOWN,
    CAUSE_FREE,        /* free() trims by itself when there is much at the top */
    CAUSE_MALLOC_TRIM, /* the program called malloc_trim() */
    CAUSE_REALLOC,     /* realloc(): more is needed, or the rest is given back */
    CAUSE_MALLOC,      /* the allocation of memory */
    CAUSE_PROGRAM,     /* not malloc: the program called brk(2), sbrk(3) or madvise(2) by itself */
    HEAP_CAUSES
};

enum heap_cause heap_cause(const struct code *code, uint32_t stack);

/* Whether the stack that made an arena's heap added it to one that was full. */
bool heap_is_further(const struct code *code, uint32_t stack);

struct heaps;

struct heaps *heaps_new(void);
void heaps_free(struct heaps *heaps);

/* After decoder_apply() of each record: what it did.  Without memory, sums are left out. */
struct heap_step heaps_add(struct heaps *heaps, const struct decoder *decoder, const struct moment *moment);

/* The space whose malloc asked for most; it may have ended.  0: there is none. */
uint32_t heaps_main_space(const struct heaps *heaps);

/* NULL when nothing is known of that space, or it has ended and is not the main one; 0: all together.  Valid until the
 * next heaps_add(). */
const struct heap_story *heaps_story(const struct heaps *heaps, uint32_t space);

/* Sums of a space, or of all, one after another from index 0; NULL past the last. */
const struct heap_sum *heaps_sum(const struct heaps *heaps, uint32_t space, size_t index);

/* 0 with *ret to be freed by its owner, or -ENOMEM.  As far as names are known, chunks that realloc() gave back do not
 * count, as they do not for malloc. */
int heaps_thresholds(const struct heaps *heaps, uint32_t space, const struct code *code,
                     struct heap_thresholds *ret_thresholds);

/* Those of the whole recording. */
const struct heaps *timeline_heaps(const struct timeline *timeline);

/* ---- findings ---- */

enum severity {
    SEVERITY_NOTE,    /* worth knowing; nothing is wrong */
    SEVERITY_WARNING, /* it costs memory or time, or will */
    SEVERITY_PROBLEM, /* it fails, or is about to */
};

/* How sure it is that the finding means what it says. */
enum confidence {
    CONFIDENCE_LOW,    /* other reasons are as likely */
    CONFIDENCE_MEDIUM, /* it is the likely reason */
    CONFIDENCE_HIGH,   /* the events leave no other reading */
};

const char *severity_name(enum severity severity);
const char *confidence_name(enum confidence confidence);

enum number_unit {
    UNIT_COUNT,
    UNIT_BYTES,
    UNIT_TICKS,
    UNIT_PERCENT,
    UNIT_RATE, /* bytes a second */
};

struct finding_number {
    const char *name; /* "left", "calls": a constant */
    enum number_unit unit;
    uint64_t value;
};

enum { FINDING_NUMBERS = 8, FINDING_EVENTS = 4, FINDING_STACKS = 3 };

/*
 * Something that is worth a sentence, as it was found in one process.
 *
 * Texts are constants.  In `sentence` and `advice`, {left} stands for the number of that name, {site} and {site2} for
 * the call sites of the first two stacks, {calls:call:calls} for a number with its noun, {call} for the name of `call`
 * and {error} for that of `error`.  `see` is the command that shows more, in which {trace} stands for the trace and
 * {event} for the first event.
 *
 * Example: "{site} maps memory and does not return all of it: {left} in {blocks} blocks are left".
 */
struct finding {
    const char *name; /* "growth", ...: stable */
    enum severity severity;
    enum confidence confidence;
    const char *sentence, *advice, *see;
    uint32_t pid, space;
    uint32_t call, error; /* where the sentence names them */
    struct finding_number numbers[FINDING_NUMBERS];
    size_t n_numbers;
    uint64_t events[FINDING_EVENTS];
    size_t n_events;
    uint32_t stacks[FINDING_STACKS]; /* 0: unknown */
    size_t n_stacks;
};

struct findings {
    struct finding *list; /* the most severe first */
    size_t count, capacity;
};

/* What is to be said of the recording up to here; findings_free() *ret.  Without memory, findings are left out. */
void timeline_findings(const struct timeline *timeline, const struct decoder *decoder, struct findings *ret);
void findings_free(struct findings *findings);

#endif
