/*
 * decoder.h (published): read a trace, or take records as they are made, and know at each of them what every address
 * space looks like.
 *
 *     struct trace *trace;
 *     trace_open("t.brkw", &trace);
 *     struct decoder *decoder = decoder_new();
 *     while (trace_next(trace, &record) == 1)
 *         decoder_apply(decoder, &record, &moment);
 *
 * Nothing is kept of an event once it is applied: memory grows with live segments, processes, files, never with events.
 * Units are those of trace.h: ticks of 100 ns, bytes.
 */
#ifndef BRKWATER_DECODER_H
#define BRKWATER_DECODER_H

#include "code.h"

/* What a run of pages is for.  The names of kind_name() appear in every output. */
enum kind {
    KIND_NONE,
    KIND_HEAP,      /* between the start of the heap and the break */
    KIND_ARENA,     /* a glibc heap that is not the main one: part of a 64 MiB-aligned reservation */
    KIND_CHUNK,     /* an mmapped chunk of glibc's malloc */
    KIND_STACK,     /* of a thread */
    KIND_IMAGE,     /* of a program or library: text, data, bss */
    KIND_FILE,      /* another mapped file */
    KIND_SHARED,    /* memory shared with other processes, without a file that has a name of its own */
    KIND_ANONYMOUS, /* none of the others */
    KIND_GUARD,     /* the PROT_NONE edge of a stack */
    KIND_KERNEL,    /* made by the kernel for itself: vdso, vvar, io rings */
    KIND_COUNT
};

/* "heap", "arena", ... ; "none" for KIND_NONE. */
const char *kind_name(enum kind kind);

enum segment_flag {
    SEGMENT_SHARED = 1 << 0,
    SEGMENT_GROWS_DOWN = 1 << 1, /* the kernel lowers its start by itself */
    SEGMENT_DONT_FORK = 1 << 2,
    SEGMENT_WIPE_ON_FORK = 1 << 3,
    SEGMENT_KERNEL_MADE = 1 << 4, /* no call made it: exec image, grown stack, repaired at a checkpoint */
    SEGMENT_FOUND = 1 << 6,       /* no call made it, and it was not there at the baseline: a checkpoint found it */
    SEGMENT_ATTACHED = 1 << 7,    /* it was there when its process was attached to: born before that */
    SEGMENT_NAMED = 1 << 5,       /* `file` is a name of the kernel's ([stack], [vdso]), not a file: it has no offset */
    SEGMENT_WAS_OPEN = 1 << 8,    /* mprotect(2) took its first protection, under which it could be accessed */
    SEGMENT_WAS_WRITABLE = 1 << 9, /* the same, and written */
    SEGMENT_RUN_ON = 1 << 10,      /* a stack that was given to a thread: `owner` runs on it, or ran */
};

/*
 * A run of pages with one birth.  Segments are finer than the kernel's mappings, which merge neighbours of equal
 * attributes; a segment never merges with one of another birth.
 *
 * Example: after mmap(NULL, 12288, ...) as event 7 by thread 71, and munmap of the middle page, two segments of 4096
 * bytes are left, both with birth 7, owner 71.
 */
struct segment {
    tracee_addr start, end; /* page aligned, end exclusive */
    uint64_t offset;        /* in the file, of `start`; 0 for anonymous memory */
    uint64_t birth;         /* event that mapped it; 0: it was there at the baseline */
    uint64_t born;          /* tick of that; of SEGMENT_ATTACHED the tick of the attaching */
    uint32_t owner;         /* tid that mapped it; for a thread's stack the thread that runs on it */
    uint32_t stack;         /* call stack of its birth; 0: unknown */
    uint32_t file;          /* decoder_file() id, 0 for anonymous memory */
    uint8_t prot;           /* PROT_ bits */
    uint8_t kind;           /* enum kind, as born; segment_kind() tells what it is now */
    uint16_t flags;         /* enum segment_flag */
    uint8_t page_shift;     /* of huge pages (hugetlb): log2 of their bytes; 0 for pages of the usual size */
    uint32_t life;          /* private */
};

