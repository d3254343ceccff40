/* Means, sums and moments with weights: each cell of the window in its order; where weights are products of those of
 * rows and columns, columns first. */
#include <math.h>

#include "block.h"

static bool is_product(const fn_focal *focal)
{
    const fn_focal_statistic what = focal->options.statistic;
    return focal->footprint->down && (what == FN_FOCAL_MEAN || what == FN_FOCAL_SUM);
}

static void by_weights_size(const fn_focal *focal, size_t *width, size_t *height)
{
    const size_t wide = is_product(focal) ? 1024 : 256;
    *width = *width < wide ? *width : wide;
    *height = *height < 64 ? *height : 64;
}

static size_t by_weights_scratch(const fn_focal *focal, size_t width, size_t height)
{
    const fn_footprint *f = focal->footprint;
    (void)height;
    return f->cells + 3 * (width + (size_t)(f->left + f->right)) + FN_FOOTPRINT_MOST;
}

/* Sums of a row of windows; `weight` has those of the weights in use where b->missing. */
static void add_cells_of_row(const fn_block *b, size_t y, const double **terms, double *out, double *weight)
{
    const fn_footprint *f = b->focal->footprint;
    size_t n = 0;
    for (size_t i = 0; i < f->n_runs; i++)
        for (int column = f->runs[i].begin; column < f->runs[i].end; column++)
            terms[n++] = fn_row_in(b, (ptrdiff_t)y + f->runs[i].row) + column;
    if (b->missing)
        b->loops->add_sparse(out, weight, terms, f->weights, n, b->width);
    else
        b->loops->add_weighted(out, terms, f->weights, n, b->width);
}

static void add_product(const fn_block *b, size_t y, const double **terms, double *out, double *weight, double *columns)
{
    const fn_footprint *f = b->focal->footprint;
    const size_t rows = (size_t)(f->top + f->bottom + 1), across = (size_t)(f->left + f->right + 1);
    const size_t wide = b->width + across - 1;
    double *in_use = columns + wide;
    for (size_t i = 0; i < rows; i++)
        terms[i] = fn_row_in(b, (ptrdiff_t)(y + i) - f->top) - f->left;
    if (b->missing)
        b->loops->add_sparse(columns, in_use, terms, f->down, rows, wide);
    else
        b->loops->add_weighted(columns, terms, f->down, rows, wide);
    for (size_t i = 0; i < across; i++)
        terms[i] = columns + i;
    b->loops->add_weighted(out, terms, f->across, across, b->width);
    for (size_t i = 0; i < across; i++)
        terms[i] = in_use + i;
    if (b->missing)
        b->loops->add_weighted(weight, terms, f->across, across, b->width);
}

static void run_by_weights(const fn_block *b, double *scratch)
{
    const fn_focal *focal = b->focal;
    const fn_footprint *f = focal->footprint;
    const fn_focal_statistic what = focal->options.statistic;
    const bool moments = what == FN_FOCAL_STD || what == FN_FOCAL_VAR;
    double *weight = scratch, *squares = weight + b->width, *sum = squares + b->width;
    const double **terms = (const double **)(void *)(scratch + 3 * (b->width + (size_t)(f->left + f->right)));
    for (size_t y = 0; y < b->height; y++) {
        double *out = fn_row_out(b, y);
        for (size_t i = 0; i < b->width; i++)
            weight[i] = focal->weight;
        if (is_product(focal))
            add_product(b, y, terms, out, weight, squares);
        else
            add_cells_of_row(b, y, terms, out, weight);
        for (size_t i = 0; what != FN_FOCAL_SUM && i < b->width; i++)
            out[i] = weight[i] == 0 ? (double)NAN : out[i] / weight[i];
        if (moments) {
            b->loops->deviations(sum, squares, out, terms, f->weights, f->cells, b->width);
            b->loops->variance(out, sum, squares, weight, 0, what == FN_FOCAL_STD, b->width);
        }
    }
}

const fn_way fn_by_weights = {by_weights_size, by_weights_scratch, run_by_weights};
