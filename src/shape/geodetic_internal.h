/* What the files of geodetic.h have in common: places in space, angles, and how a ring crosses a meridian. */
#ifndef FN_GEODETIC_INTERNAL_H
#define FN_GEODETIC_INTERNAL_H

#include "geodetic.h"

/* What rounding may do to a distance or a position, as a part of the semi-major axis: 1e-6 m on the earth. Positions
 * in space are right to 1e-15 a, and distances of PROJ to 2.4e-15 a, so that this covers several of them. */
#define FN_GEO_ROUNDING 1.6e-13

/* A place or a direction in space, earth-centred. */
typedef struct fn_vector {
    double x, y, z;
} fn_vector;
fn_vector fn_geo_in_space(const fn_ellipsoid *e, const double p[2]);

static inline double fn_clamp(double x, double low, double high)
{
    return x < low ? low : x > high ? high : x;
}

/* The angle in [-180, 180], exactly. */
static inline double fn_geo_turn(double degrees)
{
    if (degrees >= -180 && degrees <= 180)
        return degrees;
    if (degrees >= -540 && degrees <= 540) /* within a factor of 2 of 360: the difference is exact */
        return degrees < 0 ? degrees + 360 : degrees - 360;
    return remainder(degrees, 360);
}

/* How far to the right q lies of the line that leaves p with azimuth `line`. */
double fn_geo_right_of(const fn_ellipsoid *e, const double p[2], double line, const double q[2]);

/* ---- rings ---- */

static inline bool fn_geo_at_pole(const double p[2])
{
    return fabs(p[1]) >= 90;
}

/* How often a ring crosses p's meridian north and south of p. */
typedef struct fn_crossings {
    size_t north, south;
} fn_crossings;

/* Adds the crossings of edges that end at the vertices first..end - 1. a, pole: as fn_geo_vertex_before() has them for
 * the first. */
void fn_geo_add_crossings(const fn_ellipsoid *e, const double *xy, size_t first, size_t end, const double *a, int pole,
                          const double p[2], fn_crossings *c);

/* The last vertex before the k-th that is not at a pole, of n vertices that follow one another in a circle; NULL: all
 * are at poles. *pole: the pole in between (1 north, -1 south), or 0. */
const double *fn_geo_vertex_before(const double *xy, size_t n, size_t k, int *pole);

/* Whether the mean of the latitudes of n vertices is below 0. */
bool fn_geo_is_southern(const double *xy, size_t n);

#endif
