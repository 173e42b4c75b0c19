/* target.c: a running process, looked at from outside.  Source: proc(5), namespaces(7). */
#include "tracer.h"

#include "libc_path.h"
#include "proc.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static uint32_t count_threads(pid_t pid)
{
    char path[64];
    uint32_t count = 0;
    snprintf(path, sizeof(path), "/proc/%d/task", (int)pid);
    DIR *list = opendir(path);
    if (!list)
        return 0;
    for (struct dirent *entry; (entry = readdir(list));)
        count += entry->d_name[0] != '.';
    closedir(list);
    return count;
}

/* Whether a process is in another namespace of a kind than this one; false when that cannot be told. */
static bool is_elsewhere(pid_t pid, const char *kind, bool *ret_elsewhere)
{
    char path[64];
    struct stat theirs, ours;
    snprintf(path, sizeof(path), "/proc/%d/ns/%s", (int)pid, kind);
    if (stat(path, &theirs) < 0)
        return false;
    snprintf(path, sizeof(path), "/proc/self/ns/%s", kind);
    if (stat(path, &ours) < 0)
        return false;
    *ret_elsewhere = theirs.st_dev != ours.st_dev || theirs.st_ino != ours.st_ino;
    return true;
}

int target_probe(pid_t pid, struct target *ret)
{
    struct target t = {.root = -1};
    int error = refusal_find(pid, 0, &t.refusal);
    if (error)
        return error;
    t.threads = count_threads(pid);
    t.proc_maps = libc_path(pid, t.libc, sizeof(t.libc), &t.mappings);
    t.namespaces_known = is_elsewhere(pid, "mnt", &t.own_mounts) && is_elsewhere(pid, "pid", &t.own_pids) &&
                         is_elsewhere(pid, "user", &t.own_users);
    int root = proc_foreign_root(pid);
    t.root = root < 0 ? -1 : root;
    *ret = t;
    return 0;
}

void target_close(struct target *target)
{
    if (target->root >= 0)
        close(target->root);
    target->root = -1;
}
