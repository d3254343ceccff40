/* fishnet/zonal_stats.h - the statistics of a zone: what is asked for, partial results of windows, their merging.
 *
 * A raster is computed in windows, in any order, by threads or processes. For each zone that a window touches a worker
 * collects the zone's cells into a partial result: bytes that may travel between processes of one machine. The host
 * adds the partial results to the zone's state and finishes it.
 *
 * The result has the same bits whatever the windows and whoever computed them: a partial result is a record for each
 * PAGE of the raster, FN_PAGE_ROWS x FN_PAGE_COLUMNS cells at absolute places. A window is whole pages (but where the
 * raster ends), so it never cuts one. A page is computed in row-major order of its cells, and pages are merged by row
 * of pages, then by column, however they arrived.
 *
 * A cell counts with its coverage, rounded to 2^-52: the part of it that a zone covers, 0..1, or the length of a line
 * in it, in cells, up to FN_COVERAGE_MOST. Coverage below FN_COVERAGE_LEAST counts for sums alone (COUNT, AREA, SUM,
 * MEAN, VARIANCE and their like): the rounding of a neighbour's edge must not decide an extreme, a class or a
 * percentile.
 *
 * A cell has no value where the mask says so, where it is NoData or where it is NaN. Infinities are values.
 *
 *     fn_stat stats[2];
 *     fn_stat_parse("MEAN", &stats[0], NULL);
 *     fn_stat_parse("PCT90", &stats[1], NULL);
 *     fn_stats_plan *plan;
 *     fn_stats_plan_new(&(fn_stats_options){.stats = stats, .n_stats = 2, .type = FN_FLOAT32}, &plan, NULL);
 *     fn_stats_worker *worker;
 *     fn_stats_worker_new(plan, &worker, NULL);
 *     float values[3] = {1, 2, 4};
 *     fn_stats_window window = {.rows = 1, .columns = 3, .values = values, .stride = 3};
 *     fn_cells cells = {.row = 0, .column = 0, .count = 3, .coverage = 1};
 *     fn_stats_buffer partial = {.data = NULL};
 *     fn_stats_collect(worker, &window, &cells, 1, NULL, 0, &partial, NULL);
 *     fn_zone_stats *zone;
 *     fn_zone_stats_new(plan, &zone, NULL);
 *     fn_zone_stats_add(zone, partial.data, partial.bytes, NULL);
 *     fn_stat_value result[2];
 *     fn_zone_stats_finish(zone, result, NULL, NULL);
 *     // result[0].real 2.3333333333333335, result[1].real 3.6
 */
#ifndef FISHNET_ZONAL_STATS_H
#define FISHNET_ZONAL_STATS_H

#include "fishnet/base.h"
#include "fishnet/cells.h"

