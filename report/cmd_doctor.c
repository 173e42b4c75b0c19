/* cmd_doctor.c: brkwater doctor: what this machine allows, and which knob is missing. */
#include "escape.h"
#include "features.h"
#include "json.h"
#include "listing.h"
#include "output.h"
#include "refusal_text.h"
#include "verbs.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { OPT_PID = 1, OPT_JSON };
enum { NAME_COLUMN = 10, TEXT_COLUMN = 32, LAST_COLUMN = 100 };

static const struct option options[] = {
    {OPT_PID, 'p', "pid", "PID", "also whether this process could be attached to; it notices nothing"},
    {OPT_JSON, 0, "json", NULL, "the same as one JSON object"},
    {0},
};

/* All that was found out. */
struct findings {
    pid_t pid; /* 0: none was asked about */
    char comm[17];
    struct features process, machine;
};

/* ---- text ---- */

static void pad(struct buffer *out, size_t from, size_t column)
{
    while (out->size - from < column)
        buffer_char(out, ' ');
}

/* Words behind a label, in lines that end before the last column where words allow it. */
static void add_text(struct buffer *out, size_t column, const char *label, const struct buffer *text)
{
    const char *at = buffer_chars(text);
    size_t line = out->size;
    pad(out, line, column);
    buffer_string(out, label);
    pad(out, line, TEXT_COLUMN);
    for (bool first = true; *at; first = false) {
        size_t word = strcspn(at, " ");
        if (!first && out->size - line + 1 + word > LAST_COLUMN) {
            buffer_char(out, '\n');
            line = out->size;
            pad(out, line, TEXT_COLUMN);
        } else if (!first) {
            buffer_char(out, ' ');
        }
        buffer_append(out, at, word);
        at += word;
        at += *at == ' ';
    }
    buffer_char(out, '\n');
}

static void add_feature(struct buffer *out, const struct feature *f, bool colour)
{
    static const char *const colours[] = {"\033[32m", "\033[33m", "\033[31m"};
    struct buffer line = {0};
    const char *state = feature_state_name(f->state);
    add_text(&line, NAME_COLUMN, f->name, &f->detail);
    if (colour)
        buffer_string(out, colours[f->state]);
    buffer_string(out, state);
    if (colour)
        buffer_string(out, "\033[0m");
    /* The line begins with blanks, in whose place the state stands. */
    buffer_string(out, buffer_chars(&line) + (line.size > strlen(state) ? strlen(state) : 0));
    buffer_free(&line);
    if (f->lost.size)
        add_text(out, NAME_COLUMN, "lost", &f->lost);
    if (f->knob.size)
        add_text(out, NAME_COLUMN, "to fix", &f->knob);
}

static void add_features(struct buffer *out, const struct features *features, bool colour)
{
    for (size_t i = 0; i < features->count; i++)
        add_feature(out, &features->list[i], colour);
}

static void add_missing(struct buffer *out, const struct features *features, const char **separator)
{
    for (size_t i = 0; i < features->count; i++) {
        if (!features->list[i].needed || features->list[i].state != FEATURE_MISSING)
            continue;
        buffer_string(out, *separator);
        buffer_string(out, features->list[i].name);
        *separator = ", ";
    }
}

static bool is_well(const struct findings *found)
{
    return features_suffice(&found->process) && features_suffice(&found->machine);
}

static void write_text(struct buffer *out, const struct findings *found, bool colour)
{
    const char *separator = " would not work, for want of: ";
    if (found->pid) {
        buffer_string(out, "process ");
        refusal_process(out, found->pid, found->comm);
        buffer_char(out, '\n');
        add_features(out, &found->process, colour);
        buffer_string(out, "\nthis machine\n");
    }
    add_features(out, &found->machine, colour);
    buffer_string(out, found->pid ? "\nattaching" : "\ntracing a command");
    if (is_well(found))
        buffer_string(out, " would work");
    add_missing(out, &found->process, &separator);
    add_missing(out, &found->machine, &separator);
    buffer_char(out, '\n');
}

/* ---- JSON ---- */

