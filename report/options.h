/*
 * options.h: the command line: option tables, one parser for all verbs, and their help.
 *
 * Every verb has a const table; parsing, "did you mean", and --help are made from it.  Options of a command that is
 * traced are never touched: parsing ends at the first operand, or at --.
 */
#ifndef BRKWATER_OPTIONS_H
#define BRKWATER_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

/* Exit statuses of brkwater itself; env(1) and timeout(1) use the same. */
enum { EXIT_USAGE = 2, EXIT_TROUBLE = 125, EXIT_NOT_EXECUTABLE = 126, EXIT_NOT_FOUND = 127 };

struct option {
    int id;               /* what the verb's switch sees; 0 ends the table */
    char letter;          /* 0: none */
    const char *name;     /* long name without dashes; NULL: none */
    const char *argument; /* NULL: takes none */
    const char *help;     /* one line, or several with \n */
};

struct verb {
    const char *name;
    const char *synopsis; /* behind "brkwater NAME " */
    const char *summary;  /* one line */
    const struct option *options;
    int (*run)(int argc, char **argv); /* argv[0] is the verb; returns the exit status */
};

/* The verbs that are there, ended by one without a name. */
extern const struct verb verbs[];

struct parser {
    const struct verb *verb;
    const struct option *options;
    int argc;
    char **argv;
    int at;               /* next argument */
    const char *letters;  /* rest of a group of short options */
    const char *value;    /* argument of the option just returned */
    const char *trace;    /* the operand, after parser_take_all(); NULL: there is none */
    bool operands_only;   /* after -- */
    bool stop_at_operand; /* the rest belongs to somebody else */
};

enum { OPTION_END = -1, OPTION_OPERAND = -2, OPTION_WRONG = -3, OPTION_HELP = -4 };

void parser_begin(struct parser *parser, const struct verb *verb, int argc, char **argv);

/* The next option's id with parser->value; OPTION_OPERAND with the operand in value; OPTION_HELP; OPTION_END; or
 * OPTION_WRONG after one line was printed that says what is wrong. */
int parser_next(struct parser *parser);

/* What a verb does with an option: 0, or anything else after one line was printed that says what is wrong with it. */
typedef int option_taker(void *request, int id, const char *value);

/* For verbs whose operand is one TRACE: hand all options to `take`.  OPTION_END when the verb can go on, or else its
 * exit status: help was shown, or one line was printed that says what is wrong. */
int parser_take_all(struct parser *parser, option_taker *take, void *request);

/* The whole of a verb whose only option is --json: `go` does what it is for and returns its exit status. */
int run_with_json(const struct verb *verb, int argc, char **argv, int (*go)(const char *trace, bool json));

/* --help of a verb, to standard output. */
void options_help(const struct verb *verb);

/* Print "brkwater: ..." as one line to standard error, and return `status`. */
int complain(int status, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The same for an operand that is missing or too much. */
int complain_usage(const struct verb *verb, const char *what);

/* A process id that an option was given, or 0 after one line was printed. */
unsigned parse_pid(const char *option, const char *text);

/* The nearest of the names, or NULL when none is near. */
const char *options_nearest(const char *name, const char *const *names, size_t count);

#endif
