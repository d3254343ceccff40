/* Statistics that are put together of parts: sums, extremes, moments. */
#include "parts.h"

/* Values that change nothing instead of those that are missing. */
static fn_block fill_in(const fn_block *b, fn_merging merging, double **scratch)
{
    static const double idle[] = {0, (double)INFINITY, -(double)INFINITY};
    const fn_footprint *f = b->focal->footprint;
    const size_t wide = b->width + (size_t)(f->left + f->right), high = b->height + (size_t)(f->top + f->bottom);
    fn_block filled = *b;
    for (size_t y = 0; y < high; y++)
        b->loops->fill(*scratch + y * wide, fn_row_in(b, (ptrdiff_t)y - f->top) - f->left, idle[merging], wide);
    filled.in = *scratch + (size_t)f->top * wide + (size_t)f->left;
    filled.stride = (ptrdiff_t)wide;
    *scratch += fn_padded(wide * high);
    return filled;
}

static void compute_parts(const fn_block *b, fn_merging merging, fn_results to, double *scratch)
{
    const fn_block filled = b->missing && merging <= FN_MERGE_MOST ? fill_in(b, merging, &scratch) : *b;
    if (b->missing && merging == FN_MERGE_MOMENTS)
        merging = FN_MERGE_SPARSE_MOMENTS;
    (b->focal->footprint->box ? fn_fold_boxes : fn_fold_stacks)(&filled, merging, &to, scratch);
}

static bool has_moments(const fn_focal *focal)
{
    return focal->options.statistic == FN_FOCAL_STD || focal->options.statistic == FN_FOCAL_VAR;
}

/* Blocks are small where that costs little: then few have missing values, and what they need stays in the first cache.
 * Otherwise they are large against the cells around them, which are folded for each block. */
static void by_parts_size(const fn_focal *focal, size_t *width, size_t *height)
{
    const fn_footprint *f = focal->footprint;
    const size_t rows = (size_t)(f->top + f->bottom + 1), columns = (size_t)(f->left + f->right + 1);
    const bool few = rows <= FN_FEW_CELLS && columns <= FN_FEW_CELLS;
    size_t wide = f->box && !few ? 512 : has_moments(focal) ? 128 : 256, high = f->box && !few ? 64 : 32;
    wide = columns * 6 > wide && !few ? columns * 6 : wide;
    high = rows * 4 > high && f->box && !few ? rows * 4 : high;
    *width = *width < wide ? *width : wide;
    *height = *height < high ? *height : high;
}

static size_t by_parts_scratch(const fn_focal *focal, size_t width, size_t height)
{
    const fn_footprint *f = focal->footprint;
    const size_t arrays = has_moments(focal) ? 4 : 1;
    const size_t filled = (width + (size_t)(f->left + f->right)) * (height + (size_t)(f->top + f->bottom));
    return 8 + fn_padded(width * height) + (arrays == 1 ? fn_padded(filled) : 0) +
           (f->box ? fn_fold_boxes_scratch(focal, width, height, arrays)
                   : fn_fold_stacks_scratch(focal, width, arrays));
}

static void run_count(const fn_block *b)
{
    for (size_t y = 0; y < b->height; y++)
        for (size_t x = 0; x < b->width; x++)
            fn_row_out(b, y)[x] = b->missing ? b->count[y * b->width + x] : (double)b->focal->footprint->cells;
}

static void run_by_parts(const fn_block *b, double *scratch)
{
    double *other = fn_line_of_cache(scratch);
    const ptrdiff_t width = (ptrdiff_t)b->width;
    const double cells = (double)b->focal->footprint->cells;
    const fn_focal_statistic what = b->focal->options.statistic;
    static const fn_merging mergings[FN_FOCAL_STATISTICS] = {
        [FN_FOCAL_MEAN] = FN_MERGE_SUM,   [FN_FOCAL_SUM] = FN_MERGE_SUM,    [FN_FOCAL_MIN] = FN_MERGE_LEAST,
        [FN_FOCAL_MAX] = FN_MERGE_MOST,   [FN_FOCAL_RANGE] = FN_MERGE_MOST, [FN_FOCAL_STD] = FN_MERGE_MOMENTS,
        [FN_FOCAL_VAR] = FN_MERGE_MOMENTS};
    if (what == FN_FOCAL_COUNT) {
        run_count(b);
        return;
    }
    scratch = other + fn_padded(b->width * b->height);
    compute_parts(b, mergings[what], (fn_results){{b->out, other}, {b->out_stride, width}}, scratch);
    if (what == FN_FOCAL_RANGE)
        compute_parts(b, FN_MERGE_LEAST, (fn_results){{other}, {width}}, scratch);
    for (size_t y = 0; y < b->height; y++) {
        double *out = fn_row_out(b, y), *row = other + y * b->width;
        const double *count = b->missing ? b->count + y * b->width : NULL;
        if (what == FN_FOCAL_MEAN)
            b->loops->mean(out, out, count, cells, b->width);
        else if (what == FN_FOCAL_STD || what == FN_FOCAL_VAR)
            b->loops->variance(out, out, row, count, cells, what == FN_FOCAL_STD, b->width);
        for (size_t i = 0; what == FN_FOCAL_RANGE && i < b->width; i++)
            out[i] -= row[i];
    }
}

const fn_way fn_by_parts = {by_parts_size, by_parts_scratch, run_by_parts};
