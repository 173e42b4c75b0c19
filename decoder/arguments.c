/* arguments.c: the names of the bits and values in a call's arguments, as strace spells and orders them. */
#include "decoder.h"

#include <string.h>

#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))

/* One bit of a set, or one value of a list. */
struct name {
    uint64_t value;
    const char *name;
};

/* Names that are printed one after another.  `mask` 0: of single bits; else of values that the bits of `mask` hold. */
struct name_list {
    const struct name *names;
    size_t count;
    uint64_t mask;
};

/*
 * Everything that an argument kind needs, its lists in the order in which strace prints them.  `empty`: name of 0, NULL
 * when it has none.  `is_int`: the kernel takes an int, so that the upper half of the register means nothing.
 *
 * Example: mmap's flags are a type (mask 0xf), bits, and the size of huge pages (mask 0x3f << 26).
 */
struct name_set {
    struct name_list lists[3];
    const char *empty;
    bool is_int;
};

static const struct name prot_bits[] = {
    {0x1, "PROT_READ"},
    {0x2, "PROT_WRITE"},
    {0x4, "PROT_EXEC"},
    {0x8, "PROT_SEM"},
    {0x01000000, "PROT_GROWSDOWN"},
    {0x02000000, "PROT_GROWSUP"},
};

/* The low four bits of mmap's flags are one value, bits 26 to 31 another; these are the bits between. */
static const struct name map_bits[] = {
    {0x10, "MAP_FIXED"},        {0x20, "MAP_ANONYMOUS"},   {0x40, "MAP_32BIT"},
    {0x80, "MAP_ABOVE4G"},      {0x4000, "MAP_NORESERVE"}, {0x8000, "MAP_POPULATE"},
    {0x10000, "MAP_NONBLOCK"},  {0x100, "MAP_GROWSDOWN"},  {0x800, "MAP_DENYWRITE"},
    {0x1000, "MAP_EXECUTABLE"}, {0x2000, "MAP_LOCKED"},    {0x20000, "MAP_STACK"},
    {0x40000, "MAP_HUGETLB"},   {0x80000, "MAP_SYNC"},     {0x100000, "MAP_FIXED_NOREPLACE"},
};

static const struct name map_types[] = {
    {0, "MAP_FILE"}, {1, "MAP_SHARED"}, {2, "MAP_PRIVATE"}, {3, "MAP_SHARED_VALIDATE"}, {8, "MAP_DROPPABLE"},
};

enum {
    MAP_TYPE_MASK = 0xf,
    HUGE_SHIFT = 26, /* MAP_HUGE_SHIFT: above it stands the base-2 logarithm of the page size */
};

#define HUGE_MASK ((uint64_t)0x3f << HUGE_SHIFT)
#define HUGE_NAME(log2)                                                                                                \
    {                                                                                                                  \
        (uint64_t)(log2) << HUGE_SHIFT, #log2 "<<MAP_HUGE_SHIFT"                                                       \
    }

static const struct name huge_sizes[] = {
    HUGE_NAME(1),  HUGE_NAME(2),  HUGE_NAME(3),  HUGE_NAME(4),  HUGE_NAME(5),  HUGE_NAME(6),  HUGE_NAME(7),
    HUGE_NAME(8),  HUGE_NAME(9),  HUGE_NAME(10), HUGE_NAME(11), HUGE_NAME(12), HUGE_NAME(13), HUGE_NAME(14),
    HUGE_NAME(15), HUGE_NAME(16), HUGE_NAME(17), HUGE_NAME(18), HUGE_NAME(19), HUGE_NAME(20), HUGE_NAME(21),
    HUGE_NAME(22), HUGE_NAME(23), HUGE_NAME(24), HUGE_NAME(25), HUGE_NAME(26), HUGE_NAME(27), HUGE_NAME(28),
    HUGE_NAME(29), HUGE_NAME(30), HUGE_NAME(31), HUGE_NAME(32), HUGE_NAME(33), HUGE_NAME(34), HUGE_NAME(35),
    HUGE_NAME(36), HUGE_NAME(37), HUGE_NAME(38), HUGE_NAME(39), HUGE_NAME(40), HUGE_NAME(41), HUGE_NAME(42),
    HUGE_NAME(43), HUGE_NAME(44), HUGE_NAME(45), HUGE_NAME(46), HUGE_NAME(47), HUGE_NAME(48), HUGE_NAME(49),
    HUGE_NAME(50), HUGE_NAME(51), HUGE_NAME(52), HUGE_NAME(53), HUGE_NAME(54), HUGE_NAME(55), HUGE_NAME(56),
    HUGE_NAME(57), HUGE_NAME(58), HUGE_NAME(59), HUGE_NAME(60), HUGE_NAME(61), HUGE_NAME(62), HUGE_NAME(63),
};

