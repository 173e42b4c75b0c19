/* processes.c: processes, their address spaces and threads. */
#include "page.h"

#include "../escape.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>

uint64_t page_process(const struct page *page, uint32_t pid)
{
    const struct process_info *process = pid ? decoder_process(page->decoder, pid) : NULL;
    return process ? process->index + 1 : 0;
}

bool page_is_alone(const struct page *page)
{
    return decoder_process_at(page->decoder, 0) && !decoder_process_at(page->decoder, 1);
}

/* From when to when, and how many threads, told by its threads. */
struct process_life {
    uint64_t start, end, threads;
};

static struct process_life *process_lives(const struct page *page, size_t count)
{
    struct process_life *lives = calloc(count + 1, sizeof(*lives));
    size_t n;
    const struct survey_thread *threads = survey_threads(page->survey, &n);
    for (size_t i = 0; lives && i < n; i++) {
        if (threads[i].process >= count)
            continue;
        struct process_life *life = &lives[threads[i].process];
        if (!life->threads++ || threads[i].start < life->start)
            life->start = threads[i].start;
        if (threads[i].end > life->end)
            life->end = threads[i].end;
    }
    return lives;
}

/* Number of the series of a process, 0: it has none.  Those of a process that is alone are those of the whole. */
static uint64_t slot_of(const struct page *page, size_t process)
{
    for (size_t i = 0; i < page->n_slots; i++)
        if (page->slots[i] == process)
            return i + 1;
    return 0;
}

static void status_text(char *text, size_t size, const struct process_info *process)
{
    const int status = (int)process->status;
    if (!process->ended)
        snprintf(text, size, "still running");
    else if (WIFSIGNALED(status) && signal_name((unsigned)WTERMSIG(status)))
        snprintf(text, size, "killed by %s", signal_name((unsigned)WTERMSIG(status)));
    else if (WIFSIGNALED(status))
        snprintf(text, size, "killed by signal %d", WTERMSIG(status));
    else
        snprintf(text, size, "exited with %d", WEXITSTATUS(status));
}

enum { PID, PARENT, NAME, EXE, STATUS, START, END, SLOT, EVENTS, THREADS, RESIDENT, VIRTUAL, COLUMNS };

static void add_process(struct page *page, struct column *c, const struct process_info *process,
                        const struct process_life *life)
{
    const uint64_t slot = slot_of(page, process->index);
    struct peak resident = {0}, virtual_ = {0};
    char status[64];
    timeline_process_peak(page->timeline, process->index, false, &resident);
    timeline_process_peak(page->timeline, process->index, true, &virtual_);
    status_text(status, sizeof(status), process);
    column_add(&c[PID], process->pid);
    column_add(&c[PARENT], process->parent_at);
    column_add(&c[NAME], strings_add_chars(&page->strings, process->comm));
    column_add(&c[EXE], strings_add_chars(&page->strings, process->exe));
    column_add(&c[STATUS], strings_add_chars(&page->strings, status));
    column_add(&c[START], life->start);
    column_add(&c[END], life->end);
    column_add(&c[SLOT], slot || page_is_alone(page) ? slot + 1 : 0);
    column_add(&c[EVENTS], survey_events(page->survey, process->index));
    column_add(&c[THREADS], life->threads);
    column_add(&c[RESIDENT], resident.bytes);
    column_add(&c[VIRTUAL], virtual_.bytes);
}

static void add_spaces(struct page *page)
{
    struct column c[] = {COLUMN("id", COLUMN_NEAR), COLUMN("proc", COLUMN_NEAR), COLUMN("start", COLUMN_NEAR),
                         COLUMN("end", COLUMN_NEAR)};
    size_t count;
    const struct survey_space *spaces = survey_spaces(page->survey, &count);
    for (size_t i = 0; i < count; i++) {
        column_add(&c[0], spaces[i].id);
        column_add(&c[1], spaces[i].process == SIZE_MAX ? 0 : spaces[i].process);
        column_add(&c[2], spaces[i].start);
        column_add(&c[3], spaces[i].end);
    }
    page_columns(page, "space", c, 4);
}

static void add_threads(struct page *page)
{
    struct column c[] = {COLUMN("tid", COLUMN_NEAR), COLUMN("proc", COLUMN_NEAR), COLUMN("start", COLUMN_NEAR),
                         COLUMN("end", COLUMN_NEAR)};
    size_t count;
    const struct survey_thread *threads = survey_threads(page->survey, &count);
    for (size_t i = 0; i < count; i++) {
        column_add(&c[0], threads[i].tid);
        column_add(&c[1], threads[i].process == SIZE_MAX ? 0 : threads[i].process);
        column_add(&c[2], threads[i].start);
        column_add(&c[3], threads[i].end);
    }
    page_columns(page, "thread", c, 4);
}

void page_processes(struct page *page)
{
    struct column c[COLUMNS] = {
        [PID] = COLUMN("pid", COLUMN_NEAR),
        [PARENT] = COLUMN("parent", COLUMN_NUMBER),
        [NAME] = COLUMN("name_str", COLUMN_NUMBER),
        [EXE] = COLUMN("exe_str", COLUMN_NUMBER),
        [STATUS] = COLUMN("status_str", COLUMN_NUMBER),
        [START] = COLUMN("start", COLUMN_NEAR),
        [END] = COLUMN("end", COLUMN_NEAR),
        [SLOT] = COLUMN("slot", COLUMN_NUMBER),
        [EVENTS] = COLUMN("events", COLUMN_NUMBER),
        [THREADS] = COLUMN("threads", COLUMN_NUMBER),
        [RESIDENT] = COLUMN("resident_peak", COLUMN_NUMBER),
        [VIRTUAL] = COLUMN("virtual_peak", COLUMN_NUMBER),
    };
    size_t count = 0;
    while (decoder_process_at(page->decoder, count))
        count++;
    struct process_life *lives = process_lives(page, count);
    for (size_t i = 0; lives && i < count; i++)
        add_process(page, c, decoder_process_at(page->decoder, i), &lives[i]);
    page->failed |= !lives;
    free(lives);
    page_columns(page, "proc", c, COLUMNS);
    add_spaces(page);
    add_threads(page);
}
