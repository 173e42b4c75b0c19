/*
 * own_maps.h: a program that prints its own /proc/self/maps, so that the trace's last layout can be compared
 * with it.
 *
 * Only open, read and write are used, and a static buffer: nothing between the first line read and the end of
 * the program may change the map.  What is printed is `maps PID`, the lines, and `end PID`.
 */
#ifndef OWN_MAPS_H
#define OWN_MAPS_H

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static char own_maps_text[4 << 20];

static inline void own_maps_write(const char *text, size_t size)
{
    while (size > 0) {
        ssize_t done = write(STDOUT_FILENO, text, size);
        if (done <= 0)
            _exit(97);
        text += done;
        size -= (size_t)done;
    }
}

/* Call it last, right before _exit(2).  When token_in is not -1, one byte is read from that pipe first and
 * put back into token_out after, so that several processes take turns. */
static inline void print_own_maps(int token_in, int token_out)
{
    char line[64], token = 0;
    size_t size = 0;

    if (token_in >= 0 && read(token_in, &token, 1) != 1)
        _exit(96);
    int fd = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        _exit(95);
    for (;;) {
        ssize_t got = read(fd, own_maps_text + size, sizeof(own_maps_text) - size);
        if (got < 0 || size == sizeof(own_maps_text))
            _exit(94);
        if (got == 0)
            break;
        size += (size_t)got;
    }
    close(fd);
    int length = snprintf(line, sizeof(line), "maps %d\n", (int)getpid());
    own_maps_write(line, (size_t)length);
    own_maps_write(own_maps_text, size);
    length = snprintf(line, sizeof(line), "end %d\n", (int)getpid());
    own_maps_write(line, (size_t)length);
    if (token_out >= 0 && write(token_out, &token, 1) != 1)
        _exit(93);
}

#endif
