/* stacks-many.c COUNT: so many call stacks, each of which maps a page and gives it back; of one in a hundred it stays.
 * A stack is told by the bits of its number: at each depth it goes on to the left or to the right. */
#include <stdlib.h>
#include <sys/mman.h>

#define NOINLINE __attribute__((noinline, noclone))

enum { PAGE = 4096, DEPTH = 17, MOST = 1 << DEPTH };

static volatile int sink;

static NOINLINE void leaf(unsigned number)
{
    char *at = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (at == MAP_FAILED)
        exit(1);
    if (number % 100 == 0)
        *at = 1;
    else if (munmap(at, PAGE) != 0)
        exit(2);
}

static NOINLINE void left(unsigned number, unsigned depth);
static NOINLINE void right(unsigned number, unsigned depth);

static inline __attribute__((always_inline)) void go_on(unsigned number, unsigned depth)
{
    if (depth == DEPTH)
        leaf(number);
    else if (number >> depth & 1)
        right(number, depth + 1);
    else
        left(number, depth + 1);
    sink++; /* behind the call: it is no jump */
}

static NOINLINE void left(unsigned number, unsigned depth)
{
    go_on(number, depth);
}

static NOINLINE void right(unsigned number, unsigned depth)
{
    go_on(number, depth);
}

int main(int argc, char **argv)
{
    const unsigned count = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 1000;
    if (count > MOST)
        return 2;
    for (unsigned number = 0; number < count; number++)
        left(number, 0);
    return 0;
}
