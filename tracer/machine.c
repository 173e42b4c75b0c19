/*
 * machine.c: what this machine allows a tracer.  Each probe does what it is about, to a child process made for it.
 *
 * Source: ptrace(2), seccomp(2), perf_event_open(2), proc(5); Documentation/admin-guide/mm/pagemap.rst.
 */
#include "tracer.h"

#include "filter.h"
#include "launch.h"
#include "libc_path.h"
#include "maps.h"
#include "memory.h"
#include "wait.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/perf_event.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* Debian 12's headers are older than this interface: linux/fs.h of Linux 6.7. */
struct pagemap_scan_v1 {
    uint64_t size, flags, start, end, walk_end, vec, vec_len, max_pages;
    uint64_t category_inverted, category_mask, category_anyof_mask, return_mask;
};
struct page_region_v1 {
    uint64_t start, end, categories;
};
#define PAGEMAP_SCAN_V1 _IOWR('f', 16, struct pagemap_scan_v1)

enum { SCAN_PRESENT = 1 << 3, RING_PAGES = 8, TOUCHED_PAGES = 16, MAX_SECONDS = 10 };

/* Something whose value the child is asked for from outside. */
static const uint64_t mark = UINT64_C(0x62726b7761746572);

/* ---- children ---- */

/* A child that waits until it is told to go, and then does its part. */
struct child {
    pid_t pid;
    int go;
};

static int child_start(struct child *child, int (*part)(void *context), void *context)
{
    int go[2];
    char byte;
    if (pipe2(go, O_CLOEXEC) < 0)
        return -errno;
    pid_t pid = fork();
    if (pid == 0) {
        close(go[1]);
        /* Should this be left behind by a tracer that has died: not for ever. */
        alarm(MAX_SECONDS);
        while (read(go[0], &byte, 1) < 0 && errno == EINTR)
            ;
        _exit(part ? part(context) : 0);
    }
    int error = pid < 0 ? -errno : 0;
    close(go[0]);
    if (error)
        close(go[1]);
    else
        *child = (struct child){pid, go[1]};
    return error;
}

static void child_go(struct child *child)
{
    if (child->go >= 0)
        close(child->go);
    child->go = -1;
}

static void child_end(struct child *child)
{
    kill(child->pid, SIGKILL);
    child_go(child);
    wait_reap(child->pid);
}

/* The child's next stop, whatever else there is to wait for: whoever executed us may have left us children. */
static int child_wait(const struct child *child, struct stop *ret_stop)
{
    struct stop stops[WAIT_BATCH];
    for (;;) {
        int count = wait_for_stops(stops, 0);
        if (count < 0)
            return -count;
        if (count && stops[0].tid == child->pid) {
            *ret_stop = stops[0];
            return 0;
        }
    }
}

/* Let it run to its next stop, which must be of that kind.  0 or an errno. */
static int child_run_to(const struct child *child, int request, enum stop_kind kind)
{
    struct stop stop;
    if (request && ptrace((enum __ptrace_request)request, child->pid, NULL, NULL) < 0)
        return errno;
    int error = child_wait(child, &stop);
    if (error)
        return error;
    if (stop.kind == STOP_GONE && WIFEXITED(stop.status) && WEXITSTATUS(stop.status))
        return WEXITSTATUS(stop.status); /* its part says so */
    return stop.kind == kind ? 0 : ENODATA;
}

static int seize(const struct child *child, unsigned long options)
{
    options |= PTRACE_O_EXITKILL;
    return ptrace(PTRACE_SEIZE, child->pid, NULL, (void *)options) < 0 ? errno : 0;
}

/* ---- ptrace ---- */

static int probe_syscall_info(const struct child *child)
{
    struct __ptrace_syscall_info info = {0};
    int error = child_run_to(child, PTRACE_SYSCALL, STOP_SYSCALL);
    if (error)
        return error;
    if (ptrace((enum __ptrace_request)PTRACE_GET_SYSCALL_INFO, child->pid, (void *)sizeof(info), &info) < 0)
        return errno;
    return info.op == PTRACE_SYSCALL_INFO_ENTRY ? 0 : ENODATA;
}

static int probe_read_memory(const struct child *child)
{
    uint64_t value = 0;
    int error = -memory_read(child->pid, (tracee_addr)(uintptr_t)&mark, &value, sizeof(value));
    return error ? error : value == mark ? 0 : ENODATA;
}

static int probe_ptrace(struct machine *m)
{
    struct child child;
    int error = child_start(&child, NULL, NULL);
    if (error)
        return error;
    m->seize = seize(&child, PTRACE_O_TRACESYSGOOD);
    if (!m->seize)
        m->seize = child_run_to(&child, PTRACE_INTERRUPT, STOP_BY_TRACER);
    if (!m->seize) {
        m->syscall_info = probe_syscall_info(&child);
        m->read_memory = probe_read_memory(&child);
    }
    child_end(&child);
    return 0;
}

