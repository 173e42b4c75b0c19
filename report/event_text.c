/* event_text.c: one event as one line in strace's shape. */
#include "event_text.h"

#include "../decoder/decoder.h"
#include "escape.h"
#include "stack_text.h"
#include "units.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/prctl.h>
#include <linux/seccomp.h>
#include <string.h>

#ifndef PR_SET_VMA
#define PR_SET_VMA 0x53564d41
#endif

enum {
    PATH_CAP = 4096,           /* PATH_MAX: the kernel knows no longer ones, but a damaged trace may */
    STRING_CAP = 256,          /* of each argument of execve */
    LIST_MAX = 4096,           /* bytes that are recorded of a list */
    CLONE3_SIGNAL = 0x7f,      /* the exit signal, which clone3 has in a field of its own */
    MREMAP_PLACED = 0x2 | 0x4, /* MREMAP_FIXED, MREMAP_DONTUNMAP */
};

const struct event_style event_style_plain = {.name = "", .error = "", .note = "", .end = ""};
const struct event_style event_style_colour = {
    .name = "\033[36m", .error = "\033[31m", .note = "\033[2m", .end = "\033[0m"};

/* All that the printers of one line share. */
struct line {
    struct buffer *out;
    const struct decoder *decoder;
    const struct moment *moment;
    const struct rec_event *event;
    const struct call_info *info;
    const struct event_style *style;
};

bool event_uses_argument(const struct rec_event *event, unsigned index)
{
    switch (event->call) {
    case CALL_MREMAP:
        return index != 4 || (event->args[3] & MREMAP_PLACED);
    case CALL_PRCTL:
        if ((uint32_t)event->args[0] != PR_SET_SECCOMP)
            return true;
        return index < (event->args[1] == SECCOMP_MODE_STRICT ? 2 : 3);
    default:
        return true;
    }
}

bool event_is_worded(enum arg_kind kind)
{
    return kind == ARG_TEXT || kind == ARG_ARGV || kind == ARG_ENVC || kind == ARG_PRCTL_SUB;
}

bool event_returned(const struct rec_event *event)
{
    return !(event->flags & (EVENT_UNFINISHED | EVENT_NO_RESULT)) && !(call_info(event->call)->flags & CALL_NO_RETURN);
}

const char *event_prctl_sub(const struct rec_event *event)
{
    static const char *const modes[] = {
        [0] = "SECCOMP_MODE_DISABLED",
        [SECCOMP_MODE_STRICT] = "SECCOMP_MODE_STRICT",
        [SECCOMP_MODE_FILTER] = "SECCOMP_MODE_FILTER",
    };
    uint64_t sub = event->args[1];
    struct flag_list list;
    switch ((uint32_t)event->args[0]) {
    case PR_SET_SECCOMP:
        return sub < sizeof(modes) / sizeof(modes[0]) ? modes[sub] : NULL;
    case PR_SET_VMA:
    case PR_SET_MM:
        /* One table has both: 0 is PR_SET_VMA's only value, and none of PR_SET_MM's. */
        if ((sub == 0) != ((uint32_t)event->args[0] == PR_SET_VMA))
            return NULL;
        argument_flags(ARG_PRCTL_SUB, sub, &list);
        return list.count ? list.names[0] : NULL;
    default:
        return NULL;
    }
}

struct text event_fd_path(const struct decoder *decoder, const struct rec_event *event, unsigned index)
{
    const struct file_info *file = NULL;
    /* A file with no descriptor is the mapping's own, such as shared anonymous memory's. */
    if (event->file && (int32_t)event->args[index] >= 0)
        file = decoder_file(decoder, event->file);
    return file ? file->path : (struct text){.data = NULL};
}

bool event_next_string(struct text *list, struct text *ret_string)
{
    if (!list->size)
        return false;
    const char *end = memchr(list->data, '\0', list->size);
    size_t size = end ? (size_t)(end - list->data) : list->size;
    *ret_string = (struct text){.data = list->data, .size = size};
    size_t used = end ? size + 1 : size;
    list->data += used;
    list->size -= used;
    return true;
}

