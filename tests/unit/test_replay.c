/* links: decoder.a tracer.a */
/* test_replay.c: what each call does to an address space, by hand-made records.  Addresses are small so that
 * they can be read. */
#include "driver.h"

#include <errno.h>
#include <linux/prctl.h>
#include <sys/mman.h>

enum { R = PROT_READ, RW = PROT_READ | PROT_WRITE, RX = PROT_READ | PROT_EXEC };
enum { PRIVATE = MAP_PRIVATE | MAP_ANONYMOUS, FIXED = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED };
enum { FILE_A = 1, FILE_B, FILE_ZERO, FILE_SHM, FILE_RING, FILE_STACK, FILE_OTHER_SHM };
enum { MAYMOVE = 1, REMAP_FIXED = 2, DONTUNMAP = 4, PROT_GROWS_DOWN = 0x01000000 };

#define NO_FD UINT64_MAX

static void begin(struct driver *d)
{
    driver_begin(d);
    driver_file(d, FILE_A, 11, "/usr/lib/a.so");
    driver_file(d, FILE_B, 12, "/data/b");
    driver_file(d, FILE_ZERO, 13, "/dev/zero (deleted)");
    driver_file(d, FILE_SHM, 14, "/SYSV00000000 (deleted)");
    driver_file(d, FILE_RING, 15, "/[aio] (deleted)");
    driver_file(d, FILE_STACK, 0, "[stack]");
    driver_file(d, FILE_OTHER_SHM, 16, "/SYSV00000001 (deleted)");
}

static void check_change(struct change change, enum kind kind, uint64_t mapped, uint64_t unmapped)
{
    assert_string_equal(kind_name(change.kind), kind_name(kind));
    assert_true(change.mapped == mapped);
    assert_true(change.unmapped == unmapped);
}

static struct change map(struct driver *d, tracee_addr at, uint64_t length, uint64_t prot, uint64_t flags)
{
    return DRIVE(d, .call = CALL_MMAP, .args = {0, length, prot, flags, NO_FD, 0}, .ret = at);
}

static struct change map_file(struct driver *d, tracee_addr at, uint64_t length, uint64_t prot, uint64_t flags,
                              uint32_t file, uint64_t offset)
{
    return DRIVE(d, .call = CALL_MMAP, .args = {at, length, prot, flags, 3, offset}, .ret = at, .file = file);
}

static struct change unmap(struct driver *d, tracee_addr at, uint64_t length)
{
    return DRIVE(d, .call = CALL_MUNMAP, .args = {at, length});
}

static struct change protect(struct driver *d, tracee_addr at, uint64_t length, uint64_t prot)
{
    return DRIVE(d, .call = CALL_MPROTECT, .args = {at, length, prot});
}

static struct change remap(struct driver *d, tracee_addr old, uint64_t old_length, uint64_t length, uint64_t flags,
                           tracee_addr to)
{
    return DRIVE(d, .call = CALL_MREMAP, .args = {old, old_length, length, flags, to}, .ret = to);
}

static struct change advise(struct driver *d, tracee_addr at, uint64_t length, uint64_t advice)
{
    return DRIVE(d, .call = CALL_MADVISE, .args = {at, length, advice});
}

/* ---- brk ---- */

static void check_brk(struct driver *d, tracee_addr wanted, tracee_addr got, uint64_t before, uint64_t after)
{
    struct change c = DRIVE(d, .call = CALL_BRK, .args = {wanted}, .ret = got);
    check_change(c, KIND_HEAP, after > before ? after - before : 0, before > after ? before - after : 0);
    assert_true(c.heap_before == before && c.heap_after == after);
    assert_true(decoder_heap_bytes(d->decoder) == after);
    struct space_info info;
    assert_true(decoder_space(d->decoder, d->space, &info));
    assert_true(info.heap == after && info.heap_start == DRIVER_BRK && info.heap_end == got);
}

static void test_brk(void **state)
{
    (void)state;
    struct driver d;
    begin(&d);
    check_brk(&d, 0, 0x1000000, 0, 0); /* a query */
    driver_layout(&d, "");
    check_brk(&d, 0x1003000, 0x1003000, 0, 0x3000);
    driver_layout(&d, "1000000-1003000 rw-p heap #2\n");
    check_brk(&d, 0x1003010, 0x1003010, 0x3000, 0x4000); /* one byte takes a page */
    check_brk(&d, 0x1003ff0, 0x1003ff0, 0x4000, 0x4000); /* more of that page takes none */
    check_brk(&d, 0x1004000, 0x1004000, 0x4000, 0x4000);
    check_brk(&d, 0x1004001, 0x1004001, 0x4000, 0x5000);
    driver_layout(&d, "1000000-1003000 rw-p heap #2\n1003000-1004000 rw-p heap #3\n1004000-1005000 rw-p heap #6\n");
    check_brk(&d, 0x2000000, 0x1004001, 0x5000, 0x5000); /* refused: the break is told as it is */
    check_brk(&d, 0xfff000, 0x1004001, 0x5000, 0x5000);  /* below the start of the heap */
    check_brk(&d, 0x1003801, 0x1003801, 0x5000, 0x4000);
    check_brk(&d, 0x1000800, 0x1000800, 0x4000, 0x1000);
    driver_layout(&d, "1000000-1001000 rw-p heap #2\n");
    check_brk(&d, 0x1000000, 0x1000000, 0x1000, 0);
    driver_layout(&d, "");
    /* A query that tells of a break that nobody was seen to move: the next checkpoint will say what is there.
     */
    struct change c = DRIVE(&d, .call = CALL_BRK, .args = {0}, .ret = 0x1002000);
    assert_true(c.mapped == 0 && c.heap_after == 0x2000);
    driver_layout(&d, "");
    driver_clean(&d);
    driver_end(&d);
}

/* The start of the heap is not known, or lies within a page. */
static void test_brk_start(void **state)
{
    (void)state;
    struct driver d;
    struct space_info info;
    begin(&d);
    driver_exec(&d, &(struct rec_exec){.pid = DRIVER_PID, .old_tid = DRIVER_PID, .old_space = 2, .space = 3});
    driver_checkpoint(&d, CHECKPOINT_EXEC, 0, NULL);
    DRIVE(&d, .call = CALL_BRK, .ret = 0x5000400);
    struct change c = DRIVE(&d, .call = CALL_BRK, .args = {0x5002400}, .ret = 0x5002400);
    check_change(c, KIND_HEAP, 0x2000, 0);
    driver_layout(&d, "5001000-5003000 rw-p heap #2\n");
    assert_true(decoder_space(d.decoder, 3, &info));
    assert_true(info.heap_start == 0x5000400 && info.heap_end == 0x5002400 && info.heap == 0x2000);
    driver_clean(&d);
    driver_end(&d);
}

