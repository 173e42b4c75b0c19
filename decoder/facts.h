/*
 * facts.h: what findings are made of: what each call stack did in an address space, and what such a space came to.
 * Internal to decoder/.
 *
 * Memory grows with distinct stacks and live address spaces.  Of a space that has ended, each fact is kept only where
 * it is the strongest of its kind and stack among those that have ended.
 */
#ifndef BRKWATER_FACTS_H
#define BRKWATER_FACTS_H

#include "heap_table.h"
#include "timeline.h"

enum deed {
    DEED_NONE,
    DEED_MAP,     /* memory was mapped */
    DEED_PROTECT, /* access was changed */
    DEED_LAZY,    /* pages were given back by MADV_FREE */
    DEED_EXPOSE,  /* memory was made writable and executable at once */
    DEED_FAIL,    /* a call failed */
    DEED_TOUCH,   /* page faults; `calls` counts them, and `kind` is that of what was touched */
};

/* How the memory of one stack came and went, in a few steps of as many calls each. */
enum { FACT_STEPS = 8 };

/*
 * What one call stack did in one address space.
 *
 * Example: a function mapped 200 blocks of 128K, and 150 of them went: {.deed = DEED_MAP, .kind = KIND_ANONYMOUS,
 * .calls = 200, .bytes = 26214400, .returns = 150, .left = 6553600, .left_blocks = 50, .per_step = 32, .steps = 7}.
 */
struct fact {
    uint64_t key;
    uint32_t stack, space, pid; /* stack 0: unknown */
    enum deed deed;
    enum kind kind;
    uint32_t call, error; /* of DEED_FAIL */
    bool at_limit;        /* of DEED_FAIL: the space had about as many mappings as it may have */
    bool sealed;          /* of DEED_FAIL: memory of the space was sealed */
    uint64_t calls, bytes, ticks;
    uint64_t first, last, first_time, last_time; /* events and their ticks */
    /* DEED_TOUCH: bytes that were touched for the first time, and `lived` sums up, page by page, how long after it was
     * mapped their memory began to be touched; `returns` counts faults on pages that had been touched before, `copies`
     * those of them in memory that a fork had shared. */
    uint64_t copies;
    uint64_t begun, delay; /* birth of the memory that it began to touch last, and how long after that */
    /* DEED_MAP only: */
    uint64_t returns, returned, lived; /* of its memory: how often, bytes, sum of the ticks that it lived */
    uint64_t left, left_blocks;        /* there at the last map that was read */
    uint64_t live;                     /* now, by the calls alone */
    uint64_t per_step;                 /* calls */
    uint32_t steps;                    /* that are begun */
    uint64_t step_live[FACT_STEPS];    /* at the end of each */
    uint32_t step_returns[FACT_STEPS];
};

enum { FACT_MAKERS = 3 };

struct fact_maker {
    uint32_t stack;
    uint64_t count, bytes, event; /* event: one of them */
};

/* What an address space came to. */
struct space_facts {
    uint32_t space, pid;
    uint64_t after; /* memory of later events is its own; what is older is its parent's */
    struct heap_table facts;
    bool forked;                 /* memory was copied by fork, to it or from it, since pages were last dropped */
    bool sealed, guards_advised; /* mseal(2) was used; MADV_GUARD_INSTALL: guards that no map shows */
    /* the heap */
    uint64_t heap, high, high_time, last_growth; /* bytes, bytes, ticks, ticks */
    bool trimmed_last;                           /* the last change was a trim */
    uint64_t cycles, regrown;                    /* trims that were followed by a growth; bytes that came again */
    uint64_t growths, trims, trimmed;            /* calls, calls, bytes */
    uint64_t growth_event, trim_event;           /* the last ones */
    uint32_t growth_stack, trim_stack;
    uint64_t break_ticks, break_first, break_last; /* time in these calls; ticks of the first and the last */
    /* maps, as they were read */
    uint64_t lines, lines_event, lines_time; /* the most */
    uint64_t counted;                        /* for how many lines the makers were counted */
    struct fact_maker line_makers[FACT_MAKERS];
    /* threads */
    uint64_t alive, most_alive;
    struct fact_maker ended_stacks, open_stacks; /* of threads that ended; without a guard */
    struct fact_maker reserved;                  /* never accessible; the stack is the one with most */
    uint64_t reserved_most;
    struct fact_maker untouched; /* accessible, and never touched: at the last look; the stack is the one with most */
    /* samples */
    uint64_t resident, file, file_resident; /* bytes: last; most of files, and all at that moment */
    uint64_t file_time;
    struct receipt huge; /* the look that found the most in huge pages; time 0: none */
    uint64_t lazy;       /* bytes, the most that were given back lazily and still resident, at a look */
    bool looked;         /* there was a look */
    struct space_facts *next;
};

/* Each is about one thing that a space may have too much of. */
enum topic {
    TOPIC_TRIMS,
    TOPIC_HEAP,
    TOPIC_LINES,
    TOPIC_STACKS,
    TOPIC_GUARDS,
    TOPIC_RESERVED,
    TOPIC_FILES,
    TOPIC_HUGE,
    TOPIC_LAZY,
    TOPICS
};

struct facts;

struct facts *facts_new(void);
void facts_free(struct facts *facts);

/* After decoder_apply() of each record.  Without memory, facts are left out. */
void facts_add(struct facts *facts, const struct decoder *decoder, const struct moment *moment);

/* The space with most of that, alive or ended; NULL: none has any. */
const struct space_facts *facts_worst(const struct facts *facts, enum topic topic);

/* One fact after another, of spaces that have ended and that live; *ret is freed by its owner, what it points to is
 * valid until the next facts_add().  0 or -ENOMEM. */
int facts_list(const struct facts *facts, enum deed deed, const struct fact ***ret, size_t *ret_count);

#endif
