/*
 * own-malloc.c: an allocator of its own, made of mmap and munmap alone.
 *
 * Programs bring allocators that glibc knows nothing of.  This one cuts small blocks from runs of one
 * page, each with blocks of one size, and gives a large block a mapping to itself; a run without a
 * block in use is unmapped at once.  A loop takes and frees blocks of 1 byte to 16 KiB in an order
 * that looks random and is the same every time, and at last frees all.  libc's malloc is never called.
 *
 * What the report should show:
 * - 630 mmap calls, all from map_run: private, anonymous, rw-, 387 of 4096 bytes, 140 of 8192, 51 of
 *   12288 and 52 of 16384; 4210688 bytes in all;
 * - 630 munmap calls, all from own_free, each of exactly what one mmap returned;
 * - at most 67 of these mappings live at once (the kernel shows fewer, as it merges neighbours), and
 *   at most 458752 bytes, the number that the program prints as its peak; none at the end;
 * - no other memory call once the program is loaded, and no heap: the kind of all is anonymous.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { PAGE = 4096, SMALLEST = 32, RANKS = 6, SLOTS = 256, ROUNDS = 4000 };

/*
 * A run is one mapping that begins with this header.  A run of rank 0 is one page, cut into blocks of
 * 32 bytes; with each next rank the blocks are twice as large.  A block too large for the last rank
 * has a run to itself.  The header is found from the address of a block by rounding it down to a
 * page, as every block begins in the first page of its run.
 */
struct run {
    struct run *next; /* of the same rank */
    struct block *free;
    size_t length; /* of the mapping */
    int rank;      /* RANKS for a block on its own */
    int used;      /* blocks handed out */
};

struct block {
    struct block *next;
};

static struct run *runs[RANKS];

static struct {
    size_t calls, bytes;
} mapped, unmapped;

static size_t peak;

/* stdout gets a buffer, or stdio would take one from malloc and that would be part of the story. */
static char output[256];

static void die_unless(bool ok, const char *what)
{
    if (ok)
        return;
    fprintf(stderr, "own-malloc: %s\n", what);
    exit(1);
}

static struct run *map_run(size_t length)
{
    struct run *run = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    die_unless(run != MAP_FAILED, "mmap failed");
    run->length = length;
    mapped.calls++;
    mapped.bytes += length;
    if (mapped.bytes - unmapped.bytes > peak)
        peak = mapped.bytes - unmapped.bytes;
    return run;
}

static int rank_of(size_t size)
{
    int rank = 0;

    while (rank < RANKS && (size_t)SMALLEST << rank < size)
        rank++;
    return rank;
}

/* A page of blocks, all free; the header takes the place of the first ones.  mmap gives zeroes. */
static struct run *new_run(int rank)
{
    struct run *run = map_run(PAGE);
    size_t size = (size_t)SMALLEST << rank, first = (sizeof(struct run) + size - 1) / size * size;

    run->rank = rank;
    for (size_t at = first; at + size <= PAGE; at += size) {
        struct block *block = (struct block *)((char *)run + at);

        block->next = run->free;
        run->free = block;
    }
    run->next = runs[rank];
    runs[rank] = run;
    return run;
}

static void *own_alloc(size_t size)
{
    int rank = rank_of(size);
    struct run *run;
    struct block *block;

    if (rank == RANKS) {
        run = map_run((sizeof(struct run) + size + PAGE - 1) / PAGE * PAGE);
        run->rank = RANKS;
        return run + 1;
    }
    for (run = runs[rank]; run != NULL && run->free == NULL; run = run->next)
        ;
    if (run == NULL)
        run = new_run(rank);
    block = run->free;
    run->free = block->next;
    run->used++;
    return block;
}

static void own_free(void *address)
{
    struct run *run = (struct run *)((uintptr_t)address & ~(uintptr_t)(PAGE - 1)), **link;
    struct block *block = address;

    if (run->rank < RANKS) {
        block->next = run->free;
        run->free = block;
        if (--run->used > 0)
            return;
        for (link = &runs[run->rank]; *link != run; link = &(*link)->next)
            ;
        *link = run->next;
    }
    unmapped.calls++;
    unmapped.bytes += run->length;
    die_unless(munmap(run, run->length) == 0, "munmap failed");
}

/* The same numbers in every run of this program, and no state in libc. */
static uint32_t next_random(void)
{
    static uint32_t state = 1;

    state = state * 1664525 + 1013904223;
    return state >> 8;
}

struct slot {
    unsigned char *block; /* each byte of it is the low byte of its size */
    size_t size;
};

static void take(struct slot *slot)
{
    uint32_t limit = 16u << next_random() % 11;

    slot->size = 1 + next_random() % limit;
    slot->block = own_alloc(slot->size);
    memset(slot->block, (int)slot->size, slot->size);
}

static void give(struct slot *slot)
{
    for (size_t i = 0; i < slot->size; i++)
        die_unless(slot->block[i] == (unsigned char)slot->size, "a block was overwritten");
    own_free(slot->block);
    slot->block = NULL;
}

int main(void)
{
    static struct slot slots[SLOTS];

    setvbuf(stdout, output, _IOLBF, sizeof(output));
    for (int round = 0; round < ROUNDS; round++) {
        struct slot *slot = &slots[next_random() % SLOTS];

        if (slot->block == NULL)
            take(slot);
        else
            give(slot);
    }
    for (int i = 0; i < SLOTS; i++)
        if (slots[i].block != NULL)
            give(&slots[i]);

    printf("mmap   %zu calls, %zu bytes, %zu bytes at the peak\n", mapped.calls, mapped.bytes, peak);
    printf("munmap %zu calls, %zu bytes\n", unmapped.calls, unmapped.bytes);
    die_unless(mapped.calls == unmapped.calls && mapped.bytes == unmapped.bytes, "not all was given back");
    return 0;
}