/* A heap that was there at the baseline goes on growing. */
static void test_brk_baseline(void **state)
{
    (void)state;
    struct driver d;
    driver_begin(&d);
    driver_file(&d, 1, 0, "[heap]");
    driver_exec(&d, &(struct rec_exec){.pid = DRIVER_PID, .old_space = 2, .space = 3, .start_brk = 0x5000000});
    driver_checkpoint(&d, CHECKPOINT_ATTACH, 2,
                      (struct rec_mapping[]){{.start = 0x5000000, .end = 0x5003000, .prot = RW, .file = 1},
                                             {.start = 0x5003000, .end = 0x5008000, .prot = R, .file = 1}});
    struct change c = DRIVE(&d, .call = CALL_BRK, .args = {0x5009000}, .ret = 0x5009000);
    check_change(c, KIND_HEAP, 0x1000, 0);
    assert_true(c.heap_before == 0x8000 && c.heap_after == 0x9000);
    driver_layout(&d, "5000000-5003000 rw-p heap #0 f1+0 kernel named\n5003000-5008000 r--p heap #0 f1+0 kernel named\n"
                      "5008000-5009000 rw-p heap #1\n");
    driver_clean(&d);
    driver_end(&d);
}

/* ---- mmap ---- */

static void test_map(void **state)
{
    (void)state;
    struct driver d;
    begin(&d);
    /* The result decides, not the hint; lengths are rounded up. */
    check_change(DRIVE(&d, .call = CALL_MMAP, .args = {0x90000, 0x1001, RW, PRIVATE, NO_FD, 0}, .ret = 0x10000),
                 KIND_ANONYMOUS, 0x2000, 0);
    check_change(map_file(&d, 0x20000, 0x3000, R, MAP_PRIVATE, FILE_B, 0x5000), KIND_FILE, 0x3000, 0);
    check_change(map_file(&d, 0x30000, 0x1000, RW, MAP_SHARED, FILE_B, 0), KIND_FILE, 0x1000, 0);
    check_change(map_file(&d, 0x40000, 0x1000, RW, MAP_SHARED | MAP_ANONYMOUS, FILE_ZERO, 0x7000), KIND_SHARED, 0x1000,
                 0);
    check_change(DRIVE(&d, .call = CALL_OLD_MMAP, .args = {0, 0x1000, R, 3, 3, 0x2000}, .ret = 0x50000, .file = FILE_B),
                 KIND_FILE, 0x1000, 0); /* MAP_SHARED_VALIDATE */
    check_change(DRIVE(&d, .call = CALL_MMAP2, .args = {0, 0x1000, 0, PRIVATE, NO_FD, 0x3000}, .ret = 0x60000),
                 KIND_ANONYMOUS, 0x1000, 0);
    /* Huge pages: the kernel says how long it really is. */
    check_change(DRIVE(&d, .call = CALL_MMAP, .args = {0, 0x1000, RW, PRIVATE | MAP_HUGETLB, NO_FD, 0}, .ret = 0x200000,
                       .length = 0x200000),
                 KIND_ANONYMOUS, 0x200000, 0);
    check_change(DRIVE(&d, .call = CALL_MMAP, .args = {0, 0x1000, RW, PRIVATE, NO_FD, 0}, .error = ENOMEM), KIND_NONE,
                 0, 0);
    check_change(
        DRIVE(&d, .call = CALL_MMAP, .args = {0, 0x1000, RW, PRIVATE}, .flags = EVENT_UNFINISHED, .ret = 0x70000),
        KIND_NONE, 0, 0);
    driver_layout(&d, "10000-12000 rw-p anonymous #1\n"
                      "20000-23000 r--p file #2 f2+5000\n"
                      "30000-31000 rw-s file #3 f2+0\n"
                      "40000-41000 rw-s shared #4 f3+0\n"
                      "50000-51000 r--s file #5 f2+2000\n"
                      "60000-61000 ---p anonymous #6\n"
                      "200000-400000 rw-p anonymous #7\n");
    assert_int_equal(decoder_events(d.decoder), 9);
    driver_clean(&d);
    driver_end(&d);
}

static void test_map_fixed(void **state)
{
    (void)state;
    struct driver d;
    begin(&d);
    map(&d, 0x10000, 0x3000, RW, PRIVATE);
    map_file(&d, 0x14000, 0x3000, R, MAP_PRIVATE, FILE_B, 0x1000);
    map(&d, 0x17000, 0x1000, RW, PRIVATE);
    check_change(map(&d, 0x12000, 0x4000, R, FIXED), KIND_ANONYMOUS, 0x4000, 0x3000);
    driver_layout(&d, "10000-12000 rw-p anonymous #1\n12000-16000 r--p anonymous #4\n16000-17000 r--p file #2 f2+3000\n"
                      "17000-18000 rw-p anonymous #3\n");
    check_change(map(&d, 0x20000, 0x1000, R, FIXED | MAP_FIXED_NOREPLACE), KIND_ANONYMOUS, 0x1000, 0);
    driver_clean(&d);
    /* Over live pages without being asked to: no kernel does that. */
    check_change(map(&d, 0x10000, 0x1000, R, PRIVATE), KIND_ANONYMOUS, 0x1000, 0x1000);
    assert_true(decoder_impossible(d.decoder) == 1);
    check_change(map(&d, 0x11000, 0x1000, R, FIXED | MAP_FIXED_NOREPLACE), KIND_ANONYMOUS, 0x1000, 0x1000);
    assert_true(decoder_impossible(d.decoder) == 2);
    driver_end(&d);
}

static void test_read_implies_exec(void **state)
{
    (void)state;
    struct driver d;
    begin(&d);
    driver_exec(
        &d,
        &(struct rec_exec){
            .pid = DRIVER_PID, .old_space = 2, .space = 3, .flags = EXEC_READ_IMPLIES_EXEC, .start_brk = DRIVER_BRK});
    driver_checkpoint(&d, CHECKPOINT_EXEC, 0, NULL);
    map(&d, 0x10000, 0x3000, RW, PRIVATE);
    map(&d, 0x20000, 0x1000, PROT_WRITE, PRIVATE);
    protect(&d, 0x11000, 0x1000, R);
    protect(&d, 0x12000, 0x1000, PROT_NONE);
    driver_layout(&d, "10000-11000 rwxp anonymous #1\n11000-12000 r-xp anonymous #1\n12000-13000 ---p anonymous #1\n"
                      "20000-21000 -w-p anonymous #2\n");
    driver_end(&d);
}

