/* links: decoder.a tracer.a */
/*
 * test_replay_random.c: random calls, replayed, against an array with one entry a page.
 *
 * The array knows the calls from their manual pages: brk(2), mmap(2), munmap(2), mprotect(2), mremap(2),
 * madvise(2), fork(2).  Only calls that a kernel would grant, or refuse as a whole, are made.  A second test
 * feeds records that no kernel makes.
 */
#include "driver.h"
#include "random.h"

#include "../../decoder/state.h"

#include <errno.h>
#include <sys/mman.h>

enum {
    PAGES = 160,
    SEEDS = 20,
    STEPS = 3000,
    HEAP_PAGES = 24, /* kept free for the heap */
    FILES = 4,       /* the last is shared anonymous memory */
    FIXED_FLAG = 0x10,
    NOREPLACE = 0x100000,
    MAYMOVE = 1,
    REMAP_FIXED = 2,
    DONTUNMAP = 4,
};

/* The heap begins within the first page, so the first heap page is the second of the array. */
static const tracee_addr base = 0x40000000;
static const uint64_t brk_start = 0x40000010;

/* A page as the kernel knows it, and the event that mapped it.  Not mapped: all zero. */
struct page {
    bool mapped, shared, dont_fork;
    uint8_t prot;
    uint32_t file;
    uint64_t offset; /* in pages */
    uint64_t birth;
};

struct world {
    struct random_source random;
    struct driver driver;
    struct page pages[PAGES];
    uint64_t brk;
};

static uint64_t below(struct world *w, uint64_t limit)
{
    return random_below(&w->random, limit);
}

static bool once_in(struct world *w, uint64_t times)
{
    return random_once_in(&w->random, times);
}

static tracee_addr addr_of(uint64_t page)
{
    return base + page * TRACE_PAGE;
}

/* A length that takes so many pages, but need not end at the end of the last. */
static uint64_t length_of(struct world *w, uint64_t pages)
{
    return pages ? pages * TRACE_PAGE - (once_in(w, 3) ? below(w, TRACE_PAGE) : 0) : 0;
}

static uint64_t next_event(const struct world *w)
{
    return decoder_events(w->driver.decoder) + 1;
}

/* ---- the array ---- */

static uint64_t count_mapped(const struct world *w, uint64_t start, uint64_t end)
{
    uint64_t count = 0;
    for (uint64_t i = start; i < end; i++)
        count += w->pages[i].mapped;
    return count;
}

/* A free stretch that the kernel could have chosen, outside the heap; PAGES when there is none. */
static uint64_t free_place(struct world *w, uint64_t pages)
{
    uint64_t first = HEAP_PAGES + below(w, PAGES - HEAP_PAGES);
    for (uint64_t i = 0; i < PAGES - HEAP_PAGES; i++) {
        uint64_t at = HEAP_PAGES + (first + i) % (PAGES - HEAP_PAGES);
        if (at + pages <= PAGES && count_mapped(w, at, at + pages) == 0)
            return at;
    }
    return PAGES;
}

/* Do two pages, one above the other, belong to one mapping? */
static bool goes_on(const struct page *low, const struct page *high)
{
    return low->mapped && high->mapped && low->shared == high->shared && low->dont_fork == high->dont_fork &&
           low->prot == high->prot && low->file == high->file && (!low->file || low->offset + 1 == high->offset);
}

/* The mapping around a page. */
static uint64_t mapping_end(const struct world *w, uint64_t page)
{
    while (page + 1 < PAGES && goes_on(&w->pages[page], &w->pages[page + 1]))
        page++;
    return page + 1;
}

static void clear(struct world *w, uint64_t start, uint64_t end)
{
    memset(&w->pages[start], 0, (end - start) * sizeof(w->pages[0]));
}

