/*
 * threshold-drift.c: after one large free, blocks are no longer given back that were before.
 *
 * A block of more than 128 KiB gets a mapping of its own, and goes back to the kernel the moment it is freed.  But when
 * such a block is freed, glibc takes it as a sign that blocks of this size come and go, and raises its threshold to the
 * size of that block: smaller ones come from the heap from then on, and stay there if anything lies above them.
 *
 * The program takes and gives two images of 192 KiB, which are mapped.  Then a configuration of 1 MiB is read, and
 * freed: the threshold is 1 MiB.  Twenty images of the same 192 KiB now come from the heap, each followed by a small
 * note that stays; when the images are freed, nothing goes back.  With the argument `fixed` the program sets
 * M_MMAP_THRESHOLD to 128 KiB, mallopt(3), which ends the drift.
 *
 * What the report should show:
 * - two chunks of 200704 bytes, mapped by read_image and unmapped by drop_image, and one of 1052672 bytes;
 * - `brkwater heap`: the threshold goes 128K -> 196K (the first image that was freed) -> 1.0M, by drop_configuration,
 * and read_image makes the heap grow since then;
 * - a heap of some 4M at the end, never trimmed;
 * - `brkwater findings`: threshold-drift, by read_image;
 * - with `fixed`: 23 chunks, all unmapped, a heap of 132K at the end, and a word that the program has set a threshold.
 */
#include <malloc.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { IMAGES = 20, IMAGE = 192 * 1024, CONFIGURATION = 1024 * 1024, NOTE = 64 };

static char *images[IMAGES], *notes[IMAGES];

static char *filled(char *block, size_t size)
{
    if (!block) {
        fprintf(stderr, "threshold-drift: no memory\n");
        exit(1);
    }
    memset(block, 1, size);
    return block;
}

static char *read_image(void)
{
    return filled(malloc(IMAGE), IMAGE);
}

static void drop_image(char *image)
{
    free(image);
}

static char *read_configuration(void)
{
    return filled(malloc(CONFIGURATION), CONFIGURATION);
}

static void drop_configuration(char *configuration)
{
    free(configuration);
}

int main(int argc, char **argv)
{
    static char output[256];
    setvbuf(stdout, output, _IOLBF, sizeof(output));
    if (argc > 1 && strcmp(argv[1], "fixed") == 0)
        mallopt(M_MMAP_THRESHOLD, 128 * 1024);
    images[0] = read_image();
    images[1] = read_image();
    drop_image(images[0]);
    drop_image(images[1]);
    drop_configuration(read_configuration());
    for (int i = 0; i < IMAGES; i++) {
        images[i] = read_image();
        notes[i] = filled(malloc(NOTE), NOTE);
    }
    for (int i = 0; i < IMAGES; i++)
        drop_image(images[i]);
    printf("%d images of %d bytes dropped, %d notes kept\n", IMAGES, IMAGE, IMAGES);
    return notes[0][0] != 1;
}
