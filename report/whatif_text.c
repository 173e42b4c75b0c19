/* whatif_text.c: a prediction beside what was, and how sure it is. */
#include "whatif.h"

#include "escape.h"
#include "wording.h"

#include <string.h>

enum { WIDTH = 96 };

void whatif_tunables(struct buffer *out, const struct whatif_settings *s)
{
    const struct {
        bool has;
        const char *name;
        uint64_t value;
    } list[] = {
        {s->has_mmap, "mmap_threshold", s->mmap_threshold},
        {s->has_trim, "trim_threshold", s->trim_threshold},
        {s->has_pad, "top_pad", s->top_pad},
        {s->has_arenas, "arena_max", s->arena_max},
    };
    const char *before = "GLIBC_TUNABLES=";
    for (size_t i = 0; i < sizeof(list) / sizeof(list[0]); i++)
        if (list[i].has) {
            say(out, "%sglibc.malloc.%s=%llu", before, list[i].name, (unsigned long long)list[i].value);
            before = ":";
        }
}

void whatif_reasons(struct buffer *out, const struct whatif_view *v)
{
    const struct whatif_settings *s = v->settings;
    const struct whatif_result *r = &v->result;
    if (s->has_mmap || s->has_trim || s->has_pad)
        buffer_string(out,
                      "How far up the heap was in use is known only where it grew or was trimmed, and is taken to have "
                      "been between these values meanwhile. Setting one threshold ends the moving of both: the other "
                      "is 128K then, unless it is set, too. ");
    if (r->moved_in)
        say(out, "%s blocks that had mappings would be in the heap; they are taken to lie at its top while they live. ",
            COUNT(r->moved_in));
    if (r->moved_out)
        say(out,
            "The heap grew %s x for code that had mapped blocks before: these are taken to be such blocks, that would "
            "be "
            "mapped and unmapped again; those that were put into free memory are not known. ",
            COUNT(r->moved_out));
    if (s->has_arenas)
        buffer_string(out, "Threads are taken to share the arenas that are left; that they wait for each other is not "
                           "predicted. ");
    if (r->foreign)
        say(out, "The break was moved %s x by something else than malloc. ", COUNT(r->foreign));
    if (r->set_by_program)
        buffer_string(out,
                      "The program, or its environment, seems to set a threshold already: if it is the program, it "
                      "goes on to do so. ");
    if (s->trim_at_idle && !r->idle_known)
        buffer_string(out, "The inside of the heaps was not recorded: what malloc_trim would give back is not known. ");
    if (s->trim_at_idle && r->idle_known)
        buffer_string(out,
                      "What malloc_trim would give back is what the heaps' inside had in whole free pages when it was "
                      "seen last, if these were resident. ");
}

static void add_wrapped(struct buffer *out, const char *title, const char *text)
{
    say(out, "  %-11s", title);
    size_t column = 13;
    for (const char *p = text; *p;) {
        const size_t length = strcspn(p, " ");
        if (column > 13 && column + length > WIDTH) {
            buffer_string(out, "\n             ");
            column = 13;
        } else if (column > 13) {
            buffer_char(out, ' ');
            column++;
        }
        buffer_append(out, p, length);
        column += length;
        p += length + strspn(p + length, " ");
    }
    buffer_char(out, '\n');
}

static void add_row(struct buffer *out, const char *title, const char *was, const char *would)
{
    say(out, "  %-36s %12s %12s\n", title, was, would);
}

static uint64_t calls_of(const struct whatif_side *s)
{
    return s->growths + s->trims + s->chunk_calls;
}

static void add_table(struct buffer *out, const struct whatif_view *v)
{
    const struct whatif_side *was = &v->result.was, *would = &v->result.would;
    add_row(out, "", "as it was", "predicted");
    add_row(out, "heap grown, calls", COUNT(was->growths), COUNT(would->growths));
    add_row(out, "heap trimmed, calls", COUNT(was->trims), COUNT(would->trims));
    add_row(out, "given back by these", SIZE(was->trimmed), SIZE(would->trimmed));
    if (was->chunk_calls || would->chunk_calls)
        add_row(out, "large blocks mapped, unmapped, calls", COUNT(was->chunk_calls), COUNT(would->chunk_calls));
    add_row(out, "heap at most", SIZE(was->heap_high), SIZE(would->heap_high));
    add_row(out, "heap at the end", SIZE(was->heap_end), SIZE(would->heap_end));
    if (was->arenas) {
        add_row(out, "heaps of threads made", COUNT(was->arenas), COUNT(would->arenas));
        add_row(out, "address space reserved for them", SIZE(was->reserved), SIZE(would->reserved));
    }
}

void whatif_text(struct buffer *out, const struct whatif_view *v)
{
    const struct whatif_result *r = &v->result;
    const uint64_t was = calls_of(&r->was), would = calls_of(&r->would);
    struct buffer tunables = {0}, reasons = {0};
    say(out, "pid %u (", v->process->pid);
    escape_text(out, escape_chars(v->process->comm), 0, 64);
    buffer_string(out, ")\n\n");
    add_table(out, v);
    buffer_char(out, '\n');
    if (would <= was)
        say(out, "  calls      %s of %s saved (%u %%)\n", COUNT(was - would), COUNT(was),
            (unsigned)(was ? (was - would) * 100 / was : 0));
    else
        say(out, "  calls      %s more than the %s that there were\n", COUNT(would - was), COUNT(was));
    if (r->idle_known)
        say(out, "  at idle    malloc_trim(0) would give back %s, as of %s\n", SIZE(r->idle_bytes), TIME(r->idle_time));
    whatif_tunables(&tunables, v->settings);
    whatif_reasons(&reasons, v);
    say(out, "  sure       %s\n", confidence_name(r->confidence));
    if (reasons.size)
        add_wrapped(out, "assumed", buffer_chars(&reasons));
    say(out, "  to try     %s\n",
        tunables.size ? buffer_chars(&tunables) : "call malloc_trim(0) when there is nothing to do");
    buffer_free(&tunables);
    buffer_free(&reasons);
}
