/*
 * trim-storm.c: a loop that makes the heap grow and shrink at one place, two calls of the kernel a round.
 *
 * Each round takes four blocks of 100 KiB and frees them again, the last one first.  With nothing else at the top of
 * the heap 128 KiB are free there with each of them, so that free trims, and the next round must grow the heap again:
 * brk is called many times, and every page is zeroed and faulted in anew.  With the argument `fixed` the program sets
 * M_TRIM_THRESHOLD to 4 MiB, mallopt(3): the heap grows once and stays.
 *
 * What the report should show:
 * - heap: some 400 growths and 800 trims, by free, although it never was larger than 532K;
 * - `brkwater heap`: grown by take_round, trimmed by give_round;
 * - some 14,000 page faults;
 * - `brkwater findings`: trim-storm, by give_round and take_round;
 * - with `fixed`: 3 growths, no trim, some 200 page faults.
 */
#include <malloc.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROUNDS = 200, BLOCKS = 4, BLOCK = 100 * 1024 };

static char *blocks[BLOCKS];

static void take_round(void)
{
    for (int i = 0; i < BLOCKS; i++) {
        blocks[i] = malloc(BLOCK);
        if (!blocks[i]) {
            fprintf(stderr, "trim-storm: no memory\n");
            exit(1);
        }
        memset(blocks[i], 1, BLOCK);
    }
}

static void give_round(void)
{
    for (int i = BLOCKS; i-- > 0;)
        free(blocks[i]);
}

int main(int argc, char **argv)
{
    static char output[256];
    setvbuf(stdout, output, _IOLBF, sizeof(output));
    if (argc > 1 && strcmp(argv[1], "fixed") == 0)
        mallopt(M_TRIM_THRESHOLD, 4 << 20);
    for (int round = 0; round < ROUNDS; round++) {
        take_round();
        give_round();
    }
    printf("%d rounds of %d blocks of %d bytes\n", ROUNDS, BLOCKS, BLOCK);
    return 0;
}
