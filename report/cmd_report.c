/* cmd_report.c: brkwater report: one screen about a recording. */
#include "listing.h"
#include "output.h"
#include "play.h"
#include "report_json.h"
#include "summary.h"
#include "verbs.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { OPT_JSON = 1, OPT_RANGE };

static const struct option options[] = {
    {OPT_JSON, 0, "json", NULL, "one object: sums by call and by kind, and levels"},
    {OPT_RANGE, 0, "range", "FROM-TO", "with --json: of this stretch of time only (1.2s-3s, 800ms-)"},
    {0},
};

/* What was asked for. */
struct request {
    const char *path;
    bool json, has_range;
    struct time_range range;
};

static int report_as_json(const struct request *r)
{
    struct play play;
    struct buffer out = {0};
    int status = play_open(&play, r->path, false);
    if (status)
        return status;
    status = report_json(&out, &play, r->range);
    if (!status)
        status = output_write(&out, NULL);
    if (!r->has_range)
        play_tell_loss(&play);
    buffer_free(&out);
    play_close(&play);
    return status;
}

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

static int take_option(void *request, int id, const char *value)
{
    struct request *r = request;
    switch (id) {
    case OPT_JSON:
        r->json = true;
        return 0;
    case OPT_RANGE:
        r->has_range = true;
        return time_range_parse(value, &r->range) == 0
                   ? 0
                   : complain(EXIT_USAGE, "--range: '%s' is not a stretch of time (1.2s-3s, 800ms-)", value);
    default:
        return EXIT_USAGE;
    }
}

static int run(int argc, char **argv)
{
    struct parser parser;
    struct request request = {.range = {0, UINT64_MAX}};
    parser_begin(&parser, &verb_report, argc, argv);
    const int status = parser_take_all(&parser, take_option, &request);
    if (status != OPTION_END)
        return status;
    request.path = parser.trace;
    if (!request.path)
        return complain_usage(&verb_report, "no TRACE was named");
    if (request.has_range && !request.json)
        return complain(EXIT_USAGE, "--range is for --json");
    return request.json ? report_as_json(&request) : report(request.path);
}

const struct verb verb_report = {
    "report", "TRACE [--json]", "one screen: what grew, when, faults, heap, kinds of memory", options, run,
};
