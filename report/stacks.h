/*
 * stacks.h: sums by call stack, as text, as folded lines, as a flame graph.
 */
#ifndef BRKWATER_STACKS_H
#define BRKWATER_STACKS_H

#include "buffer.h"
#include "../decoder/decoder.h"

/* What is shown. */
struct stacks_view {
    const struct stack_tree *tree;
    enum stack_metric metric;
    const char *trace; /* its path */
    const char *head;  /* one line: what is summed, and how much of it there is */
    const char *note;  /* another line, or "" */
    double min;        /* percent: smaller parts are left out (text) */
};

struct stacks_format {
    const char *name;
    enum stack_order order;
    void (*write)(struct buffer *out, const struct stacks_view *view);
};

/* text, folded, svg; ended by one without a name. */
extern const struct stacks_format stacks_formats[];

/* "mapped", "live", ...: what --by takes. */
const char *stacks_metric_name(enum stack_metric metric);

/* A value of the metric with its unit: "1.25M", "1,204", "41 ms". */
char *stacks_value(char *buffer, size_t size, enum stack_metric metric, uint64_t value);

/* Percent of the tree's total. */
double stacks_share(const struct stacks_view *view, uint64_t value);

/* The name of a node as it is, not escaped: the function, else module and address, else what stands there in place of
 * a stack.  It may lie in `room`, whose old content is gone. */
struct text stacks_node_name(struct buffer *room, const struct stack_node *node);

/* Behind the last slash. */
struct text stacks_base_name(struct text path);

void stacks_text(struct buffer *out, const struct stacks_view *view);
void stacks_folded(struct buffer *out, const struct stacks_view *view);

#endif
