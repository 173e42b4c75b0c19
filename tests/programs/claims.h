/*
 * claims.h: how a program states its own stack.  Each function on the way notes the address that it returns to;
 * claim_make() then makes a memory call that the kernel refuses and a tracer can tell from all others, and hands over
 * what is expected.  Shared with the test that reads it from the traced process: the layout is the same for 32 bits.
 */
#ifndef CLAIMS_H
#define CLAIMS_H

#include <stdint.h>
#include <sys/mman.h>

enum { CLAIM_ADVICE = 0x5742, CLAIM_MAX = 256 };

/* Flags of a frame, as the unwinder has them. */
enum { CLAIM_GUESSED = 1, CLAIM_SIGNAL = 2, CLAIM_ENTERED = 4 };

enum claim_quality { CLAIM_COMPLETE, CLAIM_HAS_GUESS, CLAIM_TRUNCATED };

/* frames[] are outermost first; behind the innermost one that is claimed there may be a few more (the C library). */
struct claim {
    uint64_t count;
    uint64_t quality; /* enum claim_quality */
    uint64_t exact;   /* nothing lies outside of the outermost claim but what the C library starts a program with */
    struct {
        uint64_t pc, flags;
    } frames[CLAIM_MAX];
};

/* Without tables even the frames of C are guesses. */
#ifdef WITHOUT_CFI
#define MINE CLAIM_GUESSED
#define BEST CLAIM_HAS_GUESS
#else
#define MINE 0
#define BEST CLAIM_COMPLETE
#endif

#ifndef CLAIMS_READER

static struct claim claim;

static inline void claim_add(void *pc, uint64_t flags)
{
    if (claim.count < CLAIM_MAX) {
        claim.frames[claim.count].pc = (uintptr_t)pc;
        claim.frames[claim.count++].flags = flags;
    }
}

/* Room for a frame whose pc the assembly code itself puts in. */
static inline uint64_t *claim_slot(uint64_t flags)
{
    claim_add((void *)0, flags);
    return &claim.frames[claim.count - 1].pc;
}

/* First thing in a function: its caller's frame. */
#define CLAIM_CALLER(flags) claim_add(__builtin_return_address(0), flags)

/* A call that must not become a jump: something is left to do after it. */
#define CLAIM_CALL(call)                                                                                               \
    do {                                                                                                               \
        call;                                                                                                          \
        __asm__ volatile("" ::: "memory");                                                                             \
    } while (0)

static __attribute__((noinline, unused)) void claim_make(enum claim_quality quality)
{
    uint64_t before = claim.count;
    CLAIM_CALLER(MINE);
    claim.quality = quality;
    CLAIM_CALL(madvise(&claim, sizeof(claim), CLAIM_ADVICE));
    claim.count = before;
}

#endif

#endif