/* The lines of maps. */
static uint32_t lines_of(const struct world *w, struct rec_mapping *lines)
{
    uint32_t count = 0;
    for (uint64_t i = 0, end; i < PAGES; i = end) {
        end = i + 1;
        if (!w->pages[i].mapped)
            continue;
        end = mapping_end(w, i);
        lines[count++] = (struct rec_mapping){.start = addr_of(i),
                                              .end = addr_of(end),
                                              .offset = w->pages[i].offset * TRACE_PAGE,
                                              .prot = w->pages[i].prot,
                                              .shared = w->pages[i].shared,
                                              .file = w->pages[i].file};
    }
    return count;
}

/* ---- comparing ---- */

static void check_space(const struct world *w, uint32_t space, bool forked)
{
    struct segment s = {0};
    bool any = decoder_segment(w->driver.decoder, space, 0, &s);
    for (uint64_t i = 0; i < PAGES; i++) {
        const struct page *p = &w->pages[i];
        const tracee_addr addr = addr_of(i);
        if (any && s.end <= addr)
            any = decoder_segment(w->driver.decoder, space, addr, &s);
        if (!p->mapped || (forked && p->dont_fork)) {
            assert_false(any && s.start <= addr);
            continue;
        }
        assert_true(any && s.start <= addr);
        assert_true(s.birth == p->birth);
        assert_int_equal(s.prot, p->prot);
        assert_int_equal(s.file, p->file);
        assert_int_equal((s.flags & SEGMENT_SHARED) != 0, p->shared);
        assert_int_equal((s.flags & SEGMENT_DONT_FORK) != 0, p->dont_fork);
        if (p->file)
            assert_true(s.offset + (addr - s.start) == p->offset * TRACE_PAGE);
    }
    assert_false(any && decoder_segment(w->driver.decoder, space, addr_of(PAGES), &s));
}

/* Apply an event whose effect is in the array already, and check that it told what it did. */
static struct change call(struct world *w, const struct rec_event *event)
{
    struct space_info before, after;
    assert_true(decoder_space(w->driver.decoder, w->driver.space, &before));
    struct change change = driver_call(&w->driver, event);
    assert_true(decoder_space(w->driver.decoder, w->driver.space, &after));
    assert_true(before.bytes + change.mapped - change.unmapped == after.bytes);
    check_space(w, w->driver.space, false);
    return change;
}

#define CALL_IT(world, ...) call((world), &(struct rec_event){__VA_ARGS__})

/* ---- calls ---- */

static void do_mmap(struct world *w)
{
    static const uint64_t types[] = {MAP_PRIVATE, MAP_PRIVATE | MAP_ANONYMOUS, MAP_SHARED, MAP_SHARED | MAP_ANONYMOUS};
    const uint64_t pages = 1 + below(w, 16), hint = HEAP_PAGES + below(w, PAGES - HEAP_PAGES - pages);
    uint64_t flags = types[below(w, 4)], at = free_place(w, pages);
    if (once_in(w, 3)) {
        flags |= FIXED_FLAG;
        at = hint;
    } else if (once_in(w, 6) && count_mapped(w, hint, hint + pages) == 0) {
        flags |= FIXED_FLAG | NOREPLACE;
        at = hint;
    }
    struct page page = {
        .mapped = true, .shared = flags & MAP_SHARED, .prot = (uint8_t)below(w, 8), .birth = next_event(w)};
    if (flags & MAP_ANONYMOUS) {
        page.file = page.shared ? FILES : 0;
    } else {
        page.file = 1 + (uint32_t)below(w, FILES - 1);
        page.offset = below(w, 500);
    }
    struct rec_event e = {.call = CALL_MMAP,
                          .args = {once_in(w, 2) || (flags & FIXED_FLAG) ? addr_of(hint) : 0, length_of(w, pages),
                                   page.prot, flags, 3, page.offset * TRACE_PAGE},
                          .file = page.file};
    if (at == PAGES) {
        e.error = ENOMEM;
        call(w, &e);
        return;
    }
    const uint64_t replaced = count_mapped(w, at, at + pages);
    for (uint64_t i = 0; i < pages; i++) {
        w->pages[at + i] = page;
        w->pages[at + i].offset += page.file ? i : 0;
    }
    e.ret = addr_of(at);
    struct change change = call(w, &e);
    assert_true(change.mapped == pages * TRACE_PAGE && change.unmapped == replaced * TRACE_PAGE);
}

