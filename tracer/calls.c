/* calls.c: the table of traced calls, and of their numbers in each ABI. */
#include "calls.h"

#include <linux/prctl.h>
#include <linux/seccomp.h>
#include <string.h>

#ifndef PR_SET_VMA
#define PR_SET_VMA 0x53564d41
#endif

#define A(arg_name, arg_kind)                                                                                          \
    {                                                                                                                  \
        .name = arg_name, .kind = arg_kind                                                                             \
    }

enum {
    LAYOUT = CALL_LAYOUT,
    PARTIAL = CALL_LAYOUT | CALL_PARTIAL,
    MAKES = CALL_LAYOUT | CALL_PARTIAL | CALL_IDENTIFY | CALL_POPULATES,
};

#define MMAP_ARGS                                                                                                      \
    {                                                                                                                  \
        A("addr", ARG_ADDR), A("length", ARG_LENGTH), A("prot", ARG_PROT), A("flags", ARG_MAP_FLAGS), A("fd", ARG_FD), \
            A("offset", ARG_OFFSET)                                                                                    \
    }
#define AFFINITY_ARGS                                                                                                  \
    {                                                                                                                  \
        A("pid", ARG_INT), A("length", ARG_LENGTH), A("mask", ARG_ADDR)                                                \
    }
#define RANGE A("addr", ARG_ADDR), A("length", ARG_LENGTH)