static const struct name mremap_bits[] = {
    {0x1, "MREMAP_MAYMOVE"},
    {0x2, "MREMAP_FIXED"},
    {0x4, "MREMAP_DONTUNMAP"},
};

static const struct name advice_values[] = {
    {0, "MADV_NORMAL"},           {1, "MADV_RANDOM"},          {2, "MADV_SEQUENTIAL"},
    {3, "MADV_WILLNEED"},         {4, "MADV_DONTNEED"},        {8, "MADV_FREE"},
    {9, "MADV_REMOVE"},           {10, "MADV_DONTFORK"},       {11, "MADV_DOFORK"},
    {12, "MADV_MERGEABLE"},       {13, "MADV_UNMERGEABLE"},    {14, "MADV_HUGEPAGE"},
    {15, "MADV_NOHUGEPAGE"},      {16, "MADV_DONTDUMP"},       {17, "MADV_DODUMP"},
    {18, "MADV_WIPEONFORK"},      {19, "MADV_KEEPONFORK"},     {20, "MADV_COLD"},
    {21, "MADV_PAGEOUT"},         {22, "MADV_POPULATE_READ"},  {23, "MADV_POPULATE_WRITE"},
    {24, "MADV_DONTNEED_LOCKED"}, {25, "MADV_COLLAPSE"},       {100, "MADV_HWPOISON"},
    {101, "MADV_SOFT_OFFLINE"},   {102, "MADV_GUARD_INSTALL"}, {103, "MADV_GUARD_REMOVE"},
};

static const struct name shm_bits[] = {
    {010000, "SHM_RDONLY"},
    {020000, "SHM_RND"},
    {040000, "SHM_REMAP"},
    {0100000, "SHM_EXEC"},
};

static const struct name mlock_bits[] = {{0x1, "MLOCK_ONFAULT"}};

static const struct name mcl_bits[] = {
    {0x1, "MCL_CURRENT"},
    {0x2, "MCL_FUTURE"},
    {0x4, "MCL_ONFAULT"},
};

#define RT(n)                                                                                                          \
    {                                                                                                                  \
        32 + (n), "SIGRT_" #n                                                                                          \
    }

/* As the kernel of x86-64 numbers them, from 1 without a gap.  Its real-time signals begin at 32; libc keeps the first
 * two for itself. */
static const struct name signals[] = {
    {1, "SIGHUP"},   {2, "SIGINT"},
    {3, "SIGQUIT"},  {4, "SIGILL"},
    {5, "SIGTRAP"},  {6, "SIGABRT"},
    {7, "SIGBUS"},   {8, "SIGFPE"},
    {9, "SIGKILL"},  {10, "SIGUSR1"},
    {11, "SIGSEGV"}, {12, "SIGUSR2"},
    {13, "SIGPIPE"}, {14, "SIGALRM"},
    {15, "SIGTERM"}, {16, "SIGSTKFLT"},
    {17, "SIGCHLD"}, {18, "SIGCONT"},
    {19, "SIGSTOP"}, {20, "SIGTSTP"},
    {21, "SIGTTIN"}, {22, "SIGTTOU"},
    {23, "SIGURG"},  {24, "SIGXCPU"},
    {25, "SIGXFSZ"}, {26, "SIGVTALRM"},
    {27, "SIGPROF"}, {28, "SIGWINCH"},
    {29, "SIGIO"},   {30, "SIGPWR"},
    {31, "SIGSYS"},  {32, "SIGRTMIN"},
    RT(1),           RT(2),
    RT(3),           RT(4),
    RT(5),           RT(6),
    RT(7),           RT(8),
    RT(9),           RT(10),
    RT(11),          RT(12),
    RT(13),          RT(14),
    RT(15),          RT(16),
    RT(17),          RT(18),
    RT(19),          RT(20),
    RT(21),          RT(22),
    RT(23),          RT(24),
    RT(25),          RT(26),
    RT(27),          RT(28),
    RT(29),          RT(30),
    RT(31),          RT(32),
};

