/* fault-sums.c: touch known pages from known functions, and state what each of them did: "FUNCTION touched=PAGES
 * faults=N".  What the kernel touches for a call is stated as kernel=PAGES. */
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define NOINLINE __attribute__((noinline, noclone))

enum { PAGE = 4096 };

static volatile int sink;

static char *map(int pages, void *at)
{
    const int fixed = at ? MAP_FIXED_NOREPLACE : 0;
    char *memory = mmap(at, (size_t)pages * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | fixed, -1, 0);
    if (memory == MAP_FAILED || (at && memory != at))
        exit(1);
    madvise(memory, (size_t)pages * PAGE, MADV_NOHUGEPAGE);
    return memory;
}

/* Each function has a loop of its own, so that the instruction alone tells whose it is. */
#define TOUCH(memory, pages)                                                                                           \
    for (int page = 0; page < (pages); page++)                                                                         \
    ((volatile char *)(memory))[(size_t)page * PAGE] = 1

static NOINLINE void touch_once(char *memory)
{
    TOUCH(memory, 300);
    sink++;
}

static NOINLINE void touch_again(char *memory)
{
    TOUCH(memory, 100);
    sink++;
}

static NOINLINE void touch_reused(char *memory)
{
    TOUCH(memory, 50);
    sink++;
}

static NOINLINE void touch_moved(char *memory)
{
    TOUCH(memory, 60);
    sink++;
}

static NOINLINE void touch_copied(char *memory)
{
    TOUCH(memory, 64);
    sink++;
}

static NOINLINE void *touch_in_thread(void *memory)
{
    TOUCH(memory, 80);
    sink++;
    return NULL;
}

static NOINLINE void touch_by_read(char *memory)
{
    const int zero = open("/dev/zero", O_RDONLY);
    if (zero < 0 || read(zero, memory, 40 * PAGE) != 40 * PAGE)
        exit(2);
    close(zero);
}

/* Given back and touched again: the second time is no first touch. */
static void again(void)
{
    char *memory = map(100, NULL);
    touch_again(memory);
    madvise(memory, 100 * PAGE, MADV_DONTNEED);
    touch_again(memory);
}

/* Other memory at the same place is touched for the first time. */
static void reused(void)
{
    char *memory = map(50, NULL);
    touch_reused(memory);
    munmap(memory, 50 * PAGE);
    touch_reused(map(50, memory));
}

/* What is touched stays so where it goes. */
static void moved(void)
{
    char *memory = map(60, NULL), *to = map(60, NULL);
    touch_moved(memory);
    if (mremap(memory, 60 * PAGE, 60 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, to) != to)
        exit(3);
    madvise(to, 60 * PAGE, MADV_DONTNEED);
    touch_moved(to);
}

/* A child's own copy of a page is no first touch. */
static void copied(void)
{
    char *memory = map(64, NULL);
    touch_copied(memory);
    if (fork() == 0) {
        touch_copied(memory);
        _exit(0);
    }
    wait(NULL);
}

int main(void)
{
    pthread_t thread;
    touch_once(map(300, NULL));
    again();
    reused();
    moved();
    copied();
    char *memory = map(80, NULL);
    pthread_create(&thread, NULL, touch_in_thread, memory);
    pthread_join(thread, NULL);
    touch_by_read(map(40, NULL));
    puts("touch_once touched=300 faults=300 kernel=0\ntouch_again touched=100 faults=200 kernel=0\n"
         "touch_reused touched=100 faults=100 kernel=0\ntouch_moved touched=60 faults=120 kernel=0\n"
         "touch_copied touched=64 faults=128 kernel=0\ntouch_in_thread touched=80 faults=80 kernel=0\n"
         "touch_by_read touched=40 faults=40 kernel=40");
    return 0;
}
