/* unwind.c: the walk from frame to frame. */
#include "unwind.h"

#include "../maps.h"
#include "code_map.h"
#include "guess.h"
#include "rule_index.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

struct unwinder {
    struct modules *modules;
    struct rules *rules;
    struct rule_index index;
    struct guess *guess;
    struct maps_buffer maps;
    unsigned depth;
    struct unwind_frame *frames; /* depth of them: the stack at hand */
    struct place spare;          /* of an address that is not kept */
    struct window window;
};

struct unwinder *unwinder_new(unsigned depth)
{
    struct unwinder *u = calloc(1, sizeof(*u));
    if (!u)
        return NULL;
    u->depth = depth < 1 ? 1 : depth > UNWIND_MAX_DEPTH ? UNWIND_MAX_DEPTH : depth;
    u->modules = modules_new();
    u->rules = rules_new();
    u->guess = guess_new();
    u->frames = calloc(u->depth, sizeof(*u->frames));
    if (u->modules && u->rules && u->guess && u->frames)
        return u;
    unwinder_free(u);
    return NULL;
}

void unwinder_free(struct unwinder *u)
{
    if (!u)
        return;
    modules_free(u->modules);
    rules_free(u->rules);
    rule_index_free(&u->index);
    guess_free(u->guess);
    maps_buffer_free(&u->maps);
    free(u->frames);
    free(u);
}

const struct module *unwinder_module(const struct unwinder *u, uint32_t id)
{
    return modules_get(u->modules, id);
}

/* One walk up a stack. */
struct walk {
    struct unwinder *unwinder;
    struct unwind_space *space;
    const struct unwind_thread *thread;
    const struct unwind_convention *convention;
    struct unwind_registers pair[2]; /* of the frame at hand, and room for its caller's */
    struct unwind_registers *now, *next;
    bool exact;   /* its pc is not a return address */
    bool entered; /* nor has a signal interrupted it: UNWIND_ENTERED */
    bool guessed; /* it was found by a guess */
    bool any_guess;
    unsigned count;
};

/* ---- what is at an address ---- */

/* Ask the kernel what is mapped there, and open the module. */
static struct code_range *identify(struct walk *w, uint64_t at)
{
    struct unwinder *u = w->unwinder;
    struct map_line line;
    if (maps_query(w->thread->maps, at, &u->maps, &line) < 0)
        return NULL;
    struct code_range range = {.start = line.start,
                               .end = line.end,
                               .offset = line.offset,
                               .inode = line.inode,
                               .major = line.major,
                               .minor = line.minor,
                               .kind = CODE_ANONYMOUS};
    if (modules_open(u->modules, w->thread->pid, &line, w->thread->memory, &range.module, &range.bias) == 0)
        range.kind = CODE_FILE;
    return code_map_put(w->space, &range) < 0 ? NULL : code_map_find(w->space, at);
}

/* The range that holds an address.  One that is not known may have been missed: the kernel is asked once. */
static struct code_range *range_at(struct walk *w, uint64_t at, bool ask)
{
    struct code_range *range = code_map_find(w->space, at);
    struct map_line line;
    if (range && range->kind != CODE_UNKNOWN)
        return range;
    if (range)
        return identify(w, at);
    if (!ask || maps_query(w->thread->maps, at, &w->unwinder->maps, &line) < 0 || !(line.prot & PROT_EXEC))
        return NULL;
    return identify(w, at);
}

static const struct rule *rule_at(struct walk *w, struct module *module, uint64_t vaddr, bool *ret_lasts)
{
    struct unwinder *u = w->unwinder;
    const struct rule *rule = NULL;
    Dwarf_Frame *frame;
    *ret_lasts = true;
    if (!module || module->machine != w->convention->machine)
        return NULL;
    const struct rule_index_entry *entry = rule_index_find(&u->index, module->id, vaddr);
    if (entry)
        return entry->rule;
    if (module_frame(module, vaddr, &frame) == 0) {
        if (rules_compile(u->rules, frame, w->now->abi, &rule, ret_lasts) < 0)
            rule = NULL;
        free(frame);
    }
    if (*ret_lasts)
        rule_index_put(&u->index, module->id, vaddr, rule);
    return rule;
}

static struct place *look_up(struct walk *w, uint64_t at, bool ask)
{
    const struct code_range *range = range_at(w, at, ask);
    bool lasts;
    if (!range)
        return NULL;
    struct place place = {.at = at, .bias = range->bias, .module = range->module, .generation = w->space->generation};
    place.rule = rule_at(w, range->module, (at - range->bias) & w->convention->mask, &lasts);
    struct place *cached = lasts ? code_map_place(w->space, at) : NULL;
    if (!cached)
        cached = &w->unwinder->spare;
    *cached = place;
    return cached;
}

/* NULL when there is no code. */
static inline struct place *place_at(struct walk *w, uint64_t at)
{
    struct place *place = code_map_place(w->space, at);
    if (place && place->at == at && place->generation == w->space->generation)
        return place;
    return look_up(w, at, true);
}

