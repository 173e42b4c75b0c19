/* stack-cut.c: the stack grows by page faults, and single pages of what has grown are protected and unmapped
 * at once, before any other call could have shown how low it reaches.  Prints its own maps. */
#include <alloca.h>
#include <stdint.h>
#include <sys/mman.h>

#include "own_maps.h"

enum { PAGE = 4096, FRAME = 1 << 20, BELOW = 1 << 16 };

/* The stack does not grow any more in what is called after this. */
__attribute__((noinline)) static void touch_below(void)
{
    volatile char frame[BELOW];
    for (size_t i = 0; i < sizeof(frame); i += PAGE)
        frame[sizeof(frame) - 1 - i] = 1;
    frame[0] = 1;
}

__attribute__((noinline)) static void cut_own_frame(void)
{
    volatile char *frame = alloca(FRAME);
    for (size_t i = 0; i < FRAME; i += PAGE)
        frame[FRAME - 1 - i] = 1;
    touch_below();

    char *middle = (char *)(((uintptr_t)frame + FRAME / 2) & ~(uintptr_t)(PAGE - 1));
    if (mprotect(middle, PAGE, PROT_READ) != 0 || mprotect(middle, PAGE, PROT_READ | PROT_WRITE) != 0)
        _exit(1);
    if (mprotect(middle - 2 * PAGE, PAGE, PROT_READ) != 0)
        _exit(2);
    if (munmap(middle + 6 * PAGE, PAGE) != 0 || munmap(middle + 3 * PAGE, PAGE) != 0)
        _exit(3);
    print_own_maps(-1, -1);
    _exit(0);
}

int main(void)
{
    cut_own_frame();
}
