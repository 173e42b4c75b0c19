/*
 * expect.h: how a traced program says what its trace must show.
 *
 * A program makes its calls through the x_... functions below.  Each makes the system call itself, without
 * libc between, checks the outcome that the program expected, and appends one JSON object to a static buffer:
 *
 *     {"tid":71,"call":"munmap","args":{"addr":"0x7f0000000000","length":8192},"ret":0,"errno":null,"mapped":0,"unmapped":8192}
 *
 * which is a subset of one line of `brkwater events --json`.  expect_print() writes the buffer out.  The test
 * looks for the objects of a thread as an ordered subsequence of its events, so calls of ld.so and libc do
 * not matter.  An effect that only has a difference that counts (a move) is given as "net" in place of mapped
 * and unmapped.
 *
 * Nothing here allocates, and nothing here is for several threads at once.
 */
#ifndef EXPECT_H
#define EXPECT_H

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { PAGE = 4096 };

#define PAGES(n)   ((size_t)(n)*PAGE)
#define READ_WRITE (PROT_READ | PROT_WRITE)
#define PRIVATE    (MAP_PRIVATE | MAP_ANONYMOUS)
#define SHARED     (MAP_SHARED | MAP_ANONYMOUS)

/* What a call should do: bytes that come and go, or the errno of its failure.  `any_error` accepts success
 * with these bytes as well as any failure (the kernel's version or configuration decides).  `net` compares
 * mapped - unmapped only. */
struct effect {
    uint64_t mapped, unmapped;
    int error;
    bool any_error;
    bool net;
};

#define MAPS(bytes)                 ((struct effect){.mapped = (bytes)})
#define UNMAPS(bytes)               ((struct effect){.unmapped = (bytes)})
#define SWAPS(new_bytes, old_bytes) ((struct effect){.mapped = (new_bytes), .unmapped = (old_bytes)})
#define MOVES(new_bytes, old_bytes) ((struct effect){.mapped = (new_bytes), .unmapped = (old_bytes), .net = true})
#define NOTHING                     ((struct effect){0})
#define FAILS(number)               ((struct effect){.error = (number)})
#define PERHAPS(what)               (perhaps(what))

static inline struct effect perhaps(struct effect effect)
{
    effect.any_error = true;
    return effect;
}

static char expect_text[1 << 17];
static size_t expect_used;
static size_t expect_start; /* of the last object */

/* Prints by write(2) alone, and ends the program. */
static inline void die(const char *what)
{
    char line[256];
    int length = snprintf(line, sizeof(line), "expectation not met: %s (errno %d)\n", what, errno);
    if (write(STDERR_FILENO, line, (size_t)length) < 0)
        _exit(98);
    _exit(99);
}

static inline void require(bool ok, const char *what)
{
    if (!ok)
        die(what);
}

#define REQUIRE(condition) require((condition), __FILE__ ": " #condition)

__attribute__((format(printf, 1, 2))) static inline void expect_add(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    size_t room = sizeof(expect_text) - expect_used;
    int length = vsnprintf(expect_text + expect_used, room, format, arguments);
    va_end(arguments);
    require(length >= 0 && (size_t)length < room, "expect_text is too small");
    expect_used += (size_t)length;
}

static inline void write_all(int fd, const char *text, size_t size)
{
    while (size > 0) {
        ssize_t done = write(fd, text, size);
        if (done < 0 && errno == EINTR)
            continue;
        require(done > 0, "write");
        text += done;
        size -= (size_t)done;
    }
}

static inline void expect_print(void)
{
    write_all(STDOUT_FILENO, expect_text, expect_used);
    expect_used = 0;
}

/* Start an object; arguments follow by expect_add(), the first without, the others with a comma before them.
 */
static inline void expect_call(const char *call)
{
    expect_start = expect_used;
    expect_add("{\"tid\":%ld,\"call\":\"%s\",\"args\":{", syscall(SYS_gettid), call);
}

