/* How many cells of each window have a value. Counts are whole numbers: subtracting them loses nothing. */
#include <string.h>

#include "block.h"

/* sums[i]: of the first i counts. */
static void sum_up(int32_t *sums, const int32_t *counts, size_t n)
{
    int32_t sum = sums[0] = 0;
    for (size_t i = 0; i < n; i++)
        sums[i + 1] = sum += counts[i];
}

/* The columns of a window slide down. */
static void count_in_boxes(const fn_block *b, double *count, int32_t *columns, size_t wide)
{
    const fn_footprint *f = b->focal->footprint;
    int32_t *sums = columns + wide;
    memset(columns, 0, wide * sizeof *columns);
    for (ptrdiff_t y = -f->top; y < f->bottom; y++)
        b->loops->slide_counts(columns, fn_row_in(b, y) - f->left, NULL, wide);
    for (ptrdiff_t y = 0; y < (ptrdiff_t)b->height; y++) {
        b->loops->slide_counts(columns, fn_row_in(b, y + f->bottom) - f->left,
                               y > 0 ? fn_row_in(b, y - f->top - 1) - f->left : NULL, wide);
        sum_up(sums, columns, wide);
        b->loops->subtract_counts(count + (size_t)y * b->width, sums + f->left + f->right + 1, sums, false, b->width);
    }
}

/* Each run of a row is the difference of two sums. */
static void count_in_runs(const fn_block *b, double *count, int32_t *cells, size_t wide)
{
    const fn_footprint *f = b->focal->footprint;
    int32_t *sums = cells + wide;
    for (ptrdiff_t y = -f->top; y < (ptrdiff_t)b->height + f->bottom; y++) {
        memset(cells, 0, wide * sizeof *cells);
        b->loops->slide_counts(cells, fn_row_in(b, y) - f->left, NULL, wide);
        sum_up(sums + (size_t)(y + f->top) * (wide + 1), cells, wide);
    }
    for (size_t y = 0; y < b->height; y++)
        for (size_t i = 0; i < f->n_runs; i++) {
            const int32_t *row = sums + (y + (size_t)(f->runs[i].row + f->top)) * (wide + 1) + f->left;
            b->loops->subtract_counts(count + y * b->width, row + f->runs[i].end, row + f->runs[i].begin, i > 0,
                                      b->width);
        }
}

void fn_count_values(const fn_block *b, double *count, double *scratch)
{
    const fn_footprint *f = b->focal->footprint;
    (f->box ? count_in_boxes : count_in_runs)(b, count, (int32_t *)(void *)scratch,
                                              b->width + (size_t)(f->left + f->right));
}

size_t fn_count_scratch(const fn_focal *focal, size_t width, size_t height)
{
    const fn_footprint *f = focal->footprint;
    const size_t wide = width + (size_t)(f->left + f->right), rows = height + (size_t)(f->top + f->bottom);
    return (wide + (wide + 1) * (f->box ? 1 : rows)) / 2 + 1;
}