bool event_list_cut(const struct rec_event *event)
{
    struct text list = event->list;
    /* The tracer stops when no byte is left for a string and its NUL. */
    return list.size && (list.size >= LIST_MAX - 1 || list.data[list.size - 1] != '\0');
}

static bool is_naming(const struct rec_event *event)
{
    return event->call == CALL_PRCTL && (uint32_t)event->args[0] == PR_SET_VMA && event->args[1] == 0;
}

bool event_text_missing(const struct rec_event *event)
{
    if (event->call == CALL_PRCTL && !is_naming(event))
        return true;
    return !event->text.size && (event->call == CALL_PRCTL || event->error == EFAULT);
}

static unsigned escape_flags(const struct line *line, unsigned flags)
{
    return line->style->ascii ? flags | ESCAPE_ASCII : flags;
}

static void print_address(const struct line *line, uint64_t address)
{
    if (address)
        buffer_hex(line->out, address);
    else
        buffer_string(line->out, "NULL");
}

/* Hex, but 0 as 0. */
static void print_hex(const struct line *line, uint64_t value)
{
    if (value)
        buffer_hex(line->out, value);
    else
        buffer_char(line->out, '0');
}

/* A value without a name: 0x66, and a comment that says what it should have been. */
static void print_nameless(const struct line *line, uint64_t value, const char *prefix)
{
    print_hex(line, value);
    if (!value || !prefix)
        return;
    buffer_string(line->out, " /* ");
    buffer_string(line->out, prefix);
    buffer_string(line->out, "_??? */");
}

const char *event_flags_prefix(enum arg_kind kind)
{
    static const char *const prefixes[ARG_ENVC + 1] = {
        [ARG_PROT] = "PROT",       [ARG_MAP_FLAGS] = "MAP",     [ARG_MREMAP_FLAGS] = "MREMAP",
        [ARG_ADVICE] = "MADV",     [ARG_SHM_FLAGS] = "SHM",     [ARG_MLOCK_FLAGS] = "MLOCK",
        [ARG_MCL_FLAGS] = "MCL",   [ARG_CLONE_FLAGS] = "CLONE", [ARG_SHADOW_FLAGS] = "SHADOW_STACK",
        [ARG_PRCTL_OPTION] = "PR",
    };
    return kind <= ARG_ENVC ? prefixes[kind] : NULL;
}

static void print_flags(const struct line *line, enum arg_kind kind, uint64_t value)
{
    struct flag_list list;
    argument_flags(kind, value, &list);
    if (!list.count) {
        print_nameless(line, list.rest, event_flags_prefix(kind));
        return;
    }
    for (size_t i = 0; i < list.count; i++) {
        if (i)
            buffer_char(line->out, '|');
        buffer_string(line->out, list.names[i]);
    }
    if (list.rest) {
        buffer_char(line->out, '|');
        buffer_hex(line->out, list.rest);
    }
}

static void print_fd(const struct line *line, unsigned index)
{
    int32_t fd = (int32_t)line->event->args[index];
    if (fd == AT_FDCWD) {
        buffer_string(line->out, "AT_FDCWD");
        return;
    }
    buffer_signed(line->out, fd);
    struct text path = event_fd_path(line->decoder, line->event, index);
    if (!path.data)
        return;
    buffer_char(line->out, '<');
    escape_text(line->out, path, escape_flags(line, ESCAPE_ANGLES), PATH_CAP);
    buffer_char(line->out, '>');
}

static void print_text(const struct line *line, unsigned index)
{
    const struct rec_event *event = line->event;
    if (!event_text_missing(event))
        escape_text(line->out, event->text, escape_flags(line, ESCAPE_QUOTES), PATH_CAP);
    else if (event->call == CALL_PRCTL && !is_naming(event))
        print_hex(line, event->args[index]);
    else if (event->error == EFAULT && !event->args[index])
        buffer_string(line->out, "/* unreadable */"); /* the address itself is not recorded */
    else
        print_address(line, event->args[index]);
}

static void print_prctl_sub(const struct line *line, uint64_t value)
{
    const char *name = event_prctl_sub(line->event);
    uint32_t option = (uint32_t)line->event->args[0];
    if (name)
        buffer_string(line->out, name);
    else
        print_nameless(line, value,
                       option == PR_SET_VMA  ? "PR_SET_VMA"
                       : option == PR_SET_MM ? "PR_SET_MM"
                                             : "SECCOMP_MODE");
}

