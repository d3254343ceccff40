/* Geodesics of an ellipsoid: positions in space, what chords and sights tell about distances, and how edges are cut.
 *
 * PROJ answers the two classical problems exactly (15 nm on the earth), about 1 us each. What is decided here is how
 * few of them a question needs: positions in space, at a tenth of the cost, tell nearly always which end, which
 * side, or where to start. Every bound has its proof beside it. */
#include "geodetic_internal.h"

#include <math.h>
#include <string.h>

void fn_ellipsoid_init(fn_ellipsoid *e, double a, double f)
{
    e->a = a;
    e->f = f;
    e->b = a * (1 - f);
    geod_init(&e->geod, a, f);
}

fn_vector fn_geo_in_space(const fn_ellipsoid *e, const double p[2])
{
    double lat = p[1] * FN_RADIANS, lon = fn_geo_turn(p[0]) * FN_RADIANS;
    double s = sin(lat), c = cos(lat), e2 = e->f * (2 - e->f);
    double n = e->a / sqrt(1 - e2 * s * s);
    return (fn_vector){n * c * cos(lon), n * c * sin(lon), n * (1 - e2) * s};
}

void fn_geo_space(const fn_ellipsoid *e, const double p[2], double xyz[3])
{
    fn_vector v = fn_geo_in_space(e, p);
    xyz[0] = v.x;
    xyz[1] = v.y;
    xyz[2] = v.z;
}

/* Let c be the chord of P and Q, s their distance, t the angle between them at the centre, p and q their distances
 * from it.
 *
 * 1. c <= s: a straight line is the shortest way.
 * 2. c^2 = (p - q)^2 + 4 p q sin^2(t/2) (law of cosines) <= (a - b)^2 + 4 a^2 sin^2(t/2), as b <= p, q <= a.
 * 3. t <= s/b: write the points of the geodesic as r w, with |w| = 1. As w is perpendicular to dw, |d(r w)|^2 = dr^2
 *    + r^2 |dw|^2 >= b^2 |dw|^2, so s >= b times the length of the curve w on the unit sphere, which is at least t. And
 *    sin^2(t/2) rises up to t = pi.
 *
 * Also c <= 2 a, the largest diameter. */
double fn_geo_chord_max(const fn_ellipsoid *e, double s)
{
    if (!(s > 0))
        return s <= 0 ? FN_GEO_ROUNDING * e->a : 2 * e->a * (1 + FN_GEO_ROUNDING); /* also for NaN */
    double half = sin(fmin(s / (2 * e->b), 90 * FN_RADIANS));
    double central = sqrt((e->a - e->b) * (e->a - e->b) + 4 * e->a * e->a * half * half);
    return fmin(fmin(s, central), 2 * e->a) * (1 + 1e-15) + FN_GEO_ROUNDING * e->a;
}

/* Let c be the chord of A and B, S the length of their geodesic (a shortest way), and R = b^2/a.
 *
 * 1. S <= 2 a asin(c/2b). Scaling x and y by b/a makes a sphere of radius b of the ellipsoid and does not lengthen
 *    the chord. There the shortest way is at most 2 b asin(c/2b). Scaling back lengthens it by at most a/b, and S is
 *    not longer than that.
 * 2. c >= 2 R sin(S/2R) if S <= pi R. The curvature in space of a geodesic is its normal curvature, on an oblate
 *    ellipsoid at most 1/R (the meridian's, at the equator). Schur's theorem: of all curves of length S whose curvature
 *    is at most 1/R, the arc of the circle of radius R has the shortest chord. For c <= b, 1. gives S <= pi a/3, below
 *    pi R if b/a > 0.58. So with x = c/2R: S <= 2 R asin(x).
 * 3. A point X of the geodesic has |XA| + |XB| <= S: it is in the ellipsoid of revolution with foci A and B, half
 *    axes S/2 and h = sqrt(S^2 - c^2)/2. Between the foci (seen along AB) it is at most h away from the segment. Beyond
 *    a focus the distance to that focus is largest on the surface just beside it, where it is h^2/(S/2) = h (2h/S) <=
 *    h.
 * 4. asin^2(x) = sum over n >= 1 of (2x)^2n / (2 n^2 C(2n, n)) = x^2 + x^4/3 + ..., and each term is at most x^2
 *    times the one before. So h^2 <= R^2 (asin^2(x) - x^2) <= R^2 x^4 / (3 (1 - x^2)), and h <= c^2 / (4 R sqrt(3 (1 -
 *    x^2))).
 *
 * The bulge of a circle is c^2/8R: nothing much is given away. For c > b (a tiny ellipsoid) X is within S/2 of A or
 * of B. */
