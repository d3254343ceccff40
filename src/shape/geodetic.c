/* Geodesics of an ellipsoid, see geodetic.h.
 *
 * PROJ answers the two classical problems exactly (15 nm on the earth), about 1 us each. What is decided here is how
 * few of them a question needs: positions in space, at a tenth of the cost, tell nearly always which end, which
 * side, or where to start. Every bound has its proof beside it. */
#include "geodetic.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* What rounding may do to a distance or a position, as a part of the semi-major axis: 1e-6 m on the earth. Positions
 * in space are right to 1e-15 a, and distances of PROJ to 2.4e-15 a, so that this covers several of them. */
#define ROUNDING 1.6e-13
/* A distance is good once the next step along the edge would improve it by less than this part of the semi-major
 * axis: 1 nm. */
#define GOOD_ENOUGH 1.6e-16

typedef struct vector {
    double x, y, z;
} vector;

static vector add(vector v, vector w)
{
    return (vector){v.x + w.x, v.y + w.y, v.z + w.z};
}

static vector subtract(vector v, vector w)
{
    return (vector){v.x - w.x, v.y - w.y, v.z - w.z};
}

static vector scale(vector v, double k)
{
    return (vector){v.x * k, v.y * k, v.z * k};
}

static double dot(vector v, vector w)
{
    return v.x * w.x + v.y * w.y + v.z * w.z;
}

static vector cross(vector v, vector w)
{
    return (vector){v.y * w.z - v.z * w.y, v.z * w.x - v.x * w.z, v.x * w.y - v.y * w.x};
}

static double length(vector v)
{
    return sqrt(dot(v, v));
}

static double clamp(double x, double low, double high)
{
    return x < low ? low : x > high ? high : x;
}

/* The angle in [-180, 180], exactly. */
static double turn(double degrees)
{
    if (degrees >= -180 && degrees <= 180)
        return degrees;
    if (degrees >= -540 && degrees <= 540) /* within a factor of 2 of 360: the difference is exact */
        return degrees < 0 ? degrees + 360 : degrees - 360;
    return remainder(degrees, 360);
}

static void set_point(double at[2], double lon, double lat)
{
    if (at != NULL) {
        at[0] = turn(lon);
        at[1] = lat;
    }
}

void fn_ellipsoid_init(fn_ellipsoid *e, double a, double f)
{
    e->a = a;
    e->f = f;
    e->b = a * (1 - f);
    geod_init(&e->geod, a, f);
}

static vector in_space(const fn_ellipsoid *e, const double p[2])
{
    double lat = p[1] * FN_RADIANS, lon = turn(p[0]) * FN_RADIANS;
    double s = sin(lat), c = cos(lat), e2 = e->f * (2 - e->f);
    double n = e->a / sqrt(1 - e2 * s * s);
    return (vector){n * c * cos(lon), n * c * sin(lon), n * (1 - e2) * s};
}

void fn_geo_space(const fn_ellipsoid *e, const double p[2], double xyz[3])
{
    vector v = in_space(e, p);
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
        return s <= 0 ? ROUNDING * e->a : 2 * e->a * (1 + ROUNDING); /* also for NaN */
    double half = sin(fmin(s / (2 * e->b), 90 * FN_RADIANS));
    double central = sqrt((e->a - e->b) * (e->a - e->b) + 4 * e->a * e->a * half * half);
    return fmin(fmin(s, central), 2 * e->a) * (1 + 1e-15) + ROUNDING * e->a;
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
    return h * (1 + 1e-14) + ROUNDING * e->a;
}

double fn_geo_distance(const fn_ellipsoid *e, const double p[2], const double q[2], double *azimuth)
{
    double s, azi;
    geod_inverse(&e->geod, p[1], p[0], q[1], q[0], &s, azimuth != NULL ? &azi : NULL, NULL);
    if (azimuth != NULL)
        *azimuth = !(s > 0) ? 0 : azi <= -180 ? 180 : azi + 0.0; /* no -0 */
    return s;
}

/* ---- a sight ---- */

void fn_geo_under(const fn_ellipsoid *e, const double xyz[3], double p[2])
{
    const double squeezed = (1 - e->f) * (1 - e->f);
    p[0] = atan2(xyz[1], xyz[0]) * FN_DEGREES;
    p[1] = clamp(atan2(xyz[2], squeezed * hypot(xyz[0], xyz[1])) * FN_DEGREES, -90, 90);
}

