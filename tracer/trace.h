/*
 * trace.h (published): every record of a trace, and the codec that puts records into bytes and back.
 *
 * A trace file is a concatenation of zstd frames, each with its content checksum, each holding whole records.  A record
 * is
 *
 *     varint kind, varint length, `length` bytes of payload
 *
 * so that a reader can skip a kind that it does not know, and fields that a newer minor version has added at the end of
 * a payload. The first record of the first frame is REC_HEADER; the first record of every other frame is REC_SYNC. Both
 * reset the deltas, so that each frame can be decoded by itself.  brkwater-trace(5) is the same text for readers of
 * other programs.
 *
 * In memory a record is `struct record`.  Texts and arrays in a decoded record point into storage of the codec and of
 * the decoded buffer, and are valid until the next record is decoded.
 *
 * Units: times are ticks of 100 ns of CLOCK_MONOTONIC since the start of the recording; addresses, lengths and offsets
 * are bytes.
 */
#ifndef BRKWATER_TRACE_H
#define BRKWATER_TRACE_H

#include "calls.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    TRACE_MAJOR = 1, /* a reader refuses a file of a newer major version */
    TRACE_MINOR = 4, /* newer minor versions add kinds, and fields at the end of payloads */
    TRACE_TICKS_PER_SECOND = 10000000,
    TRACE_NS_PER_TICK = 100,
    TRACE_MAX_FRAME = 16 << 20,   /* bytes of a decoded frame; a larger one is damage or malice */
    TRACE_MAX_RECORD = 12 << 20,  /* bytes of one payload */
    TRACE_MAX_TEXT = 65536,       /* bytes of one text; longer ones are cut by the tracer */
    TRACE_MAX_LIST = 4096,        /* bytes of an event's argv; a longer one is cut */
    TRACE_PAGE = 4096,            /* page size of the only architecture so far */
    TRACE_MAX_STACK = 4096,       /* frames of a stack */
    TRACE_MAX_RUNS = 65536,       /* of pages in one record */
    RESIDENCY_MAX_RUNS = 1 << 18, /* the same, of resident pages */
    TRACE_MAX_LINES = 256,        /* functions at one address: inlined ones, and the one that holds them */
};

/* An address of the tracee: a number, never to be followed. */
typedef uint64_t tracee_addr;

/* A range of the tracee's addresses, `end` exclusive. */
struct span {
    tracee_addr start, end;
};

/* Bytes that need not end in NUL and may hold anything; `size` counts them.  data may be NULL when size is 0. */
struct text {
    const char *data;
    size_t size;
};

enum record_kind {
    REC_HEADER = 1,
    REC_SYNC = 2,
    REC_TASK = 3,
    REC_EXEC = 4,
    REC_EVENT = 5,
    REC_FILE = 6,
    REC_CHECKPOINT = 7,
    REC_SAMPLE = 8,
    REC_EXIT = 9,
    REC_SPACE_END = 10,
    REC_NOTE = 11,
    REC_END = 12,
    REC_CACHE = 13,
    REC_MODULE = 14,
    REC_LOAD = 15,
    REC_FRAME = 16,
    REC_STACK = 17,
    REC_TEXT = 18,
    REC_NAMES = 19,
    REC_SYMBOLS = 20,
    REC_CODE = 21,
    REC_ATTACH = 22,
    REC_COST = 23,
    REC_WALK = 24,
    /* 25 to 29 are kept free */
    REC_FAULTS = 30,
    REC_FAULT_SIGHT = 31,
    REC_RESIDENCY = 32,
    REC_KINDS
};

/* The magic text at the start of REC_HEADER's payload, its NUL not included. */
#define TRACE_MAGIC "brkwater"

