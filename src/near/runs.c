#include "runs.h"

#include <math.h>
#include <string.h>

/* Square of the straight distance from p to the chord ab. */
static double square_to_chord(const double *p, const double *a, const double *b)
{
    const double length2 = fn_square_between(a, b);
    double t = 0;
    if (length2 > 0) {
        t = ((p[0] - a[0]) * (b[0] - a[0]) + (p[1] - a[1]) * (b[1] - a[1]) + (p[2] - a[2]) * (b[2] - a[2])) / length2;
        t = t > 0 ? (t < 1 ? t : 1) : 0;
    }
    const double foot[3] = {a[0] + t * (b[0] - a[0]), a[1] + t * (b[1] - a[1]), a[2] + t * (b[2] - a[2])};
    return fn_square_between(p, foot);
}

double fn_run_rough_distance(const fn_run *p, const fn_run *q)
{
    double least = INFINITY;
    for (uint32_t i = 0; i <= p->segments; i++)
        for (uint32_t j = 0; j <= q->segments; j++) {
            const double *a = p->space + 3 * i, *b = q->space + 3 * j;
            double d2 = j < q->segments    ? square_to_chord(a, b, b + 3)
                        : q->segments == 0 ? fn_square_between(a, b)
                                           : INFINITY;
            if (i < p->segments)
                d2 = fmin(d2, square_to_chord(b, a, a + 3));
            least = d2 < least ? d2 : least;
        }
    return sqrt(least);
}

/* No points of the edges are nearer, in a straight line, than the result. A segment number at the end of a run is
 * its last vertex alone. */
static double least_chord(const fn_ellipsoid *e, const fn_run *p, uint32_t i, const fn_run *q, uint32_t j)
{
    const double *a = p->space + 3 * i, *b = i < p->segments ? a + 3 : a;
    const double *c = q->space + 3 * j, *d = j < q->segments ? c + 3 : c;
    const double ab = a == b ? 0 : sqrt(fn_square_between(a, b)), cd = c == d ? 0 : sqrt(fn_square_between(c, d));
    const double bulges = (ab > 0 ? fn_geo_bulge(e, ab) : 0) + (cd > 0 ? fn_geo_bulge(e, cd) : 0);
    double least;
    if (a == b)
        least = sqrt(square_to_chord(a, c, d));
    else if (c == d)
        least = sqrt(square_to_chord(c, a, b));
    else { /* all of a chord is within half its length of its middle */
        const double m[3] = {(a[0] + b[0]) / 2, (a[1] + b[1]) / 2, (a[2] + b[2]) / 2};
        const double n[3] = {(c[0] + d[0]) / 2, (c[1] + d[1]) / 2, (c[2] + d[2]) / 2};
        least = sqrt(fn_square_between(m, n)) - ab / 2 - cd / 2;
    }
    least -= bulges + 1e-6; /* and the rounding of coordinates as large as the earth */
    return least > 0 ? least : 0;
}

double fn_run_reach(const fn_ellipsoid *e, const fn_run *r, double *bulge)
{
    const double *middle = r->space + 3 * (r->segments / 2);
    double most = 0, longest = 0;
    for (uint32_t i = 0; i <= r->segments; i++) {
        most = fmax(most, fn_square_between(r->space + 3 * i, middle));
        longest = i > 0 ? fmax(longest, fn_square_between(r->space + 3 * i - 3, r->space + 3 * i)) : 0;
    }
    *bulge = longest > 0 ? fn_geo_bulge(e, sqrt(longest)) : 0;
    return sqrt(most) + *bulge;
}

/* edges[i]: how much farther away than the middle vertex of the run the points of edge i are, at least. For a run that
 * is a point, edges[0]. */
static void put_edges(const fn_run *r, double bulge, const double *away, const double *middle, double *edges)
{
    for (uint32_t i = 0; i <= r->segments; i++)
        edges[i] = fn_distance_along(away, r->space + 3 * i, middle);
    for (uint32_t i = 0; i < r->segments; i++)
        edges[i] = fmin(edges[i], edges[i + 1]) - bulge;
}

