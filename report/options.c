/* options.c: parser of option tables. */
#include "options.h"

#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int complain(int status, const char *format, ...)
{
    char line[8192];
    size_t used = (size_t)snprintf(line, sizeof(line), "brkwater: ");
    va_list args;
    va_start(args, format);
    vsnprintf(line + used, sizeof(line) - used - 1, format, args);
    va_end(args);
    /* One line, whatever a file name holds. */
    for (char *p = line; *p; p++)
        if ((unsigned char)*p < ' ' || *p == 0x7f)
            *p = '?';
    fprintf(stderr, "%s\n", line);
    return status;
}

int complain_usage(const struct verb *verb, const char *what)
{
    return complain(EXIT_USAGE, "%s. Usage: brkwater %s%s%s. See brkwater %s%s--help.", what, verb->name,
                    *verb->name ? " " : "", verb->synopsis, verb->name, *verb->name ? " " : "");
}

unsigned parse_pid(const char *option, const char *text)
{
    unsigned long pid = 0;
    char *end = NULL;
    if (*text >= '0' && *text <= '9')
        pid = strtoul(text, &end, 10);
    if (pid && !*end && pid <= INT_MAX)
        return (unsigned)pid;
    complain(0, "%s: '%s' is not a process id", option, text);
    return 0;
}

void parser_begin(struct parser *p, const struct verb *verb, int argc, char **argv)
{
    *p = (struct parser){.verb = verb, .options = verb->options, .argc = argc, .argv = argv, .at = 1};
}

/* ---- did you mean ---- */

enum { LONGEST_NAME = 32 };

/* How many letters must be changed, left out or put in. */
static unsigned distance(const char *a, const char *b)
{
    unsigned row[LONGEST_NAME + 1];
    size_t columns = strlen(b);
    if (columns > LONGEST_NAME || strlen(a) > LONGEST_NAME)
        return LONGEST_NAME;
    for (unsigned i = 0; i <= columns; i++)
        row[i] = i;
    for (; *a; a++) {
        unsigned corner = row[0]++;
        for (size_t i = 1; i <= columns; i++) {
            unsigned change = corner + (*a != b[i - 1]);
            corner = row[i];
            unsigned best = row[i] < row[i - 1] ? row[i] + 1 : row[i - 1] + 1;
            row[i] = change < best ? change : best;
        }
    }
    return row[columns];
}

const char *options_nearest(const char *name, const char *const *names, size_t count)
{
    const char *best = NULL;
    unsigned nearest = 3; /* further away is another word */
    for (size_t i = 0; i < count; i++) {
        unsigned far = distance(name, names[i]);
        if (far < nearest && far < strlen(name)) {
            nearest = far;
            best = names[i];
        }
    }
    return best;
}

static int unknown_long(const struct parser *p, const char *name)
{
    const char *names[64];
    size_t count = 0;
    for (const struct option *o = p->options; o->id && count < 64; o++)
        if (o->name)
            names[count++] = o->name;
    const char *near = options_nearest(name, names, count);
    const char *space = *p->verb->name ? " " : "";
    if (near)
        complain(0, "unknown option --%s. Did you mean --%s? See brkwater %s%s--help.", name, near, p->verb->name,
                 space);
    else
        complain(0, "unknown option --%s. See brkwater %s%s--help.", name, p->verb->name, space);
    return OPTION_WRONG;
}

/* ---- parsing ---- */

static int take_long(struct parser *p, char *text)
{
    size_t length = strcspn(text, "=");
    char name[LONGEST_NAME * 2];
    snprintf(name, sizeof(name), "%.*s", (int)length, text);
    if (strcmp(name, "help") == 0)
        return OPTION_HELP;
    const struct option *o = p->options;
    while (o->id && (!o->name || strcmp(o->name, name) != 0))
        o++;
    if (!o->id)
        return unknown_long(p, name);
    p->value = text[length] ? text + length + 1 : NULL;
    if (p->value && !o->argument) {
        complain(0, "option --%s takes no value", name);
        return OPTION_WRONG;
    }
    if (o->argument && !p->value) {
        if (p->at >= p->argc) {
            complain(0, "option --%s needs a value: %s", name, o->argument);
            return OPTION_WRONG;
        }
        p->value = p->argv[p->at++];
    }
    return o->id;
}

