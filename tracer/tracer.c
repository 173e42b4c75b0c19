/* tracer.c: one run, from launch to the last tracee's end. */
#include "tracer.h"

#include "background.h"
#include "launch.h"
#include "lifecycle.h"
#include "order.h"
#include "state.h"
#include "stop.h"
#include "wait.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#ifndef BRKWATER_VERSION
#define BRKWATER_VERSION "unknown"
#endif

enum {
    TELL_AFTER = TRACE_TICKS_PER_SECOND, /* how long a left-over daemon may take before the user is told */
    IDLE_TICKS = 2,                      /* ticks without a tracee after which there will be none */
    DRAIN_EVERY = 16,                    /* stops served one by one between two looks for more */
};

/* A descriptor a process and a space: as many as we may have. */
static void raise_descriptor_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

static uint64_t read_max_map_count(void)
{
    uint64_t value = 0;
    FILE *f = fopen("/proc/sys/vm/max_map_count", "re");
    if (f) {
        if (fscanf(f, "%20lu", &value) != 1)
            value = 0;
        fclose(f);
    }
    return value;
}

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

static void put_header(struct tracer *tracer, char **argv)
{
    struct utsname system = {0};
    uname(&system);
    char *cwd = getcwd(NULL, 0);
    size_t size = 0;
    char *joined = join_argv(argv, &size);
    struct timespec wall;
    clock_gettime(CLOCK_REALTIME, &wall);
    struct record record = {
        .kind = REC_HEADER,
        .header = {.major = TRACE_MAJOR,
                   .minor = TRACE_MINOR,
                   .wall_ns = (uint64_t)wall.tv_sec * 1000000000u + (uint64_t)wall.tv_nsec,
                   .page_size = (uint32_t)sysconf(_SC_PAGESIZE),
                   .clock_ticks = (uint32_t)sysconf(_SC_CLK_TCK),
                   .max_map_count = read_max_map_count(),
                   .sample_interval = tracer->options->sample_interval_ms,
                   .flags = (tracer->options->no_seccomp ? HEADER_NO_SECCOMP : 0u) |
                            (!tracer->options->no_seccomp && launch_needs_no_new_privs() ? HEADER_NO_NEW_PRIVS : 0u),
                   .version = {BRKWATER_VERSION, strlen(BRKWATER_VERSION)},
                   .machine = {system.machine, strlen(system.machine)},
                   .kernel = {system.release, strlen(system.release)},
                   .cwd = {cwd, cwd ? strlen(cwd) : 0},
                   .argv = {joined, joined ? size : 0}}};
    recorder_put(tracer->recorder, &record);
    free(cwd);
    free(joined);
}

/* ---- things that are due now and then ---- */

struct left_over {
    struct tracee *any;
    unsigned processes;
};

static void count_left_over(struct tracee *tracee, void *context)
{
    struct left_over *left = context;
    if (!tracee->process || tracee->tid != tracee->process->pid)
        return;
    left->processes++;
    if (!left->any)
        left->any = tracee;
}

static void tell_who_is_waited_for(struct tracer *tracer)
{
    struct left_over left = {0};
    if (!tracer->options->waiting)
        return;
    tracee_each(&tracer->table, count_left_over, &left);
    if (left.any)
        tracer->options->waiting(tracer->options->context, (uint32_t)left.any->tid, left.any->process->comm,
                                 left.processes);
}

static bool duration_is_over(const struct tracer *tracer, uint64_t now)
{
    double duration = tracer->options->duration;
    return duration > 0 && (double)now >= duration * TRACE_TICKS_PER_SECOND;
}

/* Whether something is under way that a tick must look after. */
static bool needs_ticks(const struct tracer *tracer)
{
    return order_waiting(&tracer->order) || tracer->table.n_unbound || (tracer->command_ended && !tracer->told_at) ||
           !tracer->table.n_tracees || placement_needs_ticks(&tracer->placing);
}

