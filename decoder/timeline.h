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

/* The peak of resident (or of mapped) memory of the process with that index.  False when unknown. */
bool timeline_process_peak(const struct timeline *timeline, size_t index, bool of_virtual, struct peak *ret_peak);

/* The same of the newest process with that pid; pid 0: of all together. */
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

/* ---- the whole recording in detail, for pictures ---- */

enum {
    SURVEY_BUCKETS = 16384,     /* of time, in the series of all processes together */
    SURVEY_SLOT_BUCKETS = 1024, /* in those of one process; in sums by stack at most */
    SURVEY_SLOTS = 64,          /* processes that have series of their own, at most */
};

/* What is known before records are added. */
struct survey_plan {
    uint64_t ticks;        /* length of the recording */
    uint64_t peak;         /* tick of the highest resident memory */
    const uint32_t *slots; /* indexes of the processes that get series of their own; copied */
    size_t n_slots;
};

/* Columns of series.  A level holds until the next change: _MIN and _MAX are those within the bucket, the value at its
 * start included, _LAST is that at its end.  The others are sums over the bucket. */
enum survey_column {
    SURVEY_RESIDENT_LAST,
    SURVEY_RESIDENT_MIN,
    SURVEY_RESIDENT_MAX,
    SURVEY_VIRTUAL_LAST,
    SURVEY_VIRTUAL_MIN,
    SURVEY_VIRTUAL_MAX,
    SURVEY_HEAP_LAST,
    SURVEY_HEAP_MIN,
    SURVEY_HEAP_MAX,
    SURVEY_KIND_LAST, /* one for each kind, from here on */
    SURVEY_KIND_MAX = SURVEY_KIND_LAST + KIND_COUNT,
    SURVEY_SAMPLES = SURVEY_KIND_MAX + KIND_COUNT, /* of resident memory: none, and the level is an old one */
    SURVEY_MINOR,                                  /* page faults */
    SURVEY_MAJOR,
    SURVEY_ERRORS,
    SURVEY_MAPPED, /* bytes of address space that came and went in calls */
    SURVEY_RETURNED,
    SURVEY_CALL, /* calls: one for each call, from here on */
    SURVEY_COLUMNS = SURVEY_CALL + CALL_COUNT
};

/* A run of pages that had one birth and the same attributes for a while: it is there at t when born <= t < died. */
struct survey_life {
    struct segment segment;
    struct segment_role role;
    uint64_t born, died; /* ticks */
    uint32_t space;      /* index in survey_spaces() */
    uint32_t protects;   /* how often its access was changed before */
};

/* Addresses where something was mapped at some time, with what lies between if that is less than 64 MiB. */
struct survey_extent {
    uint32_t space; /* index in survey_spaces() */
    tracee_addr start, end;
};

struct survey_space {
    uint32_t id;
    size_t process;      /* index; SIZE_MAX: unknown */
    uint64_t start, end; /* ticks; one more than the recording's when it did not end */
};

/* A look at the resident pages of a space. */
struct survey_look {
    uint32_t space;  /* index in survey_spaces() */
    uint32_t reason; /* enum residency_reason */
    uint64_t time;
    tracee_addr end; /* what lies from there on was not looked at; 0: all was */
    uint32_t parts;
};

/* What of a life was resident then. */
struct survey_part {
    uint32_t life; /* index in survey_lives() */
    uint64_t resident;
};

struct survey_thread {
    uint32_t tid;
    size_t process;
    uint64_t start, end;
};

/* What code with one stack did in one bucket. */
struct survey_item {
    uint32_t bucket;
    uint64_t calls, mapped, returned, faults, ticks;
    uint64_t touched; /* bytes of pages that it touched first, as far as page faults were seen */
};

struct survey;

/* Before the first record is applied, as it follows the decoder from then on; it is freed before the decoder is.  NULL
 * without memory. */
struct survey *survey_new(struct decoder *decoder, const struct survey_plan *plan);
void survey_free(struct survey *survey);

/* After decoder_apply() of each record.  0 or -ENOMEM. */
int survey_add(struct survey *survey, const struct decoder *decoder, const struct moment *moment);

/* Behind the last record.  0 or -ENOMEM. */
int survey_end(struct survey *survey, const struct decoder *decoder);

/* Values of a column, *ret_buckets of them; NULL when all are 0.  Slot 0 is of all processes, N of the process
 * plan.slots[N - 1]. */
const uint64_t *survey_series(const struct survey *survey, size_t slot, int column, size_t *ret_buckets);

/* How many calls a process made; it need not have a slot. */
uint64_t survey_events(const struct survey *survey, size_t process);

/* In order of birth.  *ret_instants is 0 when all lives are there; else those are left out that were at none of the
 * ticks k * ticks / instants, nor at the peak. */
const struct survey_life *survey_lives(const struct survey *survey, size_t *ret_count, uint64_t *ret_instants);
const struct survey_extent *survey_extents(const struct survey *survey, size_t *ret_count);
const struct survey_space *survey_spaces(const struct survey *survey, size_t *ret_count);
const struct survey_thread *survey_threads(const struct survey *survey, size_t *ret_count);

