/* A searcher: it sets a query up, has it searched in the plane or on the ellipsoid, and hands over the neighbours in
 * their order. The distances themselves are in planar.h, areas.h and runs.h.
 *
 * Nothing is missed, and the answer does not depend on the order of looking: a box is passed over only when the
 * distance to it exceeds the worst distance that still counts. In the plane the computed distance to a box is never
 * above that of what is in it (rounding is monotone; an item's distance is raised to that of its own box where
 * rounding made it smaller). Geodesic distances are searched by straight lines in space: a bound in metres along the
 * ellipsoid becomes a bound for chords by fn_geo_chord_max(). Where chords are too long to decide, sights
 * (fn_geo_sight) do. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "array.h"
#include "searcher_internal.h"

fn_status fn_searcher_new(const fn_near *set, const fn_near_limits *limits, fn_searcher **out, fn_error *err)
{
    *out = NULL;
    if (!set->built)
        return fn_fail(err, FN_ERR_ARGUMENT, "the set of near features has not been built");
    if (limits->closest == 0 || !(limits->radius >= 0) || !(limits->min_radius >= 0))
        return fn_fail(err, FN_ERR_ARGUMENT, "a search needs at least 1 neighbour, and radii of 0 or more");
    fn_searcher *s = calloc(1, sizeof *s);
    bool ok = s != NULL;
    if (ok) {
        s->set = set;
        s->limits = *limits;
        s->geodesic = set->options.geodesic;
        s->ranking.k = limits->closest;
        s->ranking.compare = fn_search_compare;
        s->ranking.context = s;
        s->one_path = (fn_path){0, 1, FN_PATH_POINT};
        s->one_shape =
            (fn_shape){.xy = s->one_xy, .n_vertices = 1, .paths = &s->one_path, .n_paths = 1, .has_points = true};
        const size_t n = set->n ? set->n : 1;
        if (limits->min_radius > 0)
            ok = (s->banned = calloc(n, sizeof *s->banned)) != NULL;
    }
    if (!ok) {
        fn_searcher_free(s);
        return fn_fail(err, FN_ERR_MEMORY, "out of memory");
    }
    *out = s;
    return FN_OK;
}

void fn_searcher_free(fn_searcher *s)
{
    if (!s)
        return;
    fn_areas_free(s->areas);
    fn_ranking_destroy(&s->ranking);
    free(s->kept);
    free(s->seen);
    free(s->place);
    fn_shape_destroy(&s->shape);
    fn_shape_destroy(&s->cut);
    free(s->space);
    free(s->chains);
    free(s->banned);
    free(s->queue);
    free(s->found);
    free(s);
}

uint64_t fn_searcher_looks(const fn_searcher *s)
{
    return s->looks;
}

/* ---- a search ---- */

/* Whether the search may meet a feature more than once. */
static bool meets_again(const fn_searcher *s)
{
    return s->set->repeated || s->n_chains > 1 || s->query->has_area;
}

static bool prepare_ranking(fn_searcher *s)
{
    const bool again = meets_again(s);
    if (again && !s->seen) {
        s->seen = calloc(s->set->n, sizeof *s->seen);
        s->place = malloc(s->set->n * sizeof *s->place);
    }
    s->ranking.seen = again ? s->seen : NULL;
    s->ranking.place = again ? s->place : NULL;
    return !again || (s->seen && s->place);
}

static void search(fn_searcher *s)
{
    if (!prepare_ranking(s)) {
        fn_search_no_memory(s);
        return;
    }
    s->ban++;
    if (s->banned && (meets_again(s) || s->geodesic)) { /* a feature is too near if any of its items is */
        s->banning = true;
        fn_search_begin(s, s->geodesic ? FN_GEODESIC : FN_PLANAR, s->limits.min_radius);
        if (s->geodesic) {
            fn_search_containing(s);
            fn_search_edges(s);
        } else
            fn_search_planar(s);
        s->banning = false;
    }
    if (s->status == FN_OK && s->geodesic)
        fn_search_geodesic(s);
    else if (s->status == FN_OK) {
        fn_search_begin(s, FN_PLANAR, s->limit);
        fn_search_planar(s);
    }
}

