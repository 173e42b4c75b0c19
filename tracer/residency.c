/*
 * residency.c: /proc/PID/pagemap and smaps_rollup.
 *
 * Source: Documentation/admin-guide/mm/pagemap.rst; include/uapi/linux/fs.h of Linux 6.7 for PAGEMAP_SCAN;
 * proc_pid_smaps(5).
 */
#include "residency.h"

#include "maps.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/uio.h>
#include <unistd.h>

/* Debian 12's headers are older than this interface. */
struct scan_argument {
    uint64_t size, flags, start, end, walk_end, vec, vec_len, max_pages;
    uint64_t category_inverted, category_mask, category_anyof_mask, return_mask;
};
struct scan_region {
    uint64_t start, end, categories;
};
#define SCAN _IOWR('f', 16, struct scan_argument)

enum {
    SCAN_FILE = 1 << 2,
    SCAN_PRESENT = 1 << 3,
    SCAN_SWAPPED = 1 << 4,
    SCAN_ZERO = 1 << 5,
    SCAN_HUGE = 1 << 6,
    SCAN_ALL = SCAN_FILE | SCAN_PRESENT | SCAN_SWAPPED | SCAN_ZERO | SCAN_HUGE,
};

enum {
    COST_SHARE = 100,     /* one tick in so many may go into it */
    EXIT_SHARE = 20,      /* and at the ends of processes */
    HIGH_PAGES = 2048,    /* fewer are no peak */
    REGIONS = 512,        /* asked for at a time */
    WORDS = 8192,         /* of pagemap read at a time */
    MOST_WORDS = 1 << 26, /* where each page has to be read: 256 GiB */
    LOOKS = 1024,         /* pages of huge pages that are looked into */
    HUGE_PAGES = 512,     /* pages of a huge one */
};

struct residency {
    const struct tracer_options *options;
    struct recorder *recorder;
    pthread_mutex_t lock;
    struct rec_page_run *runs; /* RESIDENCY_MAX_RUNS of them */
    size_t count;
    bool cut;
    uint64_t huge_pages; /* in them */
    struct scan_region *regions;
    uint64_t *words;
    struct maps_buffer maps;
    uint64_t cost, exit_cost; /* ticks that all of them took; and of those those at ends */
    size_t next_at;           /* of the moments that the user has asked for */
    uint64_t next_every;
};

struct residency *residency_new(const struct tracer_options *options, struct recorder *recorder)
{
    struct residency *r = options->no_residency ? NULL : calloc(1, sizeof(*r));
    if (!r)
        return NULL;
    r->options = options;
    r->recorder = recorder;
    r->next_every = options->residency_every;
    pthread_mutex_init(&r->lock, NULL);
    r->runs = calloc(RESIDENCY_MAX_RUNS, sizeof(*r->runs)); /* touched as far as they are used */
    r->regions = calloc(REGIONS, sizeof(*r->regions));
    r->words = calloc(WORDS, sizeof(*r->words));
    if (r->runs && r->regions && r->words)
        return r;
    residency_free(r);
    return NULL;
}

void residency_free(struct residency *r)
{
    if (!r)
        return;
    pthread_mutex_destroy(&r->lock);
    maps_buffer_free(&r->maps);
    free(r->runs);
    free(r->regions);
    free(r->words);
    free(r);
}

/* ---- when ---- */

bool residency_is_high(const struct residency *r, uint64_t pages, uint64_t before)
{
    return r && pages >= HIGH_PAGES && pages >= before + before / 4;
}

enum residency_reason residency_due(struct residency *r)
{
    const uint64_t now = r ? recorder_now(r->recorder) : 0;
    enum residency_reason reason = 0;
    if (!r)
        return 0;
    for (; r->next_at < r->options->n_residency_at && r->options->residency_at[r->next_at] <= now; r->next_at++)
        reason = RESIDENCY_ASKED;
    if (r->options->residency_every && now >= r->next_every) {
        r->next_every = now + r->options->residency_every;
        reason = RESIDENCY_ASKED;
    }
    return reason;
}

