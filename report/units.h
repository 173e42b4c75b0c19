/*
 * units.h: how numbers with a unit are written and read, one rule for all outputs.
 *
 * Writers put at most `size` bytes with the NUL into the caller's buffer, cut what does not fit, and return
 * the buffer, so that a call can be an argument of printf.  A buffer of UNITS_MAX bytes is never too small.
 * No rule depends on the locale.
 */
#ifndef BRKWATER_UNITS_H
#define BRKWATER_UNITS_H

#include <stddef.h>
#include <stdint.h>

enum { UNITS_MAX = 40 };

/*
 * Bytes: "512", "8.0K", "96K", "132K", "1.25M", "2.31G".  Exact under 1024; above, two or three significant
 * digits in binary units up to E, rounded, a third digit that is 0 left out (four digits only from 1000 to
 * 1023 of a unit).
 */
char *units_size(char *buffer, size_t size, uint64_t bytes);

/* A count: "1,204". */
char *units_count(char *buffer, size_t size, uint64_t count);

/*
 * A duration, or an instant since the start, from ticks of 100 ns: "0 s", "2.1 us", "41 ms", "8.21 s", "12.4
 * s", "1,204 s".  At most three significant digits, rounded, zeros at the end left out; whole seconds from
 * 1000 s on.
 */
char *units_duration(char *buffer, size_t size, uint64_t ticks);

/* Seconds with six decimals, from ticks of 100 ns, as strace prints the time spent in a call: "0.000012". */
char *units_seconds(char *buffer, size_t size, uint64_t ticks);

/* Ticks of 100 ns to microseconds, rounded half up: the rule of units_seconds() for those who print by
 * themselves. */
uint64_t units_microseconds(uint64_t ticks);

/*
 * Read a size: digits, at most one decimal point, then nothing (bytes) or one of K M G T P E in either case,
 * with "B" or "iB" after it or not: "512", "64M", "1.5GiB".  Units are binary; a part of a byte is dropped.
 * 0, -EINVAL when the text is something else, -ERANGE when it is 2^64 or more.
 */
int units_parse_size(const char *text, uint64_t *ret_bytes);

/* Read a time: "3" and "3s" (seconds), "1.25s", "800ms", "15us", "100ns".  *ret_ticks are ticks of 100 ns, a
 * part of a tick is dropped.  0, -EINVAL or -ERANGE as above. */
int units_parse_time(const char *text, uint64_t *ret_ticks);

#endif
