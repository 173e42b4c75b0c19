/* cmd_stacks.c: brkwater stacks: what calls did, summed by the code that made them. */
#include "coverage.h"
#include "options.h"
#include "output.h"
#include "play.h"
#include "stacks.h"
#include "units.h"
#include "wording.h"
#include "verbs.h"
#include "when.h"

#include <stdlib.h>
#include <string.h>

enum { OPT_BY = 1, OPT_FORMAT, OPT_PID, OPT_AT, OPT_MIN, OPT_OUTPUT };

enum { EXIT_NOT_RECORDED = 1 };

static const struct option options[] = {
    {OPT_BY, 0, "by", "METRIC",
     "what is summed: mapped (bytes of address space; the default), live (bytes\n"
     "that are still there at the end), returned (bytes unmapped), touched (bytes\n"
     "of pages, by who touched them first), resident (bytes resident at the end, by\n"
     "who mapped them), kept (the same, by who touched them first), faults (page\n"
     "faults), calls, time (spent in calls)"},
    {OPT_FORMAT, 0, "format", "FORMAT",
     "text; folded (a;b;c VALUE, for flamegraph.pl and speedscope); svg (a flame\n"
     "graph, one file for a browser)"},
    {OPT_PID, 'p', "pid", "PID", "only of this process"},
    {OPT_AT, 0, "at", "WHEN",
     "with --by live, resident, kept: what was there at this moment: 1.25s, 800ms, #1234, peak, ..."},
    {OPT_MIN, 0, "min", "PERCENT", "text: leave out what is less than this; 1 by default, 0 shows all"},
    {OPT_OUTPUT, 'o', "output", "OUT", "write to this file"},
    {0},
};

/* What was asked for. */
struct request {
    const char *path, *output;
    enum stack_metric metric;
    const struct stacks_format *format;
    uint32_t pid;
    struct when when;
    bool has_when, has_min;
    double min;
};

/* ---- the sums ---- */

static int no_memory(const struct play *play)
{
    return complain(EXIT_TROUBLE, "%s: out of memory", play->path);
}

/* All records.  0, or the exit status. */
static int sum_all(struct play *play, struct stack_sums *sums)
{
    struct moment moment;
    int more;
    while ((more = play_peek(play)) == 1) {
        if (stack_sums_before(sums, play->decoder, &play->record) < 0)
            return no_memory(play);
        if (play_next(play, &moment) < 0)
            return EXIT_TROUBLE;
        if (stack_sums_add(sums, play->decoder, &moment) < 0)
            return no_memory(play);
    }
    if (stack_sums_now(sums, play->decoder) < 0)
        return no_memory(play);
    return more < 0 ? EXIT_TROUBLE : 0;
}

/* What lives at a moment. */
static int sum_at(struct play *play, struct stack_sums *sums, const struct request *r, struct place *ret_place)
{
    int status = when_go(play, &r->when, r->pid, ret_place);
    if (!status && stack_sums_now(sums, play->decoder) < 0)
        status = no_memory(play);
    return status;
}

/* ---- the head ---- */

/* Rounded down, so that 100 % means all. */
static double percent(uint64_t part, uint64_t whole)
{
    const double share = (double)part / (double)whole;
    return part < whole && share > 0.999 ? 99.9 : (double)(unsigned)(share * 1000) / 10;
}

/* What is summed is there at a moment, and not what calls did over time. */
static bool is_of_a_moment(enum stack_metric metric)
{
    return metric == BY_LIVE || metric == BY_RESIDENT || metric == BY_KEPT;
}

static void add_moment(struct buffer *out, const struct stack_sums *sums, const struct place *place)
{
    char text[UNITS_MAX];
    const uint64_t spaces = stack_sums_spaces(sums);
    if (place->ordinal)
        say(out, " at %s, after event %llu", units_duration(text, sizeof(text), place->time),
            (unsigned long long)place->event);
    if (spaces != 1)
        say(out, place->ordinal ? ", in %s processes" : " at the ends of %s processes",
            units_count(text, sizeof(text), spaces));
    else if (!place->ordinal)
        buffer_string(out, " at the end of the process");
}

