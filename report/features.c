/* features.c: verdicts on facts.  One function a feature. */
#include "features.h"

#include "escape.h"
#include "refusal_text.h"
#include "units.h"
#include "wording.h"

#include <errno.h>
#include <string.h>

static struct feature *add(struct features *features, const char *name, bool needed)
{
    /* The table has room for all that there are. */
    struct feature *f = &features->list[features->count < FEATURES_MAX - 1 ? features->count++ : FEATURES_MAX - 1];
    f->name = name;
    f->needed = needed;
    return f;
}

static void verdict(struct feature *f, enum feature_state state, const char *lost, const char *knob)
{
    f->state = state;
    buffer_string(&f->lost, lost);
    buffer_string(&f->knob, knob);
}

/* What a call said that did not work. */
static void say_error(struct buffer *out, const char *call, int error)
{
    if (error == NOT_TRIED)
        say(out, "not tried, since another feature is missing");
    else if (error == ENODATA)
        say(out, "%s has no effect", call);
    else
        say(out, "%s: %s", call, strerror(error));
}

/* Who may have refused a call that needs no privilege. */
static const char *forbidder(const struct machine *m)
{
    return m->is_filtered ? "allow it in the seccomp profile of the container, or run outside of it"
                          : "see the messages of the security module: dmesg";
}

/* ---- the machine ---- */

static void say_yama(struct buffer *out, const struct machine *m)
{
    if (m->yama < 0)
        say(out, "no Yama: ");
    else
        say(out, "yama %d: ", m->yama);
    if (m->ptrace_capable && m->yama < 3)
        say(out, "you may attach to all processes");
    else if (m->yama <= 0)
        say(out, "you may attach to your own processes");
    else if (m->yama == 1)
        say(out, "you may attach to descendants only");
    else
        say(out, m->yama == 2 ? "only root may attach" : "nobody may attach until the next boot");
}

static void judge_ptrace(struct features *features, const struct machine *m)
{
    struct feature *f = add(features, "ptrace", true);
    if (m->seize) {
        say_error(&f->detail, "PTRACE_SEIZE of a child", m->seize);
        verdict(f, FEATURE_MISSING, "all tracing",
                m->yama >= 3   ? "boot with a lower kernel.yama.ptrace_scope (see sysctl.d(5))"
                : m->yama == 2 ? "sysctl kernel.yama.ptrace_scope=1, or run as root"
                               : forbidder(m));
        return;
    }
    say_yama(&f->detail, m);
    if (m->yama >= 1 && !m->ptrace_capable)
        verdict(f, FEATURE_DEGRADED, "attaching to processes that run already; commands can be traced",
                "sysctl kernel.yama.ptrace_scope=0, or run as root");
}

static void judge_syscall_info(struct features *features, const struct machine *m)
{
    struct feature *f = add(features, "call information", true);
    if (!m->syscall_info) {
        say(&f->detail, "PTRACE_GET_SYSCALL_INFO works");
        return;
    }
    say_error(&f->detail, "PTRACE_GET_SYSCALL_INFO", m->syscall_info);
    verdict(f, FEATURE_MISSING, "all tracing", m->syscall_info == NOT_TRIED ? "see ptrace" : "Linux 5.3 or later");
}

static void judge_filter(struct features *features, const struct machine *m, bool attaching)
{
    struct feature *f = add(features, "seccomp filter", !attaching);
    if (!m->filter) {
        say(&f->detail, "calls that are not traced run at full speed%s",
            m->no_privileges ? "; set-uid programs lose their privileges" : "");
        return;
    }
    say_error(&f->detail, "seccomp(2)", m->filter);
    verdict(f, FEATURE_MISSING, "launching commands in the usual way",
            m->filter == NOT_TRIED ? "see ptrace"
                                   : "--no-seccomp traces without it, with a stop at every call; or a kernel with "
                                     "CONFIG_SECCOMP_FILTER");
}

static void judge_read_memory(struct features *features, const struct machine *m)
{
    struct feature *f = add(features, "memory reads", false);
    if (!m->read_memory) {
        say(&f->detail, "process_vm_readv works");
        return;
    }
    say_error(&f->detail, "process_vm_readv", m->read_memory);
    verdict(f, FEATURE_MISSING, "call stacks, and arguments that are texts",
            m->read_memory == NOT_TRIED ? "see ptrace"
            : m->read_memory == ENOSYS  ? "a kernel with CONFIG_CROSS_MEMORY_ATTACH"
                                        : forbidder(m));
}

static void judge_proc(struct features *features, const struct machine *m)
{
    struct feature *f = add(features, "proc files", true);
    int error = m->proc_maps ? m->proc_maps : m->proc_status;
    if (error) {
        say_error(&f->detail, m->proc_maps ? "/proc/PID/maps" : "/proc/PID/status", error);
        verdict(f, FEATURE_MISSING, "all tracing", error == ENOENT ? "mount -t proc proc /proc" : forbidder(m));
        return;
    }
    say(&f->detail, "maps, status and statm can be read");
    if (m->hidepid > 0 && !m->is_root)
        say(&f->detail, "; those of other users are hidden (hidepid %d)", m->hidepid);
}

