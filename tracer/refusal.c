/* refusal.c: which rule keeps a process from being attached to.  Source: see enum refusal_rule in tracer.h. */
#include "refusal.h"

#include "proc.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/capability.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

enum {
    KERNEL_THREAD = 0x00200000, /* PF_KTHREAD in field 9 of proc_pid_stat(5) */
    MAX_ANCESTORS = 4096,       /* of a process: what a loop of reused pids may cost */
    MAX_STATUS = 32768,         /* of a status file: the line of groups has no bound worth mentioning */
};

/* ---- deciding ---- */

static bool has_capability(const struct credentials *who, unsigned capability)
{
    return who->effective >> capability & 1;
}

/* The caller's real ids against all of the target's. */
static bool same_ids(const struct credentials *caller, const struct credentials *target)
{
    for (int i = 0; i < 3; i++)
        if (target->uids[i] != caller->uids[0] || target->gids[i] != caller->gids[0])
            return false;
    return true;
}

/* Those checks that CAP_SYS_PTRACE over the target's user namespace passes, in the order of the kernel. */
static enum refusal_rule rule_for_ordinary(const struct refusal_facts *f)
{
    if (!same_ids(&f->caller, &f->target))
        return REFUSAL_OTHER_USER;
    if (f->dumpable == ANSWER_NO)
        return REFUSAL_NOT_DUMPABLE;
    if (f->same_user_namespace == ANSWER_NO)
        return REFUSAL_USER_NAMESPACE;
    if (f->target.permitted & ~f->caller.permitted)
        return REFUSAL_CAPABILITIES;
    /* Who is no descendant may still have allowed it, by PR_SET_PTRACER; then the kernel has not refused. */
    if (f->yama >= 2 || (f->yama == 1 && f->is_descendant != ANSWER_YES))
        return REFUSAL_YAMA;
    return REFUSAL_NONE;
}

static enum refusal_rule rule_for_privileged(const struct refusal_facts *f)
{
    /* Capabilities count in one's own user namespace and in those below it.  Which of them is above is not told from
     * here, but the kernel's word is known. */
    if (f->same_user_namespace == ANSWER_NO && f->error == EPERM)
        return REFUSAL_USER_NAMESPACE;
    return f->yama >= 3 ? REFUSAL_YAMA : REFUSAL_NONE;
}

/* What no privilege helps against. */
static enum refusal_rule rule_for_all(const struct refusal_facts *f)
{
    if (!f->exists || f->error == ESRCH)
        return REFUSAL_NO_PROCESS;
    if (!f->known)
        return REFUSAL_NONE;
    if (f->leader == f->self)
        return REFUSAL_SELF;
    if (f->is_kernel_thread)
        return REFUSAL_KERNEL_THREAD;
    if (f->has_ended)
        return REFUSAL_ZOMBIE;
    if (f->leader != f->pid)
        return REFUSAL_THREAD;
    return f->tracer ? REFUSAL_TRACED : REFUSAL_NONE;
}

static enum refusal_rule find_rule(const struct refusal_facts *f)
{
    enum refusal_rule rule = rule_for_all(f);
    if (rule || f->error == 0)
        return rule;
    if (f->error != REFUSAL_NOT_ASKED && f->error != EPERM && f->error != EACCES)
        return REFUSAL_OTHER;
    if (!f->known && f->error == EPERM)
        return REFUSAL_OTHER_USER; /* hidepid hides those of other users */
    if (f->known)
        rule = has_capability(&f->caller, CAP_SYS_PTRACE) ? rule_for_privileged(f) : rule_for_ordinary(f);
    if (rule || f->error == REFUSAL_NOT_ASKED)
        return rule;
    return f->is_filtered ? REFUSAL_SECCOMP : REFUSAL_SECURITY_MODULE;
}

/* The first user of the target's that the caller is not; the effective one tells most. */
static uint32_t telling_uid(const struct refusal_facts *f)
{
    static const int order[] = {1, 0, 2};
    if (!f->known)
        return REFUSAL_UNKNOWN_ID;
    for (int i = 0; i < 3; i++)
        if (f->target.uids[order[i]] != f->caller.uids[0])
            return f->target.uids[order[i]];
    return f->target.uids[1];
}

static void name_other(struct refusal *r, pid_t pid, const char *comm)
{
    r->other = pid;
    snprintf(r->other_comm, sizeof(r->other_comm), "%s", comm);
}

