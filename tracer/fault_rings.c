/*
 * fault_rings.c: perf_event_open(2) for software page faults, and what the rings hold.
 *
 * Source: perf_event_open(2); include/uapi/linux/perf_event.h for the order of a sample's fields.
 */
#include "fault_rings.h"

#include "trace.h"

#include <asm/perf_regs.h>
#include <errno.h>
#include <linux/perf_event.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum {
    STACK_BYTES = 8192, /* of the stack */
    SPARSELY = 251,     /* one of so many faults leaves its stack when they are many: a prime, so that it meets all */
    MAX_CPUS = 1024,    /* beyond that faults are not seen */
    MAX_OPEN = 4096,    /* descriptors */
    ROOM = 65536,       /* the largest sample */
    MOST = 16 << 20,    /* bytes of all rings, unless they are at their smallest */
};

/* The two rings of a CPU. */
enum which { RING_FAULTS, RING_STACKS, RINGS };

/* Pages of both, powers of two, from the most that a user may lock down to what is still of use. */
static const unsigned sizes[][RINGS] = {{128, 128}, {64, 64}, {64, 32}, {32, 16}, {16, 8}, {4, 4}};

enum { SIZES = sizeof(sizes) / sizeof(sizes[0]) };

/* What is counted; those of one kind write the same ring. */
enum counter { COUNT_MINOR, COUNT_MAJOR, COUNT_STACKS, COUNT_SOME_STACKS, COUNTERS };

static const enum which ring_of[COUNTERS] = {RING_FAULTS, RING_FAULTS, RING_STACKS, RING_STACKS};

struct ring {
    int owner; /* the descriptor that it belongs to, -1: there is none */
    struct perf_event_mmap_page *page;
    size_t size; /* bytes of data, a power of two */
};

struct fault_rings {
    struct ring *rings;  /* RINGS for each CPU */
    size_t n_cpus, size; /* size: index in `sizes` */
    int *open;           /* descriptors */
    size_t n_open, open_capacity;
    int *full; /* of COUNT_STACKS, to be switched on and off; indices into open would do as well */
    size_t n_full, full_capacity;
    bool decided, sees_kernel, is_full;
    uint64_t lost;
    unsigned char room[ROOM]; /* a sample that lies across the ring's end, in one piece */
};

/* Registers that are asked for with a stack, with their DWARF numbers: in the order of their bits. */
static const struct {
    unsigned bit, number;
} stack_registers[] = {
    {PERF_REG_X86_AX, 0},   {PERF_REG_X86_BX, 3},   {PERF_REG_X86_CX, 2},   {PERF_REG_X86_DX, 1},
    {PERF_REG_X86_SI, 4},   {PERF_REG_X86_DI, 5},   {PERF_REG_X86_BP, 6},   {PERF_REG_X86_SP, 7},
    {PERF_REG_X86_IP, 16},  {PERF_REG_X86_R8, 8},   {PERF_REG_X86_R9, 9},   {PERF_REG_X86_R10, 10},
    {PERF_REG_X86_R11, 11}, {PERF_REG_X86_R12, 12}, {PERF_REG_X86_R13, 13}, {PERF_REG_X86_R14, 14},
    {PERF_REG_X86_R15, 15},
};
enum { STACK_REGISTERS = sizeof(stack_registers) / sizeof(stack_registers[0]) };

/* The same of i386: its registers have the numbers of figure 2.14 of the Intel386 supplement; the kernel has them in
 * the places of those of 64 bits. */
static const struct {
    unsigned index, number; /* index in stack_registers */
} stack_registers_32[] = {{0, 0}, {2, 1}, {3, 2}, {1, 3}, {7, 4}, {6, 5}, {4, 6}, {5, 7}, {8, 8}};

/* ---- opening ---- */

struct fault_rings *fault_rings_new(void)
{
    struct fault_rings *r = calloc(1, sizeof(*r));
    const long cpus = sysconf(_SC_NPROCESSORS_CONF);
    if (!r)
        return NULL;
    r->is_full = true;
    r->n_cpus = cpus < 1 ? 1 : cpus > MAX_CPUS ? MAX_CPUS : (size_t)cpus;
    r->rings = calloc(r->n_cpus * RINGS, sizeof(*r->rings));
    if (!r->rings) {
        free(r);
        return NULL;
    }
    for (size_t i = 0; i < r->n_cpus * RINGS; i++)
        r->rings[i].owner = -1;
    return r;
}

static size_t ring_bytes(const struct ring *ring)
{
    return ring->size + TRACE_PAGE;
}

