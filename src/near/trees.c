/* The trees of one group, one for each kind of item: items that differ in nothing but their feature are folded into one
 * with twins, then all are laid along the curve. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "near_internal.h"
#include "runs.h"

/* Items of one kind on their way into a tree: points, chains or polygons. The arrays of the other kinds are NULL. */
typedef struct pile {
    const fn_near *set;
    const double *places; /* pairs: where on the curve they are */
    const uint32_t *rank; /* of points; NULL: point i is feature i */
    const fn_chain *chain;
    const double *along; /* of chains, or NULL */
    const fn_polygon *polygon;
} pile;

static uint32_t rank_in(const pile *p, uint32_t i)
{
    if (p->chain)
        return p->chain[i].rank;
    if (p->polygon)
        return p->polygon[i].rank;
    return p->rank ? p->rank[i] : fn_rank_of_feature(p->set, i);
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

static bool same_place(const pile *p, uint32_t i, uint32_t j)
{
    return memcmp(p->places + 2 * (size_t)i, p->places + 2 * (size_t)j, 2 * sizeof *p->places) == 0;
}

/* order: n items, those in the same place together. Keeps one of each set of equal items, moves these to the front, and
 * makes the others their twins. */
static bool fold(pile *p, uint32_t *order, size_t *n, fn_twins *twins)
{
    size_t kept = 0, others = 0;
    for (size_t i = 0, end; i < *n; i = end) {
        for (end = i + 1; end < *n && same_place(p, order[i], order[end]);)
            end++;
        qsort_r(order + i, end - i, sizeof *order, in_item_order, p);
        for (size_t j = i; j < end; j++)
            others += j > i && compare_items(p, order[j - 1], order[j]) == 0;
    }
    if (others == 0)
        return true;
    twins->first = fn_allocate(*n - others + 1, sizeof *twins->first);
    twins->rank = fn_allocate(others, sizeof *twins->rank);
    if (!twins->first || !twins->rank)
        return false;
    others = 0;
    for (size_t i = 0; i < *n; i++) {
        if (kept > 0 && same_place(p, order[kept - 1], order[i]) && compare_items(p, order[kept - 1], order[i]) == 0)
            twins->rank[others++] = rank_in(p, order[i]);
        else {
            twins->first[kept] = (uint32_t)others;
            order[kept++] = order[i];
        }
    }
    twins->first[kept] = (uint32_t)others;
    *n = kept;
    return true;
}

/* The order of the items in their tree; *n: how many differ. NULL: out of memory. */
static uint32_t *tree_order(pile *p, size_t *n, fn_twins *twins)
{
    uint32_t *order = fn_allocate(*n, sizeof *order);
    const fn_frame frame = p->set->group ? fn_frame_of(p->places, *n, 2) : p->set->frame;
    bool shared;
    if (order && fn_place_order(&frame, p->places, *n, order, &shared) && (!shared || fold(p, order, n, twins)))
        return order;
    free(order);
    return NULL;
}

static void put_point(const fn_near *set, fn_tree *tree, size_t place, size_t vertex)
{
    const double *p = set->options.geodesic ? set->space + 3 * vertex : set->xy + 2 * vertex;
    for (int d = 0; d < tree->dims; d++)
        fn_tree_lo(tree, 0, d)[place] = p[d];
}

bool fn_near_build_points(const fn_near *set, fn_index *index, size_t n, const uint32_t *vertex, const uint32_t *rank)
{
    if (n == 0)
        return true;
    double *places = NULL;
    if (vertex) {
        if (!(places = fn_allocate(n, 2 * sizeof *places)))
            return false;
        for (size_t i = 0; i < n; i++)
            memcpy(places + 2 * i, set->xy + 2 * (size_t)vertex[i], 2 * sizeof *places);
    }
    pile p = {.set = set, .places = places ? places : set->xy, .rank = rank};
    uint32_t *order = tree_order(&p, &n, &index->point_twins);
    free(places);
    const bool keep_vertex = vertex || set->options.geodesic;
    index->point_rank = order ? fn_allocate(n, sizeof *index->point_rank) : NULL;
    index->point_vertex = keep_vertex && order ? fn_allocate(n, sizeof *index->point_vertex) : NULL;
    if (!index->point_rank || (keep_vertex && !index->point_vertex) ||
        !fn_tree_init(&index->points, set->options.geodesic ? 3 : 2, n, true)) {
        free(order);
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        const uint32_t v = vertex ? vertex[order[i]] : order[i];
        put_point(set, &index->points, i, v);
        index->point_rank[i] = rank ? rank[order[i]] : fn_rank_of_feature(set, order[i]);
        if (keep_vertex)
            index->point_vertex[i] = v;
    }
    fn_tree_finish(&index->points, index->point_rank, 1);
    free(order);
    return true;
}

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

bool fn_near_build_chains(const fn_near *set, fn_index *index, size_t n, const fn_chain *chains, const double *along)
{
    if (n == 0)
        return true;
    double *places = fn_allocate(n, 2 * sizeof *places);
    if (!places)
        return false;
    for (size_t i = 0; i < n; i++)
        memcpy(places + 2 * i, set->xy + 2 * ((size_t)chains[i].first + chains[i].segments / 2), 2 * sizeof *places);
    pile p = {.set = set, .places = places, .chain = chains, .along = along};
    uint32_t *order = tree_order(&p, &n, &index->chain_twins);
    free(places);
    index->chain = order ? fn_allocate(n, sizeof *index->chain) : NULL;
    index->chain_along = order && along ? fn_allocate(n, sizeof *index->chain_along) : NULL;
    if (!index->chain || (along && !index->chain_along) ||
        !fn_tree_init(&index->chains, set->options.geodesic ? 3 : 2, n, false)) {
        free(order);
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        index->chain[i] = chains[order[i]];
        if (along)
            index->chain_along[i] = along[order[i]];
        chain_box(set, &index->chain[i], &index->chains, i);
    }
    fn_tree_finish(&index->chains, &index->chain->rank, sizeof *index->chain / sizeof(uint32_t));
    free(order);
    return true;
}

bool fn_near_build_polygons(const fn_near *set, fn_index *index, size_t n, const fn_polygon *polygons)
{
    if (n == 0)
        return true;
    double *envelopes = fn_allocate(n, 4 * sizeof *envelopes), *places = fn_allocate(n, 2 * sizeof *places);
    for (size_t i = 0; envelopes && places && i < n; i++) {
        double *e = envelopes + 4 * i;
        const fn_path *shell = &set->paths[polygons[i].path];
        if (set->options.geodesic)
            fn_geo_ring_bounds(&set->ellipsoid, set->xy + 2 * (size_t)shell->first, shell->count, e);
        else
            fn_paths_envelope(set->xy, shell, fn_component_paths(set->paths, set->n_paths, polygons[i].path), e);
        places[2 * i] = e[0] / 2 + e[2] / 2;
        places[2 * i + 1] = e[1] / 2 + e[3] / 2;
    }
    pile p = {.set = set, .places = places, .polygon = polygons};
    uint32_t *order = envelopes && places ? tree_order(&p, &n, &index->polygon_twins) : NULL;
    index->polygon = order ? fn_allocate(n, sizeof *index->polygon) : NULL;
    const bool ok = index->polygon && fn_tree_init(&index->polygons, 2, n, false);
    for (size_t i = 0; ok && i < n; i++) {
        const double *e = envelopes + 4 * (size_t)order[i];
        index->polygon[i] = polygons[order[i]];
        for (int d = 0; d < 2; d++) {
            fn_tree_lo(&index->polygons, 0, d)[i] = e[d];
            fn_tree_hi(&index->polygons, 0, d)[i] = e[d + 2];
        }
    }
    if (ok)
        fn_tree_finish(&index->polygons, &index->polygon->rank, sizeof *index->polygon / sizeof(uint32_t));
    free(order);
    free(places);
    free(envelopes);
    return ok;
}