static void name_feature(const fn_near *set, fn_neighbour *n)
{
    n->fid = set->fid[n->feature];
    n->layer = fn_layer_of(set, n->feature);
}

static void describe(fn_searcher *s, const fn_candidate *c, fn_neighbour *to)
{
    fn_search_look_up(s);
    *to = (fn_neighbour){.feature = fn_feature_of_rank(s->set, c->rank),
                         .distance = c->distance,
                         .from_x = NAN,
                         .from_y = NAN,
                         .near_x = NAN,
                         .near_y = NAN,
                         .angle = NAN,
                         .along = NAN};
    if (s->limits.location || s->limits.angle || s->limits.along)
        fn_search_describe(s, c, to);
}

/* Runs the search for the query that is set up; writes at most limits.closest neighbours to `to`, or to s->found if
 * that is NULL. They have no names yet. */
static fn_status answer(fn_searcher *s, fn_neighbour *to, size_t *n)
{
    s->areas_begun = false;
    search(s);
    fn_ranking_sort(&s->ranking);
    *n = s->ranking.n;
    if (!to && s->status == FN_OK && !fn_reserve(&s->found, &s->found_cap, *n, sizeof *s->found))
        fn_search_no_memory(s);
    fn_neighbour *out = to ? to : s->found;
    for (size_t i = 0; i < *n && s->status == FN_OK; i++)
        describe(s, &s->ranking.list[i], &out[i]);
    if (s->status != FN_OK)
        *n = 0;
    return s->status;
}

/* ---- a query ---- */

static void set_excluded(fn_searcher *s, fn_excluded excluded)
{
    s->excludes_fid = excluded.layer == FN_ANY_LAYER;
    s->excluded_fid = excluded.fid;
    s->excluded = excluded.layer >= 0 ? fn_near_rank(s->set, excluded.layer, excluded.fid) : UINT32_MAX;
    if (excluded.layer == FN_BY_NUMBER && excluded.fid >= 0 && (uint64_t)excluded.fid < s->set->n)
        s->excluded = fn_rank_of_feature(s->set, (uint32_t)excluded.fid);
}

/* The group's index, or NULL when there is nothing to find. */
static const fn_index *index_of(const fn_near *set, uint32_t group)
{
    if (!set->group)
        return set->n > 0 ? &set->indexes[0] : NULL;
    return group < set->n_indexes && set->indexes[group].features > 0 ? &set->indexes[group] : NULL;
}

static void set_box(fn_searcher *s, fn_query_chain *c)
{
    if (!s->geodesic) {
        fn_run_box(s->query->xy + 2 * (size_t)c->first, 2, c->segments, c->lo, c->hi);
        return;
    }
    const fn_run r = {NULL, s->space + 3 * (size_t)c->first, c->segments};
    fn_run_box(r.space, 3, r.segments, c->lo, c->hi);
    c->reach = fn_run_reach(&s->set->ellipsoid, &r, &c->bulge);
    for (int d = 0; d < 3; d++) {
        c->lo[d] -= c->bulge;
        c->hi[d] += c->bulge;
    }
}

