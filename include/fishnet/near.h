/* fishnet/near.h - the nearest features of a set, exactly.
 *
 * A set (fn_near) is filled with features, built once and then read only: any number of threads search it, each with
 * a searcher of its own. Features are points, lines, polygons and mixes of them, as WKB; points also as plain
 * coordinates.
 *
 * Planar distances are Euclidean, in the units of the coordinates. Geodesic distances are on an ellipsoid, in metres,
 * coordinates are longitude and latitude in degrees (any finite longitude; latitude -90..90), edges are geodesics.
 *
 * Neighbours are ordered by (distance, layer, FID): distance as it is returned, compared as doubles. The result
 * depends on nothing else: not on the order of adding, of searching, nor on threads.
 *
 *     fn_near *set;
 *     fn_near_new(&(fn_near_options){.geodesic = false}, &set, NULL);
 *     fn_near_add_points(set, 2, (double[]){0, 0, 3, 4}, (int64_t[]){10, 11}, NULL, 0, NULL);
 *     fn_near_build(set, 1, NULL, NULL);
 *     fn_searcher *s;
 *     fn_searcher_new(set, &(fn_near_limits){.closest = 1, .radius = INFINITY}, &s, NULL);
 *     const fn_neighbour *found;
 *     size_t n;
 *     fn_searcher_find_point(s, 2.5, 4, FN_NO_GROUP, FN_NOT_EXCLUDED, &found, &n, NULL, NULL, NULL);
 *     // n 1, feature 1, distance 0.5
 */
#ifndef FISHNET_NEAR_H
#define FISHNET_NEAR_H

#include "fishnet/base.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct fn_near fn_near;
typedef struct fn_searcher fn_searcher;

/* Whether a geometry can take part. What cannot is left out, and is for the caller to count. */
typedef enum fn_usable {
    FN_USABLE = 0,
    FN_UNUSABLE_EMPTY,      /* no coordinates at all; empty parts beside others are just ignored */
    FN_UNUSABLE_NOT_FINITE, /* a coordinate is NaN or infinite */
    FN_UNUSABLE_LATITUDE,   /* geodesic: a latitude beyond +-90 */
    FN_UNUSABLE_WKB /* not well-formed WKB, or a type that is not known here (curves are the caller's to linearise) */
} fn_usable;

typedef struct fn_near_options {
    bool geodesic;
    double semi_major; /* geodesic: of the ellipsoid, metres; 0: WGS 84 */
    double flattening; /* geodesic: 0 <= f < 0.02 (0: a sphere) */
    bool along;        /* fn_neighbour::along will be asked for */
} fn_near_options;

#define FN_NO_GROUP UINT32_MAX           /* in a query: no group, finds nothing in a set that has groups */
#define FN_NEAR_MAX UINT32_C(0xFFFFFFFE) /* features, and vertices, of a set */

fn_status fn_near_new(const fn_near_options *options, fn_near **out, fn_error *err);
void fn_near_free(fn_near *set); /* after its searchers. NULL is fine */

/* Adds n points. xy: n pairs. fids: n. groups: n, or NULL. layer: their near layer, 0..65534. usable: n verdicts are
 * written, or NULL. The features added, usable ones only, are numbered in the order of adding:
 * fn_neighbour::feature. *added (or NULL) is how many these were. A set either has groups in every call, or in none. */
fn_status fn_near_add_points(fn_near *set, size_t n, const double *xy, const int64_t *fids, const uint32_t *groups,
                             int layer, fn_usable *usable, size_t *added, fn_error *err);
/* Adds one feature of any type. wkb: ISO, EWKB or old-style 2.5D WKB, either byte order; Z and M are skipped. It is
 * copied. *usable tells whether it was added. group: FN_NO_GROUP in a set without groups. */
fn_status fn_near_add_wkb(fn_near *set, const void *wkb, size_t bytes, int64_t fid, uint32_t group, int layer,
                          fn_usable *usable, fn_error *err);
/* Builds the index, with that many threads at most, which end before it returns. Nothing can be added afterwards. May
 * be given up with FN_ERR_CANCELLED (cancel may be NULL). */