static void judge_map_files(struct features *features, const struct machine *m)
{
    struct feature *f = add(features, "mapped files", false);
    if (!m->map_files) {
        say(&f->detail, "also those that were deleted or replaced can be opened");
        return;
    }
    say_error(&f->detail, "/proc/PID/map_files", m->map_files);
    verdict(f, FEATURE_DEGRADED, "symbols of libraries that were deleted or replaced; stacks are read from memory",
            m->map_files == NOT_TRIED ? "see proc files" : "run as root, or with CAP_CHECKPOINT_RESTORE");
}

static void judge_map_query(struct features *features, const struct machine *m)
{
    struct feature *f = add(features, "single mappings", false);
    if (!m->map_query) {
        say(&f->detail, "PROCMAP_QUERY works");
        return;
    }
    say_error(&f->detail, "PROCMAP_QUERY", m->map_query);
    verdict(f, FEATURE_DEGRADED, "speed: a whole map is read to know one mapping",
            m->map_query == NOT_TRIED ? "see proc files" : "Linux 6.11 or later");
}

static void judge_pagemap_scan(struct features *features, const struct machine *m)
{
    struct feature *f = add(features, "resident pages", false);
    if (!m->pagemap_scan) {
        say(&f->detail, "PAGEMAP_SCAN works");
        return;
    }
    say_error(&f->detail, "PAGEMAP_SCAN", m->pagemap_scan);
    verdict(f, FEATURE_DEGRADED, "speed: a word is read for each page to know which are resident",
            "Linux 6.7 or later, with CONFIG_PROC_PAGE_MONITOR");
}

static void judge_fault_counter(struct feature *f, const struct machine *m)
{
    bool paranoid = (m->fault_counter == EACCES || m->fault_counter == EPERM) && m->perf_paranoid > 2;
    if (paranoid)
        say(&f->detail, "perf_event_paranoid is %d: faults are counted, not attributed", m->perf_paranoid);
    else
        say_error(&f->detail, "perf_event_open", m->fault_counter);
    verdict(f, FEATURE_DEGRADED, "which code touched memory first",
            paranoid ? "sysctl kernel.perf_event_paranoid=2, or CAP_PERFMON"
            : m->fault_counter == EACCES || m->fault_counter == EPERM ? forbidder(m)
                                                                      : "a kernel with CONFIG_PERF_EVENTS");
}

static void judge_fault_ring(struct feature *f, const struct machine *m)
{
    char limit[UNITS_MAX] = "unlimited";
    if (m->locked_memory != UINT64_MAX)
        units_size(limit, sizeof(limit), m->locked_memory);
    say_error(&f->detail, "a ring for faults", m->fault_ring);
    say(&f->detail, " (perf_event_mlock_kb %d, locked memory %s)", m->perf_mlock_kib, limit);
    verdict(f, FEATURE_DEGRADED, "which code touched memory first",
            "sysctl kernel.perf_event_mlock_kb=2048, or a higher limit of locked memory (ulimit -l)");
}

static void judge_faults(struct features *features, const struct machine *m)
{
    struct feature *f = add(features, "page faults", false);
    char limit[UNITS_MAX] = "unlimited";
    if (m->fault_counter)
        judge_fault_counter(f, m);
    else if (m->fault_ring)
        judge_fault_ring(f, m);
    else {
        if (m->locked_memory != UINT64_MAX)
            units_size(limit, sizeof(limit), m->locked_memory);
        say(&f->detail, "perf_event_open works: paranoid %d, rings of %dK for each CPU, locked memory %s%s",
            m->perf_paranoid, m->perf_mlock_kib, limit,
            m->fault_kernel ? "; the kernel's own faults inside of calls need CAP_PERFMON, or paranoid 1" : "");
    }
}

void features_of_machine(struct features *features, const struct machine *m, bool attaching)
{
    judge_ptrace(features, m);
    judge_syscall_info(features, m);
    judge_filter(features, m, attaching);
    judge_read_memory(features, m);
    judge_proc(features, m);
    judge_map_files(features, m);
    judge_map_query(features, m);
    judge_pagemap_scan(features, m);
    judge_faults(features, m);
}

/* ---- a process ---- */

static void judge_refusal(struct features *features, const struct refusal *r)
{
    struct feature *f = add(features, "attach", true);
    if (r->rule == REFUSAL_NONE) {
        say(&f->detail, "allowed");
        return;
    }
    refusal_reason(&f->detail, r);
    f->state = FEATURE_MISSING;
    say(&f->lost, "all tracing of this process");
    refusal_way_out(&f->knob, r);
}

