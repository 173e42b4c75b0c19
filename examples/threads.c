/*
 * threads.c: four threads, each with a stack and a malloc arena of its own.
 *
 * A thread that calls malloc for the first time gets an arena, so that threads need not wait for each
 * other.  glibc reserves address space for it without any access (PROT_NONE), 128 MiB at first, gives
 * back what lies outside a block of 64 MiB that starts at a multiple of 64 MiB, and then opens as much
 * as is needed with mprotect.  So four threads with 300 KiB each reserve 256 MiB of addresses, which
 * cost nothing until they are touched.  Barriers keep all threads alive together (or they would pass
 * one arena on) and let them allocate and free in turns, so the order of the calls is always the same.
 *
 * What the report should show:
 * (with glibc 2.36, in this order)
 * - from pthread_create, four times: an mmap of 266240 bytes, PROT_NONE, MAP_STACK, and an mprotect to
 *   rw- of all but its first page: a stack of 262144 bytes over a guard of 4096;
 * - in the first pthread_create also brk(0), which only asks, and a brk that maps a heap of 135168
 *   bytes: main's own arena, which holds the descriptions of the threads' local storage;
 * - from each thread, one after the other: an mmap, PROT_NONE, MAP_NORESERVE, of 134217728 bytes,
 *   trimmed by one or two munmap calls to 67108864 bytes; or, when the last arena happened to leave
 *   the place for it, an mmap of 67108864 bytes at once.  Then three calls of mprotect to rw-, of
 *   135168, 73728 and 102400 bytes, each starting where the one before ended;
 * - then from each thread, in the same order: one madvise, MADV_DONTNEED, of 176128 bytes, which start
 *   135168 bytes into the arena: a trim, which keeps the mapping and gives back the pages (where
 *   vm.overcommit_memory is 2, glibc maps PROT_NONE over them instead);
 * - then from each thread, in any order: one madvise, MADV_DONTNEED, of the part of its stack that
 *   it no longer uses; the stack stays mapped, as glibc keeps it for the next thread;
 * - live at the end: four arenas of 67108864 bytes, 311296 of them rw- and the rest without access,
 *   four stacks of 262144 bytes, each with its guard, and the heap of 135168 bytes.
 */
#include <malloc.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define KIB 1024

enum { THREADS = 4, BLOCKS = 3, BLOCK = 100 * KIB, STACK = 256 * KIB, GUARD = 4 * KIB };

/* glibc places an arena on a multiple of this, so as to find it from the address of a block. */
#define ARENA_SIZE (64 * 1024 * (uintptr_t)KIB)

struct worker {
    pthread_t thread;
    int number;
    unsigned char *blocks[BLOCKS];
    uintptr_t stack; /* an address in it */
};

static pthread_barrier_t turnstile;

/* stdout gets a buffer, or stdio would take one from malloc and that would be part of the story. */
static char output[256];

static void die_unless(bool ok, const char *what)
{
    if (ok)
        return;
    fprintf(stderr, "threads: %s\n", what);
    exit(1);
}

static uintptr_t arena_of(const void *block)
{
    return (uintptr_t)block & ~(ARENA_SIZE - 1);
}

static void take_blocks(struct worker *worker)
{
    for (int i = 0; i < BLOCKS; i++) {
        worker->blocks[i] = malloc(BLOCK);
        die_unless(worker->blocks[i] != NULL, "malloc failed");
        memset(worker->blocks[i], worker->number, BLOCK);
    }
}

static void give_blocks(struct worker *worker)
{
    for (int i = 0; i < BLOCKS; i++) {
        die_unless(worker->blocks[i][BLOCK - 1] == worker->number, "another thread wrote to a block");
        free(worker->blocks[i]);
    }
}

/* Runs the step in one thread after another while the others wait, so that the order never changes. */
static void take_turns(struct worker *self, void (*step)(struct worker *))
{
    for (int turn = 1; turn <= THREADS; turn++) {
        if (self != NULL && self->number == turn)
            step(self);
        pthread_barrier_wait(&turnstile);
    }
}

static void *work(void *argument)
{
    struct worker *self = argument;

    self->stack = (uintptr_t)&self;
    pthread_barrier_wait(&turnstile); /* all threads have been started */
    take_turns(self, take_blocks);
    pthread_barrier_wait(&turnstile); /* main looks at what all the threads hold */
    take_turns(self, give_blocks);
    return NULL;
}

static void start(struct worker *worker)
{
    pthread_attr_t attributes;

    pthread_attr_init(&attributes);
    die_unless(pthread_attr_setstacksize(&attributes, STACK) == 0, "cannot set the stack size");
    die_unless(pthread_attr_setguardsize(&attributes, GUARD) == 0, "cannot set the guard size");
    die_unless(pthread_create(&worker->thread, &attributes, work, worker) == 0, "cannot start a thread");
    pthread_attr_destroy(&attributes);
}

static void check(const struct worker *workers, int count)
{
    const struct worker *last = &workers[count - 1];
    uintptr_t arena = arena_of(last->blocks[0]);

    for (int i = 0; i < BLOCKS; i++)
        die_unless(arena_of(last->blocks[i]) == arena, "a thread has blocks in two arenas");
    for (int i = 0; i < count - 1; i++)
        die_unless(arena_of(workers[i].blocks[0]) != arena, "two threads share an arena");
}

int main(void)
{
    static struct worker workers[THREADS];

    setvbuf(stdout, output, _IOLBF, sizeof(output));
    pthread_barrier_init(&turnstile, NULL, THREADS + 1);
    for (int i = 0; i < THREADS; i++) {
        workers[i].number = i + 1;
        start(&workers[i]);
    }
    pthread_barrier_wait(&turnstile);
    take_turns(NULL, NULL);
    for (int i = 0; i < THREADS; i++) {
        check(workers, i + 1);
        printf("thread %d: stack %#jx, arena %#jx, %d blocks of %d bytes\n", i + 1, (uintmax_t)workers[i].stack,
               (uintmax_t)arena_of(workers[i].blocks[0]), BLOCKS, BLOCK);
    }
    pthread_barrier_wait(&turnstile);
    take_turns(NULL, NULL);
    for (int i = 0; i < THREADS; i++)
        die_unless(pthread_join(workers[i].thread, NULL) == 0, "cannot join a thread");
    pthread_barrier_destroy(&turnstile);
    printf("all blocks freed, all threads ended\n");
    return 0;
}
