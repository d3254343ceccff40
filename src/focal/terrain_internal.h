/* What the files of terrain functions ask of each other. */
#ifndef FN_TERRAIN_INTERNAL_H
#define FN_TERRAIN_INTERNAL_H

#include "terrain_kernels.h"

/* The derivatives by columns and rows of a window (3 rows of 3) with missing cells, but not the centre: all that
 * second is true, else the first two. NaN where its cells leave them open. See terrain.h. */
void fn_terrain_fit(const double window[9], fn_terrain_method method, bool second, double d[FN_DERIVATIVES]);

/* TPI, TRI or ROUGHNESS of n cells of a row, of which the first is at in. buffers: fn_terrain_window_doubles. */
void fn_terrain_windows(const fn_terrain *terrain, const double *in, size_t stride, size_t n, double *out,
                        double *buffers);
size_t fn_terrain_window_doubles(const fn_terrain *terrain);

/* FN_EDGE_GDAL: the window around a cell, with what GDAL puts where there is no value; all NaN where it computes
 * nothing. The centre has a value. */
void fn_terrain_gdal_window(const fn_georeference *g, const double *in, size_t stride, int64_t x, int64_t y,
                            double window[9]);
fn_terrain_map fn_terrain_gdal_map(const fn_terrain *terrain);
/* Whether GDAL's formula is another one than ours; its results of n derivatives. */
bool fn_terrain_gdal_differs(const fn_terrain_options *options);
void fn_terrain_gdal_finish(const fn_terrain *terrain, const fn_terrain_map *map, size_t n,
                            double *const d[FN_DERIVATIVES], double *out);

#endif