static void do_munmap(struct world *w)
{
    const uint64_t start = HEAP_PAGES + below(w, PAGES - HEAP_PAGES), pages = 1 + below(w, 12);
    const uint64_t end = start + pages < PAGES ? start + pages : PAGES;
    const uint64_t removed = count_mapped(w, start, end);
    clear(w, start, end);
    struct change change = CALL_IT(w, .call = CALL_MUNMAP, .args = {addr_of(start), length_of(w, end - start)});
    assert_true(change.mapped == 0 && change.unmapped == removed * TRACE_PAGE);
}

/* A run of mapped pages, of whatever mappings; false when there is nothing at the place that was picked. */
static bool some_run(struct world *w, uint64_t most, uint64_t *ret_start, uint64_t *ret_end)
{
    const uint64_t start = below(w, PAGES), limit = start + 1 + below(w, most);
    uint64_t end = start;
    while (end < limit && end < PAGES && w->pages[end].mapped)
        end++;
    *ret_start = start;
    *ret_end = end;
    return end > start;
}

static void do_mprotect(struct world *w)
{
    uint64_t start, end;
    const uint8_t prot = (uint8_t)below(w, 8);
    if (!some_run(w, 20, &start, &end))
        return;
    for (uint64_t i = start; i < end; i++)
        w->pages[i].prot = prot;
    struct change change = CALL_IT(w, .call = CALL_MPROTECT, .args = {addr_of(start), length_of(w, end - start), prot});
    assert_true(change.mapped == 0 && change.unmapped == 0);
}

static void do_madvise(struct world *w)
{
    uint64_t start, end;
    const bool dont = once_in(w, 2);
    if (!some_run(w, 10, &start, &end))
        return;
    for (uint64_t i = start; i < end; i++)
        w->pages[i].dont_fork = dont;
    CALL_IT(w, .call = CALL_MADVISE,
            .args = {addr_of(start), length_of(w, end - start), dont ? MADV_DONTFORK : MADV_DOFORK});
}

static void do_brk(struct world *w)
{
    const uint64_t wanted = brk_start + below(w, (HEAP_PAGES + 4) * TRACE_PAGE);
    const uint64_t old_end = (w->brk + TRACE_PAGE - 1 - base) / TRACE_PAGE;
    const uint64_t new_end = (wanted + TRACE_PAGE - 1 - base) / TRACE_PAGE;
    /* Not into another mapping; a query, or a break below the start, is refused in the same way. */
    const bool granted = !once_in(w, 4) && (new_end <= old_end || count_mapped(w, old_end, new_end) == 0);
    if (granted) {
        for (uint64_t i = old_end; i < new_end; i++)
            w->pages[i] = (struct page){.mapped = true, .prot = PROT_READ | PROT_WRITE, .birth = next_event(w)};
        if (new_end < old_end)
            clear(w, new_end, old_end);
        w->brk = wanted;
    }
    struct rec_event e = {.call = CALL_BRK, .args = {granted ? wanted : once_in(w, 2) ? 0 : wanted}, .ret = w->brk};
    if (!granted && e.args[0] == w->brk)
        return;
    struct change change = call(w, &e);
    assert_true(change.heap_after == (granted ? new_end : old_end) * TRACE_PAGE - TRACE_PAGE);
    assert_true(change.heap_before == old_end * TRACE_PAGE - TRACE_PAGE);
}

struct remap {
    uint64_t old, old_pages, pages, to, flags;
};

