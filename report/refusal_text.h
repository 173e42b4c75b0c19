/*
 * refusal_text.h: why a process cannot be attached to, and the way out, in words.
 */
#ifndef BRKWATER_REFUSAL_TEXT_H
#define BRKWATER_REFUSAL_TEXT_H

#include "buffer.h"
#include "../tracer/tracer.h"

/* "it is traced by gdb (pid 4602)", without a full stop.  Names of processes are escaped. */
void refusal_reason(struct buffer *out, const struct refusal *refusal);

/* "End that, or detach it, then try again.": one sentence or two; nothing where nothing refuses. */
void refusal_way_out(struct buffer *out, const struct refusal *refusal);

/* All of it, for complain():
 *     cannot attach to 4711 (postgres): it is traced by gdb (pid 4602). End that, or detach it, then try again.
 */
void refusal_text(struct buffer *out, const struct refusal *refusal);

/* A pid with the name of its process, if that is known: "4711 (postgres)". */
void refusal_process(struct buffer *out, pid_t pid, const char *comm);

#endif
