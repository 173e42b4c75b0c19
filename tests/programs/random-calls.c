/* variants: m32 static */
/*
 * random-calls.c SEED ROUNDS [THREADS [FORKS]]: random sequences of every call that changes the layout, most
 * of them inside a yard of a few pages, so that they overlap, split, merge and fail; then the program prints
 * its own maps, which the trace's last layout must equal.
 *
 * Each thread has a yard of its own at a fixed, remote address, where the kernel puts nothing by itself, so
 * that MAP_FIXED harms nobody.  With FORKS every process forks so many times on its way; each child goes on
 * alone, with the random numbers of its own, and prints its maps too.  The order of calls depends on the seed
 * alone, as far as one thread goes.
 */
#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/shm.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "own_maps.h"

#ifndef MREMAP_DONTUNMAP
#define MREMAP_DONTUNMAP 4
#endif
#ifndef SYS_mseal
#define SYS_mseal 462
#endif

enum { PAGE = 4096, YARD_PAGES = 48, FAR_SLOTS = 16, MOST_THREADS = 16 };

#define PAGES(n) ((size_t)(n)*PAGE)
#ifdef __i386__
#define YARDS     0x20000000u
#define YARD_STEP 0x01000000u
#else
#define YARDS     0x100000000000u
#define YARD_STEP 0x000040000000u
#endif

/* A mapping that the kernel placed, outside the yard. */
struct far {
    char *at;
    size_t pages;
};

struct worker {
    uint64_t random;
    char *yard;
    char *grows; /* top page of a MAP_GROWSDOWN mapping, NULL when there is none */
    struct far far[FAR_SLOTS];
    unsigned long ring; /* of io_setup, 0 for none */
    char *attached;     /* by shmat at a place of the kernel's choice, or NULL */
    int rounds;
    bool moves_break;
    int sealed; /* ranges sealed so far: they can never be changed again, so there are few */
};

static pthread_barrier_t start;
static int file_fd, memory_fd;
static char *break_start;
static int token[2];

static unsigned pick(struct worker *w, unsigned below)
{
    w->random ^= w->random << 13;
    w->random ^= w->random >> 7;
    w->random ^= w->random << 17;
    return (unsigned)(w->random >> 33) % below;
}

static long map_raw(void *at, size_t length, int prot, int flags, int fd, size_t page)
{
#ifdef __i386__
    return syscall(SYS_mmap2, at, length, prot, flags, fd, page);
#else
    return syscall(SYS_mmap, at, length, prot, flags, fd, page * PAGE);
#endif
}

static char *yard_page(struct worker *w)
{
    return w->yard + PAGES(pick(w, YARD_PAGES));
}

/* A length in bytes for a range that begins at `at` and ends in the yard; not always a multiple of a page. */
static size_t yard_length(struct worker *w, const char *at)
{
    size_t left = (size_t)(w->yard + PAGES(YARD_PAGES) - at);
    size_t length = PAGES(1 + pick(w, 8));
    if (pick(w, 4) == 0)
        length -= pick(w, PAGE);
    return length < left ? length : left;
}

static int some_prot(struct worker *w)
{
    static const int prots[] = {PROT_NONE, PROT_READ, PROT_READ | PROT_WRITE, PROT_READ | PROT_WRITE,
                                PROT_READ | PROT_EXEC};
    return prots[pick(w, sizeof(prots) / sizeof(prots[0]))];
}

/* What lies behind a mapping: nothing, a file, a memfd; private or shared. */
static long map_something(struct worker *w, void *at, size_t length, int flags)
{
    unsigned kind = pick(w, 8);
    int prot = some_prot(w);
    flags |= kind % 3 == 0 ? MAP_SHARED : MAP_PRIVATE;
    if (kind < 4)
        return map_raw(at, length, prot, flags | MAP_ANONYMOUS, -1, 0);
    return map_raw(at, length, prot, flags, kind < 6 ? file_fd : memory_fd, pick(w, 16));
}

static void yard_map(struct worker *w)
{
    char *at = yard_page(w);
    map_something(w, at, yard_length(w, at), MAP_FIXED | (pick(w, 8) == 0 ? MAP_POPULATE : 0));
}

static void yard_map_noreplace(struct worker *w)
{
    char *at = yard_page(w);
    map_something(w, at, yard_length(w, at), MAP_FIXED_NOREPLACE);
}

static void yard_unmap(struct worker *w)
{
    char *at = yard_page(w);
    syscall(SYS_munmap, at, yard_length(w, at));
}

static void yard_protect(struct worker *w)
{
    char *at = yard_page(w);
    size_t length = yard_length(w, at);
    if (pick(w, 6) == 0)
        syscall(SYS_pkey_mprotect, at, length, some_prot(w), -1);
    else
        syscall(SYS_mprotect, at, length, some_prot(w));
}

