/* fault_counts.c: by how much the page fault counters of processes rose, from sample to sample. */
#include "decoder.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct fault_count {
    uint64_t minor, major;
    bool begun;
};

void fault_counts_free(struct fault_counts *counts)
{
    free(counts->list);
    *counts = (struct fault_counts){0};
}

static struct fault_count *find(struct fault_counts *counts, size_t process)
{
    if (process >= counts->count) {
        const size_t count = (process + 1) * 2;
        struct fault_count *list = reallocarray(counts->list, count, sizeof(*list));
        if (!list)
            return NULL;
        memset(list + counts->count, 0, (count - counts->count) * sizeof(*list));
        counts->list = list;
        counts->count = count;
    }
    return &counts->list[process];
}

static uint64_t rise(uint64_t *counted, uint64_t now)
{
    const uint64_t more = now > *counted ? now - *counted : 0;
    *counted += more;
    return more;
}

/* Those that were there already are nobody's children in the recording. */
static bool was_attached_to(const struct decoder *d, const struct process_info *process)
{
    const struct rec_header *header = decoder_header(d);
    return header && (header->flags & HEADER_ATTACHED) && !process->parent;
}

int fault_counts_add(struct fault_counts *counts, const struct decoder *d, const struct rec_sample *sample,
                     struct fault_rise *ret)
{
    const struct process_info *process = decoder_process(d, sample->pid);
    if (!process) {
        *ret = (struct fault_rise){0};
        return 0;
    }
    struct fault_count *count = find(counts, process->index);
    if (!count)
        return -ENOMEM;
    if (!count->begun && was_attached_to(d, process)) {
        count->minor = sample->minflt;
        count->major = sample->majflt;
    }
    count->begun = true;
    *ret = (struct fault_rise){rise(&count->minor, sample->minflt), rise(&count->major, sample->majflt)};
    return 0;
}
