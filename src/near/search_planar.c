/* The search in the plane: points and chains, near polygons, and what lies in the query's polygons. */
#include <math.h>

#include "array.h"
#include "clones.h"
#include "walk.h"

/* ---- points and chains ---- */

/* The nearest of a leaf: taken first, it rules most of the others out. Where there is none, it is at infinity. */
static inline __attribute__((always_inline)) size_t nearest_of(const double *d2)
{
    double least = INFINITY;
#pragma omp simd reduction(min : least)
    for (int j = 0; j < FN_FANOUT; j++)
        least = d2[j] < least ? d2[j] : least;
    const uint32_t bits = fn_within(d2, FN_FANOUT, least);
    return bits ? (size_t)__builtin_ctz(bits) : 0;
}

static inline __attribute__((always_inline)) void visit_points_by_point(fn_searcher *s, const fn_tree *tree,
                                                                        size_t first, const double *d2, size_t part)
{
    const size_t n = fn_present(tree, 0, first), nearest = nearest_of(d2);
    if (!(d2[nearest] <= s->bound2))
        return;
    fn_search_offer(s, sqrt(d2[nearest]), s->index->point_rank[first + nearest], FN_ITEM_POINT, first + nearest, part);
    for (uint32_t bits = fn_within(d2, n, s->bound2) & ~(1u << nearest); bits; bits &= bits - 1) {
        const size_t j = (size_t)__builtin_ctz(bits);
        if (d2[j] <= s->bound2)
            fn_search_offer(s, sqrt(d2[j]), s->index->point_rank[first + j], FN_ITEM_POINT, first + j, part);
    }
}

static void visit_points(fn_searcher *s, const fn_tree *tree, size_t first, const double *d2, size_t part)
{
    const size_t n = fn_present(tree, 0, first);
    for (size_t j = 0; j < n; j++)
        if (d2[j] <= s->bound2) {
            double p[2];
            fn_copy_point(s, first + j, p);
            const double d = fn_planar_distance(fn_query_xy(s, part), s->chains[part].segments, p, 0, NULL);
            fn_search_offer(s, fmax(d, sqrt(d2[j])), s->index->point_rank[first + j], FN_ITEM_POINT, first + j, part);
        }
}

static void meet_chain(fn_searcher *s, size_t item, double d2, size_t part)
{
    const fn_chain *chain = &s->index->chain[item];
    if (d2 > fn_search_square_of_bound(s, fn_search_bound_of(s, chain->rank, FN_ITEM_CHAIN, item)))
        return;
    const double d = fn_planar_distance(fn_query_xy(s, part), s->chains[part].segments,
                                        s->set->xy + 2 * (size_t)chain->first, chain->segments, NULL);
    const double least = sqrt(d2);
    fn_search_offer(s, d > least ? d : least, chain->rank, FN_ITEM_CHAIN, item, part);
}

static void visit_chains(fn_searcher *s, const fn_tree *tree, size_t first, const double *d2, size_t part)
{
    const size_t n = fn_present(tree, 0, first), nearest = nearest_of(d2);
    if (d2[nearest] > s->bound2)
        return;
    meet_chain(s, first + nearest, d2[nearest], part);
    for (size_t j = 0; j < n; j++)
        if (d2[j] <= s->bound2 && j != nearest)
            meet_chain(s, first + j, d2[j], part);
}

/* ---- near polygons, nearest envelope first ---- */

/* A box or an item, in the queue until its turn comes. */
typedef struct fn_queued {
    double d2;
    uint32_t rank, place; /* rank: of a box, the lowest in it */
    int level;            /* -1: an item */
} fn_queued;

static bool sooner(const fn_queued *a, const fn_queued *b)
{
    return a->d2 < b->d2 || (a->d2 == b->d2 && (a->rank < b->rank || (a->rank == b->rank && a->level > b->level)));
}

static void push(fn_searcher *s, size_t *n, fn_queued e)
{
    if (!fn_reserve(&s->queue, &s->queue_cap, *n + 1, sizeof *s->queue)) {
        fn_search_no_memory(s);
        return;
    }
    size_t at = (*n)++;
    for (size_t parent; at > 0 && sooner(&e, &s->queue[parent = (at - 1) / 2]); at = parent)
        s->queue[at] = s->queue[parent];
    s->queue[at] = e;
}

