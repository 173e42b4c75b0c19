/*
 * features.h: what is good, what is lost, and which knob to turn: verdicts on the facts about a machine or a process.
 */
#ifndef BRKWATER_FEATURES_H
#define BRKWATER_FEATURES_H

#include "buffer.h"
#include "../decoder/code.h"
#include "../tracer/tracer.h"

enum feature_state { FEATURE_OK, FEATURE_DEGRADED, FEATURE_MISSING };

/* Example: name "page faults", state FEATURE_DEGRADED, detail "perf_event_paranoid is 3: faults are counted, not
 * attributed", lost "which code touched memory first", knob "sysctl kernel.perf_event_paranoid=2, or CAP_PERFMON".
 * Texts are one line each, and fit for a terminal; `lost` and `knob` are empty when all is well. */
struct feature {
    const char *name;
    enum feature_state state;
    bool needed; /* without it there is no tracing */
    struct buffer detail, lost, knob;
};

enum { FEATURES_MAX = 24 };

struct features {
    struct feature list[FEATURES_MAX];
    size_t count;
};

/* Append those of the machine; `attaching` tells what is needed, to attach or to launch. */
void features_of_machine(struct features *features, const struct machine *machine, bool attaching);

/* Append those of a process; `max_mappings` is how many it may have, 0: unknown. */
void features_of_target(struct features *features, const struct target *target, uint64_t max_mappings);

/* Append where the names in a C library come from; `path` "" when there is none.  `error` and `found` are what
 * debug_lookup() gave. */
void features_of_libc(struct features *features, const char *path, int error, const struct debug_lookup *found);

/* Append whether servers can be asked for debug files. */
void features_of_servers(struct features *features, enum debuginfod_state state);

/* "ok", "degraded", "missing" */
const char *feature_state_name(enum feature_state state);

/* Whether all that is needed is there. */
bool features_suffice(const struct features *features);

/* True when memory ran out for a text. */
bool features_failed(const struct features *features);
void features_free(struct features *features);

#endif