static bool set_chains(fn_searcher *s)
{
    s->n_chains = 0;
    if (s->query == &s->one_shape && !s->geodesic) { /* the quick way: it is its coordinates */
        if (!fn_reserve(&s->chains, &s->chains_cap, 1, sizeof *s->chains))
            return false;
        fn_query_chain *c = &s->chains[s->n_chains++];
        c->first = c->segments = 0;
        for (int d = 0; d < 2; d++)
            c->lo[d] = c->hi[d] = s->one_xy[d];
        return true;
    }
    if (s->geodesic) {
        if (!fn_reserve(&s->space, &s->space_cap, s->query->n_vertices, 3 * sizeof *s->space))
            return false;
        for (size_t i = 0; i < s->query->n_vertices; i++)
            fn_geo_space(&s->set->ellipsoid, s->query->xy + 2 * i, s->space + 3 * i);
    }
    for (size_t p = 0; p < s->query->n_paths; p++) {
        const fn_path *path = &s->query->paths[p];
        uint32_t i = 0;
        do {
            const uint32_t left = path->count - 1 - i;
            if (!fn_reserve(&s->chains, &s->chains_cap, s->n_chains + 1, sizeof *s->chains))
                return false;
            fn_query_chain *c = &s->chains[s->n_chains++];
            c->first = path->first + i;
            c->segments = left < FN_CHAIN ? left : FN_CHAIN;
            set_box(s, c);
            i += FN_CHAIN;
        } while (i < path->count - 1);
    }
    return true;
}

static fn_usable set_point(fn_searcher *s, const double *p)
{
    if (!isfinite(p[0]) || !isfinite(p[1]))
        return FN_UNUSABLE_NOT_FINITE;
    if (s->geodesic && fabs(p[1]) > 90)
        return FN_UNUSABLE_LATITUDE;
    s->query = &s->one_shape;
    s->one_xy[0] = s->geodesic ? fn_geo_longitude(p[0]) : p[0];
    s->one_xy[1] = p[1];
    return FN_USABLE;
}

static void begin_query(fn_searcher *s, const volatile bool *cancel, fn_error *err)
{
    s->limit = s->limits.radius;
    s->status = FN_OK;
    s->err = err;
    s->cancel = cancel;
}

/* Answers the query whose chains are set. */
static fn_status answer_with_names(fn_searcher *s, fn_excluded excluded, const fn_neighbour **found, size_t *n)
{
    set_excluded(s, excluded);
    answer(s, NULL, n);
    for (size_t i = 0; i < *n; i++)
        name_feature(s->set, &s->found[i]);
    *found = s->found;
    return s->status;
}

fn_status fn_searcher_find_point(fn_searcher *s, double x, double y, uint32_t group, fn_excluded excluded,
                                 const fn_neighbour **found, size_t *n, fn_usable *usable, const volatile bool *cancel,
                                 fn_error *err)
{
    *n = 0;
    *found = s->found;
    begin_query(s, cancel, err);
    const fn_usable verdict = set_point(s, (double[2]){x, y});
    if (usable)
        *usable = verdict;
    if (verdict != FN_USABLE || !(s->index = index_of(s->set, group)))
        return FN_OK;
    if (!set_chains(s))
        return fn_fail(err, FN_ERR_MEMORY, "out of memory");
    return answer_with_names(s, excluded, found, n);
}

fn_status fn_searcher_find_wkb(fn_searcher *s, const void *wkb, size_t bytes, uint32_t group, fn_excluded excluded,
                               const fn_neighbour **found, size_t *n, fn_usable *usable, const volatile bool *cancel,
                               fn_error *err)
{
    *n = 0;
    *found = s->found;
    begin_query(s, cancel, err);
    fn_usable verdict;
    s->status = fn_shape_from_wkb(&s->shape, wkb, bytes, s->geodesic, &verdict, err);
    if (usable)
        *usable = verdict;
    if (s->status != FN_OK || verdict != FN_USABLE || !(s->index = index_of(s->set, group)))
        return s->status;
    s->query = &s->shape;
    if (s->geodesic && s->shape.n_vertices > s->shape.n_paths) {
        if ((s->status = fn_shape_cut(&s->set->ellipsoid, &s->shape, &s->cut, err)) != FN_OK)
            return s->status;
        s->query = &s->cut;
    }
    if (!set_chains(s))
        return s->status = fn_fail(err, FN_ERR_MEMORY, "out of memory for a geometry of %zu bytes", bytes);
    return answer_with_names(s, excluded, found, n);
}

/* Points that follow one another along the curve have neighbours at about the same distance: none of q's k nearest
 * is farther than the farthest of the k of p, and the way from p to q. `found` are p's. */
