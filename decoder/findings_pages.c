/* findings_pages.c: page faults that are too many or come too late, and huge pages that hold little. */
#include "findings.h"

#include <stdlib.h>

/* ---- fault-storm ---- */

enum {
    AGAIN_NOTE = 5000,                        /* faults on pages that were given back and touched again */
    AGAIN_MANY = 20000,                       /* the same, for a warning */
    AGAIN_TIMES = 3,                          /* as many of them as pages touched for the first time, at least */
    AGAIN_RATE = 5000,                        /* a second, for a warning */
    COPIES_NOTE = 2000,                       /* pages copied after a fork */
    COPIES_MANY = 65536,                      /* the same, for a warning */
    LATE_NOTE = 4096,                         /* pages that were touched for the first time */
    LATE_TICKS = TRACE_TICKS_PER_SECOND / 10, /* so long after they were mapped, on the average */
};

static uint64_t rate(const struct fact *f)
{
    const uint64_t ticks = f->last_time > f->first_time ? f->last_time - f->first_time : 1;
    return (uint64_t)((double)f->calls * TRACE_TICKS_PER_SECOND / (double)ticks);
}

static uint64_t first_pages(const struct fact *f)
{
    return f->bytes / TRACE_PAGE;
}

static bool is_again(const struct fact *f)
{
    const uint64_t again = f->returns - f->copies;
    return again >= AGAIN_NOTE && again >= AGAIN_TIMES * first_pages(f);
}

static bool is_copied(const struct fact *f)
{
    return f->copies >= COPIES_NOTE;
}

static bool is_late(const struct fact *f)
{
    return first_pages(f) >= LATE_NOTE && f->lived / first_pages(f) >= LATE_TICKS;
}

static struct finding again(const struct fact *f)
{
    const bool heavy = f->returns - f->copies >= AGAIN_MANY && rate(f) >= AGAIN_RATE;
    return (struct finding){
        .severity = heavy ? SEVERITY_WARNING : SEVERITY_NOTE,
        .confidence = CONFIDENCE_HIGH,
        .sentence =
            "{site} touches pages that were given back before, again and again: {again:page fault:page faults}, "
            "but only {first} touched for the first time.",
        .advice = "Keep memory that is soon used again, or give it back less often (MADV_DONTNEED, allocators' decay "
                  "times): each page is zeroed and faulted in anew.",
    };
}

static struct finding copied(const struct fact *f)
{
    return (struct finding){
        .severity = f->copies >= COPIES_MANY ? SEVERITY_WARNING : SEVERITY_NOTE,
        .confidence = CONFIDENCE_MEDIUM,
        .sentence = "{site} writes to memory that a fork shares, page by page: {copies:page was:pages were} copied, "
                    "which needs the memory twice.",
        .advice = "Fork before there is much memory, or let only one side write; for another program use "
                  "posix_spawn(3); MADV_DONTFORK leaves out what the child does not need.",
    };
}

static struct finding late(const struct fact *f)
{
    (void)f;
    return (struct finding){
        .severity = SEVERITY_NOTE,
        .confidence = CONFIDENCE_MEDIUM,
        .sentence =
            "{site} is the first to touch memory that was mapped long before, page by page: {first}, {late} after "
            "it was mapped on the average.",
        .advice = "If this is where time matters, touch the memory when it is mapped: MAP_POPULATE, "
                  "madvise(MADV_POPULATE_WRITE), or huge pages, which need one fault for 2 MiB.",
    };
}

static void add_storm(struct findings *findings, const struct fact *f, const struct finding *kind)
{
    struct finding proto = *kind;
    proto.name = "fault-storm";
    proto.see = "brkwater stacks {trace} --by faults";
    proto.pid = f->pid;
    proto.space = f->space;
    struct finding *finding = findings_add(findings, &proto);
    finding_number(finding, "faults", UNIT_COUNT, f->calls);
    finding_number(finding, "again", UNIT_COUNT, f->returns - f->copies);
    finding_number(finding, "copies", UNIT_COUNT, f->copies);
    finding_number(finding, "first", UNIT_BYTES, f->bytes);
    finding_number(finding, "late", UNIT_TICKS, first_pages(f) ? f->lived / first_pages(f) : 0);
    finding_number(finding, "rate", UNIT_COUNT, rate(f));
    finding_fact(finding, f);
}

void find_storms(const struct findings_view *v, struct findings *findings)
{
    struct fact_site *sites;
    size_t count;
    if (fact_sites(v, DEED_TOUCH, &sites, &count) < 0)
        return;
    for (size_t i = 0; i < count; i++) {
        const struct fact *f = &sites[i].sum;
        if (!is_again(f) && !is_copied(f) && !is_late(f))
            continue;
        const struct finding kind = is_again(f) ? again(f) : is_copied(f) ? copied(f) : late(f);
        add_storm(findings, f, &kind);
    }
    free(sites);
}

/* ---- huge-page-bloat ---- */

enum {
    HUGE_BYTES = 32 << 20, /* in huge pages */
    HUGE_LOOKS = 32,       /* pages of them that were looked into */
    HUGE_ZERO = 50,        /* percent of these that hold only zeros: a note */
    HUGE_EMPTY = 75,       /* the same, a warning */
};

void find_huge(const struct findings_view *v, struct findings *findings)
{
    const struct space_facts *s = facts_worst(v->facts, TOPIC_HUGE);
    if (!s || s->huge.huge < HUGE_BYTES || s->huge.huge_looked < HUGE_LOOKS)
        return;
    const uint64_t zero = (uint64_t)s->huge.huge_zero * 100 / s->huge.huge_looked;
    if (zero < HUGE_ZERO)
        return;
    const struct finding proto = {
        .name = "huge-page-bloat",
        .severity = zero >= HUGE_EMPTY ? SEVERITY_WARNING : SEVERITY_NOTE,
        .confidence = CONFIDENCE_MEDIUM,
        .sentence = "Huge pages make more memory resident than is used: {huge} are in huge pages, and {zero} of the "
                    "parts that were looked at hold nothing but zeros.",
        .advice = "Use madvise(MADV_NOHUGEPAGE) or prctl(PR_SET_THP_DISABLE) for memory that is used sparsely; look at "
                  "/sys/kernel/mm/transparent_hugepage/enabled.",
        .see = "brkwater layout {trace} --at peak",
        .pid = s->pid,
        .space = s->space,
    };
    struct finding *finding = findings_add(findings, &proto);
    finding_number(finding, "huge", UNIT_BYTES, s->huge.huge);
    finding_number(finding, "zero", UNIT_PERCENT, zero);
    finding_number(finding, "looked", UNIT_COUNT, s->huge.huge_looked);
    finding_number(finding, "resident", UNIT_BYTES, s->huge.resident);
}
