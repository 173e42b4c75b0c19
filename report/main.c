/* main.c: the front door: which verb, or a command to trace. */
#include "verbs.h"

#include <fcntl.h>
#include <locale.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const struct verb *const all_verbs[] = {&verb_report, &verb_events,    &verb_layout, &verb_stacks,
                                               &verb_heap,   &verb_findings,  &verb_whatif, &verb_html,
                                               &verb_verify, &verb_symbolize, &verb_doctor};
enum { N_VERBS = sizeof(all_verbs) / sizeof(all_verbs[0]) };

/* Names that are kept for verbs to come: never taken for commands, so that a script means the same later. */
static const char *const reserved[] = {"export", "diff", "help"};

static int help(void)
{
    printf("brkwater traces what a program asks of the kernel for its memory, and rebuilds its address space.\n\n"
           "  brkwater [OPTIONS] [--] COMMAND [ARG]...   %s\n",
           verb_trace.summary);
    for (size_t i = 0; i < N_VERBS; i++) {
        char head[64];
        snprintf(head, sizeof(head), "brkwater %s %s", all_verbs[i]->name, all_verbs[i]->synopsis);
        printf("  %-42s %s\n", head, all_verbs[i]->summary);
    }
    printf("\nTry `brkwater ls`, or `brkwater -o ls.brkw ls` and then `brkwater report ls.brkw`.\n"
           "A command that is named like a verb is traced with --: `brkwater -- report`.\n\n");
    options_help(&verb_trace);
    return 0;
}

/* What we open must not land on a closed 0, 1 or 2; close-on-exec, so that the command finds them closed as we did. */
static void occupy_standard_descriptors(void)
{
    int fd;
    do
        fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    while (fd >= 0 && fd <= 2);
    if (fd > 2)
        close(fd);
}

int main(int argc, char **argv)
{
    occupy_standard_descriptors();
    setlocale(LC_CTYPE, "");
    if (argc < 2)
        return complain(EXIT_USAGE, "nothing to do: name a COMMAND to trace, or a verb. See brkwater --help.");
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)
        return help();
    for (size_t i = 0; i < N_VERBS; i++)
        if (strcmp(argv[1], all_verbs[i]->name) == 0)
            return all_verbs[i]->run(argc - 1, argv + 1);
    if (strcmp(argv[1], "help") == 0)
        return help();
    for (size_t i = 0; i < sizeof(reserved) / sizeof(reserved[0]); i++)
        if (strcmp(argv[1], reserved[i]) == 0)
            return complain(EXIT_USAGE,
                            "the verb '%s' is not in this version. To trace a command of that name: brkwater -- %s",
                            argv[1], argv[1]);
    return verb_trace.run(argc, argv);
}
