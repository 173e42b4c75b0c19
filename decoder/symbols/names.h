/*
 * names.h: the texts of all symbols, each kept once.
 *
 * A function is named by thousands of addresses, and its demangled name may be long.  Texts stay where they are until
 * names_free(), so that whoever got one may keep it.
 */
#ifndef BRKWATER_NAMES_H
#define BRKWATER_NAMES_H

#include "../../tracer/trace.h"

struct names;

/* NULL without memory. */
struct names *names_new(void);
void names_free(struct names *names);

/* The kept copy of `raw`, which is cut at TRACE_MAX_TEXT bytes.  It ends in NUL, which size does not count.
 * 0, or -ENOMEM: without memory, or when all texts together pass a limit. */
int names_keep(struct names *names, struct text raw, struct text *ret_text);

/* The same for the demangled form of `raw`, or for `raw` itself where it is not a mangled name. */
int names_keep_demangled(struct names *names, struct text raw, struct text *ret_text);

/* A text out of a C string; NULL is an empty text. */
struct text names_text(const char *string);

#endif
