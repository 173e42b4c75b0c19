/*
 * event_json.h: one event as one JSON object, the line of `brkwater events --json`.
 *
 * Keys, in this order: id, t (seconds from the start, at entry), pid, tid, space, call, args, ret, errno,
 * duration_us, mapped, unmapped, kind, stack_id, stack_quality, minflt, majflt, stack; then code, if it is asked for
 * and was kept, and, only when true, unordered and unfinished.
 *
 * - args: one member for each of the call's arguments, under the name that call_info() gives it.  Addresses
 * are hex strings ("0x0"); lengths, offsets, descriptors and numbers are integers; prot is "rw-", and
 * "prot_flags" lists the bits beside these three, if any; flags are a list of names, with the bits that have
 * none as one hex string at its end; a single value (advice, prctl's option) is its name, or a hex string
 * when it has none; texts are strings, null when the tracee passed NULL or an address that cannot be read;
 * argv is a list of strings, and "argv_cut" is true after it when not all of it was recorded.  "path"
 * ("dirpath" for execveat) follows a descriptor whose file is known.  An argument that the kernel does not
 * read is null.
 * - ret is a hex string when the call returns an address, else an integer; null when it failed or did not
 * return.
 * - errno is a name ("ERRNO_999" for a number that has none), null when there was no error.
 * - stack is innermost first, with a member of its own for each inlined function: pc (hex; null when it is not known
 * where the module lay), module, build_id, address (hex, in the module's file; of a return address), function, offset
 * (of the address, from the start of the function that is not inlined), file, line, inlined, guessed.  What is unknown
 * is null.
 * - code is the instructions around the call of the call site: address, bytes (hex), text, call_site, file, line.
 * - minflt and majflt are 0 for a call that cannot fault, and null where they were not measured.
 */
#ifndef BRKWATER_EVENT_JSON_H
#define BRKWATER_EVENT_JSON_H

#include "buffer.h"
#include "../decoder/decoder.h"

/* Append the object, without a newline, of the event that decoder_apply() has just taken (moment->record is a
 * REC_EVENT). */
void event_json(struct buffer *out, const struct decoder *decoder, const struct moment *moment, bool with_code);

#endif
