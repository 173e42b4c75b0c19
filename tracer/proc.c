/* proc.c: readers of the small files of /proc/PID. */
#include "proc.h"

#include <ctype.h>
#include <dirent.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/kcmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

int proc_open(pid_t pid)
{
    char path[64];
    snprintf(path, sizeof(path), "/proc/%d", (int)pid);
    int fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    return fd < 0 ? -errno : fd;
}

/* Read a small file whole, NUL-terminated.  Its length, or -errno. */
static ssize_t read_small(int dir, const char *name, char *buffer, size_t capacity)
{
    int fd = openat(dir, name, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    ssize_t got;
    do
        got = read(fd, buffer, capacity - 1);
    while (got < 0 && errno == EINTR);
    ssize_t result = got < 0 ? -errno : got;
    close(fd);
    if (result >= 0)
        buffer[result] = '\0';
    return result;
}

/* The number of a stat line's field, counted as proc_pid_stat(5) counts them; the name in field 2 may hold spaces and
 * parentheses, so counting starts behind its last one. */
static bool stat_field(const char *text, unsigned field, uint64_t *ret)
{
    const char *p = strrchr(text, ')');
    for (unsigned at = 2; p && at < field; at++)
        p = strchr(p + 1, ' ');
    if (!p)
        return false;
    *ret = strtoull(p + 1, NULL, 10);
    return true;
}

int proc_counters(int dir, struct rec_sample *sample)
{
    char text[1024];
    ssize_t got = read_small(dir, "statm", text, sizeof(text));
    if (got < 0)
        return (int)got;
    char *end;
    sample->virtual_pages = strtoull(text, &end, 10);
    sample->resident_pages = strtoull(end, NULL, 10);
    got = read_small(dir, "stat", text, sizeof(text));
    if (got < 0)
        return (int)got;
    return stat_field(text, 10, &sample->minflt) && stat_field(text, 12, &sample->majflt) ? 0 : -EPROTO;
}

/* The number behind "Name:" of a status line, in the unit that the file prints. */
static bool status_number(const char *text, const char *name, uint64_t *ret)
{
    const char *p = strstr(text, name);
    if (!p)
        return false;
    *ret = strtoull(p + strlen(name), NULL, 10);
    return true;
}

int proc_status(int dir, struct rec_sample *sample)
{
    char text[8192];
    ssize_t got = read_small(dir, "status", text, sizeof(text));
    if (got < 0)
        return (int)got;
    if (status_number(text, "\nRssAnon:", &sample->anon_kib) && status_number(text, "\nRssFile:", &sample->file_kib) &&
        status_number(text, "\nRssShmem:", &sample->shmem_kib)) {
        status_number(text, "\nVmSwap:", &sample->swap_kib);
        sample->flags |= SAMPLE_SPLIT;
    }
    if (status_number(text, "\nVmHWM:", &sample->peak_resident_kib) &&
        status_number(text, "\nVmPeak:", &sample->peak_virtual_kib))
        sample->flags |= SAMPLE_PEAKS;
    return 0;
}

int proc_thread_faults(pid_t pid, pid_t tid, uint64_t *ret_minflt, uint64_t *ret_majflt)
{
    char path[64], text[1024];
    snprintf(path, sizeof(path), "/proc/%d/task/%d/stat", (int)pid, (int)tid);
    ssize_t got = read_small(AT_FDCWD, path, text, sizeof(text));
    if (got < 0)
        return (int)got;
    return stat_field(text, 10, ret_minflt) && stat_field(text, 12, ret_majflt) ? 0 : -EPROTO;
}

tracee_addr proc_start_brk(int dir)
{
    char text[1024];
    uint64_t value = 0;
    if (read_small(dir, "stat", text, sizeof(text)) > 0)
        stat_field(text, 47, &value);
    return value;
}

uint32_t proc_personality(int dir)
{
    char text[64];
    if (read_small(dir, "personality", text, sizeof(text)) <= 0)
        return 0;
    return (uint32_t)strtoul(text, NULL, 16);
}

void proc_comm(int dir, char ret_comm[17])
{
    char text[64];
    ssize_t got = read_small(dir, "comm", text, sizeof(text));
    size_t length = got > 0 ? (size_t)got : 0;
    if (length && text[length - 1] == '\n')
        length--;
    if (length > 16)
        length = 16;
    memcpy(ret_comm, text, length);
    ret_comm[length] = '\0';
}

ssize_t proc_exe(int dir, char *buffer, size_t capacity)
{
    ssize_t got = readlinkat(dir, "exe", buffer, capacity);
    return got < 0 ? -errno : got;
}

char proc_thread_state(pid_t tid)
{
    char path[64], text[1024];
    snprintf(path, sizeof(path), "/proc/%d/stat", (int)tid);
    if (read_small(AT_FDCWD, path, text, sizeof(text)) <= 0)
        return 0;
    const char *p = strrchr(text, ')');
    return p && p[1] == ' ' ? p[2] : 0;
}

int proc_run_delay(pid_t tid, uint64_t *ret)
{
    char path[64], text[128], *second;
    snprintf(path, sizeof(path), "/proc/%d/schedstat", (int)tid);
    ssize_t got = read_small(AT_FDCWD, path, text, sizeof(text));
    if (got < 0)
        return (int)got;
    strtoull(text, &second, 10); /* first comes what it has run */
    *ret = strtoull(second, NULL, 10);
    return 0;
}

bool proc_is_32bit(int dir)
{
    unsigned char ident[EI_NIDENT] = {0};
    int fd = openat(dir, "exe", O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    bool is_elf = read(fd, ident, sizeof(ident)) == sizeof(ident) && memcmp(ident, ELFMAG, SELFMAG) == 0;
    close(fd);
    return is_elf && ident[EI_CLASS] == ELFCLASS32;
}

int proc_family(pid_t tid, pid_t *ret_tgid, pid_t *ret_parent)
{
    char path[64], text[8192];
    snprintf(path, sizeof(path), "/proc/%d/status", (int)tid);
    ssize_t got = read_small(AT_FDCWD, path, text, sizeof(text));
    if (got < 0)
        return (int)got;
    uint64_t tgid = 0, parent = 0;
    if (!status_number(text, "\nTgid:", &tgid) || !status_number(text, "\nPPid:", &parent))
        return -EPROTO;
    *ret_tgid = (pid_t)tgid;
    *ret_parent = (pid_t)parent;
    return 0;
}

pid_t proc_own_pid(pid_t tid)
{
    char path[64], text[8192];
    snprintf(path, sizeof(path), "/proc/%d/status", (int)tid);
    if (read_small(AT_FDCWD, path, text, sizeof(text)) < 0)
        return 0;
    /* One number for each namespace, the innermost last. */
    char *at = strstr(text, "\nNStgid:"), *end = at ? strchr(at + 1, '\n') : NULL;
    if (!end)
        return 0;
    *end = '\0';
    char *last = strrchr(at, '\t');
    return last ? (pid_t)strtol(last + 1, NULL, 10) : 0;
}

/* Whether a link of /proc leads both to the same thing, as far as that can be told. */
static bool same_link(pid_t tid, const char *name)
{
    char path[64];
    struct stat theirs, ours;
    snprintf(path, sizeof(path), "/proc/%d/%s", (int)tid, name);
    if (stat(path, &theirs) < 0)
        return true;
    snprintf(path, sizeof(path), "/proc/self/%s", name);
    return stat(path, &ours) == 0 && theirs.st_dev == ours.st_dev && theirs.st_ino == ours.st_ino;
}

int proc_foreign_root(pid_t tid)
{
    char path[64];
    if (same_link(tid, "root") && same_link(tid, "ns/mnt"))
        return -1;
    snprintf(path, sizeof(path), "/proc/%d/root", (int)tid);
    return open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
}

ssize_t proc_cmdline(int dir, char *buffer, size_t capacity)
{
    return read_small(dir, "cmdline", buffer, capacity);
}

int proc_each_thread(pid_t pid, int (*body)(void *context, pid_t tid), void *context)
{
    char path[64];
    snprintf(path, sizeof(path), "/proc/%d/task", (int)pid);
    DIR *dir = opendir(path);
    if (!dir)
        return errno == ENOENT ? -ESRCH : -errno;
    int error = 0;
    for (struct dirent *entry; !error && (entry = readdir(dir));)
        if (isdigit((unsigned char)entry->d_name[0]))
            error = body(context, (pid_t)strtol(entry->d_name, NULL, 10));
    closedir(dir);
    return error;
}

/* A line of /proc/PID/status by its name, as it is behind the name. */
static bool status_line(pid_t tid, const char *name, char *text, size_t capacity, const char **ret)
{
    char path[64];
    snprintf(path, sizeof(path), "/proc/%d/status", (int)tid);
    if (read_small(AT_FDCWD, path, text, capacity) < 0)
        return false;
    const char *at = strstr(text, name);
    *ret = at ? at + strlen(name) : NULL;
    return at != NULL;
}

pid_t proc_tracer(pid_t tid)
{
    char text[8192];
    const char *at;
    return status_line(tid, "\nTracerPid:", text, sizeof(text), &at) ? (pid_t)strtol(at, NULL, 10) : 0;
}

bool proc_ignores_signal(pid_t tid, int signal)
{
    char text[8192];
    const char *at;
    const uint64_t bit = (uint64_t)1 << (signal - 1);
    if (!status_line(tid, "\nSigIgn:", text, sizeof(text), &at))
        return false;
    if (strtoull(at, NULL, 16) & bit)
        return true;
    at = strstr(text, "\nSigCgt:");
    const bool handled = !at || (strtoull(at + 8, NULL, 16) & bit);
    return !handled && (signal == SIGCHLD || signal == SIGWINCH || signal == SIGURG || signal == SIGCONT);
}

bool proc_locks_memory(int dir)
{
    char text[8192];
    uint64_t kib = 0;
    return read_small(dir, "status", text, sizeof(text)) > 0 && status_number(text, "\nVmLck:", &kib) && kib;
}

bool proc_share_memory(pid_t one, pid_t other)
{
    return syscall(SYS_kcmp, one, other, KCMP_VM, 0, 0) == 0;
}

int proc_may_attach(pid_t pid)
{
    char path[64];
    snprintf(path, sizeof(path), "/proc/%d/mem", (int)pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT || errno == ESRCH ? -ESRCH : -EPERM;
    close(fd);
    return proc_tracer(pid) ? -EPERM : 0;
}

int64_t proc_blocked_in(pid_t tid)
{
    char path[64], text[256], *end;
    snprintf(path, sizeof(path), "/proc/%d/syscall", (int)tid);
    if (read_small(AT_FDCWD, path, text, sizeof(text)) <= 0)
        return -1;
    const long number = strtol(text, &end, 10);
    return end == text ? -1 : number; /* "running" is no number */
}

bool proc_stops_soon(pid_t tid)
{
    const char state = proc_thread_state(tid);
    return state == 'R' || state == 't';
}

bool proc_has_children(pid_t tid)
{
    char path[64], text[16];
    snprintf(path, sizeof(path), "/proc/%d/task/%d/children", (int)tid, (int)tid);
    return read_small(AT_FDCWD, path, text, sizeof(text)) > 0;
}
