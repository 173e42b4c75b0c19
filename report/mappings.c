/* mappings.c: merge segments as the kernel would. */
#include "mappings.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void mappings_free(struct mappings *m)
{
    free(m->list);
    free(m->segments);
    *m = (struct mappings){0};
}

static int grow(void **array, size_t count, size_t *capacity, size_t size)
{
    if (count < *capacity)
        return 0;
    size_t wanted = *capacity ? *capacity * 2 : 64;
    void *grown = reallocarray(*array, wanted, size);
    if (!grown)
        return -ENOMEM;
    *array = grown;
    *capacity = wanted;
    return 0;
}

static bool is_real_file(const struct file_info *file)
{
    return file && (file->inode || file->major || file->minor);
}

static struct text name_of(const struct segment *segment, const struct file_info *file)
{
    if (file)
        return file->path;
    if (segment->kind == KIND_HEAP)
        return (struct text){"[heap]", 6};
    return (struct text){0};
}

static bool same_name(struct text a, struct text b)
{
    return a.size == b.size && (!a.size || memcmp(a.data, b.data, a.size) == 0);
}

static bool continues(const struct mapping *m, const struct segment *s, const struct file_info *file)
{
    if (m->end != s->start || m->prot != s->prot || m->shared != ((s->flags & SEGMENT_SHARED) != 0))
        return false;
    bool real = is_real_file(file);
    if (real != is_real_file(m->file))
        return false;
    if (!real)
        return same_name(m->name, name_of(s, file));
    return file->inode == m->file->inode && file->major == m->file->major && file->minor == m->file->minor &&
           s->offset == m->offset + (m->end - m->start);
}

static int add(struct mappings *m, const struct decoder *d, const struct segment *s)
{
    const struct file_info *file = decoder_file(d, s->file);
    int error = grow((void **)&m->segments, m->n_segments, &m->segments_capacity, sizeof(*m->segments));
    if (!error)
        error = grow((void **)&m->list, m->count, &m->capacity, sizeof(*m->list));
    if (error)
        return error;
    m->segments[m->n_segments] = *s;
    struct mapping *last = m->count ? &m->list[m->count - 1] : NULL;
    if (last && continues(last, s, file)) {
        const struct segment *largest = &m->segments[last->largest];
        if (s->end - s->start > largest->end - largest->start)
            last->largest = m->n_segments;
        last->end = s->end;
        last->count++;
    } else {
        m->list[m->count++] = (struct mapping){.start = s->start,
                                               .end = s->end,
                                               .offset = is_real_file(file) ? s->offset : 0,
                                               .prot = s->prot,
                                               .shared = s->flags & SEGMENT_SHARED,
                                               .file = file,
                                               .name = name_of(s, file),
                                               .first = m->n_segments,
                                               .largest = m->n_segments,
                                               .count = 1};
    }
    m->n_segments++;
    return 0;
}

int mappings_collect(const struct decoder *decoder, uint32_t space, struct mappings *ret_mappings)
{
    struct mappings m = {0};
    struct segment s = {0};
    while (decoder_segment(decoder, space, s.end, &s)) {
        int error = add(&m, decoder, &s);
        if (error) {
            mappings_free(&m);
            return error;
        }
    }
    for (size_t i = 0; i < m.count; i++) {
        const struct segment *largest = &m.segments[m.list[i].largest];
        m.list[i].kind = segment_kind(largest);
        m.list[i].role = decoder_role(decoder, space, largest);
    }
    *ret_mappings = m;
    return 0;
}
