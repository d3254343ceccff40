/* The set: filling it, and building its indexes. */
#include "near_internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "array.h"
#include "fishnet/job.h"

#define WGS84_A 6378137.0
#define WGS84_F (1 / 298.257223563)

fn_status fn_near_new(const fn_near_options *options, fn_near **out, fn_error *err)
{
    *out = NULL;
    double a = options->semi_major, f = options->flattening;
    if (a == 0) {
        a = WGS84_A;
        f = WGS84_F;
    }
    if (options->geodesic && (!(a > 0) || !isfinite(a) || !(f >= 0 && f < 0.02)))
        return fn_fail(err, FN_ERR_ARGUMENT,
                       "an ellipsoid with semi-major axis %.17g and flattening %.17g is not supported", a, f);
    fn_near *set = calloc(1, sizeof *set);
    if (!set)
        return fn_fail(err, FN_ERR_MEMORY, "out of memory");
    set->options = *options;
    if (options->geodesic)
        fn_ellipsoid_init(&set->ellipsoid, a, f);
    *out = set;
    return FN_OK;
}

static void free_twins(fn_twins *twins)
{
    free(twins->first);
    free(twins->rank);
}

static void free_index(fn_index *index)
{
    free_twins(&index->point_twins);
    free_twins(&index->chain_twins);
    free_twins(&index->polygon_twins);
    fn_tree_destroy(&index->points);
    fn_tree_destroy(&index->chains);
    fn_tree_destroy(&index->polygons);
    free(index->point_rank);
    free(index->point_vertex);
    free(index->chain);
    free(index->chain_along);
    free(index->polygon);
}

void fn_near_free(fn_near *set)
{
    if (!set)
        return;
    for (size_t i = 0; i < set->n_indexes; i++)
        free_index(&set->indexes[i]);
    free(set->indexes);
    free(set->fid);
    free(set->layer);
    free(set->group);
    free(set->first_path);
    free(set->xy);
    free(set->space);
    for (size_t i = 0; set->rings && i < set->n_paths; i++)
        fn_ring_index_destroy(&set->rings[i]);
    free(set->rings);
    free(set->paths);
    free(set->rank_of);
    free(set->by_rank);
    fn_shape_destroy(&set->shape);
    fn_shape_destroy(&set->cut);
    free(set);
}

/* ---- adding ---- */

static fn_status out_of_memory(const fn_near *set, fn_error *err)
{
    return fn_fail(err, FN_ERR_MEMORY, "out of memory for the near features, after %zu of them with %zu vertices",
                   set->n, set->n_vertices);
}

static fn_status too_many(fn_error *err)
{
    return fn_fail(err, FN_ERR_ARGUMENT, "there are more than %u near features or vertices", FN_NEAR_MAX);
}

static fn_status check_adding(const fn_near *set, bool grouped, int layer, fn_error *err)
{
    if (set->built)
        return fn_fail(err, FN_ERR_ARGUMENT, "nothing can be added to a set that has been built");
    if (layer < 0 || layer > 65534)
        return fn_fail(err, FN_ERR_ARGUMENT, "near layer %d: 0 to 65534 are possible", layer);
    if (set->n > 0 && grouped != (set->group != NULL))
        return fn_fail(err, FN_ERR_ARGUMENT, "all near features must have groups, or none");
    return FN_OK;
}

/* Room for n more features, vertices and paths. */
static bool reserve(fn_near *set, size_t features, size_t vertices, size_t paths, bool grouped, int layer)
{
    if (!fn_reserve(&set->fid, &set->fid_cap, set->n + features, sizeof *set->fid) ||
        !fn_reserve(&set->xy, &set->vertices_cap, set->n_vertices + vertices, 2 * sizeof *set->xy))
        return false;
    if (grouped && !fn_reserve(&set->group, &set->group_cap, set->n + features, sizeof *set->group))
        return false;
    if (set->layer || layer > 0) {
        const bool first = !set->layer;
        if (!fn_reserve(&set->layer, &set->layer_cap, set->n + features, sizeof *set->layer))
            return false;
        if (first)
            memset(set->layer, 0, set->n * sizeof *set->layer);
    }
    return !set->first_path ||
           (fn_reserve(&set->first_path, &set->first_path_cap, set->n + features + 1, sizeof *set->first_path) &&
            fn_reserve(&set->paths, &set->paths_cap, set->n_paths + paths, sizeof *set->paths));
}

