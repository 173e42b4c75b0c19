/* variants: m32 */
/*
 * malloc-thresholds.c: free() large blocks, and find out by malloc itself what the mmap threshold is after each,
 * mallinfo2(3).
 *
 *     freed 208896
 *     threshold 208896
 *
 * With the argument `set` the program sets the threshold with mallopt(3) first, with `high` to a size above what is
 * dynamic.
 */
#include "expect.h"

#include <malloc.h>

#define LIMIT (4 * 1024 * 1024 * sizeof(long)) /* no chunk of that size or more raises the threshold */

static bool is_mapped(size_t size)
{
    const size_t before = mallinfo2().hblks;
    REQUIRE(malloc(size) != NULL); /* stays, or it would be freed, and change what is asked for */
    return mallinfo2().hblks > before;
}

/* A request of which malloc makes a chunk of that size. */
static size_t request(size_t chunk)
{
    return chunk - sizeof(size_t);
}

/* What fits into the top of the heap is taken from there, whatever the threshold. */
static void use_up_top(void)
{
    REQUIRE(malloc(1) != NULL); /* before the first one there is no top */
    while (mallinfo2().keepcost > 16 << 10)
        REQUIRE(malloc(8 << 10) != NULL);
}

static void state_threshold(size_t expected)
{
    use_up_top();
    REQUIRE(is_mapped(request(expected)));
    REQUIRE(!is_mapped(request(expected - 16)));
    use_up_top();
    printf("threshold %zu\n", expected);
}

static void free_chunk(size_t chunk)
{
    const size_t before = mallinfo2().hblkhd;
    void *block = malloc(request(chunk - 64));
    REQUIRE(block && mallinfo2().hblkhd == before + chunk);
    free(block);
    REQUIRE(mallinfo2().hblkhd == before);
    printf("freed %zu\n", chunk);
}

static void drift(void)
{
    const size_t first = 204 << 10, second = 400 << 10, last = LIMIT - PAGE;
    state_threshold(128 << 10);
    free_chunk(first);
    state_threshold(first);
    free_chunk(second);
    state_threshold(second);
    void *resized = malloc(request(second + PAGE)); /* realloc() and mremap(2) move no threshold */
    REQUIRE(resized && (resized = realloc(resized, 2 * second)) && (resized = realloc(resized, second + 2 * PAGE)));
    state_threshold(second);
    free_chunk(last);
    state_threshold(last);
    free_chunk(LIMIT + PAGE);
    state_threshold(last);
}

static void set(size_t threshold)
{
    REQUIRE(mallopt(M_MMAP_THRESHOLD, (int)threshold) == 1);
    state_threshold(threshold);
    free_chunk(4 * threshold);
    state_threshold(threshold);
}

int main(int argc, char **argv)
{
    static char output[4096];
    setvbuf(stdout, output, _IOFBF, sizeof(output));
    if (argc > 1 && strcmp(argv[1], "set") == 0)
        set(64 << 10);
    else if (argc > 1)
        set(LIMIT / 2);
    else
        drift();
    return 0;
}
