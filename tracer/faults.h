/*
 * faults.h: page faults of the tracees into records: where, and by which code.
 *
 * The kernel puts them into rings (fault_rings.h), from which a thread takes them while the stop loop waits, and the
 * stop loop itself where their order matters: what was touched before memory goes is recorded before that.  Both never
 * at the same time, since a tracee's space and the unwinder are the stop loop's: it is between faults_enter() and
 * faults_leave() whenever it does not wait.
 *
 * Faults are added up by site: the same thread at the same instruction with the same stack pointer.  The stack of a
 * site is that of the last fault there whose stack was taken; as long as none was, the instruction alone is told.
 *
 * All of these do nothing where `faults` is NULL.
 */
#ifndef BRKWATER_FAULTS_H
#define BRKWATER_FAULTS_H

#include "state.h"

struct faults;

/* Look at faults, unless the user does not want that; only at the first thread's faults_watch() the rings are made.
 * NULL without memory. */
struct faults *faults_new(struct tracer *tracer);
void faults_free(struct faults *faults);

/* See the faults of a stopped thread, and of the threads and processes that it will make. */
void faults_watch(struct faults *faults, pid_t tid);

/* All threads are watched: record what can be seen, and begin to take it. */
void faults_begin(struct faults *faults);

/* The last of them: record them and what became of all, and look no longer.  Before the recording ends. */
void faults_end(struct faults *faults);

/* The stop loop is at work; it waits. */
void faults_enter(struct faults *faults);
void faults_leave(struct faults *faults);

/* A tracee's call is about to be let in: what it may take away was touched before. */
void faults_before_call(struct faults *faults, const struct tracee *tracee);

/* The space is about to be copied, to end, or to be looked at: all that is known of it. */
void faults_flush(struct faults *faults);

#endif