static void add_feature(fn_near *set, int64_t fid, uint32_t group, int layer)
{
    set->fid[set->n] = fid;
    if (set->group)
        set->group[set->n] = group;
    if (set->layer)
        set->layer[set->n] = (uint16_t)layer;
    set->n++;
    if (set->first_path)
        set->first_path[set->n] = (uint32_t)set->n_paths;
}

static void add_point(fn_near *set, const double *p, int64_t fid, uint32_t group, int layer)
{
    if (set->first_path)
        set->paths[set->n_paths++] = (fn_path){(uint32_t)set->n_vertices, 1, FN_PATH_POINT};
    double *to = set->xy + 2 * set->n_vertices++;
    to[0] = set->options.geodesic ? fn_geo_longitude(p[0]) : p[0];
    to[1] = p[1];
    add_feature(set, fid, group, layer);
}

fn_status fn_near_add_points(fn_near *set, size_t n, const double *xy, const int64_t *fids, const uint32_t *groups,
                             int layer, fn_usable *usable, size_t *added, fn_error *err)
{
    const fn_status status = check_adding(set, groups != NULL, layer, err);
    const size_t before = set->n;
    if (added)
        *added = 0;
    if (status != FN_OK || n == 0)
        return status;
    if (set->n + n > FN_NEAR_MAX || set->n_vertices + n > FN_NEAR_MAX)
        return too_many(err);
    if (!reserve(set, n, n, n, groups != NULL, layer))
        return out_of_memory(set, err);
    for (size_t i = 0; i < n; i++) {
        const double *p = xy + 2 * i;
        fn_usable verdict = FN_USABLE;
        if (!isfinite(p[0]) || !isfinite(p[1]))
            verdict = FN_UNUSABLE_NOT_FINITE;
        else if (set->options.geodesic && fabs(p[1]) > 90)
            verdict = FN_UNUSABLE_LATITUDE;
        else
            add_point(set, p, fids[i], groups ? groups[i] : FN_NO_GROUP, layer);
        if (usable)
            usable[i] = verdict;
    }
    if (added)
        *added = set->n - before;
    return FN_OK;
}

/* From here on features have paths. */
static bool begin_paths(fn_near *set)
{
    if (set->first_path)
        return true;
    if (!fn_reserve(&set->first_path, &set->first_path_cap, set->n + 2, sizeof *set->first_path) ||
        !fn_reserve(&set->paths, &set->paths_cap, set->n + 1, sizeof *set->paths)) {
        free(set->first_path);
        set->first_path = NULL;
        set->first_path_cap = 0;
        return false;
    }
    for (size_t i = 0; i < set->n; i++) {
        set->first_path[i] = (uint32_t)i;
        set->paths[i] = (fn_path){(uint32_t)i, 1, FN_PATH_POINT};
    }
    set->n_paths = set->n;
    set->first_path[set->n] = (uint32_t)set->n;
    return true;
}

fn_status fn_shape_cut(const fn_ellipsoid *e, const fn_shape *shape, fn_shape *to, fn_error *err)
{
    to->n_vertices = to->n_paths = 0;
    to->has_area = shape->has_area;
    to->has_lines = shape->has_lines;
    to->has_points = shape->has_points;
    if (!fn_reserve(&to->paths, &to->paths_cap, shape->n_paths, sizeof *to->paths))
        return fn_fail(err, FN_ERR_MEMORY, "out of memory for a geometry");
    for (size_t i = 0; i < shape->n_paths; i++) {
        const fn_path *path = &shape->paths[i];
        const double *xy = shape->xy + 2 * (size_t)path->first;
        const size_t first = to->n_vertices;
        for (uint32_t j = 0; j < path->count; j++) {
            const size_t cuts = j == 0 ? 0 : fn_geo_cut_count(e, xy + 2 * (j - 1), xy + 2 * j);
            if (to->n_vertices + cuts + 1 > FN_NEAR_MAX)
                return fn_fail(err, FN_ERR_ARGUMENT, "a geometry has more than %u vertices", FN_NEAR_MAX);
            if (!fn_reserve(&to->xy, &to->vertices_cap, to->n_vertices + cuts + 1, 2 * sizeof(double)))
                return fn_fail(err, FN_ERR_MEMORY, "out of memory for a geometry");
            if (cuts > 0)
                fn_geo_cut(e, xy + 2 * (j - 1), xy + 2 * j, cuts, to->xy + 2 * to->n_vertices);
            to->n_vertices += cuts;
            memcpy(to->xy + 2 * to->n_vertices++, xy + 2 * j, 2 * sizeof(double));
        }
        to->paths[to->n_paths++] = (fn_path){(uint32_t)first, (uint32_t)(to->n_vertices - first), path->kind};
    }
    return FN_OK;
}

