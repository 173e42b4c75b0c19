/* cmd_layout.c: brkwater layout: the address space at one moment. */
#include "history.h"
#include "layout.h"
#include "listing.h"
#include "options.h"
#include "owner.h"
#include "play.h"
#include "verbs.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { OPT_AT = 1, OPT_PID, OPT_FORMAT, OPT_FIND, OPT_HISTORY };

static const struct option options[] = {
    {OPT_AT, 0, "at", "WHEN",
     "1.25s or 800ms from the start, #1234 (right after that event), peak (of\n"
     "resident memory), peak-virtual, or end (just before the process lost\n"
     "its address space), which is the default"},
    {OPT_PID, 'p', "pid", "PID", "of this process; else the event's, or the one with most resident memory"},
    {OPT_FORMAT, 0, "format", "FORMAT", "table, maps (the lines of /proc/PID/maps), json"},
    {OPT_FIND, 0, "find", "ADDR", "who owned this address at that moment: mapping, birth, neighbours, gaps"},
    {OPT_HISTORY, 0, "history", "ADDR", "every event that touched this address, in the address space of that moment"},
    {0},
};

/* What was asked for. */
struct request {
    const char *path;
    struct when when;
    uint32_t pid;
    const struct layout_format *format;
    int about; /* OPT_FIND or OPT_HISTORY; 0: the whole layout */
    tracee_addr address;
};

static bool is_json(const struct request *r)
{
    return strcmp(r->format->name, "json") == 0;
}

static int print(struct buffer *out)
{
    fwrite(out->data, 1, out->size, stdout);
    buffer_free(out);
    return fflush(stdout) == 0 ? 0 : complain(EXIT_TROUBLE, "cannot write to standard output");
}

/* The line of an event; the play is elsewhere after this. */
static void add_event(struct buffer *out, struct play *play, uint64_t event)
{
    struct moment moment = {0};
    struct listing listing;
    listing_init(&listing);
    listing.numbers = true;
    if (play_seek(play, SEEK_EVENT, event))
        return;
    while (moment.event != event)
        if (play_next(play, &moment) != 1)
            return;
    buffer_string(out, "  ");
    listing_add(&listing, out, play->decoder, &moment);
}

static int write_owner(struct play *play, const struct layout *layout, const struct request *r)
{
    struct buffer out = {0};
    const struct owner owner = owner_of(layout, r->address);
    const uint64_t birth = owner.segment ? owner.segment->birth : 0;
    if (is_json(r)) {
        owner_json(&out, layout, &owner);
    } else {
        owner_text(&out, layout, &owner);
        if (birth)
            add_event(&out, play, birth);
    }
    return print(&out);
}

static int write_layout(struct play *play, struct place *place, const struct request *r)
{
    struct mappings mappings;
    struct buffer out = {0};
    const struct process_info *process = decoder_process(play->decoder, place->pid);
    if (!place->space && process)
        place->space = process->space;
    struct space_info info;
    if (!decoder_space(play->decoder, place->space, &info))
        return complain(EXIT_TROUBLE, "%s: process %u had no address space at that moment", play->path, place->pid);
    if (r->about == OPT_HISTORY)
        return history_write(play, place->space, r->address, is_json(r));
    if (mappings_collect(play->decoder, place->space, &mappings) < 0)
        return complain(EXIT_TROUBLE, "out of memory");
    const struct layout layout = {play->decoder, &mappings, place};
    int status;
    if (r->about == OPT_FIND) {
        status = write_owner(play, &layout, r);
    } else {
        r->format->write(&out, &layout);
        status = print(&out);
    }
    mappings_free(&mappings);
    return status;
}

/* Keyframes are made of whole recordings only; of others it must be known whether they are. */
static void tell_loss(struct play *play)
{
    if (!trace_keyframes(play->trace))
        play_all(play);
    if (!trace_keyframes(play->trace) || trace_loss(play->trace)->damaged)
        play_tell_loss(play);
}

static int layout(const struct request *r)
{
    struct place place;
    struct play play;
    int status = play_open(&play, r->path, false);
    if (status)
        return status;
    status = when_go(&play, &r->when, r->pid, &place);
    if (!status)
        status = write_layout(&play, &place, r);
    tell_loss(&play);
    play_close(&play);
    return status;
}

static const struct layout_format *find_format(const char *name)
{
    const struct layout_format *format = layout_formats;
    while (format->name && strcmp(format->name, name) != 0)
        format++;
    return format->name ? format : NULL;
}

static int take_address(struct request *r, int id, const char *text)
{
    char *end;
    errno = 0;
    r->address = strtoull(text, &end, 16);
    if (errno || end == text || *end || *text == '-')
        return complain(EXIT_USAGE, "--%s: '%s' is not an address (0x7f2a4c000000)",
                        id == OPT_FIND ? "find" : "history", text);
    if (r->about && r->about != id)
        return complain(EXIT_USAGE, "--find and --history: one at a time");
    r->about = id;
    return 0;
}

static int take_option(void *request, int id, const char *value)
{
    struct request *r = request;
    switch (id) {
    case OPT_AT:
        return when_option(value, &r->when);
    case OPT_PID:
        r->pid = parse_pid("--pid", value);
        return r->pid ? 0 : EXIT_USAGE;
    case OPT_FORMAT:
        r->format = find_format(value);
        return r->format ? 0 : complain(EXIT_USAGE, "--format: '%s' is not one of table, maps, json", value);
    case OPT_FIND:
    case OPT_HISTORY:
        return take_address(r, id, value);
    default:
        return EXIT_USAGE;
    }
}

static int run(int argc, char **argv)
{
    struct parser parser;
    struct request request = {.when = {.kind = WHEN_END}, .format = layout_formats};
    parser_begin(&parser, &verb_layout, argc, argv);
    const int status = parser_take_all(&parser, take_option, &request);
    if (status != OPTION_END)
        return status;
    request.path = parser.trace;
    return request.path ? layout(&request) : complain_usage(&verb_layout, "no TRACE was named");
}

const struct verb verb_layout = {
    "layout",
    "TRACE [--at WHEN] [--pid PID] [--format table|maps|json] [--find ADDR | --history ADDR]",
    "the address space at any moment: table, maps or json; who owned an address",
    options,
    run,
};
