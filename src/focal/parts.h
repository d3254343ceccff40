/* Parts of windows, as arrays of many windows, and the two ways to put them together. */
#ifndef FN_FOCAL_PARTS_H
#define FN_FOCAL_PARTS_H

#include "block.h"

/* The first two arrays of the parts of all windows of a block; the strides are from row to row. */
typedef struct fn_results {
    double *of[2];
    ptrdiff_t stride[2];
} fn_results;

static inline fn_parts fn_results_row(const fn_results *r, size_t y)
{
    fn_parts row = {{NULL}};
    for (int i = 0; i < 2; i++)
        row.of[i] = r->of[i] ? r->of[i] + (ptrdiff_t)y * r->stride[i] : NULL;
    return row;
}

/* The parts of all windows. Values may be missing in SPARSE_MOMENTS only. */
void fn_fold_boxes(const fn_block *block, fn_merging merging, const fn_results *to, double *scratch);
void fn_fold_stacks(const fn_block *block, fn_merging merging, const fn_results *to, double *scratch);
size_t fn_fold_boxes_scratch(const fn_focal *focal, size_t width, size_t height, size_t arrays);
size_t fn_fold_stacks_scratch(const fn_focal *focal, size_t width, size_t arrays);

/* Few cells are added one after the other: that takes fewer passes than parts of parts. */
#define FN_FEW_CELLS 15

static inline size_t fn_arrays_of(fn_merging merging)
{
    return merging == FN_MERGE_SPARSE_MOMENTS ? 4 : merging == FN_MERGE_MOMENTS ? 3 : 1;
}

static inline fn_parts fn_parts_at(fn_parts p, size_t by)
{
    for (int i = 0; i < 4; i++)
        p.of[i] = p.of[i] ? p.of[i] + by : NULL;
    return p;
}

/* Arrays begin where vectors do not cross the lines of a cache, if the first one does. */
static inline size_t fn_padded(size_t n)
{
    return (n + 7) & ~(size_t)7;
}

static inline double *fn_line_of_cache(double *scratch)
{
    return scratch + (-((uintptr_t)scratch / sizeof(double)) & 7);
}

/* As many arrays of n values as parts are made of. */
static inline fn_parts fn_take_parts(double **scratch, fn_merging merging, size_t n)
{
    fn_parts p = {{NULL}};
    for (size_t i = 0; i < fn_arrays_of(merging); i++) {
        p.of[i] = *scratch;
        *scratch += fn_padded(n);
    }
    return p;
}

#endif