fn_status fn_near_add_wkb(fn_near *set, const void *wkb, size_t bytes, int64_t fid, uint32_t group, int layer,
                          fn_usable *usable, fn_error *err)
{
    const bool grouped = group != FN_NO_GROUP;
    fn_status status = check_adding(set, grouped, layer, err);
    if (status == FN_OK)
        status = fn_shape_from_wkb(&set->shape, wkb, bytes, set->options.geodesic, usable, err);
    if (status != FN_OK || *usable != FN_USABLE)
        return status;
    const fn_shape *shape = &set->shape;
    if (set->options.geodesic && shape->n_vertices > shape->n_paths) {
        if ((status = fn_shape_cut(&set->ellipsoid, shape, &set->cut, err)) != FN_OK)
            return status;
        shape = &set->cut;
    }
    const bool one_point = shape->n_paths == 1 && shape->paths[0].kind == FN_PATH_POINT;
    if (set->n + 1 > FN_NEAR_MAX || set->n_vertices + shape->n_vertices > FN_NEAR_MAX)
        return too_many(err);
    if ((!one_point && !begin_paths(set)) || !reserve(set, 1, shape->n_vertices, shape->n_paths, grouped, layer))
        return out_of_memory(set, err);
    if (one_point) {
        add_point(set, shape->xy, fid, group, layer);
        return FN_OK;
    }
    for (size_t i = 0; i < shape->n_paths; i++) {
        fn_path path = shape->paths[i];
        path.first += (uint32_t)set->n_vertices;
        set->paths[set->n_paths++] = path;
    }
    memcpy(set->xy + 2 * set->n_vertices, shape->xy, shape->n_vertices * 2 * sizeof(double));
    set->n_vertices += shape->n_vertices;
    add_feature(set, fid, group, layer);
    return FN_OK;
}

/* ---- ranks ---- */

typedef struct ranked {
    int64_t fid;
    uint32_t feature;
    uint16_t layer;
} ranked;

static int by_layer_and_fid(const void *a, const void *b)
{
    const ranked *x = a, *y = b;
    if (x->layer != y->layer)
        return x->layer < y->layer ? -1 : 1;
    if (x->fid != y->fid)
        return x->fid < y->fid ? -1 : 1;
    return (x->feature > y->feature) - (x->feature < y->feature);
}

static int layer_of(const fn_near *set, size_t feature)
{
    return set->layer ? set->layer[feature] : 0;
}

static bool rank_features(fn_near *set)
{
    bool sorted = true;
    for (size_t i = 1; i < set->n && sorted; i++) {
        const int before = layer_of(set, i - 1), here = layer_of(set, i);
        sorted = before < here || (before == here && set->fid[i - 1] <= set->fid[i]);
    }
    if (sorted)
        return true;
    ranked *features = malloc(set->n * sizeof *features);
    set->rank_of = malloc(set->n * sizeof *set->rank_of);
    set->by_rank = malloc(set->n * sizeof *set->by_rank);
    if (features && set->rank_of && set->by_rank) {
        for (size_t i = 0; i < set->n; i++)
            features[i] = (ranked){set->fid[i], (uint32_t)i, (uint16_t)layer_of(set, i)};
        qsort(features, set->n, sizeof *features, by_layer_and_fid);
        for (size_t rank = 0; rank < set->n; rank++) {
            set->by_rank[rank] = features[rank].feature;
            set->rank_of[features[rank].feature] = (uint32_t)rank;
        }
    }
    free(features);
    return features && set->rank_of && set->by_rank;
}

uint32_t fn_near_rank(const fn_near *set, int layer, int64_t fid)
{
    size_t low = 0, high = set->n;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        const uint32_t feature = fn_feature_of_rank(set, (uint32_t)middle);
        const int other = layer_of(set, feature);
        if (other < layer || (other == layer && set->fid[feature] < fid))
            low = middle + 1;
        else
            high = middle;
    }
    if (low == set->n)
        return UINT32_MAX;
    const uint32_t feature = fn_feature_of_rank(set, (uint32_t)low);
    return layer_of(set, feature) == layer && set->fid[feature] == fid ? (uint32_t)low : UINT32_MAX;
}

