/*
 * workshop.h: a folder of its own for a test that makes its inputs with compilers and other tools.
 */
#ifndef BRKWATER_TESTS_WORKSHOP_H
#define BRKWATER_TESTS_WORKSHOP_H

#include <limits.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static char workshop[PATH_MAX] = "/tmp/brkwater-unit-XXXXXX";

/* A path in the workshop, or a longer text; the last eight stay valid. */
__attribute__((format(printf, 1, 2), unused)) static const char *in_workshop(const char *format, ...)
{
    static char paths[8][2 * PATH_MAX];
    static unsigned next;
    char *path = paths[next++ % 8];
    int used = snprintf(path, sizeof(paths[0]), "%s/", workshop);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(path + used, sizeof(paths[0]) - (size_t)used, format, arguments);
    va_end(arguments);
    return path;
}

/* Run a shell command in the workshop; what it prints goes to `log` there.  True when it succeeds. */
__attribute__((format(printf, 1, 2), unused)) static bool run(const char *format, ...)
{
    char command[4 * PATH_MAX];
    int used = snprintf(command, sizeof(command), "cd %s && exec >>log 2>&1 && set -e; ", workshop);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(command + used, sizeof(command) - (size_t)used, format, arguments);
    va_end(arguments);
    return system(command) == 0;
}

__attribute__((unused)) static int open_workshop(void **state)
{
    (void)state;
    return mkdtemp(workshop) ? 0 : -1;
}

__attribute__((unused)) static int close_workshop(void **state)
{
    (void)state;
    return getenv("KEEP") || run("rm -rf %s", workshop) ? 0 : -1;
}

#endif