static fn_queued pop(fn_searcher *s, size_t *n)
{
    const fn_queued top = s->queue[0], last = s->queue[--*n];
    size_t at = 0;
    for (size_t child; (child = 2 * at + 1) < *n; at = child) {
        child += child + 1 < *n && sooner(&s->queue[child + 1], &s->queue[child]);
        if (!sooner(&s->queue[child], &last))
            break;
        s->queue[at] = s->queue[child];
    }
    if (*n > 0)
        s->queue[at] = last;
    return top;
}

bool fn_search_begin_areas(fn_searcher *s)
{
    if (!s->areas && !(s->areas = fn_areas_new(s->set)))
        fn_search_no_memory(s);
    if (s->status == FN_OK && !s->areas_begun)
        fn_search_fail(s, fn_areas_begin(s->areas, s->query, s->err));
    s->areas_begun = true;
    return s->status == FN_OK;
}

static void meet_polygon(fn_searcher *s, size_t item, double d2, size_t component)
{
    const fn_tree *tree = &s->index->polygons;
    const fn_polygon *polygon = &s->index->polygon[item];
    const double least = sqrt(d2), lo[2] = {fn_tree_lo(tree, 0, 0)[item], fn_tree_lo(tree, 0, 1)[item]},
                 hi[2] = {fn_tree_hi(tree, 0, 0)[item], fn_tree_hi(tree, 0, 1)[item]};
    double d = 0;
    if (!fn_search_wants(s, least, polygon->rank) || fn_search_is_useless(s, polygon->rank, FN_ITEM_POLYGON, item))
        return;
    fn_search_fail(s, fn_areas_distance(s->areas, component, polygon, lo, hi, s->ranking.bound, &d, s->err));
    if (s->status == FN_OK)
        fn_search_offer(s, fmax(d, least), polygon->rank, FN_ITEM_POLYGON, item, component);
}

static void search_polygons_from(fn_searcher *s, const fn_component *from, size_t component)
{
    const fn_tree *tree = &s->index->polygons;
    const double *lo = from->envelope, *hi = from->envelope + 2;
    double d2[FN_FANOUT];
    size_t n = 0;
    push(s, &n, (fn_queued){0, 0, 0, tree->levels - 1});
    while (n > 0 && s->status == FN_OK) {
        const fn_queued e = pop(s, &n);
        fn_search_look_up(s);
        if (e.d2 > s->bound2)
            break;
        if (!fn_search_wants(s, sqrt(e.d2), e.rank))
            continue;
        if (e.level < 0) {
            meet_polygon(s, e.place, e.d2, component);
            continue;
        }
        const size_t first = (size_t)e.place * FN_FANOUT;
        const size_t count = fn_present(tree, e.level, first);
        fn_tree_distances(tree, 2, e.level, first, lo, hi, d2);
        for (size_t j = 0; j < count && s->status == FN_OK; j++)
            if (d2[j] <= s->bound2)
                push(s, &n,
                     (fn_queued){d2[j],
                                 e.level == 0 ? s->index->polygon[first + j].rank
                                              : fn_tree_least(tree, e.level, first + j),
                                 (uint32_t)(first + j), e.level - 1});
    }
}

/* Has the vertices of a polygon fetched, which lie anywhere, while another is looked at. */
static void expect_polygon(const fn_searcher *s, const fn_polygon *polygon)
{
    enum { LINE = 8, MOST = 64 * LINE }; /* doubles */
    const fn_path *path = &s->set->paths[polygon->path];
    const double *v = s->set->xy + 2 * (size_t)path->first;
    const size_t n = 2 * (size_t)path->count;
    for (size_t i = 0; i < n && i < MOST; i += LINE)
        __builtin_prefetch(v + i);
}