/* What a segment is now: the part of a stack that can't be touched (PROT_NONE) is its guard. */
enum kind segment_kind(const struct segment *segment);

/* What a segment is within its kind.  The names of role_name() appear in outputs. */
enum role {
    ROLE_NONE,
    ROLE_TEXT,      /* image: code */
    ROLE_RODATA,    /* image: never writable */
    ROLE_RELRO,     /* image: made read-only once it was relocated */
    ROLE_DATA,      /* image: writable part of the file */
    ROLE_BSS,       /* image: writable, without a file behind it */
    ROLE_MAIN,      /* stack: the one that execve made */
    ROLE_THREAD,    /* stack, guard: of the thread `owner`, which is alive */
    ROLE_ENDED,     /* stack, guard: of the thread `owner`, which has ended; kept for the next thread, or leaked */
    ROLE_RESERVED,  /* no access yet: address space only */
    ROLE_CLOSED,    /* no access any more */
    ROLE_GUARD,     /* anonymous: some pages without access beside memory of the same call */
    ROLE_JIT,       /* executable, and writable now or before: code that was made at run time */
    ROLE_SYSV,      /* shared: shmget(2) */
    ROLE_POSIX,     /* shared: shm_open(3) */
    ROLE_MEMFD,     /* shared: memfd_create(2) */
    ROLE_INHERITED, /* shared: MAP_SHARED | MAP_ANONYMOUS, with children only */
    ROLE_SHARED,    /* file: MAP_SHARED */
    ROLE_PRIVATE,   /* file: MAP_PRIVATE */
    ROLE_RING,      /* kernel: io_setup(2), io_uring_setup(2), perf_event_open(2) */
    ROLE_VDSO,      /* kernel: vdso, vvar, vsyscall */
    ROLE_COUNT
};

/* Whose memory it is. */
enum runtime {
    RUNTIME_NONE,
    RUNTIME_GLIBC, /* malloc of the C library */
    RUNTIME_JEMALLOC,
    RUNTIME_TCMALLOC,
    RUNTIME_MIMALLOC,
    RUNTIME_GO,
    RUNTIME_V8,
    RUNTIME_JVM,
    RUNTIME_PYTHON,
    RUNTIME_MUSL,
    RUNTIME_SANITIZER,
    RUNTIME_LOADER, /* ld.so, for itself */
    RUNTIME_COUNT
};

struct segment_role {
    enum role role;
    enum runtime runtime; /* of anonymous memory, arenas and chunks */
    bool guess;           /* told by form or by what lies around, not by the names of the code that made it */
};

/* "text", "reserved", ...; "jemalloc", "v8", ...; "" for none. */
const char *role_name(enum role role);
const char *runtime_name(enum runtime runtime);

/* What one record changed. */
struct change {
    uint64_t mapped, unmapped;        /* bytes of address space that came and went */
    enum kind kind;                   /* of the memory that the call was about, as born: a stack's guard is stack */
    uint64_t heap_before, heap_after; /* size of the heap, for brk */
    uint64_t lived;      /* ticks since the birth of the memory that went, when all of it had one birth, else 0 */
    uint32_t lost_stack; /* call stack of that birth; 0: none, or unknown */
    bool grew_by_kernel; /* a checkpoint found stack growth or the like, and took it over */
};

/* What the faults of a run came to. */
struct touch {
    uint64_t first;   /* pages that were touched for the first time since they were mapped */
    uint64_t outside; /* pages where nothing is mapped, as far as is known */
};

/* What is known after decoder_apply(). */
struct moment {
    const struct record *record;
    uint64_t event; /* id when the record is an event, else 0 */
    uint64_t time;  /* tick; of the last timed record when this one has none.  An event's time is its *exit* */
    uint32_t pid, space;
    struct change change;
    bool compared;               /* the record was a checkpoint of the whole map, and the replay was compared with it */
    unsigned drift;              /* differences that this comparison found */
    const struct touch *touches; /* REC_FAULTS: of each of its runs; NULL: its space is not known */
};

