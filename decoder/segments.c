/*
 * segments.c: a treap of segments.
 *
 * Everything is made of two operations: split (all that lies below an address to the left, the rest to the right; a
 * segment that straddles the address becomes two) and join.  A range is cut out with two splits, worked on, and joined
 * in again, unless it is just one segment: that is worked on where it is.
 */
#include "segments.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

struct node {
    struct segment segment;
    struct node *left, *right;
    uint32_t priority; /* nearly a heap: only the upper half of a segment that was cut may have a higher one than its
                          parent */
};

enum kind segment_kind(const struct segment *segment)
{
    if (segment->kind == KIND_STACK && segment->prot == 0)
        return KIND_GUARD;
    return (enum kind)segment->kind;
}

void segment_protect(struct segment *segment, uint8_t prot)
{
    if (segment->prot)
        segment->flags |= SEGMENT_WAS_OPEN;
    if (segment->prot & PROT_WRITE)
        segment->flags |= SEGMENT_WAS_WRITABLE;
    segment->prot = prot;
}

static uint64_t size_of(const struct segment *segment)
{
    return segment->end - segment->start;
}

/* Count a segment in (sign 1) or out (sign -1); unsigned arithmetic wraps as it should. */
static void account(struct segments *s, const struct segment *segment, int sign)
{
    uint64_t bytes = size_of(segment) * (uint64_t)(int64_t)sign;
    enum kind kind = segment_kind(segment);
    s->bytes += bytes;
    s->by_kind[kind] += bytes;
    if (s->totals)
        s->totals[kind] += bytes;
}

/* Priorities need only be spread well; a fixed sequence keeps replays the same. */
static uint32_t next_priority(void)
{
    static _Thread_local uint32_t state = 2463534242u;
    state ^= state << 13;
    state ^= state >> 17;
    state ^= state << 5;
    return state;
}

static struct node *node_new(struct segments *s, const struct segment *segment)
{
    struct node *node = malloc(sizeof(*node));
    if (!node) {
        s->failed = true;
        return NULL;
    }
    *node = (struct node){.segment = *segment, .priority = next_priority()};
    s->count++;
    return node;
}

static bool has_offset(const struct segment *segment)
{
    return segment->file && !(segment->flags & SEGMENT_NAMED);
}

/* Cut a straddling node at addr; the new upper part is returned. */
static struct node *cut(struct segments *s, struct node *node, tracee_addr addr)
{
    struct segment upper = node->segment;
    if (has_offset(&upper))
        upper.offset += addr - upper.start;
    upper.start = addr;
    struct node *result = node_new(s, &upper);
    if (!result)
        return NULL;
    node->segment.end = addr;
    if (s->watch)
        s->watch->cut(s->watch->context, s, &node->segment, &result->segment);
    return result;
}

static struct node *join(struct node *low, struct node *high)
{
    if (!low || !high)
        return low ? low : high;
    if (low->priority >= high->priority) {
        low->right = join(low->right, high);
        return low;
    }
    high->left = join(low, high->left);
    return high;
}

static void split(struct segments *s, struct node *node, tracee_addr addr, struct node **ret_low,
                  struct node **ret_high)
{
    if (!node) {
        *ret_low = *ret_high = NULL;
        return;
    }
    if (node->segment.start >= addr) {
        split(s, node->left, addr, ret_low, &node->left);
        *ret_high = node;
        return;
    }
    if (node->segment.end > addr) {
        struct node *upper = cut(s, node, addr);
        *ret_high = join(upper, node->right);
        node->right = NULL;
        *ret_low = node;
        return;
    }
    split(s, node->right, addr, &node->right, ret_high);
    *ret_low = node;
}

/* A range cut out of the map, to be put back by put_back(). */
struct cutting {
    struct node *below, *inside, *above;
};

static struct cutting cut_out(struct segments *s, tracee_addr start, tracee_addr end)
{
    struct cutting c;
    struct node *rest;
    split(s, s->root, start, &c.below, &rest);
    split(s, rest, end, &c.inside, &c.above);
    s->root = NULL;
    return c;
}