static void do_remap(struct world *w, const struct remap *m)
{
    /* An old size of 0 stands for the pages themselves, once more. */
    const bool doubles = m->old_pages == 0;
    const uint64_t moved = doubles ? 0 : m->old_pages < m->pages ? m->old_pages : m->pages;
    struct page old[PAGES], pattern = w->pages[m->old + (doubles ? 0 : m->old_pages - 1)];
    memcpy(old, &w->pages[m->old], moved * sizeof(old[0]));
    if (doubles && pattern.file)
        pattern.offset--;
    if (m->to != m->old)
        clear(w, m->to, m->to + m->pages);
    if (!doubles && !(m->flags & DONTUNMAP))
        clear(w, m->old, m->old + m->old_pages);
    memcpy(&w->pages[m->to], old, moved * sizeof(old[0]));
    for (uint64_t i = moved; i < m->pages; i++) {
        pattern.offset += pattern.file != 0;
        w->pages[m->to + i] = pattern;
        w->pages[m->to + i].birth = next_event(w);
    }
    CALL_IT(w, .call = CALL_MREMAP,
            .args = {addr_of(m->old), length_of(w, m->old_pages), length_of(w, m->pages), m->flags, addr_of(m->to)},
            .ret = addr_of(m->to));
}

static void do_mremap(struct world *w)
{
    struct remap m = {.old = HEAP_PAGES + below(w, PAGES - HEAP_PAGES), .pages = 1 + below(w, 12)};
    if (!w->pages[m.old].mapped)
        return;
    const uint64_t most = mapping_end(w, m.old) - m.old;
    m.old_pages = once_in(w, 2) ? most : 1 + below(w, most);
    const bool grows = m.pages > m.old_pages, to_end = m.old_pages == most;
    m.to = free_place(w, m.pages);
    if (once_in(w, 5) && w->pages[m.old].shared) {
        m.old_pages = 0;
        m.flags = MAYMOVE;
    } else if (once_in(w, 5)) {
        m.flags = MAYMOVE | DONTUNMAP;
        m.pages = m.old_pages;
        m.to = free_place(w, m.pages);
    } else if (once_in(w, 3)) {
        m.flags = MAYMOVE | REMAP_FIXED;
        m.to = HEAP_PAGES + below(w, PAGES - HEAP_PAGES - m.pages + 1);
        if (m.to < m.old + m.old_pages && m.old < m.to + m.pages)
            return; /* old and new must not overlap */
    } else if (!grows ||
               (to_end && m.old + m.pages <= PAGES && !count_mapped(w, m.old + m.old_pages, m.old + m.pages))) {
        m.to = m.old;
    } else {
        m.flags = MAYMOVE;
    }
    if (m.to != PAGES)
        do_remap(w, &m);
}

static void do_fork(struct world *w)
{
    struct driver *d = &w->driver;
    const uint32_t pid = 1000 + (uint32_t)next_event(w), space = pid;
    driver_task(d,
                &(struct rec_task){.tid = pid, .pid = pid, .parent = d->tid, .space = space, .copied_from = d->space});
    check_space(w, space, true);
    struct driver child = *d;
    child.space = space;
    DRIVE(&child, .call = CALL_MUNMAP, .args = {base, PAGES * TRACE_PAGE});
    driver_space_end(d, space);
    driver_apply(d, &(struct record){.kind = REC_EXIT, .exit = {d->time, pid, pid, 1, 0}});
    check_space(w, d->space, false);
}

/* The kernel's own words: no difference. */
static void do_checkpoint(struct world *w)
{
    struct rec_mapping lines[PAGES];
    uint32_t count = lines_of(w, lines);
    driver_checkpoint(&w->driver, CHECKPOINT_EVERY, count, lines);
    assert_true(w->driver.moment.compared && w->driver.moment.drift == 0);
    check_space(w, w->driver.space, false);
}

