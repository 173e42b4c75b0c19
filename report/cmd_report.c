/* cmd_report.c: brkwater report: one screen about a recording. */
#include "listing.h"
#include "play.h"
#include "summary.h"
#include "verbs.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const struct option options[] = {{0}};

static int report(const char *path)
{
    struct play play;
    int status = play_open(&play, path, true);
    if (status)
        return status;
    status = play_all(&play);
    char loss[512];
    struct buffer out = {0};
    struct summary summary = {.decoder = play.decoder,
                              .timeline = play.timeline,
                              .trace = path,
                              .trace_size = trace_size(play.trace),
                              .loss = play_loss_text(&play, loss, sizeof(loss)) ? loss : NULL,
                              .utf8 = isatty(STDOUT_FILENO) && listing_is_utf8()};
    summary_write(&out, &summary);
    fwrite(out.data, 1, out.size, stdout);
    if (fflush(stdout) != 0 && !status)
        status = complain(EXIT_TROUBLE, "cannot write the report to standard output");
    play_tell_loss(&play);
    buffer_free(&out);
    play_close(&play);
    return status;
}

static int run(int argc, char **argv)
{
    struct parser parser;
    const char *path = NULL;
    int id;
    parser_begin(&parser, &verb_report, argc, argv);
    while ((id = parser_next(&parser)) != OPTION_END) {
        if (id == OPTION_HELP) {
            options_help(&verb_report);
            return 0;
        }
        if (id != OPTION_OPERAND)
            return EXIT_USAGE;
        if (path)
            return complain_usage(&verb_report, "one TRACE at a time");
        path = parser.value;
    }
    return path ? report(path) : complain_usage(&verb_report, "no TRACE was named");
}

const struct verb verb_report = {
    "report", "TRACE", "one screen: what grew, when, faults, heap, kinds of memory", options, run,
};
