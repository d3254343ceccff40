/* Focal statistics: of the values in a window around each cell.
 *
 *     fn_footprint *window = NULL;
 *     fn_focal *mean = NULL;
 *     if (fn_footprint_box(3, 3, &window, &err) == FN_OK &&
 *         fn_focal_new(&(fn_focal_options){.statistic = FN_FOCAL_MEAN}, window, &mean, &err) == FN_OK) {
 *         void *scratch = malloc(fn_focal_scratch_bytes(mean, 256, 256));
 *         fn_focal_run(mean, in, in_stride, 256, 256, out, out_stride, scratch);
 *
 * Values are doubles; NaN is a cell without a value. The result for a cell depends on the values of its window alone:
 * it has the same bits wherever the cell lies, however a plane is split into calls, and with any instruction set.
 * Infinite values and NaN stay within the windows that hold them. */
#ifndef FN_FOCAL_H
#define FN_FOCAL_H

#include "fishnet/simd.h"
#include "footprint.h"

/* n values x of the window; w: their weights, 1 where the footprint has none. All arithmetic is in double.
 * MEAN        sum(w x) / sum(w). A sum of whole numbers is exact below 2^53. Without weights boxes are added up by
 *             columns, then rows; more than 15 as parts of 8, 32, 128 and 512, so that the error grows with the
 *             logarithm of their sides. Other shapes: by columns, of which equal ones are added up once
 * SUM         sum(w x), not made up for cells without a value
 * MIN, MAX
 * RANGE       max - min
 * VAR         sum(w (x - mean)^2) / sum(w): of the population. Without weights sums of differences to values of the
 *             window are put together (as Chan, Golub and LeVeque 1983), which do not cancel; with weights it takes two
 *             passes. NaN with an infinite value; values beyond 1e150 overflow. STD is its root
 * MEDIAN      of an even number the average of the two in the middle
 * PERCENTILE  numpy's "linear": at place (n - 1) * percent / 100 of the sorted values, in between from one value to the
 *             next. Between an infinite value and another one: the infinite one
 * MAJORITY    the value that is there most often, MINORITY least often; the lowest of several
 * VARIETY     how many different values; 0 and -0 are one
 * COUNT       n
 * Mean, sum, std and var take weights; the others are of the cells that have one, which must be 1. A result of zero is
 * +0. */
typedef enum fn_focal_statistic {
    FN_FOCAL_MEAN = 0,
    FN_FOCAL_SUM,
    FN_FOCAL_MIN,
    FN_FOCAL_MAX,
    FN_FOCAL_RANGE,
    FN_FOCAL_STD,
    FN_FOCAL_VAR,
    FN_FOCAL_MEDIAN,
    FN_FOCAL_PERCENTILE,
    FN_FOCAL_MAJORITY,
    FN_FOCAL_MINORITY,
    FN_FOCAL_VARIETY,
    FN_FOCAL_COUNT,
    FN_FOCAL_STATISTICS
} fn_focal_statistic;

/* "mean", "sum", "min"...: the name of a statistic. */
const char *fn_focal_name(fn_focal_statistic statistic);

/* What becomes of cells without a value. In any case the result is NaN where no cell of the window has a value (but a
 * count, which is 0), and a mean where the weights in use add up to 0. */
typedef enum fn_focal_missing {
    FN_FOCAL_KEEP = 0, /* no result where the centre has no value, be it in the window or not; others are left out */
    FN_FOCAL_FILL,     /* they are left out */
    FN_FOCAL_SPREAD    /* no result where the centre, or any cell of the window, has no value */
} fn_focal_missing;

typedef struct fn_focal_options {
    fn_focal_statistic statistic;
    fn_focal_missing missing;
    double percent; /* of PERCENTILE: 0..100 */
} fn_focal_options;

typedef struct fn_focal fn_focal;

/* Takes the footprint over, also where it fails. FN_ERR_ARGUMENT: weights for a statistic that has none, negative
 * weights for a variance or deviation, a percentage out of its range; FN_ERR_MEMORY. Then *out is NULL. */
fn_status fn_focal_new(const fn_focal_options *options, fn_footprint *footprint, fn_focal **out, fn_error *err);
void fn_focal_free(fn_focal *focal); /* NULL is fine */

const fn_footprint *fn_focal_footprint(const fn_focal *focal);

/* Memory that fn_focal_run() works in, for calls of up to that size; 8-byte aligned. */
size_t fn_focal_scratch_bytes(const fn_focal *focal, size_t width, size_t height);

/* The statistic of width x height windows. `in` points at the cell in the centre of the first one; its plane holds all
 * cells that the windows reach: rows -top .. height - 1 + bottom and columns -left .. width - 1 + right of the
 * footprint. Strides are in cells from one row to the next. out must not overlap with what is read. Threads: focal is
 * read only, each call has its own scratch. */
void fn_focal_run(const fn_focal *focal, const double *in, ptrdiff_t in_stride, size_t width, size_t height,
                  double *out, ptrdiff_t out_stride, void *scratch);
/* The same with an instruction set that the machine has. */
void fn_focal_run_simd(const fn_focal *focal, fn_simd simd, const double *in, ptrdiff_t in_stride, size_t width,
                       size_t height, double *out, ptrdiff_t out_stride, void *scratch);

#endif
