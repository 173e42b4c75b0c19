/* event_json.c: one event as one JSON object. */
#include "event_json.h"

#include "../decoder/decoder.h"
#include "event_text.h"
#include "json.h"
#include "stack_text.h"
#include "units.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

/* All that the writers of one object share. */
struct object {
    struct json json;
    const struct decoder *decoder;
    const struct rec_event *event;
    const struct call_info *info;
};

/* The names, and the bits without one, as elements of a list. */
static void write_flag_list(struct json *json, const struct flag_list *list)
{
    json_array_open(json);
    for (size_t i = 0; i < list->count; i++)
        json_string(json, list->names[i]);
    if (list->rest)
        json_hex(json, list->rest);
    json_array_close(json);
}

/* "prot":"rw-", and the other bits where there are some. */
static void write_prot(struct json *json, uint64_t prot)
{
    const uint64_t common = PROT_READ | PROT_WRITE | PROT_EXEC;
    char letters[] = "---";
    if (prot & PROT_READ)
        letters[0] = 'r';
    if (prot & PROT_WRITE)
        letters[1] = 'w';
    if (prot & PROT_EXEC)
        letters[2] = 'x';
    json_string(json, letters);
    if (prot & ~common) {
        struct flag_list list;
        argument_flags(ARG_PROT, prot & ~common, &list);
        json_key(json, "prot_flags");
        write_flag_list(json, &list);
    }
}

static void write_flags(struct json *json, enum arg_kind kind, uint64_t value)
{
    struct flag_list list;
    argument_flags(kind, value, &list);
    write_flag_list(json, &list);
}

/* A value that is one name. */
static void write_name(struct json *json, const char *name, uint64_t value)
{
    if (name)
        json_string(json, name);
    else
        json_hex(json, value);
}

static void write_named(struct json *json, enum arg_kind kind, uint64_t value)
{
    struct flag_list list;
    argument_flags(kind, value, &list);
    write_name(json, list.count ? list.names[0] : NULL, list.rest);
}

static void write_fd(struct object *object, unsigned index)
{
    json_signed(&object->json, (int32_t)object->event->args[index]);
    struct text path = event_fd_path(object->decoder, object->event, index);
    if (!path.data)
        return;
    /* execveat has a path of its own beside that of its directory. */
    json_key(&object->json, object->event->call == CALL_EXECVEAT ? "dirpath" : "path");
    json_text(&object->json, path);
}

static void write_list(struct object *object)
{
    struct text list = object->event->list, string;
    json_array_open(&object->json);
    while (event_next_string(&list, &string))
        json_text(&object->json, string);
    json_array_close(&object->json);
    if (event_list_cut(object->event)) {
        json_key(&object->json, "argv_cut");
        json_bool(&object->json, true);
    }
}

static void write_text(struct object *object)
{
    if (event_text_missing(object->event))
        json_null(&object->json);
    else
        json_text(&object->json, object->event->text);
}

static void write_argument(struct object *object, unsigned index)
{
    struct json *json = &object->json;
    enum arg_kind kind = object->info->args[index].kind;
    uint64_t value = object->event->args[index];
    switch (kind) {
    case ARG_ADDR:
        json_hex(json, value);
        break;
    case ARG_LENGTH:
    case ARG_OFFSET:
    case ARG_PAGES:
    case ARG_ENVC:
        json_unsigned(json, value);
        break;
    case ARG_FD:
        write_fd(object, index);
        break;
    case ARG_INT:
    case ARG_STATUS:
        json_signed(json, (int32_t)value);
        break;
    case ARG_PROT:
        write_prot(json, value);
        break;
    case ARG_ADVICE:
    case ARG_PRCTL_OPTION:
        write_named(json, kind, value);
        break;
    case ARG_PRCTL_SUB:
        write_name(json, event_prctl_sub(object->event), value);
        break;
    case ARG_TEXT:
        write_text(object);
        break;
    case ARG_ARGV:
        write_list(object);
        break;
    default:
        write_flags(json, kind, value);
    }
}

