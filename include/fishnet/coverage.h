/* fishnet/coverage.h - the cells of a raster that a zone covers, and how much of each.
 *
 * A zone (fn_zone) is a geometry in pixel space: column and row as doubles, the cell (column 2, row 1) is the square
 * [2, 3) x [1, 2). It is made once and then read only: any number of threads ask for the cells of a window, each with
 * scratch memory of its own (fn_coverage).
 *
 * What a call says of a cell depends on the zone and the rule alone, bit for bit: not on the window, nor on what was
 * asked before, nor on the direction or the order in which the geometry stores its rings. Polygons that share an edge
 * see the same edge.
 *
 *     fn_zone *zone;
 *     fn_zone_new(wkb, bytes, (double[]){500000, 30, 0, 4600000, 0, -30}, &zone, NULL, NULL);
 *     fn_coverage *coverage;
 *     fn_coverage_new(&coverage, NULL);
 *     const fn_cells *spans;
 *     size_t n;
 *     bool consistent;
 *     fn_coverage_find(coverage, zone, FN_PIXELS_FRACTION, (fn_window){0, 256, 10980, 256}, &spans, &n, &consistent,
 *                      NULL);
 *     for (size_t i = 0; i < n; i++)
 *         ; // cells (spans[i].column ... + spans[i].count - 1, spans[i].row) are covered by spans[i].coverage each
 */
#ifndef FISHNET_COVERAGE_H
#define FISHNET_COVERAGE_H

#include "fishnet/base.h"
#include "fishnet/cells.h"
#include "fishnet/grid.h"
#include "fishnet/near.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct fn_zone fn_zone;
typedef struct fn_coverage fn_coverage;

/* Which cells belong to a zone.
 *
 * A polygon:
 * CENTER    Cells whose centre it covers; coverage 1. A centre on an edge belongs to the side to the right of the
 *           edge, on a horizontal edge to the side below, in pixel space: of polygons that share edges exactly one
 *           has it. Decided exactly, by the sign of an orientation determinant (J. R. Shewchuk, Adaptive Precision
 *           Floating-Point Arithmetic and Fast Robust Geometric Predicates, 1997).
 * FRACTION  Cells of which it covers some; coverage is the share of the cell's area, above 0 and at most 1. Each edge
 *           leaves its signed height and area in the cells that it crosses, a running sum along the row makes these
 *           coverages (the scheme of font rasterisers, of FreeType and others). The sums are whole numbers, of units
 *           of 2^-60 cell: they are exact, so that whole cells have 1, cells outside have no span, and the shares of
 *           polygons that share their edges sum to 1 within the rounding of a double. Where an edge crosses a border
 *           of cells is known within 2^-44 cell, wherever its ends are.
 * TOUCHED   Cells that it covers, or through whose interior one of its edges passes; coverage 1. Exact: an edge along
 *           the border of a cell, or through its corner, does not touch it. Holds all cells of CENTER.
 *
 * A line: a part of it that runs along a border of cells belongs to the cell to the right or below.
 * FRACTION  coverage is the length within the cell, in cells: it may exceed 1.
 * TOUCHED   cells in which it has a length, exactly; coverage 1. CENTER is the same.
 *
 * Points: the cell that holds the point, [column, column + 1) x [row, row + 1); each cell once, coverage 1. */
typedef enum fn_pixels { FN_PIXELS_CENTER, FN_PIXELS_FRACTION, FN_PIXELS_TOUCHED } fn_pixels;

