/*
 * perf_map.h: names of code that was made at run time: the text file that JIT compilers write for perf.
 *
 * /tmp/perf-PID.map, in the tracee's file system, has a line for each piece of code: START SIZE NAME, both numbers in
 * hex, for example
 *
 *     7f2a4c0010c0 1e0 LazyCompile:~run /srv/app.js:12
 *
 * Code is thrown away and its place used again, and files are only ever appended to: of lines that overlap, the later
 * one holds.  Addresses are those of the process, not of a file.
 */
#ifndef BRKWATER_PERF_MAP_H
#define BRKWATER_PERF_MAP_H

#include "../../tracer/trace.h"

struct perf_map;

enum { PERF_MAP_MAX_LINES = 1 << 22, PERF_MAP_MAX_SIZE = 1 << 30 };

/* Read a whole file.  Lines that are not of the form are counted and passed over; what lies beyond a limit is not read.
 * 0, -ENOMEM, or -errno; -EACCES when it is not a regular file. */
int perf_map_open(const char *path, struct perf_map **ret_map);

/* The same out of memory; the bytes are copied. */
int perf_map_parse(struct text text, struct perf_map **ret_map);
void perf_map_free(struct perf_map *map);

/* The name at an address, and the distance from its start; false when there is none.  The text is valid until
 * perf_map_free(). */
bool perf_map_lookup(const struct perf_map *map, tracee_addr address, struct text *ret_name, uint64_t *ret_offset);

/* Lines that could not be read, and whether a limit was hit. */
uint64_t perf_map_bad_lines(const struct perf_map *map);
bool perf_map_is_cut(const struct perf_map *map);

#endif
