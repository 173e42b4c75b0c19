/* findings_calls.c: calls that are too many, that fail, or that ask for what is unwise. */
#include "findings.h"

#include <errno.h>
#include <stdlib.h>

/* Each call site of a deed, the most calls first. */
static void each_site(const struct findings_view *v, enum deed deed, struct findings *findings,
                      void (*take)(struct findings *findings, const struct fact *fact, uint64_t resident))
{
    struct fact_site *sites;
    size_t count;
    if (fact_sites(v, deed, &sites, &count) < 0)
        return;
    for (size_t i = 0; i < count; i++)
        take(findings, &sites[i].sum, v->totals->one_resident.bytes);
    free(sites);
}

static void add_evidence(struct finding *finding, const struct fact *f)
{
    finding_number(finding, "calls", UNIT_COUNT, f->calls);
    finding_number(finding, "bytes", UNIT_BYTES, f->bytes);
    finding_number(finding, "time", UNIT_TICKS, f->ticks);
    finding_fact(finding, f);
}

/* ---- protect-storm ---- */

enum {
    PROTECT_NOTE = 200,   /* calls */
    PROTECT_MANY = 1000,  /* the same, for a warning */
    PROTECT_PERCENT = 10, /* of the time between the first and the last goes into them, for a warning */
};

static void take_protect(struct findings *findings, const struct fact *f, uint64_t resident)
{
    (void)resident;
    if (f->calls < PROTECT_NOTE)
        return;
    const struct finding proto = {
        .name = "protect-storm",
        .severity = f->calls >= PROTECT_MANY && fact_share(f) >= PROTECT_PERCENT ? SEVERITY_WARNING : SEVERITY_NOTE,
        .confidence = CONFIDENCE_HIGH,
        .sentence = "{site} changes the access to memory again and again: {calls:call:calls}.",
        .advice = "Change larger ranges at once, or less often: each call splits and joins mappings, and makes other "
                  "threads wait.",
        .see = "brkwater stacks {trace} --by calls",
        .pid = f->pid,
        .space = f->space,
    };
    add_evidence(findings_add(findings, &proto), f);
}

void find_protects(const struct findings_view *v, struct findings *findings)
{
    each_site(v, DEED_PROTECT, findings, take_protect);
}

/* ---- writable-executable ---- */

static void take_exposed(struct findings *findings, const struct fact *f, uint64_t resident)
{
    (void)resident;
    const struct finding proto = {
        .name = "writable-executable",
        .severity = SEVERITY_WARNING,
        .confidence = CONFIDENCE_HIGH,
        .sentence = f->kind == KIND_STACK ? "{site} made a stack executable, which is writable, too: whoever can write "
                                            "there can run code."
                                          : "{site} made memory writable and executable at once, {calls:time:times}: "
                                            "whoever can write there can run code.",
        .advice = f->kind == KIND_STACK ? "Build all parts with -z noexecstack, and avoid nested functions."
                                        : "Map it writable, and make it executable in place of that once it is "
                                          "written: mprotect(2); or map a memfd twice.",
        .see = "brkwater events {trace} -e mmap,mprotect",
        .pid = f->pid,
        .space = f->space,
    };
    add_evidence(findings_add(findings, &proto), f);
}

void find_exposed(const struct findings_view *v, struct findings *findings)
{
    each_site(v, DEED_EXPOSE, findings, take_exposed);
}

/* ---- failed-calls ---- */

/* For some of these failing is an answer. */
static bool is_serious(const struct fact *f)
{
    const enum effect effect = call_info((enum call)f->call)->effect;
    switch (f->error) {
    case ENOMEM:
        return effect != EFFECT_ADVISE;
    case EPERM:
        return f->sealed || effect == EFFECT_RANGE;
    case EAGAIN:
        return true;
    default:
        return false;
    }
}

static const char *why(const struct fact *f)
{
    const enum effect effect = call_info((enum call)f->call)->effect;
    if (f->at_limit)
        return "The process has as many mappings as vm.max_map_count allows: make fewer, or raise it with sysctl.";
    if (f->sealed && f->error == EPERM)
        return "The memory was sealed, mseal(2): it can't be unmapped, moved or protected any more.";
    if (effect == EFFECT_RANGE && (f->error == ENOMEM || f->error == EAGAIN || f->error == EPERM))
        return "Locking is limited: look at ulimit -l (RLIMIT_MEMLOCK), and at what is mapped there.";
    if (f->error == ENOMEM && effect == EFFECT_PROTECT)
        return "A part of the range was not mapped, or memory is limited.";
    if (f->error == ENOMEM)
        return "Address space or memory is limited: look at ulimit -v and -d, at vm.overcommit_memory, and at the size "
               "that was asked for.";
    if (f->error == EEXIST)
        return "Something is there already, and MAP_FIXED_NOREPLACE asked to leave it: this may be meant.";
    if (f->error == EACCES)
        return "The file was not opened for that access, or a security rule forbids it.";
    return "Look at the arguments of the call; the manual page of {call} lists what {error} means.";
}

