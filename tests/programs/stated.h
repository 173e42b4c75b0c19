/*
 * stated.h: how a program states its own stack in words.  Each function on the way notes its name and the line of the
 * call that it makes; whom it calls notes where it returns to.  STATE() prints all of it as an expectation of the test
 * harness, and makes the call that is expected: one that the kernel refuses, at an address that tells it from all
 * others.  Frames are printed innermost first.
 */
#ifndef STATED_H
#define STATED_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define NOINLINE __attribute__((noinline, noclone))
#define INLINED  static inline __attribute__((always_inline))

enum { STATED_MAX = 300, STATED_ADVICE = 0x5742 };

struct stated {
    const char *function; /* "*": whatever it is called */
    int line;             /* 0: not claimed */
    uintptr_t pc;         /* 0: not claimed */
    bool inlined;         /* into the one outside of it, whose pc is the same */
    bool guessed;
};

static __thread struct stated stated[STATED_MAX]; /* outermost first */
static __thread unsigned n_stated, stated_base;   /* those before base are of another stack */
static unsigned stated_calls;                     /* in all threads */

__attribute__((unused)) static struct stated *stated_push(const char *function, int line)
{
    if (n_stated == STATED_MAX)
        _exit(99);
    stated[n_stated] = (struct stated){function, line, 0, false, false};
    return &stated[n_stated++];
}

/* First thing in a function that is not inlined: where it returns to, which is in the last one noted. */
#define HERE()                                                                                                         \
    do {                                                                                                               \
        if (n_stated)                                                                                                  \
            stated[n_stated - 1].pc = (uintptr_t)__builtin_return_address(0);                                          \
    } while (0)

/* Make a call as a function of that name; the call must not become a jump: something is left to do after it. */
#define CALL_AS(name, ...)                                                                                             \
    do {                                                                                                               \
        stated_push(name, __LINE__);                                                                                   \
        __VA_ARGS__;                                                                                                   \
        __asm__ volatile("" ::: "memory");                                                                             \
        n_stated--;                                                                                                    \
    } while (0)
#define CALL(...) CALL_AS(__func__, __VA_ARGS__)

/* The same in a function that is inlined. */
#define CALL_INLINED(...)                                                                                              \
    do {                                                                                                               \
        stated_push(__func__, __LINE__)->inlined = true;                                                               \
        __VA_ARGS__;                                                                                                   \
        __asm__ volatile("" ::: "memory");                                                                             \
        n_stated--;                                                                                                    \
    } while (0)

__attribute__((unused)) static void stated_print_stack(char *text, size_t size, size_t at)
{
    uintptr_t pc = 0;
    for (unsigned i = n_stated; i-- > stated_base && at < size;) {
        const struct stated *s = &stated[i];
        pc = i + 1 < n_stated && stated[i + 1].inlined ? pc : s->pc;
        at += (size_t)snprintf(text + at, size - at,
                               "%s{\"function\":\"%s\",\"line\":%d,\"pc\":\"%#llx\",\"inlined\":%s,\"guessed\":%s}",
                               i + 1 < n_stated ? "," : "", s->function, s->line, (unsigned long long)pc,
                               s->inlined ? "true" : "false", s->guessed ? "true" : "false");
    }
    if (at < size)
        at += (size_t)snprintf(text + at, size - at, "]}\n");
    if (at >= size || write(STDOUT_FILENO, text, at) != (ssize_t)at) /* one write: lines don't mix */
        _exit(98);
}

/* Print the expectation for a call of this name with these arguments, as JSON has them. */
__attribute__((unused)) static void stated_print(const char *call, const char *arguments, const char *quality)
{
    char text[40000];
    int at = snprintf(text, sizeof(text), "{\"tid\":%ld,\"call\":\"%s\",\"args\":{%s},\"quality\":\"%s\",\"stack\":[",
                      syscall(SYS_gettid), call, arguments, quality);
    stated_print_stack(text, sizeof(text), (size_t)at);
}

/* The call that is expected; its address is returned. */
__attribute__((unused)) static void *stated_next(const char *quality)
{
    char arguments[80];
    const uintptr_t at = 0x10000u + 0x1000u * __atomic_fetch_add(&stated_calls, 1, __ATOMIC_RELAXED);
    snprintf(arguments, sizeof(arguments), "\"addr\":\"%#lx\",\"length\":4096", (unsigned long)at);
    stated_print("madvise", arguments, quality);
    return (void *)at;
}

#define STATE_AS(name, quality) CALL_AS(name, madvise(stated_next(quality), 4096, STATED_ADVICE))
#define STATE(quality)          STATE_AS(__func__, quality)

#endif
