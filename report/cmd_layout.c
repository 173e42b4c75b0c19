/* cmd_layout.c: brkwater layout: the address space at one moment. */
#include "layout.h"
#include "options.h"
#include "play.h"
#include "verbs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { OPT_AT = 1, OPT_PID, OPT_FORMAT };

static const struct option options[] = {
    {OPT_AT, 0, "at", "WHEN",
     "1.25s or 800ms from the start, #1234 (right after that event), peak (of\n"
     "resident memory), peak-virtual, or end (just before the process lost\n"
     "its address space), which is the default"},
    {OPT_PID, 'p', "pid", "PID", "of this process; else the event's, or the one with most resident memory"},
    {OPT_FORMAT, 0, "format", "FORMAT", "table, maps (the lines of /proc/PID/maps), json"},
    {0},
};

static int write_layout(const struct play *play, struct place *place, const struct layout_format *format)
{
    struct mappings mappings;
    struct buffer out = {0};
    const struct process_info *process = decoder_process(play->decoder, place->pid);
    if (!place->space && process)
        place->space = process->space;
    struct space_info info;
    if (!decoder_space(play->decoder, place->space, &info))
        return complain(EXIT_TROUBLE, "%s: process %u had no address space at that moment", play->path, place->pid);
    if (mappings_collect(play->decoder, place->space, &mappings) < 0)
        return complain(EXIT_TROUBLE, "out of memory");
    struct layout layout = {play->decoder, &mappings, place};
    format->write(&out, &layout);
    fwrite(out.data, 1, out.size, stdout);
    buffer_free(&out);
    mappings_free(&mappings);
    return fflush(stdout) == 0 ? 0 : complain(EXIT_TROUBLE, "cannot write to standard output");
}

/* Keyframes are made of whole recordings only; of others it must be known whether they are. */
static void tell_loss(struct play *play)
{
    if (!trace_keyframes(play->trace))
        play_all(play);
    if (!trace_keyframes(play->trace) || trace_loss(play->trace)->damaged)
        play_tell_loss(play);
}

static int layout(const char *path, const struct when *when, uint32_t pid, const struct layout_format *format)
{
    struct place place;
    struct play play;
    int status = play_open(&play, path, false);
    if (status)
        return status;
    status = when_go(&play, when, pid, &place);
    if (!status)
        status = write_layout(&play, &place, format);
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

static int run(int argc, char **argv)
{
    struct parser parser;
    struct when when = {.kind = WHEN_END};
    const struct layout_format *format = layout_formats;
    const char *path = NULL;
    uint32_t pid = 0;
    int id;
    parser_begin(&parser, &verb_layout, argc, argv);
    while ((id = parser_next(&parser)) != OPTION_END) {
        switch (id) {
        case OPT_AT:
            if (when_parse(parser.value, &when))
                return complain(EXIT_USAGE, "--at: '%s' is no moment: 1.25s, 800ms, #1234, peak, peak-virtual, end",
                                parser.value);
            break;
        case OPT_PID:
            pid = parse_pid(parser.value);
            if (!pid)
                return EXIT_USAGE;
            break;
        case OPT_FORMAT:
            format = find_format(parser.value);
            if (!format)
                return complain(EXIT_USAGE, "--format: '%s' is not one of table, maps, json", parser.value);
            break;
        case OPTION_HELP:
            options_help(&verb_layout);
            return 0;
        case OPTION_OPERAND:
            if (path)
                return complain_usage(&verb_layout, "one TRACE at a time");
            path = parser.value;
            break;
        default:
            return EXIT_USAGE;
        }
    }
    return path ? layout(path, &when, pid, format) : complain_usage(&verb_layout, "no TRACE was named");
}

const struct verb verb_layout = {
    "layout",
    "TRACE [--at WHEN] [--pid PID] [--format table|maps|json]",
    "the address space at any moment: table, maps or json",
    options,
    run,
};
