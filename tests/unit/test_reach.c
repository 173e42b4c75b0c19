/* links: tracer/reach.o tracer/spans.o tracer/calls.o */
/* test_reach.c: where a call may have changed the map, and ranges that are kept for later. */
#include "../../tracer/spans.h"

#include "random.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/mman.h>
#include <cmocka.h>

enum {
    PRIVATE = MAP_PRIVATE | MAP_ANONYMOUS,
    FIXED = PRIVATE | MAP_FIXED,
    MAYMOVE = 1,
    TO_FIXED = 2,
    UNKNOWN = EVENT_UNFINISHED
};

/* clang-format off */
#define NOWHERE  {{0, 0}}
#define ANYWHERE {{0, UINT64_MAX}}
/* clang-format on */

static const struct {
    struct rec_event event;
    struct span expected[EVENT_MAX_SPANS];
} cases[] = {
    /* mmap: the result decides; what failed can only have cleared a fixed place */
    {{.call = CALL_MMAP, .args = {0, 5000, 3, PRIVATE}, .ret = 0x10000}, {{0x10000, 0x12000}}},
    {{.call = CALL_MMAP, .args = {0, 5000, 3, PRIVATE}, .error = ENOMEM}, NOWHERE},
    {{.call = CALL_MMAP, .args = {0x5000, 4096, 3, FIXED}, .error = ENOMEM}, {{0x5000, 0x6000}}},
    {{.call = CALL_MMAP, .args = {0, 4096, 3, PRIVATE}, .flags = UNKNOWN}, ANYWHERE},
    {{.call = CALL_MMAP, .args = {0x5000, 4096, 3, FIXED}, .flags = UNKNOWN}, {{0x5000, 0x6000}}},
    {{.call = CALL_MMAP,
      .args = {0, 5000, 3, PRIVATE | MAP_HUGETLB},
      .ret = 0x400000,
      .length = 0x200000,
      .huge = 0x200000},
     {{0x400000, 0x600000}}},
    /* plain ranges, whatever became of them */
    {{.call = CALL_MUNMAP, .args = {0x5000, 4097}, .error = ENOMEM}, {{0x5000, 0x7000}}},
    {{.call = CALL_MPROTECT, .args = {0x5000, 4096, 1}}, {{0x5000, 0x6000}}},
    {{.call = CALL_MPROTECT, .args = {0x5000, 4096, 0x01000001}}, ANYWHERE}, /* PROT_GROWSDOWN */
    {{.call = CALL_MADVISE, .args = {0x5000, 4096, 4}}, {{0x5000, 0x6000}}},
    {{.call = CALL_MLOCK, .args = {0x5123, 4096}}, {{0x5000, 0x7000}}},
    {{.call = CALL_MUNMAP, .args = {0xfffffffffffff000, 8192}, .error = EINVAL}, {{0xfffffffffffff000, UINT64_MAX}}},
    /* mremap: the old range and the new one */
    {{.call = CALL_MREMAP, .args = {0x5000, 8192, 4096}, .ret = 0x5000}, {{0x5000, 0x7000}}},
    {{.call = CALL_MREMAP, .args = {0x5000, 4096, 8192}, .ret = 0x5000}, {{0x5000, 0x7000}}},
    {{.call = CALL_MREMAP, .args = {0x5000, 4096, 8192, MAYMOVE}, .ret = 0x90000},
     {{0x5000, 0x6000}, {0x90000, 0x92000}}},
    {{.call = CALL_MREMAP, .args = {0x5000, 4096, 8192, MAYMOVE | TO_FIXED, 0x70000}, .error = EFAULT},
     {{0x5000, 0x6000}, {0x70000, 0x72000}}},
    {{.call = CALL_MREMAP, .args = {0x5000, 4096, 8192, MAYMOVE}, .flags = UNKNOWN}, ANYWHERE},
    /* those that do not say how far they reach */
    {{.call = CALL_BRK, .args = {0x9000}, .ret = 0x9000}, ANYWHERE},
    {{.call = CALL_SHMDT, .args = {0x5000}}, {{0x5000, UINT64_MAX}}},
    {{.call = CALL_SHMAT, .args = {1, 0, 0}, .ret = 0x20000, .length = 0x3000}, {{0x20000, 0x23000}}},
    {{.call = CALL_SHMAT, .args = {1, 0, 0}, .error = EINVAL}, NOWHERE},
    {{.call = CALL_SHMAT, .args = {1, 0x5000, 040000}, .error = EINVAL}, ANYWHERE},
    {{.call = CALL_IO_SETUP, .args = {8}, .at = 0x30000, .length = 0x1000}, {{0x30000, 0x31000}}},
    {{.call = CALL_PRCTL, .args = {0x53564d41, 0, 0x5000, 0x1000}}, {{0x5000, 0x6000}}},
    {{.call = CALL_PRCTL, .args = {22, 0, 0x5000, 0x1000}}, NOWHERE},
    {{.call = CALL_EXECVE}, NOWHERE},
    {{.call = CALL_CLONE, .args = {0, 0x5000}}, NOWHERE},
    {{.call = 9999, .args = {1, 2}}, NOWHERE},
};

static void test_reach(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct span got[EVENT_MAX_SPANS] = {{0}};
        unsigned count = event_reach(&cases[i].event, got), wanted = 0;
        while (wanted < EVENT_MAX_SPANS && cases[i].expected[wanted].end)
            wanted++;
        if (count != wanted || memcmp(got, cases[i].expected, wanted * sizeof(got[0])) != 0)
            fail_msg("case %zu: %u spans, the first %#lx-%#lx", i, count, got[0].start, got[0].end);
    }
}

/* Against an array of pages: nothing that was added is lost, nothing overlaps, and while there is room nothing more
 * than was added is in it. */
static void test_spans(void **state)
{
    (void)state;
    enum { PAGES = 64 };
    struct random_source random = {3};
    for (int round = 0; round < 500; round++) {
        struct spans spans = {0};
        bool added[PAGES] = {0};
        const uint64_t count = random_below(&random, 20);
        for (uint64_t n = 0; n < count; n++) {
            const uint64_t start = random_below(&random, PAGES), end = start + random_below(&random, PAGES - start);
            spans_add(&spans, (struct span){start * 4096, end * 4096});
            for (uint64_t i = start; i < end; i++)
                added[i] = true;
            assert_in_range(spans.count, 0, SPANS_MAX);
        }
        uint64_t held[PAGES] = {0};
        for (unsigned s = 0; s < spans.count; s++)
            for (uint64_t i = spans.list[s].start / 4096; i < spans.list[s].end / 4096; i++)
                held[i]++;
        for (int i = 0; i < PAGES; i++) {
            assert_in_range(held[i], added[i], 1);
            assert_true(count > SPANS_MAX || held[i] == added[i]);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_reach), cmocka_unit_test(test_spans)};
    return cmocka_run_group_tests_name("reach", tests, NULL, NULL);
}
