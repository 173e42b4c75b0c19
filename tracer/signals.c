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

static const int ending[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};
static const int stopping[] = {SIGTSTP, SIGTTIN, SIGTTOU};

/* Written by the handler, read by the loop. */
static volatile sig_atomic_t seen[32], alone[32], rang;

static void handler(int signal, siginfo_t *info, void *context)
{
    (void)context;
    seen[signal] = rang = 1;
    /* si_code above 0 is the kernel's: the terminal, which told the whole process group. */
    if (info->si_code <= 0)
        alone[signal] = 1;
}

static void alarm_handler(int signal)
{
    (void)signal; /* what matters is that it interrupts waitpid() */
    rang = 1;
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
    sigset_t unblock;
    sigemptyset(&action.sa_mask);
    sigemptyset(&unblock);
    for (size_t i = 0; i < sizeof(ending) / sizeof(ending[0]); i++) {
        sigaction(ending[i], &action, NULL);
        sigaddset(&unblock, ending[i]);
    }
    for (size_t i = 0; i < sizeof(stopping) / sizeof(stopping[0]); i++)
        sigaction(stopping[i], &action, NULL);
    struct sigaction alarm = {.sa_handler = alarm_handler};
    sigemptyset(&alarm.sa_mask);
    sigaction(SIGALRM, &alarm, NULL);
    sigaddset(&unblock, SIGALRM);
    /* SIGCHLD ignored by our parent would make the kernel reap tracees unseen. */
    struct sigaction dfl = {.sa_handler = SIG_DFL}, ignore = {.sa_handler = SIG_IGN};
    sigaction(SIGCHLD, &dfl, NULL);
    sigaction(SIGPIPE, &ignore, NULL);
    sigaction(SIGXFSZ, &ignore, NULL);
    sigprocmask(SIG_UNBLOCK, &unblock, NULL);
}

bool signals_collect(struct own_signals *s, uint64_t now, int *ret_signal)
{
    bool ended = false;
    for (size_t i = 0; i < sizeof(ending) / sizeof(ending[0]); i++) {
        int signal = ending[i];
        if (!seen[signal])
            continue;
        seen[signal] = 0;
        ended = true;
        *ret_signal = signal;
        if (alone[signal])
            s->pending[signal] = instant(now);
        alone[signal] = 0;
    }
    for (size_t i = 0; i < sizeof(stopping) / sizeof(stopping[0]); i++) {
        int signal = stopping[i];
        if (!seen[signal])
            continue;
        seen[signal] = 0;
        s->stop_asked = instant(now);
        if (alone[signal])
            s->pending[signal] = instant(now);
        alone[signal] = 0;
    }
    return ended;
}

void signals_delivered(struct own_signals *s, int signal, uint64_t now)
{
    if (signal > 0 && signal < 32)
        s->delivered[signal] = instant(now);
}

bool signals_pass_on(struct own_signals *s, pid_t command, uint64_t now)
{
    bool waiting = false;
    for (int signal = 1; signal < 32; signal++) {
        if (!s->pending[signal])
            continue;
        if (s->delivered[signal] && s->delivered[signal] + PASS_ON_AFTER >= s->pending[signal]) {
            s->pending[signal] = 0;
        } else if (now - s->pending[signal] >= PASS_ON_AFTER) {
            s->pending[signal] = 0;
            kill(command, signal);
        } else {
            waiting = true;
        }
    }
    if (s->stop_asked && now - s->stop_asked > STOP_WITHIN)
        s->stop_asked = 0;
    return waiting;
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

void signals_tick(struct own_signals *s, bool on)
{
    if (s->ticking == on)
        return;
    s->ticking = on;
    struct itimerval interval = {{0, 0}, {0, 0}};
    if (on)
        interval.it_interval.tv_usec = interval.it_value.tv_usec = 10000;
    setitimer(ITIMER_REAL, &interval, NULL);
}