/* Once, at the very start: what was recorded, where, how. */
struct rec_header {
    uint32_t major, minor;
    uint64_t wall_ns;         /* CLOCK_REALTIME at tick 0, in ns since the epoch */
    uint32_t page_size;       /* bytes */
    uint32_t clock_ticks;     /* _SC_CLK_TCK, the unit of nothing yet, kept for readers of stat */
    uint64_t max_map_count;   /* vm.max_map_count, 0 when it could not be read */
    uint32_t sample_interval; /* ms */
    uint32_t flags;           /* enum header_flag */
    struct text version;      /* of the brkwater that records */
    struct text machine;      /* uname: machine */
    struct text kernel;       /* uname: release */
    struct text cwd;
    struct text argv; /* the command, each argument followed by NUL */
};

enum header_flag {
    HEADER_NO_SECCOMP = 1 << 0,   /* traced with a stop at every system call */
    HEADER_NO_NEW_PRIVS = 1 << 1, /* set-uid programs run without their privileges */
    HEADER_ATTACHED = 1 << 2,     /* nothing was launched: argv is that of the first process attached to */
};

/* First in every later frame: where the deltas start again. */
struct rec_sync {
    uint64_t time;
    uint64_t event; /* id of the next event */
    uint64_t sequence;
};

enum task_flag {
    TASK_THREAD = 1 << 0, /* shares its process (CLONE_THREAD) */
    TASK_VFORK = 1 << 1,  /* its parent waits until it execs or exits */
    TASK_FIRST = 1 << 2,  /* the command itself */
};

/* A new thread or process.  `space` is what it runs in; copied_from is the address space that was copied to make it
 * (fork), or 0 when the space is shared with its parent (thread, vfork, CLONE_VM) or is new (the command). */
struct rec_task {
    uint64_t time;
    uint32_t tid, pid, parent; /* parent: tid of the thread that made it, 0 for the command */
    uint32_t space, copied_from;
    uint32_t flags;
};

enum exec_flag {
    EXEC_32BIT = 1 << 0,        /* the new program is a 32-bit one */
    EXEC_UNPRIVILEGED = 1 << 1, /* the file is set-uid or set-gid, and the kernel ignored that because of tracing */
    EXEC_READ_IMPLIES_EXEC = 1 << 2, /* personality(2): PROT_READ maps with PROT_EXEC too */
    EXEC_ATTACHED = 1 << 3,          /* it was executed before the recording: its map follows as CHECKPOINT_ATTACH */
};

/* A process runs a new program: its address space is new, its other threads are gone.  The map follows as a checkpoint.
 */
struct rec_exec {
    uint64_t time;
    uint32_t pid;
    uint32_t old_tid; /* the thread that called execve; its tid is the pid from now on */
    uint32_t old_space, space;
    uint32_t flags;
    tracee_addr start_brk; /* where the heap will start, 0 when unknown */
    struct text exe;       /* path of the program, as the kernel resolved it */
    struct text comm;      /* the short name of /proc/PID/comm */
};

enum event_flag {
    EVENT_UNORDERED = 1 << 0,  /* overlapped another layout call of its space: the order of the two is not known */
    EVENT_UNFINISHED = 1 << 1, /* the thread died inside the call: `ret` means nothing */
    EVENT_FAULTS = 1 << 2,     /* minflt and majflt were measured over this call; others fault nothing in */
    EVENT_NO_RESULT = 1 << 3,  /* the call does not return (exit) */
    EVENT_READ_BACK = 1 << 4,  /* effect not known from the result: CHECKPOINT_READ_BACKs follow */
};

/*
 * One recorded call.  Events have no id in the file: the id is their position, counted from 1, and REC_SYNC repeats it.
 *
 * Example: the line `mmap(NULL, 8192, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0) = 0x7f2a4c000000` is call
 * CALL_MMAP, args {0, 8192, 3, 0x22, -1, 0}, ret 0x7f2a4c000000, error 0, file 0.
 */