/* A call that is newer than this program: "arg0", "arg1", ... */
static void write_unknown_arguments(struct object *object)
{
    for (unsigned i = 0; i < object->event->nargs && i < CALL_MAX_ARGS; i++) {
        char key[16];
        snprintf(key, sizeof(key), "arg%u", i);
        json_key(&object->json, key);
        json_hex(&object->json, object->event->args[i]);
    }
}

static void write_arguments(struct object *object)
{
    json_key(&object->json, "args");
    json_object_open(&object->json);
    if (object->info == call_info(CALL_NONE))
        write_unknown_arguments(object);
    for (unsigned i = 0; i < object->info->nargs; i++) {
        json_key(&object->json, object->info->args[i].name);
        if (event_uses_argument(object->event, i))
            write_argument(object, i);
        else
            json_null(&object->json);
    }
    json_object_close(&object->json);
}

static void write_errno(struct json *json, uint32_t error)
{
    char number[32];
    const char *name = errno_name(error);
    if (!name)
        snprintf(number, sizeof(number), "ERRNO_%u", error);
    json_string(json, name ? name : number);
}

/* "ret", "errno" and "duration_us". */
static void write_result(struct object *object)
{
    const struct rec_event *event = object->event;
    struct json *json = &object->json;
    bool returned = event_returned(event);

    json_key(json, "ret");
    if (!returned || event->error)
        json_null(json);
    else if (object->info->returns_address)
        json_hex(json, event->ret);
    else
        json_signed(json, (int64_t)event->ret);
    json_key(json, "errno");
    if (returned && event->error)
        write_errno(json, event->error);
    else
        json_null(json);
    json_key(json, "duration_us");
    json_decimal(json, event->duration, 1); /* a tick is a tenth of it */
}

/* "mapped", "unmapped" and "kind". */
static void write_change(struct json *json, const struct change *change)
{
    json_key(json, "mapped");
    json_unsigned(json, change->mapped);
    json_key(json, "unmapped");
    json_unsigned(json, change->unmapped);
    json_key(json, "kind");
    if (change->kind == KIND_NONE)
        json_null(json);
    else
        json_string(json, kind_name(change->kind));
}

/* The tracer measures over the calls that can fault pages in; over all others there is nothing to measure. */
static void write_faults(struct object *object, const char *key, uint64_t count)
{
    json_key(&object->json, key);
    json_unsigned(&object->json, object->event->flags & EVENT_FAULTS ? count : 0);
}

static void write_optional(struct json *json, const char *key, struct text text)
{
    json_key(json, key);
    if (text.size)
        json_text(json, text);
    else
        json_null(json);
}

static void write_build_id(struct json *json, struct text id)
{
    char hex[2 * 64 + 1] = "";
    for (size_t i = 0; i < id.size && i < 64; i++)
        snprintf(hex + 2 * i, 3, "%02x", (unsigned char)id.data[i]);
    json_key(json, "build_id");
    if (id.size)
        json_string(json, hex);
    else
        json_null(json);
}

/* One line of a stack: a function, at a place in code. */
static void write_line(struct object *object, const struct code_line *line)
{
    struct json *json = &object->json;
    const struct code_module *module = code_module(decoder_code(object->decoder), line->module);
    const tracee_addr pc = decoder_pc(object->decoder, object->event->space, line);
    json_object_open(json);
    json_key(json, "pc");
    if (pc)
        json_hex(json, pc);
    else
        json_null(json);
    write_optional(json, "module", line->path);
    write_build_id(json, module ? module->build_id : (struct text){0});
    json_key(json, "address");
    json_hex(json, line->address);
    write_optional(json, "function", line->function);
    json_key(json, "offset");
    if (line->function.size)
        json_unsigned(json, line->offset);
    else
        json_null(json);
    write_optional(json, "file", line->file);
    json_key(json, "line");
    if (line->line)
        json_unsigned(json, line->line);
    else
        json_null(json);
    json_key(json, "inlined");
    json_bool(json, line->inlined);
    json_key(json, "guessed");
    json_bool(json, line->flags & FRAME_GUESSED);
    json_object_close(json);
}