static void print_list(const struct line *line)
{
    struct text list = line->event->list, string;
    buffer_char(line->out, '[');
    for (unsigned n = 0; event_next_string(&list, &string); n++) {
        if (n)
            buffer_string(line->out, ", ");
        escape_text(line->out, string, escape_flags(line, ESCAPE_QUOTES), STRING_CAP);
    }
    buffer_string(line->out, event_list_cut(line->event) ? ", ...]" : "]");
}

static void print_environment(const struct line *line, uint64_t count)
{
    buffer_string(line->out, "/* ");
    buffer_unsigned(line->out, count);
    buffer_string(line->out, count == 1 ? " var */" : " vars */");
}

static void print_argument(const struct line *line, unsigned index)
{
    uint64_t value = line->event->args[index];
    enum arg_kind kind = line->info->args[index].kind;
    switch (kind) {
    case ARG_ADDR:
        print_address(line, value);
        break;
    case ARG_LENGTH:
    case ARG_PAGES:
        buffer_unsigned(line->out, value);
        break;
    case ARG_OFFSET:
        print_hex(line, value);
        break;
    case ARG_FD:
        print_fd(line, index);
        break;
    case ARG_INT:
    case ARG_STATUS:
        /* The kernel does not look at the upper half of the register. */
        buffer_signed(line->out, (int32_t)value);
        break;
    case ARG_PRCTL_SUB:
        print_prctl_sub(line, value);
        break;
    case ARG_TEXT:
        print_text(line, index);
        break;
    case ARG_ARGV:
        print_list(line);
        break;
    case ARG_ENVC:
        print_environment(line, value);
        break;
    default:
        print_flags(line, kind, value);
    }
}

unsigned event_arguments(const struct rec_event *event)
{
    const unsigned all = call_info(event->call)->nargs;
    unsigned used = 0;
    while (used < all && event_uses_argument(event, used))
        used++;
    return used;
}

static void print_plain_arguments(const struct line *line)
{
    for (unsigned i = 0; i < event_arguments(line->event); i++) {
        if (i)
            buffer_string(line->out, ", ");
        print_argument(line, i);
    }
}

/* A call that is newer than this program: the numbers as they are. */
static void print_unknown_arguments(const struct line *line)
{
    for (unsigned i = 0; i < line->event->nargs && i < CALL_MAX_ARGS; i++) {
        if (i)
            buffer_string(line->out, ", ");
        print_hex(line, line->event->args[i]);
    }
}

static void print_clone(const struct line *line)
{
    buffer_string(line->out, "child_stack=");
    print_address(line, line->event->args[1]);
    buffer_string(line->out, ", flags=");
    print_flags(line, ARG_CLONE_FLAGS, line->event->args[0]);
}

static void print_clone3(const struct line *line)
{
    const uint64_t *args = line->event->args;
    buffer_string(line->out, "{flags=");
    print_flags(line, ARG_CLONE_FLAGS, args[0] & ~(uint64_t)CLONE3_SIGNAL);
    buffer_string(line->out, ", exit_signal=");
    const char *signal = signal_name(args[0] & CLONE3_SIGNAL);
    if (signal)
        buffer_string(line->out, signal);
    else
        buffer_unsigned(line->out, args[0] & CLONE3_SIGNAL);
    buffer_string(line->out, ", stack=");
    print_address(line, args[1]);
    buffer_string(line->out, ", stack_size=");
    print_hex(line, args[2]);
    buffer_char(line->out, '}');
}

bool event_is_told_whole(enum call call)
{
    return call == CALL_CLONE || call == CALL_CLONE3 || call_info(call) == call_info(CALL_NONE);
}

static void print_arguments(const struct line *line)
{
    switch (line->event->call) {
    case CALL_CLONE:
        print_clone(line);
        break;
    case CALL_CLONE3:
        print_clone3(line);
        break;
    default:
        if (line->info == call_info(CALL_NONE))
            print_unknown_arguments(line);
        else
            print_plain_arguments(line);
    }
}

