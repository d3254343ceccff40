/* Building: the features of each group are taken apart into items, and trees are made of these. */
#include <math.h>
#include <stdlib.h>

#include "fishnet/job.h"
#include "near_internal.h"
#include "parallel.h"

/* ---- items ---- */

/* The items of a group, or how many they are. */
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

static bool allocate_items(items *all, const items *counts, bool along)
{
    all->point_vertex = fn_allocate(counts->n_points, sizeof *all->point_vertex);
    all->point_rank = fn_allocate(counts->n_points, sizeof *all->point_rank);
    all->chain = fn_allocate(counts->n_chains, sizeof *all->chain);
    all->chain_along = along ? fn_allocate(counts->n_chains, sizeof *all->chain_along) : NULL;
    all->polygon = fn_allocate(counts->n_polygons, sizeof *all->polygon);
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

/* ---- rings, groups, all ---- */

static bool is_ring(const fn_path *path)
{
    return path->kind == FN_PATH_SHELL || path->kind == FN_PATH_HOLE;
}

/* Some of what is built of all: by one worker. */
typedef struct job {
    fn_near *set;
    int workers;                      /* for each group */
    const uint32_t *features, *first; /* by group, and of each; NULL: all, as they are */
    const volatile bool *cancel;
    bool failed;
} job;

static bool is_cancelled(const volatile bool *cancel)
{
    return cancel && fn_is_cancelled(cancel);
}

static void fail(job *j)
{
    __atomic_store_n(&j->failed, true, __ATOMIC_RELAXED);
}

static void build_some_rings(void *user, size_t first, size_t end)
{
    job *j = user;
    fn_near *set = j->set;
    for (size_t i = first; i < end && !is_cancelled(j->cancel); i++) {
        const fn_path *path = &set->paths[i];
        if (is_ring(path) && !fn_ring_index_init(&set->rings[i], set->xy + 2 * (size_t)path->first, path->count))
            fail(j);
    }
}

/* Indexes that tell fast which rings contain a point, where there are large rings, or holes. */
static bool build_rings(job *j)
{
    fn_near *set = j->set;
    bool needed = false;
    for (size_t i = 0; i < set->n_paths && !needed; i++)
        needed =
            is_ring(&set->paths[i]) && (set->paths[i].kind == FN_PATH_HOLE || set->paths[i].count >= FN_RING_LARGE);
    if (!needed)
        return true;
    if (!(set->rings = calloc(set->n_paths, sizeof *set->rings)))
        return false;
    fn_parallel_ranges(set->n_paths, 64, j->workers, build_some_rings, j);
    return !j->failed;
}

static void find_space(void *user, size_t first, size_t end)
{
    const job *j = user;
    const fn_near *set = j->set;
    for (size_t i = first; i < end; i++)
        fn_geo_space(&set->ellipsoid, set->xy + 2 * i, set->space + 3 * i);
}

static bool build_space(job *j)
{
    fn_near *set = j->set;
    set->space = fn_allocate(set->n_vertices, 3 * sizeof *set->space);
    if (!set->space)
        return false;
    fn_parallel_ranges(set->n_vertices, 4096, j->workers, find_space, j);
    return build_rings(j);
}

/* The features in the order of their groups. NULL: out of memory. */
static uint32_t *group_features(const fn_near *set, uint32_t *first_of_group)
{
    uint32_t *features = fn_allocate(set->n, sizeof *features);
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

/* Points alone, in groups. */
static bool build_points_of(fn_near *set, fn_index *index, const uint32_t *features, size_t n, int workers)
{
    items all = {0};
    bool ok = allocate_items(&all, &(items){.n_points = n}, false);
    for (size_t i = 0; ok && i < n; i++) {
        all.point_vertex[i] = features[i];
        all.point_rank[i] = fn_rank_of_feature(set, features[i]);
    }
    ok = ok && fn_near_build_points(set, index, n, all.point_vertex, all.point_rank, workers);
    free_items(&all);
    return ok;
}

/* features: of the group; NULL: all, as they are. */
static bool build_group(const job *j, fn_index *index, const uint32_t *features, size_t n)
{
    fn_near *set = j->set;
    index->features = n;
    if (!set->first_path)
        return features ? build_points_of(set, index, features, n, j->workers)
                        : fn_near_build_points(set, index, n, NULL, NULL, j->workers);
    items all = {0}, counts = {0}, taken = {0};
    for (size_t i = 0; i < n; i++)
        gather(set, features ? features[i] : (uint32_t)i, &counts, NULL);
    bool ok = allocate_items(&all, &counts, set->options.along);
    for (size_t i = 0; ok && i < n; i++) {
        gather(set, features ? features[i] : (uint32_t)i, &taken, &all);
        if (i % 1024 == 0 && is_cancelled(j->cancel))
            break;
    }
    index->repeated = counts.n_points + counts.n_chains + counts.n_polygons > n;
    if (ok && !is_cancelled(j->cancel))
        ok = fn_near_build_points(set, index, counts.n_points, all.point_vertex, all.point_rank, j->workers) &&
             fn_near_build_chains(set, index, counts.n_chains, all.chain, all.chain_along, j->workers) &&
             fn_near_build_polygons(set, index, counts.n_polygons, all.polygon, j->workers);
    free_items(&all);
    return ok;
}

static void build_groups(void *user, size_t from, size_t end)
{
    job *j = user;
    for (size_t g = from; g < end && !is_cancelled(j->cancel); g++)
        if (!build_group(j, &j->set->indexes[g], j->features ? j->features + j->first[g] : NULL,
                         j->features ? j->first[g + 1] - j->first[g] : j->set->n))
            fail(j);
}

/* Many groups are for one worker each, few of them for all workers together. */
static void build_indexes(job *j)
{
    enum { MANY = 8 };
    const size_t n = j->set->n_indexes;
    if (n < MANY * (size_t)j->workers) {
        build_groups(j, 0, n);
        return;
    }
    const int workers = j->workers;
    j->workers = 1;
    fn_parallel_ranges(n, 1 + n / (MANY * (size_t)workers), workers, build_groups, j);
}

static bool build(job *j)
{
    fn_near *set = j->set;
    if (set->options.geodesic && !build_space(j))
        return false;
    set->n_indexes = 1;
    for (size_t i = 0; set->group && i < set->n; i++)
        set->n_indexes = set->group[i] >= set->n_indexes ? (size_t)set->group[i] + 1 : set->n_indexes;
    set->indexes = calloc(set->n_indexes, sizeof *set->indexes);
    if (!set->indexes)
        set->n_indexes = 0;
    uint32_t *first = set->group ? calloc(set->n_indexes + 1, sizeof *first) : NULL, *features = NULL;
    bool ok = set->indexes && (first || !set->group) && fn_near_rank_features(set);
    if (ok && set->group)
        ok = (features = group_features(set, first)) != NULL;
    j->first = first;
    j->features = features;
    if (ok)
        build_indexes(j);
    free(first);
    free(features);
    for (size_t g = 0; g < set->n_indexes; g++)
        set->repeated = set->repeated || set->indexes[g].repeated;
    return ok && !j->failed;
}

fn_status fn_near_build(fn_near *set, int workers, const volatile bool *cancel, fn_error *err)
{
    if (set->built)
        return fn_fail(err, FN_ERR_ARGUMENT, "the set has been built already");
    if (workers < 1)
        return fn_fail(err, FN_ERR_ARGUMENT, "%d workers: one at least is needed", workers);
    set->built = true;
    fn_shape_destroy(&set->shape);
    fn_shape_destroy(&set->cut);
    set->frame = fn_frame_of(set->xy, set->n_vertices, 2);
    job j = {.set = set, .workers = workers, .cancel = cancel};
    if (!build(&j))
        return fn_near_out_of_memory(set, err);
    return is_cancelled(cancel) ? fn_fail(err, FN_ERR_CANCELLED, "cancelled") : FN_OK;
}
