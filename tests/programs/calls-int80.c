/* calls-int80.c: 64-bit code may enter the kernel through int 0x80, where the numbers and the arguments are
 * those of i386: mmap2 counts its offset in pages, the old mmap takes a pointer to its arguments.  See
 * syscall(2) and mmap2(2). */
#include <fcntl.h>

#include "expect.h"

#ifndef __x86_64__
#error "for 64-bit code only"
#endif

enum { I386_OLD_MMAP = 90, I386_MUNMAP = 91, I386_MPROTECT = 125, I386_BRK = 45, I386_GETPID = 20, I386_MMAP2 = 192 };

/* A system call by int 0x80, errno as libc sets it. */
static long int80(long number, uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e, uint64_t f)
{
    long ret;
    const uint64_t registers[6] = {a, b, c, d, e, f};
    const uint64_t *from = registers;

    /* rbx and rbp belong to the compiler: they wait in r12 and r13, which int 0x80 leaves alone (r8 to r11 it
     * does not). */
    __asm__ volatile("mov %%rbx, %%r12\n\t"
                     "mov %%rbp, %%r13\n\t"
                     "mov (%%rdi), %%rbx\n\t"
                     "mov 8(%%rdi), %%rcx\n\t"
                     "mov 16(%%rdi), %%rdx\n\t"
                     "mov 24(%%rdi), %%rsi\n\t"
                     "mov 40(%%rdi), %%rbp\n\t"
                     "mov 32(%%rdi), %%rdi\n\t"
                     "int $0x80\n\t"
                     "mov %%r12, %%rbx\n\t"
                     "mov %%r13, %%rbp"
                     : "=a"(ret), "+D"(from)
                     : "0"(number)
                     : "rcx", "rdx", "rsi", "r8", "r9", "r10", "r11", "r12", "r13", "memory", "cc");
    /* i386 gives 32 bits: an error is a small negative 32-bit number. */
    int32_t low = (int32_t)ret;
    if (low < 0 && low >= -4095) {
        errno = -low;
        return -1;
    }
    return (long)(uint32_t)ret;
}

static void say_mmap(const char *call, uint64_t addr, size_t length, int prot, int flags, int fd, uint64_t offset)
{
    expect_call(call);
    expect_add("\"addr\":\"0x%lx\",\"length\":%zu", (unsigned long)addr, length);
    expect_prot(prot);
    expect_map_flags((unsigned long)flags);
    expect_add(",\"fd\":%d,\"offset\":%lu", fd, (unsigned long)offset);
}

static char *mmap2(uint64_t addr, size_t length, int prot, int flags, int fd, uint64_t page, struct effect effect)
{
    long ret = int80(I386_MMAP2, addr, length, (uint64_t)prot, (uint64_t)flags, (uint64_t)fd, page);
    int error = errno;
    say_mmap("mmap2", addr, length, prot, flags, fd, page * PAGE);
    errno = error;
    return (char *)expect_result(ret, effect, true);
}

static long range(long number, const char *call, char *addr, size_t length, uint64_t last, struct effect effect)
{
    long ret = int80(number, (uint64_t)addr, length, last, 0, 0, 0);
    int error = errno;
    expect_call(call);
    expect_range("addr", addr, length);
    errno = error;
    return expect_result(ret, effect, false);
}

int main(void)
{
    REQUIRE(int80(I386_GETPID, 0, 0, 0, 0, 0, 0) == getpid());

    char *p = mmap2(0, PAGES(4), READ_WRITE, PRIVATE, -1, 0, MAPS(PAGES(4)));
    p[0] = 1;
    range(I386_MPROTECT, "mprotect", p + PAGES(1), PAGES(1), PROT_READ, NOTHING);
    range(I386_MUNMAP, "munmap", p + PAGES(2), PAGES(1), 0, UNMAPS(PAGES(1)));

    int fd = memfd_create("low", MFD_CLOEXEC);
    REQUIRE(fd >= 0 && ftruncate(fd, PAGES(8)) == 0);
    char *file = mmap2(0, PAGES(2), PROT_READ, MAP_SHARED, fd, 3, MAPS(PAGES(2)));
    REQUIRE(file[0] == 0);
    mmap2(0, PAGES(1), PROT_READ, MAP_PRIVATE, 1000, 0, FAILS(EBADF));

    /* The old mmap: its six arguments lie in memory, below 4 GiB. */
    uint32_t *arguments = (uint32_t *)p;
    const uint32_t values[6] = {0, (uint32_t)PAGES(3), PROT_READ, MAP_SHARED, (uint32_t)fd, (uint32_t)PAGES(2)};
    memcpy(arguments, values, sizeof(values));
    long old = int80(I386_OLD_MMAP, (uint64_t)arguments, 0, 0, 0, 0, 0);
    int error = errno;
    say_mmap("old_mmap", 0, PAGES(3), PROT_READ, MAP_SHARED, fd, PAGES(2));
    errno = error;
    expect_result(old, MAPS(PAGES(3)), true);

    /* Both doors see one address space. */
    x_munmap(file, PAGES(2), UNMAPS(PAGES(2)));
    range(I386_MUNMAP, "munmap", (char *)old, PAGES(3), 0, UNMAPS(PAGES(3)));
    range(I386_MUNMAP, "munmap", p + 1, PAGES(1), 0, FAILS(EINVAL));
    expect_print();
    return 0;
}