/* What one sight tells about all pairs of edges of two runs: no points of edges i and j are nearer than p[i] + q[j]. */
typedef struct view {
    double p[FN_CHAIN + 1], q[FN_CHAIN + 1];
} view;

/* False: they are too near for a sight. */
static bool look_across(const fn_ellipsoid *e, const fn_run *p, const fn_run *q, view *v)
{
    const uint32_t i = p->segments / 2, j = q->segments / 2;
    double bulge_p, bulge_q;
    fn_sight sight;
    if (p->segments == 0 && q->segments == 0)
        return false;
    const double reach_p = fn_run_reach(e, p, &bulge_p), reach_q = fn_run_reach(e, q, &bulge_q);
    if (fn_square_between(p->space + 3 * i, q->space + 3 * j) < 4 * (reach_p + reach_q) * (reach_p + reach_q))
        return false;
    fn_geo_sight(e, p->xy + 2 * i, p->space + 3 * i, q->xy + 2 * j, q->space + 3 * j, &sight);
    const double least = sight.distance - fn_geo_sight_doubt(e, &sight, reach_p, reach_q);
    if (!(least > 0))
        return false;
    put_edges(p, bulge_p, sight.away_at_p, sight.p, v->p);
    put_edges(q, bulge_q, sight.away_at_q, sight.q, v->q);
    for (uint32_t k = 0; k <= q->segments; k++)
        v->q[k] += least;
    return true;
}

/* The edge that may be nearest. */
static uint32_t least_edge(const double *edges, const fn_run *r)
{
    uint32_t least = 0;
    for (uint32_t i = 1; i < r->segments; i++)
        least = edges[i] < edges[least] ? i : least;
    return least;
}

/* The distance of edge i of p, or of its point, from edge j of q. */
static double edge_distance(const fn_ellipsoid *e, const fn_run *p, uint32_t i, const fn_run *q, uint32_t j,
                            double at_p[2], double at_q[2])
{
    const double *a = p->xy + 2 * i, *c = q->xy + 2 * j;
    memcpy(at_p, a, 2 * sizeof *at_p);
    memcpy(at_q, c, 2 * sizeof *at_q);
    if (p->segments == 0 && q->segments == 0)
        return fn_geo_distance(e, a, c, NULL);
    if (p->segments == 0)
        return fn_geo_point_edge(e, a, c, c + 2, at_q);
    if (q->segments == 0)
        return fn_geo_point_edge(e, c, a, a + 2, at_p);
    return fn_geo_edge_edge(e, a, a + 2, c, c + 2, at_p, at_q);
}

double fn_run_distance(const fn_ellipsoid *e, const fn_run *p, const fn_run *q, double most, fn_meeting *meeting)
{
    view v;
    const bool far = look_across(e, p, q, &v);
    double best = INFINITY, at_p[2], at_q[2];
    if (far) { /* what is probably nearest rules most others out */
        const uint32_t i = least_edge(v.p, p), j = least_edge(v.q, q);
        if (v.p[i] + v.q[j] > most)
            return INFINITY;
        most = fmin(most, edge_distance(e, p, i, q, j, at_p, at_q));
    }
    double most2 = fn_square_of_chord(e, most);
    for (uint32_t i = 0; i < (p->segments ? p->segments : 1); i++)
        for (uint32_t j = 0; j < (q->segments ? q->segments : 1); j++) {
            if (far && v.p[i] + v.q[j] > most)
                continue;
            if (!far && (p->segments > 0 || q->segments > 0)) {
                const double least = least_chord(e, p, i, q, j);
                if (least * least > most2)
                    continue;
            }
            const double d = edge_distance(e, p, i, q, j, at_p, at_q);
            if (d >= best)
                continue;
            best = d;
            most = fmin(most, best);
            most2 = fn_square_of_chord(e, most);
            if (meeting) {
                memcpy(meeting->p, at_p, sizeof at_p);
                memcpy(meeting->q, at_q, sizeof at_q);
                meeting->q_segment = j;
            }
        }
    return best;
}