static void write_stack(struct object *object)
{
    struct json *json = &object->json;
    struct code_walk walk = code_walk(decoder_code(object->decoder), object->event->stack);
    struct code_stack stack;
    struct code_line line;
    const bool known = code_stack(walk.code, object->event->stack, &stack);
    json_key(json, "stack_id");
    if (object->event->stack)
        json_unsigned(json, object->event->stack);
    else
        json_null(json);
    json_key(json, "stack_quality");
    if (known)
        json_string(json, stack_quality_name(stack.quality));
    else
        json_null(json);
    write_faults(object, "minflt", object->event->minflt);
    write_faults(object, "majflt", object->event->majflt);
    json_key(json, "stack");
    json_array_open(json);
    while (code_walk_next(&walk, &line))
        write_line(object, &line);
    json_array_close(json);
}

static void write_instruction(struct json *json, const struct instruction *instruction)
{
    char bytes[2 * INSTRUCTION_MAX_BYTES + 1] = "";
    for (int i = 0; i < instruction->size; i++)
        snprintf(bytes + 2 * i, 3, "%02x", instruction->bytes[i]);
    json_object_open(json);
    json_key(json, "address");
    json_hex(json, instruction->address);
    json_key(json, "bytes");
    json_string(json, bytes);
    json_key(json, "text");
    json_string(json, instruction->text);
    json_key(json, "call_site");
    json_bool(json, instruction->is_call_site);
    write_optional(json, "file", instruction->file);
    json_key(json, "line");
    if (instruction->line)
        json_unsigned(json, instruction->line);
    else
        json_null(json);
    json_object_close(json);
}

/* The instructions around the call of the call site. */
static void write_code(struct object *object)
{
    struct code *code = decoder_code(object->decoder);
    struct code_line site;
    struct instruction *list = NULL;
    size_t count = 0;
    if (!code_site(code, object->event->stack, &site) || code_instructions(code, site.frame, &list, &count) < 0)
        return;
    json_key(&object->json, "code");
    json_array_open(&object->json);
    for (size_t i = 0; i < count; i++)
        write_instruction(&object->json, &list[i]);
    json_array_close(&object->json);
    free(list);
}

static void write_mark(struct object *object, const char *key, uint32_t flag)
{
    if (!(object->event->flags & flag))
        return;
    json_key(&object->json, key);
    json_bool(&object->json, true);
}

/* Everything before "args". */
static void write_head(struct object *object, uint64_t id)
{
    const struct rec_event *event = object->event;
    struct json *json = &object->json;
    json_key(json, "id");
    json_unsigned(json, id);
    json_key(json, "t");
    json_decimal(json, units_microseconds(event->time), 6);
    json_key(json, "pid");
    json_unsigned(json, event->pid);
    json_key(json, "tid");
    json_unsigned(json, event->tid);
    json_key(json, "space");
    json_unsigned(json, event->space);
    json_key(json, "call");
    json_string(json, object->info->name);
}

void event_json(struct buffer *out, const struct decoder *decoder, const struct moment *moment, bool with_code)
{
    const struct rec_event *event = &moment->record->event;
    struct object object = {.decoder = decoder, .event = event, .info = call_info(event->call)};

    json_begin(&object.json, out);
    json_object_open(&object.json);
    write_head(&object, moment->event);
    write_arguments(&object);
    write_result(&object);
    write_change(&object.json, &moment->change);
    write_stack(&object);
    if (with_code)
        write_code(&object);
    write_mark(&object, "unordered", EVENT_UNORDERED);
    write_mark(&object, "unfinished", EVENT_UNFINISHED);
    json_object_close(&object.json);
}