/* ---- guesses ---- */

/* Behind a call of code; or what signal handlers and goroutines return to. */
static bool can_be_returned_to(struct walk *w, struct place *place, uint64_t pc)
{
    struct window *window = &w->unwinder->window;
    uint64_t target;
    if (place->rule && place->rule->signal)
        return true;
    if (!guess_is_call(w->unwinder->guess, w->now->abi, window, pc, &target))
        return guess_is_trampoline(w->now->abi, window, pc) ||
               (place->module && guess_is_goexit(w->now->abi, window, pc));
    place->call_target = target;
    return !target || code_map_find(w->space, target);
}

/* Only the positive answer is kept: a compiler may write a call there any time. */
static bool plausible(void *context, uint64_t pc, uint64_t *ret_target)
{
    struct walk *w = context;
    if (!code_map_find(w->space, pc - 1))
        return false;
    struct place *place = code_map_place(w->space, pc - 1);
    if (!place || place->at != pc - 1 || place->generation != w->space->generation)
        place = look_up(w, pc - 1, false);
    if (!place)
        return false;
    if (!place->plausible)
        place->plausible = can_be_returned_to(w, place, pc);
    *ret_target = place->call_target;
    return place->plausible;
}

static bool is_made(void *context, uint64_t pc)
{
    const struct walk *w = context;
    const struct code_range *range = code_map_find(w->space, pc);
    return range && range->kind != CODE_FILE;
}

/* ---- steps ---- */

static void add_frame(struct walk *w, const struct place *place)
{
    uint64_t pc = w->now->at[w->convention->pc];
    struct unwind_frame *frame = &w->unwinder->frames[w->count];
    *frame = (struct unwind_frame){.pc = pc};
    if (place && place->module) {
        frame->module = place->module->id;
        frame->vaddr = (pc - place->bias) & w->convention->mask;
    } else {
        frame->space = w->thread->space;
    }
    if (w->guessed)
        frame->flags |= UNWIND_GUESSED;
    if (w->entered || (w->count && place && place->rule && place->rule->signal))
        frame->flags |= UNWIND_ENTERED;
    else if (w->exact && w->count)
        frame->flags |= UNWIND_SIGNAL;
    w->count++;
}

/* Code at a module's entry has no caller, and C libraries have no tables for theirs. */
static bool is_entry(const struct place *place)
{
    enum { ENTRY_CODE = 64 };
    uint64_t vaddr = place->at - place->bias;
    return place->module && place->module->entry && vaddr - place->module->entry < ENTRY_CODE;
}

static void advance(struct walk *w)
{
    struct unwind_registers *done = w->now;
    w->now = w->next;
    w->next = done;
}

/* -1: the walk goes on, else enum unwind_end. */
static int step_by_guess(struct walk *w, const struct place *place)
{
    const struct guess_oracle oracle = {plausible, is_made, w};
    if (is_entry(place) || (w->guessed && place->module &&
                            guess_is_goexit(w->now->abi, &w->unwinder->window, w->now->at[w->convention->pc])))
        return UNWIND_END_OUTERMOST;
    w->any_guess = true;
    switch (guess_caller(&oracle, &w->unwinder->window, w->now, w->exact, w->next)) {
    case GUESS_CALLER:
        w->exact = false;
        break;
    case GUESS_INTERRUPTED:
        w->exact = true;
        break;
    case GUESS_OUTERMOST:
        return UNWIND_END_OUTERMOST;
    default:
        return UNWIND_END_LOST;
    }
    advance(w);
    w->guessed = true;
    return -1;
}

/* After a guess a register that a table builds on may be another function's, and the frame itself a stale one: what it
 * leads to must be an address that can be returned to. */
static bool leads_astray(struct walk *w, bool signal, int error)
{
    uint64_t pc = w->next->at[w->convention->pc], target;
    if (!w->any_guess || error || !pc)
        return w->any_guess && error;
    return signal ? !code_map_find(w->space, pc) : !plausible(w, pc, &target);
}

static int step_by_rule(struct walk *w, const struct place *place)
{
    const struct unwind_convention *c = w->convention;
    const struct rule *rule = place->rule;
    const struct place here = *place; /* what looking at other places may replace */
    const bool signal = rule->signal;
    uint64_t cfa;
    if (rule->outermost)
        return UNWIND_END_OUTERMOST;
    int error = rule_apply(rule, w->now, &w->unwinder->window, w->next, &cfa);
    if (leads_astray(w, signal, error))
        return step_by_guess(w, &here);
    if (error)
        return UNWIND_END_UNREADABLE;
    if (w->next->at[c->pc] == w->now->at[c->pc] && w->next->at[c->sp] == w->now->at[c->sp])
        return UNWIND_END_NO_PROGRESS;
    if (w->next->at[c->pc] == 0)
        return UNWIND_END_OUTERMOST;
    advance(w);
    w->exact = signal;
    w->guessed = false;
    return -1;
}