/* Polygons of few vertices: to compute one distance more costs less than a queue. The least of a leaf come first. */
static void visit_polygons(fn_searcher *s, const fn_tree *tree, size_t first, const double *d2, size_t component)
{
    uint8_t order[FN_FANOUT];
    const size_t count = fn_present(tree, 0, first);
    const fn_polygon *polygons = s->index->polygon + first;
    size_t n = 0;
    for (size_t j = 0; j < count; j++) {
        if (d2[j] > s->bound2)
            continue;
        size_t at = n++;
        for (; at > 0 && (d2[j] < d2[order[at - 1]] ||
                          (d2[j] == d2[order[at - 1]] && polygons[j].rank < polygons[order[at - 1]].rank));
             at--)
            order[at] = order[at - 1];
        order[at] = (uint8_t)j;
        __builtin_prefetch(&s->set->paths[polygons[j].path]);
    }
    for (size_t i = 0; i < n && s->status == FN_OK; i++) {
        if (d2[order[i]] > s->bound2)
            break;
        if (i == 0)
            expect_polygon(s, &polygons[order[i]]);
        if (i + 1 < n)
            expect_polygon(s, &polygons[order[i + 1]]);
        meet_polygon(s, first + order[i], d2[order[i]], component);
    }
}

static inline __attribute__((always_inline)) void search_polygons(fn_searcher *s)
{
    if (s->index->polygons.levels == 0 || !fn_search_begin_areas(s))
        return;
    size_t n;
    const fn_component *components = fn_areas_components(s->areas, &n);
    for (size_t i = 0; i < n && s->status == FN_OK; i++)
        if (s->index->large_polygons)
            search_polygons_from(s, &components[i], i);
        else
            fn_walk(s, &s->index->polygons, 2, components[i].envelope, components[i].envelope + 2, &s->bound2, i,
                    visit_polygons, NULL);
}

/* ---- what lies in the query's polygons ---- */

static void offer_if_inside(fn_searcher *s, const double *p, uint32_t rank, uint32_t kind, size_t item,
                            size_t component)
{
    bool inside = false;
    if (!fn_search_wants(s, 0, rank) || fn_search_is_useless(s, rank, kind, item))
        return;
    fn_search_fail(s, fn_areas_covers(s->areas, component, p, &inside, s->err));
    if (inside && s->status == FN_OK)
        fn_search_offer(s, 0, rank, kind, item, component);
}

static void visit_points_inside(fn_searcher *s, const fn_tree *tree, size_t first, const double *d2, size_t component)
{
    const size_t n = fn_present(tree, 0, first);
    for (size_t j = 0; j < n; j++)
        if (d2[j] == 0) {
            double p[2];
            fn_copy_point(s, first + j, p);
            offer_if_inside(s, p, s->index->point_rank[first + j], FN_ITEM_POINT_INSIDE, first + j, component);
        }
}

static void visit_chains_inside(fn_searcher *s, const fn_tree *tree, size_t first, const double *d2, size_t component)
{
    const size_t n = fn_present(tree, 0, first);
    for (size_t j = 0; j < n; j++)
        if (d2[j] == 0) {
            const fn_chain *chain = &s->index->chain[first + j];
            offer_if_inside(s, s->set->xy + 2 * (size_t)chain->first, chain->rank, FN_ITEM_CHAIN_INSIDE, first + j,
                            component);
        }
}

static void search_inside(fn_searcher *s)
{
    if (!s->query->has_area || (s->index->points.levels == 0 && s->index->chains.levels == 0) ||
        !fn_search_begin_areas(s))
        return;
    const double touching = 0;
    size_t n;
    const fn_component *components = fn_areas_components(s->areas, &n);
    for (size_t i = 0; i < n && s->status == FN_OK; i++)
        if (s->query->paths[components[i].path].kind == FN_PATH_SHELL) {
            const double *lo = components[i].envelope, *hi = components[i].envelope + 2;
            fn_walk(s, &s->index->points, 2, lo, hi, &touching, i, visit_points_inside, NULL);
            fn_walk(s, &s->index->chains, 2, lo, hi, &touching, i, visit_chains_inside, NULL);
        }
}

/* ---- all of it ---- */

FN_CLONES static void search_all(fn_searcher *s)
{
    search_inside(s);
    for (size_t i = 0; i < s->n_chains && s->status == FN_OK; i++) {
        const fn_query_chain *c = &s->chains[i];
        if (c->segments == 0)
            fn_walk(s, &s->index->points, 2, c->lo, c->hi, &s->bound2, i, visit_points_by_point, NULL);
        else
            fn_walk(s, &s->index->points, 2, c->lo, c->hi, &s->bound2, i, visit_points, NULL);
        fn_walk(s, &s->index->chains, 2, c->lo, c->hi, &s->bound2, i, visit_chains, NULL);
    }
    search_polygons(s);
}

void fn_search_planar(fn_searcher *s)
{
    search_all(s);
}