/* The unit vector along the surface at p with that azimuth. */
static vector direction(const double p[2], double azimuth)
{
    const double lat = p[1] * FN_RADIANS, lon = turn(p[0]) * FN_RADIANS, azi = azimuth * FN_RADIANS;
    const double north = cos(azi), east = sin(azi), outward = -north * sin(lat);
    return (vector){outward * cos(lon) - east * sin(lon), outward * sin(lon) + east * cos(lon), north * cos(lat)};
}

void fn_geo_sight(const fn_ellipsoid *e, const double p[2], const double p_space[3], const double q[2],
                  const double q_space[3], fn_sight *s)
{
    double azi_p, azi_q;
    geod_inverse(&e->geod, p[1], p[0], q[1], q[0], &s->distance, &azi_p, &azi_q);
    const vector at_p = direction(p, azi_p), at_q = direction(q, azi_q);
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
    return doubt * (1 + 1e-12) + 2 * ROUNDING * e->a;
}

/* ---- an edge in space ----
 *
 * The chord AB with an orthonormal frame: along it, up (the normal of the ellipsoid under which the chord's middle
 * lies) and right. Up is perpendicular to the chord: with Q = diag(1/a^2, 1/a^2, 1/b^2) it is along Q(A + B), and (B
 * - A)Q(A + B) = BQB - AQA = 0. The edge itself is nearly the parabola over the chord with the ellipsoid's normal
 * curvature in this direction. */
typedef struct frame {
    vector a, along, up, right;
    double chord, curvature;
} frame;

static frame frame_of(const fn_ellipsoid *e, vector a, vector b)
{
    frame f = {.a = a};
    double qx = 1 / (e->a * e->a), qz = 1 / (e->b * e->b);
    vector ab = subtract(b, a), middle = scale(add(a, b), 0.5);
    vector normal = {middle.x * qx, middle.y * qx, middle.z * qz};
    double steep = length(normal);
    f.chord = length(ab);
    f.up = scale(normal, 1 / steep);
    if (f.chord > 0) {
        f.along = scale(ab, 1 / f.chord);
        f.right = cross(f.along, f.up);
        f.curvature = (f.along.x * f.along.x * qx + f.along.y * f.along.y * qx + f.along.z * f.along.z * qz) / steep;
    }
    return f;
}

/* Straight distance of a point from the chord. */
static double chord_distance(const frame *f, vector p)
{
    vector v = subtract(p, f->a);
    double t = dot(v, f->along), beside = dot(v, f->right), above = dot(v, f->up);
    double beyond = t < 0 ? t : t > f->chord ? t - f->chord : 0;
    return f->chord > 0 ? sqrt(beyond * beyond + beside * beside + above * above) : length(v);
}

/* ---- point and edge ---- */

/* What is known about the edge as a geodesic; `line` only once it is needed. */
typedef struct edge {
    const fn_ellipsoid *e;
    const double *a, *b;
    double s, azi_a, azi_b; /* length; azimuths of the line at its ends, both forward */
    bool has_line;
    struct geod_geodesicline line;
} edge;

static void edge_init(edge *g, const fn_ellipsoid *e, const double a[2], const double b[2])
{
    g->e = e;
    g->a = a;
    g->b = b;
    g->has_line = false;
    geod_inverse(&e->geod, a[1], a[0], b[1], b[0], &g->s, &g->azi_a, &g->azi_b);
}

/* The point at x along the edge and the azimuth of the edge there. The ends are exactly the vertices, so that edges
 * that share one agree about it. */
static double edge_point(edge *g, double x, double at[2])
{
    if (x <= 0 || x >= g->s) {
        memcpy(at, x <= 0 ? g->a : g->b, 2 * sizeof *at);
        return x <= 0 ? g->azi_a : g->azi_b;
    }
    if (!g->has_line) {
        geod_lineinit(&g->line, &g->e->geod, g->a[1], g->a[0], g->azi_a,
                      GEOD_LATITUDE | GEOD_LONGITUDE | GEOD_AZIMUTH | GEOD_DISTANCE_IN);
        g->has_line = true;
    }
    double azi;
    geod_position(&g->line, x, &at[1], &at[0], &azi);
    return azi;
}

/* A look from the edge at p. */
typedef struct look {
    double x, distance;
    double closer; /* cosine of the angle between the edge and the way to p: what the distance loses per metre of x */
    double step;   /* how far the foot of p's perpendicular is from here */
    double at[2];
} look;

/* On a sphere of radius 1 tan(step) = closer tan(distance). Reduced length m12 and scale M12 stand for sine and
 * cosine: near the foot this is Newton's step on the ellipsoid, as the distance's second derivative across the way
 * is M12/m12 there. */
