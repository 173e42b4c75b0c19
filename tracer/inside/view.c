/* view.c: reads through a window and through some pages. */
#include "view.h"

#include <stdlib.h>
#include <string.h>

enum { WINDOW_LEAST = 4096, WINDOW_MOST = 256 << 10, PAGES = 64 };

struct view {
    struct view_source source;
    uint64_t until, bytes;
    enum view_stop stop;
    tracee_addr at; /* of the window */
    size_t size, wanted;
    tracee_addr page_at[PAGES]; /* of each page, by its address; 1: nothing */
    /* Most of this is never touched. */
    unsigned char pages[PAGES][TRACE_PAGE];
    unsigned char window[WINDOW_MOST];
};

struct view *view_new(const struct view_source *source, uint64_t until, uint64_t bytes)
{
    struct view *v = malloc(sizeof(*v));
    if (!v)
        return NULL;
    v->source = *source;
    v->until = until;
    v->bytes = bytes;
    v->stop = VIEW_GOES_ON;
    v->at = 0;
    v->size = 0;
    v->wanted = WINDOW_LEAST;
    for (size_t i = 0; i < PAGES; i++)
        v->page_at[i] = 1;
    return v;
}

void view_free(struct view *view)
{
    free(view);
}

enum view_stop view_stopped(const struct view *v)
{
    return v->stop;
}

static bool fetch(struct view *v, tracee_addr addr, void *buffer, size_t size)
{
    if (!v->stop && v->source.now(v->source.context) >= v->until)
        v->stop = VIEW_TIMED_OUT;
    if (!v->stop && size > v->bytes)
        v->stop = VIEW_EXHAUSTED;
    if (v->stop)
        return false;
    v->bytes -= size;
    return v->source.read(v->source.context, addr, buffer, size) == 0;
}

/* ---- the window ---- */

static bool move_window(struct view *v, tracee_addr addr, tracee_addr limit, size_t size)
{
    const bool near = v->size && addr >= v->at && addr - v->at <= v->size + WINDOW_LEAST;
    v->wanted = !near ? WINDOW_LEAST : v->wanted < WINDOW_MOST ? v->wanted * 2 : WINDOW_MOST;
    /* To the end of a page, so that the next window begins with one. */
    size_t wanted = v->wanted - addr % TRACE_PAGE;
    if (wanted < size)
        wanted += TRACE_PAGE;
    if (wanted > limit - addr)
        wanted = limit - addr;
    v->size = 0;
    if (!fetch(v, addr, v->window, wanted)) {
        wanted = size; /* a hole lies farther on, or here */
        if (v->stop || !fetch(v, addr, v->window, wanted))
            return false;
    }
    v->at = addr;
    v->size = wanted;
    return true;
}

bool view_walk(struct view *v, tracee_addr addr, tracee_addr limit, void *buffer, size_t size)
{
    if (addr >= limit || size > limit - addr || size > TRACE_PAGE)
        return false;
    const bool inside = addr >= v->at && addr - v->at < v->size && size <= v->size - (addr - v->at);
    if (!inside && !move_window(v, addr, limit, size))
        return false;
    memcpy(buffer, v->window + (addr - v->at), size);
    return true;
}

/* ---- pages ---- */

static const unsigned char *get_page(struct view *v, tracee_addr addr)
{
    const size_t i = (addr / TRACE_PAGE) % PAGES;
    if (v->page_at[i] == addr)
        return v->pages[i];
    v->page_at[i] = 1;
    if (!fetch(v, addr, v->pages[i], TRACE_PAGE))
        return NULL;
    v->page_at[i] = addr;
    return v->pages[i];
}

bool view_read(struct view *v, tracee_addr addr, void *buffer, size_t size)
{
    unsigned char *out = buffer;
    if (size > TRACE_PAGE || addr > UINT64_MAX - 2 * TRACE_PAGE)
        return false;
    while (size) {
        const size_t offset = addr % TRACE_PAGE, piece = size < TRACE_PAGE - offset ? size : TRACE_PAGE - offset;
        const unsigned char *bytes = get_page(v, addr - offset);
        if (!bytes)
            return false;
        memcpy(out, bytes + offset, piece);
        out += piece;
        addr += piece;
        size -= piece;
    }
    return true;
}