static const struct call_info calls[CALL_COUNT] = {
    [CALL_NONE] = {.name = "unknown"},
    [CALL_BRK] = {"brk", EFFECT_BRK, LAYOUT | CALL_POPULATES, true, 1, {A("addr", ARG_ADDR)}},
    [CALL_MMAP] = {"mmap", EFFECT_MAP, MAKES, true, 6, MMAP_ARGS},
    [CALL_MMAP2] = {"mmap2", EFFECT_MAP, MAKES, true, 6, MMAP_ARGS},
    [CALL_OLD_MMAP] = {"old_mmap", EFFECT_MAP, MAKES, true, 6, MMAP_ARGS},
    [CALL_MUNMAP] = {"munmap", EFFECT_UNMAP, PARTIAL, false, 2, {RANGE}},
    [CALL_MPROTECT] = {"mprotect", EFFECT_PROTECT, PARTIAL | CALL_POPULATES, false, 3, {RANGE, A("prot", ARG_PROT)}},
    [CALL_PKEY_MPROTECT] = {"pkey_mprotect",
                            EFFECT_PROTECT,
                            PARTIAL | CALL_POPULATES,
                            false,
                            4,
                            {RANGE, A("prot", ARG_PROT), A("pkey", ARG_INT)}},
    [CALL_MREMAP] = {"mremap",
                     EFFECT_REMAP,
                     PARTIAL | CALL_POPULATES,
                     true,
                     5,
                     {A("old_addr", ARG_ADDR), A("old_length", ARG_LENGTH), A("length", ARG_LENGTH),
                      A("flags", ARG_MREMAP_FLAGS), A("addr", ARG_ADDR)}},
    [CALL_MADVISE] = {"madvise", EFFECT_ADVISE, CALL_POPULATES, false, 3, {RANGE, A("advice", ARG_ADVICE)}},
    [CALL_PROCESS_MADVISE] = {"process_madvise",
                              EFFECT_NONE,
                              0,
                              false,
                              5,
                              {A("pidfd", ARG_FD), A("vec", ARG_ADDR), A("vlen", ARG_INT), A("advice", ARG_ADVICE),
                               A("flags", ARG_HEX)}},
    [CALL_SHMAT] = {"shmat",
                    EFFECT_ATTACH,
                    PARTIAL | CALL_IDENTIFY,
                    true,
                    3,
                    {A("shmid", ARG_INT), A("addr", ARG_ADDR), A("flags", ARG_SHM_FLAGS)}},
    [CALL_SHMDT] = {"shmdt", EFFECT_DETACH, LAYOUT, false, 1, {A("addr", ARG_ADDR)}},
    [CALL_REMAP_FILE_PAGES] = {"remap_file_pages",
                               EFFECT_REMAP_FILE,
                               PARTIAL,
                               false,
                               5,
                               {RANGE, A("prot", ARG_PROT), A("pgoff", ARG_PAGES), A("flags", ARG_MAP_FLAGS)}},
    [CALL_MLOCK] = {"mlock", EFFECT_RANGE, CALL_POPULATES, false, 2, {RANGE}},
    [CALL_MUNLOCK] = {"munlock", EFFECT_RANGE, 0, false, 2, {RANGE}},
    [CALL_MLOCKALL] = {"mlockall", EFFECT_NONE, CALL_POPULATES, false, 1, {A("flags", ARG_MCL_FLAGS)}},
    [CALL_MUNLOCKALL] = {"munlockall", EFFECT_NONE, 0, false, 0, {A(NULL, ARG_NONE)}},
    [CALL_MLOCK2] = {"mlock2", EFFECT_RANGE, CALL_POPULATES, false, 3, {RANGE, A("flags", ARG_MLOCK_FLAGS)}},
    [CALL_MSEAL] = {"mseal", EFFECT_RANGE, 0, false, 3, {RANGE, A("flags", ARG_HEX)}},
    [CALL_MAP_SHADOW_STACK] =
        {"map_shadow_stack", EFFECT_SHADOW_STACK, LAYOUT, true, 3, {RANGE, A("flags", ARG_SHADOW_FLAGS)}},
    [CALL_IO_SETUP] =
        {"io_setup", EFFECT_MAP_RING, LAYOUT | CALL_IDENTIFY, false, 2, {A("nr", ARG_INT), A("ctx", ARG_ADDR)}},
    [CALL_IO_DESTROY] = {"io_destroy", EFFECT_UNMAP_RING, LAYOUT, false, 1, {A("ctx", ARG_ADDR)}},
    [CALL_PRCTL] = {"prctl",
                    EFFECT_PRCTL,
                    LAYOUT,
                    false,
                    5,
                    {A("option", ARG_PRCTL_OPTION), A("sub", ARG_PRCTL_SUB), A("addr", ARG_ADDR),
                     A("length", ARG_LENGTH), A("name", ARG_TEXT)}},
    [CALL_PERSONALITY] = {"personality", EFFECT_PERSONALITY, LAYOUT, false, 1, {A("persona", ARG_HEX)}},
    [CALL_EXECVE] = {"execve",
                     EFFECT_EXEC,
                     CALL_POPULATES,
                     false,
                     3,
                     {A("path", ARG_TEXT), A("argv", ARG_ARGV), A("envc", ARG_ENVC)}},
    [CALL_EXECVEAT] = {"execveat",
                       EFFECT_EXEC,
                       CALL_POPULATES,
                       false,
                       5,
                       {A("dirfd", ARG_FD), A("path", ARG_TEXT), A("argv", ARG_ARGV), A("envc", ARG_ENVC),
                        A("flags", ARG_HEX)}},
    [CALL_CLONE] =
        {"clone", EFFECT_CLONE, CALL_COPIES, false, 2, {A("flags", ARG_CLONE_FLAGS), A("child_stack", ARG_ADDR)}},
    [CALL_CLONE3] = {"clone3",
                     EFFECT_CLONE,
                     CALL_COPIES,
                     false,
                     3,
                     {A("flags", ARG_CLONE_FLAGS), A("child_stack", ARG_ADDR), A("stack_size", ARG_LENGTH)}},
    [CALL_FORK] = {"fork", EFFECT_CLONE, CALL_COPIES, false, 0, {A(NULL, ARG_NONE)}},
    [CALL_VFORK] = {"vfork", EFFECT_CLONE, 0, false, 0, {A(NULL, ARG_NONE)}},
    [CALL_EXIT] = {"exit", EFFECT_EXIT, CALL_NO_RETURN, false, 1, {A("status", ARG_STATUS)}},
    [CALL_EXIT_GROUP] = {"exit_group", EFFECT_EXIT, CALL_NO_RETURN, false, 1, {A("status", ARG_STATUS)}},
    [CALL_PTRACE] = {"ptrace", EFFECT_NONE, CALL_WATCHED, false, 2, {A("request", ARG_INT), A("pid", ARG_INT)}},
    [CALL_SECCOMP] = {"seccomp", EFFECT_NONE, CALL_WATCHED, false, 2, {A("operation", ARG_INT), A("flags", ARG_HEX)}},
    [CALL_IO_URING_SETUP] = {"io_uring_setup", EFFECT_NONE, CALL_WATCHED, false, 1, {A("entries", ARG_INT)}},
    [CALL_SCHED_SETSCHEDULER] = {"sched_setscheduler",
                                 EFFECT_NONE,
                                 CALL_WATCHED,
                                 false,
                                 3,
                                 {A("pid", ARG_INT), A("policy", ARG_INT), A("param", ARG_ADDR)}},
    [CALL_SCHED_SETAFFINITY] = {"sched_setaffinity", EFFECT_NONE, CALL_WATCHED, false, 3, AFFINITY_ARGS},
    [CALL_SCHED_GETAFFINITY] = {"sched_getaffinity", EFFECT_NONE, CALL_WATCHED, false, 3, AFFINITY_ARGS},
    [CALL_SCHED_SETATTR] = {"sched_setattr",
                            EFFECT_NONE,
                            CALL_WATCHED,
                            false,
                            3,
                            {A("pid", ARG_INT), A("attr", ARG_ADDR), A("flags", ARG_HEX)}},
};

