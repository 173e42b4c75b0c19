/* uprobe.c: a probe on a function of this program, uprobe by perf_event_open(2): at its first hit the kernel maps a
 * page of its own, [uprobes].  Prints its own maps; ends with 77 when probes are not permitted. */
#include <linux/perf_event.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "own_maps.h"

__attribute__((noinline)) static int probed(int value)
{
    __asm__ volatile("" : "+r"(value));
    return value + 1;
}

static int probe_type(void)
{
    char text[32] = "";
    int fd = open("/sys/bus/event_source/devices/uprobe/type", O_RDONLY | O_CLOEXEC);
    if (fd < 0 || read(fd, text, sizeof(text) - 1) <= 0)
        _exit(77);
    close(fd);
    return atoi(text);
}

/* Where the function is in the file: the text segment of this program is mapped by one line of maps. */
static uint64_t file_offset(uintptr_t address)
{
    static char text[1 << 16];
    int fd = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
    ssize_t size = 0, got;
    while ((got = read(fd, text + size, sizeof(text) - 1 - (size_t)size)) > 0)
        size += got;
    close(fd);
    for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
        unsigned long start, end, offset;
        if (sscanf(line, "%lx-%lx %*4s %lx", &start, &end, &offset) == 3 && start <= address && address < end)
            return address - start + offset;
    }
    _exit(1);
}

int main(void)
{
    char *before = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    struct perf_event_attr attr = {
        .type = (uint32_t)probe_type(),
        .size = sizeof(attr),
        .config1 = (uint64_t)(uintptr_t) "/proc/self/exe",
        .config2 = file_offset((uintptr_t)probed),
        .disabled = 0,
    };
    int fd = (int)syscall(SYS_perf_event_open, &attr, 0, -1, -1, 0);
    if (fd < 0)
        return 77;
    if (probed(1) != 2 || before == MAP_FAILED || munmap(before, 4096) != 0)
        return 2;
    print_own_maps(-1, -1);
    _exit(0);
}