/* The lowest seven bits are the number of a signal. */
static const struct name clone_bits[] = {
    {0x80, "CLONE_NEWTIME"},
    {0x100, "CLONE_VM"},
    {0x200, "CLONE_FS"},
    {0x400, "CLONE_FILES"},
    {0x800, "CLONE_SIGHAND"},
    {0x1000, "CLONE_PIDFD"},
    {0x2000, "CLONE_PTRACE"},
    {0x4000, "CLONE_VFORK"},
    {0x8000, "CLONE_PARENT"},
    {0x10000, "CLONE_THREAD"},
    {0x20000, "CLONE_NEWNS"},
    {0x40000, "CLONE_SYSVSEM"},
    {0x80000, "CLONE_SETTLS"},
    {0x100000, "CLONE_PARENT_SETTID"},
    {0x200000, "CLONE_CHILD_CLEARTID"},
    {0x400000, "CLONE_DETACHED"},
    {0x800000, "CLONE_UNTRACED"},
    {0x1000000, "CLONE_CHILD_SETTID"},
    {0x2000000, "CLONE_NEWCGROUP"},
    {0x4000000, "CLONE_NEWUTS"},
    {0x8000000, "CLONE_NEWIPC"},
    {0x10000000, "CLONE_NEWUSER"},
    {0x20000000, "CLONE_NEWPID"},
    {0x40000000, "CLONE_NEWNET"},
    {0x80000000, "CLONE_IO"},
    {0x100000000, "CLONE_CLEAR_SIGHAND"},
    {0x200000000, "CLONE_INTO_CGROUP"},
};

enum { CLONE_SIGNAL_MASK = 0x7f };

static const struct name shadow_bits[] = {{0x1, "SHADOW_STACK_SET_TOKEN"}};

static const struct name prctl_options[] = {
    {22, "PR_SET_SECCOMP"},
    {35, "PR_SET_MM"},
    {0x53564d41, "PR_SET_VMA"},
};

/* The two options' values do not meet: PR_SET_VMA has only 0, PR_SET_MM begins at 1. */
static const struct name prctl_subs[] = {
    {0, "PR_SET_VMA_ANON_NAME"}, {1, "PR_SET_MM_START_CODE"},  {2, "PR_SET_MM_END_CODE"},   {3, "PR_SET_MM_START_DATA"},
    {4, "PR_SET_MM_END_DATA"},   {5, "PR_SET_MM_START_STACK"}, {6, "PR_SET_MM_START_BRK"},  {7, "PR_SET_MM_BRK"},
    {8, "PR_SET_MM_ARG_START"},  {9, "PR_SET_MM_ARG_END"},     {10, "PR_SET_MM_ENV_START"}, {11, "PR_SET_MM_ENV_END"},
    {12, "PR_SET_MM_AUXV"},      {13, "PR_SET_MM_EXE_FILE"},   {14, "PR_SET_MM_MAP"},       {15, "PR_SET_MM_MAP_SIZE"},
};

#define BITS(table)                                                                                                    \
    {                                                                                                                  \
        .names = (table), .count = LENGTH(table)                                                                       \
    }
#define VALUES(table, its_mask)                                                                                        \
    {                                                                                                                  \
        .names = (table), .count = LENGTH(table), .mask = (its_mask)                                                   \
    }

