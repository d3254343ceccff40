/* Runs of edges: their boxes, and how far apart two of them are on the ellipsoid, roughly and exactly. Bounds rule most
 * pairs of edges out before the exact distance is computed. */
#ifndef FN_RUNS_H
#define FN_RUNS_H

#include "geodetic.h"
#include "near_internal.h"
#include "planar.h"

/* The vertices of a run in both forms; segments 0: a point. */
typedef struct fn_run {
    const double *xy, *space;
    uint32_t segments;
} fn_run;

/* Covers the rounding of squares of rounded roots. */
#define FN_WIDER (1 + 4 * 2.220446049250313e-16)

/* Square of the longest chord between two points that are at most this far apart on the ellipsoid. */
static inline double fn_square_of_chord(const fn_ellipsoid *e, double distance)
{
    const double chord = distance < INFINITY ? fn_geo_chord_max(e, distance) : INFINITY;
    return chord * chord * FN_WIDER;
}

static inline double fn_square_between(const double *p, const double *q)
{
    const double x = p[0] - q[0], y = p[1] - q[1], z = p[2] - q[2];
    return x * x + y * y + z * z;
}

/* How far p lies from the origin in the direction of the unit vector v. */
static inline double fn_distance_along(const double *v, const double *p, const double *origin)
{
    return v[0] * (p[0] - origin[0]) + v[1] * (p[1] - origin[1]) + v[2] * (p[2] - origin[2]);
}

/* The box of the vertices of a run, of dims coordinates each: a constant there makes faster code. */
static inline void fn_run_box(const double *v, int dims, uint32_t segments, double lo[3], double hi[3])
{
    for (int d = 0; d < dims; d++) {
        lo[d] = INFINITY;
        hi[d] = -INFINITY;
    }
    for (uint32_t i = 0; i <= segments; i++) {
        const double *p = v + (size_t)dims * i;
        for (int d = 0; d < dims; d++) {
            lo[d] = p[d] < lo[d] ? p[d] : lo[d];
            hi[d] = p[d] > hi[d] ? p[d] : hi[d];
        }
    }
}

/* How far the run extends from its middle vertex, in a straight line. *bulge: how far its edges leave their chords. */
double fn_run_reach(const fn_ellipsoid *e, const fn_run *r, double *bulge);

/* About how far apart two runs are, through the earth. Only to choose by. */
double fn_run_rough_distance(const fn_run *p, const fn_run *q);

/* The geodesic distance of two runs, or anything above `most`. Which points are nearest does not depend on `most`.
 * meeting: or NULL. */
double fn_run_distance(const fn_ellipsoid *e, const fn_run *p, const fn_run *q, double most, fn_meeting *meeting);

#endif
