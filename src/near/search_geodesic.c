/* The search on the ellipsoid: points and edges by straight lines in space, and what contains what. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "array.h"
#include "walk.h"

/* ---- points and edges ---- */

/* Whether a sight shows that nothing in a box can count, where chords leave that open. */
static bool too_far(const fn_searcher *s, const fn_tree *tree, const fn_step *box, size_t part)
{
    if (!(box->d2 > s->sure2))
        return false;
    const fn_ellipsoid *e = &s->set->ellipsoid;
    const fn_query_chain *chain = &s->chains[part];
    const uint32_t middle = chain->segments / 2;
    const fn_run query = fn_query_run(s, part);
    double lo[3], hi[3], at[3], lonlat[2], reach2 = 0;
    for (int d = 0; d < 3; d++) {
        lo[d] = fn_tree_lo(tree, box->level + 1, d)[box->place];
        hi[d] = fn_tree_hi(tree, box->level + 1, d)[box->place];
        at[d] = (lo[d] + hi[d]) / 2;
    }
    fn_geo_under(e, at, lonlat);
    fn_geo_space(e, lonlat, at);
    for (int d = 0; d < 3; d++)
        reach2 += fmax((at[d] - lo[d]) * (at[d] - lo[d]), (hi[d] - at[d]) * (hi[d] - at[d]));
    const double reach = sqrt(reach2), apart = chain->reach + reach;
    if (fn_square_between(query.space + 3 * middle, at) < apart * apart)
        return false;
    fn_sight sight;
    fn_geo_sight(e, query.xy + 2 * middle, query.space + 3 * middle, lonlat, at, &sight);
    double least = sight.distance - fn_geo_sight_doubt(e, &sight, chain->reach, reach) - chain->bulge, nearest = 0;
    for (uint32_t i = 0; i <= chain->segments; i++)
        nearest = fmin(nearest, fn_distance_along(sight.away_at_p, query.space + 3 * i, sight.p));
    least += nearest;
    for (int d = 0; d < 3; d++)
        least += sight.away_at_q[d] * ((sight.away_at_q[d] > 0 ? lo[d] : hi[d]) - at[d]);
    return least > s->ranking.bound;
}

static void visit_runs(fn_searcher *s, const fn_tree *tree, size_t first, const double *d2, size_t part, uint32_t kind)
{
    const size_t n = fn_present(tree, 0, first);
    const fn_run query = fn_query_run(s, part);
    for (size_t j = 0; j < n; j++)
        if (d2[j] <= s->bound2) {
            const uint32_t rank =
                kind == FN_ITEM_POINT ? s->index->point_rank[first + j] : s->index->chain[first + j].rank;
            const double most = fn_search_bound_of(s, rank, kind, first + j);
            if (d2[j] > fn_search_square_of_bound(s, most))
                continue;
            const fn_run near = fn_near_run(s, kind, first + j);
            fn_search_look_up(s);
            const double d = s->measure == FN_CHORD ? fn_run_rough_distance(&query, &near)
                                                    : fn_run_distance(&s->set->ellipsoid, &query, &near, most, NULL);
            fn_search_offer(s, d, rank, kind, first + j, part);
        }
}

static void visit_points(fn_searcher *s, const fn_tree *tree, size_t first, const double *d2, size_t part)
{
    visit_runs(s, tree, first, d2, part, FN_ITEM_POINT);
}

static void visit_chains(fn_searcher *s, const fn_tree *tree, size_t first, const double *d2, size_t part)
{
    visit_runs(s, tree, first, d2, part, FN_ITEM_CHAIN);
}

void fn_search_edges(fn_searcher *s)
{
    for (size_t i = 0; i < s->n_chains && s->status == FN_OK; i++) {
        const fn_query_chain *c = &s->chains[i];
        fn_walk(s, &s->index->points, 3, c->lo, c->hi, &s->bound2, i, visit_points, too_far);
        fn_walk(s, &s->index->chains, 3, c->lo, c->hi, &s->bound2, i, visit_chains, too_far);
    }
}

/* ---- near polygons around the query ---- */

/* Whether a polygon contains p: in its shell, in none of its holes. */
static bool contains(const fn_searcher *s, const double *xy, const fn_path *paths, const fn_ring_index *rings,
                     size_t n_paths, size_t shell, const double *p)
{
    const fn_ellipsoid *e = &s->set->ellipsoid;
    for (size_t i = shell; i < n_paths && (i == shell || paths[i].kind == FN_PATH_HOLE); i++) {
        const double *ring = xy + 2 * (size_t)paths[i].first;
        if (fn_geo_ring_contains_indexed(e, ring, paths[i].count, rings ? &rings[i] : NULL, p) != (i == shell))
            return false;
    }
    return true;
}

