/* Walks along edges from cell to cell, within a window: what they leave in the cells. */
#ifndef FN_WALK_H
#define FN_WALK_H

#include "orientation.h"
#include "touches.h"
#include "zone.h"

/* Rows [top, bottom) and columns [left, right) of the window, 0..INT32_MAX. */
typedef struct fn_walk {
    fn_touches *to;
    double top, bottom, left, right;
    bool is_line;
    int32_t row, begin, end; /* the last cells that an edge passed through: columns [begin, end) */
} fn_walk;

/* Signed heights and areas of polygons; lengths of lines. */
void fn_walk_fraction(fn_walk *walk, const fn_zone *zone);
/* Windings of centres. */
void fn_walk_center(fn_walk *walk, const fn_zone *zone);
/* Windings of centres (of polygons), and passes of edges through cells. */
void fn_walk_touched(fn_walk *walk, const fn_zone *zone);

#endif