/* One difference between the replay and the kernel's map. */
struct drift {
    uint64_t time;
    uint64_t event; /* last event before it */
    uint32_t pid, space;
    tracee_addr start, end;
    bool replayed, mapped;             /* the replay, the kernel has something there */
    struct rec_mapping replay, kernel; /* valid where the above are true */
};

/* A name or file of a mapping. */
struct file_info {
    uint32_t major, minor;
    uint64_t inode;
    struct text path;
};

/* An address space that is alive. */
struct space_info {
    uint32_t space;
    uint32_t pid;   /* process that runs in it (the one that it was made for) */
    uint64_t bytes; /* mapped */
    uint64_t by_kind[KIND_COUNT];
    uint64_t segments;
    uint64_t heap;                    /* size of the heap */
    tracee_addr heap_start, heap_end; /* the break has byte granularity; 0 when unknown */
    uint64_t resident;                /* bytes, by the last sample; 0 before the first */
};

/* A process of the recording, alive or ended. */
struct process_info {
    size_t index;         /* of decoder_process_at() */
    uint32_t pid, parent; /* parent process, 0 for the command */
    size_t parent_at;     /* its index, + 1, as pids are used again; 0: unknown */
    uint32_t space;       /* where it is, or was last */
    bool ended;
    uint32_t status;          /* wait status, when ended */
    struct rec_attach attach; /* threads 0: it was not attached to */
    const char *comm;         /* short name, "" when unknown */
    const char *exe;          /* path, "" when unknown */
};

struct decoder;

struct decoder *decoder_new(void);
void decoder_free(struct decoder *decoder);

/* Take the next record.  0 with *ret_moment filled, or -ENOMEM.  A record that contradicts those before it (an unknown
 * space, an impossible range) is counted in decoder_contradictions() and otherwise ignored: traces are not trusted. */
int decoder_apply(struct decoder *decoder, const struct record *record, struct moment *ret_moment);

/* The time that decoder_apply() would give for a record: its tick, or the last one for those without. */
uint64_t decoder_time_of(const struct decoder *decoder, const struct record *record);

/* Highest tick so far. */
uint64_t decoder_time(const struct decoder *decoder);
uint64_t decoder_events(const struct decoder *decoder);
uint64_t decoder_checkpoints(const struct decoder *decoder);
uint64_t decoder_drift(const struct decoder *decoder);

/* Ranges that were taken over from the kernel's map, because calls left an effect there that their results do not tell
 * (they failed half-way, were interrupted, or overlapped others). */
uint64_t decoder_read_backs(const struct decoder *decoder);
uint64_t decoder_unordered(const struct decoder *decoder);
uint64_t decoder_contradictions(const struct decoder *decoder);

/* Events that mapped over live pages although MAP_FIXED was not asked for, and layout calls that began before another
 * one of their space, recorded earlier, had ended: the order or the replay is wrong.  Those that are marked as of
 * unknown order claim nothing, and do not count. */
uint64_t decoder_impossible(const struct decoder *decoder);

/* The first difference found, or NULL when there was none. */
const struct drift *decoder_first_drift(const struct decoder *decoder);

/* The header record, its texts copied; NULL before it was seen. */
const struct rec_header *decoder_header(const struct decoder *decoder);

/* The end record, or NULL before it was seen. */
const struct rec_end *decoder_end(const struct decoder *decoder);

/* What tracing has cost the processes that were attached to, NULL before the end or when there were none. */
const struct rec_cost *decoder_cost(const struct decoder *decoder);

/* How page faults were seen: the last word on it, NULL before there was one. */
const struct rec_fault_sight *decoder_fault_sight(const struct decoder *decoder);

/* Bytes of that range of a live space which page faults have touched since they were mapped. */
uint64_t decoder_touched(const struct decoder *decoder, uint32_t space, tracee_addr start, tracee_addr end);

/* Whether a page was touched, and by which stack first (0: unknown). */
bool decoder_toucher(const struct decoder *decoder, uint32_t space, tracee_addr address, uint32_t *ret_stack);

/* Bytes of a segment. */
struct pages {
    uint64_t resident, swapped, huge; /* huge: of those resident, in transparent huge pages */
};

