/* finish.c: what is added to a trace once: keyframes and names. */
#include "keyframes.h"
#include "model.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>

struct finish {
    const struct finish_options *options;
    struct trace *trace;
    struct decoder *decoder;
    struct places *places;
    struct keyframes *keyframes;
    struct appendix *appendix;
    uint64_t ordinal;
    bool no_room; /* for the names */
    bool full;    /* the limit of the file's size was reached: no more keyframes */
    struct trailer trailer;
};

/* ---- replaying ---- */

/* A new frame begins with this record, which has not been applied: is a keyframe due before it? */
static int at_frame(struct finish *f)
{
    bool first;
    const uint64_t offset = trace_frame_at(f->trace, &first);
    if (!first || !offset || f->full || !f->options->every ||
        decoder_events(f->decoder) < keyframes_last_event(f->keyframes) + f->options->every)
        return 0;
    int error = keyframes_add(f->keyframes, f->appendix, f->decoder, f->ordinal, offset);
    f->full = error == -EFBIG;
    return f->full ? 0 : error;
}

static int replay_all(struct finish *f)
{
    struct record record;
    struct moment moment;
    int result;
    while ((result = trace_next(f->trace, &record)) == 1) {
        int error = at_frame(f);
        if (!error)
            error = decoder_apply(f->decoder, &record, &moment);
        f->ordinal++;
        if (!error)
            error = places_add(f->places, f->decoder, &moment, f->ordinal);
        if (error)
            return error;
    }
    return result;
}

static bool is_whole(const struct finish *f)
{
    const struct trace_loss *loss = trace_loss(f->trace);
    return decoder_end(f->decoder) && !loss->cut && !loss->damaged;
}

/* ---- writing ---- */

/* Do all of it or nothing: what does not fit is taken back, and is no error. */
static int whole_or_nothing(struct finish *f, int error, uint64_t before)
{
    if (!error)
        return 0;
    int cut = appendix_cut(f->appendix, before);
    return error == -EFBIG ? cut : error;
}

/* The same, but it is remembered that there are no names. */
static int whole_names_or_none(struct finish *f, int error, uint64_t before)
{
    f->no_room = error == -EFBIG;
    return whole_or_nothing(f, error, before);
}

static int write_index(struct finish *f)
{
    const uint64_t before = f->trailer.start;
    if (!keyframes_last_event(f->keyframes))
        return 0;
    int error = f->full ? -EFBIG : keyframes_finish(f->keyframes, f->appendix, f->places, &f->trailer.index);
    return whole_or_nothing(f, error, before);
}

static int put(void *context, const struct record *record)
{
    return appendix_put(context, record);
}

static int write_names(struct finish *f, struct namer *namer)
{
    struct code *code = decoder_code(f->decoder);
    const uint64_t before = appendix_at(f->appendix);
    if (!namer || !code_stacks(code))
        return 0;
    int error = namer_all(namer, code);
    if (!error)
        error = code_each(code, put, f->appendix);
    if (!error)
        error = appendix_flush(f->appendix);
    if (!error)
        f->trailer.names = before;
    return whole_names_or_none(f, error, before);
}

static int write_trailer(struct finish *f)
{
    if (!f->trailer.index && !f->trailer.names)
        return 0;
    return whole_names_or_none(f, appendix_finish(f->appendix, &f->trailer), f->trailer.start);
}

/* ---- */

static void close_all(struct finish *f)
{
    appendix_close(f->appendix);
    keyframes_free(f->keyframes);
    places_free(f->places);
    decoder_free(f->decoder);
    trace_close(f->trace);
}

/* Open it for reading, without anything that was added. */
static int open_all(struct finish *f, const char *path)
{
    int error = trace_open(path, &f->trace);
    if (error)
        return error;
    if (!trailer_read(f->trace, &f->trailer)) {
        f->trailer.start = trace_size(f->trace);
        trace_limit(f->trace, f->trailer.start); /* what is added while it is read is not part of it */
    }
    f->decoder = decoder_new();
    f->places = places_new();
    f->keyframes = keyframes_new();
    return f->decoder && f->places && f->keyframes ? 0 : -ENOMEM;
}

int trace_finish(const char *path, const struct finish_options *options)
{
    struct finish f = {.options = options};
    struct stat st;
    if (stat(path, &st) < 0)
        return -errno;
    if (!S_ISREG(st.st_mode))
        return 0;
    int error = open_all(&f, path);
    if (!error && f.trailer.start < trace_size(f.trace)) {
        close_all(&f); /* it has all of this */
        return 0;
    }
    if (!error)
        error = appendix_open(path, f.trailer.start, options->max_size, &f.appendix);
    if (!error)
        error = replay_all(&f);
    if (!error && is_whole(&f)) {
        error = write_index(&f);
        if (!error)
            error = write_names(&f, options->namer);
        if (!error)
            error = write_trailer(&f);
    } else if (f.appendix && keyframes_last_event(f.keyframes)) {
        appendix_cut(f.appendix, f.trailer.start);
    }
    if (error && f.appendix)
        appendix_cut(f.appendix, f.trailer.start); /* nothing half-written stays */
    close_all(&f);
    return error ? error : f.no_room ? -EFBIG : 0;
}

int trace_symbolize(const char *path, struct namer *namer)
{
    const struct finish_options options = {0};
    struct finish f = {.options = &options};
    int error = open_all(&f, path);
    const bool named = !error && trace_code(f.trace);
    const uint64_t at = f.trailer.names ? f.trailer.names : f.trailer.end ? f.trailer.end : f.trailer.start;
    if (named)
        decoder_set_code(f.decoder, trace_code(f.trace));
    else if (!error)
        error = replay_all(&f);
    if (!error) {
        code_forget_names(decoder_code(f.decoder));
        error = namer_all(namer, decoder_code(f.decoder));
    }
    /* The file is touched only now that all names are there. */
    if (!error)
        error = appendix_open(path, at, 0, &f.appendix);
    if (!error)
        error = write_names(&f, namer);
    if (!error)
        error = write_trailer(&f);
    close_all(&f);
    return error;
}