static void test_personality(void **state)
{
    (void)state;
    enum { READ_IMPLIES_EXEC_BIT = 0x0400000, NO_RANDOMIZE = 0x0040000 };
    struct driver d;
    begin(&d);
    DRIVE(&d, .call = CALL_PERSONALITY, .args = {NO_RANDOMIZE | READ_IMPLIES_EXEC_BIT});
    DRIVE(&d, .call = CALL_PERSONALITY, .args = {0xffffffff}); /* a query */
    map(&d, 0x10000, 0x1000, R, PRIVATE);
    DRIVE(&d, .call = CALL_PERSONALITY, .args = {0}, .error = EINVAL);
    map(&d, 0x20000, 0x1000, R, PRIVATE);
    DRIVE(&d, .call = CALL_PERSONALITY, .args = {NO_RANDOMIZE});
    DRIVE(&d, .call = CALL_PERSONALITY, .args = {0xffffffff});
    map(&d, 0x30000, 0x1000, R, PRIVATE);
    driver_layout(&d, "10000-11000 r-xp anonymous #3\n20000-21000 r-xp anonymous #5\n30000-31000 r--p anonymous #8\n");
    driver_clean(&d);
    driver_end(&d);
}

static void test_kinds(void **state)
{
    (void)state;
    enum { MiB = 1 << 20, NORESERVE = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE };
    struct driver d;
    begin(&d);
    check_change(map(&d, 0x10000, 0x9000, RW, PRIVATE | MAP_STACK), KIND_STACK, 0x9000, 0);
    check_change(map(&d, 0x1a000, 0x1000, RW, PRIVATE | MAP_GROWSDOWN), KIND_STACK, 0x1000, 0);
    check_change(map(&d, 0x10001000, 128 * MiB, 0, NORESERVE), KIND_ARENA, 128 * MiB, 0);
    check_change(map(&d, 0x20000000, 64 * MiB, 0, NORESERVE), KIND_ARENA, 64 * MiB, 0);
    check_change(map(&d, 0x30001000, 64 * MiB, 0, NORESERVE), KIND_ANONYMOUS, 64 * MiB, 0); /* not aligned */
    check_change(map(&d, 0x40000000, 64 * MiB, RW, NORESERVE), KIND_ANONYMOUS, 64 * MiB, 0);
    /* A library: text, then data over a part of the first mapping, then bss behind it. */
    check_change(map_file(&d, 0x50000, 0x6000, R, MAP_PRIVATE | MAP_DENYWRITE, FILE_A, 0), KIND_IMAGE, 0x6000, 0);
    check_change(map_file(&d, 0x52000, 0x2000, RW, MAP_PRIVATE | MAP_FIXED, FILE_A, 0x2000), KIND_IMAGE, 0x2000,
                 0x2000);
    check_change(map(&d, 0x54000, 0x1000, RW, FIXED), KIND_IMAGE, 0x1000, 0x1000);
    check_change(map_file(&d, 0x70000, 0x1000, RX, MAP_PRIVATE, FILE_B, 0), KIND_IMAGE, 0x1000, 0);
    driver_clean(&d);
    driver_end(&d);
}

/* ---- munmap ---- */

static void test_unmap(void **state)
{
    (void)state;
    struct driver d;
    begin(&d);
    map(&d, 0x10000, 0x5000, RW, PRIVATE);
    map_file(&d, 0x20000, 0x4000, R, MAP_PRIVATE, FILE_B, 0x8000);
    const uint64_t born = d.time - 1;
    d.time = born + 99;
    struct change c = unmap(&d, 0x12000, 0xfff); /* the middle; the length is rounded up */
    check_change(c, KIND_ANONYMOUS, 0, 0x1000);
    assert_true(c.lived == 100);
    driver_layout(&d,
                  "10000-12000 rw-p anonymous #1\n13000-15000 rw-p anonymous #1\n20000-24000 r--p file #2 f2+8000\n");
    c = unmap(&d, 0x11000, 0x10000); /* over holes, and two births */
    check_change(c, KIND_ANONYMOUS, 0, 0x4000);
    assert_true(c.lived == 0);
    driver_layout(&d, "10000-11000 rw-p anonymous #1\n21000-24000 r--p file #2 f2+9000\n");
    check_change(unmap(&d, 0x15000, 0x3000), KIND_NONE, 0, 0); /* nothing there: success all the same */
    check_change(DRIVE(&d, .call = CALL_MUNMAP, .args = {0x10000, 0x1000}, .error = EINVAL), KIND_NONE, 0, 0);
    driver_clean(&d);
    /* What no kernel accepts changes nothing, and is counted. */
    check_change(unmap(&d, 0x10800, 0x1000), KIND_NONE, 0, 0);
    check_change(unmap(&d, 0x10000, UINT64_MAX - 0x8000), KIND_NONE, 0, 0);
    assert_true(decoder_contradictions(d.decoder) == 2);
    driver_layout(&d, "10000-11000 rw-p anonymous #1\n21000-24000 r--p file #2 f2+9000\n");
    driver_end(&d);
}

/* ---- mprotect ---- */

static void test_protect(void **state)
{
    (void)state;
    struct driver d;
    begin(&d);
    map(&d, 0x10000, 0x5000, RW, PRIVATE);
    check_change(protect(&d, 0x11000, 0x1001, R), KIND_ANONYMOUS, 0, 0);
    check_change(DRIVE(&d, .call = CALL_PKEY_MPROTECT, .args = {0x14000, 0x1000, RX, 1}), KIND_ANONYMOUS, 0, 0);
    driver_layout(&d, "10000-11000 rw-p anonymous #1\n11000-13000 r--p anonymous #1\n13000-14000 rw-p anonymous #1\n"
                      "14000-15000 r-xp anonymous #1\n");
    check_change(DRIVE(&d, .call = CALL_MPROTECT, .args = {0x10000, 0x1000, 0}, .error = EACCES), KIND_NONE, 0, 0);
    /* As it was: the kernel merges, and the replay agrees with one line. */
    protect(&d, 0x10000, 0x5000, RW);
    driver_checkpoint(&d, CHECKPOINT_EVERY, 1, &(struct rec_mapping){.start = 0x10000, .end = 0x15000, .prot = RW});
    assert_true(d.moment.compared && d.moment.drift == 0);
    /* The edge of a stack is its guard as long as it can't be touched. */
    map(&d, 0x20000, 0x9000, RW, PRIVATE | MAP_STACK);
    check_change(protect(&d, 0x20000, 0x1000, PROT_NONE), KIND_STACK, 0, 0);
    assert_true(decoder_kind_bytes(d.decoder)[KIND_GUARD] == 0x1000);
    driver_layout(&d, "10000-11000 rw-p anonymous #1\n11000-13000 rw-p anonymous #1\n13000-14000 rw-p anonymous #1\n"
                      "14000-15000 rw-p anonymous #1\n20000-21000 ---p guard #6\n21000-29000 rw-p stack #6\n");
    check_change(protect(&d, 0x20000, 0x3000, RW), KIND_STACK, 0, 0);
    assert_true(decoder_kind_bytes(d.decoder)[KIND_GUARD] == 0);
    driver_clean(&d);
    driver_end(&d);
}

