/*
 * event.h: one call, from its entry stop to the record.
 */
#ifndef BRKWATER_EVENT_H
#define BRKWATER_EVENT_H

#include "state.h"

/* The tracee stands at the entry of a traced call: read its arguments, all that must be read before the kernel runs it.
 * `registers`: those of the tracee, or NULL when they were not asked for. */
void event_begin(struct tracer *tracer, struct tracee *tracee, enum call call, const struct syscall_info *info,
                 const struct unwind_registers *registers);

/* True when it must have its space for itself: it changes the layout, or copies it. */
bool event_is_exclusive(const struct call_in_flight *call);

/* It is let into the kernel now. */
void event_enter(struct tracer *tracer, struct tracee *tracee);

/* It has returned: record it.  The tracee still stands at the exit. */
void event_finish(struct tracer *tracer, struct tracee *tracee, const struct syscall_info *info);

/* It will be entered again after a signal (-ERESTART...): nothing is recorded yet. */
bool event_restarts(const struct syscall_info *info);
void event_keep_for_restart(struct tracee *tracee);

/* It was interrupted, and may have done a part of its work: its reach is to be read back. */
void event_leaves_unknown(struct tracer *tracer, struct tracee *tracee);

/* A restart that was kept is not coming: record the call as interrupted. */
void event_give_up_restart(struct tracer *tracer, struct tracee *tracee);

/* The tracee died inside the call, or the call never returns: record it without a result. */
void event_without_result(struct tracer *tracer, struct tracee *tracee, enum event_flag flag);

#endif