fn_status fn_near_build(fn_near *set, int workers, const volatile bool *cancel, fn_error *err);

/* After the build; any thread. */
size_t fn_near_count(const fn_near *set);
int64_t fn_near_fid(const fn_near *set, uint32_t feature);
int fn_near_layer(const fn_near *set, uint32_t feature);
/* How many features the group has (FN_NO_GROUP: the whole set). */
size_t fn_near_group_count(const fn_near *set, uint32_t group);

typedef struct fn_near_limits {
    size_t closest;    /* the most neighbours to find; SIZE_MAX: all */
    double radius;     /* distance <= radius; INFINITY: no limit */
    double min_radius; /* distance >= min_radius; 0: no limit */
    bool location;     /* fill in from_x ... near_y */
    bool angle;        /* fill in angle */
    bool along;        /* fill in along: only if fn_near_options::along was set, too */
} fn_near_limits;

typedef struct fn_neighbour {
    uint32_t feature; /* number in the order of adding */
    int layer;        /* its layer and FID */
    int64_t fid;
    double distance;
    /* Where the two features are nearest; NaN if not asked for (see fn_near_limits). */
    double from_x, from_y, near_x, near_y;
    /* Degrees in (-180, 180] at FROM towards NEAR: planar 0 east, 90 north; geodesic azimuth; 0 at distance 0. */
    double angle;
    double along; /* distance along the near line from its start; NaN where the near feature is not all lines */
} fn_neighbour;

/* One of near's features that must not be found: the one of that layer and FID. layer -1: none; FN_ANY_LAYER: of every
 * layer; FN_BY_NUMBER: fid is fn_neighbour::feature, which tells features apart that share a FID. */
#define FN_ANY_LAYER (-2)
#define FN_BY_NUMBER (-3)
typedef struct fn_excluded {
    int layer;
    int64_t fid;
} fn_excluded;
#define FN_NOT_EXCLUDED ((fn_excluded){-1, 0})

/* A searcher belongs to one thread at a time. The set must outlive it. */
fn_status fn_searcher_new(const fn_near *set, const fn_near_limits *limits, fn_searcher **out, fn_error *err);
void fn_searcher_free(fn_searcher *searcher);

/* The neighbours of one point, nearest first. *found is the searcher's and lasts until its next call. The point is
 * unusable: no neighbour, *usable (or NULL) says why. Gives up with FN_ERR_CANCELLED soon after
 * fn_is_cancelled(cancel) (job.h; may be NULL). */
fn_status fn_searcher_find_point(fn_searcher *searcher, double x, double y, uint32_t group, fn_excluded excluded,
                                 const fn_neighbour **found, size_t *n, fn_usable *usable, const volatile bool *cancel,
                                 fn_error *err);
/* The same for any geometry, as WKB. */
fn_status fn_searcher_find_wkb(fn_searcher *searcher, const void *wkb, size_t bytes, uint32_t group,
                               fn_excluded excluded, const fn_neighbour **found, size_t *n, fn_usable *usable,
                               const volatile bool *cancel, fn_error *err);
/* The same for n points at once, in an order that suits the caches: much faster where the set is large. Only when
 * `closest` of the limits is at most FN_BULK_CLOSEST. xy: n pairs; groups: n or NULL; excluded_layer as in
 * fn_excluded, with fids (n; NULL if the layer is -1). found: n * closest neighbours, those of point i from i *
 * closest on, counts[i] of them. usable: n. */
#define FN_BULK_CLOSEST 16
fn_status fn_searcher_find_points(fn_searcher *searcher, size_t n, const double *xy, const uint32_t *groups,
                                  int excluded_layer, const int64_t *fids, fn_neighbour *found, uint32_t *counts,
                                  fn_usable *usable, const volatile bool *cancel, fn_error *err);

/* Whether fn_near_add_wkb or fn_searcher_find_wkb could use the geometry. Pure. */
fn_usable fn_wkb_usable(const void *wkb, size_t bytes, bool geodesic);

#ifdef __cplusplus
}
#endif
#endif