struct rec_event {
    uint64_t time;        /* at entry */
    uint64_t duration;    /* entry to exit, as the tracer saw it: the stops themselves are in it */
    uint64_t entry, exit; /* sequence numbers: all entries and exits of a recording count one line of numbers */
    uint32_t tid, pid, space;
    uint32_t call;  /* enum call */
    uint32_t abi;   /* enum abi */
    uint32_t flags; /* enum event_flag */
    uint32_t nargs;
    uint64_t args[CALL_MAX_ARGS];
    uint64_t ret;    /* result; 0 when error is not 0 */
    uint32_t error;  /* errno, 0 on success */
    uint32_t file;   /* REC_FILE of the mapping made, or of the descriptor passed; 0 for none */
    uint64_t length; /* bytes mapped, where the arguments do not tell (shmat, io_setup, huge pages); else 0 */
    uint64_t huge;   /* bytes of a page of the mapping made, when they are not TRACE_PAGE (hugetlb); else 0 */
    tracee_addr at;  /* where a call mapped whose result is no address (io_setup), else 0 */
    uint64_t minflt, majflt;
    uint32_t stack;   /* REC_STACK: who asked, at entry; 0 when it was not captured */
    struct text text; /* path of exec, name of PR_SET_VMA_ANON_NAME */
    struct text list; /* argv of exec, each followed by NUL; cut at TRACE_MAX_LIST */
};

enum { EVENT_MAX_SPANS = 2 };

/*
 * Where a call may have changed the map, or its pages, by its arguments and result; an event that failed, or that has
 * no result (EVENT_UNFINISHED), may have done a part of its work.  Returns how many spans were filled in, 0 when it
 * changed nothing.  A span up to UINT64_MAX has no known end: brk (which does not tell where the break was), shmdt,
 * io_destroy, and what was mapped by a call whose result is not known.  Source: the manual page of each call.
 */
unsigned event_reach(const struct rec_event *event, struct span ret_spans[EVENT_MAX_SPANS]);

/* A file, or a name that the kernel gives ([heap], [stack], [anon:x], anon_inode:...), as maps prints it: octal escapes
 * undone. Ids count from 1 in order of appearance.  A file that is renamed or deleted appears again under a new id. */
struct rec_file {
    uint32_t id;
    uint32_t major, minor; /* of the device */
    uint64_t inode;        /* 0 for kernel-given names */
    struct text path;
};

/* One line of /proc/PID/maps. */
struct rec_mapping {
    tracee_addr start, end;
    uint64_t offset;
    uint32_t prot;   /* PROT_ bits */
    uint32_t shared; /* 1 for s, 0 for p */
    uint32_t file;   /* REC_FILE, 0 for an anonymous line */
};

enum checkpoint_reason {
    CHECKPOINT_EXEC = 1,        /* baseline: the map that execve made */
    CHECKPOINT_EXIT = 2,        /* the last map before the space is gone */
    CHECKPOINT_BEFORE_EXEC = 3, /* an execve is about to be tried */
    CHECKPOINT_EVERY = 4,       /* after so many events */
    CHECKPOINT_TIMER = 5,       /* after some time */
    CHECKPOINT_READ_BACK = 6,   /* events of this space left an effect in the range that their results do not tell */
    CHECKPOINT_ATTACH = 7,      /* baseline of a process that was running already */
    CHECKPOINT_DETACH = 8,      /* the last map before a process is let go, which runs on */
};

/* The map of a space, read while none of its layout calls was in flight: all of it, or for CHECKPOINT_READ_BACK what
 * lies in a range. Mappings that reach beyond the range are given whole. */
struct rec_checkpoint {
    uint64_t time;
    uint32_t space, pid;
    uint32_t reason;
    uint32_t n_mappings;
    const struct rec_mapping *mappings; /* in address order, not overlapping */
    struct span range;                  /* end 0: no upper limit */
};

enum sample_flag {
    SAMPLE_SPLIT = 1 << 0, /* anon_kib .. swap_kib are there */
    SAMPLE_PEAKS = 1 << 1, /* peak_resident_kib and peak_virtual_kib are there */
    SAMPLE_LAST = 1 << 2,  /* taken just before the process lost its address space */
};

/* Counters of a process at an instant. */
struct rec_sample {
    uint64_t time;
    uint32_t pid, space;
    uint32_t flags;
    uint64_t virtual_pages, resident_pages; /* statm */
    uint64_t minflt, majflt;                /* stat: of the process since it began, its dead threads included */
    uint64_t anon_kib, file_kib, shmem_kib, swap_kib; /* status: RssAnon, RssFile, RssShmem, VmSwap */
    uint64_t peak_resident_kib, peak_virtual_kib;     /* status: VmHWM, VmPeak */
};