static double limit_from(const fn_searcher *s, const double *p, const double *q, const fn_neighbour *found, uint32_t n)
{
    if (s->geodesic || s->banned || n < s->limits.closest)
        return s->limits.radius;
    const uint32_t excluded = s->excluded == UINT32_MAX ? UINT32_MAX : fn_feature_of_rank(s->set, s->excluded);
    for (uint32_t i = 0; i < n; i++)
        if (found[i].feature == excluded)
            return s->limits.radius;
    const double dx = p[0] - q[0], dy = p[1] - q[1];
    const double limit = (found[n - 1].distance + sqrt(dx * dx + dy * dy)) * (1 + 1e-12);
    return limit < s->limits.radius ? limit : s->limits.radius;
}

/* Names what was found for point q. Called a few points late: FIDs lie anywhere, and the prefetch takes its time. */
static void name_features(const fn_near *set, fn_neighbour *found, size_t closest, const uint32_t *counts, size_t q)
{
    for (uint32_t k = 0; k < counts[q]; k++)
        name_feature(set, &found[q * closest + k]);
}

fn_status fn_searcher_find_points(fn_searcher *s, size_t n, const double *xy, const uint32_t *groups,
                                  int excluded_layer, const int64_t *fids, fn_neighbour *found, uint32_t *counts,
                                  fn_usable *usable, const volatile bool *cancel, fn_error *err)
{
    /* LARGE: with more near features an order pays; CELLS: bits of its grid; SOON: prefetched that many points ahead */
    enum { LARGE = 64, CELLS = 10, SOON = 8 };
    begin_query(s, cancel, err);
    if (s->limits.closest > FN_BULK_CLOSEST)
        return fn_fail(err, FN_ERR_ARGUMENT, "at most %d neighbours are found in bulk", FN_BULK_CLOSEST);
    if (n > UINT32_MAX)
        return fn_fail(err, FN_ERR_ARGUMENT, "%zu points at once are too many", n);
    uint32_t *order = NULL;
    if (s->set->n > LARGE) {
        order = malloc((n ? n : 1) * sizeof *order);
        if (!order || !fn_hilbert_order(&s->set->frame, CELLS, xy, n, 2, order)) {
            free(order);
            return fn_fail(err, FN_ERR_MEMORY, "out of memory for %zu points", n);
        }
    }
    const bool related = order && !groups && excluded_layer != FN_ANY_LAYER;
    size_t before = n; /* the last that was found */
    for (size_t i = 0; i < n && s->status == FN_OK; i++) {
        const size_t q = order ? order[i] : i;
        if (order && i + SOON < n) { /* they lie apart */
            __builtin_prefetch(xy + 2 * (size_t)order[i + SOON]);
            __builtin_prefetch(found + order[i + SOON] * s->limits.closest, 1);
        }
        counts[q] = 0;
        if ((usable[q] = set_point(s, xy + 2 * q)) == FN_USABLE &&
            (s->index = index_of(s->set, groups ? groups[q] : FN_NO_GROUP))) {
            size_t count = 0;
            if (!set_chains(s))
                fn_search_no_memory(s);
            set_excluded(s, (fn_excluded){excluded_layer, fids ? fids[q] : 0});
            s->limit = s->limits.radius;
            if (related && before < n)
                s->limit =
                    limit_from(s, xy + 2 * before, xy + 2 * q, found + before * s->limits.closest, counts[before]);
            answer(s, found + q * s->limits.closest, &count);
            counts[q] = (uint32_t)count;
            before = q;
            for (uint32_t k = 0; k < counts[q]; k++)
                __builtin_prefetch(&s->set->fid[found[q * s->limits.closest + k].feature]);
        }
        if (i >= SOON)
            name_features(s->set, found, s->limits.closest, counts, order ? order[i - SOON] : i - SOON);
    }
    for (size_t i = n > SOON ? n - SOON : 0; i < n && s->status == FN_OK; i++)
        name_features(s->set, found, s->limits.closest, counts, order ? order[i] : i);
    free(order);
    return s->status;
}
