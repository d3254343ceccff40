/* What is computed of the cells of a page. */
#include "page.h"

#include <float.h>
#include <math.h>

#include "keys.h"

static size_t padded(const fn_page_cells *cells)
{
    return (cells->n + FN_SUM_LANES - 1) / FN_SUM_LANES * FN_SUM_LANES;
}

/* run: one before the cell's, or its own, to go on from. */
static fn_place place_in(const fn_page_cells *cells, size_t i, size_t *run)
{
    while (*run + 1 < cells->n_runs && cells->run_begins[*run + 1] <= i)
        (*run)++;
    return (fn_place){cells->runs[*run].row, cells->runs[*run].column + (int64_t)(i - cells->run_begins[*run])};
}

static fn_place place_of(const fn_page_cells *cells, size_t i)
{
    size_t run = 0;
    return place_in(cells, i, &run);
}

static __int128 wide_value(const fn_page_cells *cells, fn_type type, size_t i)
{
    return type == FN_INT64 ? (__int128)(int64_t)cells->wide[i] : (__int128)cells->wide[i];
}

/* ---- whole cells ---- */

/* The first cell with that key, which is there. */
static fn_place find_key(const fn_page_cells *cells, fn_type type, uint64_t key)
{
    size_t i = 0;
    if (fn_is_wide_integer(type))
        while (isnan(cells->x[i]) || fn_key_of_wide(type, cells->wide[i]) != key)
            i++;
    else
        for (const double value = fn_double_of_key(type, key); cells->x[i] != value;)
            i++;
    return place_of(cells, i);
}

static void wide_extremes(const fn_page_cells *cells, fn_type type, fn_record *out)
{
    out->min = UINT64_MAX;
    out->max = 0;
    for (size_t i = 0; i < cells->n; i++) {
        if (isnan(cells->x[i]))
            continue;
        const uint64_t key = fn_key_of_wide(type, cells->wide[i]);
        out->min = key < out->min ? key : out->min;
        out->max = key > out->max ? key : out->max;
    }
}

static __int128 wide_sum(const fn_page_cells *cells, fn_type type)
{
    __int128 sum = 0;
    for (size_t i = 0; i < cells->n; i++)
        if (!isnan(cells->x[i]))
            sum += wide_value(cells, type, i);
    return sum;
}

/* Whether the values between these sum up to the same bits in any order, as no sum of some of them is rounded. Sums of
 * 2^14 integers of 32 bits are below 2^46. Floats are multiples of the last place of the one nearest to 0, which is
 * more than 2^-24 of it: sums of 2^14 that are at most 2^15 times that one are below 2^53 of these. */
static bool adds_exactly(fn_type type, const fn_survey *survey)
{
    const double a = fabs(survey->min), b = fabs(survey->max), least = a < b ? a : b, most = a < b ? b : a;
    const bool one_sign = survey->min > 0 || survey->max < 0;
    if (fn_type_is_integer(type))
        return !fn_is_wide_integer(type);
    return type != FN_FLOAT64 && one_sign && most <= DBL_MAX && most <= least * 0x1p15;
}

static void compute_whole(const fn_page *page, const fn_stats_plan *plan, const fn_sum_kernels *kernels, fn_record *out)
{
    const fn_page_cells *cells = &page->whole;
    const bool wide = fn_is_wide_integer(plan->type);
    fn_survey survey;
    kernels->survey(cells->x, padded(cells), &survey);
    fn_dd sum = {survey.sum, 0};
    out->whole = out->count.whole = (uint64_t)survey.count;
    out->missing_ones = out->missing.whole = cells->n - out->whole;
    if (out->whole == 0)
        return;
    if (plan->needs & FN_NEEDS_EXTREMES) {
        if (wide)
            wide_extremes(cells, plan->type, out);
        else {
            out->min = fn_key(plan->type, survey.min);
            out->max = fn_key(plan->type, survey.max);
        }
        out->least = out->min;
        out->most = out->max;
        if (plan->needs & FN_NEEDS_PLACES) {
            out->min_place = find_key(cells, plan->type, out->min);
            out->max_place = find_key(cells, plan->type, out->max);
        }
    }
    if (plan->needs & FN_NEEDS_SUM && (!wide || plan->needs & FN_NEEDS_MOMENTS) && !adds_exactly(plan->type, &survey))
        kernels->sum(cells->x, padded(cells), &sum);
    if (plan->needs & FN_NEEDS_SUM) {
        if (wide)
            out->integers = wide_sum(cells, plan->type);
        else if (fn_type_is_integer(plan->type))
            out->integers = (int64_t)sum.hi + (int64_t)sum.lo;
        else
            out->reals = sum;
    }
    if (plan->needs & FN_NEEDS_MOMENTS) {
        const double n = (double)out->whole;
        fn_deviations d;
        kernels->deviations(cells->x, padded(cells), fn_dd_round(sum) / n, &d);
        out->m2 = d.squares - d.sum * d.sum / n;
    }
}

/* ---- partly covered cells ---- */

static void count_parts(const fn_page_cells *cells, fn_record *out)
{
    fn_cover_bits all = 0, missing = 0;
    uint64_t parts = 0, missing_ones = 0;
    double squares = 0;
    for (size_t i = 0; i < cells->n; i++) {
        const double c = cells->coverage[i];
        const uint64_t steps = fn_cover_steps(c);
        const bool is_missing = isnan(cells->x[i]), counts = c >= FN_COVERAGE_LEAST;
        all += steps;
        missing += is_missing ? steps : 0;
        missing_ones += counts && is_missing;
        parts += counts && !is_missing;
        squares += counts && !is_missing ? c * c : 0;
    }
    out->count = fn_cover_add(out->count, fn_cover_of_bits(all - missing));
    out->missing = fn_cover_add(out->missing, fn_cover_of_bits(missing));
    out->missing_ones += missing_ones;
    out->parts = parts;
    out->part_squares = squares;
}