static void put_back(struct segments *s, const struct cutting *c)
{
    s->root = join(join(c->below, c->inside), c->above);
}

static void walk(struct node *node, void (*visit)(struct node *node, void *context), void *context)
{
    if (!node)
        return;
    walk(node->left, visit, context);
    struct node *right = node->right; /* the visitor may free the node */
    visit(node, context);
    walk(right, visit, context);
}

void segments_init(struct segments *s, uint64_t *totals)
{
    memset(s, 0, sizeof(*s));
    s->totals = totals;
}

/* ---- removal ---- */

struct removing {
    struct segments *segments;
    struct removal removal;
};

static void remove_node(struct node *node, void *context)
{
    struct removing *r = context;
    struct removal *removal = &r->removal;
    const struct segment *segment = &node->segment;
    account(r->segments, segment, -1);
    if (r->segments->watch)
        r->segments->watch->went(r->segments->watch->context, r->segments, segment);
    r->segments->count--;
    if (removal->pieces++ == 0) {
        removal->birth = segment->birth;
        removal->born = segment->born;
        removal->stack = segment->stack;
        removal->first_kind = segment->kind;
    } else if (removal->birth != segment->birth) {
        removal->birth = 0;
    }
    removal->bytes += size_of(segment);
    if (size_of(segment) > removal->largest) {
        removal->largest = size_of(segment);
        removal->kind = (enum kind)segment->kind;
    }
    free(node);
}

/* Where the tree holds the segment that is just that range; NULL: there is none. */
static struct node **place_of(struct segments *s, tracee_addr start, tracee_addr end)
{
    struct node **at = &s->root;
    while (*at && (*at)->segment.start != start)
        at = start < (*at)->segment.start ? &(*at)->left : &(*at)->right;
    return *at && (*at)->segment.end == end ? at : NULL;
}

void segments_remove(struct segments *s, tracee_addr start, tracee_addr end, struct removal *ret_removal)
{
    struct removing r = {.segments = s};
    struct node **at = start < end ? place_of(s, start, end) : NULL;
    if (at) { /* most of what is unmapped was mapped as it is */
        struct node *node = *at;
        touched_clear(&s->touched, start, end);
        *at = join(node->left, node->right);
        remove_node(node, &r);
    } else if (start < end) {
        touched_clear(&s->touched, start, end);
        struct cutting c = cut_out(s, start, end);
        walk(c.inside, remove_node, &r);
        c.inside = NULL;
        put_back(s, &c);
    }
    *ret_removal = r.removal;
}

void segments_clear(struct segments *s)
{
    struct removing r = {.segments = s};
    walk(s->root, remove_node, &r);
    s->root = NULL;
    touched_free(&s->touched);
}

/* ---- insertion and change ---- */

void segments_insert(struct segments *s, const struct segment *segment)
{
    if (segment->start >= segment->end)
        return;
    struct node *node = node_new(s, segment);
    if (!node)
        return;
    account(s, segment, 1);
    if (s->watch)
        s->watch->came(s->watch->context, s, &node->segment);
    struct node **at = &s->root;
    while (*at && (*at)->priority >= node->priority)
        at = segment->start < (*at)->segment.start ? &(*at)->left : &(*at)->right;
    split(s, *at, segment->start, &node->left, &node->right);
    *at = node;
}

static bool is_other(const struct segment *a, const struct segment *b)
{
    return a->start != b->start || a->prot != b->prot || a->kind != b->kind || a->flags != b->flags ||
           a->owner != b->owner || a->file != b->file || a->offset != b->offset || a->birth != b->birth;
}

static void watch_again(struct segments *s, const struct segment *before, struct segment *now)
{
    s->watch->went(s->watch->context, s, before);
    s->watch->came(s->watch->context, s, now);
}

struct changing {
    struct segments *segments;
    void (*change)(struct segment *segment, void *context);
    void *context;
};

