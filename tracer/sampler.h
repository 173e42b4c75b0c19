/*
 * sampler.h: a thread that reads the counters of every live address space now and then.
 *
 * It reads /proc/PID/statm and stat every interval, status more rarely, and slows down when reading costs more than 1 %
 * of CPU time. It never stops a tracee and never reads a map.
 */
#ifndef BRKWATER_SAMPLER_H
#define BRKWATER_SAMPLER_H

#include "recorder.h"
#include "residency.h"

struct sampler;

/* 0 or -errno.  interval_ms 0: no timed samples; the thread then only flushes the recorder.  It looks at resident pages
 * when that is due; `residency` may be NULL. */
int sampler_start(struct recorder *recorder, struct residency *residency, unsigned interval_ms,
                  struct sampler **ret_sampler);

/* Ends the thread and frees.  NULL is fine. */
void sampler_stop(struct sampler *sampler);

/* Sample this address space through the /proc directory of one of its processes; `dir` stays the caller's and must stay
 * open until sampler_forget(). */
void sampler_watch(struct sampler *sampler, uint32_t space, pid_t pid, int dir);

/* No sample of it is recorded after this returns. */
void sampler_forget(struct sampler *sampler, uint32_t space);

/* Read and record a sample now, from any thread.  `flags` is 0 or SAMPLE_LAST, and then everything is read. */
void sampler_take(struct recorder *recorder, uint32_t space, pid_t pid, int dir, uint32_t flags);

#endif