void event_words(struct buffer *out, const struct decoder *decoder, const struct rec_event *event)
{
    const struct line line = {
        .out = out,
        .decoder = decoder,
        .event = event,
        .info = call_info(event->call),
        .style = &event_style_plain,
    };
    if (event_is_told_whole(event->call)) {
        print_arguments(&line);
        return;
    }
    for (unsigned i = 0, words = 0; i < event_arguments(event); i++) {
        const enum arg_kind kind = line.info->args[i].kind;
        const struct text path = kind == ARG_FD ? event_fd_path(decoder, event, i) : (struct text){0};
        if (kind != ARG_FD && !event_is_worded(kind))
            continue;
        if (words++)
            buffer_char(out, '\n');
        if (path.data)
            escape_text(out, path, ESCAPE_ANGLES, PATH_CAP);
        else if (kind != ARG_FD)
            print_argument(&line, i);
    }
}

static void print_error(const struct line *line, uint32_t error)
{
    const char *name = errno_name(error);
    const char *text = name ? strerrordesc_np((int)error) : NULL;

    buffer_string(line->out, line->style->error);
    if (!name) {
        buffer_string(line->out, "-1 (errno ");
        buffer_unsigned(line->out, error);
        buffer_char(line->out, ')');
    } else if (!text) {
        /* libc has no words for the kernel's own codes, which say that the call will be restarted. */
        buffer_string(line->out, "? ");
        buffer_string(line->out, name);
        buffer_string(line->out, " (To be restarted)");
    } else {
        buffer_string(line->out, "-1 ");
        buffer_string(line->out, name);
        buffer_string(line->out, " (");
        buffer_string(line->out, text);
        buffer_char(line->out, ')');
    }
    buffer_string(line->out, line->style->end);
}

bool event_killed(const struct rec_event *event)
{
    return event->flags & EVENT_UNFINISHED && !(call_info(event->call)->flags & CALL_NO_RETURN);
}

static void print_result(const struct line *line)
{
    const struct rec_event *event = line->event;
    buffer_string(line->out, " = ");
    if (!event_returned(event)) {
        buffer_string(line->out, event_killed(event) ? "? (killed)" : "?");
        return;
    }
    if (event->error)
        print_error(line, event->error);
    else if (line->info->returns_address)
        print_hex(line, event->ret);
    else
        buffer_signed(line->out, (int64_t)event->ret);
    char seconds[UNITS_MAX];
    buffer_string(line->out, " <");
    buffer_string(line->out, units_seconds(seconds, sizeof(seconds), event->duration));
    buffer_char(line->out, '>');
}

/* The part of the line behind the two spaces: pieces with commas between, or nothing at all. */
struct note {
    const struct line *line;
    struct buffer *out;
    bool begun;
};

static void begin_piece(struct note *note)
{
    buffer_string(note->out, note->begun ? ", " : "  ");
    if (!note->begun)
        buffer_string(note->out, note->line->style->note);
    note->begun = true;
}

/* " +8.0K" */
static void append_size(struct note *note, const char *before, uint64_t bytes)
{
    char size[UNITS_MAX];
    buffer_string(note->out, before);
    buffer_string(note->out, units_size(size, sizeof(size), bytes));
}

/* "new address space, 6 mappings, 172K" */
static void note_exec(struct note *note)
{
    const struct line *line = note->line;
    const struct process_info *process = decoder_process(line->decoder, line->event->pid);
    struct space_info space;

    /* The event may still carry the id of the space that the process has just left. */
    if (!decoder_space(line->decoder, process ? process->space : line->moment->space, &space))
        return;
    char count[UNITS_MAX];
    begin_piece(note);
    buffer_string(note->out, "new address space, ");
    buffer_string(note->out, units_count(count, sizeof(count), space.segments));
    buffer_string(note->out, space.segments == 1 ? " mapping" : " mappings");
    append_size(note, ", ", space.bytes);
}

/* "heap +132K = 132K" */
static void note_heap(struct note *note, const struct change *change)
{
    bool grew = change->heap_after > change->heap_before;
    begin_piece(note);
    buffer_string(note->out, kind_name(KIND_HEAP));
    append_size(note, grew ? " +" : " -",
                grew ? change->heap_after - change->heap_before : change->heap_before - change->heap_after);
    append_size(note, " = ", change->heap_after);
}

