#include "focal.h"

#include <math.h>
#include <stdlib.h>

#include "block.h"

const char *fn_focal_name(fn_focal_statistic statistic)
{
    static const char *const names[FN_FOCAL_STATISTICS] = {"mean",     "sum",     "min",    "max",        "range",
                                                           "std",      "var",     "median", "percentile", "majority",
                                                           "minority", "variety", "count"};
    return (unsigned)statistic < FN_FOCAL_STATISTICS ? names[statistic] : "unknown";
}

static bool takes_weights(fn_focal_statistic statistic)
{
    return statistic == FN_FOCAL_MEAN || statistic == FN_FOCAL_SUM || statistic == FN_FOCAL_STD ||
           statistic == FN_FOCAL_VAR;
}

static bool is_place(fn_focal_statistic statistic)
{
    return statistic == FN_FOCAL_MEDIAN || statistic == FN_FOCAL_PERCENTILE;
}

static bool is_class(fn_focal_statistic statistic)
{
    return statistic == FN_FOCAL_MAJORITY || statistic == FN_FOCAL_MINORITY || statistic == FN_FOCAL_VARIETY;
}

static const fn_way *way_of(const fn_focal *focal)
{
    return focal->footprint->weights && focal->options.statistic != FN_FOCAL_COUNT ? &fn_by_weights
           : focal->network                                                        ? &fn_by_network
           : is_place(focal->options.statistic)                                    ? &fn_by_ranks
           : is_class(focal->options.statistic)                                    ? &fn_by_classes
                                                                                   : &fn_by_parts;
}

static fn_status check_options(const fn_focal_options *options, const fn_footprint *f, fn_error *err)
{
    const fn_focal_statistic what = options->statistic;
    if ((unsigned)what >= FN_FOCAL_STATISTICS)
        return fn_fail(err, FN_ERR_ARGUMENT, "there is no statistic %d", (int)what);
    if (f->weights && !takes_weights(what))
        return fn_fail(err, FN_ERR_ARGUMENT, "%s has no weights: a matrix for it holds 0 and 1 only",
                       fn_focal_name(what));
    if (what == FN_FOCAL_PERCENTILE && !(options->percent >= 0 && options->percent <= 100))
        return fn_fail(err, FN_ERR_ARGUMENT, "the percentile %.15g is not between 0 and 100", options->percent);
    for (size_t i = 0; f->weights && i < f->cells; i++)
        if (f->weights[i] < 0 && what != FN_FOCAL_MEAN && what != FN_FOCAL_SUM)
            return fn_fail(err, FN_ERR_ARGUMENT, "%s with a negative weight, %.15g, has no meaning",
                           fn_focal_name(what), f->weights[i]);
    return FN_OK;
}

/* Added up as the loops add them: where no value is missing the sum is this one. */
static double sum_of_weights(const fn_focal *focal)
{
    const fn_footprint *f = focal->footprint;
    const bool moments = focal->options.statistic == FN_FOCAL_STD || focal->options.statistic == FN_FOCAL_VAR;
    double sum = 0, down = 0;
    if (!f->weights)
        return (double)f->cells;
    if (!f->down || moments) {
        for (size_t i = 0; i < f->cells; i++)
            sum += f->weights[i];
        return sum;
    }
    for (int i = 0; i < f->top + f->bottom + 1; i++)
        down += f->down[i];
    for (int i = 0; i < f->left + f->right + 1; i++)
        sum += down * f->across[i];
    return sum;
}

fn_status fn_focal_new(const fn_focal_options *options, fn_footprint *footprint, fn_focal **out, fn_error *err)
{
    fn_status status = check_options(options, footprint, err);
    fn_focal *focal = status == FN_OK ? calloc(1, sizeof *focal) : NULL;
    *out = NULL;
    if (!focal) {
        fn_footprint_free(footprint);
        return status != FN_OK ? status : fn_fail(err, FN_ERR_MEMORY, "out of memory for a window");
    }
    focal->options = *options;
    focal->footprint = footprint;
    focal->weight = sum_of_weights(focal);
    if (is_place(options->statistic) && footprint->cells <= FN_NETWORK_MOST)
        status = fn_network_new(focal, &focal->network, err);
    else if (is_place(options->statistic) || is_class(options->statistic))
        status = fn_moves_new(footprint, &focal->moves, err);
    else if (!footprint->box && !footprint->weights)
        status = fn_stacks_new(footprint, &focal->stacks, err);
    if (status != FN_OK) {
        fn_focal_free(focal);
        return status;
    }
    *out = focal;
    return FN_OK;
}

