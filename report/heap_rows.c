/* heap_rows.c: sums by stack become sums by call site and cause. */
#include "heap.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

const char *heap_cause_name(enum heap_cause cause)
{
    static const char *const names[HEAP_CAUSES] = {
        [CAUSE_UNKNOWN] = "unknown", [CAUSE_FREE] = "free",     [CAUSE_MALLOC_TRIM] = "malloc_trim",
        [CAUSE_REALLOC] = "realloc", [CAUSE_MALLOC] = "malloc", [CAUSE_PROGRAM] = "program",
    };
    return names[(unsigned)cause < HEAP_CAUSES ? cause : CAUSE_UNKNOWN];
}

static int compare_texts(struct text a, struct text b)
{
    const size_t both = a.size < b.size ? a.size : b.size;
    const int order = both ? memcmp(a.data, b.data, both) : 0;
    return order ? order : a.size < b.size ? -1 : a.size > b.size;
}

/* Two that look alike are one. */
static int compare_sites(const struct code_line *a, const struct code_line *b)
{
    int order = compare_texts(a->path, b->path);
    if (!order)
        order = compare_texts(a->function, b->function);
    if (!order && a->line != b->line)
        order = a->line < b->line ? -1 : 1;
    if (!order && !a->function.size && a->address != b->address)
        order = a->address < b->address ? -1 : 1;
    return order;
}

static int by_place(const void *a, const void *b)
{
    const struct heap_row *one = a, *two = b;
    if (one->act != two->act)
        return one->act < two->act ? -1 : 1;
    if (one->cause != two->cause)
        return one->cause < two->cause ? -1 : 1;
    return compare_sites(&one->site, &two->site);
}

static int by_bytes(const void *a, const void *b)
{
    const struct heap_row *one = a, *two = b;
    return one->bytes != two->bytes ? (one->bytes > two->bytes ? -1 : 1) : by_place(a, b);
}

static struct heap_row row_of(const struct heap_view *view, const struct heap_sum *sum)
{
    struct code *code = decoder_code(view->decoder);
    struct heap_row row = {.act = sum->act,
                           .cause = heap_cause(code, sum->stack),
                           .stack = sum->stack,
                           .calls = sum->calls,
                           .bytes = sum->bytes,
                           .last = sum->last};
    if (!code_site(code, sum->stack, &row.site))
        row.site = (struct code_line){0};
    return row;
}

/* Rows of one place, which lie side by side, become one. */
static size_t join(struct heap_row *list, size_t count)
{
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        struct heap_row *last = kept ? &list[kept - 1] : NULL;
        if (!last || by_place(last, &list[i]) != 0) {
            list[kept++] = list[i];
            continue;
        }
        last->calls += list[i].calls;
        last->bytes += list[i].bytes;
        last->last = list[i].last > last->last ? list[i].last : last->last;
    }
    return kept;
}

int heap_rows(const struct heap_view *view, const bool acts[HEAP_ACTS], struct heap_row **ret_list, size_t *ret_count)
{
    size_t count = 0;
    const struct heap_sum *sum;
    while (heaps_sum(view->heaps, view->place->space, count))
        count++;
    struct heap_row *list = calloc(count + 1, sizeof(*list));
    if (!list)
        return -ENOMEM;
    size_t taken = 0;
    for (size_t i = 0; (sum = heaps_sum(view->heaps, view->place->space, i)); i++)
        if (acts[sum->act])
            list[taken++] = row_of(view, sum);
    qsort(list, taken, sizeof(*list), by_place);
    *ret_count = join(list, taken);
    qsort(list, *ret_count, sizeof(*list), by_bytes);
    *ret_list = list;
    return 0;
}