/* PROT_GROWSDOWN begins where the mapping that grows down begins. */
static void test_protect_growsdown(void **state)
{
    (void)state;
    struct driver d;
    begin(&d);
    map(&d, 0x10000, 0x1000, RW, PRIVATE); /* a neighbour of another sort */
    map(&d, 0x11000, 0x4000, RW, PRIVATE | MAP_GROWSDOWN);
    protect(&d, 0x13000, 0x1000, RX | PROT_GROWS_DOWN);
    driver_layout(&d,
                  "10000-11000 rw-p anonymous #1\n11000-14000 r-xp stack #2 grows\n14000-15000 rw-p stack #2 grows\n");
    /* Split by another protection: the mapping is only the upper part now. */
    protect(&d, 0x12000, 0x3000, R);
    protect(&d, 0x14000, 0x1000, RW | PROT_GROWS_DOWN);
    driver_layout(&d,
                  "10000-11000 rw-p anonymous #1\n11000-12000 r-xp stack #2 grows\n12000-14000 rw-p stack #2 grows\n"
                  "14000-15000 rw-p stack #2 grows\n");
    driver_clean(&d);
    driver_end(&d);
}

/* ---- mremap ---- */

static void test_remap_in_place(void **state)
{
    (void)state;
    struct driver d;
    begin(&d);
    map_file(&d, 0x10000, 0x5000, R, MAP_PRIVATE, FILE_B, 0x8000);
    check_change(remap(&d, 0x10000, 0x5000, 0x2800, 0, 0x10000), KIND_FILE, 0, 0x2000);
    driver_layout(&d, "10000-13000 r--p file #1 f2+8000\n");
    check_change(remap(&d, 0x11000, 0x2000, 0x4000, 0, 0x11000), KIND_FILE, 0x2000, 0);
    driver_layout(&d, "10000-13000 r--p file #1 f2+8000\n13000-15000 r--p file #3 f2+b000\n");
    check_change(remap(&d, 0x10000, 0x3000, 0x3000, MAYMOVE, 0x10000), KIND_FILE, 0, 0); /* the same size */
    check_change(remap(&d, 0x11000, 0x1000, 0x1000, MAYMOVE, 0x11000), KIND_FILE, 0, 0); /* of a part */
    check_change(DRIVE(&d, .call = CALL_MREMAP, .args = {0x10000, 0x1000, 0x9000, 0}, .error = ENOMEM), KIND_NONE, 0,
                 0);
    driver_layout(&d, "10000-13000 r--p file #1 f2+8000\n13000-15000 r--p file #3 f2+b000\n");
    driver_clean(&d);
    driver_end(&d);
}

static void test_remap_moves(void **state)
{
    (void)state;
    struct driver d;
    begin(&d);
    map_file(&d, 0x10000, 0x4000, R, MAP_PRIVATE, FILE_B, 0x8000);
    protect(&d, 0x12000, 0x1000, RW);
    protect(&d, 0x12000, 0x1000, R);
    /* Births move along, the new part is born now. */
    check_change(remap(&d, 0x10000, 0x4000, 0x6000, MAYMOVE, 0x30000), KIND_FILE, 0x6000, 0x4000);
    driver_layout(&d, "30000-32000 r--p file #1 f2+8000\n32000-33000 r--p file #1 f2+a000\n33000-34000 r--p "
                      "file #1 f2+b000\n"
                      "34000-36000 r--p file #4 f2+c000\n");
    /* A smaller part, over something: that goes, and so does the rest of what was to move. */
    map(&d, 0x50000, 0x3000, RW, PRIVATE);
    check_change(remap(&d, 0x31000, 0x3000, 0x2000, MAYMOVE | REMAP_FIXED, 0x50000), KIND_FILE, 0x2000,
                 0x2000 + 0x2000 + 0x1000);
    driver_layout(&d, "30000-31000 r--p file #1 f2+8000\n34000-36000 r--p file #4 f2+c000\n"
                      "50000-51000 r--p file #1 f2+9000\n51000-52000 r--p file #1 f2+a000\n52000-53000 rw-p "
                      "anonymous #5\n");
    driver_clean(&d);
    /* Over live pages without MREMAP_FIXED: impossible. */
    remap(&d, 0x34000, 0x2000, 0x2000, MAYMOVE, 0x52000);
    assert_true(decoder_impossible(d.decoder) == 1);
    driver_end(&d);
}

/* A part of a mapping that grows has to move, since the rest of the mapping is in its way. */
static void test_remap_part_grows(void **state)
{
    (void)state;
    struct driver d;
    begin(&d);
    map(&d, 0x8000, 0x1000, RX, PRIVATE | MAP_STACK); /* not to be taken as the pattern */
    map_file(&d, 0x10000, 0x8000, R, MAP_SHARED, FILE_B, 0x20000);
    check_change(remap(&d, 0x12000, 0x1000, 0x3000, MAYMOVE, 0x30000), KIND_FILE, 0x3000, 0x1000);
    driver_layout(&d, "8000-9000 r-xp stack #1\n10000-12000 r--s file #2 f2+20000\n13000-18000 r--s file #2 f2+23000\n"
                      "30000-31000 r--s file #2 f2+22000\n31000-33000 r--s file #3 f2+23000\n");
    driver_clean(&d);
    driver_end(&d);
}

/* An old size of 0: the same pages of a shared mapping once more. */
static void test_remap_doubles(void **state)
{
    (void)state;
    struct driver d;
    begin(&d);
    map_file(&d, 0x10000, 0x4000, RW, MAP_SHARED, FILE_B, 0x8000);
    check_change(remap(&d, 0x11000, 0, 0x2000, MAYMOVE, 0x30000), KIND_FILE, 0x2000, 0);
    driver_layout(&d, "10000-14000 rw-s file #1 f2+8000\n30000-32000 rw-s file #2 f2+9000\n");
    map(&d, 0x40000, 0x1000, RW, PRIVATE);
    check_change(remap(&d, 0x10000, 0, 0x1000, MAYMOVE | REMAP_FIXED, 0x40000), KIND_FILE, 0x1000, 0x1000);
    driver_layout(&d, "10000-14000 rw-s file #1 f2+8000\n30000-32000 rw-s file #2 f2+9000\n40000-41000 rw-s "
                      "file #4 f2+8000\n");
    driver_clean(&d);
    driver_end(&d);
}

