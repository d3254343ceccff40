/* Percentiles out of tallies of values, in one pass or several. */
#ifndef FN_PERCENTILES_H
#define FN_PERCENTILES_H

#include "fishnet/zonal_stats.h"
#include "tally.h"

/* A percentile: the mean of the values over from..to of the cumulated cover, or, between whole cells, numpy's way from
 * one value to the next. */
typedef struct fn_target {
    fn_cover_bits from, to;
    bool whole;
    double way; /* whole: 0..1, from the first cell to the second */
    /* What has been found. */
    double first, last, mean;
} fn_target;

/* A range of keys that the next pass is about, and the cover of all values below it. */
typedef struct fn_known {
    uint64_t low, high;
    fn_cover_bits below;
} fn_known;

/* percent: 0..100. total: cover of all values, above 0. squares: the sum of squares of the cells' covers. whole: all
 * cells are covered wholly. */
fn_target fn_target_of(double percent, fn_cover_bits total, double squares, bool whole);
/* The answer, once fn_targets_find() has found all. */
double fn_target_answer(const fn_target *target);

/* The targets in a tally of joined bins, with all values that lie in the `known` ranges, which are disjoint and
 * ascending. Where the bins are too coarse *next has the ranges that must be looked into further, memory for the caller
 * to free; else *n_next is 0. False: out of memory. */
bool fn_targets_find(fn_target *targets, size_t n, const fn_tally *tally, fn_type type, const fn_known *known,
                     size_t n_known, fn_known **next, size_t *n_next);

/* Leaves in the tally, which has no bins, only the keys and loose bins that the targets need: *known are the ranges
 * that these lie in, memory for the caller to free. It spares sorting all. False: out of memory. */
bool fn_targets_narrow(const fn_target *targets, size_t n, fn_tally *tally, fn_known **known, size_t *n_known);

#endif