/* A thread is gone; when it was the last of its process, `last` is 1 and `status` is the wait status of the process. */
struct rec_exit {
    uint64_t time;
    uint32_t tid, pid;
    uint32_t last;
    uint32_t status; /* as waitpid gives it */
};

/* The last user of an address space is gone or has another one. */
struct rec_space_end {
    uint64_t time;
    uint32_t space;
};

/* What tracing changed, could not see, or had to leave out.  The text of each is the decoder's. */
enum note_code {
    NOTE_PTRACE_REFUSED = 1, /* the tracee's ptrace call failed because it is traced; value: errno */
    NOTE_STRICT_SECCOMP,     /* strict seccomp mode was refused because of the filter */
    NOTE_IO_URING,           /* a ring was set up: madvise can happen without a call */
    NOTE_SETUID_IGNORED,     /* a set-uid or set-gid program ran without its privileges; text: path */
    NOTE_NO_EXIT_MAP,        /* a space ended without a last checkpoint (killed too fast) */
    NOTE_UNTRACED_CHILD,     /* CLONE_UNTRACED was taken out of a clone call */
    NOTE_NOT_SAMPLED,        /* too few descriptors to sample a process */
    NOTE_READ_FAILED,        /* memory or /proc of the tracee could not be read; value: errno */
    NOTE_CODES
};

struct rec_note {
    uint64_t time;
    uint32_t code; /* enum note_code */
    uint32_t tid, pid;
    uint64_t value;
    struct text text;
};

/*
 * ---- code ----
 *
 * Modules, frames and stacks count their ids from 1 in order of first sight; each is recorded once, before the first
 * record that refers to it.
 */

enum module_flag {
    MODULE_FROM_MEMORY = 1 << 0, /* its tables were read from the process: it is no file (vdso), or can't be opened */
};

/* An ELF image that a stack passes through.  It belongs to no process. */
struct rec_module {
    uint32_t id;
    uint32_t flags;        /* enum module_flag */
    uint32_t major, minor; /* of the device */
    uint64_t inode;        /* 0 for the vdso */
    struct text path;      /* as maps had it where it was first seen */
    struct text build_id;  /* bytes of the GNU build-id; empty when it has none */
};

/* From here on the module lies in the space with this bias: runtime address = address in the file + bias (modulo 4 GiB
 * in 32-bit programs).  fork copies it. */
struct rec_load {
    uint32_t space, module;
    uint64_t bias;
};

enum frame_flag {
    FRAME_GUESSED = 1 << 0, /* found without unwind tables */
    FRAME_SIGNAL = 1 << 1,  /* interrupted by a signal: its address is exact, and not behind a call */
    FRAME_ENTERED = 1 << 2, /* no call led here: a function's start was put on the stack, by makecontext(3), or
                             * by the kernel for a signal handler to return to */
    FRAME_EXACT = FRAME_SIGNAL | FRAME_ENTERED,
};

/* One place in code.  Example: the return address in main of /usr/bin/python3, {module 1, address 0x1a3a4, flags 0}.
 * Code that a program made itself has no module: then `address` is the runtime address, in `space`. */
struct rec_frame {
    uint32_t id;
    uint32_t module;  /* 0: none */
    uint32_t flags;   /* enum frame_flag */
    uint32_t space;   /* 0 with a module */
    uint64_t address; /* in the module's file: of its program headers */
};

enum stack_quality {
    STACK_COMPLETE,  /* by unwind tables to the outermost frame */
    STACK_GUESSED,   /* to the outermost frame, at least one was guessed */
    STACK_TRUNCATED, /* callers are missing */
};

enum stack_end {
    STACK_END_OUTERMOST,   /* nothing called the last frame */
    STACK_END_DEPTH,       /* more frames than the limit */
    STACK_END_NO_PROGRESS, /* the tables lead back to the same frame */
    STACK_END_UNREADABLE,  /* the stack, or a register that the tables build on, can't be read */
    STACK_END_LOST,        /* the caller found is no executable memory, or none was found */
};