/* What resident memory is made of. */
struct receipt {
    uint64_t time;
    uint32_t pid, space;
    uint32_t reason;   /* enum residency_reason */
    uint64_t rss;      /* bytes, by the kernel (smaps_rollup); 0: unknown */
    uint64_t resident; /* of segments, by their pages: the sum of by_kind */
    uint64_t by_kind[KIND_COUNT];
    uint64_t swapped, huge, lazy; /* lazy: MADV_FREE, still counted as resident */
    uint64_t touched;             /* of resident: of which it is known who touched it */
    uint32_t huge_looked, huge_zero;
};

/* The last look at resident pages of a live space, and the last event before it; NULL: there was none. */
const struct rec_residency *decoder_residency(const struct decoder *decoder, uint32_t space, uint64_t *ret_event);

/* What of a segment was resident then, as far as it was counted as such. */
void decoder_pages(const struct decoder *decoder, uint32_t space, const struct segment *segment, struct pages *ret);

/* The same by who touched it first, if that is known, piece by piece; `take` returns 0, or an error that ends it. */
int decoder_touchers(const struct decoder *decoder, uint32_t space, const struct segment *segment,
                     int (*take)(void *context, bool known, uint32_t stack, uint64_t bytes), void *context);

/* False when there was no look. */
bool decoder_receipt(const struct decoder *decoder, uint32_t space, struct receipt *ret);

/* NULL when there is no such file or name. */
const struct file_info *decoder_file(const struct decoder *decoder, uint32_t file);

/* False when the space is not alive. */
bool decoder_space(const struct decoder *decoder, uint32_t space, struct space_info *ret_info);

/* Sums over all live spaces: bytes mapped by kind (KIND_COUNT values), bytes of heap, bytes resident by the last
 * samples. */
const uint64_t *decoder_kind_bytes(const struct decoder *decoder);
uint64_t decoder_heap_bytes(const struct decoder *decoder);
uint64_t decoder_resident_bytes(const struct decoder *decoder);

/* Walk live spaces: call with 0 first, then with the last id; 0 when there are no more. */
uint32_t decoder_next_space(const struct decoder *decoder, uint32_t after);

/* The segment that holds `addr`, or the first one above it; false when there is none. */
bool decoder_segment(const struct decoder *decoder, uint32_t space, tracee_addr addr, struct segment *ret_segment);

/* What a segment of that live space is for, as well as the names that are known by now tell it. */
struct segment_role decoder_role(const struct decoder *decoder, uint32_t space, const struct segment *segment);

/* NULL when no such process was seen.  Of a pid that was used twice: the last. */
const struct process_info *decoder_process(const struct decoder *decoder, uint32_t pid);

/*
 * Page faults of the recording, by the counters in its samples; all zero bytes at first.
 *
 * Counters of a process never fall: each sample counts by how much they rose since the one before, and one that is out
 * of order adds nothing.  They begin with the process.  Of one that was attached to, the first sample only tells what
 * was there before: it is taken while the process is stopped to be attached to, so nothing of the recording is lost.
 * (There are two exceptions.  A process that shares the memory of another one is not sampled with it: what came before
 * its own first sample is not counted.  Nor is that of a child of which it is not known whose it is.)
 */
struct fault_counts {
    struct fault_count *list; /* by process index */
    size_t count;
};

struct fault_rise {
    uint64_t minor, major;
};

/* After decoder_apply().  0 or -ENOMEM. */
int fault_counts_add(struct fault_counts *counts, const struct decoder *decoder, const struct rec_sample *sample,
                     struct fault_rise *ret_rise);
void fault_counts_free(struct fault_counts *counts);

/* The process of that index in order of appearance, NULL past the last. */
const struct process_info *decoder_process_at(const struct decoder *decoder, size_t index);

/* Threads seen in all, and the most that were alive at once. */
uint64_t decoder_threads(const struct decoder *decoder, uint64_t *ret_most);

/* The code behind events: its own, or what decoder_set_code() gave it.  Never NULL. */
struct code *decoder_code(const struct decoder *decoder);

/* Let it use code that is known already, with all names, in place of its own; NULL changes nothing.  Before the first
 * record. */
