/* refusal_text.c: why a process cannot be attached to, in words. */
#include "refusal_text.h"

#include "escape.h"

#include <pwd.h>
#include <string.h>

static void add_name(struct buffer *out, const char *comm)
{
    escape_text(out, escape_chars(comm), 0, ESCAPE_ALL);
}

void refusal_process(struct buffer *out, pid_t pid, const char *comm)
{
    buffer_signed(out, pid);
    if (!*comm)
        return;
    buffer_string(out, " (");
    add_name(out, comm);
    buffer_char(out, ')');
}

/* "gdb (pid 4602)" */
static void add_other(struct buffer *out, const struct refusal *r)
{
    if (*r->other_comm) {
        add_name(out, r->other_comm);
        buffer_string(out, " (pid ");
        buffer_signed(out, r->other);
        buffer_char(out, ')');
    } else {
        buffer_string(out, "process ");
        buffer_signed(out, r->other);
    }
}

/* "user postgres (uid 26)" */
static void add_user(struct buffer *out, uint32_t uid)
{
    char room[4096];
    struct passwd entry, *found = NULL;
    getpwuid_r(uid, &entry, room, sizeof(room), &found);
    buffer_string(out, "user ");
    if (found) {
        add_name(out, found->pw_name);
        buffer_string(out, " (uid ");
        buffer_unsigned(out, uid);
        buffer_char(out, ')');
    } else {
        buffer_unsigned(out, uid);
    }
}

/* ---- why ---- */

static void add_other_user(struct buffer *out, const struct refusal *r)
{
    if (r->uid == REFUSAL_UNKNOWN_ID) {
        buffer_string(out, "it belongs to another user, and is hidden (/proc is mounted with hidepid)");
    } else if (r->uid == r->caller_uid) {
        buffer_string(out, "it runs with another group than you (gid ");
        buffer_unsigned(out, r->gid);
        buffer_char(out, ')');
    } else {
        buffer_string(out, "it runs as ");
        add_user(out, r->uid);
    }
}

static void add_zombie(struct buffer *out, const struct refusal *r)
{
    buffer_string(out, "it has ended");
    if (!r->other)
        return;
    buffer_string(out, ", and waits only for its parent, ");
    add_other(out, r);
    buffer_string(out, ", to take notice");
}

static void add_yama(struct buffer *out, const struct refusal *r)
{
    buffer_string(out, r->yama <= 1   ? "Yama allows only descendants to be traced"
                       : r->yama == 2 ? "Yama allows only root to attach"
                                      : "Yama allows nobody to attach until the next boot");
    buffer_string(out, " (kernel.yama.ptrace_scope is ");
    buffer_signed(out, r->yama);
    buffer_char(out, ')');
}

/* Those that need no fact. */
static const char *const reasons[REFUSAL_RULES] = {
    [REFUSAL_NONE] = "nothing forbids it",
    [REFUSAL_NO_PROCESS] = "there is no such process",
    [REFUSAL_SELF] = "it is brkwater itself",
    [REFUSAL_KERNEL_THREAD] = "it is a thread of the kernel, which has no memory of its own",
    [REFUSAL_NOT_DUMPABLE] = "it lets nobody look into it: it is not dumpable (prctl(2), PR_SET_DUMPABLE)",
    [REFUSAL_USER_NAMESPACE] = "it is in another user namespace",
    [REFUSAL_CAPABILITIES] = "it has capabilities that you have not",
    [REFUSAL_SECCOMP] = "the kernel refuses; brkwater runs under a seccomp filter, which may forbid it",
    [REFUSAL_SECURITY_MODULE] = "the kernel refuses by no rule of ptrace(2): a security module (SELinux, AppArmor) may "
                                "forbid it",
};

void refusal_reason(struct buffer *out, const struct refusal *r)
{
    switch (r->rule) {
    case REFUSAL_THREAD:
        buffer_string(out, "it is a thread of process ");
        refusal_process(out, r->other, r->other_comm);
        break;
    case REFUSAL_ZOMBIE:
        add_zombie(out, r);
        break;
    case REFUSAL_TRACED:
        buffer_string(out, "it is traced by ");
        add_other(out, r);
        break;
    case REFUSAL_OTHER_USER:
        add_other_user(out, r);
        break;
    case REFUSAL_YAMA:
        add_yama(out, r);
        break;
    case REFUSAL_OTHER:
        buffer_string(out, strerror(r->error));
        break;
    default:
        buffer_string(out, reasons[r->rule]);
    }
}

/* ---- the way out ---- */

/* In a container root may lack what root has. */
static void add_privilege(struct buffer *out, const struct refusal *r, const char *or_else)
{
    buffer_string(out, r->caller_uid == 0
                           ? "Run brkwater with the capability CAP_SYS_PTRACE, which root lacks here (to "
                             "give it to a container: --cap-add=SYS_PTRACE)"
                           : "Run brkwater as root");
    buffer_string(out, or_else);
}

static const char *const ways_out[REFUSAL_RULES] = {
    [REFUSAL_NO_PROCESS] = "To list those that there are: ps -e",
    [REFUSAL_SELF] = "Name another process.",
    [REFUSAL_KERNEL_THREAD] = "Name the process of a program.",
    [REFUSAL_ZOMBIE] = "Name a process that runs.",
    [REFUSAL_USER_NAMESPACE] = "Run brkwater as root outside of all containers, or inside that namespace.",
    [REFUSAL_SECCOMP] = "Run it outside of the container, or start that with --cap-add=SYS_PTRACE.",
    [REFUSAL_SECURITY_MODULE] = "Its message is in: dmesg",
    [REFUSAL_OTHER] = "See: brkwater doctor",
};

void refusal_way_out(struct buffer *out, const struct refusal *r)
{
    switch (r->rule) {
    case REFUSAL_THREAD:
        buffer_string(out, "Use: -p ");
        buffer_signed(out, r->other);
        break;
    case REFUSAL_TRACED:
        buffer_string(out, "End that, or detach it, then try again.");
        break;
    case REFUSAL_OTHER_USER:
        add_privilege(out, r, r->uid == r->caller_uid ? ", or with that group." : ", or as that user.");
        break;
    case REFUSAL_NOT_DUMPABLE:
    case REFUSAL_CAPABILITIES:
        add_privilege(out, r, ".");
        break;
    case REFUSAL_YAMA:
        if (r->yama >= 3)
            buffer_string(out, "Only a boot with another value helps (see sysctl.d(5)).");
        else
            add_privilege(out, r, ", or set, as root: sysctl kernel.yama.ptrace_scope=0");
        break;
    default:
        buffer_string(out, ways_out[r->rule] ? ways_out[r->rule] : "");
    }
}

void refusal_text(struct buffer *out, const struct refusal *r)
{
    buffer_string(out, "cannot attach to ");
    refusal_process(out, r->pid, r->comm);
    buffer_string(out, ": ");
    refusal_reason(out, r);
    buffer_string(out, ". ");
    refusal_way_out(out, r);
}