void refusal_decide(const struct refusal_facts *f, struct refusal *ret)
{
    struct refusal r = {.rule = find_rule(f),
                        .pid = f->pid,
                        .uid = telling_uid(f),
                        .gid = f->known ? f->target.gids[1] : REFUSAL_UNKNOWN_ID,
                        .caller_uid = f->caller.uids[0],
                        .yama = f->yama,
                        .privileged = has_capability(&f->caller, CAP_SYS_PTRACE),
                        .error = f->error == REFUSAL_NOT_ASKED ? 0 : f->error};
    snprintf(r.comm, sizeof(r.comm), "%s", f->comm);
    if (r.rule == REFUSAL_TRACED)
        name_other(&r, f->tracer, f->tracer_comm);
    else if (r.rule == REFUSAL_ZOMBIE)
        name_other(&r, f->parent, f->parent_comm);
    else if (r.rule == REFUSAL_THREAD)
        name_other(&r, f->leader, f->leader_comm);
    *ret = r;
}

/* ---- reading ---- */

/* A small file below /proc/PID, NUL-terminated; false when it cannot be read. */
static bool read_file(int dir, const char *name, char *buffer, size_t capacity)
{
    int fd = openat(dir, name, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    size_t used = 0;
    ssize_t got;
    do {
        got = read(fd, buffer + used, capacity - 1 - used);
        used += got > 0 ? (size_t)got : 0;
    } while ((got > 0 && used < capacity - 1) || (got < 0 && errno == EINTR));
    close(fd);
    buffer[used] = '\0';
    return got >= 0 && used;
}

/* Up to `count` numbers behind a name of a status line.  The first line holds the process's own name, escaped, so that
 * no line can be faked by it. */
static bool numbers(const char *status, const char *name, int base, uint64_t *ret, int count)
{
    const char *at = strstr(status, name);
    char *end;
    if (!at)
        return false;
    at += strlen(name);
    for (int i = 0; i < count; i++) {
        ret[i] = strtoull(at, &end, base);
        if (end == at)
            return false;
        at = end;
    }
    return true;
}

static pid_t status_pid(const char *status, const char *name)
{
    uint64_t value = 0;
    numbers(status, name, 10, &value, 1);
    return value <= INT_MAX ? (pid_t)value : 0;
}

static bool read_credentials(const char *status, struct credentials *ret)
{
    uint64_t uids[3], gids[3];
    if (!numbers(status, "\nUid:", 10, uids, 3) || !numbers(status, "\nGid:", 10, gids, 3) ||
        !numbers(status, "\nCapPrm:", 16, &ret->permitted, 1) || !numbers(status, "\nCapEff:", 16, &ret->effective, 1))
        return false;
    for (int i = 0; i < 3; i++) {
        ret->uids[i] = (uint32_t)uids[i];
        ret->gids[i] = (uint32_t)gids[i];
    }
    return true;
}

static void comm_of(pid_t pid, char ret_comm[17])
{
    int dir = proc_open(pid);
    ret_comm[0] = '\0';
    if (dir < 0)
        return;
    proc_comm(dir, ret_comm);
    close(dir);
}

static bool is_kernel_thread(int dir)
{
    char text[1024];
    if (!read_file(dir, "stat", text, sizeof(text)))
        return false;
    /* Fields are counted from behind the name: state, ppid, pgrp, session, tty, tpgid, flags. */
    unsigned flags = 0;
    const char *name_end = strrchr(text, ')');
    return name_end && sscanf(name_end, ") %*c %*d %*d %*d %*d %*d %u", &flags) == 1 && flags & KERNEL_THREAD;
}

/*
 * Files of a process that is not dumpable belong to root, or to nobody where its user namespace has no root; all others
 * to its effective user.  The directory /proc/PID itself always belongs to that.  Of a process of root itself nothing
 * can be told.
 */
static enum answer is_dumpable(int dir, const struct credentials *target)
{
    struct stat st;
    if (fstatat(dir, "status", &st, 0) < 0)
        return ANSWER_UNKNOWN;
    if (st.st_uid != target->uids[1] || st.st_gid != target->gids[1])
        return ANSWER_NO;
    return st.st_uid == 0 ? ANSWER_UNKNOWN : ANSWER_YES;
}

/* The links in ns/ can be read only by who may look into the process; uid_map can be read by all, and is the same for
 * those in one namespace.  Source: user_namespaces(7). */
static enum answer same_user_namespace(int dir)
{
    char theirs[8192], ours[8192];
    struct stat a, b;
    int self = proc_open(getpid());
    enum answer answer = ANSWER_UNKNOWN;
    if (self < 0)
        return answer;
    if (fstatat(dir, "ns/user", &a, 0) == 0 && fstatat(self, "ns/user", &b, 0) == 0)
        answer = a.st_dev == b.st_dev && a.st_ino == b.st_ino ? ANSWER_YES : ANSWER_NO;
    else if (read_file(dir, "uid_map", theirs, sizeof(theirs)) && read_file(self, "uid_map", ours, sizeof(ours)) &&
             strcmp(theirs, ours) != 0)
        answer = ANSWER_NO;
    close(self);
    return answer;
}

static enum answer descends_from(pid_t pid, pid_t ancestor)
{
    pid_t tgid;
    for (int i = 0; i < MAX_ANCESTORS && pid > 0; i++) {
        if (pid == ancestor)
            return ANSWER_YES;
        if (proc_family(pid, &tgid, &pid) < 0)
            return ANSWER_UNKNOWN;
    }
    return ANSWER_NO;
}

/* The kernel's own answer: reading another's memory passes the check that attaching does.  Nothing lies at address 0,
 * so nothing is read when it is allowed. */
static int ask_kernel(pid_t pid)
{
    char byte;
    struct iovec local = {&byte, 1}, remote = {NULL, 1};
    if (process_vm_readv(pid, &local, 1, &remote, 1, 0) >= 0 || errno == EFAULT)
        return 0;
    return errno == EPERM ? EPERM : REFUSAL_NOT_ASKED;
}

/* Each thread has a tracer of its own, and lives on when its leader has ended. */
static void look_at_threads(int dir, struct refusal_facts *f)
{
    int fd = openat(dir, "task", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *list = fd < 0 ? NULL : fdopendir(fd);
    char name[300], status[8192];
    bool lives = false;
    pid_t alive = 0;
    if (!list) {
        if (fd >= 0)
            close(fd);
        return;
    }
    for (struct dirent *entry; (entry = readdir(list));) {
        snprintf(name, sizeof(name), "%s/status", entry->d_name);
        if (entry->d_name[0] == '.' || !read_file(fd, name, status, sizeof(status)))
            continue;
        const char *state = strstr(status, "\nState:\t");
        bool ended = state && (state[8] == 'Z' || state[8] == 'X');
        if (!ended && !alive)
            alive = (pid_t)strtol(entry->d_name, NULL, 10);
        lives = lives || !ended;
        if (!f->tracer && !ended)
            f->tracer = status_pid(status, "\nTracerPid:");
    }
    closedir(list);
    pid_t tracer, parent;
    if (f->tracer && proc_family(f->tracer, &tracer, &parent) == 0)
        f->tracer = tracer; /* the kernel names the thread */
    f->has_ended = !lives;
    if (f->error == REFUSAL_NOT_ASKED && alive)
        f->error = ask_kernel(alive);
}

static bool read_target(pid_t pid, struct refusal_facts *f)
{
    char status[MAX_STATUS];
    int dir = proc_open(pid);
    if (dir < 0)
        return false;
    bool known = read_file(dir, "status", status, sizeof(status)) && read_credentials(status, &f->target);
    if (known) {
        f->leader = status_pid(status, "\nTgid:");
        f->parent = status_pid(status, "\nPPid:");
        f->is_kernel_thread = is_kernel_thread(dir);
        f->dumpable = is_dumpable(dir, &f->target);
        f->same_user_namespace = same_user_namespace(dir);
        f->is_descendant = descends_from(pid, f->self);
        proc_comm(dir, f->comm);
        look_at_threads(dir, f);
        comm_of(f->parent, f->parent_comm);
        comm_of(f->leader, f->leader_comm);
        comm_of(f->tracer, f->tracer_comm);
    }
    close(dir);
    return known;
}

static bool read_caller(struct refusal_facts *f)
{
    char status[MAX_STATUS], text[32];
    uint64_t mode = 0;
    if (!read_file(AT_FDCWD, "/proc/self/status", status, sizeof(status)) || !read_credentials(status, &f->caller))
        return false;
    f->is_filtered = numbers(status, "\nSeccomp:", 10, &mode, 1) && mode;
    f->yama = -1;
    if (read_file(AT_FDCWD, "/proc/sys/kernel/yama/ptrace_scope", text, sizeof(text)))
        f->yama = atoi(text);
    return true;
}

int refusal_facts_read(pid_t pid, int error, struct refusal_facts *ret_facts)
{
    struct refusal_facts f = {.error = error ? error : REFUSAL_NOT_ASKED, .pid = pid, .leader = pid, .self = getpid()};
    /* A process that is hidden from this one answers to signals all the same. */
    f.exists = kill(pid, 0) == 0 || errno == EPERM;
    if (!read_caller(&f))
        return -ENOENT;
    if (f.exists)
        f.known = read_target(pid, &f);
    if (f.exists && !f.known && f.error == REFUSAL_NOT_ASKED)
        f.error = ask_kernel(pid);
    *ret_facts = f;
    return 0;
}

int refusal_find(pid_t pid, int error, struct refusal *ret)
{
    struct refusal_facts facts;
    int result = refusal_facts_read(pid, error, &facts);
    if (!result)
        refusal_decide(&facts, ret);
    return result;
}