void decoder_set_code(struct decoder *decoder, struct code *code);

/* The runtime address of a line of a stack in a space; 0 when it is not known. */
tracee_addr decoder_pc(const struct decoder *decoder, uint32_t space, const struct code_line *line);

/* Text of a note's code, with what to do about it; never NULL. */
const char *note_text(enum note_code code);

/* ---- telling moments ---- */

/* A place in a recording: the state after so many records. */
struct place {
    uint64_t ordinal; /* counted from 1; 0: there is no such place */
    uint32_t pid, space;
    uint64_t time, event; /* tick, and the last event up to there */
};

/* Of one process: where it first had memory, where its resident and its mapped memory were highest, and its last
 * moment with an address space. */
struct process_places {
    uint32_t pid;
    uint64_t resident, virtual_; /* bytes: those highest ones */
    struct place first, peak, peak_virtual, end;
};

struct places;

struct places *places_new(void);
void places_free(struct places *places);

/* After decoder_apply() of the record with that ordinal.  0 or -ENOMEM. */
int places_add(struct places *places, const struct decoder *decoder, const struct moment *moment, uint64_t ordinal);

/* By process index (decoder_process_at()); *ret_count may be less than there are processes. */
const struct process_places *places_list(const struct places *places, size_t *ret_count);

/* ---- sums by call stack ---- */

/* What can be summed. */
enum stack_metric {
    BY_MAPPED,   /* bytes of address space that calls mapped */
    BY_LIVE,     /* bytes of address space that are there, by the call that mapped them */
    BY_RETURNED, /* bytes of address space that calls unmapped */
    BY_TOUCHED,  /* bytes of pages that were touched for the first time */
    BY_RESIDENT, /* bytes that were resident when last looked at, by the call that mapped them */
    BY_KEPT,     /* the same, by who touched them first */
    BY_FAULTS,   /* page faults: as far as they are seen, and inside of calls */
    BY_CALLS,    /* calls */
    BY_TIME,     /* ticks spent in calls */
    STACK_METRICS
};

/* Whose sum it is. */
enum stack_origin {
    ORIGIN_STACK,    /* a call stack's */
    ORIGIN_NONE,     /* of calls whose stack was not captured, or is lost */
    ORIGIN_EXECVE,   /* of the memory that new programs began with: no stack of theirs asked for it */
    ORIGIN_KERNEL,   /* of memory that the kernel made by itself */
    ORIGIN_ATTACHED, /* of memory that was there when its process was attached to: who made it is not known */
};

struct stack_sum {
    enum stack_origin origin;
    uint32_t stack; /* id, of ORIGIN_STACK */
    uint64_t values[STACK_METRICS];
};

/*
 * Sums of a whole recording, by the stack of each call: memory grows with distinct stacks.
 *
 * What execve maps counts as ORIGIN_EXECVE, its call and its time by its own stack.  Memory lives until its process
 * ends: what is there when a space ends counts as live, unless the space ended because its process went on with another
 * program.
 */
struct stack_sums;

/* The first sums are of what has no stack; that of the stack with id N comes N - 1 behind them. */
enum { STACK_SUMS_NONE, STACK_SUMS_EXECVE, STACK_SUMS_KERNEL, STACK_SUMS_ATTACHED, STACK_SUMS_STACKS };

/* Index of a stack's sum; one that is not known is none. */
size_t stack_sums_index(const struct decoder *decoder, uint32_t stack);

/* Page faults that an event counts for its stack: those inside of it, unless they are seen one by one. */
uint64_t stack_sums_faults(const struct decoder *decoder, const struct rec_event *event);

/* Index of the sum that a segment belongs to: its stack's, or that of what made it. */
size_t stack_sums_of_segment(const struct decoder *decoder, const struct segment *segment);

/* Of one process, or of all when `pid` is 0. */
struct stack_sums *stack_sums_new(uint32_t pid);
void stack_sums_free(struct stack_sums *sums);

