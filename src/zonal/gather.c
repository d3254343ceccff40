/* The cells of a page, brought together in one array for the loops. */
#include <float.h>
#include <math.h>
#include <string.h>

#include "keys.h"
#include "page.h"

/* Where values come from. */
typedef struct source {
    const fn_stats_window *window;
    const fn_sum_kernels *kernels;
    fn_type type;
    size_t value_size;
    double nodata; /* NaN: none. Of 64 bit integers it may be rounded, and is not used */
} source;

/* 64 bit integers: their distances from the first one as doubles, which are small where their squares matter. */
static void load_wide(fn_page *page, fn_page_cells *cells, const source *from, const uint64_t *values,
                      const uint8_t *valid, size_t n)
{
    const fn_nodata *nodata = &from->window->nodata;
    double *x = cells->x + cells->n;
    memcpy(cells->wide + cells->n, values, n * sizeof *values);
    for (size_t i = 0; i < n; i++) {
        if ((valid && !valid[i]) || (nodata->set && values[i] == nodata->value.u)) {
            x[i] = (double)NAN;
            continue;
        }
        const __int128 value = from->type == FN_INT64 ? (__int128)(int64_t)values[i] : (__int128)values[i];
        if (!page->has_base) {
            page->has_base = true;
            page->base = value;
        }
        x[i] = (double)(value - page->base);
    }
}

static void load_weights(fn_page_cells *cells, const fn_stats_window *window, size_t first, size_t n, double coverage)
{
    const double *w = window->weights + first;
    const uint8_t *valid = window->weights_valid ? window->weights_valid + first : NULL;
    double *out = cells->weights + cells->n;
    for (size_t i = 0; i < n; i++)
        out[i] = valid && !valid[i] ? (double)NAN : w[i] * coverage;
}

/* At an edge most runs are of one cell: a call of the kernel would cost more than the value. */
static inline double load_one(const source *from, const void *value)
{
    double x;
    switch (from->type) {
    case FN_UINT8:
        return *(const uint8_t *)value;
    case FN_INT16:
        return *(const int16_t *)value;
    case FN_UINT16:
        return *(const uint16_t *)value;
    case FN_INT32:
        return *(const int32_t *)value;
    case FN_FLOAT32:
        return (double)*(const float *)value;
    default:
        from->kernels->load[from->type](value, NULL, from->nodata, 1, &x);
        return x;
    }
}

static void add_run(fn_page_cells *cells, const fn_cells *run)
{
    fn_cells *last = cells->n_runs > 0 ? &cells->runs[cells->n_runs - 1] : NULL;
    if (last && last->row == run->row && last->column + last->count == run->column && last->coverage == run->coverage)
        last->count += run->count; /* how a row was cut into runs changes nothing */
    else {
        cells->runs[cells->n_runs] = *run;
        cells->run_begins[cells->n_runs++] = cells->n;
    }
}

static void load_run(fn_page *page, fn_page_cells *cells, const source *from, const fn_cells *run)
{
    const fn_stats_window *window = from->window;
    const size_t first = (size_t)(run->row - window->row) * window->stride + (size_t)(run->column - window->column);
    const size_t n = (size_t)run->count;
    const void *values = (const unsigned char *)window->values + first * from->value_size;
    const uint8_t *valid = window->valid ? window->valid + first : NULL;
    if (fn_is_wide_integer(from->type))
        load_wide(page, cells, from, values, valid, n);
    else if (n == 1) {
        const double x = load_one(from, values);
        cells->x[cells->n] = (valid && !*valid) || x == from->nodata ? (double)NAN : x;
    } else
        from->kernels->load[from->type](values, valid, from->nodata, n, cells->x + cells->n);
    for (size_t i = 0; cells->coverage && i < n; i++)
        cells->coverage[cells->n + i] = run->coverage;
    if (cells->weights)
        load_weights(cells, window, first, n, run->coverage);
    if (cells->runs)
        add_run(cells, run);
    cells->n += n;
}

static void pad(fn_page_cells *cells)
{
    for (size_t i = cells->n; i % FN_SUM_LANES != 0; i++) {
        cells->x[i] = (double)NAN;
        if (cells->coverage)
            cells->coverage[i] = 0;
        if (cells->weights)
            cells->weights[i] = (double)NAN;
    }
}

void fn_page_gather(fn_page *page, const fn_stats_plan *plan, const fn_sum_kernels *kernels,
                    const fn_stats_window *window, const fn_cells *runs, size_t n)
{
    page->whole.n = page->parts.n = 0;
    page->whole.n_runs = page->parts.n_runs = 0;
    page->base = 0;
    page->has_base = false;
    const source from = {window, kernels, plan->type, fn_type_size(plan->type),
                         fn_nodata_as_double(window->nodata, plan->type)};
    for (size_t i = 0; i < n; i++) {
        fn_cells run = runs[i];
        if (run.coverage != 1)
            run.coverage = fn_cover_round(run.coverage);
        load_run(page, run.coverage == 1 ? &page->whole : &page->parts, &from, &run);
    }
    pad(&page->whole);
    if (page->parts.n > 0)
        pad(&page->parts);
}

