/*
 * plt.h: the stubs of the procedure linkage table, through which a module calls functions of others.
 *
 * They have no symbols.  A stub is known by the slot of the global offset table that it jumps through, or by the number
 * of the relocation that it pushes; the relocation names the function.  Source: the x86-64 and i386 psABI.
 */
#ifndef BRKWATER_PLT_H
#define BRKWATER_PLT_H

#include "image.h"

struct plt_stub {
    uint64_t start, end;  /* end exclusive */
    const char *function; /* valid during the call only */
};

/* Call `take` for every stub that can be named; anything but 0 from it ends the walk and is returned.  0 or -ENOMEM
 * otherwise. */
int plt_stubs(const struct image *image, int (*take)(void *opaque, const struct plt_stub *stub), void *opaque);

#endif