/* ---- items ---- */

/* What the items of all groups are gathered in, group after group. */
typedef struct items {
    size_t n_points, n_chains, n_polygons;
    uint32_t *point_vertex, *point_rank;
    fn_chain *chain;
    double *chain_along;
    fn_polygon *polygon;
} items;

static bool is_point(const fn_path *path)
{
    return path->count == 1;
}

/* Rings of polygons are chains only where polygons are searched by their edges. */
static bool has_chains(const fn_near *set, const fn_path *path)
{
    return !is_point(path) && (path->kind == FN_PATH_LINE || set->options.geodesic);
}

static double edge_length(const fn_near *set, size_t vertex)
{
    const double *a = set->xy + 2 * vertex, *b = a + 2;
    if (set->options.geodesic)
        return fn_geo_distance(&set->ellipsoid, a, b, NULL);
    return sqrt((a[0] - b[0]) * (a[0] - b[0]) + (a[1] - b[1]) * (a[1] - b[1]));
}

/* Counts the items of a feature, and, with `to`, appends them. */
static void gather(const fn_near *set, uint32_t feature, items *counts, items *to)
{
    const uint32_t rank = fn_rank_of_feature(set, (uint32_t)feature);
    double along = 0;
    for (uint32_t p = set->first_path[feature]; p < set->first_path[feature + 1]; p++) {
        const fn_path *path = &set->paths[p];
        if (is_point(path)) {
            if (to) {
                to->point_vertex[counts->n_points] = path->first;
                to->point_rank[counts->n_points] = rank;
            }
            counts->n_points++;
        } else if (has_chains(set, path)) {
            for (uint32_t i = 0; i < path->count - 1; i += FN_CHAIN) {
                const uint32_t left = path->count - 1 - i;
                const fn_chain chain = {path->first + i, rank, left < FN_CHAIN ? left : FN_CHAIN};
                if (to) {
                    to->chain[counts->n_chains] = chain;
                    if (to->chain_along) {
                        to->chain_along[counts->n_chains] = along;
                        for (uint32_t s = 0; s < chain.segments; s++)
                            along += edge_length(set, chain.first + s);
                    }
                }
                counts->n_chains++;
            }
        }
        if (path->kind == FN_PATH_SHELL) {
            if (to)
                to->polygon[counts->n_polygons] = (fn_polygon){p, rank};
            counts->n_polygons++;
        }
    }
}

static void *allocate(size_t n, size_t size)
{
    return malloc((n ? n : 1) * size);
}

static bool allocate_items(items *all, const items *counts, bool along)
{
    all->point_vertex = allocate(counts->n_points, sizeof *all->point_vertex);
    all->point_rank = allocate(counts->n_points, sizeof *all->point_rank);
    all->chain = allocate(counts->n_chains, sizeof *all->chain);
    all->chain_along = along ? allocate(counts->n_chains, sizeof *all->chain_along) : NULL;
    all->polygon = allocate(counts->n_polygons, sizeof *all->polygon);
    return all->point_vertex && all->point_rank && all->chain && (all->chain_along || !along) && all->polygon;
}

static void free_items(items *all)
{
    free(all->point_vertex);
    free(all->point_rank);
    free(all->chain);
    free(all->chain_along);
    free(all->polygon);
}

/* ---- the trees of one group ---- */

/* Items of one kind on their way into a tree: points, chains or polygons, the others are NULL. */
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

/* Of two items in the same place: an order in which equal ones are equal. */
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

/* order: n items, those of one place together. Leaves one of each that are the same, in front, and puts the others
 * among its twins. */
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
    twins->first = allocate(*n - others + 1, sizeof *twins->first);
    twins->rank = allocate(others, sizeof *twins->rank);
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
    uint32_t *order = allocate(*n, sizeof *order);
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

