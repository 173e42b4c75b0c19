/* variants: m32 */
/* calls-mremap.c: mremap(2) shrinks, grows in place, moves, replaces its target, leaves the old place,
 * duplicates. */
#include "expect.h"

#ifndef MREMAP_DONTUNMAP
#define MREMAP_DONTUNMAP 4
#endif

int main(void)
{
    /* A yard that nobody else maps into: its holes are made by us alone. */
    char *yard = x_mmap(PAGES(40), PROT_NONE, PRIVATE | MAP_NORESERVE, MAPS(PAGES(40)));
    char *p = x_mmap_at(yard, PAGES(4), READ_WRITE, PRIVATE | MAP_FIXED, -1, 0, SWAPS(PAGES(4), PAGES(4)));
    x_munmap(yard + PAGES(4), PAGES(16), UNMAPS(PAGES(16)));
    p[0] = 'a';

    REQUIRE(x_mremap(p, PAGES(4), PAGES(8), 0, NULL, MAPS(PAGES(4))) == p); /* grows in place */
    REQUIRE(x_mremap(p, PAGES(8), 5000, 0, NULL, UNMAPS(PAGES(6))) == p);   /* shrinks, rounded up */
    REQUIRE(x_mremap(p, PAGES(2), PAGES(2), 0, NULL, NOTHING) == p);
    REQUIRE(x_mremap(p, PAGES(2), PAGES(20), 0, NULL, MAPS(PAGES(18))) == p); /* up to the neighbour */
    x_mremap(p, PAGES(20), PAGES(21), 0, NULL, FAILS(ENOMEM));                /* and no further */
    char *moved = x_mremap(p, PAGES(20), PAGES(21), MREMAP_MAYMOVE, NULL, MOVES(PAGES(21), PAGES(20)));
    REQUIRE(moved != p && moved[0] == 'a');
    /* The kernel shall not fill the yard with what comes. */
    x_mmap_at(yard, PAGES(20), PROT_NONE, PRIVATE | MAP_FIXED | MAP_NORESERVE, -1, 0, MAPS(PAGES(20)));

    /* On to a fixed place that is occupied: the target goes. */
    char *target = x_mmap(PAGES(6), PROT_READ, PRIVATE, MAPS(PAGES(6)));
    char *there = x_mremap(moved, PAGES(21), PAGES(3), MREMAP_MAYMOVE | MREMAP_FIXED, target + PAGES(1),
                           MOVES(PAGES(3), PAGES(3) + PAGES(21)));
    REQUIRE(there == target + PAGES(1) && there[0] == 'a');
    /* A part of a mapping moves away from its middle. */
    char *middle =
        x_mremap(there + PAGES(1), PAGES(1), PAGES(1), MREMAP_MAYMOVE | MREMAP_FIXED, yard, MOVES(PAGES(1), PAGES(2)));
    REQUIRE(middle == yard);

    /* The old place stays, empty. */
    char *kept = x_mremap(there, PAGES(1), PAGES(1), MREMAP_MAYMOVE | MREMAP_DONTUNMAP, NULL, PERHAPS(MAPS(PAGES(1))));
    if (kept != MAP_FAILED)
        REQUIRE(there[0] == 0 && kept[0] == 'a');

    /* Old size 0 duplicates a shared mapping, and is refused for a private one. */
    char *shared = x_mmap(PAGES(4), READ_WRITE, SHARED, MAPS(PAGES(4)));
    shared[PAGE] = 'b';
    char *twin = x_mremap(shared + PAGES(1), 0, PAGES(2), MREMAP_MAYMOVE, NULL, MAPS(PAGES(2)));
    REQUIRE(twin[0] == 'b');
    x_mremap(there, 0, PAGES(1), MREMAP_MAYMOVE, NULL, FAILS(EINVAL));

    /* Failures. */
    x_munmap(yard + PAGES(5), PAGES(1), UNMAPS(PAGES(1)));
    x_mremap(yard + PAGES(5), PAGES(1), PAGES(2), MREMAP_MAYMOVE, NULL, FAILS(EFAULT)); /* nothing there */
    x_mremap(shared + 1, PAGES(1), PAGES(2), MREMAP_MAYMOVE, NULL, FAILS(EINVAL));
    x_mremap(shared, PAGES(1), 0, MREMAP_MAYMOVE, NULL, FAILS(EINVAL));
    x_mremap(shared, PAGES(1), PAGES(1), MREMAP_FIXED, yard, FAILS(EINVAL)); /* fixed without maymove */
    x_mremap(shared, PAGES(2), PAGES(2), MREMAP_MAYMOVE | MREMAP_FIXED, shared + PAGES(1), FAILS(EINVAL)); /* overlap */
    x_mremap(shared, PAGES(1), PAGES(1), 0x80, NULL, FAILS(EINVAL));

    /* A shrinking call over several mappings is a munmap of the rest; since Linux 6.17 a move of several is
     * possible too. */
    char *several = x_mmap(PAGES(6), READ_WRITE, PRIVATE, MAPS(PAGES(6)));
    x_mprotect(several + PAGES(3), PAGES(3), PROT_READ, NOTHING);
    x_mremap(several, PAGES(6), PAGES(6), MREMAP_MAYMOVE | MREMAP_FIXED, yard + PAGES(8),
             PERHAPS(MOVES(PAGES(6), PAGES(12))));

    /* The last page of a mapping moves and grows: what is new continues it, and not its neighbour. */
    char *pair = x_mmap(PAGES(2), READ_WRITE, PRIVATE, MAPS(PAGES(2)));
    x_mmap_at(pair + PAGES(1), PAGES(1), PROT_READ, SHARED | MAP_FIXED, -1, 0, SWAPS(PAGES(1), PAGES(1)));
    char *grown =
        x_mremap(pair, PAGES(1), PAGES(3), MREMAP_MAYMOVE | MREMAP_FIXED, yard + PAGES(16), MOVES(PAGES(3), PAGES(4)));
    grown[PAGES(2)] = 'd';

    /* Where several mappings with a hole between them can move in one call, the target keeps what lies where
     * the hole comes to be. */
    several = x_mmap(PAGES(5), READ_WRITE, PRIVATE, MAPS(PAGES(5)));
    x_munmap(several + PAGES(2), PAGES(1), UNMAPS(PAGES(1)));
    target = x_mmap(PAGES(5), READ_WRITE, PRIVATE, MAPS(PAGES(5)));
    target[PAGES(2)] = 'e';
    moved = x_mremap(several, PAGES(5), PAGES(5), MREMAP_MAYMOVE | MREMAP_FIXED, target,
                     PERHAPS(MOVES(PAGES(4), PAGES(8))));
    REQUIRE(moved == MAP_FAILED || target[PAGES(2)] == 'e');
    expect_print();
    return 0;
}