double fn_geo_bulge(const fn_ellipsoid *e, double chord)
{
    double r = e->b * e->b / e->a, x = chord / (2 * r), h;
    if (chord <= e->b)
        h = chord * chord / (4 * r * sqrt(3 * (1 - x * x)));
    else
        h = e->a * asin(fmin(chord / (2 * e->b), 1));
    return h * (1 + 1e-14) + FN_GEO_ROUNDING * e->a;
}

double fn_geo_distance(const fn_ellipsoid *e, const double p[2], const double q[2], double *azimuth)
{
    double s, azi;
    geod_inverse(&e->geod, p[1], p[0], q[1], q[0], &s, azimuth != NULL ? &azi : NULL, NULL);
    if (azimuth != NULL)
        *azimuth = !(s > 0) ? 0 : azi <= -180 ? 180 : azi + 0.0; /* no -0 */
    return s;
}

double fn_geo_right_of(const fn_ellipsoid *e, const double p[2], double line, const double q[2])
{
    double s, azi;
    geod_inverse(&e->geod, p[1], p[0], q[1], q[0], &s, &azi, NULL);
    return s * sin((azi - line) * FN_RADIANS);
}

/* ---- a sight ---- */

void fn_geo_under(const fn_ellipsoid *e, const double xyz[3], double p[2])
{
    const double squeezed = (1 - e->f) * (1 - e->f);
    p[0] = atan2(xyz[1], xyz[0]) * FN_DEGREES;
    p[1] = fn_clamp(atan2(xyz[2], squeezed * hypot(xyz[0], xyz[1])) * FN_DEGREES, -90, 90);
}

/* The unit vector along the surface at p with that azimuth. */
static fn_vector direction(const double p[2], double azimuth)
{
    const double lat = p[1] * FN_RADIANS, lon = fn_geo_turn(p[0]) * FN_RADIANS, azi = azimuth * FN_RADIANS;
    const double north = cos(azi), east = sin(azi), outward = -north * sin(lat);
    return (fn_vector){outward * cos(lon) - east * sin(lon), outward * sin(lon) + east * cos(lon), north * cos(lat)};
}

void fn_geo_sight(const fn_ellipsoid *e, const double p[2], const double p_space[3], const double q[2],
                  const double q_space[3], fn_sight *s)
{
    double azi_p, azi_q;
    geod_inverse(&e->geod, p[1], p[0], q[1], q[0], &s->distance, &azi_p, &azi_q);
    const fn_vector at_p = direction(p, azi_p), at_q = direction(q, azi_q);
    memcpy(s->p, p_space, sizeof s->p);
    memcpy(s->q, q_space, sizeof s->q);
    memcpy(s->away_at_p, (double[]){-at_p.x, -at_p.y, -at_p.z}, sizeof s->away_at_p);
    memcpy(s->away_at_q, (double[]){at_q.x, at_q.y, at_q.z}, sizeof s->away_at_q);
}