/* Frames are innermost first.  All but the innermost, and those of FRAME_EXACT, are return addresses: what called lies
 * at address - 1. */
struct rec_stack {
    uint32_t id;
    uint32_t quality; /* enum stack_quality */
    uint32_t end;     /* enum stack_end */
    uint32_t n_frames;
    const uint32_t *frames;
};

/*
 * Names are found when the recording has ended, and are added behind REC_END together with all modules, frames and
 * stacks once more, so that a reader may begin with them.  They can be found anew at any time.
 */

/* A name or path.  Ids count from 1. */
struct rec_text {
    uint32_t id;
    struct text text;
};

struct rec_line {
    uint32_t function, file; /* REC_TEXT, 0: unknown */
    uint32_t line;           /* 0: unknown */
};

/* The functions at a frame, innermost first: those that are inlined, then the one that holds them.  `line` is where
 * execution is within that function.  A frame without a name has no lines. */
struct rec_names {
    uint32_t frame;
    uint64_t offset; /* bytes from the start of the last function */
    uint32_t n_lines;
    const struct rec_line *lines;
};

/* How a module's names were found; `problem` is enum symbol_problem. */
struct rec_symbols {
    uint32_t module;
    uint32_t problem;
};

struct rec_code_line {
    uint32_t offset; /* in the bytes */
    uint32_t file;   /* REC_TEXT, 0: unknown */
    uint32_t line;
};

enum code_flag { CODE_32BIT = 1 << 0 };

/* The instructions around the call that a frame returns to, out of the module's file; the first byte begins one. */
struct rec_code {
    uint32_t frame;
    uint32_t flags;   /* enum code_flag */
    uint64_t address; /* of the first byte, in the module's file */
    struct text bytes;
    uint32_t n_lines;
    const struct rec_code_line *lines; /* where the source line changes, by offset */
};

/* A process that was running already is traced from here on: all its threads were stopped at once for its map to be
 * read.  Behind the map, before anything that it did later. */
struct rec_attach {
    uint64_t time;
    uint32_t pid;
    uint32_t own_pid; /* as it sees it itself, in its own pid namespace; 0: unknown */
    uint32_t threads;
    uint64_t pause; /* ticks from the first thread's stop to the last one's release */
};

/* What tracing cost the processes that were attached to; just before REC_END. */
struct rec_cost {
    uint64_t time;
    uint64_t foreign; /* stops at calls that are not recorded: at each entry and exit, for want of a filter */
    uint64_t served;  /* ticks that threads stood still until their stops had been served, all stops together */
    uint64_t detach;  /* ticks from the end of the recording until all threads were released */
    uint32_t left;    /* threads that could not be stopped to be released, and went free with the tracer's end */
};

/*
 * ---- the inside of heaps ----
 *
 * What glibc's malloc has in its heaps, read from the headers of its chunks while the process stood still.  Only sums
 * are recorded, and where chunks lie: never what is in them.
 */

enum { WALK_RUNS = 4, WALK_CELLS = 256 };

enum walk_reason {
    WALK_AT_EXIT = 1,   /* just before the space was lost */
    WALK_AT_DETACH = 2, /* just before the process was let go */
    WALK_ASKED = 3,     /* at a moment that the user named */
    WALK_AT_PEAK = 4,   /* the heap was about to outgrow twice its size of the last walk, or to fall from its highest */
    WALK_LIVE = 5,      /* of a process that was attached to for nothing else */
};

enum walk_flag {
    WALK_MAIN = 1 << 0,      /* the heap of the main arena, that is moved by brk(2) */
    WALK_FIRST = 1 << 1,     /* the first heap of an arena that is not the main one; the others are its further ones */
    WALK_32BIT = 1 << 2,     /* headers of 4-byte words */
    WALK_CUT_LISTS = 1 << 3, /* lists of free chunks were not followed to their end: tcache, fast and unsorted are at
                              * least so much, used at most */
    WALK_MOVING = 1 << 4,    /* not all threads of the space stood still */
    WALK_MORE = 1 << 5,      /* of the last heap of a look: there were more heaps than are walked */
    WALK_PIN_KEPT = 1 << 6,  /* all up to the first free run below the top is in tcaches and fastbins; the pin is the
                              * highest of these */
};

