/* signals.c: brkwater's own signals, its interval timer. */
#include "signals.h"

#include "trace.h"

#include <string.h>
#include <sys/time.h>
#include <unistd.h>

enum {
    PASS_ON_AFTER = TRACE_TICKS_PER_SECOND / 50, /* 20 ms: time for the command to get the same signal by itself */
    STOP_WITHIN = TRACE_TICKS_PER_SECOND,        /* a stop signal that the command handled is forgotten after this */
};

/* Written by the handler, read by the loop. */
static volatile sig_atomic_t seen[NSIG], alone[NSIG], rang, ticking;

static void set_timer(bool on)
{
    struct itimerval interval = {{0, 0}, {0, 0}};
    if (on)
        interval.it_interval.tv_usec = interval.it_value.tv_usec = 10000;
    setitimer(ITIMER_REAL, &interval, NULL);
}

static void handler(int signal, siginfo_t *info, void *context)
{
    (void)context;
    rang = 1;
    if (signal == SIGALRM && info->si_code > 0)
        return; /* our own tick: all it must do is to interrupt waitpid() */
    seen[signal] = 1;
    /* si_code above 0 is the kernel's: the terminal, which told the whole process group. */
    if (info->si_code <= 0)
        alone[signal] = 1;
    /* The loop may just be about to wait: the next tick will wake it. */
    if (!ticking) {
        ticking = 1;
        set_timer(true);
    }
}

bool signals_stops(int signal)
{
    return signal == SIGSTOP || signal == SIGTSTP || signal == SIGTTIN || signal == SIGTTOU;
}

static bool asks_for_end(int signal)
{
    return signal == SIGINT || signal == SIGTERM || signal == SIGHUP || signal == SIGQUIT;
}

/* Left alone: what can't be caught, what tells of our own faults, what does nothing by default, and what has a use of
 * its own. */
static bool is_handled(int signal)
{
    switch (signal) {
    case SIGKILL:
    case SIGSTOP:
    case SIGSEGV:
    case SIGBUS:
    case SIGILL:
    case SIGFPE:
    case SIGTRAP:
    case SIGABRT:
    case SIGSYS:
    case SIGCHLD:
    case SIGURG:
    case SIGWINCH:
    case SIGPIPE:
    case SIGXFSZ:
    case SIGTTIN:
    case SIGTTOU:
        return false;
    default:
        return signal < 32 || signal >= SIGRTMIN; /* those between are libc's */
    }
}

/* A tick that is never 0, since 0 stands for none. */
static uint64_t instant(uint64_t now)
{
    return now ? now : 1;
}

void signals_install(void)
{
    /* No SA_RESTART: a signal must interrupt the wait. */
    struct sigaction action = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO};
    struct sigaction dfl = {.sa_handler = SIG_DFL}, ignore = {.sa_handler = SIG_IGN};
    sigset_t unblock;
    sigemptyset(&action.sa_mask);
    sigemptyset(&unblock);
    for (int signal = 1; signal < NSIG; signal++)
        if (is_handled(signal)) {
            sigaction(signal, &action, NULL);
            sigaddset(&unblock, signal);
        }
    /* SIGCHLD ignored by our parent would make the kernel reap tracees unseen. */
    sigaction(SIGCHLD, &dfl, NULL);
    sigaction(SIGPIPE, &ignore, NULL);
    sigaction(SIGXFSZ, &ignore, NULL);
    /* What the terminal sends for reading or writing in the background is seen at the command; our own lines must get
     * out. */
    sigaction(SIGTTIN, &ignore, NULL);
    sigaction(SIGTTOU, &ignore, NULL);
    sigprocmask(SIG_UNBLOCK, &unblock, NULL);
}

bool signals_collect(struct own_signals *s, uint64_t now, int *ret_signal)
{
    bool ended = false;
    for (int signal = 1; signal < NSIG; signal++) {
        if (!seen[signal])
            continue;
        seen[signal] = 0;
        if (asks_for_end(signal)) {
            ended = true;
            *ret_signal = signal;
        }
        if (signals_stops(signal))
            signals_ask_stop(s, now);
        if (alone[signal])
            s->pending[signal] = instant(now);
        alone[signal] = 0;
    }
    return ended;
}

void signals_delivered(struct own_signals *s, int signal, uint64_t now)
{
    if (signal > 0 && signal < NSIG)
        s->delivered[signal] = instant(now);
}

bool signals_pass_on(struct own_signals *s, pid_t command, uint64_t now)
{
    bool waiting = false;
    for (int signal = 1; signal < NSIG; signal++) {
        if (!s->pending[signal])
            continue;
        if (s->delivered[signal] && s->delivered[signal] + PASS_ON_AFTER >= s->pending[signal]) {
            s->pending[signal] = 0;
        } else if (now >= s->pending[signal] + PASS_ON_AFTER) {
            s->pending[signal] = 0;
            kill(command, signal);
        } else {
            waiting = true;
        }
    }
    if (s->stop_asked && now > s->stop_asked + STOP_WITHIN)
        s->stop_asked = 0;
    return waiting;
}

void signals_ask_stop(struct own_signals *s, uint64_t now)
{
    s->stop_asked = instant(now);
}

void signals_stop_with_command(struct own_signals *s)
{
    if (!s->stop_asked)
        return;
    s->stop_asked = 0;
    raise(SIGSTOP);
}

bool signals_rang(void)
{
    bool result = rang;
    rang = 0;
    return result;
}

void signals_tick(bool on)
{
    if (ticking == on)
        return;
    ticking = on;
    set_timer(on);
}
