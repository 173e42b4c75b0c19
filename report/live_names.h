/*
 * live_names.h: names for code: which debug files the user wants looked at, and stacks that are shown while the program
 * runs.
 */
#ifndef BRKWATER_LIVE_NAMES_H
#define BRKWATER_LIVE_NAMES_H

#include "../decoder/decoder.h"

enum { NAMES_MAX_DIRS = 32 };

struct live_names {
    struct namer_options options;
    const char *dirs[NAMES_MAX_DIRS];
    struct namer *namer; /* NULL before names_begin() */
    uint32_t perf_space; /* whose perf map was read last */
    uint64_t perf_size;  /* and how large it was */
};

/* --debug-dir: 0, or EXIT_USAGE after one line was printed. */
int names_add_dir(struct live_names *names, const char *dir);

/* 0 or -ENOMEM. */
int names_begin(struct live_names *names);
void names_end(struct live_names *names);

/* Name the stack of an event whose thread stands still: all of it, or up to its call site.  0 or -ENOMEM. */
int names_event(struct live_names *names, const struct decoder *decoder, const struct rec_event *event, bool all);

#endif
