/*
 * refusal.h: the facts behind a refusal to attach, and what follows from them.  What comes out is in tracer.h.
 *
 * Gathering and deciding are apart, so that rules which this machine does not have can be tested.
 */
#ifndef BRKWATER_REFUSAL_H
#define BRKWATER_REFUSAL_H

#include "tracer.h"

/* Of a question that cannot always be answered. */
enum answer { ANSWER_UNKNOWN, ANSWER_NO, ANSWER_YES };

/* Real, effective and saved ids in the order of proc_pid_status(5), and the permitted capabilities. */
struct credentials {
    uint32_t uids[3], gids[3];
    uint64_t permitted, effective;
};

enum { REFUSAL_NOT_ASKED = -1 };

/* Example, for a server of user 33 that somebody without privileges asks about:
 *     error EPERM, pid 1234, leader 1234, comm "redis-server", target.uids {33, 33, 33}, caller.uids {1000, 1000,
 * 1000}, dumpable ANSWER_YES, same_user_namespace ANSWER_YES, is_descendant ANSWER_NO, yama 1 */
struct refusal_facts {
    /* What the kernel says: an errno of the check, 0 when it allows it, REFUSAL_NOT_ASKED when it could not be asked.
     */
    int error;
    /* The process that was asked about. */
    bool exists;       /* something has that number, whether or not it can be looked at */
    bool known;        /* what follows could be read */
    pid_t pid, leader; /* leader: its process, the same unless it is a thread */
    pid_t parent;
    char comm[17];
    bool is_kernel_thread, has_ended;
    pid_t tracer; /* of the first thread that has one; 0: none */
    char tracer_comm[17], parent_comm[17], leader_comm[17];
    struct credentials target;
    enum answer dumpable, same_user_namespace;
    /* Who asks. */
    pid_t self;
    struct credentials caller;
    enum answer is_descendant; /* whether the process descends from the caller */
    bool is_filtered;          /* a seccomp filter is on the caller */
    int yama;
};

/* Read all facts.  `error` as for refusal_find().  0 or -ENOENT as there. */
int refusal_facts_read(pid_t pid, int error, struct refusal_facts *ret_facts);

/* Which rule it is.  Where the kernel could not be asked, the rule that it would apply. */
void refusal_decide(const struct refusal_facts *facts, struct refusal *ret);

#endif
