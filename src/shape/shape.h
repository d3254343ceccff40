/* A geometry taken apart: paths of vertices. Made from WKB; empty parts are gone, Z and M too. */
#ifndef FN_SHAPE_H
#define FN_SHAPE_H

#include "fishnet/near.h"

typedef enum fn_path_kind { FN_PATH_POINT, FN_PATH_LINE, FN_PATH_SHELL, FN_PATH_HOLE } fn_path_kind;

typedef struct fn_path {
    uint32_t first, count; /* vertices */
    fn_path_kind kind;     /* the holes of a polygon follow its shell */
} fn_path;

/* Zero it before the first use. */
typedef struct fn_shape {
    double *xy; /* pairs */
    size_t n_vertices, vertices_cap;
    fn_path *paths;
    size_t n_paths, paths_cap;
    bool has_area;      /* a path is a shell */
    bool has_collapsed; /* a path is a line or point that is left of a polygon */
    bool has_lines;     /* a path is a line */
    bool has_points;
} fn_shape;

/* Replaces what the shape holds. FN_ERR_MEMORY; FN_ERR_ARGUMENT when there are more than FN_NEAR_MAX vertices. What
 * cannot be used is no failure: *usable says so, and the shape is empty then. A polygon whose shell is empty or has
 * fewer than 3 vertices is taken as the line or point that is left of it. Rings are closed if they are not. */
fn_status fn_shape_from_wkb(fn_shape *shape, const void *wkb, size_t bytes, bool geodesic, fn_usable *usable,
                            fn_error *err);
void fn_shape_destroy(fn_shape *shape);

/* The paths of the component that begins with paths[first]: a polygon's shell and its holes, or one. */
uint32_t fn_component_paths(const fn_path *paths, size_t n_paths, size_t first);

/* xmin, ymin, xmax, ymax of n paths. Of a polygon all rings count: a hole of an invalid one may lie outside of its
 * shell. */
void fn_paths_envelope(const double *xy, const fn_path *paths, uint32_t n, double envelope[4]);

#endif