static const uint32_t prctl_options[] = {PR_SET_VMA, PR_SET_MM, PR_SET_SECCOMP};
static const uint32_t seccomp_strict[] = {SECCOMP_SET_MODE_STRICT};
static const uint32_t ipc_shm[] = {21, 22}; /* SHMAT and SHMDT, ipc(2) */

#define ANY         NULL, 0, 0
#define FIRST(list) list, sizeof(list) / sizeof((list)[0]), 0
#define LOW16(list) list, sizeof(list) / sizeof((list)[0]), 0xffff

static const struct call_number numbers_x86_64[] = {
    {9, CALL_MMAP, ANY},
    {10, CALL_MPROTECT, ANY},
    {11, CALL_MUNMAP, ANY},
    {12, CALL_BRK, ANY},
    {25, CALL_MREMAP, ANY},
    {28, CALL_MADVISE, ANY},
    {30, CALL_SHMAT, ANY},
    {56, CALL_CLONE, ANY},
    {57, CALL_FORK, ANY},
    {58, CALL_VFORK, ANY},
    {59, CALL_EXECVE, ANY},
    {60, CALL_EXIT, ANY},
    {67, CALL_SHMDT, ANY},
    {101, CALL_PTRACE, ANY},
    {135, CALL_PERSONALITY, ANY},
    {144, CALL_SCHED_SETSCHEDULER, ANY},
    {149, CALL_MLOCK, ANY},
    {150, CALL_MUNLOCK, ANY},
    {151, CALL_MLOCKALL, ANY},
    {152, CALL_MUNLOCKALL, ANY},
    {157, CALL_PRCTL, FIRST(prctl_options)},
    {203, CALL_SCHED_SETAFFINITY, ANY},
    {204, CALL_SCHED_GETAFFINITY, ANY},
    {206, CALL_IO_SETUP, ANY},
    {207, CALL_IO_DESTROY, ANY},
    {216, CALL_REMAP_FILE_PAGES, ANY},
    {231, CALL_EXIT_GROUP, ANY},
    {314, CALL_SCHED_SETATTR, ANY},
    {317, CALL_SECCOMP, FIRST(seccomp_strict)},
    {322, CALL_EXECVEAT, ANY},
    {325, CALL_MLOCK2, ANY},
    {329, CALL_PKEY_MPROTECT, ANY},
    {425, CALL_IO_URING_SETUP, ANY},
    {435, CALL_CLONE3, ANY},
    {440, CALL_PROCESS_MADVISE, ANY},
    {453, CALL_MAP_SHADOW_STACK, ANY},
    {462, CALL_MSEAL, ANY},
};

/* x32 shares x86-64's numbers but for those that pass pointers to pointers. */
static const struct call_number numbers_x32[] = {
    {9, CALL_MMAP, ANY},
    {10, CALL_MPROTECT, ANY},
    {11, CALL_MUNMAP, ANY},
    {12, CALL_BRK, ANY},
    {25, CALL_MREMAP, ANY},
    {28, CALL_MADVISE, ANY},
    {30, CALL_SHMAT, ANY},
    {56, CALL_CLONE, ANY},
    {57, CALL_FORK, ANY},
    {58, CALL_VFORK, ANY},
    {60, CALL_EXIT, ANY},
    {67, CALL_SHMDT, ANY},
    {135, CALL_PERSONALITY, ANY},
    {144, CALL_SCHED_SETSCHEDULER, ANY},
    {149, CALL_MLOCK, ANY},
    {150, CALL_MUNLOCK, ANY},
    {151, CALL_MLOCKALL, ANY},
    {152, CALL_MUNLOCKALL, ANY},
    {157, CALL_PRCTL, FIRST(prctl_options)},
    {203, CALL_SCHED_SETAFFINITY, ANY},
    {204, CALL_SCHED_GETAFFINITY, ANY},
    {207, CALL_IO_DESTROY, ANY},
    {216, CALL_REMAP_FILE_PAGES, ANY},
    {231, CALL_EXIT_GROUP, ANY},
    {314, CALL_SCHED_SETATTR, ANY},
    {317, CALL_SECCOMP, FIRST(seccomp_strict)},
    {325, CALL_MLOCK2, ANY},
    {329, CALL_PKEY_MPROTECT, ANY},
    {425, CALL_IO_URING_SETUP, ANY},
    {435, CALL_CLONE3, ANY},
    {440, CALL_PROCESS_MADVISE, ANY},
    {462, CALL_MSEAL, ANY},
    {520, CALL_EXECVE, ANY},
    {521, CALL_PTRACE, ANY},
    {543, CALL_IO_SETUP, ANY},
    {545, CALL_EXECVEAT, ANY},
};

