/* The trees of one group, one for each kind of item: items that differ in nothing but their feature are folded into one
 * with twins, then all are laid along the curve. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "near_internal.h"
#include "parallel.h"
#include "places.h"
#include "runs.h"

/* Items of one kind on their way into a tree: points, chains or polygons. The arrays of the other kinds are NULL. */
typedef struct pile {
    const fn_near *set;
    int workers;
    size_t n;
    const uint32_t *rank; /* of points; NULL: the number of each is its rank */
    const fn_chain *chain;
    const double *along; /* of chains, or NULL */
    const fn_polygon *polygon;
    /* Once they are arranged, in the order of the tree: where on the curve each is, and its number. */
    double *x, *y;
    uint32_t *order;
} pile;

static uint32_t rank_in(const pile *p, uint32_t i)
{
    if (p->chain)
        return p->chain[i].rank;
    if (p->polygon)
        return p->polygon[i].rank;
    return p->rank ? p->rank[i] : i;
}

static int compare_paths(const fn_near *set, uint32_t p, uint32_t q)
{
    const fn_path *a = set->paths + p, *b = set->paths + q;
    const uint32_t n = fn_component_paths(set->paths, set->n_paths, p);
    const uint32_t more = fn_component_paths(set->paths, set->n_paths, q);
    int order = (n > more) - (n < more);
    for (uint32_t i = 0; i < n && order == 0; i++)
        order = (a[i].count > b[i].count) - (a[i].count < b[i].count);
    for (uint32_t i = 0; i < n && order == 0; i++)
        order =
            memcmp(set->xy + 2 * (size_t)a[i].first, set->xy + 2 * (size_t)b[i].first, 2 * sizeof(double) * a[i].count);
    return order;
}

/* Orders two items in the same place: 0 only if they are equal. */
static int compare_items(const pile *p, uint32_t i, uint32_t j)
{
    if (p->polygon)
        return compare_paths(p->set, p->polygon[i].path, p->polygon[j].path);
    if (!p->chain)
        return 0;
    const fn_chain *a = &p->chain[i], *b = &p->chain[j];
    if (a->segments != b->segments)
        return a->segments < b->segments ? -1 : 1;
    if (p->along && p->along[i] != p->along[j])
        return p->along[i] < p->along[j] ? -1 : 1;
    return memcmp(p->set->xy + 2 * (size_t)a->first, p->set->xy + 2 * (size_t)b->first,
                  2 * sizeof(double) * (a->segments + 1));
}

static int in_item_order(const void *a, const void *b, void *context)
{
    const pile *p = context;
    const uint32_t i = *(const uint32_t *)a, j = *(const uint32_t *)b;
    const int order = compare_items(p, i, j);
    return order != 0 ? order : rank_in(p, i) < rank_in(p, j) ? -1 : rank_in(p, i) > rank_in(p, j);
}

/* Of two that are arranged. */
static bool same_place(const pile *p, size_t i, size_t j)
{
    return memcmp(&p->x[i], &p->x[j], sizeof *p->x) == 0 && memcmp(&p->y[i], &p->y[j], sizeof *p->y) == 0;
}

/* Keeps one of each set of equal items, moves these to the front, and makes the others their twins. */
static bool fold(pile *p, fn_twins *twins)
{
    size_t kept = 0, others = 0;
    uint32_t *order = p->order;
    for (size_t i = 0, end; i < p->n; i = end) {
        for (end = i + 1; end < p->n && same_place(p, i, end);)
            end++;
        if (end - i > 1)
            qsort_r(order + i, end - i, sizeof *order, in_item_order, p);
        for (size_t j = i + 1; j < end; j++)
            others += compare_items(p, order[j - 1], order[j]) == 0;
    }
    if (others == 0)
        return true;
    twins->first = fn_allocate(p->n - others + 1, sizeof *twins->first);
    twins->rank = fn_allocate(others, sizeof *twins->rank);
    if (!twins->first || !twins->rank)
        return false;
    others = 0;
    for (size_t i = 0; i < p->n; i++) {
        if (kept > 0 && same_place(p, kept - 1, i) && compare_items(p, order[kept - 1], order[i]) == 0) {
            twins->rank[others++] = rank_in(p, order[i]);
            continue;
        }
        twins->first[kept] = (uint32_t)others;
        p->x[kept] = p->x[i];
        p->y[kept] = p->y[i];
        order[kept++] = order[i];
    }
    twins->first[kept] = (uint32_t)others;
    p->n = kept;
    return true;
}

/* Puts the items, which are at these places, in the order of their tree; the pile has room for it. Afterwards it has
 * those that differ. label, spend: as in fn_places. False: out of memory. */
