/*
 * random.h: numbers that look random and are the same in every run.
 *
 * Source: splitmix64 by Sebastiano Vigna, public domain.
 */
#ifndef BRKWATER_TESTS_RANDOM_H
#define BRKWATER_TESTS_RANDOM_H

#include <stdbool.h>
#include <stdint.h>

struct random_source {
    uint64_t state; /* begins as the seed */
};

static inline uint64_t random_next(struct random_source *r)
{
    uint64_t z = r->state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

/* 0 to limit - 1. */
static inline uint64_t random_below(struct random_source *r, uint64_t limit)
{
    return random_next(r) % limit;
}

/* True once in so many times. */
static inline bool random_once_in(struct random_source *r, uint64_t times)
{
    return random_below(r, times) == 0;
}

/* A number of any width, and often one at the edge of what a width can hold. */
static inline uint64_t random_edge(struct random_source *r)
{
    uint64_t power = UINT64_C(1) << random_below(r, 64);
    switch (random_below(r, 8)) {
    case 0:
        return 0;
    case 1:
        return UINT64_MAX - random_below(r, 3);
    case 2:
        return power;
    case 3:
        return power - 1;
    case 4:
        return 0 - power;
    case 5:
        return random_next(r) & ~UINT64_C(4095);
    default:
        return random_next(r) & (power - 1);
    }
}

#endif