/* End an object whose call gave `ret` (-1 and errno when it failed), and check it. */
static inline long expect_result(long ret, struct effect effect, bool is_address)
{
    int error = ret == -1 ? errno : 0;
    if (!effect.any_error && error != effect.error) {
        fprintf(stderr, "%s\nwanted errno %d\n", expect_text + expect_start, effect.error);
        errno = error;
        die("the call above ended otherwise");
    }
    expect_add("},");
    if (error)
        expect_add("\"errno\":\"%s\"", strerrorname_np(error));
    else if (is_address)
        expect_add("\"errno\":null,\"ret\":\"0x%lx\"", (unsigned long)ret);
    else
        expect_add("\"errno\":null,\"ret\":%ld", ret);
    if (error)
        effect.mapped = effect.unmapped = 0;
    if (effect.net)
        expect_add(",\"net\":%lld}\n", (long long)(effect.mapped - effect.unmapped));
    else
        expect_add(",\"mapped\":%llu,\"unmapped\":%llu}\n", (unsigned long long)effect.mapped,
                   (unsigned long long)effect.unmapped);
    errno = error;
    return ret;
}

/* ---- names ---- */

struct bit_name {
    unsigned long bit;
    const char *name;
};

#define BIT(name)                                                                                                      \
    {                                                                                                                  \
        name, #name                                                                                                    \
    }

/* Append `"key":["FIRST","A","B","0x..."]`; `first` is a name that is no bit, or NULL. */
static inline void expect_bits(const char *key, const char *first, unsigned long value, const struct bit_name *names,
                               size_t count)
{
    expect_add(",\"%s\":[", key);
    const char *comma = "";
    if (first) {
        expect_add("\"%s\"", first);
        comma = ",";
    }
    for (size_t i = 0; i < count; i++) {
        if (!(value & names[i].bit))
            continue;
        expect_add("%s\"%s\"", comma, names[i].name);
        value &= ~names[i].bit;
        comma = ",";
    }
    if (value)
        expect_add("%s\"0x%lx\"", comma, value);
    expect_add("]");
}

static inline void expect_map_flags(unsigned long flags)
{
    /* The type is a number in the lowest bits, the rest are bits. */
    static const char *const types[] = {NULL, "MAP_SHARED", "MAP_PRIVATE", "MAP_SHARED_VALIDATE"};
    static const struct bit_name names[] = {
        BIT(MAP_FIXED),  BIT(MAP_ANONYMOUS), BIT(MAP_GROWSDOWN), BIT(MAP_DENYWRITE),
        BIT(MAP_LOCKED), BIT(MAP_POPULATE),  BIT(MAP_NORESERVE), BIT(MAP_NONBLOCK),
        BIT(MAP_STACK),  BIT(MAP_HUGETLB),   BIT(MAP_SYNC),      BIT(MAP_FIXED_NOREPLACE),
#ifdef __x86_64__
        BIT(MAP_32BIT),
#endif
    };
    expect_bits("flags", types[flags & 3], flags & ~3UL, names, sizeof(names) / sizeof(names[0]));
}

static inline void expect_prot(int prot)
{
    if (prot & ~(PROT_READ | PROT_WRITE | PROT_EXEC))
        return; /* bits without a letter: the contract does not say how they look */
    expect_add(",\"prot\":\"%c%c%c\"", prot & PROT_READ ? 'r' : '-', prot & PROT_WRITE ? 'w' : '-',
               prot & PROT_EXEC ? 'x' : '-');
}

static inline void expect_range(const char *address_key, const void *addr, size_t length)
{
    expect_add("\"%s\":\"0x%lx\",\"length\":%zu", address_key, (unsigned long)addr, length);
}

/* ---- calls ---- */

#ifdef __i386__
#define MMAP_NAME "mmap2"
#else
#define MMAP_NAME "mmap"
#endif

