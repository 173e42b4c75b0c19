/*
 * stack_tree.c: many stacks as one tree, with the sums of all that pass through each node.
 *
 * Each stack is walked from its root on; a hash table of (parent, what the line says) finds the node of each step.
 * Nothing recurses: a stack of a hostile trace can be long.
 */
#include "decoder.h"

#include "symbols/callsite.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
    MAX_LINES = 16384, /* of one stack; what lies further out counts as missing */
    MAX_NODES = 1 << 26,
};

struct lines {
    struct code_line *list;
    size_t count, capacity;
    bool cut; /* there are more */
};

struct maker {
    struct stack_tree *tree;
    struct code *code;
    enum stack_metric metric;
    enum stack_order order;
    struct lines lines; /* of the stack at hand, innermost first */
    size_t capacity;    /* of tree->nodes */
    uint32_t *table;    /* open addressing: index of a node, 0: free */
    size_t table_size;  /* a power of two */
};

/* ---- which lines are the same ---- */

static bool same_text(struct text a, struct text b)
{
    return a.size == b.size && (a.data == b.data || !a.size || memcmp(a.data, b.data, a.size) == 0);
}

static bool same_line(const struct code_line *a, const struct code_line *b, enum stack_order order)
{
    if (!same_text(a->function, b->function) || !same_text(a->path, b->path))
        return false;
    if (!a->function.size)
        return a->address == b->address && a->space == b->space;
    if (order == FROM_OUTERMOST)
        return true;
    return a->line == b->line && a->inlined == b->inlined && a->flags == b->flags && same_text(a->file, b->file);
}

static uint64_t mix(uint64_t hash, uint64_t value)
{
    hash = (hash ^ value) * 0x9e3779b97f4a7c15u;
    return hash ^ hash >> 32;
}

static uint64_t mix_text(uint64_t hash, struct text text)
{
    for (size_t i = 0; i < text.size; i += sizeof(uint64_t)) {
        uint64_t word = 0;
        memcpy(&word, text.data + i, text.size - i < sizeof(word) ? text.size - i : sizeof(word));
        hash = mix(hash, word);
    }
    return mix(hash, text.size);
}

static uint64_t hash_step(uint32_t parent, const struct stack_node *step, enum stack_order order)
{
    const struct code_line *line = &step->line;
    uint64_t hash = mix(mix(parent, step->origin), step->missing);
    hash = mix_text(mix_text(hash, line->function), line->path);
    if (!line->function.size)
        hash = mix(hash, line->address);
    return order == FROM_SITE ? mix(hash, line->line) : hash;
}

/* ---- nodes ---- */

static bool hold_nodes(struct maker *m)
{
    if (m->tree->count < m->capacity)
        return true;
    size_t capacity = m->capacity ? m->capacity * 2 : 256;
    struct stack_node *nodes = capacity > MAX_NODES ? NULL : reallocarray(m->tree->nodes, capacity, sizeof(*nodes));
    if (!nodes)
        return false;
    m->tree->nodes = nodes;
    m->capacity = capacity;
    return true;
}

/* Where the node of this step is in the table, or belongs. */
static uint32_t *find_place(struct maker *m, uint32_t parent, const struct stack_node *step)
{
    const struct stack_node *nodes = m->tree->nodes;
    size_t at = hash_step(parent, step, m->order) & (m->table_size - 1);
    for (; m->table[at]; at = (at + 1) & (m->table_size - 1)) {
        const struct stack_node *node = &nodes[m->table[at]];
        if (node->parent == parent && node->origin == step->origin && node->missing == step->missing &&
            same_line(&node->line, &step->line, m->order))
            break;
    }
    return &m->table[at];
}

/* At most half of the table is in use. */
static bool hold_table(struct maker *m)
{
    if ((size_t)m->tree->count * 2 < m->table_size)
        return true;
    size_t size = m->table_size ? m->table_size * 2 : 1024;
    uint32_t *table = calloc(size, sizeof(*table));
    if (!table)
        return false;
    free(m->table);
    m->table = table;
    m->table_size = size;
    for (uint32_t i = 1; i < m->tree->count; i++)
        *find_place(m, m->tree->nodes[i].parent, &m->tree->nodes[i]) = i;
    return true;
}

static uint64_t value_of(const struct maker *m, const struct stack_sum *sum)
{
    return m->metric < STACK_METRICS ? sum->values[m->metric] : 1;
}