/* All that the decoder knows goes through bytes, and another decoder goes on from them. */
static void do_save_and_load(struct world *w)
{
    struct pack saved = {0}, again = {0};
    struct decoder *loaded = decoder_new();
    assert_int_equal(state_save(w->driver.decoder, &saved), 0);
    struct pack reader = pack_reader(saved.out, saved.size);
    assert_int_equal(state_load(loaded, &reader), 0);
    assert_int_equal(state_save(loaded, &again), 0);
    assert_int_equal(again.size, saved.size);
    assert_memory_equal(again.out, saved.out, saved.size);
    pack_free(&saved);
    pack_free(&again);
    decoder_free(w->driver.decoder);
    w->driver.decoder = loaded;
    driver_check(loaded);
    check_space(w, w->driver.space, false);
}

/* A state that was cut or damaged is refused, or is one that could have been. */
static void do_damaged_state(struct world *w)
{
    struct pack saved = {0};
    assert_int_equal(state_save(w->driver.decoder, &saved), 0);
    for (int round = 0; round < 40; round++) {
        const size_t size = once_in(w, 2) ? below(w, saved.size) : saved.size;
        unsigned char *bytes = malloc(size + 1);
        struct decoder *loaded = decoder_new();
        assert_true(bytes && loaded);
        memcpy(bytes, saved.out, size);
        if (size)
            bytes[below(w, size)] ^= (unsigned char)(1 + below(w, 255));
        struct pack reader = pack_reader(bytes, size);
        const int error = state_load(loaded, &reader);
        assert_true(error == 0 || error == -TRACE_E_DAMAGED);
        if (!error)
            driver_check(loaded);
        decoder_free(loaded);
        free(bytes);
    }
    pack_free(&saved);
}

/* ---- what no call did ---- */

/* Something else in a range, or nothing. */
static void change_pages(struct world *w, uint64_t start, uint64_t end)
{
    const uint64_t what = below(w, 5);
    struct page page = {.mapped = true, .prot = (uint8_t)below(w, 8)};
    if (what == 1 || what == 2) {
        page.shared = what == 2;
        page.file = 1 + (uint32_t)below(w, FILES - 1);
        page.offset = below(w, 500);
    }
    for (uint64_t i = start; i < end; i++) {
        if (what == 3 && w->pages[i].mapped) {
            w->pages[i].prot = page.prot;
            continue;
        }
        w->pages[i] = what == 4 ? (struct page){0} : page;
        page.offset += page.file != 0;
    }
}

/* The same for maps, which tells neither births nor what fork does. */
static bool looks_the_same(const struct page *a, const struct page *b)
{
    return a->mapped == b->mapped && a->shared == b->shared && a->prot == b->prot && a->file == b->file &&
           a->offset == b->offset;
}

/* What maps does not tell is the replay's own business where something has changed. */
static void take_births(struct world *w, uint64_t page)
{
    struct segment s;
    if (!w->pages[page].mapped)
        return;
    assert_true(decoder_segment(w->driver.decoder, w->driver.space, addr_of(page), &s) && s.start <= addr_of(page));
    w->pages[page].birth = s.birth;
    w->pages[page].dont_fork = s.flags & SEGMENT_DONT_FORK;
}

/* The map is another one than the replay believes: every difference is told, and after the repair there is none. */
static void do_drift(struct world *w)
{
    struct page before[PAGES];
    struct rec_mapping lines[PAGES];
    uint64_t changed = 0;
    memcpy(before, w->pages, sizeof(before));
    for (uint64_t i = 1 + below(w, 4); i > 0; i--) {
        const uint64_t start = HEAP_PAGES + below(w, PAGES - HEAP_PAGES), end = start + 1 + below(w, 12);
        change_pages(w, start, end < PAGES ? end : PAGES);
    }
    for (uint64_t i = 0; i < PAGES; i++) {
        changed += !looks_the_same(&before[i], &w->pages[i]);
        if (looks_the_same(&before[i], &w->pages[i]))
            w->pages[i] = before[i];
    }
    const uint32_t count = lines_of(w, lines);
    driver_checkpoint(&w->driver, CHECKPOINT_EVERY, count, lines);
    assert_true(w->driver.moment.compared);
    assert_int_equal(w->driver.moment.drift != 0, changed != 0);
    assert_in_range(w->driver.moment.drift, 0, changed);
    for (uint64_t i = 0; i < PAGES; i++)
        if (!looks_the_same(&before[i], &w->pages[i]))
            take_births(w, i);
    check_space(w, w->driver.space, false);
    driver_checkpoint(&w->driver, CHECKPOINT_EVERY, count, lines);
    assert_int_equal(w->driver.moment.drift, 0);
}

