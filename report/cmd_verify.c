/* cmd_verify.c: brkwater verify: format, checksums, and the replay against the kernel's maps. */
#include "escape.h"
#include "json.h"
#include "play.h"
#include "units.h"
#include "verbs.h"

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

enum { OPT_JSON = 1 };

static const struct option options[] = {
    {OPT_JSON, 0, "json", NULL, "the same as one JSON object"},
    {0},
};

static void add_side(struct buffer *out, const struct decoder *d, const char *who, bool there,
                     const struct rec_mapping *m)
{
    char text[128];
    snprintf(text, sizeof(text), "  %-8s ", who);
    buffer_string(out, text);
    if (!there) {
        buffer_string(out, "nothing\n");
        return;
    }
    snprintf(text, sizeof(text), "%llx-%llx %c%c%c%c %08llx", (unsigned long long)m->start, (unsigned long long)m->end,
             m->prot & PROT_READ ? 'r' : '-', m->prot & PROT_WRITE ? 'w' : '-', m->prot & PROT_EXEC ? 'x' : '-',
             m->shared ? 's' : 'p', (unsigned long long)m->offset);
    buffer_string(out, text);
    const struct file_info *file = decoder_file(d, m->file);
    if (file) {
        snprintf(text, sizeof(text), " %02x:%02x %llu ", file->major, file->minor, (unsigned long long)file->inode);
        buffer_string(out, text);
        escape_text(out, file->path, 0, 4096);
    }
    buffer_char(out, '\n');
}

static void add_drift(struct buffer *out, const struct decoder *d)
{
    const struct drift *drift = decoder_first_drift(d);
    char text[256], when[UNITS_MAX];
    if (!drift)
        return;
    snprintf(text, sizeof(text), "first difference: pid %u, at %s, after event %llu, %llx-%llx\n", drift->pid,
             units_duration(when, sizeof(when), drift->time), (unsigned long long)drift->event,
             (unsigned long long)drift->start, (unsigned long long)drift->end);
    buffer_string(out, text);
    add_side(out, d, "replay", drift->replayed, &drift->replay);
    add_side(out, d, "kernel", drift->mapped, &drift->kernel);
}

/* What was read, and what was not as it should be. */
struct failings {
    uint64_t keyframes_wrong;
};

/* To the end, comparing each keyframe with the replay at its place. */
static int read_all(struct play *play, struct failings *found)
{
    struct moment moment;
    int result;
    while ((result = play_next(play, &moment)) == 1) {
        int same = trace_check_keyframe(play->trace, play->decoder, play->ordinal);
        if (same < 0)
            return complain(EXIT_TROUBLE, "%s: %s", play->path, trace_error_text(same));
        found->keyframes_wrong += same == 0;
    }
    return result < 0 ? EXIT_TROUBLE : 0;
}

/* One line for each thing that was checked; true when all is well. */
static bool judge(struct buffer *out, const struct play *play, const struct failings *found)
{
    const struct decoder *d = play->decoder;
    const struct rec_header *header = decoder_header(d);
    const struct rec_end *end = decoder_end(d);
    char text[768], a[UNITS_MAX], b[UNITS_MAX], loss[512];
    bool well = true;

    snprintf(text, sizeof(text), ": format %u.%u, %s bytes, %s events\n", header ? header->major : 0,
             header ? header->minor : 0, units_count(a, sizeof(a), trace_size(play->trace)),
             units_count(b, sizeof(b), decoder_events(d)));
    escape_text(out, escape_chars(play->path), 0, 4096);
    buffer_string(out, text);
    if (play_loss_text(play, loss, sizeof(loss))) {
        well = false;
        snprintf(text, sizeof(text), "incomplete: %s\n", loss);
        buffer_string(out, text);
    }
    if (end && (end->reason == END_DISK_FULL || end->reason == END_WRITE_ERROR)) {
        well = false;
        snprintf(text, sizeof(text), "incomplete: recording ended early: %s\n",
                 end->reason == END_DISK_FULL ? "the disk was full" : strerror((int)end->value));
        buffer_string(out, text);
    }
    if (end && (end->reason == END_MAX_SIZE || end->reason == END_DURATION || end->reason == END_INTERRUPTED))
        buffer_string(out, "recording ended early, as it was asked to; up to there it is whole\n");
    snprintf(text, sizeof(text), "verified: %s %s, %s drift\n", units_count(a, sizeof(a), decoder_checkpoints(d)),
             decoder_checkpoints(d) == 1 ? "checkpoint" : "checkpoints", units_count(b, sizeof(b), decoder_drift(d)));
    buffer_string(out, text);
    if (decoder_read_backs(d)) {
        snprintf(text, sizeof(text), "read back: %s %s that failed, interrupted or overlapping calls left unknown\n",
                 units_count(a, sizeof(a), decoder_read_backs(d)), decoder_read_backs(d) == 1 ? "range" : "ranges");
        buffer_string(out, text);
    }
    if (!decoder_checkpoints(d))
        buffer_string(out, "nothing was compared: the recording holds no map but the first ones\n");
    add_drift(out, d);
    snprintf(text, sizeof(text), "order: %s events of unknown order, %s in an impossible one\n",
             units_count(a, sizeof(a), decoder_unordered(d)), units_count(b, sizeof(b), decoder_impossible(d)));
    buffer_string(out, text);
    if (decoder_contradictions(d)) {
        well = false;
        snprintf(text, sizeof(text), "contradictions: %s records do not fit those before them\n",
                 units_count(a, sizeof(a), decoder_contradictions(d)));
        buffer_string(out, text);
    }
    if (trace_keyframes(play->trace)) {
        snprintf(text, sizeof(text), "keyframes: %s, %s not as the replay\n",
                 units_count(a, sizeof(a), trace_keyframes(play->trace)),
                 units_count(b, sizeof(b), found->keyframes_wrong));
        buffer_string(out, text);
    }
    if (trace_loss(play->trace)->names) {
        well = false;
        buffer_string(out, "names: damaged, and not used; brkwater symbolize finds them again\n");
    }
    return well && !decoder_drift(d) && !decoder_impossible(d) && !found->keyframes_wrong;
}