/* "anonymous +8.0K -4.0K", "chunk -200K, lived 41 ms", "arena reserved 128M" */
static void note_bytes(struct note *note, const struct change *change)
{
    bool has_kind = change->kind != KIND_NONE;
    /* glibc reserves the room of an arena long before it uses it; a plus sign would tell the wrong story. */
    bool reserved = change->kind == KIND_ARENA && note->line->info->effect == EFFECT_MAP && !note->line->event->args[2];
    const char *plus = reserved ? " reserved " : " +";
    const char *minus = " -";

    begin_piece(note);
    if (has_kind)
        buffer_string(note->out, kind_name(change->kind));
    if (change->mapped)
        append_size(note, has_kind ? plus : plus + 1, change->mapped);
    if (change->unmapped)
        append_size(note, has_kind || change->mapped ? minus : minus + 1, change->unmapped);
    if (change->unmapped && change->lived) {
        char lived[UNITS_MAX];
        begin_piece(note);
        buffer_string(note->out, "lived ");
        buffer_string(note->out, units_duration(lived, sizeof(lived), change->lived));
    }
}

/* "arena, up to 172K given back": what the call promises, for nobody knows how many of the pages were there. */
static void note_advice(struct note *note, const struct change *change)
{
    enum { DONTNEED = 4, FREE = 8, REMOVE = 9, DONTNEED_LOCKED = 24 }; /* madvise(2) */
    const uint64_t *args = note->line->event->args;
    begin_piece(note);
    buffer_string(note->out, kind_name(change->kind));
    if (args[2] != DONTNEED && args[2] != FREE && args[2] != REMOVE && args[2] != DONTNEED_LOCKED)
        return;
    begin_piece(note);
    append_size(note, "up to ", args[1]);
    buffer_string(note->out, args[2] == FREE ? " given back when the kernel wants it" : " given back");
}

/* Which code asked for it, if that is known by name. */
static void note_site(struct note *note)
{
    enum { SITE_WIDTH = 80 };
    struct code *code = decoder_code(note->line->decoder);
    struct code_line site;
    if (!code_site(code, note->line->event->stack, &site) || !site.function.size)
        return;
    begin_piece(note);
    stack_line_name(note->out, &site, SITE_WIDTH);
}

static void print_note(const struct line *line)
{
    const struct change *change = &line->moment->change;
    struct note note = {.line = line, .out = line->out};
    bool succeeded = event_returned(line->event) && !line->event->error;

    if (line->info->effect == EFFECT_EXEC && succeeded) {
        note_exec(&note);
    } else if (line->info->effect == EFFECT_BRK && change->heap_after != change->heap_before) {
        note_heap(&note, change);
    } else if (change->mapped || change->unmapped) {
        note_bytes(&note, change);
    } else if (line->info->effect == EFFECT_PROTECT && succeeded && change->kind != KIND_NONE) {
        begin_piece(&note);
        buffer_string(note.out, kind_name(change->kind));
    } else if (line->info->effect == EFFECT_ADVISE && succeeded && change->kind != KIND_NONE) {
        note_advice(&note, change);
    }
    if (note.begun)
        note_site(&note);
    if (line->event->flags & EVENT_UNORDERED) {
        begin_piece(&note);
        buffer_string(note.out, "order unknown");
    }
    if (note.begun)
        buffer_string(note.out, line->style->end);
}

void event_text(struct buffer *out, const struct decoder *decoder, const struct moment *moment,
                const struct event_style *style)
{
    const struct rec_event *event = &moment->record->event;
    const struct line line = {
        .out = out,
        .decoder = decoder,
        .moment = moment,
        .event = event,
        .info = call_info(event->call),
        .style = style ? style : &event_style_plain,
    };
    buffer_string(out, line.style->name);
    buffer_string(out, line.info->name);
    buffer_string(out, line.style->end);
    buffer_char(out, '(');
    print_arguments(&line);
    buffer_char(out, ')');
    print_result(&line);
    print_note(&line);
}
