/*
 * pinned-heap.c: 12 MiB are freed, and one block of 48 bytes keeps them all.
 *
 * The end of the heap is all that free can give back.  Here 400 blocks of 32 KiB are allocated, then a session of 48
 * bytes, which therefore lies above them; then the 400 blocks are freed.  They are free for malloc, but the session
 * pins the heap: not one page goes back.  With the argument `fixed` the session is allocated first, so that nothing
 * lies above the blocks.  With `trim` it calls malloc_trim(3) in the end, which gives back free pages below the top,
 * too.
 *
 * What the report should show:
 * - the heap grows to 12.6M and is never trimmed: the same size is left at the end;
 * - `brkwater heap`: grown by load, no table of trims; 12.5M of it are free in one run, and the pin is the session;
 * - `brkwater findings`: heap-pinned, a warning, with what could be given back;
 * - with `fixed`: the heap grows as much, free trims it with each block that goes, and 132K are left at the end.
 */
#include <malloc.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { BLOCKS = 400, BLOCK = 32 * 1024, SESSION = 48 };

static char *blocks[BLOCKS];
static char *session;

static char *filled(char *block, size_t size)
{
    if (!block) {
        fprintf(stderr, "pinned-heap: no memory\n");
        exit(1);
    }
    memset(block, 1, size);
    return block;
}

static void load(void)
{
    for (int i = 0; i < BLOCKS; i++)
        blocks[i] = filled(malloc(BLOCK), BLOCK);
}

static void open_session(void)
{
    session = filled(malloc(SESSION), SESSION);
}

/* The last one first, as a stack would. */
static void unload(void)
{
    for (int i = BLOCKS; i-- > 0;)
        free(blocks[i]);
}

int main(int argc, char **argv)
{
    static char output[256];
    const bool fixed = argc > 1 && strcmp(argv[1], "fixed") == 0;
    const char *start = sbrk(0);

    setvbuf(stdout, output, _IOLBF, sizeof(output));
    if (fixed)
        open_session();
    load();
    if (!fixed)
        open_session();
    printf("loaded:   the heap ends %td bytes up\n", (char *)sbrk(0) - start);
    unload();
    printf("unloaded: the heap ends %td bytes up\n", (char *)sbrk(0) - start);
    if (argc > 1 && strcmp(argv[1], "trim") == 0)
        malloc_trim(0);
    printf("session:  %p\n", (void *)session);
    _exit(0); /* the session is still open */
}
