/* tasks.c: records of threads and of programs. */
#include "tasks.h"

#include "launch.h"
#include "proc.h"

#include <stdio.h>
#include <string.h>
#include <sys/personality.h>
#include <sys/stat.h>
#include <unistd.h>

void tracer_note(struct tracer *tracer, enum note_code code, const struct tracee *tracee, uint64_t value,
                 const char *text)
{
    struct record record = {.kind = REC_NOTE,
                            .note = {.time = recorder_now(tracer->recorder),
                                     .code = (uint32_t)code,
                                     .tid = (uint32_t)tracee->tid,
                                     .pid = tracee->process ? (uint32_t)tracee->process->pid : 0,
                                     .value = value,
                                     .text = {text, text ? strlen(text) : 0}}};
    recorder_put(tracer->recorder, &record);
}

void tasks_put(struct tracer *tracer, const struct tracee *tracee, pid_t parent, uint32_t copied_from, uint32_t flags)
{
    struct record record = {.kind = REC_TASK,
                            .task = {.time = recorder_now(tracer->recorder),
                                     .tid = (uint32_t)tracee->tid,
                                     .pid = (uint32_t)tracee->process->pid,
                                     .parent = (uint32_t)parent,
                                     .space = tracee->space->id,
                                     .copied_from = copied_from,
                                     .flags = flags}};
    recorder_put(tracer->recorder, &record);
}

void tasks_begin(struct tracer *tracer, const struct tracee *tracee, uint32_t flags)
{
    tracer->begun = true;
    struct record record = {.kind = REC_TASK,
                            .task = {.time = recorder_now(tracer->recorder),
                                     .tid = (uint32_t)tracee->tid,
                                     .pid = (uint32_t)tracee->process->pid,
                                     .flags = flags}};
    recorder_put(tracer->recorder, &record);
}

/* Whether the file asks for other privileges, and the kernel did not give them because the tracer may not see such a
 * process. */
static bool lost_privileges(const struct process *process)
{
    struct stat st;
    if (process->dir < 0 || !launch_needs_no_new_privs() || fstatat(process->dir, "exe", &st, 0) < 0)
        return false;
    return ((st.st_mode & S_ISUID) && st.st_uid != geteuid()) ||
           ((st.st_mode & (S_ISGID | S_IXGRP)) == (S_ISGID | S_IXGRP) && st.st_gid != getegid());
}

void tasks_put_exec(struct tracer *tracer, struct tracee *tracee, uint32_t old_space, pid_t old_tid, uint32_t flags)
{
    struct process *process = tracee->process;
    char exe[4096];
    ssize_t size = process->dir < 0 ? 0 : proc_exe(process->dir, exe, sizeof(exe));
    if (process->dir >= 0)
        proc_comm(process->dir, process->comm);
    struct record record = {.kind = REC_EXEC,
                            .exec = {.time = recorder_now(tracer->recorder),
                                     .pid = (uint32_t)process->pid,
                                     .old_tid = (uint32_t)old_tid,
                                     .old_space = old_space,
                                     .flags = flags,
                                     .space = tracee->space->id,
                                     .start_brk = process->dir < 0 ? 0 : proc_start_brk(process->dir),
                                     .exe = {exe, size > 0 ? (size_t)size : 0},
                                     .comm = {process->comm, strlen(process->comm)}}};
    if (process->dir >= 0 && (proc_personality(process->dir) & READ_IMPLIES_EXEC))
        record.exec.flags |= EXEC_READ_IMPLIES_EXEC;
    if (process->dir >= 0 && proc_is_32bit(process->dir))
        record.exec.flags |= EXEC_32BIT;
    const bool lost = !(flags & EXEC_ATTACHED) && lost_privileges(process);
    if (lost)
        record.exec.flags |= EXEC_UNPRIVILEGED;
    recorder_put(tracer->recorder, &record);
    if (lost) {
        exe[size > 0 && (size_t)size < sizeof(exe) ? (size_t)size : 0] = '\0';
        tracer_note(tracer, NOTE_SETUID_IGNORED, tracee, 0, exe);
    }
}