/* In order of time; NULL past the last.  *ret_parts are those of lives of which something was resident: of all others
 * that were there, nothing was.  Some looks are left out when they are too many: survey_looks_taken() tells how many
 * there were. */
const struct survey_look *survey_look_at(const struct survey *survey, size_t index,
                                         const struct survey_part **ret_parts);
uint64_t survey_looks_taken(const struct survey *survey);

/* Of time, in the sums by stack: SURVEY_SLOT_BUCKETS, or a half, a quarter of that and so on where those would be too
 * many sums.  After survey_end(). */
size_t survey_row_buckets(const struct survey *survey);

/* Rows of sums by stack; false past the last.  The stack is the index of stack_sums_at(); the slot is 0 for processes
 * without one. */
bool survey_row(const struct survey *survey, size_t index, size_t *ret_slot, size_t *ret_stack, size_t *ret_items);

/* The items of a row: *at is 0 at first, and the survey's afterwards; false behind the last. */
bool survey_item(const struct survey *survey, size_t row, size_t *at, struct survey_item *ret_item);

/* ---- the inside of heaps ---- */

/* A heap as it was seen; lists of the record point into this. */
struct inside_heap {
    struct rec_walk walk;
    struct walk_run runs[WALK_RUNS];
    unsigned char cells[WALK_CELLS];
    uint32_t pin_stack;           /* of the growth that brought the page of the pin; 0: unknown */
    uint64_t pin_event, pin_time; /* its event, 0: it was there before; its tick */
};

/* All heaps of an address space at one moment, by address. */
struct inside {
    uint32_t space, pid;
    uint64_t time, event; /* the last event before it */
    enum walk_reason reason;
    uint64_t cost; /* ticks */
    struct inside_heap *heaps;
    size_t n_heaps;
};

/* Whether the walk came to the end of the heap. */
bool inside_is_whole(const struct inside_heap *heap);

struct inside_sums {
    size_t heaps;
    uint64_t size, used, free, top; /* free: in bins, tcaches and fastbins */
    uint64_t pages, top_pages, unseen;
};

/* Of all heaps, or of that of the main arena only. */
struct inside_sums inside_sums(const struct inside *inside, bool main_only);

/* The heap of the main arena, NULL when it has none. */
const struct inside_heap *inside_main(const struct inside *inside);

/* "exit", "peak", ...; "top", "corrupt", ... */
const char *walk_reason_name(enum walk_reason reason);
const char *walk_end_name(enum walk_end end);

struct insides;

struct insides *insides_new(void);
void insides_free(struct insides *insides);

/* After decoder_apply() of each record.  Without memory, heaps are left out. */
void insides_add(struct insides *insides, const struct decoder *decoder, const struct moment *moment);

/* The last look into a space that is alive; NULL: there was none.  Valid until the next insides_add(), as the others.
 */
const struct inside *insides_last(const struct insides *insides, uint32_t space);

/* The last look into a space of the command's, alive or ended; into the one where most could be given back below the
 * top. */
const struct inside *insides_command(const struct insides *insides);
const struct inside *insides_worst(const struct insides *insides);

/* Those of the whole recording. */
const struct insides *timeline_insides(const struct timeline *timeline);

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
    UNIT_ADDRESS,
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
    uint64_t start, end;  /* ticks between which it shows; end 0: until the recording ends */
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

/* ---- what other settings of malloc would have done ---- */

/* Those of glibc's malloc: mallopt(3).  What is not set is as at first. */
struct whatif_settings {
    bool has_mmap, has_trim, has_pad, has_arenas;
    uint64_t mmap_threshold, trim_threshold, top_pad, arena_max;
    bool trim_at_idle; /* malloc_trim(0) when nothing is to be done: where the heaps' inside was seen last */
};

/* What was done, or would be. */
struct whatif_side {
    uint64_t growths, trims, trimmed; /* of the heap, by brk(2); bytes */
    uint64_t chunks, chunk_calls;     /* blocks with mappings of their own; calls that map, resize and unmap them */
    uint64_t heap_high, heap_end;     /* bytes */
    uint64_t arenas, reserved;        /* heaps of threads that were made; bytes of address space for them */
};

struct whatif_result {
    struct whatif_side was, would;
    uint64_t moved_in;                   /* blocks that had mappings, and would be in the heap */
    uint64_t moved_out, moved_out_bytes; /* growths of the heap for blocks that would have mappings */
    uint64_t foreign;                    /* changes of the break that are not malloc's */
    bool set_by_program;                 /* it seems to set a threshold itself, and so would not obey */
    enum confidence confidence;
    bool idle_known; /* of trim_at_idle: there was a look inside */
    uint64_t idle_time, idle_bytes;
};

struct whatif;

/* Of one space.  NULL without memory. */
struct whatif *whatif_new(const struct whatif_settings *settings, uint32_t space);
void whatif_free(struct whatif *whatif);

/* After heaps_add() of each record, with the step that it gave. */
void whatif_add(struct whatif *whatif, const struct decoder *decoder, const struct moment *moment,
                const struct heap_step *step);

/* With what else is known of the space: its thresholds, its story and the last look into it (NULL: none). */
struct whatif_result whatif_result(const struct whatif *whatif, const struct heap_thresholds *thresholds,
                                   const struct heap_story *story, const struct inside *inside);

#endif