/* How far the walk came; what was seen up to there is in the sums. */
enum walk_end {
    WALK_TO_TOP,     /* to the top chunk: all of it */
    WALK_TO_FENCE,   /* to the fence at the end of a heap that is full: all of it */
    WALK_CORRUPT,    /* a header that is impossible */
    WALK_FOREIGN,    /* behind a fence memory of somebody else follows (sbrk(2)), and no more chunks were found */
    WALK_UNREADABLE, /* memory that cannot be read */
    WALK_TIMED_OUT,  /* it took too long */
    WALK_TOO_LARGE,  /* there was too much to read */
    WALK_NOT_GLIBC,  /* no state of glibc's malloc that belongs to this heap was found: nothing was counted */
    WALK_ENDS
};

/* Free memory without a break. */
struct walk_run {
    uint64_t addr, size;
};

/*
 * One heap at one moment.  All heaps of a space that are looked at together stand together, and `rest` counts down.
 *
 * start to end = used + binned + tcache + fast + top + other + unseen; unless chunks were moved under the walk.
 *
 * Example: {.start = 0x1000, .end = 0x22000, .used = 53248, .used_chunks = 400, .binned = 65536, .binned_chunks = 1,
 * .top = 16384, .top_at = 0x1e000, .pages = 61440, .top_pages = 12288, .pin = 0x1dfd0, .pin_size = 48}.
 */
struct rec_walk {
    uint64_t time;
    uint32_t space, pid;
    uint32_t reason; /* enum walk_reason */
    uint32_t flags;  /* enum walk_flag */
    uint32_t arena;  /* heaps of one arena have the same number; 0: main */
    uint32_t rest;   /* heaps of this look that follow */
    uint64_t cost;   /* ticks that all heaps of this look took */
    tracee_addr start, end;
    uint32_t ending;   /* enum walk_end */
    tracee_addr ended; /* where the walk ended */
    uint64_t used, used_chunks;
    uint64_t binned, binned_chunks;     /* free, in lists that the chunks' neighbours know of: bins, unsorted chunks */
    uint64_t unsorted, unsorted_chunks; /* the part of it that is in no bin yet */
    uint64_t tcache, tcache_chunks;     /* free, kept for one thread each; their neighbours take them for used */
    uint64_t fast, fast_chunks;         /* the same in fastbins */
    uint32_t tcaches;                   /* threads that have such a cache here */
    uint64_t top;                       /* the rest behind the last chunk */
    tracee_addr top_at;
    uint64_t other;            /* malloc's own state, alignment, fences, memory of others */
    uint64_t unseen;           /* behind where the walk ended */
    uint64_t pages, top_pages; /* bytes in whole pages that could be given back: of chunks in bins; of the top */
    tracee_addr pin;           /* chunk in use nearest below the top, with no free run between; 0: none, or not found */
    uint64_t pin_size;
    uint64_t between;             /* bytes between its end and the top: chunks in tcaches and fastbins */
    uint64_t above, above_chunks; /* in use above the largest run */
    uint32_t n_runs;              /* at most WALK_RUNS: the largest, the largest first */
    const struct walk_run *runs;  /* of chunks in bins */
    struct text cells;            /* the heap in at most WALK_CELLS equal parts: a byte each, 0 for nothing used in it,
                                   * 255 for everything */
};

/* ---- page faults ---- */

enum fault_flag {
    FAULT_MAJOR = 1 << 0,  /* they had to wait for a device */
    FAULT_KERNEL = 1 << 1, /* the kernel touched the pages, inside of a system call; `stack` is the caller's */
};

/* Faults on pages that lie side by side, by the same code.  More faults than pages: some pages were faulted in more
 * than once. */
