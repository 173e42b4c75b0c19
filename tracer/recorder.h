/*
 * recorder.h: the one place through which records leave the tracer, in order, to the file and to the live consumer.
 *
 * Both the stop loop and the sampler thread record; a lock makes one line of them.
 */
#ifndef BRKWATER_RECORDER_H
#define BRKWATER_RECORDER_H

#include "maps.h"
#include "trace.h"
#include "tracer.h"

struct recorder;

/* The output is opened here, and nothing is written to it before the first record.  0, or -errno of opening it. */
int recorder_new(const struct tracer_options *options, struct recorder **ret_recorder);

/* Ticks since the recording began; recorder_start() makes now tick 0. */
void recorder_start(struct recorder *recorder);
uint64_t recorder_now(const struct recorder *recorder);

/* The tick of a time of CLOCK_MONOTONIC in ns; 0 for one before the recording began. */
uint64_t recorder_tick_of(const struct recorder *recorder, uint64_t ns);

/* False once records are no longer taken (disk full, --max-size): nothing needs to be captured any more. */
bool recorder_active(struct recorder *recorder);

void recorder_put(struct recorder *recorder, const struct record *record);

/* The next number in the line of all entries and exits. */
uint64_t recorder_sequence(struct recorder *recorder);

/* The id of a mapping's file or name, recorded when it is new; 0 for an anonymous line.  Source: the fields of maps. */
uint32_t recorder_file(struct recorder *recorder, const struct map_line *line);

/* Frames do not wait longer than a second for being full: call now and then. */
void recorder_tick(struct recorder *recorder);

/* Stop taking records, with this as the last. */
void recorder_end(struct recorder *recorder, enum end_reason reason, bool has_status, int status, uint64_t stops);

uint64_t recorder_events(const struct recorder *recorder);

/* Close and free.  With `discard` nothing is left of the output. */
void recorder_free(struct recorder *recorder, bool discard, struct tracer_result *result);

#endif
