/* variants: m32 */
/* stack-growth.c: the stack grows by page faults alone, without a call: a frame of 4 KiB at a time, and in
 * one stride of 4 MiB. Between, ordinary calls are made.  Prints the lowest address touched. */
#include <alloca.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

static uintptr_t lowest = UINTPTR_MAX;

static void touched(volatile char *place)
{
    *place = 1;
    if ((uintptr_t)place < lowest)
        lowest = (uintptr_t)place;
}

__attribute__((noinline)) static void recurse(int depth)
{
    volatile char frame[4096];
    touched(frame);
    if (depth > 0)
        recurse(depth - 1);
    frame[1] = 2; /* no tail call */
}

__attribute__((noinline)) static void stride(size_t bytes)
{
    touched(alloca(bytes));
}

static int pair_of_calls(void)
{
    void *p = mmap(NULL, 8192, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return p == MAP_FAILED || munmap(p, 8192) != 0;
}

int main(void)
{
    for (int depth = 10; depth <= 640; depth *= 4) {
        recurse(depth);
        if (pair_of_calls())
            return 1;
    }
    stride(4 << 20);
    if (pair_of_calls())
        return 1;
    char line[64];
    int length = snprintf(line, sizeof(line), "touched 0x%lx\n", (unsigned long)lowest);
    return write(STDOUT_FILENO, line, (size_t)length) == length ? 0 : 2;
}
