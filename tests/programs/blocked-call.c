/* blocked-call.c mremap|mlock [ROUNDS]: one thread sits in a call that waits for a page, userfaultfd(2), while another
 * maps and unmaps; the page comes only after that, so the two calls can only end if nobody made the second
 * wait for the first.  Prints its own maps; ends with 77 when userfaultfd is not permitted. */
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "own_maps.h"

enum { PAGE = 4096, ROOM = 8 };

static int rounds = 20;

static char *place; /* of one page, with room behind it */
static char *awaited;

static int userfault_descriptor(void)
{
    int fd = (int)syscall(SYS_userfaultfd, O_CLOEXEC);
    if (fd < 0 && (errno == EPERM || errno == ENOSYS))
        _exit(77);
    if (fd < 0 || ioctl(fd, UFFDIO_API, &(struct uffdio_api){.api = UFFD_API}) != 0)
        _exit(1);
    return fd;
}

static void watch(int userfault)
{
    struct uffdio_register range = {
        .range = {(uintptr_t)place, PAGE},
        .mode = UFFDIO_REGISTER_MODE_MISSING,
    };
    if (ioctl(userfault, UFFDIO_REGISTER, &range) != 0)
        _exit(2);
}

/* The page is locked, so the one that it grows by is filled before the call ends. */
static void *grow(void *argument)
{
    if (mremap(place, PAGE, 2 * PAGE, 0) != place)
        _exit(3);
    return argument;
}

static void *lock(void *argument)
{
    if (mlock(place, PAGE) != 0)
        _exit(4);
    return argument;
}

/* The message comes when the other thread is inside its call. */
static void wait_for_fault(int userfault)
{
    struct uffd_msg message;
    if (read(userfault, &message, sizeof(message)) != sizeof(message) || message.event != UFFD_EVENT_PAGEFAULT ||
        message.arg.pagefault.address != (uintptr_t)awaited)
        _exit(5);
}

static void map_and_unmap(void)
{
    for (int i = 0; i < rounds; i++) {
        char *p = mmap(NULL, 3 * PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (p == MAP_FAILED || munmap(p, PAGE) != 0 || munmap(p + PAGE, PAGE) != 0)
            _exit(6);
        if ((i % 2 || i >= 20) && munmap(p + 2 * PAGE, PAGE) != 0)
            _exit(6);
    }
}

int main(int argc, char **argv)
{
    pthread_t thread;
    if (argc < 2)
        return 9;
    if (argc > 2)
        rounds = atoi(argv[2]);
    bool grows = strcmp(argv[1], "mremap") == 0;
    place = mmap(NULL, ROOM * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (place == MAP_FAILED || mprotect(place + 4 * PAGE, PAGE, PROT_NONE) != 0 || munmap(place + PAGE, 3 * PAGE) != 0)
        return 7;
    awaited = grows ? place + PAGE : place;
    if (grows && mlock(place, PAGE) != 0)
        return 8;
    int userfault = userfault_descriptor();
    watch(userfault);
    if (pthread_create(&thread, NULL, grows ? grow : lock, NULL) != 0)
        return 10;
    wait_for_fault(userfault);
    map_and_unmap();
    struct uffdio_zeropage zero = {.range = {(uintptr_t)awaited, PAGE}};
    if (ioctl(userfault, UFFDIO_ZEROPAGE, &zero) != 0)
        return 11;
    pthread_join(thread, NULL);
    map_and_unmap();
    print_own_maps(-1, -1);
    _exit(0);
}
