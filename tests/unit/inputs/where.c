/*
 * where.c: prints link-time addresses of its own code, and what a symbolizer should say of each:
 *
 *     1189 inner:34 middle:40 main:47
 *
 * innermost function first, with the line where execution is in it.  It is C and C++.
 */
#define _GNU_SOURCE
#include <link.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define TEXT_OF(x) #x
#define TEXT(x)    TEXT_OF(x)
#define NEVER      __attribute__((noinline, noclone))
#define ALWAYS     inline __attribute__((always_inline))

static int take_bias(struct dl_phdr_info *info, size_t size, void *bias)
{
    (void)size;
    *(uintptr_t *)bias = info->dlpi_addr;
    return 1; /* the program is the first of all modules */
}

NEVER void here(const char *expected)
{
    uintptr_t bias = 0;
    dl_iterate_phdr(take_bias, &bias);
    printf("%lx %s\n", (unsigned long)((uintptr_t)__builtin_return_address(0) - 1 - bias), expected);
    __asm__ volatile("" ::: "memory");
}

static ALWAYS int inner(int x, const char *expected)
{
    here(expected); /* line INNER */
    return x * 2;
}
#define INNER "36"

static ALWAYS int middle(int x, const char *expected)
{
    return inner(x + 1, expected) + 1; /* line MIDDLE */
}
#define MIDDLE "43"

static NEVER int plain(int x)
{
    here("plain:" TEXT(__LINE__));
    return x;
}

NEVER int exported(int x)
{
    here("exported:" TEXT(__LINE__));
    return x + plain(x);
}

int main(int argc, char **argv)
{
    (void)argv;
    int x = middle(argc, "inner:" INNER " middle:" MIDDLE " main:" TEXT(__LINE__));
    x += inner(argc, "inner:" INNER " main:" TEXT(__LINE__));
    x += exported(x);
    here("main:" TEXT(__LINE__));
    return x == 12345;
}