static void visit_around(fn_searcher *s, const fn_tree *tree, size_t first, const double *d2, size_t part)
{
    const size_t n = fn_present(tree, 0, first);
    const fn_near *set = s->set;
    for (size_t j = 0; j < n; j++) {
        const fn_polygon *polygon = &s->index->polygon[first + j];
        if (d2[j] == 0 && fn_search_wants(s, 0, polygon->rank) &&
            contains(s, set->xy, set->paths, set->rings, set->n_paths, polygon->path, fn_query_xy(s, part)))
            fn_search_offer(s, 0, polygon->rank, FN_ITEM_AROUND, first + j, part);
    }
}

/* Near polygons that contain a path of the query: they contain its first vertex, or their edges cross. */
static void search_around(fn_searcher *s)
{
    const double touching = 0;
    if (s->index->polygons.levels == 0)
        return;
    size_t chain = 0;
    for (size_t i = 0; i < s->query->n_paths && s->status == FN_OK; i++) {
        while (s->chains[chain].first != s->query->paths[i].first)
            chain++;
        const double *p = fn_query_xy(s, chain);
        double at[2] = {p[0] - 360 * floor((p[0] + 180) / 360), p[1]};
        for (int turn = 0; turn < 2; turn++, at[0] += 360) /* boxes may begin before 180 degrees and end after it */
            fn_walk(s, &s->index->polygons, 2, at, at, &touching, chain, visit_around, NULL);
    }
}

/* ---- what lies in the query's polygons ---- */

/* A polygon of the query gets its indexes once it has been asked what it contains MANY times, or they would cost
 * more than they save. Without memory for them the search only takes longer. */
enum { MANY = 4 };

static void index_polygon(fn_searcher *s, size_t shell)
{
    const fn_path *paths = s->query->paths;
    if (!s->rings)
        s->rings = calloc(s->query->n_paths, sizeof *s->rings);
    for (size_t i = shell; s->rings && i < s->query->n_paths && (i == shell || paths[i].kind == FN_PATH_HOLE); i++)
        if (!s->rings[i].ready)
            fn_ring_index_init(&s->rings[i], s->query->xy + 2 * (size_t)paths[i].first, paths[i].count);
}

static void forget_rings(fn_searcher *s)
{
    for (size_t i = 0; s->rings && i < s->query->n_paths; i++)
        fn_ring_index_destroy(&s->rings[i]);
    free(s->rings);
    s->rings = NULL;
}

static void visit_inside(fn_searcher *s, const fn_tree *tree, size_t first, const double *d2, size_t path,
                         uint32_t kind)
{
    const size_t n = fn_present(tree, 0, first);
    for (size_t j = 0; j < n; j++) {
        const uint32_t rank =
            kind == FN_ITEM_POINT_INSIDE ? s->index->point_rank[first + j] : s->index->chain[first + j].rank;
        if (d2[j] != 0 || !fn_search_wants(s, 0, rank))
            continue;
        if (++s->asked == MANY)
            index_polygon(s, path);
        const double *p = fn_near_run(s, kind, first + j).xy;
        if (contains(s, s->query->xy, s->query->paths, s->rings, s->query->n_paths, path, p))
            fn_search_offer(s, 0, rank, kind, first + j, path);
    }
}

static void visit_points_inside(fn_searcher *s, const fn_tree *tree, size_t first, const double *d2, size_t path)
{
    visit_inside(s, tree, first, d2, path, FN_ITEM_POINT_INSIDE);
}

static void visit_chains_inside(fn_searcher *s, const fn_tree *tree, size_t first, const double *d2, size_t path)
{
    visit_inside(s, tree, first, d2, path, FN_ITEM_CHAIN_INSIDE);
}

/* The smallest and largest of f(x) = cosine over degrees from..to. */
static void cosine_range(double from, double to, double range[2])
{
    const double a = cos(from / FN_DEGREES), b = cos(to / FN_DEGREES);
    range[0] = ceil((from - 180) / 360) * 360 + 180 <= to ? -1 : fmin(a, b);
    range[1] = ceil(from / 360) * 360 <= to ? 1 : fmax(a, b);
}