/* Before and after decoder_apply() of each record.  0 or -ENOMEM. */
int stack_sums_before(struct stack_sums *sums, const struct decoder *decoder, const struct record *record);
int stack_sums_add(struct stack_sums *sums, const struct decoder *decoder, const struct moment *moment);

/* What is there now counts as live: behind the last record, or instead of all, at the moment that is asked for.  0 or
 * -ENOMEM. */
int stack_sums_now(struct stack_sums *sums, const struct decoder *decoder);

/* One sum after another from index 0; NULL past the last. */
const struct stack_sum *stack_sums_at(const struct stack_sums *sums, size_t index);

/* Address spaces whose memory was counted as live. */
uint64_t stack_sums_spaces(const struct stack_sums *sums);

/* All page faults that the samples of these processes counted, those outside of calls included. */
uint64_t stack_sums_all_faults(const struct stack_sums *sums);

/* ---- stacks as a tree ---- */

enum stack_order {
    FROM_OUTERMOST, /* at the root what called first, at the leaves what made the call; functions are told apart */
    FROM_SITE,      /* at the root call sites (code_site()), behind them their callers; lines are told apart, and what
                     * a C library does before main or a thread's function is left out; stacks without any other
                     * code than a C library's have its module at the root (is_runtime) */
};

/* A function, or a place in one, with all stacks that have the same way from the root to here. */
struct stack_node {
    enum stack_origin origin;
    bool missing;          /* in place of callers that a truncated stack lacks; no line */
    struct code_line line; /* of one of its stacks, for ORIGIN_STACK */
    uint64_t value, own;   /* of all its stacks, and of those that end here */
    uint64_t calls;        /* of all its stacks */
    uint32_t parent;
    uint32_t first, next; /* child with the largest value, and the next smaller one of the same parent; 0: none */
};

struct stack_tree {
    struct stack_node *nodes; /* the first is the root: it has the totals, and no line */
    uint32_t count;
    uint64_t stacks;   /* distinct stacks with a value that is not 0 */
    uint64_t by_calls; /* part of the total that is a stack's, or that should have had a stack */
    uint64_t by_whole; /* part of that with complete stacks */
    uint64_t by_guess; /* and with stacks that go to the outermost frame, but by frames found without unwind tables */
    uint32_t *ends;    /* by index of the sum: the node where it ends; 0: it is not in the tree */
    size_t n_ends;
};

/* The tree of one metric; STACK_METRICS: every stack that has a sum counts as 1.  Texts in its lines are those of
 * `code`: valid until the next code_apply().  0 or -ENOMEM. */
int stack_tree_new(const struct stack_sums *sums, struct code *code, enum stack_metric metric, enum stack_order order,
                   struct stack_tree **ret_tree);
void stack_tree_free(struct stack_tree *tree);

/* What code is part of. */
enum code_kind {
    CODE_OF_PROGRAM,
    CODE_OF_LIBRARY,
    CODE_OF_LIBC,   /* also the loader, and libraries that are allocators */
    CODE_OF_NOBODY, /* made by the kernel, or by the program while it ran */
    CODE_KINDS
};

enum code_kind code_kind(const struct code_line *line);

/* ---- the field's names for the numbers in a call ---- */

enum { FLAG_NAMES_MAX = 40 };

/* A bit set taken apart. */
struct flag_list {
    size_t count;
    const char *names[FLAG_NAMES_MAX]; /* in the order in which strace prints them; constants */
    uint64_t rest;                     /* bits without a name, to be printed in hex */
};

/*
 * Names of a bit set or of a value of the given kind (ARG_PROT, ARG_MAP_FLAGS, ARG_MREMAP_FLAGS, ARG_ADVICE,
 * ARG_SHM_FLAGS, ARG_MLOCK_FLAGS, ARG_MCL_FLAGS, ARG_CLONE_FLAGS, ARG_SHADOW_FLAGS, ARG_PRCTL_OPTION, ARG_PRCTL_SUB).
 * An empty set has the name that strace gives it ("PROT_NONE", "0" has none).  Kinds that have no names give count 0
 * and everything in rest.
 */
void argument_flags(enum arg_kind kind, uint64_t value, struct flag_list *ret_list);