static void test_remap_dontunmap(void **state)
{
    (void)state;
    struct driver d;
    begin(&d);
    map(&d, 0x10000, 0x2000, RW, PRIVATE);
    map(&d, 0x12000, 0x1000, RW, PRIVATE);
    check_change(remap(&d, 0x11000, 0x2000, 0x2000, MAYMOVE | DONTUNMAP, 0x30000), KIND_ANONYMOUS, 0x2000, 0);
    driver_layout(&d, "10000-11000 rw-p anonymous #1\n11000-12000 rw-p anonymous #1\n12000-13000 rw-p anonymous #2\n"
                      "30000-31000 rw-p anonymous #1\n31000-32000 rw-p anonymous #2\n");
    map(&d, 0x40000, 0x1000, RW, PRIVATE);
    check_change(remap(&d, 0x10000, 0x1000, 0x1000, MAYMOVE | DONTUNMAP | REMAP_FIXED, 0x40000), KIND_ANONYMOUS, 0x1000,
                 0x1000);
    driver_layout(&d, "10000-11000 rw-p anonymous #1\n11000-12000 rw-p anonymous #1\n12000-13000 rw-p anonymous #2\n"
                      "30000-31000 rw-p anonymous #1\n31000-32000 rw-p anonymous #2\n40000-41000 rw-p anonymous #1\n");
    driver_clean(&d);
    driver_end(&d);
}

/* Since Linux 6.17 one call moves several mappings with holes between them.  Each replaces what it meets;
 * under a hole all stays. */
static void test_remap_moves_several(void **state)
{
    (void)state;
    struct driver d;
    begin(&d);
    map(&d, 0x10000, 0x1000, RW, PRIVATE);
    map(&d, 0x12000, 0x1000, R, PRIVATE);
    map(&d, 0x13000, 0x1000, RW, PRIVATE);
    map(&d, 0x20000, 0x6000, RX, PRIVATE);
    check_change(remap(&d, 0x10000, 0x5000, 0x5000, MAYMOVE | REMAP_FIXED, 0x20000), KIND_ANONYMOUS, 0x3000, 0x6000);
    driver_layout(&d, "20000-21000 rw-p anonymous #1\n21000-22000 r-xp anonymous #4\n22000-23000 r--p anonymous #2\n"
                      "23000-24000 rw-p anonymous #3\n24000-26000 r-xp anonymous #4\n");
    unmap(&d, 0x21000, 0x1000);
    map(&d, 0x30000, 0x4000, RX, PRIVATE);
    check_change(remap(&d, 0x20000, 0x4000, 0x4000, MAYMOVE | REMAP_FIXED | DONTUNMAP, 0x30000), KIND_ANONYMOUS, 0x3000,
                 0x3000);
    driver_layout(&d, "20000-21000 rw-p anonymous #1\n22000-23000 r--p anonymous #2\n23000-24000 rw-p anonymous #3\n"
                      "24000-26000 r-xp anonymous #4\n30000-31000 rw-p anonymous #1\n31000-32000 r-xp anonymous #7\n"
                      "32000-33000 r--p anonymous #2\n33000-34000 rw-p anonymous #3\n");
    driver_clean(&d);
    driver_end(&d);
}

/* ---- fork and madvise ---- */

static void fork_to(struct driver *d, uint32_t pid, uint32_t space)
{
    driver_task(d,
                &(struct rec_task){.tid = pid, .pid = pid, .parent = d->tid, .space = space, .copied_from = d->space});
}

static void test_fork(void **state)
{
    (void)state;
    struct driver d;
    begin(&d);
    map(&d, 0x10000, 0x4000, RW, PRIVATE);
    map_file(&d, 0x20000, 0x1000, R, MAP_SHARED, FILE_B, 0x3000);
    DRIVE(&d, .call = CALL_BRK, .args = {0x1002000}, .ret = 0x1002000);
    check_change(advise(&d, 0x11000, 0x1000, MADV_DONTFORK), KIND_ANONYMOUS, 0, 0);
    advise(&d, 0x12000, 0x1000, MADV_WIPEONFORK);
    advise(&d, 0x10000, 0x1000, MADV_DONTNEED);
    DRIVE(&d, .call = CALL_FORK, .ret = 101);
    fork_to(&d, 101, 3);
    const char *child =
        "10000-11000 rw-p anonymous #1\n12000-13000 rw-p anonymous #1 wipe\n"
        "13000-14000 rw-p anonymous #1\n20000-21000 r--s file #2 f2+3000\n1000000-1002000 rw-p heap #3\n";
    const char *parent = "10000-11000 rw-p anonymous #1\n11000-12000 rw-p anonymous #1 dontfork\n"
                         "12000-13000 rw-p anonymous #1 wipe\n13000-14000 rw-p anonymous #1\n"
                         "20000-21000 r--s file #2 f2+3000\n1000000-1002000 rw-p heap #3\n";
    driver_layout_of(&d, 3, child);
    driver_layout_of(&d, 2, parent);
    assert_true(decoder_heap_bytes(d.decoder) == 0x4000);

    /* Each goes its own way. */
    d.pid = d.tid = 101;
    d.space = 3;
    unmap(&d, 0x10000, 0x10000);
    struct change c = DRIVE(&d, .call = CALL_BRK, .args = {0x1003000}, .ret = 0x1003000);
    assert_true(c.heap_before == 0x2000 && c.heap_after == 0x3000);
    driver_layout_of(&d, 3,
                     "20000-21000 r--s file #2 f2+3000\n1000000-1002000 rw-p heap #3\n1002000-1003000 rw-p heap #9\n");
    driver_layout_of(&d, 2, parent);
    driver_space_end(&d, 3);
    assert_false(decoder_space(d.decoder, 3, &(struct space_info){0}));
    assert_true(decoder_heap_bytes(d.decoder) == 0x2000);

    /* Taken back: the next child gets all. */
    d.pid = d.tid = DRIVER_PID;
    d.space = 2;
    advise(&d, 0x10000, 0x4000, MADV_DOFORK);
    advise(&d, 0x10000, 0x4000, MADV_KEEPONFORK);
    fork_to(&d, 102, 4);
    driver_layout_of(&d, 4,
                     "10000-11000 rw-p anonymous #1\n11000-12000 rw-p anonymous #1\n12000-13000 rw-p anonymous #1\n"
                     "13000-14000 rw-p anonymous #1\n20000-21000 r--s file #2 f2+3000\n1000000-1002000 rw-p heap #3\n");
    driver_clean(&d);
    driver_end(&d);
}

/* Over a hole: the call fails with ENOMEM, but has done its work wherever something is mapped.  madvise(2).
 */