static const struct name_set sets[ARG_ENVC + 1] = {
    [ARG_PROT] = {.lists = {BITS(prot_bits)}, .empty = "PROT_NONE"},
    [ARG_MAP_FLAGS] = {.lists = {VALUES(map_types, MAP_TYPE_MASK), BITS(map_bits), VALUES(huge_sizes, HUGE_MASK)}},
    [ARG_MREMAP_FLAGS] = {.lists = {BITS(mremap_bits)}},
    [ARG_ADVICE] = {.lists = {VALUES(advice_values, UINT32_MAX)}, .is_int = true},
    [ARG_SHM_FLAGS] = {.lists = {BITS(shm_bits)}, .is_int = true},
    [ARG_MLOCK_FLAGS] = {.lists = {BITS(mlock_bits)}, .is_int = true},
    [ARG_MCL_FLAGS] = {.lists = {BITS(mcl_bits)}, .is_int = true},
    [ARG_CLONE_FLAGS] = {.lists = {BITS(clone_bits), VALUES(signals, CLONE_SIGNAL_MASK)}},
    [ARG_SHADOW_FLAGS] = {.lists = {BITS(shadow_bits)}, .is_int = true},
    [ARG_PRCTL_OPTION] = {.lists = {VALUES(prctl_options, UINT32_MAX)}, .is_int = true},
    [ARG_PRCTL_SUB] = {.lists = {VALUES(prctl_subs, UINT64_MAX)}},
};

/* The longest list is clone's bits and a signal. */
_Static_assert(LENGTH(clone_bits) + 1 <= FLAG_NAMES_MAX, "FLAG_NAMES_MAX is too small for CLONE_");
_Static_assert(LENGTH(map_bits) + 2 <= FLAG_NAMES_MAX, "FLAG_NAMES_MAX is too small for MAP_");

static const struct name_set *set_of(enum arg_kind kind)
{
    static const struct name_set no_names = {.empty = NULL};
    return (size_t)kind < LENGTH(sets) ? &sets[kind] : &no_names;
}

uint64_t argument_mask(enum arg_kind kind)
{
    return set_of(kind)->is_int ? UINT32_MAX : UINT64_MAX;
}

bool argument_field(enum arg_kind kind, size_t index, struct flag_field *ret_field)
{
    const struct name_set *set = set_of(kind);
    if (set->empty && index-- == 0) {
        *ret_field = (struct flag_field){.mask = argument_mask(kind), .value = 0, .name = set->empty};
        return true;
    }
    for (size_t i = 0; i < LENGTH(set->lists); i++) {
        const struct name_list *list = &set->lists[i];
        if (index < list->count) {
            const struct name *name = &list->names[index];
            *ret_field = (struct flag_field){list->mask ? list->mask : name->value, name->value, name->name};
            return true;
        }
        index -= list->count;
    }
    return false;
}

void argument_flags(enum arg_kind kind, uint64_t value, struct flag_list *ret_list)
{
    struct flag_field field;
    value &= argument_mask(kind);
    ret_list->count = 0;
    ret_list->rest = value;
    for (size_t i = 0; argument_field(kind, i, &field); i++)
        if ((value & field.mask) == field.value) {
            ret_list->names[ret_list->count++] = field.name;
            ret_list->rest &= ~field.mask;
        }
}

const char *errno_name(uint32_t error)
{
    /* Never seen by a program, but by its tracer: results of calls that a signal broke off. */
    static const char *const kernel_only[] = {
        "ERESTARTSYS", "ERESTARTNOINTR", "ERESTARTNOHAND", "ENOIOCTLCMD", "ERESTART_RESTARTBLOCK",
    };
    enum { FIRST_KERNEL_ONLY = 512 };

    if (error >= FIRST_KERNEL_ONLY && error - FIRST_KERNEL_ONLY < LENGTH(kernel_only))
        return kernel_only[error - FIRST_KERNEL_ONLY];
    /* strerrorname_np(0) is "0", which is no name. */
    return error && error < FIRST_KERNEL_ONLY ? strerrorname_np((int)error) : NULL;
}

const char *signal_name(unsigned signal)
{
    return signal && signal <= LENGTH(signals) ? signals[signal - 1].name : NULL;
}