/* vertex, rank: of each point; NULL: point i is vertex i of feature i. */
static bool build_points(const fn_near *set, fn_index *index, size_t n, const uint32_t *vertex, const uint32_t *rank)
{
    if (n == 0)
        return true;
    double *places = NULL;
    if (vertex) {
        if (!(places = allocate(n, 2 * sizeof *places)))
            return false;
        for (size_t i = 0; i < n; i++)
            memcpy(places + 2 * i, set->xy + 2 * (size_t)vertex[i], 2 * sizeof *places);
    }
    pile p = {.set = set, .places = places ? places : set->xy, .rank = rank};
    uint32_t *order = tree_order(&p, &n, &index->point_twins);
    free(places);
    const bool keep_vertex = vertex || set->options.geodesic;
    index->point_rank = order ? allocate(n, sizeof *index->point_rank) : NULL;
    index->point_vertex = keep_vertex && order ? allocate(n, sizeof *index->point_vertex) : NULL;
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
    const int dims = tree->dims;
    const double *v = set->options.geodesic ? set->space : set->xy;
    double lo[3] = {INFINITY, INFINITY, INFINITY}, hi[3] = {-INFINITY, -INFINITY, -INFINITY}, longest = 0;
    for (uint32_t i = 0; i <= chain->segments; i++) {
        const double *p = v + (size_t)dims * (chain->first + i);
        double chord = 0;
        for (int d = 0; d < dims; d++) {
            lo[d] = p[d] < lo[d] ? p[d] : lo[d];
            hi[d] = p[d] > hi[d] ? p[d] : hi[d];
            if (i > 0)
                chord += (p[d] - p[d - dims]) * (p[d] - p[d - dims]);
        }
        longest = chord > longest ? chord : longest;
    }
    const double bulge = set->options.geodesic ? fn_geo_bulge(&set->ellipsoid, sqrt(longest)) : 0;
    for (int d = 0; d < dims; d++) {
        fn_tree_lo(tree, 0, d)[place] = lo[d] - bulge;
        fn_tree_hi(tree, 0, d)[place] = hi[d] + bulge;
    }
}