static void json_features(struct json *j, const struct features *features)
{
    for (size_t i = 0; i < features->count; i++) {
        const struct feature *f = &features->list[i];
        json_object_open(j);
        json_key(j, "name");
        json_string(j, f->name);
        json_key(j, "state");
        json_string(j, feature_state_name(f->state));
        json_key(j, "needed");
        json_bool(j, f->needed);
        json_put_words(j, "detail", &f->detail);
        json_put_words(j, "lost", &f->lost);
        json_put_words(j, "knob", &f->knob);
        json_object_close(j);
    }
}

static void write_json(struct buffer *out, const struct findings *found)
{
    struct json j;
    json_begin(&j, out);
    json_object_open(&j);
    json_key(&j, "ok");
    json_bool(&j, is_well(found));
    json_key(&j, "pid");
    if (found->pid)
        json_unsigned(&j, (uint64_t)found->pid);
    else
        json_null(&j);
    json_key(&j, "comm");
    if (*found->comm)
        json_string(&j, found->comm);
    else
        json_null(&j);
    json_key(&j, "features");
    json_array_open(&j);
    json_features(&j, &found->process);
    json_features(&j, &found->machine);
    json_array_close(&j);
    json_object_close(&j);
    buffer_char(out, '\n');
}

/* ---- finding out ---- */

static void look_for_names(struct features *features, const char *libc, int root)
{
    struct debug_lookup found;
    int error = *libc ? debug_lookup(libc, root, &found) : 0;
    features_of_libc(features, libc, error, &found);
}

static int examine_process(struct findings *found, const struct machine *machine)
{
    struct target target;
    int error = target_probe(found->pid, &target);
    if (error)
        return complain(EXIT_TROUBLE, "cannot look at process %d: /proc: %s", (int)found->pid, strerror(-error));
    snprintf(found->comm, sizeof(found->comm), "%s", target.refusal.comm);
    features_of_target(&found->process, &target, machine->max_map_count);
    if (!target.proc_maps)
        look_for_names(&found->process, target.libc, target.root);
    target_close(&target);
    return 0;
}

static int examine(struct findings *found)
{
    struct machine machine;
    int error = machine_probe(&machine);
    if (error)
        return complain(EXIT_TROUBLE, "cannot try what works: no child process can be made: %s", strerror(-error));
    features_of_machine(&found->machine, &machine, found->pid != 0);
    if (found->pid) {
        int status = examine_process(found, &machine);
        if (status)
            return status;
    } else {
        look_for_names(&found->machine, machine.libc, -1);
    }
    features_of_servers(&found->machine, debuginfod_state());
    return 0;
}

static int doctor(pid_t pid, bool json)
{
    struct findings found = {.pid = pid};
    struct buffer out = {0};
    int status = examine(&found);
    if (!status && (features_failed(&found.process) || features_failed(&found.machine)))
        status = complain(EXIT_TROUBLE, "out of memory");
    if (!status) {
        if (json)
            write_json(&out, &found);
        else
            write_text(&out, &found, listing_wants_colour(STDOUT_FILENO));
        status = output_write(&out, NULL);
    }
    if (!status && !is_well(&found))
        status = 1;
    buffer_free(&out);
    features_free(&found.process);
    features_free(&found.machine);
    return status;
}

static int run(int argc, char **argv)
{
    struct parser parser;
    unsigned pid = 0;
    bool json = false;
    int id;
    parser_begin(&parser, &verb_doctor, argc, argv);
    while ((id = parser_next(&parser)) != OPTION_END) {
        switch (id) {
        case OPTION_HELP:
            options_help(&verb_doctor);
            return 0;
        case OPT_JSON:
            json = true;
            break;
        case OPT_PID:
            if (pid)
                return complain_usage(&verb_doctor, "one process at a time");
            pid = parse_pid("-p", parser.value);
            if (!pid)
                return EXIT_USAGE;
            break;
        case OPTION_OPERAND:
            return complain_usage(&verb_doctor, "it takes no operand");
        default:
            return EXIT_USAGE;
        }
    }
    return doctor((pid_t)pid, json);
}

const struct verb verb_doctor = {
    "doctor", "[-p PID] [--json]", "what this machine allows, and which knob is missing", options, run,
};
