/*
 * fault_sites.h: faults that are not recorded yet, added up by site and by pages that lie side by side.
 *
 * A fixed amount of memory: when there is no room, what there is is recorded.
 */
#ifndef BRKWATER_FAULT_SITES_H
#define BRKWATER_FAULT_SITES_H

#include "fault_rings.h"
#include "state.h"

struct fault_sites;

/* NULL without memory. */
struct fault_sites *fault_sites_new(struct tracer *tracer);
void fault_sites_free(struct fault_sites *sites);

/* A fault of a tracee; false when it is none of its user memory. */
bool fault_sites_add(struct fault_sites *sites, const struct tracee *tracee, const struct fault *fault);

/* The stack of one. */
void fault_sites_learn(struct fault_sites *sites, struct tracee *tracee, const struct fault_stack *stack);

/* Ticks since the first fault that is not recorded; 0 when there is none. */
uint64_t fault_sites_age(const struct fault_sites *sites);

/* Whether pages of that range may be among them. */
bool fault_sites_touch(const struct fault_sites *sites, uint32_t space, const struct span *span);

/* Record all of them.  How many faults have no stack but their instruction, or nothing at all. */
uint64_t fault_sites_flush(struct fault_sites *sites);

#endif
