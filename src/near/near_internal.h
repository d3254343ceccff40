/* The set of near features as it is built and searched.
 *
 * Features are taken apart into items: points, chains of a few segments, polygons. Each kind has a tree; a feature
 * of several parts is several items. Within the index a feature is known by its rank: its place in the order (layer,
 * FID), which decides ties. */
#ifndef FN_NEAR_INTERNAL_H
#define FN_NEAR_INTERNAL_H

#include <stdlib.h>

#include "curve.h"
#include "fishnet/near.h"
#include "geodetic.h"
#include "shape.h"
#include "tree.h"

/* A run of consecutive vertices: at most FN_CHAIN segments. */
#define FN_CHAIN 8
typedef struct fn_chain {
    uint32_t first;
    uint32_t rank;
    uint32_t segments;
} fn_chain;

typedef struct fn_polygon {
    uint32_t path; /* its shell; holes follow */
    uint32_t rank;
} fn_polygon;

/* Items that are the same in all but their feature are one item, of the lowest of their ranks. The others of item i,
 * ascending: rank[first[i]] to rank[first[i + 1] - 1]. So a place where a million features lie costs no more than
 * one. */
typedef struct fn_twins {
    uint32_t *first; /* NULL: no item has any */
    uint32_t *rank;
} fn_twins;

/* What the features of one group are taken apart into, and its trees. */
typedef struct fn_index {
    size_t features;
    bool repeated; /* a feature may be several items */
    fn_twins point_twins, chain_twins, polygon_twins;
    fn_tree points;
    uint32_t *point_rank;
    uint32_t *point_vertex; /* NULL in a planar set of points alone, where the tree has all that there is to know */
    fn_tree chains;         /* geodesic: boxes in space, bulge included */
    fn_chain *chain;
    double *chain_along; /* distance from the start of the feature's line; NULL unless asked for */
    fn_tree polygons;    /* geodesic: boxes of longitude and latitude */
    fn_polygon *polygon;
    bool large_polygons; /* distances to most of them take long */
} fn_index;

struct fn_near {
    fn_near_options options;
    fn_ellipsoid ellipsoid;
    bool built;

    size_t n; /* features */
    int64_t *fid;
    uint16_t *layer;      /* NULL: all 0 */
    uint32_t *group;      /* NULL: no groups */
    uint32_t *first_path; /* n + 1 of them; NULL while each feature is one point: feature i is vertex i */
    size_t fid_cap, layer_cap, group_cap, first_path_cap;

    double *xy;    /* vertices; NULL after the build of a planar set of points alone */
    double *space; /* geodesic: the same earth-centred, 3 each */
    size_t n_vertices, vertices_cap;
    fn_path *paths;
    size_t n_paths, paths_cap;
    fn_ring_index *rings; /* geodesic: of paths; NULL if no ring is large or a hole */
    fn_shape shape, cut;  /* scratch of fn_near_add_wkb() */

    uint32_t *rank_of, *by_rank; /* NULL: features were added in their order */
    bool repeated;               /* a feature may be several items */
    fn_frame frame;
    fn_index *indexes;
    size_t n_indexes;
};

static inline uint32_t fn_feature_of_rank(const fn_near *set, uint32_t rank)
{
    return set->by_rank ? set->by_rank[rank] : rank;
}

static inline uint32_t fn_rank_of_feature(const fn_near *set, uint32_t feature)
{
    return set->rank_of ? set->rank_of[feature] : feature;
}

static inline int fn_layer_of(const fn_near *set, size_t feature)
{
    return set->layer ? set->layer[feature] : 0;
}

/* Memory for n elements, also for none: NULL means out of memory. */
static inline void *fn_allocate(size_t n, size_t size)
{
    return malloc((n ? n : 1) * size);
}

fn_status fn_near_out_of_memory(const fn_near *set, fn_error *err);

/* Sets rank_of and by_rank. False: out of memory. */
bool fn_near_rank_features(fn_near *set);
/* The rank of the feature with that layer and FID, UINT32_MAX if there is none. */
uint32_t fn_near_rank(const fn_near *set, int layer, int64_t fid);

/* Each makes a tree of the n items of one kind that a group has. False: out of memory. vertex, rank: of each point;
 * NULL: point i is vertex i of feature i, and a planar set loses its vertices to the tree. along: of each chain, or
 * NULL. */
bool fn_near_build_points(fn_near *set, fn_index *index, size_t n, const uint32_t *vertex, const uint32_t *rank,
                          int workers);
bool fn_near_build_chains(const fn_near *set, fn_index *index, size_t n, const fn_chain *items, const double *along,
                          int workers);
bool fn_near_build_polygons(const fn_near *set, fn_index *index, size_t n, const fn_polygon *items, int workers);

/* How often a searcher has looked at boxes of trees and at items since it was made: what its searches cost. */
uint64_t fn_searcher_looks(const fn_searcher *searcher);

/* Cuts edges that are longer than FN_GEO_EDGE. to: replaced. FN_ERR_MEMORY, FN_ERR_ARGUMENT. */
fn_status fn_shape_cut(const fn_ellipsoid *ellipsoid, const fn_shape *shape, fn_shape *to, fn_error *err);

#endif
