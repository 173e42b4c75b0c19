/* findings_growth.c: memory that is mapped: what stays, what comes and goes, what is only reserved. */
#include "findings.h"

#include <stdlib.h>

/* ---- growth, file-growth ---- */

enum {
    GROWTH_BLOCKS = 16,         /* that are left */
    GROWTH_BYTES = 1 << 20,     /* in them */
    GROWTH_STEPS = 4,           /* of calls, for it to be told from a start that ends */
    GROWTH_LONG = 10,           /* seconds over which memory that is never returned may not grow */
    GROWTH_LARGE = 64 << 20,    /* bytes, the same */
    GROWTH_RETURNS_PERCENT = 10 /* of the blocks: the program means to return them */
};

/* In each step more memory is there than at the end of the one before. */
static bool rises(const struct fact *f)
{
    for (uint32_t i = 1; i < f->steps; i++)
        if (f->step_live[i] <= f->step_live[i - 1])
            return false;
    return f->steps >= GROWTH_STEPS;
}

/* It returns memory all the time, and not at the end only. */
static bool returns(const struct fact *f)
{
    uint32_t steps = 0;
    for (uint32_t i = 0; i < f->steps; i++)
        steps += f->step_returns[i] > 0;
    return steps * 2 >= f->steps && f->returns * 100 >= f->calls * GROWTH_RETURNS_PERCENT;
}

static bool is_growth(const struct fact *f)
{
    return f->kind != KIND_STACK && f->left_blocks >= GROWTH_BLOCKS && f->left >= GROWTH_BYTES && rises(f);
}

static uint64_t rate(const struct fact *f)
{
    const uint64_t ticks = f->last_time > f->first_time ? f->last_time - f->first_time : 1;
    const double bytes = (double)f->left * TRACE_TICKS_PER_SECOND / (double)ticks;
    return bytes < 1e18 ? (uint64_t)bytes : UINT64_MAX;
}

static void add_growth(struct findings *findings, const struct fact *f)
{
    const bool is_file = f->kind == KIND_FILE, is_leak = returns(f);
    const bool is_long = f->last_time - f->first_time >= (uint64_t)GROWTH_LONG * TRACE_TICKS_PER_SECOND;
    struct finding proto = {
        .name = is_file ? "file-growth" : "growth",
        .severity = is_leak || (is_long && f->left >= GROWTH_LARGE) ? SEVERITY_WARNING : SEVERITY_NOTE,
        .confidence = is_leak ? CONFIDENCE_MEDIUM : CONFIDENCE_LOW,
        .sentence = is_leak ? "{site} returns only a part of what it maps, and holds more and more: {left} in {blocks} "
                              "blocks are left of {mapped}."
                            : "{site} maps memory again and again, and returns none or little of it: {left} in "
                              "{blocks} blocks are left.",
        .advice = is_file ? "Unmap a file when it is done with, or read it; its pages count as resident, and the "
                            "kernel takes them back when it needs memory."
                          : "See whether every way out of {site} unmaps the memory; a heap profiler of malloc does "
                            "not see it.",
        .see = "brkwater stacks {trace} --by live",
        .pid = f->pid,
        .space = f->space,
    };
    struct finding *finding = findings_add(findings, &proto);
    finding_number(finding, "left", UNIT_BYTES, f->left);
    finding_number(finding, "blocks", UNIT_COUNT, f->left_blocks);
    finding_number(finding, "mapped", UNIT_BYTES, f->bytes);
    finding_number(finding, "calls", UNIT_COUNT, f->calls);
    finding_number(finding, "returned", UNIT_BYTES, f->returned);
    finding_number(finding, "rate", UNIT_RATE, rate(f));
    finding_fact(finding, f);
    finding_when(finding, f->first_time, 0); /* what is left is there until the end */
}

static int by_left(const void *a, const void *b)
{
    const struct fact_site *one = a, *two = b;
    return one->sum.left < two->sum.left ? 1 : one->sum.left > two->sum.left ? -1 : 0;
}

void find_growth(const struct findings_view *v, struct findings *findings)
{
    struct fact_site *sites;
    size_t count;
    if (fact_sites(v, DEED_MAP, &sites, &count) < 0)
        return;
    qsort(sites, count, sizeof(*sites), by_left);
    for (size_t i = 0; i < count; i++)
        if (is_growth(&sites[i].sum))
            add_growth(findings, &sites[i].sum);
    free(sites);
}

/* ---- map-churn ---- */

enum {
    CHURN_NOTE = 200,   /* blocks that came and went */
    CHURN_MANY = 1000,  /* the same, for a warning */
    CHURN_LIVED = 100,  /* ms that such a block lives at most, on the average */
    CHURN_PERCENT = 25, /* of the time between the first and the last goes into the calls, for a warning */
};

/* To map small files one after another is a usual way of reading them. */
static bool is_heavy_churn(const struct fact *f)
{
    return f->kind != KIND_FILE && f->returns >= CHURN_MANY && fact_share(f) >= CHURN_PERCENT;
}