/* The place of the frame at hand. A return address that no call has left, and that has no table before it, is the start
 * of a function, put there by hand. */
static const struct place *find_place(struct walk *w)
{
    uint64_t pc = w->now->at[w->convention->pc], target;
    const struct place *place = place_at(w, pc - !w->exact);
    w->entered = false;
    if (!place || place->rule || w->exact || !place->module || plausible(w, pc, &target))
        return place;
    place = place_at(w, pc);
    if (!place || !place->rule)
        return place_at(w, pc - 1);
    w->exact = w->entered = true;
    return place;
}

/* A signal has interrupted where no code is: a call of a function that is not there. */
static bool is_wild(const struct walk *w)
{
    return w->count && w->exact && !w->entered;
}

/* Add the frame at hand and find its caller. */
static int step(struct walk *w)
{
    static const struct place nothing;
    const bool bottom = w->entered;
    const struct place *place = find_place(w);
    const bool wild = !place && !bottom && is_wild(w);
    if (!place && w->count && !wild)
        return bottom ? UNWIND_END_OUTERMOST : UNWIND_END_LOST;
    if (w->count == w->unwinder->depth)
        return UNWIND_END_DEPTH;
    add_frame(w, place);
    if (wild)
        return step_by_guess(w, &nothing);
    if (!place)
        return UNWIND_END_LOST;
    return place->rule ? step_by_rule(w, place) : step_by_guess(w, place);
}

/* ---- the walk ---- */

static int prepare(struct walk *w)
{
    struct unwind_space *space = w->space;
    if (!space->places)
        space->places = calloc(PLACES, sizeof(*space->places));
    if (!space->places)
        return -ENOMEM;
    if (space->known && !space->stale)
        return 0;
    int error = code_map_read(space, w->thread->maps, &w->unwinder->maps);
    return error == -ENOMEM ? error : 0;
}

/* Where the jump at a module's entry leads; 0 when there is none. */
static uint64_t behind_entry_jump(struct walk *w, uint64_t entry)
{
    enum { NEAR_JUMP = 0xe9, SHORT_JUMP = 0xeb, LENGTH = 5, SHORT_LENGTH = 2 };
    uint8_t code[LENGTH];
    int32_t distance;
    if (!window_copy(&w->unwinder->window, entry, code, LENGTH))
        return 0;
    memcpy(&distance, code + 1, sizeof(distance));
    if (code[0] == NEAR_JUMP)
        return entry + LENGTH + (uint64_t)(int64_t)distance;
    return code[0] == SHORT_JUMP ? entry + SHORT_LENGTH + (uint64_t)(int64_t)(int8_t)code[1] : 0;
}

/* A program whose entry jumps to its first code, as Go's does (_rt0_amd64, right before rt0_go): that has no caller,
 * whatever its table says. */
static bool is_behind_entry(struct walk *w)
{
    enum { FIRST_CODE = 512 };
    const struct unwind_frame *last = w->count ? &w->unwinder->frames[w->count - 1] : NULL;
    const struct module *module = last ? unwinder_module(w->unwinder, last->module) : NULL;
    if (!module || !module->entry)
        return false;
    const uint64_t first = behind_entry_jump(w, module->entry + last->pc - last->vaddr);
    return first && last->pc - first < FIRST_CODE;
}

static enum unwind_quality quality(const struct walk *w, enum unwind_end end)
{
    if (end != UNWIND_END_OUTERMOST)
        return UNWIND_TRUNCATED;
    return w->any_guess ? UNWIND_HAS_GUESS : UNWIND_COMPLETE;
}

int unwind_capture(struct unwinder *u, struct unwind_space *space, const struct unwind_thread *thread,
                   struct unwind_stack *ret_stack)
{
    struct walk w = {.unwinder = u,
                     .space = space,
                     .thread = thread,
                     .convention = unwind_convention(thread->registers->abi),
                     .pair = {*thread->registers},
                     .exact = true};
    w.now = &w.pair[0];
    w.next = &w.pair[1];
    *ret_stack = (struct unwind_stack){.frames = u->frames, .quality = UNWIND_TRUNCATED, .end = UNWIND_END_LOST};
    int error = prepare(&w);
    if (error)
        return error;
    window_begin(&u->window, thread->memory, w.now->at[w.convention->sp]);
    int end;
    do
        end = step(&w);
    while (end < 0);
    window_end(&u->window, w.now->at[w.convention->sp]);
    if ((end == UNWIND_END_LOST || end == UNWIND_END_UNREADABLE) && is_behind_entry(&w))
        end = UNWIND_END_OUTERMOST;
    ret_stack->count = w.count;
    ret_stack->end = (enum unwind_end)end;
    ret_stack->quality = quality(&w, ret_stack->end);
    return 0;
}
