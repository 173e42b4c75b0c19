/*
 * event_text.h: one event as one line in strace's shape, without the prefix of pid and time:
 *
 *     mmap(NULL, 8192, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0) = 0x7f2a4c000000 <0.000012>
 * anonymous +8.0K
 *
 * The note after the two spaces says what the call really changed.  The few rules of how an argument is to be
 * read that a JSON event needs too are at the end.
 */
#ifndef BRKWATER_EVENT_TEXT_H
#define BRKWATER_EVENT_TEXT_H

#include "buffer.h"
#include "../decoder/decoder.h"

/* Escape sequences around the parts that have a colour, "" for none.  Arguments and good results have none.
 */
struct event_style {
    const char *name;  /* of the call */
    const char *error; /* "-1 ENOMEM (Cannot allocate memory)" */
    const char *note;
    const char *end; /* after each of them */
    bool ascii;      /* the terminal is not UTF-8: paths are escaped to ASCII */
};

extern const struct event_style event_style_plain;
extern const struct event_style event_style_colour;

/*
 * Append the line, without a newline, of the event that decoder_apply() has just taken (moment->record is a
 * REC_EVENT).  `style` may be NULL: plain.  Lengths of text from outside are bounded: paths are cut at 4096
 * bytes and arguments of execve at 256, with "..." after them.
 */
void event_text(struct buffer *out, const struct decoder *decoder, const struct moment *moment,
                const struct event_style *style);

/* False for an argument that the kernel does not read: mremap's new address without a flag that asks for it.
 */
bool event_uses_argument(const struct rec_event *event, unsigned index);

/* How many arguments are written: those before the first that the kernel does not read. */
unsigned event_arguments(const struct rec_event *event);

/* True for an argument that is written as no number or name of a number is: by what lies behind it, or beside it. */
bool event_is_worded(enum arg_kind kind);

/* True for a call whose arguments are written in a form of their own, not one after another. */
bool event_is_told_whole(enum call call);

/*
 * Append what the numbers of the arguments do not tell, as the line has it: of each descriptor its path, or nothing,
 * and of each argument that is worded all of it, with an end of line between.  Of a call that is told whole: all its
 * arguments.
 */
void event_words(struct buffer *out, const struct decoder *decoder, const struct rec_event *event);

/* "MADV", what the names of such an argument begin with; NULL when it has none. */
const char *event_flags_prefix(enum arg_kind kind);

/* True when the thread died inside of the call. */
bool event_killed(const struct rec_event *event);

/* False when the call did not return: exit, or a thread that died inside. */
bool event_returned(const struct rec_event *event);

/* The name of prctl's second argument, which depends on the first; NULL when it has none. */
const char *event_prctl_sub(const struct rec_event *event);

/* The path of the event's file when argument `index` is an open descriptor and the file is known; else data
 * is NULL. */
struct text event_fd_path(const struct decoder *decoder, const struct rec_event *event, unsigned index);

/* Take the first string off a list of strings that end in NUL each; false when the list is empty. */
bool event_next_string(struct text *list, struct text *ret_string);

/* True when the event's list is only the beginning of what the tracee passed: it is as long as lists get, or
 * has no last NUL. */
bool event_list_cut(const struct rec_event *event);

/*
 * True when the event's text is no string of the tracee's: it could not be read (EFAULT), or the call is
 * prctl and passed NULL, which takes a name away, or is about something other than a name.
 */
bool event_text_missing(const struct rec_event *event);

#endif
