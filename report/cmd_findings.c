/* cmd_findings.c: brkwater findings: what is wrong, in plain words, with evidence. */
#include "findings.h"
#include "listing.h"
#include "options.h"
#include "play.h"
#include "verbs.h"

#include <stdio.h>

enum { OPT_JSON = 1 };

static const struct option options[] = {
    {OPT_JSON, 0, "json", NULL, "a list of objects"},
    {0},
};

static void write_text(struct buffer *out, const struct findings_place *place, const struct findings *list)
{
    for (size_t i = 0; i < list->count; i++)
        finding_text(out, place, &list->list[i]);
    if (!list->count)
        buffer_string(out, "No findings.\n");
}

static int findings(const char *path, bool json)
{
    struct play play;
    struct buffer out = {0};
    struct findings list;
    int status = play_open(&play, path, true);
    if (status)
        return status;
    status = play_all(&play);
    timeline_findings(play.timeline, play.decoder, &list);
    const struct findings_place place = {
        .code = decoder_code(play.decoder), .trace = path, .ascii = !listing_is_utf8()};
    if (json)
        findings_json(&out, &place, &list);
    else
        write_text(&out, &place, &list);
    if (out.failed && !status)
        status = complain(EXIT_TROUBLE, "out of memory");
    fwrite(out.data, 1, out.size, stdout);
    if (fflush(stdout) != 0 && !status)
        status = complain(EXIT_TROUBLE, "cannot write to standard output");
    play_tell_loss(&play);
    findings_free(&list);
    buffer_free(&out);
    play_close(&play);
    return status;
}

static int run(int argc, char **argv)
{
    return run_with_json(&verb_findings, argc, argv, findings);
}

const struct verb verb_findings = {
    "findings", "TRACE [--json]", "what is wrong, in plain words, with evidence", options, run,
};