void find_churn(const struct findings_view *v, struct findings *findings)
{
    const uint64_t ms = TRACE_TICKS_PER_SECOND / 1000;
    struct fact_site *sites;
    size_t count;
    if (fact_sites(v, DEED_MAP, &sites, &count) < 0)
        return;
    for (size_t i = 0; i < count; i++) {
        const struct fact *f = &sites[i].sum;
        if (f->kind == KIND_STACK || f->returns < CHURN_NOTE || f->lived / f->returns > CHURN_LIVED * ms)
            continue;
        const struct finding proto = {
            .name = "map-churn",
            .severity = is_heavy_churn(f) ? SEVERITY_WARNING : SEVERITY_NOTE,
            .confidence = CONFIDENCE_HIGH,
            .sentence = "{site} maps memory and unmaps it again, over and over: {returns} blocks lived {lived} on the "
                        "average.",
            .advice = f->kind == KIND_CHUNK ? "Keep the block and use it again; or let malloc take such blocks from "
                                              "its heap: GLIBC_TUNABLES=glibc.malloc.mmap_threshold, mallopt(3)."
                                            : "Keep the memory and use it again: each new mapping is zeroed and "
                                              "faulted in page by page.",
            .see = "brkwater stacks {trace} --by calls",
            .pid = f->pid,
            .space = f->space,
        };
        struct finding *finding = findings_add(findings, &proto);
        finding_number(finding, "calls", UNIT_COUNT, f->calls);
        finding_number(finding, "returns", UNIT_COUNT, f->returns);
        finding_number(finding, "mapped", UNIT_BYTES, f->bytes);
        finding_number(finding, "lived", UNIT_TICKS, f->lived / f->returns);
        finding_number(finding, "time", UNIT_TICKS, f->ticks);
        finding_number(finding, "share", UNIT_PERCENT, fact_share(f));
        finding_fact(finding, f);
    }
    free(sites);
}

/* ---- file-growth ---- */

enum { FILES_BYTES = 64 << 20 };

/* A stack that mapped the most of files there. */
static uint32_t file_maker(const struct findings_view *v, uint32_t space)
{
    const struct fact **list;
    size_t count;
    uint64_t most = 0;
    uint32_t stack = 0;
    if (facts_list(v->facts, DEED_MAP, &list, &count) < 0)
        return 0;
    for (size_t i = 0; i < count; i++)
        if (list[i]->kind == KIND_FILE && list[i]->space == space && list[i]->bytes > most) {
            most = list[i]->bytes;
            stack = list[i]->stack;
        }
    free(list);
    return stack;
}

void find_files(const struct findings_view *v, struct findings *findings)
{
    const struct space_facts *s = facts_worst(v->facts, TOPIC_FILES);
    if (!s || s->file < FILES_BYTES || s->file * 2 < s->file_resident)
        return;
    const struct finding proto = {
        .name = "file-growth",
        .severity = SEVERITY_NOTE,
        .confidence = CONFIDENCE_HIGH,
        .sentence = "Most of the resident memory was pages of mapped files: {file} of {resident}. The kernel takes "
                    "them back when it needs memory.",
        .advice = "Look at anonymous memory for leaks; madvise(MADV_DONTNEED) drops pages of a file that are done "
                  "with.",
        .see = "brkwater layout {trace} --at peak",
        .pid = s->pid,
        .space = s->space,
    };
    struct finding *finding = findings_add(findings, &proto);
    finding_number(finding, "file", UNIT_BYTES, s->file);
    finding_number(finding, "resident", UNIT_BYTES, s->file_resident);
    finding_number(finding, "time", UNIT_TICKS, s->file_time);
    finding_stack(finding, file_maker(v, s->space));
}

/* ---- reserved-untouched ---- */

enum { RESERVED_BYTES = 256 << 20 };

/* What could never be accessed, or what could be and never was: whichever is more. */
void find_reserved(const struct findings_view *v, struct findings *findings)
{
    const struct space_facts *s = facts_worst(v->facts, TOPIC_RESERVED);
    if (!s || s->reserved.bytes + s->untouched.bytes < RESERVED_BYTES)
        return;
    const bool closed = s->reserved.bytes >= s->untouched.bytes;
    const struct finding proto = {
        .name = "reserved-untouched",
        .severity = SEVERITY_NOTE,
        .confidence = CONFIDENCE_HIGH,
        .sentence = closed
                        ? "{reserved} of the address space is only reserved, and could never be accessed: it holds no "
                          "memory. Most is {site}'s."
                        : "{untouched} of memory that was mapped has never been touched: it holds nothing. Most is "
                          "{site}'s.",
        .advice = "Nothing, unless virtual memory is limited (ulimit -v): resident memory is what counts.",
        .see = "brkwater layout {trace}",
        .pid = s->pid,
        .space = s->space,
    };
    const struct fact_maker *maker = closed ? &s->reserved : &s->untouched;
    struct finding *finding = findings_add(findings, &proto);
    finding_number(finding, "reserved", UNIT_BYTES, s->reserved.bytes);
    finding_number(finding, "pieces", UNIT_COUNT, maker->count);
    finding_number(finding, "untouched", UNIT_BYTES, s->untouched.bytes);
    finding_event(finding, maker->event);
    finding_stack(finding, maker->stack);
}
