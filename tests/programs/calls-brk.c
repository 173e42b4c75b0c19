/* variants: m32 static */
/* calls-brk.c: the break up and down, by pages and by bytes; questions; refusals, which brk(2) answers with
 * the current break. */
#include <sys/resource.h>

#include "expect.h"

static char *round_up(char *address)
{
    return (char *)(((uintptr_t)address + PAGE - 1) & ~(uintptr_t)(PAGE - 1));
}

/* What moving the break from `old` to `new` must do. */
static struct effect step(char *old, char *new)
{
    old = round_up(old);
    new = round_up(new);
    return new >= old ? MAPS((size_t)(new - old)) : UNMAPS((size_t)(old - new));
}

static char *move(char *from, char *to)
{
    char *now = x_brk(to, step(from, to));
    REQUIRE(now == to);
    return now;
}

int main(void)
{
    char *start = x_brk(NULL, NOTHING);
    char *now = start;

    now = move(now, round_up(now) + PAGES(3));
    now[-1] = 1;
    now = move(now, now + 100); /* a page more */
    now = move(now, now + 100); /* in the same page */
    now = move(now, now - 50);
    now = move(now, now - 200); /* a page less */
    now = move(now, now);
    now = move(now, now - PAGES(2));
    now = move(now, now + PAGES(64));

    /* Questions and refusals leave it where it is. */
    REQUIRE(x_brk(NULL, NOTHING) == now);
    REQUIRE(x_brk((char *)1, NOTHING) == now);
    REQUIRE(x_brk((char *)(UINTPTR_MAX - PAGES(2) + 1), NOTHING) == now);

    /* A mapping in the way. */
    char *wall =
        x_mmap_at(round_up(now) + PAGES(16), PAGES(1), PROT_NONE, PRIVATE | MAP_FIXED_NOREPLACE, -1, 0, MAPS(PAGES(1)));
    REQUIRE(x_brk(wall + PAGES(4), NOTHING) == now);
    now = move(now, now + PAGES(8));
    x_munmap(wall, PAGES(1), UNMAPS(PAGES(1)));

    /* The limit of the data segment, getrlimit(2). */
    struct rlimit limit, old_limit;
    REQUIRE(getrlimit(RLIMIT_DATA, &old_limit) == 0);
    limit = old_limit;
    limit.rlim_cur = 0;
    REQUIRE(setrlimit(RLIMIT_DATA, &limit) == 0);
    REQUIRE(x_brk(now + PAGES(4), NOTHING) == now);
    REQUIRE(setrlimit(RLIMIT_DATA, &old_limit) == 0);

    /* The break can go over a hole that munmap made in the heap, and over a page that mprotect changed. */
    now = move(now, start + PAGES(32));
    x_munmap(round_up(start) + PAGES(4), PAGES(2), UNMAPS(PAGES(2)));
    x_mprotect(round_up(start) + PAGES(8), PAGES(1), PROT_NONE, NOTHING);
    char *shrunk = x_brk(round_up(start) + PAGES(2), UNMAPS((size_t)(round_up(now) - round_up(start)) - PAGES(4)));
    REQUIRE(shrunk == round_up(start) + PAGES(2));
    move(shrunk, start);
    expect_print();
    return 0;
}
