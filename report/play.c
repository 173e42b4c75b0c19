/* play.c: open a trace, feed decoder and timeline, tell what is missing. */
#include "play.h"

#include "options.h"
#include "units.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

int play_open(struct play *p, const char *path, bool with_timeline)
{
    *p = (struct play){.path = path};
    int error = trace_open(path, &p->trace);
    if (error)
        return complain(EXIT_TROUBLE, "%s: %s", path, trace_error_text(error));
    p->decoder = decoder_new();
    p->timeline = with_timeline ? timeline_new() : NULL;
    if (trace_loss(p->trace)->names)
        complain(0, "%s: the names of functions are damaged, and not used: brkwater symbolize finds them again.", path);
    if (p->decoder)
        decoder_set_code(p->decoder, trace_code(p->trace));
    if (p->decoder && (p->timeline || !with_timeline))
        return 0;
    play_close(p);
    return complain(EXIT_TROUBLE, "%s: %s", path, strerror(ENOMEM));
}

void play_close(struct play *p)
{
    trace_close(p->trace);
    decoder_free(p->decoder);
    timeline_free(p->timeline);
    *p = (struct play){0};
}

static int failed(const struct play *p, int error)
{
    complain(0, "%s: %s", p->path, trace_error_text(error));
    return -1;
}

int play_peek(struct play *p)
{
    int result = p->peeked ? 1 : trace_next(p->trace, &p->record);
    p->peeked = result == 1;
    return result < 0 ? failed(p, result) : result;
}

int play_next(struct play *p, struct moment *ret_moment)
{
    int result = play_peek(p);
    if (result != 1)
        return result;
    p->peeked = false;
    p->ordinal++;
    int error = decoder_apply(p->decoder, &p->record, ret_moment);
    if (error)
        return failed(p, error);
    if (p->timeline)
        timeline_add(p->timeline, p->decoder, ret_moment);
    return 1;
}

static bool is_past(const struct play *p, enum seek_by by, uint64_t value)
{
    return by == SEEK_ORDINAL ? p->ordinal > value
           : by == SEEK_EVENT ? decoder_events(p->decoder) >= value
                              : decoder_time(p->decoder) > value;
}

int play_seek(struct play *p, enum seek_by by, uint64_t value)
{
    struct decoder *decoder;
    uint64_t ordinal;
    if (!is_past(p, by, value) && trace_keyframe_before(p->trace, by, value) <= p->ordinal)
        return 0;
    int error = trace_seek(p->trace, by, value, &decoder, &ordinal);
    if (error)
        return failed(p, error), EXIT_TROUBLE;
    decoder_free(p->decoder);
    p->decoder = decoder;
    p->ordinal = ordinal;
    p->peeked = false;
    return 0;
}

int play_go(struct play *p, uint64_t ordinal)
{
    struct moment moment;
    int result = 1;
    int status = play_seek(p, SEEK_ORDINAL, ordinal);
    while (!status && result == 1 && p->ordinal < ordinal)
        result = play_next(p, &moment);
    return status ? status : result < 0 ? EXIT_TROUBLE : 0;
}

int play_all(struct play *p)
{
    struct moment moment;
    int result;
    while ((result = play_next(p, &moment)) == 1)
        ;
    return result < 0 ? EXIT_TROUBLE : 0;
}

bool play_loss_text(const struct play *p, char *buffer, size_t size)
{
    const struct trace_loss *loss = trace_loss(p->trace);
    const struct rec_end *end = decoder_end(p->decoder);
    char events[UNITS_MAX], bytes[UNITS_MAX], when[UNITS_MAX];
    units_count(events, sizeof(events), decoder_events(p->decoder));
    units_size(bytes, sizeof(bytes), loss->bytes);
    units_duration(when, sizeof(when), p->timeline ? timeline_totals(p->timeline)->time : 0);
    if (loss->damaged)
        snprintf(buffer, size,
                 "the file is damaged at byte %llu: %s bytes in %llu %s could not be read; the last event is %s",
                 (unsigned long long)loss->first_offset, bytes, (unsigned long long)loss->damaged_frames,
                 loss->damaged_frames == 1 ? "place" : "places", events);
    else if (end && loss->cut)
        snprintf(buffer, size, "behind the end of the recording the file holds %s bytes that are no frame", bytes);
    else if (!end && p->timeline)
        snprintf(buffer, size, "recording was cut off at %s (no end record)%s%s; %s events are readable", when,
                 loss->bytes ? ", the last bytes of the file are no whole frame: " : "", loss->bytes ? bytes : "",
                 events);
    else if (!end || loss->cut)
        snprintf(buffer, size, "recording was cut off (no end record); %s events are readable", events);
    else
        return false;
    return true;
}

bool play_tell_loss(const struct play *p)
{
    char text[512];
    if (!play_loss_text(p, text, sizeof(text)))
        return false;
    complain(0, "%s: %s.", p->path, text);
    return true;
}