static void yard_remap(struct worker *w)
{
    char *from = yard_page(w), *to = yard_page(w);
    size_t old_length = yard_length(w, from), new_length = yard_length(w, to);
    switch (pick(w, 5)) {
    case 0: /* in place */
        syscall(SYS_mremap, from, old_length, yard_length(w, from), 0, NULL);
        break;
    case 1: /* old size 0 */
        syscall(SYS_mremap, from, (size_t)0, new_length, MREMAP_MAYMOVE | MREMAP_FIXED, to);
        break;
    case 2:
        syscall(SYS_mremap, from, old_length, old_length, MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP, to);
        break;
    default:
        syscall(SYS_mremap, from, old_length, new_length, MREMAP_MAYMOVE | MREMAP_FIXED, to);
    }
}

static void yard_advise(struct worker *w)
{
    static const int advices[] = {MADV_DONTNEED,   MADV_FREE,     MADV_RANDOM, MADV_NORMAL,
                                  MADV_SEQUENTIAL, MADV_DONTFORK, MADV_DOFORK, MADV_WIPEONFORK,
                                  MADV_DONTDUMP,   MADV_WILLNEED, MADV_REMOVE, 102};
    char *at = yard_page(w);
    syscall(SYS_madvise, at, yard_length(w, at), advices[pick(w, sizeof(advices) / sizeof(advices[0]))]);
}

static void yard_lock(struct worker *w)
{
    char *at = yard_page(w);
    size_t length = yard_length(w, at);
    switch (pick(w, 3)) {
    case 0:
        syscall(SYS_mlock, at, length);
        break;
    case 1:
        syscall(SYS_mlock2, at, length, MLOCK_ONFAULT);
        break;
    default:
        syscall(SYS_munlock, at, length);
    }
}

static void yard_remap_file_pages(struct worker *w)
{
    char *at = yard_page(w);
    syscall(SYS_remap_file_pages, at, yard_length(w, at) & ~(size_t)(PAGE - 1), 0, (size_t)pick(w, 16), 0);
}

/* A System V segment over what is there, or detached. */
static void yard_attach(struct worker *w)
{
    char *at = yard_page(w);
    if (pick(w, 3) == 0) {
        syscall(SYS_shmdt, at);
        return;
    }
    int id = shmget(IPC_PRIVATE, PAGES(1 + pick(w, 3)), IPC_CREAT | 0600);
    if (id < 0)
        return;
    if (at + PAGES(4) <= w->yard + PAGES(YARD_PAGES))
        syscall(SYS_shmat, id, at, SHM_REMAP | (pick(w, 2) ? SHM_RDONLY : 0));
    shmctl(id, IPC_RMID, NULL);
}

static void yard_name(struct worker *w)
{
    char *at = yard_page(w);
    prctl(0x53564d41 /* PR_SET_VMA */, 0, at, PAGES(1 + pick(w, 3)), pick(w, 3) ? "a name" : NULL);
}

static void yard_seal(struct worker *w)
{
    if (w->sealed >= 2 || pick(w, 20) != 0)
        return;
    w->sealed += syscall(SYS_mseal, yard_page(w), PAGES(1), 0) == 0;
}

/* Where the kernel likes. */
static void far_map(struct worker *w)
{
    struct far *far = &w->far[pick(w, FAR_SLOTS)];
    if (far->pages == 0) {
        size_t pages = 1 + pick(w, 5);
        long at = map_something(w, NULL, PAGES(pages), pick(w, 6) == 0 ? MAP_NORESERVE : 0);
        if (at != -1)
            *far = (struct far){.at = (char *)at, .pages = pages};
        return;
    }
    size_t gone = 1 + pick(w, (unsigned)far->pages);
    if (syscall(SYS_munmap, far->at + PAGES(far->pages - gone), PAGES(gone)) == 0)
        far->pages -= gone;
}

/* Grows, shrinks, moves; fails when an earlier mprotect has left several mappings of it. */
static void far_remap(struct worker *w)
{
    struct far *far = &w->far[pick(w, FAR_SLOTS)];
    if (far->pages == 0)
        return;
    size_t pages = 1 + pick(w, 9);
    long at = syscall(SYS_mremap, far->at, PAGES(far->pages), PAGES(pages), pick(w, 4) ? MREMAP_MAYMOVE : 0, NULL);
    if (at != -1)
        *far = (struct far){.at = (char *)at, .pages = pages};
}

static void far_protect(struct worker *w)
{
    struct far *far = &w->far[pick(w, FAR_SLOTS)];
    if (far->pages > 0)
        syscall(SYS_mprotect, far->at, PAGES(1 + pick(w, (unsigned)far->pages)), some_prot(w));
}

static void far_attach(struct worker *w)
{
    if (w->attached) {
        syscall(SYS_shmdt, w->attached);
        w->attached = NULL;
        return;
    }
    int id = shmget(IPC_PRIVATE, PAGES(2) + 1, IPC_CREAT | 0600);
    if (id < 0)
        return;
    long at = syscall(SYS_shmat, id, NULL, 0);
    shmctl(id, IPC_RMID, NULL);
    if (at != -1)
        w->attached = (char *)at;
}

static void ring(struct worker *w)
{
    if (w->ring == 0) {
        syscall(SYS_io_setup, 1 + pick(w, 300), &w->ring);
        return;
    }
    syscall(SYS_io_destroy, w->ring);
    w->ring = 0;
}

