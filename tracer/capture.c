/* capture.c: stacks of stopped threads into records. */
#include "capture.h"

#include "arch.h"
#include "proc.h"
#include "space_code.h"
#include "unwind/stacks.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The unwinder's words are the trace's. */
_Static_assert((int)UNWIND_GUESSED == FRAME_GUESSED && (int)UNWIND_SIGNAL == FRAME_SIGNAL &&
                   (int)UNWIND_ENTERED == FRAME_ENTERED,
               "flags of frames");
_Static_assert((int)UNWIND_COMPLETE == STACK_COMPLETE && (int)UNWIND_HAS_GUESS == STACK_GUESSED &&
                   (int)UNWIND_TRUNCATED == STACK_TRUNCATED,
               "quality of stacks");
_Static_assert((int)UNWIND_END_OUTERMOST == STACK_END_OUTERMOST && (int)UNWIND_END_LOST == STACK_END_LOST,
               "ends of stacks");

struct capture {
    const struct tracer_options *options;
    struct recorder *recorder;
    struct unwinder *unwinder;
    struct stacks *stacks;
    const struct tracee *at; /* whose stack is being taken */
    uint32_t modules;        /* recorded: ids up to this one */
};

/* ---- what is recorded once ---- */

static void put_module(struct capture *c, const struct module *module)
{
    struct record record = {.kind = REC_MODULE,
                            .module = {.id = module->id,
                                       .flags = module->from_memory ? MODULE_FROM_MEMORY : 0,
                                       .major = module->major,
                                       .minor = module->minor,
                                       .inode = module->inode,
                                       .path = {module->name, strlen(module->name)},
                                       .build_id = {(const char *)module->build_id, module->build_id_size}}};
    if (record.module.path.size > TRACE_MAX_TEXT)
        record.module.path.size = TRACE_MAX_TEXT;
    recorder_put(c->recorder, &record);
    if (!c->options->module)
        return;
    const int root = proc_foreign_root(c->at->tid);
    c->options->module(c->options->context, module->id, module_fd(module), root);
    if (root >= 0)
        close(root);
}

/* Modules get their ids when they are opened, which may be before a frame lies in them: all up to this one. */
static void put_modules(struct capture *c, uint32_t id)
{
    while (c->modules < id)
        put_module(c, unwinder_module(c->unwinder, ++c->modules));
}

static void put_frame(void *context, uint32_t id, const struct unwind_frame *frame)
{
    struct capture *c = context;
    struct record record = {.kind = REC_FRAME,
                            .frame = {.id = id,
                                      .module = frame->module,
                                      .flags = frame->flags,
                                      .space = frame->space,
                                      .address = frame->module ? frame->vaddr : frame->pc}};
    put_modules(c, frame->module);
    recorder_put(c->recorder, &record);
}

static void put_stack(void *context, uint32_t id, const uint32_t *frames, const struct unwind_stack *stack)
{
    struct capture *c = context;
    struct record record = {.kind = REC_STACK,
                            .stack = {.id = id,
                                      .quality = (uint32_t)stack->quality,
                                      .end = (uint32_t)stack->end,
                                      .n_frames = stack->count,
                                      .frames = frames}};
    recorder_put(c->recorder, &record);
}

static void put_load(struct capture *c, uint32_t space, uint32_t module, uint64_t bias)
{
    struct record record = {.kind = REC_LOAD, .load = {.space = space, .module = module, .bias = bias}};
    put_modules(c, module);
    recorder_put(c->recorder, &record);
}

/* ---- life ---- */

struct capture *capture_new(const struct tracer_options *options, struct recorder *recorder)
{
    struct capture *c = calloc(1, sizeof(*c));
    if (!c)
        return NULL;
    *c = (struct capture){.options = options, .recorder = recorder};
    c->unwinder = unwinder_new(options->depth);
    c->stacks = stacks_new(&(struct stacks_listener){put_frame, put_stack, c});
    if (c->unwinder && c->stacks)
        return c;
    capture_free(c);
    return NULL;
}

void capture_free(struct capture *c)
{
    if (!c)
        return;
    unwinder_free(c->unwinder);
    stacks_free(c->stacks);
    free(c);
}

/* ---- one stack ---- */

/* Where its modules lie, as far as that was not recorded for this space. */
static void tell_places(struct capture *c, struct space *space, const struct unwind_stack *stack, enum unwind_abi abi)
{
    const uint64_t mask = unwind_convention(abi)->mask;
    for (unsigned i = 0; i < stack->count; i++) {
        const struct unwind_frame *frame = &stack->frames[i];
        const uint64_t bias = (frame->pc - frame->vaddr) & mask;
        if (!frame->module)
            space->code->has_made = true;
        else if (!space_code_knows(space->code, frame->module, bias))
            put_load(c, space->id, frame->module, bias);
    }
}