static const struct call_number numbers_i386[] = {
    {1, CALL_EXIT, ANY},
    {2, CALL_FORK, ANY},
    {11, CALL_EXECVE, ANY},
    {26, CALL_PTRACE, ANY},
    {45, CALL_BRK, ANY},
    {90, CALL_OLD_MMAP, ANY},
    {91, CALL_MUNMAP, ANY},
    {117, CALL_SHMAT, LOW16(ipc_shm)}, /* ipc: SHMDT is told apart by call_lookup */
    {120, CALL_CLONE, ANY},
    {125, CALL_MPROTECT, ANY},
    {136, CALL_PERSONALITY, ANY},
    {150, CALL_MLOCK, ANY},
    {151, CALL_MUNLOCK, ANY},
    {152, CALL_MLOCKALL, ANY},
    {153, CALL_MUNLOCKALL, ANY},
    {156, CALL_SCHED_SETSCHEDULER, ANY},
    {163, CALL_MREMAP, ANY},
    {172, CALL_PRCTL, FIRST(prctl_options)},
    {190, CALL_VFORK, ANY},
    {192, CALL_MMAP2, ANY},
    {219, CALL_MADVISE, ANY},
    {241, CALL_SCHED_SETAFFINITY, ANY},
    {242, CALL_SCHED_GETAFFINITY, ANY},
    {245, CALL_IO_SETUP, ANY},
    {246, CALL_IO_DESTROY, ANY},
    {252, CALL_EXIT_GROUP, ANY},
    {257, CALL_REMAP_FILE_PAGES, ANY},
    {351, CALL_SCHED_SETATTR, ANY},
    {354, CALL_SECCOMP, FIRST(seccomp_strict)},
    {358, CALL_EXECVEAT, ANY},
    {376, CALL_MLOCK2, ANY},
    {380, CALL_PKEY_MPROTECT, ANY},
    {397, CALL_SHMAT, ANY},
    {398, CALL_SHMDT, ANY},
    {425, CALL_IO_URING_SETUP, ANY},
    {435, CALL_CLONE3, ANY},
    {440, CALL_PROCESS_MADVISE, ANY},
    {462, CALL_MSEAL, ANY},
};

const struct call_info *call_info(enum call call)
{
    return &calls[(unsigned)call < CALL_COUNT ? call : CALL_NONE];
}

const struct call_number *call_numbers(enum abi abi, size_t *ret_count)
{
    switch (abi) {
    case ABI_X32:
        *ret_count = sizeof(numbers_x32) / sizeof(numbers_x32[0]);
        return numbers_x32;
    case ABI_I386:
        *ret_count = sizeof(numbers_i386) / sizeof(numbers_i386[0]);
        return numbers_i386;
    default:
        *ret_count = sizeof(numbers_x86_64) / sizeof(numbers_x86_64[0]);
        return numbers_x86_64;
    }
}

/* True when the first argument is one of those that make this number a traced call. */
static bool first_arg_counts(const struct call_number *number, uint64_t first)
{
    if (!number->first_args)
        return true;
    uint32_t value = (uint32_t)first;
    if (number->first_arg_mask)
        value &= number->first_arg_mask;
    for (unsigned i = 0; i < number->n_first_args; i++)
        if (number->first_args[i] == value)
            return true;
    return false;
}

enum call call_lookup(enum abi abi, uint64_t number, const uint64_t args[CALL_MAX_ARGS])
{
    size_t count;
    const struct call_number *table = call_numbers(abi, &count);
    size_t low = 0, high = count;
    while (low < high) {
        size_t mid = (low + high) / 2;
        if (table[mid].number < number)
            low = mid + 1;
        else
            high = mid;
    }
    if (low == count || table[low].number != number || !first_arg_counts(&table[low], args[0]))
        return CALL_NONE;
    if (table[low].call == CALL_SHMAT && table[low].first_args && (args[0] & 0xffff) == 22)
        return CALL_SHMDT;
    return table[low].call;
}

enum call call_by_name(const char *name, size_t length)
{
    for (int call = CALL_NONE + 1; call < CALL_COUNT; call++)
        if (strlen(calls[call].name) == length && memcmp(calls[call].name, name, length) == 0)
            return (enum call)call;
    return CALL_NONE;
}