/* ---- seccomp ---- */

struct filter_part {
    struct sock_filter *program;
    size_t count;
};

/* With brkwater's own filter on, make a call that it stops at. */
static int install_and_call(void *context)
{
    const struct filter_part *part = context;
    if (launch_needs_no_new_privs())
        prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    int error = filter_install(part->program, part->count);
    if (!error)
        syscall(SYS_brk, 0);
    return -error;
}

static int probe_filter(struct machine *m)
{
    struct filter_part part;
    struct child child;
    if (m->seize)
        return 0;
    int error = filter_build(&part.program, &part.count);
    if (!error)
        error = child_start(&child, install_and_call, &part);
    if (!error) {
        m->filter = seize(&child, PTRACE_O_TRACESECCOMP);
        child_go(&child);
        if (!m->filter)
            m->filter = child_run_to(&child, 0, STOP_SECCOMP);
        child_end(&child);
        free(part.program);
    }
    return error;
}

/* ---- page faults ---- */

static int touch_pages(void *context)
{
    (void)context;
    volatile char *pages =
        mmap(NULL, TOUCHED_PAGES * TRACE_PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (pages == MAP_FAILED)
        return ENOMEM;
    for (int i = 0; i < TOUCHED_PAGES; i++)
        pages[i * TRACE_PAGE] = 1;
    return 0;
}

/* The child runs to its end; then the ring must hold something. */
static int probe_ring(struct child *child, int fd)
{
    size_t size = (1 + RING_PAGES) * TRACE_PAGE;
    struct perf_event_mmap_page *ring = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    siginfo_t info;
    if (ring == MAP_FAILED)
        return errno;
    child_go(child);
    while (waitid(P_PID, (id_t)child->pid, &info, WEXITED | WNOWAIT) < 0 && errno == EINTR)
        ;
    bool empty = ring->data_head == 0;
    munmap(ring, size);
    return empty ? ENODATA : 0;
}

static int probe_faults(struct machine *m)
{
    struct perf_event_attr attributes = {
        .size = sizeof(attributes),
        .type = PERF_TYPE_SOFTWARE,
        .config = PERF_COUNT_SW_PAGE_FAULTS,
        .sample_period = 1,
        .sample_type = PERF_SAMPLE_IP | PERF_SAMPLE_TID | PERF_SAMPLE_TIME | PERF_SAMPLE_ADDR,
        .exclude_kernel = 1,
        .exclude_hv = 1,
    };
    struct child child;
    int error = child_start(&child, touch_pages, NULL);
    if (error)
        return error;
    int fd = (int)syscall(SYS_perf_event_open, &attributes, child.pid, -1, -1, PERF_FLAG_FD_CLOEXEC);
    m->fault_counter = fd < 0 ? errno : 0;
    attributes.exclude_kernel = 0;
    const int both = (int)syscall(SYS_perf_event_open, &attributes, child.pid, -1, -1, PERF_FLAG_FD_CLOEXEC);
    m->fault_kernel = both < 0 ? errno : 0;
    if (both >= 0)
        close(both);
    if (fd >= 0) {
        m->fault_ring = probe_ring(&child, fd);
        close(fd);
    }
    child_end(&child);
    return 0;
}

/* ---- /proc ---- */

static int open_and_read(pid_t pid, const char *name)
{
    char path[64], byte;
    snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return errno;
    ssize_t got = read(fd, &byte, 1);
    int error = got < 0 ? errno : got == 0 ? ENODATA : 0;
    close(fd);
    return error;
}

/* The file of the mapping that holds our own code, which the child has too. */
static int probe_map_files(pid_t pid, const struct map_line *line)
{
    char path[128];
    snprintf(path, sizeof(path), "/proc/%d/map_files/%llx-%llx", (int)pid, (unsigned long long)line->start,
             (unsigned long long)line->end);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return errno;
    close(fd);
    return 0;
}

static void probe_maps(struct machine *m, pid_t pid)
{
    struct maps_buffer buffer = {0};
    struct map_line line;
    int fd = maps_open(pid);
    m->proc_maps = fd < 0 ? -fd : -maps_read(fd, &buffer);
    if (!m->proc_maps) {
        m->map_query = -maps_query(fd, (uintptr_t)&mark, &buffer, &line);
        if (!m->map_query)
            m->map_files = probe_map_files(pid, &line);
        /* A refused query was answered from the text. */
        if (!m->map_query && !maps_query_is_cheap())
            m->map_query = ENOTTY;
    }
    if (fd >= 0)
        close(fd);
    maps_buffer_free(&buffer);
}

/* The page of the mark was read before the child was made, so that it is there. */
static int probe_pagemap_scan(pid_t pid)
{
    char path[64];
    struct page_region_v1 region = {0};
    uint64_t page = (uintptr_t)&mark / TRACE_PAGE * TRACE_PAGE;
    struct pagemap_scan_v1 scan = {
        .size = sizeof(scan),
        .start = page,
        .end = page + TRACE_PAGE,
        .vec = (uintptr_t)&region,
        .vec_len = 1,
        .return_mask = SCAN_PRESENT,
    };
    snprintf(path, sizeof(path), "/proc/%d/pagemap", (int)pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return errno;
    int error = ioctl(fd, PAGEMAP_SCAN_V1, &scan) < 0 ? errno : 0;
    close(fd);
    return error;
}

static int probe_proc(struct machine *m)
{
    struct child child;
    int error = child_start(&child, NULL, NULL);
    if (error)
        return error;
    m->proc_status = open_and_read(child.pid, "status");
    if (!m->proc_status)
        m->proc_status = open_and_read(child.pid, "statm");
    probe_maps(m, child.pid);
    m->pagemap_scan = probe_pagemap_scan(child.pid);
    child_end(&child);
    return 0;
}

/* ---- settings ---- */

/* A file that holds one number; -1 when there is none. */
static int setting(const char *path)
{
    FILE *file = fopen(path, "re");
    int value = -1;
    if (!file)
        return -1;
    if (fscanf(file, "%d", &value) != 1)
        value = -1;
    fclose(file);
    return value;
}

/* The option in the last line that mounts /proc: by number, or by name since Linux 5.8. */
static int read_hidepid(void)
{
    static const char *const names[] = {"off", "noaccess", "invisible", NULL, "ptraceable"};
    FILE *file = fopen("/proc/self/mountinfo", "re");
    char *line = NULL;
    size_t capacity = 0;
    int hidepid = 0;
    if (!file)
        return -1;
    while (getline(&line, &capacity, file) > 0) {
        /* ID PARENT MAJOR:MINOR ROOT MOUNT-POINT ... - TYPE SOURCE OPTIONS; no field holds a space. */
        if (!strstr(line, " / /proc ") || !strstr(line, " - proc "))
            continue;
        const char *at = strstr(strstr(line, " - proc "), "hidepid=");
        hidepid = at ? atoi(at + 8) : 0;
        for (int i = 0; at && i <= 4; i++)
            if (names[i] && strncmp(at + 8, names[i], strlen(names[i])) == 0)
                hidepid = i;
    }
    free(line);
    fclose(file);
    return hidepid;
}

static bool has_capability(unsigned capability)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[2] = {0};
    return syscall(SYS_capget, &header, data) == 0 && data[capability / 32].effective >> capability % 32 & 1;
}

static void read_settings(struct machine *m)
{
    struct rlimit limit;
    m->no_privileges = launch_needs_no_new_privs();
    m->ptrace_capable = has_capability(CAP_SYS_PTRACE);
    m->is_filtered = prctl(PR_GET_SECCOMP) > 0;
    m->is_root = geteuid() == 0;
    m->yama = setting("/proc/sys/kernel/yama/ptrace_scope");
    m->perf_paranoid = setting("/proc/sys/kernel/perf_event_paranoid");
    m->perf_mlock_kib = setting("/proc/sys/kernel/perf_event_mlock_kb");
    m->hidepid = read_hidepid();
    m->locked_memory =
        getrlimit(RLIMIT_MEMLOCK, &limit) < 0 || limit.rlim_cur == RLIM_INFINITY ? UINT64_MAX : limit.rlim_cur;
    int count = setting("/proc/sys/vm/max_map_count");
    m->max_map_count = count > 0 ? (uint64_t)count : 0;
    libc_path(getpid(), m->libc, sizeof(m->libc), NULL);
}

int machine_probe(struct machine *ret)
{
    struct machine m = {
        .seize = NOT_TRIED,
        .syscall_info = NOT_TRIED,
        .read_memory = NOT_TRIED,
        .filter = NOT_TRIED,
        .proc_maps = NOT_TRIED,
        .proc_status = NOT_TRIED,
        .map_files = NOT_TRIED,
        .map_query = NOT_TRIED,
        .pagemap_scan = NOT_TRIED,
        .fault_counter = NOT_TRIED,
        .fault_kernel = NOT_TRIED,
        .fault_ring = NOT_TRIED,
    };
    read_settings(&m);
    int (*const probes[])(struct machine *) = {probe_ptrace, probe_filter, probe_proc, probe_faults};
    for (size_t i = 0; i < sizeof(probes) / sizeof(probes[0]); i++) {
        int error = probes[i](&m);
        if (error)
            return error;
    }
    *ret = m;
    return 0;
}
