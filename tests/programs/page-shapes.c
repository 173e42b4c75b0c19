/* page-shapes.c: huge|small|again|once: memory in huge pages of which little is used, or in small ones; pages that are
 * given back and touched again and again, or once. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define NOINLINE __attribute__((noinline, noclone))

enum { PAGE = 4096, HUGE_PAGE = 2 << 20, BYTES = 64 << 20 };

static volatile int sink;

static char *map(int advice)
{
    char *at = mmap(NULL, BYTES + HUGE_PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (at == MAP_FAILED)
        exit(1);
    at += HUGE_PAGE - (uintptr_t)at % HUGE_PAGE;
    madvise(at, BYTES, advice);
    return at;
}

static NOINLINE void touch_sparsely(char *memory)
{
    for (size_t at = 0; at < BYTES; at += HUGE_PAGE)
        memory[at] = 1;
    sink++;
}

static NOINLINE void touch_again(char *memory, int times)
{
    for (int i = 0; i < times; i++) {
        for (size_t at = 0; at < BYTES / 8; at += PAGE)
            *(volatile char *)(memory + at) = 1;
        madvise(memory, BYTES / 8, MADV_DONTNEED);
    }
    sink++;
}

int main(int argc, char **argv)
{
    const char *shape = argc > 1 ? argv[1] : "";
    if (strcmp(shape, "huge") == 0)
        touch_sparsely(map(MADV_HUGEPAGE));
    else if (strcmp(shape, "small") == 0)
        touch_sparsely(map(MADV_NOHUGEPAGE));
    else if (strcmp(shape, "again") == 0)
        touch_again(map(MADV_NOHUGEPAGE), 5);
    else if (strcmp(shape, "once") == 0)
        touch_again(map(MADV_NOHUGEPAGE), 1);
    else
        return 2;
    return 0;
}
