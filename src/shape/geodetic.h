/* Geodesics on an ellipsoid of revolution (oblate), for the near index: distances between points and edges, what
 * contains what, and the bounds that let a tree of straight boxes in space search them without missing anything.
 * Coordinates are longitude and latitude in degrees, any longitude; distances are metres. All functions are pure;
 * any thread.
 *
 * Edges are geodesics: the shortest way from vertex to vertex. Callers cut edges longer than FN_GEO_EDGE first
 * (fn_geo_cut), so the functions here only meet short ones.
 *
 * Method: C. F. F. Karney, Algorithms for geodesics, J. Geodesy 87 (2013), as PROJ's geodesic.h has it. */
#ifndef FN_GEODETIC_H
#define FN_GEODETIC_H

#include <geodesic.h>
#include <math.h>
#include <stdbool.h>
#include <stddef.h>

#define FN_GEO_EDGE 20000.0 /* metres */

#define FN_RADIANS (3.14159265358979323846 / 180) /* of a degree */
#define FN_DEGREES (180 / 3.14159265358979323846) /* of a radian */

typedef struct fn_ellipsoid {
    double a, f, b; /* semi-major axis, flattening, semi-minor axis */
    struct geod_geodesic geod;
} fn_ellipsoid;

void fn_ellipsoid_init(fn_ellipsoid *e, double a, double f);

/* The same longitude, exactly, without turns that leave no digits for the place: points between two such vertices
 * would be rounded to the same. */
static inline double fn_geo_longitude(double degrees)
{
    return fabs(degrees) <= 1e5 ? degrees : remainder(degrees, 360);
}

/* Earth-centred coordinates of a point on the ellipsoid. */
void fn_geo_space(const fn_ellipsoid *e, const double p[2], double xyz[3]);

/* Two points whose geodesic distance is at most s have a chord (straight line in space) of at most this, rounding
 * included. Rises with s; never above 2 a (1 + 1e-12). */
double fn_geo_chord_max(const fn_ellipsoid *e, double s);

/* No point of a geodesic edge is farther from its chord than this, given the chord's length; rounding included. For
 * chords up to FN_GEO_EDGE. */
double fn_geo_bulge(const fn_ellipsoid *e, double chord);

/* A point of the ellipsoid near which the point xyz in space lies: under it, or beside that by as much as the
 * flattening makes. */
void fn_geo_under(const fn_ellipsoid *e, const double xyz[3], double p[2]);

/* One geodesic, from p to q, and what it tells about those beside it. With all points in space, for any x near p and
 * y near q
 *
 *     distance(x, y) >= s.distance + s.away_at_p . (x - p) + s.away_at_q . (y - q) - fn_geo_sight_doubt(e, &s, |x - p|,
 *     |y - q|)
 *
 * rounding included. Chords alone leave a part of about the flattening open, which is much between points far apart. */
typedef struct fn_sight {
    double distance;
    double p[3], q[3];
    double away_at_p[3], away_at_q[3]; /* the way's direction at its ends, out of it: unit vectors */
} fn_sight;
void fn_geo_sight(const fn_ellipsoid *e, const double p[2], const double p_space[3], const double q[2],
                  const double q_space[3], fn_sight *s);
/* Rises with both reaches. INFINITY: the sight tells nothing (p and q nearly opposite, or too near for such
 * reaches). */
double fn_geo_sight_doubt(const fn_ellipsoid *e, const fn_sight *s, double reach_p, double reach_q);

/* Geodesic distance; azimuth (degrees in (-180, 180]) at p towards q in *azimuth (or NULL); 0 when the points are
 * the same. */
double fn_geo_distance(const fn_ellipsoid *e, const double p[2], const double q[2], double *azimuth);

/* Distance of point p from edge ab (short, or a point), within 1e-6 m; the nearest point of the edge in at (or
 * NULL), longitude in [-180, 180]. p may be anywhere on the earth. */
double fn_geo_point_edge(const fn_ellipsoid *e, const double p[2], const double a[2], const double b[2], double at[2]);

/* Distance of two short edges: 0 where they cross or touch (within 1e-9 m); the nearest points of ab and of cd in
 * at_ab and at_cd (or NULL), the same point at distance 0. */
double fn_geo_edge_edge(const fn_ellipsoid *e, const double a[2], const double b[2], const double c[2],
                        const double d[2], double at_ab[2], double at_cd[2]);

/* Number of points in between that cut edge ab into equal pieces no longer than FN_GEO_EDGE (0 for a short edge),
 * and the i-th of them (1..n). Longitudes of the points follow on from a's without a jump. */
size_t fn_geo_cut_count(const fn_ellipsoid *e, const double a[2], const double b[2]);
void fn_geo_cut(const fn_ellipsoid *e, const double a[2], const double b[2], size_t n, double *points /* n pairs */);

/* Whether the ring (n vertices, xy pairs, the last equal to the first; short edges) contains p by the even-odd rule
 * along p's meridian. On the boundary either answer is right. A ring round a pole contains the pole that is nearer
 * to it. */
bool fn_geo_ring_contains(const fn_ellipsoid *e, const double *xy, size_t n, const double p[2]);

/* The same answers in less time: a ring far from p's meridian is not looked at, and of one with FN_RING_LARGE
 * vertices only the parts near it, for one more byte for two vertices. Zero it before the first use. False: out of
 * memory; it is then as before. */
#define FN_RING_LARGE 128
typedef struct fn_ring_index {
    bool ready;
    float west, east; /* where it may cross meridians */
    struct fn_ring_blocks *blocks;
} fn_ring_index;

bool fn_ring_index_init(fn_ring_index *index, const double *xy, size_t n);
void fn_ring_index_destroy(fn_ring_index *index);
/* index: of this ring; NULL, or zero: without. */
bool fn_geo_ring_contains_indexed(const fn_ellipsoid *e, const double *xy, size_t n, const fn_ring_index *index,
                                  const double p[2]);

/* West, south, east, north of all points that the ring can contain, edges included (edges bulge towards the poles):
 * west in [-180, 180), east >= west, east - west <= 360. Round a pole: all longitudes, up to that pole. */
void fn_geo_ring_bounds(const fn_ellipsoid *e, const double *xy, size_t n, double bounds[4]);

#endif