/* One of the names of a kind: a number has it when its bits of `mask` are `value`. */
struct flag_field {
    uint64_t mask, value;
    const char *name;
};

/* All of them from index 0, in the order in which they are printed; false past the last. */
bool argument_field(enum arg_kind kind, size_t index, struct flag_field *ret_field);

/* The bits that the kernel looks at: the lower half, where it takes an int. */
uint64_t argument_mask(enum arg_kind kind);

/* "ENOMEM"; NULL for a number without a name. */
const char *errno_name(uint32_t error);

/* "SIGSEGV"; NULL for a number without a name. */
const char *signal_name(unsigned signal);

/* ---- reading a file ---- */

struct trace;

/* What could not be read. */
struct trace_loss {
    bool cut;     /* the file ends in the middle of a frame */
    bool damaged; /* a frame in the middle could not be decoded and was passed over */
    uint64_t damaged_frames;
    uint64_t bytes;        /* of the file that were not read because of it */
    uint64_t unknown;      /* records of kinds newer than this program */
    uint64_t first_offset; /* where in the file the first loss is */
    bool names;            /* the names behind the recording are damaged: `brkwater symbolize` makes them anew */
};

/* 0, -errno, -TRACE_E_NOT_A_TRACE, -TRACE_E_CUT or -TRACE_E_NEWER. */
int trace_open(const char *path, struct trace **ret_trace);
void trace_close(struct trace *trace);

/* 1 with *ret_record (valid until the next call), 0 at the end of what can be read, or -errno. */
int trace_next(struct trace *trace, struct record *ret_record);

/*
 * What is worked out once a recording has ended, and added behind its end:
 *
 * - keyframes, which let a reader start in the middle: the decoder's state about every `every` events, unless the
 *   recording is shorter than that;
 * - names for all frames, if there are any.
 */
struct finish_options {
    uint64_t every;      /* 0: no keyframes */
    uint64_t max_size;   /* bytes of the file; what would go beyond it is left out; 0: no limit */
    struct namer *namer; /* NULL: no names */
};

enum { FINISH_EVERY = 150000 }; /* events: some 30 ms of replay */

/* Of a recording that is whole, and has nothing added yet.  What can't be written whole is taken back.  0;
 * -EFBIG when there was no room for the names, and the recording is without; -errno. */
int trace_finish(const char *path, const struct finish_options *options);

/* Find all names again, also of a recording that was cut off; keyframes stay.  0 or -errno. */
int trace_symbolize(const char *path, struct namer *namer);

/* All code of the recording, with its names, as it was added behind the end; NULL when it was not.  It is the trace's:
 * code_hold() it. */
struct code *trace_code(const struct trace *trace);

/* How many keyframes the trace has; 0 for none, or when they are another version's. */
size_t trace_keyframes(const struct trace *trace);

enum seek_by {
    SEEK_ORDINAL, /* the state after at most so many records */
    SEEK_EVENT,   /* before that event */
    SEEK_TIME,    /* before the first record after that tick */
};

/* Go to the last keyframe that is no later, or to the start: trace_next() goes on from there.  0 with a new decoder
 * (decoder_free()) and the number of records that it has seen, or -errno, -TRACE_E_... */
int trace_seek(struct trace *trace, enum seek_by by, uint64_t value, struct decoder **ret_decoder,
               uint64_t *ret_ordinal);

/* The number of records before the keyframe that trace_seek() would go to, 0 for the start. */
uint64_t trace_keyframe_before(const struct trace *trace, enum seek_by by, uint64_t value);

/* The moments of every process of the recording, from the keyframes; NULL when there are none. */
const struct process_places *trace_places(const struct trace *trace, size_t *ret_count);

/* Compare the decoder, which has seen `ordinal` records of this trace, with the keyframe of that place: 1 when they
 * agree or there is none, 0 when they differ, or -errno.  Reading goes on where it was. */
int trace_check_keyframe(struct trace *trace, struct decoder *decoder, uint64_t ordinal);

const struct trace_loss *trace_loss(const struct trace *trace);

/* Bytes of the file. */
uint64_t trace_size(const struct trace *trace);

#endif
