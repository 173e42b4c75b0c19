/*
 * runtimes.h: which allocator or language runtime asked for memory, by the stack of the call.  Internal to decoder/.
 */
#ifndef BRKWATER_RUNTIMES_H
#define BRKWATER_RUNTIMES_H

#include "decoder.h"

/* Frames of libc that stand on the stack at least when glibc's malloc maps: mmap, sysmalloc, _int_malloc, malloc. */
enum { GLIBC_MALLOC_FRAMES = 4 };

/*
 * How many frames of the stack, from the innermost on, lie in glibc's libc.so without another module between.  Told by
 * modules alone, so that a replay gives the same with and without names.  0 also when the stack is not known.
 *
 * Example: mmap, sysmalloc, _int_malloc, malloc, main: 4.  A program that calls mmap by itself: 1.
 */
unsigned runtime_libc_frames(const struct code *code, uint32_t stack);

/* Whose allocator made the call; *ret_guess when only the module of the caller tells.  RUNTIME_NONE when it is none
 * that is known: the program's own code, or the stack is not known. */
enum runtime runtime_of(const struct code *code, uint32_t stack, bool *ret_guess);

/* code.c: a number that belongs to a stack until names change: what runtime_of() has found out.  False when there is
 * none. */
bool code_kept(const struct code *code, uint32_t stack, uint8_t *ret_value);
void code_keep(const struct code *code, uint32_t stack, uint8_t value);

/* Whether a function of that name is on the stack, from the innermost on, before the call leaves libc (or, in a static
 * program, among the first lines): "_int_free" also finds "__GI__int_free", "heap_trim" also what is inlined. */
bool runtime_passes(const struct code *code, uint32_t stack, const char *function);

#endif
