/* heap_live.c: attach, look, let go: without a recording. */
#include "heap_live.h"

#include "escape.h"
#include "inside.h"
#include "options.h"
#include "refused.h"

#include "../tracer/tracer.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

struct live {
    struct decoder *decoder;
    struct insides *insides;
    bool failed;
};

static void take(void *context, const struct record *record)
{
    struct live *live = context;
    struct moment moment;
    if (decoder_apply(live->decoder, record, &moment) < 0)
        live->failed = true;
    /* Before its end: the space is gone then. */
    else if (record->kind != REC_SPACE_END)
        insides_add(live->insides, live->decoder, &moment);
}

static int print(const struct live *live, pid_t pid, bool json)
{
    const struct process_info *process = decoder_process(live->decoder, (uint32_t)pid);
    if (!process) /* it was the number of a thread */
        process = decoder_process_at(live->decoder, 0);
    const struct inside *inside = process ? insides_last(live->insides, process->space) : NULL;
    struct buffer out = {0};
    if (json) {
        struct json j;
        json_begin(&j, &out);
        inside_json(&j, live->decoder, inside);
        buffer_char(&out, '\n');
    } else {
        char head[64];
        snprintf(head, sizeof(head), "pid %u (", process ? process->pid : (uint32_t)pid);
        buffer_string(&out, head);
        escape_text(&out, escape_chars(process ? process->comm : ""), 0, 64);
        buffer_string(&out, inside ? ")\n" : ") has no heap\n");
        inside_text(&out, live->decoder, inside);
    }
    fwrite(out.data, 1, out.size, stdout);
    buffer_free(&out);
    return fflush(stdout) == 0 ? 0 : complain(EXIT_TROUBLE, "cannot write to standard output");
}

static int look(struct live *live, pid_t pid, bool json)
{
    const struct tracer_options options = {.sink = {take, live}, .only_look = true};
    struct tracer_result result = {0};
    const char *what = NULL;
    const int error = tracer_attach(&options, &pid, 1, &result, &what);
    if (error && result.refused)
        return complain_refused(result.refused, -error);
    if (error)
        return complain(EXIT_TROUBLE, "cannot look into %d: %s: %s", (int)pid, what ? what : "?", strerror(-error));
    if (live->failed)
        return complain(EXIT_TROUBLE, "%s", strerror(ENOMEM));
    return print(live, pid, json);
}

int heap_live(pid_t pid, bool json)
{
    struct live live = {.decoder = decoder_new(), .insides = insides_new()};
    const int status =
        live.decoder && live.insides ? look(&live, pid, json) : complain(EXIT_TROUBLE, "%s", strerror(ENOMEM));
    insides_free(live.insides);
    decoder_free(live.decoder);
    return status;
}
