/*
 * mapfile.c: one file mapped shared, mapped private, and mapped with its pages put in place.
 *
 * A temporary file of 64 KiB is made and unlinked at once, so that nothing stays behind whatever
 * happens.  What is written through a shared mapping reaches the file; what is written through a
 * private one stays in a copy.  The copy is made page by page, one page fault each, when the page is
 * first written.  MAP_POPULATE makes the kernel do that work inside mmap, and the loop that touches
 * the pages afterwards meets no fault.
 *
 * What the report should show:
 * - three mmap calls from map_file of 65536 bytes each, rw-, offset 0, of the same file (which is
 *   deleted): MAP_SHARED, then MAP_PRIVATE, then MAP_PRIVATE with MAP_POPULATE;
 * - three munmap calls of 65536 bytes, in the order of the mmap calls and after all of them;
 * - no other memory call once the program is loaded (it calls msync too, which changes no mapping);
 * - 16 page faults in the loop over the private mapping and none in the loop over the populated one,
 *   whose 16 were taken inside its mmap; the program prints the numbers that it saw itself;
 * - 196608 bytes of this file mapped at the peak, all of kind file, and none at the end.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

enum { PAGE = 4096, PAGES = 16, LENGTH = PAGES * PAGE };

/* stdout gets a buffer, or stdio would take one from malloc and that would be part of the story. */
static char output[256];

static void die_unless(bool ok, const char *what)
{
    if (ok)
        return;
    fprintf(stderr, "mapfile: %s\n", what);
    exit(1);
}

/* A file without a name: it lives as long as a descriptor or a mapping of it does. */
static int open_temporary(void)
{
    const char *folder = getenv("TMPDIR");
    char path[4096];
    int length, fd;

    if (folder == NULL || *folder == '\0')
        folder = "/tmp";
    length = snprintf(path, sizeof(path), "%s/mapfile-XXXXXX", folder);
    die_unless(length > 0 && (size_t)length < sizeof(path), "the name in TMPDIR is too long");
    fd = mkstemp(path);
    die_unless(fd >= 0, "cannot make a temporary file");
    die_unless(unlink(path) == 0, "cannot unlink the temporary file");
    die_unless(ftruncate(fd, LENGTH) == 0, "cannot make the temporary file 64 KiB long");
    return fd;
}

static long faults_so_far(void)
{
    struct rusage usage;

    die_unless(getrusage(RUSAGE_SELF, &usage) == 0, "getrusage failed");
    return usage.ru_minflt + usage.ru_majflt;
}

static volatile unsigned char *map_file(const char *name, int fd, int flags)
{
    long before = faults_so_far();
    void *map = mmap(NULL, LENGTH, PROT_READ | PROT_WRITE, flags, fd, 0);
    long faults = faults_so_far() - before;

    die_unless(map != MAP_FAILED, "cannot map the temporary file");
    printf("%-9s mapped   %p, %d bytes, %ld faults inside mmap\n", name, map, LENGTH, faults);
    return map;
}

/* Writes one byte to each page and returns how many page faults that took. */
static long touch_pages(const char *name, volatile unsigned char *map, unsigned char value)
{
    long before = faults_so_far();
    long faults;

    for (int page = 0; page < PAGES; page++)
        map[page * PAGE] = value;
    faults = faults_so_far() - before;
    printf("%-9s touched  %d pages, %ld faults\n", name, PAGES, faults);
    return faults;
}

static void unmap(const char *name, volatile unsigned char *map)
{
    die_unless(munmap((void *)(uintptr_t)map, LENGTH) == 0, "munmap failed");
    printf("%-9s unmapped %p, %d bytes\n", name, (void *)(uintptr_t)map, LENGTH);
}

/* Whether every page of the file, read and not mapped, begins with this byte. */
static bool file_holds(int fd, unsigned char value)
{
    unsigned char byte;

    for (int page = 0; page < PAGES; page++)
        if (pread(fd, &byte, 1, page * PAGE) != 1 || byte != value)
            return false;
    return true;
}

int main(void)
{
    int fd = open_temporary();
    volatile unsigned char *shared, *private, *populated;
    long faults;

    setvbuf(stdout, output, _IOLBF, sizeof(output));
    shared = map_file("shared", fd, MAP_SHARED);
    touch_pages("shared", shared, 'S');
    die_unless(msync((void *)(uintptr_t)shared, LENGTH, MS_SYNC) == 0, "msync failed");
    die_unless(file_holds(fd, 'S'), "what was written through the shared mapping is not in the file");

    private = map_file("private", fd, MAP_PRIVATE);
    die_unless(private[0] == 'S', "the private mapping does not begin as the file");
    faults = touch_pages("private", private, 'P');
    die_unless(file_holds(fd, 'S') && shared[0] == 'S', "what was written to the private mapping left it");

    populated = map_file("populated", fd, MAP_PRIVATE | MAP_POPULATE);
    die_unless(touch_pages("populated", populated, 'Q') < faults, "MAP_POPULATE saved no page faults");
    die_unless(file_holds(fd, 'S') && private[0] == 'P', "what was written to the populated mapping left it");

    unmap("shared", shared);
    unmap("private", private);
    unmap("populated", populated);
    close(fd);
    return 0;
}