/* The child of *at that says this, made if need be; the sum goes into it, and *at moves there.  False without memory.
 */
static bool step_to(struct maker *m, uint32_t *at, const struct stack_node *step, const struct stack_sum *sum)
{
    if (!hold_nodes(m) || !hold_table(m))
        return false;
    uint32_t *place = find_place(m, *at, step);
    struct stack_node *nodes = m->tree->nodes;
    if (!*place) {
        *place = m->tree->count++;
        nodes[*place] = *step;
        nodes[*place].parent = *at;
        nodes[*place].next = nodes[*at].first;
        nodes[*at].first = *place;
    }
    *at = *place;
    nodes[*at].value += value_of(m, sum);
    nodes[*at].calls += sum->values[BY_CALLS];
    return true;
}

/* ---- stacks ---- */

static bool read_lines(struct maker *m, uint32_t stack)
{
    struct code_walk walk = code_walk(m->code, stack);
    struct lines *lines = &m->lines;
    struct code_line line;
    lines->count = 0;
    while (lines->count < MAX_LINES && code_walk_next(&walk, &line)) {
        if (lines->count == lines->capacity) {
            size_t capacity = lines->capacity ? lines->capacity * 2 : 64;
            struct code_line *list = reallocarray(lines->list, capacity, sizeof(*list));
            if (!list)
                return false;
            lines->list = list;
            lines->capacity = capacity;
        }
        lines->list[lines->count++] = line;
    }
    lines->cut = walk.stack.quality == STACK_TRUNCATED || code_walk_next(&walk, &line);
    return true;
}

static bool is_named(const struct code_line *line, const char *start)
{
    const size_t size = strlen(start);
    return line->function.size >= size && memcmp(line->function.data, start, size) == 0;
}

static bool is_library_code(const struct code_line *line)
{
    return callsite_is_allocator(&(struct callsite_frame){line->path, line->function});
}

/* How many lines are left when those are dropped that lead to main, or to a thread's function. */
static size_t without_start(const struct code_line *list, size_t first, size_t end)
{
    /* _start is the only caller of __libc_start_main; a stripped program does not tell its name. */
    if (end > first + 2 && (is_named(&list[end - 1], "_start") || !list[end - 1].function.size) &&
        is_named(&list[end - 2], "__libc_start"))
        end--;
    while (end > first + 1 && is_library_code(&list[end - 1]))
        end--;
    return end;
}

/* The lines of a stack that are shown: the site and its callers, or all of it that called the call. */
struct part {
    size_t first, end;        /* in the list, innermost first */
    struct code_line runtime; /* when there is no other code than that of a C library or loader: only its module */
};

static struct part choose_part(struct maker *m, uint32_t stack)
{
    const struct code_line *list = m->lines.list;
    struct part part = {.end = m->lines.count};
    struct code_line site;
    size_t *first = &part.first;
    if (!code_site(m->code, stack, &site))
        return part;
    if (site.is_runtime && site.path.size) {
        part.runtime = (struct code_line){.module = site.module, .path = site.path, .is_runtime = true};
        while (*first + 1 < part.end && same_text(list[*first].function, list[0].function))
            ++*first;
        return part;
    }
    while (*first + 1 < part.end && (list[*first].depth != site.depth || !same_line(&list[*first], &site, FROM_SITE)))
        ++*first;
    if (!m->lines.cut)
        part.end = without_start(list, *first, part.end);
    return part;
}

static const struct stack_node missing = {.origin = ORIGIN_STACK, .missing = true};

static bool add_line(struct maker *m, uint32_t *at, size_t line, const struct stack_sum *sum)
{
    return step_to(m, at, &(struct stack_node){.line = m->lines.list[line]}, sum);
}

static bool add_from_site(struct maker *m, uint32_t *at, const struct stack_sum *sum)
{
    const struct part part = choose_part(m, sum->stack);
    if (part.runtime.is_runtime && !step_to(m, at, &(struct stack_node){.line = part.runtime}, sum))
        return false;
    for (size_t i = part.first; i < part.end; i++)
        if (!add_line(m, at, i, sum))
            return false;
    return !m->lines.cut || step_to(m, at, &missing, sum);
}

static bool add_from_outermost(struct maker *m, uint32_t *at, const struct stack_sum *sum)
{
    if (m->lines.cut && !step_to(m, at, &missing, sum))
        return false;
    for (size_t i = m->lines.count; i-- > 0;)
        if (!add_line(m, at, i, sum))
            return false;
    return true;
}