uint64_t residency_wait(const struct residency *r)
{
    uint64_t next = UINT64_MAX;
    if (r && r->next_at < r->options->n_residency_at)
        next = r->options->residency_at[r->next_at];
    if (r && r->options->residency_every && r->next_every < next)
        next = r->next_every;
    const uint64_t now = next < UINT64_MAX ? recorder_now(r->recorder) : 0;
    return next == UINT64_MAX ? next : next > now ? next - now : 0;
}

static bool is_too_dear(const struct residency *r, enum residency_reason reason)
{
    const uint64_t now = recorder_now(r->recorder);
    return (reason == RESIDENCY_PEAK && r->cost * COST_SHARE > now) ||
           (reason == RESIDENCY_EXIT && r->exit_cost * EXIT_SHARE > now);
}

/* ---- pages ---- */

static void add_pages(struct residency *r, tracee_addr start, uint64_t pages, uint32_t flags)
{
    struct rec_page_run *last = r->count ? &r->runs[r->count - 1] : NULL;
    if (flags & PAGE_HUGE)
        r->huge_pages += pages;
    if (last && last->flags == flags && last->start + last->pages * TRACE_PAGE == start)
        last->pages += pages;
    else if (r->count < RESIDENCY_MAX_RUNS)
        r->runs[r->count++] = (struct rec_page_run){.start = start, .pages = pages, .flags = flags};
    else
        r->cut = true;
}

static uint32_t flags_of_scan(uint64_t categories)
{
    return (categories & SCAN_PRESENT ? PAGE_PRESENT : 0u) | (categories & SCAN_SWAPPED ? PAGE_SWAPPED : 0u) |
           (categories & SCAN_FILE ? PAGE_FILE : 0u) | (categories & SCAN_ZERO ? PAGE_ZERO : 0u) |
           (categories & SCAN_HUGE ? PAGE_HUGE : 0u);
}

/* By PAGEMAP_SCAN: 0 or -errno. */
static int scan(struct residency *r, int pagemap)
{
    struct scan_argument a = {
        .size = sizeof(a),
        .end = (UINT64_C(1) << 47) - TRACE_PAGE, /* what lies beyond is no user memory, and refused */
        .vec = (uintptr_t)r->regions,
        .vec_len = REGIONS,
        .category_anyof_mask = SCAN_PRESENT | SCAN_SWAPPED,
        .return_mask = SCAN_ALL,
    };
    while (a.start < a.end) {
        const int count = ioctl(pagemap, SCAN, &a);
        if (count < 0)
            return -errno;
        for (int i = 0; i < count && i < REGIONS; i++)
            add_pages(r, r->regions[i].start, (r->regions[i].end - r->regions[i].start) / TRACE_PAGE,
                      flags_of_scan(r->regions[i].categories));
        if (a.walk_end <= a.start)
            break;
        a.start = a.walk_end;
    }
    return 0;
}

static uint32_t flags_of_word(uint64_t word)
{
    return (word >> 63 ? PAGE_PRESENT : 0u) | (word >> 62 & 1 ? PAGE_SWAPPED : 0u) | (word >> 61 & 1 ? PAGE_FILE : 0u);
}

/* Page by page, for kernels before 6.7: which are zero or huge is not known. */
static int read_words(struct residency *r, int pagemap, int dir)
{
    struct map_line line;
    uint64_t left = MOST_WORDS;
    const int maps = openat(dir, "maps", O_RDONLY | O_CLOEXEC);
    int error = maps < 0 ? -errno : maps_read(maps, &r->maps);
    if (maps >= 0)
        close(maps);
    while (!error && maps_next(&r->maps, &line) == 1) {
        for (tracee_addr at = line.start; at < line.end && !(at >> 47);) {
            const uint64_t pages = (line.end - at) / TRACE_PAGE, wanted = pages < WORDS ? pages : WORDS;
            const ssize_t got = pread(pagemap, r->words, wanted * 8, (off_t)(at / TRACE_PAGE * 8));
            if (got <= 0 || left < wanted) {
                r->cut = true;
                return 0;
            }
            left -= wanted;
            for (size_t i = 0; i < (size_t)got / 8; i++)
                if (r->words[i] >> 62)
                    add_pages(r, at + i * TRACE_PAGE, 1, flags_of_word(r->words[i]));
            at += (uint64_t)got / 8 * TRACE_PAGE;
        }
    }
    return error;
}

