/*
 * roles.c: what a segment is within its kind: which part of an image, whose stack, which runtime's memory.
 *
 * The kind is settled by the replay, without names.  A role is asked for, from what the segment is by then and from the
 * names that are known by then.
 */
#include "model.h"
#include "runtimes.h"

#include <sys/mman.h>

enum { LARGEST_GUARD = 64 << 10 };

const char *role_name(enum role role)
{
    static const char *const names[ROLE_COUNT] = {
        [ROLE_NONE] = "",
        [ROLE_TEXT] = "text",
        [ROLE_RODATA] = "rodata",
        [ROLE_RELRO] = "relro",
        [ROLE_DATA] = "data",
        [ROLE_BSS] = "bss",
        [ROLE_MAIN] = "main",
        [ROLE_THREAD] = "thread",
        [ROLE_ENDED] = "ended",
        [ROLE_RESERVED] = "reserved",
        [ROLE_CLOSED] = "closed",
        [ROLE_GUARD] = "guard",
        [ROLE_JIT] = "jit",
        [ROLE_SYSV] = "sysv",
        [ROLE_POSIX] = "posix",
        [ROLE_MEMFD] = "memfd",
        [ROLE_INHERITED] = "inherited",
        [ROLE_SHARED] = "shared",
        [ROLE_PRIVATE] = "private",
        [ROLE_RING] = "ring",
        [ROLE_VDSO] = "vdso",
    };
    return names[(unsigned)role < ROLE_COUNT ? role : ROLE_NONE];
}

struct asking {
    const struct decoder *decoder;
    const struct space_model *space;
    const struct segment *segment;
};

static bool is_named(const struct asking *a, const char *start)
{
    return model_path_starts(a->decoder, a->segment->file, start);
}

static struct segment_role certain(enum role role)
{
    return (struct segment_role){.role = role};
}

static struct segment_role guessed(enum role role)
{
    return (struct segment_role){.role = role, .guess = true};
}

/* ---- images ---- */

/* The loader makes the start of the data read-only once it has relocated it.  Where that was not seen, a read-only part
 * right below the data is taken for it. */
static struct segment_role role_of_readable(const struct asking *a)
{
    const struct segment *s = a->segment, *above = segments_find(&a->space->segments, s->end);
    if (s->flags & SEGMENT_WAS_WRITABLE)
        return certain(ROLE_RELRO);
    if (!s->birth && above && above->start == s->end && above->file == s->file && (above->prot & PROT_WRITE) &&
        above->kind == KIND_IMAGE)
        return guessed(ROLE_RELRO);
    return certain(ROLE_RODATA);
}

static struct segment_role role_of_image(const struct asking *a)
{
    const struct segment *s = a->segment;
    if (s->prot & PROT_EXEC)
        return certain(ROLE_TEXT);
    if (s->prot == 0)
        return certain(s->flags & SEGMENT_WAS_OPEN ? ROLE_CLOSED : ROLE_RESERVED);
    if (!model_is_file(a->decoder, s->file))
        return certain(s->flags & SEGMENT_WAS_WRITABLE && !(s->prot & PROT_WRITE) ? ROLE_RELRO : ROLE_BSS);
    return s->prot & PROT_WRITE ? certain(ROLE_DATA) : role_of_readable(a);
}

/* ---- stacks ---- */

/* What a thread that has ended leaves is kept by the C library for its next thread, or was forgotten. */
static struct segment_role role_of_stack(const struct asking *a)
{
    const struct segment *s = a->segment;
    if (is_named(a, "[stack]") || ((s->flags & SEGMENT_GROWS_DOWN) && !s->birth))
        return certain(ROLE_MAIN);
    if (!(s->flags & SEGMENT_RUN_ON))
        return s->birth ? certain(ROLE_NONE) : guessed(ROLE_NONE); /* told by its form, kinds_of_baseline() */
    const struct task_model *task = model_task_find((struct decoder *)a->decoder, s->owner);
    return certain(task && task->space == a->space->id ? ROLE_THREAD : ROLE_ENDED);
}

/* ---- files and shared memory ---- */

static struct segment_role role_of_shared(const struct asking *a)
{
    static const struct {
        const char *start;
        enum role role;
    } names[] = {{"/SYSV", ROLE_SYSV}, {"/dev/shm/", ROLE_POSIX}, {"/memfd:", ROLE_MEMFD}};
    if (a->segment->prot & PROT_EXEC)
        return guessed(ROLE_JIT); /* code that is written through another mapping of the same memory */
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (is_named(a, names[i].start))
            return certain(names[i].role);
    return certain(ROLE_INHERITED);
}

static struct segment_role role_of_kernel(const struct asking *a)
{
    if (is_named(a, "/[aio]") || is_named(a, "anon_inode:"))
        return certain(ROLE_RING);
    return certain(is_named(a, "[v") ? ROLE_VDSO : ROLE_NONE);
}

/* ---- anonymous memory ---- */

/* A few pages without access beside pages of the same call that have it. */
static bool looks_like_guard(const struct asking *a)
{
    const struct segment *s = a->segment, *above = segments_find(&a->space->segments, s->end),
                         *below = segments_below(&a->space->segments, s->start);
    const bool joins_above = above && above->start == s->end && above->birth == s->birth && above->prot;
    const bool joins_below = below && below->end == s->start && below->birth == s->birth && below->prot;
    return s->end - s->start <= LARGEST_GUARD && s->birth && (joins_above || joins_below);
}

static struct segment_role role_of_anonymous(const struct asking *a)
{
    const struct segment *s = a->segment;
    struct segment_role role = certain(ROLE_NONE);
    if (s->prot & PROT_EXEC)
        role = s->prot & PROT_WRITE || s->flags & SEGMENT_WAS_WRITABLE ? certain(ROLE_JIT) : guessed(ROLE_JIT);
    else if (s->prot == 0)
        role = looks_like_guard(a)           ? guessed(ROLE_GUARD)
               : s->flags & SEGMENT_WAS_OPEN ? certain(ROLE_CLOSED)
                                             : certain(ROLE_RESERVED);
    bool guess;
    role.runtime = runtime_of(decoder_code(a->decoder), s->stack, &guess);
    role.guess |= guess;
    return role;
}

/* A chunk, an arena: told by form; names confirm it. */
static struct segment_role role_of_glibc(const struct asking *a, enum role role)
{
    bool guess;
    const enum runtime runtime = runtime_of(decoder_code(a->decoder), a->segment->stack, &guess);
    return (struct segment_role){role, RUNTIME_GLIBC, guess || runtime != RUNTIME_GLIBC};
}

struct segment_role decoder_role(const struct decoder *decoder, uint32_t space, const struct segment *segment)
{
    const struct asking a = {decoder, model_space_const(decoder, space), segment};
    if (!a.space)
        return certain(ROLE_NONE);
    switch (segment_kind(segment)) {
    case KIND_IMAGE:
        return role_of_image(&a);
    case KIND_STACK:
    case KIND_GUARD:
        return role_of_stack(&a);
    case KIND_FILE:
        return certain(segment->flags & SEGMENT_SHARED ? ROLE_SHARED : ROLE_PRIVATE);
    case KIND_SHARED:
        return role_of_shared(&a);
    case KIND_KERNEL:
        return role_of_kernel(&a);
    case KIND_ANONYMOUS:
        return role_of_anonymous(&a);
    case KIND_CHUNK:
        return role_of_glibc(&a, ROLE_NONE);
    case KIND_ARENA:
        return role_of_glibc(&a, segment->prot ? ROLE_NONE : ROLE_RESERVED);
    default:
        return certain(ROLE_NONE);
    }
}
