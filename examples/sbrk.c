/*
 * sbrk.c: the parts of a process that its program file decides, and the break moved by hand.
 *
 * It prints where its text, data, bss, heap and stack are, and then moves the end of the heap (the
 * break) with sbrk: up by 64 KiB, up by 100 bytes into a new page, up and down by 200 bytes inside
 * that page, and down to where it began.  The break counts bytes, but the kernel maps whole pages, so
 * a step can move the break and map nothing.  malloc is never called: once the program is loaded,
 * each brk is one that this file asks for.
 *
 * What the report should show:
 * - brk(0) twice, which only asks: once by the dynamic loader, once by the first sbrk;
 * - then five brk calls, all from move_break through sbrk, and no other memory call:
 *       break up 65536 bytes      65536 bytes mapped
 *       break up 100 bytes        4096 bytes mapped: one byte past a full page costs a page
 *       break up 200 bytes        nothing: the break stays inside its page
 *       break down 200 bytes      nothing
 *       break down 65636 bytes    69632 bytes unmapped, in one call;
 * - their kind is heap; it peaks at 69632 bytes, and at the end there is no heap;
 * - the addresses of text, data and bss printed lie in mappings of kind image, that of the local
 *   variable in one of kind stack.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PAGE 4096

/* The linker puts these at the ends of text, data and bss: see end(3). */
extern char etext, edata, end;

static int initialised = 42;
static char zeroed[3 * PAGE];

/* stdout gets a buffer, or stdio would take one from malloc and move the break. */
static char output[256];

static void die_unless(bool ok, const char *what)
{
    if (ok)
        return;
    fprintf(stderr, "sbrk: %s\n", what);
    exit(1);
}

static void say_range(const char *name, const void *inside, const char *last)
{
    printf("%-6s %p, the segment ends at %p\n", name, inside, (const void *)last);
}

/* Moves the break, checks that it went there, and returns where it was. */
static char *move_break(const char *why, intptr_t step)
{
    char *before = sbrk(step);
    char *after;

    die_unless(before != (void *)-1, "sbrk failed");
    after = sbrk(0);
    die_unless(after == before + step, "the break is not where it was asked to be");
    printf("break  %p %+jd = %p: %s\n", (void *)before, (intmax_t)step, (void *)after, why);
    return before;
}

int main(void)
{
    int local = initialised;
    char *start = sbrk(0);
    char *block;

    setvbuf(stdout, output, _IOLBF, sizeof(output));
    /* Heaps start on a page, unless an old kernel runs without randomisation; then the sizes need this. */
    die_unless(sbrk(-(intptr_t)start & (PAGE - 1)) == start, "cannot align the break");
    start = sbrk(0);

    say_range("text", (const void *)(uintptr_t)main, &etext);
    say_range("data", &initialised, &edata);
    say_range("bss", zeroed, &end);
    printf("heap   %p\nstack  %p\n", (void *)start, (void *)&local);
    die_unless((uintptr_t)&end <= (uintptr_t)start && (uintptr_t)start < (uintptr_t)&local,
               "bss, heap and stack are not in this order");

    block = move_break("64 KiB", 64 * 1024);
    memset(block, 1, 64 * 1024);
    block = move_break("a new page for 100 bytes", 100);
    memset(block, 2, PAGE);
    move_break("inside the page, nothing to map", 200);
    move_break("inside the page, nothing to unmap", -200);
    die_unless(start[64 * 1024 - 1] == 1 && block[PAGE - 1] == 2, "the heap lost what was written to it");
    move_break("all given back", start - (block + 100));
    die_unless(sbrk(0) == start, "the heap did not shrink to nothing");
    return 0;
}