static bool is_bad(double x, double weight)
{
    return x == x && (weight < 0 || weight > DBL_MAX);
}

static const fn_cells *find_bad_weight(const fn_page_cells *cells, int64_t *column)
{
    unsigned bad = 0;
    _Pragma("omp simd reduction(|:bad)") for (size_t i = 0; i < cells->n; i++) bad |=
        is_bad(cells->x[i], cells->weights[i]);
    if (!bad)
        return NULL;
    size_t run = 0, i = 0;
    while (!is_bad(cells->x[i], cells->weights[i]))
        i++;
    while (run + 1 < cells->n_runs && cells->run_begins[run + 1] <= i)
        run++;
    *column = cells->runs[run].column + (int64_t)(i - cells->run_begins[run]);
    return &cells->runs[run];
}

const fn_cells *fn_page_find_bad_weight(const fn_page *page, int64_t *column)
{
    const fn_cells *run = page->whole.weights ? find_bad_weight(&page->whole, column) : NULL;
    return run || !page->parts.weights ? run : find_bad_weight(&page->parts, column);
}

/* ---- lists of values ---- */

static bool is_wanted(uint64_t key, const fn_stats_range *ranges, size_t n)
{
    bool wanted = !ranges;
    for (size_t i = 0; i < n; i++)
        wanted |= key >= ranges[i].low && key <= ranges[i].high;
    return wanted;
}

static uint64_t key_of_cell(const fn_page_cells *cells, fn_type type, size_t i)
{
    return fn_is_wide_integer(type) ? fn_key_of_wide(type, cells->wide[i]) : fn_key(type, cells->x[i]);
}

/* Each of the loops is for one kind of key, and for vectors. */
#define LIST(ctype, key)                                                                                               \
    do {                                                                                                               \
        ctype *restrict keys = (ctype *)(void *)page->keys;                                                            \
        for (size_t i = 0; i < cells->n; i++) {                                                                        \
            const double value = x[i];                                                                                 \
            keys[i] = (key);                                                                                           \
        }                                                                                                              \
    } while (0)

/* A key for each cell; of no meaning where it has no value. */
static void list_all(fn_page *page, fn_type type)
{
    const fn_page_cells *cells = &page->whole;
    const double *restrict x = cells->x;
    switch (type) {
    case FN_FLOAT16:
    case FN_FLOAT32:
        LIST(uint32_t, fn_key_of_float(value));
        break;
    case FN_FLOAT64:
        LIST(uint64_t, fn_key_of_double(value));
        break;
    case FN_INT64:
    case FN_UINT64:
        LIST(uint64_t, ((void)value, fn_key_of_wide(type, cells->wide[i])));
        break;
    case FN_UINT32:
        LIST(uint32_t, fn_key_of_uint32(value == value ? value : 0));
        break;
    default:
        LIST(uint32_t, fn_key_of_int(value == value ? value : 0));
    }
}

#define KEEP(ctype)                                                                                                    \
    do {                                                                                                               \
        ctype *keys = (ctype *)(void *)page->keys;                                                                     \
        for (size_t i = 0; i < cells->n; i++) {                                                                        \
            const ctype key = keys[i];                                                                                 \
            keys[n] = key;                                                                                             \
            n += (size_t)((cells->x[i] == cells->x[i]) & (!ranges || is_wanted(key, ranges, n_ranges)));               \
        }                                                                                                              \
    } while (0)

/* Leaves the keys of values within the ranges; how many these are. */
static size_t keep_wanted(fn_page *page, fn_type type, const fn_stats_range *ranges, size_t n_ranges)
{
    const fn_page_cells *cells = &page->whole;
    size_t n = 0, missing = 0;
    for (size_t i = 0; i < cells->n; i++)
        missing += cells->x[i] != cells->x[i];
    if (missing == 0 && !ranges)
        return cells->n;
    if (fn_key_size(type) == 4)
        KEEP(uint32_t);
    else
        KEEP(uint64_t);
    return n;
}

void fn_page_list_values(fn_page *page, const fn_stats_plan *plan, const fn_stats_range *ranges, size_t n_ranges)
{
    const fn_page_cells *parts = &page->parts;
    list_all(page, plan->type);
    page->n_keys = keep_wanted(page, plan->type, ranges, n_ranges);
    page->n_bins = 0;
    for (size_t i = 0; i < parts->n; i++) {
        if (isnan(parts->x[i]) || parts->coverage[i] < FN_COVERAGE_LEAST)
            continue;
        const uint64_t key = key_of_cell(parts, plan->type, i);
        if (is_wanted(key, ranges, n_ranges))
            page->bins[page->n_bins++] = (fn_bin){key, fn_cover_of(parts->coverage[i])};
    }
}