static void test_advise_over_hole(void **state)
{
    (void)state;
    struct driver d;
    begin(&d);
    map(&d, 0x10000, 0x1000, RW, PRIVATE);
    map(&d, 0x12000, 0x1000, RW, PRIVATE);
    DRIVE(&d, .call = CALL_MADVISE, .args = {0x10000, 0x3000, MADV_DONTFORK}, .error = ENOMEM);
    fork_to(&d, 101, 3);
    driver_layout_of(&d, 3, "");
    DRIVE(&d, .call = CALL_MADVISE, .args = {0x10000, 0x3000, MADV_DOFORK}, .error = ENOMEM);
    DRIVE(&d, .call = CALL_MADVISE, .args = {0x10000, 0x1000, MADV_DONTFORK}, .error = EINVAL);
    fork_to(&d, 102, 4);
    driver_layout_of(&d, 4, "10000-11000 rw-p anonymous #1\n12000-13000 rw-p anonymous #2\n");
    driver_clean(&d);
    driver_end(&d);
}

/* ---- processes ---- */

static void test_threads_and_vfork(void **state)
{
    (void)state;
    struct driver d;
    uint64_t most;
    begin(&d);
    map(&d, 0x10000, 0x5000, RW, PRIVATE | MAP_STACK);
    protect(&d, 0x10000, 0x1000, PROT_NONE);
    DRIVE(&d, .call = CALL_CLONE, .args = {0x3d0f00, 0x15000}, .ret = 101);
    driver_task(&d, &(struct rec_task){.tid = 101, .pid = 100, .parent = 100, .space = 2, .flags = TASK_THREAD});
    struct segment s;
    assert_true(decoder_segment(d.decoder, 2, 0x11000, &s) && s.owner == 101);
    assert_true(decoder_segment(d.decoder, 2, 0x10000, &s) && s.owner == 101); /* its guard */

    /* clone3 is given the lowest address of the stack, and its size. */
    map(&d, 0x30000, 0x5000, RW, PRIVATE);
    protect(&d, 0x30000, 0x1000, PROT_NONE);
    map(&d, 0x35000, 0x1000, RW, PRIVATE);
    DRIVE(&d, .call = CALL_CLONE3, .args = {0x3d0f00, 0x30000, 0x5000}, .ret = 102);
    assert_true(decoder_segment(d.decoder, 2, 0x30000, &s) && s.owner == 102 && segment_kind(&s) == KIND_GUARD);
    assert_true(decoder_segment(d.decoder, 2, 0x31000, &s) && s.owner == 102 && segment_kind(&s) == KIND_STACK);
    assert_true(decoder_segment(d.decoder, 2, 0x35000, &s) && s.owner == 100 && s.kind == KIND_ANONYMOUS);
    unmap(&d, 0x30000, 0x6000);

    /* A thread that runs somewhere in the middle of other memory does not make all of it a stack. */
    map(&d, 0x400000, 0x400000, RW, PRIVATE);
    DRIVE(&d, .call = CALL_CLONE, .args = {0x3d0f00, 0x500000}, .ret = 103);
    assert_true(decoder_segment(d.decoder, 2, 0x400000, &s) && s.owner == 100 && s.kind == KIND_ANONYMOUS);
    unmap(&d, 0x400000, 0x400000);

    driver_task(&d, &(struct rec_task){.tid = 200, .pid = 200, .parent = 100, .space = 2, .flags = TASK_VFORK});
    assert_int_equal(decoder_process(d.decoder, 200)->space, 2);
    assert_int_equal(decoder_process(d.decoder, 200)->parent, 100);
    d.tid = d.pid = 200;
    map(&d, 0x20000, 0x1000, RW, PRIVATE); /* the child maps into its parent */
    driver_layout_of(&d, 2, "10000-11000 ---p guard #1\n11000-15000 rw-p stack #1\n20000-21000 rw-p anonymous #12\n");
    assert_true(decoder_threads(d.decoder, &most) == 3 && most == 3);
    assert_int_equal(decoder_next_space(d.decoder, 0), 2);
    assert_int_equal(decoder_next_space(d.decoder, 2), 0);
    driver_clean(&d);
    driver_end(&d);
}

/* A new program: a new space; the old one goes when its last user has left it. */
static void test_exec(void **state)
{
    (void)state;
    struct driver d;
    begin(&d);
    map(&d, 0x10000, 0x5000, RW, PRIVATE);
    DRIVE(&d, .call = CALL_BRK, .args = {0x1002000}, .ret = 0x1002000);
    driver_exec(&d, &(struct rec_exec){.pid = DRIVER_PID,
                                       .old_space = 2,
                                       .space = 7,
                                       .start_brk = 0x3000000,
                                       .exe = {"/bin/true", 9},
                                       .comm = {"true", 4}});
    driver_space_end(&d, 2);
    driver_checkpoint(&d, CHECKPOINT_EXEC, 2,
                      (struct rec_mapping[]){{.start = 0x400000, .end = 0x402000, .prot = RX, .file = FILE_B},
                                             {.start = 0x7ff000, .end = 0x800000, .prot = RW, .file = FILE_STACK}});
    assert_false(d.moment.compared);
    driver_layout(&d, "400000-402000 r-xp image #0 f2+0 kernel\n7ff000-800000 rw-p stack #0 f6+0 grows kernel named\n");
    assert_true(decoder_heap_bytes(d.decoder) == 0);
    assert_string_equal(decoder_process(d.decoder, DRIVER_PID)->comm, "true");
    assert_string_equal(decoder_process(d.decoder, DRIVER_PID)->exe, "/bin/true");
    struct change c = DRIVE(&d, .call = CALL_EXECVE);
    assert_true(c.mapped == 0x3000);
    assert_false(decoder_space(d.decoder, 2, &(struct space_info){0}));
    driver_clean(&d);
    driver_space_end(&d, 2); /* twice */
    assert_true(decoder_contradictions(d.decoder) == 1);
    driver_end(&d);
}

/* ---- System V shared memory ---- */

static struct change attach(struct driver *d, tracee_addr at, uint64_t length, uint64_t flags)
{
    return DRIVE(d, .call = CALL_SHMAT, .args = {5, 0, flags}, .ret = at, .file = FILE_SHM, .length = length);
}

static struct change detach(struct driver *d, tracee_addr at)
{
    return DRIVE(d, .call = CALL_SHMDT, .args = {at});
}