static void take_failed(struct findings *findings, const struct fact *f, uint64_t resident)
{
    (void)resident;
    const struct finding proto = {
        .name = "failed-calls",
        .severity = f->at_limit && f->error == ENOMEM ? SEVERITY_PROBLEM
                    : is_serious(f)                   ? SEVERITY_WARNING
                                                      : SEVERITY_NOTE,
        .confidence = f->at_limit || f->sealed ? CONFIDENCE_HIGH : CONFIDENCE_MEDIUM,
        .sentence = f->bytes
                        ? "{call} failed with {error} {calls:time:times}, asked for by {site}, for {largest} at most."
                        : "{call} failed with {error} {calls:time:times}, asked for by {site}.",
        .advice = why(f),
        .see = "brkwater events {trace} -e {call}",
        .pid = f->pid,
        .space = f->space,
        .call = f->call,
        .error = f->error,
    };
    struct finding *finding = findings_add(findings, &proto);
    finding_number(finding, "calls", UNIT_COUNT, f->calls);
    finding_number(finding, "largest", UNIT_BYTES, f->bytes);
    finding_fact(finding, f);
}

static int by_weight(const void *a, const void *b)
{
    const struct fact *one = &((const struct fact_site *)a)->sum, *two = &((const struct fact_site *)b)->sum;
    if (one->at_limit != two->at_limit)
        return one->at_limit ? -1 : 1;
    if (is_serious(one) != is_serious(two))
        return is_serious(one) ? -1 : 1;
    return one->calls > two->calls ? -1 : one->calls < two->calls;
}

void find_failed(const struct findings_view *v, struct findings *findings)
{
    struct fact_site *sites;
    size_t count;
    if (fact_sites(v, DEED_FAIL, &sites, &count) < 0)
        return;
    qsort(sites, count, sizeof(*sites), by_weight);
    for (size_t i = 0; i < count; i++)
        take_failed(findings, &sites[i].sum, 0);
    free(sites);
}

/* ---- lazy-free ---- */

enum {
    LAZY_NOTE = 1 << 20,   /* bytes */
    LAZY_BYTES = 64 << 20, /* the same: a warning, if it also is */
    LAZY_PART = 4,         /* that part of the most that was resident */
};

/* `still`: bytes that were counted as resident although given back, at the looks at the pages of that process. */
static void take_lazy(struct findings *findings, const struct fact *f, uint64_t resident, const uint64_t *still)
{
    const bool large = f->bytes >= LAZY_BYTES && f->bytes >= resident / LAZY_PART;
    if (f->bytes < LAZY_NOTE)
        return;
    const struct finding proto = {
        .name = "lazy-free",
        .severity = large && !(still && *still < LAZY_NOTE) ? SEVERITY_WARNING : SEVERITY_NOTE,
        .confidence = still ? CONFIDENCE_HIGH : CONFIDENCE_MEDIUM,
        .sentence =
            still
                ? "{site} gave memory back by MADV_FREE, {bytes} in {calls:call:calls}: up to {still} of this process "
                  "counted as resident all the same, until the kernel needs it."
                : "{site} gave memory back by MADV_FREE, {bytes} in {calls:call:calls}: it counts as resident until "
                  "the "
                  "kernel needs it, so that resident memory looks larger than it is.",
        .advice = "Trust LazyFree in /proc/PID/smaps_rollup, not RSS alone; MADV_DONTNEED gives back at once (Go: "
                  "GODEBUG=madvdontneed=1; jemalloc: muzzy_decay_ms:0).",
        .see = "brkwater events {trace} -e madvise",
        .pid = f->pid,
        .space = f->space,
    };
    struct finding *finding = findings_add(findings, &proto);
    add_evidence(finding, f);
    if (still)
        finding_number(finding, "still", UNIT_BYTES, *still);
}

void find_lazy(const struct findings_view *v, struct findings *findings)
{
    const struct space_facts *s = facts_worst(v->facts, TOPIC_LAZY);
    struct fact_site *sites;
    size_t count;
    if (fact_sites(v, DEED_LAZY, &sites, &count) < 0)
        return;
    for (size_t i = 0; i < count; i++) {
        const bool known = s && s->space == sites[i].sum.space;
        take_lazy(findings, &sites[i].sum, v->totals->one_resident.bytes, known ? &s->lazy : NULL);
    }
    free(sites);
}