/* True when the user wants an end although tracees are left. */
static bool housekeeping(struct tracer *tracer)
{
    uint64_t now = recorder_now(tracer->recorder);
    int signal = 0;
    bool ending = signals_collect(&tracer->signals, now, &signal);
    bool passing = false;
    /* The terminal's signal may come to us after the command has stopped already, or when there is none any more. */
    if (tracer->command_stopped || tracer->command_ended)
        signals_stop_with_command(&tracer->signals);
    if (!tracer->command_ended) {
        passing = signals_pass_on(&tracer->signals, tracer->command, now);
    } else if (ending && tracer->told_at) {
        return true;
    } else if (!tracer->told_at && (ending || now - tracer->ended_at > TELL_AFTER)) {
        tracer->told_at = now;
        tell_who_is_waited_for(tracer);
    }
    stop_overdue(tracer);
    if (duration_is_over(tracer, now) && recorder_active(tracer->recorder))
        recorder_end(tracer->recorder, END_DURATION, false, 0, tracer->stops);
    if (recorder_active(tracer->recorder))
        placement_tick(&tracer->placing, now);
    else
        placement_end(&tracer->placing);
    signals_tick(passing || needs_ticks(tracer) ||
                 (tracer->options->duration > 0 && recorder_active(tracer->recorder)) || tracer->signals.stop_asked);
    return false;
}

static void note_command_end(struct tracer *tracer, bool *told)
{
    if (!tracer->command_ended || *told)
        return;
    *told = true;
    if (tracer->options->command_ended && tracer->begun)
        tracer->options->command_ended(tracer->options->context, tracer->command_status);
}

/* The kernel hands out the stop of the first thread in its list, so that busy threads could keep the others waiting for
 * ever: all stops that there are must be collected before they are served.  That costs one more wait, which finds
 * nothing as long as threads stop one at a time; then it is done now and then only. */
static bool should_drain(const struct tracer *tracer, int last_count, unsigned *singles)
{
    *singles = last_count > 1 ? 0 : *singles + 1;
    return tracer->table.n_tracees > 1 && *singles % DRAIN_EVERY == 0;
}

/* Serve stops until nobody is left.  True when the user ended it before. */
static bool serve_all(struct tracer *tracer)
{
    struct stop stops[WAIT_BATCH];
    bool told = false;
    unsigned idle = 0, singles = 0;
    int count = 0;
    if (tracer->options->duration > 0)
        signals_tick(true);
    for (;;) {
        count = wait_for_stops(stops, should_drain(tracer, count, &singles));
        if (count < 0)
            return false;
        for (int i = 0; i < count; i++)
            stop_serve(tracer, &stops[i]);
        note_command_end(tracer, &told);
        if (needs_ticks(tracer))
            signals_tick(true);
        if (!signals_rang())
            continue;
        if (housekeeping(tracer))
            return true;
        /* Whoever executed us may have left us children of its own, so that there is always something to wait for.  A
         * tracee that nobody has told of yet shows up within a tick. */
        idle = tracer->table.n_tracees ? 0 : idle + 1;
        if (idle > IDLE_TICKS)
            return false;
    }
}

static void free_all(struct tracee *tracee, void *context)
{
    struct tracer *tracer = context;
    if (tracee->space && space_leave(tracee->space))
        space_free(tracee->space);
    tracee_forget(&tracer->table, tracee);
}

static int start(struct tracer *tracer, const struct launch *launch, const char **ret_what)
{
    int error = launch_start(launch, &tracer->command, &tracer->exec_fd, ret_what);
    if (error)
        return error;
    *ret_what = "sampling thread";
    error = sampler_start(tracer->recorder, tracer->options->sample_interval_ms, &tracer->sampler);
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
    recorder_start(tracer->recorder);
    signals_install();
    raise_descriptor_limit();
    put_header(tracer, launch->argv);
    int error = start(tracer, launch, ret_what);
    if (error)
        return error;
    if (tracer->options->leave_terminal)
        background_leave();
    if (!tracer->options->free_placement)
        placement_start(&tracer->placing, &tracer->table);
    bool interrupted = serve_all(tracer);
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
    sampler_stop(tracer->sampler);
    if (tracer->begun && recorder_active(tracer->recorder))
        recorder_end(tracer->recorder, interrupted ? END_INTERRUPTED : END_EXITED, tracer->command_ended,
                     tracer->command_status, tracer->stops);
    tracee_each(&tracer->table, free_all, tracer);
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
    *ret_what = options->output;
    error = recorder_new(options, &tracer.recorder);
    if (!error && options->depth) {
        tracer.capture = capture_new(options, tracer.recorder);
        error = tracer.capture ? 0 : -ENOMEM;
    }
    if (!error) {
        launch_save(&state);
        struct launch launch = {.path = path, .argv = argv, .state = &state, .no_seccomp = options->no_seccomp};
        error = run(&tracer, &launch, &result, ret_what);
    }
    recorder_free(tracer.recorder, !tracer.begun, &result);
    if (!error)
        *ret_result = result;
    capture_free(tracer.capture);
    maps_buffer_free(&tracer.maps);
    free(tracer.mappings);
    free(path);
    return error;
}