/* "mapped: 31.4M in 1,869 calls, 136 stacks; complete stacks 99.8 %, guessed 0.1 %" */
static void add_head(struct buffer *out, const struct stacks_view *view, const struct stack_sums *sums,
                     const struct place *place)
{
    const struct stack_tree *tree = view->tree;
    const struct stack_node *root = &tree->nodes[0];
    char text[UNITS_MAX];
    say(out, "%s: %s", stacks_metric_name(view->metric), stacks_value(text, sizeof(text), view->metric, root->value));
    if (is_of_a_moment(view->metric))
        add_moment(out, sums, place);
    else if (view->metric != BY_CALLS && view->metric != BY_TOUCHED && view->metric != BY_FAULTS)
        say(out, " in %s %s", units_count(text, sizeof(text), root->calls), root->calls == 1 ? "call" : "calls");
    say(out, ", %s %s", units_count(text, sizeof(text), tree->stacks), tree->stacks == 1 ? "stack" : "stacks");
    if (!tree->by_calls)
        return;
    /* Of what new programs began with no stack is missing. */
    say(out, "; complete stacks %g %%", percent(tree->by_whole, tree->by_calls));
    if (tree->by_guess)
        say(out, ", guessed %g %%", percent(tree->by_guess, tree->by_calls));
}

/* What is not among them, and how much that is. */
static void add_note(struct buffer *out, const struct play *play, const struct stacks_view *view,
                     const struct stack_sums *sums)
{
    const struct rec_fault_sight *sight = decoder_fault_sight(play->decoder);
    const bool seen = sight && sight->sight >= FAULTS_USER;
    const uint64_t all = stack_sums_all_faults(sums);
    struct stack_sum total = {0};
    const struct stack_sum *sum;
    char text[UNITS_MAX], lost[UNITS_MAX];
    if (view->metric != BY_FAULTS && view->metric != BY_TOUCHED)
        return;
    for (size_t i = 0; (sum = stack_sums_at(sums, i)) != NULL; i++)
        total.values[BY_FAULTS] += sum->values[BY_FAULTS];
    const uint64_t here = total.values[BY_FAULTS];
    if (!seen) {
        if (all && all >= here)
            say(out, "these are %g %% of %s page faults; ", percent(here, all), units_count(text, sizeof(text), all));
        say(out, "those outside of calls are not among these: %s", coverage_unseen_faults(sight));
        return;
    }
    say(out, "from %s page faults", units_count(text, sizeof(text), here));
    if (all && all >= here)
        say(out, ", %g %% of all", percent(here, all));
    buffer_string(out, sight->sight == FAULTS_ALL ? "" : "; not among them: the kernel's own, inside of calls");
    if (sight->lost)
        say(out, "; %s were lost", units_count(lost, sizeof(lost), sight->lost));
}

/* ---- from the sums to the file ---- */

static int write_out(const struct play *play, const struct stack_sums *sums, const struct place *place,
                     const struct request *r)
{
    struct stack_tree *tree;
    struct buffer out = {0}, head = {0}, note = {0};
    struct stacks_view view = {.metric = r->metric, .trace = r->path, .min = r->min};
    if (stack_tree_new(sums, decoder_code(play->decoder), view.metric, r->format->order, &tree) < 0)
        return no_memory(play);
    view.tree = tree;
    add_head(&head, &view, sums, place);
    add_note(&note, play, &view, sums);
    view.head = buffer_chars(&head);
    view.note = buffer_chars(&note);
    r->format->write(&out, &view);
    const int status = output_write(&out, r->output);
    buffer_free(&out);
    buffer_free(&head);
    buffer_free(&note);
    stack_tree_free(tree);
    return status;
}

static int check_recorded(const struct play *play, const struct request *r)
{
    const struct rec_fault_sight *sight = decoder_fault_sight(play->decoder);
    if (r->metric != BY_TOUCHED || (sight && sight->sight >= FAULTS_USER))
        return 0;
    return complain(
        EXIT_NOT_RECORDED,
        "%s: this trace holds no page faults: what was touched is not known; %s. --by mapped, --by live and "
        "--by faults (those inside of calls) are",
        r->path, coverage_unseen_faults(sight));
}

