/* Rings of edges: which points they contain, and between which longitudes and latitudes they lie. */
#include "geodetic_internal.h"

#include <math.h>

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

/* ---- what a ring contains ---- */

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
    double right = fn_geo_right_of(e, a, azi, p);
    return dlon > 0 ? right > 0 : right < 0;
}

/* A vertex is west of the meridian or not west of it: a meridian through a vertex is thus taken a little west of it,
 * by both of its edges. Edges that end at a pole follow the meridian of their other end, whatever longitude the pole
 * has been given, and cross no other. They are left out, and the vertices before and after the pole joined by the
 * short way round, as if the corner had been cut off right at the pole. An edge over a pole may be taken either way
 * round, for the same reason. */
void fn_geo_add_crossings(const fn_ellipsoid *e, const double *xy, size_t first, size_t end, const double *a, int pole,
                          const double p[2], fn_crossings *c)
{
    double lon_a = fn_geo_turn(a[0] - p[0]);
    for (const double *b = xy + 2 * first; b < xy + 2 * end; b += 2) {
        if (fn_geo_at_pole(b)) {
            pole = b[1] > 0 ? 1 : -1;
            continue;
        }
        double lon_b = fn_geo_turn(b[0] - p[0]);
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

const double *fn_geo_vertex_before(const double *xy, size_t n, size_t k, int *pole)
{
    *pole = 0;
    for (size_t i = 0; i < n; i++) {
        k = k > 0 ? k - 1 : n - 1;
        const double *a = &xy[2 * k];
        if (!fn_geo_at_pole(a))
            return a;
        if (i == 0)
            *pole = a[1] > 0 ? 1 : -1;
    }
    return NULL;
}

bool fn_geo_is_southern(const double *xy, size_t n)
{
    size_t first = 0;
    while (first < n && fn_geo_at_pole(&xy[2 * first]))
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
    fn_crossings c = {0, 0};
    int pole;
    const double *a = n > 1 ? fn_geo_vertex_before(xy, n - 1, 0, &pole) : NULL;
    if (a == NULL)
        return false;
    fn_geo_add_crossings(e, xy, 0, n - 1, a, pole, p, &c);
    if ((c.north + c.south) % 2 == 0)
        return c.north % 2 == 1;
    return (fn_geo_is_southern(xy, n - 1) ? c.north : c.south) % 2 == 1;
}

/* ---- bounds ---- */

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

/* The longitudes of a ring's vertices, followed from each to the next without a jump. */
typedef struct longitudes {
    double west, east;
    bool any;   /* there is a vertex that is not at a pole */
    bool over;  /* an edge leads over a pole, and either side of it can be the inner one */
    bool round; /* the ring goes round a pole */
} longitudes;

static longitudes longitudes_of(const double *xy, size_t n)
{
    longitudes l = {.any = false};
    double first = 0, last = 0;
    bool exact = true;
    for (size_t i = 0; i < n; i++) {
        const double *p = &xy[2 * i];
        if (fn_geo_at_pole(p))
            continue;
        double turns = l.any ? rint((last - p[0]) / 360) : -rint(p[0] / 360), lon = p[0] + 360 * turns;
        exact &= lon - 360 * turns == p[0];
        if (!l.any)
            first = last = l.west = l.east = lon;
        l.over |= fabs(lon - last) > 180 - 1e-9;
        l.any = true;
        last = lon;
        l.west = fmin(l.west, lon);
        l.east = fmax(l.east, lon);
    }
    if (n > 1 && l.any && fn_geo_at_pole(xy)) {
        /* The ring begins at a pole: the first and the last vertex elsewhere are neighbours. */
        double turns = rint((last - first) / 360), lon = first + 360 * turns;
        l.over |= fabs(lon - last) > 180 - 1e-9;
        last = lon;
    }
    l.round = fabs(last - first) > 180;
    if (!exact) { /* turning some vertices once round has rounded them */
        l.west -= 1e-12;
        l.east += 1e-12;
    }
    return l;
}

/* The least and greatest latitude of a ring's vertices and edges. */
static void latitudes_of(const fn_ellipsoid *e, const double *xy, size_t n, double *south, double *north)
{
    double low = 90, high = -90;
    for (size_t i = 0; i < n; i++) {
        low = fmin(low, xy[2 * i + 1]);
        high = fmax(high, xy[2 * i + 1]);
    }
    for (size_t i = 0; i + 1 < n; i++) {
        const double *a = &xy[2 * i], *b = a + 2;
        if (fn_geo_at_pole(a) || fn_geo_at_pole(b))
            continue;
        double margin = latitude_margin(e, b[1] - a[1], fn_geo_turn(b[0] - a[0]));
        if (fmax(a[1], b[1]) + margin > high)
            high = fmax(high, edge_top(e, a, b, 1));
        if (fmin(a[1], b[1]) - margin < low)
            low = fmin(low, -edge_top(e, a, b, -1));
    }
    *south = low;
    *north = high;
}

/* Longitudes change in one direction along a geodesic, so that the outermost are those of vertices; poles as in
 * fn_geo_ring_contains. */
void fn_geo_ring_bounds(const fn_ellipsoid *e, const double *xy, size_t n, double bounds[4])
{
    longitudes l = longitudes_of(xy, n);
    latitudes_of(e, xy, n, &bounds[1], &bounds[3]);
    if (l.round && fn_geo_is_southern(xy, n - 1))
        bounds[1] = -90;
    else if (l.round)
        bounds[3] = 90;
    if (!l.any || l.over || l.round || l.east - l.west >= 360) {
        l.west = -180;
        l.east = 180;
    } else {
        double turns = 360 * floor((l.west + 180) / 360);
        l.west -= turns;
        l.east -= turns;
        if (l.west >= 180) {
            l.west -= 360;
            l.east -= 360;
        } else if (l.west < -180) { /* just below 180, the sum above was rounded up */
            l.west += 360;
            l.east += 360;
        }
    }
    bounds[0] = l.west;
    bounds[2] = l.east;
}
