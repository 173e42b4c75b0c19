/*
 * brk-and-mmap.c: how glibc's malloc chooses between brk and mmap, and when free gives memory back.
 *
 * Four blocks of 30, 40, 200 and 100 KiB are allocated; then the 200, the 40 and the 100 are freed,
 * in this order.  Small blocks are cut from the heap, whose end brk moves.  The 200 KiB are over
 * M_MMAP_THRESHOLD (128 KiB), so they get a mapping of their own, and are given back the moment they
 * are freed.  The 40 KiB cannot be given back: brk moves only the end of the heap, and the 100 KiB
 * above pin it.  Once these are free too, 140 KiB at the top exceed M_TRIM_THRESHOLD (128 KiB), and
 * free trims the heap.
 *
 * Left alone, glibc adjusts itself: freeing a mapped block raises the mmap threshold to the size of
 * that block and the trim threshold to twice that size (here about 400 KiB), and the trim would never
 * come.  Setting any of the three parameters below switches the adjustment off.  M_TOP_PAD is 0 (not
 * 128 KiB), so that each block moves the break by what it needs and no spare room blurs the sizes.
 *
 * What the report should show:
 * - brk(0) twice, which only asks: once by the dynamic loader, once by malloc when first used;
 * - then four brk calls that grow the heap: by 4096 bytes (malloc's per-thread cache), 28672 bytes
 *   (the 30 KiB), 40960 bytes (the 40 KiB) and 102400 bytes (the 100 KiB), 176128 bytes in all;
 * - between the third and the fourth of them, one mmap of 208896 bytes for the 200 KiB: they and a
 *   header of 16 bytes, rounded up to whole pages; private, rw-, of kind anonymous;
 * - after the fourth, one munmap of the same 208896 bytes, from the first free;
 * - no memory call at all from the second free;
 * - one brk from the third free, which takes exactly 143360 bytes (140 KiB, 35 pages) from the top:
 *   a trim, and the last memory call of the program;
 * - live at the end: a heap of 32768 bytes, which holds the block of 30 KiB; nothing is left of the
 *   mapping of the 200 KiB.
 */
#include <errno.h>
#include <malloc.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define KIB 1024

/* stdout gets a buffer, or stdio would take one from malloc and that would be part of the story. */
static char output[256];

static void die_unless(bool ok, const char *what)
{
    if (ok)
        return;
    fprintf(stderr, "brk-and-mmap: %s\n", what);
    exit(1);
}

static uintptr_t heap_end(void)
{
    return (uintptr_t)sbrk(0);
}

static void say_step(const char *what, uintptr_t block)
{
    printf("%-14s %#14jx  heap ends at %#jx\n", what, (uintmax_t)block, (uintmax_t)heap_end());
}

static void *take(const char *what, size_t size)
{
    void *block = malloc(size);

    die_unless(block != NULL, "malloc failed");
    memset(block, 0xa5, size);
    say_step(what, (uintptr_t)block);
    return block;
}

static void give(const char *what, void *block)
{
    uintptr_t address = (uintptr_t)block;

    free(block);
    say_step(what, address);
}

/* mincore fails with ENOMEM on a page that is not mapped. */
static bool is_mapped(uintptr_t address)
{
    unsigned char resident;

    return mincore((void *)(address & ~(uintptr_t)4095), 1, &resident) == 0 || errno != ENOMEM;
}

int main(void)
{
    void *block30, *block40, *block100, *block200;
    uintptr_t end, address200;

    setvbuf(stdout, output, _IOLBF, sizeof(output));
    mallopt(M_MMAP_THRESHOLD, 128 * KIB);
    mallopt(M_TRIM_THRESHOLD, 128 * KIB);
    mallopt(M_TOP_PAD, 0);

    block30 = take("malloc 30 KiB", 30 * KIB);
    block40 = take("malloc 40 KiB", 40 * KIB);
    end = heap_end();
    block200 = take("malloc 200 KiB", 200 * KIB);
    address200 = (uintptr_t)block200;
    die_unless(heap_end() == end && address200 > end, "the 200 KiB did not get a mapping of their own");
    block100 = take("malloc 100 KiB", 100 * KIB);
    die_unless(heap_end() == end + 100 * KIB, "the 100 KiB did not move the break by 100 KiB");
    end = heap_end();

    give("free 200 KiB", block200);
    die_unless(!is_mapped(address200), "the 200 KiB were not given back");
    give("free 40 KiB", block40);
    die_unless(heap_end() == end, "the break moved although 100 KiB pin the top of the heap");
    give("free 100 KiB", block100);
    die_unless(heap_end() == end - 140 * KIB, "the heap was not trimmed by 140 KiB");
    die_unless(*(unsigned char *)block30 == 0xa5, "the 30 KiB were not kept");
    return 0;
}
