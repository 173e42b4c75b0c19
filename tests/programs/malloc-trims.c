/*
 * malloc-trims.c: the heap shrinks for each reason that there is; stated is by how much, sbrk(2), and why.
 *
 *     free 675840
 *
 * With the argument `drift` a freed chunk raises the thresholds before that.  With `arena` a thread does the same in
 * its arena, and states what malloc_info(3) says of it.
 */
#include "expect.h"

#include <malloc.h>
#include <pthread.h>

enum { BLOCKS = 12, BLOCK = 100 << 10, MIB = 1 << 20 };

static void *blocks[BLOCKS];

static void take(void)
{
    for (int i = 0; i < BLOCKS; i++) {
        blocks[i] = malloc(BLOCK);
        REQUIRE(blocks[i]);
        memset(blocks[i], 1, BLOCK);
    }
}

/* From the top down: each free may trim. */
static void give(const char *why)
{
    for (int i = BLOCKS; i-- > 0;) {
        const char *before = sbrk(0);
        free(blocks[i]);
        const ptrdiff_t fell = before - (char *)sbrk(0);
        if (fell && why)
            printf("%s %td\n", why, fell);
    }
}

static void trim(void)
{
    const char *before = sbrk(0);
    REQUIRE(malloc_trim(0) == 1);
    printf("malloc_trim %td\n", before - (char *)sbrk(0));
}

static void program(void)
{
    REQUIRE(sbrk(64 << 10) != (void *)-1 && sbrk(-(64 << 10)) != (void *)-1);
    printf("program %d\n", 64 << 10);
}

static void *in_arena(void *unused)
{
    take();
    give(NULL);
    return unused;
}

int main(int argc, char **argv)
{
    static char output[4096];
    if (argc > 1 && strcmp(argv[1], "drift") == 0) {
        void *volatile chunk = malloc(MIB); /* or the compiler leaves both calls out */
        free(chunk);
        take();
        give("free");
        return 0;
    }
    setvbuf(stdout, output, _IOFBF, sizeof(output));
    if (argc > 1) {
        pthread_t thread;
        REQUIRE(pthread_create(&thread, NULL, in_arena, NULL) == 0 && pthread_join(thread, NULL) == 0);
        return 0;
    }
    take();
    give("free");
    trim();
    take();
    program();
    return 0;
}
