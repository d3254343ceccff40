/* The partial result of a page, and of pages merged: what is the same size for all. The keys and classes of a page
 * follow it. Zeros where the plan has no need. */
#ifndef FN_RECORD_H
#define FN_RECORD_H

#include "cover.h"
#include "double_double.h"
#include "fishnet/zonal_stats.h"

typedef struct fn_place {
    int64_t row, column;
} fn_place;

typedef struct fn_record {
    int64_t page_row, page_column;
    uint64_t n_keys;       /* that follow, of fn_key_size() bytes, padded to 8 */
    uint64_t n_bins;       /* fn_bin that follow them */
    uint64_t n_areas;      /* and these, of class_areas.h */
    fn_cover count;        /* cover of the cells with value */
    fn_cover missing;      /* and of those without */
    uint64_t whole;        /* cells with value that are covered wholly */
    uint64_t parts;        /* others with value, with coverage from FN_COVERAGE_LEAST */
    uint64_t missing_ones; /* cells without value, with coverage from FN_COVERAGE_LEAST */
    double part_squares;   /* of the coverage of `parts` */
    __int128 integers;     /* sum of the whole cells of an integer raster */
    fn_dd reals;           /* sum of all others */
    double m2;             /* sum of squares of the distances from the mean */
    uint64_t min, max;     /* keys; of no meaning where whole and parts are 0 */
    fn_place min_place, max_place;
    uint64_t least, most; /* keys, of all cells with value, whatever their coverage */
    fn_dd area;
    fn_dd weight, weighted_sum;
    double weighted_m2;
} fn_record;

static inline fn_dd fn_record_sum(const fn_record *r)
{
    return fn_dd_add(fn_dd_of_integer(r->integers), r->reals);
}

static inline bool fn_is_before(fn_place a, fn_place b)
{
    return a.row != b.row ? a.row < b.row : a.column < b.column;
}

/* The lower (sign 1) or higher (sign -1) of two extremes; of equal ones that with the first place. */
static inline void fn_take_extreme(uint64_t *key, fn_place *place, bool first, uint64_t new_key, fn_place new_place,
                                   int sign)
{
    const bool better = sign > 0 ? new_key < *key : new_key > *key;
    if (first || better || (new_key == *key && fn_is_before(new_place, *place))) {
        *key = new_key;
        *place = new_place;
    }
}

/* Sums of squares about the mean of two sets together, of which n and the sums are known: Chan, Golub and LeVeque
 * 1979. n may be sums of weights (West 1979). The difference of the means needs both in twice the precision: at 1e9 a
 * mean in double is off by 1e-7. */
static inline double fn_merge_m2(double m2_a, fn_dd n_a, fn_dd sum_a, double m2_b, fn_dd n_b, fn_dd sum_b)
{
    if (n_a.hi == 0)
        return m2_b;
    if (n_b.hi == 0)
        return m2_a;
    const fn_dd b = fn_dd_times(sum_b, n_a), a = fn_dd_times(sum_a, n_b);
    const double difference = fn_dd_round(fn_dd_add(b, (fn_dd){-a.hi, -a.lo})) / n_a.hi / n_b.hi;
    return m2_a + m2_b + difference * difference * (n_a.hi / (n_a.hi + n_b.hi)) * n_b.hi;
}

#endif