static void test_shm(void **state)
{
    (void)state;
    enum { READ_ONLY = 010000, EXEC = 0100000 };
    struct driver d;
    begin(&d);
    check_change(attach(&d, 0x10000, 0x4000, 0), KIND_SHARED, 0x4000, 0);
    check_change(attach(&d, 0x20000, 0x4000, READ_ONLY), KIND_SHARED, 0x4000, 0);
    check_change(attach(&d, 0x30000, 0x4000, EXEC), KIND_SHARED, 0x4000, 0);
    map(&d, 0x14000, 0x1000, RW, PRIVATE);
    driver_layout(&d,
                  "10000-14000 rw-s shared #1 f4+0\n14000-15000 rw-p anonymous #4\n20000-24000 r--s shared #2 f4+0\n"
                  "30000-34000 rwxs shared #3 f4+0\n");
    check_change(detach(&d, 0x20000), KIND_SHARED, 0, 0x4000);
    /* With a hole in front, another thing in that hole, and split by a protection: the rest goes. */
    unmap(&d, 0x10000, 0x1000);
    map(&d, 0x10000, 0x1000, RW, PRIVATE);
    map(&d, 0x12000, 0x1000, RW, FIXED);
    protect(&d, 0x13000, 0x1000, R);
    check_change(detach(&d, 0x10000), KIND_SHARED, 0, 0x2000);
    driver_layout(&d, "10000-11000 rw-p anonymous #7\n12000-13000 rw-p anonymous #8\n14000-15000 rw-p anonymous #4\n"
                      "30000-34000 rwxs shared #3 f4+0\n");
    check_change(DRIVE(&d, .call = CALL_SHMDT, .args = {0x30000}, .error = EINVAL), KIND_NONE, 0, 0);
    check_change(DRIVE(&d, .call = CALL_SHMAT, .args = {5, 0, 0}, .error = EINVAL), KIND_NONE, 0, 0);
    driver_clean(&d);
    driver_end(&d);
}

/* Of two attaches of one segment side by side, only the one that begins there goes. */
static void test_shm_neighbours(void **state)
{
    (void)state;
    struct driver d;
    begin(&d);
    attach(&d, 0x10000, 0x4000, 0);
    attach(&d, 0x14000, 0x4000, 0);
    check_change(detach(&d, 0x10000), KIND_SHARED, 0, 0x4000);
    driver_layout(&d, "14000-18000 rw-s shared #2 f4+0\n");
    /* Nor a page of another attach that was moved between its own. */
    attach(&d, 0x20000, 0x4000, 0);
    remap(&d, 0x20000, 0x1000, 0x1000, MAYMOVE | REMAP_FIXED, 0x15000);
    check_change(detach(&d, 0x14000), KIND_SHARED, 0, 0x3000);
    driver_layout(&d, "15000-16000 rw-s shared #4 f4+0\n21000-24000 rw-s shared #4 f4+1000\n");
    /* Nor a page of another segment in the place of the first. */
    DRIVE(&d, .call = CALL_SHMAT, .args = {6}, .ret = 0x40000, .file = FILE_OTHER_SHM, .length = 0x4000);
    remap(&d, 0x42000, 0x1000, 0x1000, MAYMOVE | REMAP_FIXED, 0x20000);
    check_change(detach(&d, 0x20000), KIND_SHARED, 0, 0x3000);
    driver_layout(&d, "15000-16000 rw-s shared #4 f4+0\n20000-21000 rw-s shared #7 f7+2000\n"
                      "40000-42000 rw-s shared #7 f7+0\n43000-44000 rw-s shared #7 f7+3000\n");
    driver_clean(&d);
    driver_end(&d);
}

/* An attach that was there before the recording began: its size is that of the mapping. */
static void test_shm_of_baseline(void **state)
{
    (void)state;
    struct driver d;
    begin(&d);
    driver_checkpoint(
        &d, CHECKPOINT_ATTACH, 2,
        (struct rec_mapping[]){{.start = 0x10000, .end = 0x14000, .prot = RW, .shared = 1, .file = FILE_SHM},
                               {.start = 0x14000, .end = 0x15000, .prot = RW}});
    check_change(detach(&d, 0x10000), KIND_SHARED, 0, 0x4000);
    driver_layout(&d, "14000-15000 rw-p anonymous #0 kernel\n");
    driver_clean(&d);
    driver_end(&d);
}

static void test_shm_and_other_sharing(void **state)
{
    (void)state;
    struct driver d;
    begin(&d);
    attach(&d, 0x14000, 0x4000, 0);
    /* Shared memory of another sort in the place of its first page is passed over.  shmop(2). */
    unmap(&d, 0x14000, 0x1000);
    map_file(&d, 0x14000, 0x1000, RW, MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED, FILE_ZERO, 0);
    check_change(detach(&d, 0x14000), KIND_SHARED, 0, 0x3000);
    driver_layout(&d, "14000-15000 rw-s shared #3 f3+0\n");
    /* Nor is memory in the way that begins below it. */
    attach(&d, 0x20000, 0x4000, 0);
    unmap(&d, 0x20000, 0x1000);
    map_file(&d, 0x1f000, 0x2000, RW, MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED, FILE_ZERO, 0);
    check_change(detach(&d, 0x20000), KIND_SHARED, 0, 0x3000);
    driver_layout(&d, "14000-15000 rw-s shared #3 f3+0\n1f000-21000 rw-s shared #7 f3+0\n");
    driver_clean(&d);
    driver_end(&d);
}

/* ---- rarer ones ---- */

static struct change remap_file(struct driver *d, tracee_addr at, uint64_t length, uint64_t page)
{
    return DRIVE(d, .call = CALL_REMAP_FILE_PAGES, .args = {at, length, 0, page, 0});
}

static void test_remap_file_pages(void **state)
{
    (void)state;
    struct driver d;
    begin(&d);
    map_file(&d, 0x10000, 0x4000, RW, MAP_SHARED, FILE_B, 0);
    check_change(remap_file(&d, 0x11000, 0x2000, 9), KIND_FILE, 0x2000, 0x2000);
    driver_layout(&d, "10000-11000 rw-s file #1 f2+0\n11000-13000 rw-s file #2 f2+9000\n13000-14000 rw-s "
                      "file #1 f2+3000\n");
    driver_clean(&d);
    driver_end(&d);
}

/* The kernel rounds both start and size down here (mm/mmap.c), unlike elsewhere. */
static void test_remap_file_pages_rounds_down(void **state)
{
    (void)state;
    struct driver d;
    begin(&d);
    map_file(&d, 0x10000, 0x4000, RW, MAP_SHARED, FILE_B, 0);
    check_change(remap_file(&d, 0x11000, 0x10c8, 7), KIND_FILE, 0x1000, 0x1000);
    check_change(remap_file(&d, 0x13064, 0x1000, 8), KIND_FILE, 0x1000, 0x1000);
    driver_layout(&d,
                  "10000-11000 rw-s file #1 f2+0\n11000-12000 rw-s file #2 f2+7000\n12000-13000 rw-s file #1 f2+2000\n"
                  "13000-14000 rw-s file #3 f2+8000\n");
    driver_clean(&d);
    driver_end(&d);
}

