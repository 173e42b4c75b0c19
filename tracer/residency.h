/*
 * residency.h: which pages of a process are resident, as a record.
 *
 * At the end of a process, when the user asks for it, and when resident memory has grown by a quarter since the last
 * time: as long as that takes no more than a hundredth of the run.  Nothing is written to the process, and it need not
 * stand still: then a few pages may have come or gone while they were looked at.
 *
 * May be used from several threads.  All of these do nothing where `residency` is NULL.
 */
#ifndef BRKWATER_RESIDENCY_H
#define BRKWATER_RESIDENCY_H

#include "recorder.h"

struct residency;

/* NULL without memory, and when the user wants none. */
struct residency *residency_new(const struct tracer_options *options, struct recorder *recorder);
void residency_free(struct residency *residency);

/* Look at a process through its /proc directory, and record what is there; for RESIDENCY_EXIT and RESIDENCY_PEAK only
 * if it is not too dear.  True when it was recorded. */
bool residency_take(struct residency *residency, uint32_t space, pid_t pid, int dir, enum residency_reason reason);

/* Whether it has so many more resident pages than `before`, when it was last looked at, that it should be again. */
bool residency_is_high(const struct residency *residency, uint64_t pages, uint64_t before);

/* A moment that the user has asked for has come: RESIDENCY_ASKED, once; else 0. */
enum residency_reason residency_due(struct residency *residency);

/* Ticks until the next such moment, UINT64_MAX when there is none. */
uint64_t residency_wait(const struct residency *residency);

#endif
