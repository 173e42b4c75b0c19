/* cmd_symbolize.c: brkwater symbolize: find all names of a recording again. */
#include "escape.h"
#include "live_names.h"
#include "play.h"
#include "units.h"
#include "verbs.h"

#include <stdio.h>
#include <string.h>

enum { OPT_DEBUG_DIR = 1, OPT_DEBUGINFOD, OPT_QUIET };

static const struct option options[] = {
    {OPT_DEBUG_DIR, 0, "debug-dir", "DIR", "look for debug files there first, as in /usr/lib/debug; may be repeated"},
    {OPT_DEBUGINFOD, 0, "debuginfod", NULL, "ask the servers of $DEBUGINFOD_URLS for debug files that are missing"},
    {OPT_QUIET, 'q', "quiet", NULL, "print nothing when it went well"},
    {0},
};

/* "312 frames of 9 modules: 14 without a name" and why, for each module that has a problem. */
static void tell(const struct code *code)
{
    char all[UNITS_MAX], none[UNITS_MAX], modules[UNITS_MAX];
    uint64_t frames, nameless;
    code_frame_names(code, &frames, &nameless);
    printf("%s frames of %s modules: %s without a name\n", units_count(all, sizeof(all), frames),
           units_count(modules, sizeof(modules), code_modules(code)), units_count(none, sizeof(none), nameless));
    for (uint32_t id = 1; id <= code_modules(code); id++) {
        const struct code_module *module = code_module(code, id);
        if (!module || !module->resolved || module->problem == SYMBOL_OK)
            continue;
        struct buffer path = {0};
        escape_text(&path, module->path, 0, 4096);
        printf("  %s: %s\n", buffer_chars(&path), symbol_problem_text(module->problem));
        buffer_free(&path);
    }
}

static int tell_names(const char *path)
{
    struct play play;
    int status = play_open(&play, path, false);
    if (status)
        return status;
    if (trace_code(play.trace))
        tell(trace_code(play.trace));
    else
        printf("no call stacks were recorded\n");
    play_close(&play);
    return 0;
}

static int symbolize(const char *path, struct live_names *names, bool quiet)
{
    int error = names_begin(names);
    if (!error)
        error = trace_symbolize(path, names->namer);
    names_end(names);
    if (error)
        return complain(EXIT_TROUBLE, "%s: names could not be written: %s", path, trace_error_text(error));
    return quiet ? 0 : tell_names(path);
}

static int run(int argc, char **argv)
{
    static struct live_names names;
    struct parser parser;
    const char *path = NULL;
    bool quiet = false;
    int id;
    parser_begin(&parser, &verb_symbolize, argc, argv);
    while ((id = parser_next(&parser)) != OPTION_END) {
        switch (id) {
        case OPT_DEBUG_DIR:
            if (names_add_dir(&names, parser.value))
                return EXIT_USAGE;
            break;
        case OPT_DEBUGINFOD:
            names.options.debuginfod = true;
            break;
        case OPT_QUIET:
            quiet = true;
            break;
        case OPTION_HELP:
            options_help(&verb_symbolize);
            return 0;
        case OPTION_OPERAND:
            if (path)
                return complain_usage(&verb_symbolize, "one TRACE at a time");
            path = parser.value;
            break;
        default:
            return EXIT_USAGE;
        }
    }
    return path ? symbolize(path, &names, quiet) : complain_usage(&verb_symbolize, "no TRACE was named");
}

const struct verb verb_symbolize = {
    "symbolize", "TRACE [--debug-dir DIR]", "find the names of functions again, with other debug files", options, run,
};
