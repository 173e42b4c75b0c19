/*
 * refused.h: tell why a process cannot be attached to.
 */
#ifndef BRKWATER_REFUSED_H
#define BRKWATER_REFUSED_H

#include <sys/types.h>

/* Print one line to standard error: which rule it is, and the way out.  Returns EXIT_TROUBLE. */
int complain_refused(pid_t pid, int error);

#endif
