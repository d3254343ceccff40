/* Points put into the order of a tree: along the finest curve, and those with the same coordinates (bit for bit) next
 * to one another. The order depends on the points alone, and not on the number of workers. */
#ifndef FN_PLACES_H
#define FN_PLACES_H

#include "curve.h"

typedef struct fn_places {
    fn_frame frame;
    size_t n;
    double *xy;            /* n pairs */
    const uint32_t *label; /* of each point; among those in the same place the lowest comes first. NULL: its number */
    /* xy is handed over to be used up: its memory is given back to the system as it is read, and holds nothing
     * afterwards. So a large set needs hardly more than it takes up in the end. */
    bool spend;
    /* The points in their order, n each: */
    double *x, *y;
    uint32_t *number; /* their labels */
} fn_places;

/* *shared: whether any two are in the same place. False: out of memory. */
bool fn_place_points(const fn_places *places, int workers, bool *shared);

#endif