struct rec_fault_run {
    uint32_t stack; /* REC_STACK, 0: unknown; one with a single frame tells no more than the instruction */
    uint32_t flags; /* enum fault_flag */
    tracee_addr start;
    uint64_t pages, faults; /* pages: at least 1 */
};

/*
 * Page faults of a space in a short time, added up.  They come before the next record after which other memory may lie
 * at these addresses, so that they belong to what lies there now.
 *
 * Example: a loop wrote to a block of 1 MiB: {time 5200, lasted 1200, space 1, pid 70, runs {{stack 5, flags 0, start
 * 0x7f2a4c000000, pages 256, faults 256}}}.
 */
struct rec_faults {
    uint64_t time;   /* of the last of them */
    uint64_t lasted; /* ticks since the first */
    uint32_t space, pid;
    uint32_t n_runs; /* at most TRACE_MAX_RUNS */
    const struct rec_fault_run *runs;
};

enum fault_sight {
    FAULTS_OFF = 1,    /* the user did not want them */
    FAULTS_DENIED = 2, /* perf_event_open(2) failed: error */
    FAULTS_MANY = 3,   /* they would need more descriptors than there are */
    FAULTS_USER = 4,   /* those of user code are seen; those that the kernel makes inside of calls are not */
    FAULTS_ALL = 5,    /* those of both sides are seen */
};

/* How page faults are seen: when a recording begins to look, and again, with what became of them, when it no longer
 * does. */
struct rec_fault_sight {
    uint64_t time;
    uint32_t sight; /* enum fault_sight */
    uint32_t error; /* errno of FAULTS_DENIED */
    uint32_t rings; /* in which the kernel puts them */
    uint64_t ring_bytes;
    uint64_t seen;     /* that were in the rings */
    uint64_t lost;     /* that found no room there */
    uint64_t unplaced; /* of those seen: of threads that were not traced, or no longer */
    uint64_t stacks;   /* that were taken, of that many faults */
    uint64_t by_ip;    /* of those seen: whose stack is not known, only the instruction */
};

/* ---- resident pages ---- */

enum page_flag {
    PAGE_PRESENT = 1 << 0,
    PAGE_SWAPPED = 1 << 1,
    PAGE_FILE = 1 << 2, /* of a file, or of memory that processes share */
    PAGE_ZERO = 1 << 3, /* the kernel's page of zeros: it was read, never written, and is not counted as resident */
    PAGE_HUGE = 1 << 4, /* part of a transparent huge page */
};

/* Pages side by side that are the same. */
struct rec_page_run {
    tracee_addr start;
    uint64_t pages;
    uint32_t flags; /* enum page_flag */
};

enum residency_reason {
    RESIDENCY_EXIT = 1,  /* the last look before a space is gone, or is let go */
    RESIDENCY_PEAK = 2,  /* resident memory was higher by a good part than when it was last looked at */
    RESIDENCY_ASKED = 3, /* the user has asked for this moment */
};

enum residency_flag {
    RESIDENCY_CUT = 1 << 0,     /* there were more runs than a record may hold */
    RESIDENCY_NO_SUMS = 1 << 1, /* smaps_rollup could not be read */
};

/* All pages of a space that are resident or swapped out, and what the kernel says of their sums: smaps_rollup. */
struct rec_residency {
    uint64_t time;
    uint32_t space, pid;
    uint32_t reason; /* enum residency_reason */
    uint32_t flags;  /* enum residency_flag */
    uint64_t cost;   /* ticks that it took */
    uint64_t rss_kib, pss_kib, anon_kib, lazy_kib, huge_kib, swap_kib;
    uint32_t huge_looked, huge_zero; /* pages of huge pages that were looked into; and that held nothing but zeros */
    uint32_t n_runs;
    const struct rec_page_run *runs; /* in order, not overlapping */
};

enum end_reason {
    END_EXITED = 1,    /* the last tracee ended */
    END_DISK_FULL = 2, /* the recording stopped early, the tracees ran on */
    END_MAX_SIZE = 3,
    END_DURATION = 4,
    END_WRITE_ERROR = 5, /* value: errno */
    END_INTERRUPTED = 6, /* the user ended it while processes still ran */
    END_UNTIL = 7,       /* the size that --until names was reached */
};

