/* mlock-splits.c ROUNDS: one thread locks and unlocks pages in the middle of mappings, which splits and merges them
 * with nothing to be seen in their attributes, while another one maps and unmaps elsewhere. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/mman.h>

enum { PAGE = 4096, PAGES = 64 };

static atomic_bool over;

static void *lock_and_unlock(void *region)
{
    char *start = region;
    for (unsigned i = 0; !over; i++) {
        char *middle = start + (1 + i % (PAGES - 3)) * PAGE;
        mlock(middle, PAGE);
        munlock(middle, PAGE);
    }
    return NULL;
}

int main(int argc, char **argv)
{
    const int rounds = argc > 1 ? atoi(argv[1]) : 1000;
    char *region = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    pthread_t thread;
    if (region == MAP_FAILED || pthread_create(&thread, NULL, lock_and_unlock, region) != 0)
        return 1;
    for (int i = 0; i < rounds; i++) {
        void *p = mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (p == MAP_FAILED || munmap(p, PAGE) < 0)
            return 1;
    }
    over = true;
    pthread_join(thread, NULL);
    return 0;
}