static void begin(struct world *w, uint64_t seed)
{
    static const char *const paths[FILES] = {"/a", "/b", "/usr/lib/c.so", "/dev/zero (deleted)"};
    memset(w, 0, sizeof(*w));
    w->random.state = seed;
    w->brk = brk_start;
    driver_begin(&w->driver);
    for (uint32_t i = 0; i < FILES; i++)
        driver_file(&w->driver, i + 1, 100 + i, paths[i]);
    driver_exec(&w->driver,
                &(struct rec_exec){.pid = DRIVER_PID, .old_space = DRIVER_SPACE, .space = 3, .start_brk = brk_start});
    driver_space_end(&w->driver, DRIVER_SPACE);
    driver_checkpoint(&w->driver, CHECKPOINT_EXEC, 0, NULL);
}

static void test_random_calls(void **state)
{
    (void)state;
    /* Some twice: they are wanted more often. */
    static void (*const steps[])(struct world * w) = {
        do_mmap,     do_mmap,    do_mmap,   do_munmap, do_munmap, do_mprotect,
        do_mprotect, do_madvise, do_mremap, do_brk,    do_mremap, do_checkpoint,
    };
    struct world *w = malloc(sizeof(*w));
    assert_non_null(w);
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        begin(w, seed);
        for (int i = 0; i < STEPS; i++) {
            if (once_in(w, 40))
                do_fork(w);
            if (once_in(w, 60))
                do_save_and_load(w);
            if (once_in(w, 500))
                do_damaged_state(w);
            steps[below(w, sizeof(steps) / sizeof(steps[0]))](w);
        }
        driver_clean(&w->driver);
        driver_end(&w->driver);
    }
    free(w);
}

static void test_random_drift(void **state)
{
    (void)state;
    static void (*const steps[])(struct world * w) = {do_mmap,    do_mmap,   do_munmap, do_mprotect,
                                                      do_madvise, do_mremap, do_drift,  do_drift};
    struct world *w = malloc(sizeof(*w));
    assert_non_null(w);
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        begin(w, seed);
        for (int i = 0; i < STEPS; i++)
            steps[below(w, sizeof(steps) / sizeof(steps[0]))](w);
        assert_true(decoder_contradictions(w->driver.decoder) == 0);
        assert_true(decoder_drift(w->driver.decoder) > SEEDS);
        driver_end(&w->driver);
    }
    free(w);
}

/* ---- what no kernel makes ---- */

static uint64_t odd_number(struct random_source *r)
{
    switch (random_below(r, 6)) {
    case 0:
        return random_edge(r);
    case 1:
        return base + random_below(r, PAGES * TRACE_PAGE); /* within a page */
    default:
        return base + random_below(r, PAGES) * TRACE_PAGE;
    }
}

static uint64_t odd_length(struct random_source *r)
{
    return random_once_in(r, 6) ? random_edge(r) : random_below(r, 12 * TRACE_PAGE);
}

static void odd_event(struct random_source *r, struct record *record)
{
    struct rec_event *e = &record->event;
    record->kind = REC_EVENT;
    *e = (struct rec_event){
        .call = (uint32_t)random_below(r, CALL_COUNT),
        .args = {odd_number(r), odd_length(r), odd_length(r), random_below(r, 256), odd_number(r), odd_number(r)},
        .nargs = CALL_MAX_ARGS,
        .ret = odd_number(r),
        .space = (uint32_t)random_below(r, 5),
        .pid = DRIVER_PID,
        .tid = DRIVER_PID,
        .file = (uint32_t)random_below(r, FILES + 2),
        .at = odd_number(r)};
    if (e->call == CALL_BRK && random_once_in(r, 2))
        e->ret = e->args[0];
    if (random_once_in(r, 2))
        e->length = odd_length(r);
    if (random_once_in(r, 8))
        e->flags = 1u << random_below(r, 8);
}

