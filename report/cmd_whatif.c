/* cmd_whatif.c: brkwater whatif: what other settings of malloc would have done. */
#include "options.h"
#include "play.h"
#include "units.h"
#include "verbs.h"
#include "whatif.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { OPT_MMAP = 1, OPT_TRIM, OPT_PAD, OPT_ARENAS, OPT_IDLE, OPT_JSON };

static const struct option options[] = {
    {OPT_MMAP, 0, "mmap-threshold", "SIZE", "blocks from this size on have mappings of their own"},
    {OPT_TRIM, 0, "trim-threshold", "SIZE", "free trims the heap when so much is free at its top"},
    {OPT_PAD, 0, "top-pad", "SIZE", "so much more the heap grows by, and keeps when it is trimmed"},
    {OPT_ARENAS, 0, "arena-max", "N", "arenas at most, the main one counted"},
    {OPT_IDLE, 0, "trim-at-idle", NULL, "the program calls malloc_trim(0) when it has nothing to do"},
    {OPT_JSON, 0, "json", NULL, "one object"},
    {0},
};

struct request {
    const char *path;
    struct whatif_settings settings;
    bool json;
};

struct replay {
    struct play play;
    struct heaps *heaps;
    struct insides *insides;
    struct whatif *whatif;
    struct whatif_view view;
    uint32_t space;
};

/* The space whose malloc asked for most, and which process has it. */
static int find_space(const struct request *r, uint32_t *ret_space)
{
    struct play play;
    int status = play_open(&play, r->path, true);
    if (status)
        return status;
    status = play_all(&play);
    *ret_space = heaps_main_space(timeline_heaps(play.timeline));
    play_tell_loss(&play);
    play_close(&play);
    if (!status && !*ret_space)
        status = complain(EXIT_TROUBLE, "%s: no process in it used malloc of glibc", r->path);
    return status;
}

/* Told before the space is gone: what is known of it goes with it. */
static int result(struct replay *p)
{
    struct heap_thresholds thresholds;
    if (heaps_thresholds(p->heaps, p->space, decoder_code(p->play.decoder), &thresholds) < 0)
        return complain(EXIT_TROUBLE, "%s", strerror(ENOMEM));
    p->view.result =
        whatif_result(p->whatif, &thresholds, heaps_story(p->heaps, p->space), insides_last(p->insides, p->space));
    free(thresholds.moves);
    return 0;
}

static int go_through(struct replay *p)
{
    struct moment m;
    int more;
    while ((more = play_peek(&p->play)) == 1) {
        const struct record *next = &p->play.record;
        if (next->kind == REC_SPACE_END && next->space_end.space == p->space)
            return result(p);
        if ((more = play_next(&p->play, &m)) != 1)
            break;
        const struct heap_step step = heaps_add(p->heaps, p->play.decoder, &m);
        insides_add(p->insides, p->play.decoder, &m);
        whatif_add(p->whatif, p->play.decoder, &m, &step);
        if (m.space == p->space && m.pid)
            p->view.process = decoder_process(p->play.decoder, m.pid);
    }
    return more < 0 ? EXIT_TROUBLE : result(p);
}

static int write_it(struct replay *p, bool json)
{
    struct buffer out = {0};
    static const struct process_info nobody = {.comm = "", .exe = ""};
    if (!p->view.process)
        p->view.process = &nobody;
    if (json)
        whatif_json(&out, &p->view);
    else
        whatif_text(&out, &p->view);
    fwrite(out.data, 1, out.size, stdout);
    buffer_free(&out);
    return fflush(stdout) == 0 ? 0 : complain(EXIT_TROUBLE, "cannot write to standard output");
}

static int whatif(const struct request *r)
{
    struct replay p = {.view = {.settings = &r->settings}};
    int status = find_space(r, &p.space);
    if (!status)
        status = play_open(&p.play, r->path, false);
    if (status)
        return status;
    p.heaps = heaps_new();
    p.insides = insides_new();
    p.whatif = whatif_new(&r->settings, p.space);
    status = p.heaps && p.insides && p.whatif ? play_go(&p.play, 0) : complain(EXIT_TROUBLE, "%s", strerror(ENOMEM));
    if (!status)
        status = go_through(&p);
    if (!status)
        status = write_it(&p, r->json);
    whatif_free(p.whatif);
    heaps_free(p.heaps);
    insides_free(p.insides);
    play_close(&p.play);
    return status;
}

/* ---- options ---- */

static int take_size(const char *option, const char *text, bool *has, uint64_t *ret)
{
    *has = true;
    return units_parse_size(text, ret) ? complain(EXIT_USAGE, "--%s: '%s' is not a size (128K, 4M)", option, text) : 0;
}

static int take_arenas(const char *text, struct whatif_settings *s)
{
    char *end;
    errno = 0;
    s->has_arenas = true;
    s->arena_max = strtoull(text, &end, 10);
    if (errno || end == text || *end || *text == '-' || !s->arena_max)
        return complain(EXIT_USAGE, "--arena-max: '%s' is not a number of arenas (1, 2, ...)", text);
    return 0;
}

static int take_option(void *request, int id, const char *value)
{
    struct request *r = request;
    struct whatif_settings *s = &r->settings;
    switch (id) {
    case OPT_MMAP:
        return take_size("mmap-threshold", value, &s->has_mmap, &s->mmap_threshold);
    case OPT_TRIM:
        return take_size("trim-threshold", value, &s->has_trim, &s->trim_threshold);
    case OPT_PAD:
        return take_size("top-pad", value, &s->has_pad, &s->top_pad);
    case OPT_ARENAS:
        return take_arenas(value, s);
    case OPT_IDLE:
        s->trim_at_idle = true;
        return 0;
    case OPT_JSON:
        r->json = true;
        return 0;
    default:
        return EXIT_USAGE;
    }
}

static int run(int argc, char **argv)
{
    struct parser parser;
    struct request r = {0};
    parser_begin(&parser, &verb_whatif, argc, argv);
    const int status = parser_take_all(&parser, take_option, &r);
    if (status != OPTION_END)
        return status;
    r.path = parser.trace;
    if (!r.path)
        return complain_usage(&verb_whatif, "no TRACE was named");
    if (!r.settings.has_mmap && !r.settings.has_trim && !r.settings.has_pad && !r.settings.has_arenas &&
        !r.settings.trim_at_idle)
        return complain_usage(&verb_whatif, "no setting was named: --trim-threshold 4M, for example");
    return whatif(&r);
}

const struct verb verb_whatif = {
    "whatif", "TRACE SETTING... [--json]", "what other settings of malloc would have done", options, run,
};
