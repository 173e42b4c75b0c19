/*
 * leak-by-mmap.c: memory that grows although malloc has nothing to do with it.
 *
 * A server maps a buffer of 128 KiB for each of 200 requests, and unmaps it when the request has been answered.  Every
 * fourth request is a bad one: the function that handles it returns early, and forgets the buffer.  A heap profiler
 * sees nothing, for no malloc is involved; the number of mappings hardly grows either, since the kernel merges
 * neighbours.  With the argument `fixed` the early return unmaps, too.
 *
 * What the report should show:
 * - 200 calls of mmap, each of 131072 bytes, and 150 of munmap, all from handle;
 * - kind anonymous: 25M mapped, 18.8M returned, and 6.25M at the end, most by handle;
 * - `brkwater stacks --by live`: handle, with 6.25M;
 * - `brkwater findings`: growth, by handle;
 * - with `fixed`: 200 calls of each, nothing of it at the end.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { REQUESTS = 200, BUFFER = 128 * 1024, BAD = 4 };

/* Every fourth request makes no sense. */
static bool is_bad(int request)
{
    return request % BAD == 0;
}

static bool handle(int request, bool fixed)
{
    char *buffer = mmap(NULL, BUFFER, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (buffer == MAP_FAILED) {
        fprintf(stderr, "leak-by-mmap: no memory\n");
        exit(1);
    }
    memset(buffer, request, BUFFER);
    if (is_bad(request)) {
        if (fixed)
            munmap(buffer, BUFFER);
        return false; /* the mistake */
    }
    munmap(buffer, BUFFER);
    return true;
}

int main(int argc, char **argv)
{
    static char output[256];
    const bool fixed = argc > 1 && strcmp(argv[1], "fixed") == 0;
    int answered = 0;

    setvbuf(stdout, output, _IOLBF, sizeof(output));
    for (int request = 0; request < REQUESTS; request++)
        answered += handle(request, fixed);
    printf("%d of %d requests answered\n", answered, REQUESTS);
    return 0;
}