/* ---- JSON ---- */

static void json_side(struct json *j, const struct decoder *d, bool there, const struct rec_mapping *m)
{
    const char perms[] = {m->prot & PROT_READ ? 'r' : '-', m->prot & PROT_WRITE ? 'w' : '-',
                          m->prot & PROT_EXEC ? 'x' : '-', '\0'};
    const struct file_info *file = decoder_file(d, m->file);
    if (!there) {
        json_null(j);
        return;
    }
    json_object_open(j);
    json_put_hex(j, "start", m->start);
    json_put_hex(j, "end", m->end);
    json_key(j, "prot");
    json_string(j, perms);
    json_put_bool(j, "shared", m->shared);
    json_put_number(j, "offset", m->offset);
    json_put_number(j, "inode", file ? file->inode : 0);
    json_key(j, "name");
    if (file)
        json_text(j, file->path);
    else
        json_null(j);
    json_object_close(j);
}

static void json_drift(struct json *j, const struct decoder *d)
{
    const struct drift *drift = decoder_first_drift(d);
    json_key(j, "first_drift");
    if (!drift) {
        json_null(j);
        return;
    }
    json_object_open(j);
    json_put_number(j, "pid", drift->pid);
    json_put_time(j, "t", drift->time);
    json_put_number(j, "event", drift->event);
    json_put_hex(j, "start", drift->start);
    json_put_hex(j, "end", drift->end);
    json_key(j, "replay");
    json_side(j, d, drift->replayed, &drift->replay);
    json_key(j, "kernel");
    json_side(j, d, drift->mapped, &drift->kernel);
    json_object_close(j);
}

static void write_json(struct buffer *out, const struct play *play, const struct failings *found, bool well)
{
    const struct decoder *d = play->decoder;
    char loss[512];
    struct json j;
    json_begin(&j, out);
    json_object_open(&j);
    json_put_bool(&j, "ok", well);
    json_key(&j, "trace");
    json_string(&j, play->path);
    json_put_bool(&j, "complete", !play_loss_text(play, loss, sizeof(loss)));
    json_put_number(&j, "bytes", trace_size(play->trace));
    json_put_number(&j, "events", decoder_events(d));
    json_put_number(&j, "checkpoints", decoder_checkpoints(d));
    json_put_number(&j, "drift", decoder_drift(d));
    json_put_number(&j, "read_backs", decoder_read_backs(d));
    json_put_number(&j, "unordered", decoder_unordered(d));
    json_put_number(&j, "impossible", decoder_impossible(d));
    json_put_number(&j, "contradictions", decoder_contradictions(d));
    json_put_number(&j, "keyframes", trace_keyframes(play->trace));
    json_put_number(&j, "keyframes_wrong", found->keyframes_wrong);
    json_put_bool(&j, "names_damaged", trace_loss(play->trace)->names);
    json_drift(&j, d);
    json_object_close(&j);
    buffer_char(out, '\n');
}

static int verify(const char *path, bool json)
{
    struct play play;
    struct buffer out = {0};
    struct failings found = {0};
    int status = play_open(&play, path, true);
    if (status)
        return status;
    status = read_all(&play, &found);
    bool well = judge(&out, &play, &found);
    if (json) {
        buffer_clear(&out);
        write_json(&out, &play, &found, well);
    }
    if (!status && !well)
        status = 1;
    fwrite(out.data, 1, out.size, stdout);
    if (fflush(stdout) != 0 && !status)
        status = complain(EXIT_TROUBLE, "cannot write to standard output");
    buffer_free(&out);
    play_close(&play);
    return status;
}

static int run(int argc, char **argv)
{
    return run_with_json(&verb_verify, argc, argv, verify);
}

const struct verb verb_verify = {
    "verify", "TRACE [--json]", "format, checksums, drift; exit 0 only if all is well", options, run,
};
