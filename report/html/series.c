/* series.c: levels and counts over time, and what calls did by stack and time. */
#include "page.h"

#include <stdio.h>
#include <stdlib.h>

/* A name for each column, and whether its values stay near those before. */
static bool name_column(int column, char *name, size_t size)
{
    static const char *const names[SURVEY_COLUMNS] = {
        [SURVEY_RESIDENT_LAST] = "resident_last",
        [SURVEY_RESIDENT_MIN] = "resident_min",
        [SURVEY_RESIDENT_MAX] = "resident_max",
        [SURVEY_SAMPLES] = "resident_samples",
        [SURVEY_VIRTUAL_LAST] = "virtual_last",
        [SURVEY_VIRTUAL_MIN] = "virtual_min",
        [SURVEY_VIRTUAL_MAX] = "virtual_max",
        [SURVEY_HEAP_LAST] = "heap_last",
        [SURVEY_HEAP_MIN] = "heap_min",
        [SURVEY_HEAP_MAX] = "heap_max",
        [SURVEY_MINOR] = "minor",
        [SURVEY_MAJOR] = "major",
        [SURVEY_ERRORS] = "errors",
        [SURVEY_MAPPED] = "mapped",
        [SURVEY_RETURNED] = "returned",
    };
    if (names[column])
        snprintf(name, size, "%s", names[column]);
    else if (column >= SURVEY_CALL)
        snprintf(name, size, "call%d", column - SURVEY_CALL);
    else if (column >= SURVEY_KIND_MAX)
        snprintf(name, size, "kind%d_max", column - SURVEY_KIND_MAX);
    else
        snprintf(name, size, "kind%d_last", column - SURVEY_KIND_LAST);
    return column < SURVEY_SAMPLES;
}

static void add_slot(struct page *page, size_t slot)
{
    struct column columns[SURVEY_COLUMNS] = {0};
    char names[SURVEY_COLUMNS][24], section[32];
    size_t count = 0, buckets;
    for (int column = 0; column < SURVEY_COLUMNS; column++) {
        const uint64_t *values = survey_series(page->survey, slot, column, &buckets);
        if (!values)
            continue;
        const bool near = name_column(column, names[count], sizeof(names[count]));
        columns[count] = (struct column)COLUMN(names[count], near ? COLUMN_NEAR : COLUMN_NUMBER);
        for (size_t i = 0; i < buckets; i++)
            column_add(&columns[count], values[i]);
        count++;
    }
    snprintf(section, sizeof(section), "lod%zu", slot);
    page_columns(page, section, columns, count);
}

void page_series(struct page *page)
{
    for (size_t slot = 0; slot <= page->n_slots; slot++)
        add_slot(page, slot);
}

/* ---- by stack and time ---- */

enum { SLOT, STACK, ITEMS, BUCKET, CALLS, MAPPED, RETURNED, FAULTS, TIME, TOUCHED, COLUMNS };

void page_sparse(struct page *page)
{
    struct column c[COLUMNS] = {
        [SLOT] = COLUMN("row_slot", COLUMN_NUMBER),     [STACK] = COLUMN("row_stack", COLUMN_NEAR),
        [ITEMS] = COLUMN("row_items", COLUMN_NUMBER),   [BUCKET] = COLUMN("bucket", COLUMN_NUMBER),
        [CALLS] = COLUMN("calls", COLUMN_NUMBER),       [MAPPED] = COLUMN("mapped", COLUMN_NUMBER),
        [RETURNED] = COLUMN("returned", COLUMN_NUMBER), [FAULTS] = COLUMN("faults", COLUMN_NUMBER),
        [TIME] = COLUMN("time", COLUMN_NUMBER),         [TOUCHED] = COLUMN("touched", COLUMN_NUMBER),
    };
    size_t slot, stack, items;
    for (size_t row = 0; survey_row(page->survey, row, &slot, &stack, &items); row++) {
        struct survey_item item;
        size_t at = 0;
        column_add(&c[SLOT], slot ? page->slots[slot - 1] + 1 : page_is_alone(page));
        column_add(&c[STACK], stack);
        column_add(&c[ITEMS], items);
        while (survey_item(page->survey, row, &at, &item)) {
            column_add(&c[BUCKET], item.bucket);
            column_add(&c[CALLS], item.calls);
            column_add(&c[MAPPED], item.mapped);
            column_add(&c[RETURNED], item.returned);
            column_add(&c[FAULTS], item.faults);
            column_add(&c[TIME], item.ticks);
            column_add(&c[TOUCHED], item.touched);
        }
    }
    page_columns(page, "sparse", c, COLUMNS);
}
