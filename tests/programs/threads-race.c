/*
 * threads-race.c SEED THREADS ROUNDS: threads map, protect and unmap next to each other, so that the kernel
 * gives pages that one thread has just given back to another at once.  Each thread marks its pages in a table
 * and in their first byte: a page that has another live owner ends the program with 1.  The same must be true
 * of the order of events in the trace.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

enum { PAGE = 4096, WINDOW_PAGES = 1 << 21, HELD = 12, MOST_PAGES = 6 };

/* Who holds a page, by its distance from the start of a window of 8 GiB around the first mapping; 0 for
 * nobody. */
static atomic_uchar owners[WINDOW_PAGES];
static uintptr_t window;
static pthread_barrier_t start;
static unsigned seed;
static int rounds;

struct held {
    char *at;
    size_t pages;
    int prot;
};

static void fail(const char *what, const void *at)
{
    fprintf(stderr, "threads-race: %s at %p\n", what, at);
    _exit(1);
}

static atomic_uchar *owner_of(const char *page)
{
    uintptr_t index = ((uintptr_t)page - window) / PAGE;
    return index < WINDOW_PAGES ? &owners[index] : NULL;
}

static unsigned next(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return (unsigned)(*state >> 33);
}

static void take(struct held *held, unsigned char me, uint64_t *random)
{
    held->pages = 1 + next(random) % MOST_PAGES;
    held->prot = PROT_READ | PROT_WRITE;
    held->at = mmap(NULL, held->pages * PAGE, held->prot, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (held->at == MAP_FAILED)
        fail("mmap failed", NULL);
    for (size_t i = 0; i < held->pages; i++) {
        char *page = held->at + i * PAGE;
        atomic_uchar *owner = owner_of(page);
        if (owner && atomic_exchange(owner, me) != 0)
            fail("the kernel gave a page that has an owner", page);
        *page = (char)me;
    }
}

/* Give back `pages` pages from the end. */
static void give(struct held *held, size_t pages, unsigned char me)
{
    for (size_t i = held->pages - pages; i < held->pages; i++) {
        char *page = held->at + i * PAGE;
        atomic_uchar *owner = owner_of(page);
        if (*page != (char)me)
            fail("another thread wrote to a page", page);
        if (owner && atomic_exchange(owner, 0) != me)
            fail("a page lost its owner", page);
    }
    held->pages -= pages;
    if (munmap(held->at + held->pages * PAGE, pages * PAGE) != 0)
        fail("munmap failed", held->at);
}

static void protect(struct held *held)
{
    held->prot ^= PROT_WRITE;
    if (mprotect(held->at, held->pages * PAGE, held->prot) != 0)
        fail("mprotect failed", held->at);
}

static void *work(void *argument)
{
    unsigned char me = (unsigned char)(uintptr_t)argument;
    uint64_t random = seed * 0x9e3779b97f4a7c15u + me;
    struct held held[HELD] = {{0}};

    pthread_barrier_wait(&start);
    for (int i = 0; i < rounds; i++) {
        struct held *one = &held[next(&random) % HELD];
        if (one->pages == 0)
            take(one, me, &random);
        else if (next(&random) % 3 == 0)
            protect(one);
        else
            give(one, 1 + next(&random) % one->pages, me);
    }
    for (int i = 0; i < HELD; i++)
        if (held[i].pages)
            give(&held[i], held[i].pages, me);
    return NULL;
}

int main(int argc, char **argv)
{
    enum { MOST = 64 };
    pthread_t threads[MOST];
    seed = argc > 1 ? (unsigned)atoi(argv[1]) : 1;
    int count = argc > 2 ? atoi(argv[2]) : 4;
    rounds = argc > 3 ? atoi(argv[3]) : 500;
    if (count < 1 || count > MOST)
        return 2;

    void *first = mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (first == MAP_FAILED)
        return 3;
    window = (uintptr_t)first - (uintptr_t)WINDOW_PAGES * PAGE / 2;
    pthread_barrier_init(&start, NULL, (unsigned)count);
    for (int i = 0; i < count; i++)
        if (pthread_create(&threads[i], NULL, work, (void *)(uintptr_t)(i + 1)) != 0)
            return 4;
    for (int i = 0; i < count; i++)
        pthread_join(threads[i], NULL);
    puts("no page had two owners");
    return 0;
}