static void product_range(const double a[2], const double b[2], double *lo, double *hi)
{
    const double p[4] = {a[0] * b[0], a[0] * b[1], a[1] * b[0], a[1] * b[1]};
    *lo = fmin(fmin(p[0], p[1]), fmin(p[2], p[3])) - 1e-6;
    *hi = fmax(fmax(p[0], p[1]), fmax(p[2], p[3])) + 1e-6;
}

/* The box in space of all that lies between these longitudes and latitudes: distance from the axis times cosine and
 * sine of the longitude. */
static void box_of_bounds(const fn_ellipsoid *e, const double bounds[4], double lo[3], double hi[3])
{
    const double south = fmax(bounds[1], -90), north = fmin(bounds[3], 90);
    double s[3], n[3], x[2], y[2], axis[2];
    fn_geo_space(e, (double[2]){0, south}, s);
    fn_geo_space(e, (double[2]){0, north}, n);
    axis[0] = fmin(s[0], n[0]);
    axis[1] = south <= 0 && north >= 0 ? e->a : fmax(s[0], n[0]);
    cosine_range(bounds[0], bounds[2], x);
    cosine_range(bounds[0] - 90, bounds[2] - 90, y);
    product_range(axis, x, &lo[0], &hi[0]);
    product_range(axis, y, &lo[1], &hi[1]);
    lo[2] = s[2] - 1e-6;
    hi[2] = n[2] + 1e-6;
}

static void search_inside(fn_searcher *s)
{
    const double touching = 0;
    for (size_t i = 0; i < s->query->n_paths && s->status == FN_OK; i++) {
        const fn_path *path = &s->query->paths[i];
        if (path->kind != FN_PATH_SHELL)
            continue;
        double bounds[4], lo[3], hi[3];
        fn_geo_ring_bounds(&s->set->ellipsoid, s->query->xy + 2 * (size_t)path->first, path->count, bounds);
        box_of_bounds(&s->set->ellipsoid, bounds, lo, hi);
        s->asked = 0;
        fn_walk(s, &s->index->points, 3, lo, hi, &touching, i, visit_points_inside, NULL);
        fn_walk(s, &s->index->chains, 3, lo, hi, &touching, i, visit_chains_inside, NULL);
    }
    forget_rings(s);
}

/* ---- all of it ---- */

void fn_search_containing(fn_searcher *s)
{
    search_around(s);
    search_inside(s);
}

/* First the k that are nearest through the earth: the farthest of them along the ellipsoid is a bound for the true k
 * nearest. The two orders seldom differ, so there is little left to compute then (one inverse problem for each query
 * and k, and a few more). */
static double bound_by_chords(fn_searcher *s)
{
    const double limit = s->limits.radius;
    if (s->limits.closest >= s->index->features)
        return limit;
    fn_search_begin(s, FN_CHORD, limit < INFINITY ? fn_geo_chord_max(&s->set->ellipsoid, limit) : INFINITY);
    fn_search_edges(s);
    if (s->ranking.n < s->limits.closest)
        return limit;
    double farthest = 0;
    for (size_t i = 0; i < s->ranking.n; i++) {
        const fn_candidate *c = &s->ranking.list[i];
        const fn_run query = fn_query_run(s, c->part), near = fn_near_run(s, c->kind, c->item);
        farthest = fmax(farthest, fn_run_distance(&s->set->ellipsoid, &query, &near, INFINITY, NULL));
    }
    return fmin(limit, farthest);
}

/* Begins anew with a tighter limit. What has been found, at distance 0, stays. */
static void tighten(fn_searcher *s)
{
    const size_t n = s->ranking.n;
    if (!fn_reserve(&s->kept, &s->kept_cap, n, sizeof *s->kept)) {
        fn_search_no_memory(s);
        return;
    }
    if (n > 0)
        memcpy(s->kept, s->ranking.list, n * sizeof *s->kept);
    const double limit = bound_by_chords(s);
    fn_search_begin(s, FN_GEODESIC, limit);
    for (size_t i = 0; i < n; i++)
        if (!fn_ranking_offer(&s->ranking, &s->kept[i]))
            fn_search_no_memory(s);
    fn_search_update_bound(s);
}

void fn_search_geodesic(fn_searcher *s)
{
    fn_search_begin(s, FN_GEODESIC, s->limits.radius);
    fn_search_containing(s);
    if (s->ranking.bound > 0 && s->status == FN_OK)
        tighten(s);
    fn_search_edges(s);
}