static void judge_mappings(struct features *features, const struct target *t, uint64_t max)
{
    struct feature *f = add(features, "mappings", false);
    char count[UNITS_MAX], limit[UNITS_MAX];
    if (t->proc_maps) {
        say_error(&f->detail, "/proc/PID/maps", t->proc_maps);
        verdict(f, FEATURE_MISSING, "where its memory begins", "see attach");
        return;
    }
    say(&f->detail, "%s", units_count(count, sizeof(count), t->mappings));
    if (max)
        say(&f->detail, " (limit %s)", units_count(limit, sizeof(limit), max));
}

static void judge_namespaces(struct features *features, const struct target *t)
{
    struct feature *f = add(features, "namespaces", false);
    if (!t->namespaces_known) {
        say(&f->detail, "they may not be looked at");
        verdict(f, FEATURE_DEGRADED, "whether its files and pids are those that are seen from here", "see attach");
        return;
    }
    if (!t->own_mounts && !t->own_pids && !t->own_users) {
        say(&f->detail, "the same as here");
        return;
    }
    say(&f->detail, "others than here:%s%s%s", t->own_mounts ? " mounts" : "", t->own_pids ? " pids" : "",
        t->own_users ? " users" : "");
    if (t->own_mounts && t->root < 0)
        verdict(f, FEATURE_DEGRADED, "names from its own files: its root directory may not be opened", "run as root");
}

void features_of_target(struct features *features, const struct target *t, uint64_t max_mappings)
{
    char count[UNITS_MAX];
    judge_refusal(features, &t->refusal);
    if (!t->threads || t->refusal.rule == REFUSAL_KERNEL_THREAD || t->refusal.rule == REFUSAL_ZOMBIE)
        return;
    say(&add(features, "threads", false)->detail, "%s", units_count(count, sizeof(count), t->threads));
    judge_mappings(features, t, max_mappings);
    judge_namespaces(features, t);
}

/* ---- names ---- */

static void add_path(struct buffer *out, const char *path)
{
    escape_text(out, escape_chars(path), 0, ESCAPE_ALL);
}

void features_of_libc(struct features *features, const char *path, int error, const struct debug_lookup *found)
{
    struct feature *f = add(features, "libc names", false);
    if (!*path) {
        say(&f->detail, "no C library is mapped that is a file of its own");
        return;
    }
    if (!error && found->place == DEBUG_BESIDE) {
        add_path(&f->detail, found->path);
        return;
    }
    add_path(&f->detail, path);
    if (error)
        say(&f->detail, ": %s", strerror(-error));
    else if (found->place == DEBUG_INSIDE)
        say(&f->detail, " has its debug information in itself");
    else
        say(&f->detail, " has no debug file; build-id %s", *found->build_id ? found->build_id : "unknown");
    if (error || found->place == DEBUG_NOWHERE)
        verdict(f, FEATURE_DEGRADED, "functions that are not exported, and lines, inside libc",
                "install the debug package of the C library (Debian: libc6-dbg), or use --debuginfod");
}

void features_of_servers(struct features *features, enum debuginfod_state state)
{
    struct feature *f = add(features, "debuginfod", false);
    switch (state) {
    case DEBUGINFOD_READY:
        say(&f->detail, "with --debuginfod the servers of $DEBUGINFOD_URLS are asked");
        break;
    case DEBUGINFOD_NO_URLS:
        say(&f->detail, "$DEBUGINFOD_URLS is not set");
        verdict(f, FEATURE_MISSING, "debug files that are not installed",
                "export DEBUGINFOD_URLS=https://debuginfod.elfutils.org/ (or your distribution's server)");
        break;
    case DEBUGINFOD_NO_LIBRARY:
        say(&f->detail, "libdebuginfod.so.1 is not installed");
        verdict(f, FEATURE_MISSING, "debug files that are not installed",
                "install the client library (Debian: libdebuginfod1)");
        break;
    }
}

/* ---- all of them ---- */

const char *feature_state_name(enum feature_state state)
{
    static const char *const names[] = {"ok", "degraded", "missing"};
    return names[state];
}

bool features_suffice(const struct features *features)
{
    for (size_t i = 0; i < features->count; i++)
        if (features->list[i].needed && features->list[i].state == FEATURE_MISSING)
            return false;
    return true;
}

bool features_failed(const struct features *features)
{
    for (size_t i = 0; i < features->count; i++) {
        const struct feature *f = &features->list[i];
        if (f->detail.failed || f->lost.failed || f->knob.failed)
            return true;
    }
    return false;
}

void features_free(struct features *features)
{
    for (size_t i = 0; i < features->count; i++) {
        struct feature *f = &features->list[i];
        buffer_free(&f->detail);
        buffer_free(&f->lost);
        buffer_free(&f->knob);
    }
    features->count = 0;
}
