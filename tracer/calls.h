/*
 * calls.h (published): the memory system calls that brkwater traces.
 *
 * One const table per ABI says which system call numbers are traced, and one table of calls says for each its name, the
 * kind of every argument and what it does to an address space.  The seccomp filter, the decoder, the live text,
 * `--help` and the man page are all made from these two tables; a call is added here and nowhere else.
 *
 * Source: the kernel's syscall_64.tbl and syscall_32.tbl, and section 2 of each call's manual page.
 */
#ifndef BRKWATER_CALLS_H
#define BRKWATER_CALLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* How a thread entered the kernel.  One x86-64 thread may use all three (int 0x80 works from 64-bit code). */
enum abi { ABI_X86_64, ABI_X32, ABI_I386, ABI_COUNT };

/* What an argument is; it decides how the argument is printed, and how it is stored (addresses as deltas). */
enum arg_kind {
    ARG_NONE,
    ARG_ADDR,         /* address in the tracee */
    ARG_LENGTH,       /* bytes */
    ARG_OFFSET,       /* bytes from the start of a file */
    ARG_PAGES,        /* a count of pages */
    ARG_FD,           /* file descriptor of the tracee */
    ARG_INT,          /* signed number */
    ARG_HEX,          /* a bit set without names */
    ARG_PROT,         /* PROT_ bits */
    ARG_MAP_FLAGS,    /* MAP_ bits */
    ARG_MREMAP_FLAGS, /* MREMAP_ bits */
    ARG_ADVICE,       /* one MADV_ value */
    ARG_SHM_FLAGS,    /* SHM_ bits of shmat */
    ARG_MLOCK_FLAGS,  /* MLOCK_ bits of mlock2 */
    ARG_MCL_FLAGS,    /* MCL_ bits of mlockall */
    ARG_CLONE_FLAGS,  /* CLONE_ bits, the signal in the lowest byte */
    ARG_SHADOW_FLAGS, /* SHADOW_STACK_ bits */
    ARG_PRCTL_OPTION, /* first argument of prctl */
    ARG_PRCTL_SUB,    /* second argument of PR_SET_VMA and PR_SET_MM */
    ARG_STATUS,       /* exit status */
    ARG_TEXT,         /* a string, held by the event's `text` */
    ARG_ARGV,         /* a list of strings, held by the event's `list` */
    ARG_ENVC,         /* number of environment strings */
};

/* What a call does to an address space when it succeeds.  The replay has one function for each. */
enum effect {
    EFFECT_NONE,  /* nothing that maps shows */
    EFFECT_RANGE, /* the same, but its first two arguments are a range (mlock, mseal) */
    EFFECT_BRK,
    EFFECT_MAP,
    EFFECT_UNMAP,
    EFFECT_PROTECT,
    EFFECT_REMAP,
    EFFECT_ADVISE,
    EFFECT_ATTACH,       /* shmat */
    EFFECT_DETACH,       /* shmdt */
    EFFECT_REMAP_FILE,   /* remap_file_pages, which the kernel emulates by mmap */
    EFFECT_MAP_RING,     /* io_setup */
    EFFECT_UNMAP_RING,   /* io_destroy */
    EFFECT_SHADOW_STACK, /* map_shadow_stack */
    EFFECT_PRCTL,        /* PR_SET_VMA names, PR_SET_MM moves the marks of the heap */
    EFFECT_PERSONALITY,  /* READ_IMPLIES_EXEC changes what later calls map */
    EFFECT_EXEC,
    EFFECT_CLONE,
    EFFECT_EXIT,
};

enum call_flag {
    CALL_LAYOUT = 1 << 0,    /* can change what maps prints: such calls of one address space are kept apart */
    CALL_COPIES = 1 << 1,    /* may copy the address space (fork): it too must not overlap a layout change */
    CALL_POPULATES = 1 << 2, /* can fault pages in by itself, so its fault counters are worth reading */
    CALL_PARTIAL = 1 << 3,   /* a failed one may have done part of its work: the map is read back */
    CALL_IDENTIFY = 1 << 4,  /* the new mapping's file (device, inode, path) and length are asked from the kernel */
    CALL_NO_RETURN = 1 << 5, /* has no exit stop */
    CALL_WATCHED = 1 << 6,   /* no memory call: noted because tracing changes its result, or because it hides others */
};

/* CALL_x is the enum, "x" the name in every output.  The values are stored in trace files: new calls go to the end. */
enum call {
    CALL_NONE,
    CALL_BRK,
    CALL_MMAP,
    CALL_MMAP2,
    CALL_OLD_MMAP,
    CALL_MUNMAP,
    CALL_MPROTECT,
    CALL_PKEY_MPROTECT,
    CALL_MREMAP,
    CALL_MADVISE,
    CALL_PROCESS_MADVISE,
    CALL_SHMAT,
    CALL_SHMDT,
    CALL_REMAP_FILE_PAGES,
    CALL_MLOCK,
    CALL_MUNLOCK,
    CALL_MLOCKALL,
    CALL_MUNLOCKALL,
    CALL_MLOCK2,
    CALL_MSEAL,
    CALL_MAP_SHADOW_STACK,
    CALL_IO_SETUP,
    CALL_IO_DESTROY,
    CALL_PRCTL,
    CALL_EXECVE,
    CALL_EXECVEAT,
    CALL_CLONE,
    CALL_CLONE3,
    CALL_FORK,
    CALL_VFORK,
    CALL_EXIT,
    CALL_EXIT_GROUP,
    CALL_PTRACE,
    CALL_SECCOMP,
    CALL_IO_URING_SETUP,
    CALL_PERSONALITY,
    CALL_SCHED_SETSCHEDULER,
    CALL_SCHED_SETAFFINITY,
    CALL_SCHED_GETAFFINITY,
    CALL_SCHED_SETATTR,
    CALL_COUNT
};

enum { CALL_MAX_ARGS = 6 };

struct call_info {
    const char *name;
    enum effect effect;
    unsigned flags; /* enum call_flag */
    bool returns_address;
    unsigned nargs;
    struct {
        const char *name;
        enum arg_kind kind;
    } args[CALL_MAX_ARGS];
};

/*
 * Arguments of an event are kept in one form whatever the ABI: offsets in bytes (mmap2 counts pages), old_mmap's struct
 * unpacked, clone3's struct as (flags, child_stack, stack_size), ipc(SHMAT) as shmat, execve as (path, argv, number of
 * environment strings). Never NULL; for a number outside the table the CALL_NONE entry, named "unknown".
 */
const struct call_info *call_info(enum call call);

/* The call that a number is in an ABI, or CALL_NONE when it is not traced.  `args` are the raw register arguments:
 * prctl, seccomp and i386's ipc are traced for some values of their first argument only. */
enum call call_lookup(enum abi abi, uint64_t number, const uint64_t args[CALL_MAX_ARGS]);

/* The call of that name, or CALL_NONE. */
enum call call_by_name(const char *name, size_t length);

/* One traced system call number; `first_args` lists the values of the first argument that count (NULL: all). */
struct call_number {
    uint32_t number;
    enum call call;
    const uint32_t *first_args;
    unsigned n_first_args;
    uint32_t first_arg_mask; /* applied before comparing; 0 means all bits */
};

/* The table of an ABI; *ret_count is its length.  x32 numbers are without the 0x40000000 bit. */
const struct call_number *call_numbers(enum abi abi, size_t *ret_count);

#endif
