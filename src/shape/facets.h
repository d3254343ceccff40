/* The least distance between the edges of two components, lines or polygons with their holes, of a few dozen vertices
 * each. */
#ifndef FN_FACETS_H
#define FN_FACETS_H

#include "shape.h"

/* A component: paths of vertices, and the box around them, as fn_paths_envelope() has it. */
typedef struct fn_facets {
    const double *xy;
    const fn_path *paths;
    uint32_t n_paths;
    const double *lo, *hi; /* pairs */
} fn_facets;

#define FN_FACETS_MOST 256 /* vertices of a component */

/* The distance between p and q as GEOS computes it, to the last bit: 0 where edges cross or touch. Nothing is said of
 * what lies inside. A distance above `most` may be any above it. p may be a point. */
double fn_facet_distance(const fn_facets *p, const fn_facets *q, double most);

/* Whether a polygon has the point inside, which is not on its edges: by the even-odd rule, ring by ring, as GEOS has
 * it. 1: it has; 0: it has not; -1: that is too close to tell in doubles, or a ring is none. */
int fn_facets_contain(const fn_facets *polygon, const double point[2]);

#endif