/* Makes a zone of a geometry.
 *
 * wkb: ISO, EWKB or old-style 2.5D WKB, either byte order; Z and M are skipped; nothing of it is kept. Polygons,
 * triangles, their multi-types, surfaces and collections; lines; points. Of a collection that mixes dimensions the
 * parts of the highest count. Curves are the caller's to linearise. A ring is a shell or a hole by its place in its
 * polygon, however its vertices turn. Unclosed rings are closed.
 *
 * geotransform: of the raster, in GDAL's order (x = g[0] + column g[1] + row g[2], y = g[3] + column g[4] + row g[5]),
 * south-up and rotated ones too; {0, 1, 0, 0, 0, 1} where the geometry is in pixel space. It is solved for each
 * vertex, which is more exact than its inverse: a vertex at a whole number of cells from the origin becomes a whole
 * number. FN_ERR_ARGUMENT when it cannot be inverted.
 *
 * A zone covers nothing when the geometry is empty, has only collinear vertices, or cannot be used: no failure,
 * *usable (or NULL) says why. A coordinate that is NaN or infinite makes the whole geometry FN_UNUSABLE_NOT_FINITE, in
 * pixel space, too. A shell whose vertices are collinear is left out with its holes. Coordinates in pixel space are
 * taken to the nearest multiple of 2^-100, and beyond +-2^400 to these.
 *
 * FN_ERR_MEMORY; FN_ERR_ARGUMENT when there are more than FN_NEAR_MAX vertices. *out is NULL then. Takes memory of 17
 * bytes a vertex. fn_zone_free takes NULL. */
fn_status fn_zone_new(const void *wkb, size_t bytes, const double geotransform[6], fn_zone **out, fn_usable *usable,
                      fn_error *err);
void fn_zone_free(fn_zone *zone);

/* The columns (x, width) and rows (y, height) that hold all cells of the zone, for any rule; cut to those that a
 * window may have. Width and height are 0 when there are none. */
fn_window fn_zone_extent(const fn_zone *zone);
/* 2: a polygon, 1: a line, 0: points, -1: it covers nothing. */
int fn_zone_dimension(const fn_zone *zone);
/* Vertices that are kept: what the time of a call and the memory of a zone are measured by. */
size_t fn_zone_vertices(const fn_zone *zone);

/* Scratch memory of one thread. It grows with the largest window, and is not allocated again after that. */
fn_status fn_coverage_new(fn_coverage **out, fn_error *err);
void fn_coverage_free(fn_coverage *coverage);

/* The cells of the window that the zone covers, by the rule. *spans are the coverage's and last until its next call;
 * sorted by row and column, never overlapping; a span is as long as the coverage stays the same. Takes the time of the
 * edges that cross the window's rows and do not lie beyond it to the right, and of the cells that they cross; long
 * chains of edges to its left, and whole cells, cost nothing.
 *
 * window: within rows and columns 0..INT32_MAX, or FN_ERR_ARGUMENT. It may be empty.
 *
 * *consistent: false when a cell or a centre of the window is covered more than once, or less than not at all, beyond
 * rounding (1e-9 of a cell): polygons that cross themselves, overlap in one multi-polygon, or have holes outside of
 * their shell. Coverage is cut to 0..1 then, so nothing is counted twice, but the caller should repair the geometry
 * and ask again. What cancels out within one cell cannot be seen so; where that could be all of a zone, in zones of at
 * most 3 x 3 cells (and 64 vertices), edges that cross count as inconsistent, too. True for lines and points.
 *
 * FN_ERR_MEMORY: *n is 0 then, and the coverage can still be used. */
fn_status fn_coverage_find(fn_coverage *coverage, const fn_zone *zone, fn_pixels pixels, fn_window window,
                           const fn_cells **spans, size_t *n, bool *consistent, fn_error *err);

/* The same of several zones that count as one: a cell is there once. With FRACTION its coverage is the sum of theirs,
 * in the order of the zones, of polygons at most 1; else 1. Zones are of one dimension; those that cover nothing are
 * left out. *consistent: false when it is of one of them. Takes the time of a call for each, and of the rows from the
 * first cell to the last. */
fn_status fn_coverage_find_group(fn_coverage *coverage, const fn_zone *const *zones, size_t n_zones, fn_pixels pixels,
                                 fn_window window, const fn_cells **spans, size_t *n, bool *consistent, fn_error *err);

#ifdef __cplusplus
}
#endif
#endif