/* Close what was opened since; rings go with their owners. */
static void close_from(struct fault_rings *r, size_t n_open, size_t n_full)
{
    for (size_t i = 0; i < r->n_cpus * RINGS; i++)
        for (size_t j = n_open; j < r->n_open; j++)
            if (r->rings[i].owner == r->open[j]) {
                munmap(r->rings[i].page, ring_bytes(&r->rings[i]));
                r->rings[i] = (struct ring){.owner = -1};
                break;
            }
    while (r->n_open > n_open)
        close(r->open[--r->n_open]);
    r->n_full = n_full;
}

void fault_rings_free(struct fault_rings *r)
{
    if (!r)
        return;
    close_from(r, 0, 0);
    free(r->rings);
    free(r->open);
    free(r->full);
    free(r);
}

static void describe(struct perf_event_attr *a, enum counter counter, bool sees_kernel)
{
    static const uint64_t configs[COUNTERS] = {PERF_COUNT_SW_PAGE_FAULTS_MIN, PERF_COUNT_SW_PAGE_FAULTS_MAJ,
                                               PERF_COUNT_SW_PAGE_FAULTS, PERF_COUNT_SW_PAGE_FAULTS};
    *a = (struct perf_event_attr){
        .size = sizeof(*a),
        .type = PERF_TYPE_SOFTWARE,
        .config = configs[counter],
        .sample_period = counter == COUNT_SOME_STACKS ? SPARSELY : 1,
        .sample_type = PERF_SAMPLE_TID | PERF_SAMPLE_TIME | PERF_SAMPLE_ADDR | PERF_SAMPLE_REGS_USER,
        .sample_regs_user = UINT64_C(1) << PERF_REG_X86_SP | UINT64_C(1) << PERF_REG_X86_IP,
        .inherit = 1,
        .exclude_kernel = !sees_kernel,
        .exclude_hv = 1,
        .use_clockid = 1,
        .clockid = CLOCK_MONOTONIC,
        .watermark = 1,
    };
    if (counter == COUNT_MAJOR)
        a->sample_type |= PERF_SAMPLE_CPU; /* longer than a minor one: that tells them apart */
    if (ring_of[counter] != RING_STACKS)
        return;
    a->sample_type |= PERF_SAMPLE_STACK_USER;
    a->sample_stack_user = STACK_BYTES;
    a->sample_regs_user = 0;
    for (size_t i = 0; i < STACK_REGISTERS; i++)
        a->sample_regs_user |= UINT64_C(1) << stack_registers[i].bit;
}

static bool keep(int **list, size_t *count, size_t *capacity, int fd)
{
    if (*count == *capacity) {
        const size_t more = *capacity ? *capacity * 2 : 64;
        int *grown = reallocarray(*list, more, sizeof(*grown));
        if (!grown)
            return false;
        *list = grown;
        *capacity = more;
    }
    (*list)[(*count)++] = fd;
    return true;
}

