/*
 * state.h: what the parts of the stop loop share during one run.
 */
#ifndef BRKWATER_STATE_H
#define BRKWATER_STATE_H

#include "capture.h"
#include "maps.h"
#include "order.h"
#include "placement.h"
#include "recorder.h"
#include "sampler.h"
#include "signals.h"
#include "tracee.h"
#include "tracer.h"

struct faults;

struct tracer {
    const struct tracer_options *options;
    struct recorder *recorder;
    struct sampler *sampler;
    struct capture *capture;     /* NULL: no stacks */
    struct faults *faults;       /* NULL: not looked at */
    struct residency *residency; /* the same */
    struct tracee_table table;
    struct order order;
    struct placing placing;
    struct own_signals signals;

    struct maps_buffer maps; /* text of the map at hand */
    struct rec_mapping *mappings;
    size_t mappings_capacity;
    uint64_t timers_cost;                    /* ticks that all timed checkpoints took */
    uint64_t looked_ticks, looked_bytes;     /* that looks into heaps at peaks took, and heaps of that size */
    size_t next_timed_look, next_event_look; /* from where in options->heap_at the next ones are to come */

    pid_t command;
    int exec_fd;          /* from which the reason of a failed exec is read; -1 once it is known */
    bool attached;        /* nothing was launched, no filter is on: every call stops twice */
    bool pausing;         /* all tracees are brought to a stop for a moment (pause.h) */
    bool leaving;         /* all tracees are brought to a stop, to be released */
    bool begun;           /* the command was executed, or the processes attached to: events count from here */
    bool command_stopped; /* by job control */
    bool command_ended;
    int command_status;
    uint64_t ended_at;   /* tick at which the command ended */
    uint64_t told_at;    /* tick at which the user was told who is waited for, 0: not yet */
    enum end_reason end; /* of what was attached to: why it is released, 0: it is not */
    uint64_t stops;
    struct rec_cost cost; /* of tracing what was attached to */
    int unable;           /* -errno: this kernel can't tell system calls apart, found at the command's first one */
};

/* Note something that the trace's reader must know. */
void tracer_note(struct tracer *tracer, enum note_code code, const struct tracee *tracee, uint64_t value,
                 const char *text);

#endif