/* The break belongs to the process: the last thread alone moves it, and never below where it was. */
static void move_break(struct worker *w)
{
    if (!w->moves_break)
        return;
    size_t offset = pick(w, 2) ? PAGES(pick(w, 40)) : pick(w, 40 * PAGE);
    syscall(SYS_brk, break_start + offset);
}

/* A page that grows downwards, in the empty half behind the yard. */
static void grow(struct worker *w)
{
    char *top = w->yard + YARD_STEP / 2;
    if (!w->grows) {
        if (map_raw(top, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_GROWSDOWN, -1,
                    0) != -1)
            w->grows = top;
        return;
    }
    if (pick(w, 4) == 0) {
        syscall(SYS_munmap, top - PAGES(63), PAGES(64));
        w->grows = NULL;
        return;
    }
    w->grows -= PAGE;
    if (w->grows < top - PAGES(60))
        w->grows = top;
    *(volatile char *)w->grows = 1;
}

typedef void (*action_fn)(struct worker *);

/* As often as they stand here. */
static const action_fn actions[] = {
    yard_map,
    yard_map,
    yard_map,
    yard_map,
    yard_map_noreplace,
    yard_unmap,
    yard_unmap,
    yard_unmap,
    yard_protect,
    yard_protect,
    yard_protect,
    yard_remap,
    yard_remap,
    yard_advise,
    yard_advise,
    yard_lock,
    yard_attach,
    yard_remap_file_pages,
    yard_name,
    yard_seal,
    far_map,
    far_map,
    far_map,
    far_remap,
    far_protect,
    far_attach,
    ring,
    move_break,
    move_break,
    grow,
};

static void *work(void *argument)
{
    struct worker *w = argument;
    for (int i = 0; i < w->rounds; i++)
        actions[pick(w, sizeof(actions) / sizeof(actions[0]))](w);
    return NULL;
}

static void *thread_main(void *argument)
{
    pthread_barrier_wait(&start);
    return work(argument);
}

static void begin(struct worker *w, unsigned seed, int index, int rounds)
{
    *w = (struct worker){.rounds = rounds};
    w->random = (seed + 1) * UINT64_C(0x9e3779b97f4a7c15) ^ (unsigned)index * UINT64_C(0xbf58476d1ce4e5b9);
    w->yard = (char *)(uintptr_t)(YARDS + (uintptr_t)index * YARD_STEP);
}

static _Noreturn void end(void)
{
    print_own_maps(token[0], token[1]);
    _exit(0);
}

/* `forks` children on the way, who make theirs. */
static void run_forking(struct worker *w, int forks, int level)
{
    int share = w->rounds / (forks + 1);
    pid_t children[8];
    w->rounds = share;
    for (int i = 0; i < forks; i++) {
        work(w);
        children[i] = fork();
        if (children[i] < 0)
            _exit(1);
        if (children[i] == 0) {
            w->random ^= UINT64_C(0x94d049bb133111eb) * (unsigned)(i + 1 + 10 * level);
            w->ring = 0; /* rings are not inherited */
            if (level < 2)
                run_forking(w, forks / 2, level + 1);
            work(w);
            end();
        }
    }
    work(w);
    for (int i = 0; i < forks; i++) {
        int status;
        if (waitpid(children[i], &status, 0) != children[i] || status != 0)
            _exit(2);
    }
}

int main(int argc, char **argv)
{
    static struct worker workers[MOST_THREADS];
    unsigned seed = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 0) : 1;
    int rounds = argc > 2 ? atoi(argv[2]) : 200;
    int threads = argc > 3 ? atoi(argv[3]) : 1;
    int forks = argc > 4 ? atoi(argv[4]) : 0;
    char template[] = "random-calls-XXXXXX";

    if (threads < 1 || threads > MOST_THREADS || forks > 8)
        return 3;
    file_fd = mkstemp(template);
    memory_fd = memfd_create("random", 0);
    if (file_fd < 0 || memory_fd < 0 || ftruncate(file_fd, PAGES(64)) != 0 || ftruncate(memory_fd, PAGES(64)) != 0)
        return 4;
    if (unlink(template) != 0 || pipe(token) != 0 || write(token[1], "t", 1) != 1)
        return 5;
    for (int i = 0; i < threads; i++)
        begin(&workers[i], seed, i, rounds);
    workers[threads - 1].moves_break = true;

    pthread_t ids[MOST_THREADS];
    pthread_barrier_init(&start, NULL, (unsigned)threads);
    for (int i = 1; i < threads; i++)
        if (pthread_create(&ids[i], NULL, thread_main, &workers[i]) != 0)
            return 6;
    /* What malloc took for the threads lies below. */
    break_start = (char *)syscall(SYS_brk, NULL);
    pthread_barrier_wait(&start);
    if (forks > 0)
        run_forking(&workers[0], forks, 0);
    else
        work(&workers[0]);
    for (int i = 1; i < threads; i++)
        pthread_join(ids[i], NULL);
    end();
}
