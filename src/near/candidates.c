/* What becomes of the items that a search meets: an item stands for its feature and its twins, the ranking takes in the
 * best, and the worst of these bounds what the search still has to look at. */
#include <math.h>
#include <string.h>

#include "searcher_internal.h"

double fn_search_square_of(const fn_searcher *s, double distance)
{
    return s->measure == FN_GEODESIC ? fn_square_of_chord(&s->set->ellipsoid, distance)
                                     : distance * distance * FN_WIDER;
}

void fn_search_update_bound(fn_searcher *s)
{
    const double bound = s->ranking.bound;
    s->bound2 = fn_search_square_of(s, bound);
    s->tie2 = s->measure != FN_GEODESIC ? bound * bound / FN_WIDER : bound > 0 ? INFINITY : 0;
    s->sure2 = INFINITY;
    if (s->measure == FN_GEODESIC && bound < INFINITY) {
        const double r = s->set->ellipsoid.b * s->set->ellipsoid.b / s->set->ellipsoid.a; /* as in fn_geo_bulge */
        const double chord = 2 * r * sin(fmin(bound / (2 * r), 90 / FN_DEGREES));
        s->sure2 = chord * chord;
    }
}

void fn_search_begin(fn_searcher *s, fn_measure measure, double limit)
{
    s->measure = measure;
    fn_ranking_begin(&s->ranking, limit);
    fn_search_update_bound(s);
}

static int compare_vertices(const double *a, size_t n_a, const double *b, size_t n_b)
{
    for (size_t i = 0; i < 2 * n_a && i < 2 * n_b; i++)
        if (a[i] != b[i])
            return a[i] < b[i] ? -1 : 1;
    return (n_a > n_b) - (n_a < n_b);
}

int fn_search_compare(const void *context, uint32_t kind, uint32_t a, uint32_t b)
{
    const fn_searcher *s = context;
    const double *xy = s->set->xy;
    if (kind == FN_ITEM_POLYGON || kind == FN_ITEM_AROUND) {
        const fn_path *p = &s->set->paths[s->index->polygon[a].path], *q = &s->set->paths[s->index->polygon[b].path];
        return compare_vertices(xy + 2 * (size_t)p->first, p->count, xy + 2 * (size_t)q->first, q->count);
    }
    if (kind == FN_ITEM_CHAIN || kind == FN_ITEM_CHAIN_INSIDE) {
        const fn_chain *c = &s->index->chain[a], *d = &s->index->chain[b];
        const double *along = s->index->chain_along;
        const int order =
            compare_vertices(xy + 2 * (size_t)c->first, c->segments + 1, xy + 2 * (size_t)d->first, d->segments + 1);
        return order != 0 || !along ? order : (along[a] > along[b]) - (along[a] < along[b]);
    }
    double p[2], q[2];
    if (s->geodesic) {
        memcpy(p, fn_near_run(s, kind, a).xy, sizeof p);
        memcpy(q, fn_near_run(s, kind, b).xy, sizeof q);
    } else {
        fn_copy_point(s, a, p);
        fn_copy_point(s, b, q);
    }
    return compare_vertices(p, 1, q, 1);
}

bool fn_search_is_excluded(const fn_searcher *s, uint32_t rank)
{
    if (rank == s->excluded)
        return true;
    return s->excludes_fid && s->set->fid[fn_feature_of_rank(s->set, rank)] == s->excluded_fid;
}

static void offer_feature(fn_searcher *s, const fn_candidate *candidate)
{
    if (fn_search_is_excluded(s, candidate->rank))
        return;
    if (s->banning) {
        s->banned[candidate->rank] = s->ban;
        return;
    }
    if (s->banned && s->banned[candidate->rank] == s->ban)
        return;
    const double before = s->ranking.bound;
    if (!fn_ranking_offer(&s->ranking, candidate))
        fn_search_no_memory(s);
    if (s->ranking.bound != before)
        fn_search_update_bound(s);
}

void fn_search_offer(fn_searcher *s, double distance, uint32_t rank, uint32_t kind, size_t item, size_t part)
{
    if (!fn_search_wants(s, distance, rank))
        return;
    if (s->banned) {
        const bool too_near = distance < s->limits.min_radius,
                   once = !s->ranking.seen; /* each feature is met once: it has no other item */
        if (s->banning ? !too_near : (too_near && s->measure != FN_CHORD) || (once && s->banned[rank] == s->ban))
            return;
        if (s->banning && once) { /* for all twins */
            s->banned[rank] = s->ban;
            return;
        }
    }
    fn_candidate candidate = {distance, rank, (uint32_t)item, (uint32_t)part, kind};
    offer_feature(s, &candidate);
    const fn_twins *twins = fn_twins_of(s, kind);
    for (size_t i = twins->first ? twins->first[item] : 0, end = twins->first ? twins->first[item + 1] : 0; i < end;
         i++) {
        candidate.rank = twins->rank[i];
        if (!fn_search_wants(s, distance, candidate.rank) || s->status != FN_OK)
            break;
        offer_feature(s, &candidate);
    }
}