static look look_from(edge *g, double x, const double p[2])
{
    look l = {.x = x};
    double azi_edge = edge_point(g, x, l.at), azi, m12, M12;
    geod_geninverse(&g->e->geod, l.at[1], l.at[0], p[1], p[0], &l.distance, &azi, NULL, &m12, &M12, NULL, NULL);
    l.closer = cos((azi - azi_edge) * FN_RADIANS);
    l.step = g->e->a * atan2(l.closer * m12 / g->e->a, M12);
    return l;
}

/* How much a step of that length can still improve the distance, which is a hyperbola or flatter. */
static bool good_enough(const look *l, double a)
{
    return l->step * l->step <= 2 * GOOD_ENOUGH * a * l->distance;
}

static double seen(edge *g, look best, double at[2])
{
    if (at == NULL)
        return best.distance;
    if (best.x > 0 && best.x < g->s && good_enough(&best, g->e->a))
        edge_point(g, best.x + best.step, best.at);
    set_point(at, best.at[0], best.at[1]);
    return best.distance;
}

/* p is less than 75 degrees away, where the distance to it is convex along any geodesic (M12 > 0). */
static double point_edge_near(edge *g, const double p[2], double start, double at[2])
{
    look best = look_from(g, clamp(start, 0, g->s), p), l = best;
    for (int i = 0; i < 20; i++) {
        double next = clamp(l.x + l.step, 0, g->s);
        if (next == l.x || good_enough(&l, g->e->a)) /* at an end that the distance rises from, too */
            break;
        l = look_from(g, next, p);
        if (l.distance < best.distance || (l.distance == best.distance && good_enough(&l, g->e->a)))
            best = l;
    }
    return seen(g, best, at);
}

/* p is anywhere. The distance is convex along the edge up to about a quarter of the way round the earth and concave
 * beyond (M12 <= 0, and where several shortest ways compete it is the least of them): its least value is at an end,
 * or where it falls at a and rises at b, between. */
static double point_edge_far(edge *g, const double p[2], double at[2])
{
    look first = look_from(g, 0, p), last = look_from(g, g->s, p);
    look best = last.distance < first.distance ? last : first;
    if (first.closer > 0 && last.closer < 0) {
        double low = 0, high = g->s, next = first.step;
        for (int i = 0; i < 60 && high - low > 1e-14 * g->e->a; i++) {
            look l = look_from(g, next > low && next < high ? next : (low + high) / 2, p);
            if (l.distance < best.distance)
                best = l;
            if (good_enough(&l, g->e->a))
                break;
            *(l.closer > 0 ? &low : &high) = l.x;
            next = l.x + l.step;
        }
    }
    return seen(g, best, at);
}

static double to_vertex(const fn_ellipsoid *e, const double p[2], const double vertex[2], double at[2])
{
    double s;
    geod_inverse(&e->geod, vertex[1], vertex[0], p[1], p[0], &s, NULL, NULL);
    set_point(at, vertex[0], vertex[1]);
    return s;
}

/* The foot is at an end if it is as near to it as rounding in space can tell: a vertex is at distance 0 from its
 * edges. */
#define SNAP 1e-15

static double doubt(const fn_ellipsoid *e, double d)
{
    return e->f * (d / e->a) * (d / e->a) * d;
}

/* point_edge for points whose place in space is known.
 *
 * In space, with the parabola X(t) for the edge, half the square of the distance falls by (P - X) X' per metre. That
 * tells the side of an end on which the foot is, unless it is within the difference between azimuths of geodesics
 * and of chords, which is below e2 (d/a)^2 / 6 (we allow three times as much). What is left of the error then is
 * rounding, and the parabola's: an angle below 1e-8, and an angle of w costs at most d w^2 / 2. */
static double point_edge(const fn_ellipsoid *e, const frame *f, vector in, const double p[2], const double a[2],
                         const double b[2], double at[2])
{
    vector v = subtract(in, f->a);
    double t = dot(v, f->along), up = dot(v, f->up), c = f->chord, k = f->curvature;
    double near = length(v);
    if (!(c > 0))
        return to_vertex(e, p, a, at);
    edge g;
    if (near > 1.2 * e->a) {
        edge_init(&g, e, a, b);
        return point_edge_far(&g, p, at);
    }
    double slope = k * c / 2; /* of the parabola at a; -slope at b */
    double falls_at_a = t + up * slope, falls_at_b = t - c - up * slope;
    double beside = dot(v, f->right), far = sqrt((t - c) * (t - c) + up * up + beside * beside);
    if (falls_at_a <= SNAP * e->a - doubt(e, near))
        return to_vertex(e, p, a, at);
    if (falls_at_b >= doubt(e, far) - SNAP * e->a)
        return to_vertex(e, p, b, at);
    /* The foot: t - x + (up - k x (c - x) / 2) k (c/2 - x) = 0, solved for x with the small term of third order from
     * the step before; then from the chord to the length of the parabola. */
    double x = falls_at_a / (1 + k * up), half = c / 2;
    double inside = clamp(x, 0, c);
    x = (falls_at_a - k * k * inside * (c - inside) * (half - inside) / 2) / (1 + k * up);
    inside = clamp(x, 0, c);
    double rest = half - inside;
    x += k * k / 6 * (half * half * half - rest * rest * rest);
    edge_init(&g, e, a, b);
    if (!(g.s > 0))
        return to_vertex(e, p, a, at);
    return point_edge_near(&g, p, x, at);
}

