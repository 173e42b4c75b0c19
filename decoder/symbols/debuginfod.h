/*
 * debuginfod.h: debug files from the servers that $DEBUGINFOD_URLS names.
 *
 * By libdebuginfod.so.1, which is loaded when it is first needed: it is no dependency of the build, one client keeps
 * its connection for all files, and the file comes as a descriptor, which debuginfod-find would not give.
 */
#ifndef BRKWATER_DEBUGINFOD_H
#define BRKWATER_DEBUGINFOD_H

#include <stddef.h>

struct debuginfod_servers;

/* NULL when the library is not installed, or $DEBUGINFOD_URLS is empty. */
struct debuginfod_servers *debuginfod_servers_new(void);
void debuginfod_servers_free(struct debuginfod_servers *servers);

/* Descriptor of the debug file of that build-id; -ENOENT, or -ETIME when the answers so far have taken longer than a
 * limit: then nothing more is asked.  How long one answer may take is the library's to say ($DEBUGINFOD_TIMEOUT). */
int debuginfod_servers_find(struct debuginfod_servers *servers, const unsigned char *id, size_t size);

#endif