static int read_pages(struct residency *r, int dir)
{
    const int pagemap = openat(dir, "pagemap", O_RDONLY | O_CLOEXEC);
    if (pagemap < 0)
        return -errno;
    r->count = 0;
    r->huge_pages = 0;
    r->cut = false;
    int error = scan(r, pagemap);
    if (error && error != -ESRCH) {
        r->count = 0;
        error = read_words(r, pagemap, dir);
    }
    close(pagemap);
    return error;
}

/* ---- what huge pages hold ---- */

static bool is_zero(const uint64_t *words)
{
    uint64_t any = 0;
    for (size_t i = 0; i < TRACE_PAGE / 8; i++)
        any |= words[i];
    return !any;
}

/* Some pages, evenly spread over the huge ones: a page that is all zero has most likely never been written. */
static void look_into_huge(struct residency *r, pid_t pid, struct rec_residency *residency)
{
    const uint64_t step = r->huge_pages / LOOKS + 1;
    uint64_t at = step / 2;
    for (size_t i = 0; i < r->count && residency->huge_looked < LOOKS; i++) {
        const struct rec_page_run *run = &r->runs[i];
        if (!(run->flags & PAGE_HUGE) || run->flags & (PAGE_FILE | PAGE_ZERO))
            continue;
        for (; at < run->pages && residency->huge_looked < LOOKS; at += step) {
            const struct iovec local = {r->words, TRACE_PAGE},
                               remote = {(void *)(uintptr_t)(run->start + at * TRACE_PAGE), TRACE_PAGE};
            if (process_vm_readv(pid, &local, 1, &remote, 1, 0) != TRACE_PAGE)
                continue;
            residency->huge_looked++;
            residency->huge_zero += is_zero(r->words);
        }
        at -= run->pages < at ? run->pages : at;
    }
}

/* ---- the kernel's own sums ---- */

static uint64_t sum_of(const char *text, const char *name)
{
    const char *at = strstr(text, name);
    return at ? strtoull(at + strlen(name), NULL, 10) : 0;
}

static bool read_sums(int dir, struct rec_residency *residency)
{
    char text[4096];
    const int fd = openat(dir, "smaps_rollup", O_RDONLY | O_CLOEXEC);
    const ssize_t got = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
    if (fd >= 0)
        close(fd);
    if (got <= 0)
        return false;
    text[got] = '\0';
    residency->rss_kib = sum_of(text, "\nRss:");
    residency->pss_kib = sum_of(text, "\nPss:");
    residency->anon_kib = sum_of(text, "\nAnonymous:");
    residency->lazy_kib = sum_of(text, "\nLazyFree:");
    residency->huge_kib = sum_of(text, "\nAnonHugePages:");
    residency->swap_kib = sum_of(text, "\nSwap:");
    return true;
}

/* ---- */

static bool take(struct residency *r, struct rec_residency *residency, int dir)
{
    const uint64_t begin = recorder_now(r->recorder);
    residency->time = begin;
    if (read_pages(r, dir) < 0)
        return false;
    if (r->huge_pages >= HUGE_PAGES)
        look_into_huge(r, (pid_t)residency->pid, residency);
    residency->flags |= read_sums(dir, residency) ? 0u : RESIDENCY_NO_SUMS;
    residency->flags |= r->cut ? RESIDENCY_CUT : 0u;
    residency->n_runs = (uint32_t)r->count;
    residency->runs = r->runs;
    residency->cost = recorder_now(r->recorder) - begin;
    r->cost += residency->cost;
    r->exit_cost += residency->reason == RESIDENCY_EXIT ? residency->cost : 0;
    return true;
}

bool residency_take(struct residency *r, uint32_t space, pid_t pid, int dir, enum residency_reason reason)
{
    struct record record = {.kind = REC_RESIDENCY,
                            .residency = {.space = space, .pid = (uint32_t)pid, .reason = (uint32_t)reason}};
    if (!r || dir < 0)
        return false;
    pthread_mutex_lock(&r->lock);
    const bool taken = recorder_active(r->recorder) && !is_too_dear(r, reason) && take(r, &record.residency, dir);
    if (taken)
        recorder_put(r->recorder, &record);
    pthread_mutex_unlock(&r->lock);
    return taken;
}
