/* cmd_events.c: brkwater events: every event of a recording, as text or JSON. */
#include "event_json.h"
#include "listing.h"
#include "play.h"
#include "verbs.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    OPT_JSON = 1,
    OPT_PID,
    OPT_CALLS,
    OPT_CLOCK,
    OPT_RELATIVE,
    OPT_TIME,
    OPT_QUIET,
    OPT_NUMBERS,
    OPT_STACKS,
    OPT_DISASM
};

static const struct option options[] = {
    {OPT_JSON, 0, "json", NULL, "one JSON object a line instead of text"},
    {OPT_PID, 'p', "pid", "PID", "only events of this process"},
    {OPT_CALLS, 'e', "calls", "CALL,...", "only these calls: mmap,brk  !madvise  %memory  %process"},
    {OPT_CLOCK, 't', NULL, NULL, "time of day before each line; -tt with microseconds, -ttt since the epoch"},
    {OPT_RELATIVE, 'r', NULL, NULL, "seconds since the line before"},
    {OPT_TIME, 'T', NULL, NULL, "time spent in each call (always shown)"},
    {OPT_NUMBERS, 'n', "numbers", NULL, "the number of each event before its line: what --at '#N' takes"},
    {OPT_STACKS, 'k', "stack-trace", NULL, "the call stack below each event"},
    {OPT_DISASM, 0, "disasm", NULL,
     "the instructions around the call of each event's call site; with --json as `code`"},
    {OPT_QUIET, 'q', "quiet", NULL, "no lines about the ends of processes"},
    {0},
};

static bool wanted(const struct listing *listing, const struct moment *m)
{
    return m->record->kind == REC_EVENT && (!listing->pid || m->pid == listing->pid) &&
           (m->record->event.call >= CALL_COUNT || listing->calls.calls[m->record->event.call]);
}

/* 0, or the exit status.  A reader that goes away (head) is no trouble. */
static int flush_lines(struct buffer *out, int *ret_closed)
{
    if (out->failed)
        return complain(EXIT_TROUBLE, "out of memory");
    size_t size = out->size;
    bool failed = size && (fwrite(out->data, 1, size, stdout) != size || fflush(stdout) != 0);
    buffer_clear(out);
    if (!failed)
        return 0;
    *ret_closed = 1;
    return errno == EPIPE ? 0 : complain(EXIT_TROUBLE, "cannot write to standard output: %s", strerror(errno));
}

static int events(const char *path, struct listing *listing, bool json)
{
    enum { FLUSH_AT = 1 << 16 };
    struct play play;
    struct moment moment;
    struct buffer out = {0};
    int result, closed = 0, status = play_open(&play, path, false);
    if (status)
        return status;
    while (!closed && !status && (result = play_next(&play, &moment)) == 1) {
        if (!json) {
            listing_add(listing, &out, play.decoder, &moment);
        } else if (wanted(listing, &moment)) {
            event_json(&out, play.decoder, &moment, listing->code);
            buffer_char(&out, '\n');
        }
        if (out.size >= FLUSH_AT)
            status = flush_lines(&out, &closed);
    }
    if (listing->pid && !decoder_process(play.decoder, listing->pid) && !closed && !status)
        status = complain(EXIT_TROUBLE, "%s: no process %u in this recording", path, listing->pid);
    if (!closed && !status) {
        status = flush_lines(&out, &closed);
        play_tell_loss(&play);
        if (result < 0)
            status = EXIT_TROUBLE;
    }
    buffer_free(&out);
    play_close(&play);
    return status;
}

static int run(int argc, char **argv)
{
    struct parser parser;
    struct listing listing;
    const char *path = NULL;
    bool json = false;
    int id;
    listing_init(&listing);
    if (listing_wants_colour(STDOUT_FILENO))
        listing.style = &event_style_colour;
    parser_begin(&parser, &verb_events, argc, argv);
    while ((id = parser_next(&parser)) != OPTION_END) {
        switch (id) {
        case OPT_JSON:
            json = true;
            break;
        case OPT_PID:
            listing.pid = parse_pid("--pid", parser.value);
            if (!listing.pid)
                return EXIT_USAGE;
            break;
        case OPT_CALLS:
            if (listing_select(&listing, parser.value))
                return EXIT_USAGE;
            break;
        case OPT_CLOCK:
            listing_more_clock(&listing);
            break;
        case OPT_RELATIVE:
            listing.relative = true;
            break;
        case OPT_TIME:
            break;
        case OPT_NUMBERS:
            listing.numbers = true;
            break;
        case OPT_STACKS:
            listing.stacks = true;
            break;
        case OPT_DISASM:
            listing.code = true;
            break;
        case OPT_QUIET:
            listing.quiet = true;
            break;
        case OPTION_HELP:
            options_help(&verb_events);
            return 0;
        case OPTION_OPERAND:
            if (path)
                return complain_usage(&verb_events, "one TRACE at a time");
            path = parser.value;
            break;
        default:
            return EXIT_USAGE;
        }
    }
    return path ? events(path, &listing, json) : complain_usage(&verb_events, "no TRACE was named");
}

const struct verb verb_events = {
    "events", "TRACE [--json] [OPTIONS]", "every event in order; JSON: one object a line", options, run,
};
