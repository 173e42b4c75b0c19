/* run.c: what begins and ends every run. */
#include "run.h"

#include "faults.h"
#include "launch.h"
#include "lifecycle.h"

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

static uint32_t header_flags(const struct tracer *tracer)
{
    if (tracer->attached)
        return HEADER_NO_SECCOMP | HEADER_ATTACHED;
    if (tracer->options->no_seccomp)
        return HEADER_NO_SECCOMP;
    return launch_needs_no_new_privs() ? HEADER_NO_NEW_PRIVS : 0u;
}

/* `argv`: arguments, each followed by NUL. */
static void put_header(struct tracer *tracer, struct text argv)
{
    struct utsname system = {0};
    uname(&system);
    char *cwd = getcwd(NULL, 0);
    struct timespec wall;
    clock_gettime(CLOCK_REALTIME, &wall);
    struct record record = {.kind = REC_HEADER,
                            .header = {.major = TRACE_MAJOR,
                                       .minor = TRACE_MINOR,
                                       .wall_ns = (uint64_t)wall.tv_sec * 1000000000u + (uint64_t)wall.tv_nsec,
                                       .page_size = (uint32_t)sysconf(_SC_PAGESIZE),
                                       .clock_ticks = (uint32_t)sysconf(_SC_CLK_TCK),
                                       .max_map_count = read_max_map_count(),
                                       .sample_interval = tracer->options->sample_interval_ms,
                                       .flags = header_flags(tracer),
                                       .version = {BRKWATER_VERSION, strlen(BRKWATER_VERSION)},
                                       .machine = {system.machine, strlen(system.machine)},
                                       .kernel = {system.release, strlen(system.release)},
                                       .cwd = {cwd, cwd ? strlen(cwd) : 0},
                                       .argv = argv}};
    recorder_put(tracer->recorder, &record);
    free(cwd);
}

void run_begin(struct tracer *tracer, struct text argv)
{
    recorder_start(tracer->recorder);
    signals_install();
    raise_descriptor_limit();
    put_header(tracer, argv);
}

static void release(struct tracee *tracee, void *context)
{
    lifecycle_released(context, tracee);
}

void run_forget_all(struct tracer *tracer)
{
    tracee_each(&tracer->table, release, tracer);
}

int run_open(struct tracer *tracer, const char **ret_what)
{
    *ret_what = tracer->options->output;
    int error = recorder_new(tracer->options, &tracer->recorder);
    if (!error && tracer->options->depth) {
        tracer->capture = capture_new(tracer->options, tracer->recorder);
        error = tracer->capture ? 0 : -ENOMEM;
    }
    if (!error && !tracer->options->no_residency &&
        !(tracer->residency = residency_new(tracer->options, tracer->recorder)))
        error = -ENOMEM;
    if (!error && !(tracer->faults = faults_new(tracer)))
        error = -ENOMEM;
    return error;
}

void run_close(struct tracer *tracer, struct tracer_result *result)
{
    faults_free(tracer->faults);
    residency_free(tracer->residency);
    recorder_free(tracer->recorder, !tracer->begun, result);
    capture_free(tracer->capture);
    maps_buffer_free(&tracer->maps);
    free(tracer->mappings);
}