static void part_extremes(const fn_page_cells *cells, fn_type type, fn_record *out)
{
    bool first = out->whole == 0, first_of_all = first;
    for (size_t i = 0, run = 0; i < cells->n; i++) {
        if (isnan(cells->x[i]))
            continue;
        const uint64_t key =
            fn_is_wide_integer(type) ? fn_key_of_wide(type, cells->wide[i]) : fn_key(type, cells->x[i]);
        out->least = first_of_all || key < out->least ? key : out->least;
        out->most = first_of_all || key > out->most ? key : out->most;
        first_of_all = false;
        if (cells->coverage[i] < FN_COVERAGE_LEAST)
            continue;
        const fn_place place = cells->runs ? place_in(cells, i, &run) : (fn_place){0, 0};
        fn_take_extreme(&out->min, &out->min_place, first, key, place, 1);
        fn_take_extreme(&out->max, &out->max_place, first, key, place, -1);
        first = false;
    }
}

/* Of 64 bit integers, which a double may round. */
static fn_dd wide_weighted_sum(const fn_page_cells *cells, fn_type type, const double *weights)
{
    fn_dd sum = {0, 0};
    for (size_t i = 0; i < cells->n; i++)
        if (!isnan(cells->x[i]) && !isnan(weights[i]))
            sum = fn_dd_add(sum, fn_dd_times(fn_dd_of_integer(wide_value(cells, type, i)), (fn_dd){weights[i], 0}));
    return sum;
}

/* Sums with weights: `sum` of the values, `m2` about their weighted mean. */
static void weigh(const fn_page_cells *cells, fn_type type, const double *weights, bool moments,
                  const fn_sum_kernels *kernels, fn_weighted_sums *sums, double *m2)
{
    *m2 = 0;
    kernels->weighted_sums(cells->x, weights, padded(cells), sums);
    const double weight = fn_dd_round(sums->weight);
    if (moments && weight != 0) {
        fn_deviations d;
        kernels->weighted_deviations(cells->x, weights, padded(cells), fn_dd_round(sums->sum) / weight, &d);
        *m2 = d.squares - d.sum * d.sum / weight;
    }
    if (fn_is_wide_integer(type))
        sums->sum = wide_weighted_sum(cells, type, weights);
}

static void compute_parts(const fn_page *page, const fn_stats_plan *plan, const fn_sum_kernels *kernels, fn_record *out)
{
    const fn_page_cells *cells = &page->parts;
    fn_weighted_sums sums;
    double m2;
    count_parts(cells, out);
    if (plan->needs & FN_NEEDS_EXTREMES)
        part_extremes(cells, plan->type, out);
    if (!(plan->needs & FN_NEEDS_SUM))
        return;
    weigh(cells, plan->type, cells->coverage, plan->needs & FN_NEEDS_MOMENTS, kernels, &sums, &m2);
    if (plan->needs & FN_NEEDS_MOMENTS)
        out->m2 = fn_merge_m2(out->m2, (fn_dd){(double)out->whole, 0}, fn_record_sum(out), m2, sums.weight, sums.sum);
    out->reals = fn_dd_add(out->reals, sums.sum);
}

/* ---- both ---- */

static void add_weighted(const fn_page_cells *cells, const fn_stats_plan *plan, const fn_sum_kernels *kernels,
                         fn_record *out)
{
    fn_weighted_sums sums;
    double m2;
    weigh(cells, plan->type, cells->weights, plan->needs & FN_NEEDS_WEIGHTED_MOMENTS, kernels, &sums, &m2);
    out->weighted_m2 = fn_merge_m2(out->weighted_m2, out->weight, out->weighted_sum, m2, sums.weight, sums.sum);
    out->weight = fn_dd_add(out->weight, sums.weight);
    out->weighted_sum = fn_dd_add(out->weighted_sum, sums.sum);
}

static void add_area(const fn_page_cells *cells, const fn_stats_window *window, fn_record *out)
{
    for (size_t run = 0; run < cells->n_runs; run++) {
        const double *x = cells->x + cells->run_begins[run];
        double n = 0;
        for (int64_t i = 0; i < cells->runs[run].count; i++)
            n += x[i] == x[i] ? 1 : 0;
        const fn_dd cover = fn_two_product(n, cells->runs[run].coverage);
        const fn_dd area = {window->row_areas[cells->runs[run].row - window->row], 0};
        out->area = fn_dd_add(out->area, fn_dd_times(cover, area));
    }
}

void fn_page_compute(const fn_page *page, const fn_stats_plan *plan, const fn_sum_kernels *kernels,
                     const fn_stats_window *window, fn_record *out)
{
    compute_whole(page, plan, kernels, out);
    if (page->parts.n > 0)
        compute_parts(page, plan, kernels, out);
    if (plan->needs & FN_NEEDS_WEIGHTS) {
        add_weighted(&page->whole, plan, kernels, out);
        if (page->parts.n > 0)
            add_weighted(&page->parts, plan, kernels, out);
    }
    if (plan->needs & FN_NEEDS_AREA && window->row_areas) {
        add_area(&page->whole, window, out);
        add_area(&page->parts, window, out);
    }
}