static int take_letter(struct parser *p)
{
    char letter = *p->letters++;
    if (letter == 'h')
        return OPTION_HELP;
    const struct option *o = p->options;
    while (o->id && o->letter != letter)
        o++;
    if (!o->id) {
        complain(0, "unknown option -%c. See brkwater %s%s--help.", letter, p->verb->name, *p->verb->name ? " " : "");
        return OPTION_WRONG;
    }
    p->value = NULL;
    if (!o->argument)
        return o->id;
    if (*p->letters) {
        p->value = p->letters;
        p->letters = NULL;
    } else if (p->at < p->argc) {
        p->value = p->argv[p->at++];
    } else {
        complain(0, "option -%c needs a value: %s", letter, o->argument);
        return OPTION_WRONG;
    }
    return o->id;
}

int parser_next(struct parser *p)
{
    if (p->letters && *p->letters)
        return take_letter(p);
    if (p->at >= p->argc)
        return OPTION_END;
    char *text = p->argv[p->at];
    if (p->operands_only || text[0] != '-' || text[1] == '\0') {
        if (p->stop_at_operand)
            return OPTION_END;
        p->at++;
        p->value = text;
        return OPTION_OPERAND;
    }
    p->at++;
    if (strcmp(text, "--") == 0) {
        p->operands_only = true;
        return parser_next(p);
    }
    if (text[1] == '-')
        return take_long(p, text + 2);
    p->letters = text + 1;
    return take_letter(p);
}

int parser_take_all(struct parser *p, option_taker *take, void *request)
{
    int id;
    while ((id = parser_next(p)) != OPTION_END) {
        if (id == OPTION_HELP) {
            options_help(p->verb);
            return 0;
        }
        if (id == OPTION_WRONG)
            return EXIT_USAGE;
        if (id != OPTION_OPERAND) {
            if (take(request, id, p->value))
                return EXIT_USAGE;
            continue;
        }
        if (p->trace)
            return complain_usage(p->verb, "one TRACE at a time");
        p->trace = p->value;
    }
    return OPTION_END;
}

static int take_flag(void *request, int id, const char *value)
{
    (void)id, (void)value;
    *(bool *)request = true;
    return 0;
}

int run_with_json(const struct verb *verb, int argc, char **argv, int (*go)(const char *trace, bool json))
{
    struct parser parser;
    bool json = false;
    parser_begin(&parser, verb, argc, argv);
    const int status = parser_take_all(&parser, take_flag, &json);
    if (status != OPTION_END)
        return status;
    return parser.trace ? go(parser.trace, json) : complain_usage(verb, "no TRACE was named");
}

/* ---- help ---- */

static void help_option(const struct option *o)
{
    char head[64];
    int used = 0;
    if (o->letter)
        used = snprintf(head, sizeof(head), "-%c%s", o->letter, o->name ? ", " : "");
    if (o->name)
        used += snprintf(head + used, sizeof(head) - (size_t)used, "--%s", o->name);
    if (o->argument)
        snprintf(head + used, sizeof(head) - (size_t)used, "%s%s", o->name ? "=" : " ", o->argument);
    printf("  %-26s", head);
    if (strlen(head) > 25)
        printf("\n  %-26s", "");
    for (const char *line = o->help; *line;) {
        size_t length = strcspn(line, "\n");
        printf(" %.*s\n", (int)length, line);
        line += length + (line[length] == '\n');
        if (*line)
            printf("  %-26s", "");
    }
}

void options_help(const struct verb *verb)
{
    printf("Usage: brkwater %s%s%s\n\n%s\n\nOptions:\n", verb->name, *verb->name ? " " : "", verb->synopsis,
           verb->summary);
    for (const struct option *o = verb->options; o->id; o++)
        help_option(o);
    printf("  %-26s show this help\n", "-h, --help");
}
