/*
 * hash.h: the one mixing step of this folder's hash tables.  Not for keys that an enemy chooses to collide in bulk: all
 * tables here have a limit, so a bad key costs time within that limit.
 */
#ifndef BRKWATER_UNWIND_HASH_H
#define BRKWATER_UNWIND_HASH_H

#include <stdint.h>

/* Fibonacci hashing: an odd multiplier spreads the low bits upwards, the shift brings them back down. */
static inline uint64_t hash_mix(uint64_t hash, uint64_t value)
{
    hash = (hash ^ value) * 0x9e3779b97f4a7c15u;
    return hash ^ hash >> 32;
}

#endif
