/*
 * signals.h: the signals that brkwater itself gets.
 *
 * The command shares the terminal's process group, so it gets Ctrl-C and Ctrl-Z by itself; brkwater only must not die
 * of them before its tracees, and must stop together with the command so that the shell notices.  What is sent to
 * brkwater alone (kill, timeout) is passed on to the command, unless the command has got the same signal at about the
 * same time.
 */
#ifndef BRKWATER_SIGNALS_H
#define BRKWATER_SIGNALS_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct own_signals {
    uint64_t pending[NSIG];   /* tick at which the signal came to brkwater alone, 0: none */
    uint64_t delivered[NSIG]; /* tick at which the command last got it */
    uint64_t stop_asked;      /* tick of a stop signal from the terminal, 0: none */
};

/* Install the handlers.  launch_save() must have remembered the old state. */
void signals_install(void);

/* Take note of what the handlers saw; true when one came that asks for an end, which is in *ret_signal. */
bool signals_collect(struct own_signals *signals, uint64_t now, int *ret_signal);

/* The command is about to get this signal. */
void signals_delivered(struct own_signals *signals, int signal, uint64_t now);

/* Pass on what has waited long enough.  True while something still waits. */
bool signals_pass_on(struct own_signals *signals, pid_t command, uint64_t now);

/* Whether a signal stops a process by default. */
bool signals_stops(int signal);

/* The shell must see the command's next stop as ours. */
void signals_ask_stop(struct own_signals *signals, uint64_t now);

/* The command has stopped for job control: stop too if that was asked for.  Returns after SIGCONT. */
void signals_stop_with_command(struct own_signals *signals);

/* True once after each tick of the timer and after each signal: time to look after what is due. */
bool signals_rang(void);

/* Interrupt the wait for stops every 10 ms, or no longer.  A signal switches it on by itself. */
void signals_tick(bool on);

#endif