static void test_ring(void **state)
{
    (void)state;
    struct driver d;
    begin(&d);
    check_change(
        DRIVE(&d, .call = CALL_IO_SETUP, .args = {8, 0x7000}, .file = FILE_RING, .at = 0x40000, .length = 0x3000),
        KIND_KERNEL, 0x3000, 0);
    driver_layout(&d, "40000-43000 rw-s kernel #1 f5+0\n");
    check_change(DRIVE(&d, .call = CALL_IO_DESTROY, .args = {0x50000}, .error = EINVAL), KIND_NONE, 0, 0);
    check_change(DRIVE(&d, .call = CALL_IO_DESTROY, .args = {0x40000}), KIND_KERNEL, 0, 0x3000);
    driver_layout(&d, "");
    driver_clean(&d);
    driver_end(&d);
}

static void test_prctl_moves_the_heap(void **state)
{
    (void)state;
    struct driver d;
    struct space_info info;
    begin(&d);
    DRIVE(&d, .call = CALL_BRK, .args = {0x1004000}, .ret = 0x1004000);
    DRIVE(&d, .call = CALL_PRCTL, .args = {PR_SET_MM, PR_SET_MM_START_BRK, 0x1001000});
    assert_true(decoder_space(d.decoder, 2, &info) && info.heap_start == 0x1001000 && info.heap == 0x3000);
    DRIVE(&d, .call = CALL_PRCTL, .args = {PR_SET_MM, PR_SET_MM_BRK, 0x1002000});
    assert_true(decoder_space(d.decoder, 2, &info) && info.heap_end == 0x1002000 && info.heap == 0x1000);
    DRIVE(&d, .call = CALL_PRCTL, .args = {PR_SET_MM, PR_SET_MM_BRK, 0x1009000}, .error = EPERM);
    assert_true(decoder_space(d.decoder, 2, &info) && info.heap_end == 0x1002000);
    driver_layout(&d, "1000000-1004000 rw-p heap #1\n"); /* marks move, memory does not */
    driver_clean(&d);
    driver_end(&d);
}

static void test_calls_without_effect(void **state)
{
    (void)state;
    struct driver d;
    begin(&d);
    map(&d, 0x10000, 0x2000, RW, PRIVATE);
    static const enum call calls[] = {CALL_MLOCK,  CALL_MUNLOCK, CALL_MLOCKALL, CALL_MUNLOCKALL,     CALL_MLOCK2,
                                      CALL_MSEAL,  CALL_EXIT,    CALL_VFORK,    CALL_PTRACE,         CALL_SECCOMP,
                                      CALL_CLONE3, CALL_COUNT,   CALL_NONE,     CALL_PROCESS_MADVISE};
    for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
        check_change(DRIVE(&d, .call = calls[i], .args = {0x10000, 0x1000}), KIND_NONE, 0, 0);
    driver_layout(&d, "10000-12000 rw-p anonymous #1\n");
    driver_clean(&d);
    d.space = 99; /* a space that was never made */
    map(&d, 0x30000, 0x2000, RW, PRIVATE);
    assert_true(decoder_contradictions(d.decoder) == 1);
    driver_end(&d);
}

/* A thread's own personality; threads that it makes inherit it, the others are not concerned. */
static void test_personality_of_threads(void **state)
{
    (void)state;
    struct driver d;
    driver_begin(&d);
    driver_task(&d, &(struct rec_task){
                        .tid = 101, .pid = DRIVER_PID, .parent = DRIVER_PID, .space = d.space, .flags = TASK_THREAD});
    d.tid = 101;
    DRIVE(&d, .call = CALL_PERSONALITY, .args = {0x0400000});
    driver_task(
        &d, &(struct rec_task){.tid = 102, .pid = DRIVER_PID, .parent = 101, .space = d.space, .flags = TASK_THREAD});
    const uint32_t tids[] = {DRIVER_PID, 101, 102};
    for (uint64_t i = 0; i < 3; i++) {
        d.tid = tids[i];
        DRIVE(&d, .call = CALL_MMAP, .args = {0, 0x1000, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, UINT64_MAX, 0},
              .ret = 0x10000 + i * 0x2000);
    }
    driver_layout(&d, "10000-11000 r--p anonymous #2\n12000-13000 r-xp anonymous #3\n14000-15000 r-xp anonymous #4\n");
    driver_clean(&d);
    driver_end(&d);
}

/* mremap rounds to the pages of the mapping. */
static void test_remap_of_huge_pages(void **state)
{
    (void)state;
    const uint64_t huge = 0x200000;
    struct driver d;
    driver_begin(&d);
    DRIVE(&d, .call = CALL_MMAP, .args = {0, 3 * huge - 5, 3, MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB, UINT64_MAX, 0},
          .ret = 0x40000000, .length = 3 * huge, .huge = huge);
    DRIVE(&d, .call = CALL_MREMAP, .args = {0x40000000, 3 * huge, huge + 1, 0}, .ret = 0x40000000);
    driver_layout(&d, "40000000-40400000 rw-p anonymous #1\n");
    DRIVE(&d, .call = CALL_MREMAP, .args = {0x40000000, 2 * huge - 0x1000, 2 * huge + 1, 1}, .ret = 0x50000000);
    driver_layout(&d, "50000000-50400000 rw-p anonymous #1\n50400000-50600000 rw-p anonymous #3\n");
    driver_clean(&d);
    driver_end(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_personality_of_threads),
        cmocka_unit_test(test_remap_of_huge_pages),
        cmocka_unit_test(test_brk),
        cmocka_unit_test(test_brk_start),
        cmocka_unit_test(test_brk_baseline),
        cmocka_unit_test(test_map),
        cmocka_unit_test(test_map_fixed),
        cmocka_unit_test(test_read_implies_exec),
        cmocka_unit_test(test_personality),
        cmocka_unit_test(test_kinds),
        cmocka_unit_test(test_unmap),
        cmocka_unit_test(test_protect),
        cmocka_unit_test(test_protect_growsdown),
        cmocka_unit_test(test_remap_in_place),
        cmocka_unit_test(test_remap_moves),
        cmocka_unit_test(test_remap_part_grows),
        cmocka_unit_test(test_remap_doubles),
        cmocka_unit_test(test_remap_dontunmap),
        cmocka_unit_test(test_remap_moves_several),
        cmocka_unit_test(test_fork),
        cmocka_unit_test(test_advise_over_hole),
        cmocka_unit_test(test_threads_and_vfork),
        cmocka_unit_test(test_exec),
        cmocka_unit_test(test_shm),
        cmocka_unit_test(test_shm_neighbours),
        cmocka_unit_test(test_shm_of_baseline),
        cmocka_unit_test(test_shm_and_other_sharing),
        cmocka_unit_test(test_remap_file_pages),
        cmocka_unit_test(test_remap_file_pages_rounds_down),
        cmocka_unit_test(test_ring),
        cmocka_unit_test(test_prctl_moves_the_heap),
        cmocka_unit_test(test_calls_without_effect),
    };
    return cmocka_run_group_tests_name("replay", tests, NULL, NULL);
}