/* The bare call: offset in bytes, whatever the ABI. */
static inline long raw_mmap(void *addr, size_t length, int prot, int flags, int fd, size_t offset)
{
#ifdef __i386__
    return syscall(SYS_mmap2, addr, length, prot, flags, fd, offset / PAGE);
#else
    return syscall(SYS_mmap, addr, length, prot, flags, fd, offset);
#endif
}

static inline char *x_mmap_at(void *addr, size_t length, int prot, int flags, int fd, size_t offset,
                              struct effect effect)
{
    long ret = raw_mmap(addr, length, prot, flags, fd, offset);
    int error = errno;
    expect_call(MMAP_NAME);
    expect_add("\"addr\":\"0x%lx\",\"length\":%llu", (unsigned long)addr, (unsigned long long)length);
    expect_prot(prot);
    expect_map_flags((unsigned long)(unsigned)flags);
    expect_add(",\"fd\":%d,\"offset\":%llu", fd, (unsigned long long)offset);
    errno = error;
    return (char *)expect_result(ret, effect, true);
}

/* Anonymous memory where the kernel likes. */
static inline char *x_mmap(size_t length, int prot, int flags, struct effect effect)
{
    return x_mmap_at(NULL, length, prot, flags, -1, 0, effect);
}

static inline long x_munmap(void *addr, size_t length, struct effect effect)
{
    long ret = syscall(SYS_munmap, addr, length);
    int error = errno;
    expect_call("munmap");
    expect_range("addr", addr, length);
    errno = error;
    return expect_result(ret, effect, false);
}

static inline long x_mprotect(void *addr, size_t length, int prot, struct effect effect)
{
    long ret = syscall(SYS_mprotect, addr, length, prot);
    int error = errno;
    expect_call("mprotect");
    expect_range("addr", addr, length);
    expect_prot(prot);
    errno = error;
    return expect_result(ret, effect, false);
}

static inline char *x_mremap(void *old, size_t old_length, size_t length, int flags, void *addr, struct effect effect)
{
    static const struct bit_name names[] = {BIT(MREMAP_MAYMOVE), BIT(MREMAP_FIXED), {4, "MREMAP_DONTUNMAP"}};
    long ret = syscall(SYS_mremap, old, old_length, length, flags, addr);
    int error = errno;
    expect_call("mremap");
    expect_add("\"old_addr\":\"0x%lx\",\"old_length\":%zu,\"length\":%zu", (unsigned long)old, old_length, length);
    expect_bits("flags", NULL, (unsigned long)flags, names, 3);
    errno = error;
    return (char *)expect_result(ret, effect, true);
}

/* The break is asked for as an address; the kernel answers with the break, whether it moved or not: brk(2).
 */
static inline char *x_brk(char *wanted, struct effect effect)
{
    char *ret = (char *)syscall(SYS_brk, wanted);
    expect_call("brk");
    expect_add("\"addr\":\"0x%lx\"},\"ret\":\"0x%lx\",\"mapped\":%llu,\"unmapped\":%llu}\n", (unsigned long)wanted,
               (unsigned long)ret, (unsigned long long)effect.mapped, (unsigned long long)effect.unmapped);
    return ret;
}

static inline long x_madvise(void *addr, size_t length, int advice, const char *name, struct effect effect)
{
    long ret = syscall(SYS_madvise, addr, length, advice);
    int error = errno;
    expect_call("madvise");
    expect_range("addr", addr, length);
    if (name)
        expect_add(",\"advice\":\"%s\"", name);
    errno = error;
    return expect_result(ret, effect, false);
}

/* A call of the name `call`, number `number`, that takes a range and a last number which is not compared. */
static inline long x_range(const char *call, long number, void *addr, size_t length, long last, struct effect effect)
{
    long ret = syscall(number, addr, length, last);
    int error = errno;
    expect_call(call);
    expect_range("addr", addr, length);
    errno = error;
    return expect_result(ret, effect, false);
}

#endif
