/* where.cc: as where.c, with the names that only C++ has. */
#include <link.h>
#include <cstdint>
#include <cstdio>

#define TEXT_OF(x) #x
#define TEXT(x)    TEXT_OF(x)
#define NEVER      __attribute__((noinline, noclone))
#define ALWAYS     __attribute__((always_inline))

static int take_bias(struct dl_phdr_info *info, size_t, void *bias)
{
    *static_cast<uintptr_t *>(bias) = info->dlpi_addr;
    return 1;
}

NEVER void here(const char *expected)
{
    uintptr_t bias = 0;
    dl_iterate_phdr(take_bias, &bias);
    std::printf("%lx %s\n", (unsigned long)((uintptr_t)__builtin_return_address(0) - 1 - bias), expected);
    __asm__ volatile("" ::: "memory");
}

namespace harbour
{
struct pier {
    int length;
    NEVER int moor(int ships) const
    {
        here("harbour::pier::moor(int) const:" TEXT(__LINE__));
        return ships * length;
    }
    template <class T> ALWAYS T twice(T x) const
    {
        here("harbour::pier::twice<long>(long) const:" TEXT(__LINE__) " main:45");
        return x * 2;
    }
};
}

int main(int argc, char **)
{
    harbour::pier pier = {argc};
    return pier.moor(3) + pier.twice(4L) == 12345;
}
