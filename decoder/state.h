/*
 * state.h: all that a decoder knows at one point of a recording, as bytes and back.
 *
 * The form is this program's own: it changes with the model, and STATE_VERSION with it.  What was saved under another
 * version is not read.
 */
#ifndef BRKWATER_STATE_H
#define BRKWATER_STATE_H

#include "model.h"
#include "pack.h"

enum { STATE_VERSION = 5 };

/* Append the decoder's state.  Equal states give equal bytes.  0 or -ENOMEM. */
int state_save(struct decoder *decoder, struct pack *pack);

/* Fill a decoder that has seen no record yet.  0, -ENOMEM, or -TRACE_E_DAMAGED (then the decoder is only good for
 * decoder_free()). */
int state_load(struct decoder *decoder, struct pack *pack);

#endif
