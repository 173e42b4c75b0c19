/* listing.c: lines of events, as strace -f prints them. */
#include "listing.h"

#include "escape.h"
#include "options.h"
#include "stack_text.h"
#include "units.h"

#include <langinfo.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../decoder/decoder.h"

void listing_init(struct listing *l)
{
    *l = (struct listing){.style = &event_style_plain};
    call_set_all(&l->calls);
}

void listing_more_clock(struct listing *l)
{
    if (l->clock < CLOCK_EPOCH)
        l->clock++;
}

int listing_select(struct listing *l, const char *text)
{
    const char *word;
    size_t length;
    if (call_set_parse(text, &l->calls, &word, &length) == 0)
        return 0;
    char name[64];
    const char *names[CALL_COUNT];
    snprintf(name, sizeof(name), "%.*s", (int)(length < 40 ? length : 40), word);
    size_t count = 0;
    for (int call = CALL_NONE + 1; call < CALL_COUNT; call++)
        names[count++] = call_info((enum call)call)->name;
    const char *near = options_nearest(name, names, count);
    if (near)
        return complain(EXIT_USAGE, "-e: '%s' is not a traced call. Did you mean %s?", name, near);
    return complain(EXIT_USAGE, "-e: '%s' is not a traced call, nor one of %%memory, %%process, all, none.", name);
}

bool listing_wants_colour(int fd)
{
    const char *no = getenv("NO_COLOR"), *term = getenv("TERM");
    return isatty(fd) && !(no && *no) && term && strcmp(term, "dumb") != 0;
}

bool listing_is_utf8(void)
{
    return strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
}

/* ---- what stands in front ---- */

static void add_clock(struct listing *l, struct buffer *out, const struct decoder *d, uint64_t tick)
{
    const struct rec_header *header = decoder_header(d);
    uint64_t ns = (header ? header->wall_ns : 0) + tick * TRACE_NS_PER_TICK;
    time_t seconds = (time_t)(ns / 1000000000u);
    unsigned micro = (unsigned)(ns % 1000000000u / 1000u);
    struct tm local;
    char text[64];
    if (l->clock == CLOCK_EPOCH) {
        snprintf(text, sizeof(text), "%lld.%06u ", (long long)seconds, micro);
    } else {
        localtime_r(&seconds, &local);
        size_t used = strftime(text, sizeof(text), "%H:%M:%S", &local);
        if (l->clock == CLOCK_MICROSECONDS)
            snprintf(text + used, sizeof(text) - used, ".%06u ", micro);
        else
            snprintf(text + used, sizeof(text) - used, " ");
    }
    buffer_string(out, text);
}

static void add_prefix(struct listing *l, struct buffer *out, const struct decoder *d, uint32_t tid, uint64_t tick)
{
    char text[64];
    snprintf(text, sizeof(text), "%-5u ", tid);
    buffer_string(out, text);
    if (l->clock != CLOCK_OFF)
        add_clock(l, out, d, tick);
    if (l->relative) {
        uint64_t since = tick > l->last ? tick - l->last : 0;
        snprintf(text, sizeof(text), "%6llu.%06llu ", (unsigned long long)(since / TRACE_TICKS_PER_SECOND),
                 (unsigned long long)(since % TRACE_TICKS_PER_SECOND / 10));
        buffer_string(out, text);
        l->last = tick;
    }
}

/* ---- lines that are no events ---- */

static void add_attach(struct listing *l, struct buffer *out, const struct decoder *d, const struct rec_attach *attach)
{
    const struct process_info *process = decoder_process(d, attach->pid);
    char text[128], pause[UNITS_MAX];
    if (l->quiet)
        return;
    add_prefix(l, out, d, attach->pid, attach->time);
    buffer_string(out, "--- attached to ");
    escape_text(out, escape_chars(process ? process->comm : ""), 0, 64);
    snprintf(text, sizeof(text), ", %u %s, stopped for %s ---\n", attach->threads,
             attach->threads == 1 ? "thread" : "threads", units_duration(pause, sizeof(pause), attach->pause));
    buffer_string(out, text);
}

static void add_exit(struct listing *l, struct buffer *out, const struct decoder *d, const struct rec_exit *exit)
{
    char text[128];
    int status = (int)exit->status;
    if (l->quiet)
        return;
    add_prefix(l, out, d, exit->tid, exit->time);
    if (WIFSIGNALED(status)) {
        const char *name = signal_name((unsigned)WTERMSIG(status));
        snprintf(text, sizeof(text), "+++ killed by %s%s +++\n", name ? name : "unknown signal",
                 WCOREDUMP(status) ? " (core dumped)" : "");
    } else {
        snprintf(text, sizeof(text), "+++ exited with %d +++\n", WEXITSTATUS(status));
    }
    buffer_string(out, text);
}

static void add_note(struct listing *l, struct buffer *out, const struct decoder *d, const struct rec_note *note)
{
    const struct process_info *process = decoder_process(d, note->pid);
    add_prefix(l, out, d, note->tid, note->time);
    buffer_string(out, "--- ");
    if (note->text.size && note->code == NOTE_SETUID_IGNORED)
        escape_text(out, note->text, 0, 4096);
    else
        buffer_string(out, process && *process->comm ? process->comm : "this process");
    buffer_char(out, ' ');
    buffer_string(out, note_text((enum note_code)note->code));
    buffer_string(out, " ---\n");
}

static void add_drift(struct listing *l, struct buffer *out, const struct decoder *d, const struct moment *m)
{
    char text[128];
    add_prefix(l, out, d, m->pid, m->time);
    snprintf(text, sizeof(text), "--- drift: %u difference(s) between the replay and the kernel's map, repaired ---\n",
             m->drift);
    buffer_string(out, text);
}

static void add_stack(struct listing *l, struct buffer *out, const struct decoder *d, uint32_t stack)
{
    const struct stack_style style = {.indent = "", .ascii = l->style->ascii};
    if (l->stacks)
        stack_text(out, decoder_code(d), stack, &style);
    if (l->code)
        stack_disassembly(out, decoder_code(d), stack, &style);
}

void listing_add(struct listing *l, struct buffer *out, const struct decoder *d, const struct moment *m)
{
    const struct record *record = m->record;
    if (l->pid && m->pid != l->pid)
        return;
    switch (record->kind) {
    case REC_EVENT:
        if (record->event.call < CALL_COUNT && !l->calls.calls[record->event.call])
            return;
        if (l->numbers) {
            char number[32];
            snprintf(number, sizeof(number), "#%-6llu ", (unsigned long long)m->event);
            buffer_string(out, number);
        }
        add_prefix(l, out, d, record->event.tid, record->event.time);
        event_text(out, d, m, l->style);
        buffer_char(out, '\n');
        add_stack(l, out, d, record->event.stack);
        return;
    case REC_EXIT:
        add_exit(l, out, d, &record->exit);
        return;
    case REC_ATTACH:
        add_attach(l, out, d, &record->attach);
        return;
    case REC_NOTE:
        add_note(l, out, d, &record->note);
        return;
    case REC_CHECKPOINT:
        if (m->drift)
            add_drift(l, out, d, m);
        return;
    default:
        return;
    }
}
