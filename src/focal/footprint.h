/* The cells of a window, relative to the cell in its centre. */
#ifndef FN_FOOTPRINT_H
#define FN_FOOTPRINT_H

#include "fishnet/base.h"

/* Neighbouring cells of a row: columns begin .. end - 1. Rows count downwards and columns to the right, from the
 * centre. */
typedef struct fn_cells {
    int row, begin, end;
} fn_cells;

#define FN_FOOTPRINT_MOST 2001 /* rows or columns */

/* Read only for others. */
typedef struct fn_footprint {
    fn_cells *runs; /* by row, then by column; a cell belongs to one run, and runs of a row do not touch */
    size_t n_runs;
    size_t cells;
    double *weights; /* one for each cell in the order of the runs, none is 0; NULL: all are 1 */
    /* Not NULL: weights are products down[row + top] * across[column + left]. */
    double *down, *across;
    /* How far it goes beyond the centre; never below 0, also where the centre is not among the cells. */
    int top, bottom, left, right;
    bool box;    /* one rectangle without holes */
    bool centre; /* the cell in the centre is one of them */
} fn_footprint;

/* Each makes a footprint for the caller to free. FN_ERR_ARGUMENT: the shape has no centre, no cell or more than
 * FN_FOOTPRINT_MOST rows or columns, or a number is none; FN_ERR_MEMORY. The text says what is wrong and names the
 * shape, not where it stands. *out is NULL then. */

/* rows x columns, both odd. */
fn_status fn_footprint_box(int rows, int columns, fn_footprint **out, fn_error *err);

/* A cell belongs to a round shape if its centre does, borders included. cell_width and cell_height are above 0, in the
 * unit of the radius; both are 1 for a radius in cells: distances are then compared without rounding, or else with a
 * tolerance of 1e-9 of the radius, so that a radius of three times 30.1 m reaches the third cell. */
typedef struct fn_cell_size {
    double width, height;
} fn_cell_size;

fn_status fn_footprint_circle(double radius, fn_cell_size size, fn_footprint **out, fn_error *err);
/* What circle(outer) has more than circle(inner); inner >= 0. */
fn_status fn_footprint_annulus(double inner, double outer, fn_cell_size size, fn_footprint **out, fn_error *err);
/* The part of circle(radius) from angle `begin` on to `end`, as ArcGIS has it: degrees, counter-clockwise from the
 * right (east), -360..360 and so that end may be below begin (350, 10). The centre always belongs to it. begin and end
 * 360 apart: all of the circle; equal: a ray. Up is where rows decrease. */
fn_status fn_footprint_wedge(double radius, double begin, double end, fn_cell_size size, fn_footprint **out,
                             fn_error *err);

/* rows x columns (both odd) weights, row by row, finite; 0: not in the window. Where all others are 1 it is a shape
 * without weights. Not turned around: the first is that of the cell at the upper left. */
fn_status fn_footprint_matrix(int rows, int columns, const double *values, fn_footprint **out, fn_error *err);

/* Weights exp(-d^2 / (2 sigma^2)), d in cells, divided by their sum: a square that ends at 4 sigma (rounded) as scipy's
 * gaussian_filter does, where a weight is below 0.0004 of the centre's. sigma > 0. */
fn_status fn_footprint_gaussian(double sigma, fn_footprint **out, fn_error *err);

void fn_footprint_free(fn_footprint *footprint); /* NULL is fine */

#endif