void fn_focal_free(fn_focal *focal)
{
    if (!focal)
        return;
    fn_footprint_free(focal->footprint);
    fn_network_free(focal->network);
    fn_moves_free(focal->moves);
    fn_stacks_free(focal->stacks);
    free(focal);
}

const fn_footprint *fn_focal_footprint(const fn_focal *focal)
{
    return focal->footprint;
}

/* ---- at work ---- */

size_t fn_focal_scratch_bytes(const fn_focal *focal, size_t width, size_t height)
{
    const fn_way *way = way_of(focal);
    way->size(focal, &width, &height);
    const size_t own = way->scratch(focal, width, height), counting = fn_count_scratch(focal, width, height);
    return (width * height + (own > counting ? own : counting)) * sizeof(double);
}

static bool is_missing_in(const fn_block *b)
{
    const fn_footprint *f = b->focal->footprint;
    const size_t wide = b->width + (size_t)(f->left + f->right);
    for (ptrdiff_t y = -f->top; y < (ptrdiff_t)b->height + f->bottom; y++)
        if (b->loops->any_missing(fn_row_in(b, y) - f->left, wide))
            return true;
    return false;
}

/* The results of a block after what becomes of missing values. */
static void judge_missing(const fn_block *b)
{
    const fn_focal_options *options = &b->focal->options;
    const double all = (double)b->focal->footprint->cells;
    const double least = options->missing == FN_FOCAL_SPREAD ? all : options->statistic == FN_FOCAL_COUNT ? 0 : 1;
    for (size_t y = 0; y < b->height; y++)
        if (b->missing)
            b->loops->policy(fn_row_out(b, y), b->count + y * b->width, least,
                             options->missing != FN_FOCAL_FILL ? fn_row_in(b, (ptrdiff_t)y) : NULL, b->width);
        else
            b->loops->tidy(fn_row_out(b, y), b->width);
}

/* Nothing to compute: there is no centre with a value, and such have no result. */
static bool is_left_out(const fn_block *b)
{
    for (size_t y = 0; y < b->height; y++)
        for (size_t x = 0; x < b->width; x++)
            if (!isnan(fn_row_in(b, (ptrdiff_t)y)[x]))
                return false;
    return b->focal->options.missing != FN_FOCAL_FILL;
}

static void run_block(fn_block *b, double *scratch)
{
    const fn_footprint *f = b->focal->footprint;
    if (is_left_out(b)) {
        for (size_t y = 0; y < b->height; y++)
            for (size_t x = 0; x < b->width; x++)
                fn_row_out(b, y)[x] = (double)NAN;
        return;
    }
    b->count = scratch;
    scratch += b->width * b->height;
    b->missing = is_missing_in(b);
    /* A window without its centre does not see that there is no value. */
    for (size_t y = 0; !f->centre && !b->missing && y < b->height; y++)
        b->missing = b->loops->any_missing(fn_row_in(b, (ptrdiff_t)y), b->width);
    if (b->missing)
        fn_count_values(b, b->count, scratch);
    way_of(b->focal)->run(b, scratch);
    judge_missing(b);
}

/* As few pieces as there must be, of one size. */
static size_t even_pieces(size_t all, size_t most)
{
    const size_t pieces = all > 0 ? (all + most - 1) / most : 1;
    return (all + pieces - 1) / pieces;
}

void fn_focal_run_simd(const fn_focal *focal, fn_simd simd, const double *in, ptrdiff_t in_stride, size_t width,
                       size_t height, double *out, ptrdiff_t out_stride, void *scratch)
{
    size_t wide = width, high = height;
    way_of(focal)->size(focal, &wide, &high);
    wide = even_pieces(width, wide);
    high = even_pieces(height, high);
    for (size_t y = 0; y < height; y += high)
        for (size_t x = 0; x < width; x += wide) {
            fn_block b = {
                .focal = focal, .loops = fn_focal_loops_get(simd), .stride = in_stride, .out_stride = out_stride};
            b.in = in + (ptrdiff_t)y * in_stride + (ptrdiff_t)x;
            b.out = out + (ptrdiff_t)y * out_stride + (ptrdiff_t)x;
            b.width = width - x < wide ? width - x : wide;
            b.height = height - y < high ? height - y : high;
            run_block(&b, scratch);
        }
}

void fn_focal_run(const fn_focal *focal, const double *in, ptrdiff_t in_stride, size_t width, size_t height,
                  double *out, ptrdiff_t out_stride, void *scratch)
{
    fn_focal_run_simd(focal, fn_simd_best(), in, in_stride, width, height, out, out_stride, scratch);
}
