/* stack-sums.c: map known amounts from known functions, and state what each of them did: "FUNCTION mapped=BYTES
 * returned=BYTES live=BYTES calls=N".  A child does more of the same, and ends before its parent. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define NOINLINE __attribute__((noinline, noclone))

enum { PAGE = 4096, LARGE = 300 * PAGE, SMALL = 7 * PAGE, TIMES = 5 };

static char *large[TIMES], *small[TIMES];
static volatile int sink;

static NOINLINE char *map(size_t size)
{
    char *at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (at == MAP_FAILED)
        exit(1);
    sink++;
    return at;
}

static NOINLINE void map_large(void)
{
    for (int i = 0; i < TIMES; i++)
        large[i] = map(LARGE);
}

static NOINLINE void map_small(void)
{
    for (int i = 0; i < TIMES; i++)
        small[i] = map(SMALL);
}

/* Three large ones whole, and two pages of a small one. */
static NOINLINE void give_back(void)
{
    for (int i = 0; i < 3; i++)
        munmap(large[i], LARGE);
    munmap(small[1] + PAGE, 2 * PAGE);
    sink++;
}

static NOINLINE void only_in_child(void)
{
    map(11 * PAGE);
    sink++;
}

static void say(const char *function, size_t mapped, size_t returned, size_t live, int calls)
{
    printf("%s mapped=%zu returned=%zu live=%zu calls=%d\n", function, mapped, returned, live, calls);
}

int main(void)
{
    setvbuf(stdout, NULL, _IONBF, 0); /* no allocation for it, whose stack would pass through main */
    map_large();
    map_small();
    const pid_t child = fork();
    if (child == 0) {
        only_in_child();
        _exit(0);
    }
    waitpid(child, NULL, 0);
    give_back();
    /* The child had a copy of all of it when it ended. */
    say("map_large", TIMES * LARGE, 0, TIMES * LARGE + (TIMES - 3) * LARGE, TIMES);
    say("map_small", TIMES * SMALL, 0, TIMES * SMALL * 2 - 2 * PAGE, TIMES);
    say("give_back", 0, 3 * LARGE + 2 * PAGE, 0, 4);
    say("only_in_child", 11 * PAGE, 0, 11 * PAGE, 1);
    printf("child=%d\n", (int)child);
    return 0;
}
