/* Distances of points and edges, and of edges and edges: a position in space tells nearly always at which end, on which
 * side or near which place of an edge the nearest point is, and a step or two of Newton on the ellipsoid find it. */
#include "geodetic_internal.h"

#include <math.h>
#include <string.h>

/* A distance is good once the next step along the edge would improve it by less than this part of the semi-major
 * axis: 1 nm. */
#define GOOD_ENOUGH 1.6e-16

static fn_vector add(fn_vector v, fn_vector w)
{
    return (fn_vector){v.x + w.x, v.y + w.y, v.z + w.z};
}

static fn_vector subtract(fn_vector v, fn_vector w)
{
    return (fn_vector){v.x - w.x, v.y - w.y, v.z - w.z};
}

static fn_vector scale(fn_vector v, double k)
{
    return (fn_vector){v.x * k, v.y * k, v.z * k};
}

static double dot(fn_vector v, fn_vector w)
{
    return v.x * w.x + v.y * w.y + v.z * w.z;
}

static fn_vector cross(fn_vector v, fn_vector w)
{
    return (fn_vector){v.y * w.z - v.z * w.y, v.z * w.x - v.x * w.z, v.x * w.y - v.y * w.x};
}

static double length(fn_vector v)
{
    return sqrt(dot(v, v));
}

static void set_point(double at[2], double lon, double lat)
{
    if (at != NULL) {
        at[0] = fn_geo_turn(lon);
        at[1] = lat;
    }
}

/* ---- an edge in space ----
 *
 * The chord AB with an orthonormal frame: along it, up (the normal of the ellipsoid under which the chord's middle
 * lies) and right. Up is perpendicular to the chord: with Q = diag(1/a^2, 1/a^2, 1/b^2) it is along Q(A + B), and (B
 * - A)Q(A + B) = BQB - AQA = 0. The edge itself is nearly the parabola over the chord with the ellipsoid's normal
 * curvature in this direction. */
typedef struct frame {
    fn_vector a, along, up, right;
    double chord, curvature;
} frame;

static frame frame_of(const fn_ellipsoid *e, fn_vector a, fn_vector b)
{
    frame f = {.a = a};
    double qx = 1 / (e->a * e->a), qz = 1 / (e->b * e->b);
    fn_vector ab = subtract(b, a), middle = scale(add(a, b), 0.5);
    fn_vector normal = {middle.x * qx, middle.y * qx, middle.z * qz};
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
static double chord_distance(const frame *f, fn_vector p)
{
    fn_vector v = subtract(p, f->a);
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
    look best = look_from(g, fn_clamp(start, 0, g->s), p), l = best;
    for (int i = 0; i < 20; i++) {
        double next = fn_clamp(l.x + l.step, 0, g->s);
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
static double point_edge(const fn_ellipsoid *e, const frame *f, fn_vector in, const double p[2], const double a[2],
                         const double b[2], double at[2])
{
    fn_vector v = subtract(in, f->a);
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
    double inside = fn_clamp(x, 0, c);
    x = (falls_at_a - k * k * inside * (c - inside) * (half - inside) / 2) / (1 + k * up);
    inside = fn_clamp(x, 0, c);
    double rest = half - inside;
    x += k * k / 6 * (half * half * half - rest * rest * rest);
    edge_init(&g, e, a, b);
    if (!(g.s > 0))
        return to_vertex(e, p, a, at);
    return point_edge_near(&g, p, x, at);
}

double fn_geo_point_edge(const fn_ellipsoid *e, const double p[2], const double a[2], const double b[2], double at[2])
{
    frame f = frame_of(e, fn_geo_in_space(e, a), fn_geo_in_space(e, b));
    return point_edge(e, &f, fn_geo_in_space(e, p), p, a, b, at);
}

/* ---- edge and edge ---- */

/* Whether some axis of f's plane separates the edges: g's chord is farther from f's along it than both edges leave
 * their chords. */
static bool separated(const frame *f, fn_vector c, fn_vector d, double margin)
{
    fn_vector vc = subtract(c, f->a), vd = subtract(d, f->a);
    double rc = dot(vc, f->right), rd = dot(vd, f->right), tc = dot(vc, f->along), td = dot(vd, f->along);
    return (rc > margin && rd > margin) || (rc < -margin && rd < -margin) || (tc < -margin && td < -margin) ||
           (tc > f->chord + margin && td > f->chord + margin);
}

/* Two geodesics meet at most once in a region as small as this: they cross where each has the other's ends on
 * different sides. */
static bool crossing(const fn_ellipsoid *e, const double a[2], const double b[2], const double c[2], const double d[2],
                     double at[2])
{
    edge ab, ac, cd;
    edge_init(&ab, e, a, b);
    edge_init(&ac, e, a, c);
    double side_c = ac.s * sin((ac.azi_a - ab.azi_a) * FN_RADIANS), side_d = fn_geo_right_of(e, a, ab.azi_a, d);
    if (!(ab.s > 0 && side_c * side_d < 0))
        return false;
    edge_init(&cd, e, c, d);
    double side_a = -ac.s * sin((ac.azi_b - cd.azi_a) * FN_RADIANS), side_b = fn_geo_right_of(e, c, cd.azi_a, b);
    if (!(side_a * side_b < 0))
        return false;
    if (at == NULL)
        return true;
    /* Where the side changes: nearly linear, so that false position (Illinois) needs a step or two. */
    double low = 0, high = ab.s, x[2];
    int kept = 0;
    for (int i = 0; i < 30; i++) {
        double middle = fn_clamp(low + (high - low) * (side_a / (side_a - side_b)), low, high);
        edge_point(&ab, middle, x);
        double side = fn_geo_right_of(e, c, cd.azi_a, x);
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
    fn_vector in[4] = {fn_geo_in_space(e, a), fn_geo_in_space(e, b), fn_geo_in_space(e, c), fn_geo_in_space(e, d)};
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