double fn_geo_point_edge(const fn_ellipsoid *e, const double p[2], const double a[2], const double b[2], double at[2])
{
    frame f = frame_of(e, in_space(e, a), in_space(e, b));
    return point_edge(e, &f, in_space(e, p), p, a, b, at);
}

/* ---- edge and edge ---- */

/* Whether some axis of f's plane separates the edges: g's chord is farther from f's along it than both edges leave
 * their chords. */
static bool separated(const frame *f, vector c, vector d, double margin)
{
    vector vc = subtract(c, f->a), vd = subtract(d, f->a);
    double rc = dot(vc, f->right), rd = dot(vd, f->right), tc = dot(vc, f->along), td = dot(vd, f->along);
    return (rc > margin && rd > margin) || (rc < -margin && rd < -margin) || (tc < -margin && td < -margin) ||
           (tc > f->chord + margin && td > f->chord + margin);
}

/* How far right of the line that leaves p with azimuth `line` the point q is. */
static double right_of(const fn_ellipsoid *e, const double p[2], double line, const double q[2])
{
    double s, azi;
    geod_inverse(&e->geod, p[1], p[0], q[1], q[0], &s, &azi, NULL);
    return s * sin((azi - line) * FN_RADIANS);
}

/* Two geodesics meet at most once in a region as small as this: they cross where each has the other's ends on
 * different sides. */
static bool crossing(const fn_ellipsoid *e, const double a[2], const double b[2], const double c[2], const double d[2],
                     double at[2])
{
    edge ab, ac, cd;
    edge_init(&ab, e, a, b);
    edge_init(&ac, e, a, c);
    double side_c = ac.s * sin((ac.azi_a - ab.azi_a) * FN_RADIANS), side_d = right_of(e, a, ab.azi_a, d);
    if (!(ab.s > 0 && side_c * side_d < 0))
        return false;
    edge_init(&cd, e, c, d);
    double side_a = -ac.s * sin((ac.azi_b - cd.azi_a) * FN_RADIANS), side_b = right_of(e, c, cd.azi_a, b);
    if (!(side_a * side_b < 0))
        return false;
    if (at == NULL)
        return true;
    /* Where the side changes: nearly linear, so that false position (Illinois) needs a step or two. */
    double low = 0, high = ab.s, x[2];
    int kept = 0;
    for (int i = 0; i < 30; i++) {
        double middle = clamp(low + (high - low) * (side_a / (side_a - side_b)), low, high);
        edge_point(&ab, middle, x);
        double side = right_of(e, c, cd.azi_a, x);
        if (fabs(side) <= GOOD_ENOUGH * e->a || high - low <= GOOD_ENOUGH * e->a)
            break;
        if ((side < 0) == (side_a < 0)) {
            low = middle;
            side_a = side;
            if (kept == 1)
                side_b /= 2;
            kept = 1;
        } else {
            high = middle;
            side_b = side;
            if (kept == -1)
                side_a /= 2;
            kept = -1;
        }
    }
    set_point(at, x[0], x[1]);
    return true;
}

/* Where curvature is positive, two geodesics that do not meet come nearest at an end of one of them: at a common
 * perpendicular between, shifting both feet to the same side shortens it (second variation). So it is the least of
 * four distances between a vertex and an edge; the straight distance in space tells which of them can be left out. */
