/*
 * places.h: the inside of struct places, for the file that keeps them.  Internal to decoder/.
 */
#ifndef BRKWATER_PLACES_H
#define BRKWATER_PLACES_H

#include "model.h"

struct places {
    struct process_places *list; /* by process index */
    size_t count, capacity;
};

/* Make the list so long; new ones are empty.  0 or -ENOMEM. */
int places_hold(struct places *places, size_t count);

#endif
