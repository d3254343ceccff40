/* The set: made, filled with features, asked for what it holds, freed. */
#include "near_internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "array.h"

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

fn_status fn_near_out_of_memory(const fn_near *set, fn_error *err)
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
        return fn_near_out_of_memory(set, err);
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
        return fn_near_out_of_memory(set, err);
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
    return fn_layer_of(set, feature);
}

size_t fn_near_group_count(const fn_near *set, uint32_t group)
{
    if (!set->group)
        return group == FN_NO_GROUP ? set->n : 0;
    return group == FN_NO_GROUP ? set->n : group < set->n_indexes ? set->indexes[group].features : 0;
}
