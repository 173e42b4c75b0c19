/* tracer.c: one run of a command, from launch to the last tracee's end. */
#include "tracer.h"

#include "background.h"
#include "faults.h"
#include "launch.h"
#include "lifecycle.h"
#include "loop.h"
#include "run.h"
#include "wait.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* argv as one text, each argument followed by NUL; malloc'ed.  Cut at the format's limit. */
static char *join_argv(char **argv, size_t *ret_size)
{
    size_t size = 0;
    for (char **a = argv; *a; a++)
        size += strlen(*a) + 1;
    char *joined = malloc(size ? size : 1), *out = joined;
    for (char **a = argv; joined && *a; a++)
        out = stpcpy(out, *a) + 1;
    *ret_size = size < TRACE_MAX_TEXT ? size : TRACE_MAX_TEXT;
    return joined;
}

static int start(struct tracer *tracer, const struct launch *launch, const char **ret_what)
{
    int error = launch_start(launch, &tracer->command, &tracer->exec_fd, ret_what);
    if (error)
        return error;
    *ret_what = "sampling thread";
    error = sampler_start(tracer->recorder, tracer->residency, tracer->options->sample_interval_ms, &tracer->sampler);
    if (!error && !lifecycle_first(tracer, tracer->command))
        error = -ENOMEM;
    if (error) {
        kill(tracer->command, SIGKILL);
        wait_reap(tracer->command);
    }
    return error;
}

static int run(struct tracer *tracer, const struct launch *launch, struct tracer_result *result, const char **ret_what)
{
    size_t size = 0;
    char *joined = join_argv(launch->argv, &size);
    run_begin(tracer, (struct text){joined, joined ? size : 0});
    free(joined);
    int error = start(tracer, launch, ret_what);
    if (error)
        return error;
    if (tracer->options->leave_terminal)
        background_leave();
    if (!tracer->options->free_placement)
        placement_start(&tracer->placing, &tracer->table);
    bool interrupted = loop_run(tracer);
    faults_end(tracer->faults);
    placement_end(&tracer->placing);
    signals_tick(false);
    result->exec_error = launch_exec_error(tracer->exec_fd);
    if (tracer->unable) {
        sampler_stop(tracer->sampler);
        *ret_what = "ptrace(PTRACE_GET_SYSCALL_INFO): Linux 5.3 or later is needed";
        return tracer->unable;
    }
    if (!tracer->begun && !result->exec_error)
        result->exec_error = EINTR; /* killed before it could try */
    result->wait_status = tracer->command_status;
    result->stops = tracer->stops;
    run_forget_all(tracer);
    sampler_stop(tracer->sampler);
    if (tracer->begun && recorder_active(tracer->recorder))
        recorder_end(tracer->recorder, interrupted ? END_INTERRUPTED : END_EXITED, tracer->command_ended,
                     tracer->command_status, tracer->stops);
    return 0;
}

int tracer_run(const struct tracer_options *options, char **argv, struct tracer_result *ret_result,
               const char **ret_what)
{
    struct launch_state state;
    struct tracer tracer = {.options = options, .exec_fd = -1};
    struct tracer_result result = {0};
    char *path = NULL;
    int error;

    *ret_what = argv[0];
    error = launch_find(argv[0], &path);
    if (error) {
        ret_result->exec_error = -error;
        return 0;
    }
    error = run_open(&tracer, ret_what);
    if (!error) {
        launch_save(&state);
        struct launch launch = {.path = path, .argv = argv, .state = &state, .no_seccomp = options->no_seccomp};
        error = run(&tracer, &launch, &result, ret_what);
    }
    run_close(&tracer, &result);
    if (!error)
        *ret_result = result;
    free(path);
    return error;
}
