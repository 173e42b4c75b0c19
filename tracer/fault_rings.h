/*
 * fault_rings.h: page faults as the kernel tells them, perf_event_open(2).
 *
 * Two rings for each CPU, and three or four counters for each CPU and each thread that they are opened for, which all
 * threads and processes that it makes inherit.  Every fault leaves a small record in the first ring; some also leave
 * the registers and the top of the stack in the second one.  While faults are few all do that, else one of many
 * (fault_rings_full()).  A ring that is full loses what comes, and counts it.
 */
#ifndef BRKWATER_FAULT_RINGS_H
#define BRKWATER_FAULT_RINGS_H

#include "unwind/registers.h"

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* One page fault.  Example: {.tid = 71, .time = 81234567890, .address = 0x7f2a4c001000, .ip = 0x55d0c1e2f3a4, .sp =
 * 0x7ffd1c0a2b40, .has_registers = true}: user code wrote there. */
struct fault {
    uint32_t pid, tid;
    uint64_t time;      /* ns of CLOCK_MONOTONIC */
    uint64_t address;   /* that was touched */
    uint64_t ip, sp;    /* of the thread in user mode, 0 without registers */
    bool has_registers; /* else the kernel could not tell where the thread was */
    bool is_major;      /* it had to wait for a device */
    bool by_kernel;     /* inside of a system call */
};

/* A fault with what its stack can be found from: all registers, and `size` bytes of memory from the stack pointer. */
struct fault_stack {
    uint32_t pid, tid;
    struct unwind_registers registers;
    const unsigned char *bytes;
    size_t size;
};

struct fault_rings;

/* NULL without memory. */
struct fault_rings *fault_rings_new(void);
void fault_rings_free(struct fault_rings *rings);

/*
 * See the faults of a thread and of what it makes from now on.  0; -EMFILE when that would need too many descriptors;
 * or -errno of perf_event_open(2) or mmap(2), -EACCES and -EPERM above all.  The first one decides how large the rings
 * are, and whether faults of the kernel's side are seen.
 */
int fault_rings_add(struct fault_rings *rings, pid_t tid);

bool fault_rings_sees_kernel(const struct fault_rings *rings);
size_t fault_rings_count(const struct fault_rings *rings, size_t *ret_bytes);

/* Descriptors to poll for POLLIN: a ring is filling up. */
size_t fault_rings_descriptors(const struct fault_rings *rings, struct pollfd *fds, size_t capacity);

/* Whether every fault leaves its stack, or one of many. */
void fault_rings_full(struct fault_rings *rings, bool full);

/* What is to be done with what is found; false: enough for now, the rest stays in the ring. */
struct fault_taker {
    bool (*fault)(void *context, const struct fault *fault);
    bool (*stack)(void *context, const struct fault_stack *stack);
    void *context;
};

/* Take out what is there: stacks before the faults that were there when it began.  True when all was taken. */
bool fault_rings_drain(struct fault_rings *rings, const struct fault_taker *taker);

/* Faults that found no room. */
uint64_t fault_rings_lost(const struct fault_rings *rings);

#endif