static bool arrange_into(pile *p, double *places, const uint32_t *label, bool spend, fn_twins *twins)
{
    const fn_places items = {.frame = p->set->group ? fn_frame_of(places, p->n, 2) : p->set->frame,
                             .n = p->n,
                             .xy = places,
                             .label = label,
                             .spend = spend,
                             .x = p->x,
                             .y = p->y,
                             .number = p->order};
    bool shared;
    return fn_place_points(&items, p->workers, &shared) && (!shared || fold(p, twins));
}

/* The same with memory of its own; p->order is the caller's to free. places: NULL, there was no memory for it. */
static bool arrange(pile *p, double *places, bool spend, fn_twins *twins)
{
    p->order = fn_allocate(p->n, sizeof *p->order);
    p->x = fn_allocate(p->n, sizeof *p->x);
    p->y = fn_allocate(p->n, sizeof *p->y);
    const bool ok = places && p->order && p->x && p->y && arrange_into(p, places, NULL, spend, twins);
    free(p->x);
    free(p->y);
    return ok;
}

#define LARGE 60 /* vertices of a polygon, on average: half a leaf of them would be more than a queue costs */
#define AT_ONCE ((size_t)4096) /* items that a worker puts into a tree */

/* ---- points ---- */

/* A planar set of points alone: they move out of the set, into the tree. */
static bool move_points(fn_near *set, fn_index *index, int workers)
{
    pile p = {.set = set, .workers = workers, .n = set->n};
    index->point_rank = p.order = fn_allocate(p.n, sizeof *p.order);
    if (!p.order || !fn_tree_init(&index->points, 2, p.n, true))
        return false;
    p.x = fn_tree_lo(&index->points, 0, 0);
    p.y = fn_tree_lo(&index->points, 0, 1);
    if (!arrange_into(&p, set->xy, set->rank_of, true, &index->point_twins))
        return false;
    free(set->xy);
    set->xy = NULL;
    fn_tree_shrink(&index->points, p.n);
    fn_tree_finish(&index->points, index->point_rank, 1);
    return true;
}

/* Points that stay in the set, too. */
typedef struct points {
    const fn_near *set;
    fn_index *index;
    const uint32_t *vertex, *order;
    const pile *pile;
} points;

static void put_points(void *user, size_t first, size_t end)
{
    const points *from = user;
    const fn_near *set = from->set;
    fn_tree *tree = &from->index->points;
    for (size_t i = first; i < end; i++) {
        const uint32_t number = from->order[i], v = from->vertex ? from->vertex[number] : number;
        const double *p = set->options.geodesic ? set->space + 3 * (size_t)v : set->xy + 2 * (size_t)v;
        for (int d = 0; d < tree->dims; d++)
            fn_tree_lo(tree, 0, d)[i] = p[d];
        from->index->point_rank[i] = rank_in(from->pile, number);
        from->index->point_vertex[i] = v;
    }
}

bool fn_near_build_points(fn_near *set, fn_index *index, size_t n, const uint32_t *vertex, const uint32_t *rank,
                          int workers)
{
    if (n == 0)
        return true;
    if (!vertex && !set->options.geodesic)
        return move_points(set, index, workers);
    double *places = vertex ? fn_allocate(n, 2 * sizeof *places) : set->xy;
    for (size_t i = 0; vertex && places && i < n; i++)
        memcpy(places + 2 * i, set->xy + 2 * (size_t)vertex[i], 2 * sizeof *places);
    pile p = {.set = set, .workers = workers, .n = n, .rank = vertex ? rank : set->rank_of};
    bool ok = arrange(&p, places, vertex != NULL, &index->point_twins);
    if (vertex)
        free(places);
    index->point_rank = ok ? fn_allocate(p.n, sizeof *index->point_rank) : NULL;
    index->point_vertex = ok ? fn_allocate(p.n, sizeof *index->point_vertex) : NULL;
    ok = index->point_rank && index->point_vertex &&
         fn_tree_init(&index->points, set->options.geodesic ? 3 : 2, p.n, true);
    if (ok) {
        points from = {set, index, vertex, p.order, &p};
        fn_parallel_ranges(p.n, AT_ONCE, workers, put_points, &from);
        fn_tree_finish(&index->points, index->point_rank, 1);
    }
    free(p.order);
    return ok;
}

/* ---- chains ---- */

typedef struct chains {
    const fn_near *set;
    fn_index *index;
    const fn_chain *chain;
    const double *along;
    const uint32_t *order;
} chains;