static void count_quality(struct maker *m, const struct stack_sum *sum)
{
    struct stack_tree *tree = m->tree;
    const uint64_t value = value_of(m, sum);
    struct code_stack stack;
    tree->by_calls += sum->origin == ORIGIN_STACK || sum->origin == ORIGIN_NONE ? value : 0;
    if (sum->origin != ORIGIN_STACK || !code_stack(m->code, sum->stack, &stack))
        return;
    tree->stacks++;
    tree->by_whole += stack.quality == STACK_COMPLETE ? value : 0;
    tree->by_guess += stack.quality == STACK_GUESSED ? value : 0;
}

static bool hold_ends(struct stack_tree *tree, size_t index)
{
    if (index < tree->n_ends)
        return true;
    const size_t count = (index + 1) * 2;
    uint32_t *ends = reallocarray(tree->ends, count, sizeof(*ends));
    if (!ends)
        return false;
    memset(ends + tree->n_ends, 0, (count - tree->n_ends) * sizeof(*ends));
    tree->ends = ends;
    tree->n_ends = count;
    return true;
}

static bool add_sum(struct maker *m, size_t index, const struct stack_sum *sum)
{
    uint32_t at = 0;
    if (!value_of(m, sum))
        return true;
    if (!hold_ends(m->tree, index))
        return false;
    if (sum->origin == ORIGIN_STACK && !read_lines(m, sum->stack))
        return false;
    /* A stack without frames tells no more than none. */
    if (sum->origin != ORIGIN_STACK || !m->lines.count) {
        const struct stack_node step = {.origin = sum->origin == ORIGIN_STACK ? ORIGIN_NONE : sum->origin};
        if (!step_to(m, &at, &step, sum))
            return false;
    } else if (!(m->order == FROM_SITE ? add_from_site : add_from_outermost)(m, &at, sum)) {
        return false;
    }
    m->tree->ends[index] = at;
    m->tree->nodes[at].own += value_of(m, sum);
    m->tree->nodes[0].value += value_of(m, sum);
    m->tree->nodes[0].calls += sum->values[BY_CALLS];
    count_quality(m, sum);
    return true;
}

/* ---- order ---- */

struct child {
    uint64_t value;
    uint32_t index;
};

/* Largest first; of equal ones the one that came first. */
static int compare(const void *left, const void *right)
{
    const struct child *a = left, *b = right;
    if (a->value != b->value)
        return a->value > b->value ? -1 : 1;
    return a->index < b->index ? -1 : a->index > b->index;
}

static void sort_children(struct stack_node *nodes, uint32_t parent, struct child *room)
{
    size_t count = 0;
    for (uint32_t i = nodes[parent].first; i; i = nodes[i].next)
        room[count++] = (struct child){nodes[i].value, i};
    qsort(room, count, sizeof(*room), compare);
    uint32_t *link = &nodes[parent].first;
    for (size_t i = 0; i < count; i++) {
        *link = room[i].index;
        link = &nodes[room[i].index].next;
    }
    *link = 0;
}

static bool sort(struct stack_tree *tree)
{
    struct child *room = calloc(tree->count, sizeof(*room));
    if (!room)
        return false;
    for (uint32_t i = 0; i < tree->count; i++)
        sort_children(tree->nodes, i, room);
    free(room);
    return true;
}

int stack_tree_new(const struct stack_sums *sums, struct code *code, enum stack_metric metric, enum stack_order order,
                   struct stack_tree **ret_tree)
{
    struct maker m = {.tree = calloc(1, sizeof(struct stack_tree)), .code = code, .metric = metric, .order = order};
    const struct stack_sum *sum;
    bool good = m.tree && hold_nodes(&m);
    if (good)
        m.tree->nodes[m.tree->count++] = (struct stack_node){.origin = ORIGIN_STACK};
    for (size_t i = 0; good && (sum = stack_sums_at(sums, i)) != NULL; i++)
        good = add_sum(&m, i, sum);
    good = good && sort(m.tree);
    free(m.lines.list);
    free(m.table);
    if (good)
        *ret_tree = m.tree;
    else
        stack_tree_free(m.tree);
    return good ? 0 : -ENOMEM;
}

void stack_tree_free(struct stack_tree *tree)
{
    if (!tree)
        return;
    free(tree->nodes);
    free(tree->ends);
    free(tree);
}
