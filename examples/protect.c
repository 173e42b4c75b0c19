/*
 * protect.c: mprotect splits one mapping into three, and a signal handler merges it back.
 *
 * Twelve pages are mapped read-write.  The four in the middle are made read-only, so the kernel must
 * keep three mappings where there was one.  Then the program writes to the middle.  That raises
 * SIGSEGV; the handler makes the four pages writable again, the kernel merges the three mappings, and
 * the write is run once more and succeeds.  Garbage collectors and snapshots find out in this way
 * which pages were written.
 *
 * What the report should show:
 * - one mmap of 57344 bytes (14 pages), rw-, private, anonymous; then two munmap calls of 4096 bytes,
 *   of its first and of its last page: 49152 bytes are left, alone between two holes;
 * - mprotect of 16384 bytes, in the middle of these, to r--: the range now holds three mappings of
 *   16384 bytes each, rw-, r-- and rw-;
 * - mprotect of the same 16384 bytes to rw-, whose stack goes through the signal frame: mprotect,
 *   repair, the frame of the signal, main; the range is one mapping of 49152 bytes again;
 * - neither mprotect maps or unmaps anything, and all parts keep the one mmap as their origin;
 * - no other memory call once the program is loaded; live at the end: 49152 bytes, anonymous.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { PAGE = 4096, PART = 4 * PAGE, LENGTH = 3 * PART };

static unsigned char *base;
static volatile sig_atomic_t repairs;

/* stdout gets a buffer, or stdio would take one from malloc and that would be part of the story. */
static char output[256];

static void die_unless(bool ok, const char *what)
{
    if (ok)
        return;
    fprintf(stderr, "protect: %s\n", what);
    exit(1);
}

/* Reads all of /proc/self/maps with plain reads: stdio would take a buffer from malloc. */
static const char *read_maps(void)
{
    static char text[65536];
    size_t filled = 0;
    ssize_t got;
    int fd = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);

    die_unless(fd >= 0, "cannot open /proc/self/maps");
    while ((got = read(fd, text + filled, sizeof(text) - 1 - filled)) > 0)
        filled += (size_t)got;
    die_unless(got == 0 && filled < sizeof(text) - 1, "cannot read all of /proc/self/maps");
    close(fd);
    text[filled] = '\0';
    return text;
}

/* Prints the mappings inside the range, as the kernel has them, and returns how many there are. */
static int say_mappings(const char *when)
{
    uintptr_t low = (uintptr_t)base, start, end;
    char prot[5];
    int count = 0;

    for (const char *line = read_maps(); line != NULL; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (sscanf(line, "%" SCNxPTR "-%" SCNxPTR " %4s", &start, &end, prot) != 3)
            break;
        if (end <= low || start >= low + LENGTH)
            continue;
        printf("%s: %#jx, %ju bytes, %s\n", when, (uintmax_t)start, (uintmax_t)(end - start), prot);
        count++;
    }
    return count;
}

/* Makes the middle part writable.  Another address, or a second fault, is a bug: let the signal kill. */
static void repair(int signal_number, siginfo_t *info, void *context)
{
    uintptr_t address = (uintptr_t)info->si_addr, middle = (uintptr_t)base + PART;

    (void)context;
    if (repairs++ > 0 || address < middle || address >= middle + PART ||
        mprotect(base + PART, PART, PROT_READ | PROT_WRITE) != 0)
        signal(signal_number, SIG_DFL);
}

/* A mapping with a hole on either side, so that the kernel has no neighbour to merge it with. */
static unsigned char *map_alone(void)
{
    unsigned char *map = mmap(NULL, LENGTH + 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    die_unless(map != MAP_FAILED, "mmap failed");
    die_unless(munmap(map, PAGE) == 0 && munmap(map + PAGE + LENGTH, PAGE) == 0, "munmap failed");
    return map + PAGE;
}

int main(void)
{
    struct sigaction action = {.sa_sigaction = repair, .sa_flags = SA_SIGINFO};

    setvbuf(stdout, output, _IOLBF, sizeof(output));
    die_unless(sigaction(SIGSEGV, &action, NULL) == 0, "sigaction failed");
    base = map_alone();
    /* Touched while it is one mapping: parts that got their first pages apart may never be merged. */
    memset(base, 1, LENGTH);
    die_unless(say_mappings("mapped") == 1, "there is not one mapping at first");

    die_unless(mprotect(base + PART, PART, PROT_READ) == 0, "mprotect failed");
    die_unless(say_mappings("split") == 3, "mprotect did not split the mapping into three");

    *(volatile unsigned char *)(base + PART + PAGE + 5) = 2;
    die_unless(repairs == 1, "the write did not fault exactly once");
    die_unless(base[PART + PAGE + 5] == 2 && base[PART + PAGE + 4] == 1, "the write was lost");
    die_unless(say_mappings("merged") == 1, "the parts were not merged back");
    return 0;
}