static void chain_box(const fn_near *set, const fn_chain *chain, fn_tree *tree, size_t place)
{
    const double *space = set->options.geodesic ? set->space + 3 * (size_t)chain->first : NULL;
    double lo[3] = {0}, hi[3] = {0}, bulge = 0;
    if (space) {
        fn_run_box(space, 3, chain->segments, lo, hi);
        fn_run_reach(&set->ellipsoid, &(fn_run){NULL, space, chain->segments}, &bulge);
    } else
        fn_run_box(set->xy + 2 * (size_t)chain->first, 2, chain->segments, lo, hi);
    for (int d = 0; d < tree->dims; d++) {
        fn_tree_lo(tree, 0, d)[place] = lo[d] - bulge;
        fn_tree_hi(tree, 0, d)[place] = hi[d] + bulge;
    }
}

static void put_chains(void *user, size_t first, size_t end)
{
    const chains *from = user;
    for (size_t i = first; i < end; i++) {
        from->index->chain[i] = from->chain[from->order[i]];
        if (from->along)
            from->index->chain_along[i] = from->along[from->order[i]];
        chain_box(from->set, &from->index->chain[i], &from->index->chains, i);
    }
}

bool fn_near_build_chains(const fn_near *set, fn_index *index, size_t n, const fn_chain *items, const double *along,
                          int workers)
{
    if (n == 0)
        return true;
    double *places = fn_allocate(n, 2 * sizeof *places);
    for (size_t i = 0; places && i < n; i++)
        memcpy(places + 2 * i, set->xy + 2 * ((size_t)items[i].first + items[i].segments / 2), 2 * sizeof *places);
    pile p = {.set = set, .workers = workers, .n = n, .chain = items, .along = along};
    bool ok = arrange(&p, places, true, &index->chain_twins);
    free(places);
    index->chain = ok ? fn_allocate(p.n, sizeof *index->chain) : NULL;
    index->chain_along = ok && along ? fn_allocate(p.n, sizeof *index->chain_along) : NULL;
    ok = index->chain && (!along || index->chain_along) &&
         fn_tree_init(&index->chains, set->options.geodesic ? 3 : 2, p.n, false);
    if (ok) {
        chains from = {set, index, items, along, p.order};
        fn_parallel_ranges(p.n, AT_ONCE, workers, put_chains, &from);
        fn_tree_finish(&index->chains, &index->chain->rank, sizeof *index->chain / sizeof(uint32_t));
    }
    free(p.order);
    return ok;
}

/* ---- polygons ---- */

typedef struct polygons {
    const fn_near *set;
    const fn_polygon *polygon;
    double *envelopes, *places;
} polygons;

static void find_envelopes(void *user, size_t first, size_t end)
{
    const polygons *all = user;
    const fn_near *set = all->set;
    for (size_t i = first; i < end; i++) {
        double *e = all->envelopes + 4 * i;
        const fn_path *shell = &set->paths[all->polygon[i].path];
        if (set->options.geodesic)
            fn_geo_ring_bounds(&set->ellipsoid, set->xy + 2 * (size_t)shell->first, shell->count, e);
        else
            fn_paths_envelope(set->xy, shell, fn_component_paths(set->paths, set->n_paths, all->polygon[i].path), e);
        all->places[2 * i] = e[0] / 2 + e[2] / 2;
        all->places[2 * i + 1] = e[1] / 2 + e[3] / 2;
    }
}

bool fn_near_build_polygons(const fn_near *set, fn_index *index, size_t n, const fn_polygon *items, int workers)
{
    if (n == 0)
        return true;
    polygons all = {set, items, fn_allocate(n, 4 * sizeof(double)), fn_allocate(n, 2 * sizeof(double))};
    pile p = {.set = set, .workers = workers, .n = n, .polygon = items};
    bool ok = all.envelopes && all.places;
    size_t vertices = 0;
    for (size_t i = 0; i < n; i++)
        vertices += set->paths[items[i].path].count;
    index->large_polygons = vertices / n >= LARGE;
    if (ok) {
        fn_parallel_ranges(n, AT_ONCE, workers, find_envelopes, &all);
        ok = arrange(&p, all.places, true, &index->polygon_twins);
    }
    free(all.places);
    index->polygon = ok ? fn_allocate(p.n, sizeof *index->polygon) : NULL;
    ok = index->polygon && fn_tree_init(&index->polygons, 2, p.n, false);
    for (size_t i = 0; ok && i < p.n; i++) {
        const double *e = all.envelopes + 4 * (size_t)p.order[i];
        index->polygon[i] = items[p.order[i]];
        for (int d = 0; d < 2; d++) {
            fn_tree_lo(&index->polygons, 0, d)[i] = e[d];
            fn_tree_hi(&index->polygons, 0, d)[i] = e[d + 2];
        }
    }
    if (ok)
        fn_tree_finish(&index->polygons, &index->polygon->rank, sizeof *index->polygon / sizeof(uint32_t));
    free(p.order);
    free(all.envelopes);
    return ok;
}