static bool build_chains(const fn_near *set, fn_index *index, size_t n, const fn_chain *chains, const double *along)
{
    if (n == 0)
        return true;
    double *places = allocate(n, 2 * sizeof *places);
    if (!places)
        return false;
    for (size_t i = 0; i < n; i++)
        memcpy(places + 2 * i, set->xy + 2 * ((size_t)chains[i].first + chains[i].segments / 2), 2 * sizeof *places);
    pile p = {.set = set, .places = places, .chain = chains, .along = along};
    uint32_t *order = tree_order(&p, &n, &index->chain_twins);
    free(places);
    index->chain = order ? allocate(n, sizeof *index->chain) : NULL;
    index->chain_along = order && along ? allocate(n, sizeof *index->chain_along) : NULL;
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

static bool build_polygons(const fn_near *set, fn_index *index, size_t n, const fn_polygon *polygons)
{
    if (n == 0)
        return true;
    double *envelopes = allocate(n, 4 * sizeof *envelopes), *places = allocate(n, 2 * sizeof *places);
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
    index->polygon = order ? allocate(n, sizeof *index->polygon) : NULL;
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

/* ---- building ---- */

static bool is_ring(const fn_path *path)
{
    return path->kind == FN_PATH_SHELL || path->kind == FN_PATH_HOLE;
}

/* What tells fast which rings contain a point, where there are large ones or polygons of many. */
static bool build_rings(fn_near *set, const volatile bool *cancel)
{
    bool needed = false;
    for (size_t i = 0; i < set->n_paths && !needed; i++)
        needed =
            is_ring(&set->paths[i]) && (set->paths[i].kind == FN_PATH_HOLE || set->paths[i].count >= FN_RING_LARGE);
    if (needed && !(set->rings = calloc(set->n_paths, sizeof *set->rings)))
        return false;
    for (size_t i = 0; needed && i < set->n_paths && !(cancel && fn_is_cancelled(cancel)); i++) {
        const fn_path *path = &set->paths[i];
        if (is_ring(path) && !fn_ring_index_init(&set->rings[i], set->xy + 2 * (size_t)path->first, path->count))
            return false;
    }
    return true;
}

/* features: in the order of their groups; NULL: as they are. */
static uint32_t *group_features(const fn_near *set, uint32_t *first_of_group)
{
    uint32_t *features = allocate(set->n, sizeof *features);
    if (!features)
        return NULL;
    for (size_t i = 0; i < set->n; i++)
        first_of_group[set->group[i] + 1]++;
    for (size_t g = 0; g < set->n_indexes; g++)
        first_of_group[g + 1] += first_of_group[g];
    for (size_t i = 0; i < set->n; i++)
        features[first_of_group[set->group[i]]++] = (uint32_t)i;
    for (size_t g = set->n_indexes; g > 0; g--)
        first_of_group[g] = first_of_group[g - 1];
    first_of_group[0] = 0;
    return features;
}

static bool build_group(fn_near *set, fn_index *index, const uint32_t *features, size_t n, const volatile bool *cancel)
{
    index->features = n;
    if (!set->first_path && !features)
        return build_points(set, index, n, NULL, NULL);
    items all = {0}, counts = {0}, taken = {0};
    if (!set->first_path) { /* points in groups */
        counts.n_points = n;
        bool ok = allocate_items(&all, &counts, false);
        for (size_t i = 0; ok && i < n; i++) {
            all.point_vertex[i] = features[i];
            all.point_rank[i] = fn_rank_of_feature(set, features[i]);
        }
        ok = ok && build_points(set, index, n, all.point_vertex, all.point_rank);
        free_items(&all);
        return ok;
    }
    for (size_t i = 0; i < n; i++)
        gather(set, features ? features[i] : (uint32_t)i, &counts, NULL);
    bool ok = allocate_items(&all, &counts, set->options.along);
    for (size_t i = 0; ok && i < n; i++) {
        gather(set, features ? features[i] : (uint32_t)i, &taken, &all);
        if (cancel && i % 1024 == 0 && fn_is_cancelled(cancel))
            break;
    }
    if (counts.n_points + counts.n_chains + counts.n_polygons > n)
        set->repeated = true;
    if (ok && !(cancel && fn_is_cancelled(cancel)))
        ok = build_points(set, index, counts.n_points, all.point_vertex, all.point_rank) &&
             build_chains(set, index, counts.n_chains, all.chain, all.chain_along) &&
             build_polygons(set, index, counts.n_polygons, all.polygon);
    free_items(&all);
    return ok;
}

fn_status fn_near_build(fn_near *set, const volatile bool *cancel, fn_error *err)
{
    if (set->built)
        return fn_fail(err, FN_ERR_ARGUMENT, "the set has been built already");
    set->built = true;
    fn_shape_destroy(&set->shape);
    fn_shape_destroy(&set->cut);
    set->frame = fn_frame_of(set->xy, set->n_vertices, 2);
    if (set->options.geodesic) {
        set->space = allocate(set->n_vertices, 3 * sizeof *set->space);
        for (size_t i = 0; set->space && i < set->n_vertices; i++)
            fn_geo_space(&set->ellipsoid, set->xy + 2 * i, set->space + 3 * i);
        if (!set->space || !build_rings(set, cancel))
            return out_of_memory(set, err);
    }
    set->n_indexes = 1;
    for (size_t i = 0; set->group && i < set->n; i++)
        set->n_indexes = set->group[i] >= set->n_indexes ? (size_t)set->group[i] + 1 : set->n_indexes;
    set->indexes = calloc(set->n_indexes, sizeof *set->indexes);
    uint32_t *first = set->group ? calloc(set->n_indexes + 1, sizeof *first) : NULL, *features = NULL;
    bool ok = set->indexes && (first || !set->group) && rank_features(set);
    if (!set->indexes)
        set->n_indexes = 0;
    if (ok && set->group)
        ok = (features = group_features(set, first)) != NULL;
    for (size_t g = 0; ok && g < set->n_indexes && !(cancel && fn_is_cancelled(cancel)); g++)
        ok = build_group(set, &set->indexes[g], features ? features + first[g] : NULL,
                         features ? first[g + 1] - first[g] : set->n, cancel);
    free(first);
    free(features);
    if (!ok)
        return out_of_memory(set, err);
    if (cancel && fn_is_cancelled(cancel))
        return fn_fail(err, FN_ERR_CANCELLED, "cancelled");
    if (!set->first_path && !set->group && !set->options.geodesic) {
        free(set->xy); /* the tree has them */
        set->xy = NULL;
    }
    return FN_OK;
}

/* ---- asking ---- */

size_t fn_near_count(const fn_near *set)
{
    return set->n;
}

int64_t fn_near_fid(const fn_near *set, uint32_t feature)
{
    return set->fid[feature];
}

int fn_near_layer(const fn_near *set, uint32_t feature)
{
    return layer_of(set, feature);
}

size_t fn_near_group_count(const fn_near *set, uint32_t group)
{
    if (!set->group)
        return group == FN_NO_GROUP ? set->n : 0;
    return group == FN_NO_GROUP ? set->n : group < set->n_indexes ? set->indexes[group].features : 0;
}