/* Let u and v be the lengths of the shortest ways from p to x and from q to y, and let two points go along them at
 * constant speed, at p and q at time 0, at x and y at time 1. S(t) is their distance then, S(0) = s, and m = s + u +
 * v >= S. R = b^2/a as above.
 *
 * 1. u <= 2 a asin(|x - p|/2b), as in fn_geo_bulge, and v likewise.
 * 2. S is smooth if 0 < S < pi b. The Gaussian curvature is at most 1/b^2 (at the equator, a/b^2 times 1/a). No
 *    closed geodesic is shorter than 2 pi b: but for the equator it is made of whole oscillations between two
 *    latitudes, each of 2 pi on the auxiliary sphere, where ds >= b dsigma. So (Klingenberg) two points nearer than pi
 *    b have one shortest way, and no conjugate points on it. S > 0 as u + v < s.
 * 3. Second variation: S'' is the integral of y'^2 - K y^2 along the way, y being the part of the motion across it,
 *    |y| <= u and v at the ends (the ends move along geodesics, which adds nothing). K <= 1/b^2, and of all functions
 *    with these ends the integral of y'^2 - y^2/b^2 is least for y'' = -y/b^2: with w = S/b, ((u^2 + v^2) cos w -+ 2 u
 *    v) / (b sin w), at least (u^2 + v^2) (cos w - 1) / (b sin w) = -(u^2 + v^2) tan(w/2) / b. So S(1) >= s + S'(0) -
 *    (u^2 + v^2) tan(m/2b) / 2b.
 * 4. First variation: S'(0) is the velocity at p times the unit vector out of the way there, and the same at q.
 * 5. The velocity at p differs from x - p by what a geodesic of length u bends: its acceleration for speed u is
 *    at most u^2/R, along the normal of the surface, which is perpendicular to the unit vector at p and turns by at
 *    most u t/R up to time t. So in the direction of that vector the difference is at most the integral of (1 - t)
 *    u^3 t/R^2, which is u^3/6R^2. */
double fn_geo_sight_doubt(const fn_ellipsoid *e, const fn_sight *s, double reach_p, double reach_q)
{
    const double r = e->b * e->b / e->a, most = 0.5 * e->b; /* of a reach, and 0.98 of half way round */
    if (!(reach_p <= most && reach_q <= most))
        return INFINITY;
    const double u = 2 * e->a * asin(reach_p / (2 * e->b)), v = 2 * e->a * asin(reach_q / (2 * e->b));
    const double half = (s->distance + u + v) / (2 * e->b);
    if (!(u + v < s->distance * (1 - 1e-9) && half < 88 * FN_RADIANS))
        return INFINITY;
    const double doubt = (u * u + v * v) * tan(half) / (2 * e->b) + (u * u * u + v * v * v) / (6 * r * r);
    return doubt * (1 + 1e-12) + 2 * FN_GEO_ROUNDING * e->a;
}

/* ---- cutting ---- */

size_t fn_geo_cut_count(const fn_ellipsoid *e, const double a[2], const double b[2])
{
    /* Most edges are shorter for sure: the way along the meridian (radius up to a^2/b) and then the parallel (up to
     * a) is. */
    double s = (fabs(b[1] - a[1]) * e->a * e->a / e->b + fabs(remainder(b[0] - a[0], 360)) * e->a) * FN_RADIANS;
    if (s <= FN_GEO_EDGE)
        return 0;
    geod_inverse(&e->geod, a[1], a[0], b[1], b[0], &s, NULL, NULL);
    return s > FN_GEO_EDGE ? (size_t)ceil(s / FN_GEO_EDGE) - 1 : 0;
}

void fn_geo_cut(const fn_ellipsoid *e, const double a[2], const double b[2], size_t n, double *points)
{
    struct geod_geodesicline line;
    geod_inverseline(&line, &e->geod, a[1], a[0], b[1], b[0], GEOD_LATITUDE | GEOD_LONGITUDE | GEOD_DISTANCE_IN);
    double s;
    geod_inverse(&e->geod, a[1], a[0], b[1], b[0], &s, NULL, NULL);
    for (size_t i = 1; i <= n; i++)
        geod_genposition(&line, GEOD_LONG_UNROLL, s * ((double)i / (double)(n + 1)), &points[2 * i - 1],
                         &points[2 * i - 2], NULL, NULL, NULL, NULL, NULL, NULL);
}