static int stacks(const struct request *r)
{
    struct play play;
    struct place place = {0};
    int status = play_open(&play, r->path, false);
    if (status)
        return status;
    struct stack_sums *sums = stack_sums_new(r->pid);
    if (!sums)
        status = no_memory(&play);
    else
        status = r->has_when ? sum_at(&play, sums, r, &place) : sum_all(&play, sums);
    if (!status && r->pid && !decoder_process(play.decoder, r->pid))
        status = complain(EXIT_TROUBLE, "%s: no process %u in this recording", r->path, r->pid);
    if (!status)
        status = check_recorded(&play, r);
    if (!status)
        status = write_out(&play, sums, &place, r);
    if (!r->has_when)
        play_tell_loss(&play);
    stack_sums_free(sums);
    play_close(&play);
    return status;
}

/* ---- the command line ---- */

static int take_metric(struct request *r, const char *text)
{
    for (int metric = 0; metric < STACK_METRICS; metric++)
        if (strcmp(text, stacks_metric_name((enum stack_metric)metric)) == 0) {
            r->metric = (enum stack_metric)metric;
            return 0;
        }
    return complain(EXIT_USAGE,
                    "--by: '%s' is not one of mapped, live, returned, touched, resident, kept, faults, calls, time",
                    text);
}

static int take_format(struct request *r, const char *text)
{
    r->format = stacks_formats;
    while (r->format->name && strcmp(r->format->name, text) != 0)
        r->format++;
    return r->format->name ? 0 : complain(EXIT_USAGE, "--format: '%s' is not one of text, folded, svg", text);
}

static int take_min(struct request *r, const char *text)
{
    char *end = NULL;
    if ((*text >= '0' && *text <= '9') || *text == '.')
        r->min = strtod(text, &end);
    r->has_min = true;
    if (end && end != text && (!*end || strcmp(end, "%") == 0) && r->min <= 100)
        return 0;
    return complain(EXIT_USAGE, "--min: '%s' is no percentage from 0 to 100", text);
}

static int take_option(void *request, int id, const char *value)
{
    struct request *r = request;
    switch (id) {
    case OPT_BY:
        return take_metric(r, value);
    case OPT_FORMAT:
        return take_format(r, value);
    case OPT_PID:
        r->pid = parse_pid("--pid", value);
        return r->pid ? 0 : EXIT_USAGE;
    case OPT_AT:
        r->has_when = true;
        return when_option(value, &r->when);
    case OPT_MIN:
        return take_min(r, value);
    case OPT_OUTPUT:
        r->output = value;
        return 0;
    default:
        return EXIT_USAGE;
    }
}

/* What makes no sense together. */
static int check(struct request *r)
{
    if (!r->path)
        return complain_usage(&verb_stacks, "no TRACE was named");
    if (r->has_when && !is_of_a_moment(r->metric))
        return complain(EXIT_USAGE,
                        "--at is for --by live, resident and kept: the others are sums over the whole recording");
    if (r->has_min && r->format != stacks_formats)
        return complain(EXIT_USAGE, "--min is for --format text");
    /* Each process at its own end, and not all of them at the end of one. */
    if (r->when.kind == WHEN_END)
        r->has_when = false;
    return 0;
}

static int run(int argc, char **argv)
{
    struct parser parser;
    struct request request = {.metric = BY_MAPPED, .format = stacks_formats, .when = {.kind = WHEN_END}, .min = 1};
    parser_begin(&parser, &verb_stacks, argc, argv);
    int status = parser_take_all(&parser, take_option, &request);
    if (status != OPTION_END)
        return status;
    request.path = parser.trace;
    status = check(&request);
    if (!status)
        status = output_check("-o", request.output, request.path);
    return status ? status : stacks(&request);
}

const struct verb verb_stacks = {
    "stacks", "TRACE [--by METRIC] [--format FORMAT]", "which code mapped most, by call site; flame graphs", options,
    run,
};
