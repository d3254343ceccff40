/* The loops of terrain functions over a part of a row: terrain_kernels_template.h, compiled for plain C, AVX2 and
 * AVX-512. All give the same bits.
 *
 * row: the cells north of, in and south of the row, at the first cell of the part; a column to the left and one beyond
 * the n-th are there. */
#ifndef FN_TERRAIN_KERNELS_H
#define FN_TERRAIN_KERNELS_H

#include "fishnet/simd.h"
#include "terrain.h"

#define FN_TERRAIN_BLOCK 512 /* cells in a part */

/* The derivatives of a part of a row, by columns (right) and rows (down): first, and for curvature second ones. */
enum { FN_BY_COLUMN, FN_BY_ROW, FN_BY_COLUMNS, FN_BY_BOTH, FN_BY_ROWS, FN_DERIVATIVES };

/* The first two of them. */
typedef void (*fn_differences)(const double *const row[3], size_t n, double *const d[2]);

typedef enum fn_formula {
    FN_FORMULA_SLOPE_DEGREES,
    FN_FORMULA_SLOPE_PERCENT,
    FN_FORMULA_ASPECT_AZIMUTH,
    FN_FORMULA_ASPECT_TRIGONOMETRIC,
    FN_FORMULA_SHADE_REGULAR,
    FN_FORMULA_SHADE_COMBINED,
    FN_FORMULA_SHADE_MULTIDIRECTIONAL,
    FN_FORMULA_SHADE_IGOR,
    FN_FORMULA_CURVATURE_PROFILE,
    FN_FORMULA_CURVATURE_PLAN,
    FN_FORMULA_CURVATURE_TANGENTIAL,
    FN_FORMULA_CURVATURE_MEAN,
    FN_FORMULA_COUNT
} fn_formula;

/* What derivatives by columns and rows are multiplied with to be those of z by east and north. */
typedef struct fn_terrain_map {
    double east[2], north[2]; /* of those by column and row */
    double second[3][3];      /* east-east, east-north, north-north: of those by columns, both, rows */
    double light[3];
    double flat;
} fn_terrain_map;

/* Results of n windows; NaN of those in which a cell is missing that the method looks at. */
typedef void (*fn_of_windows)(const fn_terrain_map *map, const double *const row[3], size_t n, double *out);
typedef void (*fn_finish)(const fn_terrain_map *map, size_t n, double *const d[FN_DERIVATIVES], double *out);

/* The loops of a formula. */
typedef struct fn_formula_loops {
    fn_of_windows of_windows[2]; /* by fn_terrain_method */
    fn_finish finish;            /* the same of derivatives that are known */
} fn_formula_loops;

/* Results of n windows of 3 x 3 cells, times z. */
typedef void (*fn_of_small_windows)(const double *const row[3], double z, size_t n, double *out);

/* Of columns, or of windows. All but number may be NULL: not wanted. */
typedef struct fn_window_sums {
    double *number, *sum, *lowest, *highest;
    double *squares; /* of the distances from the mean, which sum is then */
} fn_window_sums;

typedef struct fn_terrain_kernels {
    fn_differences differences[2]; /* by fn_terrain_method */
    fn_formula_loops formulas[FN_FORMULA_COUNT];
    /* Whether any cell of the three rows, one beyond either end too, has no value. */
    bool (*any_missing)(const double *const row[3], size_t n);
    /* Which windows have such a cell: not 0. */
    void (*mark_missing)(const double *const row[3], size_t n, double *mark);
    /* Makes results NaN whose centre, in, is missing. True: others may be NaN, too. */
    bool (*take_away)(const double *in, size_t n, double *out);
    fn_of_small_windows small_tpi, small_tri[2], small_roughness;
    /* Adds a row of n values to the sums of its columns. */
    void (*add_row)(const double *in, size_t n, const fn_window_sums *columns);
    /* Adds the sums of n columns, from the one numbered first, to those of n windows. */
    void (*add_column)(const fn_window_sums *columns, size_t first, size_t n, const fn_window_sums *sums);
    /* Adds the squared, or absolute, differences from the centre, and 1 to number, for each cell with a value. */
    void (*add_squares)(const double *centre, const double *in, size_t n, double *sum, double *number);
    void (*add_distances)(const double *centre, const double *in, size_t n, double *sum, double *number);
    /* Adds, to sum, the squared differences from the centre of a column of each window, numbered first at the first. */
    void (*add_spread)(const fn_window_sums *columns, size_t first, const double *centre, size_t n, double *sum,
                       double *number);
} fn_terrain_kernels;

extern const fn_terrain_kernels fn_terrain_plain;
#ifdef FN_X86
extern const fn_terrain_kernels fn_terrain_avx2, fn_terrain_avx512;
#endif

/* simd: one that the machine has. */
const fn_terrain_kernels *fn_terrain_kernels_get(fn_simd simd);

#endif
