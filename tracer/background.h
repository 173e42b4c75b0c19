/*
 * background.h: see tracer_background() in tracer.h; this is the part that the run itself needs.
 */
#ifndef BRKWATER_BACKGROUND_H
#define BRKWATER_BACKGROUND_H

/* Leave the terminal's session and the caller's pipes: standard input, output and error become /dev/null. */
void background_leave(void);

#endif
