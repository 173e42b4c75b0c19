/*
 * touched-late.c: memory that is mapped at the start, and first touched when it matters.
 *
 *     brkwater -o t.brkw build/examples/touched-late && brkwater findings t.brkw
 *     brkwater -o t.brkw build/examples/touched-late fixed && brkwater findings t.brkw
 *
 * A server maps a buffer of 32 MiB when it starts, waits for its first request, and answers it out of the buffer.  The
 * mmap(2) is fast, for it brings no memory: each page comes by a page fault, in the middle of the answer.
 *
 * What the report should show: `brkwater findings` has a fault-storm at answer(), which touches 32M long after it was
 * mapped; `brkwater stacks --by touched` has answer(), not prepare(), for all of it.  `fixed`: the pages are brought
 * when the buffer is made, by MADV_POPULATE_WRITE or one by one, and there is no fault-storm.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23 /* Linux 5.14 */
#endif

enum { PAGE = 4096, BUFFER = 32 << 20 };

static volatile unsigned sum;

__attribute__((noinline)) static void touch(char *buffer)
{
    for (size_t at = 0; at < BUFFER; at += PAGE)
        *(volatile char *)(buffer + at) = 1;
}

__attribute__((noinline)) static char *prepare(int early)
{
    char *buffer = mmap(NULL, BUFFER, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (buffer == MAP_FAILED)
        exit(1);
    madvise(buffer, BUFFER, MADV_NOHUGEPAGE);
    if (early && madvise(buffer, BUFFER, MADV_POPULATE_WRITE) < 0)
        touch(buffer);
    return buffer;
}

__attribute__((noinline)) static void answer(char *buffer)
{
    for (size_t at = 0; at < BUFFER; at += PAGE)
        *(volatile char *)(buffer + at) = (char)at;
    sum += (unsigned char)buffer[PAGE];
}

/* Nobody asks for a while. */
static void wait_for_request(void)
{
    struct timespec half = {0, 500000000};
    while (nanosleep(&half, &half) < 0)
        ;
}

int main(int argc, char **argv)
{
    char *buffer = prepare(argc > 1 && strcmp(argv[1], "fixed") == 0);
    wait_for_request();
    answer(buffer);
    printf("answered from %d MiB\n", BUFFER >> 20);
    return 0;
}
