/* variants: m32 */
/* calls-madvise.c: advice that splits mappings, advice that gives pages back, advice that the kernel does not
 * know, madvise(2). */
#include "expect.h"

#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ  22
#define MADV_POPULATE_WRITE 23
#endif
#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25
#endif
#define GUARD_INSTALL 102 /* MADV_GUARD_INSTALL, Linux 6.13 */
#define GUARD_REMOVE  103

#define ADVISE(addr, length, advice, effect) x_madvise(addr, length, advice, #advice, effect)

int main(void)
{
    char *p = x_mmap(PAGES(16), READ_WRITE, PRIVATE, MAPS(PAGES(16)));
    memset(p, 1, PAGES(16));

    /* Each of these makes mappings of their own, which maps shows as lines of equal attributes. */
    ADVISE(p + PAGES(1), PAGES(1), MADV_RANDOM, NOTHING);
    ADVISE(p + PAGES(3), PAGES(1), MADV_SEQUENTIAL, NOTHING);
    ADVISE(p + PAGES(5), PAGES(1), MADV_DONTFORK, NOTHING);
    ADVISE(p + PAGES(7), PAGES(1), MADV_WIPEONFORK, NOTHING);
    ADVISE(p + PAGES(9), PAGES(1), MADV_DONTDUMP, NOTHING);
    ADVISE(p + PAGES(11), PAGES(1), MADV_MERGEABLE, PERHAPS(NOTHING));
    ADVISE(p + PAGES(13), PAGES(1), MADV_HUGEPAGE, PERHAPS(NOTHING));
    ADVISE(p + PAGES(13), PAGES(1), MADV_NOHUGEPAGE, PERHAPS(NOTHING));
    ADVISE(p, PAGES(16), MADV_NORMAL, NOTHING);

    /* Pages go, addresses stay. */
    ADVISE(p, PAGES(2), MADV_DONTNEED, NOTHING);
    REQUIRE(p[0] == 0);
    ADVISE(p + PAGES(2), PAGES(2), MADV_FREE, NOTHING);
    ADVISE(p + PAGES(4), 100, MADV_COLD, PERHAPS(NOTHING));
    ADVISE(p + PAGES(4), PAGES(1), MADV_PAGEOUT, PERHAPS(NOTHING));
    ADVISE(p, PAGES(4), MADV_POPULATE_READ, PERHAPS(NOTHING));
    ADVISE(p, PAGES(4), MADV_POPULATE_WRITE, PERHAPS(NOTHING));
    ADVISE(p, PAGES(16), MADV_WILLNEED, PERHAPS(NOTHING)); /* EBADF for anonymous memory, or nothing to do */
    ADVISE(p, PAGES(16), MADV_COLLAPSE, PERHAPS(NOTHING));
    ADVISE(p, 0, MADV_DONTNEED, NOTHING);

    /* Guard pages that no line of maps shows. */
    x_madvise(p + PAGES(8), PAGES(1), GUARD_INSTALL, "MADV_GUARD_INSTALL", PERHAPS(NOTHING));
    x_madvise(p + PAGES(8), PAGES(1), GUARD_REMOVE, "MADV_GUARD_REMOVE", PERHAPS(NOTHING));

    char *shared = x_mmap(PAGES(4), READ_WRITE, SHARED, MAPS(PAGES(4)));
    memset(shared, 1, PAGES(4));
    ADVISE(shared + PAGES(1), PAGES(2), MADV_REMOVE, NOTHING);
    REQUIRE(shared[0] == 1 && shared[PAGE] == 0);
    ADVISE(p, PAGES(1), MADV_REMOVE, FAILS(EINVAL));

    ADVISE(p + 1, PAGES(1), MADV_DONTNEED, FAILS(EINVAL));
    x_madvise(p, PAGES(1), 9999, NULL, FAILS(EINVAL));

    /* A hole: the pages before and behind it are given back all the same. */
    x_munmap(p + PAGES(4), PAGES(1), UNMAPS(PAGES(1)));
    p[PAGES(3)] = p[PAGES(5)] = 1;
    ADVISE(p + PAGES(3), PAGES(3), MADV_DONTNEED, FAILS(ENOMEM));
    REQUIRE(p[PAGES(3)] == 0 && p[PAGES(5)] == 0);
    ADVISE(p + PAGES(3), PAGES(3), MADV_DONTFORK, FAILS(ENOMEM));
    expect_print();
    return 0;
}