static void change_node(struct node *node, void *context)
{
    struct changing *c = context;
    const struct segment before = node->segment;
    account(c->segments, &before, -1);
    c->change(&node->segment, c->context);
    account(c->segments, &node->segment, 1);
    if (c->segments->watch && is_other(&before, &node->segment))
        watch_again(c->segments, &before, &node->segment);
}

void segments_change(struct segments *s, tracee_addr start, tracee_addr end,
                     void (*change)(struct segment *segment, void *context), void *context)
{
    if (start >= end)
        return;
    struct changing changing = {s, change, context};
    struct node **at = place_of(s, start, end);
    if (at) {
        change_node(*at, &changing);
        return;
    }
    struct cutting c = cut_out(s, start, end);
    walk(c.inside, change_node, &changing);
    put_back(s, &c);
}

struct shifting {
    struct segments *segments;
    uint64_t by;
};

static void shift_node(struct node *node, void *context)
{
    const struct shifting *s = context;
    const struct segment before = node->segment;
    node->segment.start += s->by;
    node->segment.end += s->by;
    if (s->segments->watch)
        watch_again(s->segments, &before, &node->segment);
}

void segments_move(struct segments *s, tracee_addr start, tracee_addr end, tracee_addr to)
{
    struct shifting shifting = {s, to - start};
    struct cutting from = cut_out(s, start, end);
    struct node *moved = from.inside;
    from.inside = NULL;
    put_back(s, &from);
    walk(moved, shift_node, &shifting);
    struct cutting into = cut_out(s, to, to + (end - start));
    /* The caller made room; should there be something all the same, it is dropped rather than overlapped. */
    struct removing r = {.segments = s};
    walk(into.inside, remove_node, &r);
    into.inside = moved;
    put_back(s, &into);
    touched_clear(&s->touched, to, to + (end - start));
    touched_move(&s->touched, start, end, to);
}

/* ---- looking ---- */

const struct segment *segments_find(const struct segments *s, tracee_addr addr)
{
    const struct segment *best = NULL;
    for (const struct node *node = s->root; node;) {
        if (node->segment.end > addr) {
            best = &node->segment;
            node = node->left;
        } else {
            node = node->right;
        }
    }
    return best;
}

const struct segment *segments_below(const struct segments *s, tracee_addr addr)
{
    const struct segment *best = NULL;
    for (const struct node *node = s->root; node;) {
        if (node->segment.end <= addr) {
            best = &node->segment;
            node = node->right;
        } else {
            node = node->left;
        }
    }
    return best;
}

uint64_t segments_covered(const struct segments *s, tracee_addr start, tracee_addr end)
{
    uint64_t bytes = 0;
    for (const struct segment *at = segments_find(s, start); at && at->start < end; at = segments_find(s, at->end)) {
        tracee_addr low = at->start > start ? at->start : start, high = at->end < end ? at->end : end;
        bytes += high - low;
    }
    return bytes;
}

struct copying {
    struct segments *to;
    bool (*keep)(const struct segment *segment);
};

static struct node *copy_nodes(struct copying *c, const struct node *node)
{
    if (!node)
        return NULL;
    struct node *low = copy_nodes(c, node->left), *high = copy_nodes(c, node->right);
    struct node *own = NULL;
    if (c->keep(&node->segment) && (own = node_new(c->to, &node->segment))) {
        own->priority = node->priority;
        account(c->to, &own->segment, 1);
        if (c->to->watch)
            c->to->watch->came(c->to->watch->context, c->to, &own->segment);
    }
    if (!own) {
        touched_clear(&c->to->touched, node->segment.start, node->segment.end);
        return join(low, high);
    }
    own->left = low;
    own->right = high;
    return own;
}

void segments_copy(struct segments *to, const struct segments *from, bool (*keep)(const struct segment *segment))
{
    struct copying c = {to, keep};
    touched_copy(&to->touched, &from->touched);
    to->root = copy_nodes(&c, from->root);
}
