/* fishnet/georeference.h - where the cells of a raster lie: what one step along a row or a column is on the ground.
 *
 *     fn_georeference g = {.known = true, .width = 3600, .height = 1800, .geotransform = {-180, 0.1, 0, 90, 0, -0.1},
 *                          .geographic = true, .semi_major = 6378137, .flattening = 1 / 298.257223563,
 *                          .radians = 0.017453292519943295};
 *     fn_cell_steps steps = fn_georeference_steps(&g, 0, 300);
 *     // steps.column_east: metres from a cell of row 300 to the next in its row
 */
#ifndef FISHNET_GEOREFERENCE_H
#define FISHNET_GEOREFERENCE_H

#include "fishnet/base.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct fn_georeference {
    int64_t width, height; /* cells */
    /* Whether the raster has a geotransform. Where not, nothing below is looked at: cells are squares of side 1, and
     * the first row is the northernmost. */
    bool known;
    /* GDAL's: x = g[0] + column g[1] + row g[2], y = g[3] + column g[4] + row g[5], of the corner of a cell. Any
     * that can be inverted: south-up, rotated, sheared. */
    double geotransform[6];
    /* x is longitude and y latitude, whatever the order of the axes in the coordinate system. */
    bool geographic;
    double semi_major; /* geographic: of the ellipsoid, metres */
    double flattening; /* geographic: 0 (a sphere) up to, but not, 1 */
    double radians;    /* geographic: radians in a unit of the coordinates, pi/180 for degrees */
    double metres;     /* not geographic: metres in a unit of the coordinates; 0: that is not known */
} fn_georeference;

/* One column to the right, and one row down, on the ground: to the east and to the north; metres where coordinates are
 * geographic, else units of the map. North up, column_north and row_east are 0, and row_north is negative. */
typedef struct fn_cell_steps {
    double column_east, column_north, row_east, row_north;
} fn_cell_steps;

/* FN_ERR_ARGUMENT, in words, where the geotransform is not finite or cannot be inverted, or the ellipsoid is none. */
fn_status fn_georeference_check(const fn_georeference *g, fn_error *err);

/* The steps at the centre of a cell (which may lie outside of the raster). Pure; any thread.
 *
 * Geographic: those of the plane that touches the ellipsoid there. With latitude B, semi-major axis a and first
 * eccentricity e, an angle along the meridian is M = a (1 - e^2) / (1 - e^2 sin^2 B)^(3/2) times as long, one along
 * the parallel N cos B = a cos B / sqrt(1 - e^2 sin^2 B) times (J. P. Snyder, Map Projections - A Working Manual, USGS
 * Professional Paper 1395, 1987, equations 4-18 to 4-21). All four are NaN where the centre is a pole or beyond: there
 * is no east.
 *
 * They depend on the row where coordinates are geographic, and then on the column, too, where geotransform[4] is not
 * 0: fn_georeference_varies says how much. */
fn_cell_steps fn_georeference_steps(const fn_georeference *g, int64_t column, int64_t row);

/* Parallels bend, and grow shorter towards the pole: how far east and north of where the steps of a cell lead to lie
 * its neighbours (3 rows of 3, it in the middle), in the plane that touches the ellipsoid at the cell, along the
 * geodesic to each, in the direction in which that begins. Steps and bend together miss it by the third power of the
 * distance. 0 where coordinates are not geographic; NaN where the steps are. */
void fn_georeference_bend(const fn_georeference *g, int64_t column, int64_t row, double east[9], double north[9]);

typedef enum fn_steps_vary { FN_STEPS_CONSTANT, FN_STEPS_BY_ROW, FN_STEPS_BY_CELL } fn_steps_vary;
fn_steps_vary fn_georeference_varies(const fn_georeference *g);

#ifdef __cplusplus
}
#endif
#endif