static uint32_t capture_with(struct capture *c, struct tracee *tracee, const struct unwind_registers *registers,
                             const struct unwind_memory *memory)
{
    struct space *space = tracee->space;
    struct unwind_stack stack;
    uint32_t id;
    if (!space->code)
        space->code = space_code_new();
    const int maps = space_maps(space, tracee->tid);
    if (!space->code || maps < 0)
        return 0;
    struct unwind_thread thread = {
        .pid = tracee->tid, .space = space->id, .maps = maps, .registers = registers, .memory = memory};
    c->at = tracee;
    if (unwind_capture(c->unwinder, space->code->unwind, &thread, &stack) < 0 ||
        stacks_intern(c->stacks, &stack, &id) < 0)
        return 0;
    tell_places(c, space, &stack, registers->abi);
    return id;
}

uint32_t capture_stack(struct capture *c, struct tracee *tracee, const struct unwind_registers *registers)
{
    struct unwind_registers asked;
    if (!c || !recorder_active(c->recorder) || (!registers && arch_registers(tracee->tid, &asked) < 0))
        return 0;
    const struct unwind_memory memory = {unwind_read_process, &tracee->tid};
    return capture_with(c, tracee, registers ? registers : &asked, &memory);
}

/* The copy, and where it ends, nothing: the stack above it is not what it was. Code may be read where it lies. */
struct copied_memory {
    pid_t tid;
    uint64_t start;
    const unsigned char *bytes;
    size_t size;
};

static size_t read_copy(void *context, uint64_t addr, void *buffer, size_t size)
{
    enum { STACK_REACH = 8 << 20 };
    struct copied_memory *copy = context;
    const uint64_t at = addr - copy->start;
    if (at < copy->size) {
        const size_t piece = size < copy->size - at ? size : copy->size - at;
        memcpy(buffer, copy->bytes + at, piece);
        return piece;
    }
    return at < STACK_REACH ? 0 : unwind_read_process(&copy->tid, addr, buffer, size);
}

uint32_t capture_sample(struct capture *c, struct tracee *tracee, const struct capture_sample *sample)
{
    const struct unwind_registers *registers = sample->registers;
    struct copied_memory copy = {tracee->tid, registers->at[unwind_convention(registers->abi)->sp], sample->stack,
                                 sample->stack ? sample->size : 0};
    if (!c || !recorder_active(c->recorder))
        return 0;
    return capture_with(c, tracee, registers, &(struct unwind_memory){read_copy, &copy});
}

/* Where a call may have changed executable memory; brk and others with an unknown reach never do. */
static unsigned code_reach(const struct rec_event *event, struct span spans[EVENT_MAX_SPANS])
{
    switch (call_info((enum call)event->call)->effect) {
    case EFFECT_MAP:
    case EFFECT_UNMAP:
    case EFFECT_PROTECT:
    case EFFECT_REMAP:
        return event_reach(event, spans);
    default:
        return 0;
    }
}

static void doubt(struct unwind_space *unwind, const struct rec_event *event)
{
    struct span spans[EVENT_MAX_SPANS];
    const unsigned count = code_reach(event, spans);
    for (unsigned i = 0; i < count; i++)
        unwind_space_doubt(unwind, spans[i].start, spans[i].end);
}

void capture_follow(struct space *space, const struct rec_event *event)
{
    const bool uncertain = event->flags & (EVENT_UNORDERED | EVENT_UNFINISHED | EVENT_NO_RESULT);
    if (!space->code)
        return;
    if (uncertain)
        doubt(space->code->unwind, event);
    if (!(event->flags & (EVENT_UNFINISHED | EVENT_NO_RESULT)))
        unwind_space_follow(space->code->unwind, (enum call)event->call, event->args, event->ret, event->error);
    if (uncertain)
        doubt(space->code->unwind, event);
}

/* ---- the end of a space ---- */

void capture_last_look(struct capture *c, const struct space *space, pid_t tid)
{
    char path[64];
    if (!c || !c->options->perf_map || !space->code || !space->code->has_made)
        return;
    snprintf(path, sizeof(path), "/proc/%d/root/tmp/perf-%d.map", (int)tid, (int)proc_own_pid(tid));
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0)
        return;
    c->options->perf_map(c->options->context, space->id, fd);
    close(fd);
}
