/* variants: m32 static
 *
 * heap-inside.c: malloc's heaps in a state that malloc itself tells of, mallinfo2(3) and malloc_info(3).
 *
 * Blocks of many sizes are allocated, and about half of them freed, in the main heap and in the arenas of some threads:
 * tcaches and fastbins are full, bins hold runs.  Then what malloc_info(3) says is printed, without any allocation, and
 * where the highest block that is in use lies; then the program
 *
 *     exit            exits,
 *     event           calls madvise(2) in vain, which the test looks for, and exits,
 *     wait            prints "ready" and waits for a line before that.
 */
#include "expect.h"

#include <malloc.h>
#include <pthread.h>

enum { THREADS = 3, BLOCKS = 4000 };

static char *main_blocks[BLOCKS], *thread_blocks[THREADS][BLOCKS];
static pthread_barrier_t built, done;

static unsigned next(unsigned *seed)
{
    *seed = *seed * 1103515245u + 12345u;
    return *seed >> 8;
}

static void fill(char **blocks, unsigned seed)
{
    for (int i = 0; i < BLOCKS; i++) {
        const unsigned kind = next(&seed) % 16;
        const size_t size = kind < 12 ? next(&seed) % 200 : kind < 15 ? next(&seed) % 3000 : next(&seed) % 60000;
        blocks[i] = malloc(size);
        REQUIRE(blocks[i]);
        memset(blocks[i], 1, size);
    }
    for (int i = 0; i < BLOCKS - 1; i++)
        if (next(&seed) % 2) {
            free(blocks[i]);
            blocks[i] = NULL;
        }
    /* Large frees have put what was in fastbins together: some are to be there at the end. */
    char *small[40];
    for (int i = 0; i < 40; i++)
        REQUIRE((small[i] = malloc(72)));
    for (int i = 0; i < 40; i++)
        free(small[i]);
}

static void *work(void *number)
{
    fill(thread_blocks[(intptr_t)number], 77u + (unsigned)(intptr_t)number);
    pthread_barrier_wait(&built);
    pthread_barrier_wait(&done);
    return NULL;
}

int main(int argc, char **argv)
{
    static char buffer[1 << 16], line[16];
    const char *how = argc > 1 ? argv[1] : "exit";
    pthread_t threads[THREADS];
    setvbuf(stdout, buffer, _IOFBF, sizeof(buffer));
    REQUIRE(pthread_barrier_init(&built, NULL, THREADS + 1) == 0 &&
            pthread_barrier_init(&done, NULL, THREADS + 1) == 0);
    for (intptr_t i = 0; i < THREADS; i++)
        REQUIRE(pthread_create(&threads[i], NULL, work, (void *)i) == 0);
    pthread_barrier_wait(&built);
    fill(main_blocks, 5);
    if (strcmp(how, "wait") == 0) {
        printf("ready\n");
        fflush(stdout);
        REQUIRE(read(0, line, sizeof(line)) >= 0);
    }
    const struct mallinfo2 info = mallinfo2();
    printf("mallinfo2 %zu %zu %zu %zu %zu\n", info.arena, info.uordblks, info.fordblks, info.fsmblks, info.keepcost);
    malloc_info(0, stdout);
    fflush(stdout);
    if (strcmp(how, "event") == 0)
        madvise((void *)(uintptr_t)PAGE, PAGE, MADV_NORMAL);
    _exit(0);
}