/* The last record of a complete file. */
struct rec_end {
    uint64_t time;
    uint32_t reason;
    uint32_t value;
    uint32_t status; /* wait status of the command, when has_status */
    uint32_t has_status;
    uint64_t events;
    uint64_t stops;     /* ptrace stops served */
    uint64_t cpu_ticks; /* CPU time that the tracer used, in ticks of this file */
};

enum cache_what {
    CACHE_KEYFRAME = 1, /* the decoder's state at the start of a frame */
    CACHE_INDEX = 2,    /* where the keyframes are, and the telling moments of each process */
};

/*
 * What a reader has worked out of the recording, added behind REC_END so that the next one need not: nothing in it is
 * not also in the recording.  Its form is the business of the program and version that wrote it.
 *
 * The last 40 bytes of a file to which something was added are a skippable frame of zstd, 0x184d2a5e, with TRACE_MAGIC,
 * the offset of the first frame that was added, that of the frame of CACHE_INDEX and that of the first frame of names
 * (0 for what is not there) as 8 bytes each, little endian.
 */
struct rec_cache {
    uint32_t what;    /* enum cache_what */
    uint32_t version; /* of the form of `data` */
    struct text data;
};

struct record {
    enum record_kind kind;
    union {
        struct rec_header header;
        struct rec_sync sync;
        struct rec_task task;
        struct rec_exec exec;
        struct rec_event event;
        struct rec_file file;
        struct rec_checkpoint checkpoint;
        struct rec_sample sample;
        struct rec_exit exit;
        struct rec_space_end space_end;
        struct rec_note note;
        struct rec_end end;
        struct rec_cache cache;
        struct rec_module module;
        struct rec_load load;
        struct rec_frame frame;
        struct rec_stack stack;
        struct rec_text text;
        struct rec_names names;
        struct rec_symbols symbols;
        struct rec_code code;
        struct rec_attach attach;
        struct rec_cost cost;
        struct rec_walk walk;
        struct rec_faults faults;
        struct rec_fault_sight fault_sight;
        struct rec_residency residency;
    };
};

/* Our own errors, beside errno: functions return -errno or -TRACE_E... */
#define TRACE_ERRORS(X)                                                                                                \
    X(TRACE_E_NOT_A_TRACE, "this is not a brkwater trace")                                                             \
    X(TRACE_E_CUT, "the recording was cut off before its first frame was whole: nothing can be read")                  \
    X(TRACE_E_NEWER, "it was written by a newer brkwater: its format has a newer major version")                       \
    X(TRACE_E_DAMAGED, "the data is damaged")                                                                          \
    X(TRACE_E_TOO_LARGE, "a record is larger than the format allows")

enum trace_error {
    TRACE_E_BASE = 5000,
#define X(name, text) name,
    TRACE_ERRORS(X)
#undef X
};

/* The text of -errno or -TRACE_E...; never NULL. */
const char *trace_error_text(int error);

/* Deltas are against these; a codec goes through the records of one file in order. */
struct codec;

/* NULL when memory is out. */
struct codec *codec_new(void);
void codec_free(struct codec *codec);

/* Append the bytes of a record to the codec's buffer, which codec_bytes() gives and codec_clear() empties.  0 or
 * -ENOMEM, -TRACE_E_TOO_LARGE (nothing was appended then). */
int codec_encode(struct codec *codec, const struct record *record);
const unsigned char *codec_bytes(const struct codec *codec, size_t *ret_size);
void codec_clear(struct codec *codec);

/*
 * Decode the record at `bytes`; *ret_used is how many bytes it took.  Returns 1 when *ret_record was filled, 0 when the
 * kind is not known and was skipped, -TRACE_E_DAMAGED, -TRACE_E_NOT_A_TRACE, -TRACE_E_NEWER or -ENOMEM.  `bytes` must
 * outlive the record.
 */
int codec_decode(struct codec *codec, const unsigned char *bytes, size_t size, struct record *ret_record,
                 size_t *ret_used);

#endif
