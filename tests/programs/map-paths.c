/* map-paths.c: maps files whose names are awkward: spaces, a newline, octal escapes, " (deleted)" as a part
 * of the name, bytes that are no UTF-8, a very long path; and the same file after a rename, after unlink.
 * proc(5) says how maps shows them.  Prints its own maps. */
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "own_maps.h"

static void *map_file(const char *name, int flags)
{
    int fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0 || ftruncate(fd, 8192) != 0)
        _exit(1);
    void *p = mmap(NULL, 8192, PROT_READ | PROT_WRITE, flags, fd, 0);
    close(fd);
    if (p == MAP_FAILED)
        _exit(2);
    return p;
}

int main(void)
{
    static const char *const names[] = {
        "with space",   " leading",
        "new\nline",    "tab\tand\\backslash",
        "octal\\012",   "name (deleted)",
        "\xff\xfe\x80", "\xc3\xa9t\xc3\xa9",
        "[heap]",       "quote\"'<b>&amp;",
        "\x1b[31mred",  "trailing ",
        "//deleted",    NULL,
    };
    for (int i = 0; names[i]; i++)
        map_file(names[i][0] == '/' ? names[i] + 2 : names[i], i % 2 ? MAP_SHARED : MAP_PRIVATE);

    /* 16 folders with names of 200 bytes: over 3,000 bytes of path. */
    char folder[201];
    memset(folder, 'd', 200);
    folder[200] = '\0';
    int here = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    for (int i = 0; i < 16; i++)
        if (mkdir(folder, 0700) != 0 || chdir(folder) != 0)
            _exit(3);
    map_file("deep", MAP_SHARED);
    if (here < 0 || fchdir(here) != 0)
        _exit(4);

    map_file("before", MAP_PRIVATE);
    if (rename("before", "after") != 0)
        _exit(5);
    map_file("after", MAP_SHARED);
    map_file("gone", MAP_PRIVATE);
    if (unlink("gone") != 0)
        _exit(6);
    map_file("gone", MAP_PRIVATE);
    print_own_maps(-1, -1);
    _exit(0);
}