/* The descriptor owns the ring of its CPU, or writes into it. */
static int connect_ring(struct fault_rings *r, struct ring *ring, enum which which, int fd)
{
    if (ring->page)
        return ioctl(fd, PERF_EVENT_IOC_SET_OUTPUT, ring->owner) < 0 ? -errno : 0;
    const size_t size = (size_t)sizes[r->size][which] * TRACE_PAGE;
    void *page = mmap(NULL, size + TRACE_PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (page == MAP_FAILED)
        return -errno;
    *ring = (struct ring){fd, page, size};
    return 0;
}

static int open_one(struct fault_rings *r, pid_t tid, size_t cpu, enum counter counter)
{
    struct perf_event_attr a;
    const enum which which = ring_of[counter];
    describe(&a, counter, r->sees_kernel);
    a.wakeup_watermark = (uint32_t)(sizes[r->size][which] * TRACE_PAGE / 4);
    a.disabled = counter == COUNT_STACKS && !r->is_full;
    const int fd = (int)syscall(SYS_perf_event_open, &a, tid, (int)cpu, -1, PERF_FLAG_FD_CLOEXEC);
    if (fd < 0)
        return errno == ENODEV || errno == ENXIO ? 0 : -errno; /* this CPU is off */
    if (!keep(&r->open, &r->n_open, &r->open_capacity, fd)) {
        close(fd);
        return -ENOMEM;
    }
    if (counter == COUNT_STACKS && !keep(&r->full, &r->n_full, &r->full_capacity, fd))
        return -ENOMEM;
    return connect_ring(r, &r->rings[cpu * RINGS + which], which, fd);
}

static int open_all(struct fault_rings *r, pid_t tid)
{
    const size_t n_open = r->n_open, n_full = r->n_full;
    int error = 0;
    for (size_t cpu = 0; cpu < r->n_cpus && !error; cpu++)
        for (enum counter counter = 0; counter < COUNTERS && !error; counter++)
            error = open_one(r, tid, cpu, counter);
    if (!error && r->n_open == n_open)
        error = -ENODEV;
    if (error)
        close_from(r, n_open, n_full);
    return error;
}

/* Many CPUs have many rings. */
static size_t first_size(const struct fault_rings *r)
{
    size_t size = 0;
    while (size + 1 < SIZES && r->n_cpus * (sizes[size][RING_FAULTS] + sizes[size][RING_STACKS]) * TRACE_PAGE > MOST)
        size++;
    return size;
}

/* Both sides if that is allowed; as large as they may be. */
static int decide(struct fault_rings *r, pid_t tid)
{
    int error = 0;
    for (int attempt = 0; attempt < 2; attempt++) {
        r->sees_kernel = attempt == 0;
        for (r->size = first_size(r); r->size < SIZES; r->size++) {
            error = open_all(r, tid);
            if (!error) {
                r->decided = true;
                return 0;
            }
            if (error != -EPERM && error != -ENOMEM)
                break; /* it is not the size */
        }
    }
    r->size = 0;
    return error;
}

static bool has_room(const struct fault_rings *r)
{
    struct rlimit limit;
    const size_t most = r->n_open + r->n_cpus * COUNTERS;
    return most <= MAX_OPEN && (getrlimit(RLIMIT_NOFILE, &limit) < 0 || most <= limit.rlim_cur / 2);
}

int fault_rings_add(struct fault_rings *r, pid_t tid)
{
    if (!has_room(r))
        return -EMFILE;
    return r->decided ? open_all(r, tid) : decide(r, tid);
}

/* ---- asking ---- */

bool fault_rings_sees_kernel(const struct fault_rings *r)
{
    return r->sees_kernel;
}

size_t fault_rings_count(const struct fault_rings *r, size_t *ret_bytes)
{
    size_t count = 0;
    *ret_bytes = 0;
    for (size_t i = 0; i < r->n_cpus * RINGS; i++) {
        count += r->rings[i].page != NULL;
        *ret_bytes += r->rings[i].page ? ring_bytes(&r->rings[i]) : 0;
    }
    return count;
}

size_t fault_rings_descriptors(const struct fault_rings *r, struct pollfd *fds, size_t capacity)
{
    size_t count = 0;
    for (size_t i = 0; i < r->n_cpus * RINGS && count < capacity; i++)
        if (r->rings[i].page)
            fds[count++] = (struct pollfd){.fd = r->rings[i].owner, .events = POLLIN};
    return count;
}

uint64_t fault_rings_lost(const struct fault_rings *r)
{
    return r->lost;
}

void fault_rings_full(struct fault_rings *r, bool full)
{
    if (full == r->is_full)
        return;
    r->is_full = full;
    for (size_t i = 0; i < r->n_full; i++)
        ioctl(r->full[i], full ? PERF_EVENT_IOC_ENABLE : PERF_EVENT_IOC_DISABLE, 0);
}

/* ---- samples ---- */

/* Numbers of a sample from the front; nothing beyond its end. */
struct fields {
    const unsigned char *at, *end;
};

static uint64_t next(struct fields *f)
{
    uint64_t value = 0;
    if ((size_t)(f->end - f->at) < sizeof(value)) {
        f->at = f->end;
        return 0;
    }
    memcpy(&value, f->at, sizeof(value));
    f->at += sizeof(value);
    return value;
}

static struct fault read_fault(struct fields f, unsigned misc)
{
    enum { MINOR = 4 * 8, REGISTERS = 2 * 8, CPU = 8 };
    const size_t size = (size_t)(f.end - f.at);
    const uint64_t ids = next(&f);
    struct fault fault = {.pid = (uint32_t)ids, .tid = (uint32_t)(ids >> 32)};
    fault.time = next(&f);
    fault.address = next(&f);
    fault.is_major = size == MINOR + CPU || size == MINOR + REGISTERS + CPU;
    fault.by_kernel = (misc & PERF_RECORD_MISC_CPUMODE_MASK) == PERF_RECORD_MISC_KERNEL;
    if (fault.is_major)
        next(&f);
    fault.has_registers = next(&f) != PERF_SAMPLE_REGS_ABI_NONE;
    if (!fault.has_registers)
        return fault;
    fault.sp = next(&f);
    fault.ip = next(&f);
    return fault;
}

static void take_registers(struct unwind_registers *registers, uint64_t abi, const uint64_t *values)
{
    *registers = (struct unwind_registers){.abi = abi == PERF_SAMPLE_REGS_ABI_32 ? UNWIND_I386 : UNWIND_X86_64};
    if (abi == PERF_SAMPLE_REGS_ABI_32)
        for (size_t i = 0; i < sizeof(stack_registers_32) / sizeof(stack_registers_32[0]); i++)
            registers_set(registers, stack_registers_32[i].number, (uint32_t)values[stack_registers_32[i].index]);
    else
        for (size_t i = 0; i < STACK_REGISTERS; i++)
            registers_set(registers, stack_registers[i].number, values[i]);
}

/* False when there are no registers: a thread that runs in the kernel only. */
static bool read_stack(struct fields f, struct fault_stack *ret)
{
    uint64_t values[STACK_REGISTERS];
    const uint64_t ids = next(&f);
    *ret = (struct fault_stack){.pid = (uint32_t)ids, .tid = (uint32_t)(ids >> 32)};
    next(&f); /* time */
    next(&f); /* address */
    const uint64_t abi = next(&f);
    if (abi != PERF_SAMPLE_REGS_ABI_64 && abi != PERF_SAMPLE_REGS_ABI_32)
        return false;
    for (size_t i = 0; i < STACK_REGISTERS; i++)
        values[i] = next(&f);
    take_registers(&ret->registers, abi, values);
    const uint64_t size = next(&f);
    if (!size || size > (uint64_t)(f.end - f.at))
        return true;
    ret->bytes = f.at;
    f.at += size;
    const uint64_t filled = next(&f);
    ret->size = filled < size ? (size_t)filled : (size_t)size;
    return true;
}

/* ---- rings ---- */

/* A record's bytes in one piece. */
static const unsigned char *whole(struct fault_rings *r, const struct ring *ring, uint64_t at, size_t size)
{
    const unsigned char *data = (const unsigned char *)ring->page + TRACE_PAGE;
    const size_t from = at & (ring->size - 1), first = ring->size - from;
    if (size <= first)
        return data + from;
    memcpy(r->room, data + from, first);
    memcpy(r->room + first, data, size - first);
    return r->room;
}

static void count_lost(struct fault_rings *r, struct fields f)
{
    next(&f); /* id */
    r->lost += next(&f);
}

/* False when it was not taken. */
static bool take(struct fault_rings *r, const struct fault_taker *taker, enum which which, const unsigned char *bytes)
{
    struct perf_event_header header;
    struct fault_stack stack;
    memcpy(&header, bytes, sizeof(header));
    const struct fields f = {bytes + sizeof(header), bytes + header.size};
    if (header.type == PERF_RECORD_LOST && which == RING_FAULTS)
        count_lost(r, f);
    if (header.type != PERF_RECORD_SAMPLE)
        return true;
    if (which == RING_STACKS)
        return !read_stack(f, &stack) || taker->stack(taker->context, &stack);
    const struct fault fault = read_fault(f, header.misc);
    return taker->fault(taker->context, &fault);
}

/* Up to `head`.  False when the taker had enough. */
static bool drain(struct fault_rings *r, const struct fault_taker *taker, size_t index, uint64_t head)
{
    struct ring *ring = &r->rings[index];
    uint64_t at = ring->page->data_tail;
    bool going = true;
    while (going && at < head) {
        struct perf_event_header header;
        memcpy(&header, whole(r, ring, at, sizeof(header)), sizeof(header));
        if (header.size < sizeof(header) || header.size > head - at) {
            at = head; /* never seen: better than to run in circles */
            break;
        }
        going = take(r, taker, (enum which)(index % RINGS), whole(r, ring, at, header.size));
        if (going)
            at += header.size;
    }
    __atomic_store_n(&ring->page->data_tail, at, __ATOMIC_RELEASE);
    return going;
}

static uint64_t head_of(const struct ring *ring)
{
    return ring->page ? __atomic_load_n(&ring->page->data_head, __ATOMIC_ACQUIRE) : 0;
}

/* A fault's stack is in its ring before the fault is in the other one: with the head of that read first, no stack is
 * missed. */
static bool drain_cpu(struct fault_rings *r, const struct fault_taker *taker, size_t cpu)
{
    const size_t faults = cpu * RINGS + RING_FAULTS, stacks = cpu * RINGS + RING_STACKS;
    const uint64_t head = head_of(&r->rings[faults]), stacks_head = head_of(&r->rings[stacks]);
    if (stacks_head && r->rings[stacks].page->data_tail != stacks_head && !drain(r, taker, stacks, stacks_head))
        return false;
    return !head || r->rings[faults].page->data_tail == head || drain(r, taker, faults, head);
}

bool fault_rings_drain(struct fault_rings *r, const struct fault_taker *taker)
{
    for (size_t cpu = 0; cpu < r->n_cpus; cpu++)
        if (!drain_cpu(r, taker, cpu))
            return false;
    return true;
}
