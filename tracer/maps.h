/*
 * maps.h: what the kernel says of an address space: /proc/PID/maps as text, and single mappings by PROCMAP_QUERY.
 *
 * Source: proc_pid_maps(5); fs/proc/task_mmu.c for the escapes and for the ioctl (Linux 6.11 and later).
 */
#ifndef BRKWATER_MAPS_H
#define BRKWATER_MAPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* One mapping.  Example, the line
 *     7f2a4c021000-7f2a4c022000 r--p 00002000 fe:00 1234    /usr/lib/x.so
 * has start 0x7f2a4c021000, prot PROT_READ, shared false, offset 0x2000, major 0xfe, minor 0, inode 1234, name
 * "/usr/lib/x.so". */
struct map_line {
    uint64_t start, end, offset, inode;
    uint32_t major, minor;
    uint32_t prot; /* PROT_ bits */
    bool shared;
    uint64_t page_size; /* only from maps_query(): of huge pages, else 4096 */
    const char *name;   /* not NUL-terminated; octal escapes undone; NULL when there is none */
    size_t name_size;
};

/* Room for the text of a map, kept between reads so that a checkpoint allocates nothing when warm. */
struct maps_buffer {
    char *text;
    size_t size, capacity;
    size_t parsed;   /* how far maps_next() has come */
    char name[4096]; /* of the mapping that was queried last */
};

void maps_buffer_free(struct maps_buffer *buffer);

/* Open the maps file of a process or thread, close-on-exec; it goes on working while the address space lives, whatever
 * becomes of the process.  A descriptor, or -errno. */
int maps_open(pid_t pid);

/* Read all of it into the buffer.  0 or -errno; -ESRCH when the address space is gone. */
int maps_read(int fd, struct maps_buffer *buffer);

/* The next line: 1, 0 at the end, -EPROTO when a line is not as expected (nothing is skipped silently).  The name
 * points into the buffer. */
int maps_next(struct maps_buffer *buffer, struct map_line *ret_line);

/*
 * Leave of a line what lies above `end`, where the line before it ended; false when that is nothing.
 *
 * The text is produced piece by piece.  Calls that change no attribute that it shows (mlock(2), some of madvise(2))
 * split and merge mappings meanwhile, so that a line may begin again where another one has already been: what is told
 * twice is the same both times.
 */
bool maps_clip(struct map_line *line, uint64_t end);

/* The mapping that holds addr.  The name points into the buffer.  0, -ENOENT when nothing is mapped there, or -errno
 * (-ESRCH when the address space, or the thread through which it was opened, is gone).  Falls back to the text. */
int maps_query(int fd, uint64_t addr, struct maps_buffer *buffer, struct map_line *ret_line);

/* The same, but when nothing is mapped at addr the next mapping above it. */
int maps_query_from(int fd, uint64_t addr, struct maps_buffer *buffer, struct map_line *ret_line);

/* Whether the kernel answers queries without printing the whole map; true until one was refused. */
bool maps_query_is_cheap(void);

#endif