static void odd_checkpoint(struct random_source *r, struct record *record, struct rec_mapping *lines, uint32_t most)
{
    uint32_t count = (uint32_t)random_below(r, most);
    tracee_addr at = base;
    for (uint32_t i = 0; i < count; i++) {
        lines[i].start = at += random_below(r, 4) * TRACE_PAGE;
        lines[i].end = at += (random_below(r, 40) ? 1 + random_below(r, 4) : 0) * TRACE_PAGE;
        lines[i].offset = random_below(r, 8) * TRACE_PAGE;
        lines[i].prot = (uint32_t)random_below(r, 8);
        lines[i].shared = (uint32_t)random_below(r, 2);
        lines[i].file = (uint32_t)random_below(r, FILES + 2);
    }
    record->kind = REC_CHECKPOINT;
    record->checkpoint = (struct rec_checkpoint){.space = (uint32_t)random_below(r, 5),
                                                 .pid = DRIVER_PID,
                                                 .reason = (uint32_t)random_below(r, CHECKPOINT_ATTACH + 2),
                                                 .n_mappings = count,
                                                 .mappings = lines};
}

static void odd_process(struct random_source *r, struct record *record)
{
    const uint32_t space = (uint32_t)random_below(r, 5), pid = DRIVER_PID + (uint32_t)random_below(r, 4);
    switch (random_below(r, 5)) {
    case 0:
        record->kind = REC_TASK;
        record->task = (struct rec_task){.tid = pid,
                                         .pid = pid,
                                         .parent = DRIVER_PID,
                                         .space = space,
                                         .copied_from = (uint32_t)random_below(r, 5),
                                         .flags = (uint32_t)random_below(r, 8)};
        break;
    case 1:
        record->kind = REC_EXEC;
        record->exec = (struct rec_exec){.pid = pid,
                                         .old_tid = pid,
                                         .old_space = space,
                                         .space = (uint32_t)random_below(r, 5),
                                         .start_brk = odd_number(r)};
        break;
    case 2:
        record->kind = REC_SPACE_END;
        record->space_end = (struct rec_space_end){.space = space};
        break;
    case 3:
        record->kind = REC_EXIT;
        record->exit = (struct rec_exit){.tid = pid, .pid = pid, .last = (uint32_t)random_below(r, 2)};
        break;
    default:
        record->kind = REC_SAMPLE;
        record->sample = (struct rec_sample){.pid = pid, .space = space, .resident_pages = random_edge(r)};
    }
}

/* Whatever a damaged or hostile trace says: the model stays in order.  driver_apply() looks at all of it
 * after each record. */
static void test_hostile_records(void **state)
{
    (void)state;
    struct world *w = malloc(sizeof(*w));
    struct rec_mapping lines[24];
    assert_non_null(w);
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        begin(w, seed);
        for (int i = 0; i < STEPS; i++) {
            struct record record = {0};
            uint64_t what = random_below(&w->random, 16);
            if (what == 0)
                odd_checkpoint(&w->random, &record, lines, 24);
            else if (what == 1)
                odd_process(&w->random, &record);
            else
                odd_event(&w->random, &record);
            driver_apply(&w->driver, &record);
        }
        assert_true(decoder_contradictions(w->driver.decoder) > 0);
        driver_end(&w->driver);
    }
    free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random_calls),
        cmocka_unit_test(test_random_drift),
        cmocka_unit_test(test_hostile_records),
    };
    return cmocka_run_group_tests_name("replay_random", tests, NULL, NULL);
}
