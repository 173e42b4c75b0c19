/*
 * workload.c KIND DEPTH THREADS COUNT: COUNT rounds of one kind, shared by so many threads, at a depth of calls.
 *
 * Prints one line: system calls made, and nanoseconds of the clock, of this process's CPU time, and of its tracer's CPU
 * time (0 when there is none) from the first round to the last.  What a run costs before and behind is left out, and so
 * is a warm-up.  CPU times tell on a busy machine what the clock cannot.
 *
 * Built without frame pointers: the functions of the stack can be walked by their tables only.
 */
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { WARM_UP = 16, MIX_SLOTS = 64, MAX_THREADS = 4096 };

static void check(bool good, const char *what)
{
    if (good)
        return;
    perror(what);
    exit(1);
}

/* ---- kinds of rounds ---- */

static void round_mmap(uint64_t i)
{
    (void)i;
    void *p = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    check(p != MAP_FAILED && munmap(p, 8192) == 0, "mmap");
}

/* One thread only. */
static void round_brk(uint64_t i)
{
    static long base;
    (void)i;
    if (!base)
        base = syscall(SYS_brk, 0);
    check(syscall(SYS_brk, base + 8192) == base + 8192 && syscall(SYS_brk, base) == base, "brk");
}

/* Mappings that stay; protections alternate so that the kernel cannot merge them. */
static void round_keep(uint64_t i)
{
    void *p = mmap(NULL, 4096, i % 2 ? PROT_READ : PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    check(p != MAP_FAILED, "mmap");
}

static uint64_t random_number(void)
{
    static _Thread_local uint64_t state = 1;
    state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return state >> 33;
}

/* Blocks of many sizes live for a while and go in any order, as an allocator would have it.  One call a round. */
static void mix_step(void)
{
    static _Thread_local struct {
        void *at;
        size_t size;
        bool written;
    } slots[MIX_SLOTS];
    const uint64_t slot = random_number() % MIX_SLOTS;
    void **at = &slots[slot].at;
    if (!*at) {
        slots[slot].size = 4096 << random_number() % 9;
        *at = mmap(NULL, slots[slot].size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        check(*at != MAP_FAILED, "mmap");
        slots[slot].written = false;
    } else if (!slots[slot].written && random_number() % 4 == 0) {
        check(mprotect(*at, 4096, PROT_READ) == 0, "mprotect");
        slots[slot].written = true;
    } else {
        check(munmap(*at, slots[slot].size) == 0, "munmap");
        *at = NULL;
    }
}

static __attribute__((noinline)) void mix_at(unsigned depth)
{
    if (depth)
        mix_at(depth - 1);
    else
        mix_step();
    __asm__ volatile(""); /* no tail call */
}

static void round_mix(uint64_t i)
{
    (void)i;
    mix_at((unsigned)(random_number() % 24));
}

/* A page fault: all pages of a block in turn, which is then given back at once. */
static void round_touch(uint64_t i)
{
    enum { PAGE = 4096, PAGES = 8192 };
    static _Thread_local char *block;
    static _Thread_local size_t next;
    (void)i;
    if (!block) {
        block = mmap(NULL, (size_t)PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        check(block != MAP_FAILED, "mmap");
        madvise(block, (size_t)PAGES * PAGE, MADV_NOHUGEPAGE);
    }
    *(volatile char *)(block + next++ * PAGE) = 1;
    if (next < PAGES)
        return;
    next = 0;
    check(madvise(block, (size_t)PAGES * PAGE, MADV_DONTNEED) == 0, "madvise");
}

static void round_getppid(uint64_t i)
{
    (void)i;
    syscall(SYS_getppid);
}

static void round_read(uint64_t i)
{
    static _Thread_local int fd = -1;
    char bytes[4096];
    (void)i;
    if (fd < 0)
        fd = open("/dev/zero", O_RDONLY | O_CLOEXEC);
    check(read(fd, bytes, sizeof(bytes)) == sizeof(bytes), "read");
}

static void round_stat(uint64_t i)
{
    struct stat st;
    (void)i;
    check(stat("/dev/zero", &st) == 0, "stat");
}

static const struct kind {
    const char *name;
    void (*round)(uint64_t i);
    unsigned calls; /* a round */
} kinds[] = {
    {"mmap", round_mmap, 2},       {"brk", round_brk, 2},   {"keep", round_keep, 1}, {"mix", round_mix, 1},
    {"getppid", round_getppid, 1}, {"read", round_read, 1}, {"stat", round_stat, 1}, {"touch", round_touch, 1},
};

/* ---- clocks ---- */

static pid_t tracer(void)
{
    char line[256];
    pid_t pid = 0;
    FILE *f = fopen("/proc/self/status", "re");
    while (f && fgets(line, sizeof(line), f))
        if (sscanf(line, "TracerPid: %d", &pid) == 1)
            break;
    if (f)
        fclose(f);
    return pid;
}

static uint64_t read_clock(clockid_t clock)
{
    struct timespec now = {0};
    clock_gettime(clock, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

struct times {
    uint64_t wall, own, tracer;
};

static struct times take_times(pid_t tracer_pid)
{
    struct times times = {0};
    clockid_t clock;
    if (tracer_pid && clock_getcpuclockid(tracer_pid, &clock) == 0)
        times.tracer = read_clock(clock);
    times.own = read_clock(CLOCK_PROCESS_CPUTIME_ID);
    times.wall = read_clock(CLOCK_MONOTONIC);
    return times;
}

/* ---- a stack of calls ---- */

struct job {
    const struct kind *kind;
    unsigned depth;
    uint64_t count;
    pthread_barrier_t begin;
    pid_t tracer;
    struct times before;
};

static void run_rounds(struct job *job)
{
    for (uint64_t i = 0; i < WARM_UP; i++)
        job->kind->round(i);
    /* When all are warm one of them takes the time. */
    if (pthread_barrier_wait(&job->begin) == PTHREAD_BARRIER_SERIAL_THREAD)
        job->before = take_times(job->tracer);
    pthread_barrier_wait(&job->begin);
    for (uint64_t i = 0; i < job->count; i++)
        job->kind->round(i);
}

static void descend(struct job *job, unsigned depth);

/* Eight functions that call each other, with frames of different sizes and different registers in use. */
#define LEVEL(n)                                                                                                       \
    static __attribute__((noinline)) void level_##n(struct job *job, unsigned depth)                                   \
    {                                                                                                                  \
        volatile char room[16 + 24 * (n)];                                                                             \
        room[0] = (char)depth;                                                                                         \
        descend(job, depth);                                                                                           \
        room[1] = room[0];                                                                                             \
    }
LEVEL(0)
LEVEL(1)
LEVEL(2)
LEVEL(3)
LEVEL(4)
LEVEL(5)
LEVEL(6)
LEVEL(7)

static inline __attribute__((always_inline)) void descend(struct job *job, unsigned depth)
{
    static void (*const levels[])(struct job *, unsigned) = {level_0, level_1, level_2, level_3,
                                                             level_4, level_5, level_6, level_7};
    if (depth)
        levels[depth % 8](job, depth - 1);
    else
        run_rounds(job);
}

static void *thread(void *context)
{
    struct job *job = context;
    descend(job, job->depth);
    return NULL;
}

int main(int argc, char **argv)
{
    static pthread_t threads[MAX_THREADS];
    const struct kind *kind = NULL;
    for (size_t i = 0; argc == 5 && i < sizeof(kinds) / sizeof(*kinds); i++)
        if (strcmp(argv[1], kinds[i].name) == 0)
            kind = &kinds[i];
    const unsigned depth = kind ? (unsigned)atoi(argv[2]) : 0, n = kind ? (unsigned)atoi(argv[3]) : 0;
    if (!kind || n < 1 || n > MAX_THREADS) {
        fprintf(stderr, "usage: workload KIND DEPTH THREADS COUNT\n");
        return 2;
    }
    struct job job = {.kind = kind, .depth = depth, .count = (uint64_t)atoll(argv[4]) / n, .tracer = tracer()};
    pthread_barrier_init(&job.begin, NULL, n);

    pthread_attr_t small;
    pthread_attr_init(&small);
    pthread_attr_setstacksize(&small, 128 * 1024);
    for (unsigned i = 1; i < n; i++)
        check(pthread_create(&threads[i], &small, thread, &job) == 0, "pthread_create");
    thread(&job);
    for (unsigned i = 1; i < n; i++)
        pthread_join(threads[i], NULL);
    const struct times after = take_times(job.tracer);
    const struct times before = job.before;
    printf("%llu %llu %llu %llu\n", (unsigned long long)(job.count * n * kind->calls),
           (unsigned long long)(after.wall - before.wall), (unsigned long long)(after.own - before.own),
           (unsigned long long)(after.tracer - before.tracer));
    return 0;
}
