/* Planar distances from and to polygons: by GEOS, or as GEOS would have them. One of these belongs to one thread: it
 * has a GEOS context of its own, and its own copies of the near polygons that it meets, because prepared geometries
 * must not be shared (GEOS fills them on first use).
 *
 * GEOS only ever sees single points, lines and polygons, finite and not empty: multi-parts are compared part by
 * part. What it does with empty parts, and with collections, differs from version to version. */
#ifndef FN_AREAS_H
#define FN_AREAS_H

#include "near_internal.h"

typedef struct fn_areas fn_areas;

fn_areas *fn_areas_new(const fn_near *set); /* NULL: out of memory */
void fn_areas_free(fn_areas *areas);

/* A part of the query: a point, a line, or a polygon with its holes. */
typedef struct fn_component {
    uint32_t path, n_paths;
    double envelope[4];
} fn_component;

/* Begins a query. The shape must stay as it is until the next. Its parts: fn_areas_components(). */
fn_status fn_areas_begin(fn_areas *areas, const fn_shape *query, fn_error *err);
const fn_component *fn_areas_components(const fn_areas *areas, size_t *n);

/* Distance between a component of the query and a near polygon, whose box is lo..hi. Above `most` it may be any. */
fn_status fn_areas_distance(fn_areas *areas, size_t component, const fn_polygon *polygon, const double lo[2],
                            const double hi[2], double most, double *distance, fn_error *err);
/* Their nearest points: the same point twice where the distance is 0. */
fn_status fn_areas_nearest(fn_areas *areas, size_t component, const fn_polygon *polygon, double distance,
                           double from[2], double near[2], fn_error *err);
/* Whether a point lies in a component of the query that is a polygon, or on its boundary. */
fn_status fn_areas_covers(fn_areas *areas, size_t component, const double point[2], bool *covers, fn_error *err);

#endif
