/* live_names.c: names while the program runs. */
#include "live_names.h"

#include "options.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

int names_add_dir(struct live_names *n, const char *dir)
{
    struct stat st;
    if (stat(dir, &st) < 0 || !S_ISDIR(st.st_mode))
        return complain(EXIT_USAGE, "--debug-dir: '%s' is no directory", dir);
    if (n->options.n_debug_dirs == NAMES_MAX_DIRS)
        return complain(EXIT_USAGE, "--debug-dir: %d directories at most", NAMES_MAX_DIRS);
    n->dirs[n->options.n_debug_dirs++] = dir;
    return 0;
}

int names_begin(struct live_names *n)
{
    n->options.debug_dirs = n->dirs;
    n->namer = namer_new(&n->options);
    return n->namer ? 0 : -ENOMEM;
}

void names_end(struct live_names *n)
{
    namer_free(n->namer);
    n->namer = NULL;
}

/* A compiler appends to its map all the time: read it again if it has grown. */
static void read_perf_map(struct live_names *n, const struct rec_event *event)
{
    char path[96];
    struct stat st;
    snprintf(path, sizeof(path), "/proc/%u/root/tmp/perf-%u.map", event->pid, event->pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0)
        return;
    if (fstat(fd, &st) == 0 && (n->perf_space != event->space || n->perf_size != (uint64_t)st.st_size)) {
        n->perf_space = event->space;
        n->perf_size = (uint64_t)st.st_size;
        namer_perf_map(n->namer, event->space, fd);
    }
    close(fd);
}

/* The call site is known once a frame that has been named is it. */
static bool has_site(struct code *code, uint32_t stack, uint32_t named)
{
    struct code_line site;
    return code_site(code, stack, &site) && site.depth < named;
}

int names_event(struct live_names *n, const struct decoder *decoder, const struct rec_event *event, bool all)
{
    struct code *code = decoder_code(decoder);
    struct code_stack stack;
    int error = 0;
    if (!n->namer || !code_stack(code, event->stack, &stack))
        return 0;
    bool map_read = false;
    for (uint32_t i = 0; i < stack.n_frames && !error && (all || !has_site(code, event->stack, i)); i++) {
        const struct code_frame *frame = code_frame(code, stack.frames[i]);
        if (!frame || frame->named)
            continue;
        if (!frame->module && !map_read)
            read_perf_map(n, event);
        map_read = map_read || !frame->module;
        error = namer_frame(n->namer, code, stack.frames[i]);
    }
    return error;
}