double fn_geo_edge_edge(const fn_ellipsoid *e, const double a[2], const double b[2], const double c[2],
                        const double d[2], double at_ab[2], double at_cd[2])
{
    vector in[4] = {in_space(e, a), in_space(e, b), in_space(e, c), in_space(e, d)};
    frame ab = frame_of(e, in[0], in[1]), cd = frame_of(e, in[2], in[3]);
    double bulge_ab = fn_geo_bulge(e, ab.chord), bulge_cd = fn_geo_bulge(e, cd.chord);
    double margin = bulge_ab + bulge_cd, where[2];
    if (!separated(&ab, in[2], in[3], margin) && !separated(&cd, in[0], in[1], margin) &&
        crossing(e, a, b, c, d, at_ab != NULL || at_cd != NULL ? where : NULL)) {
        if (at_ab != NULL)
            memcpy(at_ab, where, sizeof where);
        if (at_cd != NULL)
            memcpy(at_cd, where, sizeof where);
        return 0;
    }
    const double *vertex[4] = {a, b, c, d};
    double least[4];
    bool done[4] = {false, false, false, false};
    for (int i = 0; i < 4; i++) {
        const frame *other = i < 2 ? &cd : &ab;
        least[i] = chord_distance(other, in[i]) - (i < 2 ? bulge_cd : bulge_ab);
    }
    double best = INFINITY, reach = INFINITY;
    for (;;) {
        int i = -1;
        for (int k = 0; k < 4; k++)
            if (!done[k] && least[k] <= reach && (i < 0 || least[k] < least[i]))
                i = k;
        if (i < 0)
            break;
        done[i] = true;
        double foot[2], distance = i < 2 ? point_edge(e, &cd, in[i], vertex[i], c, d, foot)
                                         : point_edge(e, &ab, in[i], vertex[i], a, b, foot);
        if (distance < best) {
            best = distance;
            reach = fn_geo_chord_max(e, best);
            set_point(i < 2 ? at_ab : at_cd, vertex[i][0], vertex[i][1]);
            set_point(i < 2 ? at_cd : at_ab, foot[0], foot[1]);
        }
    }
    if (best > 1e-9)
        return best;
    if (at_ab != NULL && at_cd != NULL)
        memcpy(at_cd, at_ab, 2 * sizeof *at_ab);
    return 0;
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

/* ---- rings ---- */

static bool at_pole(const double p[2])
{
    return fabs(p[1]) >= 90;
}

/* No point of an edge has a latitude beyond those of its ends by more than this, in degrees. A point of it is at
 * most half the edge's length away from the nearer end, and a way of that length changes the latitude by at most
 * length/R, R = b^2/a being the least radius of a meridian. The length is at most that of the way along the meridian
 * (radius up to a^2/b) and then the parallel (up to a). */
static double latitude_margin(const fn_ellipsoid *e, double dlat, double dlon)
{
    double r = e->b * e->b / e->a;
    double s = fmin(fabs(dlat) * e->a * e->a / e->b + fabs(dlon) * e->a, FN_GEO_EDGE * (1 + 1e-6) * FN_DEGREES);
    return s / (2 * r) * (1 + 1e-9) + 1e-12;
}

/* Whether the edge meets p's meridian north of p. It does meet it, between its ends. dlon: how far east b is of a.
 *
 * Far from p latitudes tell. Near it the side does: a geodesic that goes east has everything between it and the
 * north pole on its left, and the meridian of p, itself a geodesic, meets it only once. */
static bool north_of(const fn_ellipsoid *e, const double a[2], const double b[2], double dlon, const double p[2])
{
    double margin = latitude_margin(e, b[1] - a[1], dlon);
    if (p[1] < fmin(a[1], b[1]) - margin)
        return true;
    if (p[1] > fmax(a[1], b[1]) + margin)
        return false;
    double azi;
    geod_inverse(&e->geod, a[1], a[0], b[1], b[0], NULL, &azi, NULL);
    double right = right_of(e, a, azi, p);
    return dlon > 0 ? right > 0 : right < 0;
}

/* Where the ring crosses p's meridian north and south of p: how often. */
typedef struct crossings {
    size_t north, south;
} crossings;

/* Adds the crossings of edges that end at the vertices first..end - 1. a: the vertex before them; pole: the pole
 * between.
 *
 * A vertex is west of the meridian or not west of it: a meridian through a vertex is thus taken a little west of it,
 * by both of its edges. Edges that end at a pole follow the meridian of their other end, whatever longitude the pole
 * has been given, and cross no other. They are left out, and the vertices before and after the pole joined by the
 * short way round, as if the corner had been cut off right at the pole. An edge over a pole may be taken either way
 * round, for the same reason. */
static void add_crossings(const fn_ellipsoid *e, const double *xy, size_t first, size_t end, const double *a, int pole,
                          const double p[2], crossings *c)
{
    double lon_a = turn(a[0] - p[0]);
    for (const double *b = xy + 2 * first; b < xy + 2 * end; b += 2) {
        if (at_pole(b)) {
            pole = b[1] > 0 ? 1 : -1;
            continue;
        }
        double lon_b = turn(b[0] - p[0]);
        if ((lon_a < 0) != (lon_b < 0) && fabs(lon_b - lon_a) < 180) {
            if (pole > 0 || (pole == 0 && north_of(e, a, b, lon_b - lon_a, p)))
                c->north++;
            else
                c->south++;
        }
        a = b;
        lon_a = lon_b;
        pole = 0;
    }
}

/* The vertex before the k-th that is not at a pole, of n that follow one another in a circle; NULL: all are. *pole:
 * the one between, 0 if there is none. */
static const double *vertex_before(const double *xy, size_t n, size_t k, int *pole)
{
    *pole = 0;
    for (size_t i = 0; i < n; i++) {
        k = k > 0 ? k - 1 : n - 1;
        const double *a = &xy[2 * k];
        if (!at_pole(a))
            return a;
        if (i == 0)
            *pole = a[1] > 0 ? 1 : -1;
    }
    return NULL;
}

/* Whether the mean of the latitudes of n vertices is below 0. */
static bool is_southern(const double *xy, size_t n)
{
    size_t first = 0;
    while (first < n && at_pole(&xy[2 * first]))
        first++;
    double latitudes = 0;
    for (size_t i = first; i < n; i++)
        latitudes += xy[2 * i + 1];
    for (size_t i = 0; i < first; i++)
        latitudes += xy[2 * i + 1];
    return latitudes < 0;
}

/* A way from p along its meridian to a point outside crosses the ring an odd number of times if p is inside. The
 * pole that is farther from the ring (by the mean of its latitudes) is outside: a ring that goes round the poles
 * contains the nearer one, any other neither, and is crossed by all of the meridian an even number of times, so that
 * both ways tell the same. */
bool fn_geo_ring_contains(const fn_ellipsoid *e, const double *xy, size_t n, const double p[2])
{
    crossings c = {0, 0};
    int pole;
    const double *a = n > 1 ? vertex_before(xy, n - 1, 0, &pole) : NULL;
    if (a == NULL)
        return false;
    add_crossings(e, xy, 0, n - 1, a, pole, p, &c);
    if ((c.north + c.south) % 2 == 0)
        return c.north % 2 == 1;
    return (is_southern(xy, n - 1) ? c.north : c.south) % 2 == 1;
}

/* ---- the index of a ring ----
 *
 * Edges in blocks of some that follow one another, and blocks of blocks: for each the longitudes that it can have
 * crossings at, as an interval that is not too narrow by more than the rounding of a longitude. Most blocks are far
 * from p's meridian.
 *
 * An edge counts if turn(b - p) and turn(a - p) have different signs and differ by less than 180. With s = turn(b -
 * a), which they differ by modulo 360, and |s| < 180, they differ by s: p is on the way of s from a to b, modulo
 * 360. So it is enough to follow such ways from vertex to vertex. All this is up to rounding, below 1e-10 for
 * longitudes up to FAR, and MARGIN is added. Blocks with longitudes beyond FAR, steps of about 180, or poles can
 * have crossings anywhere. */
#define BLOCK 16 /* edges; and blocks in a block of blocks */
#define MARGIN 1e-9
#define FAR 1e5
#define LEVELS 16

typedef struct interval {
    double west, east; /* west in [-180, 180); east: infinite if it is all round */
} interval;

typedef struct block {
    float west[BLOCK], east[BLOCK];
} block;

struct fn_ring_blocks {
    bool southern;
    int levels;
    size_t first[LEVELS]; /* block of each level; the last level has one */
    block blocks[];
};

static const interval nowhere = {INFINITY, -INFINITY}, anywhere = {-180, INFINITY};

static interval normal(interval i)
{
    if (!(i.east - i.west < 360))
        return anywhere;
    double turns = 360 * floor((i.west + 180) / 360);
    return (interval){i.west - turns, i.east - turns};
}

/* As floats, no narrower. */
static void store(interval i, float *west, float *east)
{
    *west = (float)i.west;
    *east = (float)i.east;
    *west = *west > i.west ? nextafterf(*west, -INFINITY) : *west;
    *east = *east < i.east ? nextafterf(*east, INFINITY) : *east;
}

/* Of the edges that end at the vertices first..end - 1 of n. */
static interval interval_of_edges(const double *xy, size_t n, size_t first, size_t end)
{
    const double *a = &xy[2 * (first > 0 ? first - 1 : n - 1)];
    bool clear = !at_pole(a) && fabs(a[0]) <= FAR, all_polar = true;
    double west = a[0], east = a[0], lon = a[0];
    for (size_t k = first; k < end; k++) {
        const double *b = &xy[2 * k];
        double step = turn(b[0] - a[0]);
        bool polar = at_pole(b);
        clear &= !polar && fabs(b[0]) <= FAR && fabs(step) < 180 - MARGIN;
        all_polar &= polar;
        lon += step;
        west = lon < west ? lon : west;
        east = lon > east ? lon : east;
        a = b;
    }
    if (all_polar)
        return nowhere;
    return clear ? normal((interval){west - MARGIN, east + MARGIN}) : anywhere;
}

/* The narrowest interval that contains both. */
static interval hull(interval i, interval j)
{
    if (!(i.west < INFINITY) || !(j.east < INFINITY))
        return j;
    if (!(j.west < INFINITY) || !(i.east < INFINITY))
        return i;
    interval best = anywhere;
    for (int turns = -1; turns <= 1; turns++) {
        interval both = {fmin(i.west, j.west + 360 * turns), fmax(i.east, j.east + 360 * turns)};
        if (both.east - both.west < best.east - best.west)
            best = both;
    }
    return normal(best);
}

static interval interval_of_block(const block *b)
{
    interval all = nowhere;
    for (size_t j = 0; j < BLOCK; j++)
        all = hull(all, (interval){b->west[j], b->east[j]});
    return all;
}

static size_t pieces(size_t n)
{
    return n / BLOCK + (n % BLOCK > 0);
}

static struct fn_ring_blocks *blocks_of(const double *xy, size_t edges)
{
    size_t blocks = 0, level = pieces(edges);
    do
        blocks += level = pieces(level);
    while (level > 1);
    struct fn_ring_blocks *to = malloc(sizeof *to + blocks * sizeof *to->blocks);
    if (to == NULL)
        return NULL;
    to->southern = is_southern(xy, edges);
    to->levels = 0;
    size_t intervals = pieces(edges), next = 0;
    do {
        const block *below = to->levels > 0 ? &to->blocks[to->first[to->levels - 1]] : NULL;
        to->first[to->levels++] = next;
        for (size_t i = 0; i < pieces(intervals) * BLOCK; i++) {
            interval all = nowhere;
            if (i < intervals && below)
                all = interval_of_block(&below[i]);
            else if (i < intervals)
                all = interval_of_edges(xy, edges, i * BLOCK, i + 1 < intervals ? (i + 1) * BLOCK : edges);
            block *b = &to->blocks[next + i / BLOCK];
            store(all, &b->west[i % BLOCK], &b->east[i % BLOCK]);
        }
        intervals = pieces(intervals);
        next += intervals;
    } while (intervals > 1);
    return to;
}

bool fn_ring_index_init(fn_ring_index *index, const double *xy, size_t n)
{
    interval all = nowhere;
    *index = (fn_ring_index){.blocks = NULL};
    if (n >= FN_RING_LARGE) {
        if ((index->blocks = blocks_of(xy, n - 1)) == NULL)
            return false;
        all = interval_of_block(&index->blocks->blocks[index->blocks->first[index->blocks->levels - 1]]);
    } else if (n > 1)
        all = interval_of_edges(xy, n - 1, 0, n - 1);
    store(all, &index->west, &index->east);
    index->ready = true;
    return true;
}

void fn_ring_index_destroy(fn_ring_index *index)
{
    free(index->blocks);
    *index = (fn_ring_index){.blocks = NULL};
}

typedef struct inquiry {
    const fn_ellipsoid *e;
    const double *xy, *p;
    size_t edges;
    const struct fn_ring_blocks *index;
    float lon, again; /* of p: in [-180, 180], and once round */
    crossings crossings;
} inquiry;

static void look_into(inquiry *q, int level, size_t place)
{
    const block *b = &q->index->blocks[q->index->first[level] + place];
    uint32_t hit[BLOCK];
    for (int j = 0; j < BLOCK; j++)
        hit[j] = (uint32_t)((b->west[j] <= q->lon) & (q->lon <= b->east[j])) | (uint32_t)(q->again <= b->east[j]);
    for (size_t j = 0; j < BLOCK; j++) {
        const size_t at = place * BLOCK + j;
        if (hit[j] && level > 0)
            look_into(q, level - 1, at);
        else if (hit[j]) {
            const size_t first = at * BLOCK, end = q->edges - first > BLOCK ? first + BLOCK : q->edges;
            int pole;
            const double *a = vertex_before(q->xy, q->edges, first, &pole);
            add_crossings(q->e, q->xy, first, end, a, pole, q->p, &q->crossings);
        }
    }
}

bool fn_geo_ring_contains_indexed(const fn_ellipsoid *e, const double *xy, size_t n, const fn_ring_index *index,
                                  const double p[2])
{
    if (index == NULL || !index->ready || !(fabs(p[0]) <= FAR))
        return fn_geo_ring_contains(e, xy, n, p);
    double lon = turn(p[0]);
    lon = lon < 180 ? lon : -180;
    inquiry q = {e, xy, p, n - 1, index->blocks, (float)lon, (float)(lon + 360), {0, 0}};
    if (!((index->west <= q.lon && q.lon <= index->east) || q.again <= index->east))
        return false;
    if (index->blocks == NULL)
        return fn_geo_ring_contains(e, xy, n, p);
    look_into(&q, index->blocks->levels - 1, 0);
    if ((q.crossings.north + q.crossings.south) % 2 == 0)
        return q.crossings.north % 2 == 1;
    return (index->blocks->southern ? q.crossings.north : q.crossings.south) % 2 == 1;
}

/* The highest latitude of the edge, which is that of an end or, in degrees, the latitude where its azimuth is 90
 * (Clairaut: the sine of the azimuth times the cosine of the reduced latitude is constant). sign -1: the lowest,
 * with its sign changed. */
static double edge_top(const fn_ellipsoid *e, const double a[2], const double b[2], double sign)
{
    double azi_a, azi_b;
    geod_inverse(&e->geod, a[1], a[0], b[1], b[0], NULL, &azi_a, &azi_b);
    double top = fmax(sign * a[1], sign * b[1]);
    double sine = sin(azi_a * FN_RADIANS), cosine = cos(azi_a * FN_RADIANS);
    if (sign * cosine <= 0 || sign * cos(azi_b * FN_RADIANS) >= 0)
        return top;
    double reduced = atan2((1 - e->f) * sin(a[1] * FN_RADIANS), cos(a[1] * FN_RADIANS));
    double vertex = atan2(hypot(cosine, sine * sin(reduced)), (1 - e->f) * fabs(sine) * cos(reduced)) * FN_DEGREES;
    return fmin(fmax(top, vertex + 1e-11), 90); /* 1 um for rounding */
}

/* Longitudes change in one direction along a geodesic, so that the outermost are those of vertices; poles as in
 * fn_geo_ring_contains. */
void fn_geo_ring_bounds(const fn_ellipsoid *e, const double *xy, size_t n, double bounds[4])
{
    double south = 90, north = -90, west = 0, east = 0, latitudes = 0, first = 0, last = 0;
    bool any = false, all = false, exact = true;
    for (size_t i = 0; i < n; i++) {
        const double *p = &xy[2 * i];
        south = fmin(south, p[1]);
        north = fmax(north, p[1]);
        latitudes += i + 1 < n ? p[1] : 0;
        if (at_pole(p))
            continue;
        double turns = any ? rint((last - p[0]) / 360) : -rint(p[0] / 360), lon = p[0] + 360 * turns;
        exact &= lon - 360 * turns == p[0];
        if (!any)
            first = last = west = east = lon;
        all |= fabs(lon - last) > 180 - 1e-9; /* over a pole: either side can be the inner one */
        any = true;
        last = lon;
        west = fmin(west, lon);
        east = fmax(east, lon);
    }
    if (n > 1 && any && at_pole(xy)) {
        /* The ring begins at a pole: the first and the last vertex elsewhere are neighbours. */
        double turns = rint((last - first) / 360), lon = first + 360 * turns;
        all |= fabs(lon - last) > 180 - 1e-9;
        last = lon;
    }
    double low = south, high = north;
    for (size_t i = 0; i + 1 < n; i++) {
        const double *a = &xy[2 * i], *b = a + 2;
        if (at_pole(a) || at_pole(b))
            continue;
        double margin = latitude_margin(e, b[1] - a[1], turn(b[0] - a[0]));
        if (fmax(a[1], b[1]) + margin > high)
            high = fmax(high, edge_top(e, a, b, 1));
        if (fmin(a[1], b[1]) - margin < low)
            low = fmin(low, -edge_top(e, a, b, -1));
    }
    bool round = fabs(last - first) > 180;
    if (round && latitudes < 0)
        low = -90;
    else if (round)
        high = 90;
    if (!exact) { /* by turning some vertices once round */
        west -= 1e-12;
        east += 1e-12;
    }
    if (!any || all || round || east - west >= 360) {
        west = -180;
        east = 180;
    } else {
        double turns = 360 * floor((west + 180) / 360);
        west -= turns;
        east -= turns;
        if (west >= 180) {
            west -= 360;
            east -= 360;
        } else if (west < -180) { /* just below 180, the sum above was rounded up */
            west += 360;
            east += 360;
        }
    }
    bounds[0] = west;
    bounds[1] = low;
    bounds[2] = east;
    bounds[3] = high;
}