#ifdef __cplusplus
extern "C" {
#endif

#define FN_PAGE_ROWS 64
#define FN_PAGE_COLUMNS 256
#define FN_COVERAGE_LEAST 1e-9
#define FN_COVERAGE_MOST 1024

/* ---- statistics and their names ---- */

typedef enum fn_stat_kind {
    FN_STAT_COUNT = 0,
    FN_STAT_AREA,
    FN_STAT_MIN,
    FN_STAT_MAX,
    FN_STAT_RANGE,
    FN_STAT_MEAN,
    FN_STAT_STD,
    FN_STAT_SUM,
    FN_STAT_VARIETY,
    FN_STAT_MAJORITY,
    FN_STAT_MINORITY,
    FN_STAT_MEDIAN,
    FN_STAT_PERCENTILE,
    FN_STAT_STD_SAMPLE,
    FN_STAT_VARIANCE,
    FN_STAT_CV,
    FN_STAT_MAJORITY_COUNT,
    FN_STAT_MAJORITY_SHARE,
    FN_STAT_MIN_X,
    FN_STAT_MIN_Y,
    FN_STAT_MAX_X,
    FN_STAT_MAX_Y,
    FN_STAT_NODATA_COUNT,
    FN_STAT_WEIGHT_SUM,
    FN_STAT_WEIGHTED_SUM,
    FN_STAT_WEIGHTED_MEAN,
    FN_STAT_WEIGHTED_VARIANCE,
    FN_STAT_WEIGHTED_STD,
    FN_STAT_KIND_COUNT
} fn_stat_kind;

/* One statistic that is asked for. */
typedef struct fn_stat {
    fn_stat_kind kind;
    double percent; /* PERCENTILE: 0..100 */
} fn_stat;

#define FN_STAT_NAME_BYTES 40

/* The statistic of that name, in any case: ArcGIS's names (COUNT, STD, PCT90, PCT99.9...), or those of GDAL,
 * exactextract, rasterstats and GRASS (stdev, mode, quantile(q=0.9), percentile_90...). FN_ERR_ARGUMENT: err names the
 * nearest that there is. */
fn_status fn_stat_parse(const char *name, fn_stat *out, fn_error *err);
/* The name of its column, "MEAN" or "PCT99.9". */
void fn_stat_name(fn_stat stat, char name[FN_STAT_NAME_BYTES]);
/* What it is, in one line; for lists of choices. */
const char *fn_stat_help(fn_stat_kind kind);
/* Whether the results are integers for rasters of that type. fractions: as in fn_stats_options. */
bool fn_stat_is_integer(fn_stat stat, fn_type type, bool fractions);
/* Whether it needs fn_stats_window::weights. */
bool fn_stat_is_weighted(fn_stat stat);

/* A result. NONE: there is none, as no cell has a value, or it is not a number. */
typedef enum fn_stat_result {
    FN_STAT_NONE = 0,
    FN_STAT_INTEGER,
    FN_STAT_UNSIGNED, /* an integer beyond INT64_MAX: UInt64 rasters, and ranges of Int64 */
    FN_STAT_REAL
} fn_stat_result;

typedef struct fn_stat_value {
    fn_stat_result result;
    int64_t integer;     /* INTEGER */
    uint64_t unsigned64; /* UNSIGNED */
    double real;         /* the nearest double, whatever the kind; NaN with NONE */
} fn_stat_value;

/* How results are defined:
 *
 * COUNT, NODATA_COUNT: cells with and without value; with fractions the sums of their coverage, exact but for the last
 *   rounding.
 * AREA: the sum of coverage times the cell's area, over cells with value.
 * SUM: whole cells of integer rasters are summed exactly and rounded once. All else is summed in double as if in twice
 *   the precision (Ogita, Rump and Oishi 2005), in a fixed order.
 * MEAN: SUM / COUNT. VARIANCE, STD: of the population, about the mean of each page in a second pass, pages merged by
 *   Chan, Golub and LeVeque 1979; coverage and weights are weights of frequency (West 1979). STD_SAMPLE divides by
 *   COUNT - 1, and is NONE where that is not above 0. CV: STD / MEAN.
 * MIN, MAX: MIN_X, MIN_Y...: column and row, from 0, of the first cell in row-major order that holds it. -0 is 0.
 * VARIETY: how many values there are. MAJORITY, MINORITY: the value with the most and least cells (coverage); of ties
 *   the lowest. MAJORITY_SHARE: its part of all, 0..1.
 * MEDIAN, PCT<p>: over whole cells numpy.percentile(values as float64, p), method "linear" (Hyndman and Fan 1996, type
 *   7), to the last bit; where the two neighbours are infinite and finite, the infinite one. With partly covered cells
 *   its generalisation by Akinshin 2023 (Weighted quantile estimators): the mean of the values over a window of the
 *   cumulated coverage, as long as a cell covers on average (sum of squares / sum), which slides with p from the
 *   lowest to the highest. It depends on the coverage of each value only, not on how equal values are split.
 * WEIGHTED_*: with coverage times weight in the place of coverage. A cell without weight, or with weight 0, is left
 *   out of these alone. */

/* ---- the plan ---- */

typedef struct fn_stats_plan fn_stats_plan;

typedef struct fn_stats_options {
    const fn_stat *stats;
    size_t n_stats;
    bool histogram;     /* fn_zone_stats_class() will be asked */
    fn_type type;       /* of the values */
    bool fractions;     /* coverage may be other than 1 */
    bool spread;        /* NODATA=SPREAD: a zone with a cell without value has no results but NODATA_COUNT */
    double cell_area;   /* AREA; where a window has no row_areas */
    double area_most;   /* with histogram, where fn_class::area comes from row_areas: no cell is larger; else 0 */
    size_t values_max;  /* values of a zone that are kept for percentiles; 0: 2^22 */
    size_t classes_max; /* distinct values of a zone, where they are asked for; 0: 1,000,000 */
} fn_stats_options;

/* Only what the list needs is computed. The plan copies what it is told, never changes, and is for any number of
 * threads; processes make the same plan of the same options. */
fn_status fn_stats_plan_new(const fn_stats_options *options, fn_stats_plan **out, fn_error *err);
void fn_stats_plan_free(fn_stats_plan *plan); /* after all that was made with it. NULL is fine */

/* ---- partial results, by workers ---- */

/* The cells of a window in memory, row by row. */
typedef struct fn_stats_window {
    int64_t row, column;          /* its first cell: multiples of FN_PAGE_ROWS and FN_PAGE_COLUMNS */
    int64_t rows, columns;        /* whole pages, or up to the end of the raster */
    size_t stride;                /* cells from a row to the next, in each of the arrays */
    const void *values;           /* of the plan's type */
    const uint8_t *valid;         /* 0: the cell has no value; NULL: all have */
    fn_nodata nodata;             /* nor has a cell that equals it, if it is set; of the plan's type */
    const double *weights;        /* for weighted statistics; NaN: no weight */
    const uint8_t *weights_valid; /* 0: no weight; NULL: all have */
    const double *row_areas;      /* AREA: the area of a cell, for each row; NULL: fn_stats_options::cell_area. Needed
                                   * with fn_stats_options::area_most */
} fn_stats_window;

/* Bytes that grow. Zero it before the first use; free(data) after the last. */
typedef struct fn_stats_buffer {
    unsigned char *data;
    size_t bytes, capacity;
} fn_stats_buffer;

/* Values lie within low..high, in an order of the values of a type that is the plan's own. */
typedef struct fn_stats_range {
    uint64_t low, high;
} fn_stats_range;

typedef struct fn_stats_worker fn_stats_worker;

/* Memory for collecting, used by one thread at a time: up to 3 MB. The plan must outlive it. */
fn_status fn_stats_worker_new(const fn_stats_plan *plan, fn_stats_worker **out, fn_error *err);
void fn_stats_worker_free(fn_stats_worker *worker); /* NULL is fine */

/* Appends the partial result of one zone in one window to the buffer. cells: all of the zone's in this window, by row,
 * then by column, none twice; with fractions their coverage is at most FN_COVERAGE_MOST, else 1. ranges: NULL in the
 * first pass, else those of fn_zone_stats_ranges(). FN_ERR_ARGUMENT: the window is not made of whole pages, or cells
 * are not as said. FN_ERR_VALUE: a cell with a value has a weight that is negative or infinite. Where it fails the
 * buffer's bytes are those of before. */
fn_status fn_stats_collect(fn_stats_worker *worker, const fn_stats_window *window, const fn_cells *cells, size_t n,
                           const fn_stats_range *ranges, size_t n_ranges, fn_stats_buffer *buffer, fn_error *err);

/* ---- the statistics of a zone, by the host ---- */

typedef struct fn_zone_stats fn_zone_stats;

fn_status fn_zone_stats_new(const fn_stats_plan *plan, fn_zone_stats **out, fn_error *err);
void fn_zone_stats_free(fn_zone_stats *zone); /* NULL is fine */

/* Takes what fn_stats_collect() has appended: whole partial results, one or several, in any order of windows. The
 * bytes are copied. FN_ERR_READ: they are damaged, or a page came twice. After a failure the zone can only be freed. */
fn_status fn_zone_stats_add(fn_zone_stats *zone, const void *partial, size_t bytes, fn_error *err);
/* All windows with rows before `row` have been added: merges the pages above, so that they need no more memory. */
fn_status fn_zone_stats_settle(fn_zone_stats *zone, int64_t row, fn_error *err);
/* All windows have been added. results: one for each of the plan's stats.
 *
 * The values of a large zone may be more than are kept: then they are counted in bins of neighbouring values, at most
 * values_max / 8. Where these are too coarse for a percentile *again (or NULL) is true, percentiles are NONE, and all
 * other results are final. Collect all windows of the zone once more, with the ranges of fn_zone_stats_ranges(), add
 * them, and finish again: as often as it says. Values of 32 bits need one pass more, seldom two; of 64 bits up to
 * three. The answer is exact, so that values_max does not change it. */
fn_status fn_zone_stats_finish(fn_zone_stats *zone, fn_stat_value *results, bool *again, fn_error *err);
/* Those that the next pass is about. They are the zone's, and last until it finishes again. */
const fn_stats_range *fn_zone_stats_ranges(const fn_zone_stats *zone, size_t *n);

/* A distinct value and how many cells have it. */
typedef struct fn_class {
    fn_stat_value value;
    double count; /* or the sum of their coverage */
    double area;  /* of these cells, as AREA */
} fn_class;

/* Of a finished zone, with fn_stats_options::histogram: how many classes there are, and class i, ascending by value.
 *
 * Areas by row_areas are sums of fixed point, in which all row areas down to 2^-15 of the largest are exact: whole
 * cells have exact sums, rounded once. A class may have 2^46 of the largest cells.
 *
 * Before the zone is finished the count is one of classes that are known to be there already. */
size_t fn_zone_stats_class_count(const fn_zone_stats *zone);
fn_class fn_zone_stats_class(const fn_zone_stats *zone, size_t i);
/* The cells of all classes together, rounded once. */
double fn_zone_stats_class_total(const fn_zone_stats *zone);
/* Whether it has no results because a cell has no value: fn_stats_options::spread. */
bool fn_zone_stats_is_void(const fn_zone_stats *zone);
/* Memory that the zone holds. */
size_t fn_zone_stats_bytes(const fn_zone_stats *zone);

#ifdef __cplusplus
}
#endif
#endif
