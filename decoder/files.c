/* files.c: files and names of mappings. */
#include "model.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_FILES = 1 << 22 }; /* a limit on what a hostile trace may ask for */

int model_file(struct decoder *d, const struct rec_file *file)
{
    /* Ids come in order; a gap means that a frame was lost, and its files have no names. */
    if (file->id == 0 || file->id > MAX_FILES || file->id > d->n_files + 65536) {
        d->contradictions++;
        return 0;
    }
    if (file->id > d->files_capacity) {
        size_t capacity = d->files_capacity ? d->files_capacity * 2 : 64;
        while (capacity < file->id)
            capacity *= 2;
        struct file_model *files = reallocarray(d->files, capacity, sizeof(*files));
        if (!files)
            return -ENOMEM;
        memset(files + d->files_capacity, 0, (capacity - d->files_capacity) * sizeof(*files));
        d->files = files;
        d->files_capacity = capacity;
    }
    char *path = malloc(file->path.size + 1);
    if (!path)
        return -ENOMEM;
    if (file->path.size)
        memcpy(path, file->path.data, file->path.size);
    path[file->path.size] = '\0';
    struct file_model *f = &d->files[file->id - 1];
    free((char *)(uintptr_t)f->info.path.data);
    *f = (struct file_model){
        .info = {.major = file->major, .minor = file->minor, .inode = file->inode, .path = {path, file->path.size}}};
    if (file->id > d->n_files)
        d->n_files = file->id;
    return 0;
}

struct file_model *model_file_find(const struct decoder *d, uint32_t id)
{
    return id && id <= d->n_files && d->files[id - 1].info.path.data ? &d->files[id - 1] : NULL;
}

bool model_is_file(const struct decoder *d, uint32_t id)
{
    const struct file_model *f = model_file_find(d, id);
    return f && (f->info.inode || f->info.major || f->info.minor);
}

bool model_path_starts(const struct decoder *d, uint32_t id, const char *start)
{
    const struct file_model *f = model_file_find(d, id);
    size_t size = strlen(start);
    return f && f->info.path.size >= size && memcmp(f->info.path.data, start, size) == 0;
}

void model_free_files(struct decoder *d)
{
    for (size_t i = 0; i < d->n_files; i++)
        free((char *)(uintptr_t)d->files[i].info.path.data);
    free(d->files);
}

const struct file_info *decoder_file(const struct decoder *d, uint32_t id)
{
    const struct file_model *f = model_file_find(d, id);
    return f ? &f->info : NULL;
}
