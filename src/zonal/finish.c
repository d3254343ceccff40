#include "finish.h"

#include <math.h>

#include "keys.h"

bool fn_is_void(const fn_stats_plan *plan, const fn_record *all)
{
    return plan->spread && all->missing_ones > 0;
}

static fn_stat_value none(void)
{
    return fn_real_value((double)NAN);
}

static fn_stat_value cells(const fn_stats_plan *plan, fn_cover cover)
{
    if (plan->fractions)
        return fn_real_value(fn_cover_as_double(cover));
    return fn_integer_value((__int128)cover.whole);
}

static fn_stat_value range_of(const fn_stats_plan *plan, const fn_record *all)
{
    if (fn_type_is_integer(plan->type)) /* keys are integers, moved */
        return fn_integer_value((__int128)all->max - (__int128)all->min);
    const double low = fn_double_of_key(plan->type, all->min), high = fn_double_of_key(plan->type, all->max);
    return fn_real_value(low == high ? 0 : high - low);
}

/* The class with the most cells (sign 1) or the least (sign -1), the lowest of several. */
static const fn_bin *extreme_class(const fn_tally *classes, int sign)
{
    const fn_bin *best = &classes->bins[0];
    for (size_t i = 1; i < classes->n_bins; i++) {
        const fn_cover_bits a = fn_cover_as_bits(classes->bins[i].cover), b = fn_cover_as_bits(best->cover);
        if (sign > 0 ? a > b : a < b)
            best = &classes->bins[i];
    }
    return best;
}

static fn_stat_value of_classes(const fn_stats_plan *plan, fn_stat_kind kind, const fn_tally *classes)
{
    if (classes->n_bins == 0)
        return none();
    const fn_bin *most = extreme_class(classes, kind == FN_STAT_MINORITY ? -1 : 1);
    fn_cover all = {0, 0};
    switch (kind) {
    case FN_STAT_VARIETY:
        return fn_integer_value((__int128)classes->n_bins);
    case FN_STAT_MAJORITY_COUNT:
        return cells(plan, most->cover);
    case FN_STAT_MAJORITY_SHARE:
        for (size_t i = 0; i < classes->n_bins; i++)
            all = fn_cover_add(all, classes->bins[i].cover);
        return fn_real_value(fn_cover_as_double(most->cover) / fn_cover_as_double(all));
    default:
        return fn_value_of_key(plan->type, most->key);
    }
}

static fn_stat_value of_extremes(const fn_stats_plan *plan, fn_stat_kind kind, const fn_record *all)
{
    if (all->whole + all->parts == 0)
        return none();
    switch (kind) {
    case FN_STAT_MIN:
        return fn_value_of_key(plan->type, all->min);
    case FN_STAT_MAX:
        return fn_value_of_key(plan->type, all->max);
    case FN_STAT_MIN_X:
        return fn_integer_value(all->min_place.column);
    case FN_STAT_MIN_Y:
        return fn_integer_value(all->min_place.row);
    case FN_STAT_MAX_X:
        return fn_integer_value(all->max_place.column);
    case FN_STAT_MAX_Y:
        return fn_integer_value(all->max_place.row);
    default:
        return range_of(plan, all);
    }
}

/* Of all values about their mean. Below 0 is rounding, and so is all else where the values are equal. */
static double without_rounding(double m2, const fn_record *all)
{
    return m2 < 0 || (all->least == all->most && !isnan(m2)) ? 0 : m2;
}

static fn_stat_value of_moments(fn_stat_kind kind, const fn_record *all)
{
    const double n = fn_cover_as_double(all->count), sum = fn_dd_round(fn_record_sum(all));
    const double m2 = without_rounding(all->m2, all);
    if (n == 0)
        return none();
    switch (kind) {
    case FN_STAT_SUM:
        return fn_real_value(sum);
    case FN_STAT_MEAN:
        return fn_real_value(sum / n);
    case FN_STAT_VARIANCE:
        return fn_real_value(m2 / n);
    case FN_STAT_STD:
        return fn_real_value(sqrt(m2 / n));
    case FN_STAT_STD_SAMPLE:
        return n > 1 ? fn_real_value(sqrt(m2 / (n - 1))) : none();
    default:
        return sum == 0 ? none() : fn_real_value(sqrt(m2 / n) / (sum / n));
    }
}

static fn_stat_value of_weights(fn_stat_kind kind, const fn_record *all)
{
    const double weight = fn_dd_round(all->weight), sum = fn_dd_round(all->weighted_sum);
    const double variance = without_rounding(all->weighted_m2, all) / weight;
    if (weight == 0)
        return none();
    switch (kind) {
    case FN_STAT_WEIGHT_SUM:
        return fn_real_value(weight);
    case FN_STAT_WEIGHTED_SUM:
        return fn_real_value(sum);
    case FN_STAT_WEIGHTED_MEAN:
        return fn_real_value(sum / weight);
    case FN_STAT_WEIGHTED_VARIANCE:
        return fn_real_value(variance);
    default:
        return fn_real_value(sqrt(variance));
    }
}

fn_stat_value fn_finish(const fn_stats_plan *plan, fn_stat stat, const fn_record *all, const fn_tally *classes)
{
    const unsigned needs = fn_stat_needs(stat.kind);
    if (stat.kind == FN_STAT_NODATA_COUNT)
        return cells(plan, all->missing);
    if (fn_is_void(plan, all) || needs & FN_NEEDS_VALUES)
        return none();
    if (stat.kind == FN_STAT_COUNT)
        return cells(plan, all->count);
    if (needs & FN_NEEDS_AREA) {
        const double area = fn_dd_round(all->area);
        if (fn_cover_as_bits(all->count) == 0)
            return none();
        return fn_real_value(area != 0 ? area : fn_cover_as_double(all->count) * plan->cell_area);
    }
    if (needs & FN_NEEDS_CLASSES)
        return of_classes(plan, stat.kind, classes);
    if (needs & FN_NEEDS_EXTREMES)
        return of_extremes(plan, stat.kind, all);
    return needs & FN_NEEDS_WEIGHTS ? of_weights(stat.kind, all) : of_moments(stat.kind, all);
}
