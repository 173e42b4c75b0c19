/* lives.c: what was mapped from when to when, and what of it was resident. */
#include "page.h"

enum { LIFE_SHARED = 1, LIFE_GUESS = 2, LIFE_NAMED = 4, LIFE_ATTACHED = 8 };

enum {
    SPACE,
    START,
    PAGES,
    BORN,
    DIED,
    EVENT,
    BIRTH,
    STACK,
    OWNER,
    FILE_NAME,
    OFFSET,
    FILE_ID,
    PROT,
    FLAGS,
    KIND,
    ROLE,
    RUNTIME,
    PROTECTS,
    EXTENT_SPACE,
    EXTENT_START,
    EXTENT_END,
    COLUMNS
};

static uint64_t flags_of(const struct survey_life *life)
{
    const unsigned flags = life->segment.flags;
    return (flags & SEGMENT_SHARED ? LIFE_SHARED : 0) | (life->role.guess ? LIFE_GUESS : 0) |
           (flags & SEGMENT_NAMED ? LIFE_NAMED : 0) |
           (flags & SEGMENT_ATTACHED && !life->segment.birth ? LIFE_ATTACHED : 0);
}

static void add_life(struct page *page, struct column *c, const struct survey_life *life)
{
    const struct segment *s = &life->segment;
    const struct file_info *file = s->file ? decoder_file(page->decoder, s->file) : NULL;
    column_add(&c[SPACE], life->space);
    column_add(&c[START], s->start / TRACE_PAGE);
    column_add(&c[PAGES], (s->end - s->start) / TRACE_PAGE);
    column_add(&c[BORN], life->born);
    column_add(&c[DIED], life->died);
    column_add(&c[EVENT], s->birth);
    column_add(&c[BIRTH], s->born);
    column_add(&c[STACK], stack_sums_of_segment(page->decoder, s));
    column_add(&c[OWNER], s->owner);
    column_add(&c[FILE_NAME], file ? strings_add(&page->strings, file->path) : 0);
    column_add(&c[OFFSET], file ? s->offset / TRACE_PAGE : 0);
    column_add(&c[FILE_ID], s->file);
    column_add(&c[PROT], s->prot);
    column_add(&c[FLAGS], flags_of(life));
    column_add(&c[KIND], segment_kind(s));
    column_add(&c[ROLE], life->role.role);
    column_add(&c[RUNTIME], life->role.runtime);
    column_add(&c[PROTECTS], life->protects);
}

static void add_extents(struct page *page, struct column *c)
{
    size_t count;
    const struct survey_extent *extents = survey_extents(page->survey, &count);
    for (size_t i = 0; i < count; i++) {
        column_add(&c[EXTENT_SPACE], extents[i].space);
        column_add(&c[EXTENT_START], extents[i].start / TRACE_PAGE);
        column_add(&c[EXTENT_END], extents[i].end / TRACE_PAGE);
    }
}

void page_lives(struct page *page)
{
    struct column c[COLUMNS] = {
        [SPACE] = COLUMN("space", COLUMN_NEAR),
        [START] = COLUMN("start_page", COLUMN_NEAR),
        [PAGES] = COLUMN("pages", COLUMN_NUMBER),
        [BORN] = COLUMN("born", COLUMN_NEAR),
        [DIED] = COLUMN("died", COLUMN_NEAR),
        [EVENT] = COLUMN("event", COLUMN_NEAR),
        [BIRTH] = COLUMN("birth", COLUMN_NEAR),
        [STACK] = COLUMN("stack", COLUMN_NEAR),
        [OWNER] = COLUMN("owner", COLUMN_NEAR),
        [FILE_NAME] = COLUMN("file_str", COLUMN_NUMBER),
        [OFFSET] = COLUMN("offset_pages", COLUMN_NUMBER),
        [FILE_ID] = COLUMN("file", COLUMN_NUMBER),
        [PROT] = COLUMN("prot", COLUMN_BYTE),
        [FLAGS] = COLUMN("flags", COLUMN_BYTE),
        [KIND] = COLUMN("kind", COLUMN_BYTE),
        [ROLE] = COLUMN("role", COLUMN_BYTE),
        [RUNTIME] = COLUMN("runtime", COLUMN_BYTE),
        [PROTECTS] = COLUMN("protects", COLUMN_NUMBER),
        [EXTENT_SPACE] = COLUMN("extent_space", COLUMN_NEAR),
        [EXTENT_START] = COLUMN("extent_start_page", COLUMN_NEAR),
        [EXTENT_END] = COLUMN("extent_end_page", COLUMN_NEAR),
    };
    size_t count;
    uint64_t instants;
    const struct survey_life *lives = survey_lives(page->survey, &count, &instants);
    for (size_t i = 0; i < count; i++)
        add_life(page, c, &lives[i]);
    add_extents(page, c);
    page_columns(page, "lives", c, COLUMNS);
}

enum { LOOK_SPACE, LOOK_TIME, LOOK_REASON, LOOK_END, LOOK_PARTS, PART_LIFE, PART_PAGES, LOOKS_TAKEN, LOOK_COLUMNS };

void page_looks(struct page *page)
{
    struct column c[LOOK_COLUMNS] = {
        [LOOK_SPACE] = COLUMN("look_space", COLUMN_NEAR),   [LOOK_TIME] = COLUMN("look_time", COLUMN_NEAR),
        [LOOK_REASON] = COLUMN("look_reason", COLUMN_BYTE), [LOOK_END] = COLUMN("look_end_page", COLUMN_NUMBER),
        [LOOK_PARTS] = COLUMN("look_parts", COLUMN_NUMBER), [PART_LIFE] = COLUMN("part_life", COLUMN_NEAR),
        [PART_PAGES] = COLUMN("part_pages", COLUMN_NUMBER), [LOOKS_TAKEN] = COLUMN("taken", COLUMN_NUMBER),
    };
    const struct survey_look *look;
    const struct survey_part *parts;
    for (size_t i = 0; (look = survey_look_at(page->survey, i, &parts)); i++) {
        column_add(&c[LOOK_SPACE], look->space);
        column_add(&c[LOOK_TIME], look->time);
        column_add(&c[LOOK_REASON], look->reason);
        column_add(&c[LOOK_END], look->end / TRACE_PAGE);
        column_add(&c[LOOK_PARTS], look->parts);
        for (uint32_t part = 0; part < look->parts; part++) {
            column_add(&c[PART_LIFE], parts[part].life);
            column_add(&c[PART_PAGES], parts[part].resident / TRACE_PAGE);
        }
    }
    column_add(&c[LOOKS_TAKEN], survey_looks_taken(page->survey));
    page_columns(page, "looks", c, LOOK_COLUMNS);
}
