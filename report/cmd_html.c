/* cmd_html.c: brkwater html: one file that shows the whole recording in a browser. */
#include "html/html.h"
#include "options.h"
#include "output.h"
#include "units.h"
#include "verbs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { OPT_OUTPUT = 1, OPT_EVENTS, OPT_MAX_SIZE, OPT_NO_SOURCE, OPT_OPEN };

static const struct option options[] = {
    {OPT_OUTPUT, 'o', "output", "FILE",
     "where to; else the trace's name with .html in place of .brkw; - is standard output"},
    {OPT_EVENTS, 0, "html-events", "WHICH",
     "events in the file: auto (all up to a million, of longer recordings\n"
     "the large ones, failures and what findings name), none, all, or at most N"},
    {OPT_MAX_SIZE, 0, "html-max-size", "SIZE", "leave events out rather than make a larger file (default 25M)"},
    {OPT_NO_SOURCE, 0, "no-source", NULL, "no lines of source files, and no instructions"},
    {OPT_OPEN, 0, "open", NULL, "show it in a browser"},
    {0},
};

struct request {
    const char *trace, *output;
    struct html_options html;
    bool open;
};

/* What can't be named is not shown: the browser is the user's, as xdg-open(1) knows it. */
static int open_browser(const char *path)
{
    const pid_t child = fork();
    if (child == 0) {
        execlp("xdg-open", "xdg-open", path, (char *)NULL);
        complain(0, "--open: there is no xdg-open; open %s in a browser", path);
        _exit(EXIT_NOT_FOUND);
    }
    return child < 0 ? complain(EXIT_TROUBLE, "--open: no new process could be made") : 0;
}

/* "server.brkw" is shown in "server.html". */
static void name_output(char *name, size_t size, const char *trace)
{
    const size_t length = strlen(trace);
    const bool known = length > 5 && strcmp(trace + length - 5, ".brkw") == 0;
    snprintf(name, size, "%.*s.html", (int)(known ? length - 5 : length), trace);
}

static int make(const struct request *r)
{
    char name[4096];
    name_output(name, sizeof(name), r->trace);
    const char *path = r->output ? r->output : name;
    int status = output_check("-o", path, r->trace);
    if (!status)
        status = html_write(r->trace, &r->html, path);
    if (!status && r->open)
        status = open_browser(path);
    return status;
}

static int take_events(struct request *r, const char *text)
{
    char *end;
    if (strcmp(text, "auto") == 0 || strcmp(text, "all") == 0 || strcmp(text, "none") == 0) {
        r->html.events = *text == 'n' ? 0 : text[1] == 'u' ? HTML_EVENTS_AUTO : HTML_EVENTS_ALL;
        return 0;
    }
    r->html.events = strtoull(text, &end, 10);
    if (*text >= '0' && *text <= '9' && !*end && r->html.events < HTML_EVENTS_ALL)
        return 0;
    return complain(EXIT_USAGE, "--html-events: '%s' is not one of auto, none, all, or a number", text);
}

static int take_option(void *request, int id, const char *value)
{
    struct request *r = request;
    switch (id) {
    case OPT_OUTPUT:
        r->output = value;
        return 0;
    case OPT_EVENTS:
        return take_events(r, value);
    case OPT_MAX_SIZE:
        if (units_parse_size(value, &r->html.max_size) < 0)
            return complain(EXIT_USAGE, "--html-max-size: '%s' is not a size (25M)", value);
        return 0;
    case OPT_NO_SOURCE:
        r->html.no_source = true;
        return 0;
    case OPT_OPEN:
        r->open = true;
        return 0;
    default:
        return EXIT_USAGE;
    }
}

static int run(int argc, char **argv)
{
    struct parser parser;
    struct request request = {.html = html_defaults};
    parser_begin(&parser, &verb_html, argc, argv);
    const int status = parser_take_all(&parser, take_option, &request);
    if (status != OPTION_END)
        return status;
    request.trace = parser.trace;
    if (request.open && request.output && strcmp(request.output, "-") == 0)
        return complain(EXIT_USAGE, "--open needs a file: name one with -o");
    return request.trace ? make(&request) : complain_usage(&verb_html, "no TRACE was named");
}

const struct verb verb_html = {
    "html", "TRACE [-o OUT.html] [--open]", "one HTML file: timeline, address space, call sites, events", options, run,
};
