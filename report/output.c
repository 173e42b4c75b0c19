/* output.c: standard output, or a file that is whole or not there. */
#include "output.h"

#include "options.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int failed(const char *path, int error)
{
    return complain(EXIT_TROUBLE, "cannot write %s: %s", path, strerror(error));
}

/* 0 or -errno. */
static int write_all(int fd, const char *data, size_t size)
{
    while (size) {
        ssize_t written = write(fd, data, size);
        if (written < 0 && errno != EINTR)
            return -errno;
        if (written > 0) {
            data += written;
            size -= (size_t)written;
        }
    }
    return 0;
}

static int write_standard(const struct buffer *out)
{
    int error = fflush(stdout) ? -errno : write_all(STDOUT_FILENO, out->data, out->size);
    return !error || error == -EPIPE ? 0 : failed("to standard output", -error);
}

/* The mode that open(2) would have given, or that of the file whose place is taken. */
static mode_t wanted_mode(const struct stat *old)
{
    if (old)
        return old->st_mode & 0777;
    mode_t mask = umask(0);
    umask(mask);
    return 0666 & ~mask;
}

/* Beside `path`, then in its place.  0 or -errno. */
static int write_beside(const struct buffer *out, const char *path, mode_t mode)
{
    char made[PATH_MAX];
    if (snprintf(made, sizeof(made), "%s.XXXXXX", path) >= (int)sizeof(made))
        return -ENAMETOOLONG;
    int fd = mkostemp(made, O_CLOEXEC);
    if (fd < 0)
        return -errno;
    int error = write_all(fd, out->data, out->size);
    if (!error && fchmod(fd, mode))
        error = -errno;
    if (close(fd) && !error)
        error = -errno;
    if (!error && rename(made, path))
        error = -errno;
    if (error)
        unlink(made);
    return error;
}

/* Into what is no regular file.  0 or -errno. */
static int write_into(const struct buffer *out, const char *path)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0)
        return -errno;
    int error = write_all(fd, out->data, out->size);
    if (close(fd) && !error)
        error = -errno;
    return error;
}

int output_write(const struct buffer *out, const char *path)
{
    struct stat old;
    if (out->failed)
        return complain(EXIT_TROUBLE, "out of memory");
    if (!path || strcmp(path, "-") == 0)
        return write_standard(out);
    const bool exists = stat(path, &old) == 0;
    int error;
    if (exists && S_ISDIR(old.st_mode)) {
        error = -EISDIR;
    } else if (exists && !S_ISREG(old.st_mode)) {
        error = write_into(out, path);
    } else {
        /* A symbolic link stays, and what it points at is replaced. */
        char *real = exists ? realpath(path, NULL) : NULL;
        error = write_beside(out, real ? real : path, wanted_mode(exists ? &old : NULL));
        free(real);
    }
    return error ? failed(path, -error) : 0;
}

/* ---- not onto what is read ---- */

/* Of two that are not there yet: the same name in the same folder. */
static bool will_be_same(const char *one, const char *other)
{
    char folders[2][PATH_MAX];
    const char *const paths[2] = {one, other}, *names[2];
    struct stat st[2];
    for (int i = 0; i < 2; i++) {
        const char *slash = strrchr(paths[i], '/');
        names[i] = slash ? slash + 1 : paths[i];
        /* With the slash, so that that of "/x" is "/". */
        const int length = slash ? (int)(slash + 1 - paths[i]) : 2;
        if (length >= PATH_MAX)
            return false;
        snprintf(folders[i], sizeof(folders[i]), "%.*s", length, slash ? paths[i] : "./");
        if (stat(folders[i], &st[i]) < 0)
            return false;
    }
    return strcmp(names[0], names[1]) == 0 && st[0].st_dev == st[1].st_dev && st[0].st_ino == st[1].st_ino;
}

static bool is_same(const char *one, const char *other)
{
    struct stat a, b;
    const bool has_one = stat(one, &a) == 0, has_other = stat(other, &b) == 0;
    if (has_one && has_other)
        return S_ISREG(a.st_mode) && a.st_dev == b.st_dev && a.st_ino == b.st_ino;
    return !has_one && !has_other && will_be_same(one, other);
}

int output_check(const char *option, const char *path, const char *trace)
{
    if (!path || strcmp(path, "-") == 0 || !is_same(path, trace))
        return 0;
    return complain(EXIT_USAGE, "%s: %s is the recording itself, which would be lost; name another FILE", option, path);
}
